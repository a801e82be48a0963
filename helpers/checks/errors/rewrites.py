"""Expressions of the learner's, written another way: transposed, indexed, called with other arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import Shape, is_tensor, quoted


def sizes(text: str) -> Shape:
    """The shape in a message: "(3,5)", "[3, 5]" or "3x5"."""
    return tuple(int(size) for size in re.findall(r"-?\d+", text))


def axes(number: int) -> str:
    """1 axis, 2 axes."""
    return f"{number} ax{'is' if number == 1 else 'es'}"


def call(function: ast.expr, *arguments: ast.expr) -> ast.Call:
    """function(*arguments)."""
    return ast.Call(func=function, args=list(arguments), keywords=[])


def followed(node: ast.expr, text: str) -> ast.expr:
    """The expression followed by an index, an attribute or a call of a method; brackets where needed."""
    whole = ast.parse(f"_{text}", mode="eval").body
    slot = whole.func if isinstance(whole, ast.Call) else whole
    slot.value = node
    return whole


def sign(operator: ast.AST) -> str:
    """The operator as it is written: "+" of ast.Add()."""
    a, b = ast.Name("a"), ast.Name("b")
    compares = isinstance(operator, ast.cmpop)
    node = ast.Compare(left=a, ops=[operator], comparators=[b]) if compares else ast.BinOp(a, operator, b)
    return ast.unparse(node)[1:-1].strip()


def transposes(spot: Spot, node: ast.expr, shape: Shape | None) -> Iterator[tuple[str, Shape]]:
    """The operand transposed, as code and its shape: `W.T`, or `k.swapaxes(-1, -2)` of more axes."""
    if not shape or len(shape) < 2:
        return
    if len(shape) > 2:
        method = ".transpose(-1, -2)" if is_tensor(spot.value(node)) else ".swapaxes(-1, -2)"
        yield quoted(followed(node, method)), (*shape[:-2], shape[-1], shape[-2])
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield quoted(node.value), shape[::-1]
    else:
        yield quoted(followed(node, ".T")), shape[::-1]


def shaped(spot: Spot, told: Sequence[Shape | None]) -> list[tuple[ast.expr, Shape | None]]:
    """The operands with their shapes, the message's or worked out; [] where the two contradict."""
    operands = spot.operands()
    if len(operands) != len(told):
        return []
    pairs = []
    for node, shape in zip(operands, told, strict=True):
        own = spot.shape(node)
        if None not in (own, shape) and own != shape:
            return []
        pairs.append((node, own if shape is None else shape))
    return pairs
