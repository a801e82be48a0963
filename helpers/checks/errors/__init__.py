"""Errors that a learner's function raises, told in the exercise's words.

`describe_error` finds the line (`place`), and a table of rules, a regular expression and its translator each,
turns the common messages of Python, NumPy and torch into sentences with the learner's own names and shapes.
A rule that cannot say anything exact returns None, and the next is asked; what no rule knows stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from helpers.checks.errors import (
    broadcasting,
    calls,
    indices,
    joining,
    names,
    numbers,
    objects,
    products,
    tensors,
)
from helpers.checks.errors.place import Spot, Translator, find

RULES: tuple[tuple[re.Pattern, Translator], ...] = tuple(
    (re.compile(pattern), translator)
    for module in (products, broadcasting, joining, indices, tensors, names, numbers, objects, calls)
    for pattern, translator in module.RULES
)


def describe_error(error: BaseException, function: Callable[..., Any]) -> str:
    """The error in the learner's words: its type, the line of theirs that raised it, and what went wrong.

    The message is told with the operands' names and shapes where a rule knows it, and as it is otherwise.
    Nothing of the learner's is called for it, and it raises nothing, whatever stands in the frames.
    """
    name = type(error).__name__
    try:
        message = str(error)
    except Exception:   # an exception of the learner's own
        message = "(a message that cannot be shown)"
    try:
        spot = find(error, function)
        place = _place(spot)
    except Exception:
        spot, place = Spot(error), ""
    told = _translated(f"{name}: {message}", spot)
    if not told:
        return f"It raised {name}: {message}{place}{f': `{spot.source}`' if place else ''}."
    source = f", `{spot.source}`" if place else ""
    return f"It raised {name}{place}{source}: {told}{'' if told.endswith('?') else '.'}"


def _place(spot: Spot) -> str:
    if not spot.source:
        return ""
    if spot.own:
        return f" in line {spot.line} of its cell"
    named = spot.code is not None and spot.code.co_name.isidentifier()
    return (
        f" in line {spot.line} of the cell of `{spot.code.co_name}`"
        if named
        else f" in line {spot.line} of another cell"
    )


def _translated(text: str, spot: Spot) -> str:
    """What the first rule says that knows the message, or ""."""
    for pattern, translator in RULES:
        found = pattern.search(text)
        if found:
            try:
                told = translator(found, spot)
            except Exception:   # a rule that meets what it was not made for says nothing
                continue
            if told:
                return told
    return ""
