"""What torch says of gradients, in-place operations, views and dtypes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import followed, kind, quoted
from helpers.checks.words import Message, told
from helpers.languages import translate


def _subject(spot: Spot) -> ast.expr | None:
    """The tensor which is worked on: a method's, the target of an assignment, a function's first argument."""
    match spot.node:
        case ast.Call(func=ast.Attribute(value=owner)) if spot.is_method():
            return owner
        case ast.Call(args=[node, *_]) | ast.Subscript(value=node) | ast.AugAssign(target=node):
            return node
    return None


_TENSOR, _RESULT = Message("the tensor"), Message("the result")


def says(message: Message, otherwise: Message = _TENSOR) -> Callable[[re.Match, Spot], str]:
    """A translator that says `message`, with the tensor which is worked on for {it}."""
    return lambda found, spot: told(message, **found.groupdict(), it=quoted(_subject(spot), told(otherwise)))


def dtypes(found: re.Match, spot: Spot) -> str:
    """Two tensors of different dtypes in one product."""
    nodes = [node for node in spot.operands() if spot.is_tensor(node)]
    if len(nodes) == 2:
        (left, right), (a, b) = nodes, (str(spot.value(node).dtype).removeprefix("torch.") for node in nodes)
        cast = followed(right, f".to({ast.unparse(left)}.dtype)")
        return translate(
            "{left} is {left_dtype} and {right} is {right_dtype}, and a product wants one dtype: {cast}",
            left=quoted(left), left_dtype=a, right=quoted(right), right_dtype=b, cast=cast,
        )  # fmt: skip
    return translate(
        "the tensors have two dtypes, and one is wanted: `.float()`, `.double()` or `.to(x.dtype)`"
    )


def no_tensor(found: re.Match, spot: Spot) -> str:
    """A NumPy array, a list or a number given to a function of torch."""
    nodes, place = spot.operands()[spot.is_method() :], int(found[1]) - 1   # a method's owner is not counted
    name = quoted(nodes[place] if place < len(nodes) else None, translate("an argument"))
    function = quoted(spot.node.func if spot.callee else None, translate("the function"))
    maker = "torch.from_numpy" if found[2].endswith("ndarray") else "torch.tensor"
    return translate("{function} wants a tensor, and {value} is {kind}: `{maker}(…)` makes one",
                     function=function, value=name, kind=kind(found[2]), maker=maker)  # fmt: skip


def parameters(found: re.Match, spot: Spot) -> str | None:
    """torch's clip_grad_norm_(model, …) and clip_grad_norm_(model.parameters, …)."""
    node = next(iter(spot.operands()), None)
    if not spot.callee.startswith("clip_grad") or node is None:
        return None
    if found[1] == "method":
        return translate("{value} is a function, not its value: are the brackets of the call missing?",
                         value=quoted(node))  # fmt: skip
    return translate("{function} takes the parameters first, `model.parameters()`, and {value} stands there",
                     function=quoted(spot.node.func), value=quoted(node))  # fmt: skip


_LEAF = Message(
    "it changes {it} in place, and autograd follows {it}: put the line under `with torch.no_grad():`, "
    "or make a new tensor"
)
_DETACH = Message(
    "{it} is followed by autograd: `.detach()` first, or use torch's function in place of NumPy's"
)
_NO_GRADIENT = Message(
    "{it} depends on no tensor with `requires_grad=True` (or was computed under `torch.no_grad()` "
    "or after `.detach()`): there is nothing to differentiate"
)
_NOT_SCALAR = Message(
    "backward() starts from one number, and {it} has several: take its `.sum()` or `.mean()` first"
)
_TWICE = Message(
    "backward() goes through the same graph a second time: compute the loss anew before each backward(), "
    "or `.detach()` the state carried over from the step before"
)
_CHANGED = Message(
    "a tensor that backward() still needs was changed in place (`+=`, `[...] =` or a method ending in `_`) "
    "after it was used: make a new one, `h = h + …`, or collect the parts in a list for torch.stack"
)
_VIEW = Message(
    "{it} is transposed or cut, so `view` cannot show it in another shape; use `.reshape(…)`"
)
_WHOLE = Message("indices and class numbers are whole numbers in torch: `.long()` makes them so")
_TARGET = Message(
    "{it} holds whole numbers, and the result has floats: make it with a float dtype at the start"
)
_PLACES = Message(
    "the classes are torch's axis 1, and one axis for all places is simplest: scores of shape (N·T, V), "
    "class numbers of shape (N·T,), by `reshape(-1, V)` and `reshape(-1)`"
)
_ROWS = Message("an index is negative, or not below the number of rows")
_CLASSES = Message("the class number {number} is negative, or not below the number of classes")

RULES = (
    (r"a (?:view of a )?leaf Variable that requires grad", says(_LEAF)),
    (r"Can't call numpy\(\) on Tensor that requires grad", says(_DETACH)),
    (r"does not require grad and does not have a grad_fn", says(_NO_GRADIENT, _RESULT)),
    (r"grad can be implicitly created only for scalar outputs", says(_NOT_SCALAR)),
    (r"Trying to backward through the graph a second time", _TWICE),
    (r"modified by an inplace operation", _CHANGED),
    (r"view size is not compatible", says(_VIEW)),
    (r"expected .* to have (?:the )?same dtype|mat1 and mat2 must have the same dtype", dtypes),
    (r"expected scalar type (?:Float|Double) but found (?:Float|Double)", dtypes),
    (r"scalar types?:? Long|target dtype to be Long|Expected dtype int(?:32/int)?64 for index", _WHOLE),
    (r"argument '\w+' \(position (\d+)\) must be Tensor, not (?!NoneType)([\w.]+)", no_tensor),
    (r"Cannot cast ufunc .* to dtype\('u?int|result type \w+ can't be cast to the desired", says(_TARGET)),
    (r"'(\w+)' object is not iterable", parameters),
    (r"index out of range in self", _ROWS),
    (r"Expected target size \[", _PLACES),
    (r"Target (?P<number>-?\d+) is out of bounds", says(_CLASSES)),
)
