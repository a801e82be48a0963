"""Real English without a download: the language reference that ships inside Python.

`pydoc_data.topics` holds what ``help("if")`` shows. Here it is reduced to its prose: no tables, no
code, no grammar rules, every paragraph once (the original repeats whole chapters under several
titles). The text differs between Python releases: never rely on a number to the digit.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from helpers.corpora.download import CorpusUnavailable
from helpers.corpora.text import characters as _characters
from helpers.corpora.text import visible
from helpers.validation import require_fraction

_CODE = re.compile(r">>>|::=|\.\. |\|  |\+--|={3}|\*{4}|-{3}|\s[-+]?=\s")  # prompts, grammar, tables, rulers
_WORD = re.compile(r"\w+(?:['.]\w+)*|[^\w\s]")


class Splits(NamedTuple):
    """Three texts without a paragraph in common."""

    train: str
    valid: str
    test: str


@cache
def reference_topics() -> dict[str, str]:
    """Topic → its prose, one paragraph a line; every paragraph appears once in the whole.

    Raises CorpusUnavailable where Python was installed without `pydoc_data`.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise CorpusUnavailable(
            "This Python was installed without pydoc_data.topics, the text of help(). "
            "Install the complete standard library, or use another Python."
        ) from error
    seen: set[str] = set()
    prose = {}
    for topic in sorted(topics):
        paragraphs = [plain for block in re.split(r"\n\s*\n", topics[topic]) if (plain := _plain(block))]
        new = [paragraph for paragraph in dict.fromkeys(paragraphs) if paragraph not in seen]
        seen.update(new)
        if new:
            prose[topic] = "\n".join(new)
    return prose


def reference_text() -> str:
    """The whole text, one paragraph a line."""
    return "\n".join(reference_topics().values())


def reference_splits(*, valid: float = 0.1, test: float = 0.1) -> Splits:
    """Train, validation and test text: consecutive blocks of whole topics, in this order.

    `valid` and `test` are the shares of the characters wanted; whole topics make them approximate.
    Raises ValueError unless both are in [0, 1) and leave something to train on.
    """
    valid, test = require_fraction("valid", valid), require_fraction("test", test)
    require_fraction("valid + test", valid + test)
    topics = reference_topics()
    total = sum(map(len, topics.values()))
    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    before = 0
    for text in topics.values():
        middle = (before + len(text) / 2) / total  # a topic belongs to the block its middle falls into
        parts[(middle >= 1 - valid - test) + (middle >= 1 - test)].append(text)
        before += len(text)
    return Splits(*("\n".join(part) for part in parts))


def words(text: str) -> list[str]:
    """Lower-case words and punctuation marks: "Don't call object.f()." → don't call object.f ( ) ."""
    return _WORD.findall(visible(text).lower())


def characters(text: str) -> list[str]:
    """The characters of `text`, as `helpers.corpora.text` has them."""
    return _characters(text)


def _plain(block: str) -> str:
    """The block as one line of plain text, or "" if it is no prose."""
    lines = [line.strip() for line in block.strip().splitlines()]
    line = " ".join(lines)
    if any(_CODE.search(one) for one in lines) or not line.endswith((".", "?", "!", ":", ".)")):
        return ""
    line = re.sub(r"^(?:[*\-•]|\d+\.|\[\d+\])\s+", "", line)  # list bullets, footnote numbers
    line = re.sub(r"\s?\[\d+\]", "", line)  # references to footnotes
    line = re.sub(r"[\"“”`]|\*+(?=\S)|(?<=\S)\*+", "", line)  # quotation marks around code, emphasis
    line = line.translate(str.maketrans({"’": "'", "‘": "'", "—": "-", "–": "-", "…": "..."}))
    line = re.sub(r"\s+", " ", line).strip()
    letters = sum(ch.isalpha() or ch == " " for ch in line)
    return line if len(line.split()) >= 6 and line[:1].isalpha() and letters >= 0.8 * len(line) else ""
