"""The command: python -m tools.mutants [NAME …]."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from helpers.checks import get
from helpers.checks.slips import Slip, source_of
from helpers.console import command
from helpers.files import write_text
from helpers.processes import stoppable
from tools.mutants.code import Mutant, chosen, mutants, right_answers
from tools.mutants.pool import Judged, judge_all
from tools.mutants.report import EQUIVALENT, Row, difference, fate, idle, read_equivalents
from tools.options import writable

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Listed(StrEnum):
    """What is listed after the table."""

    survivors = "survivors"
    unnamed = "unnamed"
    stopped = "stopped"
    all = "all"


@app.command()
@stoppable("Nothing is kept of this run.")
def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Exercises; none: all of them.", show_default=False)
    ] = None,
    chapter: Annotated[str | None, typer.Option(help="Only this chapter, as 04.")] = None,
    budget: Annotated[int | None, typer.Option(min=1, help="So many mutants an exercise, drawn.")] = None,
    listed: Annotated[Listed | None, typer.Option("--list", help="Show these, with their changes.")] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", callback=writable, help="Where every verdict goes.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at the same time.")] = 2,
    seconds: Annotated[float, typer.Option(min=1, help="After so long a mutant is stopped.")] = 60.0,
    quick: Annotated[bool, typer.Option("--quick", help="No search for names among slips.")] = False,
    equivalents: Annotated[Path, typer.Option(help="Survivors that are right answers.")] = EQUIVALENT,
) -> None:
    """Wrong answers, one slip each, put through the checks; 1 when one passes that is not excused."""
    console = Console(highlight=False)
    try:
        wanted = list(chosen(names, chapter))
        excused = read_equivalents(equivalents)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    unchanged = [
        Mutant(exercise.name, origin, Slip("unchanged", source_of(function), "-", "", 1, ""))
        for exercise in wanted
        for origin, function in right_answers(exercise).items()
    ]
    todo = unchanged + [mutant for exercise in wanted for mutant in mutants(exercise, budget)]
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("mutants", total=len(todo))
        every = judge_all(todo, jobs=jobs, seconds=seconds, slips_named=not quick,
                          done=lambda judged: progress.advance(task))  # fmt: skip
    right, every = every[: len(unchanged)], every[len(unchanged) :]
    rejected = [judged for judged in right if judged.state != "passed"]
    broken = [judged for judged in every if judged.state == "error"]
    fates = [fate(judged, excused) for judged in every]
    rows = {exercise.name: Row(exercise.name, exercise.chapter) for exercise in wanted}
    for judged, one in zip(every, fates, strict=True):
        rows[judged.mutant.exercise].count(one)
    console.print(_table(list(rows.values())))
    for judged in rejected:
        text = f"{judged.mutant.exercise}: its {judged.mutant.origin} does not pass: {judged.text}"
        console.print(text, style="red", markup=False, soft_wrap=True)
    for judged in broken:
        text = f"{judged.mutant.exercise}: the check fails with an error: {judged.text}"
        console.print(text, style="red", markup=False, soft_wrap=True)
    for judged, one in zip(every, fates, strict=True):
        if listed is Listed.all or one == {"survivors": "survivor"}.get(str(listed), listed):
            _show(console, judged, one)
    for entry in idle(excused, every) if budget is None else []:
        text = f"{entry.exercise}: no survivor has `{entry.now}` for `{entry.was}`: the entry can go"
        console.print(text, style="yellow", markup=False, soft_wrap=True)
    if json_path is not None:
        verdicts = [{"fate": one, **asdict(judged)} for judged, one in zip(every, fates, strict=True)]
        report = {"exercises": [asdict(row) for row in rows.values()], "mutants": verdicts}
        write_text(json_path, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if rejected or broken or "survivor" in fates:
        raise typer.Exit(1)


def _table(rows: list[Row]) -> Table:
    total = Row("all", "")
    table = Table(*("exercise", "mutants", "killed", "named", "by slip", "unnamed", "stopped"),
                  *("equivalent", "survivors"), box=None, pad_edge=False)  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for row in [*rows, total] if len(rows) > 1 else rows:
        numbers = [value for value in vars(row).values() if isinstance(value, int)]
        style = "red" if row.survivors else ""
        table.add_row(row.exercise, *map(str, numbers), style="bold" if row is total else style)
        if row is not total:
            for name, value in vars(row).items():
                if isinstance(value, int):
                    setattr(total, name, getattr(total, name) + value)
    return table


def _show(console: Console, judged: Judged, one: str) -> None:
    """One mutant: its fate, the lines that changed, and what the learner is told."""
    mutant = judged.mutant
    name = f" ({judged.misconception})" if judged.misconception else ""
    console.print(f"\n{mutant.exercise}, {mutant.origin}, {mutant.slip.kind}: {one}{name}", markup=False)
    original = source_of(right_answers(get(mutant.exercise))[mutant.origin])
    for line in difference(original, mutant.slip.source):
        console.print(f"  {line}", markup=False, soft_wrap=True, style="red" if line[0] == "-" else "green")
    for text in (judged.text, judged.hint) if one != "survivor" else ():
        if text:
            console.print(f"  {text}", markup=False, soft_wrap=True, style="dim")


if __name__ == "__main__":
    command(lambda: app(prog_name="python -m tools.mutants"))
