"""A verdict, and its sentences: what was compared, why a function was stopped, which case it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.checks.cases import EXAMPLE, Case, describe
from helpers.checks.compare import Outcome
from helpers.checks.errors.values import is_tensor
from helpers.checks.failing import FailingCase
from helpers.checks.limits import LimitExceeded, MemoryLimitExceeded, Place
from helpers.checks.registry import Exercise
from helpers.checks.words import codes, named, told
from helpers.languages import listed, translate

PASSED, NOT_ATTEMPTED, FAILED = "passed", "not attempted", "failed"


@dataclass(frozen=True)
class Verdict:
    """State, the text for the learner, and the misconception that was recognised (its name) if any."""

    exercise: str
    state: str
    text: str
    hint: str = ""
    title: str = ""
    misconception: str | None = None
    printed: str = ""
    fingerprint: str = ""
    credit: float = 0.0   # of a wrong answer: the part of the points it gets (`credit`)
    case: FailingCase | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        return self.state == PASSED


def state_in_words(state: str) -> str:
    """The name of a verdict's state in the language in use."""
    return {
        PASSED: translate("passed"),
        NOT_ATTEMPTED: translate("not attempted"),
        FAILED: translate("failed"),
    }[state]


def case_text(case: Case) -> str:
    """The arguments of a case, and what is special about it."""
    if case.tag:
        return translate("Case ({special}): {arguments}.", special=case.told_tag(), arguments=case)
    return translate("Case: {arguments}.", arguments=case)


def stopped_text(stopped: LimitExceeded, seconds: float, function, case: Case | None = None) -> str:
    """Why and where a function was stopped in this case."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    place = next((each for each in stopped.places if each.file == own and each.source), None)
    if isinstance(stopped, MemoryLimitExceeded):
        text = _stopped_for_memory(stopped.grown / 2**20, place)
    else:
        text = _stopped_for_time(seconds, place)
    return f"{text} {case_text(case)}" if case else text


def _stopped_for_memory(grown: float, place: Place | None) -> str:
    size = f"{grown:.0f} MiB"
    if place is None:
        return translate(
            "It was stopped: it had taken {size} of memory. Does something grow in every round of a loop "
            "that does not end?", size=size,
        )  # fmt: skip
    return translate(
        "It was stopped, at `{code}` (line {line} of its cell): it had taken {size} of memory. Does "
        "something grow in every round of a loop that does not end?",
        size=size, code=place.source, line=place.line,
    )  # fmt: skip


def _stopped_for_time(seconds: float, place: Place | None) -> str:
    if place is None:
        return translate(
            "It did not come back within {seconds} seconds and was stopped. Does a loop never end (a "
            "condition that stays true, a counter that is not counted up)?", seconds=f"{seconds:g}",
        )  # fmt: skip
    return translate(
        "It did not come back within {seconds} seconds and was stopped, at `{code}` (line {line} of its "
        "cell). Does a loop never end (a condition that stays true, a counter that is not counted up)?",
        seconds=f"{seconds:g}", code=place.source, line=place.line,
    )  # fmt: skip


def mutation_hint(outcome: Outcome, case: Mapping[str, Any]) -> str:
    """How not to write into the argument that was changed; "" when none was."""
    if not outcome.mutated:
        return ""
    changed, name = codes(outcome.mutated), outcome.mutated[0]
    if isinstance(case[name], np.ndarray):
        return translate(
            "The function changed {changed} in place (`+=`, `*=` or `[...] =` on an argument writes into the "
            "caller's array). Work on a copy: `{name} = {name}.copy()`.", changed=changed, name=name,
        )  # fmt: skip
    if is_tensor(case[name]):
        return translate(
            "The function changed {changed} in place (`+=`, `*=`, `[...] =` or a method ending in `_`). Work "
            "on a copy: `{name} = {name}.clone()`.", changed=changed, name=name,
        )  # fmt: skip
    return translate(
        "The function changed {changed} in place (`append`, `sort`, `pop`, `+=` or `[...] =` on an argument "
        "changes the caller's). Work on a copy: `{name} = copy.deepcopy({name})`, after `import copy`.",
        changed=changed, name=name,
    )  # fmt: skip


def praise(exercise: Exercise, cases: Sequence[Case], oracles: Sequence[str]) -> str:
    """What was compared with what, on how many cases."""
    tags = dict.fromkeys(case.told_tag() for case in cases if case.tag and case.tag != EXAMPLE)
    text = translate(
        "Compared {names} with {oracles} on {count} cases, one with {arguments}.",
        names=codes(map(named, exercise.outputs)), oracles=listed(list(map(told, oracles))), count=len(cases),
        arguments=describe(cases[exercise.rounds - 1].arguments, 120),
    )  # fmt: skip
    return f"{text} {translate('Among them: {cases}.', cases=', '.join(tags))}" if tags else text
