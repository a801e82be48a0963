"""The gradient of a plain network when every loss looks back over only so many steps."""

from __future__ import annotations

import numpy as np

from helpers.validation import require, require_arrays


def gradients_by_reach(
    x: np.ndarray,
    h0: np.ndarray,
    h: np.ndarray,
    target: np.ndarray,
    Wh: np.ndarray,
) -> np.ndarray:
    """Gradient of E = Σ ½ (h − target)² when every loss looks back over 1, 2, … T uses of the weights.

    x (N, T, D), h0 (N, H), the states h (N, T, H) of h_t = tanh(x_t Wx + h_(t−1) Wh + b), target (N, T, H),
    Wh (H, H) → (T, D·H + H·H + H): row k − 1 is the gradient over k uses, those of Wx, Wh and b one behind
    the other; the last row is the full gradient.

    One sweep does it, because what is carried back is kept apart by its distance from its loss: up to T
    times as much to carry, and (T + 1)/2 times as much to compute, as in the sweep that adds it up.
    ValueError for anything else than real numbers in these shapes, and for no step.
    """
    shapes = "x (N, T, D), h0 (N, H), h (N, T, H), target (N, T, H), Wh (H, H)"
    x, h0, h, target, Wh = require_arrays(shapes, x, h0, h, target, Wh)
    require(x.shape[1] > 0, "x", f"shape {x.shape}", "at least one step")
    T = x.shape[1]
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    by_distance = np.zeros((T, (x.shape[2] + len(Wh) + 1) * len(Wh)))
    carried = np.zeros((0, *h0.shape))                        # (distances, N, H), the youngest loss first
    for t in reversed(range(T)):
        arriving = np.concatenate([(h[:, t] - target[:, t])[None], carried])
        da = arriving * (1 - h[:, t] ** 2)
        uses = (x[:, t].T @ da, before[:, t].T @ da, da.sum(axis=1))
        by_distance[: len(da)] += np.concatenate([use.reshape(len(da), -1) for use in uses], axis=1)
        carried = da @ Wh.T
    return np.cumsum(by_distance, axis=0)
