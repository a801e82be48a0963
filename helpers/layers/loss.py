"""Softmax and cross-entropy in one layer."""

from __future__ import annotations

import math

import numpy as np

from helpers.layers.base import require_forward
from helpers.validation import require, require_ids, require_shape

CHUNK_BYTES = 1024 * 1024  # what stays in a core's own cache

SAFE = 30.0  # between exp(-30) and exp(30) float32 has room to spare, even for the sum over a vocabulary


class SoftmaxCrossEntropy:
    """Mean of -log softmax(logits)[target], in nats a token.

    `ignore_index`: targets of this value count neither in the sum nor in the mean (padding).
    """

    def __init__(self, ignore_index: int | None = None):
        self.ignore_index = ignore_index
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}
        self._dlogits: np.ndarray | None = None

    def forward(
        self,
        logits: np.ndarray,
        targets: np.ndarray,
        *,
        need_gradient: bool = True,
        in_place: bool = False,
    ) -> float:
        """logits (..., V) and integer targets (...) → mean loss in nats.

        The gradient is made in the same pass. `in_place` writes it over the (C-contiguous) logits; without
        `need_gradient` only the loss is computed, and `backward` is not possible.
        Raises ValueError for shapes that do not fit, ids outside 0 … V - 1, and when no target counts.
        """
        logits = np.asarray(logits)
        require(np.issubdtype(logits.dtype, np.floating), "logits", f"dtype {logits.dtype}", "a floating dtype")
        require(logits.ndim >= 1, "logits", f"shape {logits.shape}", "(..., V)")
        require_shape("targets", targets, logits.shape[:-1])
        targets = np.asarray(targets)
        counted = None
        if self.ignore_index is not None:
            counted = targets != self.ignore_index
            targets = np.where(counted, targets, np.zeros_like(targets))
            counted = counted.reshape(-1)
        targets = require_ids("targets", targets, logits.shape[-1]).reshape(-1)
        count = targets.size if counted is None else int(counted.sum())
        require(count > 0, "targets", "no target that counts", "at least one")

        self._dlogits = None
        rows = logits.reshape(-1, logits.shape[-1])
        if not need_gradient:
            gradient = None
        elif in_place:
            require(logits.flags.c_contiguous, "logits", "a strided array", "a C-contiguous one for in_place")
            gradient = rows
        else:
            gradient = np.empty_like(rows)
        total = self._pass_over(rows, targets, counted, count, gradient)
        if gradient is not None:
            self._dlogits = gradient.reshape(logits.shape)
        return total / count

    @staticmethod
    def _pass_over(rows, targets, counted, count, gradient) -> float:
        """Sum of the losses; fills `gradient` (M, V), which may be the memory of `rows` (M, V), unless None."""
        step = max(1, CHUNK_BYTES // (rows.shape[1] * rows.itemsize))
        scratch = np.empty((min(step, len(rows)), rows.shape[1]), rows.dtype) if gradient is None else None
        total = 0.0
        # A few rows at a time: all the passes over them find them in the cache.
        for start in range(0, len(rows), step):
            chunk = rows[start : start + step]
            out = scratch[: len(chunk)] if gradient is None else gradient[start : start + step]
            index = np.arange(len(chunk)), targets[start : start + step]
            largest = chunk.max(axis=1, keepdims=True)
            if not -SAFE < largest.min() <= largest.max() < SAFE:
                chunk = np.subtract(chunk, largest, out=out)
            target_logits = chunk[index]
            np.exp(chunk, out=out)
            sums = np.einsum("ij->i", out)
            losses = np.log(sums) - target_logits
            weight = 1.0 if counted is None else counted[start : start + step].astype(rows.dtype)
            total += float(np.sum(losses * weight, dtype=np.float64))
            if gradient is not None:
                weight = weight * np.full(len(chunk), 1 / count, rows.dtype)
                out *= (weight / sums)[:, None]
                out[index] -= weight
        return total

    def backward(self, dout: float = 1.0) -> np.ndarray:
        """d loss / d logits (..., V), times `dout`. RuntimeError without a forward that kept the gradient."""
        require_forward(self._dlogits, self)
        if math.isclose(dout, 1.0, rel_tol=0, abs_tol=0):
            return self._dlogits
        return self._dlogits * float(dout)
