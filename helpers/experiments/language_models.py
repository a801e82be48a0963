"""Experiments of chapter 5: word-level language models in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.experiments.registry import Run, experiment
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD
from helpers.training import Trainer, evaluate, perplexity


def decayed(settings: Mapping[str, Any], epoch: int) -> float:
    """Learning rate of an epoch (from 0): constant at first, then times `lr_decay` at every epoch, as in
    Zaremba, Sutskever & Vinyals (2014)."""
    late = max(0, epoch + 1 - settings["constant_epochs"])
    return settings["lr"] * settings["lr_decay"] ** late


def _train(run: Run, model: LanguageModel, optimizer, batches: Mapping[str, Any], data_sha256) -> dict:
    """Train on ``batches["train"]``, keep the best on ``["valid"]``, test once → fields of the record."""
    trainer = Trainer(
        model,
        optimizer,
        max_norm=run.settings["max_norm"],
        learning_rate=lambda epoch: decayed(run.settings, epoch),
        checkpoint=run.checkpoint,
        settings={**run.settings, "epochs": None, "seed": run.seed, "data": data_sha256},
        bar=run.bar,
    )
    if run.resume and trainer.resume():
        trainer.report(f"going on after {trainer.epoch} epochs and {trainer.step} steps")
    curve = trainer.fit(batches["train"], batches["valid"], run.settings["epochs"])
    if trainer.interrupted:
        raise KeyboardInterrupt
    test = evaluate(model, batches["test"])
    return {
        "curve": curve,
        "data_sha256": data_sha256,
        "parameters": model.parameter_count,
        "seconds": trainer.seconds,
        "valid_perplexity": trainer.best_valid_perplexity,
        "test_perplexity": perplexity(test),
        "results": {"tokens": {name: each.tokens for name, each in batches.items()}},
    }


@experiment(
    "ptb-small",
    chapter="05",
    summary="Penn Treebank, one LSTM layer of 100: the book's small model, about 5 minutes on two cores",
    cell="lstm",
    embedding_size=100,
    hidden_size=100,
    batch_size=20,
    seq_len=35,
    lr=20.0,
    max_norm=0.25,
    constant_epochs=2,
    lr_decay=0.3,
    epochs=4,
)
def ptb_small(run: Run) -> dict[str, Any]:
    """SGD with clipping at 0.25, as Zaremba et al. (2014) and the book train it; evaluation with a batch
    of 10, state carried."""
    from helpers.corpora import penn_treebank
    from helpers.corpora.batches import contiguous_batches

    s = run.settings
    corpus = penn_treebank.load_all()
    batches = {
        name: contiguous_batches(ids, s["batch_size"] if name == "train" else 10, s["seq_len"])
        for name, ids in (("train", corpus.train), ("valid", corpus.valid), ("test", corpus.test))
    }
    rng = np.random.default_rng(run.seed)
    model = LanguageModel(
        len(corpus.vocabulary), s["embedding_size"], s["hidden_size"], cell=s["cell"], rng=rng
    )
    return _train(run, model, SGD(model.params, s["lr"]), batches, dict(penn_treebank.SHA256))
