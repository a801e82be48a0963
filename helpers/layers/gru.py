"""The GRU (Cho et al., 2014), in the form PyTorch uses: one step, and the layer over a sequence."""

from __future__ import annotations

import numpy as np

from helpers.layers.activations import sigmoid
from helpers.layers.base import require_cache, require_forward, transposed
from helpers.layers.recurrent import Recurrent, batch_first, by_gate
from helpers.validation import require_array, require_arrays


def gru_step(x, h_prev, Wx, Wh, bx, bh):
    """One step of the GRU; gates in the order r, z, n.

    x (N, D), h_prev (N, H), Wx (D, 3H), Wh (H, 3H), bx and bh (3H,)
    → h (N, H) and the cache for `gru_step_backward`. The reset gate multiplies h_prev Whn + bhn: two biases,
    because the one inside that product is not the same as the one outside.
    """
    shapes = "x (N, D), h_prev (N, H), Wx (D, 3H), Wh (H, 3H), bx (3H,), bh (3H,)"
    x, h_prev, Wx, Wh, bx, bh = require_arrays(shapes, x, h_prev, Wx, Wh, bx, bh)
    xr, xz, xn = np.split(x @ Wx + bx, 3, axis=1)
    hr, hz, hn = np.split(h_prev @ Wh + bh, 3, axis=1)
    r = sigmoid(xr + hr)
    z = sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    h = (1 - z) * n + z * h_prev
    return h, (x, h_prev, Wx, Wh, r, z, n, hn)


def gru_step_backward(dh, cache):
    """dh (N, H) → dx (N, D), dh_prev (N, H), dWx (D, 3H), dWh (H, 3H), dbx (3H,), dbh (3H,)."""
    x, h_prev, Wx, Wh, r, z, n, hn = require_cache(cache, 8, "gru_step")
    dh = require_array("dh", dh, n.shape)
    dn = dh * (1 - z) * (1 - n**2)
    dz = dh * (h_prev - n) * z * (1 - z)
    dr = dn * hn * r * (1 - r)
    dax = np.concatenate([dr, dz, dn], axis=1)
    dah = np.concatenate([dr, dz, dn * r], axis=1)
    dh_prev = dh * z + dah @ Wh.T
    return dax @ Wx.T, dh_prev, x.T @ dax, h_prev.T @ dah, dax.sum(axis=0), dah.sum(axis=0)


class GRU(Recurrent):
    """The GRU over (N, T, D); gates in PyTorch's order r, z, n.

    Parameters: `Wx` (D, 3H), `Wh` (H, 3H), normal with standard deviation 1/sqrt(rows); `bx` and `bh` (3H,),
    zeros. After `forward` the last state stands in `.h` (N, H), after `backward` the gradient of the first in
    `.dh0`.
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
        super().__init__(input_size, hidden_size, 3, rng=rng, stateful=stateful, dtype=dtype)
        self._add_parameter("bx", np.zeros(3 * self.hidden_size))
        self._add_parameter("bh", np.zeros(3 * self.hidden_size))
        self.dh0: np.ndarray | None = None

    def forward(self, x: np.ndarray, h0: np.ndarray | None = None) -> np.ndarray:
        """x (N, T, D), h0 (N, H) → h (N, T, H), a fresh array.

        ValueError for other shapes, N = 0 or T = 0.
        """
        x, (h0,) = self._start(x, None if h0 is None else (h0,))
        T, N, D = x.shape
        H = self.hidden_size
        h = self._buffer("h", (T + 1, N, H))
        h[0] = h0
        hn = self._buffer("hn", (T, N, H))
        bx, bh = self.params["bx"], self.params["bh"]
        Wx, Wh = self.params["Wx"], self.params["Wh"]
        # What does not wait for the state before it is computed for all steps at once.
        a = self._buffer("a", (T, N, 3 * H))
        np.matmul(x.reshape(T * N, D), Wx, out=a.reshape(T * N, 3 * H))
        a += np.concatenate([bx[: 2 * H] + bh[: 2 * H], bx[2 * H :]])
        product = self._buffer("product", (N, 3 * H))
        # Apart from the products a gate is a block of its own: NumPy is faster on unbroken memory.
        gates = self._buffer("gates", (T, 3, N, H))
        for t in range(T):
            np.matmul(h[t], Wh, out=product)
            from_x, from_h = by_gate(a[t], 3), by_gate(product, 3)
            rz, n = gates[t, :2], gates[t, 2]
            np.add(from_x[:2], from_h[:2], out=rz)
            rz *= 0.5  # sigmoid(a) = tanh(a / 2) / 2 + 1 / 2, which never overflows
            np.tanh(rz, out=rz)
            rz *= 0.5
            rz += 0.5
            r, z = rz
            np.add(from_h[2], bh[2 * H :], out=hn[t])
            np.multiply(r, hn[t], out=n)
            n += from_x[2]
            np.tanh(n, out=n)
            h_t = h[t + 1]
            np.subtract(h[t], n, out=h_t)  # h = n + z (h_prev - n)
            h_t *= z
            h_t += n
        self._cache = (x, h, gates, hn)
        self.h = h[T].copy()
        return batch_first(h[1:])

    def backward(self, dh: np.ndarray, dh_last: np.ndarray | None = None) -> np.ndarray:
        """dh (N, T, H) and dh_last (N, H), on the last state → dx (N, T, D); fills `grads` and `.dh0`."""
        require_forward(self._cache, self)
        x, h, gates, hn = self._cache
        T, N, D = x.shape
        H = self.hidden_size
        dh = self._upstream(dh, (T, N, H))
        dh_next = self._upstream_last("dh_last", dh_last, N)
        slopes, slope_n = self._slopes(h, gates, hn)
        da = self._buffer("a", (T, N, 3 * H))
        WhT = transposed(self.params["Wh"], self._buffer("WhT", self.params["Wh"].shape[::-1]))
        part = self._buffer("part", (N, H))
        for t in reversed(range(T)):
            dh_t = dh[t]
            dh_t += dh_next
            np.multiply(slopes[t], dh_t, out=by_gate(da[t], 3))
            np.matmul(da[t], WhT, out=dh_next)
            np.multiply(dh_t, gates[t, 1], out=part)
            dh_next += part
        self.dh0 = dh_next
        flat = da.reshape(T * N, 3 * H)
        # One product over all steps is much faster than T small ones added up.
        np.matmul(h[:T].reshape(T * N, H).T, flat, out=self.grads["Wh"])
        self._column_sums(flat, self.grads["bh"])
        # The input enters n without the reset gate; r and z see input and state alike.
        np.multiply(dh, slope_n, out=da[..., 2 * H :])
        np.matmul(x.reshape(T * N, D).T, flat, out=self.grads["Wx"])
        self._column_sums(flat, self.grads["bx"])
        return self._input_gradient(flat, (T, N, D))

    def _slopes(self, h, gates, hn):
        """For all steps at once: dh/da for r, z, n where h enters (T, 3, N, H), for n where x does."""
        r, z, n = gates.transpose(1, 0, 2, 3)
        slopes = self._buffer("slopes", gates.shape)
        dr, dz, dn = slopes.transpose(1, 0, 2, 3)
        slope_n = self._buffer("slope_n", hn.shape)
        np.multiply(n, n, out=slope_n)
        np.subtract(1, slope_n, out=slope_n)
        np.subtract(1, z, out=dz)
        slope_n *= dz  # (1 - z)(1 - n²)
        np.multiply(slope_n, r, out=dn)
        np.subtract(1, r, out=dr)
        dr *= dn
        dr *= hn
        dz *= z
        gap = self._buffer("gap", hn.shape)
        np.subtract(h[:-1], n, out=gap)
        dz *= gap
        return slopes, slope_n
