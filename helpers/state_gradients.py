"""How much of the gradient of a loss at the last step arrives at every earlier state of an LSTM."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from helpers.layers import lstm_step, lstm_step_backward
from helpers.validation import require_shape


def lstm_gradient_norms(
    dh_last: np.ndarray, x: np.ndarray, params: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Norms of the gradient in the two states of an LSTM that starts from zeros, for each of N sequences.

    dh_last (N, H), the gradient of the loss in the last h; x (N, T, D); params as in ``LSTM.params``
    → {"h": ‖∂L/∂h_t‖, "c": ‖∂L/∂c_t‖, "straight": the part of "c" that came from the last c straight along
    the cell, without a detour through an h}, (N, T) each. Computed in float64.
    """
    Wx, Wh, b = (np.asarray(params[name], dtype=np.float64) for name in ("Wx", "Wh", "b"))
    require_shape("x", x, ("N", "T", len(Wx)))
    require_shape("dh_last", dh_last, (len(x), len(Wh)))
    N, T, _ = x.shape
    dh = np.asarray(dh_last, dtype=np.float64)
    h, c, caches = np.zeros_like(dh), np.zeros_like(dh), []
    for t in range(T):
        h, c, cache = lstm_step(np.asarray(x[:, t], dtype=np.float64), h, c, Wx, Wh, b)
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
