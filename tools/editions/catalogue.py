"""Catalogues: what a text says, message by message, with its translation; as .po files, read and written by
Babel (which JupyterLab brings with it), so that any translator's editor opens them."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from babel.messages.catalog import Catalog as Messages
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, denormalize, read_po, write_po

from helpers.files import write_text

BEGUN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
"""A date for all headers: one that changed would change the file."""


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
    def messages(self) -> Messages:
        """What the file holds; without a file, nothing. ValueError names a file that cannot be read."""
        if not self.path.exists():
            return self._empty()
        try:
            return _read(self.path.read_bytes(), self.language)
        except (PoFileError, UnicodeDecodeError) as error:
            raise ValueError(f"{self.path.name}: not a catalogue: {error}") from None

    def _empty(self) -> Messages:
        return Messages(locale=self.language, project="Unrolled", fuzzy=False, header_comment="")

    def entries(self) -> Iterator[Message]:
        """All messages but the header."""
        return (message for message in self.messages if message.id)

    @cached_property
    def translations(self) -> Mapping[str, str]:
        """Message → translation, of those that are translated and not fuzzy."""
        return {
            message.id: message.string
            for message in self.entries()
            if isinstance(message.id, str) and message.string and not message.fuzzy
        }

    def updated(self, said: Iterable[Said]) -> str:
        """The file with exactly the messages `said`, in their order. An edited message keeps the translation
        of the one it was, marked fuzzy, with the former message beside it; one that is gone is kept as
        obsolete, at the end."""
        template = self._empty()
        for each in said:
            forms = (each.message, each.plural) if each.plural else each.message
            template.add(forms, auto_comments=[each.kind])
        merged = _read(_as_bytes(self.messages), self.language)
        former = {message.id: message.previous_id for message in merged}
        merged.update(template, update_header_comment=False)
        for message in merged:
            if message.fuzzy and not message.previous_id:   # still not looked at
                message.previous_id = former.get(message.id, [])
        return _as_bytes(merged).decode()

    def write(self, said: Iterable[Said]) -> bool:
        """Bring the file up to date with `said`; whether it was another."""
        text = self.updated(said)
        if self.path.exists() and self.path.read_text(encoding="utf-8") == text:
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, text)
        self.__dict__.pop("messages", None)
        self.__dict__.pop("translations", None)
        return True


def _read(data: bytes, language: str) -> Messages:
    messages = read_po(io.BytesIO(data), locale=language, abort_invalid=True)
    for message in [*messages, *messages.obsolete.values()]:   # Babel takes a former text for a comment
        former = [comment for comment in message.user_comments if comment.startswith("|")]
        message.user_comments = [comment for comment in message.user_comments if comment not in former]
        if former:
            quoted = [comment.lstrip("| ").removeprefix("msgid").strip() for comment in former]
            message.previous_id = [denormalize("\n".join(quoted))]
    return messages


def _as_bytes(messages: Messages) -> bytes:
    messages.creation_date = messages.revision_date = BEGUN
    messages.last_translator = messages.language_team = "Unrolled"
    messages.msgid_bugs_address, messages.header_comment = "", "#"
    for message in messages:
        if message.id:   # "3 % of it" is no format
            message.flags -= {"python-format", "python-brace-format"}
            message.auto_comments = sorted(set(message.auto_comments) - {""})
    written = io.BytesIO()
    write_po(written, messages, width=110, include_previous=True)
    return written.getvalue()


def compile_catalogues(catalogues: Iterable[Catalogue]) -> bytes:
    """All that is translated in `catalogues` as one .mo file for gettext."""
    catalogues = list(catalogues)
    whole = Messages(locale=catalogues[0].language, project="Unrolled", fuzzy=False, header_comment="")
    whole.creation_date = whole.revision_date = BEGUN
    whole.last_translator = whole.language_team = "Unrolled"
    for message in sorted((m for each in catalogues for m in each.entries()), key=lambda m: str(m.id)):
        if message.string and not message.fuzzy:
            whole.add(message.id, message.string)
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    return compiled.getvalue()
