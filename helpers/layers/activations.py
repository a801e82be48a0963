"""Sigmoid, softmax and log-softmax that survive large numbers."""

from __future__ import annotations

import numpy as np

from helpers.validation import require, require_int, require_real


@np.errstate(under="ignore")   # an exp that vanishes is right, also where somebody made underflows an error
def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), elementwise, in the dtype of `x` (integers and float16 become float64).

    Only exp(-|x|) is ever computed: it cannot overflow, and small probabilities keep their relative accuracy.
    nan stays nan. ValueError unless `x` holds real numbers.
    """
    x = require_real("x", x)
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, x.dtype.type(1), decay) / (1 + decay)


@np.errstate(under="ignore")
def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(x) / sum exp(x) along `axis`; the shape and dtype of `x` (integers and float16 become float64).

    -inf gets 0. ValueError where the largest along `axis` is not finite, and for no numbers at all.
    """
    weights = np.exp(_below_the_largest(x, axis))
    return weights / weights.sum(axis=axis, keepdims=True)


@np.errstate(under="ignore")
def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """log softmax(x) along `axis`, without ever taking the logarithm of a rounded-off zero.

    Raises as `softmax`.
    """
    shifted = _below_the_largest(x, axis)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _below_the_largest(x: np.ndarray, axis: int) -> np.ndarray:
    """`x` less its largest along `axis`, so that exp cannot overflow."""
    x = require_real("x", x)
    require(x.ndim > 0, "x", "a single number", "at least one axis")
    axis = require_int("axis", axis, minimum=-x.ndim, maximum=x.ndim - 1)
    require(x.shape[axis] > 0, "x", f"shape {x.shape}", f"at least one number along axis {axis}")
    largest = x.max(axis=axis, keepdims=True)
    if not np.isfinite(largest).all():
        got = largest[~np.isfinite(largest)][0]
        raise ValueError(f"x: got {got} as the largest along axis {axis}, wanted a finite number")
    return x - largest
