"""Catalogues: what a text says, message by message, with its translation, in .po files that polib reads and
writes. (Babel, which JupyterLab brings along, breaks the lines of an edited message's former text.)"""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polib

from helpers.files import write_text

HEADER = {
    "Project-Id-Version": "Unrolled",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}
"""Of all catalogues; no dates, which would change the files. (Korean has one form for all numbers.)"""

LIKE = 0.6
"""From this on, `difflib.SequenceMatcher`'s ratio makes a new message an edited old one."""


@dataclass(frozen=True)
class Said:
    """A message, what it is ("heading", "hint", …), and its plural form if it has one."""

    message: str
    kind: str = ""
    plural: str = ""


@dataclass(frozen=True)
class Catalogue:
    """The catalogue of one source in one language."""

    path: Path
    language: str

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def file(self) -> polib.POFile:
        """What the file holds; without a file, nothing. ValueError names a file that cannot be read."""
        return self._parsed(self.path.read_text(encoding="utf-8") if self.path.exists() else "")

    def _parsed(self, text: str) -> polib.POFile:
        if not text:
            return self._empty()
        try:
            return polib.pofile(text, wrapwidth=110)
        except (OSError, ValueError) as error:   # OSError: a syntax error, says polib
            raise ValueError(f"{self.path.name}: not a catalogue: {error}") from None

    def _empty(self) -> polib.POFile:
        made = polib.POFile(wrapwidth=110)
        made.metadata = HEADER | {"Language": self.language}
        return made

    def entries(self) -> Iterator[polib.POEntry]:
        """All messages but the obsolete ones."""
        return (entry for entry in self.file if not entry.obsolete)

    @cached_property
    def translations(self) -> Mapping[str, str]:
        """Message → translation, of those that are translated and not fuzzy."""
        return {entry.msgid: entry.msgstr for entry in self.entries() if entry.msgstr and not entry.fuzzy}

    def updated(self, said: Iterable[Said], *, prune: bool = False) -> str:
        """The file with exactly the messages `said`, in their order. An edited message keeps the translation
        of the one it was, marked fuzzy, with the former message beside it; one that is gone is kept as
        obsolete, at the end, or dropped with `prune`."""
        old = {entry.msgid: entry for entry in self._parsed(str(self.file))}
        said = list(said)
        gone = {text: entry for text, entry in old.items() if text not in {each.message for each in said}}
        made = self._empty()
        for each in said:
            entry = old.get(each.message)
            entry = _former(each, gone) if entry is None else entry
            entry.comment, entry.obsolete = each.kind, False
            made.append(entry)
        for entry in gone.values():
            if entry.obsolete or any(_strings(entry)):
                entry.obsolete, entry.comment, entry.previous_msgid = True, "", None
                if not prune:
                    made.append(entry)
        return str(made)

    def write(self, said: Iterable[Said], *, prune: bool = False) -> bool:
        """Bring the file up to date with `said`; whether it was another."""
        text = self.updated(said, prune=prune) + "\n"
        if self.path.exists() and self.path.read_text(encoding="utf-8") == text:
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, text)
        for kept in ("file", "translations"):
            self.__dict__.pop(kept, None)
        return True


def _former(said: Said, gone: dict[str, polib.POEntry]) -> polib.POEntry:
    """An entry for a new message: fuzzy, with the translation of the one among `gone` that it was, which is
    taken out, or empty."""
    near = difflib.get_close_matches(said.message, gone, n=1, cutoff=LIKE)
    entry = polib.POEntry(msgid=said.message)
    if said.plural:
        entry.msgid_plural, entry.msgstr_plural = said.plural, {0: ""}
    if near and bool(gone[near[0]].msgid_plural) == bool(said.plural) and any(_strings(gone[near[0]])):
        former = gone.pop(near[0])
        entry.msgstr, entry.msgstr_plural = former.msgstr, former.msgstr_plural
        entry.previous_msgid = former.previous_msgid if former.fuzzy else former.msgid
        entry.flags = ["fuzzy"]
    return entry


def _strings(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def is_translated(entry: polib.POEntry) -> bool:
    """Whether there is a translation, be it a fuzzy one."""
    return all(_strings(entry))


def compile_catalogues(catalogues: Iterable[Catalogue], wanted: Container[str] | None = None) -> bytes:
    """What is translated in `catalogues` of the messages `wanted` (None: of all), as one .mo file for
    gettext."""
    whole = polib.POFile()
    for catalogue in catalogues:
        whole.metadata = HEADER | {"Language": catalogue.language}
        done = (entry for entry in catalogue.entries() if is_translated(entry) and not entry.fuzzy)
        whole.extend(entry for entry in done if wanted is None or entry.msgid in wanted)
    whole.sort(key=lambda entry: entry.msgid)
    return whole.to_binary()
