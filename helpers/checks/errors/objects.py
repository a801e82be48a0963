"""Objects of another type than was thought: None, a list for an array, no function; wrong arguments."""

from __future__ import annotations

import ast
import difflib
import re
from types import FunctionType, ModuleType

import numpy as np

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import (
    UNKNOWN,
    arguments_of,
    called,
    followed,
    is_function,
    is_number,
    kind,
    meant,
    quoted,
)
from helpers.checks.words import Message, every, told
from helpers.languages import translate

_OF_THE_FIRST = ("shuffle", "at", "copyto", "put_along_axis", "fill_diagonal")   # which they change
_IN_PLACE = (
    "append", "extend", "insert", "sort", "reverse", "update", "add", "fill", "remove", *_OF_THE_FIRST
)  # fmt: skip
_ELSEWHERE = {   # what NumPy has for torch's functions and methods, and torch for NumPy's
    ("numpy", "unsqueeze"): Message("`[:, None]` puts an axis in"),
    ("numpy", "append"): Message("arrays do not grow; collect a list, and `np.stack` it at the end"),
    ("numpy", "softmax"): Message("NumPy leaves it to you: it is made of `np.exp` and a sum"),
    ("torch", "copy"): Message("`.clone()` does that"),
    ("torch", "astype"): Message("`.float()`, `.double()` and `.long()` do that"),
}


def _parts(spot: Spot) -> list[ast.expr]:
    """The expressions one of which has the wrong type: what is indexed, iterated over, unpacked, given."""
    match spot.node:
        case ast.Subscript(value=node) | ast.Attribute(value=node) | ast.For(iter=node):
            return [node]
        case ast.Tuple(ctx=ast.Store()) | ast.List(ctx=ast.Store()):
            return [getattr(spot.statement, "value", None)]
        case ast.ListComp(generators=[loop, *_]) | ast.GeneratorExp(generators=[loop, *_]):
            return [loop.iter]
        case ast.Call(args=arguments):
            return arguments
    return spot.operands() or ([spot.node] if isinstance(spot.node, ast.expr) else [])


def nothing(found: re.Match, spot: Spot) -> str:
    """A None where something else is wanted, and where it may come from."""
    parts = [spot.node.func] if "not callable" in found[0] else _parts(spot)
    none = [node for node in parts if spot.value(node) is None]
    unknown = [node for node in parts if spot.value(node) is UNKNOWN]
    node = none[0] if none else unknown[0] if len(unknown) == 1 else None
    value = quoted(node)
    if isinstance(node, ast.Attribute) and node.attr == "grad":
        return translate(
            "{value} is None here: backward() has not run yet, or this tensor is no leaf with "
            "`requires_grad=True`", value=value,
        )  # fmt: skip
    made = node
    if isinstance(node, ast.Name):
        values = [
            part.value
            for part in ast.walk(spot.scope or ast.Pass())
            if isinstance(part, ast.Assign) and part.lineno <= spot.line
            if any(getattr(target, "id", "") == node.id for target in part.targets)
        ]
        if not values and node.id in spot.arguments:
            return translate(
                "{value} is None here: it is an argument that may be None, for which a line is missing",
                value=value,
            )
        made = values[-1] if values else None
    match made:
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=given) if name in _IN_PLACE:
            owner = given[0] if name in _OF_THE_FIRST and given else owner
            return translate("{value} is None here: `{method}` changes {owner} itself and returns nothing",
                             value=value, method=name, owner=quoted(owner))  # fmt: skip
        case ast.Call(func=function):
            return translate("{value} is None here: {function} returned nothing; is its `return` missing?",
                             value=value, function=quoted(function))  # fmt: skip
    return translate("{value} is None here: was it made by a function without `return`?", value=value)


def operands(found: re.Match, spot: Spot) -> str:
    """unsupported operand type(s) for an operator."""
    left, right = spot.operands() or [None, None]
    kinds = [told if (value := spot.value(node)) is UNKNOWN else type(value).__name__
             for node, told in ((left, found[2]), (right, found[3]))]  # fmt: skip
    for node, name in zip((left, right), kinds, strict=True):
        if is_function(name):
            return translate("{value} is a function, not its value: are the brackets of the call missing?",
                             value=quoted(node))  # fmt: skip
    reason = translate(
        "{left} is {left_kind} and {right} is {right_kind}, and `{operator}` is not defined for them",
        left=quoted(left), left_kind=kind(kinds[0]), right=quoted(right), right_kind=kind(kinds[1]),
        operator=found[1],
    )  # fmt: skip
    if "ndarray" in found[0] and "Tensor" in found[0]:
        return translate(
            "{reason}: make both the same, with `torch.from_numpy(…)` or `.numpy()`", reason=reason
        )
    if "'list'" in found[0]:
        return translate("{reason}; `np.array(…)` of a list calculates entry by entry", reason=reason)
    return reason


def not_iterable(found: re.Match, spot: Spot) -> str:
    node = next(iter(_parts(spot)), None)
    values = {"value": quoted(node), "kind": kind(found[1])}
    if isinstance(spot.statement, ast.For) and spot.statement.iter is node:
        reason = translate("{value} is {kind}, and a loop goes through several values", **values)
        return meant(reason, called("range", node)) if found[1] == "int" and node else reason
    return translate("{value} is {kind}, and several values are wanted", **values)


def not_callable(found: re.Match, spot: Spot) -> str:
    node = getattr(spot.node, "func", None)
    if isinstance(node, ast.Attribute) and node.attr in ("T", "shape", "size", "ndim", "dtype", "mT"):
        return translate("{value} is no method: leave the brackets out", value=quoted(node))
    reason = translate("{value} is {kind}, not a function",
                       value=quoted(node, translate("what is called")), kind=kind(found[1]))  # fmt: skip
    if is_number(found[1]):
        return translate(
            "{reason}: is a `*` missing, or does a variable have a function's name?", reason=reason
        )
    if node is not None and found[1].rpartition(".")[2] in ("ndarray", "Tensor", "list", "tuple", "dict"):
        index = ", ".join(map(ast.unparse, spot.node.args))
        return translate("{reason}: entries are in square brackets, {entry}",
                         reason=reason, entry=followed(node, f"[{index}]"))  # fmt: skip
    return reason


def no_attribute(found: re.Match, spot: Spot) -> str | None:
    """An attribute that an object or a module lacks: what it is called there, or the nearest name."""
    node, name, owner = getattr(spot.node, "value", None), found["name"], spot.error.obj
    if not isinstance(spot.node, ast.Attribute) or spot.node.attr != name or owner is None:
        return None
    module = issubclass(type(owner), ModuleType)
    library = (owner.__name__ if module else type(owner).__module__).partition(".")[0]
    if module:
        reason = translate("{module} has no `{name}`", module=quoted(node), name=name)
    else:
        reason = translate("{value} is {kind}, which has no `{name}`",
                           value=quoted(node), kind=kind(type(owner).__name__), name=name)  # fmt: skip
    if (library, name) in _ELSEWHERE:
        return translate("{reason}; {instead}", reason=reason, instead=told(_ELSEWHERE[library, name]))
    if type(owner) is np.ndarray and name in vars(np):
        given = [part for part in ast.walk(spot.statement or ast.Pass()) if isinstance(part, ast.Call)]
        more = next((part.args for part in given if part.func is spot.node), ())
        call = called(f"np.{name}", node, *more)
        return translate("{reason}; it is a function: {call}", reason=reason, call=call)
    if type(owner) is tuple:
        apart = ", ".join([ast.unparse(node), *["…"] * (len(owner) - 1)])
        return translate("{reason}: it holds {count} values, which `{apart} = …` takes apart",
                         reason=reason, count=len(owner), apart=apart)  # fmt: skip
    if type(owner) in (int, float) and name in ("item", "tolist", "detach", "numpy", "cpu"):
        return translate("{reason}: it is a number already", reason=reason)
    if type(owner) in (list, tuple, int, float) and name in dir(np.ndarray):
        call = called("np.array", node)
        return translate("{reason}: arrays have it; {call} makes one", reason=reason, call=call)
    if type(owner) is dict and name in owner:
        entry = followed(node, f"[{name!r}]")
        return translate("{reason}; a dict's entries are {entry}", reason=reason, entry=entry)
    known = vars(owner) if module else {entry for base in type(owner).__mro__ for entry in vars(base)}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.76)
    return meant(reason, followed(node, f".{near[0]}")) if near else reason


def wrong_arguments(found: re.Match, spot: Spot) -> str | None:
    """A call with an argument too few, too many or unknown."""
    if not isinstance(spot.node, ast.Call):
        return None
    name, text, function = quoted(spot.node.func), found[1], spot.value(spot.node.func)
    reason = _called_wrongly(name, text)
    if type(function) is not FunctionType:   # not the learner's
        return reason
    takes = ", ".join(arguments_of(function.__code__))
    return translate("{reason}; it takes ({arguments})", reason=reason, arguments=takes)


def _called_wrongly(name: str, text: str) -> str:
    unknown = re.search(r"unexpected keyword argument '(\w+)'", text)
    if unknown:
        other = {"dim": "axis", "keepdim": "keepdims"}.get(unknown[1])
        values = {"function": name, "argument": quoted(unknown[1])}
        if other:
            return translate("{function} has no argument {argument}; NumPy calls it `{other}`",
                             other=other, **values)  # fmt: skip
        return translate("{function} has no argument {argument}", **values)
    if text.startswith("missing"):
        missing = every(map(quoted, re.findall(r"'(\w+)'", text)))
        return translate("{function} is called without {missing}", function=name, missing=missing)
    counted = re.fullmatch(r"takes (\d+) positional arguments? but (\d+) (?:was|were) given", text)
    if counted:
        return _too_many(name, *map(int, counted.groups()))
    return f"{name} {text}"   # as Python says it


def _too_many(name: str, takes: int, given: int) -> str:
    if takes == 1:
        return translate("{function} takes 1 positional argument but {given} were given",
                         function=name, given=given)  # fmt: skip
    if given == 1:
        return translate("{function} takes 0 positional arguments but 1 was given", function=name)
    return translate("{function} takes {takes} positional arguments but {given} were given",
                     function=name, takes=takes, given=given)  # fmt: skip


_LIST = Message(
    "arithmetic on a list joins or repeats it; `np.array(…)` of the list calculates entry by entry"
)
RULES = (
    (r"^(?:Type|Attribute)Error: .*NoneType.*", nothing),
    (r"unsupported operand type\(s\) for (.+?): '([\w.]+)' and '([\w.]+)'", operands),
    (r"can only concatenate (?:list|tuple)|can't multiply sequence by non-int of type", _LIST),
    (r"(?:non-iterable |')([\w.]+)'? object(?: is not iterable|$)", not_iterable),
    (r"'([\w.]+)' object is not callable", not_callable),
    (r"^AttributeError: .* has no attribute '(?P<name>\w+)'", no_attribute),
    (r"\(\) ((?:missing \d+ required|takes .*argument|got an unexpected|got multiple).*)", wrong_arguments),
)
