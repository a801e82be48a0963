"""Softmax and cross-entropy in one layer."""

from __future__ import annotations

import math
from collections.abc import Callable

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

SMALLEST, LARGEST = math.exp(-30), math.exp(50)
"""Sums of exp(logits) between them have lost nothing, and leave room for what is made of them: float32
reaches from 1e-38 to 1e38."""


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
        self._gradient: tuple[np.ndarray, np.ndarray | None] | None = None   # see `factors`

    def forward(
        self,
        logits: np.ndarray,
        targets: np.ndarray,
        *,
        need_gradient: bool = True,
        in_place: bool = False,
        again: Callable[[], object] | None = None,
    ) -> float:
        """logits (..., V) and integer targets (...) → mean loss in nats. nan and inf go through to it.

        float32 and float64 are computed as they are, float16, in which exp(12) overflows, in float64.
        The gradient is made in the same pass. `in_place` writes it over the (C-contiguous) logits, which is
        faster if `again`, called in the rare case that exp overflows, can write them there anew. Without
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
        require(again is None or callable(again), "again", type(again).__name__, "a function of no arguments")

        self._gradient = None
        rows = logits.reshape(-1, logits.shape[-1])
        if not need_gradient:
            gradient = None
        elif in_place:
            gradient = rows
        else:
            gradient = np.empty_like(rows, order="C")
        if gradient is not rows:
            again = _there
        loss, scale = _pass_over(rows, targets.reshape(-1), counts.reshape(-1), gradient, again)
        if gradient is not None:
            self._gradient = gradient.reshape(logits.shape), scale.reshape(targets.shape)
        return loss

    def backward(self, dout: float = 1.0) -> np.ndarray:
        """d loss / d logits (..., V), times `dout`. RuntimeError without a forward that kept the gradient."""
        gradient, scale = self.factors()
        dout = require_number("dout", dout)
        if scale is not None:
            gradient *= scale[..., None]
            self._gradient = gradient, None
        return gradient if dout == 1 else gradient * dout

    def factors(self) -> tuple[np.ndarray, np.ndarray | None]:
        """(G (..., V), s (...)): d loss / d logits is s[..., None] · G. After `backward` s is None, all 1.

        A layer that goes on with products (`Affine.backward` takes both) multiplies its few columns by s: one
        pass less over the largest array of all. RuntimeError as `backward`.
        """
        require_forward(self._gradient, self)
        return self._gradient


def _there() -> None:
    """How logits are made again that are still there."""


@np.errstate(under="ignore", over="ignore")
def _pass_over(
    rows: np.ndarray,
    targets: np.ndarray,
    counts: np.ndarray,
    gradient: np.ndarray | None,
    again: Callable[[], object] | None,
) -> tuple[float, np.ndarray]:
    """The mean loss of the `rows` (M, V) that count, and what each row of `gradient` (M, V), which is filled
    unless None, is to be multiplied by (M,).

    `gradient` may be the memory of `rows`, which `again()` makes anew (None: nobody can).
    """
    at_target = np.arange(len(rows)), targets
    target_logits = rows[at_target]
    sums = np.empty(len(rows), rows.dtype)
    if again is not None:
        _exp_and_sum(rows, gradient, sums)
    if again is None or not SMALLEST < sums.min() <= sums.max() < LARGEST:
        # Seldom, and so not at once: to look for the largest is one more pass over the largest array of all.
        if again is not None:
            again()
        largest = np.empty_like(sums)
        _exp_and_sum(rows, gradient, sums, largest)
        target_logits -= largest
    many = np.count_nonzero(counts)
    loss = np.sum(np.log(sums) - target_logits, where=counts, dtype=np.float64) / many
    # (p - y) / many, y being one-hot, is (exp - sum · y) / (sum · many).
    scale = np.divide(1 / many, sums, out=np.zeros_like(sums), where=counts)
    if gradient is not None:
        gradient[at_target] -= sums
        gradient[~counts] = 0   # also where padding holds nan: 0 · nan would be nan
    return float(loss), scale


def _exp_and_sum(
    rows: np.ndarray, out: np.ndarray | None, sums: np.ndarray, largest: np.ndarray | None = None
) -> None:
    """exp(rows) (M, V) into `out`, unless None, and the sum of each row into `sums` (M,); with `largest` (M,)
    the largest of a row goes there and is taken off the row first."""
    step = max(1, CHUNK_BYTES // (rows.shape[1] * rows.itemsize))
    scratch = np.empty((min(step, len(rows)), rows.shape[1]), rows.dtype) if out is None else None
    # A few rows at a time: every pass over them finds them in the cache.
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        chunk = rows[part]
        into = scratch[: len(chunk)] if out is None else out[part]
        if largest is not None:
            chunk.max(axis=1, out=largest[part])
            chunk = np.subtract(chunk, largest[part, None], out=into)
        np.exp(chunk, out=into)
        np.einsum("ij->i", into, out=sums[part])
