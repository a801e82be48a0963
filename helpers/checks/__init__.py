"""Checks that say what went wrong: ``rnn_step = check("rnn_step", rnn_step)``.

A chapter module (``chapter_01`` …) keeps, for each exercise, the reference, the oracles it is compared
with, and the mistakes learners make as executable wrong answers with a hint each.

A check runs in the learner's own process. It finds what is wrong by mistake; against intent it defends
nothing, nor does strict mode. ``python -m tools.grade`` does: its judge stands outside.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helpers.checks.missing import watch
from helpers.checks.registry import CHAPTERS, Exercise, Quiz, exercises, get
from helpers.checks.strict import enforce

__all__ = ["CHAPTERS", "Exercise", "Quiz", "check", "exercises", "failing_case", "get", "registered"]

if "IPython" in sys.modules:   # in a notebook: a check of a function that is not there says why
    watch(sys.modules["IPython"].get_ipython())


if TYPE_CHECKING:
    from helpers.checks.failing import FailingCase


def registered() -> set[str]:
    """Names of all exercises of all chapters."""
    return {exercise.name for exercise in exercises()}


def check(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Check the learner's `function` for the exercise `name`, show the verdict, and hand back a function
    to go on with: the learner's own when it passed, the course's version otherwise.

    Nothing raises because an answer is wrong, except in strict mode (see ``helpers.checks.strict``),
    where an exercise that has not passed raises ``CheckFailed``. An unknown `name` is a ValueError.
    """
    from helpers.checks.box import show
    from helpers.checks.failing import remember
    from helpers.checks.judge import judge
    from helpers.checks.verdict import NOT_ATTEMPTED, Verdict
    from helpers.installed import problem_of
    from helpers.languages import translate

    exercise = get(name)
    try:
        verdict = judge(exercise, function)
    except Exception:
        if not (problem := problem_of("torch")):
            raise
        text = translate("It could not be checked: its cases need PyTorch, which {problem}.", problem=problem)
        verdict = Verdict(name, NOT_ATTEMPTED, text, title=translate("not checked"))
    remember(name, verdict.case)
    show(verdict)
    continue_with = function if verdict.passed else exercise.stand_in()
    enforce(verdict, function, continue_with)
    return continue_with


def failing_case(name: str) -> FailingCase:
    """The case in which the latest check of `name` failed: its arguments, what was wanted and what came.

    ValueError when the latest check of `name` passed, or none has run.
    """
    from helpers.checks.failing import failing_case

    return failing_case(name)
