"""A cache of what was read: words that followed states like this one become likelier (Grave, Joulin & Usunier
2017). Nothing is trained."""

from __future__ import annotations

import numpy as np

from helpers.validation import require, require_fraction, require_int, require_number, require_real

BLOCK = 256
"""So many places are looked up with one matrix product."""


def cached_log_probs(
    log_probs: np.ndarray, states: np.ndarray, targets: np.ndarray, *, size: int, theta: float, weight: float
) -> np.ndarray:
    """ln of (1 - weight) · P(target) + weight · P_cache(target) for every place of a text, (L,).

    The cache at place t remembers the `size` places before it: there the model was in ``states[i]`` and the
    word ``targets[i]`` came. P_cache(w) is the share of w in the sum of exp(theta · states[t]·states[i]) over
    these places; with none of them (t = 0) the model is alone.

    Args:
        log_probs: (L,) the model's ln P of each target, at most 0.
        states: (L, H) what its output layer saw there.
        targets: (L,) ids.
        size: places that are remembered, at least 1.
        theta: how much likeness counts, at least 0; with 0 every place counts the same.
        weight: of the cache, in [0, 1).

    Raises ValueError for other shapes, for numbers that are not finite, and for options out of range.
    """
    log_probs = require_real("log_probs", log_probs, finite=True)
    states = require_real("states", states, finite=True)
    targets = np.asarray(targets)
    L = len(log_probs)
    require(log_probs.ndim == 1, "log_probs", f"shape {log_probs.shape}", "(L,)")
    require(states.ndim == 2 and len(states) == L, "states", f"shape {states.shape}", f"({L}, H)")
    fits = targets.shape == (L,) and targets.dtype.kind in "iu"
    require(fits, "targets", f"shape {targets.shape}, {targets.dtype}", f"({L},) ids")
    size, theta = require_int("size", size), require_number("theta", theta, minimum=0)
    weight = require_fraction("weight", weight)
    shares = np.zeros(L)
    for start in range(0, L, BLOCK):
        stop, first = min(start + BLOCK, L), max(0, start - size)
        place, memory = np.arange(start, stop)[:, None], np.arange(first, stop)[None]
        remembered = (memory < place) & (memory >= place - size)
        scores = np.where(remembered, theta * (states[start:stop] @ states[first:stop].T), -np.inf)
        scores -= np.maximum(scores.max(axis=1, keepdims=True), -1e30)   # the first place remembers nothing
        likeness = np.exp(scores)
        same = targets[start:stop, None] == targets[None, first:stop]
        total = likeness.sum(axis=1)
        shares[start:stop] = (likeness * same).sum(axis=1) / np.maximum(total, 1e-30)
    alone = np.arange(L) == 0
    mixed = np.log((1 - weight) * np.exp(log_probs.astype(np.float64)) + weight * shares)
    return np.where(alone, log_probs, mixed)
