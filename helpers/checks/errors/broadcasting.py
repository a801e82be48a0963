"""Shapes that do not broadcast: in an operation, in place, in an assignment."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from types import ModuleType

from helpers.checks.errors.place import Spot
from helpers.checks.errors.products import batches, einsum, is_product
from helpers.checks.errors.rewrites import followed, shaped, sign, sizes, transposes
from helpers.checks.errors.values import Shape, broadcast_shape, is_tensor, quoted

_REDUCTIONS = {
    "sum", "mean", "max", "min", "std", "var", "prod", "amax", "amin", "norm", "logsumexp", "any", "all",
}
_ARRAY = r"[(\[]([\d, ]*)[)\]]"


def broadcast(found: re.Match, spot: Spot) -> str | None:
    """NumPy's "operands could not be broadcast together", which gives the shapes of all operands."""
    if found[1]:
        return einsum(found, spot) or _remapped(found, spot)
    shapes = [sizes(text) for text in re.findall(r"\([\d, ]*\)", found[2])]
    if isinstance(spot.node, ast.AugAssign):
        shapes = shapes[:2]   # the third is the output
    clash = _clash(shapes)
    return _broadcast(spot, shaped(spot, shapes), shapes, clash) if clash else None


def _remapped(found: re.Match, spot: Spot) -> str | None:
    shapes = [spot.shape(node) for node in spot.operands()]
    if is_product(spot) and len(shapes) == 2 and None not in shapes:
        return batches(spot, shapes[0][:-2], shapes[1][:-2])
    wanted = re.search(r"(\([\d, ]*\))\s+and requested shape (\([\d, ]*\))", found[2])
    if wanted is None:
        return None
    return f"an array of shape {sizes(wanted[1])} cannot be broadcast to {sizes(wanted[2])}"


def torch_broadcast(found: re.Match, spot: Spot) -> str:
    sizes_met = int(found[1]), int(found[2])
    operands = spot.operands()
    shapes = [spot.shape(node) for node in operands]
    if len(shapes) == 2 and is_product(spot):
        left, right = (
            size if shape is None else shape[:-2] for size, shape in zip(sizes_met, shapes, strict=True)
        )
        return batches(spot, left, right)
    known = None not in shapes
    if (known and set(_clash(shapes) or ()) != set(sizes_met)) or (not known and len(shapes) != 2):
        operands, shapes = [], []   # another pair of arrays, inside the function that was called
    return _broadcast(spot, list(zip(operands, shapes, strict=True)), shapes, sizes_met)


def _clash(shapes: Sequence[Shape]) -> tuple[int, int] | None:
    """The first two sizes, from the right, that are neither equal nor 1."""
    for back in range(1, max(map(len, shapes), default=0) + 1):
        met = [shape[-back] for shape in shapes if len(shape) >= back and shape[-back] != 1]
        other = next((size for size in met if size != met[0]), None)
        if other is not None:
            return met[0], other
    return None


def _broadcast(spot: Spot, pairs, shapes: Sequence[Shape], clash: tuple[int, int]) -> str:
    rule = f"sizes are matched from the right, and {clash[0]} meets {clash[1]}"
    if not pairs:
        return f"{' and '.join(map(str, shapes))}{': ' if shapes else ''}{rule}"
    between = "and"
    match spot.node:
        case ast.BinOp(op=operator) | ast.Compare(ops=[operator]):
            between = sign(operator)
        case ast.AugAssign(op=operator):
            between = f"{sign(operator)}="
    where = f" in {quoted(spot.node.func)}" if isinstance(spot.node, ast.Call) else ""
    head = f"{f' {between} '.join(spot.told(*pair) for pair in pairs)}{where}: {rule}"
    fitting = _fitting(spot, pairs)
    return head + (f"; {' or '.join(fitting)} would fit" if fitting else "")


def _fitting(spot: Spot, pairs) -> list[str]:
    """Up to two ways to write one of two operands so that the shapes fit, each with its new shape."""
    if len(pairs) != 2 or None in (pairs[0][1], pairs[1][1]):
        return []
    in_place = isinstance(spot.node, ast.AugAssign)
    either = [(pairs[1], pairs[0]), (pairs[0], pairs[1])]
    if not in_place:
        either.sort(key=lambda both: len(both[0][1]))   # the operand with fewer axes is changed
    for (node, shape), (_, other) in either[: 1 if in_place else 2]:
        found: dict[Shape, str] = {}
        for changed, text in _rewritten(spot, node, shape, len(other)):
            result = broadcast_shape(changed, other)
            if result is not None and (not in_place or result == other):
                found.setdefault(changed, f"{text} {changed}")
        if found:
            return list(found.values())[:2]
    return []


def _rewritten(spot: Spot, node: ast.expr, shape: Shape, axes: int):
    """The operand with an axis kept or put in, or transposed: (shape, code)."""
    yield from _kept(spot, node)
    if 0 < len(shape) < axes:
        for at in range(1, len(shape) + 1):
            for new in range(1, axes - len(shape) + 1):
                index = ", ".join([":"] * at + ["None"] * new)
                yield shape[:at] + (1,) * new + shape[at:], quoted(followed(node, f"[{index}]"))
    if len(shape) == 2:
        yield from ((turned, text) for text, turned in transposes(spot, node, shape))


def _kept(spot: Spot, node: ast.expr):
    """A sum, mean or maximum over one axis, with keepdims=True."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    method = not issubclass(type(spot.value(node.func.value)), ModuleType)
    arguments = [node.func.value, *node.args] if method else node.args
    if node.func.attr not in _REDUCTIONS or {"keepdims", "keepdim"} & keywords.keys() or not arguments:
        return
    shape = spot.shape(arguments[0])
    axis = spot.value(
        keywords.get("axis") or keywords.get("dim") or (arguments[1] if len(arguments) > 1 else None)
    )
    if shape and type(axis) is int and -len(shape) <= axis < len(shape):
        kept = list(shape)
        kept[axis] = 1
        word = "keepdim" if is_tensor(spot.value(arguments[0])) else "keepdims"
        keeping = ast.keyword(arg=word, value=ast.Constant(True))
        yield (
            tuple(kept),
            quoted(ast.Call(func=node.func, args=node.args, keywords=[*node.keywords, keeping])),
        )


# Writing into an array


def in_place(found: re.Match, spot: Spot) -> str:
    target, result = sizes(found[1]), sizes(found[2])
    if not isinstance(spot.node, ast.AugAssign):
        return (
            f"the result has shape {result} and is written into an array of shape {target}, where it has no "
            "room"
        )
    place, value, operator = spot.node.target, spot.node.value, sign(spot.node.op)
    shape = spot.shape(value)
    head = (
        f"{spot.told(place, target)} {operator}= {spot.told(value, shape)}: the result, {result}, "
        f"has no room in {quoted(place)}"
    )
    word = "dim" if is_tensor(spot.value(value)) else "axis"
    for axis in range(len(shape or ())):
        if shape[:axis] + shape[axis + 1 :] == target:
            total = quoted(followed(value, f".sum({word}={axis})"))
            return f"{head}; {total} {target} would fit"
    if isinstance(place, ast.Name):
        return (
            f"{head}; {quoted(f'{place.id} = {place.id} {operator} {ast.unparse(value)}')} makes a new array"
        )
    return head


def assigned(found: re.Match, spot: Spot) -> str | None:
    """An array written into a part of another; torch says the same of `expand` and of F.linear's bias."""
    into, value = sizes(found["into"]), sizes(found["value"])
    if not isinstance(spot.node, ast.Subscript) or not isinstance(spot.statement, ast.Assign | ast.AugAssign):
        return f"an array of shape {value} does not fit where {into} is wanted"
    right = spot.statement.value
    shape = spot.shape(right)
    written = spot.told(right, shape) if shape is not None else f"{quoted(right)} {value}"
    head = f"{quoted(spot.node)} has room for {into or 'one number'}, and {written} is written there"
    if len(value) == 2 and broadcast_shape(value[::-1], into) == into:
        return f"{head}; {next(transposes(spot, right, value))[0]} would fit"
    if len(value) == 2 and value[1] == 1 and value[:1] == into:
        return f"{head}; {quoted(followed(right, '[:, 0]'))} {into} would fit"
    return head


RULES = (
    (r"operands could not be broadcast together with (remapped )?shapes(.*)", broadcast),
    (
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension "
        r"(\d+)",
        torch_broadcast,
    ),
    (rf"output (?:operand )?with shape {_ARRAY} doesn't match the broadcast shape {_ARRAY}", in_place),
    (
        r"could not broadcast input array from shape \((?P<value>[\d, ]*)\) into shape \((?P<into>[\d, ]*)\)",
        assigned,
    ),
    (
        r"value array of shape \((?P<value>[\d, ]*)\) could not be broadcast to indexing result of shape "
        r"\((?P<into>[\d, ]*)\)",
        assigned,
    ),
    (
        r"expanded size of the tensor .*Target sizes: \[(?P<into>[\d, ]*)\]\.\s+Tensor sizes: "
        r"\[(?P<value>[\d, ]*)\]",
        assigned,
    ),
    (r"expand\(torch\.\w+\{\[(?P<value>[\d, ]*)\]\}, size=\[(?P<into>[\d, ]*)\]\)", assigned),
)
