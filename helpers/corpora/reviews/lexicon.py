"""The words of the reviews."""

from __future__ import annotations

Phrase = tuple[str, ...]


def _phrases(text: str) -> tuple[Phrase, ...]:
    return tuple(tuple(phrase.split()) for phrase in text.split(" | "))


# ---- the part that decides -------------------------------------------------------------------------

SUBJECTS = _phrases(
    "it | the film | the story | the plot | the acting | the music | the dialogue | the humour"
)
GOOD = ("wonderful", "funny", "moving", "clever", "charming", "original")
BAD = ("dull", "clumsy", "silly", "tiring", "shallow", "bad")
DEGREES: tuple[Phrase, ...] = ((), ("really",), ("quite",))

# ---- filler: says nothing about good or bad, and has no word in common with the part that decides ---

OPENINGS = _phrases(
    "seen last night : | watched with friends : | my verdict : | finally seen this : | second viewing : | "
    "seen on tv : | spoiler free : | watched this yesterday : | seen twice now : | short review :"
)
CLOSINGS = _phrases(
    ". two hours long | . cinema almost empty | . tickets cost ten | . my sister agrees | . seen on sunday | "
    ". my second visit | . full house | . three hours long | . now on tv | . seen with children"
)
"""An opening ends with ":", a closing begins with "."; neither stands anywhere else."""
