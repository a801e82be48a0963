"""Checks that say what went wrong: ``rnn_step = check("rnn_step", rnn_step)``.

A chapter module (``chapter_01`` …) keeps, for each exercise, the reference, the oracles it is compared
with, and the mistakes learners make as executable wrong answers with a hint each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.checks.registry import CHAPTERS, Exercise, Quiz, exercises, get
from helpers.checks.strict import enforce

__all__ = ["CHAPTERS", "Exercise", "Quiz", "check", "exercises", "get", "registered"]


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
    from helpers.checks.judge import judge

    exercise = get(name)
    verdict = judge(exercise, function)
    show(verdict)
    continue_with = function if verdict.passed else exercise.stand_in()
    enforce(verdict, function, continue_with)
    return continue_with
