"""What an exercise is judged by: its cases, what every oracle says of each, what the reference does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.checks.cases import Case, cases_of, precise
from helpers.checks.compare import Outcome, call, name_outputs
from helpers.checks.registry import Exercise, Oracle
from helpers.checks.words import Message
from helpers.installed import problem_of

OURS = Message("the course's version")


@dataclass
class Prepared:
    """The cases of an exercise, what every usable oracle says of each, and what the reference does."""

    cases: list[Case]
    answers: list[list[tuple[Oracle, dict[str, Any]]]]
    right: list[Outcome]

    @property
    def compared_with(self) -> list[str]:
        """The names of the oracles; the course's own version only where there is no other."""
        used = list(dict.fromkeys(oracle.name for answers in self.answers for oracle, _ in answers))
        return [name for name in used if name != OURS] or used


def prepared(exercise: Exercise, dtype: type, secret: bytes = b"") -> Prepared:
    """Made at the first check of an exercise; further oracles or examples make it anew. Read where it was
    recorded elsewhere."""
    if exercise.record is not None:
        return exercise.record.prepared(dtype, secret)
    parts = (exercise.oracles, exercise.landmarks, exercise.extremes)
    key = (dtype, secret, *map(len, parts))
    if key not in exercise.prepared:
        cases = cases_of(exercise, dtype, secret)
        right = [call(exercise.reference, exercise.trial, case, exercise.outputs) for case in cases]
        exercise.prepared[key] = Prepared(cases, [_expected(exercise, case) for case in cases], right)
    return exercise.prepared[key]


def _expected(exercise: Exercise, case: Case) -> list[tuple[Oracle, dict[str, Any]]]:
    """What every usable oracle says of this case, computed in float64. NotImplemented: not its case."""
    answers = []
    for oracle in [*exercise.oracles, Oracle(OURS, exercise.tried(exercise.reference))]:
        if _usable(oracle):
            with np.errstate(all="ignore"):
                result = oracle.function(*precise(case.arguments).values())
            if result is not NotImplemented:
                answers.append((oracle, name_outputs(result, exercise.outputs)[0]))
    return answers


def _usable(oracle: Oracle) -> bool:
    return not oracle.needs_torch or not problem_of("torch")   # without torch the other oracles stay
