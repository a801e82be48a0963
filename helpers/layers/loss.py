"""Softmax and cross-entropy in one layer."""

from __future__ import annotations

import numpy as np

from helpers.layers.base import require_forward
from helpers.validation import (
    as_array,
    require,
    require_flag,
    require_ids,
    require_int,
    require_number,
    require_real,
    require_shape,
)

CHUNK_BYTES = 1024 * 1024  # what stays in a core's own cache

SAFE = 30.0  # between exp(-30) and exp(30) float32 has room to spare, even for the sum over a vocabulary


class SoftmaxCrossEntropy:
    """Mean of -log softmax(logits)[target], in nats a token.

    `ignore_index`: targets of this value count neither in the sum nor in the mean (padding).
    """

    def __init__(self, ignore_index: int | None = None):
        self.ignore_index = None if ignore_index is None else require_int(
            "ignore_index", ignore_index, minimum=-(2**63), maximum=2**63 - 1
        )
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
        """logits (..., V) and integer targets (...) → mean loss in nats. nan and inf go through to it.

        float32 and float64 are computed as they are, float16, in which exp(12) overflows, in float64.
        The gradient is made in the same pass. `in_place` writes it over the (C-contiguous) logits; without
        `need_gradient` only the loss is computed, and `backward` is not possible.
        Raises ValueError for shapes that do not fit, ids outside 0 … V - 1, and when no target counts.
        """
        given = as_array("logits", logits, "a floating dtype")
        require(given.dtype.kind == "f", "logits", f"dtype {given.dtype}", "a floating dtype")
        logits, given = require_real("logits", given), logits
        require(logits.ndim >= 1, "logits", f"shape {logits.shape}", "(..., V)")
        targets = as_array("targets", targets, "integers")
        require_shape("targets", targets, logits.shape[:-1])
        counts = np.ones(targets.shape, bool) if self.ignore_index is None else targets != self.ignore_index
        require(counts.any(), "targets", "no target that counts", "at least one")
        # An ignored target may be any number, so it is replaced by one that is an id.
        targets = require_ids("targets", np.where(counts, targets, targets.dtype.type(0)), logits.shape[-1])

        need_gradient = require_flag("need_gradient", need_gradient)
        if require_flag("in_place", in_place):
            fits = logits is given and logits.flags.c_contiguous and logits.flags.writeable
            wanted = "a writable C-contiguous array of float32 or float64 for in_place"
            require(fits, "logits", "a strided, read-only or converted array", wanted)

        self._dlogits = None
        rows = logits.reshape(-1, logits.shape[-1])
        if not need_gradient:
            gradient = None
        elif in_place:
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
        dout = require_number("dout", dout)
        return self._dlogits if dout == 1 else self._dlogits * dout


@np.errstate(under="ignore")
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
            out[~counts[part]] = 0   # also where padding holds nan: 0 · nan would be nan
    return total / int(np.count_nonzero(counts))
