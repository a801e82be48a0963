"""What a Markdown text says, piece by piece: headings, paragraphs, items, table cells, folded hints."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from markdown_it import MarkdownIt

from helpers.notebooks import HEADING
from tools.editions.pieces import Piece, has_words

_PARSER = MarkdownIt("commonmark").enable("table")
_FOLD = re.compile(r"<!--.*?-->|</?(?:details|summary|p|div|br|img)\b[^>]*>", re.S)
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)* (?:· )?)?")
_BAR = re.compile(r"(?<!\\)\|")


LINK = re.compile(r"(\]\()([^()\s]+)(\))")


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"[`*_$]", "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def headings(source: str) -> list[str]:
    """The texts of a document's headings."""
    tokens = _PARSER.parse(source)
    pairs = itertools.pairwise(tokens)
    return [after.content for token, after in pairs if token.type == "heading_open"]


def pieces(source: str) -> list[Piece]:
    """The pieces of a Markdown text, in order. Code blocks, formulas and numbers of headings are none."""
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    found: list[Piece] = []
    kind, row = [], None
    for token in _PARSER.parse(source):
        if token.type.endswith("_open"):
            kind.append(token.type.removesuffix("_open"))
            row = token.map[0] if token.type == "tr_open" else row
        elif token.type.endswith("_close"):
            ended = kind.pop()
            if ended == "tr":
                found += _cells(source, starts[row], starts[row + 1] - 1)
        elif token.type == "html_block":
            found += _folded(source, starts[token.map[0]], min(starts[token.map[1]], len(source)))
        elif token.type == "inline" and "tr" not in kind:
            start, end = _inside(source, starts[token.map[0]], starts[token.map[1]] - 1, token.content)
            if kind[-1] == "heading":
                start += _NUMBER.match(source, start).end() - start
                found += _piece(source, start, end, "heading")
            else:
                found += _folded(source, start, end, "item" if "list_item" in kind else "paragraph")
    return found


def _inside(source: str, start: int, end: int, content: str) -> tuple[int, int]:
    """Where `content` stands between `start` and `end`, without the marks of lists, quotes and headings."""
    first, last = content.split("\n")[0].strip(), content.split("\n")[-1].strip()
    start = source.index(first, start, end)
    return start, source.rindex(last, start, end) + len(last)


def _cells(source: str, start: int, end: int) -> Iterator[Piece]:
    edges = [start + bar.start() for bar in _BAR.finditer(source[start:end])]
    edges = ([] if edges and not source[start : edges[0]].strip() else [start - 1]) + edges
    edges += [end] if source[edges[-1] + 1 : end].strip() else []
    for left, right in itertools.pairwise(edges):
        text = source[left + 1 : right]
        at = left + 1 + len(text) - len(text.lstrip())
        yield from _piece(source, at, at + len(text.strip()), "cell")


def _folded(source: str, start: int, end: int, kind: str = "html") -> Iterator[Piece]:
    """The pieces between the tags that fold a hint; without such tags all of it is one."""
    at, inside = start, kind
    for tag in _FOLD.finditer(source, start, end):
        yield from _piece(source, at, tag.start(), inside)
        at = tag.end()
        inside = "summary" if tag[0].startswith("<summary") else "hint" if tag[0] == "</summary>" else kind
    yield from _piece(source, at, end, inside)


def _piece(source: str, start: int, end: int, kind: str) -> Iterator[Piece]:
    text = source[start:end]
    start, text = start + len(text) - len(text.lstrip()), text.strip()
    message = re.sub(r"\s*\n[ \t]*(?:>[ \t]?)*", " ", text)
    if has_words(message) and not HEADING.fullmatch(message):   # an exercise's heading has a form of its own
        yield Piece(start, start + len(text), message, kind)
