"""What a reader can move, and what it gives the drawing function."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.validation import require, require_flag, require_int, require_number

MOST_STEPS = 10_000
LONGEST = 1000
"""Characters that a line of text may have."""


@dataclass(frozen=True)
class Slider:
    """A number from `low` to `high`, a whole one where `step` is an int. `step` is None for a logarithmic
    slider, whose values have three significant digits."""

    label: str
    low: float
    high: float
    value: float
    step: float | None

    @property
    def whole(self) -> bool:
        """Whether its values are ints."""
        return isinstance(self.step, int)

    def tidy(self, number: float) -> float:
        """`number` within the bounds, without the digits that only arithmetic has put there."""
        number = min(max(float(number), self.low), self.high)
        if self.whole:
            return round(number)
        if self.step is None:
            return float(f"{number:.3g}")
        return round(number, 2 + max(0, -math.floor(math.log10(self.step))))

    def sweep(self, count: int) -> list[float]:
        """`count` values from `low` to `high`, for tests and benchmarks."""
        shares = [k / max(1, count - 1) for k in range(count)]
        if self.step is None:
            return [self.tidy(self.low * (self.high / self.low) ** share) for share in shares]
        steps = (self.high - self.low) / self.step
        return [self.tidy(self.low + round(share * steps) * self.step) for share in shares]


@dataclass(frozen=True)
class Choice:
    """One of a few things: `options` maps what the reader sees to what the drawing function gets; `start` is
    what the reader sees first."""

    label: str
    options: Mapping[str, Any]
    start: str

    @property
    def value(self) -> Any:
        """What the drawing function gets at the start."""
        return self.options[self.start]

    def sweep(self, count: int) -> list[Any]:
        """At most `count` of its values."""
        return list(self.options.values())[:count]


@dataclass(frozen=True)
class Text:
    """A line that the reader types; `examples` are lines to choose from."""

    label: str
    value: str
    examples: tuple[str, ...] = ()

    def sweep(self, count: int) -> list[str]:
        """At most `count` lines."""
        return [self.value, *self.examples][:count]


def slider(
    label: str, low: float, high: float, *, value: float, step: float | None = None, log: bool = False
) -> Slider:
    """A slider with a number field beside it.

    `label` says what the number is; it moves from `low` to `high` (both included) and starts at `value`. The
    drawing function gets ints if `low`, `high` and `step` are ints, floats otherwise; without `step` it is 1
    between ints, a hundredth of the way between floats. With `log` equal moves are equal factors.

    Raises ValueError for an empty label, bounds in the wrong order, a value outside, a step that does not fit
    between them or would be one of more than 10,000, and `log` with bounds that are not positive or a step.
    """
    _require_text("label", label)
    low, high = _number("low", low), _number("high", high)
    require(low < high, "high", high, f"more than low, {low}")
    value = _number("value", value)
    require(low <= value <= high, "value", value, f"a number from {low} to {high}")
    if require_flag("log", log):
        require(low > 0, "low", low, "a positive number, for a logarithmic slider")
        require(step is None, "step", step, "none, for a logarithmic slider")
        return Slider(label, float(low), float(high), float(value), None)
    if step is None:
        step = 1 if isinstance(low, int) and isinstance(high, int) else (high - low) / 100
    step = _number("step", step)
    wanted = f"more than 0 and at most {high - low:g}, and a slider of at most {MOST_STEPS:,} steps"
    require(0 < step <= high - low and (high - low) / step <= MOST_STEPS, "step", step, wanted)
    whole = all(isinstance(each, int) for each in (low, high, step))
    if whole:
        value = require_int("value", value, minimum=low)
        return Slider(label, low, high, value, step)
    return Slider(label, float(low), float(high), float(value), float(step))


def choice(label: str, options: Sequence[str] | Mapping[str, Any], *, value: str | None = None) -> Choice:
    """A list from which one thing is chosen.

    `options` are strings, or a mapping from the strings that are shown to what the drawing function gets;
    `value` is the string it starts with, by default the first. Raises ValueError for an empty label, fewer
    than two options, options that are no strings or twice the same, and a value that is none of them.
    """
    _require_text("label", label)
    wanted = "a list of two or more different strings, or a mapping with such keys"
    require(isinstance(options, Mapping | list | tuple), "options", f"{options!r:.80}", wanted)
    shown = list(options)
    fits = all(isinstance(each, str) and each.strip() for each in shown) and len(shown) > 1
    require(fits and len(set(shown)) == len(shown), "options", f"{shown!r:.80}", wanted)
    values = dict(options) if isinstance(options, Mapping) else dict(zip(shown, shown, strict=True))
    start = shown[0] if value is None else value
    require(isinstance(start, str) and start in values, "value", repr(start), f"one of {shown!r:.200}")
    return Choice(label, values, start)


def text(label: str, value: str, *, examples: Sequence[str] = ()) -> Text:
    """A line to type into, taken over on Enter or when the field is left.

    It starts with `value`; `examples` are lines that the reader can choose instead of typing. What the
    drawing function cannot use it refuses with a ValueError, whose sentence is shown while the picture stays.
    Raises ValueError for an empty label or value and for examples that are no strings.
    """
    _require_text("label", label)
    _require_text("value", value)
    wanted = "a list of strings"
    require(isinstance(examples, list | tuple), "examples", f"{examples!r:.80}", wanted)
    for each in examples:
        require(isinstance(each, str) and bool(each.strip()), "examples", f"{each!r:.80}", wanted)
    return Text(label, value, tuple(examples))


def _require_text(argument: str, value: object) -> None:
    fits = isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST and "\n" not in value
    require(fits, argument, f"{value!r:.80}", "a line of text")


def _number(argument: str, value: object) -> float | int:
    """`value` as an int if it is one, as a finite float otherwise."""
    number = require_number(argument, value)
    return int(value) if hasattr(value, "__index__") else number
