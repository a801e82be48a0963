"""Numbers outside a function's domain, floats where whole numbers are wanted, arrays where one number is."""

from __future__ import annotations

import ast
import re

from helpers.checks.errors.place import Spot
from helpers.checks.errors.rewrites import call
from helpers.checks.errors.values import is_array, is_scalar, quoted


def no_dtype(found: re.Match, spot: Spot) -> str | None:
    """np.zeros(3, 5): the second size read as a dtype."""
    if not isinstance(spot.node, ast.Call) or len(spot.node.args) < 2:
        return None
    if spot.callee in ("zeros", "ones", "empty"):
        one = call(spot.node.func, ast.Tuple(elts=list(spot.node.args)))
        return f"{quoted(spot.node.func)} takes the shape as one tuple: {quoted(one)}"
    return f"{quoted(spot.node.func)} takes its data as one list or tuple; its second argument is the dtype"


def whole_number(found: re.Match, spot: Spot) -> str:
    nodes = [node for node in spot.operands() if is_scalar(spot.value(node))]
    floats = [node for node in nodes if issubclass(type(spot.value(node)), float)]
    told = f"{quoted(floats[0])} is {spot.value(floats[0])}, a float" if floats else "it is a float"
    return f"a whole number is wanted, and {told}: `//` divides to a whole number, `int(…)` makes one"


def one_number(found: re.Match, spot: Spot) -> str:
    """math.tanh(x), float(x), x.item() of an array with several entries."""
    operand = next((node for node in spot.operands() if is_array(spot.value(node))), None)
    several = f"{spot.told(operand)} is an array" if operand is not None else "an array is given"
    match spot.node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="math"), attr=name)):
            return f"{quoted(spot.node.func)} takes one number, and {several}; `np.{name}` takes arrays"
        case ast.Call():
            return f"{quoted(spot.node.func)} makes one number, and {several} of several"
    return f"one number is wanted, and {several} of several"


def zero_division(found: re.Match, spot: Spot) -> str:
    nodes = spot.operands()
    if (
        isinstance(spot.node, ast.BinOp | ast.AugAssign)
        and not isinstance(spot.node.op, ast.Pow)
        and len(nodes) == 2
    ):
        return f"the divisor {quoted(nodes[1])} is 0 here"
    return "the divisor is 0 here"


def domain(found: re.Match, spot: Spot) -> str:
    node = next(iter(spot.operands()), None)
    value = spot.value(node)
    told = (
        f"{quoted(node)} is {value}"
        if node is not None and is_scalar(value)
        else "its argument is outside them"
    )
    if not isinstance(spot.node, ast.Call):
        return "a mathematical function is asked for a value it does not have"
    wants = {
        "log": "numbers above 0",
        "sqrt": "numbers from 0 up",
        "log2": "numbers above 0",
        "log10": "numbers above 0",
    }
    return (
        f"{quoted(spot.node.func)} is defined for {wants.get(spot.callee, 'some numbers only')}, and {told}"
    )


def too_large(found: re.Match, spot: Spot) -> str:
    node = next(iter(spot.operands()), None)
    told = quoted(spot.node) if node is not None else "the result"
    return f"{told} is larger than any float; a maximum taken off before an exponential keeps it small"


def empty(found: re.Match, spot: Spot) -> str:
    node = next(iter(spot.operands()), None)
    what = {"max": "maximum", "min": "minimum"}.get(found["python"], found["what"] or found["other"])
    told = (
        spot.told(node)
        if node is not None and (spot.shape(node) is None or 0 in spot.shape(node))
        else "the array"
    )
    return f"{told} has no entries, so there is no {what} of it"


def bitwise(found: re.Match, spot: Spot) -> str | None:
    """`^` for a power, or `&` between comparisons without brackets."""
    match spot.node:
        case ast.BinOp(left=left, op=ast.BitXor(), right=right):
            return f"`^` is no power in Python; that is {quoted(ast.BinOp(left, ast.Pow(), right))}"
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
            compares = [node for node in ast.walk(spot.statement) if isinstance(node, ast.Compare)]
            if any(spot.node in (node.left, *node.comparators) for node in compares):
                return (
                    f"{quoted(spot.node)} is worked out before the comparison beside it; put each comparison "
                    "in brackets"
                )
    return None


RULES = (
    (r"Cannot interpret '.*' as a data type|Field elements must be 2- or 3-tuples", no_dtype),
    (
        r"'float' object cannot be interpreted as an integer|expected a sequence of integers or a single "
        r"integer"
        r"|must be tuple of ints, not float",
        whole_number,
    ),
    (
        r"only (?:0-dimensional|length-1|size-1) arrays can be converted to Python scalars"
        r"|only one element tensors can be converted|can only convert an array of size 1"
        r"|Tensor with \d+ elements cannot be converted",
        one_number,
    ),
    (r"^ZeroDivisionError: ", zero_division),
    (r"math domain error|expected a (?:positive|nonnegative) input", domain),
    (r"math range error", too_large),
    (
        r"zero-size array to reduction operation (?P<what>\w+)|attempt to get (?P<other>\w+) of an empty "
        r"sequence"
        r"|(?P<python>max|min)\(\) (?:arg|iterable argument) is (?:an )?empty",
        empty,
    ),
    (r"ufunc '(?:bitwise_\w+|invert)' not supported", bitwise),
)
