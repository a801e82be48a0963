"""Objects of another type than was thought: None, a list for an array, no function; wrong arguments."""

from __future__ import annotations

import ast
import difflib
import re
from types import FunctionType, ModuleType

import numpy as np

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import UNKNOWN, arguments_of, called, followed, kind, quoted

_IN_PLACE = ("append", "extend", "insert", "sort", "reverse", "update", "add", "shuffle", "fill", "remove")
_ELSEWHERE = {   # what NumPy has for torch's functions and methods, and torch for NumPy's
    ("numpy", "unsqueeze"): "`[:, None]` puts an axis in",
    ("numpy", "append"): "arrays do not grow; collect a list, and `np.stack` it at the end",
    ("numpy", "softmax"): "NumPy leaves it to you: it is made of `np.exp` and a sum",
    ("torch", "copy"): "`.clone()` does that",
    ("torch", "astype"): "`.float()`, `.double()` and `.long()` do that",
}


def _parts(spot: Spot) -> list[ast.expr]:
    """The expressions one of which has the wrong type: what is indexed, iterated over, unpacked, given."""
    match spot.node:
        case ast.Subscript(value=node) | ast.Attribute(value=node) | ast.For(iter=node):
            return [node]
        case ast.Tuple(ctx=ast.Store()) | ast.List(ctx=ast.Store()):
            return [getattr(spot.statement, "value", None)]
        case ast.Call(args=arguments):
            return arguments
    return spot.operands() or ([spot.node] if isinstance(spot.node, ast.expr) else [])


def nothing(found: re.Match, spot: Spot) -> str:
    """A None where something else is wanted, and where it may come from."""
    parts = [spot.node.func] if "not callable" in found[0] else _parts(spot)
    none = [node for node in parts if spot.value(node) is None]
    unknown = [node for node in parts if spot.value(node) is UNKNOWN]
    node = none[0] if none else unknown[0] if len(unknown) == 1 else None
    return f"{quoted(node)} is None here{_origin(spot, node)}"


def _origin(spot: Spot, node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute) and node.attr == "grad":
        return ": backward() has not run yet, or this tensor is no leaf with `requires_grad=True`"
    made = node
    if isinstance(node, ast.Name):
        values = [
            part.value
            for part in ast.walk(spot.scope or ast.Pass())
            if isinstance(part, ast.Assign) and part.lineno <= spot.line
            if any(getattr(target, "id", "") == node.id for target in part.targets)
        ]
        if not values and node.id in spot.arguments:
            return ": it is an argument that may be None, for which a line is missing"
        made = values[-1] if values else None
    match made:
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _IN_PLACE:
            return f": `{name}` changes {quoted(owner)} itself and returns nothing"
        case ast.Call(func=function):
            return f": {quoted(function)} returned nothing; is its `return` missing?"
    return ": was it made by a function without `return`?"


def operands(found: re.Match, spot: Spot) -> str:
    """unsupported operand type(s) for an operator."""
    nodes = spot.operands() or [None, None]
    told = [f"{quoted(node)} is {kind(name)}" for node, name in zip(nodes, found.groups()[1:], strict=True)]
    for text in told:
        if text.endswith("a function"):
            return f"{text}, not its value: are the brackets of the call missing?"
    hint = "; `np.array(…)` of a list calculates entry by entry" if "'list'" in found[0] else ""
    if "ndarray" in found[0] and "Tensor" in found[0]:
        hint = ": make both the same, with `torch.from_numpy(…)` or `.numpy()`"
    return f"{' and '.join(told)}, and `{found[1]}` is not defined for them{hint}"


def not_iterable(found: re.Match, spot: Spot) -> str:
    node = next(iter(_parts(spot)), None)
    if isinstance(spot.statement, ast.For) and spot.statement.iter is node:
        hint = f"; did you mean {called('range', node)}?" if found[1] == "int" and node else ""
        return f"{quoted(node)} is {kind(found[1])}, and a loop goes through several values{hint}"
    return f"{quoted(node)} is {kind(found[1])}, and several values are wanted"


def not_callable(found: re.Match, spot: Spot) -> str:
    node, word = getattr(spot.node, "func", None), kind(found[1])
    if isinstance(node, ast.Attribute) and node.attr in ("T", "shape", "size", "ndim", "dtype", "mT"):
        return f"{quoted(node)} is no method: leave the brackets out"
    text = f"{quoted(node, 'what is called')} is {word}, not a function"
    if "number" in word:
        return f"{text}: is a `*` missing, or does a variable have a function's name?"
    if node is not None and word in ("a NumPy array", "a torch tensor", "a list", "a tuple", "a dict"):
        index = ", ".join(map(ast.unparse, spot.node.args))
        return f"{text}: entries are in square brackets, {followed(node, f'[{index}]')}"
    return text


def no_attribute(found: re.Match, spot: Spot) -> str | None:
    """An attribute that an object or a module lacks: what it is called there, or the nearest name."""
    node, name, owner = getattr(spot.node, "value", None), found["name"], spot.error.obj
    if not isinstance(spot.node, ast.Attribute) or spot.node.attr != name or owner is None:
        return None
    module = issubclass(type(owner), ModuleType)
    library = (owner.__name__ if module else type(owner).__module__).partition(".")[0]
    what = "" if module else f" is {kind(type(owner).__name__)}, which"
    told = f"{quoted(node)}{what} has no `{name}`"
    if (library, name) in _ELSEWHERE:
        return f"{told}; {_ELSEWHERE[library, name]}"
    if type(owner) is np.ndarray and name in vars(np):
        return f"{told}; it is a function: {called(f'np.{name}', node)}"
    if type(owner) in (list, tuple, int, float) and name in dir(np.ndarray):
        return f"{told}: arrays have; {called('np.array', node)} makes one"
    if type(owner) is dict and name in owner:
        return f"{told}; a dict's entries are {followed(node, f'[{name!r}]')}"
    known = vars(owner) if module else {entry for base in type(owner).__mro__ for entry in vars(base)}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.76)
    return told + (f"; did you mean {followed(node, f'.{near[0]}')}?" if near else "")


def wrong_arguments(found: re.Match, spot: Spot) -> str | None:
    """A call with an argument too few, too many or unknown."""
    if not isinstance(spot.node, ast.Call):
        return None
    name, text, function = quoted(spot.node.func), found[1], spot.value(spot.node.func)
    learners = type(function) is FunctionType
    takes = f"; it takes ({', '.join(arguments_of(function.__code__))})" if learners else ""
    unknown = re.search(r"unexpected keyword argument '(\w+)'", text)
    if unknown:
        other = {"dim": "axis", "keepdim": "keepdims"}.get(unknown[1])
        hint = f"; NumPy calls it `{other}`" if other else ""
        return f"{name} has no argument {quoted(unknown[1])}{hint}{takes}"
    if text.startswith("missing"):
        missing = " and ".join(quoted(name) for name in re.findall(r"'(\w+)'", text))
        return f"{name} is called without {missing}{takes}"
    return f"{name} {text}{takes}"


_LIST = "arithmetic on a list joins or repeats it; `np.array(…)` of the list calculates entry by entry"
RULES = (
    (r"^(?:Type|Attribute)Error: .*NoneType.*", nothing),
    (r"unsupported operand type\(s\) for (.+?): '([\w.]+)' and '([\w.]+)'", operands),
    (r"can only concatenate (?:list|tuple)|can't multiply sequence by non-int of type", _LIST),
    (r"(?:non-iterable |')([\w.]+)'? object(?: is not iterable|$)", not_iterable),
    (r"'([\w.]+)' object is not callable", not_callable),
    (r"^AttributeError: .* has no attribute '(?P<name>\w+)'", no_attribute),
    (r"\(\) ((?:missing \d+ required|takes .*argument|got an unexpected|got multiple).*)", wrong_arguments),
)
