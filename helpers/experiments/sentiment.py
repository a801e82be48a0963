"""Experiments of chapter 8: film reviews, good or bad, by the lecture's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from helpers.experiments.registry import Run, experiment
from helpers.experiments.sweep import Row, sweep

MODELS: dict[str, dict[str, Any]] = {
    "ann": {"cell": "flat"},
    "pre-trained": {"cell": "flat", "vectors": True, "freeze": True},
    "trained": {"cell": "flat", "vectors": True},
    "rnn": {"cell": "rnn"},
    "lstm": {"cell": "lstm"},
    "gru": {"cell": "gru"},
    "two-gru": {"cell": "gru", "num_layers": 2},
}
"""The seven rows of the lecture's table. How its first three differ is not known; here all three are Dense
layers on the flattened embeddings, which start at random, stay what `ppmi_svd` found in the training texts,
or start there and are trained."""

REPORTED = {
    "ann": 0.832, "pre-trained": 0.762, "trained": 0.823, "rnn": 0.821, "lstm": 0.839, "gru": 0.841,
    "two-gru": 0.837,
}
"""The lecture's best validation accuracies; data set, tokens and splits are not named there."""


TABLE: dict[str, Any] = {
    "tokens": "morphemes",
    "vocab_size": 10_000,
    "max_length": 20,
    "truncate": "pre",
    "valid_share": 0.1,
    "embedding_size": 50,
    "hidden_size": 50,
    "dense_size": 32,
    "window": 5,
    "batch_size": 64,
    "lr": 0.001,
    "epochs": 5,
    "seeds": 3,
}
"""Settings of `nsmc-table`, without its models."""


def chosen(models: str) -> list[str]:
    """"all" or names joined by "+" → names. ValueError for a name that is not one of `MODELS`, or
    is there twice."""
    names = list(MODELS) if models == "all" else models.split("+")
    for name in names:
        if name not in MODELS:
            raise ValueError(f"models: got {name!r}, wanted 'all' or some of {'+'.join(MODELS)}")
        if names.count(name) > 1:   # its rows would count twice
            raise ValueError(f"models: got {name!r} twice, wanted each once")
    return names


RULES_OF_MODELS = {"models": lambda _, text: chosen(text)}


@experiment(
    "nsmc-table",
    chapter="08",
    summary="The lecture's seven models on Korean film reviews (NSMC), three seeds: 15 minutes on two cores",
    **TABLE,
    models="all",
    jobs=2,
    rules=RULES_OF_MODELS,
)
def nsmc_table(run: Run) -> dict[str, Any]:
    """Every model with every seed, Adam at a constant rate, no dropout: a row for each epoch.

    `tokens` may be "morphemes", "words" or "characters", `models` some of `MODELS` joined by "+". The split
    of the texts is that of the run's seed, the same for all. `train_accuracy` is measured after the epoch, on
    as many training texts as there are for validation; `test_accuracy` once, with the weights of the epoch
    best on validation, in whose row it stands (None in the others).
    """
    s = run.settings
    names = chosen(s["models"])
    texts = Texts(s, run.seed)

    def measure(model: str, model_seed: int, epochs: int) -> list[Row]:
        rows = train_one(texts, s, MODELS[model], model_seed, epochs)
        return [{"model": model, "model_seed": model_seed, **row} for row in rows]

    cases = [
        {"model": name, "model_seed": seed, "epochs": s["epochs"]}
        for seed in range(1, s["seeds"] + 1)
        for name in names
    ]
    outcome = sweep(run, cases, measure, jobs=s["jobs"])
    return {
        **outcome,
        "data_sha256": texts.sha256,
        "results": {**texts.facts, "reported": REPORTED, "runs": best_epochs(outcome["curve"])},
    }


class Texts:
    """The three splits of NSMC as ids, without texts in common.

    `splits` has (ids (N, T), lengths (N,), labels (N,)) by name, all int64.
    """

    def __init__(self, settings: Mapping[str, Any], seed: int):
        from helpers import tokenizers
        from helpers.corpora import nsmc
        from helpers.corpora.classification import encode, vocabulary
        from helpers.corpora.download import sha256_of

        reviews = nsmc.load_all(valid_share=settings["valid_share"], seed=seed)
        tokens: dict[str, list[str]] = {}
        for split in nsmc.SPLITS:
            tokens |= nsmc.tokens(split, settings["tokens"])
        train = [tokens[review.text] for review in reviews.train]
        self.vocabulary = vocabulary(train, max_size=settings["vocab_size"])
        self.sentences = [self.vocabulary.encode(text) for text in train]   # whole, for word vectors
        self.splits = {
            name: (
                *encode(
                    [tokens[review.text] for review in split],
                    self.vocabulary,
                    settings["max_length"],
                    truncate=settings["truncate"],
                ),
                np.array([review.label for review in split]),
            )
            for name, split in (("train", reviews.train), ("valid", reviews.valid), ("test", reviews.test))
        }
        self.sha256 = {split: sha256_of(nsmc.find(split)) for split in nsmc.SPLITS}
        words = np.concatenate(self.sentences)
        self.facts = {
            "texts": {name: len(labels) for name, (_, _, labels) in self.splits.items()},
            "removed": reviews.removed,
            "published_split": self.sha256 == nsmc.SHA256,
            "kiwi": tokenizers.kiwi_version() if settings["tokens"] == "morphemes" else None,
            "vocabulary": len(self.vocabulary),
            "unknown_share": float((words == self.vocabulary.unk_id).mean()),
            "mean_length": float(np.mean([len(text) for text in train])),
            "cut_share": float(np.mean([len(text) > settings["max_length"] for text in train])),
        }
        self._vectors: np.ndarray | None = None

    def vectors(self, size: int, window: int) -> np.ndarray:
        """Word vectors of the training texts, (V, size). (They load torch: not before a sweep has forked.)"""
        if self._vectors is None:
            from helpers.word_vectors import ppmi_svd

            self._vectors = ppmi_svd(self.sentences, len(self.vocabulary), window=window, size=size)
        return self._vectors


def train_one(
    texts: Texts, settings: Mapping[str, Any], options: Mapping[str, Any], seed: int, epochs: int
) -> list[Row]:
    """One model → a row for each epoch. KeyboardInterrupt when it was stopped."""
    import torch

    from helpers.models.text_classifier import TextClassifier
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.classification import ClassifierLoss, ShuffledExamples, accuracy

    s, options = settings, dict(options)
    if options.pop("vectors", False):
        options["embeddings"] = texts.vectors(s["embedding_size"], s["window"])
    torch.manual_seed(seed)
    sizes = ("embedding_size", "hidden_size", "dense_size", "max_length")
    model = TextClassifier(len(texts.vocabulary), **{name: s[name] for name in sizes}, **options)
    train, valid, test = (texts.splits[name] for name in ("train", "valid", "test"))
    watched = [array[: len(valid[0])] for array in train]
    trainer = TorchTrainer(
        model,
        torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=s["lr"]),
        ClassifierLoss(),
        lambda model: {
            "train_accuracy": accuracy(model, *watched),
            "valid_accuracy": accuracy(model, *valid),
        },
        monitor="valid_accuracy",
        higher_is_better=True,
        max_norm=s.get("max_norm"),
        report=None,
        bar=False,
    )
    curve = trainer.fit(ShuffledExamples(*train, s["batch_size"], seed), epochs)
    if trainer.interrupted:
        raise KeyboardInterrupt
    test_accuracy = accuracy(model, *test)   # fit leaves the weights of the best epoch
    best = best_epoch(curve)
    return [
        {
            **row,
            "test_accuracy": test_accuracy if row["epoch"] == best else None,
            "parameters": model.parameter_count,
        }
        for row in curve
    ]


def best_epoch(curve: Sequence[Mapping[str, Any]]) -> int:
    """The first epoch with the highest validation accuracy."""
    return max(curve, key=lambda row: row["valid_accuracy"])["epoch"]


def best_epochs(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows of all epochs → one a model and seed: best and last validation accuracy, the best one's epoch, and
    the test accuracy there."""
    curves: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        curves.setdefault((row["model"], row["model_seed"]), []).append(row)
    found = []
    for (model, seed), curve in curves.items():
        best = next(row for row in curve if row["epoch"] == best_epoch(curve))
        found.append(
            {
                "model": model,
                "model_seed": seed,
                "best_epoch": best["epoch"],
                "valid_accuracy": best["valid_accuracy"],
                "last_valid_accuracy": curve[-1]["valid_accuracy"],
                "test_accuracy": best["test_accuracy"],
            }
        )
    return found
