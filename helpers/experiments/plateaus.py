"""Experiment of chapter 5: when does a model find the pronoun, with which seed and learning rate?"""

from __future__ import annotations

from typing import Any

import numpy as np

from helpers import records
from helpers.corpora.batches import contiguous_batches
from helpers.corpora.pronouns import PronounGrammar
from helpers.experiments.registry import Run, experiment
from helpers.experiments.stories import pronouns_right
from helpers.experiments.sweep import Row, sweep
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam
from helpers.training.trainer import train_step

RATES = (0.03, 0.01)


@experiment(
    "pronoun-found",
    chapter="05",
    summary="Steps until 90 % of the pronouns are right, for several seeds and two learning rates",
    embedding_size=32,
    hidden_size=64,
    seeds=5,
    steps=1500,
    every=25,
    max_norm=1.0,
)
def pronoun_found(run: Run) -> dict[str, Any]:
    """One row of the curve per rate and seed; `found` is null where it did not happen within `steps`."""
    s = run.settings
    grammar = PronounGrammar(distance=(0, 8), greetings=0.0)
    vocabulary = grammar.vocabulary
    tokens, _ = grammar.corpus(100_000, np.random.default_rng(run.seed))
    batches = list(contiguous_batches(vocabulary.encode(tokens), 20, 20))
    blanks = grammar.stories(100, np.random.default_rng(run.seed + 30))

    def measure(lr: float, model_seed: int) -> list[Row]:
        rng = np.random.default_rng(model_seed)
        model = LanguageModel(len(vocabulary), s["embedding_size"], s["hidden_size"], rng=rng)
        return [{"lr": lr, "model_seed": model_seed, "found": _found(model, lr, batches, blanks, s)}]

    cases = [{"lr": lr, "model_seed": seed} for lr in RATES for seed in range(1, s["seeds"] + 1)]
    return {**sweep(run, cases, measure), "data_sha256": {"train": records.sha256(" ".join(tokens))}}


def _found(model, rate: float, batches, blanks, settings) -> int | None:
    optimizer = Adam(model.params, lr=rate)
    for step in range(settings["steps"]):
        if step % settings["every"] == 0 and pronouns_right(model, blanks) > 0.9:
            return step
        train_step(model, optimizer, *batches[step % len(batches)], settings["max_norm"])
    return None
