"""A verdict, and its sentences: what was compared, why a function was stopped, which case it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.checks.cases import EXAMPLE, Case, describe
from helpers.checks.compare import Outcome
from helpers.checks.failing import FailingCase
from helpers.checks.limits import LimitExceeded, MemoryLimitExceeded
from helpers.checks.registry import Exercise

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


def case_text(case: Case) -> str:
    """The arguments of a case, and what is special about it."""
    special = f" ({case.tag})" if case.tag else ""
    return f"Case{special}: {case}."


def stopped_text(stopped: LimitExceeded, seconds: float, function, case: Case | None = None) -> str:
    """Why and where a function was stopped in this case."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    place = next((each for each in stopped.places if each.file == own and each.source), None)
    at = f", at `{place.source}` (line {place.line} of its cell)" if place else ""
    if isinstance(stopped, MemoryLimitExceeded):
        text = (
            f"It was stopped{at}: it had taken {stopped.grown / 2**20:.0f} MiB of memory. Does something "
            "grow in every round of a loop that does not end?"
        )
    else:
        text = (
            f"It did not come back within {seconds:g} seconds and was stopped{at}. Does a loop never end (a "
            "condition that stays true, a counter that is not counted up)?"
        )
    return f"{text} {case_text(case)}" if case else text


def mutation_hint(outcome: Outcome, case: Mapping[str, Any]) -> str:
    """How not to write into the argument that was changed; "" when none was."""
    if not outcome.mutated:
        return ""
    changed = ", ".join(f"`{name}`" for name in outcome.mutated)
    name = outcome.mutated[0]
    copied = f"`{name} = copy.deepcopy({name})`, after `import copy`"
    if isinstance(case[name], np.ndarray):
        copied = f"`{name} = {name}.copy()`"
    return (
        f"The function changed {changed} in place (`+=`, `*=` or `[...] =` on an argument writes into the "
        f"caller's array). Work on a copy: {copied}."
    )


def praise(exercise: Exercise, cases: Sequence[Case], oracles: Sequence[str]) -> str:
    """What was compared with what, on how many cases."""
    names = ", ".join(f"`{name}`" for name in exercise.outputs)
    against = " and ".join([", ".join(oracles[:-1]), oracles[-1]] if len(oracles) > 1 else oracles)
    tags = list(dict.fromkeys(case.tag for case in cases if case.tag and case.tag != EXAMPLE))
    special = f" Among them: {', '.join(tags)}." if tags else ""
    shapes = describe(cases[exercise.rounds - 1].arguments, 120)
    return f"Compared {names} with {against} on {len(cases)} cases, one with {shapes}.{special}"
