"""Korean sentences in Latin letters and word by word in English, for those who do not read Hangul."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.corpora.korean_english.lexicon import (
    AUXILIARIES,
    ENGLISH_VERBS,
    MARKETS,
    PEOPLE_ARE,
    PLACES,
    TENSES,
    THINGS_ARE,
    TIMES,
    TRANSLATED,
    VERBS,
)
from helpers.corpora.korean_english.meaning import topic
from helpers.corpora.korean_order import OBJECTS, SUBJECTS, direct_object, has_final_consonant, subject
from helpers.corpora.text import token_tuple
from helpers.validation import require


def _of_all_words() -> dict[str, tuple[str, str]]:
    """Word → (romanised, English with the role of its particle)."""
    found: dict[str, tuple[str, str]] = {}
    for noun, (roman, english) in SUBJECTS.items():
        particle, other = ("i", "eun") if has_final_consonant(noun) else ("ga", "neun")
        found[subject(noun)] = roman, f"{english}-SUBJ"
        found[topic(noun)] = roman.removesuffix(particle) + other, f"{english}-TOPIC"
    for noun, (roman, english) in OBJECTS.items():
        found[direct_object(noun)] = roman, f"{english}-OBJ"
    found |= PEOPLE_ARE | THINGS_ARE
    for word, place in (PLACES | MARKETS).items():
        found[word] = place.roman, f"{place.noun}-{place.preposition}"
    for number, tense in enumerate(TENSES):
        for word, (roman, english) in TIMES[tense].items():
            found[word] = roman, english.replace(" ", "-")
        for verb, forms in VERBS.items():
            word, roman = forms[tense]
            found[word] = roman, ENGLISH_VERBS[TRANSLATED[verb]][number].replace(" ", "-")
    for word, roman, english in AUXILIARIES.values():
        found[word] = roman, english
    return found


_GLOSSES = _of_all_words()
WORDS: tuple[str, ...] = tuple(_GLOSSES)  # every word a sentence can have


def gloss(sentence: Sequence[str]) -> tuple[str, str]:
    """Romanised and word-by-word English lines: ("chinguneun eoje … masyeotda", "friend-TOPIC yesterday …").

    Raises ValueError for a word that is not in `WORDS`.
    """
    words = token_tuple("sentence", sentence)
    for word in words or [""]:
        require(word in _GLOSSES, "sentence", repr(word), "words of this grammar (korean_english.WORDS)")
    roman, english = zip(*(_GLOSSES[word] for word in words), strict=True)
    return " ".join(roman), " ".join(english)
