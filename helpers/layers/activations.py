"""Sigmoid, softmax and log-softmax that survive large numbers."""

from __future__ import annotations

import numpy as np


def _floats(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), elementwise, in the dtype of `x` (integers become float64).

    Only exp(-|x|) is ever computed: it cannot overflow, and small probabilities keep their relative accuracy.
    """
    x = _floats(x)
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, x.dtype.type(1), decay) / (1 + decay)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(x) / sum exp(x) along `axis`; the shape and dtype of `x` (integers become float64)."""
    x = _floats(x)
    weights = np.exp(x - x.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """log softmax(x) along `axis`, without ever taking the logarithm of a rounded-off zero."""
    x = _floats(x)
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
