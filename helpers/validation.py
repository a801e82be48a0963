"""Errors that name the argument, what it got and what it wants."""

from __future__ import annotations

import functools
import math
import numbers
import operator
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

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
    got = tuple(array.shape) if hasattr(array, "shape") else as_array(argument, array, "an array").shape
    fits = len(got) == len(shape) and all(
        size == want for size, want in zip(got, shape, strict=True) if isinstance(want, int | np.integer)
    )
    if not fits:
        wanted = ", ".join("?" if entry is None else str(entry) for entry in shape)
        raise ValueError(f"{argument}: got shape {got}, wanted ({wanted}{',' if len(shape) == 1 else ''})")


def as_array(argument: str, values: object, wanted: str) -> np.ndarray:
    """`values` as a plain array; ValueError for ragged lists, tensors that need a gradient, and masked arrays
    of which something is masked (the values behind the mask would count)."""
    if type(values) is np.ndarray:
        return values
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{argument}: got {type(values).__name__} ({error}), wanted {wanted}") from None
    require(not np.ma.is_masked(values), argument, "an array with masked entries", f"{wanted}, none masked")
    return array


def require_ids(argument: str, ids: np.ndarray, size: int) -> np.ndarray:
    """Return `ids` as an integer array, all in 0 … size - 1; ValueError names the first that is not."""
    ids = as_array(argument, ids, "integers")
    require(np.issubdtype(ids.dtype, np.integer), argument, f"dtype {ids.dtype}", "an integer dtype")
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        index = tuple(int(i) for i in np.argwhere((ids < 0) | (ids >= size))[0])
        raise ValueError(f"{argument}: got id {int(ids[index])} at index {index}, wanted 0 … {size - 1}")
    return ids


def require_int(argument: str, value: object, *, minimum: int = 1, maximum: int | None = None) -> int:
    """Return `value` as an int from `minimum` to `maximum`; ValueError otherwise (2.5, "3", True too)."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{argument}: got {value!r}, wanted a whole number") from None
    require(number >= minimum, argument, number, f"at least {minimum}")
    require(maximum is None or number <= maximum, argument, number, f"at most {maximum}")
    return number


def require_flag(argument: str, value: object) -> bool:
    """Return `value` as a bool; ValueError for anything but True and False ("no" would count as yes)."""
    require(isinstance(value, bool | np.bool_), argument, repr(value), "True or False")
    return bool(value)


def require_choice(argument: str, value: object, choices: Iterable[str | None]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    choices = list(choices)
    fits = isinstance(value, str | None) and value in choices
    require(fits, argument, repr(value), "one of " + ", ".join(map(repr, choices)))


def require_path(argument: str, path: object) -> Path:
    """Return `path` as a Path; ValueError for what names no file ("", None, bytes)."""
    fits = isinstance(path, str | os.PathLike) and path != ""
    require(fits, argument, repr(path), "the name of a file or folder")
    return Path(path)


def require_number(
    argument: str, value: object, *, above: float | None = None, minimum: float | None = None,
    maximum: float | None = None, infinite: bool = False,
) -> float:
    """Return `value` as a float, finite unless `infinite`, more than `above`, at least `minimum`, at most
    `maximum`; ValueError otherwise (None, text, True, complex numbers and nan too)."""
    wanted = "a number" if infinite else "a finite number"
    wanted += "" if above is None else f" above {above:g}"
    wanted += "" if minimum is None else f" of at least {minimum:g}"
    joined = " of" if minimum is above is None else " and"
    wanted += "" if maximum is None else f"{joined} at most {maximum:g}"
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    real = isinstance(value, numbers.Real | np.floating) and not isinstance(value, bool | np.bool_)
    try:
        number = float(value) if real else math.nan
    except OverflowError:   # an int above 1.8e308
        number = math.nan
    fits = (
        not math.isnan(number)
        and (infinite or math.isfinite(number))
        and (above is None or number > above)
        and (minimum is None or number >= minimum)
        and (maximum is None or number <= maximum)
    )
    require(fits, argument, repr(value), wanted)
    return number


def require_rng(argument: str, rng: object) -> np.random.Generator:
    """Return `rng` if it is a NumPy generator; TypeError that says how to make one from a seed otherwise."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{argument}: got {rng!r}, wanted a generator such as np.random.default_rng(0)")
    return rng


def require_real(argument: str, array: object, *, finite: bool = False) -> np.ndarray:
    """Return `array` as an array of real numbers: float32 and float64 as they are, integers and float16 as
    float64, in which they do not overflow.

    ValueError for None, text, complex numbers, truth values, objects, ragged lists and, with `finite`, for
    nan and inf (the message says where the first one is).
    """
    if not finite and type(array) is np.ndarray and array.dtype.char in "fd":
        return array   # the common case at no cost
    wanted = "an array of real numbers"
    found = as_array(argument, array, wanted)
    if found.dtype.kind not in "iuf":
        got = repr(array) if found.ndim == 0 else f"dtype {found.dtype}"
        raise ValueError(f"{argument}: got {got}, wanted {wanted}")
    if found.dtype.kind in "iu" or found.dtype == np.float16:
        found = found.astype(np.float64)
    if finite and not np.isfinite(found).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(found))[0])
        where = f" at index {index}" if index else ""
        raise ValueError(f"{argument}: got {found[index]}{where}, wanted finite numbers")
    return found


def require_fraction(argument: str, value: object, *, below_one: bool = True) -> float:
    """Return `value` as a float in [0, 1) (or [0, 1]); ValueError otherwise."""
    wanted = "a number from 0 up to " + ("but not including 1" if below_one else "1")
    try:
        number = require_number(argument, value, minimum=0, maximum=1)
    except ValueError:
        number = math.inf
    require(number < 1 or (number == 1 and not below_one), argument, repr(value), wanted)
    return number


def require_array(argument: str, array: object, shape: Sequence[int | str | None]) -> np.ndarray:
    """`require_real` and `require_shape` in one."""
    array = require_real(argument, array)
    require_shape(argument, array, shape)
    return array


def require_arrays(shapes: str, *arrays: object) -> list[np.ndarray]:
    """The arrays of a formula, each as `require_real` gives it, of shapes that go together.

    ``require_arrays("x (N, D), W (D, 4H), b (4H,)", x, W, b)``: a letter stands for the same size everywhere,
    so that nothing is broadcast by mistake. ValueError names the first that does not fit.
    """
    found = [require_real(name, array) for (name, _), array in zip(_parsed(shapes), arrays, strict=True)]
    _require_fit(shapes, tuple([array.shape for array in found]))
    return found


@functools.lru_cache(maxsize=1024)   # the steps of a loop bring the same shapes again and again
def _require_fit(shapes: str, found: tuple[tuple[int, ...], ...]) -> None:
    sizes: dict[str, int] = {}
    for (argument, shape), got in zip(_parsed(shapes), found, strict=True):
        wanted = [str(k * sizes.get(letter, 0) or f"{k}{letter}".removeprefix("1")) for k, letter in shape]
        fits = len(got) == len(shape)
        for size, (factor, letter) in zip(got, shape, strict=False):
            fits = fits and size == factor * sizes.setdefault(letter, size // factor)
        comma = "," if len(shape) == 1 else ""
        require(fits, argument, f"shape {got}", f"({', '.join(wanted)}{comma})")


@functools.lru_cache
def _parsed(shapes: str) -> list[tuple[str, list[tuple[int, str]]]]:
    """"W (D, 4H)" → [("W", [(1, "D"), (4, "H")])]."""
    sizes = re.compile(r"(\d*)(\w+)")
    return [
        (name, [(int(factor or 1), letter) for factor, letter in sizes.findall(shape)])
        for name, shape in re.findall(r"(\w+) \((.*?)\)", shapes)
    ]
