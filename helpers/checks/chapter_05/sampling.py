"""`temperature_softmax` and `top_k_filter`: references, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers import generation
from helpers.checks.registry import Exercise
from helpers.layers import log_softmax, softmax


def _temperature_cases(rng):
    logits = rng.normal(size=rng.integers(5, 12), scale=2)
    temperature = float(rng.choice([0.3, 0.7, 1.6, 2.5]))
    kind = rng.integers(3)
    if kind == 1:
        logits += 3000.0   # exp of these overflows
    elif kind == 2:
        logits, temperature = 1000 * logits, 1000.0   # far apart, and brought together by the temperature
    return {"logits": logits, "temperature": temperature}


temperature_softmax = Exercise(
    "temperature_softmax",
    "05",
    generation.temperature_softmax,
    ("p",),
    _temperature_cases,
    rounds=10,
    float32_rtol=1e-3,
)


@temperature_softmax.oracle("pairs: 1 / p_i = Σ_j e^((z_j − z_i) / τ)")
def _(logits, temperature):
    with np.errstate(over="ignore"):
        return 1 / np.exp((logits[None, :] - logits[:, None]) / temperature).sum(axis=1)


@temperature_softmax.oracle("torch.softmax of logits / τ", needs_torch=True)
def _(logits, temperature):
    import torch

    return torch.softmax(torch.tensor(logits) / temperature, 0).numpy()


@temperature_softmax.misconception(
    "multiplied", "You multiply by the temperature. Divide: a high temperature makes the distribution flatter."
)
def _(logits, temperature):
    return softmax(logits * temperature)


@temperature_softmax.misconception(
    "after-softmax", "You divide the probabilities by the temperature; they no longer sum to 1. Divide the logits."
)
def _(logits, temperature):
    return softmax(logits) / temperature


@temperature_softmax.misconception(
    "no-effect",
    "The temperature changes nothing here: dividing probabilities and normalising them again, or adding a constant to "
    "all logits, leaves softmax as it is. Divide the logits.",
)
def _(logits, temperature):
    p = softmax(logits) / temperature
    return p / p.sum()


@temperature_softmax.misconception(
    "powers-of-p",
    "p to the power of 1/τ, normalised, is the same on paper. In the computer the small p have become 0 before the "
    "power is taken. Divide the logits, then one softmax.",
)
def _(logits, temperature):
    p = softmax(logits) ** (1 / temperature)
    return p / p.sum()


@temperature_softmax.misconception("sum-is-not-one", "These are the weights e^(z/τ). Divide them by their sum.")
def _(logits, temperature):
    z = logits / temperature
    return np.exp(z - z.max())


@temperature_softmax.misconception(
    "softmax-twice", "You take the softmax twice: first the logits are divided, then softmax, once."
)
def _(logits, temperature):
    return softmax(softmax(logits) / temperature)


@temperature_softmax.misconception(
    "not-normalised", "These are p to the power of 1/τ: the right ratios, but the sum is not 1."
)
def _(logits, temperature):
    return softmax(logits) ** (1 / temperature)


@temperature_softmax.misconception(
    "overflow", "exp of a large logit overflows and gives nan. Subtract the largest logit before exp."
)
def _(logits, temperature):
    weights = np.exp(logits / temperature)
    return weights / weights.sum()


@temperature_softmax.variant("shift first, then divide")
def _(logits, temperature):
    weights = np.exp((logits - np.max(logits)) / temperature)
    return weights / np.sum(weights)


@temperature_softmax.variant("log-probabilities rescaled")
def _(logits, temperature):
    z = log_softmax(logits.astype(np.float64)) / temperature
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


@temperature_softmax.landmark("`temperature_softmax(np.array([1.0, 2.2, -3.0, 4.1]), 0.5)[3] ≈ 0.976`")
def _(f):
    return f(np.array([1.0, 2.2, -3.0, 4.1]), 0.5)[3]


def _top_k_cases(rng):
    V = int(rng.integers(6, 12))
    logits = rng.normal(size=V)
    k = int(rng.integers(2, V - 1))
    if rng.random() < 0.5:   # a tie at the edge: the k-th and the next are equal
        order = np.argsort(-logits)
        logits[order[k]] = logits[order[k - 1]]
    return {"logits": logits, "k": k}


top_k_filter = Exercise("top_k_filter", "05", generation.top_k_filter, ("filtered",), _top_k_cases, rounds=10)


@top_k_filter.oracle("picking the best k times")
def _(logits, k):
    filtered, left = np.full(len(logits), -np.inf), logits.copy()
    for _ in range(k):
        best = int(np.argmax(left))   # the first of equals
        filtered[best], left[best] = logits[best], -np.inf
    return filtered


@top_k_filter.oracle("Python's stable sort")
def _(logits, k):
    keep = sorted(range(len(logits)), key=lambda i: -logits[i])[:k]
    return np.array([z if i in keep else -np.inf for i, z in enumerate(logits)])


@top_k_filter.misconception(
    "zero", "You set the others to 0. A logit of 0 still has a probability (e⁰ = 1); only −inf has none."
)
def _(logits, k):
    right = generation.top_k_filter(logits, k)
    return np.where(np.isinf(right), 0.0, right)


@top_k_filter.misconception(
    "smallest", "These are the k smallest logits. np.argsort sorts upwards: the best stand at the end."
)
def _(logits, k):
    filtered = np.full_like(logits, -np.inf)
    keep = np.argsort(logits, kind="stable")[:k]
    filtered[keep] = logits[keep]
    return filtered


@top_k_filter.misconception(
    "ties", "Equal logits at the edge are all kept, so there are more than k. Choose positions, not a threshold."
)
def _(logits, k):
    threshold = np.sort(logits)[-k]
    return np.where(logits >= threshold, logits, -np.inf)


@top_k_filter.misconception(
    "places-lost", "You return the k best in order; the filtered logits must keep their places, shape (V,)."
)
def _(logits, k):
    return np.sort(logits)[::-1][:k]


@top_k_filter.misconception(
    "tie-goes-to-the-later",
    "Right but for ties: of two equal logits at the edge you keep the one with the higher id. Sort −logits with "
    'kind="stable" and take the first k.',
)
def _(logits, k):
    filtered = np.full_like(logits, -np.inf)
    keep = np.argsort(logits, kind="stable")[-k:]
    filtered[keep] = logits[keep]
    return filtered


_UNSTABLE = "np.argsort without kind=\"stable\" (and argpartition) may order equal logits in any way"


@top_k_filter.misconception(
    "unstable-sort", f"Right but for ties, where the lower id has to stay: {_UNSTABLE}. Sort −logits, stable."
)
def _(logits, k):
    filtered = np.full_like(logits, -np.inf)
    keep = np.argsort(logits)[-k:]
    filtered[keep] = logits[keep]
    return filtered


@top_k_filter.misconception(
    "unstable-partition", f"Right but for ties at the edge: {_UNSTABLE}. np.argsort(-logits, kind=\"stable\")[:k] does it."
)
def _(logits, k):
    filtered = np.full_like(logits, -np.inf)
    keep = np.argpartition(-logits, k - 1)[:k]
    filtered[keep] = logits[keep]
    return filtered


@top_k_filter.misconception("finite", "A large negative number is not −inf: use -np.inf, so that the probability is 0.")
def _(logits, k):
    right = generation.top_k_filter(logits, k)
    return np.where(np.isinf(right), -1e9, right)


@top_k_filter.misconception("plus-infinity", "The others got +inf, the largest logit of all. It is -np.inf.")
def _(logits, k):
    right = generation.top_k_filter(logits, k)
    return np.where(np.isinf(right), np.inf, right)


@top_k_filter.misconception("one-too-many", "You keep k + 1 of them.")
def _(logits, k):
    return generation.top_k_filter(logits, k + 1)


@top_k_filter.misconception(
    "strictly-above", "You keep what lies strictly above the k-th: the k-th itself belongs to the k best."
)
def _(logits, k):
    return np.where(logits > np.sort(logits)[-k], logits, -np.inf)


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
    return np.array([logits[i] if order.index(i) < k else -np.inf for i in range(len(logits))])


@top_k_filter.landmark("`top_k_filter(np.array([1.0, 2.2, -3.0, 4.1]), 2)` keeps 4.1 and `2.2`")
def _(f):
    return np.sort(f(np.array([1.0, 2.2, -3.0, 4.1]), 2))[-2]
