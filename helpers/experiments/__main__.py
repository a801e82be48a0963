"""The command: ``python -m helpers.experiments list`` and ``… run NAME``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from helpers import records
from helpers.console import command
from helpers.corpora.download import CorpusUnavailable
from helpers.experiments import registry
from helpers.processes import stoppable
from helpers.training.checkpoints import CheckpointError

# GNU OpenMP's threads wait for each other by spinning, for seconds if need be. Beside another busy process a
# step with many short parallel parts (an LSTM's) then takes ten times as long and more; with a short spin it
# hardly suffers. It has to be said before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

app = typer.Typer(help="Run a named experiment and record it.", no_args_is_help=True, add_completion=False)
console = Console()
problems = Console(stderr=True)


@app.command("list")
def list_() -> None:
    """Name the experiments, their chapters and their settings."""
    table = Table(Column("name", no_wrap=True), "chapter", "what it does", "settings")
    for each in registry.experiments():
        settings = ", ".join(f"{name}={value}" for name, value in each.settings.items())
        table.add_row(each.name, each.chapter, each.summary, settings)
    console.print(table)


@app.command()
@stoppable("Without --restart the same command goes on from the last checkpoint, if any.")
def run(
    name: Annotated[str, typer.Argument(help="Name of the experiment, as in 'list'.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")] = 0,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be repeated.")
    ] = [],  # noqa: B006 (typer reads the default, nobody writes to it)
    save_every: Annotated[int, typer.Option(min=1, help="Steps between two checkpoints.")] = 500,
    restart: Annotated[bool, typer.Option(help="Delete a checkpoint of this run and start anew.")] = False,
    bar: Annotated[bool, typer.Option(help="Draw a progress bar.")] = True,
    out: Annotated[
        Path | None, typer.Option(help="File for the record. [default: data/runs/NAME.json]")
    ] = None,
) -> None:
    """Run the experiment NAME and write its record.

    Stop it with Ctrl-C: the same command, without --restart, goes on from the last checkpoint. (Runs of a
    few seconds have none.)
    """
    first = int(os.environ.get("RANK", "0")) == 0   # the one of torchrun's processes that writes

    def path_of(record: Mapping[str, Any]) -> Path:
        return out or records.RUNS / file_name(record, overrides)

    try:
        overrides = dict(_pair(entry) for entry in set_)
        chosen = registry.get(name)
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count > 1 and not chosen.distributed:
            raise ValueError(f"torchrun: got {count} processes, wanted 1: {name} cannot share its work")
        record = chosen.run(
            seed=seed,
            overrides=overrides,
            resume=not restart,
            bar=bar,
            save_every=save_every,
            write=(lambda record: records.write_record(record, path_of(record))) if first else None,
        )
        if not first:
            return
        path = path_of(record)
    except (ValueError, CorpusUnavailable, FloatingPointError, OSError) as error:
        of_checkpoint = isinstance(error, CheckpointError)
        hint = " (--restart ignores the checkpoint and starts anew)" if of_checkpoint else ""
        text = f"[red]Error:[/] {escape(str(error))}{hint}"
        if first or isinstance(error, ConnectionError):
            problems.print(text, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    for key in ("valid_perplexity", "test_perplexity", "floor_perplexity"):
        if key in record:
            console.print(f"{key.replace('_', ' ')}: {record[key]:.2f}")
    console.print(f"recorded in {path}", soft_wrap=True, markup=False)


def _pair(entry: str) -> tuple[str, str]:
    name, equals, value = entry.partition("=")
    if not equals or not name:
        raise ValueError(f"--set: got {entry!r}, wanted NAME=VALUE")
    return name, value


def file_name(record: Mapping[str, Any], overrides: Iterable[str] = ()) -> str:
    """The plain run of seed 0 has the experiment's name; others say how they differ."""
    seed = f"-seed{record['seed']}" if record["seed"] else ""
    changed = "".join(f"-{name.replace('_', '-')}-{record['settings'][name]}" for name in overrides)
    return f"{record['name']}{seed}{changed}.json".lower()


if __name__ == "__main__":
    command(app)
