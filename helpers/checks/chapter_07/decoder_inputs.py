"""`decoder_inputs`: reference, oracles, and the mistakes learners make.

What the inputs and targets are where nothing counts is nobody's business: `_trial` blanks it. It also refuses
ids that are floats, since no embedding takes them.
"""

from __future__ import annotations

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.registry import Exercise

PAD, BOS, EOS = 0, 1, 2


def _decoder_inputs(sentences):
    targets = sentences[:, 1:]
    return sentences[:, :-1], targets, targets != PAD


def _cases(rng):
    N, L, V = int(rng.integers(3, 5)), int(rng.integers(7, 9)), 20
    lengths = rng.integers(2, L - 2, size=N)   # the words of each sentence
    lengths[0], lengths[1] = L - 2, 1          # one without padding, one much shorter
    sentences = np.full((N, L), PAD)
    for row, length in zip(sentences, lengths, strict=True):
        row[0], row[length + 1] = BOS, EOS
        row[1 : length + 1] = rng.integers(3, V, size=length)
    return {"sentences": sentences}


def _trial(function, sentences):
    """The answer, with inputs and targets set to 0 where no target counts, and counts as 1 and 0."""
    ends = (sentences == EOS).argmax(axis=1)   # before the answer can change them
    answer = function(sentences)
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return answer
    if any(isinstance(part, np.ndarray) and part.dtype.kind == "f" for part in answer[:2]):
        raise Complaint("Inputs and targets are ids and have to be whole numbers, not floats.")
    blank = np.arange(sentences.shape[1] - 1) >= ends[:, None]
    inputs, targets, counts = (np.array(part) if isinstance(part, np.ndarray) else part for part in answer)
    for part in (inputs, targets):
        if isinstance(part, np.ndarray) and part.shape == blank.shape:
            part[blank] = PAD
    if isinstance(counts, np.ndarray) and counts.dtype == bool:
        counts = counts.astype(int)
    return inputs, targets, counts


decoder_inputs = Exercise(
    "decoder_inputs", "07", _decoder_inputs, ("inputs", "targets", "counts"), _cases, rounds=4, trial=_trial
)


@decoder_inputs.oracle("word by word")
def _(sentences):
    N, L = sentences.shape
    inputs, targets, counts = np.zeros((N, L - 1), int), np.zeros((N, L - 1), int), np.zeros((N, L - 1), bool)
    for n, row in enumerate(sentences.tolist()):
        end = row.index(EOS)
        for t in range(end):
            inputs[n, t], targets[n, t], counts[n, t] = row[t], row[t + 1], True
    return inputs, targets, counts.astype(int)


@decoder_inputs.oracle("from the bare sentences, as lists")
def _(sentences):
    bare = [row[1 : row.index(EOS)] for row in sentences.tolist()]
    width = sentences.shape[1] - 1

    def padded(rows):
        return np.array([row + [PAD] * (width - len(row)) for row in rows])

    return (
        padded([[BOS, *words] for words in bare]),
        padded([[*words, EOS] for words in bare]),
        padded([[1] * (len(words) + 1) for words in bare]),
    )


@decoder_inputs.misconception(
    "unshifted",
    "Your inputs are what belongs in the targets: the decoder is handed each word that it has to predict. The loss would fall "
    "to nothing, and it would have learned to copy its input. The inputs begin with <bos>.",
)
def _(sentences):
    targets = sentences[:, 1:]
    return targets, targets, targets != PAD


@decoder_inputs.misconception(
    "unshifted-whole",
    "Both are the whole rows, so at every place the target *is* the input. Leave the last column out of the inputs and "
    "the first out of the targets.",
)
def _(sentences):
    return sentences, sentences, sentences != PAD


@decoder_inputs.misconception(
    "unshifted-without-the-end",
    "Both run from <bos> to the word before last: the target is the input itself. The target at a place is the word "
    "that comes *next*.",
)
def _(sentences):
    inputs = sentences[:, :-1]
    return inputs, inputs, inputs != PAD


@decoder_inputs.misconception(
    "backwards",
    "Shifted the wrong way: from each word you ask for the one *before* it. The inputs begin with <bos>, the targets end "
    "with <eos>.",
)
def _(sentences):
    targets = sentences[:, :-1]
    return sentences[:, 1:], targets, targets != PAD


@decoder_inputs.misconception(
    "outputs-swapped", "Inputs and targets are exchanged: first what goes in, from <bos> on, then what is wanted."
)
def _(sentences):
    inputs, targets, counts = _decoder_inputs(sentences)
    return targets, inputs, counts


@decoder_inputs.misconception(
    "too-few-targets",
    "Your targets begin with the second word and are a column short. Of the targets only <bos> is left out: <bos> in, first "
    "word out.",
)
def _(sentences):
    targets = sentences[:, 2:]
    return sentences[:, :-1], targets, targets != PAD


@decoder_inputs.misconception(
    "two-ahead-and-short",
    "Your targets are two places ahead of the inputs, and both are a column short: the decoder never learns its first word. "
    "One place ahead: cut one column of each.",
)
def _(sentences):
    targets = sentences[:, 2:]
    return sentences[:, :-2], targets, targets != PAD


@decoder_inputs.misconception(
    "cut-along-the-batch",
    "You cut a row, the first or last *sentence*, where a column is meant: sentences[:, …], the second axis.",
)
def _(sentences):
    targets = sentences[1:]
    return sentences[:-1], targets, targets != PAD


@decoder_inputs.misconception(
    "floats",
    "np.zeros, np.ones and np.full with a float make float arrays, and an embedding looks up whole numbers only: dtype=int, or "
    "slices of `sentences`, which are ints already.",
)
def _(sentences):
    inputs, targets, counts = _decoder_inputs(sentences)
    return inputs.astype(float), targets.astype(float), counts


@decoder_inputs.misconception(
    "two-ahead",
    "Your targets are two places ahead: the decoder never learns its first word. <bos> in, first word out.",
)
def _(sentences):
    targets = np.pad(sentences[:, 2:], ((0, 0), (0, 1)))
    return sentences[:, :-1], targets, targets != PAD


@decoder_inputs.misconception(
    "bos-missing",
    "The inputs begin with the first word, so nothing ever asks for it. The decoder starts from <bos>.",
)
def _(sentences):
    inputs, targets = sentences[:, 1:-1], sentences[:, 2:]
    return inputs, targets, targets != PAD


@decoder_inputs.misconception(
    "eos-missing",
    "No target is <eos>. A decoder that is never asked for it never learns to stop.",
)
def _(sentences):
    words = np.where(sentences == EOS, PAD, sentences)
    targets = words[:, 1:]
    return sentences[:, :-1], targets, targets != PAD


@decoder_inputs.misconception(
    "last-column-cut-twice",
    "One column too few: the last target of the longest sentence, its <eos>, is lost. Cut one column of each, the last "
    "of the inputs and the first of the targets.",
)
def _(sentences):
    inputs, targets = sentences[:, :-2], sentences[:, 1:-1]
    return inputs, targets, targets != PAD


@decoder_inputs.misconception(
    "rolled",
    "np.roll wraps around: what stands at the end of a row comes in at its front, in place of <bos>. Slices cannot do that.",
)
def _(sentences):
    targets = sentences[:, 1:]
    return np.roll(targets, 1, axis=1), targets, targets != PAD


@decoder_inputs.misconception(
    "ids-minus-one", "Your targets are the ids plus 1. One *place* ahead is meant: sentences[:, 1:]."
)
def _(sentences):
    inputs = sentences[:, :-1]
    return inputs, inputs + 1, sentences[:, 1:] != PAD


@decoder_inputs.misconception(
    "everything-counts",
    "Padding counts, too: the loss would be mostly about how well the decoder writes <pad>. Only real targets count.",
)
def _(sentences):
    inputs, targets, counts = _decoder_inputs(sentences)
    return inputs, targets, np.ones_like(counts)


@decoder_inputs.misconception(
    "eos-does-not-count",
    "The place where <eos> is wanted does not count in yours, so nothing teaches the decoder to stop. <eos> is a target "
    "like any other; only padding is left out.",
)
def _(sentences):
    inputs, targets, counts = _decoder_inputs(sentences)
    return inputs, targets, counts & (targets != EOS)


@decoder_inputs.misconception(
    "counts-from-the-inputs",
    "Your counts look at the inputs. A place counts when its *target* is real: where <eos> is the input, the target is "
    "padding already.",
)
def _(sentences):
    inputs, targets, _ = _decoder_inputs(sentences)
    return inputs, targets, inputs != PAD


@decoder_inputs.misconception(
    "counts-turned-round", "Your counts are turned round: True marks what counts, so it is targets != 0."
)
def _(sentences):
    inputs, targets, counts = _decoder_inputs(sentences)
    return inputs, targets, ~counts


@decoder_inputs.misconception(
    "how-many-in-each-row",
    "`counts` is how many targets each sentence has. Wanted is *which* of them are real: an array of True and False, as large "
    "as the targets.",
)
def _(sentences):
    inputs, targets, counts = _decoder_inputs(sentences)
    return inputs, targets, counts.sum(axis=1)


@decoder_inputs.misconception(
    "counts-of-the-whole-row",
    "Your counts have a column more than the targets. There is one for each target.",
)
def _(sentences):
    inputs, targets, _ = _decoder_inputs(sentences)
    return inputs, targets, sentences != PAD


@decoder_inputs.misconception(
    "one-number",
    "`counts` is how *many* targets are real. Wanted is which: an array of True and False, as large as the targets.",
)
def _(sentences):
    inputs, targets, counts = _decoder_inputs(sentences)
    return inputs, targets, counts.sum()


@decoder_inputs.variant("no <eos> among the inputs")
def _(sentences):
    inputs = np.where(sentences == EOS, PAD, sentences)[:, :-1]
    return inputs, sentences[:, 1:].copy(), np.minimum(sentences[:, 1:], 1).astype(bool)


@decoder_inputs.variant("np.delete")
def _(sentences):
    targets = np.delete(sentences, 0, axis=1)
    return np.delete(sentences, -1, axis=1), targets, np.not_equal(targets, PAD)


@decoder_inputs.variant("counts from the lengths")
def _(sentences):
    lengths = (sentences > 0).sum(axis=1) - 1
    counts = np.arange(sentences.shape[1] - 1)[None, :] < lengths[:, None]
    return sentences[:, : sentences.shape[1] - 1], sentences[:, 1:], counts


@decoder_inputs.landmark("`counts.sum() = 5`")
def _(f):
    return f(np.array([[1, 7, 5, 2], [1, 9, 2, 0]]))[2].sum()
