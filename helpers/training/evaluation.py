"""Perplexity of a language model on held-out text, per token and with the state handled.

Perplexity is exp of the mean negative log-probability *per token* (Jelinek et al. 1977), so windows count
by their number of tokens: a short last window weighs less than a full one.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator

import numpy as np


def perplexity(mean_nats: float) -> float:
    """exp of a mean loss in nats per token; inf where that overflows."""
    return math.exp(mean_nats) if mean_nats < 709 else math.inf


@contextlib.contextmanager
def set_aside(model) -> Iterator[None]:
    """Reset the model's recurrent state inside the block and put the old one back after it,
    so that evaluating between two training steps changes nothing."""
    state = model.get_state()
    model.reset_state()
    try:
        yield
    finally:
        model.set_state(state)


def evaluate(model, batches: Iterable[tuple[np.ndarray, np.ndarray]], *, carry_state: bool = True) -> float:
    """Mean loss in nats per token over `batches` of (inputs, targets), each (N, T) ids; no dropout.

    The state starts at zero, is carried from window to window (`carry_state`; False starts every window
    at zero) and the model's own state is put back afterwards. Take exp, or `perplexity`, of the result.

    Raises ValueError when `batches` is empty.
    """
    total, count = 0.0, 0
    with set_aside(model):
        for inputs, targets in batches:
            if not carry_state:
                model.reset_state()
            total += float(model.loss(inputs, targets, train=False)) * targets.size
            count += targets.size
    if count == 0:
        raise ValueError("batches: got no batch, wanted at least one")
    return total / count
