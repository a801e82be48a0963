"""Contenders timed in turn, and the ratios they are to keep."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE = 0.05  # seconds


@dataclass
class Aim:
    """The time of one contender over that of another, and the bound it is to keep."""

    numerator: str
    denominator: str
    bound: float
    at_least: bool

    def met(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator} {'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass
class Case:
    """Contenders that do the same work, and what their times are to be to one another."""

    name: str
    contenders: dict[str, Callable[[], object]]
    aims: list[Aim]
    calls: int = 1  # in a row, in each round
    memory: dict[str, float] = field(default_factory=dict)   # MiB at the peak, where it was asked for
    times: dict[str, list[float]] = field(default_factory=dict)

    def run(self, rounds: int) -> None:
        """Time every contender once a round, in alternating order; milliseconds a call go to `times`."""
        self.times = {name: [] for name in self.contenders}
        for number in range(-1, rounds):  # round -1 warms up
            order = list(self.contenders.items())
            for name, call in order if number % 2 else reversed(order):
                # The BLAS threads of the one before go on looking for work for a while: without the pause
                # torch's small layers, measured after NumPy, seem two to four times slower than they are.
                time.sleep(PAUSE)
                for _ in range(self.calls):
                    call()
                start = time.perf_counter()
                for _ in range(self.calls):
                    call()
                if number >= 0:
                    self.times[name].append((time.perf_counter() - start) / self.calls * 1e3)

    def median(self, name: str) -> float:
        return statistics.median(self.times[name])

    def ratio(self, aim: Aim) -> float:
        pairs = zip(self.times[aim.numerator], self.times[aim.denominator], strict=True)
        return statistics.median(a / b for a, b in pairs)
