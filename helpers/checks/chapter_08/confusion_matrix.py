"""`confusion_matrix`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _confusion_matrix(logits, labels):
    C = logits.shape[1]
    matrix = np.zeros((C, C), dtype=np.int64)
    np.add.at(matrix, (labels, logits.argmax(axis=1)), 1)
    return matrix


def _softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _cases(rng):
    C, N = int(rng.integers(3, 6)), int(rng.integers(14, 22))
    labels = rng.integers(C, size=N)
    if rng.random() < 0.6:
        labels[labels == C - 1] = 0               # the last class does not occur
    logits = rng.normal(size=(N, C))
    logits[np.arange(N), labels] += 1.2
    return {"logits": logits, "labels": labels.astype(np.int64)}


confusion_matrix = Exercise("confusion_matrix", "08", _confusion_matrix, ("matrix",), _cases, rounds=8)


@confusion_matrix.oracle("counting in plain Python")
def _(logits, labels):
    C = logits.shape[1]
    said = [max(range(C), key=row.__getitem__) for row in logits.tolist()]
    pairs = list(zip(labels.tolist(), said, strict=True))
    return np.array([[pairs.count((true, answer)) for answer in range(C)] for true in range(C)])


@confusion_matrix.oracle("a product of one-hot matrices")
def _(logits, labels):
    eye = np.eye(logits.shape[1])
    return eye[labels].T @ (logits == logits.max(axis=1, keepdims=True))


@confusion_matrix.misconception(
    "transposed",
    "Rows and columns are swapped: a row belongs to the *true* class, a column to the answer.",
)
def _(logits, labels):
    return _confusion_matrix(logits, labels).T


@confusion_matrix.misconception(
    "each-pair-once",
    "No entry is above 1: `matrix[labels, said] += 1` with arrays of indices writes to each place once, however often it occurs. "
    "np.add.at adds every time; so does a loop.",
)
def _(logits, labels):
    return np.minimum(_confusion_matrix(logits, labels), 1)


@confusion_matrix.misconception(
    "classes-from-the-labels",
    "The size comes from the labels that happen to occur. A class without examples still has its row: take C from the logits.",
)
def _(logits, labels):
    C = int(labels.max()) + 1
    matrix = np.zeros((C, C), dtype=np.int64)
    for true, said in zip(labels, logits.argmax(axis=1), strict=True):
        matrix[true, min(said, C - 1)] += 1
    return matrix


@confusion_matrix.misconception(
    "too-small-for-the-answers",
    "The matrix has as many classes as the labels show (labels.max() + 1). A class that has no example can still be answered: "
    "take C from the logits.",
)
def _(logits, labels):
    matrix = np.zeros((int(labels.max()) + 1,) * 2, dtype=np.int64)
    np.add.at(matrix, (labels, logits.argmax(axis=1)), 1)
    return matrix


@confusion_matrix.misconception(
    "no-axis",
    "argmax() without an axis is *one* number, the place of the largest of all logits. Each example has an answer of its own: "
    "axis=1.",
)
def _(logits, labels):
    matrix = np.zeros((logits.shape[1],) * 2, dtype=np.int64)
    np.add.at(matrix, (labels, logits.argmax()), 1)
    return matrix


@confusion_matrix.misconception(
    "answers-of-axis-0",
    "Your argmax has C answers in place of N: with axis=0 it asks for each class which *example* has the largest logit. Wanted "
    "is axis=1.",
)
def _(logits, labels):
    matrix = np.zeros((logits.shape[1],) * 2, dtype=np.int64)
    np.add.at(matrix, (labels, logits.argmax(axis=0)), 1)
    return matrix


@confusion_matrix.misconception(
    "shares-of-a-row",
    "These are shares of each row. Wanted are numbers of examples; divide later, if at all.",
)
def _(logits, labels):
    matrix = _confusion_matrix(logits, labels)
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


@confusion_matrix.misconception(
    "shares-of-all", "These are shares of all examples. Wanted are numbers of examples."
)
def _(logits, labels):
    return _confusion_matrix(logits, labels) / len(labels)


@confusion_matrix.misconception(
    "every-positive-logit",
    "You count every class whose logit is above 0, so one example may count several times or never. The classes exclude one "
    "another: the answer is the *largest* logit.",
)
def _(logits, labels):
    matrix = np.zeros((logits.shape[1],) * 2, dtype=np.int64)
    for row, true in zip(logits, labels, strict=True):
        matrix[true] += row > 0
    return matrix


@confusion_matrix.misconception(
    "majority-of-the-probability",
    "You ask which class has a probability above 0.5, and take class 0 when none has. With three classes and more the largest "
    "may be below 0.5: argmax.",
)
def _(logits, labels):
    return _confusion_matrix((_softmax(logits) > 0.5).astype(float), labels)


@confusion_matrix.misconception(
    "probabilities-added",
    "You add up probabilities. An answer is one class: argmax first, then count.",
)
def _(logits, labels):
    matrix = np.zeros((logits.shape[1],) * 2)
    np.add.at(matrix, labels, _softmax(logits))
    return matrix


@confusion_matrix.misconception(
    "logits-added", "You add up logits. Take the argmax of each row first, then count examples."
)
def _(logits, labels):
    matrix = np.zeros((logits.shape[1],) * 2)
    np.add.at(matrix, labels, logits)
    return matrix


@confusion_matrix.misconception(
    "diagonal-only", "Only what was right is counted. The entries off the diagonal say which class is taken for which."
)
def _(logits, labels):
    return np.diag(np.diag(_confusion_matrix(logits, labels)))


@confusion_matrix.misconception(
    "mistakes-only", "Only mistakes are counted. What was right belongs on the diagonal."
)
def _(logits, labels):
    matrix = _confusion_matrix(logits, labels)
    return matrix - np.diag(np.diag(matrix))


@confusion_matrix.misconception(
    "smallest", "You take the *smallest* logit (argmin). The answer is the largest."
)
def _(logits, labels):
    return _confusion_matrix(-logits, labels)


@confusion_matrix.misconception(
    "wrong-axis",
    "Your argmax runs over the examples: axis 0. Each example chooses among its own C logits: axis 1.",
)
def _(logits, labels):
    matrix = np.zeros((logits.shape[1],) * 2, dtype=np.int64)
    for true, said in zip(labels, logits.argmax(axis=0), strict=False):
        matrix[true, said % logits.shape[1]] += 1
    return matrix


@confusion_matrix.misconception(
    "sigmoid-and-round",
    "You round a sigmoid, as with two classes and one logit. With C classes there are C logits, and argmax decides.",
)
def _(logits, labels):
    said = np.round(1 / (1 + np.exp(-logits[:, 0]))).astype(int)
    matrix = np.zeros((logits.shape[1],) * 2, dtype=np.int64)
    np.add.at(matrix, (labels, said), 1)
    return matrix


@confusion_matrix.misconception(
    "labels-with-themselves", "The labels are compared with themselves: the answers have to come from the logits."
)
def _(logits, labels):
    return np.diag(np.bincount(labels, minlength=logits.shape[1]))


@confusion_matrix.variant("a loop")
def _(logits, labels):
    matrix = np.zeros((len(logits[0]), len(logits[0])))
    for z, y in zip(logits, labels, strict=True):
        matrix[y][np.argmax(z)] += 1
    return matrix


@confusion_matrix.variant("bincount of pairs")
def _(logits, labels):
    C = logits.shape[-1]
    return np.bincount(labels * C + _softmax(logits).argmax(-1), minlength=C * C).reshape(C, C)


@confusion_matrix.variant("class by class")
def _(logits, labels):
    said, classes = np.argmax(logits, axis=1), range(logits.shape[1])
    return np.array([[np.sum((labels == i) & (said == j)) for j in classes] for i in classes])


@confusion_matrix.landmark("`matrix[1, 0] = 2`")
def _(f):
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [2.5, 0.0, 1.0], [0.4, 0.3, 0.2]])
    return f(logits, np.array([0, 1, 1, 1]))[1, 0]
