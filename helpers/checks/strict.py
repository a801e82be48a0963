"""Strict mode: in tests, grading and CI an exercise that has not passed fails its cell.

It is on when ``UNROLLED_STRICT=1`` or nbgrader executes the notebook (``NBGRADER_EXECUTION``), read once
at import, so that a cell that tidies up the environment does not turn it off by accident.

By accident only: a notebook's cells, the checks and this module are one process, so whoever wants to can turn
it off or patch the judge. Boxes and strict mode keep an honest learner from believing that a wrong answer is
right. What counts is graded from outside: ``python -m tools.grade``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.checks.verdict import Verdict

STRICT = os.environ.get("UNROLLED_STRICT") == "1" or bool(os.environ.get("NBGRADER_EXECUTION"))


class CheckFailed(AssertionError):
    """An exercise has not passed, in strict mode."""


def enforce(verdict: Verdict, function: Callable[..., Any], stand_in: Callable[..., Any]) -> None:
    """In strict mode raise CheckFailed unless `verdict` passed.

    The raise keeps ``f = check("f", f)`` from assigning, so the name is rebound to the course's version
    first: a wrong answer costs its own points, not those of the exercises that build on it.
    """
    if not STRICT or verdict.passed:
        return
    from IPython import get_ipython

    shell = get_ipython()
    name = getattr(function, "__name__", None)
    if shell is not None and shell.user_ns.get(name) is function:
        shell.user_ns[name] = stand_in
    raise CheckFailed(f"{verdict.exercise}: {verdict.state}. {verdict.text} {verdict.hint}".strip())
