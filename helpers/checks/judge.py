"""Judge a learner's function: passed, not attempted, or what went wrong."""

from __future__ import annotations

import copy
import importlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.checks.compare import Outcome, call, describe_error, difference, name_outputs, wrong_kind
from helpers.checks.registry import Exercise, Misconception, Oracle, Quiz
from helpers.checks.sources import fingerprint_of, written_beside_the_stub, wrong_signature

PASSED, NOT_ATTEMPTED, FAILED = "passed", "not attempted", "failed"


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
    if not callable(function):
        text = f"The check wants the function itself; it got {type(function).__name__}."
        return Verdict(exercise.name, FAILED, text)
    if isinstance(exercise, Quiz):
        verdict = _judge_quiz(exercise, function)
    else:
        verdict = _judge_function(exercise, function, dtype)
    return verdict


def random_cases(exercise: Exercise, dtype: type = np.float64) -> list[Mapping[str, Any]]:
    """The exercise's random cases, the same at every run, floating numbers and arrays as `dtype`."""
    seed = zlib.crc32(exercise.name.encode())
    return [
        {
            name: _cast(value, dtype)
            for name, value in exercise.cases(np.random.default_rng([seed, number])).items()
        }
        for number in range(exercise.rounds)
    ]


def _cast(value: Any, dtype: type) -> Any:
    if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
        return value.astype(dtype)
    if isinstance(value, float | np.floating):
        return float(value) if dtype == np.float64 else dtype(value)
    if isinstance(value, list | tuple):
        return type(value)(_cast(entry, dtype) for entry in value)
    if isinstance(value, dict):
        return {key: _cast(entry, dtype) for key, entry in value.items()}
    return value


def _usable(oracle: Oracle) -> bool:
    if oracle.needs_torch:
        try:
            importlib.import_module("torch")
        except ImportError:
            return False
    return True


def _expected(exercise: Exercise, case: Mapping[str, Any]) -> list[tuple[Oracle, dict[str, Any]]]:
    """What every usable oracle says of this case, computed in float64. NotImplemented: not its case."""
    precise = {name: _cast(value, np.float64) for name, value in case.items()}
    answers = []
    for oracle in [*exercise.oracles, Oracle("the course's version", exercise.tried(exercise.reference))]:
        if _usable(oracle):
            result = oracle.function(*copy.deepcopy(precise).values())
            if result is not NotImplemented:
                answers.append((oracle, name_outputs(result, exercise.outputs)[0]))
    return answers


def _judge_function(exercise: Exercise, function: Callable[..., Any], dtype: type) -> Verdict:
    cases = random_cases(exercise, dtype)
    complaint = wrong_signature(function, list(cases[0]))
    if complaint:
        return Verdict(exercise.name, FAILED, complaint)
    base = exercise.rtol if dtype == np.float64 else exercise.float32_rtol
    used: dict[str, int] = {}
    outcomes = [call(exercise.tried(function), case, exercise.outputs) for case in cases]
    mark = fingerprint_of(function, exercise.name)
    for case, outcome in zip(cases, outcomes, strict=True):
        if isinstance(outcome.error, NotImplementedError):
            text = "Not attempted yet. The chapter goes on with the course's version."
            if written_beside_the_stub(function):
                text = "There is code, but `raise NotImplementedError` still stops it: delete that line."
            return Verdict(exercise.name, NOT_ATTEMPTED, text, fingerprint=mark)
        answers = _expected(exercise, case)
        text, quantity = _first_problem(function, outcome, answers, base)
        if text:
            found = _recognise(exercise, cases, outcomes, quantity, base)
            near = _first_problem(function, outcome, answers, exercise.float32_rtol)[0] == ""
            unnamed = _mutation_hint(outcome, case) or (_FLOAT32_HINT if near else "")
            return Verdict(
                exercise.name,
                FAILED,
                f"{text} Case: {describe(case)}.",
                hint=found.hint if found else unnamed,
                misconception=found.name if found else None,
                printed=outcome.printed,
                fingerprint=mark,
            )
        for oracle, _ in answers:
            used[oracle.name] = used.get(oracle.name, 0) + 1
    return Verdict(exercise.name, PASSED, _praise(exercise, cases, used), fingerprint=mark)


def _first_problem(function, outcome: Outcome, answers, base: float) -> tuple[str, str | None]:
    """(text, wrong quantity) of one case; ("", None) when it is right."""
    if outcome.error is not None:
        return describe_error(outcome.error, function), None
    if outcome.complaint:
        return outcome.complaint, None
    odd = wrong_kind(outcome.outputs, answers[-1][1])   # the last one is the course's version
    if odd:
        return odd.text, odd.quantity
    for oracle, want in answers:
        found = difference(outcome.outputs, want, max(base, oracle.rtol or 0.0))
        if found:
            return f"{found.text} (Compared with {oracle.name}.)", found.quantity
    if outcome.mutated:
        changed = ", ".join(f"`{name}`" for name in outcome.mutated)
        return f"The values are right, but the function changed its argument {changed} in place.", None
    return "", None


_FLOAT32_HINT = (
    "Nearly right: the first digits agree. Somewhere the numbers became float32 (a dtype=np.float32, a torch "
    "default, .astype), which keeps about 7 digits. Stay with the dtype of the input."
)


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


def _recognise(exercise: Exercise, cases, outcomes, quantity, rtol: float) -> Misconception | None:
    """The misconception whose results equal the learner's on every case: all of them first, then only
    the first wrong quantity (two mistakes at once)."""
    candidates = [
        (known, [call(exercise.tried(known.function), case, exercise.outputs) for case in cases])
        for known in exercise.misconceptions
    ]
    for known, theirs in candidates:
        if all(_same(mine, other, None, rtol) for mine, other in zip(outcomes, theirs, strict=True)):
            return known
    if quantity is None:
        return None
    rights = [call(exercise.tried(exercise.reference), case, exercise.outputs) for case in cases]
    for known, theirs in candidates:
        if all(_same(right, other, quantity, rtol) for right, other in zip(rights, theirs, strict=True)):
            continue   # this misconception gets the quantity right: it explains nothing
        if all(_same(mine, other, quantity, rtol) for mine, other in zip(outcomes, theirs, strict=True)):
            return known
    return None


def _same(left: Outcome, right: Outcome, quantity: str | None, rtol: float) -> bool:
    if left.error is not None or right.error is not None:
        return type(left.error) is type(right.error) and str(left.error) == str(right.error)
    if left.complaint or right.complaint:
        return left.complaint == right.complaint
    if quantity is not None:
        pair = [{quantity: side.outputs[quantity]} for side in (left, right) if quantity in side.outputs]
        return len(pair) == 2 and difference(*pair, rtol) is None
    return (
        left.mutated == right.mutated
        and left.outputs.keys() == right.outputs.keys()
        and difference(left.outputs, right.outputs, rtol) is None
    )


def describe(case: Mapping[str, Any]) -> str:
    """The arguments in a few words: shapes of arrays, short values otherwise."""
    parts = []
    for name, value in case.items():
        if isinstance(value, np.ndarray):
            parts.append(f"{name} {value.shape}")
        elif isinstance(value, float | np.floating):
            parts.append(f"{name} = {value:.4g}")
        elif isinstance(value, list | tuple | dict):
            parts.append(f"{name} ({type(value).__name__} of {len(value)})")
        else:
            text = repr(value)
            parts.append(f"{name} = {text if len(text) <= 60 else text[:59] + '…'}")
    return ", ".join(parts)


def _praise(exercise: Exercise, cases, used: Mapping[str, int]) -> str:
    names = ", ".join(f"`{name}`" for name in exercise.outputs)
    oracles = [name for name in used if name != "the course's version"] or list(used)
    against = " and ".join([", ".join(oracles[:-1]), oracles[-1]] if len(oracles) > 1 else oracles)
    shapes = describe(cases[-1])
    return f"Compared {names} with {against} on {len(cases)} random cases, the last with {shapes}."


def _judge_quiz(quiz: Quiz, function: Callable[..., Any]) -> Verdict:
    outcome = call(function, {}, ("answer",))
    mark = fingerprint_of(function, quiz.name)
    if isinstance(outcome.error, NotImplementedError) or (outcome.error is None and not outcome.outputs):
        text = "Not answered yet."
        if written_beside_the_stub(function):
            text = (
                "There is an answer, but it does not come out: delete `raise NotImplementedError` and keep "
                "`return answer`."
            )
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
