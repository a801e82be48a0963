"""What wrong numbers have to do with the right ones: doubled, negated, transposed, a step short,
rounded, …"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.checks.compare import difference

TOLERANCE = 1e-7


@dataclass(frozen=True)
class Pair:
    """One quantity in one case: what came, what was wanted, the case's sizes by name."""

    got: np.ndarray
    want: np.ndarray
    sizes: Mapping[str, int]


def relation(
    outcomes: Sequence[Mapping[str, Any]],
    wanted: Sequence[Mapping[str, Any]],
    sizes: Sequence[Mapping[str, int]],
) -> str:
    """A sentence on the first wrong quantity that holds in every case, or "".

    The three sequences have an entry a case: the outputs by name, the right ones, the sizes by name. Said
    only when chance cannot have made it: the numbers have to agree in at least two cases and eight entries.
    """
    for name in wanted[0] if wanted else ():
        wrong = [
            each for each in zip(outcomes, wanted, sizes, strict=True)
            if name in each[0] and difference({name: each[0][name]}, {name: each[1][name]}, 1e-9)
        ]  # fmt: skip
        if not wrong:
            continue
        exchanged = _exchanged(name, wrong)
        if exchanged:
            return exchanged
        pairs = [pair for got, want, size in wrong if (pair := _pair(got[name], want[name], size))]
        if len(pairs) < len(wrong) or len(pairs) < 2:
            return ""
        return next((f"`{name}` {text}" for text in _sentences(pairs)), "")
    return ""


def _pair(got: Any, want: Any, sizes: Mapping[str, int]) -> Pair | None:
    if isinstance(got, tuple) and not isinstance(want, list | tuple):   # several values in the place of one
        return None
    try:
        arrays = [np.asarray(each.detach() if hasattr(each, "detach") else each) for each in (got, want)]
    except Exception:   # ragged lists, objects of the learner's
        return None
    if any(each.dtype.kind not in "iuf" for each in arrays) or not arrays[1].size:
        return None
    return Pair(*(each.astype(np.float64) for each in arrays), sizes)


def _close(left: np.ndarray, right: np.ndarray) -> bool:
    if left.shape != right.shape:
        return False
    with np.errstate(all="ignore"):
        scale = max(1.0, float(np.abs(right[np.isfinite(right)]).max(initial=0.0)))
        return bool(np.allclose(left, right, rtol=0, atol=TOLERANCE * scale, equal_nan=True))


def _telling(pairs: Sequence[Pair]) -> bool:
    """Whether there are enough different numbers that agreement is no accident."""
    numbers = {f"{value:.6g}" for pair in pairs for value in pair.want.ravel() if np.isfinite(value)}
    fractions = any("." in number for number in numbers)
    return len(numbers) >= (3 if fractions else 8)


def _sentences(pairs: Sequence[Pair]) -> Iterator[str]:
    if not _telling(pairs):
        return
    same_shape = all(pair.got.shape == pair.want.shape for pair in pairs)
    yield from (_of_equal_shape(pairs) if same_shape else _of_other_shape(pairs))


def _of_equal_shape(pairs: Sequence[Pair]) -> Iterator[str]:
    with np.errstate(all="ignore"):
        yield from _by_a_factor(pairs)
        yield from _rounded(pairs)
        if not all(map(_nearly, pairs)):
            yield from _rearranged(pairs)
            yield from _by_a_function(pairs)
            yield from _in_one_place(pairs)
        elif any((pair.want != np.round(pair.want)).any() for pair in pairs):   # a count is right or wrong
            yield _NEARLY


def _all(pairs: Sequence[Pair], change) -> bool:
    """Whether `change(want, sizes)` gives what came, in all cases."""
    return all(_close(pair.got, np.asarray(change(pair.want, pair.sizes), dtype=float)) for pair in pairs)


def _by_a_factor(pairs: Sequence[Pair]) -> Iterator[str]:
    if _all(pairs, lambda w, s: -w):
        yield "has the opposite sign throughout."
    first = next((p for p in pairs if np.isfinite(p.want).all() and np.abs(p.want).max() > 0), None)
    if first is None:
        return
    place = np.unravel_index(np.abs(first.want).argmax(), first.want.shape)
    nearly = np.isclose(first.got[place], first.want[place], rtol=1e-5)   # see `_roughly`
    if nearly:
        return
    factor, shift = first.got[place] / first.want[place], first.got[place] - first.want[place]
    for text, value in _by_sizes(first.sizes).items():
        if not np.isclose(factor, value, rtol=1e-6):
            continue
        # Examples and extremes have no sizes of their own: they neither speak for this nor against it.
        if _all([p for p in pairs if p.sizes], lambda w, s, t=text: w * _by_sizes(s).get(t, np.nan)):
            yield f"is {text} times what is wanted: a sum in place of a mean, or a mean in place of a sum?"
    if np.isfinite(factor) and factor != 0 and _all(pairs, lambda w, s: factor * w):
        names = [name for name, value in _FACTORS.items() if np.isclose(factor, value, rtol=1e-6)]
        known = names[0] if names else f"{factor:.6g}"
        yield f"is {known} times what is wanted, in every case."
    if np.isfinite(shift) and shift != 0 and _all(pairs, lambda w, s: w + shift):
        yield f"is off by {shift:+.6g} throughout."


def _by_sizes(sizes: Mapping[str, int]) -> dict[str, float]:
    """Factors that are made of a case's sizes, by their text."""
    forms: dict[str, float] = {}
    for many in (1, 2):
        for names in itertools.combinations(sizes, many):
            text, value = " · ".join(names), float(np.prod([sizes[name] for name in names]))
            forms |= {text: value, f"1/({text})" if many == 2 else f"1/{text}": 1 / value}
    return forms | {f"√{name}": size**0.5 for name, size in sizes.items()} | {
        f"1/√{name}": size**-0.5 for name, size in sizes.items()
    }


_FACTORS = {
    "1/ln 2 (bits for nats)": 1 / np.log(2), "ln 2 (nats for bits)": np.log(2), "1/ln 10": 1 / np.log(10),
    "a half": 0.5, "a hundred": 100.0, "a hundredth": 0.01,
}  # fmt: skip


def _rearranged(pairs: Sequence[Pair]) -> Iterator[str]:
    axes = min(pair.want.ndim for pair in pairs)
    for axis in range(axes):
        if _all(pairs, lambda w, s, a=axis: np.flip(w, a)):
            yield f"is in reverse order along axis {axis}: the right values, backwards."
        for step, words in ((1, "later"), (-1, "earlier")):
            if _all(pairs, lambda w, s, a=axis, n=step: np.roll(w, n, a)):
                yield f"is shifted by one along axis {axis}: every value stands one place {words}."
    if axes >= 2 and _all(pairs, lambda w, s: np.swapaxes(w, -1, -2)):   # other shapes are not close
        yield "is the transpose of what is wanted."
    if all(_close(np.sort(p.got, None), np.sort(p.want, None)) and _misplaced(p) > 1 for p in pairs):
        yield "holds the right values in the wrong places."


def _misplaced(pair: Pair) -> int:
    """How many different finite numbers stand in the wrong places (ties between infinities have one)."""
    return len(np.unique(pair.want[(pair.got != pair.want) & np.isfinite(pair.want)]))


def _by_a_function(pairs: Sequence[Pair]) -> Iterator[str]:
    for words, function in _FUNCTIONS.items():
        if _all(pairs, lambda w, s, f=function: f(w)):
            yield f"is {words} what is wanted."


_FUNCTIONS = {
    "exp of": np.exp, "the logarithm of": np.log, "the square of": np.square, "the root of": np.sqrt,
    "1 minus": lambda w: 1 - w, "1 over": lambda w: 1 / w, "the absolute value of": np.abs,
    "tanh of": np.tanh, "the running sum of": lambda w: np.cumsum(w, axis=-1),
}  # fmt: skip


def _rounded(pairs: Sequence[Pair]) -> Iterator[str]:
    for digits in range(6):
        if len(np.unique(np.concatenate([p.got.ravel() for p in pairs]))) < 3:
            break   # 0 and 1 throughout: something else
        if all(np.allclose(p.got, np.round(p.want, digits), rtol=1e-12, atol=1e-12) for p in pairs):
            yield f"is rounded to {digits} decimals. Return it as it comes out."
    if any(p.got.any() for p in pairs) and _all(pairs, lambda w, s: np.trunc(w)):
        yield "is cut to whole numbers: it was written into an array of integers, or went through `int`."
    if max(map(_error, pairs)) < 3e-6 and all(np.array_equal(p.got, p.got.astype(np.float32)) for p in pairs):
        yield (
            "is right to the 7 digits of float32: somewhere the numbers became float32 (a dtype=np.float32, "
            "a torch default, .astype). Stay with the dtype of the input."
        )


def _error(pair: Pair) -> float:
    """The largest error, relative to the largest entry; infinite where something is not finite."""
    if not (np.isfinite(pair.got).all() and np.isfinite(pair.want).all()):
        return np.inf
    return float(np.abs(pair.got - pair.want).max(initial=0) / max(1.0, np.abs(pair.want).max(initial=0)))


def _nearly(pair: Pair) -> bool:
    return _error(pair) < 3e-2


_NEARLY = (
    "is nearly right, and not quite. A small constant added (an ε of another size or in another place), a "
    "rounding, an approximation or an iteration that stops early could do that."
)


def _in_one_place(pairs: Sequence[Pair]) -> Iterator[str]:
    for axis in range(min(pair.want.ndim for pair in pairs)):
        longer = [pair for pair in pairs if pair.want.shape[axis] > 2]
        # Along this axis: which entries are right, in each case.
        moved = [[np.moveaxis(each, axis, 0) for each in (pair.got, pair.want)] for pair in longer]
        right = [[_close(*two) for two in zip(*both, strict=True)] for both in moved]
        for place, word in ((0, "first"), (-1, "last")):
            here = [each[place] for each in right]
            rest = [each[1:] if place == 0 else each[:-1] for each in right]
            if longer and not any(here) and all(map(all, rest)):
                yield f"is right but for the {word} entry along axis {axis}."
            if longer and all(here) and not any(map(any, rest)):
                yield f"is right in the {word} entry along axis {axis}, and wrong in all others."


def _of_other_shape(pairs: Sequence[Pair]) -> Iterator[str]:
    if len({(pair.got.ndim, pair.want.ndim) for pair in pairs}) > 1:
        return
    got, want = pairs[0].got.ndim, pairs[0].want.ndim
    if got == want:
        for order in itertools.permutations(range(want)):
            if _all(pairs, lambda w, s, o=order: w.transpose(o)):
                axes = "" if want == 2 else f": its axes are {order} of the right one"
                yield f"is the transpose of what is wanted{axes}."
        yield from _one_too_few_or_many(pairs, want)
    if all(_close(p.got.ravel(), p.want.ravel()) for p in pairs):
        yield f"has the right values in another shape{_ones(pairs)}."
    for axis, (index, place) in itertools.product(range(want), ((0, "first"), (-1, "last"))):
        if got == want - 1 and _all(pairs, lambda w, s, a=axis, i=index: np.take(w, i, axis=a)):
            yield f"is only the {place} entry along axis {axis}, without that axis; the others are missing."
    for axis in range(max(got, want)):
        for words, reduce in (("summed", np.sum), ("averaged", np.mean)):
            if got == want - 1 and _all(pairs, lambda w, s, a=axis, r=reduce: r(w, axis=a)):
                yield f"is {words} over axis {axis}, which should stay."
            if want == got - 1 and all(_close(reduce(p.got, axis=axis), p.want) for p in pairs):
                yield f"still has axis {axis}, which should be {words} over."
    if got == want:
        yield from _another_size(pairs)


def _ones(pairs: Sequence[Pair]) -> str:
    """What became of an axis of size 1."""
    if all(p.got.ndim < p.want.ndim and 1 in p.want.shape for p in pairs):
        return ": it lacks an axis of size 1 (`squeeze`, or an index where a slice keeps the axis)"
    if all(p.got.ndim > p.want.ndim for p in pairs):
        return ": it has an axis too many (`keepdims`, brackets around the result)"
    return ""


def _another_size(pairs: Sequence[Pair]) -> Iterator[str]:
    """An axis that is always as long as another size than it should be: N for T, D for H."""
    sized = [pair for pair in pairs if pair.sizes]
    for axis in range(pairs[0].want.ndim):
        mine, right = (
            {name for name in pairs[0].sizes if all(p.sizes.get(name) == shape(p)[axis] for p in sized)}
            for shape in (lambda p: p.got.shape, lambda p: p.want.shape)
        )
        if len(mine) == len(right) == 1 and mine != right:
            yield f"has axis {axis} as long as {mine.pop()}; wanted {right.pop()}."


def _one_too_few_or_many(pairs: Sequence[Pair], ndim: int) -> Iterator[str]:
    for axis in range(ndim):
        for cut, place in ((slice(None, -1), "last"), (slice(1, None), "first")):
            at = (slice(None),) * axis + (cut,)
            if _all(pairs, lambda w, s, at=at: w[at]):
                yield f"lacks the {place} entry along axis {axis}; the others are right."
            if all(_close(p.got[at], p.want) for p in pairs):
                yield f"has one entry too many along axis {axis}, the {place}; the others are right."
        yield from _only_a_part(pairs, axis)


def _only_a_part(pairs: Sequence[Pair], axis: int) -> Iterator[str]:
    """Right as far as it goes, and too short: a loop that returned early, or numbers for sizes."""
    for place in ("first", "last"):
        parts = []
        for pair in pairs:
            many, whole = pair.got.shape[axis], pair.want.shape[axis]
            kept = range(many) if place == "first" else range(whole - many, whole)
            parts.append(many and many < whole and _close(pair.got, pair.want.take(kept, axis)))
        if all(parts):
            many = {pair.got.shape[axis] for pair in pairs}
            if many == {1}:
                yield f"holds only the {place} entry along axis {axis}: does `return` stand inside the loop?"
            some = f"{place} {many.pop()} entries" if len(many) == 1 else f"{place} entries"
            yield f"holds only the {some} along axis {axis}; these are right, the others are missing."


def _exchanged(name: str, wrong) -> str:
    """Results in another order: what came as `name` was wanted as another quantity, and the other way
    round."""
    for other in wrong[0][1]:
        if other == name:
            continue
        if all(
            other in got and not difference({name: got[other], other: got[name]}, want, 1e-9)
            for got, both, _ in wrong
            for want in [{name: both[name], other: both[other]}]
        ):
            return f"`{name}` and `{other}` are exchanged: the values are right, in the other order."
    return ""
