"""Reading a story token by token, with Bayes' rule for what the prefix does not reveal."""

from __future__ import annotations

import numpy as np

from helpers.corpora.pronouns.rules import Place, Rules
from helpers.corpora.vocabulary import EOS


class Reader:
    """Reads token by token and keeps P(distance | prefix): a forward pass over what is hidden."""

    def __init__(self, rules: Rules):
        self.rules = rules
        self._start()

    def _start(self):
        distances = len(self.rules.distances)
        self.names: tuple[str, ...] = ()
        self._enter(Place("name"), np.full(distances, 1 / distances))

    def _enter(self, place: Place, belief: np.ndarray):
        """Begin a phrase at `place`, having P(distance | prefix) = belief."""
        self.place = place
        self.options = self.rules.options(place, self.names)
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
            self.names = self.rules.names_after(self.place, self.names, phrases[done])
            place = self.options.places[done]
            if place.stage == "end":
                self._start()
            else:
                self._enter(place, self.joint[done] / mass)
        return float(mass / before)
