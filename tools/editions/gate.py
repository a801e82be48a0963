"""What is wrong with a translation, as far as a program can tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import polib
from markdown_it import MarkdownIt

from tools.editions import terms
from tools.editions.catalogue import Catalogue, Said, is_translated
from tools.editions.particles import wrong_particles
from tools.editions.pieces import SPAN

_PARSER = MarkdownIt("commonmark").enable("table")
_BRACES = re.compile(r"\{\{|\}\}|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?")
_ALTERNATING = re.compile(r"\}(?:은|는|이|가|을|를|과|와|으로|로)(?![가-힣])|[은을이과]\([는를가와]\)")
_END = r"(?=[.!?…](?:\s|$|[)\"*]))"
_PLAIN = re.compile(rf"[가-힣]*(?<![니시])다{_END}|[가-힣]*(?<![세까나가])요{_END}")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_POLITE_EXCEPTIONS = ("아니요",)


def catalogue_faults(catalogue: Catalogue, said: list[Said]) -> Iterator[tuple[int, str, str]]:
    """(line, fault, message) of all that keeps `catalogue` from being the translation of `said`."""
    if not catalogue.path.exists():
        yield 1, "missing: run 'make messages'", ""
        return
    if catalogue.updated(said) + "\n" != catalogue.path.read_text(encoding="utf-8"):
        yield 1, "not up to date with its source: run 'make messages'", ""
    for entry in catalogue.entries():
        if not is_translated(entry):
            yield entry.linenum, "untranslated", entry.msgid
        elif entry.fuzzy:
            yield entry.linenum, "fuzzy: its source was edited after it was translated", entry.msgid
        else:
            yield from ((entry.linenum, fault, entry.msgid) for fault in faults(entry, catalogue.name))
    for entry in catalogue.file.obsolete_entries():
        yield entry.linenum, "obsolete: no source says this any more", entry.msgid


def faults(entry: polib.POEntry, catalogue: str) -> list[str]:
    """All that is wrong with the translation of a message; nothing where it has none."""
    translations = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
    original = entry.msgid_plural or entry.msgid
    return [fault for translation in translations if translation
            for fault in _faults(original, translation, catalogue, set(entry.comment.split()))]  # fmt: skip


def _faults(original: str, translation: str, catalogue: str, kinds: set[str]) -> Iterator[str]:
    code = bool(kinds & {"code", "docstring"})
    markdown = not catalogue.startswith(("checks_", "helpers", "figures"))
    if original == translation:
        return
    if _edges(original) != _edges(translation):
        yield "space: other spaces at the beginning or the end"
    if code or not markdown:
        yield from _different("placeholder", _BRACES.findall(original), _BRACES.findall(translation))
    if not code:
        yield from _different("span", _spans(original), _spans(translation))
        if markdown:
            yield from _different("emphasis", _emphasis(original), _emphasis(translation))
    bare, said = _bare(original), _bare(translation)
    lost = Counter(_NUMBER.findall(bare)) - Counter(_NUMBER.findall(said))
    if lost:
        yield f"number: lacks {', '.join(lost)}"
    yield from (f"after a placeholder: {found}" for found in _ALTERNATING.findall(translation))
    yield from (f"particle: {wrong}" for wrong in wrong_particles(translation))
    for found in _PLAIN.finditer(_IN_BRACKETS.sub(" ", said)):   # what an English example means
        if found[0] not in _POLITE_EXCEPTIONS:
            yield f"speech level: {found[0]}"
    if "’" in translation or ("“" in translation and "“" not in original):
        yield "quotes: straight ones, as in the source"
    yield from terms.faults(bare, said, catalogue, strict="docstring" not in kinds)   # names of arguments


def _edges(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


def _different(what: str, wanted: list[str], got: list[str]) -> Iterator[str]:
    lost, more = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
    if lost:
        yield f"{what}: lacks {' '.join(lost)}"
    if more:
        yield f"{what}: has {' '.join(more)}"


def _spans(text: str) -> list[str]:
    return [found[0] for found in SPAN.finditer(text)]


def _bare(text: str) -> str:
    """The words alone, without code, formulas, tags, targets and placeholders."""
    return _BRACES.sub(" ", SPAN.sub(" ", text))


def _emphasis(text: str) -> list[str]:
    return re.findall(r"<(?:strong|em)>", _PARSER.renderInline(SPAN.sub("x", text)))
