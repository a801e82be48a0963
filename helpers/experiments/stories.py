"""Training language models on the pronoun stories, and asking them for the pronoun."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from helpers.corpora.batches import ContiguousBatches, contiguous_batches
from helpers.corpora.pronouns import PronounGrammar, Story
from helpers.corpora.vocabulary import EOS
from helpers.training.evaluation import set_aside
from helpers.training.trainer import train_step


def story_batches(
    distance: int | tuple[int, int], num_tokens: int, batch_size: int, seq_len: int, rng: np.random.Generator
) -> ContiguousBatches:
    """Windows (batch_size, seq_len) of ids over a stream of stories at `distance`, without greetings."""
    grammar = PronounGrammar(distance=distance, greetings=0.0)
    tokens, _ = grammar.corpus(num_tokens, rng)
    return contiguous_batches(grammar.vocabulary.encode(tokens), batch_size, seq_len)


def losses(model, optimizer, batches, steps: int, max_norm: float = math.inf) -> Iterator[float]:
    """Train for `steps` windows, from the start of the stream again where it ends; yields each loss.

    FloatingPointError when a loss or gradient is no longer finite.
    """
    windows = list(batches)
    for step in range(steps):
        if step % len(windows) == 0:
            model.reset_state()
        yield train_step(model, optimizer, *windows[step % len(windows)], max_norm)


def pronouns_right(model, stories: Sequence[Story]) -> float:
    """Share of `stories` in whose blank the model gives the right one of "he" and "she" the larger logit.

    Each story is read from its beginning, after ``<eos>`` and with a fresh state.
    """
    vocabulary = PronounGrammar().vocabulary
    he, she = (int(i) for i in vocabulary.encode(["he", "she"]))
    by_length: dict[int, list[Story]] = defaultdict(list)
    for story in stories:
        by_length[story.blank].append(story)
    right = 0
    with set_aside(model):
        for alike in by_length.values():
            ids = np.array([vocabulary.encode([EOS, *story.prompt]) for story in alike])
            model.reset_state()
            logits = model.forward(ids)[:, -1]
            said_she = logits[:, she] > logits[:, he]
            right += int((said_she == np.array([story.answer == "she" for story in alike])).sum())
    return right / len(stories)


def stories_at(
    distances: Sequence[int], count: int, seed: int, *, distractors: int = 0
) -> dict[int, list[Story]]:
    """`count` fresh stories at each distance, with `distractors` other names between name and pronoun."""
    grammar = PronounGrammar(distractors=distractors, greetings=0.0)
    return {d: grammar.at_distance(d).stories(count, np.random.default_rng([seed, d])) for d in distances}
