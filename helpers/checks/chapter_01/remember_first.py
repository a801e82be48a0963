"""`remember_first`: reference, oracles, and the mistakes learners make.

Which weights hold is for the learner to find, so the drawn cases, one name again and again, are passed by nearly all
of them; the extremes go from easy to hard, and the first one that an answer fails says what its weights lack.
"""

from __future__ import annotations

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.registry import Exercise


def remember_first_reference(signals):
    w_x, w_h = 1.0, 0.5
    h = 0.0
    w_x, w_h = 1.0, 3.0
    for s in signals:
        h = np.tanh(w_x * s + w_h * h)
    return np.round(h)


def _cases(rng, *, T=(8, 20)):
    """No name for a while, then the same one again and again."""
    signals = np.full(T, rng.choice([-1.0, 1.0]))
    signals[: rng.integers(0, 4)] = 0.0
    return {"signals": signals}


def _trial(function, signals):
    answer = function(signals)
    if isinstance(answer, int | float | np.number | np.ndarray) and np.size(answer) == 1 and np.isfinite(answer).all():
        value = float(np.reshape(answer, ()))
        if abs(value) > 1:
            raise Complaint(
                "It returned {value}. `np.tanh` keeps h between −1 and 1: is it left out, or put around a part only?",
                value=f"{value:.4g}",
            )
        if value != np.round(value):
            raise Complaint("It returned a fraction. Wanted is +1 or −1: the last step is to round, `np.round(h)`.")
    return answer


remember_first = Exercise(
    "remember_first", "01", remember_first_reference, ("answer",), _cases, rounds=4, trial=_trial,
    skip={
        "T = 1": "a name alone is an extreme, with words of its own",
        "slips": "an answer of +1 or −1 says too little: other weights look like a slip in the loop",
        "`int(h)`": "the mistake's own code",
    },
)  # fmt: skip


@remember_first.oracle("looking up the first name")
def _(signals):
    return float(signals[signals != 0][0])


@remember_first.oracle("scanning from the end: what stands first overwrites what came later")
def _(signals):
    found = 0.0
    for s in signals[::-1]:
        found = s if s else found
    return float(found)


remember_first.landmark("""
    remember_first(np.array([0, 1]))            # 1.0
    remember_first(np.array([-1] + 60 * [1]))   # -1.0
""")

_LATCH = "Try w_h between 2.5 and 4 first, and then w_x so small that other names cannot flip the unit."
_HEARD = (
    "A name in the last place is not heard. Either w_x is too small: one name has to lift h from 0 to above 0.5 at once, "
    "and tanh(w_x) > 0.5 takes w_x above 0.55. Or the loop leaves out a word, the first or the last: it goes "
    "over all `signals`."
)
_QUIET = "A word without a name has to leave h at 0. Or does the loop stop before the end of `signals`?"
_GONE = (
    "One word later h rounds to 0. Either w_h is too small, so that the step shrinks h, or h does not "
    f"enter the next step at all (w_h * h), or w_h is negative and turns h round at every word. {_LATCH}"
)
_FADES = (
    "The unit forgets: with w_h up to 1 every step shrinks what it holds, and up to 1.1 it comes to rest below 0.5. (w_h = 1 "
    f"looks like perfect memory, but tanh(h) is a little smaller than h.) {_LATCH} If your w_h is larger still: w_h belongs to "
    "h, and w_x to the signal."
)
_OVERWRITES = (
    f"One later name is too much: it flips the unit, or leaves less than 0.5 of it. {_LATCH} (Or the loop begins at the end.)"
)
_TWO = (
    "One later name is withstood, two of them close together are not: w_x is only a little smaller than w_h · |h|. "
    "Make w_x smaller, or w_h larger."
)
_THREE = (
    "One or two later names are withstood; three in a row wear the unit down, because each pushes a state that the one "
    "before has already weakened. Let x be −1 at every word, and look for the w_x at which h comes to rest above 0.5. "
    "If none above 0.55 does, make w_h larger."
)
_ROW = (
    "It holds against a few other names, but a long row of them still wears it down: w_x has to be a little smaller, or "
    "w_h larger."
)


def _hard(name, hint, words):
    """An extreme with the signals `words(first)`, `first` being drawn."""
    remember_first.extreme(name, hint)(lambda rng: {"signals": np.array(words(rng.choice([-1.0, 1.0])))})


_hard("a name and nothing else", _HEARD, lambda first: [first])
_hard("a name after seventy words", _QUIET, lambda first: [*[0.0] * 70, first])
_hard("one word after the name", _GONE, lambda first: [first, 0.0])
_hard("sixty words after the name", _FADES, lambda first: [0.0, first, *[0.0] * 60])
_hard("another name after twenty words", _OVERWRITES, lambda first: [first, *[0.0] * 20, -first, 0.0, 0.0])
_hard("another name in the last place", _OVERWRITES, lambda first: [0.0, 0.0, first, *[0.0] * 59, -first])
_hard("another name at once", _OVERWRITES, lambda first: [first, -first, *[0.0] * 30])
_hard("two other names close together", _TWO, lambda first: [first, *[0.0] * 5, -first, 0.0, -first, *[0.0] * 9])
_hard("two other names in a row", _TWO, lambda first: [first, *[0.0] * 5, -first, -first, *[0.0] * 9])
_hard("three other names in a row", _THREE, lambda first: [first, 0.0, *[-first] * 3, *[0.0] * 9])
_hard("ten other names in a row", _ROW, lambda first: [0.0, first, first, *[0.0] * 3, *[-first] * 10, 0.0])
_hard("sixty other names in a row", _ROW, lambda first: [first, *[-first] * 60])
_hard("names of both kinds", _ROW, lambda first: [first, -first, first, *[-first] * 3, 0.0, first, *[-first] * 9])
_hard("as many of either kind", _ROW, lambda first: [first, -first, -first, first, 0.0, -first, first, -first, first, 0.0])


remember_first.mistake(
    "blinks",
    "With a negative w_h the unit changes its sign at every word. Memory needs w_h above 1.",
    ("w_x, w_h = 1.0, 3.0", "w_x, w_h = 2.0, -3.0"),
)
remember_first.mistake(
    "cut-to-int",
    "Always 0: `int(h)` cuts 0.99 down to 0; round instead, `np.round(h)`. (Or h is not assigned in the loop, or the "
    "loop does not read `s`, or the weights are so small that it never gets above 0.5.)",
    ("np.round(h)", "int(h)"),
)
remember_first.mistake("not-rounded", "Only the last step is missing: `np.round(h)`.", ("np.round(h)", "h"))
remember_first.mistake(
    "first-word-only",
    "You return after the first word: the `return` stands inside the loop (move it out, to the left), or only signals[0] is "
    "looked at.",
    ("    return np", "        return np"),
)
remember_first.mistake(
    "no-tanh",
    "Without the tanh h grows at every word and has no value to rest at: h = np.tanh(w_x * s + w_h * h).",
    ("np.tanh(w_x * s + w_h * h)", "w_x * s + w_h * h"),
)
remember_first.mistake(
    "sums",
    "A name and a later one of the other kind cancel: you add the signals up, or w_h is so little above 1 that the unit "
    "does. Make w_h larger.",
    ("h = np.tanh(w_x * s + w_h * h)", "h = h + s"),
    ("np.round(h)", "np.round(np.tanh(h))"),
)
remember_first.mistake(
    "one-without-sign",
    "Always +1. A woman's name first is −1: does the sign get lost (`abs`, a square, True for 1)? "
    "Or does h stay from the call before? It starts at 0 in every call.",
    ("np.round(h)", "np.round(abs(h))"),
)
remember_first.mistake(
    "sixty-words",
    "The loop runs 60 times, whatever the length of `signals`. A story may be longer or shorter: for s in signals.",
    ("for s in signals:", "for s in (signals[t] for t in range(60)):"),
)


@remember_first.variant("other weights")
def _(signals):
    h = 0.0
    for s in signals:
        h = np.tanh(0.8 * s + 2.5 * h)
    return float(np.round(h))


@remember_first.variant("an h for every word")
def _(signals):
    states = [0.0]
    for s in signals:
        states.append(float(np.tanh(2.0 * s + 4.0 * states[-1])))
    return round(states[-1], 0)


@remember_first.variant("returned as an int")
def _(signals):
    h = 0.0
    for s in signals:
        h = np.tanh(3.5 * h + 1.6 * s)
    return int(np.round(h))


@remember_first.variant("the sign")
def _(signals):
    h = 0.0
    for t in range(len(signals)):
        h = np.tanh(1.3 * signals[t] + 3 * h)
    return np.sign(h)
