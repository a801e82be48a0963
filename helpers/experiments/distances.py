"""Experiment of chapter 4: how far does a cell carry the name, when training has to find out how?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers import records
from helpers.corpora.batches import ContiguousBatches, contiguous_batches
from helpers.corpora.pronouns import PronounGrammar, Story
from helpers.experiments.registry import Run, experiment
from helpers.experiments.settings import whole
from helpers.experiments.stories import losses, pronouns_right, stories_at
from helpers.experiments.sweep import Row, sweep
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam

DISTANCES = (1, 2, 3, 5, 8, 12, 20, 30, 40, 60, 80, 100)
"""Filler words between name and pronoun, in the test stories."""

CELLS = ("rnn", "gru", "lstm")
RATES = (0.003, 0.01, 0.03)


@experiment(
    "pronoun-distance",
    chapter="04",
    summary="Pronouns right against distance, three cells, four kinds of text: half an hour on one core",
    embedding_size=32,
    hidden_size=64,
    batch_size=20,
    tokens=150_000,
    max_norm=1.0,
    near=5,
    near_seq_len=20,
    near_steps=1500,
    far=60,
    far_seq_len=70,
    far_steps=6000,
    both_steps=3000,
    others=2,
    others_steps=6000,
    seeds=3,
    stories=200,
    rules={"stories": whole(2), "others": whole(0, 4)},   # a story of each range; there are six names
)
def pronoun_distance(run: Run) -> dict[str, Any]:
    """Every cell with every seed and several learning rates, on each of four texts (see `Text`).

    A row has the share of pronouns right on `valid` stories like those of the training, and at each distance
    (`at_1` … `at_100`) on stories that are the same for all models of this text.
    """
    s = run.settings
    texts = {text.name: text for text in kinds_of_text(s)}
    windows = {name: text.windows(s, run.seed) for name, text in texts.items()}
    valid = {name: text.like_training(s["stories"], run.seed) for name, text in texts.items()}
    tests = {others: _stories_at_all(s, others, run.seed) for others in (0, s["others"])}

    def measure(cell: str, text: str, lr: float, model_seed: int) -> list[Row]:
        rng = np.random.default_rng(model_seed)
        sizes = s["embedding_size"], s["hidden_size"]
        model = LanguageModel(len(PronounGrammar().vocabulary), *sizes, cell=cell, rng=rng)
        fit(model, windows[text], lr, texts[text].steps, s["max_norm"])
        asked = tests[texts[text].others]
        shares = {f"at_{d}": pronouns_right(model, stories) for d, stories in asked.items()}
        setting = {"cell": cell, "text": text, "lr": lr, "model_seed": model_seed}
        return [{**setting, "valid": pronouns_right(model, valid[text]), **shares}]

    return {
        **sweep(run, cases(s), measure),
        "data_sha256": {
            f"train-{name.replace(' ', '-')}": records.sha256(b"".join(ids.tobytes() for ids, _ in text))
            for name, text in windows.items()
        },
    }


@dataclass(frozen=True)
class Text:
    """Stories to learn from: of which distances, with how many other names between name and pronoun."""

    name: str
    distances: tuple[tuple[int, int], ...]  # ranges, each story takes one of them at random
    others: int
    seq_len: int
    steps: int
    rates: tuple[float, ...]
    stream: int  # of random numbers

    def _grammars(self) -> list[PronounGrammar]:
        return [
            PronounGrammar(distance=distance, distractors=self.others, greetings=0.0)
            for distance in self.distances
        ]

    def windows(self, settings: Mapping[str, Any], seed: int) -> ContiguousBatches:
        """(batch_size, seq_len) windows over a stream of these stories."""
        grammars = self._grammars()
        tokens = _mixed(grammars, settings["tokens"], np.random.default_rng([seed, self.stream]))
        return contiguous_batches(grammars[0].vocabulary.encode(tokens), settings["batch_size"], self.seq_len)

    def like_training(self, count: int, seed: int) -> list[Story]:
        """`count` fresh stories, as many of each range."""
        grammars = self._grammars()
        rng = np.random.default_rng([seed, 2])
        return [story for grammar in grammars for story in grammar.stories(count // len(grammars), rng)]


def _mixed(grammars: Sequence[PronounGrammar], num_tokens: int, rng: np.random.Generator) -> list[str]:
    """Whole stories, each of a grammar taken at random, until there are `num_tokens` tokens."""
    tokens: list[str] = []
    while len(tokens) < num_tokens:
        tokens.extend(grammars[rng.integers(len(grammars))].stories(1, rng)[0].tokens)
    return tokens


def kinds_of_text(settings: Mapping[str, Any]) -> list[Text]:
    """Near stories; stories of all distances alike; half near and half of all distances; and the last
    once more with other names in between."""
    near, far = (0, settings["near"]), (0, settings["far"])
    length, others = settings["far_seq_len"], settings["others"]
    return [
        Text("near", (near,), 0, settings["near_seq_len"], settings["near_steps"], RATES[:2], 1),
        Text("far", (far,), 0, length, settings["far_steps"], RATES, 0),
        Text("both", (near, far), 0, length, settings["both_steps"], RATES[:2], 4),
        Text("other names", (near, far), others, length, settings["others_steps"], RATES[:2], 5),
    ]


def _stories_at_all(settings: Mapping[str, Any], others: int, seed: int) -> dict[int, list[Story]]:
    return stories_at(DISTANCES, settings["stories"], seed + 1000, distractors=others)


def cases(settings: Mapping[str, Any]) -> list[Row]:
    """The models of the experiment."""
    return [
        {"cell": cell, "text": text.name, "lr": lr, "model_seed": seed}
        for text in kinds_of_text(settings)
        for seed in range(1, settings["seeds"] + 1)
        for cell in CELLS
        for lr in text.rates
    ]


def fit(model, batches: Iterable, lr: float, steps: int, max_norm: float) -> None:
    """Train with Adam, at a rate that falls in the last third (`late_decay`)."""
    optimizer = Adam(model.params, lr=lr)
    for step, _ in enumerate(losses(model, optimizer, batches, steps, max_norm)):
        optimizer.lr = late_decay(lr, step, steps)


def late_decay(lr: float, step: int, steps: int) -> float:
    """The rate after `step` (from 0): constant for two thirds of the steps, then falling to zero."""
    return lr * min(1.0, 3 * (1 - (step + 1) / steps))


def best_rate(rows: list[Mapping[str, Any]]) -> float:
    """The learning rate whose models are right most often on validation stories, on average."""
    rates = sorted({row["lr"] for row in rows})
    return max(rates, key=lambda lr: float(np.mean([row["valid"] for row in rows if row["lr"] == lr])))
