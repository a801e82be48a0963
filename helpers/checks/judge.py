"""Judge a learner's function: passed, not attempted, or what went wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.checks.cases import Case
from helpers.checks.compare import Outcome, call, difference, identical, name_outputs
from helpers.checks.credit import credit
from helpers.checks.errors import describe_error, is_stub
from helpers.checks.failing import FailingCase
from helpers.checks.judged import Judged, gradients_agree, same
from helpers.checks.kinds import too_many, wrong_kind
from helpers.checks.limits import LimitExceeded, run_limited
from helpers.checks.missing import BROKEN, PLACEHOLDER
from helpers.checks.nonfinite import origin
from helpers.checks.prepared import Prepared, prepared
from helpers.checks.quizzes import judge_quiz
from helpers.checks.recognise import recognise
from helpers.checks.registry import Exercise, Quiz
from helpers.checks.sources import (
    exclusive_or,
    fingerprint_of,
    read_from_outside,
    without_effect,
    written_beside_the_stub,
    wrong_form,
)
from helpers.checks.verdict import (
    FAILED,
    NOT_ATTEMPTED,
    PASSED,
    Verdict,
    case_text,
    mutation_hint,
    praise,
    stopped_text,
)
from helpers.checks.words import codes, told
from helpers.languages import translate, translate_count

SECONDS = 10.0
"""A function that is not done with all its cases by then is stopped."""


def judge(
    exercise: Exercise | Quiz, function: Any, *, dtype: type = np.float64, secret: bytes = b"",
    seconds: float | None = None,
) -> Verdict:  # fmt: skip
    """Judge `function`; `dtype` is the floating type of the random cases, `secret` draws others than a
    notebook's box tries (see `cases.cases_of`), `seconds` is the time for all cases (None: SECONDS)."""
    with warnings.catch_warnings():   # of numbers that are compared: complex ones, overflow
        warnings.simplefilter("ignore")
        return _judge(exercise, function, dtype, secret, SECONDS if seconds is None else seconds)


def _judge(
    exercise: Exercise | Quiz, function: Any, dtype: type, secret: bytes, seconds: float
) -> Verdict:
    if exercise.is_stand_in(function):
        return Verdict(
            exercise.name,
            NOT_ATTEMPTED,
            translate(
                "This is the course's version, not yours. To check yours, run its cell first, then this one."
            ),
            title=translate("not checked"),
        )
    problem = getattr(function, PLACEHOLDER, "")
    if problem:   # its cell has a syntax error, or has not been run
        return Verdict(exercise.name, FAILED if getattr(function, BROKEN, False) else NOT_ATTEMPTED, problem)
    if not callable(function):
        text = translate(
            "The check wants the function itself; it got {type}.", type=type(function).__name__
        )
        return Verdict(exercise.name, FAILED, text)
    if isinstance(exercise, Quiz):
        return judge_quiz(exercise, function, seconds)
    return _judge_function(exercise, function, dtype, secret, seconds)


def _judge_function(
    exercise: Exercise, function: Callable[..., Any], dtype: type, secret: bytes, seconds: float
) -> Verdict:
    known = prepared(exercise, dtype, secret)
    cases = known.cases
    mark = fingerprint_of(function, exercise.name)
    complaint = wrong_form(function, list(cases[0].arguments))
    if complaint:
        return Verdict(exercise.name, FAILED, complaint, fingerprint=mark)
    mine: list[Outcome] = []
    again: list[Outcome] = []
    try:
        run_limited(lambda: _call_all(exercise, function, cases, mine, again), seconds=seconds)
    except LimitExceeded as stopped:
        at = cases[min(len(mine), len(cases) - 1)]
        return Verdict(exercise.name, FAILED, stopped_text(stopped, seconds, function, at), fingerprint=mark,
                       case=FailingCase(exercise.name, function, at))  # fmt: skip
    if mine and is_stub(mine[-1].error):
        text = translate("Not attempted yet. The chapter goes on with the course's version.")
        text = written_beside_the_stub(function) or text
        return Verdict(exercise.name, NOT_ATTEMPTED, text, fingerprint=mark)
    base = exercise.rtol if dtype == np.float64 else exercise.float32_rtol
    text, number = _problem_again(exercise, mine, again, base)
    if text:
        part = credit(exercise, known, mine, base)
        return Verdict(exercise.name, FAILED, f"{text} {case_text(cases[number])}", fingerprint=mark,
                       credit=part, case=FailingCase(exercise.name, function, cases[number]))  # fmt: skip
    for number in range(len(cases)):
        text = _problem(function, mine[number], known, number, base)
        if text:
            return _failed(exercise, function, known, mine, number, text, base, mark)
    text = praise(exercise, known.cases, known.compared_with)
    return Verdict(exercise.name, PASSED, text, fingerprint=mark)


AGAIN = 8
"""So many cases are tried a second time, the last first."""


def _call_all(exercise: Exercise, function, cases: list[Case], mine: list, again: list) -> None:
    """Fill `mine` with the outcomes of all cases and `again` with those of a second call of some."""
    for case in cases:
        mine.append(call(function, exercise.trial, case, exercise.outputs))
        if is_stub(mine[-1].error):
            return
    if "again" not in exercise.skip:
        for number in _tried_again(cases):
            again.append(call(function, exercise.trial, cases[number], exercise.outputs))


def _tried_again(cases: list[Case]) -> list[int]:
    step = max(1, len(cases) // AGAIN)
    return list(range(len(cases)))[::-1][::step]


def _problem(function, outcome: Outcome, known: Prepared, number: int, base: float) -> str:
    """What is wrong with one case's outcome, "" when it is right."""
    answers, right = known.answers[number], known.right[number]
    if outcome.error is not None:
        return describe_error(outcome.error, function)
    if outcome.complaint:
        return told(outcome.complaint)
    for oracle, want in answers:
        missing = next((name for name in want if name not in outcome.outputs), None)
        found = difference(outcome.outputs, want, max(base, oracle.rtol or 0.0))
        if found and found.quantity == missing:
            return found.text
        odd = wrong_kind(outcome.outputs, answers[-1][1])   # the last one is the course's version
        if odd:
            return odd.text
        if found:
            return translate(
                "{problem} (Compared with {oracle}.)", problem=found.text, oracle=told(oracle.name)
            )
    extra = too_many(outcome.outputs, answers[-1][1])
    if extra:
        return extra
    if outcome.mutated:
        return translate("The values are right, but the function changed its argument {changed} in place.",
                         changed=codes(outcome.mutated))  # fmt: skip
    if not gradients_agree(outcome, right):
        return translate(
            "The values are right, but not the gradients that come back through them: is there a `detach()`, "
            "a `no_grad()`, an `.item()` or NumPy on the way?"
        )
    return ""


def _problem_again(
    exercise: Exercise, mine: list[Outcome], again: list[Outcome], base: float
) -> tuple[str, int]:
    """What calling it again has shown, and in which case: another result, or an earlier one that changed."""
    for number, second in zip(_tried_again(mine), again, strict=False):
        alike = same(mine[number], second, base) or identical(mine[number].outputs, second.outputs)
        if not alike and same(mine[number], mine[number], base):   # some objects do not equal themselves
            return _keeps(), number
    for number, first in enumerate(mine):
        live = name_outputs(first.result, exercise.outputs)[0]
        if exercise.trial is None and not identical(live, first.outputs):
            return _hands_out(), number
    return "", 0


def _keeps() -> str:
    return translate(
        "Called a second time with the same arguments, it returns something else. It keeps something between "
        "calls (a global variable, a list or array as default argument), draws random numbers of its own, or "
        "uses what happened to stand in an array of `np.empty`."
    )


def _hands_out() -> str:
    return translate(
        "The result of an earlier call changed when the function was called again: it hands out the same "
        "array or list every time. Make a new one in each call."
    )


def _failed(exercise, function, known: Prepared, mine, number: int, text: str, base: float, mark: str):
    """The verdict on an answer whose case `number` is wrong, as `text` says: with its name or a hint."""
    cases = known.cases
    outer = read_from_outside(function, exercise.reference)
    text = f"{text} {outer}" if outer else text
    judged = Judged(exercise, function, cases, mine, known.right, base)
    found = recognise(judged)
    hint = found.hint if found and (found.name or not mine[number].mutated) else _in_place(judged, number)
    if not found or not found.name or found.name.startswith("slip: "):   # a known mistake's hint says it
        also = origin(judged, number), exclusive_or(function, exercise.reference)
        hint = " ".join(filter(None, (*also, hint)))
    hint = " ".join(filter(None, (without_effect(function), hint)))
    if not found and number and not any(case.tag for case in cases[:number]):
        right = translate_count(
            "({count} other case came out right.)", "({count} other cases came out right.)", number
        )
        text = f"{text} {right}"
    return Verdict(
        exercise.name,
        FAILED,
        f"{text} {case_text(cases[number])}",
        hint=hint,
        misconception=(found.name or None) if found else None,
        printed=mine[number].printed,
        fingerprint=mark,
        credit=credit(exercise, known, mine, base),
        case=FailingCase(
            exercise.name, function, cases[number], known.answers[number][-1][1], mine[number]
        ),
    )


def _in_place(judged: Judged, number: int) -> str:
    """How not to change an argument, where case `number` has changed one, and whether that is all."""
    hint = mutation_hint(judged.mine[number], judged.cases[number].fresh())
    if not hint or not judged.numbers_wrong(number):
        return hint
    return f"{hint} {translate('If the result is still wrong then, something else is wrong, too.')}"
