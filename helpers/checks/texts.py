"""Texts of an exercise that are kept as data and translated when they are shown: the catalogue has them."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.checks.cases import is_size
from helpers.checks.registry import Exercise, Quiz


def texts_of(exercise: Exercise | Quiz) -> Iterator[str]:
    """The texts of an exercise that a box may show: explanations of a quiz's options; names of outputs (of
    several words) and oracles, names and hints of extremes, hints of known mistakes."""
    if isinstance(exercise, Quiz):
        yield from exercise.options.values()
        return
    yield from (name for name in exercise.outputs if " " in name)
    yield from (oracle.name for oracle in exercise.oracles)
    for extreme in exercise.extremes:
        if not is_size(extreme.name):
            yield extreme.name
        if extreme.hint:
            yield extreme.hint
    yield from (known.hint for known in exercise.misconceptions)
