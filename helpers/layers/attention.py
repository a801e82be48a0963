"""Attention by dot products: a weighted mean of the encoder's states, and its gradients."""

from __future__ import annotations

import numpy as np

from helpers.layers.activations import softmax
from helpers.layers.base import Layer, real_array, require_forward
from helpers.validation import as_array, require, require_real, require_shape


class DotProductAttention(Layer):
    """Scores query · key, softmax, weighted mean of the keys (Luong, Pham & Manning 2015, "dot").

    It has no parameters. After `forward` the weights stand in `.weights` (N, S); they are what `backward`
    goes back through, so do not change them in between.
    """

    def __init__(self, dtype: np.dtype | type = np.float32):
        super().__init__(dtype)
        self.weights: np.ndarray | None = None
        self._cache: tuple[np.ndarray, np.ndarray] | None = None

    def forward(self, query: np.ndarray, keys: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """query (N, H), keys (N, S, H), mask (N, S) bool, True at real tokens (None: all are) → (N, H).

        What stands in a masked key does not matter. ValueError for other shapes, a mask that is not bool, and
        a row of it without any True; and for nan and inf, of which softmax makes no weights.
        """
        query, keys = real_array("query", query, self.dtype), real_array("keys", keys, self.dtype)
        require_shape("query", query, ("N", "H"))
        require_shape("keys", keys, (len(query), "S", query.shape[1]))
        N, S, _ = keys.shape
        require(S > 0, "keys", f"shape {keys.shape}", "at least one step")
        mask = np.ones((N, S), bool) if mask is None else as_array("mask", mask, "bool")
        require(mask.dtype == bool, "mask", f"dtype {mask.dtype}", "bool, True at real tokens")
        require_shape("mask", mask, (N, S))
        empty = np.flatnonzero(~mask.any(axis=1))
        require(empty.size == 0, "mask", f"no real token in row {empty[:1]}", "at least one in every row")
        keys = np.where(mask[:, :, None], keys, self.dtype.type(0))   # 0 · nan would be nan
        query, keys = require_real("query", query, finite=True), require_real("keys", keys, finite=True)
        scores = np.where(mask, np.matmul(keys, query[:, :, None])[:, :, 0], -np.inf)
        self.weights = softmax(scores)
        self._cache = query, keys
        return np.matmul(self.weights[:, None, :], keys)[:, 0]

    def backward(self, dcontext: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """dcontext (N, H) → dquery (N, H), dkeys (N, S, H), 0 where masked. RuntimeError before `forward`.

        A key counts twice: in its score, and in the mean.
        """
        require_forward(self._cache, self)
        query, keys = self._cache
        dcontext = real_array("dcontext", dcontext, self.dtype)
        require_shape("dcontext", dcontext, query.shape)
        weights = self.weights
        dweights = np.matmul(keys, dcontext[:, :, None])[:, :, 0]
        dscores = weights * (dweights - np.sum(weights * dweights, axis=1, keepdims=True))
        dquery = np.matmul(dscores[:, None, :], keys)[:, 0]
        dkeys = dscores[:, :, None] * query[:, None, :] + weights[:, :, None] * dcontext[:, None, :]
        return dquery, dkeys
