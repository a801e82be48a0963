"""The language in which boxes, tables and commands speak: English, or another edition of the course.

A message is looked up when it is shown, with gettext, in the catalogue that the build compiled from ``po``.
What has no translation is shown in English.
"""

from __future__ import annotations

import gettext as _gettext
import gzip
import os
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "ko": "한국어"}
"""Code of an edition → its name, in itself."""

VARIABLE = "UNROLLED_LANGUAGE"
"""The environment variable that says which language commands speak, and notebooks that do not say."""

CATALOGUES = Path(__file__).resolve().parent / "locale"
"""Where the compiled ones are."""

_chosen: list[str] = []


def catalogue(language: str) -> Path:
    """The file that ``make build`` compiles from ``po/LANGUAGE``, compressed: it holds hints, which a class's
    release does not show in the clear."""
    return CATALOGUES / f"{language}.mo.gz"


def use(language: str) -> None:
    """From here on, speak `language`: "en" or "ko". ValueError for another."""
    if language not in LANGUAGES:   # said here: this module needs nothing that may not be installed
        raise ValueError(f"language: got {language!r}, wanted one of {', '.join(map(repr, LANGUAGES))}")
    _chosen[:] = [language]


def language() -> str:
    """The language in use: what `use` said, else the environment's; English where that names none of ours."""
    if _chosen:
        return _chosen[-1]
    wanted = os.environ.get(VARIABLE, "").strip().lower()[:2]
    return wanted if wanted in LANGUAGES else ENGLISH


def translate(message: str, /, **values: Any) -> str:
    """`message` in the language in use; with `values`, its ``{placeholders}`` are filled as by `str.format`.

    Messages are found in the source by their calls, so `message` is a literal here, or else a text that the
    catalogue's collector knows (hints, names of oracles).
    """
    return _filled(_translations(language()).gettext(message) if message else "", values)


def translate_count(one: str, many: str, count: int, /, **values: Any) -> str:
    """`one` or `many` as `count` wants it, in the language in use; ``{count}`` is among its placeholders."""
    chosen = _translations(language()).ngettext(one, many, count)
    return _filled(chosen, {"count": count, **values})


def listed(words: Sequence[str]) -> str:
    """`words`, at least one, as a sentence lists them: "a, b and c"."""
    *others, last = words
    return translate("{others} and {last}", others=", ".join(others), last=last) if others else last


def _filled(message: str, values: dict[str, Any]) -> str:
    return message.format(**values) if values else message


@cache
def _translations(language: str) -> _gettext.NullTranslations:
    if language == ENGLISH:
        return _gettext.NullTranslations()
    try:
        with gzip.open(catalogue(language)) as file:
            return _gettext.GNUTranslations(file)
    except (OSError, EOFError, zlib.error, ValueError):   # not built, or damaged: English
        return _gettext.NullTranslations()
