"""`corpus_perplexity`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.registry import Exercise


def _corpus_perplexity(losses, sizes):
    return float(np.exp(np.dot(losses, sizes) / np.sum(sizes)))


def _cases(rng):
    windows = rng.integers(3, 9)
    return {
        "losses": rng.uniform(0.5, 6.0, size=windows),
        "sizes": rng.choice([700, 640, 35, 20, 5], size=windows),
    }


corpus_perplexity = Exercise("corpus_perplexity", "05", _corpus_perplexity, ("perplexity",), _cases)


@corpus_perplexity.oracle("writing every token's loss out and taking the mean")
def _(losses, sizes):
    return math.exp(sum(np.repeat(losses, sizes)) / len(np.repeat(losses, sizes)))


@corpus_perplexity.oracle("the geometric mean of 1/P over all tokens")
def _(losses, sizes):
    total = sum(int(size) for size in sizes)
    return math.prod(math.exp(loss) ** (int(size) / total) for loss, size in zip(losses, sizes, strict=True))


@corpus_perplexity.misconception(
    "per-window",
    "Every window counts the same here. Perplexity is per token: a window of 5 tokens weighs 1/140 of one of 700.",
)
def _(losses, sizes):
    return float(np.exp(np.mean(losses)))


@corpus_perplexity.misconception(
    "mean-of-perplexities",
    "You average perplexities. Average the losses first and take exp once, at the end: exp of a mean is not the "
    "mean of exps, and one bad window would dominate.",
)
def _(losses, sizes):
    return float(np.dot(np.exp(losses), sizes) / np.sum(sizes))


@corpus_perplexity.misconception(
    "mean-of-perplexities-per-window", "You average the windows' perplexities, each counting once: exp comes last, "
    "and windows weigh by their tokens.",
)
def _(losses, sizes):
    return float(np.mean(np.exp(losses)))


@corpus_perplexity.misconception("no-exp", "This is the mean loss in nats. Perplexity is exp of it.")
def _(losses, sizes):
    return float(np.dot(losses, sizes) / np.sum(sizes))


@corpus_perplexity.misconception(
    "base-two", "2 to the power of the loss fits losses in bits. Ours are in nats: use np.exp."
)
def _(losses, sizes):
    return float(2 ** (np.dot(losses, sizes) / np.sum(sizes)))


@corpus_perplexity.misconception(
    "sum-of-losses", "You divide the sum of the windows' *mean* losses by the number of tokens. First turn each mean "
    "into a sum: loss · size.",
)
def _(losses, sizes):
    return float(np.exp(np.sum(losses) / np.sum(sizes)))


@corpus_perplexity.misconception(
    "not-divided", "exp of the sum: that is 1/P of the whole text. Perplexity is per word: divide by the words first."
)
def _(losses, sizes):
    return float(np.exp(np.dot(losses, sizes)))


@corpus_perplexity.misconception(
    "minus-sign", "The losses are already −ln P, positive numbers: no further minus sign."
)
def _(losses, sizes):
    return float(np.exp(-np.dot(losses, sizes) / np.sum(sizes)))


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


@corpus_perplexity.landmark("`corpus_perplexity([2.0, 5.0], [700, 35]) ≈ 8.52`")
def _(f):
    return f(np.array([2.0, 5.0]), np.array([700, 35]))
