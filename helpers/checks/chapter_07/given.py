"""Small models for the exercises on decoding: every prefix has scores of its own, drawn from a seed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from helpers.layers import log_softmax
from helpers.validation import require


@lru_cache(maxsize=50_000)   # a check asks for the same prefix many times
def _drawn(size: int, seed: int, *prefix: int) -> np.ndarray:
    return np.random.default_rng([seed, *prefix]).normal(size=size)


class Writer:
    """A decoder as `greedy_decode` sees it: its state is everything it has read so far."""

    def __init__(self, seed: int, size: int):
        self.seed, self.size = seed, size

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
        return _drawn(self.size, self.seed, *state).copy(), state

    def __repr__(self) -> str:
        return f"a decoder with V = {self.size}"


class Continuations:
    """A decoder as `beam_search` sees it: tokens written so far → log-probabilities (V,)."""

    def __init__(self, seed: int, size: int):
        self.seed, self.size = seed, size

    def __call__(self, tokens) -> np.ndarray:
        return log_softmax(1.5 * _drawn(self.size, self.seed, *map(int, tokens)))

    def __repr__(self) -> str:
        return f"a decoder with V = {self.size}"
