"""The plain recurrent network (Elman, 1990): one step, and the layer over a sequence."""

from __future__ import annotations

import numpy as np

from helpers.layers.base import require_cache, require_forward, transposed
from helpers.layers.recurrent import Recurrent, batch_first
from helpers.validation import require_array, require_arrays


def rnn_step(x, h_prev, Wx, Wh, b):
    """h = tanh(x Wx + h_prev Wh + b).

    x (N, D), h_prev (N, H), Wx (D, H), Wh (H, H), b (H,) → h (N, H) and the cache for `rnn_step_backward`.
    """
    shapes = "x (N, D), h_prev (N, H), Wx (D, H), Wh (H, H), b (H,)"
    x, h_prev, Wx, Wh, b = require_arrays(shapes, x, h_prev, Wx, Wh, b)
    h = np.tanh(x @ Wx + h_prev @ Wh + b)
    return h, (x, h_prev, Wx, Wh, h)


def rnn_step_backward(dh, cache):
    """dh (N, H) → dx (N, D), dh_prev (N, H), dWx (D, H), dWh (H, H), db (H,)."""
    x, h_prev, Wx, Wh, h = require_cache(cache, 5, "rnn_step")
    dh = require_array("dh", dh, h.shape)
    da = dh * (1 - h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, h_prev.T @ da, da.sum(axis=0)


class RNN(Recurrent):
    """h_t = tanh(x_t Wx + h_{t-1} Wh + b) over (N, T, D).

    Parameters: `Wx` (D, H), `Wh` (H, H), normal with standard deviation 1/sqrt(rows); `b` (H,), zeros. After
    `forward` the last state stands in `.h` (N, H), after `backward` the gradient of the first in `.dh0`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        stateful: bool = False,
        dtype: np.dtype | type = np.float32,
    ):
        super().__init__(input_size, hidden_size, 1, rng=rng, stateful=stateful, dtype=dtype)
        self._add_parameter("b", np.zeros(self.hidden_size))
        self.dh0: np.ndarray | None = None

    def forward(self, x: np.ndarray, h0: np.ndarray | None = None) -> np.ndarray:
        """x (N, T, D), h0 (N, H) → h (N, T, H), a fresh array.

        ValueError for other shapes, N = 0 or T = 0.
        """
        x, (h0,) = self._start(x, None if h0 is None else (h0,))
        T, N, D = x.shape
        H = self.hidden_size
        Wh = self.params["Wh"]
        h = self._buffer("h", (T + 1, N, H))
        h[0] = h0
        # What does not wait for the state before it is computed for all steps at once.
        a = self._buffer("a", (T, N, H))
        np.matmul(x.reshape(T * N, D), self.params["Wx"], out=a.reshape(T * N, H))
        a += self.params["b"]
        for t in range(T):
            h_t = h[t + 1]
            np.matmul(h[t], Wh, out=h_t)
            h_t += a[t]
            np.tanh(h_t, out=h_t)
        self._cache = (x, h)
        self.h = h[T].copy()
        return batch_first(h[1:])

    def backward(self, dh: np.ndarray, dh_last: np.ndarray | None = None) -> np.ndarray:
        """dh (N, T, H) and dh_last (N, H), on the last state → dx (N, T, D); fills `grads` and `.dh0`."""
        require_forward(self._cache, self)
        x, h = self._cache
        T, N, D = x.shape
        H = self.hidden_size
        da = self._upstream(dh, (T, N, H))
        dh_next = self._upstream_last("dh_last", dh_last, N)
        slope = self._buffer("slope", (T, N, H))
        np.multiply(h[1:], h[1:], out=slope)
        np.subtract(1, slope, out=slope)
        WhT = transposed(self.params["Wh"], self._buffer("WhT", self.params["Wh"].shape[::-1]))
        for t in reversed(range(T)):
            da_t = da[t]
            da_t += dh_next
            da_t *= slope[t]
            np.matmul(da_t, WhT, out=dh_next)
        self.dh0 = dh_next
        flat = da.reshape(T * N, H)
        # One product over all steps is much faster than T small ones added up.
        np.matmul(x.reshape(T * N, D).T, flat, out=self.grads["Wx"])
        np.matmul(h[:T].reshape(T * N, H).T, flat, out=self.grads["Wh"])
        self._column_sums(flat, self.grads["b"])
        return self._input_gradient(flat, (T, N, D))
