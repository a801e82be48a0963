"""The terms of an edition: each has one rendering, in ``po/ko/terms.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "po" / "ko" / "terms.toml"


@cache
def known() -> dict:
    """The file's content: `terms`, and `lists_other_names`."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


_NO_TERM = re.compile(r"\*[A-Z][^*]*\*|\bWindows\b")
"""A title in a list of references, which stays as it is; the system of that name."""


@cache
def _patterns() -> list[tuple[re.Pattern[str], dict]]:
    """Terms in the source's language, the longest first."""
    terms = sorted(known()["terms"].items(), key=lambda item: -len(item[0]))
    whole = r"(?<![\w./-]){}(?:e?s)?(?![\w(=\[/-]|\.\w|\s[-+−=<>*/@])"   # no name in code
    return [(re.compile(whole.format(re.escape(term)), re.I), entry) for term, entry in terms]


def faults(original: str, translation: str, catalogue: str, *, strict: bool = True) -> Iterator[str]:
    """Where `translation` has not the rendering of a term in `original` (only if `strict`), or has one that
    must not be."""
    rest = _NO_TERM.sub(" ", original)
    for pattern, entry in _patterns():
        found = pattern.search(rest)
        if not found:
            continue
        rest = pattern.sub(" ", rest)
        wanted = [entry["ko"], *entry.get("also", [])]
        if strict and not entry.get("loose") and not any(each in translation for each in wanted):
            yield f"term: {found[0]} is {' or '.join(wanted)}"
    if any(name in catalogue for name in known()["lists_other_names"]):
        return
    for entry in known()["terms"].values():
        for forbidden in entry.get("not", []):
            if forbidden in translation:
                yield f"term: {forbidden} is {entry['ko']} here"
        joined, others = entry["ko"].replace(" ", ""), "\n".join(entry.get("also", []))
        if joined != entry["ko"] and joined in translation and joined not in others:
            yield f"term: {joined} is written {entry['ko']}"
