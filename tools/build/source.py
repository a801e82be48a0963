"""Chapters as percent scripts: read with jupytext, every cell with its line in the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jupytext
import nbformat

CHAPTER_NAME = re.compile(r"\d\d_[a-z0-9_]+")
CELL_MARKER = re.compile(r"# ?%%")
# What jupytext keeps about the layout of the script; no part of a chapter.
LAYOUT_KEYS = {"lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker"}


@dataclass(frozen=True, order=True)
class Problem:
    """One reason to refuse: where it stands, what is wrong, and the offending text."""

    file: str
    line: int
    message: str
    text: str = ""

    def __str__(self) -> str:
        text = " ".join(self.text.split())
        shown = text if len(text) <= 120 else text[:119] + "…"
        return f"{self.file}:{self.line}: {self.message}" + (f": {shown}" if shown else "")


class BuildError(Exception):
    """A chapter cannot be built; `problems` says why, all of it at once."""

    def __init__(self, problems: list[Problem]):
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Course:
    """Where the parts of a course stand below `root`; another `language` than the source's has folders of
    notebooks of its own."""

    root: Path
    language: str = ""

    @property
    def solutions(self) -> Path:
        return self.root / "solutions" / self.language

    @property
    def notebooks(self) -> Path:
        return self.root / "notebooks" / self.language

    @property
    def records(self) -> Path:
        """What the last build was made from (not kept in git)."""
        return self.root / "build" / "chapters" / self.language

    def sources(self) -> list[Path]:
        """Every chapter's script in order; BuildError for a script with another name."""
        scripts = sorted((self.root / "solutions").glob("*.py"))
        strays = [path for path in scripts if not CHAPTER_NAME.fullmatch(path.stem)]
        if strays:
            raise BuildError(
                [Problem(self.label(p), 1, "a chapter is called NN_name.py", p.name) for p in strays]
            )
        return scripts

    def label(self, path: Path) -> str:
        """`path` as shown to people: relative to the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()


@dataclass(frozen=True)
class Cell:
    """One cell of a script. `options` are the ``key=value`` pairs of its ``# %%`` line."""

    kind: str
    source: str
    options: dict
    marker_line: int
    first_line: int

    @cached_property
    def lines(self) -> list[str]:
        return self.source.split("\n")

    def at(self, index: int) -> int:
        """Line in the script of the source line `index` (from 0)."""
        return self.first_line + index


@dataclass(frozen=True)
class Chapter:
    """A chapter's script, read."""

    file: str
    name: str
    cells: tuple[Cell, ...]

    @property
    def number(self) -> int:
        return int(self.name[:2])

    def problem(self, line: int, message: str, text: str = "") -> Problem:
        return Problem(self.file, line, message, text)


def read_chapter(path: Path, file: str) -> Chapter:
    """Read the percent script at `path`; `file` is its name in messages.

    Raises BuildError where the script's lines and jupytext's cells do not map one to one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BuildError([Problem(file, 1, "not UTF-8", str(error))]) from None
    lines = text.splitlines()
    starts = [index for index, line in enumerate(lines) if CELL_MARKER.match(line)]
    if not starts:
        raise BuildError([Problem(file, 1, "no cell: a chapter is a percent script with # %% lines")])
    stray = _before_first_cell(lines[: starts[0]])
    if stray is not None:
        raise BuildError([Problem(file, stray + 1, "text before the first # %% line", lines[stray])])

    try:
        parsed = jupytext.reads(text, fmt="py:percent").cells
    except nbformat.ValidationError as error:
        line = next((i for i in starts if not _readable(lines[i])), 0)
        raise BuildError([Problem(file, line + 1, f"not valid, {error.message}", lines[line])]) from None
    cells, problems = [], []
    for start, end, node in zip(starts, [*starts[1:], len(lines)], parsed, strict=False):
        raw = lines[start + 1 : end]
        cell = _cell(node, start + 1, raw)
        found = _unlike(cell, raw, file)
        cells.append(cell)
        problems += found
        if any("does not begin a cell" in problem.message for problem in found):
            break
    if not problems and len(parsed) != len(starts):
        last = min(len(parsed), len(starts) - 1)
        problems.append(
            Problem(file, starts[last] + 1, "this line does not begin a cell", lines[starts[last]])
        )
    if problems:
        raise BuildError(problems)
    return Chapter(file, path.stem, tuple(cells))


def _before_first_cell(lines: list[str]) -> int | None:
    """Index of the first line that is neither blank nor part of jupytext's header, if any."""
    start = 0
    if lines and lines[0].rstrip() == "# ---":
        start = next((i + 1 for i, line in enumerate(lines) if i and line.rstrip() == "# ---"), 0)
    return next((i for i in range(start, len(lines)) if lines[i].strip()), None)


def _readable(marker: str) -> bool:
    try:
        jupytext.reads(f"{marker}\n", fmt="py:percent")
    except nbformat.ValidationError:
        return False
    return True


def _cell(node, marker_line: int, raw: list[str]) -> Cell:
    """One of jupytext's cells, without blank lines around it, with its place in the file."""
    options = {key: value for key, value in node.metadata.items() if key not in LAYOUT_KEYS}
    source = node.source.split("\n")
    quoted = node.cell_type != "code" and bool(raw) and raw[0].lstrip("rR").startswith(('"""', "'''"))
    first = marker_line + 1 + (1 if quoted and raw[0].strip("rR\"' \t") == "" else 0)
    while len(source) > 1 and not source[0].strip():
        del source[0]
        first += 1
    return Cell(node.cell_type, "\n".join(source).rstrip(), options, marker_line, first)


def _unlike(cell: Cell, raw: list[str], file: str) -> list[Problem]:
    """Where a code cell's lines are not the script's: a line cut elsewhere, a comment taken for a command."""
    if cell.kind != "code":
        return []
    offset = cell.first_line - cell.marker_line - 1
    script = [line.rstrip() for line in raw[offset:]]
    while script and not script[-1]:
        script.pop()
    shown = [line.rstrip() for line in cell.lines] if cell.source else []
    if len(shown) != len(script):
        line = cell.first_line + min(len(shown), len(script))
        return [Problem(file, line, "this line does not begin a cell (is it inside a string?)", "# %%")]
    problems = []
    for index, (ours, theirs) in enumerate(zip(script, shown, strict=True)):
        if ours != theirs and not theirs.lstrip().startswith(("%", "!", "?")):
            message = "jupytext reads this comment as a shell command, word it differently"
            problems.append(Problem(file, cell.at(index), message, ours))
    return problems
