"""What a named experiment is, and running one into a record."""

from __future__ import annotations

import functools
import importlib
import os
import shlex
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from helpers import records
from helpers.corpora.download import DATA_DIR_VARIABLE, data_folder
from helpers.experiments.settings import LARGEST_SEED, Rule, require_known, settled
from helpers.files import check_writable, lock, portable_name
from helpers.validation import require, require_int

MODULES = (
    "ablation",
    "adaptation",
    "bottleneck",
    "clipping",
    "costs",
    "data_parallel",
    "distances",
    "embedding_sizes",
    "generated_reviews",
    "language_models",
    "memory",
    "parts",
    "plateaus",
    "sentiment",
    "sentiment_best",
    "small_data",
    "step_cost",
    "torch_language_models",
    "translation",
)
"""Modules of this package that define experiments, one per topic."""

_EXPERIMENTS: dict[str, Experiment] = {}


class Diverged(FloatingPointError):
    """Training has gone to infinity. `fields` of a record say how far it came."""

    def __init__(self, message: str, fields: Mapping[str, Any] = MappingProxyType({})):
        super().__init__(message)
        self.fields = dict(fields)


@dataclass
class Run:
    """What an experiment's function is given: its seed and settings, and where to keep its checkpoint."""

    seed: int
    settings: dict[str, Any]
    checkpoint: Path
    resume: bool = True
    bar: bool = True
    save_every: int = 500   # steps between two checkpoints
    finished: list[Path] = field(default_factory=list)   # files to remove once the record is written


@dataclass(frozen=True)
class Experiment:
    """A function ``function(run) → fields of the record`` (curve, results, data_sha256, …)."""

    name: str
    chapter: str
    summary: str
    function: Callable[[Run], Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    distributed: bool = False   # can run in several processes, under torchrun
    rules: Mapping[str, Rule] = field(default_factory=dict)   # of settings that mean something else here

    def settled(self, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The settings of a run; `overrides` replace those of the same name and type.

        ValueError for an unknown setting, a value of another type, or one that can mean nothing.
        """
        return settled(self.settings, overrides or {}, self.rules)

    def checkpoint(self, seed: int, settings: Mapping[str, Any], folder: Path | None = None) -> Path:
        """Where a run keeps what it has done: a file that no run with another seed or other settings shares,
        but for more epochs, which go on from it."""
        same = ("epochs", "stop_after")
        changed = [key for key in settings if key not in same and settings[key] != self.settings[key]]
        identity = "".join(f"-{key}{settings[key]}" for key in changed)
        folder = data_folder() / "checkpoints" if folder is None else Path(folder)
        return folder / f"{portable_name(f'{self.name}-seed{seed}{identity}')}.npz"

    def run(
        self,
        *,
        seed: int = 0,
        overrides: Mapping[str, Any] | None = None,
        resume: bool = True,
        checkpoints: Path | None = None,
        bar: bool = True,
        save_every: int = 500,
        out: Path | None = None,
    ) -> dict[str, Any]:
        """Run it and return its record, validated and, with `out`, written to this file. What the run kept on
        disk (``Run.finished``) is removed after that.

        `checkpoints` is a folder, by default ``checkpoints`` in the data folder; a checkpoint is saved every
        `save_every` steps and after every epoch. A second process that wants the same run, or to write to the
        same `out`, waits, and takes the record that the first has written there.

        Before anything is trained ValueError for what `settled` refuses, and where another run has written to
        `out` meanwhile; OSError where checkpoint or record cannot be written. Diverged after its record was
        written. OSError, which names where the record is
        kept, when it cannot be written in the end.
        """
        seed = require_int("seed", seed, minimum=0)
        require(seed <= LARGEST_SEED, "seed", seed, f"at most {LARGEST_SEED}")
        settings = self.settled(overrides)
        run = Run(
            seed,
            settings,
            self.checkpoint(seed, settings, checkpoints),
            resume,
            bar,
            require_int("save_every", save_every),
        )
        records.schema()   # not found out hours later
        if out is not None:
            _require_writable("--out", out, "--out FILE can name another one")
        _require_writable("checkpoint", run.checkpoint, f"{DATA_DIR_VARIABLE} can name another folder")
        command = self._command(seed, settings, overrides)
        before, waited = _changed(out), []

        def waiting(line: str, path: Path) -> None:
            if process_count() > 1:   # torchrun's other processes would not know why nobody meets them
                there = f"Another process is at work on {path.name}"
                raise OSError(f"torchrun: {there}; start it again when that has ended")
            waited.append(line)
            print(line)

        with ExitStack() as owned:
            for path in filter(None, [run.checkpoint, out]) if first_process() else ():
                owned.enter_context(lock(path, functools.partial(waiting, path=path)))
            if waited and _changed(out) != before:
                made = records.found(out) or {}
                same = (made.get("command"), made.get("settings")) == (command, settings)
                require(same, "--out", f"{out}, which another run has just written", "another name")
                if resume:
                    return _finished(made, out)
            return self._recorded(run, command, out)

    def _recorded(self, run: Run, command: str, out: Path | None) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            outcome = dict(self.function(run))
        except Diverged as error:
            outcome = {"data_sha256": {}, **error.fields, "diverged": str(error)}
        outcome.setdefault("seconds", time.perf_counter() - started)
        outcome, problems = records.finite(outcome)
        if problems:
            outcome.setdefault("diverged", problems[0])
        record = {
            "name": self.name,
            "chapter": self.chapter,
            "command": command,
            "seed": run.seed,
            "versions": records.versions(),
            "hardware": records.hardware(),
            "settings": run.settings,
            "curve": [],
            "results": {},
            **outcome,
        }
        if out is None:
            records.validate(record)
        else:
            out = _written(record, out, run.checkpoint)
        for path in run.finished:
            path.unlink(missing_ok=True)
        return _finished(record, out)

    def _command(self, seed: int, settings: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> str:
        options = [f"--set {shlex.quote(f'{key}={settings[key]}')}" for key in overrides or {}]
        start = f"{_launcher()} -m helpers.experiments run {self.name} --seed {seed}"
        return " ".join([start, *options])


def _finished(record: dict[str, Any], out: Path | None) -> dict[str, Any]:
    """`record`; Diverged where it is that of a run that has."""
    if diverged := record.get("diverged"):
        raise Diverged(f"{diverged}{f' (recorded in {out})' if out else ''}", record)
    return record


def _require_writable(argument: str, path: Path, remedy: str) -> None:
    try:
        check_writable(path)
    except OSError as error:
        wanted = f"wanted a file that can be written; {remedy}"
        raise OSError(f"{argument}: got {path} ({error.strerror or error}), {wanted}") from error


def _changed(path: Path | None) -> tuple[int, ...]:
    """What is another when a file was written anew."""
    try:
        found = os.stat(path)
        return found.st_ino, found.st_mtime_ns, found.st_size
    except (OSError, TypeError):
        return ()


def _written(record: dict[str, Any], out: Path, checkpoint: Path) -> Path:
    """Where the record now is: `out`, or beside it where one that diverged would replace one that did not."""
    if "diverged" in record and "diverged" not in (records.found(out) or record):
        out = out.with_name(f"{out.stem}-diverged.json")
    try:
        return records.write_record(record, out)
    except (OSError, ValueError, TypeError) as error:
        beside = checkpoint.with_name(f"{checkpoint.stem}-record.json")
        kept = records.keep(record, [beside, Path(tempfile.gettempdir()) / beside.name])
        where = f"it is kept in {kept}" if kept else "the same command goes on from what the run has kept"
        raise OSError(f"--out: the record cannot be written to {out} ({error}); {where}") from error


def process_count() -> int:
    """How many processes torchrun started; 1 without it."""
    return _of_torchrun("WORLD_SIZE", 1)


def first_process() -> bool:
    """Whether this is the one of torchrun's processes that writes; True without torchrun."""
    return process_count() == 1 or _of_torchrun("RANK", 0) == 0


def first_of_machine() -> bool:
    """Whether this is the one of torchrun's processes on this machine that tells of errors; True without
    torchrun."""
    return process_count() == 1 or _of_torchrun("LOCAL_RANK", 0) == 0


def _of_torchrun(variable: str, default: int) -> int:
    """A number that torchrun hands on; `default` where anybody else set the variable to something else."""
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else default


def _launcher() -> str:
    """What stands before ``-m`` on the command line of this run."""
    if process_count() == 1:
        return "python"
    each = _of_torchrun("LOCAL_WORLD_SIZE", 1)
    hosts = process_count() // each
    return f"torchrun{f' --nnodes {hosts}' if hosts > 1 else ''} --nproc-per-node {each}"


def experiment(
    name: str,
    *,
    chapter: str,
    summary: str,
    distributed: bool = False,
    rules: Mapping[str, Rule] | None = None,
    **settings: Any,
):
    """Decorator: register ``function(run)`` as the experiment `name` with its default settings. `rules` take
    the place of those of `helpers.experiments.settings` for some of them."""

    def add(function: Callable[[Run], Mapping[str, Any]]) -> Callable[[Run], Mapping[str, Any]]:
        _EXPERIMENTS[name] = Experiment(
            name, chapter, summary, function, settings, distributed, rules or {}
        )
        return function

    return add


def experiments() -> list[Experiment]:
    """All named experiments."""
    for module in MODULES:
        importlib.import_module(f"helpers.experiments.{module}")
    return sorted(_EXPERIMENTS.values(), key=lambda each: (each.chapter, each.name))


def get(name: str) -> Experiment:
    """The experiment `name`; ValueError that lists the names there are."""
    known = {each.name: each for each in experiments()}
    require_known("name", name, known)
    return known[name]
