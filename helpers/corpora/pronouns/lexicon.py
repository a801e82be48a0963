"""The words of the stories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from helpers.validation import require

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
        for each in ("men", "women", "openings", "endings"):
            require(isinstance(getattr(self, each), tuple), each, repr(getattr(self, each)), "a tuple")
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
