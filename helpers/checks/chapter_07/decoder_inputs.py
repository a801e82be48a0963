"""`decoder_inputs`: reference, oracles, and the mistakes learners make.

What the inputs are where nothing counts is nobody's business: `_trial` blanks it.
"""

from __future__ import annotations

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.registry import Exercise

PAD, BOS, EOS = 0, 1, 2


def decoder_inputs_reference(sentences):
    targets = sentences[:, 1:]
    return sentences[:, :-1], targets, targets != PAD


def _padded(rng, lengths, width, size=20):
    """Sentences of so many words: (N, width), words below `size`."""
    sentences = np.full((len(lengths), width), PAD)
    for row, length in zip(sentences, lengths, strict=True):
        row[0], row[length + 1] = BOS, EOS
        row[1 : length + 1] = rng.integers(3, size, size=length)
    return sentences


def _cases(rng, *, N=(3, 4), words=(5, 6)):
    lengths = rng.integers(1, words + 1, size=N)
    lengths[: min(N, 2)] = (words, 1)[:N]   # one without padding, one much shorter
    return {"sentences": _padded(rng, lengths, words + 2)}


def _trial(function, sentences):
    """The answer, with the inputs set to 0 where no target counts."""
    blank = sentences[:, 1:] == PAD   # before the answer can change it
    answer = function(sentences)
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return answer
    for name, part in zip(decoder_inputs.outputs, answer, strict=True):
        if isinstance(part, list | tuple) or hasattr(part, "detach"):
            raise Complaint("`{name}` is a {type}; wanted a NumPy array, as `sentences` is.",
                            name=name, type=type(part).__name__)  # fmt: skip
        if name != "counts" and getattr(part, "dtype", None) in (np.int32, np.int16, np.int8):
            raise Complaint(
                "`{name}` is {dtype}; the sentences are {wanted}. Keep it: torch's loss takes targets of int64 only.",
                name=name, dtype=part.dtype, wanted=sentences.dtype,
            )  # fmt: skip
    inputs = answer[0]
    if getattr(inputs, "shape", None) == blank.shape:
        inputs = np.where(blank, PAD, inputs)
    return inputs, *answer[1:]


decoder_inputs = Exercise(
    "decoder_inputs", "07", decoder_inputs_reference, ("inputs", "targets", "counts"), _cases, rounds=4, trial=_trial
)


@decoder_inputs.oracle("word by word")
def _(sentences):
    N, L = sentences.shape
    inputs, targets, counts = np.zeros((N, L - 1), int), np.zeros((N, L - 1), int), np.zeros((N, L - 1), bool)
    for n, row in enumerate(sentences.tolist()):
        for t in range(row.index(EOS)):
            inputs[n, t], targets[n, t], counts[n, t] = row[t], row[t + 1], True
    return inputs, targets, counts


@decoder_inputs.oracle("from the bare sentences, as lists")
def _(sentences):
    bare = [row[1 : row.index(EOS)] for row in sentences.tolist()]
    width = sentences.shape[1] - 1

    def padded(rows):
        return np.array([row + [PAD] * (width - len(row)) for row in rows])

    return (
        padded([[BOS, *words] for words in bare]),
        padded([[*words, EOS] for words in bare]),
        padded([[1] * (len(words) + 1) for words in bare]).astype(bool),
    )


@decoder_inputs.extreme(
    "padding in the last column of every row", "Does it take for granted that one sentence fills its row? None need to."
)
def _(rng):
    return {"sentences": _padded(rng, [4, 2, 1], 9)}


@decoder_inputs.extreme(
    "a sentence without words", "`<bos> <eos>` is a sentence, too: in goes <bos>, wanted is <eos>, and that counts."
)
def _(rng):
    return {"sentences": _padded(rng, [0, 3], 5)}


@decoder_inputs.extreme("a single column of targets", "Right for longer sentences, wrong for one that is <bos> <eos> alone.")
def _(rng):
    return {"sentences": _padded(rng, [0, 0, 0], 2)}


@decoder_inputs.extreme("large ids", "Right for ids below 20. A vocabulary may have tens of thousands of words.")
def _(rng):
    return {"sentences": _padded(rng, [5, 3], 7, size=50_000)}


decoder_inputs.mistake(
    "unshifted",
    "Your inputs are what belongs in the targets: the decoder is handed each word that it has to predict. The loss would fall "
    "to nothing, and it would have learned to copy its input. The inputs begin with <bos>.",
    ("return sentences[:, :-1]", "return targets"),
)
decoder_inputs.mistake(
    "unshifted-whole",
    "Both are the whole rows, so at every place the target *is* the input. Leave the last column out of the inputs and "
    "the first out of the targets.",
    ("sentences[:, 1:]", "sentences"),
    ("sentences[:, :-1]", "sentences"),
)
decoder_inputs.mistake(
    "unshifted-without-the-end",
    "Both leave out the last column: the target is the input itself. The target at a place is the word "
    "that comes *next*.",
    ("targets = sentences[:, 1:]", "targets = sentences[:, :-1]"),
    ("return sentences[:, :-1]", "return targets"),
)
decoder_inputs.mistake(
    "backwards",
    "Shifted the wrong way: from each word you ask for the one *before* it. The inputs begin with <bos>, the targets end "
    "with <eos>.",
    ("targets = sentences[:, 1:]", "targets = sentences[:, :-1]"),
    ("return sentences[:, :-1]", "return sentences[:, 1:]"),
)
decoder_inputs.mistake(
    "outputs-swapped",
    "Inputs and targets are exchanged: first what goes in, from <bos> on, then what is wanted.",
    ("sentences[:, :-1], targets", "targets, sentences[:, :-1]"),
)
decoder_inputs.mistake(
    "too-few-targets",
    "Your targets begin with the second word and are a column short. Of the targets only <bos> is left out: <bos> in, first "
    "word out.",
    ("[:, 1:]", "[:, 2:]"),
)
decoder_inputs.mistake(
    "two-ahead-and-short",
    "Your targets are two places ahead of the inputs, and both are a column short: the decoder never learns its first word. "
    "One place ahead: cut one column of each.",
    ("[:, 1:]", "[:, 2:]"),
    ("[:, :-1]", "[:, :-2]"),
)
decoder_inputs.mistake(
    "cut-along-the-batch",
    "You cut a row, the first or last *sentence*, where a column is meant: `sentences[:, 1:]` and `sentences[:, :-1]` cut "
    "along the second axis.",
    ("[:, 1:]", "[1:]"),
    ("[:, :-1]", "[:-1]"),
)
decoder_inputs.mistake(
    "two-ahead",
    "Your targets are two places ahead: the decoder never learns its first word. <bos> in, first word out.",
    ("sentences[:, 1:]", "np.pad(sentences[:, 2:], ((0, 0), (0, 1)))"),
)
decoder_inputs.mistake(
    "bos-missing",
    "The inputs begin with the first word, so nothing ever asks for it. The decoder starts from <bos>.",
    ("[:, 1:]", "[:, 2:]"),
    ("[:, :-1]", "[:, 1:-1]"),
)
decoder_inputs.mistake(
    "eos-missing",
    "No target is <eos>. A decoder that is never asked for it never learns to stop.",
    ("sentences[:, 1:]", "np.where(sentences == EOS, PAD, sentences)[:, 1:]"),
)
decoder_inputs.mistake(
    "last-column-cut-twice",
    "One column too few: the last target of the longest sentence, its <eos>, is lost. Cut one column of each, the last "
    "of the inputs and the first of the targets.",
    ("[:, 1:]", "[:, 1:-1]"),
    ("[:, :-1]", "[:, :-2]"),
)
decoder_inputs.mistake(
    "rolled",
    "np.roll wraps around: what stands at the end of a row comes in at its front, in place of <bos>. Slices cannot do that.",
    ("return sentences[:, :-1]", "return np.roll(targets, 1, axis=1)"),
)
decoder_inputs.mistake(
    "targets-rolled",
    "np.roll wraps around: the <bos> of each row comes out at the end of its targets, and nothing is cut. Slices cannot do "
    "that: `sentences[:, 1:]` and `sentences[:, :-1]`.",
    ("sentences[:, 1:]", "np.roll(sentences, -1, axis=1)"),
    ("sentences[:, :-1]", "sentences"),
)
decoder_inputs.mistake(
    "eos-blanked-in-a-view",
    "A slice is a view: <eos> set to 0 in the inputs is 0 in `sentences`, and so in the targets. Leave it there (nothing counts "
    "at that place), or make a new array with `np.where`.",
    ("return sentences[:, :-1]", "inputs = sentences[:, :-1]\n    inputs[inputs == EOS] = PAD\n    return inputs"),
)
decoder_inputs.mistake(
    "ids-plus-one",
    "Your targets are the ids plus 1. One *place* ahead is meant: `sentences[:, 1:]`.",
    ("sentences[:, 1:]", "sentences[:, :-1] + 1"),
    ("targets != PAD", "sentences[:, 1:] != PAD"),
)
decoder_inputs.mistake(
    "minus-a-hundred",
    "The targets' padding became −100, which torch's loss can leave out. Here `counts` does that, and the padding stays 0.",
    ("targets, targets != PAD", "np.where(targets == PAD, -100, targets), targets != PAD"),
)
decoder_inputs.mistake(
    "everything-counts",
    "Padding counts, too: the loss would also be about how well the decoder writes <pad>. Only real targets count.",
    ("targets != PAD", "np.ones_like(targets, dtype=bool)"),
)
decoder_inputs.mistake(
    "eos-does-not-count",
    "The place where <eos> is wanted does not count in yours, so nothing teaches the decoder to stop. <eos> is a target "
    "like any other; only padding is left out.",
    ("targets != PAD", "targets > EOS"),
)
decoder_inputs.mistake(
    "only-eos-does-not-count",
    "Your counts leave out <eos>, which is a target like any other, and keep the padding, which is none: `targets != PAD`.",
    ("targets != PAD", "targets != EOS"),
)
decoder_inputs.mistake(
    "counts-from-the-inputs",
    "Your counts look at the inputs. A place counts when its *target* is real: where <eos> is the input, the target is "
    "padding already.",
    ("targets != PAD", "sentences[:, :-1] != PAD"),
)
decoder_inputs.mistake(
    "input-is-not-eos",
    "Your counts leave out the place where <eos> goes in, and keep the padding behind it. A place counts when its *target* is "
    "real: `targets != PAD`.",
    ("targets != PAD", "sentences[:, :-1] != EOS"),
)
decoder_inputs.mistake(
    "counts-of-the-whole-row",
    "Your counts have a column more than the targets. There is one for each target.",
    ("targets != PAD", "sentences != PAD"),
)
decoder_inputs.mistake(
    "one-number",
    "`counts` is how *many* targets are real. Wanted is which: an array of True and False, as large as the targets.",
    ("targets != PAD", "(targets != PAD).sum()"),
)


decoder_inputs.mistake(
    "targets-that-count-alone",
    "Your targets are only those that count, in one row. They keep their places, (N, T), padding and all: `counts` says later "
    "which of them to take.",
    ("targets, targets != PAD", "targets[targets != PAD], targets != PAD"),
)
decoder_inputs.mistake(
    "first-zero-by-argmax",
    "You look for the first padding with argmax. Where a row has none, argmax gives 0, and a full sentence counts nowhere. "
    "Compare each target: `targets != PAD`.",
    ("targets != PAD", "np.arange(targets.shape[1]) < (targets == PAD).argmax(axis=1)[:, None]"),
)
decoder_inputs.mistake(
    "as-wide-as-the-example",
    "Your slices end where the example's rows of four end. Rows may be longer: `sentences[:, :-1]` and `sentences[:, 1:]` go "
    "by the row's own length.",
    ("[:, 1:]", "[:, 1:4]"),
    ("[:, :-1]", "[:, :3]"),
)


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


decoder_inputs.landmark("""
    inputs, targets, counts = decoder_inputs(np.array([[1, 7, 5, 2], [1, 9, 2, 0]]))
    inputs    # [[1, 7, 5], [1, 9, 2]]
    targets   # [[7, 5, 2], [9, 2, 0]]
    counts    # [[True, True, True], [True, True, False]]
""")
