"""`to_streams`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _to_streams(ids, batch_size):
    steps = (len(ids) - 1) // batch_size
    used = steps * batch_size
    return ids[:used].reshape(batch_size, steps), ids[1 : used + 1].reshape(batch_size, steps)


def _cases(rng):
    batch_size = int(rng.integers(3, 6))
    # Now and then the ids divide evenly: the target of the last one is then missing, and a row shrinks.
    length = batch_size * int(rng.integers(6, 11)) + int(rng.choice([0, 1, 3]))
    return {"ids": rng.permutation(900)[:length] + 100, "batch_size": batch_size}


to_streams = Exercise("to_streams", "05", _to_streams, ("inputs", "targets"), _cases, rounds=8)


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


@to_streams.misconception(
    "not-shifted", "The targets equal the inputs: the network would learn to copy. Targets are one step ahead."
)
def _(ids, batch_size):
    inputs, _ = _to_streams(ids, batch_size)
    return inputs, inputs.copy()


@to_streams.misconception(
    "interleaved",
    "Your rows jump through the text: neighbours in the text stand in different rows. Each row must be one "
    "contiguous stretch, or the carried state belongs to another place. reshape(batch_size, steps), without a transpose.",
)
def _(ids, batch_size):
    steps = (len(ids) - 1) // batch_size
    used = steps * batch_size
    return ids[:used].reshape(steps, batch_size).T, ids[1 : used + 1].reshape(steps, batch_size).T


@to_streams.misconception(
    "row-wraps",
    "The last target of each row is wrong: it is the row's own first token (np.roll wraps around). Shift the long "
    "stream before you cut it into rows.",
)
def _(ids, batch_size):
    inputs, _ = _to_streams(ids, batch_size)
    return inputs, np.roll(inputs, -1, axis=1)


@to_streams.misconception(
    "column-lost",
    "You cut rows first and shift inside them, so every row loses its last target. Shift the stream first: the next "
    "row's first token is the target.",
)
def _(ids, batch_size):
    steps = len(ids) // batch_size
    rows = ids[: steps * batch_size].reshape(batch_size, steps)
    return rows[:, :-1], rows[:, 1:]


@to_streams.misconception("time-first", "Your arrays are (steps, batch_size); wanted (batch_size, steps).")
def _(ids, batch_size):
    inputs, targets = _to_streams(ids, batch_size)
    return inputs.T, targets.T


@to_streams.misconception("one-behind", "The targets are one step *behind* the inputs: inputs and targets are swapped.")
def _(ids, batch_size):
    inputs, targets = _to_streams(ids, batch_size)
    return targets, inputs


@to_streams.misconception(
    "dropped-in-front", "You drop what is left over at the *beginning* of the stream. Keep the beginning, drop the end."
)
def _(ids, batch_size):
    rest = (len(ids) - 1) % batch_size
    return _to_streams(ids[rest:], batch_size)


@to_streams.misconception(
    "ids-plus-one", "Your targets are the ids plus 1. One step ahead means the next *place* in the stream: ids[1:]."
)
def _(ids, batch_size):
    inputs, _ = _to_streams(ids, batch_size)
    return inputs, inputs + 1


@to_streams.variant("one array of both, stacked")
def _(ids, batch_size):
    return np.stack(_to_streams(ids, batch_size))


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


@to_streams.landmark("`to_streams(np.arange(12), 3)` gives targets whose last row ends in `9`")
def _(f):
    return f(np.arange(12), 3)[1][-1, -1]
