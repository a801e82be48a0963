"""The LSTM (Hochreiter & Schmidhuber, 1997; forget gate: Gers et al., 2000): one step, and the layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.layers.activations import sigmoid
from helpers.layers.base import require_cache, require_forward, transposed
from helpers.layers.recurrent import Recurrent, batch_first, by_gate, require_several
from helpers.validation import require_array, require_arrays, require_number


def lstm_step(x, h_prev, c_prev, Wx, Wh, b):
    """One step of the LSTM; gates in the order i, f, g, o.

    x (N, D), h_prev and c_prev (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,)
    → h (N, H), c (N, H) and the cache for `lstm_step_backward`.
    """
    shapes = "x (N, D), h_prev (N, H), c_prev (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,)"
    x, h_prev, c_prev, Wx, Wh, b = require_arrays(shapes, x, h_prev, c_prev, Wx, Wh, b)
    i, f, g, o = np.split(x @ Wx + h_prev @ Wh + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c_prev + i * g
    tanh_c = np.tanh(c)
    h = o * tanh_c
    return h, c, (x, h_prev, c_prev, Wx, Wh, i, f, g, o, tanh_c)


def lstm_step_backward(dh, dc, cache):
    """dh, dc (N, H) → dx (N, D), dh_prev (N, H), dc_prev (N, H), dWx (D, 4H), dWh (H, 4H), db (4H,)."""
    x, h_prev, c_prev, Wx, Wh, i, f, g, o, tanh_c = require_cache(cache, 10, "lstm_step")
    dh, dc = require_array("dh", dh, f.shape), require_array("dc", dc, f.shape)
    dc = dc + dh * o * (1 - tanh_c**2)
    di = dc * g * i * (1 - i)
    df = dc * c_prev * f * (1 - f)
    dg = dc * i * (1 - g**2)
    do = dh * tanh_c * o * (1 - o)
    da = np.concatenate([di, df, dg, do], axis=1)
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, h_prev.T @ da, da.sum(axis=0)


class LSTM(Recurrent):
    """The LSTM over (N, T, D); gates in PyTorch's order i, f, g, o.

    Parameters: `Wx` (D, 4H), `Wh` (H, 4H), normal with standard deviation 1/sqrt(rows); `b` (4H,), zeros, but
    `forget_bias` for the forget gate. After `forward` the last state stands in `.h` and `.c` (N, H), after
    `backward` the gradients of the first in `.dh0` and `.dc0`.
    """

    state_names = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        stateful: bool = False,
        forget_bias: float = 0.0,
        dtype: np.dtype | type = np.float32,
    ):
        super().__init__(input_size, hidden_size, 4, rng=rng, stateful=stateful, dtype=dtype)
        H = self.hidden_size
        self._add_parameter("b", np.zeros(4 * H))
        self.params["b"][H : 2 * H] = require_number("forget_bias", forget_bias, minimum=-1000, maximum=1000)
        self.dh0: np.ndarray | None = None
        self.dc0: np.ndarray | None = None

    def forward(self, x: np.ndarray, state: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """x (N, T, D), state (h0, c0), each (N, H) → h (N, T, H), a fresh array.

        ValueError for other shapes, N = 0 or T = 0.
        """
        x, (h0, c0) = self._start(x, state)
        T, N, D = x.shape
        H = self.hidden_size
        h = self._buffer("h", (T + 1, N, H))
        c = self._buffer("c", (T + 1, N, H))
        tanh_c = self._buffer("tanh_c", (T, N, H))
        part, i_g = self._buffer("part", (N, H)), self._buffer("i_g", (N, H))
        h[0], c[0] = h0, c0
        Wh = self.params["Wh"]
        # What does not wait for the state before it is computed for all steps at once.
        a = self._buffer("a", (T, N, 4 * H))
        np.matmul(x.reshape(T * N, D), self.params["Wx"], out=a.reshape(T * N, 4 * H))
        a += self.params["b"]
        product = self._buffer("product", (N, 4 * H))
        # Apart from the products a gate is a block of its own: NumPy is faster on unbroken memory.
        gates = self._buffer("gates", (T, 4, N, H))
        # sigmoid(a) = tanh(a / 2) / 2 + 1 / 2: scaled before and after, one tanh serves all four. Written out
        # in full the factors cost half of what broadcasting costs.
        scale, shift = self._buffer("scale", (4, N, H)), self._buffer("shift", (4, N, H))
        scale[...] = np.array([0.5, 0.5, 1, 0.5], self.dtype)[:, None, None]
        shift[...] = np.array([0.5, 0.5, 0, 0.5], self.dtype)[:, None, None]
        for t in range(T):
            np.matmul(h[t], Wh, out=product)
            gate = gates[t]
            product += a[t]
            np.multiply(by_gate(product, 4), scale, out=gate)
            np.tanh(gate, out=gate)
            gate *= scale
            gate += shift
            i, f, g, o = gate
            np.multiply(f, c[t], out=part)
            np.multiply(i, g, out=i_g)
            np.add(part, i_g, out=c[t + 1])
            np.tanh(c[t + 1], out=tanh_c[t])
            np.multiply(o, tanh_c[t], out=h[t + 1])
        self._cache = (x, h, c, tanh_c, gates)
        self.h, self.c = h[T].copy(), c[T].copy()
        return batch_first(h[1:])

    def backward(self, dh: np.ndarray, dstate: Sequence[np.ndarray | None] | None = None) -> np.ndarray:
        """dh (N, T, H) and dstate (dh_last, dc_last), on the last state → dx (N, T, D).

        Fills `grads`, `.dh0` and `.dc0`.
        """
        require_forward(self._cache, self)
        x, h, c, tanh_c, gates = self._cache
        T, N, D = x.shape
        H = self.hidden_size
        dh = self._upstream(dh, (T, N, H))
        dstate = (None, None) if dstate is None else dstate
        require_several("dstate", dstate, ("dh_last", "dc_last"))
        dh_next = self._upstream_last("dh_last", dstate[0], N)
        dc = self._upstream_last("dc_last", dstate[1], N)
        slopes, slope_c = self._slopes(c, tanh_c, gates)
        da = self._buffer("a", (T, N, 4 * H))
        part = self._buffer("part", (N, H))
        WhT = transposed(self.params["Wh"], self._buffer("WhT", (4 * H, H)))
        for t in reversed(range(T)):
            dh_next += dh[t]
            np.multiply(dh_next, slope_c[t], out=part)
            dc += part
            da_t = by_gate(da[t], 4)
            np.multiply(slopes[t, :3], dc, out=da_t[:3])
            np.multiply(slopes[t, 3], dh_next, out=da_t[3])
            dc *= gates[t, 1]
            np.matmul(da[t], WhT, out=dh_next)
        self.dh0, self.dc0 = dh_next, dc
        flat = da.reshape(T * N, 4 * H)
        # One product over all steps is much faster than T small ones added up.
        np.matmul(x.reshape(T * N, D).T, flat, out=self.grads["Wx"])
        np.matmul(h[:T].reshape(T * N, H).T, flat, out=self.grads["Wh"])
        self._column_sums(flat, self.grads["b"])
        return self._input_gradient(flat, (T, N, D))

    def _slopes(self, c, tanh_c, gates):
        """For all steps at once: dc/da for i, f, g and dh/da for o (T, 4, N, H), and dh/dc (T, N, H)."""
        slopes = self._buffer("slopes", gates.shape)
        i, _, g, o = gates.transpose(1, 0, 2, 3)
        di, df, dg, do = slopes.transpose(1, 0, 2, 3)
        np.multiply(gates, gates, out=slopes)
        np.subtract(gates, slopes, out=slopes)  # s (1 - s), the slope of the sigmoid
        di *= g
        df *= c[:-1]
        do *= tanh_c
        np.multiply(g, g, out=dg)
        np.subtract(1, dg, out=dg)  # 1 - g², the slope of tanh
        dg *= i
        slope_c = self._buffer("slope_c", tanh_c.shape)
        np.multiply(tanh_c, tanh_c, out=slope_c)
        np.subtract(1, slope_c, out=slope_c)
        slope_c *= o
        return slopes, slope_c
