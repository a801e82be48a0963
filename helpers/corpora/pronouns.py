"""Stories whose last blank needs their first word, with the exact probability of every token.

    John drank tea in the kitchen at night and he smiled . <eos>
    Mary read books outside . Tom came in . Tom said hi to Mary . <eos>

The first word is a name. The blank is "he" or "she" (the first name decides) or, when somebody came
in, the first name itself. Between them stands filler that says nothing about either. How a story
is written:

1. a name, and an opening of two words;
2. a *distance* L, drawn uniformly from the range asked for: the number of filler tokens. Filler
   phrases are drawn, each phrase that still fits equally likely (but never two of one kind in a row),
   until exactly L tokens stand there;
3. *distractors*, other people's names, "with Jane", fall anywhere among the phrases: when d of them
   and r filler tokens are still to come, the next thing is a distractor with probability d / (d + r);
4. a greeting (with probability `greetings`) or a pronoun, the end, and ``<eos>``.

A reader does not know L before the filler is over; the probability of a token *given its prefix* is
an average over what L may still be, weighted by Bayes' rule. That is what `log_probs` computes: no
model can predict these stories better, so exp(-mean) is the lowest perplexity there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from helpers.corpora.vocabulary import EOS, Vocabulary
from helpers.validation import require, require_fraction, require_int

Phrase = tuple[str, ...]
COMPANY = ("with", "near")  # what introduces a distractor, in turn


def _phrases(text: str) -> tuple[Phrase, ...]:
    return tuple(tuple(phrase.split()) for phrase in text.split(", "))


@dataclass(frozen=True)
class Lexicon:
    """The words of the stories. `filler` maps a kind (place, time, …) to its phrases.

    Nothing but the names may tell he from she. No phrase may begin with another one (then a reader
    always knows where one ends), and two kinds need a phrase of one word (then every distance can be
    filled). ValueError otherwise.
    """

    men: tuple[str, ...] = ("John", "Tom", "Paul")
    women: tuple[str, ...] = ("Mary", "Jane", "Anna")
    openings: tuple[Phrase, ...] = _phrases("watched TV, drank tea, read books, baked bread, played music")
    filler: Mapping[str, tuple[Phrase, ...]] = field(
        default_factory=lambda: {
            "place": _phrases("upstairs, outside, at home, in the kitchen, in the old garden"),
            "time": _phrases("today, again, at night, in the morning, on a cold day"),
            "manner": _phrases("quietly, happily, for fun, without a word, in a good mood"),
        }
    )
    endings: tuple[str, ...] = ("smiled", "laughed", "left", "sang")

    def __post_init__(self):
        require(len(set(self.names)) == len(self.names), "men, women", self.names, "every name once")
        choices = [*self.fillers, *((word,) for word in (*COMPANY, "and", "."))]
        for one in (choices, list(self.openings)):
            for i, phrase in enumerate(one):
                clash = next((p for j, p in enumerate(one) if i != j and p[: len(phrase)] == phrase), None)
                require(not clash, "phrases", f"{phrase} and {clash}", "no phrase that begins another")
        short = sum(any(len(p) == 1 for p in phrases) for phrases in self.filler.values())
        require(short >= 2, "filler", f"{short} kinds with a phrase of one word", "at least 2")

    @property
    def names(self) -> tuple[str, ...]:
        return self.men + self.women

    @property
    def fillers(self) -> list[Phrase]:
        return [phrase for phrases in self.filler.values() for phrase in phrases]


ENGLISH = Lexicon()


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


class _Place(NamedTuple):
    """Where in a story we are, apart from the names used: known from the prefix alone."""

    stage: str
    filler: int = 0  # filler tokens so far
    kind: str = ""  # kind of the phrase just written
    left: int = 0  # distractors still to come


class _Options(NamedTuple):
    """What may come next: phrases, the places they lead to, and probs (phrases, distances or 1)."""

    phrases: list[Phrase]
    places: list[_Place]
    probs: np.ndarray


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
        self._distances = np.arange(low, high + 1)
        self._filler_options: dict[_Place, _Options] = {}

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
        return [self._story(rng) for _ in range(require_int("count", count, minimum=0))]

    def corpus(self, num_tokens: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
        """Whole stories, one after another, until there are at least `num_tokens` tokens.

        Returns the tokens and their log-probabilities (tokens,) float64, each given the part of its
        own story that precedes it; a story ends with ``<eos>``.
        """
        num_tokens = require_int("num_tokens", num_tokens)
        tokens: list[str] = []
        log_probs: list[np.ndarray] = []
        while len(tokens) < num_tokens:
            story = self._story(rng)
            tokens.extend(story.tokens)
            log_probs.append(story.log_probs)
        return tokens, np.concatenate(log_probs)

    def _story(self, rng: np.random.Generator) -> Story:
        drawn = int(rng.integers(len(self._distances)))
        place, names, tokens, blank = _Place("name"), (), [], 0
        while place.stage != "end":
            phrases, places, probs = self._options(place, names)
            column = probs[:, drawn if probs.shape[1] > 1 else 0]
            choice = rng.choice(len(phrases), p=column)
            tokens.extend(phrases[choice])
            if place.stage in ("pronoun", "greeting"):
                blank = len(tokens) - 1
            names = self._names_after(place, names, phrases[choice])
            place = places[choice]
        return Story(
            tokens=tuple(tokens),
            log_probs=self.log_probs(tokens),
            blank=blank,
            answer=tokens[blank],
            name=names[0],
            distance=int(self._distances[drawn]),
        )

    # ---- reading --------------------------------------------------------------------------------

    def log_probs(self, tokens: Iterable[str]) -> np.ndarray:
        """log P(token | its story so far) of a story, a prefix of one, or a stream of stories.

        Natural logarithm, float64 (len(tokens),). A token that cannot stand where it stands gets -inf,
        and so does the rest of its story.
        """
        reader = _Reader(self)
        with np.errstate(divide="ignore"):
            return np.log(np.array([reader.read(token) for token in tokens], dtype=np.float64))

    def log_prob(self, tokens: Iterable[str]) -> float:
        """log P(tokens), the sum of `log_probs`: -inf for what this grammar cannot write."""
        return float(self.log_probs(tokens).sum())

    def next_token_probs(self, prefix: Iterable[str]) -> dict[str, float]:
        """The true distribution of the token after `prefix` (empty: after an ``<eos>``)."""
        reader = _Reader(self)
        for token in prefix:
            reader.read(token)
        return reader.next_probs()

    # ---- the rules, used for both -----------------------------------------------------------------

    def _options(self, place: _Place, names: tuple[str, ...]) -> _Options:
        lexicon = self.lexicon
        unused = [(name,) for name in lexicon.names if name not in names]
        match place.stage:
            case "name":
                return _uniform(unused, _Place("opening"))
            case "opening":
                return _uniform(lexicon.openings, _Place("filler", left=self.distractors))
            case "filler":
                if place not in self._filler_options:
                    self._filler_options[place] = self._filler(place)
                return self._filler_options[place]
            case "distractor":
                return _uniform(unused, _Place("filler", place.filler, left=place.left - 1))
            case "pronoun":
                return _uniform([("he" if names[0] in lexicon.men else "she",)], _Place("ending"))
            case "ending":
                return _uniform([(ending, ".", EOS) for ending in lexicon.endings], _Place("end"))
            case "newcomer":
                return _uniform(unused, _Place("greeting"))
            case "greeting":
                scene = ("came", "in", ".", names[-1], "said", "hi", "to", names[0])
                return _uniform([scene], _Place("greeted"))
            case "greeted":
                return _uniform([(".", EOS)], _Place("end"))
        raise AssertionError(place)

    def _filler(self, place: _Place) -> _Options:
        rest = self._distances - place.filler  # filler tokens still to come, for every distance
        to_come = np.maximum(rest + place.left, 1)
        rows = [
            (phrase, _Place("filler", place.filler + len(phrase), kind, place.left))
            for kind, phrases in self.lexicon.filler.items()
            if kind != place.kind
            for phrase in phrases
        ]
        fits = np.array([len(phrase) <= rest for phrase, _ in rows], dtype=np.float64)
        probs = [*(fits / np.maximum(fits.sum(axis=0), 1) * np.maximum(rest, 0) / to_come)]
        if place.left:
            company = COMPANY[(self.distractors - place.left) % len(COMPANY)]
            rows.append(((company,), place._replace(stage="distractor")))
            probs.append((rest >= 0) * place.left / to_come)
        else:
            over = (rest == 0).astype(np.float64)
            rows += [(("and",), _Place("pronoun")), ((".",), _Place("newcomer"))]
            probs += [over * (1 - self.greetings), over * self.greetings]
        phrases, places = zip(*rows, strict=True)
        return _Options(list(phrases), list(places), np.array(probs))

    @staticmethod
    def _names_after(place: _Place, names: tuple[str, ...], phrase: Phrase) -> tuple[str, ...]:
        return (*names, *phrase) if place.stage in ("name", "distractor", "newcomer") else names


class _Reader:
    """Reads token by token and keeps P(distance | prefix): a forward pass over what is hidden."""

    def __init__(self, grammar: PronounGrammar):
        self.grammar = grammar
        self._start()

    def _start(self):
        distances = len(self.grammar._distances)
        self.names: tuple[str, ...] = ()
        self._enter(_Place("name"), np.full(distances, 1 / distances))

    def _enter(self, place: _Place, belief: np.ndarray):
        """Begin a phrase at `place`, having P(distance | prefix) = belief."""
        self.place = place
        self.options = self.grammar._options(place, self.names)
        self.joint = self.options.probs * belief  # P(phrase, distance | prefix)
        self.alive = list(range(len(self.options.phrases)))  # phrases that agree with what was read
        self.offset = 0

    def next_probs(self) -> dict[str, float]:
        mass = self.joint[self.alive].sum()
        probs: dict[str, float] = {}
        for i in self.alive:
            token = self.options.phrases[i][self.offset]
            probs[token] = probs.get(token, 0.0) + float(self.joint[i].sum() / mass)
        return {token: p for token, p in probs.items() if p > 0}

    def read(self, token: str) -> float:
        """P(token | prefix); the token then belongs to the prefix."""
        phrases, before = self.options.phrases, self.joint[self.alive].sum()
        self.alive = [i for i in self.alive if phrases[i][self.offset] == token]
        mass = self.joint[self.alive].sum()
        if mass == 0:  # impossible, and all that follows in this story
            self.alive = []
            if token == EOS:
                self._start()
            return 0.0
        self.offset += 1
        done = next((i for i in self.alive if len(phrases[i]) == self.offset), None)
        if done is not None:  # no phrase begins another: this is the only one left
            self.names = self.grammar._names_after(self.place, self.names, phrases[done])
            place = self.options.places[done]
            if place.stage == "end":
                self._start()
            else:
                self._enter(place, self.joint[done] / mass)
        return float(mass / before)


def _uniform(phrases: Sequence[Phrase], place: _Place) -> _Options:
    return _Options(list(phrases), [place] * len(phrases), np.full((len(phrases), 1), 1 / len(phrases)))


def floor_perplexity(log_probs: np.ndarray) -> float:
    """exp(-mean log P): the perplexity of the source itself on these tokens, the best possible one."""
    log_probs = np.asarray(log_probs, dtype=np.float64)
    require(log_probs.size > 0, "log_probs", "no tokens", "at least one")
    return float(np.exp(-log_probs.mean()))
