"""Inverted dropout (Srivastava et al., 2014)."""

from __future__ import annotations

import numpy as np

from helpers.layers.base import require_forward
from helpers.validation import (
    as_array,
    require,
    require_array,
    require_flag,
    require_fraction,
    require_rng,
)


class Dropout:
    """In training, sets each value to zero with probability `p` and divides the rest by 1 - p.

    The expectation stays what it was, so nothing has to be done at test time. With `shared_over_time` one
    mask (N, 1, D) serves all time steps (Gal & Ghahramani, 2016). The masks come from `rng`: who saves and
    restores ``rng.bit_generator.state`` gets the same masks again.
    """

    def __init__(self, p: float, *, rng: np.random.Generator, shared_over_time: bool = False):
        self.p = require_fraction("p", p)
        self.rng = require_rng("rng", rng)
        self.shared_over_time = require_flag("shared_over_time", shared_over_time)
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}
        self._shape: tuple[int, ...] | None = None
        self._mask: np.ndarray | None = None

    def forward(self, x: np.ndarray, train: bool = False) -> np.ndarray:
        """x → the same shape and dtype; `x` itself where nothing is dropped. (N, T, D) for a shared mask."""
        x = as_array("x", x, "an array")
        wide = x.dtype.kind == "f" and x.dtype.itemsize >= 4   # in float16 the division by 1 - p overflows
        require(wide, "x", f"dtype {x.dtype}", "a floating dtype, at least float32")
        require(not self.shared_over_time or x.ndim == 3, "x", f"shape {x.shape}", "(N, T, D)")
        self._shape, self._mask = x.shape, None
        if not require_flag("train", train) or self.p == 0:
            return x
        drawn = (x.shape[0], 1, x.shape[2]) if self.shared_over_time else x.shape
        kept = self.rng.random(drawn, dtype=np.float32) >= self.p
        self._mask = kept.astype(x.dtype) / x.dtype.type(1 - self.p)
        return x * self._mask

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """dout → dx: the gradient passes where the value passed, scaled alike."""
        require_forward(self._shape, self)
        dout = require_array("dout", dout, self._shape)
        return dout if self._mask is None else dout * self._mask
