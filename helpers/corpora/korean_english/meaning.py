"""What a sentence says, the Korean sentence that says it, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from helpers.corpora.korean_english.lexicon import (
    ADJECTIVES_OF,
    AUXILIARIES,
    MARKETS,
    PEOPLE_ARE,
    PLACES,
    TENSES,
    THINGS_ARE,
    TIMES,
    VERBS,
)
from helpers.corpora.korean_order import (
    OBJECTS,
    SUBJECTS,
    SUITABLE,
    direct_object,
    has_final_consonant,
    subject,
)
from helpers.corpora.text import token_tuple, visible
from helpers.validation import require

Sentence = tuple[str, ...]


class Meaning(NamedTuple):
    """What a sentence says and how it is built; nouns and verbs as in korean_order."""

    subject: str
    particle: str                 # "topic" or "subject"
    subject_adjective: str | None
    verb: str
    object: str
    object_adjective: str | None
    tense: str
    time: str | None
    place: str | None
    time_first: bool              # or behind the subject
    object_first: bool


def choices(verb: str, what: str, tense: str, time: str | None) -> dict[str, tuple]:
    """Field of a `Meaning` → all it can be, given those on which others depend. None stands first."""
    return {
        "subject": tuple(SUBJECTS),
        "particle": ("topic", "subject"),
        "subject_adjective": (None, *PEOPLE_ARE),
        "verb": tuple(VERBS),
        "object": SUITABLE[verb],
        "object_adjective": (None, *ADJECTIVES_OF[what]),
        "tense": TENSES,
        "time": (None, *TIMES[tense]),
        "place": (None, *(MARKETS if verb == "산다" else PLACES)),
        "time_first": (False, True) if time else (False,),
        "object_first": (False, True),
    }


def topic(noun: str) -> str:
    """The noun as what is talked about: 은 after a consonant (동생은), 는 after a vowel (친구는)."""
    return visible(noun, "noun") + ("은" if has_final_consonant(noun) else "는")


PARTICLES = {"topic": topic, "subject": subject}


def korean(m: Meaning) -> Iterator[tuple[str, str]]:
    """(role, word) in the order of the Korean sentence."""
    who = [("subject adjective", m.subject_adjective)] if m.subject_adjective else []
    who.append(("subject", PARTICLES[m.particle](m.subject)))
    what = [("object adjective", m.object_adjective)] if m.object_adjective else []
    what.append(("object", direct_object(m.object)))
    when = [("time", m.time)] if m.time else []
    where = [("place", m.place)] if m.place else []
    front, behind = (when, []) if m.time_first else ([], when)
    yield from front + (what + who + behind + where if m.object_first else who + behind + where + what)
    yield "verb", VERBS[m.verb][m.tense][0]
    if m.tense in AUXILIARIES:
        yield "auxiliary", AUXILIARIES[m.tense][0]


def _said_by_words() -> dict[str, dict[str, str]]:
    """Word → fields of a `Meaning`. No word has two readings."""
    found = [
        (form(noun), {"subject": noun, "particle": particle})
        for noun in SUBJECTS
        for particle, form in PARTICLES.items()
    ]
    found += [(direct_object(noun), {"object": noun}) for noun in OBJECTS]
    found += [(word, {"subject_adjective": word}) for word in PEOPLE_ARE]
    found += [(word, {"object_adjective": word}) for word in THINGS_ARE]
    found += [(word, {"place": word}) for word in PLACES | MARKETS]
    found += [(word, {"time": word}) for words in TIMES.values() for word in words]
    found += [(VERBS[verb][tense][0], {"verb": verb, "tense": tense}) for verb in VERBS for tense in TENSES]
    found += [(word, {}) for word, *_ in AUXILIARIES.values()]
    assert len(dict(found)) == len(found)
    return dict(found)


_SAID_BY = _said_by_words()


def read(sentence: Sequence[str]) -> Meaning:
    """What a Korean sentence says. ValueError unless the grammar writes it, word for word."""
    words = token_tuple("sentence", sentence)
    wanted = "a sentence of this grammar (helpers.corpora.korean_english)"
    said: dict[str, str | None] = dict.fromkeys(("subject_adjective", "object_adjective", "time", "place"))
    for word in words:
        require(word in _SAID_BY, "sentence", f"the word {word!r}", wanted)
        said |= _SAID_BY[word]
    require({"subject", "object", "verb"} <= said.keys(), "sentence", " ".join(words), wanted)
    at = {word: number for number, word in enumerate(words)}
    who = at[PARTICLES[said["particle"]](said["subject"])]
    meaning = Meaning(
        **said,
        time_first=said["time"] is not None and at[said["time"]] < who,
        object_first=at[direct_object(said["object"])] < who,
    )
    possible = choices(meaning.verb, meaning.object, meaning.tense, meaning.time)
    fits = all(value in possible[field] for field, value in meaning._asdict().items())
    written = tuple(word for _, word in korean(meaning))
    require(fits and words == written, "sentence", " ".join(words), wanted)
    return meaning
