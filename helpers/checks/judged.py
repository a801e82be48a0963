"""A learner's answer beside the right ones, case by case."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helpers.checks.cases import Case
from helpers.checks.compare import Outcome, call, difference, kind_of
from helpers.checks.kinds import wrong_kind

if TYPE_CHECKING:
    from helpers.checks.registry import Exercise


class Judged:
    """An exercise's cases, the right outcomes, the learner's function and its outcomes."""

    def __init__(
        self,
        exercise: Exercise,
        function: Callable[..., Any],
        cases: list[Case],
        mine: list[Outcome],
        right: list[Outcome],
        rtol: float,
    ):
        self.exercise, self.function, self.cases = exercise, function, cases
        self.mine, self.right, self.rtol = mine, right, rtol
        wrong = [n for n in range(len(mine)) if not same(mine[n], right[n], rtol)]
        # The cases that tell most come first: most candidates are ruled out by one call.
        self.order = wrong + [n for n in range(len(mine)) if n not in set(wrong)]
        self.wrong, self.end = wrong, 0.0

    def outcome(self, function: Callable[..., Any], number: int) -> Outcome:
        return call(function, self.exercise.trial, self.cases[number], self.exercise.outputs)

    def equal(self, function: Callable[..., Any]) -> bool:
        """Whether `function` does in every case just what the learner's does.

        Where all numbers are right and only their kind is not (a list, floats for ints), the kinds count."""
        return all(
            same(self.mine[n], theirs, self.rtol)
            and (self.wrong or self.kind(self.mine[n], n) == self.kind(theirs, n))
            for n in self.order
            for theirs in [self.outcome(function, n)]
        )

    def numbers_wrong(self, number: int) -> bool:
        """Whether in case `number` more is wrong than that an argument was changed in place."""
        return not same(dataclasses.replace(self.mine[number], mutated=()), self.right[number], self.rtol)

    def kind(self, outcome: Outcome, number: int) -> str:
        """What `wrong_kind` says of an outcome, "" where it has nothing to say."""
        found = wrong_kind(outcome.outputs, self.right[number].outputs)
        return found.text if found else ""


def same(left: Outcome, right: Outcome, rtol: float) -> bool:
    """Equal in everything that a call shows."""
    if left.error is not None or right.error is not None:
        return kind_of(left.error) == kind_of(right.error) and str(left.error) == str(right.error)
    if left.complaint or right.complaint:
        return left.complaint == right.complaint
    return (
        left.mutated == right.mutated
        and left.outputs.keys() == right.outputs.keys()
        and difference(left.outputs, right.outputs, rtol) is None
        and gradients_agree(left, right)
    )


def gradients_agree(left: Outcome, right: Outcome) -> bool:
    """Whether the same gradients come back, as far as both noted any."""
    pairs = zip(left.gradients, right.gradients, strict=False)
    flat = [two for calls in pairs for two in zip(*calls, strict=False)]
    for mine, theirs in flat:
        if (mine is None) != (theirs is None):
            return False
        if len(mine or ()) != len(theirs or ()):
            return False
        for a, b in zip(mine or (), theirs or (), strict=True):
            if (a is None) != (b is None) or (a is not None and difference({"d": a}, {"d": b}, 1e-4)):
                return False
    return True


def returned(outcome: Outcome) -> bool:
    """Whether a call gave outputs that can be compared."""
    return outcome.error is None and not outcome.complaint
