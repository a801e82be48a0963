"""Training a language model in an experiment: from ids to the fields of a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.corpora.batches import ContiguousBatches, contiguous_batches
from helpers.experiments.registry import Run
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

    Raises KeyboardInterrupt when the run was stopped; its checkpoint goes on.
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
    if not run.resume:
        trainer.checkpoint.unlink(missing_ok=True)   # or a later run would go on from the old one
    if run.resume and trainer.resume():
        if trainer.epoch > run.settings["epochs"]:
            raise CheckpointError(
                f"epochs: got {run.settings['epochs']}, wanted at least the {trainer.epoch} that "
                f"{trainer.checkpoint} has done"
            )
        trainer.report(f"going on after {trainer.epoch} epochs and {trainer.step} steps")
    curve = trainer.fit(batches["train"], batches["valid"], run.settings["epochs"])
    if trainer.interrupted:
        raise KeyboardInterrupt
    return {
        "curve": curve,
        "data_sha256": data_sha256,
        "parameters": model.parameter_count,
        "seconds": trainer.seconds,
        "valid_perplexity": trainer.best_valid_perplexity,
        "test_perplexity": perplexity(evaluate(model, batches["test"])),
        "results": {"tokens": {name: each.tokens for name, each in batches.items()}},
    }


def context_curve(model, ids: np.ndarray, count: int) -> list[dict[str, float]]:
    """Perplexity on `count` tokens spread evenly over `ids`, for each length of `CONTEXTS`."""
    positions = np.linspace(max(CONTEXTS), len(ids) - 1, count).astype(int)
    return [
        {"context": k, "perplexity": perplexity(evaluate_with_context(model, ids, k, positions))}
        for k in CONTEXTS
    ]
