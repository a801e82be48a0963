"""Letters that Matplotlib's own font lacks: Hangul from the font beside this file, others from the system."""

from __future__ import annotations

import logging
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.markup import HANGUL

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

FILE, NAME = Path(__file__).with_name("UnrolledHangul.otf"), "Unrolled Hangul"
"""The course's own font and its name; ``tools/font.py`` says what it is made of."""

FILES = (
    "malgun", "applesdgothicneo", "applegothic", "nanumgothic", "nanumbarungothic", "notosanscjk",
    "notosanskr", "sourcehansans", "undotum", "gulim", "droidsansfallback", "unifont", "arialunicode",
)  # fmt: skip
"""Beginnings of the names of font files that have Hangul: Windows', macOS', and what Linux offers."""

_UNUSUAL = re.compile(r"bold|black|heavy|thin|light|demi|medium")
_MISSING = re.compile(r"Glyph (\d+) \(")


@contextmanager
def lacking(figure: Figure) -> Iterator[list[str]]:
    """Draw `figure` in the block: the list then holds the letters that no font of its texts had, nor the
    course's own, which is lent. Matplotlib's own warnings about them are left out, others are warned of."""
    lend(figure)
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


def lend(figure: Figure) -> None:
    """Let the texts of `figure` take from the course's own font what theirs lacks, Hangul above all. Texts
    that lack nothing stay as they are."""
    ours = _letters_of(FILE)
    for text in _texts(figure) if ours else ():
        if not text.get_text().isascii() and not ours.isdisjoint(_not_in_font(text)):
            _add(text, NAME)


def make_do(figure: Figure, letters: Sequence[str]) -> bool:
    """Let `figure` do without a font for `letters` that it has `lacking`: take them from a system font, or
    else write its Hangul in Latin letters. False if neither can be done."""
    name = _name_of_font_with(letters)
    for text in _texts(figure) if name else ():
        _add(text, name)
    return bool(name) or _romanise(figure, set(letters))


def _add(text: Text, name: str) -> None:
    own = text.get_fontfamily()
    if name not in own:
        first = "$" in text.get_text() and _not_in_font(text)   # beside formulas only the first font counts
        text.set_fontfamily([name, *own] if first else [*own, name])


def _romanise(figure: Figure, letters: set[str]) -> bool:
    """Write texts that have any of `letters` in Latin ones, as far as they are Hangul; False if none is."""
    from matplotlib.axis import Axis

    todo = [text for text in _texts(figure) if HANGUL.search("".join(letters.intersection(text.get_text())))]
    for axis in figure.findobj(Axis):
        if not todo:
            break
        ticks = axis.get_ticklabels()
        if not set(ticks).isdisjoint(todo):   # what a tick says is written anew whenever it is drawn
            axis.set_ticks(axis.get_ticklocs(), [_in_latin(tick.get_text()) for tick in ticks])
    for text in todo:
        text.set_text(_in_latin(text.get_text()))
    return bool(todo)


def _in_latin(text: str) -> str:
    """`text` with its Hangul letter by letter, much as Unicode names it: 한글 is hangeul."""
    words = unicodedata.normalize("NFC", text)
    return HANGUL.sub(lambda found: " ".join(map(_spelled, found[0].split(" "))), words)


def _spelled(word: str) -> str:
    return "".join(unicodedata.name(letter).split()[-1] for letter in word).lower().replace("c", "ch")


def _is_no_missing_letter(record: logging.LogRecord) -> bool:
    return "does not have a glyph" not in record.getMessage()


def _texts(figure: Figure) -> list[Text]:
    """All texts of `figure`, what its ticks say included."""
    from matplotlib.axis import Axis
    from matplotlib.text import Text

    for axis in figure.findobj(Axis):
        axis.get_ticklabels(which="both")   # else they are empty before the first drawing
    return figure.findobj(Text)


def _not_in_font(text: Text) -> list[str]:
    """The letters of a text, outside its formulas, that its first font lacks."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(text.get_fontproperties()))
    letters = "".join(text.get_text().split("$")[::2])
    return [letter for letter in letters if letter.isprintable() and not font.get_char_index(ord(letter))]


@cache
def _letters_of(file: Path) -> frozenset[str]:
    """What a font file has, which Matplotlib then knows by its name; nothing if it cannot be read."""
    from matplotlib import font_manager

    try:
        font_manager.fontManager.addfont(file)
        return frozenset(map(chr, font_manager.get_font(file).get_charmap()))
    except (OSError, RuntimeError, ValueError):   # a copy of the course without it
        return frozenset()


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
