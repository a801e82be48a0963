"""A step of a gated cell as named lines, of which a wrong answer has some other; and torch's cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from helpers.checks.registry import Exercise
from helpers.layers import sigmoid


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


def split_as(order: str, wanted: str, a: np.ndarray) -> list[np.ndarray]:
    """The slices of `a` (N, gates·H) for the gates `wanted`, when they are believed to stand in `order`."""
    slices = np.split(a, len(order), axis=1)
    return [slices[order.index(gate)] for gate in wanted]


def slope_of_sigmoid(a: np.ndarray) -> np.ndarray:
    """The derivative of the sigmoid at `a`, the value *before* squashing."""
    return sigmoid(a) * (1 - sigmoid(a))


def torch_module(kind: str, Wx, Wh, bx, bh, **options):
    """`torch.nn.<kind>` in float64 with the course's weights."""
    import torch

    module = getattr(torch.nn, kind)(len(Wx), len(Wh), dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), (Wx.T, Wh.T, bx, bh), strict=True):
            parameter.copy_(torch.tensor(value))
    return module


def torch_gradients(module) -> tuple[np.ndarray, ...]:
    """dWx, dWh, dbx, dbh in the course's shapes, after torch's backward."""
    dWx, dWh, dbx, dbh = (parameter.grad.numpy() for parameter in module.parameters())
    return dWx.T, dWh.T, dbx, dbh
