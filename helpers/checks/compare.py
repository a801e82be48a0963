"""Call a function on copies, name its outputs, compare them, notice changed arguments."""

from __future__ import annotations

import contextlib
import copy
import io
import linecache
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class Complaint(Exception):
    """What an exercise's `trial` finds wrong with an answer before any number: a sentence for the learner."""


@dataclass
class Outcome:
    """What one call did: named outputs, or the error; the arguments it changed; what it printed."""

    outputs: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None
    complaint: str = ""
    mutated: tuple[str, ...] = ()
    printed: str = ""


@dataclass(frozen=True)
class Difference:
    """One wrong quantity, in words."""

    quantity: str
    text: str


def call(function: Callable[..., Any], arguments: Mapping[str, Any], names: Sequence[str]) -> Outcome:
    """Call `function` on deep copies of `arguments`; nothing it prints, warns or raises gets out.

    KeyboardInterrupt passes through, so a check can be stopped.
    """
    given = copy.deepcopy(dict(arguments))
    printed = io.StringIO()
    outcome = Outcome()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        try:
            result = function(*given.values())
        except KeyboardInterrupt:
            raise
        except Complaint as found:
            outcome.complaint = str(found)
        except BaseException as error:
            outcome.error = error
        else:
            outcome.outputs, outcome.complaint = name_outputs(result, names)
    outcome.printed = printed.getvalue()
    outcome.mutated = tuple(name for name in given if not identical(given[name], arguments[name]))
    return outcome


def identical(left: Any, right: Any) -> bool:
    """Equal to the last bit, through lists, tuples, dicts and arrays; generators count by their state."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.shape(left) == np.shape(right) and np.array_equal(left, right, equal_nan=_inexact(left))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(identical(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(identical, left, right))
    if isinstance(left, np.random.Generator) and isinstance(right, np.random.Generator):
        return left.bit_generator.state == right.bit_generator.state
    if isinstance(left, str | int | float | bool | np.generic | None):
        return left == right
    return True   # objects whose equality says nothing


def _inexact(value: Any) -> bool:
    return np.issubdtype(np.asarray(value).dtype, np.inexact)


def name_outputs(result: Any, names: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Give the returned values their names → (outputs, complaint); complaint is "" when all is well.

    A dict output is taken apart as ``grads["Wx"]``.
    """
    if result is None:
        return {}, f"It returned nothing (None); wanted {_list(names)}. Is the return line missing?"
    values = (result,) if len(names) == 1 else result
    if isinstance(values, np.ndarray) and values.ndim and len(values) == len(names):
        values = tuple(values)   # np.stack((a, b)) unpacks like (a, b)
    if not isinstance(values, tuple | list):
        return {}, f"It returned one value ({_kind(result)}); wanted {len(names)}: {_list(names)}."
    if len(values) != len(names):
        return {}, f"It returned {len(values)} values; wanted {len(names)}: {_list(names)}."
    outputs: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if isinstance(value, Mapping):
            outputs |= {f'{name}["{key}"]': entry for key, entry in value.items()}
        else:
            outputs[name] = value
    return outputs, ""


def _list(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} of shape {tuple(shape)}" if shape is not None else type(value).__name__


def wrong_kind(got: Mapping[str, Any], reference: Mapping[str, Any]) -> Difference | None:
    """The first output that is a list where the reference has an array, a float where it has an int, or
    text where it has a number: right in value perhaps, but the next cell could not work with it."""
    for name, wanted in reference.items():
        value = got.get(name)
        if value is None:
            continue
        text = _kind_problem(value, wanted)
        if text:
            return Difference(name, f"`{name}` {text}")
    return None


def _kind_problem(value: Any, wanted: Any) -> str:
    if isinstance(value, str) and not isinstance(wanted, str):
        return f"is text, {_short(value)}; wanted a number, without quotes or str()."
    if isinstance(wanted, np.ndarray) and isinstance(value, tuple):
        return f"is a tuple of {len(value)} values; wanted one NumPy array of shape {wanted.shape}, alone."
    if isinstance(wanted, np.ndarray) and not isinstance(value, np.ndarray):
        how = ".numpy()" if hasattr(value, "detach") else "np.array(…)"
        return f"is a {type(value).__name__}; wanted a NumPy array of shape {wanted.shape}: {how} makes one."
    if isinstance(wanted, int | np.integer) and not isinstance(wanted, bool):
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            return f"is {_short(value)}, a {type(value).__name__}; wanted a whole number (an int)."
    elif isinstance(wanted, float | np.floating):
        if hasattr(value, "detach"):
            return "is a torch tensor; wanted a plain number: .item() makes one."
        if isinstance(value, list | tuple | dict) or getattr(value, "ndim", 0):
            return f"is a {_kind(value)}; wanted one number."
    return ""


def difference(got: Mapping[str, Any], want: Mapping[str, Any], rtol: float) -> Difference | None:
    """The first quantity of `want` that `got` lacks or has wrong, or None."""
    for name, expected in want.items():
        if name not in got:
            whole = name.partition("[")[0]
            if whole != name and whole in got:
                text = f"`{whole}` is a {_kind(got[whole])}; wanted one dict, with arrays by name."
                return Difference(name, text)
            return Difference(name, f"`{name}` is missing; you returned {_list(list(got))}.")
        text = _differs(got[name], expected, rtol)
        if text:
            return Difference(name, f"`{name}` {text}")
    return None


def _differs(got: Any, want: Any, rtol: float) -> str:
    """"" when equal within the tolerance, else what differs."""
    if isinstance(want, str | bool | None) or not _is_numeric(want):
        if isinstance(want, list | tuple) and isinstance(got, list | tuple | np.ndarray):
            got, want = list(got), list(want)
        same = type(got) is type(want) and got == want if isinstance(want, bool) else got == want
        return "" if np.all(same) else f"is {_short(got)}; wanted {_short(want)}."
    try:
        actual = np.asarray(got)
        if actual.dtype.kind == "c":
            raise TypeError("complex")
        actual = actual.astype(np.float64)
    except Exception:   # an object of the learner's may refuse in any way
        return f"is {_short(got)}, a {type(got).__name__}; wanted numbers."
    expected = np.asarray(want, dtype=np.float64)
    if actual.shape != expected.shape:
        return f"has shape {actual.shape}; wanted {expected.shape}."
    if not expected.size:
        return ""
    equal = (actual == expected) | (np.isnan(actual) & np.isnan(expected))   # takes in equal infinities
    with np.errstate(invalid="ignore"):
        error = np.where(equal, 0.0, np.abs(actual - expected))
    error = np.where(np.isnan(error), np.inf, error)
    finite = np.abs(expected[np.isfinite(expected)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    if error.max() <= rtol * scale:
        return ""
    index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
    mine, theirs = float(actual[index]) + 0.0, float(expected[index]) + 0.0   # + 0.0 makes 0 of -0
    digits = 6 if f"{mine:.6g}" != f"{theirs:.6g}" else 12
    values = f"got {mine:.{digits}g}, wanted {theirs:.{digits}g}"
    if not index:
        return f"differs: {values}."
    wrong = int((error > rtol * scale).sum())
    return f"differs: at {list(index)} {values} ({wrong} of {error.size} entries differ)."


def _is_numeric(value: Any) -> bool:
    """Numbers, and arrays of True and False, which are compared as 1 and 0."""
    try:
        dtype = np.asarray(value).dtype
        return np.issubdtype(dtype, np.number) or (isinstance(value, np.ndarray) and dtype.kind == "b")
    except ValueError:
        return False


def _short(value: Any, limit: int = 80) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)   # False, not np.False_
    return text if len(text) <= limit else text[: limit - 1] + "…"


def describe_error(error: BaseException, function: Callable[..., Any]) -> str:
    """The error in the learner's words: type, message and the line of theirs that raised it."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [
        (frame.lineno, (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip())
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == own
    ]
    place = f" in line {lines[-1][0]} of its cell: `{lines[-1][1]}`" if lines and lines[-1][1] else ""
    return f"It raised {type(error).__name__}: {error}{place}."
