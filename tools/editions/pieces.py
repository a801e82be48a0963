"""A piece of text to be translated: where it stands in its source, and what goes around it there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SPAN = re.compile(
    r"(?P<code>(`+)(?!`).+?(?<!`)\2(?!`))|(?P<maths>\$\$.+?\$\$|(?<!\\)\$(?=\S)[^$\n]*?(?<!\\)\$)"
    r"|(?P<tag><code>.*?</code>|</?(?:a|b|br|details|em|i|img|p|span|strong|su[bp]|summary)\b[^<>]*>)"
    r"|(?P<link>\]\([^()\s]*\))",
    re.S,
)
"""Code, formulas, tags and targets of links: no translation changes these."""

WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Piece:
    """The part from `start` to `end` of a source; `message` is what it says, `written` what stands there for
    a translation of it. `kind` tells translators what it is."""

    start: int
    end: int
    message: str
    kind: str
    written: Callable[[str], str] = str


def has_words(text: str) -> bool:
    """Whether there is anything to translate: words outside code, formulas, tags and targets."""
    return bool(WORD.search(SPAN.sub(" ", text)))


def replaced(source: str, pieces: Iterable[Piece], translation: Callable[[str], str | None]) -> str:
    """`source` with its pieces in another language; a piece without translation stays as it is."""
    parts, at = [], 0
    for piece in sorted(pieces, key=lambda piece: piece.start):
        other = translation(piece.message)
        if other is None:
            continue
        parts += [source[at : piece.start], piece.written(other)]
        at = piece.end
    return "".join([*parts, source[at:]])
