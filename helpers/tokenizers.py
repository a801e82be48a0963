"""Cutting a text into tokens: at spaces, into characters, or (Korean) into morphemes.

What is cut is what `helpers.corpora.text.visible` leaves of a text: composed, and nothing that nobody sees.

    정말 재미있었다    words         정말 | 재미있었다
                       characters    정 | 말 | (space) | 재 | 미 | 있 | 었 | 다
                       morphemes     정말 | 재미있 | 었 | 다        really, be fun, past, statement
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from functools import cache

from helpers.corpora.download import CorpusUnavailable
from helpers.corpora.text import characters as _characters
from helpers.corpora.text import folded, require_several, visible
from helpers.validation import require_choice

KINDS = ("words", "characters", "morphemes")


class TokenizerUnavailable(CorpusUnavailable):
    """What cuts Korean into morphemes is not installed; the message has the command."""


def words(text: str) -> list[str]:
    """What stands between spaces."""
    return visible(text).split()


def characters(text: str) -> list[str]:
    """Characters, a single space for any amount of space between words. An emoji of several parts is one."""
    return _characters(folded(text))


def morphemes(text: str) -> list[str]:
    """Korean morphemes, by kiwipiepy. Raises TokenizerUnavailable when that is not installed."""
    return tokenized([text], "morphemes")[0]


def tokenized(texts: Iterable[str], kind: str) -> list[list[str]]:
    """The tokens of every text; `kind` is "words", "characters" or "morphemes" (with all cores: about 2,000
    reviews of a line a second and core). ValueError for one text in place of a list."""
    require_choice("kind", kind, KINDS)
    require_several("texts", texts, "a list of texts")
    texts = [visible(text, "texts") for text in texts]
    if kind == "morphemes":
        return [_forms(tokens) for tokens in _kiwi().tokenize(iter(texts))]
    return [(words if kind == "words" else characters)(text) for text in texts]


def kiwi_version() -> str:
    """The version of kiwipiepy and its model: together they decide the morphemes. TokenizerUnavailable
    without them."""
    try:
        versions = [importlib.metadata.version(name) for name in ("kiwipiepy", "kiwipiepy_model")]
    except importlib.metadata.PackageNotFoundError as error:
        raise TokenizerUnavailable(_MISSING) from error
    return "-".join(versions)


_MISSING = (
    "Morphemes need kiwipiepy, which is not installed (about 100 MB):\n"
    '  python -m pip install -c constraints.txt -e ".[korean]"'
)


@cache
def _kiwi():
    try:
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise TokenizerUnavailable(_MISSING) from error
    return Kiwi()


def _forms(tokens: Sequence) -> list[str]:
    return [token.form for token in tokens]
