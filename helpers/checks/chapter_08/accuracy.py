"""`accuracy`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def accuracy_reference(batches):
    right = total = 0
    for logits, labels in batches:
        right += int(((logits > 0) == (labels == 1)).sum())
        total += len(labels)
    return right / total


def _batch(rng, n, wrong):
    """Logits on both sides of 0 and of 0.5, and labels of which a share `wrong` is not what they say."""
    logits = rng.choice([-1.0, 1.0], size=n) * rng.uniform(0.05, 3, size=n)
    logits[0] = rng.uniform(0.1, 0.4)   # above 0, below 0.5
    return logits, ((logits > 0) != (rng.random(n) < wrong)).astype(np.int64)


def accuracy_cases(rng, *, full=(2, 4), n=(8, 11)):
    whole = [_batch(rng, n, 0.25) for _ in range(full)]
    return {"batches": [*whole, _batch(rng, int(rng.integers(1, max(n // 2, 2))), 0.6)]}   # the last one is short


accuracy = Exercise("accuracy", "08", accuracy_reference, ("accuracy",), accuracy_cases, rounds=8)


@accuracy.oracle("example by example")
def _(batches):
    wrong = total = 0
    for logits, labels in batches:
        for logit, label in zip(logits.tolist(), labels.tolist(), strict=True):
            said = 0.5 + 0.5 * np.tanh(logit / 2) > 0.5
            wrong += abs(said - label)
            total += 1
    return 1 - wrong / total


@accuracy.oracle("all batches as one")
def _(batches):
    logits, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return float(np.mean(np.where(np.sign(logits) > 0, labels, 1 - labels)))


@accuracy.extreme(
    "logits of 0",
    "σ(0) is one half, and 1 is answered *above* one half: a logit of exactly 0 is answered with 0. So `logits > 0`, not >=.",
)
def _(rng):
    return {"batches": [
        (np.array([0.0, 1.5, 0.0, -0.7, 0.0]), np.array([1, 1, 0, 0, 1])), (np.array([0.0, -2.0]), np.array([1, 1]))
    ]}  # fmt: skip


@accuracy.extreme("logits in the hundreds", "Logits may be large: exp overflows, a comparison with 0 does not.")
def _(rng):
    return {"batches": [
        (np.array([800.0, -800.0, 720.0, -900.0]), np.array([1, 0, 0, 0])), (np.array([-1000.0, 1000.0]), np.array([0, 0]))
    ]}  # fmt: skip


@accuracy.extreme("logits near 0", "A logit may be near 0, its probability near one half: nothing may be rounded before the comparison.")
def _(rng):
    return {"batches": [(np.array([0.002, 0.003, -0.002, 0.004, -0.001]), np.array([1, 1, 0, 0, 0]))]}


@accuracy.extreme("a single batch", "Right for several batches, wrong for one: does a loop begin at the second, or leave out the last?")
def _(rng):
    return {"batches": [_batch(rng, 7, 0.3)]}


@accuracy.extreme("the last batch is the largest", "Batches may have any size. Add up `len(labels)` of each.")
def _(rng):
    return {"batches": [_batch(rng, n, 0.4) for n in (3, 1, 12)]}


@accuracy.extreme("all right", "Where all answers are right the accuracy is 1.")
def _(rng):
    return {"batches": [_batch(rng, n, 0) for n in (4, 3)]}


@accuracy.extreme("labels of one class", "A data set may have one class only; accuracy is still the share of right answers.")
def _(rng):
    return {"batches": [(rng.normal(size=n), np.zeros(n, dtype=np.int64)) for n in (6, 5)]}


accuracy.mistake(
    "mean-of-batch-means",
    "You average the batches' accuracies. The last batch is short, and its examples count for more than the others'. Count the "
    "right ones over all batches, divide once.",
    ("int(((logits > 0) == (labels == 1)).sum())", "((logits > 0) == (labels == 1)).mean()"),
    ("len(labels)", "1"),
)
accuracy.mistake(
    "sum-of-batch-means",
    "You add up the batches' accuracies, so the sum can be above 1. Count the right ones over all batches, divide once.",
    ("int(((logits > 0) == (labels == 1)).sum())", "((logits > 0) == (labels == 1)).mean()"),
    ("right / total", "right"),
)
accuracy.mistake(
    "logit-at-half",
    "You compare the *logit* with 0.5. A probability of one half is a logit of 0: σ(0) = 0.5.",
    ("logits > 0", "logits > 0.5"),
)
accuracy.mistake(
    "probability-at-zero",
    "A sigmoid is above 0 for every logit, so you say 1 to everything. Compare logits with 0, or probabilities with 0.5.",
    ("(logits > 0) == ", ""),
)
accuracy.mistake(
    "probability-above-zero",
    "You compare probabilities with 0. A sigmoid is above 0 for every logit (but for those so low that it is rounded to 0), so "
    "you say 1 to nearly everything. Compare logits with 0, or probabilities with 0.5.",
    ("logits > 0", "1 / (1 + np.exp(-logits)) > 0"),
)
accuracy.mistake(
    "half-counts-as-above",
    "A logit of exactly 0 has the probability one half, which is not *above* one half: its answer is 0. So `logits > 0`, not >=.",
    ("logits > 0", "logits >= 0"),
)
accuracy.mistake(
    "logit-rounded",
    "You round the logit. It is no probability: 2.3 rounds to 2 and equals no label. Put it through the sigmoid first, or ask "
    "whether it is above 0.",
    ("(logits > 0) == (labels == 1)", "np.round(logits) == labels"),
)
accuracy.mistake(
    "logit-as-it-is",
    "You compare the logits themselves with the labels, and a logit is hardly ever exactly 0 or 1. Its answer is 1 where it is "
    "above 0. (Or are the two unpacked in the wrong order? The logits come first.)",
    ("(logits > 0) == (labels == 1)", "logits == labels"),
)
accuracy.mistake(
    "probability-as-it-is",
    "You compare probabilities with labels, and a probability is hardly ever exactly 0 or 1. The *answer* is 1 where it is "
    "above one half.",
    ("(logits > 0) == (labels == 1)", "1 / (1 + np.exp(-logits)) == labels"),
)
accuracy.mistake(
    "batches-of-one-size",
    "You divide by the number of batches times the size of the first one. The last batch is shorter: add up the sizes.",
    ("len(labels)", "len(batches[0][1])"),
)
accuracy.mistake(
    "last-size-times-batches",
    "You divide by the number of batches times the size of the *last* one. The batches are not equally large: add up the sizes.",
    ("len(labels)", "len(batches[-1][1])"),
)
accuracy.mistake(
    "last-batch-dropped",
    "You leave out the last, shorter batch. In training that may be done; an accuracy is over *all* examples.",
    ("in batches", "in batches[:-1] or batches"),
)
accuracy.mistake(
    "last-batch-only",
    "This is the accuracy of the last batch alone: something is overwritten in the loop rather than added to.",
    ("right +=", "right ="),
    ("total +=", "total ="),
)
accuracy.mistake(
    "a-count", "This is the *number* of right answers. Divide by the number of examples.", ("right / total", "float(right)")
)
accuracy.mistake(
    "divided-by-batches",
    "You divide the right answers by the number of *batches*. Divide by the number of examples.",
    ("len(labels)", "1"),
)
accuracy.mistake(
    "positive-hits-only",
    "Only reviews that are 1 *and* were called 1 count in yours. A negative review called negative is right, too.",
    ("(logits > 0) == (labels == 1)", "(logits > 0) & (labels == 1)"),
)
accuracy.mistake(
    "sign",
    "np.sign gives −1 for a negative logit, which never equals the label 0: no negative review counts as right in yours.",
    ("(logits > 0) == (labels == 1)", "np.sign(logits) == labels"),
)
accuracy.mistake(
    "place-of-the-largest",
    "argmax is the *place* of the batch's largest logit. Here each review has one logit, and its answer is 1 where that is above "
    "0.",
    ("(logits > 0) == (labels == 1)", "logits.argmax() == labels"),
)
accuracy.mistake(
    "softmax-over-the-batch",
    "You make probabilities that add up to 1 over the *reviews* of a batch. Each review has its own: σ(logit), above one half "
    "where the logit is above 0.",
    ("logits > 0", "np.exp(logits) / np.exp(logits).sum() > 0.5"),
)
accuracy.mistake(
    "recall",
    "This is recall: of the positive reviews, how many were found. Accuracy is over all reviews.",
    ("(logits > 0) == (labels == 1)", "(logits > 0) & (labels == 1)"),
    ("len(labels)", "labels.sum()"),
)
accuracy.mistake(
    "precision",
    "This is precision: of the reviews called positive, how many are. Accuracy is over all reviews.",
    ("(logits > 0) == (labels == 1)", "(logits > 0) & (labels == 1)"),
    ("len(labels)", "(logits > 0).sum()"),
)
accuracy.mistake(
    "share-called-positive",
    "This is the share that the model *calls* positive. Compare its answers with the labels.",
    ("(logits > 0) == (labels == 1)", "logits > 0"),
)
accuracy.mistake(
    "mean-probability",
    "You average the probability given to the right label. Accuracy counts answers: right or wrong, 1 or 0.",
    ("int(((logits > 0) == (labels == 1)).sum())", "(1 / (1 + np.exp(np.where(labels == 1, -logits, logits)))).sum()"),
)
accuracy.mistake(
    "the-loss",
    "This is the loss, the mean cross-entropy. Accuracy counts answers: right or wrong, 1 or 0.",
    ("int(((logits > 0) == (labels == 1)).sum())", "np.logaddexp(0, np.where(labels == 1, -logits, logits)).sum()"),
)


@accuracy.variant("with probabilities, in plain Python")
def _(batches):
    right, total = 0, 0
    for logits, labels in batches:
        for z, y in zip(logits, labels, strict=True):
            right += (1 / (1 + np.exp(-z)) > 0.5) == bool(y)
            total += 1
    return right / total


@accuracy.variant("concatenated")
def _(batches):
    logits = np.concatenate([each for each, _ in batches])
    labels = np.concatenate([each for _, each in batches])
    return np.equal(logits > 0, labels).mean()


@accuracy.variant("a mean weighted by size")
def _(batches):
    means = [np.mean((z > 0).astype(int) == y) for z, y in batches]
    return float(np.average(means, weights=[len(y) for _, y in batches]))


@accuracy.variant("one minus the mistakes")
def _(batches):
    wrong = sum(np.count_nonzero((z > 0) ^ (y > 0.5)) for z, y in batches)
    return 1.0 - wrong / sum(map(lambda batch: batch[1].size, batches))


@accuracy.variant("the rounded probability")
def _(batches):
    right = sum((np.round(1 / (1 + np.exp(-z))) == y).sum() for z, y in batches)
    return right / sum(len(y) for _, y in batches)


accuracy.landmark("""
    first = np.array([0.3, 2.0, -1.0]), np.array([1, 1, 0])   # three right answers
    last = np.array([-0.2]), np.array([1])                    # a single wrong one
    accuracy([first, last])   # 0.75
""")
