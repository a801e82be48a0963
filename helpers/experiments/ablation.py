"""What buys perplexity: models that differ in one thing, on Penn Treebank, with the same budget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from helpers.experiments.registry import Run, experiment
from helpers.experiments.settings import whole
from helpers.experiments.sweep import sweep
from helpers.validation import require_number

FULL = {"num_layers": 2, "dropout": True, "variational": True, "tied": True}

LADDER = {
    "base": {"num_layers": 1, "dropout": False, "variational": False, "tied": False},
    "+ layer": {"dropout": False, "variational": False, "tied": False},
    "+ dropout": {"variational": False, "tied": False},
    "+ variational": {"tied": False},
    "+ tying": {},
}
"""Rung → what it has not (yet) of `FULL`. Each adds one thing to the one before."""

WITHOUT = {
    "- layer": {"num_layers": 1},
    "- dropout": {"dropout": False},
    "- variational": {"variational": False},
    "- tying": {"tied": False},
}
"""The full model with one thing taken away. Without tying it is the rung before the last."""

BEYOND = {"+ width": {"width": 2}, "+ epochs": {"epochs": 2}, "+ text": {"text": 4}}
"""The full model with more of something: factors of the hidden size, of the epochs, of the text (which is
then read so many times less often: as many steps)."""

BASE_BEYOND = {"base, + text": {"text": 4}}
"""The same for the base."""


def cases() -> dict[str, dict[str, Any]]:
    """Name → its model, every model once: the ladder, the full one with one thing less, and beyond."""
    named = {name: {**FULL, **less} for name, less in (LADDER | WITHOUT | BEYOND).items()}
    named |= {name: {**FULL, **LADDER["base"], **more} for name, more in BASE_BEYOND.items()}
    different: dict[str, dict[str, Any]] = {}
    for name, model in named.items():
        if model not in different.values():
            different[name] = model
    return different


@experiment(
    "ptb-ablation",
    chapter="06",
    summary="Ladder and leave-one-out on a sixteenth of Penn Treebank, three seeds: 40 minutes",
    hidden_size=128,
    dropout=0.2,
    train_share=0.0625,
    seeds=3,
    batch_size=20,
    seq_len=35,
    lr=20.0,
    warmup_steps=100,
    max_norm=0.25,
    epochs=16,
    jobs=2,
    # `BEYOND` and `BASE_BEYOND` have four times the text, a quarter of the epochs
    rules={"train_share": partial(require_number, above=0, maximum=1 / 4), "epochs": whole(4)},
)
def ptb_ablation(run: Run) -> dict[str, Any]:
    """Every model reads the same text equally often, in the same order, with the same learning rates (but
    for those of `BEYOND`, of course).

    The embedding is as wide as the hidden layers. A row of the curve is one model.
    """
    s, models = run.settings, cases()
    texts = {factor: _Text({**s, "train_share": factor * s["train_share"]}) for factor in (1, 4)}

    def measure(case: str, seed: int) -> list[dict[str, Any]]:
        options = dict(models[case])
        size = s["hidden_size"] * options.pop("width", 1)
        factor = options.pop("text", 1)
        epochs = s["epochs"] * options.pop("epochs", 1) // factor
        options["dropout"] = s["dropout"] if options["dropout"] else 0.0
        return [{"case": case, **train_one(texts[factor], s, seed, size, epochs, "auto", options)}]

    every = [{"case": case, "seed": run.seed + n} for n in range(s["seeds"]) for case in models]
    return {**sweep(run, every, measure, jobs=s["jobs"]), **texts[1].fields}


@experiment(
    "ptb-precision",
    chapter="06",
    summary="2 x 320 on an eighth of Penn Treebank in float32 and in bfloat16, three seeds: 8 minutes",
    hidden_size=320,
    dropout=0.3,
    train_share=0.125,
    seeds=3,
    batch_size=20,
    seq_len=35,
    lr=20.0,
    warmup_steps=100,
    max_norm=0.25,
    epochs=4,
    jobs=2,
)
def ptb_precision(run: Run) -> dict[str, Any]:
    """The shape that ``make bench`` times, fully regularised; both precisions start from the same weights
    and draw the same masks. Always tested in float32."""
    s = run.settings
    text = _Text(s)

    def measure(precision: str, seed: int) -> list[dict[str, Any]]:
        options = {**FULL, "dropout": s["dropout"]}
        row = train_one(text, s, seed, s["hidden_size"], s["epochs"], precision, options)
        return [{"precision": precision, **row}]

    every = [
        {"precision": precision, "seed": run.seed + n}
        for n in range(s["seeds"])
        for precision in ("float32", "bfloat16")
    ]
    return {**sweep(run, every, measure, jobs=s["jobs"]), **text.fields}


class _Text:
    """The first `train_share` of Penn Treebank's training text with all of its validation and test text."""

    def __init__(self, settings: Mapping[str, Any]):
        from helpers.corpora import penn_treebank
        from helpers.experiments.training_runs import cut

        corpus = penn_treebank.load_all()
        share = corpus.train[: int(settings["train_share"] * len(corpus.train))]
        self.batches = cut({"train": share, "valid": corpus.valid, "test": corpus.test}, settings)
        # After every epoch a quarter of the validation text is enough, and a good part of the time.
        self.watched = cut({"valid": corpus.valid[: len(corpus.valid) // 4]}, settings)["valid"]
        self.vocab_size = len(corpus.vocabulary)
        self.fields = {
            "data_sha256": dict(penn_treebank.SHA256),
            "results": {"tokens": {name: each.tokens for name, each in self.batches.items()}},
        }


def train_one(
    text: _Text,
    settings: Mapping[str, Any],
    seed: int,
    size: int,
    epochs: int,
    precision: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """One model, its embedding and hidden layers `size` wide → a row.

    Perplexities are those of the epoch that was best on the first quarter of the validation text, which is
    watched. `cpu_seconds`, those of all threads, hardly depend on what else the machine does, as `seconds`
    do. KeyboardInterrupt when it was stopped.
    """
    import torch

    from helpers.models.torch_language_model import TorchLanguageModel
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.language_modelling import LanguageModelLoss, mean_nats
    from helpers.torch_training.schedules import cosine
    from helpers.training import perplexity

    torch.manual_seed(seed)
    model = TorchLanguageModel(text.vocab_size, size, size, **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["lr"], fused=True)
    factor = cosine(epochs * len(text.batches["train"]), settings["warmup_steps"])
    trainer = TorchTrainer(
        model,
        optimizer,
        LanguageModelLoss(),
        lambda model: {"watched_perplexity": perplexity(mean_nats(model, text.watched))},
        monitor="watched_perplexity",
        scheduler=torch.optim.lr_scheduler.LambdaLR(optimizer, factor),
        max_norm=settings["max_norm"],
        precision=precision,
        summary=lambda nats: {"train_perplexity": perplexity(nats)},
        report=None,
        bar=False,
    )
    started = time.process_time()
    curve = trainer.fit(text.batches["train"], epochs)
    cpu_seconds = time.process_time() - started
    if trainer.interrupted:
        raise KeyboardInterrupt
    best = min(curve, key=lambda row: row["watched_perplexity"])
    return {
        "seed": seed,
        "hidden_size": size,
        "epochs": epochs,
        "best_epoch": best["epoch"],
        "parameters": model.parameter_count,
        "train_perplexity": best["train_perplexity"],
        "valid_perplexity": perplexity(mean_nats(model, text.batches["valid"])),
        "test_perplexity": perplexity(mean_nats(model, text.batches["test"])),
        "last_train_perplexity": curve[-1]["train_perplexity"],
        "watched_perplexity": best["watched_perplexity"],
        "last_watched_perplexity": curve[-1]["watched_perplexity"],
        "seconds": trainer.seconds,
        "cpu_seconds": cpu_seconds,
    }
