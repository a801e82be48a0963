"""Partial credit: how much of a wrong answer is right, by one rule for all exercises.

- An answer with several outputs gets the share of outputs that are right in every case.
- An answer that is right in all ordinary cases, and wrong only where a size is 1, at an edge, or in what it
  does beside its result (it changes an argument, hands out the same array twice), gets half.

The larger one counts. An exercise that is tried on a model (`trial`) is all or nothing, as is a quiz, and one
in which being right in part is no achievement can say so: ``skip={"credit": "why"}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers.checks.compare import Outcome, difference
from helpers.checks.kinds import wrong_kind

if TYPE_CHECKING:
    from helpers.checks.prepared import Prepared
    from helpers.checks.registry import Exercise

HALF = 0.5


def credit(exercise: Exercise, known: Prepared, mine: Sequence[Outcome], rtol: float) -> float:
    """The part of the points (0 to 1) that a wrong answer with the outcomes `mine` gets."""
    if "credit" in exercise.skip or exercise.trial is not None or len(mine) < len(known.cases):
        return 0.0
    ordinary = [n for n, case in enumerate(known.cases) if not case.tag]
    outputs = exercise.outputs if len(exercise.outputs) > 1 else ()
    share = sum(all(_right(known, mine, n, rtol, name) for n in range(len(mine))) for name in outputs)
    half = HALF * all(_right(known, mine, n, rtol) for n in ordinary)
    return max(half, share / len(outputs) if outputs else 0.0)


def _right(known: Prepared, mine: Sequence[Outcome], number: int, rtol: float, name: str = "") -> bool:
    """Whether the output `name` ("": all of them) is right in a case."""
    outcome = mine[number]
    if outcome.error is not None or outcome.complaint:
        return False
    got, want = (_part(each.outputs, name) for each in (outcome, known.right[number]))
    return got.keys() == want.keys() and not difference(got, want, rtol) and not wrong_kind(got, want)


def _part(outputs: dict, name: str) -> dict:
    return {key: value for key, value in outputs.items() if not name or key.partition("[")[0] == name}
