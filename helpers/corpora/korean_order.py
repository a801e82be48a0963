"""A small Korean grammar: word order is free, within limits, because particles mark the roles.

    동생이 음료수를 마신다     younger-sibling-SUBJ beverage-OBJ drinks     usual (SOV)
    음료수를 동생이 마신다     beverage-OBJ younger-sibling-SUBJ drinks     possible (OSV)
    마신다 음료수를 동생이     drinks beverage-OBJ younger-sibling-SUBJ     odd: never written here

A sentence: a subject and a verb, each equally likely; an object among those that suit the verb; the
order, object first with probability `SCRAMBLED`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from helpers.corpora.text import token_tuple, visible
from helpers.corpora.vocabulary import EOS
from helpers.validation import require, require_int, require_rng

Sentence = tuple[str, ...]

SCRAMBLED = 0.15  # share of sentences with the object first

# The lecture's three sentences.
USUAL: Sentence = ("동생이", "음료수를", "마신다")
POSSIBLE: Sentence = ("음료수를", "동생이", "마신다")
ODD: Sentence = ("마신다", "음료수를", "동생이")

# noun or verb: (Revised Romanization as it stands in a sentence, English). Hangul is written as
# morphemes but romanised as pronounced: 밥을 is babeul, 먹는다 is meongneunda.
SUBJECTS = {
    "동생": ("dongsaengi", "younger-sibling"),
    "친구": ("chinguga", "friend"),
    "언니": ("eonniga", "older-sister"),
    "학생": ("haksaengi", "student"),
    "선생님": ("seonsaengnimi", "teacher"),
    "아이": ("aiga", "child"),
    "할머니": ("halmeoniga", "grandmother"),
    "삼촌": ("samchoni", "uncle"),
}
OBJECTS = {
    "음료수": ("eumnyosureul", "beverage"),
    "물": ("mureul", "water"),
    "커피": ("keopireul", "coffee"),
    "우유": ("uyureul", "milk"),
    "밥": ("babeul", "rice"),
    "사과": ("sagwareul", "apple"),
    "빵": ("ppangeul", "bread"),
    "책": ("chaegeul", "book"),
    "편지": ("pyeonjireul", "letter"),
    "신문": ("sinmuneul", "newspaper"),
    "음악": ("eumageul", "music"),
    "노래": ("noraereul", "song"),
    "영화": ("yeonghwareul", "film"),
    "그림": ("geurimeul", "picture"),
}
VERBS = {
    "마신다": ("masinda", "drinks"),
    "먹는다": ("meongneunda", "eats"),
    "읽는다": ("ingneunda", "reads"),
    "듣는다": ("deunneunda", "listens to"),
    "본다": ("bonda", "looks at"),
    "산다": ("sanda", "buys"),
}
SUITABLE = {
    "마신다": ("음료수", "물", "커피", "우유"),
    "먹는다": ("밥", "사과", "빵"),
    "읽는다": ("책", "편지", "신문"),
    "듣는다": ("음악", "노래"),
    "본다": ("영화", "그림", "편지", "신문"),
    "산다": ("우유", "사과", "빵", "책", "그림"),
}


def has_final_consonant(word: str) -> bool:
    """Whether the last syllable of a Hangul word ends in a consonant: 밥 does, 커피 does not.

    Raises ValueError unless the last character is a Hangul syllable.
    """
    # Unicode lists the 11,172 syllables from 가 (U+AC00) on, in three nested loops: 19 first
    # consonants, 21 vowels, 28 finals. The innermost counts the finals, and its 0 means "none":
    # code - 0xAC00 = (first * 21 + vowel) * 28 + final.
    word = visible(word, "word")
    ends_in_hangul = bool(word) and "가" <= word[-1] <= "힣"
    require(ends_in_hangul, "word", repr(word), "a word that ends in a Hangul syllable")
    return (ord(word[-1]) - 0xAC00) % 28 != 0


def subject(noun: str) -> str:
    """The noun as a subject: 이 after a consonant (동생이), 가 after a vowel (친구가)."""
    return visible(noun, "noun") + ("이" if has_final_consonant(noun) else "가")


def direct_object(noun: str) -> str:
    """The noun as an object: 을 after a consonant (밥을), 를 after a vowel (커피를)."""
    return visible(noun, "noun") + ("을" if has_final_consonant(noun) else "를")


_SUBJECTS = [subject(noun) for noun in SUBJECTS]
_SUITABLE = {verb: [direct_object(noun) for noun in nouns] for verb, nouns in SUITABLE.items()}
_GLOSSES = (
    {subject(noun): (roman, f"{english}-SUBJ") for noun, (roman, english) in SUBJECTS.items()}
    | {direct_object(noun): (roman, f"{english}-OBJ") for noun, (roman, english) in OBJECTS.items()}
    | VERBS
)
WORDS: tuple[str, ...] = tuple(_GLOSSES)  # every word a sentence can have


def sentences(count: int, rng: np.random.Generator) -> list[Sentence]:
    """`count` independent sentences of three words."""
    count, rng, drawn = require_int("count", count, minimum=0), require_rng("rng", rng), []
    for _ in range(count):
        who = _SUBJECTS[rng.integers(len(_SUBJECTS))]
        verb = list(_SUITABLE)[rng.integers(len(_SUITABLE))]
        what = _SUITABLE[verb][rng.integers(len(_SUITABLE[verb]))]
        drawn.append((what, who, verb) if rng.random() < SCRAMBLED else (who, what, verb))
    return drawn


def corpus(count: int, rng: np.random.Generator) -> list[str]:
    """`count` sentences as one stream, each followed by ``<eos>``."""
    return [word for sentence in sentences(count, rng) for word in (*sentence, EOS)]


def log_prob(sentence: Sequence[str]) -> float:
    """log P(sentence), natural logarithm; -inf for what is never written. A final ``<eos>`` may stand.

    P = 1/subjects · 1/verbs · 1/(objects that suit the verb) · P(order).
    """
    parts = token_tuple("sentence", sentence)
    if parts[-1:] == (EOS,):
        parts = parts[:-1]
    if len(parts) != 3 or parts[2] not in _SUITABLE:
        return -math.inf
    *nouns, verb = parts
    for (who, what), order in ((nouns, 1 - SCRAMBLED), (nouns[::-1], SCRAMBLED)):
        if who in _SUBJECTS and what in _SUITABLE[verb]:
            return math.log(order / (len(_SUBJECTS) * len(_SUITABLE) * len(_SUITABLE[verb])))
    return -math.inf


def gloss(sentence: Sequence[str]) -> tuple[str, str]:
    """Romanised and word-by-word English lines: ("dongsaengi … masinda", "younger-sibling-SUBJ … drinks").

    Raises ValueError for a word that is not in `WORDS`.
    """
    words = token_tuple("sentence", sentence)
    for word in words or [""]:
        require(word in _GLOSSES, "sentence", repr(word), "words of this grammar (korean_order.WORDS)")
    roman, english = zip(*(_GLOSSES[word] for word in words), strict=True)
    return " ".join(roman), " ".join(english)
