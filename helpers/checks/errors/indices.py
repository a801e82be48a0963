"""Indices and keys that are not there, or of the wrong kind, and arrays that refuse to be written into."""

from __future__ import annotations

import ast
import difflib
import re

import numpy as np

from helpers.checks.errors.place import Spot
from helpers.checks.errors.rewrites import axes, followed, sizes
from helpers.checks.errors.values import UNKNOWN, is_array, is_scalar, is_tensor, kind, named_kind, quoted


def _parts(spot: Spot) -> tuple[ast.expr | None, ast.expr | None]:
    """What is indexed and the index, where the failed expression is one."""
    if isinstance(spot.node, ast.Subscript):
        return spot.node.value, spot.node.slice
    return None, None


def _range(size: int) -> str:
    return f"indices start at 0, so the last one is {size - 1}" if size else "it is empty"


def out_of_bounds(found: re.Match, spot: Spot) -> str:
    index, axis, size = int(found[1]), int(found[2]), int(found[3])
    owner, _ = _parts(spot)
    shape = spot.shape(owner) if owner else None
    there = shape is not None and axis < len(shape) and shape[axis] == size
    what = spot.told(owner) if there else "the array"
    limit = f"counted from the end the indices are -1 to -{size}" if index < 0 and size else _range(size)
    return f"index {index} is out of bounds: axis {axis} of {what} has size {size}; {limit}"


def too_many_indices(found: re.Match, spot: Spot) -> str:
    owner, index = _parts(spot)
    what = spot.told(owner) if owner else "the array"
    count = int(found[1] or found[3])
    given = found[2] or (len(index.elts) if isinstance(index, ast.Tuple) else None)
    return f"{what} has {axes(count)}, and {'more' if given is None else given} are indexed"


def past_the_end(found: re.Match, spot: Spot) -> str | None:
    """IndexError of a list, a tuple or a string."""
    if not spot.last:
        return None
    owner, index = _parts(spot)
    held, number = spot.value(owner), spot.value(index)
    if type(held) not in (list, tuple, str):
        return (
            f"the index lies past the end of a {found[1]}: indices start at 0, so the last one is its length "
            "- 1"
        )
    where = f"index {number} of {quoted(owner)}" if type(number) is int else quoted(spot.node)
    text = (
        f"{where}: the {found[1]} has {len(held)} entr{'y' if len(held) == 1 else 'ies'}; {_range(len(held))}"
    )
    return text + (f"; `{ast.unparse(owner)}.append(…)` adds one" if found[2] and type(held) is list else "")


def missing_key(found: re.Match, spot: Spot) -> str | None:
    """KeyError: the keys there are, and the nearest."""
    owner, _ = _parts(spot)
    if isinstance(spot.node, ast.Call) and isinstance(spot.node.func, ast.Attribute):
        owner = spot.node.func.value
    held, key = spot.value(owner), spot.error.args[0]
    if type(key) not in (str, int, float) or not issubclass(type(held), dict):
        return None
    keys = [known for known in dict.keys(held) if type(known) in (str, int, float)]
    if not keys:
        return f"{quoted(owner)} has no key {key!r}" + ("; it is empty" if not dict.__len__(held) else "")
    told = ", ".join(map(repr, keys[:8])) + (", …" if len(keys) > 8 else "")
    by_small = {str(known).lower(): known for known in keys}
    near = difflib.get_close_matches(str(key).lower(), by_small, n=1, cutoff=0.5)
    hint = f"; did you mean {by_small[near[0]]!r}?" if near else ""
    return f"{quoted(owner)} has no key {key!r}; its keys are {told}{hint}"


def not_a_number(found: re.Match, spot: Spot) -> str | None:
    """An array of several numbers where one whole number is wanted: in range, or as a list's index."""
    owner, index = _parts(spot)
    held = spot.value(owner)
    if type(held) in (list, tuple):
        array = quoted(f"np.array({ast.unparse(owner)})[{ast.unparse(index)}]")
        return (
            f"{quoted(owner)} is a {type(held).__name__}, which an array cannot index; an array can be: "
            f"{array}"
        )
    for node in spot.operands():
        if is_array(spot.value(node)):
            length = quoted(f"len({ast.unparse(node)})")
            where = f"{quoted(spot.node.func)} wants" if spot.callee else "wanted is"
            return (
                f"{spot.told(node)} is an array, and {where} one whole number; {length} is the size of its "
                "first axis"
            )
    return "an array of several numbers stands where one whole number is wanted"


def index_of_floats(found: re.Match, spot: Spot) -> str:
    _, index = _parts(spot)
    nodes = index.elts if isinstance(index, ast.Tuple) else [index]
    for node in nodes:
        value = spot.value(node)
        if is_array(value) and not _whole(value):
            dtype = str(value.dtype).removeprefix("torch.")
            cast = quoted(followed(node, ".long()" if is_tensor(value) else ".astype(int)"))
            return f"{quoted(node)} holds {dtype}, and indices are whole numbers; {cast} makes them so"
    return "the index holds floating-point numbers, and indices are whole numbers"


def _whole(value) -> bool:
    return not value.is_floating_point() if is_tensor(value) else value.dtype.kind in "iub"


def wrong_index(found: re.Match, spot: Spot) -> str | None:
    """A float, a text or a tuple as the index of a list, an array or a tensor."""
    owner, index = _parts(spot)
    if not spot.last or index is None:
        return None
    nodes = index.elts if isinstance(index, ast.Tuple) else [index]
    what = (
        f"{quoted(owner)} is {kind(spot.value(owner))}"
        if spot.value(owner) is not UNKNOWN
        else "it is a sequence"
    )
    if found[1] == "tuple":
        one_by_one = "".join(f"[{ast.unparse(node)}]" for node in nodes)
        return f"{what}, which takes one index at a time: {quoted(f'{ast.unparse(owner)}{one_by_one}')}"
    for node in filter(None, nodes):
        value = spot.value(node)
        if type(value) is str:
            return f"{what}, whose entries have numbers, not names like {value!r}: is a dict meant?"
        if is_scalar(value) and not issubclass(type(value), int | np.integer):
            return (
                f"the index {quoted(node)} is {value}, a float; indices are whole numbers: `//` or `int(…)` "
                "makes one"
            )
    return (
        f"the index is {named_kind(found[1])}, and indices are whole numbers"
        if found[1]
        else ("indices are whole numbers, slices, `None` or arrays of whole numbers or of True and False")
    )


def number_indexed(found: re.Match, spot: Spot) -> str:
    owner, _ = _parts(spot)
    return (
        f"{quoted(owner) if owner else 'what is indexed'} is a single number here, without entries: one "
        "index too many?"
    )


def mask(found: re.Match, spot: Spot) -> str:
    """A boolean index of another shape than what it selects from."""
    owner, index = _parts(spot)
    shape = spot.shape(index)
    chosen = f"the mask {quoted(index)}" + (f" {shape}" if shape else "") if index else "the mask"
    return (
        f"{spot.told(owner) if owner else 'the array'} and {chosen} must have the same size on every axis of "
        "the mask"
    )


def index_arrays(found: re.Match, spot: Spot) -> str:
    shapes = [str(sizes(text)) for text in re.findall(r"\([\d, ]*\)", found[1])]
    _, index = _parts(spot)
    if isinstance(index, ast.Tuple) and len(index.elts) == len(shapes):
        shapes = [f"{quoted(node)} {shape}" for node, shape in zip(index.elts, shapes, strict=True)]
    return f"the indices {' and '.join(shapes)} go together entry by entry, so they need one common shape"


def read_only(found: re.Match, spot: Spot) -> str:
    match spot.node:
        case ast.Subscript(value=node) | ast.AugAssign(target=node):
            pass
        case ast.Call(func=function, keywords=keywords):
            out = [keyword.value for keyword in keywords if keyword.arg == "out"]
            node = out[0] if out else function.value if spot.is_method() else None
        case _:
            node = None
    while isinstance(node, ast.Subscript):
        node = node.value
    if node is None:
        return "it writes into an argument; work on a copy, as `h = h.copy()` makes one"
    name = ast.unparse(node)
    own = (
        f"its argument {quoted(name)}"
        if name in spot.arguments
        else f"{quoted(name)}, which belongs to an argument"
    )
    return f"it writes into {own}; work on a copy: {quoted(f'{name} = {name}.copy()')}"


RULES = (
    (r"index (-?\d+) is out of bounds for (?:axis|dimension) (\d+) with size (\d+)", out_of_bounds),
    (
        r"too many indices for array: array is (\d+)-dimensional, but (\d+) were indexed"
        r"|too many indices for tensor of dimension (\d+)",
        too_many_indices,
    ),
    (r"(list|tuple|string) (assignment )?index out of range", past_the_end),
    (r"^KeyError: ", missing_key),
    (r"only integer scalar arrays can be converted|only integer tensors of a single element", not_a_number),
    (r"(?:arrays|tensors) used as indices must be", index_of_floats),
    (r"(?:list|tuple|string) indices must be integers(?: or slices)?, not '?([\w.]+)'?", wrong_index),
    (r"only integers, slices .* are valid indices(?: \(got (\w+)\))?", wrong_index),
    (r"invalid index to scalar variable|invalid index of a 0-dim tensor", number_indexed),
    (r"boolean index did not match|shape of the mask .* does not match", mask),
    (r"indexing (?:arrays|tensors) could not be broadcast together with shapes(.*)", index_arrays),
    (r"(?:assignment destination|output array|sort array) is read-only", read_only),
)
