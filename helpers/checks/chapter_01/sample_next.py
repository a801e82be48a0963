"""`sample_next`: reference, oracles, and the mistakes learners make.

An answer may round in its own way: u stays away from the edges, except where these are exact.
"""

from __future__ import annotations

import itertools

import numpy as np

from helpers.checks.given import Given
from helpers.checks.registry import Exercise
from helpers.checks.words import Message


def sample_next_reference(logits, u):
    weights = np.exp(logits - logits.max())
    edges = np.cumsum(weights)
    return int(np.argmax(edges / edges[-1] > u))


def _cases(rng, *, V=(5, 11)):
    logits = rng.normal(size=V, scale=1.5)
    edges = np.cumsum(np.exp(logits)) / np.exp(logits).sum()
    u = rng.random()
    while np.abs(edges - u).min() < 1e-5:
        u = rng.random()
    return {"logits": logits, "u": float(u)}


sample_next = Exercise("sample_next", "01", sample_next_reference, ("id",), _cases, rounds=30)


@sample_next.oracle("walking along the unit interval")
def _(logits, u):
    edges = list(itertools.accumulate(float(np.exp(z - max(logits))) for z in logits))
    return next(i for i, edge in enumerate(edges) if u < edge / edges[-1])


@sample_next.oracle("torch.softmax and torch.bucketize", needs_torch=True)
def _(logits, u):
    import torch

    edges = torch.softmax(torch.tensor(logits), 0).cumsum(0)
    return int(torch.bucketize(torch.tensor(u, dtype=torch.float64), edges / edges[-1], right=True))


sample_next.landmark("""
    logits = np.array([1.0, 2.2, -3.0, 4.1])
    sample_next(logits, 0.15)   # 1
    sample_next(logits, 0.17)   # 3
""")

_SHIFT = (
    "Right for small logits. exp of a large one overflows to inf, and inf / inf is nan; exp of large negative ones is 0 "
    "throughout, and 0 / 0 is nan. Subtract the largest logit first: softmax does not change, and one weight is exactly 1."
)


@sample_next.extreme("logits around 1000", _SHIFT)
def _(rng):
    return {"logits": np.array([1000.5, 1001.0, 999.0, 1000.0, 1001.5]), "u": 0.4}


@sample_next.extreme(
    "logits around −1000",
    "Right but for large negative logits: exp of them is 0 throughout, and 0 / 0 is nan. Subtract the largest logit first: "
    "softmax does not change, and one weight is exactly 1.",
)
def _(rng):
    return {"logits": np.array([-1000.5, -1001.0, -999.0, -1000.0]), "u": 0.9}


@sample_next.extreme(
    "logits far apart",
    "Subtracting the mean or the smallest leaves a large logit large, and exp overflows. Subtract the largest.",
)
def _(rng):
    return {"logits": np.array([-2000.0, 1.0, 2000.5, 0.0, 2000.0]), "u": 0.7}


@sample_next.extreme("u = 0", "Right for other u, wrong at u = 0, the left end of the first stretch.")
def _(rng):
    return {"logits": np.array([0.3, -1.0, 2.0, 0.5]), "u": 0.0}


_EMPTY = (
    "You choose an id of probability 0. Its stretch has length 0 and contains nothing, not even its left end: the edge has "
    "to be larger than u, not equal to it (with searchsorted: side=\"right\")."
)


@sample_next.extreme("probability 0 in the first place", f"At u = 0: {_EMPTY}")
def _(rng):
    return {"logits": np.array([-np.inf, 0.0, -0.5, 1.0]), "u": 0.0}


@sample_next.extreme("equal logits", "Equal probabilities, and each id has a stretch of its own: the place is wanted, not the first of equal values.")
def _(rng):
    return {"logits": np.zeros(4), "u": 0.6}


@sample_next.extreme("u on an edge", "A stretch holds its left end, not its right one: look for the first edge *larger* than u.")
def _(rng):
    return {"logits": np.zeros(4), "u": 0.5}


@sample_next.extreme("probability 0 on an edge", f"At u = 0.5, an edge of three stretches. {_EMPTY}")
def _(rng):
    return {"logits": np.array([2.0, -np.inf, -1000.0, 2.0]), "u": 0.5}


_JUST_BELOW_1 = Message("just below 1, np.nextafter(1, 0)")


def _just_below_1():
    """Not a number of the case itself: as float32 it would be 1."""
    return Given(_JUST_BELOW_1, lambda: np.nextafter(1.0, 0.0))


_LAST_EDGE = (
    "For u just below 1. Probabilities are rounded, and your last edge comes out as 0.9999999999999999. Then no edge is "
    "larger than u: argmax finds no True and returns 0, searchsorted or a count returns V, a loop runs off its end. Divide "
    "the running sums by the last of them, then that one is exactly 1: `edges / edges[-1]`."
)


@sample_next.extreme("u as near to 1 as a float can be", _LAST_EDGE)
def _(rng):
    return {"logits": np.array([0.1, -0.1, 0.6, 0.1]), "u": _just_below_1()}   # the last is not the likeliest


@sample_next.extreme(
    "probability 0 in the last place", "The id has probability 0: its stretch, at the very end, has length 0 and contains no u."
)
def _(rng):
    return {"logits": np.array([0.0, 0.0, -np.inf, -900.0]), "u": _just_below_1()}


@sample_next.extreme(
    "an empty last stretch, u as near to 1 as a float can be",
    "For u just below 1. The last id has probability 0 here: it is never chosen, not even where rounding leaves no running sum "
    "above u. Divide the running sums by the last of them.",
)
def _(rng):
    logits = [-0.6538286094183394, -0.12961363369276946, 0.7839754700613295, 1.4934311452207607, -np.inf]
    return {"logits": np.array(logits), "u": _just_below_1()}


@sample_next.extreme("a very short last stretch", "A short stretch is one, too: u as it is, without a bound, and no rounding.")
def _(rng):
    return {"logits": np.array([0.0, -11.5]), "u": 1 - 2.0**-20}


@sample_next.extreme(
    "u close to an edge", "Right unless u is close to an edge. Are the probabilities rounded, or is a small number added?"
)
def _(rng):
    return {"logits": np.array([1.0, 2.2, -3.0, 4.1]), "u": 0.1632}


sample_next.mistake(
    "argmax",
    "You always take the most probable id. That is argmax; sampling gives every id its share of u.",
    ("np.argmax(edges / edges[-1] > u)", "np.argmax(logits)"),
)
sample_next.mistake("overflow", _SHIFT, ("logits - logits.max()", "logits"))
sample_next.mistake(
    "divided-by-the-largest",
    "You divide the logits by the largest one. Softmax changes with that; it does not when the same number is "
    "*subtracted* from all.",
    ("logits - logits.max()", "logits / logits.max()"),
)
sample_next.mistake(
    "no-exp",
    "You divide the logits themselves by their sum. Probabilities need exp first: softmax.",
    ("np.exp(logits - logits.max())", "logits"),
)
sample_next.mistake(
    "no-cumsum",
    "You compare u with the single probabilities. It has to be compared with their running sum: id i owns the stretch from "
    "p₀+…+p_{i−1} up to p₀+…+p_i.",
    ("edges / edges[-1] > u", "weights / weights.sum() > u"),
)
sample_next.mistake(
    "nearest-edge",
    "You take the edge nearest to u. The stretch that contains u ends at the first edge *above* u.",
    ("np.argmax(edges / edges[-1] > u)", "np.abs(edges / edges[-1] - u).argmin()"),
)
sample_next.mistake(
    "below-u",
    "You look for a running sum *below* u; that is True from the start. The first one above u is it: > u.",
    ("> u", "< u"),
)
sample_next.mistake(
    "not-normalised",
    "The weights are not divided by their sum, so their running sum does not end at 1.",
    ("edges / edges[-1]", "edges"),
)
sample_next.mistake(
    "right-end-counted",
    "At u on an edge (at u = 0, too, if id 0 has probability 0) you choose an id too early: a stretch holds its left end and "
    "not its right one. "
    "`> u`, not `>= u`; with searchsorted side=\"right\". (Nor is a small number added to the running sums.)",
    ("> u", ">= u"),
)
sample_next.mistake(
    "zeros-left-out",
    "You leave the ids of probability 0 out, and all behind them move up. Keep them: their stretches have length 0.",
    ("    weights =", "    logits = logits[np.isfinite(logits)]\n    weights ="),
)
sample_next.mistake(
    "minus-infinity-replaced",
    "You put a 0 in the place of −∞. exp of −∞ is 0, just what is wanted; a logit of 0 has a probability.",
    ("    weights =", "    logits = np.where(np.isinf(logits), 0, logits)\n    weights ="),
)
sample_next.mistake(
    "sorted",
    "You sorted the probabilities before summing, so the place found is a rank, not an id.",
    ("np.cumsum(weights)", "np.cumsum(np.sort(weights)[::-1])"),
)
sample_next.mistake(
    "sorted-upwards",
    "You sorted the probabilities, smallest first: the place found is a rank. The stretches lie in the order of the ids.",
    ("np.cumsum(weights", "np.cumsum(np.sort(weights)"),
)
sample_next.mistake(
    "one-too-far",
    "You are one id too far: the first id whose running sum exceeds u is it. (A 0 in front of the running sums moves all "
    "of them up by one place, too.)",
    ("return int(", "return 1 + int("),
)
sample_next.mistake(
    "zero-in-front",
    "You search V + 1 edges, with a 0 in front, so the place found is one too far: search the right-hand ends alone.",
    ("np.cumsum(weights)", "np.append(0, np.cumsum(weights / weights.sum()))"),
    ("edges / edges[-1]", "edges"),
)
sample_next.mistake(
    "one-too-low", "You are one id too low: the first id whose running sum exceeds u is it.", ("return int(", "return -1 + int(")
)
sample_next.mistake(
    "from-the-other-end", "Your stretches begin with the last id. From 0 on lies that of id 0.", ("> u", "> 1 - u")
)
sample_next.mistake(
    "sigmoid",
    "You take the sigmoid of each logit. Softmax is exp of each, divided by the sum of all.",
    ("np.exp(logits - logits.max())", "1 / (1 + np.exp(-logits))"),
)
sample_next.mistake(
    "all-alike",
    "You give every id the same share, 1/V. Its share is its probability.",
    ("np.argmax(edges / edges[-1] > u)", "u * len(logits)"),
)
sample_next.mistake("normalised-first", _LAST_EDGE,
    ("np.cumsum(weights)", "np.cumsum(weights / weights.sum())"),
    ("edges / edges[-1]", "edges"),
)  # fmt: skip
sample_next.mistake("normalised-first-and-searched", _LAST_EDGE + " (Also where the edges up to u are counted.)",
    ("np.cumsum(weights)", "np.cumsum(weights / weights.sum())"),
    ("np.argmax(edges / edges[-1] > u)", 'np.searchsorted(edges, u, side="right")'),
)  # fmt: skip
sample_next.mistake(
    "shifted-after-exp",
    "You subtract the largest after exp, and that changes the probabilities. Subtract it from the logits, before exp: "
    "`np.exp(logits - logits.max())`.",
    ("np.exp(logits - logits.max())", "np.exp(logits) - np.exp(logits).max()"),
)
sample_next.mistake(
    "summed-before-softmax",
    "You take the running sums of the logits, and softmax afterwards. The other way round: softmax first, then the running "
    "sums of the probabilities.",
    ("np.exp(logits - logits.max())", "np.exp(np.cumsum(logits) - np.cumsum(logits).max())"),
    ("edges / edges[-1] > u", "weights / weights.sum() > u"),
)
sample_next.mistake(
    "powers-of-two", "You take powers of 2. Softmax is made of powers of e: `np.exp`.", ("np.exp(", "np.exp2(")
)
sample_next.mistake(
    "edge-for-id",
    "You return the edge above u, a number between 0 and 1. Wanted is whose stretch ends there: its id.",
    ("int(np.argmax(edges / edges[-1] > u))", "(edges / edges[-1])[np.argmax(edges / edges[-1] > u)]"),
)


@sample_next.misconception("last-id-left-out", "The loop ends before the last id, so that nothing is returned when u lies in its stretch.")
def _(logits, u):
    edges = np.cumsum(np.exp(logits - logits.max()))
    for i in range(len(logits) - 1):
        if u < edges[i] / edges[-1]:
            return i


@sample_next.variant("argmax of a comparison, the sum taken first")
def _(logits, u):
    edges = np.cumsum(np.exp(logits - logits.max()))
    return np.argmax(edges > u * edges[-1])   # an np.int64


@sample_next.variant("searchsorted")
def _(logits, u):
    p = np.exp(logits - np.max(logits))
    edges = (p / p.sum()).cumsum()
    edges /= edges[-1]
    return np.searchsorted(edges, u, side="right")


@sample_next.variant("counting the edges up to u")
def _(logits, u):
    weights = np.exp(logits - np.max(logits))
    return int((np.cumsum(weights) <= u * weights.sum()).sum())


@sample_next.variant("long double")
def _(logits, u):
    p = np.exp(np.asarray(logits, dtype=np.longdouble) - logits.max())
    edges = np.cumsum(p / p.sum())
    return next((i for i, edge in enumerate(edges / edges[-1]) if u < edge), None)
