"""What a named experiment is, and running one into a record."""

from __future__ import annotations

import importlib
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers import records
from helpers.corpora.download import data_folder

MODULES = (
    "ablation",
    "bottleneck",
    "clipping",
    "costs",
    "data_parallel",
    "distances",
    "embedding_sizes",
    "generated_reviews",
    "language_models",
    "memory",
    "plateaus",
    "sentiment",
    "sentiment_best",
    "small_data",
    "torch_language_models",
    "translation",
)
"""Modules of this package that define experiments, one per topic."""

_EXPERIMENTS: dict[str, Experiment] = {}


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

    def run(
        self,
        *,
        seed: int = 0,
        overrides: Mapping[str, Any] | None = None,
        resume: bool = True,
        checkpoints: Path | None = None,
        bar: bool = True,
        save_every: int = 500,
        write: Callable[[dict[str, Any]], object] | None = None,
    ) -> dict[str, Any]:
        """Run it and return its record, validated. `overrides` replace settings of the same name and type.

        `write` is called with the record; what the run kept on disk is removed (``Run.finished``) after that.

        `checkpoints` is a folder, by default ``checkpoints`` in the data folder; one is saved every
        `save_every` steps and after every epoch.

        Raises ValueError for an unknown setting or a value of another type.
        """
        settings = dict(self.settings)
        for name, value in (overrides or {}).items():
            if name not in settings:
                raise ValueError(f"setting: got {name!r}, wanted one of {', '.join(settings)}")
            settings[name] = _as_type_of(name, value, settings[name])
        # More epochs or jobs for the same run go on from its checkpoint; any other change is another run.
        same = ("epochs", "stop_after", "jobs")
        changed = [key for key in settings if key not in same and settings[key] != self.settings[key]]
        identity = "".join(f"-{key}{settings[key]}" for key in changed)
        stem = re.sub(r"[^A-Za-z0-9.-]", "_", f"{self.name}-seed{seed}{identity}")
        folder = data_folder() / "checkpoints" if checkpoints is None else Path(checkpoints)
        run = Run(seed, settings, folder / f"{stem}.npz", resume, bar, save_every)
        started = time.perf_counter()
        outcome = dict(self.function(run))
        outcome.setdefault("seconds", time.perf_counter() - started)
        options = "".join(f" --set {key}={settings[key]}" for key in overrides or {})
        record = {
            "name": self.name,
            "chapter": self.chapter,
            "command": f"{_launcher()} -m helpers.experiments run {self.name} --seed {seed}{options}",
            "seed": seed,
            "versions": records.versions(),
            "hardware": records.hardware(),
            "settings": settings,
            "curve": [],
            "results": {},
            **outcome,
        }
        records.validate(record)
        if write is not None:
            write(record)
        for path in run.finished:
            path.unlink(missing_ok=True)
        return record


def _launcher() -> str:
    """What stands before ``-m`` on the command line of this run."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return "python"
    each = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    hosts = int(os.environ["WORLD_SIZE"]) // each
    return f"torchrun{f' --nnodes {hosts}' if hosts > 1 else ''} --nproc-per-node {each}"


def _as_type_of(name: str, value: Any, default: Any) -> Any:
    kind = type(default)
    try:
        flags = {"true": True, "false": False}
        converted = flags.get(str(value).lower()) if kind is bool else kind(value)
    except (TypeError, ValueError, OverflowError):
        converted = None
    # int(2.7) would be 2, and a record holds no nan or inf
    unfit = isinstance(value, float) and converted != value
    if converted is None or unfit or (kind is float and not math.isfinite(converted)):
        raise ValueError(f"{name}: got {value!r}, wanted a value like {default!r}")
    return converted


def experiment(name: str, *, chapter: str, summary: str, distributed: bool = False, **settings: Any):
    """Decorator: register ``function(run)`` as the experiment `name` with its default settings."""

    def add(function: Callable[[Run], Mapping[str, Any]]) -> Callable[[Run], Mapping[str, Any]]:
        _EXPERIMENTS[name] = Experiment(name, chapter, summary, function, settings, distributed)
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
    if name not in known:
        raise ValueError(f"name: got {name!r}, wanted one of {', '.join(known)}")
    return known[name]
