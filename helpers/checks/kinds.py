"""The kinds of what a function returns: whether the next cell could work with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.checks.words import Message, named, told
from helpers.languages import translate


@dataclass(frozen=True)
class Difference:
    """One wrong quantity, in words."""

    quantity: str
    text: str


def kind_of_value(value: Any) -> str:
    """The type of a value, and its shape; a Message where it has one."""
    shape, kind = getattr(value, "shape", None), type(value).__name__
    return kind if shape is None else Message("{type} of shape {shape}", type=kind, shape=str(tuple(shape)))


def wanted_kind(value: Any) -> str:
    """What should have come, by its kind."""
    if isinstance(value, list | tuple):
        return translate("a {type} of {count}", type=type(value).__name__, count=len(value))
    if hasattr(value, "shape") and value.shape:
        return translate("a {kind}", kind=told(kind_of_value(value)))
    return translate("one number")


def short(value: Any, limit: int = 80) -> str:
    """A value as Python shows it, cut where it is long."""
    text = repr(value.item() if isinstance(value, np.generic) else value)   # False, not np.False_
    return text if len(text) <= limit else text[: limit - 1] + "…"


def wrong_kind(got: Mapping[str, Any], reference: Mapping[str, Any]) -> Difference | None:
    """The first output of another kind than the reference's (a list for an array, a float for an int, text
    for a number): right in value perhaps, but the next cell could not work with it."""
    for name, wanted in reference.items():
        value = got.get(name)
        if value is None:
            continue
        text = _kind_problem(named(name), value, wanted)
        if text:
            return Difference(name, text)
    return None


def is_truth(value: Any) -> bool:
    """One True or False, also as an array of shape ()."""
    array = isinstance(value, np.ndarray) and value.dtype.kind == "b" and not value.ndim
    return array or isinstance(value, bool | np.bool_)


def _kind_problem(name: str, value: Any, wanted: Any) -> str:
    if isinstance(value, str) and not isinstance(wanted, str):
        text = {"name": name, "value": short(value)}
        if isinstance(wanted, bool | np.bool_):
            return translate(
                "`{name}` is text, {value}; wanted True or False, without quotes or str().", **text
            )
        return translate("`{name}` is text, {value}; wanted a number, without quotes or str().", **text)
    if hasattr(wanted, "detach"):
        if not hasattr(value, "detach"):
            return translate("`{name}` is a {kind}; wanted a torch tensor of shape {shape}.",
                             **_shown(name, value), shape=tuple(wanted.shape))  # fmt: skip
        if value.dtype != wanted.dtype:
            return translate("`{name}` is {dtype}; wanted {wanted}, the type of what goes in.",
                             name=name, dtype=value.dtype, wanted=wanted.dtype)  # fmt: skip
        return ""
    if isinstance(wanted, np.ndarray):
        return _array_problem(name, value, wanted)
    if isinstance(wanted, bool | np.bool_):
        if is_truth(value):
            return ""
        return translate("`{name}` is {value}, of type {kind}; wanted True or False.", **_shown(name, value))
    if isinstance(wanted, int | np.integer):
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            return translate(
                "`{name}` is {value}, of type {kind}; wanted a whole number (an int).", **_shown(name, value)
            )
    elif isinstance(wanted, float | np.floating):
        if hasattr(value, "detach"):
            tensor = {"name": name, "shape": tuple(value.shape)}
            if value.numel() == 1:
                return translate(
                    "`{name}` is a torch tensor of shape {shape}; wanted a plain number: .item() makes one.",
                    **tensor,
                )
            return translate("`{name}` is a torch tensor of shape {shape}; wanted a plain number.", **tensor)
        if isinstance(value, list | tuple | dict) or getattr(value, "ndim", 0):
            return translate("`{name}` is a {kind}; wanted one number.", **_shown(name, value))
    elif isinstance(wanted, list | tuple):
        return _list_problem(name, value, wanted)
    return ""


def _shown(name: str, value: Any) -> dict[str, str]:
    return {"name": name, "value": short(value), "kind": told(kind_of_value(value))}


def _array_problem(name: str, value: Any, wanted: np.ndarray) -> str:
    known = {"name": name, "type": type(value).__name__, "shape": wanted.shape}
    if isinstance(value, tuple):
        return translate(
            "`{name}` is a tuple of {count} values; wanted one NumPy array of shape {shape}, alone.",
            count=len(value), **known,
        )  # fmt: skip
    if isinstance(value, np.matrix | np.ma.MaskedArray):   # `*` and sums of these do something else
        how = ".filled()" if isinstance(value, np.ma.MaskedArray) else "np.asarray(…)"
        return translate(
            "`{name}` is a {type}; wanted a plain NumPy array of shape {shape}: {how} makes one.",
            how=how, **known,
        )  # fmt: skip
    if not isinstance(value, np.ndarray):
        if not wanted.ndim and isinstance(value, int | float | np.generic):
            return ""
        if not hasattr(value, "__len__"):
            return translate("`{name}` is {value}, of type {kind}; wanted a NumPy array of shape {shape}.",
                             **_shown(name, value), shape=wanted.shape)  # fmt: skip
        if _shape(value) != wanted.shape:
            return translate("`{name}` is a {type}; wanted a NumPy array of shape {shape}.", **known)
        how = _to_numpy(value) if hasattr(value, "detach") else "np.array(…)"
        return translate(
            "`{name}` is a {type}; wanted a NumPy array of shape {shape}: {how} makes one.", how=how, **known
        )
    truths = wanted.dtype.kind == "b"
    if wanted.dtype.kind in "iub" and value.dtype.kind not in ("b" if truths else "iu") and value.size:
        known["dtype"] = value.dtype
        if truths:
            return translate("`{name}` holds numbers of type {dtype}; wanted True and False (bool), "
                             "which later cells index or mask with.", **known)  # fmt: skip
        return translate("`{name}` holds numbers of type {dtype}; wanted whole numbers (an integer dtype).",
                         **known)  # fmt: skip
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
    return translate(
        "`{entry}` is one entry too many; wanted a dict with the keys {keys}, and no others.",
        entry=extra[0], keys=keys,
    )  # fmt: skip


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape an array of these values would have, None where there is none (ragged lists)."""
    try:
        return tuple(value.shape) if hasattr(value, "shape") else np.asarray(value).shape
    except Exception:   # ragged, or tensors that need a gradient
        return None


def _list_problem(name: str, value: Any, wanted: list | tuple) -> str:
    shown = {"name": name, "type": type(value).__name__, "wanted": type(wanted).__name__}
    if isinstance(value, list | tuple):
        whole = wanted and all(isinstance(each, int | np.integer) for each in wanted)
        odd = [each for each in value if whole and not isinstance(each, int | np.integer)]
        if not odd:
            return ""
        return translate("`{name}` holds {entry}, of type {kind}; wanted whole numbers (ints).",
                         name=name, entry=short(odd[0]), kind=told(kind_of_value(odd[0])))  # fmt: skip
    if isinstance(value, Mapping | str):
        return translate("`{name}` is a {type}; wanted a {wanted} of {count}.", count=len(wanted), **shown)
    if hasattr(value, "tolist"):
        shown["type"] = told(kind_of_value(value))
        if getattr(value, "ndim", 0):
            return translate("`{name}` is a {type}; wanted a {wanted}: .tolist() makes a list.", **shown)
    return translate("`{name}` is a {type}; wanted a {wanted}.", **shown)
