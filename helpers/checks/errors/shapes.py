"""Shapes that do not fit: in matrix products, in broadcasting, in place and in assignments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import (
    Shape,
    broadcast_shape,
    followed,
    meant,
    product_shape,
    quoted,
    sizes,
)
from helpers.checks.words import either, every
from helpers.languages import translate

_PRODUCTS = ("dot", "matmul", "mm", "bmm", "mv")
_REDUCTIONS = ("sum", "mean", "max", "min", "std", "var")


def _is_product(spot: Spot) -> bool:
    """Whether what failed is `@` or a function that multiplies two matrices."""
    if isinstance(spot.node, ast.BinOp):
        return isinstance(spot.node.op, ast.MatMult)
    return spot.callee in _PRODUCTS


def product(found: re.Match, spot: Spot) -> str | None:
    """left @ right, whose inner sizes the message gives; the operands are named if these sizes are theirs."""
    left_size, right_size = int(found["left"]), int(found["right"])
    if left_size == right_size:   # torch.bmm, whose batches differ
        return None
    operands = spot.operands()
    shapes = [spot.shape(node) for node in operands]
    if len(operands) == 1 and shapes[0] and shapes[0][-1] == left_size:
        return translate(
            "{array} has {size} entries on its last axis, and the layer {layer} takes {wanted}",
            array=spot.told(operands[0]), size=left_size, layer=quoted(spot.node.func), wanted=right_size,
        )  # fmt: skip
    inner = {"left_size": left_size, "right_size": right_size}
    unnamed = translate("a matrix product: the inner sizes {left_size} and {right_size} differ", **inner)
    if len(operands) != 2 or not _is_product(spot):
        return unnamed
    (left, right), (a, b) = operands, (shapes[0] or (left_size,), shapes[1] or (right_size,))
    if (a[-1], b[-2:][0]) != (left_size, right_size):   # a product inside the function that was called
        return unnamed
    options = _turned(spot, operands, (a, b))
    square = any(len(each) > 1 and each[-1] == each[-2] for each in (a, b))   # then it fits by chance
    if None not in shapes and product_shape(b, a) is not None and not square:
        options.append(quoted(ast.BinOp(left=right, op=ast.MatMult(), right=left)))
    reason = translate("{left} @ {right}: the inner sizes {left_size} and {right_size} differ",
                       left=spot.told(left), right=spot.told(right), **inner)  # fmt: skip
    return meant(reason, either(options[:2])) if options else reason


def _transposed(spot: Spot, node: ast.expr) -> Iterator[tuple[str, Shape]]:
    """The operand transposed, as code and its shape: `W.T`, or `k.swapaxes(-1, -2)` of more axes, also in
    place of a `k.T`, which turns them all round."""
    back = isinstance(node, ast.Attribute) and node.attr == "T"
    if back and len(spot.shape(node.value) or ()) > 2:
        node = node.value
    shape = spot.shape(node)
    if not shape or len(shape) < 2:
        return
    if len(shape) > 2:
        text = followed(node, f".{'transpose' if spot.is_tensor(node) else 'swapaxes'}(-1, -2)")
    else:
        text = quoted(node.value) if back else followed(node, ".T")
    yield text, (*shape[:-2], shape[-1], shape[-2])


def batches(found: re.Match, spot: Spot) -> str | None:
    """Products of more axes: what stands before the last two is broadcast."""
    if not _is_product(spot):
        return None
    operands = spot.operands()
    factors = " @ ".join(map(spot.told, operands))
    reason = translate("{product}: the axes before the last two have to agree", product=factors)
    shapes = [spot.shape(node) or () for node in operands]
    options = _turned(spot, operands, shapes) if len(operands) == 2 else []
    return meant(reason, either(options)) if options else reason


def _turned(spot: Spot, operands: Sequence[ast.expr], shapes: Sequence[Shape]) -> list[str]:
    """Up to two ways to transpose one of two operands so that their product fits."""
    (left, right), (a, b) = operands, shapes
    options = [text for text, turned in _transposed(spot, right) if product_shape(a, turned) is not None]
    options += [text for text, turned in _transposed(spot, left) if product_shape(turned, b) is not None]
    return options[:2]


def one_letter(found: re.Match, spot: Spot) -> str | None:
    """np.einsum with a letter for two sizes."""
    if spot.callee != "einsum":
        return None
    arrays = every(map(spot.told, spot.operands()[1:]))
    return translate("a letter of the pattern stands for axes of different sizes: {arrays}", arrays=arrays)


def too_few_axes(found: re.Match, spot: Spot) -> str:
    if not _is_product(spot):
        return translate("inside it, a matrix product gets a single number, and it wants arrays")
    node = spot.operands()[int(found[1])]
    if spot.value(node) is None:
        return translate("{value} is None here, and a matrix product wants arrays", value=quoted(node))
    return translate("{value} is a single number here, and a matrix product wants arrays", value=quoted(node))


def broadcast(found: re.Match, spot: Spot) -> str | None:
    """NumPy's message gives the shapes of the operands, torch's the two sizes that clash."""
    told = [sizes(text) for text in re.findall(r"\([\d, ]*\)", found["shapes"] or "")]
    told = told[:2] if isinstance(spot.node, ast.AugAssign) else told   # the third is the output
    clash = (int(found["a"]), int(found["b"])) if found["a"] else _clash(told)
    rule = translate("sizes are matched from the right, and {one} meets {other}",
                     one=clash[0], other=clash[1])  # fmt: skip
    nodes = spot.operands()
    own = [spot.shape(node) for node in nodes]
    shapes = told or own
    theirs = len(nodes) == len(shapes) and all(a in (None, b) for a, b in zip(own, shapes, strict=True))
    if not theirs or (None not in shapes and set(_clash(shapes)) != set(clash)):
        return translate("{shapes}: {rule}", shapes=every(map(str, told)), rule=rule) if told else rule
    pairs = list(zip(nodes, shapes, strict=True))
    both = every(f"{quoted(node)} {shape or ''}".rstrip() for node, shape in pairs)
    reason = translate("{shapes}: {rule}", shapes=both, rule=rule)
    known = len(pairs) == 2 and None not in shapes
    fitting = _fitting(spot, pairs) if known and isinstance(spot.node, ast.expr) else []
    return _would_fit(reason, fitting) if fitting else reason


def _would_fit(reason: str, options: Sequence[str]) -> str:
    return translate("{reason}; {options} would fit", reason=reason, options=either(options))


def _clash(shapes: Sequence[Shape]) -> tuple[int, ...]:
    """The first two sizes, from the right, that are neither equal nor 1."""
    for column in zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1):
        met = list(dict.fromkeys(size for size in column if size != 1))
        if len(met) > 1:
            return tuple(met[:2])
    return ()


def _fitting(spot: Spot, pairs: Sequence[tuple[ast.expr, Shape]]) -> list[str]:
    """Up to two ways to write one of two operands so that the shapes fit, each with its new shape."""
    for (node, shape), (_, other) in sorted([pairs[::-1], pairs], key=lambda both: len(both[0][1])):
        found: dict[Shape, str] = {}
        for text, changed in _rewritten(spot, node, shape, len(other)):
            if broadcast_shape(changed, other) is not None:
                found.setdefault(changed, f"{text} {changed}")
        if found:
            return list(found.values())[:2]
    return []


def _rewritten(spot: Spot, node: ast.expr, shape: Shape, axes: int) -> Iterator[tuple[str, Shape]]:
    """The operand with an axis kept or put in, or transposed: code and shape."""
    yield from _kept(spot, node)
    for new in range(1, axes - len(shape) + 1 if shape else 0):
        index = ", ".join([":"] * len(shape) + ["None"] * new)
        yield followed(node, f"[{index}]"), shape + (1,) * new
    if len(shape) == 2:
        yield from _transposed(spot, node)


def _kept(spot: Spot, node: ast.expr) -> Iterator[tuple[str, Shape]]:
    """A sum, mean or maximum over one axis, with keepdims=True."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=arguments) if name in _REDUCTIONS:
            function = getattr(owner, "id", "") in ("np", "torch")
        case _:
            return
    array, *rest = arguments if function else [owner, *arguments]
    axes = rest + [keyword.value for keyword in node.keywords if keyword.arg in ("axis", "dim")]
    shape, axis = spot.shape(array), spot.value(axes[0] if axes else None)
    if shape and type(axis) is int and -len(shape) <= axis < len(shape):
        word = "keepdim" if spot.is_tensor(array) else "keepdims"
        kept = tuple(1 if i == axis % len(shape) else size for i, size in enumerate(shape))
        yield quoted(f"{ast.unparse(node)[:-1]}, {word}=True)"), kept


def in_place(found: re.Match, spot: Spot) -> str | None:
    """An operation such as `+=` whose result is larger than its target."""
    target, result = sizes(found["into"]), sizes(found["value"])
    if not isinstance(spot.node, ast.AugAssign):
        return None
    place, value = spot.node.target, spot.node.value
    shape = spot.shape(value) or ()
    reason = translate("the result {result} has no room in {place} {shape}",
                       result=result, place=quoted(place), shape=target)  # fmt: skip
    word = "dim" if spot.is_tensor(value) else "axis"
    for axis in range(len(shape)):
        if shape[:axis] + shape[axis + 1 :] == target:
            return _would_fit(reason, [f"{followed(value, f'.sum({word}={axis})')} {target}"])
    return reason


def assigned(found: re.Match, spot: Spot) -> str:
    """An array written into a part of another; torch says the same of `expand`."""
    into, value = sizes(found["into"]), sizes(found["value"])
    if not isinstance(spot.node, ast.Subscript) or not isinstance(spot.statement, ast.Assign):
        return translate("an array of shape {shape} does not fit where {wanted} is wanted",
                         shape=value, wanted=into)  # fmt: skip
    written = f"{quoted(spot.statement.value)} {value}"
    return translate("{place} has room for {room}, and {written} is written there", written=written,
                     place=quoted(spot.node), room=into or translate("one number"))  # fmt: skip


_VALUE, _INTO = r"[(\[](?P<value>[\d, ]*)[)\]]", r"[(\[](?P<into>[\d, ]*)[)\]]"
RULES = (
    (r"matmul: .* mismatch .*\(size (?P<right>\d+) is different from (?P<left>\d+)\)", product),
    (r"shapes .* not aligned: (?P<left>\d+) \(dim \d\) != (?P<right>\d+) \(dim \d\)", product),
    (r"mat1 and mat2 shapes cannot be multiplied \(\d+x(?P<left>\d+) and (?P<right>\d+)x", product),
    (r"batch2 tensor to be: \[\d+, (?P<left>\d+)\] but got: \[\d+, (?P<right>\d+)\]", product),
    (r"size mismatch, got input \(\d+\), mat \(\d+x(?P<left>\d+)\), vec \((?P<right>\d+)\)", product),
    (r"remapped shapes", one_letter),
    (r"remapped shapes|size of tensor a", batches),
    (r"matmul: Input operand (\d) does not have enough dimensions", too_few_axes),
    (
        r"operands could not be broadcast together with shapes(?P<shapes>.*)"
        r"|size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\)",
        broadcast,
    ),
    (rf"output (?:operand )?with shape {_INTO} doesn't match the broadcast shape {_VALUE}", in_place),
    (rf"could not broadcast input array from shape {_VALUE} into shape {_INTO}", assigned),
    (rf"value array of shape {_VALUE} could not be broadcast to indexing result of shape {_INTO}", assigned),
    (rf"expanded size of the tensor .*Target sizes: {_INTO}\.\s+Tensor sizes: {_VALUE}", assigned),
    (rf"expand\(torch\.\w+\{{{_VALUE}\}}, size={_INTO}\)", assigned),
)
