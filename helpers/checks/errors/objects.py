"""Objects of another type than was thought: None, a list for an array, one number for several."""

from __future__ import annotations

import ast
import re

from helpers.checks.errors.place import Spot, on_the_line
from helpers.checks.errors.rewrites import call
from helpers.checks.errors.values import UNKNOWN, named_kind, quoted

_IN_PLACE = {
    "append", "extend", "insert", "sort", "reverse", "update", "add", "shuffle", "fill", "remove",
    "clear",
}


def _node_of(spot: Spot) -> ast.expr | None:
    """The expression whose value has the wrong type: what is called, indexed, iterated over or unpacked."""
    match spot.node:
        case ast.Subscript(value=node) | ast.Attribute(value=node):
            return node
        case ast.Call(args=arguments):
            candidates = [node for node in arguments if _may_be_none(spot, node)]
            return candidates[0] if len(candidates) == 1 else None
        case ast.Tuple(ctx=ast.Store()) | ast.List(ctx=ast.Store()):
            return getattr(spot.statement, "value", None)
        case ast.For(iter=node):
            return node
    return spot.node if isinstance(spot.node, ast.expr) else None


def _may_be_none(spot: Spot, node: ast.expr) -> bool:
    value = spot.value(node)
    return value is None or value is UNKNOWN


def _origin(spot: Spot, node: ast.expr | None) -> str:
    """Where a None may come from: a call that returned nothing, a method that works in place, .grad."""
    if isinstance(node, ast.Attribute) and node.attr == "grad":
        return ": backward() has not run yet, or this tensor is no leaf with `requires_grad=True`"
    made = node
    if isinstance(node, ast.Name):
        if node.id in spot.arguments and not _assigned(spot, node.id):
            return ": it is an argument that may be None, for which a line is missing"
        made = (_assigned(spot, node.id) or [None])[-1]
    if not isinstance(made, ast.Call):
        return ": was it made by a function without `return`?"
    if isinstance(made.func, ast.Attribute) and made.func.attr in _IN_PLACE:
        return f": `{made.func.attr}` changes {quoted(made.func.value)} itself and returns nothing"
    return f": {quoted(made.func)} returned nothing; is its `return` missing?"


def _assigned(spot: Spot, name: str) -> list[ast.expr]:
    """What the function assigns to `name`, above the failing line."""
    return [
        node.value
        for node in ast.walk(spot.scope or ast.Module(body=[], type_ignores=[]))
        if isinstance(node, ast.Assign) and node.lineno <= spot.line
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == name
    ]


def nothing(found: re.Match, spot: Spot) -> str:
    """'NoneType' object is not …"""
    node = spot.node.func if isinstance(spot.node, ast.Call) and "callable" in found[0] else _node_of(spot)
    lacks = {
        "subscriptable": "has no entries",
        "item assignment": "has no entries to write to",
        "iterable": "has nothing to go through or unpack",
        "callable": "is no function",
        "len": "has no length",
    }
    what = next((words for key, words in lacks.items() if key in found[0]), "")
    if "attribute" in found[0]:
        what = f"has no {quoted(found['name'])}"
    known = node is not None and _may_be_none(spot, node)
    return (
        f"{quoted(node) if known else 'a value'} is None, which "
        f"{what}{_origin(spot, node if known else None)}"
    )


def none_argument(found: re.Match, spot: Spot) -> str | None:
    """float(None), np.tanh(None), or an array with a None among its entries."""
    node = next(iter(spot.operands()), None)
    if node is None:
        return None
    if spot.value(node) is None:
        return f"{quoted(node)} is None{_origin(spot, node)}"
    return f"{quoted(node)} is None, or has a None among its entries"


def operands(found: re.Match, spot: Spot) -> str:
    """unsupported operand type(s) for an operator."""
    names, nodes = found.groups()[1:], spot.operands()
    for i, name in enumerate(names):
        if name == "NoneType":
            node = nodes[i] if i < len(nodes) and _may_be_none(spot, nodes[i]) else None
            told = quoted(node) if node is not None else f"the {('left', 'right')[i]} operand"
            return f"{told} is None{_origin(spot, node)}"
    told = [quoted(node) for node in nodes] if len(nodes) == 2 else ["the left operand", "the right one"]
    kinds = [named_kind(name) for name in names]
    if "function" in " ".join(kinds):
        which = next(i for i, text in enumerate(kinds) if text == "a function")
        return f"{told[which]} is a function, not its value: are the brackets of the call missing?"
    text = f"{told[0]} is {kinds[0]} and {told[1]} is {kinds[1]}, and `{found[1]}` is not defined for them"
    for i, name in enumerate(names):
        if name in ("list", "tuple"):
            array = (
                quoted(call(ast.parse("np.array", mode="eval").body, nodes[i]))
                if len(nodes) == 2
                else "`np.array(…)`"
            )
            return f"{text}; {array} calculates entry by entry"
    return text


def list_arithmetic(found: re.Match, spot: Spot) -> str:
    nodes = spot.operands()
    if found[1] == "str":
        return (
            f"text and {named_kind(found[2])} are joined by `+`: `str(…)` makes text of a number, or an "
            "f-string does"
        )
    told = f"{quoted(nodes[0])} and {quoted(nodes[1])}" if len(nodes) == 2 else "these two"
    return (
        f"{told}: arithmetic on a list joins or repeats it; `np.array(…)` of the list calculates entry by "
        "entry"
    )


def not_iterable(found: re.Match, spot: Spot) -> str:
    name = found[1]
    node = spot.node.args[0] if isinstance(spot.node, ast.Call) and spot.node.args else _node_of(spot)
    loop = isinstance(spot.statement, ast.For) and spot.statement.iter is node
    if isinstance(spot.node, ast.Tuple | ast.List) and isinstance(spot.statement, ast.For):
        return (
            f"each entry of {quoted(spot.statement.iter)} is {named_kind(name)}, not a pair; `enumerate(…)` "
            "and `zip(…)` give pairs"
        )
    told = quoted(node) if node is not None else "a value"
    if isinstance(spot.node, ast.Tuple | ast.List):
        return f"{told} is {named_kind(name)}, which cannot be taken apart into {quoted(spot.node)}"
    text = (
        f"{told} is {named_kind(name)}, and "
        f"{'a loop goes through several values' if loop else 'several are wanted'}"
    )
    return text + (
        f"; did you mean {quoted(call(ast.Name('range'), node))}?" if loop and name == "int" else ""
    )


def not_subscriptable(found: re.Match, spot: Spot) -> str:
    node = _node_of(spot)
    told = quoted(node) if node is not None else "a value"
    if named_kind(found[1]) == "a function":
        return f"{told} is a function, which has no entries: call it with (…), not […]"
    if found[2]:
        return f"{told} is {named_kind(found[1])}, whose entries cannot be changed"
    return f"{told} is {named_kind(found[1])}, without entries"


def unhashable(found: re.Match, spot: Spot) -> str:
    return f"{named_kind(found[1])} cannot be a dict's key or a set's entry; a number, a text or a tuple can"


RULES = (
    (
        r"'NoneType' object (?:is not (?:subscriptable|iterable|callable)|does not support item assignment)"
        r"|cannot unpack non-iterable NoneType|'NoneType' has no len",
        on_the_line(nothing),
    ),
    (
        r"argument must be .*, not 'NoneType'|loop of ufunc does not support argument \d+ of type NoneType",
        on_the_line(none_argument),
    ),
    (r"'NoneType' object has no attribute '(?P<name>\w+)'", on_the_line(nothing)),
    (r"unsupported operand type\(s\) for (.+?): '([\w.]+)' and '([\w.]+)'", on_the_line(operands)),
    (r"can only concatenate (list|str|tuple) \(not \"(\w+)\"\)", on_the_line(list_arithmetic)),
    (r"(can't) multiply sequence by non-int of type", on_the_line(list_arithmetic)),
    (r"cannot unpack non-iterable (\w+) object", on_the_line(not_iterable)),
    (r"'([\w.]+)' object is not iterable", on_the_line(not_iterable)),
    (
        r"'([\w.]+)' object (?:is not subscriptable|does not support (item assignment))",
        on_the_line(not_subscriptable),
    ),
    (r"unhashable type: '([\w.]+)'", on_the_line(unhashable)),
)
