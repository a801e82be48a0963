"""Names that are not there, conditions that are arrays, unpacking."""

from __future__ import annotations

import ast
import difflib
import re

from helpers.checks.errors.place import Spot
from helpers.checks.errors.rewrites import call
from helpers.checks.errors.values import UNKNOWN, is_array, quoted

_MODULES = {
    "np": "import numpy as np",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "math": "import math",
    "plt": "import matplotlib.pyplot as plt",
    "nn": "from torch import nn",
}


def unknown_name(found: re.Match, spot: Spot) -> str:
    name = found[1]
    if name in _MODULES:
        return f"{quoted(name)} is not imported; `{_MODULES[name]}` is in the chapter's first cell: run that"
    inside = {entry.lower(): entry for entry in [*spot.arguments, *spot.local]}
    near = [inside[entry] for entry in difflib.get_close_matches(name.lower(), inside, n=1, cutoff=0.5)]
    outside = [entry for entry in spot.names if not entry.startswith("_")]
    near += difflib.get_close_matches(name, outside, n=1, cutoff=0.75)
    arguments = f" ({', '.join(spot.arguments)})" if spot.arguments else ""
    called = isinstance(spot.statement, ast.stmt) and any(
        isinstance(node, ast.Call) and getattr(node.func, "id", "") == name
        for node in ast.walk(spot.statement)
    )
    if called and not near:
        return f"there is no function {quoted(name)} here: has the cell that defines it run?"
    hint = f"; did you mean {quoted(near[0])}?" if near else ""
    return (
        f"{quoted(name)} is not one of the function's arguments{arguments}, and no line above makes it{hint}"
    )


def unbound(found: re.Match, spot: Spot) -> str:
    """A local name that no line had given a value yet."""
    name = found[1]
    stores = [
        node.lineno
        for node in ast.walk(spot.scope or ast.Module(body=[], type_ignores=[]))
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]
    adds = isinstance(spot.statement, ast.AugAssign) and getattr(spot.statement.target, "id", "") == name
    if adds and all(line >= spot.line for line in stores):
        start = f"{name} = {'1' if isinstance(spot.statement.op, ast.Mult) else '0'}"
        return f"{quoted(name)} has no value to start from: a line such as {quoted(start)} is missing before"
    if any(line < spot.line for line in stores):
        return (
            f"{quoted(name)} is assigned only in an `if` or a loop that did not run; give it a value before"
        )
    elsewhere = f", which hides the {quoted(name)} outside it" if name in spot.names else ""
    return f"{quoted(name)} is read before the function assigns it{elsewhere}"


def ambiguous(found: re.Match, spot: Spot) -> str | None:
    """An array where one True or False is wanted."""
    if not spot.last:
        return None
    node = spot.node
    around = (
        [entry for entry in ast.walk(spot.statement) if hasattr(entry, "lineno")] if spot.statement else []
    )
    test = next((entry.test for entry in around if getattr(entry, "test", None) is not None), None)
    boolean = next(
        (
            entry
            for entry in around
            if isinstance(entry, ast.BoolOp) and (entry is node or node in entry.values)
        ),
        None,
    )
    if boolean is not None:
        sign = " & " if isinstance(boolean.op, ast.And) else " | "
        word = "and" if isinstance(boolean.op, ast.And) else "or"
        both = sign.join(f"({ast.unparse(part)})" for part in boolean.values)
        return (
            f"`{word}` wants one True or False on each side, and an array is several; entry by entry it is "
            f"{quoted(both)}"
        )
    match node:
        case ast.Compare(left=left, ops=[_, _, *_], comparators=parts):
            pairs = zip([left, *parts], node.ops, parts, strict=False)
            both = " & ".join(f"({ast.unparse(ast.Compare(a, [op], [b]))})" for a, op, b in pairs)
            return f"a chain of comparisons does not work on arrays; entry by entry it is {quoted(both)}"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return (
                f"`not` wants one True or False, and {spot.told(operand)} is several; `~` turns round every "
                "entry"
            )
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=arguments):
            if len(arguments) > 1:
                other = call(ast.parse(f"np.{name}imum", mode="eval").body, *arguments)
                return f"`{name}` compares numbers, not arrays; entry by entry it is {quoted(other)}"
            return (
                f"`{name}` compares the rows as wholes; `np.{name}({ast.unparse(arguments[0])})` is that of "
                "all entries"
            )
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return (
                "`in` compares with `==`, which gives an array; `any(np.array_equal(a, b) for b in …)` "
                "gives one answer"
            )
        case ast.Call(func=function) if getattr(function, "id", "") != "bool":
            return (
                f"{quoted(function)} compares its arguments, and comparing arrays gives several True and "
                "False"
            )
    if isinstance(node, ast.Call):
        node = node.args[0]   # bool(x)
    condition = node if isinstance(node, ast.expr) else test
    told = quoted(condition) if condition is not None else "the condition"
    return (
        f"{told} is an array of several True and False, and one is wanted: `.all()` or `.any()` of it, "
        "or for a choice entry by entry `np.where(condition, a, b)`"
    )


def unpacking(found: re.Match, spot: Spot) -> str | None:
    if not spot.last:
        return None
    right = getattr(spot.statement, "value", None)
    left = quoted(spot.node) if isinstance(spot.node, ast.Tuple | ast.List) else "the left side"
    wanted = found["wanted"]
    if isinstance(spot.statement, ast.For):
        count = f"has {_values(found['got'])}" if found["got"] else "has more values"
        return f"each entry of {quoted(spot.statement.iter)} {count}, and {left} takes {wanted}"
    value = spot.value(right)
    got = found["got"]
    if got is None and value is not UNKNOWN:
        got = str(value.shape[0]) if is_array(value) and value.ndim else None
        got = str(len(value)) if type(value) in (list, tuple, dict) else got
    told = f"{spot.told(right)} gives" if right is not None else "the right side gives"
    return f"{told} {_values(got) if got else 'more values'}, and {left} takes {wanted}"


def _values(count: str) -> str:
    return f"{count} value{'' if count == '1' else 's'}"


RULES = (
    (r"local variable '(\w+)'", unbound),
    (r"name '(\w+)' is not defined", unknown_name),
    (
        r"truth value of an (?:array|empty array).* is ambiguous|Boolean value of Tensor with .* is "
        r"ambiguous",
        ambiguous,
    ),
    (
        r"(?:too many|not enough) values to unpack \(expected (?P<wanted>(?:at least )?\d+)(?:, got "
        r"(?P<got>\d+))?\)",
        unpacking,
    ),
)
