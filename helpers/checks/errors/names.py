"""Names that are not there, conditions that are arrays, unpacking, numbers."""

from __future__ import annotations

import ast
import difflib
import re

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import UNKNOWN, called, is_array, quoted

_MODULES = {
    "np": "numpy as np",
    "torch": "torch",
    "F": "torch.nn.functional as F",
    "math": "math",
    "plt": "matplotlib.pyplot as plt",
}


def unknown_name(found: re.Match, spot: Spot) -> str:
    name = found[1]
    if name in _MODULES:
        return f"`import {_MODULES[name]}` is in the chapter's first cell: run that"
    inside = {entry.lower(): entry for entry in spot.code.co_varnames} if spot.code else {}
    near = [inside[entry] for entry in difflib.get_close_matches(name.lower(), inside, n=1, cutoff=0.5)]
    near += difflib.get_close_matches(name, list(spot.names), n=1, cutoff=0.75)
    calls = [node.func for node in ast.walk(spot.statement or ast.Pass()) if isinstance(node, ast.Call)]
    if not near and any(getattr(function, "id", "") == name for function in calls):
        return f"there is no function {quoted(name)} here: has the cell that defines it run?"
    arguments = f" ({', '.join(spot.arguments)})" if spot.arguments else ""
    hint = f"; did you mean {quoted(near[0])}?" if near else ""
    return f"{quoted(name)} is no argument of the function{arguments}, and no line above makes it{hint}"


def unbound(found: re.Match, spot: Spot) -> str:
    """A local name that no line had given a value yet."""
    name = found[1]
    uses = [node for node in ast.walk(spot.scope or ast.Pass()) if getattr(node, "id", "") == name]
    if any(isinstance(node.ctx, ast.Store) and node.lineno < spot.line for node in uses):
        return f"{quoted(name)} is assigned in an `if` or a loop that did not run; give it a value first"
    if isinstance(spot.statement, ast.AugAssign) and getattr(spot.statement.target, "id", "") == name:
        return f"{quoted(name)} has no value to start from: a line such as `{name} = …` is missing before"
    return f"{quoted(name)} is read before the function assigns it"


def ambiguous(found: re.Match, spot: Spot) -> str | None:
    """An array where one True or False is wanted."""
    node, around = spot.node, list(ast.walk(spot.statement or ast.Pass()))
    tests = [part.test for part in around if hasattr(part, "test")]
    for part in around:
        if isinstance(part, ast.BoolOp) and (part is node or node in part.values):
            word, sign = ("and", " & ") if isinstance(part.op, ast.And) else ("or", " | ")
            both = quoted(sign.join(f"({ast.unparse(value)})" for value in part.values))
            return f"`{word}` wants one True or False on each side; entry by entry it is {both}"
    match node:
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=[_, _, *_]):
            other = called(f"np.{name}imum", *node.args)
            return f"`{name}` compares numbers, not arrays; entry by entry it is {other}"
        case ast.UnaryOp(op=ast.Not(), operand=condition):
            pass
        case ast.Call() if node not in tests:   # sorted(hs) and the like compare inside
            return None
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return None
        case _:
            condition = getattr(node, "test", node)   # of `while`, which is found as a whole
    return (
        f"{quoted(condition, 'the condition')} is an array of several True and False, and one is wanted: "
        "`.all()` or `.any()` of it, or for a choice entry by entry `np.where(condition, a, b)`"
    )


def unpacking(found: re.Match, spot: Spot) -> str:
    left = quoted(spot.node if isinstance(spot.node, ast.Tuple | ast.List) else None, "the left side")
    if isinstance(spot.statement, ast.For):
        gives, value = f"each entry of {quoted(spot.statement.iter)} has", UNKNOWN
    else:
        right = getattr(spot.statement, "value", None)
        gives, value = f"{spot.told(right, 'the right side')} gives", spot.value(right)
    got = found["got"]
    if got is None and (is_array(value) or type(value) in (list, tuple, dict)):
        got = str(len(value))
    return f"{gives} {got or 'more'} value{'' if got == '1' else 's'}, and {left} takes {found['wanted']}"


def one_number(found: re.Match, spot: Spot) -> str:
    """math.tanh(x), float(x), x.item() of an array with several entries."""
    node = next((node for node in spot.operands() if is_array(spot.value(node))), None)
    several = f"{spot.told(node, 'what is given')} is an array of several"
    match spot.node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=name)):
            return f"{quoted(spot.node.func)} takes one number, and {several}; `np.{name}` takes arrays"
    return f"one number is wanted, and {several}"


def zero_division(found: re.Match, spot: Spot) -> str:
    divides = isinstance(spot.node, ast.BinOp | ast.AugAssign) and not isinstance(spot.node.op, ast.Pow)
    return f"the divisor {quoted(spot.operands()[1])} is 0 here" if divides else "the divisor is 0 here"


RULES = (
    (r"local variable '(\w+)'", unbound),
    (r"name '(\w+)' is not defined", unknown_name),
    (r"truth value of an array .* is ambiguous|Boolean value of Tensor with .* is ambiguous", ambiguous),
    (r"values to unpack \(expected (?P<wanted>(?:at least )?\d+)(?:, got (?P<got>\d+))?\)", unpacking),
    (r"only (?:0-dimensional|length-1) arrays can be converted to Python scalars", one_number),
    (r"can only convert an array of size 1|Tensor with \d+ elements cannot be converted", one_number),
    (r"^ZeroDivisionError: ", zero_division),
    (r"math domain error", "it has no value there, as a logarithm of 0 and a root of -1 have none"),
)
