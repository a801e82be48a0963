"""Is a gradient right? Central differences tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.validation import require, require_shape


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """d f / d x, each entry by (f(x + eps) - f(x - eps)) / (2 eps).

    `x` (any shape, float64) is changed in place entry by entry while `f(x)` is called, and always restored;
    `f` returns one number and may also look at `x` by itself (a weight inside a layer). Returns an array like
    `x`. Raises ValueError unless `x` is float64: in float32 the difference drowns in rounding.
    """
    is_float64 = isinstance(x, np.ndarray) and x.dtype == np.float64
    require(is_float64, "x", getattr(x, "dtype", type(x).__name__), "a float64 array")
    require(eps > 0, "eps", eps, "a number above 0")
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        try:
            x[index] = kept + eps
            above = float(f(x))
            x[index] = kept - eps
            below = float(f(x))
        finally:
            x[index] = kept
        gradient[index] = (above - below) / (2 * eps)
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """max |a - b| / max(|a|, |b|), the maxima taken over the whole arrays; 0 where both are zero.

    1e-7 is a right gradient in float64; 1e-2 is a wrong one. ValueError for different shapes.
    """
    a, b = np.asarray(a), np.asarray(b)
    require_shape("b", b, a.shape)
    if not a.size:
        return 0.0
    scale = max(np.abs(a).max(), np.abs(b).max())
    return float(np.abs(a - b).max() / scale) if scale != 0 else 0.0
