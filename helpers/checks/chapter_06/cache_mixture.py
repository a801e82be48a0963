"""`cache_mixture`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.registry import Exercise
from helpers.layers import sigmoid, softmax  # noqa: F401 (mistakes use the sigmoid)


def cache_mixture_reference(probs, h, states, words, theta, weight):
    if len(words) == 0:
        return probs.copy()
    likeness = softmax(theta * (states @ h))
    cache = np.zeros_like(probs)
    np.add.at(cache, words, likeness)
    return (1 - weight) * probs + weight * cache


def cache_cases(rng, *, L=(6, 7), H=(4, 5), V=(9, 12)):
    """probs (V,), h (H,), states (L, H), words (L,): one of them stands there three times, as far as they
    go."""
    words = rng.permutation(V)[: max(1, L - 2)]
    words = rng.permutation(np.resize(np.append(words, [words[0]] * 2), L))
    return {
        "probs": softmax(rng.normal(size=V)),
        "h": rng.normal(size=H),
        "states": rng.normal(size=(L, H)),
        "words": words,
        "theta": float(rng.uniform(0.4, 0.9)),
        "weight": float(rng.uniform(0.15, 0.4)),
    }


cache_mixture = Exercise(
    "cache_mixture", "06", cache_mixture_reference, ("mixture",), cache_cases, rounds=6, float32_rtol=2e-4
)


@cache_mixture.extreme(
    "nothing remembered yet",
    "At the first place of a text the cache is empty (`len(words) == 0`), and the model is alone: probs as they are, without "
    "the factor 1 − weight.",
)
def _(rng):
    return cache_cases(rng, L=6, H=4, V=9) | {"states": np.zeros((0, 4)), "words": np.zeros(0, dtype=int)}


@cache_mixture.extreme(
    "scores in the hundreds",
    "Right for small scores. exp of a large one overflows, and inf / inf is nan: subtract the largest score first, or use "
    "`softmax`.",
)
def _(rng):
    drawn = cache_cases(rng, L=6, H=4, V=9)
    return drawn | {"h": 500 * drawn["h"]}


@cache_mixture.extreme(
    "scores far below 0",
    "Right for scores around 0. When all of them are far below 0 every exp is 0, and 0/0 is left: subtract the largest score "
    "first, or use `softmax`.",
)
def _(rng):
    drawn = cache_cases(rng, L=6, H=4, V=9)
    h = drawn["h"]
    return drawn | {"states": drawn["states"] - 1500 * h / (h @ h)}


@cache_mixture.extreme("theta = 0", "With theta = 0 likeness does not count: every remembered place has the share 1 / L.")
def _(rng):
    return cache_cases(rng, L=6, H=4, V=9) | {"theta": 0.0}


@cache_mixture.extreme("weight = 0", "With weight = 0 the cache has no say: the model's probs come out.")
def _(rng):
    return cache_cases(rng, L=6, H=4, V=9) | {"weight": 0.0}


@cache_mixture.extreme(
    "word 0 all the time",
    "When one word came at every place, the whole of the cache is on it, word 0 too: ids are names, and the cache is empty where "
    "`len(words) == 0`.",
)
def _(rng):
    return cache_cases(rng, L=6, H=4, V=9) | {"words": np.zeros(6, dtype=int)}


@cache_mixture.extreme("remembered states of zeros", "States of zeros are states: all scores are 0, and every place has the share 1 / L.")
def _(rng):
    return cache_cases(rng, L=6, H=4, V=9) | {"states": np.zeros((6, 4))}


@cache_mixture.extreme(
    "a word that the model excludes", "A word to which the model gives 0 still gets the cache's share: add, do not multiply."
)
def _(rng):
    drawn = cache_cases(rng, L=6, H=4, V=9)
    probs = drawn["probs"].copy()
    probs[drawn["words"][0]] = 0
    return drawn | {"probs": probs / probs.sum()}


@cache_mixture.oracle("word by word, each share as 1 / Σ exp(differences of scores)")
def _(probs, h, states, words, theta, weight):
    scores = [theta * sum(a * b for a, b in zip(h, state, strict=True)) for state in states]
    mixture = [(1 - weight) * p for p in probs] if len(words) else list(probs)
    for word, score in zip(words, scores, strict=True):
        mixture[word] += weight / sum(math.exp(min(other - score, 700)) for other in scores)
    return np.array(mixture)


@cache_mixture.oracle("torch: softmax, index_add", needs_torch=True)
def _(probs, h, states, words, theta, weight):
    import torch

    if not len(words):
        return probs.copy()
    likeness = torch.softmax(theta * torch.tensor(states).mv(torch.tensor(h)), 0)
    cache = torch.zeros(len(probs), dtype=likeness.dtype).index_add(0, torch.tensor(words), likeness)
    return torch.lerp(torch.tensor(probs, dtype=cache.dtype), cache, float(weight)).numpy()


LIKENESS = "softmax(theta * (states @ h))"
ADDED = "np.add.at(cache, words, likeness)"
MIXED = "(1 - weight) * probs + weight * cache"
EMPTY = "    if len(words) == 0:\n        return probs.copy()\n"

# What is remembered
cache_mixture.mistake(
    "empty-where-word-0",
    "You ask the ids whether they are 0, and not whether there are any: word 0 is a word. Empty is `len(words) == 0`.",
    ("len(words) == 0", "not words.any()"),
)
cache_mixture.mistake(
    "largest-before-theta",
    "You take off the largest of the scores *before* they are multiplied by theta. Then the largest is not 0, and exp may overflow, or "
    "leave nothing: first theta, then the largest off.",
    (LIKENESS, "np.exp(theta * (states @ h) - np.max(states @ h))\n    likeness = likeness / likeness.sum()"),
)
cache_mixture.mistake(
    "divided-by-theta-also-by-0",
    "You divide the scores by theta, as by a temperature, and with theta = 0 that is no number. Here they are multiplied by it: the "
    "larger theta, the more likeness counts.",
    (LIKENESS, "softmax((states @ h) / theta)"),
)
cache_mixture.mistake(
    "last-one-counts",
    "`cache[words] += …` adds once where a word stands several times in words: only the last of its shares is left. `np.add.at` "
    "adds every one; so does `np.bincount` with weights.",
    (ADDED, "cache[words] += likeness"),
)
cache_mixture.mistake(
    "largest-share-counts",
    "Of a word that came several times you keep the largest share. The shares of all its places are added.",
    (ADDED, "np.maximum.at(cache, words, likeness)"),
)
cache_mixture.mistake(
    "mean-of-shares",
    "Of a word that came several times you take the mean of the shares. They are added: a word that came more often is likelier.",
    (ADDED, ADDED + "\n    cache = cache / np.maximum(1, np.bincount(words, minlength=len(probs)))"),
)
cache_mixture.mistake(
    "counted-only",
    "You count how often each word came: every place has the same share. A place counts the more, the more its state is like h: "
    "softmax of theta · states · h.",
    (LIKENESS, "np.full(len(words), 1 / len(words))"),
)
cache_mixture.mistake(
    "counts-not-normalised",
    "Every place adds a whole 1. The places share one whole: the softmax of theta · states · h.",
    (LIKENESS, "np.ones(len(words))"),
)
cache_mixture.mistake(
    "words-shifted-forward",
    "The state in row i gets the word of place i − 1 in yours. It belongs to the word in place i, the one that came *there*.",
    (ADDED, "np.add.at(cache, np.roll(words, 1), likeness)"),
)
cache_mixture.mistake(
    "words-shifted-back",
    "The state in row i gets the word of place i + 1 in yours. It belongs to the word in place i, the one that came *there*.",
    (ADDED, "np.add.at(cache, np.roll(words, -1), likeness)"),
)
cache_mixture.mistake(
    "best-place-only",
    "You remember the place with the largest score alone. All places have a share, by the softmax of their scores.",
    (LIKENESS, "np.eye(len(words))[np.argmax(states @ h)]"),
)
cache_mixture.mistake(
    "last-word-only",
    "Only the last remembered word has a share. All places have one, by the softmax of their scores.",
    (LIKENESS, "np.eye(len(words))[-1]"),
)

# The shares
cache_mixture.mistake(
    "theta-forgotten", "theta is missing: it is multiplied onto the scores, before the softmax.", (LIKENESS, "softmax(states @ h)")
)
cache_mixture.mistake(
    "theta-after-softmax",
    "You multiply by theta after the softmax. There the shares no longer sum to 1; theta belongs to the scores, inside.",
    (LIKENESS, "theta * softmax(states @ h)"),
)
cache_mixture.mistake(
    "divided-by-theta",
    "You divide the scores by theta, as by a temperature. Here they are multiplied by it: the larger theta, the more likeness "
    "counts.",
    (LIKENESS, "softmax((states @ h) / theta) if theta else np.full(len(words), 1 / len(words))"),
)
cache_mixture.mistake(
    "not-normalised",
    "Your shares are the exponentials (of the scores less the largest). Divide them by their sum.",
    (LIKENESS, "np.exp(theta * (states @ h) - np.max(theta * (states @ h)))"),
)
cache_mixture.mistake(
    "not-normalised-nor-shifted",
    "Your shares are the exponentials of the scores. Divide them by their sum; and subtract the largest score before exp, which "
    "overflows otherwise. `softmax` does both.",
    (LIKENESS, "np.exp(theta * (states @ h))"),
)
cache_mixture.mistake(
    "scores-cut-off",
    "You cut the scores off at a bound. Then exp does not overflow, and all scores beyond it look alike: subtract the largest "
    "one instead, which changes no share.",
    (LIKENESS, "softmax(np.clip(theta * (states @ h), -100, 100))"),
)
cache_mixture.mistake(
    "overflow",
    "exp of a large score overflows and leaves nan. Subtract the largest score first, or use helpers' softmax.",
    (LIKENESS, "np.exp(theta * (states @ h))\n    likeness = likeness / likeness.sum()"),
)
cache_mixture.mistake(
    "no-softmax",
    "The raw scores are used as shares. They may be negative and do not sum to 1: take the softmax.",
    (LIKENESS, "theta * (states @ h)"),
)
cache_mixture.mistake(
    "divided-by-the-sum",
    "You divide the scores by their sum. Scores can be negative, so these are no shares: the softmax takes exp first.",
    (LIKENESS, "states @ h\n    likeness = likeness / likeness.sum()"),
)
cache_mixture.mistake(
    "sigmoid",
    "Each share is a sigmoid by itself. The places share *one* whole: softmax.",
    (LIKENESS, "sigmoid(theta * (states @ h))"),
)
cache_mixture.mistake(
    "cosine",
    "Your score is the cosine: the states have been brought to length 1 (AWD-LSTM's script does that). Here it is the plain dot "
    "product, theta · states · h.",
    (LIKENESS, "softmax(theta * (states @ h) / np.linalg.norm(states, axis=1) / np.linalg.norm(h))"),
)
cache_mixture.mistake(
    "distance",
    "Your score is the (negative) distance between the states. It is their dot product, times theta.",
    (LIKENESS, "softmax(-theta * np.linalg.norm(states - h, axis=1))"),
)
cache_mixture.mistake(
    "squared-distance",
    "Your score is the (negative) squared distance between the states. It is their dot product, times theta.",
    (LIKENESS, "softmax(-theta * ((states - h) ** 2).sum(axis=1))"),
)
cache_mixture.mistake(
    "scaled", "You divide the scores by √H. Here theta alone scales them.", (LIKENESS, "softmax(theta * (states @ h) / np.sqrt(len(h)))")
)
cache_mixture.mistake(
    "mean-of-products",
    "Your score is the mean of the H products. The dot product is their sum.",
    (LIKENESS, "softmax(theta * (states @ h) / len(h))"),
)
cache_mixture.mistake(
    "softmax-over-the-vocabulary",
    "You add up the scores of each word and take a softmax over all V words. Words that never came then have exp(0) = 1, a share "
    "for nothing. The softmax runs over the remembered places; its shares are added up by word.",
    (ADDED, "np.add.at(cache, words, theta * (states @ h))\n    cache = softmax(cache)"),
)
cache_mixture.mistake(
    "softmax-over-the-words-that-came",
    "You add up the scores of each word first, and take the softmax after that: a product of exponentials where a sum belongs. "
    "The softmax runs over the remembered places; its shares are added up by word.",
    (ADDED, "np.add.at(cache, words, theta * (states @ h))\n"
            "    came = np.isin(np.arange(len(probs)), words)\n"
            "    cache = softmax(np.where(came, cache, -np.inf))"),
)  # fmt: skip
cache_mixture.mistake(
    "current-state-forgotten",
    "h has no part in your shares: the cache is the same at every place. The score is the dot product of a remembered state with "
    "h.",
    (LIKENESS, "softmax(theta * states.sum(axis=1))"),
)
cache_mixture.mistake(
    "current-state-squared",
    "Your scores are the squared lengths of the remembered states. The score is the dot product with h.",
    (LIKENESS, "softmax(theta * (states * states).sum(axis=1))"),
)

# The mixture
cache_mixture.mistake(
    "weights-swapped",
    "The weights are exchanged: `weight` is the cache's share, 1 − weight the model's.",
    (MIXED, "weight * probs + (1 - weight) * cache"),
)
cache_mixture.mistake(
    "added-only",
    "The cache is added to the whole of the model's probs: together they sum to more than 1. The model's share is 1 − weight.",
    (MIXED, "probs + weight * cache"),
)
cache_mixture.mistake(
    "added-and-normalised",
    "You add weight times the cache to the model's probs and divide by the sum, 1 + weight: the cache's share is then less than "
    "`weight`.",
    (MIXED, "(probs + weight * cache) / (1 + weight)"),
)
cache_mixture.mistake(
    "cache-with-full-weight",
    "The cache comes in whole: it takes the factor `weight`, so that the mixture sums to 1.",
    (MIXED, "(1 - weight) * probs + cache"),
)
cache_mixture.mistake(
    "model-only-where-it-came",
    "Only the words in the cache are mixed; the others keep all of the model's probability. 1 − weight is a factor of all V words.",
    (MIXED, "np.where(np.isin(np.arange(len(probs)), words), (1 - weight) * probs + weight * cache, probs)"),
)
cache_mixture.mistake(
    "model-forgotten", "This is the cache alone. Mix it with the model: (1 − weight) · probs + weight · cache.", (MIXED, "cache")
)
cache_mixture.mistake(
    "model-alone", "This is the model alone: the cache is never mixed in.", (MIXED, "probs.copy()")
)
cache_mixture.mistake(
    "half-and-half", "You mix half and half. The cache's share is `weight`.", (MIXED, "(probs + cache) / 2")
)
cache_mixture.mistake(
    "geometric",
    "You mix the logarithms (a product of powers). Where the cache has 0, the mixture is 0 too, whatever the model says. "
    "Probabilities are mixed: a weighted sum.",
    (MIXED, "probs ** (1 - weight) * cache ** weight"),
)
cache_mixture.mistake(
    "geometric-normalised",
    "You mix the logarithms and normalise. Where the cache has 0, the mixture is 0 too, whatever the model says. Probabilities "
    "are mixed: a weighted sum.",
    (f"return {MIXED}", "mixed = probs ** (1 - weight) * cache ** weight\n    return mixed / mixed.sum()"),
)
cache_mixture.mistake(
    "product",
    "You multiply the model's probs by the cache. Words that did not come get 0. It is a weighted sum.",
    (MIXED, "probs * cache"),
)
cache_mixture.mistake(
    "logarithm", "These are logarithms. Wanted are the probabilities themselves.", (MIXED, f"np.log({MIXED})")
)
cache_mixture.mistake(
    "weight-at-the-start",
    "With nothing remembered you return (1 − weight) · probs, which sums to less than 1. The model is alone there: probs.",
    ("return probs.copy()", "return (1 - weight) * probs"),
)
cache_mixture.mistake(
    "uniform-at-the-start",
    "With nothing remembered your cache shares evenly among all words. The model is alone there: probs.",
    ("return probs.copy()", "return (1 - weight) * probs + weight / len(probs)"),
)
cache_mixture.mistake(
    "empty-cache",
    "With nothing remembered there is nothing to share: the softmax of no scores fails, or divides by 0. Return probs before "
    "that, if `len(words) == 0`.",
    (EMPTY, ""),
)


@cache_mixture.variant("bincount")
def _(probs, h, states, words, theta, weight):
    if not len(words):
        return probs
    e = np.exp(theta * (states @ h) - np.max(theta * (states @ h)))
    cache = np.bincount(words, weights=e / e.sum(), minlength=len(probs))
    return (1 - weight) * probs + weight * cache


@cache_mixture.variant("a matrix of ones and zeros")
def _(probs, h, states, words, theta, weight):
    if words.size == 0:
        return 1.0 * probs
    return probs + weight * (softmax(h @ states.T * theta) @ np.eye(len(probs))[words] - probs)


@cache_mixture.variant("a loop over the places")
def _(probs, h, states, words, theta, weight):
    mixture = probs.copy()
    if len(words):
        mixture *= 1 - weight
        scores = [theta * float(np.dot(state, h)) for state in states]
        largest = max(scores)
        total = sum(math.exp(score - largest) for score in scores)
        for word, score in zip(words, scores, strict=True):
            mixture[word] += weight * math.exp(score - largest) / total
    return mixture


@cache_mixture.variant("softmax by logarithms")
def _(probs, h, states, words, theta, weight):
    if len(words) == 0:
        return probs.copy()
    scores = theta * np.einsum("lh,h->l", states, h)
    shares = np.exp(scores - np.logaddexp.reduce(scores))
    return (1 - weight) * probs + weight * np.array([shares[words == w].sum() for w in range(len(probs))])


cache_mixture.landmark("""
    probs = np.array([0.5, 0.3, 0.2])
    h, states = np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    words = np.array([2, 0, 2])
    cache_mixture(probs, h, states, words, 1.0, 0.5)    # ≈ [0.328, 0.150, 0.522]
    cache_mixture(probs, h, states, words, 0.0, 0.5)    # ≈ [0.417, 0.150, 0.433]
""")
