"""Experiment of chapter 8: NSMC by one recurrent network, the best of those tried on validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers.experiments.registry import Run, experiment
from helpers.experiments.sentiment import best_epoch
from helpers.experiments.settings import COUNT_OR_NONE
from helpers.experiments.training_runs import begin_or_resume, leaving_a_record, so_far
from helpers.validation import require


@experiment(
    "nsmc-best",
    chapter="08",
    summary="Korean film reviews (NSMC): an LSTM in both directions over n-grams, minutes on two cores",
    valid_share=0.1,
    min_counts="3 5 10 10",
    embedding_size=128,
    hidden_size=128,
    num_layers=1,
    stride=2,
    ngram_dropout=0.4,
    dropout=0.4,
    batch_size=256,
    lr=0.002,
    warmup_steps=80,
    max_norm=5.0,
    epochs=3,
    precision="auto",
    rules={"num_layers": COUNT_OR_NONE, "min_counts": lambda _, text: whole_numbers(text)},
)
def nsmc_best(run: Run) -> dict[str, Any]:
    """One model in one run: Adam, its rate falling along half a cosine.

    The validation reviews, which share no text with the others, choose the epoch, and chose these settings;
    the test reviews are read once, at the end. `min_counts`: how often an n-gram of 1, 2, … characters must
    occur to be known.
    """
    import torch

    from helpers.corpora import nsmc
    from helpers.corpora.download import sha256_of
    from helpers.corpora.ngrams import NgramVocabulary, SameLengthBatches
    from helpers.models.ngram_classifier import NgramClassifier
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.classification import ClassifierLoss
    from helpers.torch_training.schedules import cosine

    s = run.settings
    data_sha256 = {split: sha256_of(nsmc.find(split)) for split in nsmc.SPLITS}
    reviews = nsmc.load_all(valid_share=s["valid_share"], seed=run.seed)
    vocabulary = NgramVocabulary([review.text for review in reviews.train], whole_numbers(s["min_counts"]))
    splits = {
        name: SameLengthBatches(
            vocabulary.encode([review.text for review in each]),
            np.array([review.label for review in each]),
            s["batch_size"],
            run.seed,
        )
        for name, each in (("train", reviews.train), ("valid", reviews.valid), ("test", reviews.test))
    }
    torch.manual_seed(run.seed)
    model = NgramClassifier(
        vocabulary.size,
        **{
            name: s[name]
            for name in (
                "embedding_size", "hidden_size", "num_layers", "stride", "ngram_dropout", "dropout"
            )
        },
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=s["lr"], betas=(0.9, 0.99), fused=True)
    factor = cosine(s["epochs"] * len(splits["train"](0)), s["warmup_steps"])
    trainer = TorchTrainer(
        model,
        optimizer,
        ClassifierLoss(),
        lambda model: {f"valid_{name}": score for name, score in scores_of(model, splits["valid"]).items()},
        monitor="valid_accuracy",
        higher_is_better=True,
        scheduler=torch.optim.lr_scheduler.LambdaLR(optimizer, factor),
        max_norm=s["max_norm"],
        checkpoint=run.checkpoint.with_suffix(".pt"),
        settings={**s, "seed": run.seed, "data": data_sha256},   # with more epochs it is another run
        save_every=run.save_every,
        precision=s["precision"],
        bar=run.bar,
    )
    fields = {"data_sha256": data_sha256, "parameters": model.parameter_count}
    with leaving_a_record(trainer, fields):
        begin_or_resume(run, trainer)
        trainer.fit(splits["train"], s["epochs"])
    if trainer.interrupted:
        raise KeyboardInterrupt
    test = scores_of(model, splits["test"])
    return {
        **fields,
        **so_far(trainer),
        "results": {
            "texts": {name: len(each.labels) for name, each in splits.items()},
            "removed": reviews.removed,
            "published_split": data_sha256 == nsmc.SHA256,
            "ngrams": vocabulary.size - 1,
            "best_epoch": best_epoch(trainer.curve),
            "valid_accuracy": trainer.best_score,
            "test_accuracy": test["accuracy"],
            "test_loss": test["loss"],
            "precision": trainer.precision,
            "device": str(trainer.device),
        },
    }


def scores_of(model, texts) -> dict[str, float]:
    """Of the `SameLengthBatches` texts: "accuracy", the share whose class is the likelier one, and "loss",
    the mean cross-entropy in nats a text; float32, no dropout."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from helpers.torch_training.distributed import to_device

    device = next(model.parameters()).device
    was_training, right, total = model.training, 0, 0.0
    model.eval()
    try:
        with torch.no_grad():
            for batch in texts.in_order():
                ids, lengths, labels = to_device(batch, device)
                logits = model(ids, lengths)
                right += int(((logits > 0) == (labels > 0)).sum())
                total += binary_cross_entropy_with_logits(logits, labels.float(), reduction="sum").item()
    finally:
        model.train(was_training)
    return {"accuracy": right / len(texts.labels), "loss": total / len(texts.labels)}


def whole_numbers(text: str) -> list[int]:
    """The setting `min_counts`, "3 5 10" → [3, 5, 10]. ValueError for anything else."""
    parts = text.split()
    fits = bool(parts) and all(part.isdecimal() for part in parts)
    require(fits, "min_counts", repr(text), "whole numbers with spaces between")
    return [int(part) for part in parts]
