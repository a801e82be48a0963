"""Experiments of chapter 4: LSTM and GRU against the amount of training text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from helpers import records
from helpers.corpora.batches import ContiguousBatches, contiguous_batches
from helpers.corpora.pronouns import PronounGrammar, Story
from helpers.experiments.distances import CELLS, RATES, best_rate, fit
from helpers.experiments.registry import Run, experiment
from helpers.experiments.stories import pronouns_right
from helpers.experiments.sweep import Row, sweep
from helpers.experiments.training_runs import EVALUATION_BATCH
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam
from helpers.training import Trainer, evaluate, perplexity
from helpers.validation import require

# ---- real English --------------------------------------------------------------------------------------

EPOCHS = {0.05: 30, 0.1: 30, 0.25: 30, 0.5: 18, 1.0: 15}
"""Share of the training text → passes over it, the same for every cell."""

LSTM, GRU, WIDE_GRU = "lstm", "gru", "wide gru"

WORD_RATES = (0.001, 0.002, 0.004)
RATES_AT = 0.25
"""The share at which LSTM and GRU are trained with each of `WORD_RATES`."""


@experiment(
    "cells-words",
    chapter="04",
    summary="LSTM and GRU on 5 % to all of the language reference inside Python: 12 minutes on one core",
    embedding_size=64,
    hidden_size=64,
    min_count=2,
    batch_size=10,
    seq_len=30,
    lr_lstm=0.002,
    lr_gru=0.002,
    max_norm=1.0,
    seeds=5,
)
def cells_words(run: Run) -> dict[str, Any]:
    """Adam at a constant rate, no dropout. A share of the training text is its beginning.

    The vocabulary is always that of the whole training text, validation and test text are the same for all
    shares, so perplexities compare. `valid_perplexity`, `test_perplexity` and `train_perplexity_at_best` are
    those of the epoch best on validation, `last_…` those of the last epoch. Training perplexities are means
    over an epoch, in which the weights change. `lr_lstm` and `lr_gru` (both GRUs) are best at `RATES_AT`.
    """
    from helpers.corpora import english
    from helpers.corpora.vocabulary import Vocabulary

    s = run.settings
    splits = english.reference_splits()._asdict()
    words = {name: english.words(text) for name, text in splits.items()}
    vocabulary = Vocabulary.build(words["train"], min_count=s["min_count"])
    require(len(vocabulary) > 1, "min_count", s["min_count"], "what some word reaches; all would be <unk>")
    ids = {name: vocabulary.encode(each) for name, each in words.items()}
    held_out = {
        name: contiguous_batches(ids[name], EVALUATION_BATCH, s["seq_len"]) for name in ("valid", "test")
    }
    hidden = hidden_sizes(len(vocabulary), s["embedding_size"], s["hidden_size"])

    def measure(cell: str, share: float, lr: float, model_seed: int) -> list[Row]:
        text = ids["train"][: round(share * len(ids["train"]))]
        batches = contiguous_batches(text, s["batch_size"], s["seq_len"])
        model = LanguageModel(
            len(vocabulary),
            s["embedding_size"],
            hidden[cell],
            cell=GRU if cell == WIDE_GRU else cell,
            rng=np.random.default_rng(model_seed),
        )
        setting = {"cell": cell, "share": share, "lr": lr, "model_seed": model_seed}
        sizes = {"hidden_size": hidden[cell], "parameters": model.parameter_count, "tokens": batches.tokens}
        trained = best_and_last(model, batches, held_out["valid"], lr, EPOCHS[share], s["max_norm"])
        test = perplexity(evaluate(model, held_out["test"]))
        return [{**setting, **sizes, **trained, "test_perplexity": test}]

    return {
        **sweep(run, word_cases(s), measure),
        "data_sha256": {name: records.sha256(text) for name, text in splits.items()},
        "results": {
            "vocabulary": len(vocabulary),
            "tokens": {name: batches.tokens for name, batches in held_out.items()},
        },
    }


def word_cases(settings: Mapping[str, Any]) -> list[Row]:
    """The models of `cells-words`: a cell's own rate at every share, at one share the other rates as well."""
    own = own_rates(settings)
    return [
        {"cell": cell, "share": share, "lr": lr, "model_seed": seed}
        for share in EPOCHS
        for seed in range(1, settings["seeds"] + 1)
        for cell in own
        for lr in sorted({own[cell], *(WORD_RATES if share == RATES_AT and cell != WIDE_GRU else ())})
    ]


def own_rates(settings: Mapping[str, Any]) -> dict[str, float]:
    """The learning rate of each cell."""
    return {LSTM: settings["lr_lstm"], GRU: settings["lr_gru"], WIDE_GRU: settings["lr_gru"]}


def hidden_sizes(V: int, D: int, H: int) -> dict[str, int]:
    """H for LSTM and GRU; the wide GRU's brings its model nearest to the LSTM's number of parameters."""
    embedding = V * D

    def lstm(h: int) -> int:
        return embedding + 4 * h * (D + h + 1) + (h + 1) * V

    def gru(h: int) -> int:   # two biases
        return embedding + 3 * h * (D + h + 2) + (h + 1) * V

    return {LSTM: H, GRU: H, WIDE_GRU: min(range(H, 2 * H), key=lambda h: abs(gru(h) - lstm(H)))}


def best_and_last(
    model, train: ContiguousBatches, valid: ContiguousBatches, lr: float, epochs: int, max_norm: float
) -> Row:
    """Train; the model keeps the weights best on `valid` → perplexities at that epoch and at the last."""
    trainer = Trainer(model, Adam(model.params, lr), max_norm=max_norm, report=None, bar=False)
    curve = trainer.fit(train, valid, epochs)
    if trainer.interrupted:
        raise KeyboardInterrupt
    best = min(curve, key=lambda row: row["valid_perplexity"])
    return {
        "epochs": len(curve),
        "best_epoch": best["epoch"],
        "train_perplexity_at_best": best["train_perplexity"],
        "valid_perplexity": best["valid_perplexity"],
        "last_train_perplexity": curve[-1]["train_perplexity"],
        "last_valid_perplexity": curve[-1]["valid_perplexity"],
    }


def best_word_rate(rows: Sequence[Mapping[str, Any]], cell: str) -> float:
    """The rate with which `cell` has the lowest validation perplexity at `RATES_AT`, on average."""
    tried = [row for row in rows if (row["cell"], row["share"]) == (cell, RATES_AT)]
    # best_rate wants more to be better
    return best_rate([{"lr": row["lr"], "valid": -row["valid_perplexity"]} for row in tried])


# ---- the pronoun stories -------------------------------------------------------------------------------

TOKENS = (1_000, 3_000, 5_000, 10_000, 30_000)
"""Tokens of training text, at least: stories are whole."""


@experiment(
    "cells-stories",
    chapter="04",
    summary="Pronouns right against the number of stories read, for three cells: 12 minutes on one core",
    distance=12,
    embedding_size=32,
    hidden_size=64,
    batch_size=20,
    seq_len=25,
    steps=1500,
    max_norm=1.0,
    seeds=5,
    stories=500,
)
def cells_stories(run: Run) -> dict[str, Any]:
    """Every cell with every learning rate on texts of 1,000 to 30,000 tokens, for the same number of steps.

    A row has the share of pronouns right in fresh stories (`valid`, for choosing the rate, and `test`) and in
    the first of those that were trained on (`train`); `seen` is the share of test stories that happen to
    stand in the training text, up to the blank. With the seed, weights *and* text change; the cells see the
    same texts, and a shorter text is the beginning of a longer one.
    """
    s = run.settings
    grammar = PronounGrammar(distance=(0, s["distance"]), greetings=0.0)
    vocabulary = grammar.vocabulary
    texts = {
        seed: whole_stories(grammar, max(TOKENS), np.random.default_rng([run.seed, seed]))
        for seed in range(1, s["seeds"] + 1)
    }
    fresh = {
        name: grammar.stories(s["stories"], np.random.default_rng([run.seed + 1000, number]))
        for number, name in enumerate(("valid", "test"))
    }

    def measure(cell: str, tokens: int, lr: float, model_seed: int) -> list[Row]:
        read = beginning(texts[model_seed], tokens)
        batches = contiguous_batches(vocabulary.encode(_words(read)), s["batch_size"], s["seq_len"])
        rng = np.random.default_rng(model_seed)
        model = LanguageModel(len(vocabulary), s["embedding_size"], s["hidden_size"], cell=cell, rng=rng)
        fit(model, batches, lr, s["steps"], s["max_norm"])
        known = {story.prompt for story in read}
        return [
            {
                "cell": cell,
                "tokens": tokens,
                "lr": lr,
                "model_seed": model_seed,
                "train": pronouns_right(model, read[: s["stories"]]),
                **{name: pronouns_right(model, stories) for name, stories in fresh.items()},
                "seen": sum(story.prompt in known for story in fresh["test"]) / s["stories"],
            }
        ]

    return {
        **sweep(run, story_cases(s), measure),
        "data_sha256": {
            f"train-{seed}": records.sha256(" ".join(_words(text))) for seed, text in texts.items()
        },
    }


def story_cases(settings: Mapping[str, Any]) -> list[Row]:
    """The models of `cells-stories`."""
    return [
        {"cell": cell, "tokens": tokens, "lr": lr, "model_seed": seed}
        for tokens in TOKENS
        for seed in range(1, settings["seeds"] + 1)
        for cell in CELLS
        for lr in RATES
    ]


def whole_stories(grammar: PronounGrammar, num_tokens: int, rng: np.random.Generator) -> list[Story]:
    """Stories until there are `num_tokens` tokens: those of ``grammar.corpus``, as stories."""
    stories: list[Story] = []
    total = 0
    while total < num_tokens:
        stories += grammar.stories(1, rng)
        total += len(stories[-1].tokens)
    return stories


def beginning(stories: Sequence[Story], num_tokens: int) -> list[Story]:
    """The fewest stories from the start of `stories` that have `num_tokens` tokens."""
    ends = np.cumsum([len(story.tokens) for story in stories])
    return list(stories[: int(np.searchsorted(ends, num_tokens)) + 1])


def at_best_rate(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of `cells-stories` whose rate is the best on validation for their cell and amount of text."""
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["cell"], row["tokens"]), []).append(row)
    return [row for group in groups.values() for row in group if row["lr"] == best_rate(group)]


def _words(stories: Sequence[Story]) -> list[str]:
    return [token for story in stories for token in story.tokens]
