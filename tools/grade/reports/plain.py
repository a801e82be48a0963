"""Text of learners' made harmless, and numbers and times as people read them.

What a learner wrote or made (ids, printed text, source, messages of errors) is anything at all: it is cut,
and marks that hide or turn what stands beside them are written as their numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

from tools.grade.results import (
    FAILED,
    MISSING,
    NOT_ATTEMPTED,
    NOT_GRADED,
    PARTLY,
    PASSED,
    ExerciseResult,
    SubmissionResult,
)

SYMBOLS = {PASSED: "✓", PARTLY: "≈", FAILED: "✗", NOT_ATTEMPTED: "○", MISSING: "–", NOT_GRADED: "?"}
"""A mark for each state; consoles without them get `helpers.console.STAND_INS`."""

ID, SENTENCE, PRINTED, SOURCE = 120, 4_000, 8_000, 40_000
"""How many characters are shown of a learner's id, a text, what was printed, the source."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")   # colours
_NO_TEXT = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}   # control, half a surrogate pair, unassigned, line ends
_UNUSUAL = re.compile(r"[^\n\t -~]")
_JOINERS = "\u200c\u200d"   # that scripts and emoji need; other marks of format are written out


def clean(text: object, limit: int = SENTENCE, *, line: bool = False) -> str:
    """`text` in at most `limit` characters that any format can hold; `line`: on one line.

    Control characters, halves of surrogate pairs and marks that change the direction of writing become
    ``\\x00``, ``\\ud800``, ``\\u202e``; terminals' colours are dropped.
    """
    text = str(text)
    left = len(text) - limit
    text = _ANSI.sub("", text[:limit]).replace("\r\n", "\n").replace("\r", "\n")
    text = _UNUSUAL.sub(lambda found: _visible(found[0]), text)
    if line:
        text = " ".join(text.split())
    return f"{text} … ({left} more characters)" if left > 0 else text


def _visible(mark: str) -> str:
    kind = unicodedata.category(mark)
    if kind in _NO_TEXT or (kind == "Cf" and mark not in _JOINERS):
        return f"\\x{ord(mark):02x}" if mark.isascii() else mark.encode("ascii", "backslashreplace").decode()
    return mark


def label(learner: str) -> str:
    """A learner's id, to be shown."""
    return clean(learner, ID, line=True) or "(no name)"


def spans(text: str) -> Iterator[tuple[bool, str]]:
    """The pieces of a text in which code is set in backticks, and whether each is code."""
    for index, piece in enumerate(re.split(r"`([^`]+)`", text)):
        if piece:
            yield index % 2 == 1, piece


def number(value: float | None) -> str:
    """Points as people write them, to two decimals; "" where there are none."""
    return "" if value is None else f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def count(many: int, thing: str) -> str:
    """``3 exercises``."""
    return f"{many} {thing}{'' if many == 1 else 's'}"


def of(points: float, most: float) -> str:
    """``3.5 of 8``."""
    return f"{number(points)} of {number(most)}"


def heading(result: ExerciseResult) -> str:
    """``1.2 rnn_step``."""
    return f"{result.number} {result.exercise}".strip()


def missed(result: ExerciseResult) -> str:
    """A result in a few words: its state, and the mistake where it has a name."""
    mistake = clean(result.mistake, 200, line=True)
    return f"{result.state}: {mistake}" if mistake else result.state


def moment(text: str) -> datetime | None:
    """The time that `text` says in ISO 8601, None if it says none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def handed_in(submission: SubmissionResult) -> str:
    """When the newest of the submission's files was last changed, as it is written there; "" if unknown."""
    known = [(when, file.changed) for file in submission.files if (when := moment(file.changed)) is not None]
    return max(known)[1] if known else ""


def when(text: str) -> str:
    """A time in ISO 8601 for people: ``2026-11-29 03:26 UTC``, in the zone in which it was written."""
    found = moment(text)
    return clean(text, 40, line=True) if found is None else found.strftime("%Y-%m-%d %H:%M %Z").strip()
