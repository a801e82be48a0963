"""The command: python -m tools.usable [CHAPTER …] [--exercise NAME] [--all-cells]."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from tools.build.cli import ROOT, named_chapters
from tools.build.execute import kernel_environment
from tools.build.source import BuildError, Chapter, Course, read_chapter

FAILED = 1
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def environment() -> dict[str, str]:
    """What chapters run under here: the build's environment, with figures that nobody sees."""
    folder = ROOT / "build" / "ipython"
    folder.mkdir(parents=True, exist_ok=True)
    return kernel_environment(str(folder)) | {"MPLBACKEND": "agg"}


@app.command()
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
) -> None:
    """Try every accepted kind of answer in the cells that follow its check; 1 if one of them fails."""
    if not hasattr(os, "fork"):
        raise typer.BadParameter("this needs fork: Linux or macOS")
    wanted = environment()
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, "-m", "tools.usable", *sys.argv[1:]], wanted)
    sys.stdout.reconfigure(errors="replace")   # a terminal or file without a cross in its character set
    course = Course(ROOT)
    try:
        names = sorted(named_chapters(course, chapters) or [path.stem for path in course.sources()])
        read = [read_chapter(course.solutions / f"{name}.py", f"solutions/{name}.py") for name in names]
    except BuildError as error:
        print(error)
        raise typer.Exit(FAILED) from None
    there = {cell.options.get("exercise") for chapter in read for cell in chapter.cells}
    if set(exercise or ()) - there:
        raise typer.BadParameter(f"no exercise {', '.join(sorted(set(exercise) - there))} in these chapters")
    options = {"only": set(exercise or ()) or there, "all_cells": all_cells, "seconds": seconds}
    if any([_in_a_fork(course, chapter, **options) for chapter in read]):   # all of them
        raise typer.Exit(FAILED)


def _in_a_fork(course: Course, chapter: Chapter, **options: Any) -> int:
    """Run a chapter in a process of its own, which prints the report → its exit status."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = FAILED
    try:
        sys.path.insert(0, str(course.root))   # the chapter runs in another folder
        os.chdir(course.solutions)
        status = _run(chapter, **options)
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        os._exit(status)


def _run(chapter: Chapter, only: set[str], all_cells: bool, seconds: float | None) -> int:
    from helpers.checks import Exercise, exercises
    from tools.usable.chapter import run_chapter

    known = {each.name: each for each in exercises() if isinstance(each, Exercise) and each.name in only}
    report = run_chapter(chapter, known, all_cells=all_cells, seconds=seconds or (300 if all_cells else 20))
    print(report)
    if report.failures and not all_cells:   # is it for want of a cell that was left out?
        print("Once more, with all cells:")
        known = {name: each for name, each in known.items() if name in report.failures} or known
        report = run_chapter(chapter, known, all_cells=True, seconds=seconds or 300)
        print(report)
    return FAILED if report.failures else 0
