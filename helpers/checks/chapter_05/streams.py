"""`to_streams`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def to_streams_reference(ids, batch_size):
    L = (len(ids) - 1) // batch_size
    n = batch_size * L
    return ids[:n].reshape(batch_size, L), ids[1 : n + 1].reshape(batch_size, L)


def _cases(rng, *, N=(3, 5), L=(6, 10)):
    # One to N ids more than inputs; with N more the ids divide evenly, and a row has one input less than ids.
    length = N * L + int(rng.choice([1, min(2, N), N]))
    return {"ids": rng.permutation(120)[:length], "batch_size": N}


to_streams = Exercise("to_streams", "05", to_streams_reference, ("inputs", "targets"), _cases, rounds=6)


@to_streams.oracle("following every row by hand")
def _(ids, batch_size):
    steps = (len(ids) - 1) // batch_size
    inputs = [[int(ids[n * steps + t]) for t in range(steps)] for n in range(batch_size)]
    targets = [[int(ids[n * steps + t + 1]) for t in range(steps)] for n in range(batch_size)]
    return np.array(inputs), np.array(targets)


@to_streams.oracle("helpers.corpora.batches with one long window")
def _(ids, batch_size):
    from helpers.corpora.batches import contiguous_batches

    return next(iter(contiguous_batches(ids, batch_size, len(ids))))


@to_streams.extreme("the ids divide evenly", "The last id is a target and no input: L comes from len(ids) − 1.")
def _(rng):
    return {"ids": rng.permutation(900)[:28], "batch_size": 4}


@to_streams.extreme("a text of two words", "Right as long as every id occurs once; ids come again and again. Go by places.")
def _(rng):
    return {"ids": rng.integers(0, 2, size=24), "batch_size": 3}


@to_streams.extreme("ids above a million", "Right for small ids: a dtype with fewer bits has cut the large ones. Keep that of ids.")
def _(rng):
    return {"ids": rng.integers(1_000_000, 2_000_000, size=23), "batch_size": 3}


ROWS = "ids[:n].reshape(batch_size, L)"
NEXT = "ids[1 : n + 1].reshape(batch_size, L)"

to_streams.mistake(
    "not-shifted",
    "The targets equal the inputs: the network would learn to copy. Targets are one step ahead.",
    ("ids[1 : n + 1]", "ids[:n]"),
)
to_streams.mistake(
    "interleaved",
    "Your rows jump through the text: neighbours in the text stand in different rows. Each row must be one "
    "contiguous stretch, or the carried state belongs to another place: reshape to (batch_size, L), without a transpose.",
    (ROWS, "ids[:n].reshape(L, batch_size).T"),
    (NEXT, "ids[1 : n + 1].reshape(L, batch_size).T"),
)
to_streams.mistake(
    "steps-by-rows",
    "You have L rows of batch_size ids; wanted are batch_size rows of L, each one long stretch of the text.",
    (ROWS, "ids[:n].reshape(L, batch_size)"),
    (NEXT, "ids[1 : n + 1].reshape(L, batch_size)"),
)
to_streams.mistake(
    "row-wraps",
    "The last target of each row is wrong: it is the row's own first id (np.roll wraps around). Shift the long "
    "stream before you cut it into rows.",
    (NEXT, "np.roll(ids[:n].reshape(batch_size, L), -1, axis=1)"),
)
to_streams.mistake(
    "stream-wraps",
    "Only the very last target is wrong: np.roll brings the first id of the text there. What follows stands in the "
    "stream: `ids[1 : n + 1]`.",
    ("ids[1 : n + 1]", "np.roll(ids[:n], -1)"),
)
to_streams.mistake(
    "column-lost",
    "You cut rows first and shift inside them, so every row loses its last target. Shift the stream first: the next "
    "row's first id is the target.",
    (ROWS, "ids[:n].reshape(batch_size, L)[:, :-1]"),
    (NEXT, "ids[:n].reshape(batch_size, L)[:, 1:]"),
)
to_streams.mistake(
    "last-id-as-input",
    "Wrong where the ids divide evenly: the last id of the text is a target and never an input, because nothing follows "
    "it. L is (len(ids) − 1) // batch_size.",
    ("(len(ids) - 1) // batch_size", "len(ids) // batch_size"),
)
to_streams.mistake(
    "nothing-follows",
    "Where the ids divide evenly you make up a target for the last id of the text. It has none, and is no input: L is "
    "(len(ids) − 1) // batch_size.",
    ("(len(ids) - 1) // batch_size", "len(ids) // batch_size"),
    ("ids[1 : n + 1]", "np.append(ids[1:], 0)[:n]"),
)
to_streams.mistake(
    "first-follows-last",
    "Where the ids divide evenly you let the first id of the text follow the last (np.roll). Nothing follows it, and it is no "
    "input: L is (len(ids) − 1) // batch_size.",
    ("(len(ids) - 1) // batch_size", "len(ids) // batch_size"),
    ("ids[1 : n + 1]", "np.roll(ids, -1)[:n]"),
)
to_streams.mistake(
    "one-off-the-batch",
    "`//` comes before `-`: the 1 is taken off the quotient of 1 and batch_size. A bracket is missing, `(len(ids) - 1)`.",
    ("(len(ids) - 1) // batch_size", "len(ids) - 1 // batch_size"),
)
to_streams.mistake(
    "targets-from-the-end",
    "Your targets are the *last* n ids. Where some are left over that is further than one place ahead: `ids[1 : n + 1]`.",
    ("ids[1 : n + 1]", "ids[-n:]"),
)
to_streams.mistake(
    "padded",
    "The last target of every row is a 0 that you put there. What follows stands in the text: shift the long stream, then cut "
    "it into rows.",
    (NEXT, "np.pad(ids[:n].reshape(batch_size, L)[:, 1:], ((0, 0), (0, 1)))"),
)
to_streams.mistake(
    "row-too-short",
    "Your rows are one id too short: L = (len(ids) − 1) // batch_size. The 1 is taken off once, before dividing.",
    ("(len(ids) - 1) // batch_size", "(len(ids) - 1) // batch_size - 1"),
)
to_streams.mistake(
    "two-ahead",
    "Your targets are two places ahead. Wanted is the very next id: `ids[1 : n + 1]`.",
    ("(len(ids) - 1)", "(len(ids) - 2)"),
    ("ids[1 : n + 1]", "ids[2 : n + 2]"),
)
to_streams.mistake(
    "float-length",
    "`/` makes a float, and a slice wants a whole number: `(len(ids) - 1) // batch_size`.",
    ("(len(ids) - 1) // batch_size", "(len(ids) - 1) / batch_size"),
)
to_streams.mistake(
    "one-behind",
    "The targets are one step *behind* the inputs: inputs and targets are swapped.",
    (f"{ROWS}, {NEXT}", f"{NEXT}, {ROWS}"),
)
to_streams.mistake(
    "dropped-in-front",
    "You drop what is left over at the *beginning* of the stream. Keep the beginning, drop the end.",
    ("ids[:n]", "ids[-n - 1 : -1]"),
    ("ids[1 : n + 1]", "ids[-n:]"),
)
to_streams.mistake(
    "ids-plus-one",
    "Your targets are the ids plus 1. One step ahead means the next *place* in the stream: ids[1:].",
    ("ids[1 : n + 1]", "(ids[:n] + 1)"),
)
to_streams.mistake(
    "next-row",
    "Your targets are the next *row* of ids, L places ahead. Wanted is the next id: one place ahead.",
    (NEXT, "np.roll(ids[:n].reshape(batch_size, L), -1, axis=0)"),
)
to_streams.mistake(
    "id-before",
    "Your targets are the ids *before* the inputs: np.roll by +1 shifts that way. Wanted is the id that follows: "
    "`ids[1 : n + 1]`.",
    ("ids[1 : n + 1]", "np.roll(ids, 1)[:n]"),
)
to_streams.mistake(
    "inputs-shifted",
    "The inputs are shifted as well, so they equal the targets, and the network would learn to copy. Inputs begin with "
    "the first id of the text: `ids[:n]`.",
    ("ids[:n]", "ids[1 : n + 1]"),
)
to_streams.mistake(
    "one-off-after-dividing",
    "You take the 1 off after dividing, a whole column. It is one id of the text: `(len(ids) - 1) // batch_size`.",
    ("(len(ids) - 1) // batch_size", "len(ids) // batch_size - 1"),
)
to_streams.mistake(
    "rest-kept",
    "What does not fill a column is dropped at the end before reshape: `ids[:n]` with n = batch_size · L.",
    (ROWS, "ids[:-1].reshape(batch_size, -1)"),
    (NEXT, "ids[1:].reshape(batch_size, -1)"),
)
for _dtype, _least, _most in (("uint8", 0, 255), ("int8", -128, 127)):
    to_streams.mistake(
        f"eight-bits-{_dtype}",
        f"{_dtype} holds numbers from {_least} to {_most}; an id outside wraps round to another word. Keep the dtype of ids.",
        ("ids[:n]", f"ids[:n].astype(np.{_dtype})"),
        ("ids[1 : n + 1]", f"ids[1 : n + 1].astype(np.{_dtype})"),
    )


@to_streams.misconception(
    "filled-up",
    "You fill the last row up with zeros, and id 0 is a word like any other: the network would learn it there. Round L down, "
    "and drop what is left over at the end.",
)
def _(ids, batch_size):
    L = -(-(len(ids) - 1) // batch_size)
    filled = np.append(ids, np.zeros(batch_size * L + 1 - len(ids), dtype=ids.dtype))
    return filled[:-1].reshape(batch_size, L), filled[1:].reshape(batch_size, L)


@to_streams.variant("one array of both, stacked")
def _(ids, batch_size):
    return np.stack(to_streams_reference(ids, batch_size))


@to_streams.variant("row by row")
def _(ids, batch_size):
    steps = (len(ids) - 1) // batch_size
    starts = range(0, steps * batch_size, steps)
    rows = [ids[s : s + steps] for s in starts], [ids[s + 1 : s + steps + 1] for s in starts]
    return np.stack(rows[0]), np.stack(rows[1])


@to_streams.variant("an index array")
def _(ids, batch_size):
    steps = (len(ids) - 1) // batch_size
    index = np.arange(batch_size)[:, None] * steps + np.arange(steps)
    return ids[index], ids[index + 1]


to_streams.landmark("""
    inputs, targets = to_streams(np.array([5, 0, 7, 3, 9, 2, 8, 4, 1, 6]), 2)
    inputs    # [[5, 0, 7, 3], [9, 2, 8, 4]]
    targets   # [[0, 7, 3, 9], [2, 8, 4, 1]]
""")
