"""Letters that Matplotlib's own font lacks, such as Hangul: from a font of the system, if it has one."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = (
    "malgun", "applesdgothicneo", "applegothic", "nanumgothic", "nanumbarungothic", "notosanscjk",
    "notosanskr", "sourcehansans", "undotum", "gulim", "droidsansfallback", "unifont", "arialunicode",
)  # fmt: skip
"""Beginnings of the names of font files that have Hangul: Windows', macOS', and what Linux offers."""

_UNUSUAL = re.compile(r"bold|black|heavy|thin|light|demi|medium")
_MISSING = re.compile(r"Glyph (\d+) \(")


@contextmanager
def lacking(figure: Figure) -> Iterator[list[str]]:
    """Draw `figure` in the block: the list then holds the letters that no font of its texts had. Matplotlib's
    own warnings about them are left out, others are warned of."""
    letters: list[str] = []
    logger = logging.getLogger("matplotlib.mathtext")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        logger.addFilter(_is_no_missing_letter)
        try:
            yield letters
        finally:
            logger.removeFilter(_is_no_missing_letter)
    for each in told:
        if found := _MISSING.match(str(each.message)):
            letters.append(chr(int(found[1])))
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    letters += [letter for text in _texts(figure) if "$" in text.get_text() for letter in _not_in_font(text)]
    letters[:] = dict.fromkeys(letters)


def lend(figure: Figure, letters: Sequence[str]) -> bool:
    """Let the texts of `figure` take `letters` from a system font; False if none of `FILES` has them."""
    name = _name_of_font_with(letters)
    for text in _texts(figure) if name else ():
        own = text.get_fontfamily()
        first = "$" in text.get_text() and _not_in_font(text)   # beside formulas only the first font counts
        text.set_fontfamily([name, *own] if first else [*own, name])
    return bool(name)


def _is_no_missing_letter(record: logging.LogRecord) -> bool:
    return "does not have a glyph" not in record.getMessage()


def _texts(figure: Figure) -> list:
    from matplotlib.text import Text

    return figure.findobj(Text)


def _not_in_font(text) -> list[str]:
    """The letters of a text, outside its formulas, that its first font lacks."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(text.get_fontproperties()))
    letters = "".join(text.get_text().split("$")[::2])
    return [letter for letter in letters if letter.isprintable() and not font.get_char_index(ord(letter))]


def _name_of_font_with(letters: Sequence[str]) -> str:
    from matplotlib import font_manager

    for path in sorted(filter(_rank, font_manager.findSystemFonts()), key=_rank):
        try:
            font = font_manager.get_font(path)
            if all(map(font.get_char_index, map(ord, letters))):
                font_manager.fontManager.addfont(path)   # perhaps newer than Matplotlib's own list
                return font.family_name
        except (OSError, RuntimeError, ValueError):   # not a font that Matplotlib can read
            continue
    return ""


def _rank(path: str) -> tuple[int, bool, str] | None:
    """How well a font file suits, the smallest best; None if it is none of `FILES`."""
    name = re.sub(r"[^a-z]", "", Path(path).stem.lower())
    place = next((n for n, beginning in enumerate(FILES, 1) if name.startswith(beginning)), None)
    return place and (place, bool(_UNUSUAL.search(name)), name)
