"""Errors that a learner's function raises, told in the exercise's words.

`describe_error` finds the line (`place`), and a table of rules, a regular expression each and its translator
or the reason itself, turns the common messages of Python, NumPy and torch into reasons with the learner's
names and shapes: clauses without a full stop, in the language in use. A rule that cannot say anything exact
returns None, and the next is asked; what no rule knows stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from helpers.checks.errors import arrays, names, objects, shapes, tensors
from helpers.checks.errors.place import Spot, find, traces_of
from helpers.checks.words import told
from helpers.languages import translate

RULES = (*shapes.RULES, *arrays.RULES, *tensors.RULES)
PYTHON_RULES = (*names.RULES, *objects.RULES)   # of errors that arose on the learner's line itself


def describe_error(error: BaseException, function: Callable[..., Any]) -> str:
    """The error in the learner's words: its type, the line of theirs that raised it, and what went wrong.

    The message is told with the operands' names and shapes where a rule knows it, and as it is otherwise.
    Nothing of the learner's is called for it, and it raises nothing, whatever stands in the frames.
    """
    if isinstance(elsewhere := getattr(error, "told", None), str):   # where it was raised, in another process
        return elsewhere
    name = type(error).__name__
    try:
        message = _cut(re.sub(r"\b(\w+)_reference\(\)", r"\1()", str(error)))   # the course's, in its place
    except Exception:   # an exception of the learner's own
        message = translate("(a message that cannot be shown)")
    try:
        spot = find(error, function)
    except Exception:
        spot = Spot(error)
    values = {"error": name, "line": spot.line, "code": spot.source}
    if reason := _reason(f"{name}: {message}", spot):
        text = _explained(spot, values | {"reason": reason if reason.endswith("?") else f"{reason}."})
    else:
        text = _as_it_is(spot, values | {"message": message})
    if spot.caller is None or not spot.caller.source:
        return text
    called = {"line": spot.caller.line, "code": spot.caller.source}
    return f"{text} {translate('Your line {line}, `{code}`, has called it.', **called)}"


def is_stub(error: BaseException | None) -> bool:
    """Whether it is the ``raise NotImplementedError`` of a stub, and none of a library."""
    if not isinstance(error, NotImplementedError) or "not implemented for" in str(error):   # torch's words
        return False
    traces = [trace.tb_frame.f_code.co_filename for trace in traces_of(error)]
    return not traces or not re.search(r"(?:site|dist)-packages", traces[-1])


def _cut(message: str, limit: int = 300) -> str:
    """A message without the middle of the values that it may show."""
    return message if len(message) <= limit else f"{message[: limit // 2]} … {message[-limit // 3 :]}"


def _explained(spot: Spot, values: dict[str, Any]) -> str:
    if not spot.source:
        return translate("It raised {error}: {reason}", **values)
    if spot.own:
        return translate("It raised {error} in line {line} of its cell, `{code}`: {reason}", **values)
    return translate("It raised {error} in line {line} of the cell of `{function}`, `{code}`: {reason}",
                     function=spot.code.co_name, **values)  # fmt: skip


def _as_it_is(spot: Spot, values: dict[str, Any]) -> str:
    if not spot.source:
        return translate("It raised {error}: {message}.", **values)
    if spot.own:
        return translate("It raised {error}: {message} in line {line} of its cell: `{code}`.", **values)
    return translate("It raised {error}: {message} in line {line} of the cell of `{function}`: `{code}`.",
                     function=spot.code.co_name, **values)  # fmt: skip


def _reason(text: str, spot: Spot) -> str:
    """What the first rule says that knows the message, or ""."""
    for pattern, translator in (*RULES, *(PYTHON_RULES if spot.last else ())):
        found = re.search(pattern, text)
        if found:
            try:
                reason = told(translator) if isinstance(translator, str) else translator(found, spot)
            except Exception:   # a rule that meets what it was not made for says nothing
                continue
            if reason:
                return reason
    return ""
