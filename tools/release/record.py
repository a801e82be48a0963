"""What a class's copy knows of an exercise: cases, right answers and known mistakes as data."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from helpers.checks.cases import Case, read_only
from helpers.checks.compare import Outcome, call, kind_of
from helpers.checks.gradients import with_gaps
from helpers.checks.prepared import prepared
from helpers.checks.recorded import letter_hash
from helpers.checks.registry import Exercise, Quiz
from helpers.checks.stored import CannotStore, Store, save

WORDS = {None: "", with_gaps: "gaps", read_only: "read-only"}


def quiz_file(quiz: Quiz) -> bytes:
    """The file of a quiz: its explanations, and a hash of its answer."""
    return _saved({"options": quiz.options, "answer": letter_hash(quiz.name, quiz.answer)}, None, Store())


def cases_in_code(exercise: Exercise) -> str:
    """Why the cases of an exercise cannot be data, "" where they can."""
    if exercise.trial is not None:
        return "its trial runs the learner's function in more ways than one call"
    store = Store()
    try:
        for case in prepared(exercise, np.float64).cases:
            store.put(dict(case.arguments))
    except CannotStore:
        return "its arguments are made by code"
    return ""


def exercise_file(exercise: Exercise, module: str) -> bytes:
    """The file of an exercise; `module` is the name of the sealed module with the course's version.

    CannotStore when an outcome is no data.
    """
    known, store = prepared(exercise, np.float64), Store()
    outcomes: dict[str, int] = {}   # most outcomes come more than once

    def noted(outcome: Outcome) -> int:
        return outcomes.setdefault(json.dumps(_told(outcome, store)), len(outcomes))

    oracles = list(dict.fromkeys((o.name, o.rtol) for answers in known.answers for o, _ in answers))
    code = bool(cases_in_code(exercise))
    body: dict[str, Any] = {
        "cases": None if code else [_case(case, store) for case in known.cases],
        "oracles": oracles,
        "answers": [
            [(oracles.index((o.name, o.rtol)), store.put(outputs)) for o, outputs in answers]
            for answers in known.answers
        ],
        "right": [noted(outcome) for outcome in known.right],
        "mistakes": [
            [noted(call(each.function, exercise.trial, case, exercise.outputs)) for case in known.cases]
            for each in exercise.misconceptions
        ],
    }
    body["outcomes"] = [json.loads(text) for text in outcomes]
    head = {
        "module": module, "reference": exercise.reference.__name__, "cases_in_code": code,
        "outputs": exercise.outputs, "rounds": exercise.rounds, "rtol": exercise.rtol,
        "skip": dict(exercise.skip),
        "mistakes": [
            (each.name, each.hint, getattr(each.function, "changes", ())) for each in exercise.misconceptions
        ],
    }  # fmt: skip
    return _saved(head, body, store)


def _saved(head: Any, body: Any, store: Store) -> bytes:
    file = io.BytesIO()
    save(file, head, body, store)
    return file.getvalue()


def _case(case: Case, store: Store) -> list[Any]:
    sizes = {name: int(size) for name, size in case.sizes.items()}
    return [store.put(dict(case.arguments)), case.tag, sizes, case.hint, WORDS[case.prepare]]


def _told(outcome: Outcome, store: Store) -> list[Any]:
    error = [kind_of(outcome.error), str(outcome.error)] if outcome.error is not None else None
    parts = outcome.outputs, outcome.gradients
    outputs, gradients = map(store.put, parts)
    return [outputs, error, outcome.complaint, outcome.mutated, gradients]
