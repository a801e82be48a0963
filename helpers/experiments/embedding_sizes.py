"""Experiments of chapter 8: how large should an embedding be? On generated reviews and on Korean ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helpers.experiments.generated_reviews import SETTINGS, best_of_each, generated, normal, sums_of
from helpers.experiments.registry import Run, experiment
from helpers.experiments.sentiment import MODELS, RULES_OF_MODELS, TABLE, Texts, chosen, train_one
from helpers.experiments.sweep import Row, sweep
from helpers.validation import require


def sizes(text: str) -> list[int]:
    """"2+10" → [2, 10]. ValueError for anything that is not different numbers above 0 joined by "+"."""
    parts = text.split("+")
    found = [int(part) for part in parts if part.isdecimal()]
    fits = len(parts) == len(set(found)) and min(found) > 0
    require(fits, "sizes", repr(text), "different numbers above 0 joined by '+', such as 2+10+50")
    return found


RULES = {**RULES_OF_MODELS, "sizes": lambda _, text: sizes(text)}


@experiment(
    "review-embedding",
    chapter="08",
    summary="Embeddings of 2 to 200 numbers, three cells, 500 generated reviews: 3 minutes on one core",
    sizes="2+10+50+200",
    models="rnn+gru+lstm",
    **SETTINGS,
    epochs=16,
    seeds=5,
    jobs=1,
    rules=RULES,
)
def review_embedding(run: Run) -> dict[str, Any]:
    """Every size with every model and seed, as section 8.7 trains: each seed has `reviews` of its own, and an
    embedding that starts normal with spread 1."""
    s = run.settings

    def measure(size: int, model: str, model_seed: int) -> list[Row]:
        texts = generated(s, run.seed, model_seed)
        options = {**MODELS[model], "embeddings": normal(texts, size, model_seed)}
        rows = train_one(texts, {**s, "embedding_size": size}, options, model_seed, s["epochs"])
        return _labelled(rows, size, model, model_seed)

    outcome = sweep(run, cases(s), measure, jobs=s["jobs"])
    return {
        **outcome,
        "data_sha256": sums_of(s, run.seed),
        "results": {"runs": best_of_each(outcome["curve"], ("size",))},
    }


@experiment(
    "nsmc-embedding",
    chapter="08",
    summary="The LSTM of nsmc-table with embeddings of 2 to 250 numbers: half an hour on one core",
    **{name: value for name, value in TABLE.items() if name != "embedding_size"},
    sizes="2+10+50+250",
    models="lstm",
    jobs=1,
    rules=RULES,
)
def nsmc_embedding(run: Run) -> dict[str, Any]:
    """`nsmc-table` for several sizes of the embedding: the same texts, the same training, a row an epoch."""
    s = run.settings
    texts = Texts(s, run.seed)

    def measure(size: int, model: str, model_seed: int) -> list[Row]:
        rows = train_one(texts, {**s, "embedding_size": size}, MODELS[model], model_seed, s["epochs"])
        return _labelled(rows, size, model, model_seed)

    outcome = sweep(run, cases(s), measure, jobs=s["jobs"])
    return {
        **outcome,
        "data_sha256": texts.sha256,
        "results": {**texts.facts, "runs": best_of_each(outcome["curve"], ("size",))},
    }


def cases(settings: Mapping[str, Any]) -> list[Row]:
    """The runs: every size with every model, seeds from 1."""
    return [
        {"size": size, "model": model, "model_seed": seed}
        for seed in range(1, settings["seeds"] + 1)
        for size in sizes(settings["sizes"])
        for model in chosen(settings["models"])
    ]


def _labelled(rows: Sequence[Row], size: int, model: str, seed: int) -> list[Row]:
    return [{"size": size, "model": model, "model_seed": seed, **row} for row in rows]
