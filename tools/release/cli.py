"""The command: python -m tools.release 01 04 [--out FILE.zip] [--solutions-of 00] [--list]."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from helpers.files import writing
from helpers.processes import stoppable
from tools.build.cli import named_chapters
from tools.build.source import BuildError, Course
from tools.options import writable
from tools.release.contents import Contents, contents

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "unrolled"
DATE = (1980, 1, 1, 0, 0, 0)   # the first that a zip file can hold: the same files give the same bytes
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@app.command()
@stoppable("Nothing was written.")
def main(
    chapters: Annotated[
        list[str], typer.Argument(help="01 or 01_rnn_recap; 00 is always in it.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(callback=writable, help="The zip file.", show_default="build/unrolled-00-01-….zip"),
    ] = None,
    solutions_of: Annotated[
        list[str] | None, typer.Option(help="A chapter whose solutions are handed out, too; may be repeated.")
    ] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Say what stays as code and why; write nothing.")
    ] = False,
) -> None:
    """Make a zip file of chosen chapters for a class: student notebooks, helpers, data, environment.

    No solutions but those asked for; checks compare with recorded answers and still name mistakes.
    """
    course = Course(ROOT)
    try:
        names = named_chapters(course, ["00", *chapters]) or set()
        solved = named_chapters(course, solutions_of) if solutions_of else None
        path = out or ROOT / "build" / f"unrolled-{'-'.join(sorted(name[:2] for name in names))}.zip"
        started = time.perf_counter()
        made = _contents(names, solved or set())
        if not only_list:
            with writing(path, "wb") as file:
                write_zip(file, made.files)
    except BuildError as error:
        for problem in error.problems:
            print(problem)
        console.print("[bold red]Not released.[/]")
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"Not released: {error.filename or path}: {error.strerror or error}")
        raise typer.Exit(1) from None
    _report(made, only_list)
    if not only_list:
        size, seconds = path.stat().st_size / 2**20, time.perf_counter() - started
        print(f"{path}: {len(made.files)} files, {size:.1f} MB, {seconds:.0f} s")


def _contents(names: set[str], solved: set[str]) -> Contents:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with shown as bar:
        task = bar.add_task("reading the course", total=None)

        def step(name: str, number: int, total: int) -> None:
            bar.update(task, description=name, completed=number, total=total)

        return contents(ROOT, names, solved, step)


def write_zip(file: IO[bytes], files: Mapping[str, bytes]) -> None:
    """Write `files` as a zip file, below one folder; the same bytes for the same files."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", DATE)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])


def _report(made: Contents, everything: bool) -> None:
    for name, why in made.in_code.items() if everything else ():
        print(f"  {name}: its cases stay as (sealed) code: {why}")
    if everything:
        print(f"Sealed: {', '.join(made.sealed)}.")
    elif made.in_code:
        print(f"Their cases stay as (sealed) code, --list says why: {', '.join(made.in_code)}.")
