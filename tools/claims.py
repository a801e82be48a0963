"""Which of a chapter's claims hold on this processor as it is: python -m tools.claims 07.

The build switches wide instructions off, so that its outputs are the same everywhere; learners do not. This
runs a chapter with whatever the processor knows and compares its claims with the stored ones.
"""

from __future__ import annotations

import copy
from typing import Annotated

import nbformat
import typer
from rich.console import Console

from helpers.console import command
from helpers.processes import run_coroutine, stoppable
from tools.build.cli import ROOT, named_chapters
from tools.build.execute import CellFailed, execute
from tools.build.freshness import read_notebook
from tools.build.pipeline import draft_course
from tools.build.source import BuildError, Course

MARKS = {"✓ ": True, "✗ ": False}
NOT_IN_THIS_RUN = " (not in this run)"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def claims_in(notebook: nbformat.NotebookNode) -> dict[str, bool]:
    """Every sentence that the executed `notebook` claims, and whether it held."""
    printed = [
        line
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
        for line in output.text.splitlines()
    ]
    return {
        line[2:].removesuffix(NOT_IN_THIS_RUN): MARKS[line[:2]] for line in printed if line[:2] in MARKS
    }


def claims_with_own_arithmetic(course: Course, name: str) -> dict[str, bool]:
    """The claims of chapter `name` (``07_attention``), executed with all that this processor knows.

    Raises BuildError when the chapter is not in order, CellFailed when it does not run to its end.
    """
    drafts, problems = draft_course(course, wanted={name})
    if problems:
        raise BuildError(problems)
    notebook = copy.deepcopy(drafts[0].solution)
    run_coroutine(execute(notebook, course.solutions, own_arithmetic=True))
    return claims_in(notebook)


@app.command()
@stoppable()
def main(
    chapters: Annotated[list[str], typer.Argument(help="07 or 07_attention; several are possible")],
) -> None:
    """Run chapters with the processor's own instructions and list their claims; 1 if one does not hold."""
    course, console, wrong = Course(ROOT), Console(highlight=False), 0
    try:
        names = sorted(named_chapters(course, chapters))
    except BuildError as error:
        print(error)
        raise typer.Exit(1) from None
    for name in names:
        stored = read_notebook(course.solutions / f"{name}.ipynb")
        before = {} if stored is None else claims_in(stored)
        try:
            now = claims_with_own_arithmetic(course, name)
        except (BuildError, CellFailed) as error:
            console.print(f"[bold red]{name}[/]: {error}")
            wrong += 1
            continue
        for sentence, holds in now.items():
            console.print(f"{'✓' if holds else '✗'} {sentence}", markup=False, soft_wrap=True)
        gone = set(before) - set(now)
        for sentence in sorted(gone):
            console.print(f"? {sentence} (stored, but not said in this run)", markup=False, soft_wrap=True)
        failing = sum(not holds for holds in now.values())
        wrong += failing + len(gone)
        console.print(f"{name}: {len(now)} claims, {failing} do not hold, {len(gone)} were not said")
    if wrong:
        raise typer.Exit(1)


if __name__ == "__main__":
    command(lambda: app(prog_name="python -m tools.claims"))
