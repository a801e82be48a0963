"""Values and shapes of expressions, read off a frame without running any code of the learner's."""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

UNKNOWN = object()
_NUMBERS = (int, float, bool)
_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}

Shape = tuple[int, ...]


def is_tensor(value: Any) -> bool:
    """A torch tensor or parameter itself, no subclass that could do anything when asked."""
    torch = sys.modules.get("torch")
    return torch is not None and type(value) in (torch.Tensor, torch.nn.Parameter)


def is_array(value: Any) -> bool:
    """A NumPy array or a torch tensor."""
    return type(value) is np.ndarray or is_tensor(value)


def is_scalar(value: Any) -> bool:
    """One number. Types are asked, never the value, whose `__class__` could be anything."""
    return type(value) in _NUMBERS or issubclass(type(value), np.generic)


def value_of(node: ast.AST | None, names: Mapping[str, Any]) -> Any:
    """The value of names, constants, attributes, entries, slices and arithmetic of numbers; else UNKNOWN."""
    try:
        return _value(node, names)
    except Exception:   # an index out of range, a name that is not there: nothing to tell
        return UNKNOWN


def _value(node: ast.AST | None, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.Name(id=name):
            return names[name]
        case ast.Tuple(elts=parts):
            return tuple(_value(part, names) for part in parts)
        case ast.List(elts=parts):
            return [_value(part, names) for part in parts]
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else _value(part, names) for part in (lower, upper, step)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(_value(operand, names))
        case ast.BinOp(left=left, op=sign, right=right):
            return _ARITHMETIC[type(sign)](_number(_value(left, names)), _number(_value(right, names)))
        case ast.Attribute(value=owner, attr=name):
            return _attribute(_value(owner, names), name)
        case ast.Subscript(value=owner, slice=index):
            return _entry(_value(owner, names), _value(index, names))
    raise LookupError


def _number(value: Any) -> Any:
    if type(value) not in _NUMBERS:
        raise LookupError
    return value


def _attribute(owner: Any, name: str) -> Any:
    """An array's T, shape and the like, a field of a named tuple, or what stands in an object's own dict."""
    if is_array(owner):
        if name in ("shape", "ndim", "dtype") or (name == "T" and owner.ndim == 2):   # torch warns at other T
            return getattr(owner, name)
        raise LookupError
    if issubclass(type(owner), tuple):
        return tuple.__getitem__(owner, type(owner)._fields.index(name))
    own = object.__getattribute__(owner, "__dict__")
    return own[name] if name in own else own["_parameters"][name]   # an nn.Module keeps its own there


def _entry(owner: Any, index: Any) -> Any:
    if not (is_array(owner) or type(owner) in (list, tuple, dict)) or not _is_plain(index):
        raise LookupError
    return owner[index]


def _is_plain(index: Any) -> bool:
    if type(index) in (list, tuple):
        return all(map(_is_plain, index))
    if type(index) is slice:
        return all(map(_is_plain, (index.start, index.stop, index.step)))
    return is_array(index) or is_scalar(index) or type(index) in (str, type(None), type(...))


def shape_of(node: ast.AST | None, names: Mapping[str, Any]) -> Shape | None:
    """The shape of an expression, worked out through `@`, arithmetic and `.T` where it has no value."""
    value = value_of(node, names)
    if is_array(value):
        return tuple(int(size) for size in value.shape)
    if is_scalar(value):
        return ()
    match node:
        case ast.BinOp(left=left, op=sign, right=right):
            shapes = shape_of(left, names), shape_of(right, names)
            if None in shapes:
                return None
            return product_shape(*shapes) if isinstance(sign, ast.MatMult) else broadcast_shape(*shapes)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return shape_of(operand, names)
        case ast.Attribute(value=owner, attr="T"):
            inner = shape_of(owner, names)
            return inner[::-1] if inner is not None else None
    return None


def product_shape(left: Shape, right: Shape) -> Shape | None:
    """The shape of left @ right, or None where the sizes do not fit."""
    if not left or not right or left[-1] != inner_size(right):
        return None
    batch = broadcast_shape(left[:-2], right[:-2])
    return None if batch is None else batch + left[-2:-1] + (right[-1:] if len(right) > 1 else ())


def inner_size(right: Shape) -> int:
    """The size which `@` matches with the last of the left operand."""
    return right[-2] if len(right) > 1 else right[0]


def broadcast_shape(*shapes: Shape) -> Shape | None:
    """What the shapes broadcast to, or None where they do not fit."""
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        return None


def quoted(node: ast.AST | str, limit: int = 60) -> str:
    """An expression between backquotes, cut where it is long."""
    text = node if isinstance(node, str) else ast.unparse(node)
    return f"`{text if len(text) <= limit else text[: limit - 1] + '…'}`"


def kind(value: Any) -> str:
    """What a value is, in a word or two: a list, a NumPy array, text."""
    return named_kind(type(value).__name__)


def named_kind(name: str) -> str:
    """A type's name, as messages give it, in a word or two."""
    name = name.rpartition(".")[2]
    words = {
        "NoneType": "None",
        "ndarray": "a NumPy array",
        "Tensor": "a torch tensor",
        "Parameter": "a torch parameter",
        "int": "a whole number",
        "float": "one number",
        "float64": "one number",
        "float32": "one number",
        "int64": "one number",
        "str": "text",
        "function": "a function",
        "method": "a method",
        "builtin_function_or_method": "a function",
        "module": "a module",
        "type": "a type",
    }
    return words.get(name, f"{'an' if name[:1] in 'aeiou' else 'a'} {name}")
