"""The command: python -m tools.usable [CHAPTER …] [--exercise NAME] [--all-cells]."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from helpers.processes import python_command, stoppable
from tools.build.cli import ROOT, named_chapters
from tools.build.execute import kernel_environment
from tools.build.source import BuildError, Chapter, Course, read_chapter
from tools.usable.chapter import CHAPTERS, run_chapter

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def environment() -> dict[str, str]:
    """What chapters run under here: the build's environment, with figures that nobody sees."""
    folder = ROOT / "build" / "ipython"
    folder.mkdir(parents=True, exist_ok=True)
    return kernel_environment(str(folder)) | {"MPLBACKEND": "agg"}


@app.command()
@stoppable()
def main(
    chapters: Annotated[
        list[str] | None, typer.Argument(help="05 or 05_language_model; none: all", show_default=False)
    ] = None,
    exercise: Annotated[list[str] | None, typer.Option(help="Only this one; several are possible.")] = None,
    all_cells: Annotated[
        bool, typer.Option("--all-cells", help="Leave out no cell and no figure: takes minutes.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Processor time of one answer.", show_default="20, or 300")
    ] = None,
    statement: Annotated[
        float, typer.Option(min=0.1, help="Processor time after which one of the chapter's is cut short.")
    ] = CHAPTERS,
) -> None:
    """Try every accepted kind of answer in the cells that follow its check; 1 if one of them fails."""
    if not hasattr(os, "fork"):
        raise typer.BadParameter("this needs fork: Linux or macOS")
    course, wanted = Course(ROOT), environment()
    try:
        names = sorted(named_chapters(course, chapters) or [path.stem for path in course.sources()])
        read = [read_chapter(course.solutions / f"{name}.py", f"solutions/{name}.py") for name in names]
    except BuildError as error:
        print(error)
        raise typer.Exit(1) from None
    there = {chapter.name: {cell.options.get("exercise") for cell in chapter.cells} for chapter in read}
    only = set(exercise or set().union(*there.values()))
    if only - set().union(*there.values()):
        raise typer.BadParameter(f"not all of {', '.join(sorted(only))} are in these chapters")
    if len(read) == 1 and all(os.environ.get(name) == value for name, value in wanted.items()):
        failed = _failures(read[0], only, all_cells, seconds, statement)
    else:   # each chapter in a process of its own
        command = python_command("tools.usable", *["--all-cells"] * all_cells)
        command += [f"--seconds={seconds}"] if seconds else []
        command += [f"--statement={statement}"]
        failed = 0
        for name in sorted(name for name in names if there[name] & only):
            chosen = [f"--exercise={each}" for each in exercise or () if each in there[name]]
            failed += subprocess.call([*command, *chosen, name], env=wanted, cwd=ROOT) != 0
    if failed:
        raise typer.Exit(1)


def _failures(
    chapter: Chapter, only: set[str], all_cells: bool, seconds: float | None, statement: float
) -> bool:
    """Run a chapter in this process and print the report → whether it tells of failures."""
    from helpers.checks import Exercise, exercises
    sys.path.insert(0, str(ROOT))   # the chapter runs in another folder
    os.chdir(ROOT / "solutions")
    known = {each.name: each for each in exercises() if isinstance(each, Exercise) and each.name in only}
    seconds = seconds or (300 if all_cells else 20)
    report = run_chapter(chapter, known, all_cells=all_cells, seconds=seconds, statement=statement)
    print(report, flush=True)
    if report.failures and not all_cells:   # is it for want of a cell that was left out?
        print("Once more, with all cells:", flush=True)
        known = {name: each for name, each in known.items() if name in report.failures} or known
        report = run_chapter(chapter, known, all_cells=True, seconds=max(seconds, 300))
        print(report)
    return bool(report.failures)
