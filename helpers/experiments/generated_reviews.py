"""Experiments of chapter 8 on generated reviews: where the embedding starts, and which cell then learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import records
from helpers.corpora import reviews
from helpers.corpora.reviews import Review
from helpers.experiments.registry import Run, experiment
from helpers.experiments.sentiment import best_epochs, train_one
from helpers.experiments.settings import whole
from helpers.experiments.sweep import Row, sweep

SETTINGS: dict[str, Any] = {
    "reviews": 500,
    "valid": 1_000,
    "test": 2_000,
    "max_length": 20,
    "hidden_size": 50,
    "dense_size": 32,
    "batch_size": 50,
    "lr": 0.01,
    "max_norm": 1.0,
}
"""As section 8.7 trains. Every seed has `reviews` of its own."""

CELLS: dict[str, dict[str, Any]] = {
    "flat": {"cell": "flat"},
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
    "two-lstm": {"cell": "lstm", "num_layers": 2},
}
STARTS = ("normal", "small")
"""Of the embedding: normal with spread 1, as in PyTorch, or uniform in ±0.05, as in Keras."""


@experiment(
    "review-start",
    chapter="08",
    summary="Five models, two starts of the embedding, 500 generated reviews: 5 minutes on one core",
    **SETTINGS,
    embedding_size=50,
    epochs=16,
    seeds=10,
    jobs=1,
    rules={"epochs": whole(2)},   # three quarters of them are at least one
)
def review_start(run: Run) -> dict[str, Any]:
    """Every model from both starts; and the LSTM from the small one with one and a half times the epochs,
    and with as many steps on twice the reviews: its own and the next run's."""
    s = run.settings

    def measure(start: str, model: str, reviews: int, epochs: int, model_seed: int) -> list[Row]:
        texts = generated(s, run.seed, model_seed, reviews)
        options = dict(CELLS[model])
        if start == "normal":
            options["embeddings"] = normal(texts, s["embedding_size"], model_seed)
        rows = train_one(texts, s, options, model_seed, epochs)
        case = {"start": start, "model": model, "reviews": reviews, "epochs": epochs}
        return [{**case, "model_seed": model_seed, **row} for row in rows]

    outcome = sweep(run, start_cases(s), measure, jobs=s["jobs"])
    return {
        **outcome,
        "data_sha256": sums_of(s, run.seed),
        "results": {"runs": best_of_each(outcome["curve"], ("start", "reviews", "epochs"))},
    }


def start_cases(settings: Mapping[str, Any]) -> list[Row]:
    """The runs of `review-start`, seeds from 1."""
    count, epochs = settings["reviews"], settings["epochs"]
    kinds = [
        *((start, model, count, epochs) for start in STARTS for model in CELLS),
        ("small", "lstm", count, epochs * 3 // 2),
        ("small", "lstm", 2 * count, epochs * 3 // 4),
    ]
    names = ("start", "model", "reviews", "epochs")
    return [
        {**dict(zip(names, kind, strict=True)), "model_seed": seed}
        for seed in range(1, settings["seeds"] + 1)
        for kind in kinds
    ]


def best_of_each(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[Row]:
    """Rows of all epochs → one for each run, as `best_epochs` has them, together with its `keys`."""
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        {**dict(zip(keys, group, strict=True)), **each}
        for group, inside in groups.items()
        for each in best_epochs(inside)
    ]


# ---- the reviews -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Generated:
    """What `train_one` asks of texts: splits as (ids, lengths, labels), and a vocabulary."""

    splits: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    vocabulary: Sequence[str]


def generated(
    settings: Mapping[str, Any], seed: int, model_seed: int, count: int | None = None
) -> Generated:
    """The reviews of the split `seed`; for training only those of `model_seed`, which counts from 1, or
    `count` from there on (behind the last come the first)."""
    from helpers.corpora.classification import encode, vocabulary

    s, parts = settings, drawn(settings, seed)
    vocab = vocabulary([words for words, _ in parts["train"]])
    places = (model_seed - 1) * s["reviews"] + np.arange(count or s["reviews"])
    parts["train"] = [parts["train"][place % len(parts["train"])] for place in places]
    splits = {
        name: (
            *encode([words for words, _ in part], vocab, s["max_length"]),
            np.array([label for _, label in part]),
        )
        for name, part in parts.items()
    }
    return Generated(splits, vocab)


def drawn(settings: Mapping[str, Any], seed: int) -> dict[str, list[Review]]:
    """All reviews, by split; for training there are those of every seed, one seed's behind the other's."""
    s = settings
    return reviews.splits(seed, s["seeds"] * s["reviews"], s["valid"], s["test"])._asdict()


def sums_of(settings: Mapping[str, Any], seed: int) -> dict[str, str]:
    """SHA-256 of the splits."""
    return {name: records.sha256(str(part)) for name, part in drawn(settings, seed).items()}


def normal(texts: Generated, size: int, seed: int) -> np.ndarray:
    """Start values of an embedding (V, size): normal with spread 1, PyTorch's default."""
    return np.random.default_rng(seed).normal(size=(len(texts.vocabulary), size))
