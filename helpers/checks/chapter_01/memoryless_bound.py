"""`memoryless_bound`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import numpy as np

from helpers.checks.registry import Exercise


def _memoryless_bound(text):
    followers = defaultdict(Counter)
    for now, after in itertools.pairwise(text):
        followers[now][after] += 1
    nats = 0.0
    for counts in followers.values():
        total = sum(counts.values())
        nats -= sum(n * np.log(n / total) for n in counts.values())
    return nats / (len(text) - 1)


def _text_cases(rng):
    letters = list("abcdefgh")[: rng.integers(3, 7)]
    return {"text": "".join(rng.choice(letters, size=rng.integers(20, 50)))}


memoryless_bound = Exercise("memoryless_bound", "01", _memoryless_bound, ("nats",), _text_cases)


@memoryless_bound.oracle("a table of pair counts")
def _(text):
    letters = sorted(set(text))
    table = np.zeros((len(letters), len(letters)))
    for pair in itertools.pairwise(text):
        table[letters.index(pair[0]), letters.index(pair[1])] += 1
    joint = table / table.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        conditional = joint / joint.sum(axis=1, keepdims=True)
        return float(-np.nansum(joint * np.log(np.where(joint > 0, conditional, 1.0))))


@memoryless_bound.oracle("H(pair) − H(first of the pair)")
def _(text):
    def entropy(items):
        p = np.array(list(Counter(items).values())) / len(items)
        return float(-(p * np.log(p)).sum())

    return entropy(list(itertools.pairwise(text))) - entropy(list(text[:-1]))


@memoryless_bound.misconception("bits", "Your answer is in bits (log2). The loss is in nats: use np.log.")
def _(text):
    return _memoryless_bound(text) / np.log(2)


@memoryless_bound.misconception(
    "unconditional",
    "This is the entropy of the next character on its own. The model does see the current one: count the "
    "followers of each character separately.",
)
def _(text):
    p = np.array(list(Counter(text[1:]).values())) / (len(text) - 1)
    return float(-(p * np.log(p)).sum())


@memoryless_bound.misconception(
    "per-context",
    "You average over the distinct characters, each counting once. The loss is averaged over positions, so a "
    "character that occurs often weighs more.",
)
def _(text):
    followers = defaultdict(Counter)
    for now, after in itertools.pairwise(text):
        followers[now][after] += 1
    entropies = []
    for counts in followers.values():
        p = np.array(list(counts.values())) / sum(counts.values())
        entropies.append(-(p * np.log(p)).sum())
    return float(np.mean(entropies))


@memoryless_bound.misconception(
    "last-character-counted",
    "The last character is followed by nothing, so it is no prediction: count(a) goes over text[:-1].",
)
def _(text):
    firsts, pairs = Counter(text), Counter(itertools.pairwise(text))
    return -sum(n * np.log(n / firsts[a]) for (a, _), n in pairs.items()) / (len(text) - 1)


@memoryless_bound.misconception("sign", "Your answer is negative: a loss is *minus* the logarithm, and log P is below 0.")
def _(text):
    return -_memoryless_bound(text)


@memoryless_bound.misconception(
    "joint", "This is the entropy of the *pairs*. Given the current character the model pays less: −ln(count(ab)/count(a))."
)
def _(text):
    pairs = Counter(itertools.pairwise(text))
    return -sum(n * np.log(n / (len(text) - 1)) for n in pairs.values()) / (len(text) - 1)


@memoryless_bound.misconception(
    "the-other-way-round", "You condition on the *next* character: count(ab) / count(b). The model knows the current one, a."
)
def _(text):
    return _memoryless_bound(text[::-1])


@memoryless_bound.misconception("perplexity", "This is exp of the loss, the perplexity. Wanted is the loss in nats.")
def _(text):
    return float(np.exp(_memoryless_bound(text)))


@memoryless_bound.misconception(
    "distinct-pairs", "Every distinct pair counts once here. A pair that occurs three times is paid for three times."
)
def _(text):
    firsts, pairs = Counter(text[:-1]), Counter(itertools.pairwise(text))
    return float(np.mean([-np.log(n / firsts[a]) for (a, _), n in pairs.items()]))


@memoryless_bound.misconception(
    "not-averaged", "This is the sum over the text. Divide by the number of predictions, len(text) − 1."
)
def _(text):
    return _memoryless_bound(text) * (len(text) - 1)


@memoryless_bound.misconception(
    "divides-by-length", "A text of n characters holds n − 1 predictions: divide by len(text) − 1, not len(text)."
)
def _(text):
    return _memoryless_bound(text) * (len(text) - 1) / len(text)


@memoryless_bound.variant("position by position")
def _(text):
    firsts, pairs = Counter(text[:-1]), Counter(itertools.pairwise(text))
    here = itertools.pairwise(text)
    return float(np.mean([np.log(firsts[a]) - np.log(pairs[a, b]) for a, b in here]))


@memoryless_bound.variant("a plain float from a generator")
def _(text):
    pairs = Counter(text[i : i + 2] for i in range(len(text) - 1))
    firsts = Counter(text[:-1])
    return -sum(n * np.log(n / firsts[pair[0]]) for pair, n in pairs.items()) / pairs.total()


@memoryless_bound.landmark("`memoryless_bound(\"hello\") ≈ 0.347`")
def _(f):
    return f("hello")


@memoryless_bound.variant("followers of each character, one after the other")
def _(text):
    total = 0.0
    for letter in sorted(set(text[:-1])):
        after = [b for a, b in itertools.pairwise(text) if a == letter]
        for b in set(after):
            total -= after.count(b) * np.log(after.count(b) / len(after))
    return total / (len(text) - 1)
