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
from helpers.languages import translate
from helpers.processes import stoppable
from helpers.training.checkpoints import CheckpointError
from helpers.validation import require

# GNU OpenMP's threads wait for each other by spinning, for seconds if need be. Beside another busy process a
# step with many short parallel parts (an LSTM's) then takes ten times as long and more; with a short spin it
# hardly suffers. It has to be said before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

app = typer.Typer(
    help=translate("Run a named experiment and record it."), no_args_is_help=True, add_completion=False
)
console = Console()
problems = Console(stderr=True)


@app.command("list", help=translate("Name the experiments, their chapters and their settings."))
def list_() -> None:
    name, chapter = Column(translate("name"), no_wrap=True), translate("chapter")
    table = Table(name, chapter, translate("what it does"), translate("settings"))
    for each in registry.experiments():
        settings = ", ".join(f"{name}={value}" for name, value in each.settings.items())
        table.add_row(each.name, each.chapter, translate(each.summary), settings)
    console.print(table)


RUN = (
    translate("Run the experiment NAME and write its record, to data/own/, where it is yours."),
    translate(
        "Stop it with Ctrl-C: the same command, without --restart, goes on from the last checkpoint. (Runs "
        "of a few seconds have none.)"
    ),
    translate(
        "The exit status is 0 when the record is written, 1 for an error that is named (a run that diverged "
        "has its record all the same), 2 for wrong options, 130 when stopped."
    ),
)
"""What `run` does, in paragraphs."""


@app.command(help="\n\n".join(RUN))
@stoppable(translate("Without --restart the same command goes on from the last checkpoint, if any."))
def run(
    name: Annotated[str, typer.Argument(help=translate("Name of the experiment, as in 'list'."))],
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help=translate("Seed of the random numbers."))
    ] = 0,
    set_: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="NAME=VALUE", help=translate("Change a setting; may be repeated.")
        ),
    ] = [],  # noqa: B006 (typer reads the default, nobody writes to it)
    save_every: Annotated[int, typer.Option(min=1, help=translate("Steps between two checkpoints."))] = 500,
    restart: Annotated[
        bool, typer.Option(help=translate("Delete a checkpoint of this run and start anew."))
    ] = False,
    bar: Annotated[bool, typer.Option(help=translate("Draw a progress bar."))] = True,
    out: Annotated[
        Path | None,
        typer.Option(
            help=translate("File for the record, also over an older one. [default: data/own/NAME.json]")
        ),
    ] = None,
    course: Annotated[
        bool,
        typer.Option(
            "--course", help=translate("For authors: the course's own record, data/runs/NAME.json.")
        ),
    ] = False,
) -> None:
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
        if registry.first_of_machine() or isinstance(error, ConnectionError):
            problems.print(f"[red]{translate('Error:')}[/] {escape(text)}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    if not registry.first_process():
        return
    courses = {} if course else records.found(records.RUNS / file) or {}
    measures = {
        "valid_perplexity": translate("valid perplexity"),
        "test_perplexity": translate("test perplexity"),
        "floor_perplexity": translate("floor perplexity"),
    }
    for key, measure in measures.items():
        if record.get(key) is None:
            continue
        line = f"{measure}: {record[key]:.2f}"
        if courses.get(key) is not None:
            beside = translate("the course's record: {value}", value=f"{courses[key]:.2f}")
            line = f"{line} ({beside})"
        console.print(line, highlight=False)
    console.print(translate("recorded in {file}", file=path), soft_wrap=True, markup=False)


def explained(error: Exception) -> str | None:
    """A sentence for the user, or None where the error is a mistake of ours, whose traceback is wanted."""
    if isinstance(error, CheckpointError):
        return translate("{error} (--restart ignores the checkpoint and starts anew)", error=error)
    text = str(error)
    if isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text:
        return translate(
            "not enough memory ({error}): a smaller batch_size or hidden_size needs less",
            error=text or "MemoryError",
        )
    if isinstance(error, ImportError):
        return translate(
            "{error}; 'python -m helpers.environment' says what is missing and how to install it", error=error
        )
    if isinstance(error, BrokenProcessPool):
        advice = translate("The same command goes on from what is done; --set jobs=1 needs less memory.")
        return f"{error} {advice}"
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
