"""Whose a file is, by where it lies: folders of learners, nbgrader, Moodle, Canvas, GitHub Classroom."""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Collection, Sequence

from helpers.languages import ENGLISH, LANGUAGES
from tools.grade.reading.pinned import SOLUTIONS

Parts = tuple[str, ...]

IGNORED = {"__MACOSX", "replaced", "solutions", "site-packages", "node_modules", "tests", "autograded",
           "feedback"}  # fmt: skip
OF_A_CLASS = {"submitted", "notebooks"}   # names of folders, not of an archive that a learner has named
_MOODLE = re.compile(r"^(.+?_\d+)_assignsubmission_(?:file|onlinetext)")
_CANVAS = re.compile(r"(?:_LATE)?(_\d+)_\d+$", re.I)
_NBGRADER = {"source", "release", "submitted", "downloaded", "exchange", "inbound", "outbound"}
_COPY = re.compile(r"(?: ?\(\d+\)|[-_ ]+copy ?\d*)+$", re.I)


def is_ignored(parts: Parts) -> bool:
    """Whether a path is hidden, a checkpoint, a replaced notebook, or one of the course's solutions."""
    return any(part.startswith(".") or part in IGNORED for part in parts[:-1]) or parts[-1].startswith(".")


def learners(paths: Sequence[Parts], root: str) -> list[str | None]:
    """For each file, its path below the folder or archive `root` in parts, the learner who handed it in;
    None for one that is no submission (outside of nbgrader's ``submitted``)."""
    if any(parts[0] == "submitted" and len(parts) > 2 for parts in paths) and not _others(paths, _NBGRADER):
        return [parts[1] if parts[0] == "submitted" and len(parts) > 2 else None for parts in paths]
    cut = _wrapped(paths)
    paths = _of_one_edition([parts[cut:] for parts in paths])
    own = root if root not in ("", ".", "notebooks") else "me"
    one = root == "notebooks" or any(parts[0] == "notebooks" for parts in paths if len(parts) > 1)
    beside = any(len(parts) == 1 and not _in_name(parts[0]) for parts in paths)   # a learner's own chapters
    by_chapter = not _others(paths, _stems())
    moodle = _level_of_moodle(paths)
    found = [own if one or (beside and _is_unnamed(parts)) else _learner(parts, moodle, by_chapter) or own
             for parts in paths]  # fmt: skip
    return [_without(_slug(paths, found), each) for each in found]


def _wrapped(paths: Sequence[Parts]) -> int:
    """How many folders lie around a whole class: each holds two folders with a file of the same name."""
    cut = 0
    deep = min(map(len, paths)) - 2
    while cut < deep and len({parts[cut] for parts in paths}) == 1:
        folders: dict[str, set[str]] = {}
        for parts in paths:
            folders.setdefault(parts[-1], set()).add(parts[cut + 1])
        if not any(len(each) > 1 for each in folders.values()):
            break
        cut += 1
    return cut


def _of_one_edition(paths: Sequence[Parts]) -> list[Parts]:
    """The paths without the folder of an edition (``ko``), where no other folder and no learner's name stands
    beside it: it is a learner's own then, and nobody's name."""
    editions = {*LANGUAGES} - {ENGLISH}
    if _others(paths, editions) or any(len(parts) == 1 and _in_name(parts[0]) for parts in paths):
        return list(paths)
    return [parts[1:] if len(parts) > 1 else parts for parts in paths]


def _others(paths: Sequence[Parts], known: Collection[str]) -> set[str]:
    """The folders at the top that are not among the `known`. (What lies deeper may be named by a learner.)"""
    return {parts[0] for parts in paths if len(parts) > 1} - {*known}


def _level_of_moodle(paths: Sequence[Parts]) -> int:
    """At which part of each path Moodle's folders are."""
    levels = range(min(map(len, paths)))
    return next((n for n in levels if all(_MOODLE.match(parts[n]) for parts in paths)), 0)


def _learner(parts: Parts, level: int, by_chapter: bool) -> str:
    """Whose a file is; "" where neither folder nor name says so. `level` is where Moodle's folders would be,
    `by_chapter` whether there is a folder for each chapter, with learners in it."""
    if moodle := _MOODLE.match(parts[level]):
        return moodle[1]
    if len(parts) > 2 and by_chapter and parts[0] in _stems():
        return parts[1]
    return parts[0] if len(parts) > 1 else _in_name(parts[0])


def _in_name(file: str) -> str:
    """The learner in ``kim_01_rnn_recap.ipynb``; "" where there is none."""
    stem = _COPY.sub("", os.path.splitext(file)[0])
    found = re.search(rf"(?:^|[-_ ])({'|'.join(map(re.escape, _stems()))})(?=$|[-_ ])", stem)
    if found:
        before, after = stem[: found.start()].strip("-_ "), stem[found.end() :].strip("-_ ")
        return _CANVAS.sub(r"\1", before) or ("" if after.isdigit() else after)
    return "" if re.fullmatch(r"\d*", stem) else stem


def _is_unnamed(parts: Parts) -> bool:
    """Whether a file lies in no folder and is not named for a chapter."""
    return len(parts) == 1 and not any(stem in parts[0] for stem in _stems())


@functools.cache
def _stems() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in SOLUTIONS.glob("[0-9][0-9]_*.ipynb")))


def _slug(paths: Sequence[Parts], found: Sequence[str]) -> str:
    """What GitHub Classroom puts before each learner's name: the start of all clones' names, up to a "-"."""
    names = sorted(set(found))
    clones = all(len(parts) > 2 and "notebooks" in parts[1:-1] for parts in paths)
    if not clones or len(names) < 2:
        return ""
    same = itertools.takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False))
    return names[0][: names[0].rfind("-", 0, len(list(same))) + 1]


def _without(slug: str, name: str) -> str:
    return name.removeprefix(slug) or name
