"""The command: python -m tools.grade FILE|FOLDER … with its reports."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from helpers.checks import CHAPTERS
from helpers.console import say
from helpers.processes import stoppable
from helpers.validation import require as validate
from tools.grade import reading, reports, required
from tools.grade.reports import terminal
from tools.grade.reports.plain import label, of
from tools.grade.results import ClassResult
from tools.grade.run import ROOT, CannotGrade, Settings, grade
from tools.options import writable

GOES_ON = "What is graded is kept; the same command goes on."
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _report(option: str, text: str):
    return Annotated[Path | None, typer.Option(option, callback=writable, help=text)]


def _writable_pages(html: Path | None) -> Path | None:
    """A callback: as `writable`, of a folder of pages, or of one page."""
    writable(html if html is None or reports.is_page(html) else html / "index.html")
    return html


@app.command()
@stoppable(GOES_ON)
def main(
    paths: Annotated[list[Path], typer.Argument(help="Notebooks, folders of learners, zip files.")],
    out: Annotated[
        Path | None, typer.Option(help="Where results are kept.", show_default="build/grades/NAME")
    ] = None,
    as_json: _report("--json", "All results as JSON.") = None,
    junit: _report("--junit", "JUnit, for CI.") = None,
    csv: _report("--csv", "A row a learner, a column an exercise.") = None,
    markdown: _report("--markdown", "A table for people.") = None,
    html: Annotated[
        Path | None,
        typer.Option(callback=_writable_pages,
                     help="A folder of pages: index.html for you, one for each learner."),
    ] = None,
    require: Annotated[
        str,
        typer.Option(envvar="UNROLLED_REQUIRE", help='What has to be there, such as "01:5 02:all".'),
    ] = "",
    chapters: Annotated[str, typer.Option(help='Only these chapters, such as "01 04".')] = "",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Submissions at a time.")] = 2,
    isolated: Annotated[
        bool | None,
        typer.Option("--isolated/--not-isolated", help="Insist on bubblewrap, or do without.",
                     show_default="with it where it is"),
    ] = None,
) -> None:  # fmt: skip
    """Grade learners' notebooks. Nothing of theirs runs in this process or can change it.

    Give it one notebook, a folder of one learner, or a folder with one folder for each learner of a class.
    Ends with 0; with 1 where --require is not met, 2 for wrong usage, and with 3 where nothing could be
    graded, or what --require asks for could not.
    """
    out = out or ROOT / "build" / "grades" / re.sub(r"[^\w.-]+", "_", Path(os.path.abspath(paths[0])).name)
    try:
        known = {chapter: reading.exercise_names(chapter) for chapter in CHAPTERS}
        parts = required.parse(require, known)
        wanted = tuple(re.findall(r"[^\s,;]+", chapters))
        for each in wanted:
            validate(each in known, "chapters", repr(each), f"some of {', '.join(known)}")
        with _Bar() as bar:
            found = grade(paths, Settings(out, jobs, isolated, wanted, bar.tell, bar.progress))
        reports.write(found, json=as_json or out / "results.json", junit=junit, csv=csv or out / "grades.csv",
                      markdown=markdown, html=html or out / "feedback")  # fmt: skip
    except (CannotGrade, OSError) as error:
        say(f"Not graded: {error}")
        raise typer.Exit(required.UNKNOWN) from None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _show(found, Console())
    say(f"Results: {_short(out)}")
    raise typer.Exit(_status(found, parts))


def _show(found: ClassResult, console: Console) -> None:
    """One learner's table, or a line for each of a class."""
    if len(found.submissions) == 1:
        for part in terminal.shown(found.submissions[0]):
            console.print(part, highlight=False)
        return
    for each in found.submissions:
        problems = f"; {len(each.problems)} of its files or exercises not graded" if not each.complete else ""
        console.print(Text(f"{label(each.learner)}: {of(each.points, each.max_points)}{problems}"))


def _status(found: ClassResult, parts: tuple[required.Part, ...]) -> int:
    """Say what is missing; the exit status."""
    for submission in found.submissions:
        for short in required.missing(parts, submission):
            who = f"{label(submission.learner)}: " if len(found.submissions) > 1 else ""
            say(f"{who}{short.sentence}")
    return required.status(parts, found.submissions)


class _Bar:
    """A progress bar on a terminal; lines elsewhere would only fill a log."""

    def __init__(self) -> None:
        self.console = Console()
        columns = (TextColumn("Grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                   TimeRemainingColumn(), TextColumn("{task.description}"))  # fmt: skip
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = None

    def __enter__(self) -> _Bar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def tell(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)

    def progress(self, done: int, whole: int, learner: str) -> None:
        if self.task is None:
            self.task = self.bar.add_task("", total=whole)
        self.bar.update(self.task, completed=done, total=whole, description=escape(learner[:40]))


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
