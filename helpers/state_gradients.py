"""How much of the gradient of a loss at the last step arrives at every earlier state of an LSTM."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from helpers.layers import lstm_step, lstm_step_backward
from helpers.validation import require, require_arrays


def lstm_gradient_norms(
    dh_last: np.ndarray, x: np.ndarray, params: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Norms of the gradient in the two states of an LSTM that starts from zeros, for each of N sequences.

    dh_last (N, H), the gradient of the loss in the last h; x (N, T, D); params as in ``LSTM.params``
    → {"h": ‖∂L/∂h_t‖, "c": ‖∂L/∂c_t‖, "straight": the part of "c" that came from the last c straight along
    the cell, without a detour through an h}, (N, T) each. Computed in float64. ValueError for anything else
    than real numbers in these shapes.
    """
    for name in ("Wx", "Wh", "b"):
        require(isinstance(params, Mapping) and name in params, "params", f"no {name}", "those of an LSTM")
    given = params["Wx"], params["Wh"], params["b"], x, dh_last
    shapes = "Wx (D, 4H), Wh (H, 4H), b (4H,), x (N, T, D), dh_last (N, H)"
    Wx, Wh, b, x, dh = (array.astype(np.float64) for array in require_arrays(shapes, *given))
    N, T, _ = x.shape
    h, c, caches = np.zeros_like(dh), np.zeros_like(dh), []
    for t in range(T):
        h, c, cache = lstm_step(x[:, t], h, c, Wx, Wh, b)
        caches.append(cache)
    norms = {name: np.zeros((N, T)) for name in ("h", "c", "straight")}
    dc, straight = np.zeros_like(dh), None
    for t in reversed(range(T)):
        *_, f, _, o, tanh_c = caches[t]
        through_both = dc + dh * o * (1 - tanh_c**2)   # c_t acts on c_(t+1), and on h_t
        straight = through_both if straight is None else straight
        for name, gradient in (("h", dh), ("c", through_both), ("straight", straight)):
            norms[name][:, t] = np.linalg.norm(gradient, axis=1)
        straight = straight * f
        _, dh, dc, *_ = lstm_step_backward(dh, dc, caches[t])
    return norms
