"""Writes reviews, and knows how probable each label is."""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from helpers.corpora.reviews.lexicon import BAD, CLOSINGS, DEGREES, GOOD, OPENINGS, SUBJECTS, Phrase
from helpers.corpora.text import token_tuple
from helpers.validation import require, require_int, require_rng

Words = tuple[str, ...]
Review = tuple[Words, int]

NOISE = 0.05  # share of labels that are flipped
SHARES = {"plain": 0.25, "negated": 0.25, "turn": 0.25, "contrast": 0.25}
OPENED = 0.75  # share of reviews with an opening
MOST_CLOSINGS = 3
LONGEST = 20  # words

MIRRORED = {
    "turn": ("at first {loser} , but later {winner}", "{winner} in the end , although {loser} at first"),
    "contrast": ("not {loser} but {winner}", "{winner} , not {loser}"),
}
"""Templates whose two adjectives are of opposite kinds; the winner's is the label."""


class Core(NamedTuple):
    """The part of a review that decides, its kind, its label before the noise, and its probability."""

    words: Words
    kind: str
    label: int
    prob: float


class Splits(NamedTuple):
    """Lists of (words, label)."""

    train: list[Review]
    valid: list[Review]
    test: list[Review]


@cache
def cores() -> tuple[Core, ...]:
    """Every core there is; the probabilities sum to 1."""
    found: list[Core] = []
    for kind, share in SHARES.items():
        phrases = _mirrored(kind) if kind in MIRRORED else _single(negated=kind == "negated")
        prob = share / (len(SUBJECTS) * len(phrases))
        found += [
            Core((*subject, "was", *phrase), kind, label, prob)
            for subject in SUBJECTS
            for phrase, label in phrases
        ]
    return tuple(found)


def _single(*, negated: bool) -> list[tuple[Phrase, int]]:
    return [
        ((*(("not",) if negated else ()), *degree, adjective), int(good != negated))
        for degree in DEGREES
        for good in (True, False)
        for adjective in (GOOD if good else BAD)
    ]


def _mirrored(kind: str) -> list[tuple[Phrase, int]]:
    pairs = [(g, b, 1) for g in GOOD for b in BAD] + [(b, g, 0) for g in GOOD for b in BAD]
    return [
        (tuple(template.format(winner=winner, loser=loser).split()), label)
        for template in MIRRORED[kind]
        for winner, loser, label in pairs
    ]


@cache
def _by_words() -> dict[Words, Core]:
    return {core.words: core for core in cores()}


@cache
def _by_bag() -> dict[Words, tuple[Core, ...]]:
    found: dict[Words, list[Core]] = defaultdict(list)
    for core in cores():
        found[bag(core.words)].append(core)
    return {key: tuple(same) for key, same in found.items()}


def bag(words: Sequence[str]) -> Words:
    """The words in alphabetical order: all that is left of a text without its order."""
    return tuple(sorted(token_tuple("words", words)))


# ---- writing ---------------------------------------------------------------------------------------


def reviews(count: int, rng: np.random.Generator) -> list[Review]:
    """`count` independent reviews (words, label)."""
    count, rng = require_int("count", count, minimum=0), require_rng("rng", rng)
    table = cores()
    drawn = rng.choice(len(table), size=count, p=[core.prob for core in table])
    flipped = rng.random(count) < NOISE
    return [
        (_with_filler(table[i].words, rng), int(table[i].label != flip))
        for i, flip in zip(drawn, flipped, strict=True)
    ]


def _with_filler(core: Words, rng: np.random.Generator) -> Words:
    """An opening or none in front; behind, up to three different closings as far as there is room."""
    words = core
    if rng.random() < OPENED:
        words = OPENINGS[rng.integers(len(OPENINGS))] + words
    for i in rng.permutation(len(CLOSINGS))[: rng.integers(MOST_CLOSINGS + 1)]:
        if len(words) + len(CLOSINGS[i]) > LONGEST:
            break
        words += CLOSINGS[i]
    return words


def splits(seed: int = 0, train: int = 10_000, valid: int = 2_000, test: int = 4_000) -> Splits:
    """Reviews in three splits that have no text in common, and no bag of words either.

    What would go into which split is decided by a review's bag, so both of a mirror pair fall into the same
    one: a model that memorises bags is not misled by the other half of a pair.
    """
    sizes = [
        require_int(name, size, minimum=0)
        for name, size in (("train", train), ("valid", valid), ("test", test))
    ]
    edges = np.cumsum(sizes) / max(1, sum(sizes))
    rng = np.random.default_rng(require_int("seed", seed, minimum=0))
    found: list[list[Review]] = [[], [], []]
    while any(len(part) < size for part, size in zip(found, sizes, strict=True)):
        for review in reviews(1_000, rng):
            place = zlib.crc32(f"{seed} {' '.join(bag(review[0]))}".encode()) / 2**32
            number = int(np.searchsorted(edges, place, side="right"))
            if len(found[number]) < sizes[number]:
                found[number].append(review)
    return Splits(*found)


# ---- reading ---------------------------------------------------------------------------------------


def core_of(words: Sequence[str]) -> Core:
    """The core of a review. ValueError for what this grammar cannot write."""
    opening, middle, rest = _parts(words)
    closings = _cut_before_stops(rest)
    core = _by_words().get(middle)
    fits = (
        core is not None
        and len(words) <= LONGEST
        and (not opening or opening in OPENINGS)
        and set(closings) <= set(CLOSINGS)
        and len(set(closings)) == len(closings) <= MOST_CLOSINGS
    )
    require(fits, "words", repr(" ".join(words)), "a review of this grammar")
    return core


def _parts(words: Sequence[str]) -> tuple[Words, Words, Words]:
    """What stands up to a colon, from there to the first full stop, and the rest."""
    words = token_tuple("words", words)
    start = words.index(":") + 1 if ":" in words else 0
    end = words.index(".") if "." in words else len(words)
    return words[:start], words[start:end], words[end:]


def _cut_before_stops(words: Words) -> list[Phrase]:
    starts = [i for i, word in enumerate(words) if word == "."]
    return [words[i:j] for i, j in pairwise([*starts, len(words)])]


def prob_positive(words: Sequence[str]) -> float:
    """P(label = 1 | words), exactly. ValueError for what this grammar cannot write.

    The filler is drawn without a look at the label, so all depends on the core; each has one true label,
    which the noise flips.
    """
    return 1 - NOISE if core_of(words).label else NOISE


def kind(words: Sequence[str]) -> str:
    """"plain", "negated", "turn" or "contrast"; the last two have a mirror image."""
    return core_of(words).kind


def mirror(words: Sequence[str]) -> Words | None:
    """The review of the same words in another order and with the opposite label, if there is one."""
    core = core_of(words)
    other = next((each for each in _by_bag()[bag(core.words)] if each.label != core.label), None)
    if other is None:
        return None
    opening, _, rest = _parts(words)
    return (*opening, *other.words, *rest)


def best_accuracy() -> float:
    """The share of labels that the best of all classifiers gets right: it takes the more probable one."""
    return _accuracy_of_the_best([core] for core in cores())


def bag_of_words_ceiling() -> float:
    """The same for the best of all classifiers that see the words but not their order.

    The filler may be left out of it: it has no word in common with the cores, and cores of one bag have the
    same length, hence filler of the same distribution.
    """
    return _accuracy_of_the_best(_by_bag().values())


def _accuracy_of_the_best(groups: Iterable[Sequence[Core]]) -> float:
    """Σ over groups of max over labels of P(group, label): no classifier that cannot tell the members of a
    group apart does better."""
    joint = [[(core.prob, prob_positive(core.words)) for core in group] for group in groups]
    return math.fsum(
        max(math.fsum(prob * p for prob, p in group), math.fsum(prob * (1 - p) for prob, p in group))
        for group in joint
    )


BEST_ACCURACY = best_accuracy()
