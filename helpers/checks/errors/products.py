"""Matrix products whose sizes do not fit: `@`, np.dot, torch.mm, F.linear, einsum."""

from __future__ import annotations

import ast
import re

from helpers.checks.errors.place import Spot
from helpers.checks.errors.rewrites import axes, call, followed, shaped, sizes, transposes
from helpers.checks.errors.values import Shape, inner_size, product_shape, quoted

_PRODUCTS = {"dot", "matmul", "mm", "bmm", "mv"}


def numpy_product(found: re.Match, spot: Spot) -> str:
    right, left = int(found[1]), int(found[2])
    return _product(spot, left, right)


def aligned_product(found: re.Match, spot: Spot) -> str | None:
    left, right = sizes(found[1]), sizes(found[2])
    if spot.callee == "inner":   # its message turns the second shape round
        return None
    return _product(spot, left[-1], inner_size(right), (left, right))


def torch_product(found: re.Match, spot: Spot) -> str:
    """mat1 and mat2, which `@`, F.linear and layers raise; both are folded to two axes."""
    left, right = (int(found[1]), int(found[2])), (int(found[3]), int(found[4]))
    operands = spot.operands()
    shapes = [spot.shape(node) for node in operands]
    if spot.callee == "linear" and len(operands) > 1 and None not in shapes[:2]:
        (x, weight), (given, wanted) = operands[:2], shapes[:2]
        fits = len(wanted) == 2 and wanted[0] == given[-1]
        return (
            f"{spot.told(x)} and the weight {spot.told(weight)}: F.linear multiplies by the transposed "
            "weight, "
            f"which therefore has shape (outputs, {given[-1]})"
        ) + (f"; did you mean {quoted(followed(weight, '.T'))}?" if fits else "")
    if len(operands) == 1 and shapes[0] and shapes[0][-1] == left[1] != right[0]:
        return (
            f"{spot.told(operands[0])} has {left[1]} entries on its last axis, and the layer "
            f"{quoted(spot.node.func)} takes {right[0]}"
        )
    return _product(spot, left[1], right[0], fallback=(left, right))


def batch_product(found: re.Match, spot: Spot) -> str:
    wanted, got = sizes(found[1]), sizes(found[2])
    if wanted[0] != got[0]:
        return batches(spot, wanted[:1], got[:1])
    return _product(spot, wanted[1], got[1])


def vectors(found: re.Match, spot: Spot) -> str:
    return _product(spot, int(found[1]), int(found[2]), fallback=((int(found[1]),), (int(found[2]),)))


def matrix_vector(found: re.Match, spot: Spot) -> str:
    matrix, vector = (int(found[1]), int(found[2])), (int(found[3]),)
    return _product(spot, matrix[1], vector[0], fallback=(matrix, vector))


def batches(spot: Spot, left: Shape, right: Shape) -> str:
    operands = spot.operands()
    told = " and ".join(map(spot.told, operands)) if len(operands) == 2 else "the two operands"
    return f"{told}: the axes before the last two, {left} and {right}, have to agree"


def _product(
    spot: Spot,
    left_size: int,
    right_size: int,
    told: tuple[Shape | None, Shape | None] = (None, None),
    fallback: tuple[Shape, Shape] | None = None,
) -> str:
    """The sentence about left @ right, whose inner sizes differ: `told` are the shapes of the message where
    they are sure to be the operands', `fallback` those to show where the operands are not found."""
    differ = f"the inner sizes {left_size} and {right_size} differ"
    pair = shaped(spot, told) if is_product(spot) else []
    known = [shape for _, shape in pair]
    ends = [(known[0] or (left_size,))[-1], inner_size(known[1] or (right_size,))] if pair else []
    if ends != [left_size, right_size]:
        shapes = told if None not in told else fallback
        if shapes:
            return f"a product of {shapes[0]} and {shapes[1]}: {differ}"
        return (
            f"a matrix product: {differ} (the last axis of the left operand must be as long as the axis it "
            "meets)"
        )
    (left, a), (right, b) = pair
    between = "@" if isinstance(spot.node, ast.BinOp | ast.AugAssign) else "and"
    where = "" if between == "@" else f" in {quoted(spot.node.func)}"
    head = f"{spot.told(left, a)} {between} {spot.told(right, b)}{where}: {differ}"
    if isinstance(spot.node, ast.AugAssign):
        return head
    turned = [text for text, shape in transposes(spot, right, b) if _fit(a or (left_size,), shape)]
    turned += [text for text, shape in transposes(spot, left, a) if _fit(shape, b or (right_size,))]
    swapped = _swapped(spot, left, right) if a and b and _fit(b, a) else ""
    hints = [f"did you mean {' or '.join(turned)}?"] if turned else []
    hints += [f"{swapped} would fit{' too' if turned else ''}"] if swapped else []
    return "; ".join([head, *hints[:1]]) + ("" if len(hints) < 2 else f" {hints[1]}")


def _fit(left: Shape, right: Shape) -> bool:
    return product_shape(left, right) is not None


def is_product(spot: Spot) -> bool:
    """Whether what failed is `@` or a function that multiplies two matrices."""
    if isinstance(spot.node, ast.BinOp | ast.AugAssign):
        return isinstance(spot.node.op, ast.MatMult)
    return spot.callee in _PRODUCTS


def _swapped(spot: Spot, left: ast.expr, right: ast.expr) -> str:
    match spot.node:
        case ast.BinOp():
            return quoted(ast.BinOp(left=right, op=ast.MatMult(), right=left))
        case ast.Call(func=ast.Attribute(attr=name)) if spot.is_method():
            return quoted(call(ast.Attribute(value=right, attr=name), left))
        case ast.Call(func=function) if spot.callee != "mv":
            return quoted(call(function, right, left))
    return ""


def too_few_axes(found: re.Match, spot: Spot) -> str | None:
    operands = spot.operands()
    if not is_product(spot) or len(operands) != 2:
        return None
    node = operands[int(found[1])]
    if spot.value(node) is None:
        return f"{quoted(node)} is None here"
    return f"{quoted(node)} is a single number, and a matrix product wants arrays: `*` multiplies by a number"


def einsum(found: re.Match, spot: Spot) -> str | None:
    """Find the letter with two sizes, or the operand with another number of axes than letters."""
    if spot.callee != "einsum" or not spot.node.args:
        return None
    formula = spot.value(spot.node.args[0])
    if type(formula) is not str or "." in formula:
        return None
    operands = spot.operands()
    letters_of = formula.replace(" ", "").partition("->")[0].split(",")
    if len(letters_of) != len(operands):
        return f"{quoted(formula)} names {len(letters_of)} operands; it got {len(operands)}"
    told = [sizes(text) for text in re.findall(r"\(([\d, ]*)\)->", found.string)]   # NumPy's message
    shapes = told if len(told) == len(operands) else [spot.shape(node) for node in operands]
    seen: dict[str, tuple[int, ast.expr, Shape]] = {}
    for letters, node, shape in zip(letters_of, operands, shapes, strict=True):
        if shape is None:
            continue
        if len(shape) != len(letters):
            return f"{spot.told(node, shape)} has {axes(len(shape))}, and `{letters}` names {len(letters)}"
        for letter, size in zip(letters, shape, strict=True):
            known, other, others = seen.setdefault(letter, (size, node, shape))
            if known != size:
                return (
                    f"the letter `{letter}` is {known} in {spot.told(other, others)} and {size} in "
                    f"{spot.told(node, shape)}"
                )
    return None


RULES = (
    (r"matmul: Input operand 1 has a mismatch .*\(size (\d+) is different from (\d+)\)", numpy_product),
    (r"shapes (\([\d, ]*\)) and (\([\d, ]*\)) not aligned", aligned_product),
    (r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", torch_product),
    (r"first two dimensions of batch2 tensor to be: (\[[\d, ]*\]) but got: (\[[\d, ]*\])", batch_product),
    (r"inconsistent tensor size, expected tensor \[(\d+)\] and src \[(\d+)\]", vectors),
    (r"size mismatch, got (?:input|bias) \(\d+\), mat \((\d+)x(\d+)\), vec \((\d+)\)", matrix_vector),
    (r"matmul: Input operand (\d) does not have enough dimensions", too_few_axes),
    (r"einsum|einstein sum", einsum),
)
