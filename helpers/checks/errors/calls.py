"""Calls of what is no function, with other arguments, and attributes that are not there."""

from __future__ import annotations

import ast
import difflib
import re
from types import FunctionType, ModuleType

import numpy as np

from helpers.checks.errors.place import Spot, on_the_line
from helpers.checks.errors.rewrites import call, followed
from helpers.checks.errors.values import UNKNOWN, named_kind, quoted

_OF_NUMPY = {   # methods of tensors and functions of torch, and what NumPy has
    "unsqueeze": "`[:, None]` puts an axis in",
    "numpy": "it is a NumPy array already",
    "detach": "a NumPy array has no gradient to leave behind",
    "append": "arrays do not grow; collect a list, and `np.stack` it at the end",
    "permute": "`.transpose(…)` does that",
    "cat": "`np.concatenate` does that",
    "sigmoid": "NumPy leaves it to you: it is made of `np.exp`",
    "softmax": "NumPy leaves it to you: it is made of `np.exp` and a sum",
    "relu": "`np.maximum(x, 0)` does that",
    "long": "`.astype(int)` does that",
    "float": "`float` itself, or `.astype(float)`",
    "double": "`.astype(float)` does that",
    "int": "`int` itself, or `.astype(int)`",
    "bool": "`bool` itself, or `.astype(bool)`",
}
_OF_TORCH = {
    "copy": "`.clone()` does that",
    "astype": "`.float()`, `.double()` and `.long()` do that",
    "array": "`torch.tensor(…)` makes one",
}


def not_callable(found: re.Match, spot: Spot) -> str:
    node = getattr(spot.node, "func", None)
    told = quoted(node) if node is not None else "what is called"
    if isinstance(node, ast.Attribute) and node.attr in ("T", "shape", "size", "ndim", "dtype", "mT"):
        return f"{told} is no method: leave the brackets out"
    if found[1] == "module":
        return f"{told} is a module; which of its functions is meant?"
    text = f"{told} is {named_kind(found[1])}, not a function"
    if "number" in text:
        return f"{text}: is a `*` missing, or does a variable have a function's name?"
    if (
        isinstance(spot.node, ast.Call)
        and spot.node.args
        and named_kind(found[1]) in ("a NumPy array", "a torch tensor", "a list", "a tuple", "a dict")
    ):
        index = ", ".join(map(ast.unparse, spot.node.args))
        return f"{text}: entries are in square brackets, {quoted(f'{ast.unparse(node)}[{index}]')}"
    return text


def no_attribute(found: re.Match, spot: Spot) -> str | None:
    """An attribute that an object or a module lacks: what it is called there, or the nearest name."""
    node, name = getattr(spot.node, "value", None), found["name"]
    owner = spot.value(node) if getattr(spot.error, "obj", None) is None else spot.error.obj
    if not isinstance(spot.node, ast.Attribute) or spot.node.attr != name or owner is UNKNOWN:
        return None
    module = issubclass(type(owner), ModuleType)
    library = (owner.__name__ if module else type(owner).__module__).partition(".")[0]
    what = quoted(node) if module else f"{quoted(node)} is {named_kind(found['kind'] or '')}, which"
    told = f"{what} has no {quoted(name)}"
    other = {"numpy": _OF_NUMPY, "torch": _OF_TORCH}.get(library, {}).get(name)
    if other:
        return f"{told}; {other}"
    function = quoted(f"np.{name}({ast.unparse(node)})")
    if type(owner).__name__ == "ndarray" and name in vars(np):
        return f"{told}; it is a function: {function}"
    if type(owner) in (list, tuple, int, float) and (name in dir(np.ndarray) or name in vars(np)):
        if type(owner) in (list, tuple) and name == "shape":
            return (
                f"{told}: {quoted(call(ast.Name('len'), node))} is its length, `np.array(…)` makes an array "
                "of it"
            )
        return f"{told}: arrays have; {quoted(f'np.array({ast.unparse(node)})')} makes one"
    if type(owner) is dict and name in owner:
        return f"{told}; a dict's entries are {quoted(followed(node, f'[{name!r}]'))}"
    known = vars(owner) if module else {entry for base in type(owner).__mro__ for entry in vars(base)}
    near = difflib.get_close_matches(
        name, [entry for entry in known if not entry.startswith("_")], n=1, cutoff=0.76
    )
    return told + (f"; did you mean {quoted(f'{ast.unparse(node)}.{near[0]}')}?" if near else "")


def wrong_arguments(found: re.Match, spot: Spot) -> str | None:
    """A call with an argument too few, too many or unknown."""
    if not isinstance(spot.node, ast.Call):
        return None
    function = quoted(spot.node.func)
    takes = _takes(spot)
    text = spot.error.args[0].partition("\n")[0].partition("() ")[2]
    unknown = re.search(r"unexpected keyword argument '(\w+)'", text)
    if unknown:
        other = {"dim": "axis", "keepdim": "keepdims"}.get(unknown[1])
        hint = f"; NumPy calls it `{other}`" if other else ""
        return f"{function} has no argument {quoted(unknown[1])}{hint}{takes}"
    missing = re.search(r"missing \d+ required .*arguments?: (.*)", text)
    if missing:
        names = " and ".join(quoted(name) for name in re.findall(r"['\"](\w+)['\"]", missing[1]))
        return f"{function} is called without {names}{takes}"
    return f"{function} {text}{takes}"


def _takes(spot: Spot) -> str:
    function = spot.value(spot.node.func)
    if type(function) is not FunctionType:
        return ""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return f"; it takes ({', '.join(names)})" if names else "; it takes no arguments"


RULES = (
    (r"'([\w.]+)' object is not callable", on_the_line(not_callable)),
    (
        r"(?:'(?P<kind>[\w.]+)' object|module '[\w.]+') has no attribute '(?P<name>\w+)'",
        on_the_line(no_attribute),
    ),
    (
        r"\(\) (?:missing \d+ required|takes .*argument|got an unexpected keyword|got multiple values)",
        on_the_line(wrong_arguments),
    ),
)
