"""Who handed in what, and of several files of a chapter, whose answer counts."""

from __future__ import annotations

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from helpers import notebooks
from helpers.notebooks import Cell
from helpers.statements import LONG
from tools.grade.reading.answers import Answer, empty
from tools.grade.reading.answers import answers as answers_in
from tools.grade.reading.files import File, Place, Unreadable, data, files
from tools.grade.reading.layout import learners
from tools.grade.reading.pinned import SOLUTIONS, chapter, chapter_of_exercise, fingerprint
from tools.grade.results import Handed

MOST_CELLS = 5000
MOST_FILES = 500
"""Notebooks of a learner that are read: those that lie least deep."""


@dataclass(frozen=True)
class Submission:
    """All that one learner handed in. A file with exercises of several chapters stands in `files` once for
    each; `places` says where each of `files` is to be read."""

    learner: str
    files: tuple[Handed, ...] = ()
    problems: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()

    @property
    def chapters(self) -> tuple[str, ...]:
        """The chapters that it holds something of."""
        return tuple(sorted({each.chapter for each in self.files} - {""}))


def submissions(paths: Iterable[str | os.PathLike[str]]) -> list[Submission]:
    """The submissions at `paths`: notebooks, archives, a learner's or a class's folder; one for each learner.

    What cannot be read is named in `files` and raises nothing. Learners of the same name below several of
    the paths stay apart. Raises ValueError for a path where there is nothing.
    """
    found: list[tuple[str, Submission]] = []
    for path in map(Path, paths):
        if not path.exists():
            raise ValueError(f"paths: got {str(path)!r}, wanted a notebook, zip file or folder that is there")
        root = path.resolve()
        found += [(root.name, each) for each in _below(root)]
    names = Counter(each.learner for _, each in found)
    apart = [replace(each, learner=f"{each.learner} ({root})") if names[each.learner] > 1 else each
             for root, each in found]  # fmt: skip
    return _numbered(apart)


def _numbered(found: list[Submission]) -> list[Submission]:
    """The submissions, with numbers behind names that are there twice all the same."""
    seen: Counter[str] = Counter()
    for position, each in enumerate(found):
        seen[each.learner] += 1
        if seen[each.learner] > 1:
            found[position] = replace(each, learner=f"{each.learner} ({seen[each.learner]})")
    return found


def _below(root: Path) -> list[Submission]:
    handed = list(files(root))
    parts = [file.parts for file in handed]
    name = root.name
    if root.suffix.lower() == ".zip":   # what is in it lies below its name
        name = root.stem
        parts = [each[1:] if len(each) > 1 else each for each in parts]
    elif root.is_file():
        name = "me"
    whose = learners(parts, name) if parts else []
    by_learner: dict[str, list[tuple[File, str]]] = {}
    for file, path, learner in zip(handed, parts, whose, strict=True):
        if learner is not None:
            by_learner.setdefault(learner, []).append((file, "/".join(path)))
    return [_submission(learner, entries) for learner, entries in sorted(by_learner.items())]


def _submission(learner: str, entries: Sequence[tuple[File, str]]) -> Submission:
    count = len(entries)
    if count > MOST_FILES:
        entries = sorted(entries, key=lambda entry: entry[1].count("/"))[:MOST_FILES]
    around = os.path.commonpath([str(PurePosixPath("/", path).parent) for _, path in entries])
    found = [(each, file.place) for file, path in entries
             for each in _handed(file, str(PurePosixPath("/", path).relative_to(around)))]  # fmt: skip
    of_course = any(each.chapter for each, _ in found)
    told = of_course or any(each.problem for each, _ in found)
    problems = () if told else ("No notebook with exercises of the course was found.",)
    if count > MOST_FILES:
        problems += (f"{count} notebooks, at most {MOST_FILES} are read: the deepest were left out.",)
    return Submission(learner, tuple(each for each, _ in found), problems, tuple(place for _, place in found))


def _handed(file: File, path: str) -> list[Handed]:
    """What is said of a file: once for each chapter that it holds exercises of."""
    if file.problem:
        return [Handed(path, "", file.changed, problem=file.problem)]
    digest = ""
    try:
        content = data(file.place)
        digest = hashlib.sha256(content).hexdigest()
        chapters = chapters_of(_cells(content))
    except Unreadable as error:
        return [Handed(path, digest, file.changed, problem=str(error))]
    return [Handed(path, digest, file.changed, each) for each in chapters or ("",)]


def _cells(content: bytes) -> list[Cell]:
    try:
        cells = notebooks.parse(content)["cells"]
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(str(error)[:200] or type(error).__name__) from None
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"{len(cells)} cells in it, at most {MOST_CELLS} are read")
    return cells


def chapters_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The chapters that a notebook is of, by the exercises that it defines and checks: first the one with
    most, then others of which it checks what it defines."""
    defined, checked = set(), set()
    for cell in cells:
        if cell["cell_type"] == "code" and len(cell["source"]) <= LONG:
            defined |= set(notebooks.DEFINITION.findall(cell["source"]))
            checked |= notebooks.checked_names(cell)
    whose = chapter_of_exercise()
    found = Counter(whose[name] for name in [*defined, *checked, *checked] if name in whose)
    both = {whose[name] for name in defined & checked if name in whose}
    first = found.most_common(1)
    return (first[0][0], *sorted(both - {first[0][0]})) if first else ()


def answers(submission: Submission) -> list[Answer]:
    """The answer to each exercise of the chapters that were handed in, in the course's order.

    Of several files of a chapter the newest counts that holds an answer to the exercise.
    """
    found: dict[str, list[tuple[Handed, dict[str, Answer]]]] = {}
    for file, place in zip(submission.files, submission.places, strict=True):
        if file.chapter:
            try:
                cells = _cells(data(place))
            except Unreadable:   # since it was looked at first
                cells = []
            here = answers_in(cells, file.chapter, notebook=file.path)
            found.setdefault(file.chapter, []).append((file, here))
    return [_best(name, [(file, each[name]) for file, each in found[number]])
            for number in sorted(found) for name in exercise_names(number)]  # fmt: skip


def unread(submission: Submission) -> list[Answer]:
    """As `answers`, but without looking into the files: what there is to get, and no answers."""
    courses = [chapter(number) for number in submission.chapters]
    return [empty(course, place) for course in courses for place in course.exercises.values()]


def _best(name: str, candidates: list[tuple[Handed, Answer]]) -> Answer:
    """Of the answers to an exercise in several files the newest attempt, else the newest stub."""
    ordered = sorted(candidates, key=_worth)
    best, tried = ordered[-1][1], [each for _, each in candidates if each.attempted]
    if len({fingerprint(each.source, name) for each in tried}) > 1:
        others = ", ".join(sorted(f"`{each.notebook}`" for each in tried if each is not best))
        note = f"Several files hold an answer: the newest, `{best.notebook}`, was taken, not {others}."
        best = replace(best, review=(*best.review, note))
    return best


def _worth(candidate: tuple[Handed, Answer]) -> tuple:
    file, answer = candidate
    return answer.attempted, answer.found, file.changed, file.path


@functools.cache
def exercise_names(number: str) -> tuple[str, ...]:
    """The exercises of the chapter `number`, in its order."""
    return tuple(chapter(number).exercises)


def own_solutions(numbers: Iterable[str]) -> Submission:
    """The course's own solutions to some chapters, as a submission."""
    paths = [next(SOLUTIONS.glob(f"{number}_*.ipynb")) for number in sorted(set(numbers))]
    handed = [File((path.name,), (str(path),), "") for path in paths]
    return _submission("own solutions", [(file, file.parts[0]) for file in handed])
