"""Arrays and lists: joined, reshaped, indexed; keys that are not there; arrays that are read-only."""

from __future__ import annotations

import ast
import difflib
import math
import re
from typing import Any

from helpers.checks.errors.place import Spot
from helpers.checks.errors.values import (
    UNKNOWN,
    called,
    followed,
    is_array,
    is_scalar,
    kind,
    meant,
    quoted,
    sizes,
)
from helpers.checks.words import Message, every
from helpers.languages import translate

_JOINING = ("concatenate", "cat", "stack", "vstack", "hstack")
_MAKING = ("zeros", "ones", "empty")


def _of_parts(spot: Spot, reason: str) -> str:
    """The reason, after the first arrays of a list, written out or held by a name: `hs[0]` (3, 5), …"""
    node = next(iter(spot.operands()), None)
    held = spot.value(node)
    if isinstance(node, ast.List | ast.Tuple):
        nodes = node.elts
    else:
        count = len(held) if type(held) in (list, tuple) else 0
        nodes = [ast.Subscript(node, ast.Constant(i)) for i in range(count)]
    told = [spot.told(part) for part in nodes if spot.shape(part)]
    return translate("{parts}: {reason}", parts=", ".join(told[:4]), reason=reason) if told else reason


def ragged(found: re.Match, spot: Spot) -> str:
    """NumPy's "inhomogeneous shape": a list whose parts differ in length."""
    return _of_parts(
        spot, translate("parts of different lengths make no array; they need one shape, or padding")
    )


def joined(found: re.Match, spot: Spot) -> str:
    """np.concatenate, np.stack and their like, torch.cat and torch.stack."""
    if "number" in found[0]:
        reason = translate("to be joined, all parts need the same number of axes; `a[None]` adds one")
    elif "stack" in found[0] or "same shape" in found[0]:
        reason = translate("to be stacked, all parts need one shape")
    else:
        reason = translate("apart from the axis along which they are joined, all sizes must be equal")
    return _of_parts(spot, reason)


def one_tuple(found: re.Match, spot: Spot) -> str | None:
    """np.concatenate(a, b), torch.cat(a, b) and np.zeros(3, 5), which want one list or tuple."""
    if spot.callee not in (*_JOINING, *_MAKING) or len(spot.node.args) < 2:
        return None
    together = quoted(ast.Call(spot.node.func, [ast.Tuple(elts=spot.node.args)], spot.node.keywords))
    values = {"function": quoted(spot.node.func), "together": together}
    if spot.callee in _MAKING:
        return translate("{function} takes the shape as one tuple or list: {together}", **values)
    return translate("{function} takes the arrays as one tuple or list: {together}", **values)


def sequence_entry(found: re.Match, spot: Spot) -> str:
    if isinstance(spot.node, ast.Subscript) and isinstance(spot.statement, ast.Assign):
        return translate("{place} is one number's place, and {value} is a sequence",
                         place=quoted(spot.node), value=spot.told(spot.statement.value))  # fmt: skip
    return translate("a sequence of several numbers stands where one number belongs")


def reshaped(found: re.Match, spot: Spot) -> str:
    size, wanted = int(found["size"]), sizes(found["shape"].replace("newaxis", "-1"))
    product = math.prod(entry for entry in wanted if entry >= 0)
    array = spot.told(next(iter(spot.operands()), None))
    values = {"array": array, "size": size, "product": product, "shape": wanted}
    if -1 in wanted:
        return translate(
            "{array} has {size} entries, which {product} does not divide: shape {shape} leaves no whole "
            "number for -1", **values,
        )  # fmt: skip
    return translate("{array} has {size} entries, and shape {shape} needs {product}", **values)


def axis(found: re.Match, spot: Spot) -> str:
    count = int(found["count"]) if found["count"] else int(found["last"]) + 1
    node = next(iter(spot.operands()), None)
    told = spot.told(node if len(spot.shape(node) or ()) == count else None)
    values = {"axis": found["axis"], "array": told}
    if count == 0:
        return translate("axis {axis} is asked for, and {array} has no axis", **values)
    if count == 1:
        return translate("axis {axis} is asked for, and {array} has axis 0 only", **values)
    if count == 2:
        return translate("axis {axis} is asked for, and {array} has axes 0 and 1", **values)
    return translate("axis {axis} is asked for, and {array} has axes 0 to {last}", last=count - 1, **values)


# Indices and keys


def _owner(spot: Spot) -> ast.expr | None:
    """What is indexed, where the failed expression is an index."""
    return spot.node.value if isinstance(spot.node, ast.Subscript) else None


def _indices(spot: Spot) -> list[ast.expr]:
    index = spot.node.slice if isinstance(spot.node, ast.Subscript) else None
    return index.elts if isinstance(index, ast.Tuple) else [index] if index else []


def out_of_bounds(found: re.Match, spot: Spot) -> str:
    axis, size = int(found[2]), int(found[3])
    shape = spot.shape(_owner(spot)) or ()
    array = spot.told(_owner(spot) if shape[axis : axis + 1] == (size,) else None)
    return translate("index {index} is out of bounds: axis {axis} of {array} has size {size}",
                     index=found[1], axis=axis, array=array, size=size)  # fmt: skip


def too_many_indices(found: re.Match, spot: Spot) -> str:
    array = spot.told(_owner(spot))
    return translate("{count} indices are given, and {array} has fewer axes", count=found[1], array=array)


def past_the_end(found: re.Match, spot: Spot) -> str | None:
    """IndexError of a list, a tuple or a string."""
    owner, held = _owner(spot), spot.value(_owner(spot))
    number = spot.value(_indices(spot)[0])
    if type(held) not in (list, tuple, str) or type(number) is not int:
        return None
    values = {"index": number, "owner": quoted(owner), "type": found[1], "length": len(held)}
    if found[2] and type(held) is list:
        return translate(
            "index {index} of {owner}, a {type} of length {length}: indices start at 0; "
            "`{name}.append(…)` adds one", name=ast.unparse(owner), **values,
        )  # fmt: skip
    return translate("index {index} of {owner}, a {type} of length {length}: indices start at 0", **values)


def missing_key(found: re.Match, spot: Spot) -> str | None:
    """KeyError: the keys there are, and the nearest."""
    called = isinstance(spot.node, ast.Call) and isinstance(spot.node.func, ast.Attribute)
    owner = spot.node.func.value if called else _owner(spot)   # params.pop("b")
    held, key = spot.value(owner), spot.error.args[0]
    if type(key) not in (str, int, float) or not issubclass(type(held), dict):
        return None
    keys = [known for known in dict.keys(held) if type(known) in (str, int, float)]
    told = ", ".join(map(repr, keys[:8])) + (", …" if len(keys) > 8 else "")
    by_small = {str(known).lower(): known for known in keys}
    near = difflib.get_close_matches(str(key).lower(), by_small, n=1, cutoff=0.5)
    reason = translate("{owner} has no key {key}; its keys are {keys}",
                       owner=quoted(owner), key=repr(key), keys=told or translate("none"))  # fmt: skip
    return meant(reason, repr(by_small[near[0]])) if near else reason


def not_a_number(found: re.Match, spot: Spot) -> str | None:
    """An array of several numbers where one whole number is wanted: as a list's index, or in range."""
    owner = _owner(spot)
    if owner is not None:
        held = "tuple" if type(spot.value(owner)) is tuple else "list"
        array = quoted(f"np.array({ast.unparse(owner)})[{ast.unparse(spot.node.slice)}]")
        return translate("{owner} is {kind}, which an array cannot index; an array can be: {array}",
                         owner=quoted(owner), kind=kind(held), array=array)  # fmt: skip
    node = next((node for node in spot.operands() if _has_length(spot.value(node))), None)
    if node is None:
        return None
    reason = translate("{array} stands where one whole number is wanted", array=spot.told(node))
    return meant(reason, called("len", node))


def _has_length(value: Any) -> bool:
    return is_array(value) or type(value) in (list, tuple, dict, str)


def no_axis(found: re.Match, spot: Spot) -> str | None:
    """np.min(1, x), whose second argument is an axis."""
    if spot.callee not in ("min", "max") or len(spot.node.args) != 2:
        return None
    two = quoted(ast.Call(ast.Name(f"np.{spot.callee}imum"), spot.node.args, []))
    return translate("{function} takes its second argument for an axis; of two numbers it is {two}",
                     function=quoted(spot.node.func), two=two)  # fmt: skip


def wrong_index(found: re.Match, spot: Spot) -> str | None:
    """A float as an index, an array of floats, or what is no number at all; two indices of a list."""
    ends = [end for node in _indices(spot) if isinstance(node, ast.Slice)
            for end in (node.lower, node.upper, node.step) if end]  # fmt: skip
    for node, value in ((node, spot.value(node)) for node in [*_indices(spot), *ends]):
        if is_scalar(value) and issubclass(type(value), float):
            return translate(
                "the index {index} is {value}, a float; indices are whole numbers: `//` makes one",
                index=quoted(node), value=value,
            )  # fmt: skip
        if is_array(value) and "float" in str(value.dtype):
            cast = followed(node, ".long()" if spot.is_tensor(node) else ".astype(int)")
            return translate("{index} holds floats, and indices are whole numbers; {cast} makes them so",
                             index=quoted(node), cast=cast)  # fmt: skip
    return _no_place(spot)


def _no_place(spot: Spot) -> str | None:
    owner, indices = _owner(spot), _indices(spot)
    values = {"owner": quoted(owner), "kind": kind(type(spot.value(owner)).__name__)}
    if len(indices) > 1 and type(spot.value(owner)) in (list, tuple):
        each = "".join(f"[{ast.unparse(node)}]" for node in indices)
        return translate("{owner} is {kind}, which takes one index at a time: {entry}",
                         entry=followed(owner, each), **values)  # fmt: skip
    for node in indices if spot.value(owner) is not UNKNOWN else ():
        other = type(spot.value(node))
        if other in (str, tuple, list, dict):
            return translate("{owner} is {kind}, and {index} is {other}, no place in it",
                             index=quoted(node), other=kind(other.__name__), **values)  # fmt: skip
    return None


def side_by_side(found: re.Match, spot: Spot) -> str:
    """Index arrays whose shapes do not fit."""
    return translate(
        "index arrays beside each other choose one entry for every place in them, so their shapes must fit "
        "as in arithmetic, and {shapes} do not: `[:, None]` puts an axis in, `reshape(-1)` makes one axis",
        shapes=every(re.findall(r"\(.*?\)", found[0])),
    )  # fmt: skip


def along_an_axis(found: re.Match, spot: Spot) -> str | None:
    """np.take_along_axis with indices of one axis less."""
    nodes = spot.operands()
    if len(nodes) < 2 or "along_axis" not in spot.callee:
        return None
    array, indices = map(spot.told, nodes[:2])
    return translate("{indices} needs as many axes as {array}: {more} has one more", indices=indices,
                     array=array, more=followed(nodes[1], "[..., None]"))  # fmt: skip


def read_only(found: re.Match, spot: Spot) -> str:
    match spot.node:
        case ast.Subscript(value=node) | ast.AugAssign(target=node):
            pass
        case ast.Call(func=ast.Attribute(value=node)) if spot.is_method():
            pass
        case _:
            return translate("it writes into an argument; work on a copy, as `h = h.copy()` makes one")
    while isinstance(node, ast.Subscript):
        node = node.value
    name = ast.unparse(node)
    values = {"name": name, "copy": quoted(f"{name} = {name}.copy()")}
    if name in spot.arguments:
        return translate("it writes into its argument `{name}`; work on a copy: {copy}", **values)
    return translate("it writes into `{name}`, part of an argument; work on a copy: {copy}", **values)


_NONE_JOINED = Message("there is nothing to be joined, the list is empty: did its loop run?")
_OF_NOTHING = Message("it is the largest or smallest of nothing: what goes in is empty")
_NOTHING_FOUND = Message("`next` finds nothing any more: no entry is left, or none fulfils the condition")
RULES = (
    (r"inhomogeneous shape|expected sequence of length \d+ at dim \d+", ragged),
    (r"setting an array element with a sequence", sequence_entry),
    (r"(?:arrays|Tensors) must have same number of dimensions", joined),
    (r"all the input array dimensions|Sizes of tensors must match except in dimension", joined),
    (r"all input arrays must have the same shape|stack expects each tensor to be equal size", joined),
    (r"only integer scalar arrays can be converted|must be tuple of Tensors, not Tensor", one_tuple),
    (r"Cannot interpret '.*' as a data type", one_tuple),
    (r"got multiple values for argument|positional arguments? but \d+ were given", one_tuple),
    (r"cannot reshape array of size (?P<size>\d+) into shape \((?P<shape>.*?)\)", reshaped),
    (r"shape '\[(?P<shape>[-\d, ]*)\]' is invalid for input of size (?P<size>\d+)", reshaped),
    (r"axis (?P<axis>-?\d+) is out of bounds for array of dimension (?P<count>\d+)(?P<last>)", axis),
    (r"expected to be in range of \[-?\d+, (?P<last>-?\d+)\], but got (?P<axis>-?\d+)(?P<count>)", axis),
    (r"index (-?\d+) is out of bounds for (?:axis|dimension) (\d+) with size (\d+)", out_of_bounds),
    (r"(list|tuple|string) (assignment )?index out of range", past_the_end),
    (r"^KeyError: ", missing_key),
    (r"only integer scalar arrays can be converted|only integer tensors of a single element", not_a_number),
    (r"'[\w.]+' object cannot be interpreted as an integer", no_axis),
    (r"'[\w.]+' object cannot be interpreted as an integer", not_a_number),
    (r"shape mismatch: indexing arrays could not be broadcast.*", side_by_side),
    (r"too many indices for array: array is \d+-dimensional, but (\d+) were indexed", too_many_indices),
    (r"need at least one array to (?:stack|concatenate)", _NONE_JOINED),
    (r"(?:max|min)\(\) arg is an empty sequence|zero-size array to reduction operation", _OF_NOTHING),
    (r"^StopIteration: $", _NOTHING_FOUND),
    (r"must have the same number of dimensions", along_an_axis),
    (r"indices must be integers.*|are valid indices|(?:arrays|tensors) used as indices must be", wrong_index),
    (r"'bitwise_xor' not supported|for \^: ", Message("`^` is no power in Python; a power is `**`")),
    (r"invalid index to scalar|invalid index of a 0-dim",
     Message("a single number is indexed: one index too many?")),
    (r"(?:assignment destination|output array|sort array) is read-only", read_only),
)  # fmt: skip
