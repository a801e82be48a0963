"""`remember_first`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _unit(signals, w_x, w_h):
    h = 0.0
    for s in signals:
        h = np.tanh(w_x * s + w_h * h)
    return float(np.round(h))


def _remember_first(signals):
    return _unit(signals, 1.0, 3.0)


def _signal_cases(rng):
    """A first name after 0–3 other words, or 70; then 0, 1 or 3 words without a name, or up to 60 with names of the
    other kind: one, some close together, a row of them, or nothing else to the end."""
    first = rng.choice([-1.0, 1.0])
    before = np.zeros(rng.choice([0, 1, 2, 3, 70]))
    kind = rng.choice(["none", "one", "close", "row", "all"])
    if kind == "none":
        later = np.zeros(rng.choice([0, 1, 3]))
    elif kind == "all":
        later = np.full(60, -first)
    else:
        later = np.zeros(rng.integers(20, 60))
        start = rng.integers(5, len(later) - 15)
        if kind == "one":
            later[start] = -first
            later[-1] = rng.choice([0.0, -first])
        elif kind == "close":
            later[[start, start + 2, start + 3]] = -first
            later[1] = first
        else:
            later[start : start + 8] = -first
    return {"signals": np.concatenate([before, [first], later])}


remember_first = Exercise("remember_first", "01", _remember_first, ("answer",), _signal_cases, rounds=40)


@remember_first.oracle("looking up the first name")
def _(signals):
    return float(signals[signals != 0][0])


@remember_first.oracle("scanning from the end: what stands first overwrites what came later")
def _(signals):
    found = 0.0
    for s in signals[::-1]:
        found = s if s else found
    return float(found)


_LATCH = "Try w_h between 2 and 4 first, and then w_x so small that other names cannot flip the unit."


@remember_first.misconception(
    "fades", f"The unit forgets: with w_h below 1 every step shrinks what it holds. {_LATCH}"
)
def _(signals):
    return _unit(signals, 2.0, 0.8)


@remember_first.misconception(
    "fades-slowly",
    "w_h = 1 looks like perfect memory, but tanh(h) is a little smaller than h at every step: after 60 words "
    f"less than 0.2 is left. {_LATCH} (If your w_h is larger: w_h belongs to h, and w_x to the signal.)",
)
def _(signals):
    return _unit(signals, 2.0, 1.0)


@remember_first.misconception(
    "last-name-wins",
    f"A later name overwrites the first: one signal flips the unit. {_LATCH} (Or the loop begins at the end.)",
)
def _(signals):
    return _unit(signals, 5.0, 2.0)


@remember_first.misconception(
    "blinks", "With a negative w_h the unit changes its sign at every word. Memory needs w_h above 1."
)
def _(signals):
    return _unit(signals, 2.0, -3.0)


@remember_first.misconception(
    "gone-at-once",
    "One word later nothing is left of the name. Either w_h is far below 1, so that every step shrinks h, or h does not "
    f"enter the next step at all (w_h * h). {_LATCH}",
)
def _(signals):
    return _unit(signals, 1.0, 0.5)


@remember_first.misconception(
    "two-names-flip-it",
    "One later name is withstood, two of them close together are not: w_x is only a little smaller than w_h · |h|. "
    "Make w_x smaller, or w_h larger.",
)
def _(signals):
    return _unit(signals, 2.9, 3.0)


@remember_first.misconception(
    "three-names-flip-it",
    "One or two later names are withstood; three in a row wear the unit down, because each pushes a state that the one "
    "before has already weakened. Let x be −1 at every word, and look for the w_x at which h comes to rest above 0.5. "
    "If none above 0.55 does, make w_h larger.",
)
def _(signals):
    return _unit(signals, 2.0, 3.0)


@remember_first.misconception(
    "a-long-row-flips-it",
    "It holds against a few other names, but a long row of them still wears it down: w_x has to be a little smaller, or "
    "w_h larger.",
)
def _(signals):
    return _unit(signals, 1.4, 3.0)


@remember_first.misconception(
    "too-weak-to-be-heard",
    "The name is hardly heard: it has to lift h from 0 to above 0.5 at once, and tanh(w_x) > 0.5 takes w_x above 0.55.",
)
def _(signals):
    return _unit(signals, 0.1, 3.0)


@remember_first.misconception(
    "cut-to-int", "Always 0: int(h) cuts 0.99 down to 0; round instead, np.round(h). (Or w_x is 0, and nothing is heard.)"
)
def _(signals):
    h = 0.0
    for s in signals:
        h = np.tanh(1.0 * s + 3.0 * h)
    return int(h)


@remember_first.misconception("not-rounded", "The unit remembers. Only the last step is missing: np.round(h).")
def _(signals):
    h = 0.0
    for s in signals:
        h = np.tanh(1.0 * s + 3.0 * h)
    return h


@remember_first.misconception(
    "last-word-skipped",
    "A name in the last place gives 0. Either w_x is below 0.55 and does not lift h above 0.5 at once, or the loop stops "
    "one word early; it should be: for s in signals.",
)
def _(signals):
    return _unit(signals[:-1], 1.0, 3.0)


@remember_first.misconception(
    "first-word-only", "You return after the first word: the `return` stands inside the loop. Move it out, to the left."
)
def _(signals):
    return _unit(signals[:1], 1.0, 3.0)


@remember_first.misconception(
    "no-tanh", "Without the tanh h grows at every word and has no value to rest at: h = np.tanh(w_x * s + w_h * h)."
)
def _(signals):
    h = 0.0
    for s in signals:
        h = 1.0 * s + 3.0 * h
    return np.round(h)


@remember_first.misconception("sums", "You add the signals up: a name and a later one of the other kind cancel.")
def _(signals):
    return float(np.round(np.tanh(signals.sum())))


@remember_first.variant("other weights")
def _(signals):
    return _unit(signals, 0.8, 2.5)


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


@remember_first.landmark("`remember_first(np.array([0, 1, 0, -1, -1, -1, -1]))` gives `1.0`")
def _(f):
    return f(np.array([0.0, 1, 0, -1, -1, -1, -1]))
