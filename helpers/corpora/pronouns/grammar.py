"""The grammar: it writes stories and knows how probable each token is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from helpers.corpora.pronouns.lexicon import COMPANY, ENGLISH, Lexicon
from helpers.corpora.pronouns.reader import Reader
from helpers.corpora.pronouns.rules import Place, Rules
from helpers.corpora.text import token_tuple
from helpers.corpora.vocabulary import EOS, Vocabulary
from helpers.validation import require, require_fraction, require_int, require_real, require_rng


@dataclass(frozen=True, eq=False)
class Story:
    """One story. `tokens[blank]` is the `answer`, decided by `name` = `tokens[0]`.

    `log_probs` (len(tokens),) float64: the natural logarithm of each token's probability given the
    story's tokens before it. `distance` counts the filler tokens, `gap` all tokens between name and
    blank: a model that sees the last w tokens sees the name if w > gap.
    """

    tokens: tuple[str, ...]
    log_probs: np.ndarray
    blank: int
    answer: str
    name: str
    distance: int

    @property
    def prompt(self) -> tuple[str, ...]:
        """The tokens before the blank."""
        return self.tokens[: self.blank]

    @property
    def gap(self) -> int:
        return self.blank - 1

    def __str__(self) -> str:
        return " ".join(self.tokens)


class PronounGrammar:
    """Writes stories and knows how probable each token is.

    `distance`     number of filler tokens, or (low, high) to draw it from uniformly, both included;
    `distractors`  number of other names mentioned between the name and the blank;
    `greetings`    share of stories that end "… said hi to NAME" (chance of guessing: one name in
                   len(names)); the others end "and he …", "and she …" (chance: one in two).

    Raises ValueError for a negative or empty range, or more names than the lexicon has.
    """

    def __init__(
        self,
        *,
        distance: int | tuple[int, int] = (0, 12),
        distractors: int = 0,
        greetings: float = 0.25,
        lexicon: Lexicon = ENGLISH,
    ):
        require(isinstance(lexicon, Lexicon), "lexicon", repr(lexicon), "a Lexicon")
        pair = distance if isinstance(distance, Sequence) else (distance, distance)
        require(len(pair) == 2, "distance", distance, "a number or (low, high)")
        low, high = (require_int("distance", value, minimum=0) for value in pair)
        require(low <= high, "distance", distance, "low ≤ high")
        self.distance = distance
        self.distractors = require_int("distractors", distractors, minimum=0)
        room = len(lexicon.names) - 2  # the first name and the one who comes in
        require(self.distractors <= room, "distractors", distractors, f"at most {room}: names occur once")
        self.greetings = require_fraction("greetings", greetings, below_one=False)
        self.lexicon = lexicon
        self._rules = Rules(lexicon, np.arange(low, high + 1), self.distractors, self.greetings)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Every token of the lexicon: the same for all distances, distractors and shares."""
        lexicon = self.lexicon
        fixed = f"{EOS} . and he she came in said hi to".split()
        words = [word for phrase in (*lexicon.openings, *lexicon.fillers) for word in phrase]
        return Vocabulary(dict.fromkeys([*fixed, *lexicon.names, *COMPANY, *words, *lexicon.endings]))

    def at_distance(self, distance: int | tuple[int, int]) -> PronounGrammar:
        """The same grammar at another distance, for an evaluation distance by distance."""
        return PronounGrammar(
            distance=distance, distractors=self.distractors, greetings=self.greetings, lexicon=self.lexicon
        )

    # ---- writing --------------------------------------------------------------------------------

    def stories(self, count: int, rng: np.random.Generator) -> list[Story]:
        """`count` independent stories."""
        count, rng = require_int("count", count, minimum=0), require_rng("rng", rng)
        return [self._story(rng) for _ in range(count)]

    def corpus(self, num_tokens: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
        """Whole stories, one after another, until there are at least `num_tokens` tokens.

        Returns the tokens and their log-probabilities (tokens,) float64, each given the part of its
        own story that precedes it; a story ends with ``<eos>``.
        """
        num_tokens, rng = require_int("num_tokens", num_tokens), require_rng("rng", rng)
        tokens: list[str] = []
        log_probs: list[np.ndarray] = []
        while len(tokens) < num_tokens:
            story = self._story(rng)
            tokens.extend(story.tokens)
            log_probs.append(story.log_probs)
        return tokens, np.concatenate(log_probs)

    def _story(self, rng: np.random.Generator) -> Story:
        drawn = int(rng.integers(len(self._rules.distances)))
        place, names, tokens, blank = Place("name"), (), [], 0
        while place.stage != "end":
            phrases, places, probs = self._rules.options(place, names)
            column = probs[:, drawn if probs.shape[1] > 1 else 0]
            choice = rng.choice(len(phrases), p=column)
            tokens.extend(phrases[choice])
            if place.stage in ("pronoun", "greeting"):
                blank = len(tokens) - 1
            names = self._rules.names_after(place, names, phrases[choice])
            place = places[choice]
        return Story(
            tokens=tuple(tokens),
            log_probs=self.log_probs(tokens),
            blank=blank,
            answer=tokens[blank],
            name=names[0],
            distance=int(self._rules.distances[drawn]),
        )

    # ---- reading --------------------------------------------------------------------------------

    def log_probs(self, tokens: Iterable[str]) -> np.ndarray:
        """log P(token | its story so far) of a story, a prefix of one, or a stream of stories.

        Natural logarithm, float64 (len(tokens),). A token that cannot stand where it stands gets -inf,
        and so does the rest of its story.
        """
        tokens, reader = token_tuple("tokens", tokens), Reader(self._rules)
        with np.errstate(divide="ignore"):
            return np.log(np.array([reader.read(token) for token in tokens], dtype=np.float64))

    def log_prob(self, tokens: Iterable[str]) -> float:
        """log P(tokens), the sum of `log_probs`: -inf for what this grammar cannot write."""
        return float(self.log_probs(tokens).sum())

    def next_token_probs(self, prefix: Iterable[str]) -> dict[str, float]:
        """The true distribution of the token after `prefix` (empty: after an ``<eos>``)."""
        prefix, reader = token_tuple("prefix", prefix), Reader(self._rules)
        for token in prefix:
            reader.read(token)
        return reader.next_probs()


def floor_perplexity(log_probs: np.ndarray) -> float:
    """exp(-mean log P): the perplexity of the source itself on these tokens, the best possible one.

    ValueError for no tokens, and for what is no logarithm of a probability: nan, or a number above 0.
    """
    log_probs = require_real("log_probs", log_probs).astype(np.float64)
    require(log_probs.size > 0, "log_probs", "no tokens", "at least one")
    require(bool((log_probs <= 1e-6).all()), "log_probs", f"{log_probs.max()}", "numbers of at most 0")
    with np.errstate(over="ignore"):
        return float(np.exp(-log_probs.mean()))
