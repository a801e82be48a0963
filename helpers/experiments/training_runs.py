"""Training a language model in an experiment: from ids to the fields of a record."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.corpora.batches import ContiguousBatches, contiguous_batches
from helpers.experiments.registry import Diverged, Run
from helpers.training import Trainer, evaluate, evaluate_with_context, perplexity
from helpers.training.checkpoints import CheckpointError

CONTEXTS = (1, 2, 3, 5, 8, 13, 21, 34, 55)
"""Numbers of tokens a prediction may look back at, for perplexity against context length."""

EVALUATION_BATCH = 10


def decayed(settings: Mapping[str, Any], epoch: int) -> float:
    """Learning rate of an epoch (from 0): constant at first, then times `lr_decay` at every epoch, as in
    Zaremba, Sutskever & Vinyals (2014)."""
    late = max(0, epoch + 1 - settings["constant_epochs"])
    return settings["lr"] * settings["lr_decay"] ** late


def cut(ids: Mapping[str, np.ndarray], settings: Mapping[str, Any]) -> dict[str, ContiguousBatches]:
    """Batches of the splits train, valid and test; the last two with a batch of their own size."""
    return {
        name: contiguous_batches(
            stream, settings["batch_size"] if name == "train" else EVALUATION_BATCH, settings["seq_len"]
        )
        for name, stream in ids.items()
    }


def train(run: Run, model, optimizer, ids: Mapping[str, np.ndarray], data_sha256, *, tag: str = "") -> dict:
    """Train on ``ids["train"]``, keep the best on ``["valid"]``, test once → fields of a record.

    Raises KeyboardInterrupt when the run was stopped; its checkpoint goes on. Diverged when a loss or its
    perplexity was not finite.
    """
    batches = cut(ids, run.settings)
    trainer = Trainer(
        model,
        optimizer,
        max_norm=run.settings["max_norm"],
        learning_rate=lambda epoch: decayed(run.settings, epoch),
        checkpoint=run.checkpoint.with_stem(run.checkpoint.stem + tag),
        settings={**run.settings, "epochs": None, "seed": run.seed, "data": data_sha256, "tag": tag},
        save_every=run.save_every,
        bar=run.bar,
    )

    def report(line: str) -> None:
        print(line)
        require_finite_rows(trainer.curve)

    trainer.report = report   # after every epoch
    fields = {"data_sha256": dict(data_sha256), "parameters": model.parameter_count}
    with leaving_a_record(trainer, fields):
        begin_or_resume(run, trainer)
        trainer.fit(batches["train"], batches["valid"], run.settings["epochs"])
    if trainer.interrupted:
        raise KeyboardInterrupt
    return {
        **fields,
        **so_far(trainer),
        "valid_perplexity": max(1.0, trainer.best_valid_perplexity),   # rounding may make it a little less
        "test_perplexity": max(1.0, perplexity(evaluate(model, batches["test"]))),
        "results": {"tokens": {name: each.tokens for name, each in batches.items()}},
    }


def begin_or_resume(run: Run, trainer, name: str = "epochs", first: bool = True) -> None:
    """Go on from the trainer's checkpoint, or have the `first` process remove it where the run is to start
    anew. CheckpointError when it has done more epochs than the setting `name` asks for."""
    if not run.resume:
        if first:
            trainer.checkpoint.unlink(missing_ok=True)   # or a later run would go on from the old one
        return
    if not trainer.resume():
        return
    asked = run.settings[name]
    if trainer.epoch > asked:   # the best of four epochs is not the best of three
        raise CheckpointError(
            f"{name}: got {asked}, wanted at least the {trainer.epoch} that {trainer.checkpoint} has done"
        )
    if first:
        trainer.report(f"going on after {trainer.epoch} epochs and {trainer.step} steps")


def so_far(trainer) -> dict[str, Any]:
    """Fields of a record: what the trainer has done."""
    seconds = [row["seconds"] for row in trainer.curve[-1:]] or [trainer.seconds]
    return {"curve": trainer.curve, "seconds": seconds[0]}


def require_finite_rows(curve: Sequence[Mapping[str, float]]) -> None:
    """FloatingPointError unless all numbers of the last epoch are finite."""
    for name, value in curve[-1].items() if curve else ():
        _require_finite(f"epoch {len(curve)}: {name}", value)


def finite_perplexity(mean_nats: float) -> float:
    """exp of a mean loss in nats per token; FloatingPointError where that overflows."""
    _require_finite("perplexity", perplexity(mean_nats))
    return perplexity(mean_nats)


def _require_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        advice = "Try a lower learning rate or a smaller max_norm."
        raise FloatingPointError(f"{name}: got {value}, wanted a finite number. {advice}")


@contextlib.contextmanager
def leaving_a_record(trainer, fields: Mapping[str, Any]) -> Iterator[None]:
    """A FloatingPointError of the training inside becomes Diverged, with the curve until then."""
    try:
        yield
    except FloatingPointError as error:
        rows = {**fields, **so_far(trainer)}
        if not rows["seconds"]:   # at the very first step
            del rows["seconds"]
        raise Diverged(f"diverged: {error}", rows) from error


def context_curve(model, ids: np.ndarray, count: int) -> list[dict[str, float]]:
    """Perplexity on `count` tokens spread evenly over `ids`, for each length of `CONTEXTS`."""
    positions = np.linspace(max(CONTEXTS), len(ids) - 1, count).astype(int)
    return [
        {"context": k, "perplexity": perplexity(evaluate_with_context(model, ids, k, positions))}
        for k in CONTEXTS
    ]
