"""Wrong numbers of another shape than the right ones: transposed, a step short, an axis summed over, …"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from helpers.checks.pairs import Pair, close, holds
from helpers.checks.words import Message, told
from helpers.languages import translate


def of_other_shape(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    """What is true of the quantity `name` in all `pairs`, the most telling first."""
    if len({(pair.got.ndim, pair.want.ndim) for pair in pairs}) > 1:
        return
    got, want = pairs[0].got.ndim, pairs[0].want.ndim
    if got == want:
        for order in itertools.permutations(range(want)):
            if not holds(pairs, lambda w, s, o=order: w.transpose(o)):
                continue
            if want == 2:
                yield translate("`{name}` is the transpose of what is wanted.", name=name)
            yield translate(
                "`{name}` is the transpose of what is wanted: its axes are {order} of the right one.",
                name=name, order=order,
            )  # fmt: skip
        yield from _one_too_few_or_many(name, pairs, want)
    if all(close(p.got.ravel(), p.want.ravel()) for p in pairs):
        yield _reshaped(name, pairs)
    for axis, (index, words) in itertools.product(range(want), _ONLY.items()):
        if got == want - 1 and holds(pairs, lambda w, s, a=axis, i=index: np.take(w, i, axis=a)):
            yield told(words, name=name, axis=axis)
    for axis in range(max(got, want)):
        for reduce, (gone, kept) in _REDUCED.items():
            if got == want - 1 and holds(pairs, lambda w, s, a=axis, r=reduce: r(w, axis=a)):
                yield told(gone, name=name, axis=axis)
            if want == got - 1 and all(close(reduce(p.got, axis=axis), p.want) for p in pairs):
                yield told(kept, name=name, axis=axis)
    if got == want:
        yield from _another_size(name, pairs)


_ONLY = {
    0: Message(
        "`{name}` is only the first entry along axis {axis}, without that axis; the others are missing."
    ),
    -1: Message(
        "`{name}` is only the last entry along axis {axis}, without that axis; the others are missing."
    ),
}
_REDUCED = {
    np.sum: (
        Message("`{name}` is summed over axis {axis}, which should stay."),
        Message("`{name}` still has axis {axis}, which should be summed over."),
    ),
    np.mean: (
        Message("`{name}` is averaged over axis {axis}, which should stay."),
        Message("`{name}` still has axis {axis}, which should be averaged over."),
    ),
}


def _reshaped(name: str, pairs: Sequence[Pair]) -> str:
    """The right values in another shape, and what became of an axis of size 1."""
    if all(p.got.ndim < p.want.ndim and 1 in p.want.shape for p in pairs):
        return translate(
            "`{name}` has the right values in another shape: it lacks an axis of size 1 (`squeeze`, or an "
            "index where a slice keeps the axis).", name=name,
        )  # fmt: skip
    if all(p.got.ndim > p.want.ndim for p in pairs):
        return translate(
            "`{name}` has the right values in another shape: it has an axis too many (`keepdims`, brackets "
            "around the result).", name=name,
        )  # fmt: skip
    return translate("`{name}` has the right values in another shape.", name=name)


def _another_size(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    """An axis that is always as long as another size than it should be: N for T, D for H."""
    sized = [pair for pair in pairs if pair.sizes]
    for axis in range(pairs[0].want.ndim):
        mine, right = (
            {size for size in pairs[0].sizes   # in capitals are those that the text speaks of
             if size.isupper() and all(p.sizes.get(size) == shape(p)[axis] for p in sized)}
            for shape in (lambda p: p.got.shape, lambda p: p.want.shape)
        )
        if len(mine) == len(right) == 1 and mine != right:
            yield translate("`{name}` has axis {axis} as long as {got}; wanted {wanted}.",
                            name=name, axis=axis, got=mine.pop(), wanted=right.pop())  # fmt: skip


def _one_too_few_or_many(name: str, pairs: Sequence[Pair], ndim: int) -> Iterator[str]:
    for axis in range(ndim):
        for (start, end), (lacks, too_many) in _ENDS.items():
            at = (slice(None),) * axis + (slice(start, end),)
            if holds(pairs, lambda w, s, at=at: w[at]):
                yield told(lacks, name=name, axis=axis)
            if all(close(p.got[at], p.want) for p in pairs):
                yield told(too_many, name=name, axis=axis)
        yield from _only_a_part(name, pairs, axis)


_ENDS = {   # what is left without the last entry, and without the first
    (None, -1): (
        Message("`{name}` lacks the last entry along axis {axis}; the others are right."),
        Message("`{name}` has one entry too many along axis {axis}, the last; the others are right."),
    ),
    (1, None): (
        Message("`{name}` lacks the first entry along axis {axis}; the others are right."),
        Message("`{name}` has one entry too many along axis {axis}, the first; the others are right."),
    ),
}


def _only_a_part(name: str, pairs: Sequence[Pair], axis: int) -> Iterator[str]:
    """Right as far as it goes, and too short: a loop that returned early, or numbers for sizes."""
    for place, (one, so_many, some) in _PARTS.items():
        parts = []
        for pair in pairs:
            many, whole = pair.got.shape[axis], pair.want.shape[axis]
            kept = range(many) if place == "first" else range(whole - many, whole)
            parts.append(many and many < whole and close(pair.got, pair.want.take(kept, axis)))
        if all(parts):
            many = {pair.got.shape[axis] for pair in pairs}
            if many == {1}:
                yield told(one, name=name, axis=axis)
            if len(many) == 1:
                yield told(so_many, name=name, axis=axis, count=many.pop())
            yield told(some, name=name, axis=axis)


_PARTS = {
    "first": (
        Message(
            "`{name}` holds only the first entry along axis {axis}: does `return` stand inside the loop?"
        ),
        Message(
            "`{name}` holds only the first {count} entries along axis {axis}; these are right, the others "
            "are missing."
        ),
        Message(
            "`{name}` holds only the first entries along axis {axis}; these are right, the others "
            "are missing."
        ),
    ),
    "last": (
        Message(
            "`{name}` holds only the last entry along axis {axis}: does something begin anew in every round "
            "of the loop? Or, where it runs backwards, does `return` stand inside it?"
        ),
        Message(
            "`{name}` holds only the last {count} entries along axis {axis}; these are right, the others are "
            "missing."
        ),
        Message(
            "`{name}` holds only the last entries along axis {axis}; these are right, the others are missing."
        ),
    ),
}
