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
    kind = rng.integers(8)
    if kind < 2:
        logits += 1000   # exp overflows unless the largest logit is taken off first
    elif kind == 2:
        logits[0] = -1000.0   # a stretch of length 0 at u = 0 owns nothing
        return {"logits": logits, "u": 0.0}
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
    "one-too-low", "You are one id too low: the first id whose running sum exceeds u is it, not the one before."
)
def _(logits, u):
    return max(_sample_next(logits, u) - 1, 0)


@sample_next.misconception(
    "below-u", "You look for a running sum *below* u; that is True from the start. The first one above u is it: > u."
)
def _(logits, u):
    return int(np.argmax(np.cumsum(softmax(logits)) < u))


@sample_next.misconception(
    "not-normalised", "The weights are not divided by their sum, so their running sum does not end at 1."
)
def _(logits, u):
    return int(np.argmax(np.cumsum(np.exp(logits - logits.max())) > u))


@sample_next.misconception(
    "own-random-number", "You draw a number of your own. Use the u that is handed in, so that the draw can be repeated."
)
def _(logits, u):
    return _sample_next(logits, np.random.default_rng(0).random())


@sample_next.misconception(
    "zero-stretch", "At u = 0 you choose an id of probability 0. Its stretch is empty: with searchsorted, side=\"right\"."
)
def _(logits, u):
    return int(np.searchsorted(np.cumsum(softmax(logits)), u))


@sample_next.misconception(
    "sorted", "You sorted the probabilities before summing, so the place found is a rank, not an id."
)
def _(logits, u):
    return int(np.searchsorted(np.cumsum(np.sort(softmax(logits))[::-1]), u, side="right"))


@sample_next.variant("argmax of a comparison")
def _(logits, u):
    shifted = np.exp(logits - logits.max())
    return np.argmax(np.cumsum(shifted / shifted.sum()) > u)   # an np.int64


@sample_next.variant("counting the edges below u")
def _(logits, u):
    weights = np.exp(logits - np.max(logits))
    return int((np.cumsum(weights) <= u * weights.sum()).sum())


@sample_next.landmark("`sample_next(logits, 0.1)` gives `1`")
def _(f):
    return f(np.array([1.0, 2.2, -3.0, 4.1]), 0.1)
