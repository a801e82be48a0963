"""Call a function on copies, name its outputs, compare them, notice changed arguments."""

from __future__ import annotations

import contextlib
import copy
import io
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks.gradients import Watched
from helpers.checks.kinds import Difference, is_truth, kind_of_value, short, wanted_kind
from helpers.checks.limits import Stopped
from helpers.checks.words import Message, codes, named, names_of, told
from helpers.languages import translate

if TYPE_CHECKING:
    from helpers.checks.cases import Case


class Complaint(Exception):
    """What an exercise's `trial` finds wrong with an answer before any number: a sentence for the learner,
    ``Complaint("`{name}` is a {kind}.", name=…, kind=…)``, translated when it is shown."""

    def __init__(self, message: str, /, **values: Any):
        self.message = Message(message, **values)
        super().__init__(self.message)


@dataclass
class Outcome:
    """What one call did: named outputs, or the error; the arguments it changed; what it printed; gradients.

    `result` is what the call returned, as it is: what a later call does to it shows. `complaint` is a
    Message; where it was recorded, or came from another process, text.
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
    torch = sys.modules.get("torch")
    gradients = torch is not None and torch.is_grad_enabled()
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
            outcome.complaint = found.message
        except BaseException as error:
            outcome.error = error
        else:
            outcome.result = result
            outcome.outputs, outcome.complaint = name_outputs(_snapshot(result), names)
    if gradients and not torch.is_grad_enabled():
        torch.set_grad_enabled(True)
        outcome.complaint = outcome.complaint or Message(
            "It switches torch's gradients off for all that comes after it. `with torch.no_grad():` switches "
            "them on again by itself."
        )
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
    count = len(names)
    if result is None:
        return {}, Message(
            "It returned nothing (None); wanted {names}. Is the return line missing, or not reached?",
            names=names_of(names),
        )
    values = (result,) if count == 1 else result
    if hasattr(values, "shape") and len(values.shape) and len(values) == count:
        values = tuple(values)   # np.stack((a, b)) unpacks like (a, b)
    if isinstance(values, Mapping):
        keys = short(list(values)).strip("[]")
        return {}, Message(
            "It returned a dict, with the keys {keys}; wanted {count} values: {names}.",
            keys=keys, count=count, names=names_of(names),
        )  # fmt: skip
    if not isinstance(values, tuple | list) or len(values) == 1 < count:
        one = values[0] if isinstance(values, tuple | list) else result
        return {}, Message(
            "It returned one value ({kind}); wanted {count}: {names}.",
            kind=kind_of_value(one), count=count, names=names_of(names),
        )  # fmt: skip
    if len(values) != count:
        return {}, Message(
            "It returned {returned} values ({kinds}); wanted {count}: {names}.",
            returned=len(values), kinds=[kind_of_value(each) for each in values],
            count=count, names=names_of(names),
        )  # fmt: skip
    outputs: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if isinstance(value, Mapping):
            outputs |= {f'{name}["{key}"]': entry for key, entry in value.items()}
        else:
            outputs[name] = value
    return outputs, ""


def difference(got: Mapping[str, Any], want: Mapping[str, Any], rtol: float) -> Difference | None:
    """The first quantity of `want` that `got` lacks or has wrong, or None."""
    for name, expected in want.items():
        if name not in got:
            whole = name.partition("[")[0]
            if whole != name and whole in got:
                keys = [each.partition("[")[2].rstrip("]") for each in want if each.startswith(f"{whole}[")]
                kind = told(kind_of_value(got[whole]))
                text = translate("`{name}` is a {kind}; wanted a dict with the keys {keys}.",
                                 name=whole, kind=kind, keys=", ".join(keys))  # fmt: skip
            elif any(each.startswith(f"{name}[") for each in got):
                wanted = wanted_kind(expected)
                text = translate("`{name}` is a dict; wanted {wanted}.", name=named(name), wanted=wanted)
            else:
                text = translate("`{name}` is missing; you returned {names}.",
                                 name=named(name), names=codes(map(named, got)))  # fmt: skip
            return Difference(name, text)
        text = _differs(named(name), got[name], expected, rtol)
        if text:
            return Difference(name, text)
    return None


def _differs(name: str, got: Any, want: Any, rtol: float) -> str:
    """"" when equal within the tolerance, else what differs."""
    try:
        return _compared(name, got, want, rtol)
    except Exception:   # two results of the learner's, of a kind that no exercise wants
        return translate("`{name}` is a {type} that cannot be compared.", name=name, type=type(got).__name__)


def _compared(name: str, got: Any, want: Any, rtol: float) -> str:
    if isinstance(want, str | bool | np.bool_ | None) or not _is_numeric(want):
        if isinstance(want, list | tuple) and isinstance(got, list | tuple | np.ndarray):
            got, want = list(got), list(want)
        try:
            truth = not isinstance(want, bool | np.bool_) or is_truth(got)
            same = truth and np.all(got == want)
        except Exception:   # an object of the learner's may refuse in any way
            same = False
        if same:
            return ""
        shown = {"got": short(got), "wanted": short(want)}
        return translate("`{name}` is {got}; wanted {wanted}.", name=name, **shown)
    got, want = (each.detach() if hasattr(each, "detach") else each for each in (got, want))
    try:
        actual = np.asarray(got)
        if actual.dtype.kind == "c":
            raise TypeError("complex")
        actual = actual.astype(np.float64)
    except Exception:   # an object of the learner's may refuse in any way
        return translate("`{name}` is {got}, a {type}; wanted numbers.",
                         name=name, got=short(got), type=type(got).__name__)  # fmt: skip
    expected = np.asarray(want, dtype=np.float64)
    if actual.shape != expected.shape:
        shapes = {"name": name, "shape": actual.shape, "wanted": expected.shape}
        if max(actual.size, expected.size) > 16 or not min(actual.size, expected.size):
            return translate("`{name}` has shape {shape}; wanted {wanted}.", **shapes)
        return translate("`{name}` has shape {shape}; wanted {wanted}: got {got}, wanted {right}.",
                         got=_entries(got), right=_entries(want), **shapes)  # fmt: skip
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
    whole = index and error.size <= 8 and digits == 6   # all of a short one
    shown = [_entries(got), _entries(want)] if whole else [f"{mine:.{digits}g}", f"{theirs:.{digits}g}"]
    values = {"name": name} | dict(zip(("got", "wanted"), shown, strict=True))
    if whole or not index:
        return translate("`{name}` differs: got {got}, wanted {wanted}.", **values)
    return translate(
        "`{name}` differs: at {index} got {got}, wanted {wanted} ({wrong} of {size} entries differ).",
        index=list(index), wrong=int((error > rtol * scale).sum()), size=error.size, **values,
    )  # fmt: skip


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
