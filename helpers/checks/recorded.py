"""Exercises whose checks were made elsewhere: cases, right answers and known mistakes as data.

A class's copy of the course (``python -m tools.release``) has no references, oracles and mistakes as code. A
chapter there registers its exercises with `register`; the judge works as ever and names the same mistakes.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from pathlib import Path
from typing import Any

import numpy as np

from helpers.checks.cases import Case, cases_of, read_only
from helpers.checks.compare import Elsewhere, Outcome, RecordedError
from helpers.checks.gradients import with_gaps
from helpers.checks.patches import Patched
from helpers.checks.prepared import Prepared
from helpers.checks.registry import Exercise, Misconception, Oracle, Quiz, get_registered
from helpers.checks.stored import Store, load_body, load_head
from helpers.validation import require

PREPARE = {"": None, "gaps": with_gaps, "read-only": read_only}
"""What is done to a case's arrays before a call, by the word that stands for it in a file."""


class Recorded(Elsewhere):
    """A known mistake of which only its outcomes are here: mistake `number` of `record`."""

    def __init__(self, record: Record, number: int):
        self.record, self.number = record, number

    def outcome(self, case: Case) -> Outcome:
        return self.record.outcome(case, self.number)


class RecordedChange(Recorded, Patched):
    """A known mistake that is a change of the reference's text: with another one it makes two at once."""

    def __init__(self, record: Record, number: int, changes: list[tuple[str, str]]):
        Recorded.__init__(self, record, number)
        Patched.__init__(self, record.exercise.reference, changes)


class Record:
    """What a file holds of one exercise, read when it is asked for."""

    def __init__(self, name: str, path: Path):
        self.name, self.path = name, path
        self.exercise: Exercise | None = None   # which has this record

    @functools.cached_property
    def _body(self) -> tuple[dict[str, Any], Store]:
        return load_body(self.path)

    @functools.cached_property
    def cases(self) -> list[Case]:
        body, store = self._body
        if body["cases"] is None:   # arguments that are no data, such as models: the code makes them
            return cases_of(self.exercise)
        return [
            Case(store.get(arguments), tag, sizes, hint, PREPARE[prepare])
            for arguments, tag, sizes, hint, prepare in body["cases"]
        ]

    def outcome(self, case: Case, number: int | None) -> Outcome:
        """What a mistake, or (None) the reference, did in `case`; an error where the case is not recorded."""
        body, store = self._body
        place = next((n for n, each in enumerate(self.cases) if each is case), None)
        if place is None:
            return Outcome(error=RecordedError("", "not recorded"))
        outcomes = body["right"] if number is None else body["mistakes"][number]
        outputs, error, complaint, mutated, gradients = body["outcomes"][outcomes[place]]
        return Outcome(
            store.get(outputs), RecordedError(*error) if error else None, complaint, tuple(mutated),
            gradients=store.get(gradients),
        )  # fmt: skip

    def prepared(self, dtype: type, secret: bytes) -> Prepared:
        """What `helpers.checks.prepared` would have made."""
        require(dtype is np.float64 and not secret, "dtype, secret", (dtype, secret), "np.float64 and none")
        return self._prepared

    @functools.cached_property
    def _prepared(self) -> Prepared:
        body, store = self._body
        oracles = [Oracle(name, self.exercise.reference, rtol) for name, rtol in body["oracles"]]
        answers = [[(oracles[n], store.get(outputs)) for n, outputs in each] for each in body["answers"]]
        return Prepared(self.cases, answers, [self.outcome(case, None) for case in self.cases])


class RecordedQuiz(Quiz):
    """A quiz whose answer is here as a hash only."""

    def is_right(self, letter: str) -> bool:
        return letter_hash(self.name, letter) == self.answer

    def check_options(self) -> None:
        """The answer is no option, but its hash."""


def letter_hash(name: str, letter: str) -> str:
    """What stands for a quiz's answer where it is not to be read."""
    return hashlib.pbkdf2_hmac("sha256", letter.encode(), name.encode(), 1000).hex()[:24]


def register(folder: Path, chapter: str) -> None:
    """Register the exercises whose files lie in `folder` as those of `chapter`. ImportError when one is
    damaged."""
    for path in sorted(folder.glob("*.npz")):
        head = load_head(path)
        if "options" in head:
            RecordedQuiz(path.stem, chapter, head["answer"], head["options"])
        else:
            _register_function(path, chapter, head)


def _register_function(path: Path, chapter: str, head: dict[str, Any]) -> None:
    record = Record(path.stem, path)
    module = importlib.import_module(head["module"])
    if head["cases_in_code"]:
        exercise = get_registered(path.stem)
    else:
        reference = getattr(module, head["reference"])
        exercise = Exercise(
            path.stem, chapter, reference, tuple(head["outputs"]), _recorded_only,
            rounds=head["rounds"], rtol=head["rtol"],
            skip=head["skip"] | dict.fromkeys(("sizes", "extreme", "example"), "recorded"),
        )  # fmt: skip
    record.exercise, exercise.record = exercise, record
    exercise.misconceptions = [
        Misconception(
            name, hint, RecordedChange(record, number, changes) if changes else Recorded(record, number)
        )
        for number, (name, hint, changes) in enumerate(head["mistakes"])
    ]


def _recorded_only(rng: np.random.Generator) -> dict[str, Any]:
    """In place of the code that draws cases."""
    raise RuntimeError("the cases of this exercise are recorded")
