"""The line of a learner's that the nan or the infinity of a result comes of, and what happens there."""

from __future__ import annotations

import linecache
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import numpy as np

from helpers.checks.judged import Judged, returned
from helpers.checks.limits import LimitExceeded, run_limited
from helpers.checks.words import Message, every, told
from helpers.languages import translate

SECONDS = 2.0
"""For the one call that is watched."""

REASONS = (
    (r"divide by zero .* log", Message("the logarithm of 0 is −inf")),
    (r"divide by zero", Message("a number divided by 0 is infinite")),
    (r"overflow .* exp", Message("exp of so large a number is inf")),
    (r"overflow", Message("what is too large for a float is inf")),
    (r"invalid .* log", Message("a negative number has no logarithm")),
    (r"invalid .* (sqrt|power)", Message("a negative number has no root")),
    (r"invalid .* (divide|remainder)", Message("0 / 0 and inf / inf are nan")),
    (r"invalid .* multiply", Message("0 · inf is nan")),
    (r"invalid .* (subtract|add|reduce|accumulate)", Message("inf − inf is nan")),
    (r"of empty slice", Message("the mean of nothing is nan")),
    (r"invalid value encountered in (?P<name>arc\w+)", Message("`np.{name}` has no value there")),
)
"""What NumPy warns of → what happens."""


def origin(judged: Judged, number: int) -> str:
    """Where, in case `number`, a wrong result gets its nan or infinity; "" where it has none or the arguments
    have some already, and where it cannot be told."""
    mine, right = judged.mine[number], judged.right[number]
    file = getattr(getattr(judged.function, "__code__", None), "co_filename", "")
    if not file or not returned(mine) or not returned(right):
        return ""
    given, kinds = judged.cases[number].arguments, (np.isnan, np.isinf)
    found = [each for each in kinds if _any(each, mine.outputs) and not _any(each, right.outputs)]
    if not found or any(_any(each, given) for each in kinds):
        return ""
    watched = _Watched(judged.function, file, found[0] is np.isnan)
    try:
        run_limited(lambda: judged.outcome(watched, number), seconds=SECONDS)
    except LimitExceeded:
        return ""
    return watched.told()


class _Watched:
    """`function`, and what NumPy warns of in its lines, up to the first nan (with `nan`) or to the end."""

    def __init__(self, function: Callable[..., Any], file: str, nan: bool):
        self.function, self.file, self.nan = function, file, nan
        self.line = 0   # where the first nan comes; −1 where it came from outside
        self.events: list[tuple[int, str]] = []   # (line, what happens there)
        self._last: dict[FrameType, int] = {}

    def __call__(self, *arguments: Any) -> Any:
        before = sys.gettrace()
        with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
            warnings.simplefilter("always")
            warnings.showwarning = self._warned
            if self.nan and not self.line:
                sys.settrace(self._entered)
            try:
                return self.function(*arguments)
            finally:
                sys.settrace(before)
                self._last.clear()

    def _warned(self, message: Warning, category: type, file: str, line: int, *_: Any) -> None:
        if file == self.file and not self.line:
            for pattern, reason in REASONS:
                if said := re.search(pattern, str(message)):
                    self.events.append((line, reason.filled(**said.groupdict())))
                    return

    def _entered(self, frame: FrameType, event: str, result: Any) -> Any:
        return self._moved if frame.f_code.co_filename == self.file and not self.line else None

    def _moved(self, frame: FrameType, event: str, result: Any) -> Any:
        """Before each line, and at the end: has the line before left a nan?"""
        if self.line:
            return None
        if event in ("line", "return") and _any(np.isnan, {**frame.f_locals, "": result}):
            around = frame.f_back   # which has handed it in, where no line has run yet
            known = around is not None and around.f_code.co_filename == self.file
            self.line = self._last.get(frame) or (around.f_lineno if known else -1)
            return None
        self._last[frame] = frame.f_lineno
        return self._moved

    def told(self) -> str:
        """The sentence, "" where there is nothing to say."""
        if not self.nan and self.events:
            line = self.events[-1][0]
            return translate("On the way, in line {line} of its cell, `{code}`: {reason}.", **self._at(line))
        if self.line < 1:
            return ""
        at = self._at(self.line)
        if not at["reason"]:
            return translate("The first nan comes in line {line} of its cell: `{code}`.", **at)
        text = translate("The first nan comes in line {line} of its cell, `{code}`: {reason}.", **at)
        earlier = [line for line, reason in self.events if line != self.line and "inf" in reason]
        if not earlier or "inf" not in at["reason"]:
            return text
        before = translate("Before that, in line {line}, `{code}`: {reason}.", **self._at(earlier[-1]))
        return f"{text} {before}"

    def _at(self, line: int) -> dict[str, Any]:
        reasons = list(dict.fromkeys(told(reason) for where, reason in self.events if where == line))
        code = linecache.getline(self.file, line).strip()
        return {"line": line, "code": code, "reason": every(reasons) if reasons else ""}


def _any(test: Callable[..., Any], value: Any, depth: int = 3) -> bool:
    """Whether `test` holds for a number in `value`: of NumPy, torch or Python, also in lists and dicts."""
    if isinstance(value, Mapping | list | tuple):
        inside = list(value.values() if isinstance(value, Mapping) else value)[:1000]
        return depth > 0 and any(_any(test, each, depth - 1) for each in inside)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor) and value.is_floating_point():
        value = value.detach().double().numpy()
    if isinstance(value, float | np.floating | np.ndarray) and np.asarray(value).dtype.kind == "f":
        return bool(np.any(test(value)))
    return False
