"""What a wrong answer does as if an argument were another: 0, transposed, negated, the first row for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

Change = tuple[str, str, Callable[[Mapping[str, Any]], Any]]
"""The argument, the words for a hint, and a function of all arguments → the changed one (may raise)."""


def changes(arguments: Mapping[str, Any]) -> Iterator[Change]:
    """Changes of single arguments that learners' answers amount to, for arguments of these types."""
    for name, value in arguments.items():
        for words, function in _of(value):
            yield name, f"as if `{name}` {words}", lambda given, f=function, n=name: f(given[n])
        for other in arguments:
            if other != name and _alike(value, arguments[other]):
                yield name, f"as if `{name}` were `{other}`", lambda given, o=other: given[o]


def changed(reference: Callable[..., Any], change: Change, names: list[str]) -> Callable[..., Any]:
    """`reference`, called with the changed argument."""
    name, _, function = change

    def answer(*values: Any) -> Any:
        given = dict(zip(names, values, strict=True))
        return reference(*(given | {name: function(given)}).values())

    return answer


def _of(value: Any) -> list[tuple[str, Callable[[Any], Any]]]:
    if isinstance(value, bool):
        return [("were not what it is", lambda v: not v), ("were always True", lambda v: True),
                ("were always False", lambda v: False)]  # fmt: skip
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        axes = [change for axis in range(value.ndim) for change in _along(axis)]
        return [*_NUMBERS, *(_MATRICES if value.ndim > 1 else []), *axes]
    if isinstance(value, np.ndarray) and value.ndim:
        return [change for axis in range(value.ndim) for change in _along(axis)]
    if isinstance(value, float):
        return [*_NUMBERS, ("were cut to a whole number", lambda v: float(int(v)))]
    if isinstance(value, int):
        return _COUNTS
    if isinstance(value, str):
        return [("were in small letters", str.lower), *_SEQUENCES]
    if type(value) is list:
        return [("were sorted", sorted), *_SEQUENCES]
    return []


_COUNTS: list[tuple[str, Callable[[Any], Any]]] = [
    ("were one larger", lambda v: v + 1),
    ("were one smaller", lambda v: v - 1),
    ("were 1", lambda v: 1),
]
_NUMBERS: list[tuple[str, Callable[[Any], Any]]] = [
    ("were 0: does it go in everywhere it should?", lambda v: v * 0),
    ("were 1 throughout", lambda v: v * 0 + 1),
    ("had the opposite sign", lambda v: -v),
    ("went in twice", lambda v: 2 * v),
    ("went in by half", lambda v: v / 2),
    ("went through tanh once more", np.tanh),
    ("were squared", lambda v: v**2),
    ("had lost its sign", np.abs),
    ("went through exp", np.exp),
]
_MATRICES: list[tuple[str, Callable[[Any], Any]]] = [
    ("were transposed", lambda v: np.ascontiguousarray(np.swapaxes(v, -1, -2))),
    ("were 0 beside its diagonal", lambda v: v * np.eye(*v.shape[-2:])),
]
_SEQUENCES: list[tuple[str, Callable[[Any], Any]]] = [
    ("lacked its last entry", lambda v: v[:-1]),
    ("lacked its first entry", lambda v: v[1:]),
    ("ran backwards", lambda v: v[::-1]),
]


def _along(axis: int) -> list[tuple[str, Callable[[Any], Any]]]:
    def all_as(index: int):
        return lambda v: np.take(v, [index] * v.shape[axis], axis)

    return [
        (f"were its first entry throughout, along axis {axis}", all_as(0)),
        (f"were its last entry throughout, along axis {axis}", all_as(-1)),
        (f"ran backwards along axis {axis}", lambda v: np.flip(v, axis).copy()),
        (f"were its mean throughout, along axis {axis}", lambda v: v * 0 + v.mean(axis, keepdims=True)),
        (f"were its sum throughout, along axis {axis}", lambda v: v * 0 + v.sum(axis, keepdims=True)),
    ]


def _alike(one: Any, other: Any) -> bool:
    """Whether one argument could be taken for the other."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and one.dtype == other.dtype
    return type(one) is type(other) and isinstance(one, int | float) and not isinstance(one, bool)


def other_values(value: Any, another: Any) -> Any:
    """A value of the same kind and shape, to see whether the answer looks at it; None where there is none.

    `another` is the same argument of another case.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        return value * np.linspace(0.7, 1.2, value.size).reshape(value.shape) + 0.01
    if isinstance(value, float):
        return 0.83 * value + 0.011
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | str) and value != another:
        return another
    return None
