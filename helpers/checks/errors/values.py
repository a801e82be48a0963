"""Expressions of the learner's: what they were worth, without running any of them, and how they are told."""

from __future__ import annotations

import ast
import operator
import re
import sys
from collections.abc import Mapping
from types import CodeType
from typing import Any

import numpy as np

from helpers.checks.words import Message, told
from helpers.languages import translate

UNKNOWN = object()
_NUMBERS = (int, float, bool)
_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
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
    """An array's T, shape and the like, or what stands in an object's own dict."""
    if is_array(owner):
        if name in ("shape", "ndim", "dtype") or (name == "T" and owner.ndim == 2):   # torch warns at other T
            return getattr(owner, name)
        raise LookupError
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
    """The shape of an expression, worked out through `@` and arithmetic where it has no value."""
    value = value_of(node, names)
    if is_array(value):
        return tuple(int(size) for size in value.shape)
    if is_scalar(value):
        return ()
    if not isinstance(node, ast.BinOp):
        return None
    left, right = shape_of(node.left, names), shape_of(node.right, names)
    if left is None or right is None:
        return None
    return product_shape(left, right) if isinstance(node.op, ast.MatMult) else broadcast_shape(left, right)


def product_shape(left: Shape, right: Shape) -> Shape | None:
    """The shape of left @ right, or None where the sizes do not fit."""
    if not left or not right or left[-1] != right[-2:][0]:
        return None
    batch = broadcast_shape(left[:-2], right[:-2])
    return None if batch is None else batch + left[-2:-1] + (right[-1:] if len(right) > 1 else ())


def broadcast_shape(*shapes: Shape) -> Shape | None:
    """What the shapes broadcast to, or None where they do not fit."""
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        return None


# How expressions are told


def quoted(node: ast.AST | str | None, otherwise: str = "", limit: int = 60) -> str:
    """An expression between backquotes, cut where it is long; without one, other words, or "a value"."""
    if node is None:
        return otherwise or translate("a value")
    text = node if isinstance(node, str) else ast.unparse(node)
    return f"`{text if len(text) <= limit else text[: limit - 1] + '…'}`"


def followed(node: ast.expr, text: str) -> str:
    """The expression followed by an index, an attribute or a call of a method, quoted: `(x + 1).T`."""
    whole = isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call)
    return quoted(f"{ast.unparse(node)}{text}" if whole else f"({ast.unparse(node)}){text}")


def called(function: ast.expr | str, *arguments: ast.expr) -> str:
    """The function called with these arguments, quoted: `np.array(hs)`."""
    name = function if isinstance(function, str) else ast.unparse(function)
    return quoted(f"{name}({', '.join(map(ast.unparse, arguments))})")


def sizes(text: str) -> Shape:
    """The shape in a message: "(3,5)" or "[3, 5]"."""
    return tuple(int(size) for size in re.findall(r"-?\d+", text))


def kind(name: str) -> str:
    """What a value of this type is, in a word or two: a list, a NumPy array, text."""
    name = name.rpartition(".")[2]
    if is_number(name):
        return translate("a whole number") if name.startswith("int") else translate("one number")
    if is_function(name):
        return translate("a function")
    if name in _KINDS:
        return told(_KINDS[name])
    return translate("an {type}", type=name) if name[:1] in "aeiou" else translate("a {type}", type=name)


def is_number(name: str) -> bool:
    """Whether the type of this name is one of numbers."""
    return bool(re.fullmatch(r"(?:.*\.)?(?:int\d*|float\d*)", name))


def is_function(name: str) -> bool:
    """Whether the type of this name is one of functions."""
    return name.rpartition(".")[2] in ("function", "method", "builtin_function_or_method", "ufunc")


_KINDS = {
    "NoneType": "None",
    "ndarray": Message("a NumPy array"),
    "Tensor": Message("a torch tensor"),
    "str": Message("text"),
}


def meant(reason: str, guess: str) -> str:
    """The reason, and what was probably meant."""
    return translate("{reason}; did you mean {guess}?", reason=reason, guess=guess)


def arguments_of(code: CodeType) -> tuple[str, ...]:
    """The names of a function's arguments."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
