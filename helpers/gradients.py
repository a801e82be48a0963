"""Is a gradient right? Central differences tell."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from helpers.validation import as_array, require, require_number, require_real, require_shape


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """d f / d x, each entry by (f(x + eps) - f(x - eps)) / (2 eps).

    `x` (any shape, float64) is changed in place entry by entry while `f(x)` is called, and always restored;
    `f` returns one number in double precision and may also look at `x` by itself (a weight inside a layer).
    Returns an array like `x`.

    It cannot see a kink: within eps of one (of max, abs, relu) the difference is a mean of both slopes.
    ValueError for an `x` that is not float64 (in float32 the difference drowns in rounding), not finite, not
    writable, or whose entries share memory; for numbers too large for a step of `eps`; and for an `f` that
    returns anything but a finite number, computes in float32, changes `x`, or returns another number when it
    is called again.
    """
    require(callable(f), "f", repr(f), "a function of x")
    eps = require_number("eps", eps, above=0, maximum=1)
    _require_steps(x, eps)
    before, gradient, values = x.copy(), np.empty_like(x), np.empty((*x.shape, 2))

    def both_sides(index: tuple) -> tuple[float, float]:
        kept = x[index]
        x[index] = kept + eps
        above = _number(f(x))
        x[index] = kept - eps
        below = _number(f(x))
        x[index] = kept
        return above, below

    try:
        first = _called(f, x, before)
        _require_same(first, _called(f, x, before))
        for index in np.ndindex(x.shape):
            above, below = values[index] = both_sides(index)
            gradient[index] = (above - below) / (2 * eps)
        _require_same(first, _called(f, x, before))
        if x.size:   # a mask that was drawn for this step alone makes the largest of all
            largest = np.unravel_index(np.abs(gradient).argmax(), x.shape)
            for value, again in zip(values[largest], both_sides(largest), strict=True):
                _require_same(value, again)
    finally:
        x[...] = before
    _require_double(values, x + eps)
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """max |a - b| / max(|a|, |b|), the maxima taken over the whole arrays; 0 where both are zero.

    1e-7 is a right gradient in float64; 1e-2 is a wrong one. nan where one of them holds nan or inf, which
    is not below any bound. ValueError for different shapes, and for what is not real numbers.
    """
    a, b = require_real("a", a), require_real("b", b)
    require_shape("b", b, a.shape)
    if not a.size:
        return 0.0
    scale = max(np.abs(a).max(), np.abs(b).max())
    if not np.isfinite(scale):
        return math.nan
    if scale > np.finfo(np.result_type(a, b)).max / 4:   # the difference of two such numbers may be too large
        a, b, scale = a / scale, b / scale, 1.0
    return float(np.abs(a - b).max() / scale) if scale != 0 else 0.0


def _require_steps(x: np.ndarray, eps: float) -> None:
    """ValueError unless every entry of `x` can be moved by `eps`, by itself, and back."""
    is_float64 = isinstance(x, np.ndarray) and x.dtype == np.float64 and not isinstance(x, np.ma.MaskedArray)
    require(is_float64, "x", getattr(x, "dtype", type(x).__name__), "a float64 array")
    require(x.flags.writeable, "x", "a read-only array", "one that can be written (x.copy() makes it)")
    places = sum(np.ix_(*(np.arange(n) * step for n, step in zip(x.shape, x.strides, strict=True))))
    apart = (np.diff(np.sort(np.ravel(places))) >= x.itemsize).all()
    require(apart, "x", "entries that share memory", "entries of their own (x.copy() makes them)")
    require_real("x", x, finite=True)
    with np.errstate(over="ignore"):
        off = np.abs((x + eps) - (x - eps) - 2 * eps) > 0.02 * eps
    wanted = f"numbers that a step of eps = {eps:g} moves by that much (make eps larger, or x smaller)"
    require(not off.any(), "x", f"{x[off][:1]}", wanted)


def _called(f: Callable[[np.ndarray], float], x: np.ndarray, before: np.ndarray) -> float:
    """f(x); ValueError if that changed `x`, which is `before`."""
    value = _number(f(x))
    require(np.array_equal(x, before), "f", "a function that changes x", "one that leaves x as it is")
    return value


def _number(value: object) -> float:
    """What f returned as a float; ValueError unless it is one finite number in double precision."""
    if not isinstance(value, float):   # which np.float64 is, too
        wanted = "one number in double precision"
        array = as_array("f", value.detach() if hasattr(value, "detach") else value, wanted)
        require(array.ndim == 0, "f", f"shape {array.shape}", "one number (a sum, for example)")
        fits = array.dtype.kind in "iuf" and array.dtype.itemsize >= 8
        require(fits, "f", array.dtype if array.dtype.kind in "iuf" else repr(value), wanted)
        value = float(array)
    require(math.isfinite(value), "f", value, "a finite number")
    return value


def _require_double(values: np.ndarray, moved: np.ndarray) -> None:
    """ValueError when what f gave, (..., 2), changes and yet all of it is in float32, `moved` x being not."""
    with np.errstate(over="ignore"):
        narrow = (values.astype(np.float32) == values).all() and (moved.astype(np.float32) != moved).any()
    changes = (values[..., 0] != values[..., 1]).any()
    wanted = "double precision in all of f (in float32 the difference drowns in rounding)"
    require(not (narrow and changes), "f", "numbers that were rounded to float32, or coarser", wanted)


def _require_same(first: float, again: float) -> None:
    """ValueError unless f gave the same number twice, but for the order in which processors add."""
    same = math.isclose(first, again, rel_tol=1e-11, abs_tol=1e-12)
    remedy = "the same for the same x (in f, reset the layer's state or give dropout a generator anew)"
    require(same, "f", f"{first}, then {again}", remedy)
