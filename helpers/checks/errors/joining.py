"""Arrays that do not fit together: joined, made of lists, reshaped, asked for an axis they lack."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence

from helpers.checks.errors.place import Spot
from helpers.checks.errors.rewrites import call, sizes
from helpers.checks.errors.values import Shape, is_array, quoted


def ragged(found: re.Match, spot: Spot) -> str:
    """NumPy's "inhomogeneous shape": a list whose parts differ in length."""
    first = spot.operands()[:1]
    return (
        f"{_parts(spot, first)}parts of different lengths make no array; they need one common shape, or "
        "padding"
    )


def sequence_entry(found: re.Match, spot: Spot) -> str:
    right = getattr(spot.statement, "value", None)
    if isinstance(spot.node, ast.Subscript) and right is not None:
        return f"{quoted(spot.node)} is one number's place, and {spot.told(right)} is a sequence"
    return "a sequence of several numbers stands where one number belongs"


def joined(found: re.Match, spot: Spot) -> str:
    """np.concatenate, np.stack and their like, torch.cat and torch.stack."""
    words = _parts(spot, spot.operands()[:1])
    if "dimensions" in found[0] and "number" in found[0]:
        return f"{words}to be joined, all parts need the same number of axes; `a[None]` adds one in front"
    if "same shape" in found[0] or "stack expects" in found[0]:
        return f"{words}to be stacked, all parts need one shape"
    shapes = [shape for _, shape in _elements(spot, spot.operands()[:1])]
    axes = range(len(shapes[0])) if shapes and None not in shapes else ()
    fits = [axis for axis in axes if len({shape[:axis] + shape[axis + 1 :] for shape in shapes}) == 1]
    word = "dim" if spot.callee == "cat" else "axis"
    hint = (
        f"; with {quoted(f'{word}={fits[0]}')} they fit"
        if fits and spot.callee in ("cat", "concatenate")
        else ""
    )
    return f"{words}apart from the axis along which they are joined, all sizes must be equal{hint}"


def _elements(spot: Spot, nodes: Sequence[ast.expr]) -> list[tuple[str, Shape | None]]:
    """The parts of a list or tuple in the code, or of one that a name holds: (code, shape)."""
    if not nodes:
        return []
    if isinstance(nodes[0], ast.List | ast.Tuple):
        return [(quoted(part), spot.shape(part)) for part in nodes[0].elts]
    value = spot.value(nodes[0])
    if type(value) not in (list, tuple):
        return []
    return [
        (quoted(f"{ast.unparse(nodes[0])}[{i}]"), tuple(part.shape) if is_array(part) else None)
        for i, part in enumerate(value[:8])
    ]


def _parts(spot: Spot, nodes: Sequence[ast.expr]) -> str:
    """`a` (3, 5), `b` (4, 6): the first four parts, and those with a shape of their own."""
    parts = [f"{text} {shape}" for text, shape in _elements(spot, nodes) if shape is not None]
    return ", ".join(parts[:4]) + (": " if parts else "")


def one_list(found: re.Match, spot: Spot) -> str | None:
    """np.concatenate(a, b) and torch.cat(a, b), where one list is wanted."""
    arguments = getattr(spot.node, "args", [])
    if spot.callee not in ("concatenate", "cat", "stack", "vstack", "hstack", "block") or len(arguments) < 2:
        return None
    together = call(spot.node.func, ast.Tuple(elts=list(arguments)))
    return f"{quoted(spot.node.func)} takes the arrays as one tuple or list: {quoted(together)}"


def reshaped(found: re.Match, spot: Spot) -> str:
    size, wanted = int(found["size"]), sizes(found["shape"].replace("newaxis", "-1"))
    product = math.prod(entry for entry in wanted if entry >= 0)
    operand = spot.operands()[:1]
    what = (
        f"{spot.told(operand[0])} has" if operand and spot.shape(operand[0]) is not None else "the array has"
    )
    if -1 in wanted:
        return (
            f"{what} {size} entries, which {product} does not divide: shape {wanted} leaves no whole number "
            "for -1"
        )
    return f"{what} {size} entries, and shape {wanted} needs {product}"


def axis(found: re.Match, spot: Spot) -> str:
    number = int(found["axis"])
    count = int(found["count"]) if found["count"] else int(found["last"]) + 1
    operand = spot.operands()[:1]
    shape = spot.shape(operand[0]) if operand else None
    there = (
        "axis 0 only"
        if count == 1
        else f"axes 0 {'and' if count == 2 else 'to'} {count - 1} (or -1 for the last)"
    )
    if shape is None or len(shape) != count:
        return (
            f"axis {number} is asked for; possible here: {there if count else 'none, it is a single number'}"
        )
    return f"axis {number} is asked for, and {spot.told(operand[0])} has {there}"


RULES = (
    (r"inhomogeneous shape|expected sequence of length \d+ at dim \d+", ragged),
    (r"setting an array element with a sequence", sequence_entry),
    (
        r"all the input arrays must have same number of dimensions|Tensors must have same number of "
        r"dimensions",
        joined,
    ),
    (r"all the input array dimensions|Sizes of tensors must match except in dimension", joined),
    (r"all input arrays must have the same shape|stack expects each tensor to be equal size", joined),
    (
        r"only integer scalar arrays can be converted|must be tuple of Tensors, not Tensor|stack\(\) takes",
        one_list,
    ),
    (r"cannot reshape array of size (?P<size>\d+) into shape \((?P<shape>.*?)\)", reshaped),
    (r"shape '\[(?P<shape>[-\d, ]*)\]' is invalid for input of size (?P<size>\d+)", reshaped),
    (r"axis (?P<axis>-?\d+) is out of bounds for array of dimension (?P<count>\d+)(?P<last>)", axis),
    (r"expected to be in range of \[-?\d+, (?P<last>-?\d+)\], but got (?P<axis>-?\d+)(?P<count>)", axis),
)
