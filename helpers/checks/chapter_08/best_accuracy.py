"""`best_accuracy`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np

from helpers.checks.registry import Exercise


def _groups(seen, prob, positive):
    """What is seen → [mass with label 0, mass with label 1]."""
    groups = defaultdict(lambda: [0.0, 0.0])
    for what, p, q in zip(seen, prob, positive, strict=True):
        groups[what][0] += p * (1 - q)
        groups[what][1] += p * q
    return groups


def _best_accuracy(seen, prob, positive):
    return float(sum(max(masses) for masses in _groups(seen, prob, positive).values()))


def _cases(rng):
    words = ["dull", "good", "but", "not"]
    pair = tuple(rng.permutation(words)[:2].tolist())
    looks = [tuple(rng.choice(words, size=n).tolist()) for n in (1, 3)]
    looks = list(dict.fromkeys([*looks, pair, pair[::-1]]))        # the same two words, in both orders
    R = int(rng.integers(7, 11))
    while True:
        which = rng.integers(len(looks), size=R)
        positive = rng.choice([0.05, 0.1, 0.3, 0.7, 0.9, 0.95], size=R)
        mixed = any(len({q > 0.5 for w, q in zip(which, positive, strict=True) if w == k}) == 2
                    for k in range(len(looks)))
        apart = any(a != b and a in which[i + 2 :] for i, (a, b) in enumerate(itertools.pairwise(which)))
        if mixed and apart:
            break
    return {
        "seen": [looks[w] for w in which],
        "prob": rng.dirichlet(np.full(R, 2.0)),
        "positive": positive,
    }


best_accuracy = Exercise("best_accuracy", "08", _best_accuracy, ("accuracy",), _cases, rounds=10)


@best_accuracy.oracle("trying every rule there is")
def _(seen, prob, positive):
    kinds = list(dict.fromkeys(seen))
    found = []
    for answers in itertools.product((0, 1), repeat=len(kinds)):
        says = dict(zip(kinds, answers, strict=True))
        right = [q if says[what] else 1 - q for what, q in zip(seen, positive, strict=True)]
        found.append(float(np.dot(prob, right)))
    return max(found)


@best_accuracy.oracle("one half plus half the distance of the two labels")
def _(seen, prob, positive):
    kinds = {what: k for k, what in enumerate(dict.fromkeys(seen))}
    belongs = np.zeros((len(kinds), len(seen)))
    belongs[[kinds[what] for what in seen], np.arange(len(seen))] = 1
    return 0.5 * float(np.sum(prob) + np.abs(belongs @ (prob * (2 * positive - 1))).sum())


@best_accuracy.misconception(
    "sees-the-whole-text",
    "This is the best accuracy of one who sees every text whole: max(q, 1 − q) for each. Texts that *look* the same have to get "
    "the same answer: add up their shares first, then take the larger.",
)
def _(seen, prob, positive):
    return float(np.dot(prob, np.maximum(positive, 1 - positive)))


@best_accuracy.misconception(
    "sees-nothing",
    "This is the accuracy of always giving the more frequent label. A rule may answer differently for each thing it sees.",
)
def _(seen, prob, positive):
    share = float(np.dot(prob, positive))
    return max(share, float(np.sum(prob)) - share)


@best_accuracy.misconception(
    "mean-of-groups",
    "You average the groups' accuracies, each counting once. A group weighs as much as its texts are probable.",
)
def _(seen, prob, positive):
    return float(np.mean([max(m) / sum(m) for m in _groups(seen, prob, positive).values()]))


@best_accuracy.misconception(
    "sum-of-group-accuracies",
    "You add up the groups' accuracies. Add up probabilities: max of the two masses, not divided by the group's own mass.",
)
def _(seen, prob, positive):
    return float(sum(max(m) / sum(m) for m in _groups(seen, prob, positive).values()))


@best_accuracy.misconception(
    "all-texts-alike",
    "Every text counts the same here. They have probabilities: weigh them with `prob`.",
)
def _(seen, prob, positive):
    return _best_accuracy(seen, np.full(len(seen), 1 / len(seen)), positive)


@best_accuracy.misconception(
    "not-weighted-nor-divided",
    "`prob` is missing, so you have a number of texts rather than a probability.",
)
def _(seen, prob, positive):
    return _best_accuracy(seen, np.ones(len(seen)), positive)


@best_accuracy.misconception(
    "guessing-in-proportion",
    "Your rule answers 1 as often as 1 is right (the squares of both shares). Better is to answer the likelier label always.",
)
def _(seen, prob, positive):
    return float(sum((a * a + b * b) / (a + b) for a, b in _groups(seen, prob, positive).values()))


@best_accuracy.misconception(
    "positive-groups-only",
    "You count the groups where 1 is likelier, and forget the others: there 0 is the answer, and right with the rest.",
)
def _(seen, prob, positive):
    return float(sum(b for a, b in _groups(seen, prob, positive).values() if b > a))


@best_accuracy.misconception(
    "always-positive", "This is the accuracy of always answering 1."
)
def _(seen, prob, positive):
    return float(np.dot(prob, positive))


@best_accuracy.misconception(
    "likeliest-text-of-a-group",
    "Of each group you keep one text only (the last or the largest). The shares of all its texts *add up*.",
)
def _(seen, prob, positive):
    kept = {what: p * max(q, 1 - q) for what, p, q in zip(seen, prob, positive, strict=True)}
    return float(sum(kept.values()))


@best_accuracy.misconception(
    "label-without-noise",
    "You turn each text's probability into a label, 0 or 1, before counting. Then nothing is left of the labels that are "
    "wrong: keep p·q and p·(1 − q).",
)
def _(seen, prob, positive):
    return _best_accuracy(seen, prob, (np.asarray(positive) > 0.5).astype(float))


@best_accuracy.misconception(
    "votes-of-texts",
    "You decide each group's answer by a mean of `positive` in which all its texts count the same. A probable text has more "
    "votes: decide by the sums of p·q and p·(1 − q).",
)
def _(seen, prob, positive):
    total = 0.0
    for what in dict.fromkeys(seen):
        here = np.array([each == what for each in seen])
        says = np.mean(positive[here]) > 0.5
        total += float(np.dot(prob[here], positive[here] if says else 1 - positive[here]))
    return total


@best_accuracy.misconception(
    "plain-mean-of-a-group",
    "Within each thing seen you take the plain mean of `positive`, as if all its texts were equally probable. Add up p·q and "
    "p·(1 − q).",
)
def _(seen, prob, positive):
    total = 0.0
    for what in dict.fromkeys(seen):
        here = np.array([each == what for each in seen])
        share = float(np.mean(positive[here]))
        total += float(np.sum(prob[here])) * max(share, 1 - share)
    return total


@best_accuracy.misconception(
    "first-text-decides",
    "The first text of each group decides for all that look the same. The answer is the label that is likelier over the "
    "*whole* group.",
)
def _(seen, prob, positive):
    says = {}
    for what, q in zip(seen, positive, strict=True):
        says.setdefault(what, q > 0.5)
    return float(sum(p * (q if says[w] else 1 - q) for w, p, q in zip(seen, prob, positive, strict=True)))


@best_accuracy.misconception(
    "sorts-by-itself",
    "You sort the words before you compare, which makes a bag of everything. `seen[r]` is already what the rule sees: two "
    "orders of the same words are two things.",
)
def _(seen, prob, positive):
    return _best_accuracy([tuple(sorted(what)) for what in seen], prob, positive)


@best_accuracy.misconception("in-percent", "The value is in percent. Wanted is a share between 0 and 1.")
def _(seen, prob, positive):
    return 100 * _best_accuracy(seen, prob, positive)


@best_accuracy.misconception(
    "neighbours-only",
    "itertools.groupby joins *neighbours* only: the same thing seen again later makes a new group. Collect in a dict, or sort "
    "first.",
)
def _(seen, prob, positive):
    total, start = 0.0, 0
    for _, run in itertools.groupby(seen):
        end = start + len(list(run))
        total += _best_accuracy(seen[start:end], prob[start:end], positive[start:end])
        start = end
    return total


@best_accuracy.misconception(
    "best-group", "This is the largest share of a single group. Add the groups up."
)
def _(seen, prob, positive):
    return float(max(max(masses) for masses in _groups(seen, prob, positive).values()))


@best_accuracy.misconception(
    "share-wrong", "This is the share that stays wrong: take the larger of the two masses, not the smaller."
)
def _(seen, prob, positive):
    return float(sum(min(masses) for masses in _groups(seen, prob, positive).values()))


@best_accuracy.variant("two dicts")
def _(seen, prob, positive):
    ones, zeros = {}, {}
    for what, p, q in zip(seen, prob, positive, strict=True):
        ones[what] = ones.get(what, 0) + p * q
        zeros[what] = zeros.get(what, 0) + p - p * q
    return sum(max(ones[what], zeros[what]) for what in ones)


@best_accuracy.variant("sorted, then grouped")
def _(seen, prob, positive):
    rows = sorted(zip(seen, prob, positive, strict=True), key=lambda row: row[0])
    total = 0.0
    for _, group in itertools.groupby(rows, key=lambda row: row[0]):
        group = list(group)
        yes = sum(p * q for _, p, q in group)
        no = sum(p * (1 - q) for _, p, q in group)
        total += yes if yes > no else no
    return total


@best_accuracy.variant("with np.add.at")
def _(seen, prob, positive):
    place = {what: k for k, what in enumerate(set(seen))}
    index = np.array([place[what] for what in seen])
    mass = np.zeros((len(place), 2))
    np.add.at(mass, (index, 1), prob * positive)
    np.add.at(mass, (index, 0), prob * (1 - positive))
    return mass.max(axis=1).sum()


@best_accuracy.landmark("of a bag of words `0.70`")
def _(f):
    texts = ["dull but good", "good but dull", "good", "dull"]
    bags = [tuple(sorted(text.split())) for text in texts]
    return f(bags, np.full(4, 0.25), np.array([0.9, 0.1, 0.9, 0.1]))
