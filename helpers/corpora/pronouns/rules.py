"""What may come next in a story, and how probably: used for writing and for reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.corpora.pronouns.lexicon import COMPANY, Lexicon, Phrase
from helpers.corpora.vocabulary import EOS


class Place(NamedTuple):
    """Where in a story we are, apart from the names used: known from the prefix alone."""

    stage: str
    filler: int = 0  # filler tokens so far
    kind: str = ""  # kind of the phrase just written
    left: int = 0  # distractors still to come


class Options(NamedTuple):
    """What may come next: phrases, the places they lead to, and probs (phrases, distances or 1)."""

    phrases: list[Phrase]
    places: list[Place]
    probs: np.ndarray


class Rules:
    """The rules of a grammar: its lexicon, its distances (an array), and the shares of the rest."""

    def __init__(self, lexicon: Lexicon, distances: np.ndarray, distractors: int, greetings: float):
        self.lexicon = lexicon
        self.distances = distances
        self.distractors = distractors
        self.greetings = greetings
        self._filler_options: dict[Place, Options] = {}

    def options(self, place: Place, names: tuple[str, ...]) -> Options:
        lexicon = self.lexicon
        unused = [(name,) for name in lexicon.names if name not in names]
        match place.stage:
            case "name":
                return uniform(unused, Place("opening"))
            case "opening":
                return uniform(lexicon.openings, Place("filler", left=self.distractors))
            case "filler":
                if place not in self._filler_options:
                    self._filler_options[place] = self._filler(place)
                return self._filler_options[place]
            case "distractor":
                return uniform(unused, Place("filler", place.filler, left=place.left - 1))
            case "pronoun":
                return uniform([("he" if names[0] in lexicon.men else "she",)], Place("ending"))
            case "ending":
                return uniform([(ending, ".", EOS) for ending in lexicon.endings], Place("end"))
            case "newcomer":
                return uniform(unused, Place("greeting"))
            case "greeting":
                scene = ("came", "in", ".", names[-1], "said", "hi", "to", names[0])
                return uniform([scene], Place("greeted"))
            case "greeted":
                return uniform([(".", EOS)], Place("end"))
        raise AssertionError(place)

    def _filler(self, place: Place) -> Options:
        rest = self.distances - place.filler  # filler tokens still to come, for every distance
        to_come = np.maximum(rest + place.left, 1)
        rows = [
            (phrase, Place("filler", place.filler + len(phrase), kind, place.left))
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
            rows += [(("and",), Place("pronoun")), ((".",), Place("newcomer"))]
            probs += [over * (1 - self.greetings), over * self.greetings]
        phrases, places = zip(*rows, strict=True)
        return Options(list(phrases), list(places), np.array(probs))

    @staticmethod
    def names_after(place: Place, names: tuple[str, ...], phrase: Phrase) -> tuple[str, ...]:
        return (*names, *phrase) if place.stage in ("name", "distractor", "newcomer") else names


def uniform(phrases: Sequence[Phrase], place: Place) -> Options:
    return Options(list(phrases), [place] * len(phrases), np.full((len(phrases), 1), 1 / len(phrases)))
