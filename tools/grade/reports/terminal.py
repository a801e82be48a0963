"""One learner's results as a table in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from tools.grade.reports import summary
from tools.grade.reports.plain import SYMBOLS, clean, heading, label, missed, number, of
from tools.grade.results import (
    FAILED,
    NOT_ATTEMPTED,
    NOT_GRADED,
    PARTLY,
    PASSED,
    ExerciseResult,
    SubmissionResult,
)

STYLES = {PASSED: "green", PARTLY: "yellow", FAILED: "red", NOT_GRADED: "magenta"}


def shown(found: SubmissionResult) -> Iterator[Any]:
    """What ``rich.console.Console.print`` shows of a submission: a table with the totals of each chapter,
    then each wrong answer's text and hint, then what could not be graded."""
    yield _table(found)
    for each in summary.in_order(found):
        if each.state in (FAILED, PARTLY, NOT_GRADED):
            yield _told(each)
    for sentence in found.problems:
        yield Text(f"! {clean(sentence, line=True)}", style=STYLES[NOT_GRADED])
    yield Text(f"{label(found.learner)}: {of(found.points, found.max_points)} points", style="bold")


def _table(found: SubmissionResult) -> Table:
    table = Table("", "exercise", "points", "state", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for chapter, results, points, most in summary.chapters(found):
        title = Text(f"Chapter {clean(chapter, 20, line=True)}", style="bold")
        untouched = all(each.state == NOT_ATTEMPTED for each in results)
        state = f"{len(results)} exercises, none attempted" if untouched else ""
        table.add_row("", title, Text(f"{number(points)} / {number(most)}", style="bold"), state)
        for each in () if untouched else results:
            table.add_row(*(Text(cell, style=STYLES.get(each.state, "")) for cell in _cells(each)))
    return table


def _cells(each: ExerciseResult) -> tuple[str, str, str, str]:
    points = f"{number(each.points) or '?'} / {number(each.max_points)}"
    return SYMBOLS[each.state], clean(heading(each), 80, line=True), points, missed(each)


def _told(each: ExerciseResult) -> Text:
    symbol, name, _, state = _cells(each)
    text = Text(f"{symbol} {name}: {state}\n", style=STYLES[each.state])
    for line in (each.text, each.hint and f"Hint: {each.hint}"):
        if line:
            text.append(f"  {clean(line, line=True)}\n", style="default")
    return text
