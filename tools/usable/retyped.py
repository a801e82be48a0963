"""The reference with results of other types: a NumPy number for a plain one, a view, a list for a tuple."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from helpers.checks import Exercise
from helpers.checks.judge import judge

NUMBERS = {bool: np.bool_, int: np.int64, float: np.float64}


def _strided(value: Any) -> Any:
    """A view of every second entry of a larger array or tensor, with the same values."""
    if isinstance(value, np.ndarray) and value.ndim:
        return np.repeat(value, 2, axis=-1)[..., ::2]
    if hasattr(value, "detach") and value.ndim and not (value.is_leaf and value.requires_grad):
        return value.repeat_interleave(2, dim=-1)[..., ::2]
    return value


def _zero_dimensional(value: Any) -> Any:
    return np.array(value) if type(value) in NUMBERS or isinstance(value, np.generic) else value


KINDS: dict[str, Callable[[Any], Any]] = {
    "NumPy's numbers": lambda value: NUMBERS[type(value)](value) if type(value) in NUMBERS else value,
    "Python's numbers": lambda value: value.item() if isinstance(value, np.generic) else value,
    "0-d arrays": _zero_dimensional,
    "strided views": _strided,
    "Fortran order": lambda v: np.asfortranarray(v) if isinstance(v, np.ndarray) and v.ndim > 1 else v,
    "lists for tuples": lambda value: list(value) if type(value) is tuple else value,
    "tuples for lists": lambda value: tuple(value) if type(value) is list else value,
}
"""By name: a value → the same in another type, or the value itself."""
TOGETHER = (
    ("NumPy's numbers", "strided views", "lists for tuples"),
    ("Python's numbers", "Fortran order", "tuples for lists"),
    ("0-d arrays",),
)
"""Kinds that one trial takes at a time, of those that the check accepts one by one."""


def retyped(exercise: Exercise, kinds: Sequence[str], changed: set[str] | None = None) -> Callable[..., Any]:
    """The reference of `exercise` with its outputs, and the entries of a dict, put through `kinds`; those
    that did make another object are added to `changed`."""
    changed = set() if changed is None else changed

    def another(value: Any) -> Any:
        for kind in kinds:
            old, value = value, KINDS[kind](value)
            changed.update({kind} if value is not old else ())
        return value

    def output(value: Any) -> Any:
        if type(value) is dict:
            return {key: another(entry) for key, entry in value.items()}
        return another(value)

    @functools.wraps(exercise.reference)
    def answer(*args: Any, **kwargs: Any) -> Any:
        result = exercise.reference(*args, **kwargs)
        if type(result) in (tuple, list) and len(exercise.outputs) > 1:
            return another(type(result)(map(output, result)))
        return output(result)

    return answer


def accepted(exercise: Exercise, kinds: Sequence[str]) -> tuple[str, ...]:
    """Those of `kinds` that make another result and that the check accepts; () if it does not accept them
    together."""
    taken = []
    for kind in kinds:
        changed: set[str] = set()
        if judge(exercise, retyped(exercise, [kind], changed)).passed and changed:
            taken.append(kind)
    together = len(taken) < 2 or judge(exercise, retyped(exercise, taken)).passed
    return tuple(taken) if together else ()
