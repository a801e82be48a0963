"""The texts of a figure in the language in use: those that a chapter has as names (labels of curves that are
keys of its results) are looked up when they are drawn, and in the sentence that goes with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from helpers.languages import ENGLISH, language, translate
from helpers.markup import HANGUL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORD = re.compile(r"[^\W\d_]{2,}")


def translate_texts(figure: Figure) -> list[str]:
    """Put the texts of `figure` into the language in use, as far as they have a translation. Returns those,
    as they were, that had to be looked up: with words, and not in it already. In English nothing happens."""
    from matplotlib.text import Text

    if language() == ENGLISH:
        return []
    found: list[str] = []

    def said(text: str) -> str:
        if not _has_words(text):
            return text
        found.append(text)
        return translate(text)

    ticks = set()
    for axis in _axes(figure):   # labels of ticks are written anew whenever they are drawn
        labels = [label.get_text() for label in axis.get_ticklabels()]
        if labels != (others := list(map(said, labels))):
            axis.set_ticks(axis.get_majorticklocs(), others)
        ticks |= {id(label) for label in axis.get_ticklabels()}
    for text in figure.findobj(Text):
        if id(text) not in ticks and text.get_text() != (other := said(text.get_text())):
            text.set_text(other)
    return list(dict.fromkeys(found))


def translate_names(sentence: str, figure: Figure) -> str:
    """`sentence` with names that `figure` shows as it will show them, once its texts are translated. In
    parentheses a name explains the word before it, and stays."""
    from matplotlib.text import Text

    if language() == ENGLISH:
        return sentence
    texts = {text.get_text() for text in figure.findobj(Text)}
    texts |= {label.get_text() for axis in _axes(figure) for label in axis.get_ticklabels()}
    others = {text: translate(text) for text in sorted(texts, key=len, reverse=True) if _has_words(text)}
    names = "|".join(re.escape(text) for text, other in others.items() if text != other)
    if not names:
        return sentence
    return re.sub(
        rf"\([^()]*\)|(?<![\w-])(?:{names})(?![\w-])", lambda found: others.get(found[0], found[0]), sentence
    )


def _axes(figure: Figure) -> Iterator:
    for axes in figure.axes:
        yield from (axes.xaxis, axes.yaxis)


def _has_words(text: str) -> bool:
    return bool(_WORD.search(re.sub(r"\$[^$]*\$", " ", text))) and not HANGUL.search(text)
