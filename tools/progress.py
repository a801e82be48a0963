"""The progress table in a terminal: python -m tools.progress [FOLDER] [--json]."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from helpers.console import command
from helpers.languages import translate
from helpers.progress import (
    MISSING,
    NOTEBOOKS,
    SYMBOLS,
    UNSURE,
    Progress,
    colouring,
    note,
    progress,
    summary,
)

STYLES = {"passed": "green", "failed": "red", "changed since the check": "yellow", "unreadable": "red"}
STYLES |= {MISSING: "red", UNSURE: "yellow"}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=translate("Which exercises of the saved notebooks have passed, as they say themselves."))
def main(
    folder: Annotated[
        Path, typer.Argument(help=translate("A folder with notebooks."), show_default="notebooks/")
    ] = NOTEBOOKS,
    as_json: Annotated[bool, typer.Option("--json", help=translate("The rows as JSON."))] = False,
) -> None:
    try:
        rows = progress(folder)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    elif not rows:
        print(translate("No exercises in {folder}.", folder=folder))
    else:
        shown, console = Progress(tuple(rows), note(folder, rows)), Console()
        console.print(_table(shown))
        console.print(Text(shown.note, style="dim"))


def _table(shown: Progress) -> Table:
    headers = "", translate("exercise"), "", translate("minutes"), translate("state")
    table = Table(*headers, box=None, pad_edge=False)
    table.columns[3].justify = "right"
    for name, rows in shown.chapters():
        style = STYLES.get(rows[0].state, "") if not rows[0].exercise else ""
        table.add_row("", Text(name, style="bold"), "", "", Text(summary(rows), style=style or "bold"))
        for row in rows:
            if row.exercise:
                style = STYLES.get(colouring(row), "")
                cells = SYMBOLS[row.state], row.exercise, row.stars, str(row.minutes), row.said
                table.add_row(*(Text(cell, style=style) for cell in cells))
    return table


if __name__ == "__main__":
    command(lambda: app(prog_name="python -m tools.progress"))
