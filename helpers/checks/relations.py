"""What wrong numbers have to do with the right ones: doubled, negated, transposed, a step short,
rounded, …"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from helpers.checks.compare import difference
from helpers.checks.pairs import Pair, close, holds
from helpers.checks.resized import of_other_shape
from helpers.checks.words import Message, named, told
from helpers.languages import translate, translate_count


def relation(
    outcomes: Sequence[Mapping[str, Any]],
    wanted: Sequence[Mapping[str, Any]],
    sizes: Sequence[Mapping[str, int]],
    *,
    nearly: bool = True,
    rtol: float = 1e-9,
) -> str:
    """A sentence on the first wrong quantity that holds in every case, or "".

    The three sequences have an entry a case: the outputs by name, the right ones, the sizes by name. Said
    only when chance cannot have made it: the numbers have to agree in at least two cases and eight entries.
    Without `nearly` it is nothing worth saying that all are nearly right. `rtol` is that of the comparison.
    """
    for name in wanted[0] if wanted else ():
        wrong = [
            each for each in zip(outcomes, wanted, sizes, strict=True)
            if name in each[0] and difference({name: each[0][name]}, {name: each[1][name]}, rtol)
        ]  # fmt: skip
        if not wrong:
            continue
        exchanged = _exchanged(name, wrong)
        if exchanged:
            return exchanged
        pairs = [pair for got, want, size in wrong if (pair := _pair(got[name], want[name], size))]
        if len(pairs) < len(wrong) or len(pairs) < 2:
            return ""
        signs = len(wrong) < len(wanted) and all((pair.want < 0).any() for pair in pairs)
        if signs and holds(pairs, lambda w, s: np.abs(w)) and _telling(pairs):   # no sign is turned
            return told(_ABSOLUTE, name=named(name))
        return next(_sentences(named(name), pairs, nearly), "")
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


def _telling(pairs: Sequence[Pair]) -> bool:
    """Whether there are enough different numbers that agreement is no accident."""
    numbers = {f"{value:.6g}" for pair in pairs for value in pair.want.ravel() if np.isfinite(value)}
    fractions = any("." in number for number in numbers)
    return len(numbers) >= (3 if fractions else 8)


def _sentences(name: str, pairs: Sequence[Pair], nearly: bool) -> Iterator[str]:
    if not _telling(pairs):
        return
    same_shape = all(pair.got.shape == pair.want.shape for pair in pairs)
    yield from (_of_equal_shape(name, pairs, nearly) if same_shape else of_other_shape(name, pairs))


def _of_equal_shape(name: str, pairs: Sequence[Pair], nearly: bool) -> Iterator[str]:
    with np.errstate(all="ignore"):
        yield from _by_a_factor(name, pairs)
        yield from _rounded(name, pairs)
        if not all(map(_nearly, pairs)):
            yield from _rearranged(name, pairs)
            yield from _by_a_function(name, pairs)
            yield from _in_one_place(name, pairs)
        elif nearly and any((pair.want != np.round(pair.want)).any() for pair in pairs):
            yield nearly_right(name)   # a count is right or wrong


def _by_a_factor(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    if holds(pairs, lambda w, s: -w):
        yield translate("`{name}` has the opposite sign throughout.", name=name)
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
        if holds([p for p in pairs if p.sizes], lambda w, s, t=text: w * _by_sizes(s).get(t, np.nan)):
            if "√" in text:
                yield translate(
                    "`{name}` is {factor} times what is wanted: is a root forgotten, or one too many, or on "
                    "the wrong side of a division?", name=name, factor=text,
                )  # fmt: skip
                continue
            yield translate(
                "`{name}` is {factor} times what is wanted: a sum in place of a mean, or a mean in place of "
                "a sum?", name=name, factor=text,
            )  # fmt: skip
    if np.isfinite(factor) and factor != 0 and holds(pairs, lambda w, s: factor * w):
        known = [text for text, value in _FACTORS.items() if np.isclose(factor, value, rtol=1e-6)]
        yield translate("`{name}` is {factor} times what is wanted, in every case that is wrong.",
                        name=name, factor=told(known[0]) if known else f"{factor:.6g}")  # fmt: skip
    if np.isfinite(shift) and shift != 0 and holds(pairs, lambda w, s: w + shift):
        yield translate("`{name}` is off by {shift} throughout.", name=name, shift=f"{shift:+.6g}")


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
    Message("1/ln 2 (bits for nats)"): 1 / np.log(2),
    Message("ln 2 (nats for bits)"): np.log(2),
    "1/ln 10": 1 / np.log(10),
    Message("a half"): 0.5,
    Message("a hundred"): 100.0,
    Message("a hundredth"): 0.01,
}


def _rearranged(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    axes = min(pair.want.ndim for pair in pairs)
    for axis in range(axes):
        place = {"name": name, "axis": axis}
        if holds(pairs, lambda w, s, a=axis: np.flip(w, a)):
            yield translate(
                "`{name}` is in reverse order along axis {axis}: the right values, backwards.", **place
            )
        if holds(pairs, lambda w, s, a=axis: np.roll(w, 1, a)):
            yield translate(
                "`{name}` is shifted by one along axis {axis}: every value stands one place later.", **place
            )
        if holds(pairs, lambda w, s, a=axis: np.roll(w, -1, a)):
            yield translate(
                "`{name}` is shifted by one along axis {axis}: every value stands one place earlier.", **place
            )
    if axes >= 2 and holds(pairs, lambda w, s: np.swapaxes(w, -1, -2)):   # other shapes are not close
        yield translate("`{name}` is the transpose of what is wanted.", name=name)
    if all(close(np.sort(p.got, None), np.sort(p.want, None)) and _misplaced(p) > 1 for p in pairs):
        yield translate("`{name}` holds the right values in the wrong places.", name=name)


def _misplaced(pair: Pair) -> int:
    """How many different finite numbers stand in the wrong places (ties between infinities have one)."""
    return len(np.unique(pair.want[(pair.got != pair.want) & np.isfinite(pair.want)]))


def _by_a_function(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    for message, function in _FUNCTIONS.items():
        if holds(pairs, lambda w, s, f=function: f(w)):
            yield told(message, name=name)


_ABSOLUTE = Message("`{name}` is the absolute value of what is wanted.")
_FUNCTIONS = {
    Message("`{name}` is exp of what is wanted."): np.exp,
    Message("`{name}` is the logarithm of what is wanted."): np.log,
    Message("`{name}` is the square of what is wanted."): np.square,
    Message("`{name}` is the root of what is wanted."): np.sqrt,
    Message("`{name}` is 1 minus what is wanted."): lambda w: 1 - w,
    Message("`{name}` is 1 over what is wanted."): lambda w: 1 / w,
    _ABSOLUTE: np.abs,
    Message("`{name}` is tanh of what is wanted."): np.tanh,
    Message("`{name}` is the running sum of what is wanted."): lambda w: np.cumsum(w, axis=-1),
}


def _rounded(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    for digits in range(6):
        if len(np.unique(np.round(np.concatenate([p.got.ravel() for p in pairs]), 9))) < 3:
            break   # 0 and 1 throughout: something else
        if all(np.allclose(p.got, np.round(p.want, digits), rtol=1e-12, atol=1e-12) for p in pairs):
            if not digits:
                yield translate("`{name}` is rounded to whole numbers. Return it as it comes out.", name=name)
                continue
            yield translate_count(
                "`{name}` is rounded to {count} decimal. Return it as it comes out.",
                "`{name}` is rounded to {count} decimals. Return it as it comes out.", digits, name=name,
            )  # fmt: skip
    if any(p.got.any() for p in pairs) and holds(pairs, lambda w, s: np.trunc(w)):
        yield translate(
            "`{name}` is cut to whole numbers: it was written into an array of integers, or went through "
            "`int`.", name=name,
        )  # fmt: skip
    if max(map(_error, pairs)) < 3e-6 and all(np.array_equal(p.got, p.got.astype(np.float32)) for p in pairs):
        yield translate(
            "`{name}` is right to the 7 digits of float32: somewhere the numbers became float32 (a "
            "dtype=np.float32, a torch default, .astype). Stay with the dtype of the input.", name=name,
        )  # fmt: skip


def _error(pair: Pair) -> float:
    """The largest error, relative to the largest entry; infinite where something is not finite."""
    if not (np.isfinite(pair.got).all() and np.isfinite(pair.want).all()):
        return np.inf
    return float(np.abs(pair.got - pair.want).max(initial=0) / max(1.0, np.abs(pair.want).max(initial=0)))


def _nearly(pair: Pair) -> bool:
    return _error(pair) < 3e-2


def nearly_right(name: str) -> str:
    """The sentence on numbers that are almost the right ones."""
    return translate(
        "`{name}` is nearly right, and not quite. A small constant added (an ε of another size or in another "
        "place), a rounding, an approximation or an iteration that stops early could do that; or something "
        "that is nearly the same here (a mean over one place more, the entry beside it).", name=name,
    )  # fmt: skip


def _in_one_place(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    for axis in range(min(pair.want.ndim for pair in pairs)):
        longer = [pair for pair in pairs if pair.want.shape[axis] > 2]
        if len(longer) < 2 or longer[0] is not pairs[0]:   # the one that is shown
            continue
        # Along this axis: which entries are right, in each case.
        moved = [[np.moveaxis(each, axis, 0) for each in (pair.got, pair.want)] for pair in longer]
        right = [[close(*two) for two in zip(*both, strict=True)] for both in moved]
        for place, (but_for, only_in) in _PLACES.items():
            here = [each[place] for each in right]
            rest = [each[1:] if place == 0 else each[:-1] for each in right]
            if not any(here) and all(map(all, rest)):
                yield told(but_for, name=name, axis=axis)
            if all(here) and not any(map(any, rest)):
                yield told(only_in, name=name, axis=axis)


_PLACES = {
    0: (
        Message("`{name}` is right but for the first entry along axis {axis}."),
        Message("`{name}` is right in the first entry along axis {axis}, and wrong in all others."),
    ),
    -1: (
        Message("`{name}` is right but for the last entry along axis {axis}."),
        Message("`{name}` is right in the last entry along axis {axis}, and wrong in all others."),
    ),
}


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
            return translate(
                "`{name}` and `{other}` are exchanged: the values are right, in the other order.",
                name=named(name), other=named(other),
            )  # fmt: skip
    return ""
