"""`accuracy`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _right(logits, labels):
    return (logits > 0) == (labels == 1)


def _all(batches):
    """Logits and labels of all batches, one behind the other."""
    return (np.concatenate(parts) for parts in zip(*batches, strict=True))


def _accuracy(batches):
    right = sum(int(_right(logits, labels).sum()) for logits, labels in batches)
    return right / sum(len(labels) for _, labels in batches)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _cases(rng):
    size = int(rng.integers(8, 12))
    sizes = [size] * int(rng.integers(2, 5)) + [int(rng.integers(2, 5))]    # the last batch is short
    batches = []
    for number, n in enumerate(sizes):
        logits = rng.choice([-1.0, 1.0], size=n) * rng.uniform(0.05, 3, size=n)
        logits[0] = rng.uniform(0.1, 0.4)                                     # above 0, below 0.5
        wrong = rng.random(n) < (0.6 if number == len(sizes) - 1 else 0.25)
        batches.append((logits, ((logits > 0) != wrong).astype(np.int64)))
    return {"batches": batches}


accuracy = Exercise("accuracy", "08", _accuracy, ("accuracy",), _cases, rounds=8)


@accuracy.oracle("example by example")
def _(batches):
    wrong = total = 0
    for logits, labels in batches:
        for logit, label in zip(logits.tolist(), labels.tolist(), strict=True):
            probability = 1 / (1 + np.exp(-logit))
            wrong += abs(probability - label) >= 0.5
            total += 1
    return 1 - wrong / total


@accuracy.oracle("all batches as one")
def _(batches):
    logits, labels = _all(batches)
    return float(np.mean(np.sign(logits) == 2 * labels - 1))


@accuracy.misconception(
    "mean-of-batch-means",
    "You average the batches' accuracies. The last batch is short, and its examples count for more than the others'. Count the "
    "right ones over all batches, divide once.",
)
def _(batches):
    return float(np.mean([np.mean(_right(*batch)) for batch in batches]))


@accuracy.misconception(
    "logit-at-half",
    "You compare the *logit* with 0.5. A probability of one half is a logit of 0: σ(0) = 0.5.",
)
def _(batches):
    logits, labels = _all(batches)
    return float(np.mean((logits > 0.5) == labels))


@accuracy.misconception(
    "probability-at-zero",
    "A sigmoid is above 0 for every logit, so you say 1 to everything. Compare logits with 0, or probabilities with 0.5.",
)
def _(batches):
    _, labels = _all(batches)
    return float(np.mean(labels == 1))


@accuracy.misconception(
    "logit-rounded",
    "You round the logit. It is no probability: 2.3 rounds to 2 and equals no label. Put it through the sigmoid first, or ask "
    "whether it is above 0.",
)
def _(batches):
    logits, labels = _all(batches)
    return float(np.mean(np.round(logits) == labels))


@accuracy.misconception(
    "batches-of-one-size",
    "You divide by the number of batches times the size of the first one. The last batch is shorter: add up the sizes.",
)
def _(batches):
    right = sum(_right(*batch).sum() for batch in batches)
    return float(right / (len(batches) * len(batches[0][1])))


@accuracy.misconception(
    "last-batch-dropped",
    "You leave out the last, shorter batch. In training that may be done; an accuracy is over *all* examples.",
)
def _(batches):
    return _accuracy(batches[:-1])


@accuracy.misconception(
    "last-batch-only", "This is the accuracy of the last batch alone: something is overwritten in the loop rather than added to."
)
def _(batches):
    return _accuracy(batches[-1:])


@accuracy.misconception(
    "first-batch-only", "This is the accuracy of the first batch: the `return` stands inside the loop."
)
def _(batches):
    return _accuracy(batches[:1])


@accuracy.misconception(
    "a-count", "This is the *number* of right answers. Divide by the number of examples."
)
def _(batches):
    return float(sum(_right(*batch).sum() for batch in batches))


@accuracy.misconception(
    "divided-by-batches", "You divide the right answers by the number of *batches*. Divide by the number of examples."
)
def _(batches):
    return float(sum(_right(*batch).sum() for batch in batches) / len(batches))


@accuracy.misconception(
    "percent", "The value is in percent. Wanted is a share between 0 and 1."
)
def _(batches):
    return 100 * _accuracy(batches)


@accuracy.misconception(
    "share-wrong", "This is the share that is *wrong*."
)
def _(batches):
    return 1 - _accuracy(batches)


@accuracy.misconception(
    "positive-hits-only",
    "Only reviews that are 1 *and* were called 1 count in yours. A negative review called negative is right, too. (np.sign gives −1 "
    "for it, which never equals the label 0.)",
)
def _(batches):
    logits, labels = _all(batches)
    return float(np.mean((logits > 0) * labels))


@accuracy.misconception(
    "recall", "This is recall: of the positive reviews, how many were found. Accuracy is over all reviews."
)
def _(batches):
    logits, labels = _all(batches)
    return float(np.sum((logits > 0) * labels) / np.sum(labels))


@accuracy.misconception(
    "precision", "This is precision: of the reviews called positive, how many are. Accuracy is over all reviews."
)
def _(batches):
    logits, labels = _all(batches)
    return float(np.sum((logits > 0) * labels) / np.sum(logits > 0))


@accuracy.misconception(
    "share-called-positive", "This is the share that the model *calls* positive. Compare its answers with the labels."
)
def _(batches):
    logits, _ = _all(batches)
    return float(np.mean(logits > 0))


@accuracy.misconception(
    "mean-probability",
    "You average the probability given to the right label. Accuracy counts answers: right or wrong, 1 or 0.",
)
def _(batches):
    logits, labels = _all(batches)
    return float(np.mean(np.where(labels == 1, _sigmoid(logits), 1 - _sigmoid(logits))))


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
    return np.equal(logits >= 0, labels).mean()


@accuracy.variant("a mean weighted by size")
def _(batches):
    means = [np.mean((z > 0).astype(int) == y) for z, y in batches]
    return float(np.average(means, weights=[len(y) for _, y in batches]))


@accuracy.variant("one minus the mistakes")
def _(batches):
    wrong = sum(np.count_nonzero((z > 0) ^ (y > 0.5)) for z, y in batches)
    return 1.0 - wrong / sum(map(lambda batch: batch[1].size, batches))


@accuracy.landmark("gives `0.75`")
def _(f):
    return f([(np.array([0.3, 2.0, -1.0]), np.array([1, 1, 0])), (np.array([-0.2]), np.array([1]))])
