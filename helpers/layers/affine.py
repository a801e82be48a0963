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
        self._add_parameter("W", normal_weights(rng, self.input_size, self.output_size))
        self._add_parameter("b", np.zeros(self.output_size))
        self._x: np.ndarray | None = None

    def forward(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """x (..., D) → y (..., O), a fresh array unless the caller brings the memory `out` (..., O).

        `x` is looked at again by `backward`: do not change it in between.
        Raises ValueError unless the last axis of `x` has the size D.
        """
        x = real_array("x", x, self.dtype)
        D, O = self.input_size, self.output_size
        require(x.ndim >= 1 and x.shape[-1] == D, "x", f"shape {x.shape}", f"(..., {D})")
        y = np.empty((*x.shape[:-1], O), self.dtype) if out is None else out
        require_shape("out", y, (*x.shape[:-1], O))
        fits = isinstance(y, np.ndarray) and y.dtype == self.dtype and y.flags.carray   # writable, contiguous
        require(fits, "out", getattr(y, "dtype", type(y).__name__), f"contiguous {self.dtype}, writable")
        require(not np.may_share_memory(x, y), "out", "the memory of x", "another (backward needs x again)")
        self._x = x
        # b is one more row of W, met by a column of ones: adding it afterwards would be one more pass over y,
        # the largest array of all where O is a vocabulary.
        W_b = self._buffer("W_b", (D + 1, O))
        W_b[:D], W_b[D] = self.params["W"], self.params["b"]
        rows = x.reshape(-1, D)
        rows_1 = self._buffer("rows_1", (len(rows), D + 1))
        rows_1[:, :D], rows_1[:, D] = rows, 1
        # All rows in one product: on (N, T, D) matmul would make N small ones.
        np.matmul(rows_1, W_b, out=y.reshape(-1, O))
        return y

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """dout (..., O) → dx (..., D); fills `grads`. RuntimeError before the first forward."""
        require_forward(self._x, self)
        dout = real_array("dout", dout, self.dtype)
        require_shape("dout", dout, (*self._x.shape[:-1], self.output_size))
        rows = self._x.reshape(-1, self.input_size)
        drows = dout.reshape(-1, self.output_size)
        np.matmul(rows.T, drows, out=self.grads["W"])
        self._column_sums(drows, self.grads["b"])
        return np.matmul(drows, self.params["W"].T).reshape(self._x.shape)
