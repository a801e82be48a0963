"""The embedding: a table with one row a word."""

from __future__ import annotations

import numpy as np

from helpers.layers.base import MOST, Layer, real_array, require_forward
from helpers.validation import require, require_ids, require_int, require_rng, require_shape


class Embedding(Layer):
    """ids (...) → rows of the table (..., D).

    Parameter: `W` (V, D), drawn from a normal distribution of standard deviation 0.01.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        *,
        rng: np.random.Generator,
        dtype: np.dtype | type = np.float32,
    ):
        super().__init__(dtype)
        self.vocab_size = require_int("vocab_size", vocab_size, maximum=MOST)
        self.embedding_size = require_int("embedding_size", embedding_size, maximum=MOST)
        rng = require_rng("rng", rng)
        self._add_parameter("W", 0.01 * rng.standard_normal((self.vocab_size, self.embedding_size)))
        self._ids: np.ndarray | None = None
        self._touched = np.empty(0, np.int64)

    def forward(self, ids: np.ndarray) -> np.ndarray:
        """ids (...) of an integer dtype in 0 … V - 1 → (..., D), a fresh array.

        ValueError for other ids, and for none.
        """
        ids = require_ids("ids", ids, self.vocab_size)
        require(ids.size > 0, "ids", f"shape {ids.shape}", "at least one id")
        self._ids = ids.copy()
        return self.params["W"][self._ids]

    def backward(self, dout: np.ndarray) -> None:
        """dout (..., D) → fills ``grads["W"]``, where the gradients of a repeated id add up.

        Only the rows of this call and of the one before are written; the others stay zero as they were, so
        nothing else may be written into them.
        """
        require_forward(self._ids, self)
        dout = real_array("dout", dout, self.dtype)
        require_shape("dout", dout, (*self._ids.shape, self.embedding_size))
        dW = self.grads["W"]
        dW[self._touched] = 0
        ids = self._ids.reshape(-1)
        # Sorted by id, equal ids lie side by side and are summed as one segment: np.add.at, which takes them
        # one by one, is several times slower.
        order = np.argsort(ids, kind="stable")
        ordered = ids[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._touched = ordered[starts]
        dW[self._touched] = np.add.reduceat(dout.reshape(-1, self.embedding_size)[order], starts, axis=0)
