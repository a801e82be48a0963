"""`sample_next`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.layers import softmax


def _sample_next(logits, u):
    cumulative = np.cumsum(softmax(logits))
    return int(np.searchsorted(cumulative, u, side="right"))


def _logit_cases(rng):
    logits = rng.normal(size=rng.integers(5, 12), scale=1.5)
    if rng.random() < 0.3:
        logits += 1000   # exp overflows unless the largest logit is taken off first
    return {"logits": logits, "u": float(rng.random())}


sample_next = Exercise("sample_next", "01", _sample_next, ("id",), _logit_cases, rounds=40)


@sample_next.oracle("walking along the unit interval")
def _(logits, u):
    weights = [float(np.exp(z - max(logits))) for z in logits]
    edge = 0.0
    for i, weight in enumerate(weights):
        edge += weight / sum(weights)
        if u < edge:
            return i
    return len(weights) - 1


@sample_next.oracle("torch.softmax and torch.bucketize", needs_torch=True)
def _(logits, u):
    import torch

    edges = torch.softmax(torch.tensor(logits), 0).cumsum(0)
    return int(torch.bucketize(torch.tensor(u, dtype=torch.float64), edges, right=True))


@sample_next.misconception(
    "argmax", "You always take the most probable id. That is argmax; sampling gives every id its share of u."
)
def _(logits, u):
    return int(np.argmax(logits))


@sample_next.misconception(
    "overflow",
    "exp of a large logit overflows to inf and inf/inf is nan. Subtract the largest logit first: softmax does "
    "not change.",
)
def _(logits, u):
    p = np.exp(logits) / np.exp(logits).sum()
    return int(np.searchsorted(np.cumsum(p), u, side="right"))


@sample_next.misconception(
    "no-exp", "You divide the logits themselves by their sum. Probabilities need exp first: softmax."
)
def _(logits, u):
    return int(np.searchsorted(np.cumsum(logits / logits.sum()), u, side="right"))


@sample_next.misconception(
    "no-cumsum",
    "You compare u with the single probabilities. It has to be compared with their running sum: id i owns the "
    "stretch from p₀+…+p_{i−1} up to p₀+…+p_i.",
)
def _(logits, u):
    p = softmax(logits)
    return int(np.argmax(p > u))


@sample_next.misconception("one-too-far", "You are one id too far: the first id whose running sum exceeds u is it.")
def _(logits, u):
    return min(_sample_next(logits, u) + 1, len(logits) - 1)


@sample_next.misconception(
    "sorted", "You sorted the probabilities before summing, so the place found is a rank, not an id."
)
def _(logits, u):
    return int(np.searchsorted(np.cumsum(np.sort(softmax(logits))[::-1]), u, side="right"))


@sample_next.variant("argmax of a comparison")
def _(logits, u):
    shifted = np.exp(logits - logits.max())
    return np.argmax(np.cumsum(shifted / shifted.sum()) > u)


@sample_next.variant("counting the edges below u")
def _(logits, u):
    weights = np.exp(logits - np.max(logits))
    return int((np.cumsum(weights) <= u * weights.sum()).sum())


@sample_next.landmark("`sample_next(logits, 0.1)` gives `1`")
def _(f):
    return f(np.array([1.0, 2.2, -3.0, 4.1]), 0.1)
