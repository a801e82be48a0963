"""Call a function on copies, name its outputs, compare them, notice changed arguments."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks.gradients import Watched
from helpers.checks.limits import Stopped

if TYPE_CHECKING:
    from helpers.checks.cases import Case


class Complaint(Exception):
    """What an exercise's `trial` finds wrong with an answer before any number: a sentence for the learner."""


@dataclass
class Outcome:
    """What one call did: named outputs, or the error; the arguments it changed; what it printed; gradients.

    `result` is what the call returned, as it is: what a later call does to it shows.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None
    complaint: str = ""
    mutated: tuple[str, ...] = ()
    printed: str = ""
    gradients: list[Any] = field(default_factory=list)
    result: Any = None


class Elsewhere:
    """A function that cannot be called here, but whose outcome in a case can be had."""

    def __call__(self, *arguments: Any) -> Any:
        raise NotImplementedError("it is not here")

    def outcome(self, case: Case) -> Outcome:
        """What `call` would give for it."""
        raise NotImplementedError


class RecordedError(Exception):
    """An error that was raised elsewhere: `kind` is its type by module and name."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


def kind_of(error: BaseException) -> str:
    """The type of an error by module and name, also of a recorded one."""
    if isinstance(error, RecordedError):
        return error.kind
    return f"{type(error).__module__}.{type(error).__qualname__}"


@dataclass(frozen=True)
class Difference:
    """One wrong quantity, in words."""

    quantity: str
    text: str


def call(
    function: Callable[..., Any], trial: Callable[..., Any] | None, case: Case, names: Sequence[str]
) -> Outcome:
    """Call `function` (through `trial`, where there is one) on copies of the case's arguments.

    Nothing it prints, warns or raises gets out. KeyboardInterrupt and what stops a function that does not
    come back (`limits`) pass through. A function that is not here (`Elsewhere`) tells the outcome itself.
    """
    if isinstance(function, Elsewhere):
        return function.outcome(case)
    given, before = case.fresh(), case.fresh()
    printed = io.StringIO()
    outcome = Outcome()
    watched = Watched(function)
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        try:
            result = watched(*given.values()) if trial is None else trial(watched, *given.values())
        except (KeyboardInterrupt, Stopped):
            raise
        except Complaint as found:
            outcome.complaint = str(found)
        except BaseException as error:
            outcome.error = error
        else:
            outcome.result = result
            outcome.outputs, outcome.complaint = name_outputs(_snapshot(result), names)
    outcome.printed, outcome.gradients = printed.getvalue(), watched.noted
    outcome.mutated = tuple(name for name in given if not identical(given[name], before[name]))
    return outcome


def _snapshot(result: Any) -> Any:
    """A copy of a result that later calls cannot change; what cannot be copied stays as it is."""
    try:
        return copy.deepcopy(result)
    except Exception:   # an object of the learner's, or a tensor with a history
        return result


def identical(left: Any, right: Any) -> bool:
    """Equal to the last bit, through lists, tuples, dicts and arrays; generators count by their state."""
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.shape(left) == np.shape(right) and np.array_equal(left, right, equal_nan=_inexact(left))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(identical(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(identical, left, right))
    if hasattr(left, "is_contiguous") and hasattr(right, "is_contiguous"):
        alike = left.shape == right.shape and ((left == right) | ((left != left) & (right != right)))
        return bool(alike if isinstance(alike, bool) else alike.all())
    if isinstance(left, np.random.Generator) and isinstance(right, np.random.Generator):
        return left.bit_generator.state == right.bit_generator.state
    if isinstance(left, str | int | float | bool | np.generic | None):
        return bool(left == right or (left != left and right != right))   # nan is nan
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
    if hasattr(values, "shape") and len(values.shape) and len(values) == len(names):
        values = tuple(values)   # np.stack((a, b)) unpacks like (a, b)
    if isinstance(values, Mapping):
        keys = _short(list(values)).strip("[]")
        return {}, f"It returned a dict, with the keys {keys}; wanted {len(names)} values: {_list(names)}."
    if not isinstance(values, tuple | list):
        return {}, f"It returned one value ({_kind(result)}); wanted {len(names)}: {_list(names)}."
    if len(values) != len(names):
        kinds = ", ".join(map(_kind, values))
        return {}, f"It returned {len(values)} values ({kinds}); wanted {len(names)}: {_list(names)}."
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


def _wanted(value: Any) -> str:
    """What should have come, by its kind."""
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {_kind(value)}" if hasattr(value, "shape") and value.shape else "one number"


def wrong_kind(got: Mapping[str, Any], reference: Mapping[str, Any]) -> Difference | None:
    """The first output of another kind than the reference's (a list for an array, a float for an int, text
    for
    a number): right in value perhaps, but the next cell could not work with it."""
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
        kind = "True or False" if isinstance(wanted, bool | np.bool_) else "a number"
        return f"is text, {_short(value)}; wanted {kind}, without quotes or str()."
    if hasattr(wanted, "detach"):
        if not hasattr(value, "detach"):
            return f"is a {_kind(value)}; wanted a torch tensor of shape {tuple(wanted.shape)}."
        if value.dtype != wanted.dtype:
            return f"is {value.dtype}; wanted {wanted.dtype}, the type of what goes in."
        return ""
    if isinstance(wanted, np.ndarray):
        return _array_problem(value, wanted)
    if isinstance(wanted, bool | np.bool_):
        truth = isinstance(value, bool | np.bool_)
        return "" if truth else f"is {_short(value)}, a {_kind(value)}; wanted True or False."
    if isinstance(wanted, int | np.integer):
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            return f"is {_short(value)}, a {_kind(value)}; wanted a whole number (an int)."
    elif isinstance(wanted, float | np.floating):
        if hasattr(value, "detach"):
            how = ": .item() makes one" if value.numel() == 1 else ""
            return f"is a torch tensor of shape {tuple(value.shape)}; wanted a plain number{how}."
        if isinstance(value, list | tuple | dict) or getattr(value, "ndim", 0):
            return f"is a {_kind(value)}; wanted one number."
    elif isinstance(wanted, list | tuple):
        return _list_problem(value, wanted)
    return ""


def _array_problem(value: Any, wanted: np.ndarray) -> str:
    if isinstance(value, tuple):
        return f"is a tuple of {len(value)} values; wanted one NumPy array of shape {wanted.shape}, alone."
    if isinstance(value, np.matrix | np.ma.MaskedArray):   # `*` and sums of these do something else
        how = ": .filled() makes one" if isinstance(value, np.ma.MaskedArray) else ": np.asarray(…) makes one"
        return f"is a {type(value).__name__}; wanted a plain NumPy array of shape {wanted.shape}{how}."
    if not isinstance(value, np.ndarray):
        if not wanted.ndim and isinstance(value, int | float | np.generic):
            return ""
        if not hasattr(value, "__len__"):
            return f"is {_short(value)}, a {_kind(value)}; wanted a NumPy array of shape {wanted.shape}."
        how = _to_numpy(value) if hasattr(value, "detach") else "np.array(…)"
        how = f": {how} makes one" if _shape(value) == wanted.shape else ""
        return f"is a {type(value).__name__}; wanted a NumPy array of shape {wanted.shape}{how}."
    truths = wanted.dtype.kind == "b"
    if wanted.dtype.kind in "iub" and value.dtype.kind not in ("b" if truths else "iu") and value.size:
        kind = "True and False (bool)" if truths else "whole numbers (an integer dtype)"
        return f"holds numbers of type {value.dtype}; wanted {kind}, which later cells index or mask with."
    return ""


def _to_numpy(tensor: Any) -> str:
    """The calls that make a NumPy array of a tensor."""
    moved = ".cpu()" if tensor.device.type != "cpu" else ""
    wider = ".float()" if str(tensor.dtype) == "torch.bfloat16" else ""   # NumPy has no such type
    return f".detach(){moved}{wider}.numpy()"


def too_many(got: Mapping[str, Any], want: Mapping[str, Any]) -> str:
    """A sentence about entries of a dict that nobody asked for, "" when there are none."""
    extra = [name for name in got if name not in want and "[" in name]
    if not extra:
        return ""
    whole = extra[0].partition("[")[0]
    keys = ", ".join(name.partition("[")[2].rstrip("]") for name in want if name.startswith(f"{whole}["))
    return f"`{extra[0]}` is one entry too many; wanted a dict with the keys {keys}, and no others."


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape an array of these values would have, None where there is none (ragged lists)."""
    try:
        return tuple(value.shape) if hasattr(value, "shape") else np.asarray(value).shape
    except Exception:   # ragged, or tensors that need a gradient
        return None


def _list_problem(value: Any, wanted: list | tuple) -> str:
    kind = type(wanted).__name__
    if isinstance(value, list | tuple):
        whole = wanted and all(isinstance(each, int | np.integer) for each in wanted)
        odd = [each for each in value if whole and not isinstance(each, int | np.integer)]
        return f"holds {_short(odd[0])}, a {_kind(odd[0])}; wanted whole numbers (ints)." if odd else ""
    if isinstance(value, Mapping | str):
        return f"is a {type(value).__name__}; wanted a {kind} of {len(wanted)}."
    if hasattr(value, "tolist"):
        how = ": .tolist() makes a list" if getattr(value, "ndim", 0) else ""
        return f"is a {_kind(value)}; wanted a {kind}{how}."
    return f"is a {type(value).__name__}; wanted a {kind}."


def difference(got: Mapping[str, Any], want: Mapping[str, Any], rtol: float) -> Difference | None:
    """The first quantity of `want` that `got` lacks or has wrong, or None."""
    for name, expected in want.items():
        if name not in got:
            whole = name.partition("[")[0]
            if whole != name and whole in got:
                keys = [each.partition("[")[2].rstrip("]") for each in want if each.startswith(f"{whole}[")]
                text = f"`{whole}` is a {_kind(got[whole])}; wanted a dict with the keys {', '.join(keys)}."
                return Difference(name, text)
            if any(each.startswith(f"{name}[") for each in got):
                return Difference(name, f"`{name}` is a dict; wanted {_wanted(expected)}.")
            return Difference(name, f"`{name}` is missing; you returned {_list(list(got))}.")
        text = _differs(got[name], expected, rtol)
        if text:
            return Difference(name, f"`{name}` {text}")
    return None


def _differs(got: Any, want: Any, rtol: float) -> str:
    """"" when equal within the tolerance, else what differs."""
    try:
        return _compared(got, want, rtol)
    except Exception:   # two results of the learner's, of a kind that no exercise wants
        return f"is a {type(got).__name__} that cannot be compared."


def _compared(got: Any, want: Any, rtol: float) -> str:
    if isinstance(want, str | bool | np.bool_ | None) or not _is_numeric(want):
        if isinstance(want, list | tuple) and isinstance(got, list | tuple | np.ndarray):
            got, want = list(got), list(want)
        if isinstance(want, bool | np.bool_):
            same = isinstance(got, bool | np.bool_) and got == want
            return "" if same else f"is {_short(got)}; wanted {_short(want)}."
        try:
            same = np.all(got == want)
        except Exception:   # an object of the learner's may refuse in any way
            same = False
        return "" if same else f"is {_short(got)}; wanted {_short(want)}."
    got, want = (each.detach() if hasattr(each, "detach") else each for each in (got, want))
    try:
        actual = np.asarray(got)
        if actual.dtype.kind == "c":
            raise TypeError("complex")
        actual = actual.astype(np.float64)
    except Exception:   # an object of the learner's may refuse in any way
        return f"is {_short(got)}, a {type(got).__name__}; wanted numbers."
    expected = np.asarray(want, dtype=np.float64)
    if actual.shape != expected.shape:
        whole = max(actual.size, expected.size) <= 16 and min(actual.size, expected.size)
        values = f": got {_entries(got)}, wanted {_entries(want)}" if whole else ""
        return f"has shape {actual.shape}; wanted {expected.shape}{values}."
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
    if error.size <= 8 and digits == 6:
        return f"differs: got {_entries(got)}, wanted {_entries(want)}."
    wrong = int((error > rtol * scale).sum())
    return f"differs: at {list(index)} {values} ({wrong} of {error.size} entries differ)."


def _entries(values: Any) -> str:
    """All of a short array or list."""
    array = np.asarray(values)
    array = array + 0.0 if array.dtype.kind == "f" else array   # makes 0 of -0
    return " ".join(np.array2string(array, separator=", ", precision=5).split()).replace("[ ", "[")


def _is_numeric(value: Any) -> bool:
    """Numbers, and arrays of True and False, which are compared as 1 and 0."""
    try:
        dtype = np.asarray(value.detach() if hasattr(value, "detach") else value).dtype
        return np.issubdtype(dtype, np.number) or (isinstance(value, np.ndarray) and dtype.kind == "b")
    except Exception:   # ragged lists; bfloat16, which NumPy lacks
        return False


def _short(value: Any, limit: int = 80) -> str:
    text = repr(value.item() if isinstance(value, np.generic) else value)   # False, not np.False_
    return text if len(text) <= limit else text[: limit - 1] + "…"
