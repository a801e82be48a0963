"""The command: python -m tools.usable [CHAPTER …] [--exercise NAME] [--all-cells]."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from tools.build.cli import ROOT, named_chapters
from tools.build.execute import kernel_environment
from tools.build.source import BuildError, Chapter, Course, read_chapter

FAILED, OMITTED = 1, 3
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
    jobs: Annotated[int, typer.Option(min=1, help="Answers tried at the same time.")] = 2,
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
    statuses = []
    for chapter in read:
        options = {"only": set(exercise or ()), "jobs": jobs, "seconds": seconds}
        statuses.append(_in_a_fork(course, chapter, all_cells=all_cells, in_full=all_cells, **options))
        if statuses[-1] == OMITTED:
            print(f"{chapter.name}: once more, with all cells")
            statuses[-1] = _in_a_fork(course, chapter, all_cells=True, **options)
    if any(statuses):
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


def _run(chapter: Chapter, only: set[str], seconds: float | None, **options: Any) -> int:
    from helpers.checks import Exercise, exercises
    from tools.usable.chapter import run_chapter

    known = {each.name: each for each in exercises() if isinstance(each, Exercise)}
    known = {name: each for name, each in known.items() if name in only or not only}
    seconds = seconds or (300.0 if options["in_full"] else 20.0)
    report = run_chapter(chapter, known, seconds=seconds, **options)
    print(report)
    return OMITTED if report.omitted else FAILED if report.failures else 0
