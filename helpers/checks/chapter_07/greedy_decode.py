"""`greedy_decode`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_07.given import Writer, a_list
from helpers.checks.registry import Exercise

PAD, BOS, EOS = 0, 1, 2


def greedy_decode_reference(model, pair, max_length):
    source, _ = pair
    state, token, written = model.start(source), BOS, []
    for _ in range(max_length):
        scores, state = model.step(token, state)
        token = int(np.argmax(scores))
        if token == EOS:
            break
        written.append(token)
    return written


def _cases(rng, *, words=(3, 5), wanted=(2, 5), max_length=(7, 9), **model):
    V = 9
    source = rng.integers(3, V, size=words).tolist()
    target = [BOS, *rng.integers(3, V, size=wanted).tolist(), EOS]
    return {"model": Writer(int(rng.integers(10**6)), V, **model), "pair": (source, target), "max_length": max_length}


def _trial(function, model, pair, max_length):
    written = function(model, pair, max_length)
    a_list("written", written)
    return written


greedy_decode = Exercise(
    "greedy_decode", "07", greedy_decode_reference, ("written",), _cases, rounds=10, trial=_trial
)


@greedy_decode.extreme(
    "scores far below 0", "Right where some score is above 0, wrong where all are below: the best so far cannot begin at 0."
)
def _(rng):
    return _cases(rng, words=4, wanted=3, max_length=9, shift=-50.0)


@greedy_decode.extreme(
    "scores in the thousands",
    "Right for small scores. exp of a large one overflows to inf or nan, which np.argmax then takes. The largest score is the "
    "likeliest word: no softmax is needed.",
)
def _(rng):
    return _cases(rng, words=4, wanted=3, max_length=9, scale=3000.0, ends=-30000.0)


@greedy_decode.extreme("<eos> at once", "If `<eos>` comes first, the sentence is empty: [].")
def _(rng):
    return _cases(rng, words=4, wanted=3, max_length=6, ends=100.0)


@greedy_decode.extreme("never <eos>", "If `<eos>` never comes, max_length words are written, and all of them come back.")
def _(rng):
    return _cases(rng, words=4, wanted=3, max_length=20, ends=-100.0)


@greedy_decode.oracle("calling itself for the rest of the sentence")
def _(model, pair, max_length):
    def rest(token, state, steps):
        if not steps:
            return []
        scores, state = model.step(token, state)
        best = max(range(len(scores)), key=lambda i: scores[i])
        return [] if best == EOS else [best, *rest(best, state, steps - 1)]

    return rest(BOS, model.start(pair[0]), max_length)


@greedy_decode.oracle("helpers.decoding.greedy_decode", needs_torch=True)
def _(model, pair, max_length):
    import torch

    from helpers import decoding

    class AsTorch:
        def encode(self, source):
            return [model.start(row) for row in source.tolist()]

        def step(self, token, state, memory):
            results = [
                model.step(*each) for each in zip(token.tolist(), state or memory, strict=True)
            ]
            scores, states = zip(*results, strict=True)
            return torch.tensor(np.array(scores)), list(states), None

    return decoding.greedy_decode(AsTorch(), torch.tensor([pair[0]]), max_length=max_length).ids[0]


STEP = "scores, state = model.step(token, state)"
ARGMAX = "np.argmax(scores)"
ALL_STEPS = "range(max_length)"
BREAK = "if token == EOS:\n            break\n        written.append(token)"
BY_ANSWER = ("source, _ = pair", "source, target = pair")

greedy_decode.mistake(
    "teacher-forcing",
    "Teacher forcing at test time: every step is fed the *right* word, out of the pair. A decoder at work has no answer to "
    "look at; feed it the word that it wrote itself.",
    BY_ANSWER,
    (ALL_STEPS, "range(min(max_length, len(target) - 1))"),
    ("model.step(token, state)", "model.step(target[len(written)], state)"),
)
greedy_decode.mistake(
    "last-word-cut",
    "The last word is always cut off. A sentence that was still open at max_length ends with a real word: only <eos> goes.",
    ("return written", "return written[:-1]"),
)
greedy_decode.mistake(
    "teacher-forcing-to-the-end",
    "Teacher forcing at test time: every step is fed the *right* word, out of the pair, <eos> too. A decoder at work has no "
    "answer to look at; feed it the word that it wrote itself.",
    BY_ANSWER,
    (ALL_STEPS, "range(min(max_length, len(target)))"),
    ("model.step(token, state)", "model.step(target[_], state)"),
)
greedy_decode.mistake(
    "teacher-forcing-while-it-lasts",
    "Teacher forcing at test time: as long as the right answer lasts, its words go in, not those that were written. A decoder "
    "at work has no answer to look at; feed it the word that it wrote itself.",
    BY_ANSWER,
    ("model.step(token, state)", "model.step(target[len(written)] if len(written) < len(target) else token, state)"),
)
greedy_decode.mistake(
    "length-of-the-answer",
    "It stops after as many steps as the right answer has words, <eos> counted: that length is not known at work. <eos> ends "
    "the sentence, or max_length.",
    BY_ANSWER,
    (ALL_STEPS, "range(min(max_length, len(target) - 1))"),
)
greedy_decode.mistake(
    "length-of-the-whole-answer",
    "It makes up to as many steps as the right answer has ids, whatever max_length is: that length is not known at work. <eos> ends the sentence, or "
    "max_length.",
    BY_ANSWER,
    (ALL_STEPS, "range(len(target))"),
)
greedy_decode.mistake(
    "never-longer-than-the-answer",
    "It stops after as many steps as the right answer has ids: that length is not known at work. <eos> ends the sentence, or "
    "max_length.",
    BY_ANSWER,
    (ALL_STEPS, "range(min(max_length, len(target)))"),
)
greedy_decode.mistake(
    "length-of-the-source",
    "It stops after as many words as the source has. A translation may be longer or shorter: <eos> ends it, or max_length.",
    (ALL_STEPS, "range(min(max_length, len(source)))"),
)
greedy_decode.mistake(
    "encoder-ignored",
    "The decoder starts from the same state whatever the source is, so it writes the same for every source. Start from "
    "`model.start(source)`.",
    ("model.start(source)", "model.start([])"),
)
greedy_decode.mistake(
    "started-with-the-target",
    "The decoder starts from the encoded *target*, the right answer. pair is (source, target): encode the first.",
    ("source, _ = pair", "_, source = pair"),
)
greedy_decode.mistake(
    "started-with-the-pair",
    "`model.start` is handed the whole pair. It wants the source alone, `pair[0]`.",
    ("model.start(source)", "model.start(pair)"),
)
greedy_decode.mistake(
    "always-bos",
    "Every step is fed <bos>, or the same first word: what was written does not go in again. Feed the word that was just "
    "chosen.",
    ("model.step(token, state)", "model.step(BOS, state)"),
)
greedy_decode.mistake(
    "state-not-carried",
    "Every step begins from the first state, so that what was written is forgotten. model.step hands out a new one: give it "
    "to the next step.",
    (STEP, "scores, _ = model.step(token, state)"),
)
greedy_decode.mistake(
    "starts-from-padding", "The first word fed in is padding, 0. It is <bos> = 1, as in training.", ("BOS, []", "PAD, []")
)
greedy_decode.mistake(
    "starts-from-the-source",
    "The first word fed in is the last of the source. The source is in the state already; the first word is <bos> = 1.",
    ("BOS, []", "source[-1], []"),
)
greedy_decode.mistake(
    "never-stops",
    "<eos>, 2, stands in the sentence, and more behind it. It means that the sentence is over: stop there.",
    ("        if token == EOS:\n            break\n", ""),
)
greedy_decode.mistake(
    "stops-at-padding",
    "It stops at padding, 0. Sentences end with <eos> = 2.",
    ("token == EOS", "token == PAD"),
)
greedy_decode.mistake(
    "stops-at-both",
    "It stops at 0 as well as at <eos>. Only <eos> = 2 ends a sentence.",
    ("token == EOS", "token in (PAD, EOS)"),
)
greedy_decode.mistake(
    "padding-dropped",
    "It leaves out a 0 that the model wrote. Only <eos> is left out (and <bos>, which is only fed in).",
    ("        written.append(token)", "        if token != PAD:\n            written.append(token)"),
)
greedy_decode.mistake(
    "second-best",
    "It writes the word with the second largest score. argsort sorts upwards: the best is the last.",
    (ARGMAX, "np.argsort(scores)[-2]"),
)
greedy_decode.mistake(
    "largest-in-absolute-terms",
    "It writes the word whose score is farthest from 0, on either side. The largest is the likeliest, signs included.",
    (ARGMAX, "np.argmax(np.abs(scores))"),
)
greedy_decode.mistake(
    "the-score-itself",
    "You take the largest score as the word. Wanted is *where* it stands: `np.argmax(scores)`.",
    (ARGMAX, "np.max(scores)"),
)
greedy_decode.mistake(
    "special-words-skipped",
    "You look for the best word from 3 on, so <eos> can never win and every sentence runs to max_length.",
    (ARGMAX, "np.argmax(scores[3:]) + 3"),
)
greedy_decode.mistake(
    "padding-and-bos-forbidden",
    "You forbid <pad> and <bos> to the model. Greedy means the largest score, whichever word it is; a trained model gives "
    "those two low scores by itself.",
    (ARGMAX, "np.argmax(np.where(np.arange(len(scores)) < EOS, -np.inf, scores))"),
)
greedy_decode.mistake(
    "ids-from-zero",
    "You look for the best word from 3 on: the place in that slice is no id, and <eos> can never win. Look among all scores.",
    (ARGMAX, "np.argmax(scores[3:])"),
)
greedy_decode.mistake(
    "max-length-ignored",
    "Only <eos> ends your loop. A model may never write it: stop after max_length steps as well.",
    (ALL_STEPS, "range(600)"),
)
greedy_decode.mistake(
    "eos-kept",
    "<eos> is in your sentence. It says that the sentence is over; leave it out.",
    (BREAK, "written.append(token)\n        if token == EOS:\n            break"),
)
greedy_decode.mistake(
    "bos-kept", "<bos> is in your sentence. It only starts the decoder; leave it out.", ("BOS, []", "BOS, [BOS]")
)
greedy_decode.mistake(
    "eos-skipped",
    "<eos> is left out, but the decoder goes on writing behind it. Stop there: break.",
    (BREAK, "if token != EOS:\n            written.append(token)"),
)
greedy_decode.mistake(
    "one-behind",
    "The word is noted before it is chosen: your sentence begins with <bos>, and lacks its last word where max_length "
    "ends it. Choose, look whether it is <eos>, then append.",
    ("        written.append(token)\n", ""),
    (STEP, "written.append(token)\n        " + STEP),
)
greedy_decode.mistake(
    "the-answer-itself",
    "This is the right answer, copied from the pair. Let the model write.",
    BY_ANSWER,
    ("return written", "return target[1:-1]"),
)


@greedy_decode.variant("while")
def _(model, pair, max_length):
    state, written = model.start(pair[0]), []
    token = 1
    while len(written) < max_length:
        scores, state = model.step(token, state)
        token = scores.argmax().item()
        if token == 2:
            return written
        written += [token]
    return written


@greedy_decode.variant("all steps, then cut at <eos>")
def _(model, pair, max_length):
    state, whole = model.start(pair[0]), [BOS]
    for _ in range(max_length):
        scores, state = model.step(whole[-1], state)
        whole.append(np.argmax(scores))
    whole = whole[1:]
    return whole[: whole.index(EOS)] if EOS in whole else whole


@greedy_decode.variant("a written <bos> left out")
def _(model, pair, max_length):
    state, token, written = model.start(pair[0]), BOS, []
    for _ in range(max_length):
        scores, state = model.step(token, state)
        token = list(scores).index(max(scores))
        if token == EOS:
            break
        if token != BOS:
            written.append(token)
    return written


greedy_decode.landmark("""
    class Adder:   # its state is a number; after a word it writes the sum of the two
        def start(self, source):
            return len(source)

        def step(self, token, state):
            return np.eye(20)[token + state], state + 1

    greedy_decode(Adder(), ([9, 9, 9], [1, 7, 2]), 3)   # [4, 8, 13]
    greedy_decode(Adder(), ([9], [1, 7, 2]), 3)         # []
""")
