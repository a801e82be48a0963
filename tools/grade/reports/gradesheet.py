"""Results as a table of comma-separated values, a row a learner, for spreadsheets and pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from tools.grade.reports.plain import clean, handed_in, heading, missed
from tools.grade.results import ClassResult, SubmissionResult

_FORMULA = tuple("=+-@\t\r\n＝＋－＠|%")
NOT_HANDED_IN = "nothing of this chapter"


def csv_text(found: ClassResult) -> str:
    """The table. First the learner, totals and what is to be known of the submission, then the points in a
    column an exercise (empty, not 0, where there are none), then their states with the mistakes' names.

    It begins with a byte order mark: a spreadsheet then reads UTF-8, and so does pandas, which drops it.
    Text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(_rows(found))
    return "\ufeff" + out.getvalue()


def _rows(found: ClassResult) -> Iterator[list[str | float]]:
    exercises = found.exercises()
    headings = [_text(heading(each)) for each in exercises]
    yield [
        "learner", "points", "max points", "not graded", "graded at", "submitted at", "files", "isolation",
        "problems", *headings, *(f"{each}: state" for each in headings),
    ]  # fmt: skip
    for each in found.submissions:
        results = {(result.chapter, result.exercise): result for result in each.exercises}
        own = [results.get((exercise.chapter, exercise.exercise)) for exercise in exercises]
        points = ["" if result is None or result.points is None else _number(result.points) for result in own]
        states = [NOT_HANDED_IN if result is None else missed(result) for result in own]
        yield [*_about(each), *points, *map(_text, states)]


def _about(submission: SubmissionResult) -> list[str | float]:
    unknown = sum(result.points is None for result in submission.exercises)
    texts = (submission.graded, handed_in(submission), "; ".join(file.path for file in submission.files),
             submission.isolation, "; ".join(submission.problems))  # fmt: skip
    return [_text(submission.learner), _number(submission.points), _number(submission.max_points), unknown,
            *map(_text, texts)]  # fmt: skip


def _number(points: float) -> float:
    return round(points, 4) + 0.0


def _text(text: str) -> str:
    text = clean(text, 1_000, line=True)
    return f"'{text}" if text.startswith(_FORMULA) else text
