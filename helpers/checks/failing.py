"""The case an answer failed in, to be looked at and run again in the notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from helpers.checks.cases import Case
from helpers.checks.compare import Outcome
from helpers.languages import translate
from helpers.validation import require

_LAST: dict[str, FailingCase] = {}


class FailingCase:
    """One case of an exercise: `arguments` by name (new copies each time), `wanted` and `got` by name.

    `got` is empty when the function raised or was stopped. `rerun()` calls the learner's function once more,
    with whatever it prints, warns and raises; `function` is that function.
    """

    def __init__(self, name: str, function: Callable[..., Any], case: Case,
                 wanted: Mapping[str, Any] | None = None, outcome: Outcome | None = None):  # fmt: skip
        self.name, self.function, self._case = name, function, case
        self.wanted = dict(wanted or {})
        self.got = dict(outcome.outputs) if outcome else {}

    @property
    def arguments(self) -> dict[str, Any]:
        return self._case.fresh()

    def rerun(self) -> Any:
        """Call the function on the case's arguments → what it returns."""
        return self.function(*self.arguments.values())

    def __repr__(self) -> str:
        values = {"name": self.name, "arguments": self._case}
        if not self._case.tag:
            return translate(
                "<the case that {name} failed in: {arguments}; see .arguments, .wanted, .got, .rerun()>",
                **values,
            )
        return translate(
            "<the case that {name} failed in ({special}): {arguments}; "
            "see .arguments, .wanted, .got, .rerun()>", special=self._case.told_tag(), **values,
        )  # fmt: skip


def remember(name: str, case: FailingCase | None) -> None:
    """Keep the case of the latest check of `name`; None when it passed."""
    if case is None:
        _LAST.pop(name, None)
    else:
        _LAST[name] = case


def failing_case(name: str) -> FailingCase:
    """The case in which the latest check of the exercise `name` failed; ValueError when there is none."""
    there = ", ".join(map(repr, _LAST)) or "none yet"
    require(name in _LAST, "name", repr(name), f"an exercise whose latest check failed: {there}")
    return _LAST[name]
