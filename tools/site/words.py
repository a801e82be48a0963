"""What the site says of its own, in each language. ``po/ko/site.po`` has the translations, also of what the
theme says (theme.md) and of the start page (start.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from helpers.languages import ENGLISH
from tools.editions import markdown
from tools.editions.catalogue import Catalogue, compile_catalogues
from tools.editions.pieces import replaced

CATALOGUES = Path(__file__).resolve().parents[2] / "po"


@dataclass(frozen=True)
class Words:
    """The site's words in `language`; what has no translation is English."""

    language: str = ENGLISH

    @cached_property
    def _catalogue(self) -> Catalogue:
        return Catalogue(CATALOGUES / self.language / "site.po", self.language)

    @cached_property
    def translations(self) -> Mapping[str, str]:
        """Message → translation; none in English."""
        return {} if self.language == ENGLISH else self._catalogue.translations

    def translate(self, message: str, /, **values: Any) -> str:
        """`message`, a literal, in this language; with `values`, its placeholders are filled."""
        text = self.translations.get(message, message)
        return text.format(**values) if values else text

    def markdown(self, source: str) -> str:
        """A Markdown text whose messages are in the catalogue, in this language."""
        return replaced(source, markdown.pieces(source), self.translations.get)

    def compiled(self) -> bytes:
        """The catalogue for gettext, where the theme looks up its words."""
        return compile_catalogues([] if self.language == ENGLISH else [self._catalogue])


words = cache(Words)
"""The words of a language, read once."""
