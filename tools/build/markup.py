"""Images, headings, tables, links and folded hints in Markdown and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt

REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
SAYS_NOTHING = re.compile(
    r"(?:(?:click |see )?here|this|that|(?:this )?(?:link|page)|(?:read )?more|\d*)", re.IGNORECASE
)
"""Links that do not say where they lead, to who hears them without the sentence around them."""


class Tag(NamedTuple):
    """An HTML tag: line (from 0), name, attributes (None for a closing tag)."""

    line: int
    name: str
    attributes: dict[str, str] | None


class Complaint(NamedTuple):
    """Something wrong at a line (from 0) of a text."""

    line: int
    message: str
    text: str


class _Tags(HTMLParser):
    def __init__(self, first_line: int):
        super().__init__()
        self.first_line = first_line
        self.tags: list[Tag] = []

    def handle_starttag(self, tag, attrs):
        attributes = {key: value or "" for key, value in attrs}
        self.tags.append(Tag(self.first_line + self.getpos()[0] - 1, tag, attributes))

    def handle_endtag(self, tag):
        self.tags.append(Tag(self.first_line + self.getpos()[0] - 1, tag, None))


def html_tags(html: str, first_line: int = 0) -> list[Tag]:
    """The tags of a piece of HTML, in order."""
    parser = _Tags(first_line)
    parser.feed(html)
    parser.close()
    return parser.tags


def markdown_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """(line, level, text) of every heading; what stands in code blocks is none."""
    tokens = MarkdownIt("commonmark").parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            yield token.map[0], int(token.tag[1:]), inline.content


def markdown_tags(text: str) -> list[Tag]:
    """The HTML tags in a Markdown text, outside code."""
    tags: list[Tag] = []
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block":
            tags += html_tags(token.content, token.map[0])
        for child in token.children or []:
            if child.type == "html_inline":
                tags += html_tags(child.content, _line_of(text, child.content, token.map))
    return tags


def markdown_images(text: str) -> list[Complaint]:
    """Images of a Markdown text without alternative text or from another machine."""
    complaints = tag_images(markdown_tags(text))
    for token in MarkdownIt("commonmark").parse(text):
        for child in token.children or []:
            if child.type == "image":
                source = str(child.attrs["src"])
                complaints += _image(_line_of(text, source, token.map), source, child.content)
    return sorted(complaints)


def markdown_tables(text: str) -> list[Complaint]:
    """Tables of a Markdown text with a column that nothing names."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    lines, complaints, row = text.split("\n"), [], 0
    for token, inline in pairwise(tokens):
        row = token.map[0] if token.type == "tr_open" and token.map else row
        if token.type == "th_open" and not inline.content.strip():
            complaints.append(Complaint(row, "a table's column without a name", lines[row]))
    return list(dict.fromkeys(complaints))


def markdown_links(text: str) -> list[Complaint]:
    """Links of a Markdown text whose words do not say where they lead."""
    complaints = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        words: list[str] | None = None
        for child in token.children or []:
            if child.type == "link_open":
                words, target = [], str(child.attrs["href"])
            elif child.type == "link_close" and words is not None:
                link = f"[{''.join(words)}]({target})"
                if SAYS_NOTHING.fullmatch("".join(words).strip(" .,")):
                    line = _line_of(text, link, token.map)
                    complaints.append(Complaint(line, "a link that does not say where it leads", link))
                words = None
            elif words is not None:
                words.append(child.content)
    return complaints


def html_images(html: str) -> list[Complaint]:
    """The same for a piece of HTML."""
    return tag_images(html_tags(html))


def tag_images(tags: list[Tag]) -> list[Complaint]:
    """The same for tags already found."""
    complaints = []
    for line, name, attributes in tags:
        if name == "img" and attributes is not None:
            complaints += _image(line, attributes.get("src", ""), attributes.get("alt", ""))
    return complaints


def folded_hints(tags: list[Tag]) -> int:
    """How many closed ``<details>`` with a ``<summary>`` there are; -1 if one is never ended."""
    opened = [tag for tag in tags if tag.name == "details" and tag.attributes is not None]
    ended = sum(tag.name == "details" and tag.attributes is None for tag in tags)
    summaries = sum(tag.name == "summary" and tag.attributes is not None for tag in tags)
    if len(opened) != ended:
        return -1
    return min(sum("open" not in tag.attributes for tag in opened), summaries)


def _image(line: int, source: str, alternative: str) -> Iterator[Complaint]:
    if not alternative.strip():
        yield Complaint(line, "an image without alternative text", source)
    if REMOTE.match(source.strip()):
        yield Complaint(line, "an image from another machine (keep it in the repository)", source)


def _line_of(text: str, needle: str, span: list[int] | None) -> int:
    """The line in `span` that holds `needle`, else the first of the span."""
    first, last = span or [0, 1]
    lines = text.split("\n")[first:last]
    return first + next((i for i, line in enumerate(lines) if needle.split("\n")[0] in line), 0)
