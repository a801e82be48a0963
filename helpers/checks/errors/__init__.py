"""Errors that a learner's function raises, told in the exercise's words.

`describe_error` finds the line (`place`), and a table of rules, a regular expression each and its translator
or the sentence itself, turns the common messages of Python, NumPy and torch into sentences with the learner's
names and shapes. A rule that cannot say anything exact returns None, and the next is asked; what no rule
knows stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from helpers.checks.errors import arrays, names, objects, shapes, tensors
from helpers.checks.errors.place import Spot, find

RULES = (*shapes.RULES, *arrays.RULES, *tensors.RULES)
PYTHON_RULES = (*names.RULES, *objects.RULES)   # of errors that arose on the learner's line itself


def describe_error(error: BaseException, function: Callable[..., Any]) -> str:
    """The error in the learner's words: its type, the line of theirs that raised it, and what went wrong.

    The message is told with the operands' names and shapes where a rule knows it, and as it is otherwise.
    Nothing of the learner's is called for it, and it raises nothing, whatever stands in the frames.
    """
    if isinstance(told := getattr(error, "told", None), str):   # where it was raised, in another process
        return told
    name = type(error).__name__
    try:
        message = str(error)
    except Exception:   # an exception of the learner's own
        message = "(a message that cannot be shown)"
    try:
        spot = find(error, function)
    except Exception:
        spot = Spot(error)
    place = _place(spot)
    told = _translated(f"{name}: {message}", spot)
    if not told:
        return f"It raised {name}: {message}{place}{f': `{spot.source}`' if place else ''}."
    source = f", `{spot.source}`" if place else ""
    return f"It raised {name}{place}{source}: {told}{'' if told.endswith('?') else '.'}"


def _place(spot: Spot) -> str:
    if not spot.source:
        return ""
    return f" in line {spot.line} of {'its cell' if spot.own else f'the cell of `{spot.code.co_name}`'}"


def _translated(text: str, spot: Spot) -> str:
    """What the first rule says that knows the message, or ""."""
    for pattern, translator in (*RULES, *(PYTHON_RULES if spot.last else ())):
        found = re.search(pattern, text)
        if found:
            try:
                told = translator if isinstance(translator, str) else translator(found, spot)
            except Exception:   # a rule that meets what it was not made for says nothing
                continue
            if told:
                return told
    return ""
