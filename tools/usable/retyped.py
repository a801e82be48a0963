"""The reference with results of other types: a NumPy number for a plain one, a view, a list for a tuple."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.checks import Exercise
from helpers.checks.cases import cases_of
from helpers.checks.compare import call, difference
from helpers.checks.kinds import wrong_kind


def another(value: Any) -> Any:
    """`value` in the other type that suits it least: a 0-d array for a float, a plain number for NumPy's, a
    view of every second entry for an array or tensor; `value` itself where there is none."""
    if type(value) is float:
        return np.array(value)
    if type(value) in (int, bool):
        return np.int64(value) if type(value) is int else np.bool_(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.ndim:
        return np.repeat(value, 2, axis=-1)[..., ::2]
    if hasattr(value, "detach") and value.ndim and not (value.is_leaf and value.requires_grad):
        return value.repeat_interleave(2, dim=-1)[..., ::2]
    return value


OTHERS = {list: tuple, tuple: list}


def retyped(exercise: Exercise) -> Callable[..., Any]:
    """The reference of `exercise` with its outputs, and the entries of a dict, in other types."""

    def output(value: Any) -> Any:
        if type(value) is dict:
            return {key: output(entry) for key, entry in value.items()}
        return OTHERS.get(type(value), another)(value)

    @functools.wraps(exercise.reference)
    def answer(*args: Any, **kwargs: Any) -> Any:
        result = exercise.reference(*args, **kwargs)
        several = type(result) in OTHERS and len(exercise.outputs) > 1
        return OTHERS[type(result)](map(output, result)) if several else output(result)

    return answer


def accepted(exercise: Exercise) -> Callable[..., Any] | None:
    """The reference with results of other types, if the check takes them: asked as the judge does, with the
    reference as the only oracle, in the first case and the last."""
    answer, cases = retyped(exercise), cases_of(exercise, np.float64)
    for case in (cases[0], cases[-1]):
        want = call(exercise.reference, exercise.trial, case, exercise.outputs)
        got = call(answer, exercise.trial, case, exercise.outputs)
        if got.error is not None or got.complaint or wrong_kind(got.outputs, want.outputs):
            return None
        if difference(got.outputs, want.outputs, exercise.rtol):
            return None
    return answer
