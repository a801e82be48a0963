"""The grammar: it draws sentences, translates them, and knows which word comes from which."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence

import numpy as np

from helpers.corpora.korean_english.lexicon import (
    AUXILIARIES,
    ENGLISH_VERBS,
    LEFT_OUT,
    MARKETS,
    PEOPLE_ARE,
    PLACES,
    TENSES,
    THINGS_ARE,
    TIMES,
    TRANSLATED,
    VERBS,
    WATCHED,
)
from helpers.corpora.korean_english.meaning import Meaning, Sentence, choices, korean, read
from helpers.corpora.korean_order import OBJECTS, SUBJECTS, SUITABLE
from helpers.corpora.parallel import Pair, ParallelCorpus, checked
from helpers.validation import require, require_int, require_rng

# ---- translating ---------------------------------------------------------------------------------------

PEOPLE = {noun: re.sub("|".join(LEFT_OUT), "", english) for noun, (_, english) in SUBJECTS.items()}
"""Person → English in a sentence: "sibling" where a gloss says "younger-sibling"."""


def _english(m: Meaning) -> Iterator[tuple[str | None, str]]:
    """(role of the Korean word it translates, English) in the order of the English sentence."""
    yield None, "the"
    if m.subject_adjective:
        yield "subject adjective", PEOPLE_ARE[m.subject_adjective][1]
    yield "subject", PEOPLE[m.subject]
    if m.tense in AUXILIARIES:
        yield "auxiliary", AUXILIARIES[m.tense][2]
    verb = "watch" if m.verb == "본다" and m.object in WATCHED else TRANSLATED[m.verb]
    yield "verb", ENGLISH_VERBS[verb][TENSES.index(m.tense)]
    yield None, "the"
    if m.object_adjective:
        yield "object adjective", THINGS_ARE[m.object_adjective][1]
    yield "object", OBJECTS[m.object][1]
    if m.place:
        place = (PLACES | MARKETS)[m.place]
        yield "place", place.preposition
        if place.article:
            yield None, "the"
        yield "place", place.noun
    if m.time:
        yield "time", TIMES[m.tense][m.time][1]


def _translation(sentence: Sequence[str]) -> list[tuple[str, int | None]]:
    """(English word, index of the Korean word it comes from)."""
    meaning = read(sentence)
    index = {role: number for number, (role, _) in enumerate(korean(meaning))}
    return [
        (word, None if role is None else index[role])
        for role, phrase in _english(meaning)
        for word in phrase.split()
    ]


def translate(sentence: Sequence[str]) -> Sentence:
    """The English translation. ValueError for what this grammar does not write."""
    return tuple(word for word, _ in _translation(sentence))


def alignment(pair: Pair) -> list[int | None]:
    """For each word of the target the index of the source word it translates.

    None for "the", which Korean does not have. 에서 is part of its word, so "in" and "park" both come from
    공원에서; "will" and "is" come from 것이다 and 있다, the verb from the word before.

    ValueError when the source is no sentence of this grammar, or the target not its translation.
    """
    [pair] = checked("pair", [pair])
    translated = _translation(pair.source)
    got, wanted = " ".join(pair.target), " ".join(word for word, _ in translated)
    require(got == wanted, "target", repr(got), repr(wanted))
    return [index for _, index in translated]


# ---- drawing -------------------------------------------------------------------------------------------

HOW_OFTEN = {
    "time": 0.6,
    "place": 0.5,
    "subject_adjective": 0.3,
    "object_adjective": 0.3,
    "time_first": 0.5,
    "object_first": 0.15,
}
"""Field → the share of sentences that have it, where it can be had; what it then is, is equally likely."""


def _count() -> int:
    """How many different sentences there are."""
    total = 0
    for verb, tense in itertools.product(VERBS, TENSES):
        for what, time in itertools.product(SUITABLE[verb], (None, *TIMES[tense])):
            fields = choices(verb, what, tense, time)
            free = fields.keys() - {"verb", "object", "tense", "time"}
            total += math.prod(len(fields[field]) for field in free)
    return total


SENTENCES = _count()
"""How many different Korean sentences this grammar writes."""


def _draw(rng: np.random.Generator) -> Sentence:
    def pick(field: str, values: Sequence):
        if field not in HOW_OFTEN:
            return values[rng.integers(len(values))]
        without, *some = values
        return some[rng.integers(len(some))] if some and rng.random() < HOW_OFTEN[field] else without

    verb, tense = pick("verb", tuple(VERBS)), pick("tense", TENSES)
    what, time = pick("object", SUITABLE[verb]), pick("time", (None, *TIMES[tense]))
    drawn = {"verb": verb, "object": what, "tense": tense, "time": time}
    for field, values in choices(verb, what, tense, time).items():
        if field not in drawn:
            drawn[field] = pick(field, values)
    return tuple(word for _, word in korean(Meaning(**drawn)))


def sentences(count: int, rng: np.random.Generator) -> list[Sentence]:
    """`count` different Korean sentences. ValueError for more than a tenth of the `SENTENCES` there are."""
    count, rng = require_int("count", count, minimum=0), require_rng("rng", rng)
    require(count <= SENTENCES // 10, "count", count, f"at most {SENTENCES // 10}")
    drawn: dict[Sentence, None] = {}
    while len(drawn) < count:
        drawn[_draw(rng)] = None
    return list(drawn)


def corpus(seed: int = 0, train: int = 4_000, valid: int = 500, test: int = 500) -> ParallelCorpus:
    """Words to words; no sentence is in two splits, and all words of `valid` and `test` are in `train`.

    ValueError when a word is not, which happens when `train` is small.
    """
    sizes = [require_int(name, n) for name, n in (("train", train), ("valid", valid), ("test", test))]
    require(sum(sizes) <= SENTENCES // 10, "train + valid + test", sum(sizes), f"at most {SENTENCES // 10}")
    rng = np.random.default_rng(require_int("seed", seed, minimum=0))
    pairs = [Pair(sentence, translate(sentence)) for sentence in sentences(sum(sizes), rng)]
    edge = sizes[0] + sizes[1]
    return ParallelCorpus.build(pairs[: sizes[0]], pairs[sizes[0] : edge], pairs[edge:])
