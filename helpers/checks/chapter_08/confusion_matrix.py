"""`confusion_matrix`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def confusion_matrix_reference(logits, labels):
    C = logits.shape[1]
    matrix = np.zeros((C, C), dtype=np.int64)
    np.add.at(matrix, (labels, logits.argmax(axis=1)), 1)
    return matrix


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _case(rng, labels, C, away=0.0):
    """Logits (N, C) that often say the label; `away` is added to those of the last class."""
    labels = np.array(labels, dtype=np.int64)
    logits = rng.normal(size=(len(labels), C))
    logits[np.arange(len(labels)), labels] += 1.2
    logits += np.maximum(0, 0.2 - logits.max(axis=1, keepdims=True))   # each row has one above 0
    logits[:, -1] += away
    return {"logits": logits, "labels": labels}


def matrix_cases(rng, *, N=(16, 24), C=(3, 5)):
    labels = [*range(C), *rng.integers(C, size=N)][:N]   # every class occurs
    return _case(rng, rng.permutation(labels), C)


confusion_matrix = Exercise(
    "confusion_matrix",
    "08",
    confusion_matrix_reference,
    ("matrix",),
    matrix_cases,
    rounds=6,
    skip={"N = 1": "a single example leaves classes out, and the cases of that say more; it is an extreme of its own"},
)


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


@confusion_matrix.extreme(
    "the last class does not occur", "A class without examples still has its row: C is `logits.shape[1]`, whatever the labels are."
)
def _(rng):
    return _case(rng, [0, 1, 2, 2, 1, 0, 1, 0, 2], 4)


@confusion_matrix.extreme(
    "a class in the middle does not occur", "A class without examples keeps its row: class i stands in row i, wherever there are gaps."
)
def _(rng):
    return _case(rng, [0, 2, 3, 3, 2, 0, 3, 0], 4)


@confusion_matrix.extreme(
    "the last class is never called", "A class that is never the answer still has its column: C is `logits.shape[1]`."
)
def _(rng):
    return _case(rng, [0, 1, 3, 2, 1, 3, 0], 4, away=-20.0)


@confusion_matrix.extreme("all logits are negative", "The largest logit may be below 0: what counts is which is the largest.")
def _(rng):
    case = _case(rng, [2, 0, 1, 2, 1, 0, 1], 3)
    return case | {"logits": case["logits"] - 30}


@confusion_matrix.extreme("logits close together", "The largest logit may lead by very little: nothing may be rounded.")
def _(rng):
    case = _case(rng, [2, 0, 1, 2, 1, 0, 1, 2], 3)
    return case | {"logits": 1e-4 * case["logits"]}


@confusion_matrix.extreme(
    "logits in the thousands",
    "exp overflows for large logits. No probabilities are needed: the largest logit has the largest one.",
)
def _(rng):
    case = _case(rng, [2, 0, 1, 2, 1, 0, 1, 2], 3)
    return case | {"logits": 1000 * case["logits"] + 3000}


@confusion_matrix.extreme(
    "hundreds of examples of one kind",
    "Right for few examples. An entry may go beyond 255, which 8 bits cannot hold: count in np.int64.",
)
def _(rng):
    return _case(rng, [0] * 700 + [1] * 9, 2)


@confusion_matrix.extreme("a single example", "Right for many examples, wrong for one: the matrix has an entry for every pair of classes.")
def _(rng):
    return _case(rng, [1], 3)


@confusion_matrix.extreme("labels in order", "Right for mixed labels, wrong where they come class by class.")
def _(rng):
    return _case(rng, [0, 0, 0, 1, 1, 2, 2, 2, 2], 3)


@confusion_matrix.extreme("two classes", "With two classes there are two logits for each example, and the larger one decides.")
def _(rng):
    return _case(rng, [1, 0, 1, 1, 0, 0, 1], 2)


ANSWERS = "logits.argmax(axis=1)"
ADDED = f"np.add.at(matrix, (labels, {ANSWERS}), 1)"

confusion_matrix.mistake(
    "transposed",
    "Rows and columns are swapped: a row belongs to the *true* class, a column to the answer.",
    (f"labels, {ANSWERS}", f"{ANSWERS}, labels"),
)
confusion_matrix.mistake(
    "each-pair-once",
    "No entry is above 1: each pair of classes is counted once, however often it occurs. In a loop `+= 1` counts, `= 1` does not; "
    "with arrays of indices, `matrix[labels, said] += 1` writes to each place once, and np.add.at adds every time.",
    (ADDED, f"said = {ANSWERS}\n    matrix[labels, said] += 1"),
)
confusion_matrix.mistake(
    "last-example-missing",
    "The last example is not counted: the loop ends one too early.",
    (f"labels, {ANSWERS}", f"labels[:-1], {ANSWERS}[:-1]"),
)
confusion_matrix.mistake(
    "first-example-only",
    "Only the first example is counted: the `return` stands inside the loop.",
    (f"labels, {ANSWERS}", f"labels[:1], {ANSWERS}[:1]"),
)
confusion_matrix.mistake(
    "one-row-for-all",
    "All rows are alike: [[0] * C] * C is one list C times, so each example is counted in all of them. np.zeros((C, C)) has rows "
    "of their own.",
    ("return matrix", "return np.array([matrix.sum(axis=0)] * C)"),
)
confusion_matrix.mistake(
    "classes-from-one",
    "You subtract 1 from the classes. They count from 0 already: class 0 stands in row 0.",
    (f"labels, {ANSWERS}", f"labels - 1, {ANSWERS} - 1"),
)
confusion_matrix.mistake(
    "classes-from-the-labels",
    "The matrix has as many classes as the labels show (labels.max() + 1). A class that has no example can still be answered: "
    "take C from the logits.",
    ("logits.shape[1]", "labels.max() + 1"),
)
confusion_matrix.mistake(
    "classes-from-both",
    "The matrix has as many classes as labels and answers show. One that neither occurs nor is called has its row and column, "
    "too: take C from the logits.",
    ("logits.shape[1]", "max(labels.max(), logits.argmax(axis=1).max()) + 1"),
)
confusion_matrix.mistake(
    "as-many-classes-as-occur",
    "The matrix has as many classes as *occur* among the labels. A class without examples still has its row: take C from the "
    "logits.",
    ("logits.shape[1]", "len(set(labels.tolist()))"),
)
confusion_matrix.mistake(
    "classes-from-the-answers",
    "The matrix has as many classes as the answers show. A class that is never the answer still has its column: take C from the "
    "logits.",
    ("logits.shape[1]", "logits.argmax(axis=1).max() + 1"),
)
confusion_matrix.mistake(
    "shares-of-a-row",
    "These are shares of each row. Wanted are numbers of examples; divide later, if at all.",
    ("return matrix", "return matrix / matrix.sum(axis=1, keepdims=True)"),
)
confusion_matrix.mistake(
    "shares-of-a-column",
    "These are shares of each column. Wanted are numbers of examples; divide later, if at all.",
    ("return matrix", "return matrix / matrix.sum(axis=0, keepdims=True)"),
)
confusion_matrix.mistake(
    "shares-of-all",
    "These are shares of all examples. Wanted are numbers of examples.",
    ("return matrix", "return matrix / len(labels)"),
)
confusion_matrix.mistake(
    "every-positive-logit",
    "You count every class whose logit is above 0, so one example may count several times or never. The classes exclude one "
    "another: the answer is the *largest* logit.",
    (ADDED, "np.add.at(matrix, labels, logits > 0)"),
)
confusion_matrix.mistake(
    "majority-of-the-probability",
    "You ask which class has a probability above 0.5, and take class 0 when none has. With three classes and more the largest "
    "may be below 0.5: argmax.",
    (ANSWERS, "(softmax(logits) > 0.5).argmax(axis=1)"),
)
confusion_matrix.mistake(
    "only-clear-answers",
    "You count an answer only where its probability is above 0.5. With three classes and more the largest may be below: every "
    "example counts, with its largest logit.",
    (ADDED, "np.add.at(matrix, labels, softmax(logits) > 0.5)"),
)
confusion_matrix.mistake(
    "probabilities-added",
    "You add up probabilities. An answer is one class: argmax first, then count.",
    (", dtype=np.int64", ""),
    (ADDED, "np.add.at(matrix, labels, softmax(logits))"),
)
confusion_matrix.mistake(
    "logits-added",
    "You add up logits. Take the argmax of each row first, then count examples.",
    (", dtype=np.int64", ""),
    (ADDED, "np.add.at(matrix, labels, logits)"),
)
confusion_matrix.mistake(
    "diagonal-only",
    "Only what was right is counted. The entries off the diagonal say which class is taken for which.",
    ("return matrix", "return np.diag(np.diag(matrix))"),
)
confusion_matrix.mistake(
    "one-number-a-class",
    "This is the diagonal alone: how many of each class were right. The matrix says what the others were taken for.",
    ("return matrix", "return np.diag(matrix)"),
)
confusion_matrix.mistake(
    "the-accuracy",
    "This is the accuracy, one number. The matrix has an entry for each pair: the class and what it was called.",
    ("return matrix", "return np.trace(matrix) / len(labels)"),
)
confusion_matrix.mistake(
    "mistakes-only",
    "Only mistakes are counted. What was right belongs on the diagonal.",
    ("return matrix", "return matrix - np.diag(np.diag(matrix))"),
)
confusion_matrix.mistake(
    "largest-size",
    "You take the logit that is farthest from 0. The answer is the class with the largest one, its sign included.",
    ("logits.argmax", "np.abs(logits).argmax"),
)
confusion_matrix.mistake(
    "sigmoid-and-round",
    "You round a sigmoid, as with two classes and one logit. With C classes there are C logits, and argmax decides.",
    (ANSWERS, "np.round(1 / (1 + np.exp(-logits[:, 0]))).astype(int)"),
)
confusion_matrix.mistake(
    "labels-with-themselves",
    "The labels are compared with themselves: the answers have to come from the logits.",
    (ANSWERS, "labels"),
)
confusion_matrix.mistake(
    "answers-with-themselves",
    "The answers are compared with themselves: a row is for the *true* class, which stands in `labels`.",
    (f"labels, {ANSWERS}", f"{ANSWERS}, {ANSWERS}"),
)
confusion_matrix.mistake(
    "counted-as-floats",
    "The numbers of examples are floats (np.zeros makes those unless told otherwise), and the figure would print 3.0. Whole "
    "numbers: dtype=np.int64.",
    (", dtype=np.int64", ""),
)


@confusion_matrix.variant("a loop")
def _(logits, labels):
    matrix = np.zeros((len(logits[0]), len(logits[0])), dtype=int)
    for z, y in zip(logits, labels, strict=True):
        matrix[y][np.argmax(z)] += 1
    return matrix


@confusion_matrix.variant("bincount of pairs")
def _(logits, labels):
    C = logits.shape[-1]
    return np.bincount(labels * C + softmax(logits).argmax(-1), minlength=C * C).reshape(C, C)


@confusion_matrix.variant("class by class")
def _(logits, labels):
    said, classes = np.argmax(logits, axis=1), range(logits.shape[1])
    return np.array([[np.sum((labels == i) & (said == j)) for j in classes] for i in classes])


@confusion_matrix.variant("a product of one-hot matrices")
def _(logits, labels):
    eye = np.eye(logits.shape[1], dtype=int)
    return eye[:, labels] @ eye[logits.argmax(axis=1)]


confusion_matrix.landmark("""
    logits = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [2.5, 0.0, 1.0], [0.4, 0.3, 0.2]])
    confusion_matrix(logits, np.array([0, 1, 1, 1]))   # [[1, 0, 0], [2, 1, 0], [0, 0, 0]]
""")
