"""Experiment of chapter 3: does clipping, or a better start, help a plain network carry the name further?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from helpers import records
from helpers.corpora.pronouns import PronounGrammar, Story
from helpers.corpora.vocabulary import EOS
from helpers.experiments.registry import Run, experiment
from helpers.experiments.stories import pronouns_right
from helpers.experiments.sweep import Row, sweep
from helpers.layers import softmax
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam, clip_scale
from helpers.training.evaluation import set_aside
from helpers.training.trainer import train_step

DISTANCES = (2, 4, 8, 12, 16, 20, 24, 32)
"""Filler words between name and pronoun: at most so many in training, exactly so many in the test."""

PLAIN, CLIPPED, CLIPPED_HARD, ORTHOGONAL = "no clipping", "clipped", "clipped hard", "orthogonal"
VARIANTS = (PLAIN, CLIPPED, CLIPPED_HARD, ORTHOGONAL)

LOOKED_AT = (0, 100, 500, 1500)
"""Steps after which the gradient at the name is looked at."""

Window = tuple[np.ndarray, np.ndarray]


@experiment(
    "pronoun-clipping",
    chapter="03",
    summary="Pronouns right against distance, plain network, clipped or not: 25 minutes on one core",
    embedding_size=32,
    hidden_size=64,
    batch_size=20,
    windows=300,
    lr=0.003,
    steps=1500,
    max_norm=1.0,
    hard_norm=0.25,
    seeds=10,
    stories=200,
)
def pronoun_clipping(run: Run) -> dict[str, Any]:
    """One row per distance, variant and seed; the seed draws the training text and the initial weights.
    "orthogonal" starts from an orthogonal Wh and is clipped as "clipped" is.

    `accuracy` is the share of pronouns right after training; `clipped` the share of steps whose gradient was
    longer than the variant's threshold; `at_name_…` is `gradient_at_name` after that many steps. All are null
    where training diverged: a loss or gradient was not finite.
    """
    s = run.settings
    text_of = lru_cache(maxsize=len(DISTANCES))(
        lambda distance, seed: mixed_windows(
            distance, s["windows"], s["batch_size"], np.random.default_rng([run.seed, distance, seed])
        )
    )
    tests = {
        d: balanced_stories(d, s["stories"], np.random.default_rng([run.seed + 1000, d])) for d in DISTANCES
    }

    def measure(distance: int, variant: str, model_seed: int) -> list[Row]:
        model, text = plain_network(s, variant, model_seed), text_of(distance, model_seed)
        max_norm = {PLAIN: math.inf, CLIPPED_HARD: s["hard_norm"]}.get(variant, s["max_norm"])
        clipped = 0
        at_name = dict.fromkeys(f"at_name_{step}" for step in LOOKED_AT)
        accuracy = share = None
        try:
            for step, was_clipped in enumerate(fit(model, text, s["lr"], s["steps"], max_norm)):
                clipped += was_clipped
                if step in LOOKED_AT:
                    at_name[f"at_name_{step}"] = gradient_at_name(model, tests[distance])
            accuracy, share = pronouns_right(model, tests[distance]), clipped / s["steps"]
        except FloatingPointError:
            at_name = dict.fromkeys(at_name)
        row = {"distance": distance, "variant": variant, "model_seed": model_seed}
        return [{**row, "accuracy": accuracy, "clipped": share, **at_name}]

    cases = [
        {"distance": distance, "variant": variant, "model_seed": seed}
        for seed in range(1, s["seeds"] + 1)
        for distance in DISTANCES
        for variant in VARIANTS
    ]
    return {
        **sweep(run, cases, measure),
        "data_sha256": {
            f"train-to-{d}-seed-1": records.sha256(b"".join(inputs.tobytes() for inputs, _ in text_of(d, 1)))
            for d in DISTANCES
        },
    }


def mixed_windows(longest: int, count: int, batch_size: int, rng: np.random.Generator) -> list[Window]:
    """`count` pairs of inputs and targets (N, T), a whole story in each row, so that no gradient is cut.

    All stories of a window are at one distance, so equally long; it is drawn from 0 … `longest`.
    """
    windows = []
    for distance in rng.integers(longest + 1, size=count):
        grammar = PronounGrammar(distance=int(distance), greetings=0.0)
        stories = grammar.stories(batch_size, rng)
        ids = np.stack([grammar.vocabulary.encode([EOS, *story.tokens]) for story in stories])
        windows.append((ids[:, :-1], ids[:, 1:]))
    return windows


def balanced_stories(distance: int, count: int, rng: np.random.Generator) -> list[Story]:
    """`count` stories, "he" and "she" in turn: whoever always says the same is right in half of them."""
    grammar = PronounGrammar(distance=distance, greetings=0.0)
    stories: list[Story] = []
    while len(stories) < count:
        (story,) = grammar.stories(1, rng)
        if story.answer == ("he", "she")[len(stories) % 2]:
            stories.append(story)
    return stories


def fit(
    model: LanguageModel, text: Sequence[Window], lr: float, steps: int, max_norm: float
) -> Iterator[bool]:
    """Train with Adam, every window from a fresh state; yields whether the last update was clipped: after
    each update, and (False) before the first."""
    optimizer = Adam(model.params, lr=lr)
    yield False
    for step in range(steps):
        model.reset_state()
        train_step(model, optimizer, *text[step % len(text)], max_norm)
        yield clip_scale(model.grads, max_norm)[1] < 1


def gradient_at_name(model: LanguageModel, stories: Sequence[Story]) -> float:
    """Norm of ∂L/∂h at the name over that at the blank, L being the loss of the pronoun alone: the median of
    `stories` (all at one distance)."""
    vocabulary = PronounGrammar().vocabulary
    ids = np.stack([vocabulary.encode([EOS, *story.prompt]) for story in stories])
    answers = vocabulary.encode(story.answer for story in stories)
    cell, output = model.cells[0], model.output
    after_name = 2   # <eos> and the name
    with set_aside(model):
        vectors = model.embedding.forward(ids)
        cell.forward(vectors[:, :after_name])
        h = cell.forward(vectors[:, after_name:], cell.h)
        dlogits = softmax(output.forward(h[:, -1]))
        dlogits[np.arange(len(ids)), answers] -= 1
        dh = np.zeros_like(h)
        dh[:, -1] = dlogits @ output.params["W"].T
        cell.backward(dh)
        ratios = np.linalg.norm(cell.dh0, axis=1) / np.linalg.norm(dh[:, -1], axis=1)
    return float(np.median(ratios))


def plain_network(settings: Mapping[str, Any], variant: str, seed: int) -> LanguageModel:
    """A language model on a plain recurrent network; "orthogonal" starts from an orthogonal Wh."""
    rng = np.random.default_rng(seed)
    sizes = settings["embedding_size"], settings["hidden_size"]
    model = LanguageModel(len(PronounGrammar().vocabulary), *sizes, cell="rnn", rng=rng)
    if variant == ORTHOGONAL:
        model.params["cells.0.Wh"][...] = orthogonal(settings["hidden_size"], rng)
    return model


def orthogonal(size: int, rng: np.random.Generator) -> np.ndarray:
    """A random orthogonal matrix (size, size), uniform over all of them (Mezzadri 2007)."""
    Q, R = np.linalg.qr(rng.normal(size=(size, size)))
    return Q * np.sign(np.diag(R))
