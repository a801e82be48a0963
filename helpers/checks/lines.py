"""A right answer as named lines; a wrong one has another in the place of some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from helpers.checks.registry import Exercise


class Lines:
    """A right answer to `exercise` written as named lines, in order; each takes what stands above it.

    `arguments` names the function's arguments, separated by blanks.
    """

    def __init__(self, exercise: Exercise, arguments: str, lines: Mapping[str, Callable[[Any], Any]]):
        self.exercise, self.arguments, self.lines = exercise, arguments.split(), dict(lines)

    def but(self, **other: Callable[[Any], Any]) -> Callable[..., Any]:
        """The answer with the lines `other` in place of its own."""
        unknown = other.keys() - self.lines.keys()
        if unknown:
            raise ValueError(f"other: got {sorted(unknown)}, wanted names among {sorted(self.lines)}")

        def answer(*values):
            s = SimpleNamespace(**dict(zip(self.arguments, values, strict=True)))
            for name, line in {**self.lines, **other}.items():
                setattr(s, name, line(s))
            outputs = tuple(getattr(s, name) for name in self.exercise.outputs)
            return outputs if len(outputs) > 1 else outputs[0]

        return answer

    def mistake(self, name: str, hint: str, **other: Callable[[Any], Any]) -> None:
        """Register the answer with the lines `other` as a misconception."""
        self.exercise.misconception(name, hint)(self.but(**other))
