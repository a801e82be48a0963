"""The contents at the side of every page: groups of pages, also of those that only English has."""

from __future__ import annotations

from tools.site.editions import Edition, elsewhere
from tools.site.words import Words


def lists(edition: Edition, every: list[Edition]) -> list[str]:
    """The lines of the start page that make an edition's contents."""
    own = edition.pages() - {"index", "404"}
    others = elsewhere(edition, every)
    titles = _titles(edition.words)
    chapters = [f"chapters/{chapter.name}" for chapter in edition.chapters]
    groups = {edition.words.translate("Chapters"): chapters}
    groups |= _groups(edition.words)
    named = {page for pages in groups.values() for page in pages}
    groups[list(groups)[-1]] += sorted(page for page in own - named)
    lines = []
    for title, pages in groups.items():
        entries = [
            page if page in own else f"{titles[page]} <{others[page]}>"
            for page in pages
            if page in own or (page in others and page in titles)
        ]
        if entries:
            lines += ["", "```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```"]
    return [*lines, ""]


def _groups(words: Words) -> dict[str, list[str]]:
    """The groups after the chapters; pages that are named nowhere come into the last one."""
    return {
        words.translate("Look up"): ["exercises", "docs/notation", "docs/glossary", "docs/corrections"],
        words.translate("Measured"): ["docs/measured", "records", "docs/experiments", "docs/data"],
        words.translate("Use it"): ["docs/install", "docs/learning", "docs/teaching"],
        words.translate("How it is made"): [
            *("docs/architecture", "docs/contributing", "docs/changelog", "docs/conduct", "docs/security"),
        ],
    }


def _titles(words: Words) -> dict[str, str]:
    """What other editions call the pages that they have not."""
    return {
        "docs/measured": words.translate("What was measured"),
        "records": words.translate("All recorded runs"),
        "docs/experiments": words.translate("Experiments"),
        "docs/data": words.translate("Data"),
        "docs/architecture": words.translate("Architecture"),
        "docs/contributing": words.translate("Contributing"),
        "docs/changelog": words.translate("Changelog"),
        "docs/conduct": words.translate("How we talk"),
        "docs/security": words.translate("Security"),
    }
