"""Finished pages' HTML, made better: other languages marked as such, lines that claim something wrapped."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from helpers.markup import HANGUL

ATTRIBUTE = re.compile(r'\b(title|aria-label)="([^"]+)"')
TAG = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)""")
OUTPUT = re.compile(r'<div class="output stream.*?</pre>', re.S)
CAPTION = re.compile(r"(?:Figure|그림): ")
CLAIM = re.compile(r"(?:^|(?<=<pre><span></span>))[✓✗] .*$", re.M)
CUT = 200
"""Characters of a page's description."""


def korean(body: str) -> str:
    """`body` with its Korean in elements that say so; what says it already stays."""
    if not HANGUL.search(body):
        return body
    parts = TAG.split(body)   # text, tag, text, …
    for number in range(0, len(parts), 2):
        if not (number and "lang=" in parts[number - 1]):
            parts[number] = HANGUL.sub(r'<span lang="ko">\g<0></span>', parts[number])
    return "".join(parts)


def english(body: str) -> str:
    """`body`, a Korean page's, with what code has printed in elements that say it is English."""
    return body.replace('<div class="output stream', '<div lang="en" class="output stream')


def attributes(page: str, translations: Mapping[str, str]) -> str:
    """`page` with its tags' titles and labels in another language, where they are among `translations`."""
    return ATTRIBUTE.sub(lambda match: f'{match[1]}="{translations.get(match[2], match[2])}"', page)


def claims(body: str) -> str:
    """`body` with every printed line that begins with ✓ or ✗ in an element of its own, which may be wrapped:
    it is a sentence, unlike the printed tables around it."""
    one = r'<span class="claim">\g<0></span>'
    return OUTPUT.sub(lambda output: CLAIM.sub(one, output[0]), body)


def plain(markup: str) -> str:
    """The text of `markup`, in one line."""
    return " ".join(html.unescape(TAG.sub("", markup)).split())


def caption_of(output: str, alt: str) -> bool:
    """Whether an HTML output is the caption that repeats a figure's alternative text."""
    return output.startswith("<small>") and CAPTION.sub("", plain(output), count=1) == " ".join(alt.split())


def cut(text: str) -> str:
    """`text` in one line, cut behind a word where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= CUT else line[: CUT - 1].rsplit(" ", 1)[0].rstrip(",;:") + " …"
