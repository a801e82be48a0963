"""`best_accuracy`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools

import numpy as np

from helpers.checks.registry import Exercise


def best_accuracy_reference(seen, prob, positive):
    good, bad = {}, {}
    for what, p, q in zip(seen, prob, positive, strict=True):
        good[what] = good.get(what, 0.0) + p * q
        bad[what] = bad.get(what, 0.0) + p * (1 - q)
    return sum(max(good[what], bad[what]) for what in good)


def _case(rng, seen):
    """Texts with these looks, probabilities that add up to 1, labels that are now likely 1, now likely 0."""
    R = len(seen)
    positive = rng.choice([0.05, 0.1, 0.3, 0.7, 0.9, 0.95], size=R)
    return {"seen": seen, "prob": rng.dirichlet(np.full(R, 2.0)), "positive": positive}


def looks_cases(rng, *, R=(9, 12)):
    words = ["dull", "good", "but", "not"]
    pair = tuple(rng.permutation(words)[:2].tolist())
    longer = tuple(rng.choice(words, size=3).tolist())
    looks = [pair[:1], pair[1:], longer, pair, pair[::-1]]   # the same two words, in both orders
    while True:
        which = rng.integers(len(looks), size=R)
        case = _case(rng, [looks[w] for w in which])
        mixed = any(len(set(case["positive"][which == k] > 0.5)) == 2 for k in range(len(looks)))
        apart = any(a != b and a in which[i + 2 :] for i, (a, b) in enumerate(itertools.pairwise(which)))
        if (mixed and apart) or R == 1:
            return case


best_accuracy = Exercise("best_accuracy", "08", best_accuracy_reference, ("accuracy",), looks_cases, rounds=8)


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


def _opposite(rng, *looks):
    """Each look twice, and each look's label the other way round than that of the look before it."""
    positive = [(0.9, 0.1)[k % 2] for k in range(len(looks))] * 2
    return _case(rng, [*looks, *looks]) | {"positive": np.array(positive)}


@best_accuracy.extreme("nothing is seen", "None may be what is seen, the same of every text: then all get one answer.")
def _(rng):
    return _case(rng, [None] * 6) | {"positive": np.array([0.9, 0.8, 0.1, 0.95, 0.9, 0.7])}


@best_accuracy.extreme(
    "None, texts and numbers side by side",
    "What is seen may be anything hashable: None, a word, a tuple, a number. It serves as a key of a dict; it cannot always be "
    "sorted, or put into an array, and 1 and '1' are two things.",
)
def _(rng):
    return _opposite(rng, None, "None", 1, "1", ("dull",), "dull")


@best_accuracy.extreme("words, some with a capital", "`Dull` and `dull` are two things: what is seen is compared as it is.")
def _(rng):
    return _opposite(rng, "Dull", "dull", "good", "Good")


@best_accuracy.extreme("pairs of words", "What is seen may be a tuple of tuples, as a bag of pairs is.")
def _(rng):
    one, other = ("not", "dull"), ("dull", "but")
    return _opposite(rng, (one, other), (other, one), (one,), (other,))


@best_accuracy.extreme("every text looks different", "Where no two texts look the same, each has an answer of its own.")
def _(rng):
    return _case(rng, [("dull",), ("good",), ("dull", "but", "good"), ("good", "but", "dull")])


@best_accuracy.extreme("labels that are certain, or a coin", "`positive` may be 0, 1 or one half: where both labels are equally likely, half is right.")
def _(rng):
    return _case(rng, list("aabbcca")) | {"positive": np.array([0.0, 1.0, 0.5, 0.5, 1.0, 1.0, 0.0])}


@best_accuracy.extreme("two hundred texts", "Right for few texts, wrong for many with small probabilities: nothing may be rounded on the way.")
def _(rng):
    return _case(rng, [int(n) for n in rng.integers(9, size=200)])


LOOP, GAIN = "zip(seen, prob, positive", "max(good[what], bad[what])"
TOTAL = f"sum({GAIN} for what in good)"
MASS = "(good[what] + bad[what])"

best_accuracy.mistake(
    "sees-the-whole-text",
    "This is the best accuracy of one who sees every text whole: max(positive, 1 − positive) for each, times prob. Texts that "
    "*look* the same have to get the same answer: add up their shares first, then take the larger.",
    (LOOP, "zip(range(len(seen)), prob, positive"),
)
best_accuracy.mistake(
    "sees-nothing",
    "This is the accuracy of always giving the more frequent label. A rule may answer differently for each thing it sees.",
    (LOOP, "zip([0] * len(seen), prob, positive"),
)
best_accuracy.mistake(
    "mean-of-groups",
    "You average the groups' accuracies, each counting once. A group weighs as much as its texts are probable.",
    (TOTAL, f"sum({GAIN} / {MASS} for what in good) / len(good)"),
)
best_accuracy.mistake(
    "sum-of-group-accuracies",
    "You add up the groups' accuracies. Add up probabilities: the larger of a group's two sums, not divided by the "
    "group's probability.",
    (GAIN, f"{GAIN} / {MASS}"),
)
best_accuracy.mistake(
    "divided-by-groups",
    "You divide by the number of groups. The sums are parts of one whole already: added up they are the accuracy.",
    (TOTAL, f"{TOTAL} / len(good)"),
)
best_accuracy.mistake(
    "divided-by-texts",
    "You divide by the number of texts. The probabilities add up to 1 already: the sum is the accuracy.",
    (TOTAL, f"{TOTAL} / len(seen)"),
)
best_accuracy.mistake(
    "all-texts-alike",
    "Every text counts the same here. They have probabilities: weigh them with `prob`.",
    (LOOP, "zip(seen, [1 / len(seen)] * len(seen), positive"),
)
best_accuracy.mistake(
    "not-weighted-nor-divided",
    "`prob` is missing, so you have a number of texts rather than a probability.",
    (LOOP, "zip(seen, [1] * len(seen), positive"),
)
best_accuracy.mistake(
    "rest-of-all-texts",
    "1 minus what a group has for label 1 is the rest of *all* texts, not of the group. Its share for label 0 is the sum of "
    "prob · (1 − positive) over its own texts.",
    ("bad[what]) for", "1 - good[what]) for"),
)
best_accuracy.mistake(
    "more-than-half-of-everything",
    "You answer 1 where a group's share is above one half of *everything*. Compare it with the group's other share.",
    (GAIN, "(good[what] if good[what] > 0.5 else bad[what])"),
)
best_accuracy.mistake(
    "rest-of-all-texts-at-once",
    "1 − prob · positive is not what a text has for label 0: that is prob · (1 − positive).",
    ("p * (1 - q)", "1 - p * q"),
)
best_accuracy.mistake(
    "improbable-as-well",
    "For label 0 only `positive` is turned round, not `prob`: prob · (1 − positive).",
    ("p * (1 - q)", "(1 - p) * (1 - q)"),
)
best_accuracy.mistake(
    "likelier-label-of-each-text",
    "You let each text count for its own likelier label only. Each has a share for both: prob · positive for 1, and "
    "prob · (1 − positive) for 0.",
    ("+ p * q", "+ p * q * (q > 0.5)"),
    ("p * (1 - q)", "p * (1 - q) * (q <= 0.5)"),
)
best_accuracy.mistake(
    "nothing-there-yet",
    "A dict has no entry for what is seen for the first time. Ask it with its get, and 0.0 as the second value.",
    ("good.get(what, 0.0)", "good[what]"),
)
best_accuracy.mistake(
    "guessing-in-proportion",
    "Your rule answers 1 as often as 1 is right (the squares of both shares). Better is to answer the likelier label always.",
    (GAIN, f"(good[what] ** 2 + bad[what] ** 2) / {MASS}"),
)
best_accuracy.mistake(
    "positive-groups-only",
    "You count the groups where 1 is likelier, and forget the others: there 0 is the answer, and right with the rest.",
    (TOTAL, "sum(good[what] for what in good if good[what] > bad[what])"),
)
best_accuracy.mistake("always-positive", "This is the accuracy of always answering 1.", (TOTAL, "sum(good.values())"))
best_accuracy.mistake("always-negative", "This is the accuracy of always answering 0.", (TOTAL, "sum(bad.values())"))
best_accuracy.mistake(
    "last-text-of-a-group",
    "Of each group you keep the last text only: something is overwritten rather than added to. The shares of all its texts *add "
    "up*.",
    ("good.get(what, 0.0) + ", ""),
    ("bad.get(what, 0.0) + ", ""),
)
best_accuracy.mistake(
    "first-text-of-a-group",
    "Of each group you keep the first text only. The shares of all its texts *add up*.",
    ("good.get(what, 0.0) + p * q", "good.get(what, p * q)"),
    ("bad.get(what, 0.0) + p * (1 - q)", "bad.get(what, p * (1 - q))"),
)
best_accuracy.mistake(
    "largest-text-of-a-group",
    "Of each group you keep the largest text only. The shares of all its texts *add up*.",
    ("good.get(what, 0.0) + p * q", "max(good.get(what, 0.0), p * q)"),
    ("bad.get(what, 0.0) + p * (1 - q)", "max(bad.get(what, 0.0), p * (1 - q))"),
)
best_accuracy.mistake(
    "label-without-noise",
    "You turn each text's probability into a label, 0 or 1, before counting. Then nothing is left of the labels that are "
    "wrong: keep prob · positive and prob · (1 − positive).",
    ("strict=True):", "strict=True):\n        q = float(q > 0.5)"),
)
best_accuracy.mistake(
    "sorts-by-itself",
    "You sort the words before you compare, which makes a bag of everything. What stands in `seen` is what the rule sees: two "
    "orders of the same words are two things.",
    (LOOP, "zip(map(tuple, map(sorted, seen)), prob, positive"),
)
best_accuracy.mistake(
    "best-group", "This is the largest share of a single group. Add the groups up.", ("return sum(", "return max(")
)
best_accuracy.mistake(
    "first-group",
    "This is the share of the first group alone: the `return` stands inside the loop. Add the groups up.",
    ("return sum(", "return next("),
)
best_accuracy.mistake(
    "groups-once-for-each-text",
    "You add a group up once for each of its texts. Each *group* counts once: loop over the keys of the dict.",
    ("for what in good)", "for what in seen)"),
)


@best_accuracy.misconception(
    "votes-of-texts",
    "You decide each group's answer by a mean of `positive` in which all its texts count the same. A probable text has more "
    "votes: decide by the sums of prob · positive and prob · (1 − positive).",
)
def _(seen, prob, positive):
    return _by_group(seen, prob, positive, lambda p, q: np.dot(p, q if np.mean(q) > 0.5 else 1 - q))


@best_accuracy.misconception(
    "plain-mean-of-a-group",
    "Within each thing seen you take the plain mean of `positive`, as if all its texts were equally probable. Add up "
    "prob · positive and prob · (1 − positive).",
)
def _(seen, prob, positive):
    return _by_group(seen, prob, positive, lambda p, q: np.sum(p) * max(np.mean(q), 1 - np.mean(q)))


@best_accuracy.misconception(
    "majority-of-labels",
    "You let the texts of a group vote, each with its likelier label and one vote. Decide by the sums of prob · positive "
    "and prob · (1 − positive).",
)
def _(seen, prob, positive):
    return _by_group(seen, prob, positive, lambda p, q: np.dot(p, q if np.mean(q > 0.5) > 0.5 else 1 - q))


@best_accuracy.misconception(
    "first-text-decides",
    "The first text of each group decides for all that look the same. The answer is the label that is likelier over the "
    "*whole* group.",
)
def _(seen, prob, positive):
    return _by_group(seen, prob, positive, lambda p, q: np.dot(p, q if q[0] > 0.5 else 1 - q))


def _by_group(seen, prob, positive, gain):
    """The sum of `gain(prob, positive)` over the groups of texts that look the same."""
    at = {what: [r for r, each in enumerate(seen) if each == what] for what in seen}
    return float(sum(gain(np.asarray(prob)[r], np.asarray(positive)[r]) for r in at.values()))


@best_accuracy.misconception(
    "neighbours-only",
    "itertools.groupby joins *neighbours* only: the same thing seen again later makes a new group. Collect in a dict.",
)
def _(seen, prob, positive):
    total, start = 0.0, 0
    for _, run in itertools.groupby(seen):
        end = start + len(list(run))
        total += best_accuracy_reference(seen[start:end], prob[start:end], positive[start:end])
        start = end
    return total


@best_accuracy.variant("two sums in a list")
def _(seen, prob, positive):
    masses = {}
    for what, p, q in zip(seen, prob, positive, strict=True):
        mass = masses.setdefault(what, [0, 0])
        mass[1] += p * q
        mass[0] += p - p * q
    return sum(map(max, masses.values()))


@best_accuracy.variant("group by group")
def _(seen, prob, positive):
    total = 0.0
    for what in set(seen):
        here = np.array([each == what for each in seen])
        yes = (prob * positive)[here].sum()
        total += max(yes, prob[here].sum() - yes)
    return total


@best_accuracy.variant("with np.add.at")
def _(seen, prob, positive):
    place = {what: k for k, what in enumerate(set(seen))}
    index = np.array([place[what] for what in seen])
    mass = np.zeros((len(place), 2))
    np.add.at(mass, (index, 1), prob * positive)
    np.add.at(mass, (index, 0), prob * (1 - positive))
    return mass.max(axis=1).sum()


best_accuracy.landmark("""
    whole = [("dull", "but", "good"), ("good", "but", "dull"), ("good",), ("dull",)]
    bags = [tuple(sorted(text)) for text in whole]
    prob, positive = np.array([0.4, 0.1, 0.3, 0.2]), np.array([0.9, 0.1, 0.9, 0.1])
    best_accuracy(whole, prob, positive)   # ≈ 0.90
    best_accuracy(bags, prob, positive)    # ≈ 0.82
""")
