"""Contenders timed in turn, and the ratios they are to keep."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

PAUSE = 0.05  # seconds
LEVEL = 0.95


@dataclass
class Aim:
    """The time of one contender over that of another, and the bound it is to keep."""

    numerator: str
    denominator: str
    bound: float
    at_least: bool

    def verdict(self, low: float, high: float) -> str:
        """"yes" or "NO" where all of the interval from `low` to `high` says so, else "not told apart"."""
        met = [value >= self.bound if self.at_least else value <= self.bound for value in (low, high)]
        return "yes" if all(met) else "not told apart" if any(met) else "NO"

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

    def ratios(self, aim: Aim) -> list[float]:
        """Of every round: what disturbs the machine for a while disturbs both sides of it."""
        pairs = zip(self.times[aim.numerator], self.times[aim.denominator], strict=True)
        return [a / b for a, b in pairs]

    def judged(self) -> list[dict[str, str | float]]:
        """Of each aim: the median of its ratios, the `interval` that it lies in, whether it is met."""
        found = []
        for aim in self.aims:
            ratios = self.ratios(aim)
            ratio, (low, high) = statistics.median(ratios), interval(ratios)
            numbers = {"ratio": round(ratio, 4), "low": round(low, 4), "high": round(high, 4)}
            found.append({"aim": str(aim), **numbers, "met": aim.verdict(low, high)})
        return found


def interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """Two of the `values` between which the median of what they are drawn from lies with probability `level`
    or more; the smallest and the largest where there are too few for that (fewer than 6 for 0.95).

    The median is as likely below a value as above, whatever the distribution: k of n values lie below it with
    the probability of k heads in n throws of a coin (Thompson 1936).
    """
    ordered, n = sorted(values), len(values)
    outside, skipped = 2 / 2**n, 0   # the probability that the median is beyond the values left
    while (wider := outside + 2 * math.comb(n, skipped + 1) / 2**n) <= 1 - level:
        outside, skipped = wider, skipped + 1
    return ordered[skipped], ordered[n - 1 - skipped]
