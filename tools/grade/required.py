"""What a learner or an instructor asks of a run of the grader: ``UNROLLED_REQUIRE="01:5 02:all"``.

Nothing asked for is always met, so learning never turns a fork red.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from helpers.validation import require
from tools.grade.reports.plain import clean, count, number
from tools.grade.results import NOT_GRADED, PASSED, ExerciseResult, SubmissionResult

MET, NOT_MET, UNKNOWN = 0, 1, 3
"""Exit statuses; 2 is wrong usage. Unknown: whether it is met hangs on something that could not be graded."""

WANTED = (
    "CHAPTER:WHAT with a chapter of two digits and a number of exercises, `all`, an exercise's name, or "
    "`points=` and a number, such as 01:5, 02:all, 01:rnn_step or 03:points=10"
)


@dataclass(frozen=True)
class Part:
    """One thing asked for: of `chapter` the exercise `exercise`, or `exercises` of them (None: all that there
    are), or `points`."""

    chapter: str
    exercises: int | None = None
    exercise: str = ""
    points: float | None = None


@dataclass(frozen=True)
class Shortfall:
    """A sentence about what is missing. `unknown`: what could not be graded might be it."""

    sentence: str
    unknown: bool


def parse(text: str, known: Mapping[str, Sequence[str]] | None = None) -> tuple[Part, ...]:
    """The parts of a requirement, separated by spaces or commas; none of an empty one.

    `known` has the names of the exercises of each chapter; with it, what can never be met is refused.
    Raises ValueError that names the part, what it is and what is wanted.
    """
    parts = []
    for each in re.findall(r"[^\s,;]+", text):
        chapter, colon, what = each.partition(":")
        require(colon and re.fullmatch(r"\d\d", chapter, re.A), "require", repr(each), WANTED)
        parts.append(_part(each, chapter, what))
        if known is not None:
            _require_possible(each, parts[-1], known)
    return tuple(parts)


def _part(text: str, chapter: str, what: str) -> Part:
    if what == "all":
        return Part(chapter)
    if re.fullmatch(r"\d{1,3}", what, re.A):
        return Part(chapter, exercises=int(what))
    if re.fullmatch(r"points=\d{1,4}(\.\d+)?", what, re.A):
        return Part(chapter, points=float(what.partition("=")[2]))
    require(what.isascii() and what.isidentifier(), "require", repr(text), WANTED)
    return Part(chapter, exercise=what)


def _require_possible(text: str, part: Part, known: Mapping[str, Sequence[str]]) -> None:
    chapters = ", ".join(sorted(known))
    require(part.chapter in known, "require", repr(text), f"a chapter with exercises ({chapters})")
    names = known[part.chapter]
    there = part.exercises is None or part.exercises <= len(names)
    require(there, "require", repr(text), f"at most the {len(names)} exercises of chapter {part.chapter}")
    if part.exercise:
        wanted = f"an exercise of chapter {part.chapter} ({', '.join(names)})"
        require(part.exercise in names, "require", repr(text), wanted)


def missing(parts: Iterable[Part], result: SubmissionResult) -> list[Shortfall]:
    """What `result` lacks of a requirement; [] where it is met."""
    return [short for part in parts if (short := _missing(part, result)) is not None]


def status(parts: Iterable[Part], results: Iterable[SubmissionResult]) -> int:
    """The exit status: MET where nobody lacks anything, UNKNOWN where only what could not be graded is
    missing, else NOT_MET; so it is where something is asked for and nothing was handed in."""
    parts, results = tuple(parts), tuple(results)
    lacks = [short for result in results for short in missing(parts, result)]
    if not lacks:
        return MET if results or not parts else NOT_MET
    return UNKNOWN if all(short.unknown for short in lacks) else NOT_MET


def _missing(part: Part, result: SubmissionResult) -> Shortfall | None:
    there = [each for each in result.exercises if each.chapter == part.chapter]
    where = f"Chapter {part.chapter}"
    unreadable = any(file.problem and file.chapter in ("", part.chapter) for file in result.files)
    if part.exercise:
        return _exercise_missing(part.exercise, where, there, unreadable)
    if not there:
        if part.exercises == 0 or part.points == 0:
            return None
        return Shortfall(f"{where}: nothing of it was found in what was handed in.", unreadable)
    open_ = [each for each in there if each.state == NOT_GRADED]
    if part.points is not None:
        # points may be sums of thirds
        got = math.fsum(each.points or 0 for each in there) + 1e-9
        best = got + math.fsum(each.max_points for each in open_)
        sentence = f"{where}: {number(got)} points, wanted {number(part.points)}"
    else:
        wanted = len(there) if part.exercises is None else part.exercises
        got = sum(each.state == PASSED for each in there)
        best, sentence = got + len(open_), f"{where}: {count(got, 'exercise')} passed, wanted {wanted}"
        part = Part(part.chapter, points=wanted)
    if got >= part.points:
        return None
    more = f" ({len(open_)} could not be graded)" if open_ else ""
    return Shortfall(f"{sentence}{more}.", best >= part.points)


def _exercise_missing(
    name: str, where: str, there: Sequence[ExerciseResult], unreadable: bool
) -> Shortfall | None:
    found = next((each for each in there if each.exercise == name), None)
    if found is None:
        return Shortfall(f"{where}: {name} was not found in what was handed in.", unreadable)
    if found.state == PASSED:
        return None
    mistake = f": {clean(found.mistake, 120)}" if found.mistake else ""
    return Shortfall(f"{where}: {name} is {found.state}{mistake}.", found.state == NOT_GRADED)
