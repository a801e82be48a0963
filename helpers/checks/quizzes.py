"""Judge the answer to a quiz: a letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.checks.cases import Case
from helpers.checks.compare import call
from helpers.checks.errors import describe_error
from helpers.checks.limits import LimitExceeded, run_limited
from helpers.checks.registry import Quiz
from helpers.checks.sources import answered_without_return, fingerprint_of, written_beside_the_stub
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED, Verdict, stopped_text
from helpers.checks.words import told
from helpers.languages import translate


def judge_quiz(quiz: Quiz, function: Callable[..., Any], seconds: float) -> Verdict:
    mark = fingerprint_of(function, quiz.name)
    try:
        outcome = run_limited(lambda: call(function, None, Case({}), ("answer",)), seconds=seconds)
    except LimitExceeded as stopped:
        return Verdict(quiz.name, FAILED, stopped_text(stopped, seconds, function), fingerprint=mark)
    if isinstance(outcome.error, NotImplementedError):
        text = written_beside_the_stub(function) or translate("Not answered yet.")
        return Verdict(quiz.name, NOT_ATTEMPTED, text, fingerprint=mark)
    if outcome.error is None and not outcome.outputs:
        text = translate("Not answered yet.")
        if answered_without_return(function):
            text = translate(
                "There is an answer, but it does not come out: end the function with `return answer`."
            )
        return Verdict(quiz.name, NOT_ATTEMPTED, text, fingerprint=mark)
    if outcome.error is not None:
        unquoted = isinstance(outcome.error, NameError)
        hint = translate('Put the letter in quotes: answer = "b".') if unquoted else ""
        text = describe_error(outcome.error, function)
        return Verdict(quiz.name, FAILED, text, hint=hint, fingerprint=mark)
    given = outcome.outputs.get("answer", outcome.result)
    letter = str(given).strip(" ().\n").lower()
    if letter not in quiz.options:
        shown = {"answer": repr(given), "letters": ", ".join(map(repr, quiz.options))}
        text = translate("answer: got {answer}, wanted one of {letters}.", **shown)
        return Verdict(quiz.name, FAILED, text, fingerprint=mark)
    right = quiz.is_right(letter)
    return Verdict(
        quiz.name,
        PASSED if right else FAILED,
        f"({letter}) {told(quiz.options[letter])}",
        misconception=None if right else letter,
        fingerprint=mark,
    )
