"""`temperature_softmax` and `top_k_filter`: references, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.registry import Exercise
from helpers.layers import log_softmax


def temperature_softmax_reference(logits, temperature):
    z = logits / temperature
    weights = np.exp(z - z.max())
    return weights / weights.sum()


def _temperature_cases(rng, *, V=(5, 11)):
    return {"logits": rng.normal(size=V, scale=2), "temperature": float(rng.choice([0.3, 0.7, 1.6, 2.5]))}


temperature_softmax = Exercise(
    "temperature_softmax", "05", temperature_softmax_reference, ("p",), _temperature_cases, float32_rtol=1e-3
)


@temperature_softmax.oracle("pairs: 1 / p_i = Σ_j e^((z_j − z_i) / τ)")
def _(logits, temperature):
    if not np.isfinite(logits).all():
        return NotImplemented
    with np.errstate(over="ignore"):
        return 1 / np.exp((logits[None, :] - logits[:, None]) / temperature).sum(axis=1)


@temperature_softmax.oracle("torch.softmax of logits / τ", needs_torch=True)
def _(logits, temperature):
    import torch

    return torch.softmax(torch.tensor(logits) / temperature, 0).numpy()


@temperature_softmax.extreme("large logits", "exp of a large logit overflows. Take the largest off before exp.")
def _(rng):
    return {"logits": rng.normal(size=6) + 3000.0, "temperature": 0.7}


@temperature_softmax.extreme("logits far below 0", "exp of a logit far below 0 is 0, and 0/0 is nan. Take the largest off before exp.")
def _(rng):
    return {"logits": rng.normal(size=6) - 3000.0, "temperature": 0.7}


@temperature_softmax.extreme(
    "a low temperature",
    "Dividing by a small temperature makes logits large: take the largest off after that, and treat no temperature in another "
    "way.",
)
def _(rng):
    return {"logits": np.array([1.0, 2.2, -3.0, 4.1, 4.099]), "temperature": 0.001}


@temperature_softmax.extreme(
    "two alike, a temperature close to 0",
    "The formula is the same at every temperature above 0: of two equal logits each gets the same p.",
)
def _(rng):
    return {"logits": np.array([1.0, 3.0, 3.0, 0.5]), "temperature": 1e-9}


@temperature_softmax.extreme(
    "logits far apart, a high temperature",
    "Far apart, and brought together by the temperature: divide the logits first. After a softmax the small p are 0.",
)
def _(rng):
    return {"logits": 2000 * rng.normal(size=7), "temperature": 1000.0}


@temperature_softmax.extreme("temperature 1", "Temperature 1 changes no logit; what is wanted are probabilities all the same, the softmax.")
def _(rng):
    return {"logits": rng.normal(size=6, scale=2), "temperature": 1.0}


@temperature_softmax.extreme("logits of −∞", "A forbidden word has the logit −∞, and gets p = 0.")
def _(rng):
    return {"logits": np.array([1.5, -np.inf, 0.3, -np.inf, -2.0]), "temperature": 1.7}


temperature_softmax.mistake(
    "multiplied",
    "The temperature acts the wrong way round, as if the logits were multiplied by it. Divide the logits: a high temperature makes "
    "the distribution flatter.",
    ("logits / temperature", "logits * temperature"),
)
temperature_softmax.mistake(
    "after-softmax",
    "You divide the probabilities by the temperature; they no longer sum to 1. Divide the logits.",
    ("logits / temperature", "logits"),
    ("/ weights.sum()", "/ weights.sum() / temperature"),
)
temperature_softmax.mistake(
    "no-effect",
    "The temperature changes nothing here: dividing weights or probabilities and normalising them again, or adding a "
    "constant to all logits, leaves softmax as it is. Divide the logits.",
    ("logits / temperature", "logits"),
)
temperature_softmax.mistake(
    "powers-of-p",
    "p to the power of 1/τ, normalised, is the same on paper. In the computer the small p have become 0 before the "
    "power is taken. Divide the logits, then one softmax.",
    ("logits / temperature", "logits"),
    ("return weights / weights.sum()", "p = (weights / weights.sum()) ** (1 / temperature)\n    return p / p.sum()"),
)
temperature_softmax.mistake(
    "powers-of-weights",
    "The weights to the power of 1/τ, normalised, are the same on paper. In the computer the small ones have become 0 before "
    "the power is taken. Divide the logits, then exp.",
    ("z = logits / temperature\n    weights = np.exp(z - z.max())",
     "weights = np.exp(logits - logits.max()) ** (1 / temperature)"),
)
temperature_softmax.mistake(
    "sum-is-not-one", "These are the weights e^(z/τ). Divide them by their sum.", ("weights / weights.sum()", "weights")
)
temperature_softmax.mistake(
    "softmax-twice",
    "You take the softmax twice: first the logits are divided, then softmax, once.",
    ("z = logits / temperature", "p = np.exp(logits - logits.max())\n    z = p / p.sum() / temperature"),
)
temperature_softmax.mistake(
    "not-normalised",
    "These are p to the power of 1/τ, and their sum is not 1. Divide the logits by τ, then one softmax.",
    ("logits / temperature", "logits"),
    ("weights / weights.sum()", "(weights / weights.sum()) ** (1 / temperature)"),
)
temperature_softmax.mistake(
    "log-probabilities",
    "These are the logarithms of the probabilities. Take exp.",
    ("weights / weights.sum()", "z - z.max() - np.log(weights.sum())"),
)
temperature_softmax.mistake(
    "sigmoid",
    "That is a sigmoid for each logit alone; together they do not sum to 1. Divide the weights e^z by their sum.",
    ("weights / weights.sum()", "1 / (1 + np.exp(-z))"),
)
temperature_softmax.mistake(
    "overflow",
    "exp of a large logit overflows and gives nan. Take the largest logit off before exp.",
    ("z - z.max()", "z"),
)
temperature_softmax.mistake(
    "mean-taken-off",
    "You take the mean off. Only with the largest off can nothing overflow: `z - z.max()`.",
    ("z.max()", "z.mean()"),
)
temperature_softmax.mistake(
    "other-largest",
    "You take the largest of the *undivided* logits off the divided ones: far from their own largest, exp overflows or "
    "leaves nothing. `z - z.max()`.",
    ("z.max()", "logits.max()"),
)
temperature_softmax.mistake(
    "absolute-largest",
    "You take the largest *absolute* value off. Far below 0 that is a long way from the largest logit: every weight is 0, and "
    "0/0 is nan. `z - z.max()`.",
    ("z.max()", "np.abs(z).max()"),
)
temperature_softmax.mistake(
    "clipped",
    "You cut the logits off at a bound. Then exp does not overflow, and all logits beyond it look alike: take the largest off, "
    "which changes no p.",
    ("weights = np.exp(z - z.max())", "weights = np.exp(np.clip(z, -50, 50))"),
)
temperature_softmax.mistake(
    "other-sum",
    "Your weights have the temperature in them, and their sum has not, so the p do not sum to 1. Divide the logits first; both "
    "come from the divided ones.",
    ("z = logits / temperature\n    weights = np.exp(z - z.max())", "weights = np.exp((logits - logits.max()) / temperature)"),
    ("weights.sum()", "np.exp(logits - logits.max()).sum()"),
)
temperature_softmax.mistake(
    "greedy-below-one",
    "Below τ = 1 you give everything to the largest logit. That is the limit of τ = 0; at 0.7 the others still have their p. "
    "The same formula for every temperature.",
    ("    z = logits", "    if temperature < 1:\n        return np.eye(len(logits))[np.argmax(logits)]\n    z = logits"),
)
temperature_softmax.mistake(
    "greedy-close-to-zero",
    "At a small temperature you give everything to the largest logit. That is the limit of τ = 0; above it all keep their p: the "
    "same formula for every temperature.",
    ("    z = logits", "    if temperature < 0.01:\n        return np.eye(len(logits))[np.argmax(logits)]\n    z = logits"),
)
for _least in ("0.1", "0.01"):
    temperature_softmax.mistake(
        f"not-below-{_least}",
        f"You let the temperature not fall below {_least}. Divide by it as it is, however small.",
        ("logits / temperature", f"logits / max(temperature, {_least})"),
    )
temperature_softmax.mistake(
    "greedy",
    "You give everything to the largest logit, as at τ = 0. At any other temperature each word keeps its p.",
    ("return weights / weights.sum()", "return np.eye(len(logits))[np.argmax(weights)]"),
)


@temperature_softmax.variant("shift first, then divide")
def _(logits, temperature):
    weights = np.exp((logits - np.max(logits)) / temperature)
    return weights / np.sum(weights)


@temperature_softmax.variant("log-probabilities rescaled")
def _(logits, temperature):
    z = log_softmax(logits.astype(np.float64)) / temperature
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


temperature_softmax.landmark("""
    temperature_softmax(np.array([1.0, 2.2, -3.0, 4.1]), 0.5)   # ≈ [0.002, 0.022, 0.000, 0.976]
""")


def top_k_filter_reference(logits, k):
    keep = np.argsort(-logits, kind="stable")[:k]
    filtered = np.full_like(logits, -np.inf)
    filtered[keep] = logits[keep]
    return filtered


def _top_k_cases(rng, *, V=(6, 11)):
    logits = rng.normal(size=V)
    k = int(rng.integers(1, max(V - 1, 1) + 1))
    if V > 1 and rng.random() < 0.5:   # a tie at the edge: the k-th and the next are equal
        order = np.argsort(-logits)
        logits[order[k]] = logits[order[k - 1]]
    return {"logits": logits, "k": k}


def _a_new_array(function, logits, k):
    filtered, again = function(logits, k), function(logits, k)
    if isinstance(filtered, np.ndarray):
        if np.may_share_memory(filtered, logits):
            raise Complaint("It hands back `logits` itself, or a view of it, and wanted is a new array: `logits.copy()`.")
        if filtered is again:
            raise Complaint("It hands out the same array in every call. Make a new one each time.")
    return filtered


top_k_filter = Exercise(
    "top_k_filter", "05", top_k_filter_reference, ("filtered",), _top_k_cases, rounds=6, trial=_a_new_array
)


@top_k_filter.oracle("picking the best k times")
def _(logits, k):
    filtered, left = np.full(len(logits), -np.inf), logits.copy()
    for _ in range(k):
        best = int(np.argmax(left))   # the first of equals
        filtered[best], left[best] = logits[best], -np.inf
    return filtered


@top_k_filter.oracle("Python's stable sort")
def _(logits, k):
    keep = set(sorted(range(len(logits)), key=lambda i: -logits[i])[:k])
    return np.array([z if i in keep else -np.inf for i, z in enumerate(logits)])


@top_k_filter.extreme(
    "many ties among 300 logits",
    'Right for few logits, wrong for many with ties: np.argsort without kind="stable" (and argpartition) may order equal '
    "logits in any way. The lower ids have to stay.",
)
def _(rng):
    return {"logits": rng.integers(0, 3, size=300).astype(float), "k": 130}


@top_k_filter.extreme("equal logits", "All are equal: exactly k stay, those with the lowest ids.")
def _(rng):
    return {"logits": np.full(7, 0.5), "k": 3}


@top_k_filter.extreme("a tie at the k-th place, before a larger logit", "The larger one stays, and of the equal ones the lower id.")
def _(rng):
    return {"logits": np.array([1.0, 2.0, 2.0, 0.0, 2.0, 5.0]), "k": 2}


@top_k_filter.extreme("k is 1", "Right for larger k, wrong where one logit stays.")
def _(rng):
    return {"logits": rng.normal(size=6), "k": 1}


@top_k_filter.extreme("k is V", "With k = V all stay as they are.")
def _(rng):
    return {"logits": rng.normal(size=6), "k": 6}


@top_k_filter.extreme(
    "k above V", "A k larger than V keeps all. A slice `[:k]` may reach beyond the end; an index such as `[-k]` may not."
)
def _(rng):
    return {"logits": rng.normal(size=5), "k": 8}


@top_k_filter.extreme("logits far below 0", "Right for logits near 0. The others get −∞, below any number.")
def _(rng):
    return {"logits": -1e12 * (1 + rng.random(size=6)), "k": 3}


@top_k_filter.extreme("logits close together", "Right for logits far apart. Compare them as they are, without rounding or a tolerance.")
def _(rng):
    return {"logits": 1 + 1e-7 * rng.permutation(8), "k": 3}


KEEP = 'np.argsort(-logits, kind="stable")[:k]'

top_k_filter.mistake(
    "zero",
    "You set the others to 0. A logit of 0 still has a probability (e⁰ = 1); only −inf has none.",
    ("-np.inf", "0.0"),
)
top_k_filter.mistake(
    "smallest",
    "These are the k smallest logits. np.argsort sorts upwards: sort `-logits`.",
    ("-logits, kind", "logits, kind"),
)
top_k_filter.mistake(
    "ties",
    "Equal logits at the edge are all kept, so there are more than k. Choose positions, not a threshold.",
    (KEEP, "logits >= np.sort(logits)[-k:][0]"),
)
for _name, _threshold in {
    "sort": "np.sort(logits)[-k]",
    "partition": "np.partition(logits, -k)[-k]",
    "sort-downwards": "np.sort(logits)[::-1][k - 1]",
    "sorted": "sorted(logits, reverse=True)[k - 1]",
}.items():
    top_k_filter.mistake(
        f"threshold-by-{_name}",
        f"The threshold `{_threshold}` lets in all that are equal to it, so more than k, and it fails where k is above V. "
        "Choose positions.",
        (KEEP, f"logits >= {_threshold}"),
    )
top_k_filter.mistake(
    "strictly-above",
    "You keep what lies strictly above the k-th, which belongs to the k best itself. `>=` would keep all its equals: choose "
    "positions.",
    (KEEP, "logits > np.sort(logits)[-k:][0]"),
)
top_k_filter.mistake(
    "places-lost",
    "You return the k best in order; the filtered logits must keep their places, shape (V,).",
    ("return filtered", "return logits[keep]"),
)
top_k_filter.mistake(
    "moved-to-the-front",
    "The k best have moved to the front. They keep their places: write them to `filtered[keep]`.",
    ("filtered[keep]", "filtered[: len(keep)]"),
)
top_k_filter.mistake(
    "best-forbidden",
    "You forbid the k best and keep the rest: it is the other way round.",
    ("np.full_like(logits, -np.inf)", "logits.copy()"),
    ("= logits[keep]", "= -np.inf"),
)
top_k_filter.mistake(
    "k-smallest-forbidden",
    "You forbid k logits, the smallest. k is how many *stay*: all others go, len(logits) − k of them.",
    ("np.full_like(logits, -np.inf)", "logits.copy()"),
    ("-logits, kind", "logits, kind"),
    ("= logits[keep]", "= -np.inf"),
)
top_k_filter.mistake(
    "tie-goes-to-the-later",
    "Right but for ties: of equal logits at the edge you keep those with the higher ids. Sort −logits and take the first k.",
    (KEEP, 'np.argsort(logits, kind="stable")[-k:]'),
)
top_k_filter.mistake(
    "smallest-forbidden",
    "You forbid the len(logits) − k smallest: of equal ones at the edge the lower id goes, and where k is above V the slice "
    "counts from the end. Sort −logits and take the first k.",
    (KEEP, 'np.argsort(logits, kind="stable")[len(logits) - k :]'),
)
UNSTABLE = (
    'Right but for ties, where the lower id has to stay: np.argsort without kind="stable", and np.argpartition, may order equal '
    f"logits in any way. `{KEEP}` does it."
)
for _name, _loose in {
    "sort-from-V-minus-k": "np.argsort(logits)[len(logits) - k :]",
    "partition": "np.argpartition(logits, -k)[-k:]",
    "partition-of-the-negative": "np.argpartition(-logits, k)[:k]",
    "partition-before-k": "np.argpartition(-logits, k - 1)[:k]",
}.items():
    top_k_filter.mistake(
        f"unstable-{_name}",
        f"Right but for ties, where the lower id has to stay: `{_loose}` may order equal logits in any way, and is wrong where k is "
        f"above V. `{KEEP}` does it.",
        (KEEP, _loose),
    )
for _name, _loose, _end in (
    ("sort-of-the-negative", "np.argsort(-logits)[:k]", "first"), ("sort", "np.argsort(logits)[-k:]", "last")
):  # fmt: skip
    top_k_filter.mistake(
        f"unstable-{_name}", f"{UNSTABLE} (You take the {_end} k of an order that may be any other among equals.)", (KEEP, _loose)
    )
top_k_filter.mistake(
    "unstable-partition-above-V",
    f"{UNSTABLE} And where k is V, `np.argpartition(-logits, k)` has no place k to go by.",
    ("    keep =", "    if k > len(logits):\n        return logits.copy()\n    keep ="),
    (KEEP, "np.argpartition(-logits, k)[:k]"),
)
for _number in ("-1e4", "-1e9", "-1e10", "np.finfo(logits.dtype).min"):
    top_k_filter.mistake(
        f"finite-{_number}",
        f"{_number} is not −inf: use -np.inf, so that the probability is 0 whatever the others are.",
        ("-np.inf", _number),
    )
top_k_filter.mistake(
    "zero-times-infinity",
    "The kept ones became nan: 0 · inf is nan. Write into chosen places, or let np.where choose, instead of multiplying.",
    ("= logits[keep]", "= np.nan"),
)
top_k_filter.mistake(
    "tie-before-a-larger-one",
    "You go through the ids and stop when k have reached the threshold: equal ones in front take the place of a larger one "
    "behind them. Sort first, then take k.",
    (KEEP, "np.flatnonzero(logits >= np.sort(logits)[-k:][0])[:k]"),
)
top_k_filter.mistake(
    "first-place-of-a-value",
    "You look for places by value, and of equal logits always find the first one: fewer than k stay. Sort places, not values.",
    (KEEP, "[list(logits).index(z) for z in np.sort(logits)[::-1][:k]]"),
)
top_k_filter.mistake(
    "order-for-rank",
    "np.argsort gives the ids in order, the best first; entry i is not the rank of id i. Its first k entries *are* the ids to "
    f"keep: `{KEEP}`.",
    (KEEP, 'np.argsort(-logits, kind="stable") < k'),
)
top_k_filter.mistake(
    "first-k", "You keep the first k ids. Wanted are the k with the largest logits.", (KEEP, "slice(k)")
)
top_k_filter.mistake(
    "absolute",
    "You go by absolute values. A logit far below 0 is a bad one.",
    ("np.argsort(-logits", "np.argsort(-np.abs(logits)"),
)
top_k_filter.mistake(
    "probabilities",
    "You return probabilities. Wanted are logits: the k best as they are.",
    ("return filtered", "weights = np.exp(filtered - filtered.max())\n    return weights / weights.sum()"),
)


@top_k_filter.misconception(
    "search-from-0",
    "Your search for the largest begins at 0, so no logit below 0 is ever found. Begin it at −inf; or sort.",
)
def _(logits, k):
    keep = []
    for _ in range(min(k, len(logits))):
        best, place = 0, 0
        for i in range(len(logits)):
            if i not in keep and logits[i] > best:
                best, place = logits[i], i
        keep.append(place)
    filtered = np.full_like(logits, -np.inf)
    filtered[keep] = logits[keep]
    return filtered


@top_k_filter.misconception(
    "the-smallest-again-and-again",
    "`argmin` finds the −∞ that you have just written, in every round. Choose the places first, and write afterwards.",
)
def _(logits, k):
    filtered = logits.copy()
    for _ in range(len(logits) - k):
        filtered[filtered.argmin()] = -np.inf
    return filtered


@top_k_filter.variant("a boolean mask")
def _(logits, k):
    mask = np.zeros(len(logits), dtype=bool)
    mask[np.argsort(-logits, kind="stable")[:k]] = True
    filtered = logits.copy()
    filtered[~mask] = float("-inf")
    return filtered


@top_k_filter.variant("by rank, place by place")
def _(logits, k):
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))
    rank = {i: place for place, i in enumerate(order)}
    return np.array([logits[i] if rank[i] < k else -np.inf for i in range(len(logits))])


@top_k_filter.variant("turned round, sorted upwards")
def _(logits, k):
    filtered = logits[::-1].copy()
    filtered[np.argsort(filtered, kind="stable")[: max(len(logits) - k, 0)]] = -np.inf
    return filtered[::-1]


top_k_filter.landmark("""
    top_k_filter(np.array([1.0, 2.2, -3.0, 4.1, 2.2]), 2)   # [-inf, 2.2, -inf, 4.1, -inf]
""")
