"""`corpus_perplexity`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.registry import Exercise


def corpus_perplexity_reference(losses, sizes):
    return np.exp(np.sum(np.multiply(losses, sizes)) / np.sum(sizes))


def _cases(rng, *, W=(3, 8)):
    return {"losses": rng.uniform(0.5, 6.0, size=W), "sizes": rng.integers(1, 9, size=W)}


corpus_perplexity = Exercise("corpus_perplexity", "05", corpus_perplexity_reference, ("perplexity",), _cases)


@corpus_perplexity.oracle("writing every word's loss out and taking the mean")
def _(losses, sizes):
    return math.exp(sum(np.repeat(losses, sizes)) / len(np.repeat(losses, sizes)))


@corpus_perplexity.oracle("the geometric mean of 1/P over all words")
def _(losses, sizes):
    total = sum(int(size) for size in sizes)
    return math.prod(math.exp(loss) ** (int(size) / total) for loss, size in zip(losses, sizes, strict=True))


@corpus_perplexity.extreme("long windows", "Right for small windows. 1/P of a long text is beyond any float: exp comes last.")
def _(rng):
    return {"losses": rng.uniform(5.0, 9.0, size=3), "sizes": np.array([70_000, 90_000, 35])}


@corpus_perplexity.extreme("a window without any loss", "A window may be predicted perfectly: its loss is 0, its words count.")
def _(rng):
    return {"losses": np.array([0.0, 3.2, 1.1]), "sizes": np.array([4, 3, 6])}


@corpus_perplexity.extreme(
    "losses above 60", "Right for small losses. A poor model may have large ones: nothing is cut off or rounded."
)
def _(rng):
    return {"losses": np.array([62.5, 71.25, 0.001]), "sizes": np.array([3, 2, 5])}


PRODUCTS = "np.sum(np.multiply(losses, sizes))"
MEAN = "np.sum(np.multiply(losses, sizes)) / np.sum(sizes)"

corpus_perplexity.mistake(
    "per-window",
    "Every window counts the same here. Perplexity is per word: a window of 5 words weighs 1/140 of one of 700.",
    (MEAN, "np.mean(losses)"),
)
corpus_perplexity.mistake(
    "mean-of-perplexities",
    "You average perplexities. Average the losses first and take exp once, at the end: exp of a mean is not the "
    "mean of exps, and one bad window would dominate.",
    (f"np.exp({MEAN})", "np.sum(np.multiply(np.exp(losses), sizes)) / np.sum(sizes)"),
)
corpus_perplexity.mistake(
    "mean-of-perplexities-per-window",
    "You average the windows' perplexities, each counting once: exp comes last, and windows weigh by their words.",
    (f"np.exp({MEAN})", "np.mean(np.exp(losses))"),
)
corpus_perplexity.mistake(
    "no-exp", "This is the mean loss in nats. Perplexity is exp of it.", (f"np.exp({MEAN})", MEAN)
)
corpus_perplexity.mistake(
    "base-two",
    "2 to the power of the loss fits losses in bits. Ours are in nats: use np.exp.",
    (f"np.exp({MEAN})", f"2 ** ({MEAN})"),
)
corpus_perplexity.mistake(
    "base-ten", "10 to the power of the loss: nats go with e, np.exp.", (f"np.exp({MEAN})", f"10 ** ({MEAN})")
)
corpus_perplexity.mistake(
    "first-window-lost",
    "The first window is missing, its loss and its words. Indices begin at 0.",
    ("np.multiply(losses, sizes)", "np.multiply(losses[1:], sizes[1:])"),
    ("/ np.sum(sizes)", "/ np.sum(sizes[1:])"),
)
corpus_perplexity.mistake(
    "only-the-last-window",
    "Only the last window's nats are in your sum: `=` in a loop overwrites, `+=` adds up.",
    (PRODUCTS, "losses[-1] * sizes[-1]"),
)
corpus_perplexity.mistake(
    "only-the-first-window",
    "You return after the first window. The `return` belongs behind the loop.",
    (f"np.exp({MEAN})", "np.exp(losses[0])"),
)
corpus_perplexity.mistake(
    "last-window-lost",
    "The last window is missing, its loss and its words. Does a loop or a slice end one too early?",
    ("np.multiply(losses, sizes)", "np.multiply(losses[:-1], sizes[:-1])"),
    ("/ np.sum(sizes)", "/ np.sum(sizes[:-1])"),
)
corpus_perplexity.mistake(
    "exchanged",
    "Losses and sizes are exchanged: you take the mean size, weighted by the losses. Divide by the words, `np.sum(sizes)`.",
    ("/ np.sum(sizes)", "/ np.sum(losses)"),
)
corpus_perplexity.mistake(
    "loss-by-size",
    "You divide each loss by its size. It is a mean already: *times* its size it is the window's sum. Add "
    "these up and divide by the words.",
    (MEAN, "np.sum(np.divide(losses, sizes))"),
)
corpus_perplexity.mistake(
    "exp-of-each-share",
    "You take exp of each window's share and add up. Add the shares up first; exp comes once, at the end.",
    (f"np.exp({MEAN})", "np.sum(np.exp(np.multiply(losses, sizes) / np.sum(sizes)))"),
)
corpus_perplexity.mistake(
    "mean-probability",
    "You average the windows' probabilities, e to the power of −loss. Average the losses: exp comes last.",
    (f"np.exp({MEAN})", "np.sum(sizes) / np.sum(np.multiply(np.exp(np.negative(losses)), sizes))"),
)
corpus_perplexity.mistake(
    "sum-of-losses",
    "You divide the sum of the windows' *mean* losses by the number of words. First turn each mean into a sum: "
    "loss · size.",
    (PRODUCTS, "np.sum(losses)"),
)
corpus_perplexity.mistake(
    "not-divided",
    "exp of the sum: that is 1/P of the whole text. Perplexity is per word: divide by the words first.",
    (MEAN, PRODUCTS),
)
corpus_perplexity.mistake(
    "divided-by-windows",
    "You divide the sum over all *words* by the number of windows. Per word means: by the number of words, "
    "`np.sum(sizes)`.",
    (MEAN, "np.mean(np.multiply(losses, sizes))"),
)
corpus_perplexity.mistake(
    "minus-sign", "The losses are already −ln P, positive numbers: no further minus sign.", (PRODUCTS, f"-{PRODUCTS}")
)
corpus_perplexity.mistake(
    "lists",
    "Right for arrays. But `losses` and `sizes` may be lists, as in the example, and lists cannot be multiplied: "
    "`np.multiply(losses, sizes)` takes both.",
    ("np.multiply(losses, sizes)", "losses * sizes"),
)
corpus_perplexity.mistake(
    "divided-after-exp",
    "You divide after exp, so it is exp of the sum that is shared out among the words. Divide first, exp comes last.",
    (f"np.exp({MEAN})", f"np.exp({PRODUCTS}) / np.sum(sizes)"),
)
corpus_perplexity.mistake(
    "sizes-of-the-example",
    "700 and 35 are the sizes of the example. Take as many windows as there are, and their sizes from `sizes`.",
    (PRODUCTS, "(losses[0] * 700 + losses[1] * 35)"),
    ("/ np.sum(sizes)", "/ 735"),
)


@corpus_perplexity.misconception(
    "short-windows-lost",
    "You count only the windows that are as large as the largest. The words of a short one belong to the text as well; "
    "its size gives it the right weight.",
)
def _(losses, sizes):
    full = np.asarray(sizes) == np.max(sizes)
    return np.exp(np.mean(np.asarray(losses)[full]))


@corpus_perplexity.misconception(
    "running-average",
    "Averaged half and half with all before it, the last window counts as much as all others together. Add up loss · size "
    "and the sizes; divide once, after the loop.",
)
def _(losses, sizes):
    average = losses[0]
    for loss in losses[1:]:
        average = (average + loss) / 2
    return np.exp(average)


@corpus_perplexity.variant("np.average with weights")
def _(losses, sizes):
    return np.exp(np.average(losses, weights=sizes))


@corpus_perplexity.variant("a running total in plain Python")
def _(losses, sizes):
    nats, tokens = 0.0, 0
    for loss, size in zip(losses, sizes, strict=True):
        nats += float(loss) * int(size)
        tokens += int(size)
    return math.exp(nats / tokens)


@corpus_perplexity.variant("arrays first")
def _(losses, sizes):
    losses, sizes = np.asarray(losses), np.asarray(sizes)
    return np.exp((losses * sizes).sum() / sizes.sum())


corpus_perplexity.landmark("""
    corpus_perplexity([2.0, 5.0], [700, 35])   # ≈ 8.52
""")
