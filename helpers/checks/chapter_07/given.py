"""Small models for the exercises on decoding: every prefix has scores of its own, drawn from a seed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from helpers.checks.compare import Complaint
from helpers.languages import translate
from helpers.layers import log_softmax
from helpers.validation import require

BOS, EOS = 1, 2


def a_list(name, value):
    """Refuse `value` where it is an array, a tuple or a text: the chapter compares what is written with lists."""
    if value is not None and not isinstance(value, list):
        kind = type(value).__name__
        if isinstance(value, str | dict):
            raise Complaint("`{name}` is a {type}; wanted a list of ids.", name=name, type=kind)
        how = f"{name}.tolist()" if hasattr(value, "tolist") else f"list({name})"
        raise Complaint("`{name}` is a {type}; wanted a list of ids: {how} makes one.", name=name, type=kind, how=how)


@lru_cache(maxsize=20_000)   # a check asks for the same prefix many times
def _drawn(size: int, seed: int, *prefix: int) -> np.ndarray:
    return np.random.default_rng([seed, *prefix]).normal(size=size)


class Writer:
    """A decoder as `greedy_decode` sees it: its state is everything it has read so far.

    Scores are float32, as a torch model's, `scale` times a normal number plus `shift`; `ends` is added to that of
    <eos>. <bos> never wins.
    """

    def __init__(self, seed: int, size: int, *, scale: float = 1.0, shift: float = 0.0, ends: float = 0.0):
        self.seed, self.size, self.scale, self.shift, self.ends = seed, size, scale, shift, ends

    def start(self, source) -> tuple[int, ...]:
        """source, a sequence of ids → the state before the first step; ValueError for anything else."""
        require(all(np.ndim(i) == 0 for i in source), "source", "more than one list", "one list of ids")
        return tuple(int(i) for i in source)

    def step(self, token, state) -> tuple[np.ndarray, tuple[int, ...]]:
        """An id and a state → scores (V,) of what comes next, the new state; ValueError for anything else."""
        require(np.ndim(token) == 0, "token", f"shape {np.shape(token)}", "one id")
        require(
            isinstance(state, tuple), "state", f"a {type(state).__name__}",
            "what model.start or model.step gave as the state; model.step returns (scores, state)",
        )  # fmt: skip
        state = (*state, int(token))
        require(len(state) < 500, "model.step", "called some 500 times in a row", "at most max_length steps")
        scores = self.scale * _drawn(self.size, self.seed, *state) + self.shift
        scores[EOS] += self.ends
        scores[BOS] = scores.min() - 1
        return scores.astype(np.float32), state

    def __repr__(self) -> str:
        return translate("a decoder with V = {size}", size=self.size)


class Continuations:
    """A decoder as `beam_search` sees it: tokens written so far → log-probabilities (V,).

    `scale` says how different the words' logits are; `ends` is added to that of <eos>; <bos> never wins. Who asks
    about more than `most` different beginnings gets a ValueError: a search that cuts nothing away would not come back.
    """

    def __init__(self, seed: int, size: int, *, most: int, scale: float = 1.0, ends: float = 0.0):
        self.seed, self.size, self.most, self.scale, self.ends = seed, size, most, scale, ends
        self.asked: set[tuple[int, ...]] = set()

    def __call__(self, tokens) -> np.ndarray:
        tokens = tuple(map(int, tokens))
        self.asked.add(tokens)
        require(
            len(tokens) < 1000, "log_probs_after", f"asked about a beginning of {len(tokens)} words", "at most max_length"
        )
        require(
            len(self.asked) <= self.most, "log_probs_after", f"asked about {len(self.asked)} different beginnings",
            "at most beam_size of them at every step: keep the best candidates only",
        )  # fmt: skip
        logits = self.scale * _drawn(self.size, self.seed, *tokens)
        logits[EOS] += self.ends
        logits[BOS] -= 50   # it never wins
        return log_softmax(logits)

    def __repr__(self) -> str:
        return translate("a decoder with V = {size}", size=self.size)
