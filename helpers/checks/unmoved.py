"""What a wrong answer does not look at: an output that is always the same, an argument that moves nothing."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.checks import as_if
from helpers.checks.compare import Outcome, call, difference
from helpers.checks.judged import Judged, returned, same
from helpers.checks.words import named
from helpers.languages import translate


def constant(judged: Judged) -> str:
    """A sentence on an output that is one and the same number or truth in every case, where the right one is
    not, and all else is right or just so; "" when there is none."""
    if len(judged.mine) < 4 or not all(map(returned, judged.mine)):
        return ""
    pairs = [(mine.outputs, right.outputs) for mine, right in zip(judged.mine, judged.right, strict=True)]
    names = dict.fromkeys(name for _, right in pairs for name in right)
    wrong = [
        name for name in names
        if any(name in right and difference(mine, {name: right[name]}, judged.rtol) for mine, right in pairs)
    ]  # fmt: skip
    found = [_only_value(name, pairs) for name in wrong]
    if not found or "" in found:
        return ""
    return translate("`{name}` is {value} in every case, whatever goes in.",
                     name=named(wrong[0]), value=found[0])  # fmt: skip


def _only_value(name: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> str:
    """The one number or truth that `name` is made of in all cases, though the right one has others, or ""."""
    mine, right = ([_values(each[side].get(name)) for each in pairs if name in each[1]] for side in (0, 1))
    if None in mine or None in right or len(set().union(*mine)) != 1 or len(set().union(*right)) == 1:
        return ""
    return mine[0].pop()


def _values(value: Any) -> set[str] | None:
    """The different numbers or truths in it, as Python shows them; None where it holds others."""
    try:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    except Exception:   # ragged, an object of the learner's
        return None
    known = array.dtype.kind in "biuf" and array.size
    return {repr(each.item()) for each in np.unique(array)} if known else None


def ignored(judged: Judged) -> str:
    """A sentence on an argument that the answer does not look at, though the right one does; "" for none."""
    drawn = [n for n, case in enumerate(judged.cases) if not case.tag and _finite(judged.mine[n])][:6]
    for name in judged.cases[0].arguments if len(drawn) > 2 else ():
        moved = itertools.takewhile(lambda each: not each[0], (_moves(judged, n, name) for n in drawn))
        stays = [right for _, right in moved]   # as far as nothing moves the learner's result
        if len(stays) == len(drawn) and sum(stays) > 2:
            return translate(
                "Your result does not depend on `{name}`: with another one it stays the same.", name=name
            )
    return ""


def _finite(outcome: Outcome) -> bool:
    """Whether something came that an argument can move: no output that is nan or infinite throughout."""
    numbers = [value for value in outcome.outputs.values() if isinstance(value, float | np.ndarray)]
    return returned(outcome) and not any(
        np.isnan(each).all() or np.isinf(each).all() for each in numbers if np.asarray(each).dtype.kind == "f"
    )


def _moves(judged: Judged, number: int, name: str) -> tuple[bool, bool]:
    """Whether another value of the argument `name` changes the learner's outputs, and the right ones."""
    case, rounds = judged.cases[number], judged.exercise.rounds
    others = [judged.cases[(number + n) % rounds].arguments[name] for n in range(1, min(rounds, 4))]
    values = as_if.other_values(case.arguments[name], others)
    if not values:
        return True, True

    def moved(function: Callable[..., Any], before: Outcome, otherwise: bool) -> bool:
        for value in values:
            changed = dataclasses.replace(case, arguments={**case.arguments, name: value})
            now = call(function, judged.exercise.trial, changed, judged.exercise.outputs)
            if (not same(now, before, 0.0)) if returned(now) else otherwise:
                return True
        return False

    if moved(judged.function, judged.mine[number], True):
        return True, True
    return False, moved(judged.exercise.reference, judged.right[number], False)
