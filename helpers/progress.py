"""Which exercises have passed, read from the learner's saved notebooks.

The build marks an exercise's cell and its check with metadata; the check leaves its verdict, as data, in
the notebook's outputs. Nothing is executed and nothing is written here.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from helpers.checks.box import MIME
from helpers.checks.sources import fingerprint
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED
from helpers.validation import require

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"

NOT_RUN, CHANGED, UNREADABLE = "not run", "changed since the check", "unreadable"
SYMBOLS = {PASSED: "✓", FAILED: "✗", NOT_ATTEMPTED: "○", NOT_RUN: "·", CHANGED: "↻", UNREADABLE: "!"}
COLOURS = {PASSED: "#2e7d32", FAILED: "#c62828", CHANGED: "#b26a00", UNREADABLE: "#c62828"}

SAVED = "Read from the saved notebooks: save yours (Ctrl+S, on a Mac ⌘S) to see its latest checks here."
EXAMPLE_NOTE = "An example. Run this cell in your own notebook, and the table is yours."


@dataclass(frozen=True)
class Row:
    """One exercise: the notebook's name, its own, stars (1 to 3), minutes, and how its last check ended.

    A notebook that cannot be read is one row without an exercise; `detail` says what is wrong with it.
    """

    chapter: str
    exercise: str
    difficulty: int
    minutes: int
    state: str
    detail: str = ""

    @property
    def stars(self) -> str:
        return "★" * self.difficulty + "☆" * (3 - self.difficulty)


@dataclass(frozen=True, repr=False)
class Progress:
    """The rows of a progress table, for display: HTML, plain text."""

    rows: tuple[Row, ...]
    note: str = SAVED

    def chapters(self) -> Iterator[tuple[str, list[Row]]]:
        """Every chapter with its rows, in order."""
        for name in dict.fromkeys(row.chapter for row in self.rows):
            yield name, [row for row in self.rows if row.chapter == name]

    def __repr__(self) -> str:
        lines = []
        for name, rows in self.chapters():
            lines.append(f"{name}: {summary(rows)}")
            for row in rows:
                if row.exercise:
                    effort = f"{row.stars} {row.minutes:>3} min"
                    lines.append(f"  {SYMBOLS[row.state]} {row.exercise:<28} {effort}  {row.state}")
        return "\n".join([*(lines or ["No notebooks with exercises here."]), self.note])

    def _repr_html_(self) -> str:
        body = []
        for name, rows in self.chapters():
            link = f"<a href='{escape(name, quote=True)}.ipynb'>{escape(name)}</a>"
            body.append(
                f"<tr><th scope='rowgroup' colspan='3' style='text-align:left'>{link}</th>"
                f"<th style='text-align:left'>{escape(summary(rows))}</th></tr>"
            )
            body += [_html_row(row) for row in rows if row.exercise]
        empty = "<tr><td>No notebooks with exercises here.</td></tr>"
        return (
            f"<table><caption style='caption-side:bottom;text-align:left'>{escape(self.note)}</caption>"
            f"<tbody>{''.join(body) or empty}</tbody></table>"
        )


def progress(folder: str | os.PathLike[str] = NOTEBOOKS) -> list[Row]:
    """The exercises of all notebooks in `folder`, by chapter, each with the state of its last check.

    A state is "not run", "not attempted", "failed", "passed", or "changed since the check" when the
    exercise's cell is not what was checked. Raises ValueError if `folder` is no folder.
    """
    require(Path(folder).is_dir(), "folder", repr(str(folder)), "a folder with notebooks")
    return [row for path in sorted(Path(folder).glob("*.ipynb")) for row in _rows(path)]


def show_progress(folder: str | os.PathLike[str] = NOTEBOOKS) -> Progress:
    """The progress table, to stand last in a cell.

    While the course is built (``UNROLLED_BUILD=1``) it is an example with one row for each state: the
    stored output must not depend on anybody's notebooks.
    """
    if os.environ.get("UNROLLED_BUILD") == "1":
        return Progress(EXAMPLE, EXAMPLE_NOTE)
    return Progress(tuple(progress(folder)))


def summary(rows: Sequence[Row]) -> str:
    """How many of the exercises have passed, and the minutes the others are expected to take."""
    details = [row.detail for row in rows if row.state == UNREADABLE]
    if details:
        return f"{UNREADABLE}: {details[0]}"
    passed = sum(row.state == PASSED for row in rows)
    left = sum(row.minutes for row in rows if row.state != PASSED)
    return f"{passed} of {len(rows)} passed" + (f", about {left} minutes left" if left else "")


EXAMPLE = tuple(
    Row("01_rnn_recap", exercise, difficulty, minutes, state)
    for exercise, difficulty, minutes, state in [
        ("an_exercise", 1, 5, PASSED),
        ("a_second", 2, 10, FAILED),
        ("a_third", 2, 10, CHANGED),
        ("a_fourth", 3, 15, NOT_ATTEMPTED),
        ("a_fifth", 3, 20, NOT_RUN),
    ]
)


def _rows(path: Path) -> list[Row]:
    """The exercises of one notebook. Learners' files can be broken in any way: that is a row, no error."""
    try:
        cells = _read(path)
        exercises = {_mark(cell)["exercise"]: _mark(cell) for cell in cells if "exercise" in _mark(cell)}
        checked = {_mark(cell)["check"]: {} for cell in cells if "check" in _mark(cell)}
        return [
            Row(path.stem, name, _whole(mark, "difficulty"), _whole(mark, "minutes"), _state(cells, name))
            for name, mark in (checked | exercises).items()
        ]
    except Exception as error:
        text = str(error).strip().partition("\n")[0][:100]
        return [Row(path.stem, "", 0, 0, UNREADABLE, f"{type(error).__name__}: {text}")]


def _read(path: Path) -> list[Any]:
    import nbformat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")   # old notebooks have no cell ids; that is no matter here
        return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4).cells


def _mark(cell: Any) -> dict[str, Any]:
    mark = cell.metadata.get("unrolled", {})
    return mark if isinstance(mark, dict) else {}


def _whole(mark: dict[str, Any], key: str) -> int:
    value = mark.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _state(cells: list[Any], name: str) -> str:
    verdict = _verdict(cells, name)
    if verdict is None:
        return NOT_RUN
    checked = verdict.get("fingerprint")
    sources = [cell.source for cell in cells if _mark(cell).get("exercise") == name]
    # A cell that was copied or split carries its mark twice: one of them is what was checked.
    if checked and sources and checked not in {_fingerprint(source, name) for source in sources}:
        return CHANGED
    state = verdict.get("state")
    return state if state in (PASSED, FAILED, NOT_ATTEMPTED) else NOT_RUN


def _verdict(cells: list[Any], name: str) -> dict[str, Any] | None:
    """What the check showed last, None if it has not run."""
    found = None
    for cell in cells:
        if _mark(cell).get("check") == name:
            for output in cell.get("outputs", []):
                data = output.get("data", {}).get(MIME)
                if isinstance(data, dict) and data.get("exercise") == name:
                    found = data
    return found


def _fingerprint(source: str, name: str) -> str:
    """As `helpers.checks.sources.fingerprint`, of a notebook cell, which may hold magics too."""
    plain = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))]
    return fingerprint(source, name) or fingerprint("\n".join(plain), name)


def _html_row(row: Row) -> str:
    colour = COLOURS.get(row.state, "inherit")
    return (
        f"<tr><td style='color:{colour}'>{SYMBOLS[row.state]}</td>"
        f"<td style='text-align:left'><code>{escape(row.exercise)}</code></td>"
        f"<td>{row.stars} · {row.minutes} min</td>"
        f"<td style='text-align:left;color:{colour}'>{row.state}</td></tr>"
    )
