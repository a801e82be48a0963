"""The lines that answer exercises, and where they stand in a folder or a release."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping

from helpers import notebooks
from helpers.checks.registry import Exercise
from tools.build.markers import solution_regions
from tools.build.pipeline import Draft

LEAST = 20   # characters of a line that says something


def plain(text: str) -> str:
    """`text` with single blanks in place of white space."""
    return " ".join(text.split())


def answer_lines(drafts: Iterable[Draft], exercises: Iterable[Exercise]) -> set[str]:
    """Every line of 20 characters or more of the solutions and references, without imports, and without what
    the chapters tell a learner anyway: statements, hints, examples, other cells. (A text cell is one
    line: a translation breaks it elsewhere.)"""
    drafts = list(drafts)
    lines = {line for draft in drafts for line in _solutions(draft)}
    lines |= {line for each in exercises for line in _body(each)}
    cells = [cell for draft in drafts for cell in draft.student.cells]
    given = "\n".join(cell.source if cell.cell_type == "code" else plain(cell.source) for cell in cells)
    secret = (line for line in lines if len(line) >= LEAST and not line.startswith(("import ", "from ")))
    return without(secret, given)


def _solutions(draft: Draft) -> Iterator[str]:
    for cell in draft.chapter.cells:
        if cell.options.get("exercise"):
            yield from (plain(line) for region in solution_regions(cell.source) for line in region)


def _body(exercise: Exercise) -> list[str]:
    return list(map(plain, inspect.getsource(exercise.reference).splitlines()[1:]))


def without(lines: Iterable[str], source: str) -> set[str]:
    """`lines` without those that stand in a module which a notebook shows whole (a colleague's code)."""
    shown = "\n".join(map(plain, source.splitlines()))
    return {line for line in lines if line not in shown}


def found(files: Mapping[str, bytes], lines: Iterable[str]) -> list[tuple[str, str]]:
    """(file, line) for each of `lines` that stands in one of `files`, whole or within a longer line."""
    lines = sorted(lines)
    hits = []
    for name, data in sorted(files.items()):
        text = "\n".join(map(plain, _text(name, data).splitlines()))
        hits += [(name, line) for line in lines if line in text]
    return hits


def _text(name: str, data: bytes) -> str:
    """A file as text, a notebook as the text of its cells."""
    if name.endswith(".ipynb"):
        return "\n".join(cell["source"] for cell in notebooks.parse(data)["cells"])
    return data.decode("utf-8", errors="replace")


def has_line(source: str, lines: set[str]) -> bool:
    """Whether one of `lines` is a line of `source`."""
    return not lines.isdisjoint(map(plain, source.splitlines()))
