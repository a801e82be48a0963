"""The command: python -m tools.build [CHAPTER …] [--force] [--check] [--jobs N]."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from helpers.files import lock
from helpers.processes import run_coroutine, stoppable
from tools.build.freshness import orphans
from tools.build.pipeline import Draft, build_chapter, draft_course, needs_execution, stale, write_prose
from tools.build.rules import registered_exercises
from tools.build.source import BuildError, Course, Problem

ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)
Chapters = Annotated[
    list[str] | None, typer.Argument(help="05 or 05_language_model; none: all", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Build what is up to date, too.")]
Check = Annotated[bool, typer.Option("--check", help="Compare only: run nothing, write nothing.")]
Jobs = Annotated[int, typer.Option(min=1, help="Chapters executed at the same time.")]


@app.command()
@stoppable("What was built is kept, and what was being built is as it was.")
def main(
    chapters: Chapters = None,
    force: Force = False,
    check: Check = False,
    jobs: Jobs = 1,
    root: Annotated[Path, typer.Option(help="The course's folder.", hidden=True)] = ROOT,
) -> None:
    """Build the notebooks from solutions/*.py: executed solutions, and student notebooks without them."""
    course = Course(root.resolve())
    try:
        wanted = named_chapters(course, chapters)
        known = registered_exercises() if course.root == ROOT else None
        drafts, problems = draft_course(course, known, wanted)
        problems += bring_up_to_date(course, drafts, wanted is None, force=force, check=check, jobs=jobs)
    except BuildError as error:
        problems = error.problems
    end(problems)


def bring_up_to_date(
    course: Course, drafts: list[Draft], every: bool, *, force: bool, check: bool, jobs: int
) -> list[Problem]:
    """Build what is not what `drafts` build, or with `check` only compare; the problems. `every`: the drafts
    are those of all chapters."""
    if check:
        problems = _check(course, drafts, every)
        if not problems:
            console.print(f"[green]fresh[/]      {_count(len(drafts), 'chapter')}")
        return problems
    with _owned(course, drafts):
        return run_coroutine(_build(course, drafts, force, jobs))


def end(problems: list[Problem]) -> None:
    """Print the problems; with any, exit status 1."""
    for problem in problems:
        print(problem)
    if problems:
        files = len({problem.file for problem in problems})
        console.print(f"[bold red]{_count(len(problems), 'problem')}[/] in {_count(files, 'file')}")
        raise typer.Exit(1)


def _check(course: Course, drafts: list[Draft], every: bool) -> list[Problem]:
    """What is stale. A learner's work in notebooks/ is remarked on, but in continuous integration, where what
    is there was committed, it is a problem."""
    problems, learners = [], not os.environ.get("CI")
    for draft in drafts:
        found, remarks = stale(course, draft, learners)
        problems += found
        for remark in remarks:
            print(f"{remark}. Is it yours to learn in? Then all is well. Authors build it anew;")
            print("  the build keeps this one in notebooks/replaced/.")
    return problems + (orphans(course) if every else [])


@contextmanager
def _owned(course: Course, drafts: list[Draft]) -> Iterator[None]:
    """These chapters are built by this process alone; another one waits."""
    with ExitStack() as stack:
        for draft in sorted(drafts, key=lambda draft: draft.chapter.name):
            stack.enter_context(lock(course.records / draft.chapter.name, print))
        yield


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


def named_chapters(course: Course, chapters: list[str] | None) -> set[str] | None:
    """The full names of the chapters asked for; None for all."""
    names = [path.stem for path in course.sources()]
    if not names:
        raise BuildError([Problem("solutions", 1, "no chapter NN_name.py to build")])
    wanted = set()
    for asked in chapters or []:
        short = asked.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py").removesuffix(".ipynb")
        found = [name for name in names if name == short or (short.isdigit() and name[:2] == short.zfill(2))]
        if not found:
            raise typer.BadParameter(f"no chapter {asked!r}; there are {', '.join(names)}")
        wanted.update(found)
    return wanted or None


async def _build(course: Course, drafts: list[Draft], force: bool, jobs: int) -> list[Problem]:
    """Build what needs it, `jobs` chapters at a time; one chapter's problems do not stop the others."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("cell {task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )

    def kept(text: str) -> None:
        console.print(f"[yellow]kept[/]       {text}", soft_wrap=True)

    problems: list[Problem] = []
    room = asyncio.Semaphore(jobs)
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with shown as progress:

        async def one(draft: Draft, task: TaskID) -> None:
            name = draft.chapter.name
            async with room:
                progress.start_task(task)
                started = time.perf_counter()
                try:
                    await build_chapter(
                        course,
                        draft,
                        lambda position: progress.update(task, completed=position + 1),
                        on_kept=kept,
                    )
                except BuildError as error:
                    problems.extend(error.problems)
                    console.print(f"[bold red]refused[/]    {name}")
                else:
                    console.print(f"[green]built[/]      {name} · {time.perf_counter() - started:.0f} s")
                finally:
                    progress.remove_task(task)

        async with asyncio.TaskGroup() as group:
            for draft in drafts:
                name = draft.chapter.name
                if force or needs_execution(course, draft):
                    task = progress.add_task(name, total=len(draft.chapter.cells), start=False)
                    group.create_task(one(draft, task))
                elif written := write_prose(course, draft, kept):
                    console.print(f"[green]built[/]      {name} · {', '.join(written)}: no code changed")
                else:
                    console.print(f"up to date {name}")
    return sorted(problems)
