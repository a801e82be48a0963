"""What a wrong answer does as if an argument were another: 0, transposed, negated, the first row for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from helpers.checks.words import Message, named, told
from helpers.languages import translate

Change = tuple[str, Message, Callable[[Mapping[str, Any]], Any]]
"""The argument, the words for a hint, and a function of all arguments → the changed one (may raise)."""


def changes(arguments: Mapping[str, Any]) -> Iterator[Change]:
    """Changes of single arguments that learners' answers amount to, for arguments of these types."""
    for name, value in arguments.items():
        for words, function in _of(value):
            yield name, words, lambda given, f=function, n=name: f(given[n])
        for other in arguments:
            if other != name and _alike(value, arguments[other]):
                words = Message("as if `{name}` were `{other}`", other=other)
                yield name, words, lambda given, o=other: given[o]


def sentence(change: Change, output: str | None) -> str:
    """A hint for an answer that amounts to `change`: all of it, or (a name) in one of its outputs."""
    name, words, _ = change
    as_if = told(words, name=name)
    output = output and named(output)
    if words == _ZERO and output is None:
        return translate("Your results are {as_if}: does it go in everywhere it should?", as_if=as_if)
    if words == _ZERO:
        return translate("Your `{output}` is {as_if}: does it go in everywhere it should?",
                         output=output, as_if=as_if)  # fmt: skip
    if output is None:
        return translate("Your results are {as_if}.", as_if=as_if)
    return translate("Your `{output}` is {as_if}.", output=output, as_if=as_if)


def changed(reference: Callable[..., Any], change: Change, names: list[str]) -> Callable[..., Any]:
    """`reference`, called with the changed argument."""
    name, _, function = change

    def answer(*values: Any) -> Any:
        given = dict(zip(names, values, strict=True))
        return reference(*(given | {name: function(given)}).values())

    return answer


def _of(value: Any) -> list[tuple[Message, Callable[[Any], Any]]]:
    if isinstance(value, bool):
        return _TRUTHS
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        axes = [change for axis in range(value.ndim) for change in _along(axis)]
        return [*_NUMBERS, *(_MATRICES if value.ndim > 1 else []), *axes]
    if isinstance(value, np.ndarray) and value.ndim:
        return [change for axis in range(value.ndim) for change in _along(axis)]
    if isinstance(value, float):
        return [*_NUMBERS, (Message("as if `{name}` were cut to a whole number"), lambda v: float(int(v)))]
    if isinstance(value, int):
        return _COUNTS
    if isinstance(value, str):
        return [(Message("as if `{name}` were in small letters"), str.lower), *_SEQUENCES]
    if type(value) is list:
        return [(Message("as if `{name}` were sorted"), sorted), *_SEQUENCES]
    return []


_TRUTHS: list[tuple[Message, Callable[[Any], Any]]] = [
    (Message("as if `{name}` were not what it is"), lambda v: not v),
    (Message("as if `{name}` were always True"), lambda v: True),
    (Message("as if `{name}` were always False"), lambda v: False),
]
_COUNTS: list[tuple[Message, Callable[[Any], Any]]] = [
    (Message("as if `{name}` were one larger"), lambda v: v + 1),
    (Message("as if `{name}` were one smaller"), lambda v: v - 1),
    (Message("as if `{name}` were 1"), lambda v: 1),
]
_ZERO = Message("as if `{name}` were 0")
_NUMBERS: list[tuple[Message, Callable[[Any], Any]]] = [
    (_ZERO, lambda v: v * 0),
    (Message("as if `{name}` were 1 throughout"), lambda v: v * 0 + 1),
    (Message("as if `{name}` had the opposite sign"), lambda v: -v),
    (Message("as if `{name}` went in twice"), lambda v: 2 * v),
    (Message("as if `{name}` went in by half"), lambda v: v / 2),
    (Message("as if `{name}` went through tanh once more"), np.tanh),
    (Message("as if `{name}` were squared"), lambda v: v**2),
    (Message("as if `{name}` had lost its sign"), np.abs),
    (Message("as if `{name}` went through exp"), np.exp),
]
_MATRICES: list[tuple[Message, Callable[[Any], Any]]] = [
    (Message("as if `{name}` were transposed"), lambda v: np.ascontiguousarray(np.swapaxes(v, -1, -2))),
    (Message("as if `{name}` were 0 beside its diagonal"), lambda v: v * np.eye(*v.shape[-2:])),
]
_SEQUENCES: list[tuple[Message, Callable[[Any], Any]]] = [
    (Message("as if `{name}` lacked its last entry"), lambda v: v[:-1]),
    (Message("as if `{name}` lacked its first entry"), lambda v: v[1:]),
    (Message("as if `{name}` ran backwards"), lambda v: v[::-1]),
]


def _along(axis: int) -> list[tuple[Message, Callable[[Any], Any]]]:
    def all_as(index: int):
        return lambda v: np.take(v, [index] * v.shape[axis], axis)

    return [
        (Message("as if `{name}` were its first entry throughout, along axis {axis}", axis=axis), all_as(0)),
        (Message("as if `{name}` were its last entry throughout, along axis {axis}", axis=axis), all_as(-1)),
        (Message("as if `{name}` ran backwards along axis {axis}", axis=axis),
         lambda v: np.flip(v, axis).copy()),
        (Message("as if `{name}` were its mean throughout, along axis {axis}", axis=axis),
         lambda v: v * 0 + v.mean(axis, keepdims=True)),
        (Message("as if `{name}` were its sum throughout, along axis {axis}", axis=axis),
         lambda v: v * 0 + v.sum(axis, keepdims=True)),
    ]  # fmt: skip


def _alike(one: Any, other: Any) -> bool:
    """Whether one argument could be taken for the other."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and one.dtype == other.dtype
    return type(one) is type(other) and isinstance(one, int | float) and not isinstance(one, bool)


def other_values(value: Any, others: list[Any]) -> list[Any]:
    """Values of the same kind and shape, to see whether the answer looks at it.

    `others` are those of the same argument in other cases.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        scaled = value * np.linspace(0.7, 1.2, value.size).reshape(value.shape) + 0.01
        return [scaled, np.flip(scaled).copy()]   # where the largest is, counts to some
    if isinstance(value, float):
        return [0.83 * value + 0.011, 3.1 * value, 0.29 * value]
    if isinstance(value, bool):
        return [not value]
    return [other for other in others if isinstance(value, int | str) and value != other]
