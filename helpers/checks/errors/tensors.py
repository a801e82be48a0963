"""What torch says of gradients, in-place operations, views and dtypes."""

from __future__ import annotations

import ast
import re

import numpy as np

from helpers.checks.errors.place import Spot
from helpers.checks.errors.rewrites import followed, sign
from helpers.checks.errors.values import UNKNOWN, is_array, is_tensor, kind, named_kind, quoted


def _subject(spot: Spot) -> ast.expr | None:
    """The tensor which is worked on: a method's, the target of an assignment, a function's first argument."""
    match spot.node:
        case ast.Call(func=ast.Attribute(value=owner)) if spot.is_method():
            return owner
        case ast.Call(args=[first, *_]):
            return first
        case ast.Subscript(value=owner):
            return owner
        case ast.AugAssign(target=target):
            return target
    return None


def _named(spot: Spot, otherwise: str) -> str:
    node = _subject(spot)
    return otherwise if node is None else quoted(node)


def leaf_in_place(found: re.Match, spot: Spot) -> str:
    name = _named(spot, "a parameter")
    text = (
        f"it changes {name} in place, and autograd follows {name}: put the line under `with torch.no_grad():`"
    )
    if isinstance(spot.node, ast.AugAssign) and isinstance(spot.node.target, ast.Name):
        target, value = spot.node.target.id, ast.unparse(spot.node.value)
        text += f", or make a new tensor: {quoted(f'{target} = {target} {sign(spot.node.op)} {value}')}"
    return text


def to_numpy(found: re.Match, spot: Spot) -> str:
    node = _subject(spot)
    detached = quoted(followed(node, ".detach()")) if node is not None else "`.detach()`"
    if isinstance(spot.node, ast.Call) and not spot.is_method() and spot.callee not in ("array", "asarray"):
        return (
            f"NumPy's {quoted(spot.node.func)} leaves no gradient, and {_named(spot, 'its argument')} is "
            "followed by "
            f"autograd: use {quoted(f'torch.{spot.callee}')} if torch has it, else {detached} first"
        )
    return f"{_named(spot, 'the tensor')} is followed by autograd: {detached} first, then `.numpy()`"


def no_gradient(found: re.Match, spot: Spot) -> str:
    return (
        f"{_named(spot, 'the result')} depends on no tensor with `requires_grad=True` (or was computed under "
        "`torch.no_grad()` or after `.detach()`): there is nothing to differentiate"
    )


def not_scalar(found: re.Match, spot: Spot) -> str:
    node = _subject(spot)
    total = quoted(followed(node, ".sum()")) if node is not None else "`.sum()`"
    return (
        f"backward() starts from one number, and {spot.told(node) if node is not None else 'this'} has "
        f"several: {total} first, or a mean"
    )


def backward_twice(found: re.Match, spot: Spot) -> str:
    return (
        "backward() goes through the same graph a second time: compute the loss anew before each backward(), "
        "or `.detach()` the state carried over from the step before"
    )


def changed_in_place(found: re.Match, spot: Spot) -> str:
    return (
        "a tensor that backward() still needs was changed in place (`+=`, `[...] =` or a method ending in "
        "`_`) "
        "after it was used: make a new one, `h = h + …`, or collect the parts in a list for torch.stack"
    )


def view(found: re.Match, spot: Spot) -> str:
    if isinstance(spot.node, ast.Call) and spot.callee == "view":
        function = ast.Attribute(value=spot.node.func.value, attr="reshape")
        other = quoted(ast.Call(func=function, args=spot.node.args, keywords=spot.node.keywords))
        return (
            f"{quoted(spot.node.func.value)} is transposed or cut, so `view` cannot show it in another "
            f"shape; use {other}"
        )
    return "a transposed or cut tensor cannot be shown in another shape by `view`; use `.reshape(…)`"


def dtypes(found: re.Match, spot: Spot) -> str:
    """Two tensors of different dtypes in one product."""
    values = [(node, spot.value(node)) for node in spot.operands()]
    known = [(node, str(value.dtype).removeprefix("torch.")) for node, value in values if is_tensor(value)]
    if len(known) == 2 and known[0][1] != known[1][1]:
        (left, a), (right, b) = known
        to = quoted(followed(right, f".to({ast.unparse(left)}.dtype)"))
        return f"{quoted(left)} is {a} and {quoted(right)} is {b}, and a product wants one dtype: {to}"
    names = " and ".join(name for name in found.groups() if name)
    return (
        f"the tensors have two dtypes, {names}, and one is wanted: `.float()`, `.double()` or `.to(x.dtype)`"
    )


def whole_numbers(found: re.Match, spot: Spot) -> str:
    place = {"cross_entropy": 1, "nll_loss": 1, "gather": -1, "embedding": 0, "one_hot": 0}.get(spot.callee)
    nodes = spot.operands()
    node = nodes[place] if place is not None and place < len(nodes) else nodes[0] if len(nodes) == 1 else None
    rule = "indices and class numbers are whole numbers in torch"
    if node is None:
        return f"{rule}: `.long()` makes them so"
    return f"{rule}, and {quoted(node)} holds floats: {quoted(followed(node, '.long()'))}"


def no_tensor(found: re.Match, spot: Spot) -> str:
    place = int(found[1]) - 1
    nodes = spot.operands()
    name = quoted(nodes[place]) if place < len(nodes) else "an argument"
    function = quoted(spot.node.func) if spot.callee else "the function"
    text = f"{function} wants a tensor, and {name} is {named_kind(found[2])}"
    if found[2].endswith("ndarray"):
        return f"{text}: `torch.from_numpy(…)` makes a tensor of it, or stay with NumPy" + (
            f", `np.{spot.callee}`" if hasattr(np, spot.callee) else ""
        )
    return f"{text}: `torch.tensor(…)` makes one"


def no_tensor_part(found: re.Match, spot: Spot) -> str:
    function = quoted(spot.node.func) if spot.callee else "the function"
    return (
        f"{function} joins tensors, and part {found[1]} is {named_kind(found[2])}: `torch.tensor(…)` makes "
        "one"
    )


def numpy_and_torch(found: re.Match, spot: Spot) -> str | None:
    values = [(node, spot.value(node)) for node in spot.operands()]
    told = " and ".join(f"{quoted(node)} is {kind(value)}" for node, value in values if is_array(value))
    if found[0].startswith("Concatenation") and not ("NumPy" in told and "torch" in told):
        return None
    return (
        f"{told or 'one is a NumPy array, the other a torch tensor'}: make both the same, "
        "`torch.from_numpy(…)` or `.numpy()`"
    )


def whole_target(found: re.Match, spot: Spot) -> str:
    """Floats added in place to an array of whole numbers."""
    node = _subject(spot)
    name = quoted(node) if node is not None else "the array"
    value = spot.value(node)
    dtype = (
        str(value.dtype).removeprefix("torch.")
        if value is not UNKNOWN and is_array(value)
        else "whole numbers"
    )
    return (
        f"{name} holds {dtype}, and an operation in place would write floats there: make it with a float "
        "dtype at the start"
    )


def id_too_large(found: re.Match, spot: Spot) -> str:
    return "an index is negative or not below the number of rows of the table (indices start at 0)"


def target_too_large(found: re.Match, spot: Spot) -> str:
    return (
        f"the class number {found[1]} is not below the number of classes, the scores' second axis (numbers "
        "start at 0)"
    )


RULES = (
    (r"a (?:view of a )?leaf Variable that requires grad", leaf_in_place),
    (r"Can't call numpy\(\) on Tensor that requires grad", to_numpy),
    (r"does not require grad and does not have a grad_fn", no_gradient),
    (r"grad can be implicitly created only for scalar outputs", not_scalar),
    (r"Trying to backward through the graph a second time", backward_twice),
    (r"modified by an inplace operation", changed_in_place),
    (r"view size is not compatible", view),
    (r"expected m1 and m2 to have the same dtype, but got: (.+?) != (.+)", dtypes),
    (r"mat1 and mat2 must have the same dtype, but got (\w+) and (\w+)", dtypes),
    (r"expected both vectors to have same dtype, but found (\w+) and (\w+)", dtypes),
    (r"expected scalar type (Float|Double|Half|BFloat16) but found (Float|Double|Half|BFloat16)", dtypes),
    (
        r"one of the following scalar types: Long|expected scalar type Long|expected target dtype to be Long"
        r"|index tensor of type LongTensor|Expected dtype int32/int64 for index|Expected dtype int64 for "
        r"index",
        whole_numbers,
    ),
    (r"argument '\w+' \(position (\d+)\) must be Tensor, not ([\w.]+)", no_tensor),
    (
        r"for .+: '(?:numpy\.ndarray' and 'Tensor|Tensor' and 'numpy\.ndarray)'"
        r"|Concatenation operation is not implemented for NumPy arrays",
        numpy_and_torch,
    ),
    (r"expected Tensor as element (\d+) in argument \d+, but got ([\w.]+)", no_tensor_part),
    (
        r"Cannot cast ufunc .* to dtype\('u?int|result type \w+ can't be cast to the desired output type",
        whole_target,
    ),
    (r"index out of range in self", id_too_large),
    (r"Target (-?\d+) is out of bounds", target_too_large),
)
