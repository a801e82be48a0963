"""Judge a learner's function: passed, not attempted, or what went wrong."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.checks.cases import EXAMPLE, Case, cases_of, describe, precise
from helpers.checks.compare import Outcome, call, difference, identical, name_outputs, too_many, wrong_kind
from helpers.checks.errors import describe_error
from helpers.checks.failing import FailingCase
from helpers.checks.limits import LimitExceeded, MemoryLimitExceeded, run_limited
from helpers.checks.missing import PLACEHOLDER
from helpers.checks.recognise import Judged, gradients_agree, recognise, same
from helpers.checks.registry import Exercise, Oracle, Quiz
from helpers.checks.sources import (
    answered_without_return,
    fingerprint_of,
    written_beside_the_stub,
    wrong_signature,
)

PASSED, NOT_ATTEMPTED, FAILED = "passed", "not attempted", "failed"
SECONDS = 10.0
"""A function that is not done with all its cases by then is stopped."""


@dataclass(frozen=True)
class Verdict:
    """State, the text for the learner, and the misconception that was recognised (its name) if any."""

    exercise: str
    state: str
    text: str
    hint: str = ""
    title: str = ""
    misconception: str | None = None
    printed: str = ""
    fingerprint: str = ""
    case: FailingCase | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        return self.state == PASSED


def judge(exercise: Exercise | Quiz, function: Any, *, dtype: type = np.float64) -> Verdict:
    """Judge `function`; `dtype` is the floating type of the random cases."""
    if exercise.is_stand_in(function):
        return Verdict(
            exercise.name,
            NOT_ATTEMPTED,
            "This is the course's version, not yours. To check yours, run its cell first, then this one.",
            title="not checked",
        )
    problem = getattr(function, PLACEHOLDER, "")
    if problem:   # its cell has a syntax error, or has not been run
        return Verdict(exercise.name, FAILED if "syntax error" in problem else NOT_ATTEMPTED, problem)
    if not callable(function):
        text = f"The check wants the function itself; it got {type(function).__name__}."
        return Verdict(exercise.name, FAILED, text)
    if isinstance(exercise, Quiz):
        verdict = _judge_quiz(exercise, function)
    else:
        verdict = _judge_function(exercise, function, dtype)
    return verdict


@dataclass
class _Prepared:
    """The cases of an exercise, what every usable oracle says of each, and what the reference does."""

    cases: list[Case]
    answers: list[list[tuple[Oracle, dict[str, Any]]]]
    right: list[Outcome]


def _prepared(exercise: Exercise, dtype: type) -> _Prepared:
    """Made at the first check of an exercise; further oracles or examples make it anew."""
    parts = (exercise.oracles, exercise.landmarks, exercise.extremes)
    key = (dtype, *map(len, parts))
    if key not in exercise.prepared:
        cases = cases_of(exercise, dtype)
        right = [call(exercise.reference, exercise.trial, case, exercise.outputs) for case in cases]
        exercise.prepared[key] = _Prepared(cases, [_expected(exercise, case) for case in cases], right)
    return exercise.prepared[key]


def _expected(exercise: Exercise, case: Case) -> list[tuple[Oracle, dict[str, Any]]]:
    """What every usable oracle says of this case, computed in float64. NotImplemented: not its case."""
    answers = []
    for oracle in [*exercise.oracles, Oracle(_OURS, exercise.tried(exercise.reference))]:
        if _usable(oracle):
            with np.errstate(all="ignore"):
                result = oracle.function(*precise(case.arguments).values())
            if result is not NotImplemented:
                answers.append((oracle, name_outputs(result, exercise.outputs)[0]))
    return answers


_OURS = "the course's version"


def _usable(oracle: Oracle) -> bool:
    if oracle.needs_torch:
        try:
            importlib.import_module("torch")
        except ImportError:
            return False
    return True


def _judge_function(exercise: Exercise, function: Callable[..., Any], dtype: type) -> Verdict:
    prepared = _prepared(exercise, dtype)
    cases = prepared.cases
    mark = fingerprint_of(function, exercise.name)
    complaint = wrong_signature(function, list(cases[0].arguments))
    if complaint:
        return Verdict(exercise.name, FAILED, complaint, fingerprint=mark)
    mine: list[Outcome] = []
    again: list[Outcome] = []
    try:
        run_limited(lambda: _call_all(exercise, function, cases, mine, again), seconds=SECONDS)
    except LimitExceeded as stopped:
        at = cases[min(len(mine), len(cases) - 1)]
        return Verdict(exercise.name, FAILED, _stopped(stopped, function, at), fingerprint=mark,
                       case=FailingCase(exercise.name, function, at))  # fmt: skip
    if mine and isinstance(mine[-1].error, NotImplementedError):
        text = "Not attempted yet. The chapter goes on with the course's version."
        text = written_beside_the_stub(function) or text
        return Verdict(exercise.name, NOT_ATTEMPTED, text, fingerprint=mark)
    base = exercise.rtol if dtype == np.float64 else exercise.float32_rtol
    text, number = _problem_again(exercise, mine, again, base)
    if text:
        return Verdict(exercise.name, FAILED, f"{text} {_case_text(cases[number])}", fingerprint=mark,
                       case=FailingCase(exercise.name, function, cases[number]))  # fmt: skip
    for number in range(len(cases)):
        text = _problem(function, mine[number], prepared, number, base)
        if text:
            return _failed(exercise, function, prepared, mine, number, text, base, mark)
    return Verdict(exercise.name, PASSED, _praise(exercise, prepared), fingerprint=mark)


AGAIN = 8
"""So many cases are tried a second time, the last first."""


def _call_all(exercise: Exercise, function, cases: list[Case], mine: list, again: list) -> None:
    """Fill `mine` with the outcomes of all cases and `again` with those of a second call of some."""
    for case in cases:
        mine.append(call(function, exercise.trial, case, exercise.outputs))
        if isinstance(mine[-1].error, NotImplementedError):
            return
    if "again" not in exercise.skip:
        for number in _tried_again(cases):
            again.append(call(function, exercise.trial, cases[number], exercise.outputs))


def _tried_again(cases: list[Case]) -> list[int]:
    step = max(1, len(cases) // AGAIN)
    return list(range(len(cases)))[::-1][::step]


def _problem(function, outcome: Outcome, prepared: _Prepared, number: int, base: float) -> str:
    """What is wrong with one case's outcome, "" when it is right."""
    answers, right = prepared.answers[number], prepared.right[number]
    if outcome.error is not None:
        return describe_error(outcome.error, function)
    if outcome.complaint:
        return outcome.complaint
    for oracle, want in answers:
        missing = next((name for name in want if name not in outcome.outputs), None)
        found = difference(outcome.outputs, want, max(base, oracle.rtol or 0.0))
        if found and found.quantity == missing:
            return found.text
        odd = wrong_kind(outcome.outputs, answers[-1][1])   # the last one is the course's version
        if odd:
            return odd.text
        if found:
            return f"{found.text} (Compared with {oracle.name}.)"
    extra = too_many(outcome.outputs, answers[-1][1])
    if extra:
        return extra
    if outcome.mutated:
        changed = ", ".join(f"`{name}`" for name in outcome.mutated)
        return f"The values are right, but the function changed its argument {changed} in place."
    if not gradients_agree(outcome, right):
        return (
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
            return _KEEPS, number
    for number, first in enumerate(mine):
        live = name_outputs(first.result, exercise.outputs)[0]
        if exercise.trial is None and not identical(live, first.outputs):
            return _HANDS_OUT, number
    return "", 0


_KEEPS = (
    "Called a second time with the same arguments, it returns something else. It keeps something between "
    "calls (a global variable, a list or array as default argument), or draws random numbers of its own."
)
_HANDS_OUT = (
    "The result of an earlier call changed when the function was called again: it hands out the same array "
    "or list every time. Make a new one in each call."
)


def _failed(exercise, function, prepared: _Prepared, mine, number: int, text: str, base: float, mark: str):
    """The verdict on an answer whose case `number` is wrong, as `text` says: with its name or a hint."""
    cases = prepared.cases
    found = recognise(Judged(exercise, function, cases, mine, prepared.right, base))
    hint = found.hint if found else _mutation_hint(mine[number], cases[number].arguments)
    right_before = ""
    if not found and number and not any(case.tag for case in cases[:number]):
        right_before = f" ({number} other case{'s' * (number > 1)} came out right.)"
    return Verdict(
        exercise.name,
        FAILED,
        f"{text}{right_before} {_case_text(cases[number])}",
        hint=hint,
        misconception=(found.name or None) if found else None,
        printed=mine[number].printed,
        fingerprint=mark,
        case=FailingCase(
            exercise.name, function, cases[number], prepared.answers[number][-1][1], mine[number]
        ),
    )


def _case_text(case: Case) -> str:
    special = f" ({case.tag})" if case.tag else ""
    return f"Case{special}: {case}."


def _stopped(stopped: LimitExceeded, function, case: Case) -> str:
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    place = next((each for each in stopped.places if each.file == own and each.source), None)
    at = f", at `{place.source}` (line {place.line} of its cell)" if place else ""
    if isinstance(stopped, MemoryLimitExceeded):
        text = (
            f"It was stopped{at}: it had taken {stopped.grown / 2**20:.0f} MiB of memory. Does something "
            "grow in every round of a loop that does not end?"
        )
    else:
        text = (
            f"It did not come back within {SECONDS:g} seconds and was stopped{at}. Does a loop never end (a "
            "condition that stays true, a counter that is not counted up)?"
        )
    return f"{text} {_case_text(case)}"


def _mutation_hint(outcome: Outcome, case: Mapping[str, Any]) -> str:
    if not outcome.mutated:
        return ""
    changed = ", ".join(f"`{name}`" for name in outcome.mutated)
    name = outcome.mutated[0]
    copied = f"`{name} = copy.deepcopy({name})`, after `import copy`"
    if isinstance(case[name], np.ndarray):
        copied = f"`{name} = {name}.copy()`"
    return (
        f"The function changed {changed} in place (`+=`, `*=` or `[...] =` on an argument writes into the "
        f"caller's array). Work on a copy: {copied}."
    )


def _praise(exercise: Exercise, prepared: _Prepared) -> str:
    names = ", ".join(f"`{name}`" for name in exercise.outputs)
    used = list(dict.fromkeys(oracle.name for answers in prepared.answers for oracle, _ in answers))
    oracles = [name for name in used if name != _OURS] or used
    against = " and ".join([", ".join(oracles[:-1]), oracles[-1]] if len(oracles) > 1 else oracles)
    tags = list(dict.fromkeys(case.tag for case in prepared.cases if case.tag and case.tag != EXAMPLE))
    special = f" Among them: {', '.join(tags)}." if tags else ""
    shapes = describe(prepared.cases[exercise.rounds - 1].arguments, 120)
    return f"Compared {names} with {against} on {len(prepared.cases)} cases, one with {shapes}.{special}"


def _judge_quiz(quiz: Quiz, function: Callable[..., Any]) -> Verdict:
    outcome = call(function, None, Case({}), ("answer",))
    mark = fingerprint_of(function, quiz.name)
    if isinstance(outcome.error, NotImplementedError):
        text = written_beside_the_stub(function) or "Not answered yet."
        return Verdict(quiz.name, NOT_ATTEMPTED, text, fingerprint=mark)
    if outcome.error is None and not outcome.outputs:
        text = "Not answered yet."
        if answered_without_return(function):
            text = "There is an answer, but it does not come out: end the function with `return answer`."
        return Verdict(quiz.name, NOT_ATTEMPTED, text, fingerprint=mark)
    if outcome.error is not None:
        hint = 'Put the letter in quotes: answer = "b".' if isinstance(outcome.error, NameError) else ""
        text = describe_error(outcome.error, function)
        return Verdict(quiz.name, FAILED, text, hint=hint, fingerprint=mark)
    given = outcome.outputs["answer"]
    letter = str(given).strip(" ().\n").lower()
    if letter not in quiz.options:
        text = f"answer: got {given!r}, wanted one of {', '.join(map(repr, quiz.options))}."
        return Verdict(quiz.name, FAILED, text, fingerprint=mark)
    right = letter == quiz.answer
    return Verdict(
        quiz.name,
        PASSED if right else FAILED,
        f"({letter}) {quiz.options[letter]}",
        misconception=None if right else letter,
        fingerprint=mark,
    )
