"""What each part of chapter 6's longest training is worth: the whole, and without one of them."""

from __future__ import annotations

import dataclasses
from typing import Any

from helpers.corpora import penn_treebank
from helpers.experiments.registry import Run, experiment
from helpers.experiments.sweep import sweep
from helpers.experiments.torch_language_models import EVENING
from helpers.experiments.torch_runs import train_on_penn_treebank

WITHOUT: dict[str, dict[str, Any]] = {
    "nothing": {},
    "start from counts": {"counted_window": 0},
    "dropout that grows": {"dropout_epochs": 0},
    "weights dropped": {"weight_dropout": 0.0},
    "penalties": {"activation": 0.0, "slowness": 0.0},
    "one mask": {"variational": False},
    "tying": {"tied": False},
    "falling rate": {"schedule": "constant"},
}
"""What is left out → the settings that are then others."""


@experiment(
    "ptb-parts",
    chapter="06",
    summary="The training of ptb-evening in a quarter of its epochs, whole and without each part: five hours",
    **EVENING | {"epochs": 11, "dropout_epochs": 3, "sampled_epochs": 10},
    jobs=2,
)
def ptb_parts(run: Run) -> dict[str, Any]:
    """A row of the curve is one model. Each begins with the weights that `seed` draws, and reads the same
    windows in the same order. A model that was stopped goes on from a checkpoint of its own."""
    settings = {name: value for name, value in run.settings.items() if name != "jobs"}

    def measure(without: str, seed: int) -> list[dict[str, Any]]:
        part = dataclasses.replace(
            run,
            seed=seed,
            settings=settings | WITHOUT[without],
            checkpoint=run.checkpoint.with_stem(f"{run.checkpoint.stem}-{without.replace(' ', '-')}"),
            bar=False,
        )
        found = train_on_penn_treebank(part, report=None)
        part.checkpoint.with_suffix(".pt").unlink()   # a hundred megabytes
        last = found["curve"][-1]
        return [
            {"without": without, "seed": seed}
            | {name: found[name] for name in ("parameters", "valid_perplexity", "test_perplexity")}
            | {"last_train_perplexity": last["train_perplexity"], "seconds": last["seconds"]}
            | {name: found["results"][name] for name in ("tokens", "precision")}
        ]

    cases = [{"without": without, "seed": run.seed} for without in WITHOUT]
    fields = sweep(run, cases, measure, jobs=run.settings["jobs"])
    fields["seconds"] = sum(row["seconds"] for row in fields["curve"])   # also those before a stop
    for row in fields["curve"]:
        same = {name: row.pop(name) for name in ("tokens", "precision")}
    return {**fields, "data_sha256": dict(penn_treebank.SHA256), "results": same}
