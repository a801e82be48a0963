"""The affine layer y = x W + b."""

from __future__ import annotations

import numpy as np

from helpers.layers.base import Layer, normal_weights, real_array, require_forward
from helpers.validation import require, require_int, require_shape


class Affine(Layer):
    """y = x W + b on the last axis: (..., D) → (..., O).

    Parameters: `W` (D, O), drawn from a normal distribution of standard deviation 1/sqrt(D); `b` (O,), zeros.
    """

    def __init__(
        self, input_size: int, output_size: int, *, rng: np.random.Generator, dtype: np.dtype | type = np.float32
    ):
        super().__init__(dtype)
        self.input_size = require_int("input_size", input_size)
        self.output_size = require_int("output_size", output_size)
        self._add_parameter("W", normal_weights(rng, self.input_size, self.output_size))
        self._add_parameter("b", np.zeros(self.output_size))
        self._x: np.ndarray | None = None

    def forward(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """x (..., D) → y (..., O), a fresh array unless the caller brings the memory `out` (..., O).

        `x` is looked at again by `backward`: do not change it in between.
        Raises ValueError unless the last axis of `x` has the size D.
        """
        x = real_array("x", x, self.dtype)
        require(x.ndim >= 1 and x.shape[-1] == self.input_size, "x", f"shape {x.shape}", f"(..., {self.input_size})")
        self._x = x
        W, b = self.params["W"], self.params["b"]
        # b is one more row of W, met by a column of ones: adding it afterwards would be one more pass over y,
        # which is far larger than W and x where O is a vocabulary.
        W_b = self._buffer("W_b", (self.input_size + 1, self.output_size))
        W_b[:-1], W_b[-1] = W, b
        x_1 = self._buffer("x_1", (*x.shape[:-1], self.input_size + 1))
        x_1[..., :-1], x_1[..., -1] = x, 1
        return np.matmul(x_1, W_b, out=out)

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
