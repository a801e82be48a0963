"""When two texts are the same: one rule for all that compare, cut or look up text.

- Composed: 좋 may be written as one character, or as the three letters ᄌ, ᅩ, ᇂ (macOS does, in names of
  files). Unicode calls the first form NFC; every text is brought into it before it is cut.
- What nobody can see does not count: zero-width spaces, byte order marks, soft hyphens, direction and
  control marks, Hangul fillers, variation selectors. A text of nothing else is empty. Only the joiner inside
  an emoji (👨‍👩‍👧) is part of what is seen.
- In a comparison any amount of space is one space; ends of lines, no-break and ideographic spaces are space.

Nothing else is changed: a capital, a full-width mark and a single letter ㅋ stay what they are. (NFKC, which
folds such forms, would turn ㅋㅋㅋ into letters of unfinished syllables.)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

# The control characters that are no space; then Unicode's Default_Ignorable_Code_Point, the marks for
# annotations and the empty braille pattern. Not the joiner.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_MARKS, _MARKS_OR_JOINERS = re.compile(f"[{_UNSEEN}]+"), re.compile(f"[{_UNSEEN}\u200d]")
_EMOJI, _SKIN = "[\u00a9-\u00ae\u2100-\u2bff\u3030-\u303d\U0001f000-\U0001faff]", "[\U0001f3fb-\U0001f3ff]?"
_LOOSE_JOINER = re.compile(f"(?<!{_EMOJI})\u200d+|\u200d+(?!{_EMOJI})|\u200d{{2,}}")
_CHARACTER = re.compile(f".(?:{_SKIN}\u200d.)*{_SKIN}", re.DOTALL)


def composed(text: str, argument: str = "text") -> str:
    """`text` in NFC. ValueError, naming `argument`, for anything but a string."""
    if not isinstance(text, str):
        raise ValueError(f"{argument}: got {text!r:.80}, wanted a string")
    return unicodedata.normalize("NFC", str(text))   # (not NumPy's str_, which is printed as one)


def visible(text: str, argument: str = "text") -> str:
    """`text` composed and without what nobody can see; spaces as they are. ValueError as in `composed`."""
    if isinstance(text, str) and _MARKS_OR_JOINERS.search(text):
        text = _LOOSE_JOINER.sub("", _MARKS.sub("", text))
    return composed(text, argument)


def folded(text: str, argument: str = "text") -> str:
    """What is left of `text` for a comparison: visible, with single spaces between words, "" when empty."""
    return " ".join(visible(text, argument).split())


def characters(text: str) -> list[str]:
    """The characters of `text` that can be seen, an emoji of several parts as one; spaces as they are."""
    return _CHARACTER.findall(visible(text))


def require_several(argument: str, value: object, wanted: str) -> None:
    """ValueError unless `value` is a list or something like it: for one string (it would be cut into
    letters), for a set (its order is another one in every process), and for a dict or Counter (only the keys
    would be read; dict.fromkeys, which has no more, makes a list without doubles)."""
    try:
        iter(value)
        keys_only = not isinstance(value, Mapping) or all(each is None for each in value.values())
        fits = keys_only and not isinstance(value, str | bytes | set | frozenset)
    except TypeError:
        fits = False
    if not fits:
        got = f"the {type(value).__name__} {value!r:.80}"
        raise ValueError(f"{argument}: got {got}, wanted {wanted}")


def token_tuple(argument: str, tokens: Iterable[str]) -> tuple[str, ...]:
    """`tokens`, each `visible`. ValueError as in `require_several`, and for tokens that are no strings."""
    require_several(argument, tokens, "a list of tokens")
    return tuple([visible(token, argument) for token in tokens])
