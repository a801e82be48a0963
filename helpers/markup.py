"""The little HTML that boxes, tables, pictures and captions share. What it colours can be read on any
background, light or dark: white letters on a dark ground, all other text in the colour of the page."""

from __future__ import annotations

import base64
import html
import re
import struct

GOOD, BAD, UNSURE, NEUTRAL = "#2e7d32", "#c62828", "#8f5600", "#6b6b6b"
"""Grounds for white letters: at least 4.5 to 1 with white; as a line, 3 to 1 with white and near-black."""

_CODE = re.compile(r"`([^`]+)`")
_STRESSED = re.compile(   # a Korean particle may follow
    r"(?<![\w*`])\*([^\W\d_](?:[^*`]*[\w.)])?)\*(?![A-Za-z0-9_*`])"
)
_LETTERS = "[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]+"
HANGUL = re.compile(f"{_LETTERS}(?: {_LETTERS})*")
"""Korean words in a row."""


def rich(text: str) -> str:
    """HTML of `text`: `code` in backticks, *stress* in asterisks, and Korean marked as Korean, so that it is
    read aloud as such."""
    parts = _CODE.split(html.escape(text, quote=False))   # what stands in backticks is every second one
    parts[1::2] = [f"<code>{code}</code>" for code in parts[1::2]]
    parts[::2] = [_STRESSED.sub(r"<em>\1</em>", words) for words in parts[::2]]
    return _in_korean("".join(parts))


def spoken(text: str) -> str:
    """HTML of `text` as it stands, Korean marked as Korean."""
    return _in_korean(html.escape(text, quote=False))


def _in_korean(escaped: str) -> str:
    return HANGUL.sub(r"<span lang='ko'>\g<0></span>", escaped)


def badge(text: str, colour: str) -> str:
    """HTML of `text`, a mark and words, in white on `colour`."""
    style = f"display:inline-block;background:{colour};color:#fff;padding:0 .5em;border-radius:.25em"
    return f"<span style='{style}'>{_in_korean(html.escape(text))}</span>"


def image(png: bytes, alt: str) -> str:
    """HTML of a PNG with its alternative text and its size, so that nothing jumps when it is replaced."""
    width, height = struct.unpack(">II", png[16:24])
    look = f"width='{width}' height='{height}' style='max-width:100%;height:auto'"
    data = base64.b64encode(png).decode("ascii")
    return f"<img alt='{html.escape(alt)}' {look} src='data:image/png;base64,{data}'>"


def table(caption: str, headers: tuple[str, ...], body: str, *, above: bool = False) -> str:
    """HTML of a table whose rows, in `<tbody>`, are `body`; every column has its header. The caption stands
    below it, or `above` it in bold."""
    left = "text-align:left"
    names = (_in_korean(html.escape(each)) for each in headers)
    columns = "".join(f"<th scope='col' style='{left}'>{name}</th>" for name in names)
    place = "caption-side:top;font-weight:bold" if above else "caption-side:bottom"
    titled = f"<caption style='{place};{left};color:inherit'>{_in_korean(html.escape(caption))}</caption>"
    return f"<table>{titled}<thead><tr>{columns}</tr></thead>{body}</table>"
