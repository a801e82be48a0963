"""The affine layer y = x W + b."""

from __future__ import annotations

import numpy as np

from helpers.layers.base import MOST, Layer, normal_weights, real_array, require_forward
from helpers.validation import require, require_int, require_shape


class Affine(Layer):
    """y = x W + b on the last axis: (..., D) → (..., O).

    Parameters: `W` (D, O), drawn from a normal distribution of standard deviation 1/sqrt(D); `b` (O,), zeros.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        rng: np.random.Generator,
        dtype: np.dtype | type = np.float32,
    ):
        super().__init__(dtype)
        self.input_size = require_int("input_size", input_size, maximum=MOST)
        self.output_size = require_int("output_size", output_size, maximum=MOST)
        # b is one more row of W, as its gradient is of W's.
        W_b = np.zeros((self.input_size + 1, self.output_size), self.dtype)
        W_b[:-1] = normal_weights(rng, self.input_size, self.output_size)
        for arrays, joined in ((self.params, W_b), (self.grads, np.zeros_like(W_b))):
            arrays["W"], arrays["b"] = joined[:-1], joined[-1]
        self._lead: tuple[int, ...] | None = None   # the shape of the last x but for D

    def forward(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """x (..., D) → y (..., O), a fresh array unless the caller brings the memory `out` (..., O).

        Raises ValueError unless the last axis of `x` has the size D.
        """
        x = real_array("x", x, self.dtype)
        D, O = self.input_size, self.output_size
        require(x.ndim >= 1 and x.shape[-1] == D, "x", f"shape {x.shape}", f"(..., {D})")
        y = np.empty((*x.shape[:-1], O), self.dtype) if out is None else out
        require_shape("out", y, (*x.shape[:-1], O))
        fits = isinstance(y, np.ndarray) and y.dtype == self.dtype and y.flags.carray   # writable, contiguous
        require(fits, "out", getattr(y, "dtype", type(y).__name__), f"contiguous {self.dtype}, writable")
        require(not np.may_share_memory(x, y), "out", "the memory of x", "another")
        # A column of ones meets b: adding it afterwards would be one more pass over y, the largest array of
        # all where O is a vocabulary. And all rows in one product: matmul of (N, T, D) makes N small ones.
        self._lead = x.shape[:-1]
        rows_1 = self._buffer("rows_1", (x.size // D, D + 1))
        rows_1[:, :D], rows_1[:, D] = x.reshape(-1, D), 1
        np.matmul(rows_1, self._joined(self.params), out=y.reshape(-1, O))
        return y

    def backward(self, dout: np.ndarray, scale: np.ndarray | None = None) -> np.ndarray:
        """dout (..., O) → dx (..., D); fills `grads`. RuntimeError before the first forward.

        With `scale` (...) the gradient is scale[..., None] · dout (`SoftmaxCrossEntropy.factors`).
        """
        require_forward(self._lead, self)
        dout = real_array("dout", dout, self.dtype)
        require_shape("dout", dout, (*self._lead, self.output_size))
        drows, rows_1 = dout.reshape(-1, self.output_size), self._buffers["rows_1"]
        dx = np.matmul(drows, self.params["W"].T)
        if scale is not None:
            scale = real_array("scale", scale, self.dtype)
            require_shape("scale", scale, self._lead)
            column = scale.reshape(-1, 1)
            rows_1, dx = rows_1 * column, dx * column
        dW_b = np.matmul(rows_1.T, drows, out=self._joined(self.grads))
        if self.grads["W"].base is not dW_b:
            self.grads["W"][...], self.grads["b"][...] = dW_b[:-1], dW_b[-1]
        return dx.reshape(*self._lead, self.input_size)

    def _joined(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """W and below it b (D + 1, O): the memory they share, or, after copy.deepcopy has torn them apart, a
        copy."""
        W, b = arrays["W"], arrays["b"]
        if W.base is not None and W.base is b.base:
            return W.base
        return np.concatenate([W, b[None]])
