"""Errors that name the argument, what it got and what it wants."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np


def require(condition: bool, argument: str, got: object, wanted: str) -> None:
    """Raise ValueError ``argument: got …, wanted …`` unless `condition` holds."""
    if not condition:
        raise ValueError(f"{argument}: got {got}, wanted {wanted}")


def require_shape(argument: str, array: np.ndarray, shape: Sequence[int | str | None]) -> None:
    """Raise ValueError unless `array` has this shape.

    An entry of `shape` is a size, or a name (``"N"``) or None that any size fits:
    ``require_shape("x", x, ("N", "T", 5))``.
    """
    got = np.shape(array)
    fits = len(got) == len(shape) and all(
        size == want for size, want in zip(got, shape, strict=True) if isinstance(want, int | np.integer)
    )
    if not fits:
        wanted = ", ".join("?" if entry is None else str(entry) for entry in shape)
        raise ValueError(f"{argument}: got shape {got}, wanted ({wanted}{',' if len(shape) == 1 else ''})")


def require_ids(argument: str, ids: np.ndarray, size: int) -> np.ndarray:
    """Return `ids` as an integer array, all in 0 … size - 1; ValueError names the first that is not."""
    ids = np.asarray(ids)
    require(np.issubdtype(ids.dtype, np.integer), argument, f"dtype {ids.dtype}", "an integer dtype")
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        index = tuple(int(i) for i in np.argwhere((ids < 0) | (ids >= size))[0])
        raise ValueError(f"{argument}: got id {int(ids[index])} at index {index}, wanted 0 … {size - 1}")
    return ids


def require_int(argument: str, value: object, *, minimum: int = 1) -> int:
    """Return `value` as an int of at least `minimum`; ValueError otherwise (2.5, "3" and True too)."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{argument}: got {value!r}, wanted a whole number") from None
    require(number >= minimum, argument, number, f"at least {minimum}")
    return number


def require_fraction(argument: str, value: float, *, below_one: bool = True) -> float:
    """Return `value` as a float in [0, 1) (or [0, 1]); ValueError otherwise."""
    number = float(value)
    fits = 0 <= number < 1 if below_one else 0 <= number <= 1
    require(fits, argument, value, "a number from 0 up to " + ("but not including 1" if below_one else "1"))
    return number
