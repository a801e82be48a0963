"""One quantity as it came and as it was wanted, in the cases where it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

TOLERANCE = 1e-7


@dataclass(frozen=True)
class Pair:
    """One quantity in one case: what came, what was wanted, the case's sizes by name."""

    got: np.ndarray
    want: np.ndarray
    sizes: Mapping[str, int]


def close(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether the shapes are equal and the numbers nearly."""
    if left.shape != right.shape:
        return False
    with np.errstate(all="ignore"):
        scale = max(1.0, float(np.abs(right[np.isfinite(right)]).max(initial=0.0)))
        return bool(np.allclose(left, right, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def holds(pairs: Sequence[Pair], change: Callable[[np.ndarray, Mapping[str, int]], Any]) -> bool:
    """Whether `change(want, sizes)` gives what came, in all cases."""
    return all(close(pair.got, np.asarray(change(pair.want, pair.sizes), dtype=float)) for pair in pairs)
