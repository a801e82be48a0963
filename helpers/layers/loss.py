"""Softmax and cross-entropy in one layer."""

from __future__ import annotations

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
        require(logits.dtype.kind == "f", "logits", f"dtype {logits.dtype}", "a floating dtype")
        require(logits.ndim >= 1, "logits", f"shape {logits.shape}", "(..., V)")
        require_shape("targets", targets, logits.shape[:-1])
        targets = np.asarray(targets)
        counts = np.ones(targets.shape, bool) if self.ignore_index is None else targets != self.ignore_index
        require(counts.any(), "targets", "no target that counts", "at least one")
        # An ignored target may be any number, so it is replaced by one that is an id.
        targets = require_ids("targets", np.where(counts, targets, targets.dtype.type(0)), logits.shape[-1])

        self._dlogits = None
        rows = logits.reshape(-1, logits.shape[-1])
        if not need_gradient:
            gradient = None
        elif in_place:
            require(logits.flags.c_contiguous, "logits", "a strided array", "a C-contiguous one for in_place")
            gradient = rows
        else:
            gradient = np.empty_like(rows, order="C")
        loss = _pass_over(rows, targets.reshape(-1), counts.reshape(-1), gradient)
        if gradient is not None:
            self._dlogits = gradient.reshape(logits.shape)
        return loss

    def backward(self, dout: float = 1.0) -> np.ndarray:
        """d loss / d logits (..., V), times `dout`. RuntimeError without a forward that kept the gradient."""
        require_forward(self._dlogits, self)
        return self._dlogits if dout == 1 else self._dlogits * float(dout)


def _pass_over(
    rows: np.ndarray, targets: np.ndarray, counts: np.ndarray, gradient: np.ndarray | None
) -> float:
    """The mean loss of the `rows` (M, V) that count; fills `gradient` (M, V) unless None.

    `gradient` may be the memory of `rows`.
    """
    step = max(1, CHUNK_BYTES // (rows.shape[1] * rows.itemsize))
    scratch = np.empty((min(step, len(rows)), rows.shape[1]), rows.dtype) if gradient is None else None
    weights = (counts / np.count_nonzero(counts)).astype(rows.dtype)
    total = 0.0
    # A few rows at a time: every pass over them finds them in the cache.
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        chunk = rows[part]
        out = scratch[: len(chunk)] if gradient is None else gradient[part]
        at_target = np.arange(len(chunk)), targets[part]
        largest = chunk.max(axis=1, keepdims=True)
        if not -SAFE < largest.min() <= largest.max() < SAFE:
            chunk = np.subtract(chunk, largest, out=out)
        target_logits = chunk[at_target]
        np.exp(chunk, out=out)
        sums = np.einsum("ij->i", out)
        total += float(np.sum(np.log(sums) - target_logits, where=counts[part], dtype=np.float64))
        if gradient is not None:
            out *= (weights[part] / sums)[:, None]
            out[at_target] -= weights[part]
    return total / int(np.count_nonzero(counts))
