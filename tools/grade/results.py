"""What grading finds, as plain data: one file of JSON a submission, and the class made of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from helpers.files import write_text

FORMAT = 1
PASSED, PARTLY, FAILED = "passed", "partly right", "failed"
NOT_ATTEMPTED, MISSING, NOT_GRADED = "not attempted", "not in the notebook", "not graded"
STATES = (PASSED, PARTLY, FAILED, NOT_ATTEMPTED, MISSING, NOT_GRADED)
"""Not graded: the grader could not tell. It is never 0 points: `points` is None, and totals say so."""


@dataclass(frozen=True)
class ExerciseResult:
    """One exercise of one learner. `points` is None where it is not graded.

    `mistake` is the name of a recognised misconception ("" for none), `text` and `hint` are what the
    learner's own box says (code in backticks). `review` holds sentences for a human
    to decide on; they take no points. `printed` is what the function printed, cut off.
    """

    exercise: str
    chapter: str                # "01"
    state: str                  # one of STATES
    points: float | None
    max_points: float
    number: str = ""            # "1.2"
    text: str = ""
    hint: str = ""
    mistake: str = ""
    review: tuple[str, ...] = ()
    printed: str = ""
    notebook: str = ""          # the file it was found in, relative to the submission
    fingerprint: str = ""       # of the function, as in the notebook's own box
    source: str = ""            # the cell that was graded, below what it uses of other cells
    seconds: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "review", tuple(self.review))


@dataclass(frozen=True)
class Handed:
    """A file that was handed in: path relative to the submission, SHA-256, time of its last change (ISO 8601
    with zone), the chapter it was taken for ("" for none), and what was wrong with it ("" for nothing)."""

    path: str
    sha256: str
    changed: str
    chapter: str = ""
    problem: str = ""


@dataclass(frozen=True)
class SubmissionResult:
    """All that one learner handed in. `isolation` names how answers ran ("bubblewrap", or "not isolated");
    `problems` are sentences about what could not be graded."""

    learner: str
    graded: str                            # when, ISO 8601 with zone
    isolation: str
    exercises: tuple[ExerciseResult, ...] = ()
    files: tuple[Handed, ...] = ()
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    key: str = ""                          # of everything the result depends on: the same key is not regraded
    format: int = FORMAT

    @property
    def points(self) -> float:
        """The points of everything that was graded."""
        return total(self.exercises)[0]

    @property
    def max_points(self) -> float:
        """The most there was to get, of what was graded."""
        return total(self.exercises)[1]

    @property
    def complete(self) -> bool:
        """Whether everything could be graded."""
        return not self.problems and all(each.points is not None for each in self.exercises)


@dataclass(frozen=True)
class Alike:
    """Answers of several learners to one exercise that are alike beyond chance: a human decides."""

    exercise: str
    learners: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class ClassResult:
    """What one run of the grader has found. `about` says with what: course version, Python, NumPy, …"""

    submissions: tuple[SubmissionResult, ...]
    alike: tuple[Alike, ...] = ()
    about: dict[str, str] = field(default_factory=dict)

    def exercises(self) -> list[ExerciseResult]:
        """One result for each exercise that anybody has, in the course's order, for headings and columns."""
        first: dict[tuple[str, str], ExerciseResult] = {}
        for submission in self.submissions:
            for each in submission.exercises:
                first.setdefault((each.chapter, each.exercise), each)
        return sorted(first.values(), key=lambda each: (each.chapter, _number(each.number)))


def _number(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(".") if part.isdigit())


def to_json(result: Any) -> str:
    """A result as JSON, with sorted keys; halves of surrogate pairs, which no file can hold, escaped."""
    text = json.dumps(asdict(result), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def write(path: str | os.PathLike[str], result: SubmissionResult) -> None:
    """Write a submission's result, whole or not at all."""
    write_text(Path(path), to_json(result))


def read(path: str | os.PathLike[str]) -> SubmissionResult:
    """What `write` has written; ValueError for anything else."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        if found.get("format") != FORMAT:
            raise ValueError(f"format {found.get('format')!r}")
        return submission(found)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"path: got {str(path)!r}, wanted a result of grading ({error})") from None


def submission(found: dict[str, Any]) -> SubmissionResult:
    """The result that `asdict` made `found` of."""
    parts = dict(found)
    parts["exercises"] = tuple(ExerciseResult(**each) for each in found["exercises"])
    parts["files"] = tuple(Handed(**each) for each in found["files"])
    parts["problems"] = tuple(found["problems"])
    return SubmissionResult(**parts)


def total(results: Iterable[ExerciseResult]) -> tuple[float, float]:
    """Points and the most there was to get, of what was graded."""
    graded = [each for each in results if each.points is not None]
    return sum(each.points for each in graded), sum(each.max_points for each in graded)
