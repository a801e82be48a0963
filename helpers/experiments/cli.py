"""The command: ``python -m helpers.experiments list`` and ``… run NAME``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from helpers import records
from helpers.corpora.download import CorpusUnavailable
from helpers.experiments import registry
from helpers.experiments.settings import LARGEST_SEED
from helpers.files import portable_name
from helpers.processes import stoppable
from helpers.training.checkpoints import CheckpointError
from helpers.validation import require

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
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the random numbers.")] = 0,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be repeated.")
    ] = [],  # noqa: B006 (typer reads the default, nobody writes to it)
    save_every: Annotated[int, typer.Option(min=1, help="Steps between two checkpoints.")] = 500,
    restart: Annotated[bool, typer.Option(help="Delete a checkpoint of this run and start anew.")] = False,
    bar: Annotated[bool, typer.Option(help="Draw a progress bar.")] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the record, also over an older one. [default: data/own/NAME.json]"),
    ] = None,
    course: Annotated[
        bool, typer.Option("--course", help="For authors: the course's own record, data/runs/NAME.json.")
    ] = False,
) -> None:
    """Run the experiment NAME and write its record, to data/own/, where it is yours.

    Stop it with Ctrl-C: the same command, without --restart, goes on from the last checkpoint. (Runs of a
    few seconds have none.)

    The exit status is 0 when the record is written, 1 for an error that is named (a run that diverged has its
    record all the same), 2 for wrong options, 130 when stopped.
    """
    try:
        overrides = _pairs(set_)
        chosen = registry.get(name)
        count = registry.process_count()
        if count > 1 and not chosen.distributed:
            raise ValueError(f"torchrun: got {count} processes, wanted 1: {name} cannot share its work")
        plan = {"name": name, "seed": seed, "settings": chosen.settled(overrides)}
        out = out and out.expanduser()   # no shell does it in --out=~/…
        require(not (out and course), "--course", f"--out {out} as well", "one place for the record")
        file = file_name(plan, overrides)
        path = out or (records.RUNS if course else records.OWN) / file
        if out and out.is_file() and out.stat().st_size:
            there = (records.found(out) or {}).get("name")
            is_ = f"the record of {there}" if there else "no record"
            require(there == name, "--out", f"{out}, which is there and is {is_}", "another name")
        record = chosen.run(
            seed=seed,
            overrides=overrides,
            resume=not restart,
            bar=bar,
            save_every=save_every,
            out=path if registry.first_process() else None,
        )
    except Exception as error:
        text = explained(error)
        if text is None:
            raise
        if registry.first_process() or isinstance(error, ConnectionError):
            problems.print(f"[red]Error:[/] {escape(text)}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    if not registry.first_process():
        return
    courses = {} if course else records.found(records.RUNS / file) or {}
    for key in ("valid_perplexity", "test_perplexity", "floor_perplexity"):
        if record.get(key) is not None:
            beside = f" (the course's record: {courses[key]:.2f})" if courses.get(key) is not None else ""
            console.print(f"{key.replace('_', ' ')}: {record[key]:.2f}{beside}", highlight=False)
    console.print(f"recorded in {path}", soft_wrap=True, markup=False)


def explained(error: Exception) -> str | None:
    """A sentence for the user, or None where the error is a mistake of ours, whose traceback is wanted."""
    if isinstance(error, CheckpointError):
        return f"{error} (--restart ignores the checkpoint and starts anew)"
    text = str(error)
    if isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text:
        return f"not enough memory ({text or 'MemoryError'}): a smaller batch_size or hidden_size needs less"
    if isinstance(error, ImportError):
        return f"{error}; 'python -m helpers.environment' says what is missing and how to install it"
    if isinstance(error, BrokenProcessPool):
        return f"{error} The same command goes on from what is done; --set jobs=1 needs less memory."
    known = (ValueError, OSError, FloatingPointError, CorpusUnavailable)
    return text if isinstance(error, known) else None


def _pairs(entries: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        require(bool(equals and name and value), "--set", repr(entry), "NAME=VALUE")
        require(name not in pairs, "--set", f"{name} twice", "each once")
        pairs[name] = value
    return pairs


def file_name(record: Mapping[str, Any], overrides: Iterable[str] = ()) -> str:
    """The plain run of seed 0 has the experiment's name; others say how they differ."""
    seed = f"-seed{record['seed']}" if record["seed"] else ""
    changed = "".join(f"-{name.replace('_', '-')}-{record['settings'][name]}" for name in overrides)
    return f"{portable_name(record['name'] + seed + changed)}.json"
