"""Judge one answer: its function in the sandbox, the checks of the course here."""

from __future__ import annotations

import ast
import dataclasses
import functools
import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks.cases import Case
from helpers.checks.judge import SECONDS, judge
from helpers.checks.prepared import prepared
from helpers.checks.registry import Exercise, Quiz, get
from helpers.checks.verdict import FAILED as VERDICT_FAILED
from helpers.checks.verdict import NOT_ATTEMPTED as VERDICT_NOT_ATTEMPTED
from helpers.checks.verdict import Verdict
from tools.grade import parcels
from tools.grade.inside.codec import Encoder, Unplain
from tools.grade.reading.course import value_of
from tools.grade.remote import Connection, RemoteFunction, RemoteTrial, tools_for
from tools.grade.results import FAILED, MISSING, NOT_ATTEMPTED, NOT_GRADED, PARTLY, PASSED, ExerciseResult
from tools.grade.sandbox import Sandbox

if TYPE_CHECKING:
    from tools.grade.reading import Answer

OFTEN, HURRIED = 3, 3.0
"""After so many answers without an end the others of a submission have so many seconds: right ones take less
than one, and a class has to be graded today."""
LIBRARIES = ("torch", "scipy", "sklearn", "tensorflow", "jax", "keras", "cupy", "ctypes")
"""Loaded while an answer runs though its text does not name them: a sentence for a human."""


class Judge:
    """Judges the answers of one submission, in the chapter's order. A context manager: it owns sandboxes.

    `secret` draws the second set of cases. Functions of earlier exercises are the learner's own where they
    have passed, and the course's otherwise.
    """

    def __init__(self, secret: bytes, *, isolated: bool | None = None):
        self.secret, self.isolated = secret, isolated
        self.passed: dict[str, Answer] = {}
        self.late = 0   # answers that were stopped when their time was over
        self._sandboxes: dict[tuple[str, ...], Sandbox] = {}

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        for sandbox in self._sandboxes.values():
            sandbox.close()

    def judged(self, answer: Answer) -> ExerciseResult:
        """The result of one answer. Whatever goes wrong in the grader itself is not graded, and says so."""
        started = time.monotonic()
        try:
            verdict, review = self._verdict(answer)
            result = _result(answer, verdict, review)
        except Exception as error:
            text = f"The grader failed: {type(error).__name__}: {str(error)[:500]}"
            result = _plain_result(answer, NOT_GRADED, None, text)
        if result.state == PASSED:
            self.passed[answer.exercise] = answer
        elapsed = time.monotonic() - started
        self.late += result.state == FAILED and elapsed >= SECONDS
        return dataclasses.replace(result, seconds=round(elapsed, 2))

    def _verdict(self, answer: Answer) -> tuple[Verdict | None, tuple[str, ...]]:
        if answer.problem:
            return Verdict(answer.exercise, VERDICT_FAILED, answer.problem), ()
        if not answer.code:
            return None, ()
        if not answer.attempted:
            return Verdict(answer.exercise, VERDICT_NOT_ATTEMPTED, "Not attempted yet."), ()
        exercise = get(answer.exercise)
        away = is_tried_inside(exercise.name)
        cases = self._cases(exercise) if away else []
        work = self._work(answer, exercise, cases)
        code = [source for _, source in work["code"]]
        torch = away or gives_tensors(exercise.name) or _imports("torch", code)
        libraries = ("numpy", "torch") if torch else ("numpy",)
        sandbox = self._sandboxes.setdefault(libraries, Sandbox(libraries, isolated=self.isolated))
        connection = Connection(sandbox, work)
        try:
            verdict = self._with(connection, answer, exercise, cases)
        finally:
            connection.close()
        named = [name for name in LIBRARIES
                 if name in connection.modules and not _imports(name, [source for _, source in answer.code])]
        review = tuple(f"It loads `{name}` while it runs, which its text does not name." for name in named)
        return verdict, review

    def _with(
        self, connection: Connection, answer: Answer, exercise: Exercise | Quiz, cases: list[Case]
    ) -> Verdict:
        limit = None if cases or self.late < OFTEN else HURRIED
        made = connection.made(limit)
        if made:
            return Verdict(answer.exercise, VERDICT_FAILED, made)
        if cases:
            function = RemoteTrial(connection, answer.exercise, answer.source, cases)
        else:
            function = RemoteFunction(connection, answer.exercise, answer.source)
        verdict = judge(exercise, function, seconds=limit)
        if isinstance(exercise, Exercise) and (verdict.passed or verdict.credit):
            again = judge(exercise, function, secret=self.secret, seconds=limit)
            if again.state == VERDICT_NOT_ATTEMPTED:   # in the box it had been attempted
                text = "It stops with `raise NotImplementedError` in some cases. " + again.text
                again = Verdict(answer.exercise, VERDICT_FAILED, text)
            if verdict.passed:
                return again
            credit = 1.0 if again.passed else again.credit
            verdict = dataclasses.replace(verdict, credit=min(verdict.credit, credit))
        return verdict

    def _work(self, answer: Answer, exercise: Exercise | Quiz, cases: list[Case]) -> dict[str, Any]:
        """What the answer's process gets: code, the course's names it may use, our tools, and the `cases`
        that are tried there."""
        code: dict[tuple[str, str], None] = {}
        names: dict[str, Any] = {}
        modules: dict[str, dict[str, Any]] = {}
        self._gather(answer, code, names, modules, set())
        code.update(dict.fromkeys(answer.code))
        tools = tools_for(exercise, cases)
        if cases:
            for module, values in parcels.with_imports(tools).items():
                modules[module] = values | modules.get(module, {})
        return {"name": answer.exercise, "code": list(code), "names": names, "modules": modules, **tools}

    def _cases(self, exercise: Exercise) -> list[Case]:
        """The public cases and the secret ones."""
        both = (prepared(exercise, np.float64, secret) for secret in (b"", self.secret))
        return [case for each in both for case in each.cases]

    def _gather(self, answer: Answer, code: dict, names: dict, modules: dict, seen: set[str]) -> None:
        for module, attribute, alias in answer.helpers:
            value = value_of(module, attribute)
            modules.setdefault(module, {})[attribute] = value
            if alias:
                names[alias] = value
        for name in answer.earlier:
            if name in seen or name == answer.exercise:
                continue
            seen.add(name)
            if name in self.passed:
                self._gather(self.passed[name], code, names, modules, seen)
                code.update(dict.fromkeys(self.passed[name].code))
            else:
                names[name] = get(name).reference


def _imports(library: str, pieces: Iterable[str]) -> bool:
    """Whether code openly imports a library. (Texts and comments may hold its name, too.)"""
    nodes = [node for piece in pieces for node in ast.walk(ast.parse(piece))]
    paths = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    paths += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(path.partition(".")[0] == library for path in paths)


@functools.cache
def gives_tensors(exercise_name: str) -> bool:
    """Whether tensors are among an exercise's arguments."""
    exercise = get(exercise_name)
    if not isinstance(exercise, Exercise):
        return False
    case = prepared(exercise, np.float64).cases[0]
    return '"t": "tensor"' in json.dumps(Encoder(calls=True).encode(case.fresh()))


@functools.cache
def is_tried_inside(exercise_name: str) -> bool:
    """Whether an exercise's arguments are no plain data (models, optimizers), so that its trial runs in
    the sandbox."""
    exercise = get(exercise_name)
    if not isinstance(exercise, Exercise):
        return False
    for case in prepared(exercise, np.float64).cases:
        encoder = Encoder(calls=True, strict=True)
        try:
            for value in case.fresh().values():
                encoder.encode(value)
        except Unplain:
            return True
    return False


def _result(answer: Answer, verdict: Verdict | None, review: tuple[str, ...]) -> ExerciseResult:
    if verdict is None:
        return _plain_result(answer, MISSING, 0.0, "Its function is not in the notebook.")
    most = answer.max_points
    points, state = 0.0, FAILED
    if verdict.passed:
        points, state = most, PASSED
    elif verdict.state == VERDICT_NOT_ATTEMPTED:
        state = NOT_ATTEMPTED
    elif verdict.credit > 0:
        points, state = round(most * verdict.credit, 2), PARTLY
    told = verdict.text if points == most else " ".join([verdict.text, *answer.left_out])
    return ExerciseResult(
        answer.exercise, answer.chapter, state, points, most, answer.number, told, verdict.hint,
        verdict.misconception or "", () if state == NOT_ATTEMPTED else (*answer.review, *review),
        verdict.printed, answer.notebook, verdict.fingerprint, answer.written,
    )  # fmt: skip


def _plain_result(answer: Answer, state: str, points: float | None, text: str) -> ExerciseResult:
    return ExerciseResult(
        answer.exercise, answer.chapter, state, points, answer.max_points, answer.number, text,
        review=answer.review, notebook=answer.notebook, source=answer.written,
    )  # fmt: skip

