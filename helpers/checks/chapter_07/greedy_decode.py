"""`greedy_decode`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_07.given import Writer
from helpers.checks.registry import Exercise

PAD, BOS, EOS = 0, 1, 2


def _greedy_decode(model, pair, max_length):
    source, _ = pair
    state, token, written = model.start(source), BOS, []
    for _ in range(max_length):
        scores, state = model.step(token, state)
        token = int(np.argmax(scores))
        if token == EOS:
            break
        written.append(token)
    return written


def _cases(rng):
    V = 9
    source = rng.integers(3, V, size=rng.integers(3, 6)).tolist()
    target = [BOS, *rng.integers(3, V, size=rng.integers(2, 6)).tolist(), EOS]
    return {
        "model": Writer(int(rng.integers(10**6)), V),
        "pair": (source, target),
        "max_length": int(rng.integers(7, 10)),
    }


greedy_decode = Exercise("greedy_decode", "07", _greedy_decode, ("written",), _cases, rounds=10)


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


def _loop(model, pair, max_length, **other):
    """The right answer in pieces, of which a wrong one has some other."""
    source, _ = pair
    start = other.get("start", lambda: model.start(source))
    feed = other.get("feed", lambda t, token: token)
    carry = other.get("carry", lambda old, new: new)
    stops = other.get("stops", (EOS,))
    choose = other.get("choose", np.argmax)
    state, token, written = start(), other.get("first", BOS), []
    for t in range(other.get("steps", max_length)):
        scores, new = model.step(feed(t, token), state)
        state = carry(state, new)
        token = int(choose(scores))
        if token in stops:
            break
        written.append(token)
    return written


def _mistake(name, hint, change):
    """`change(model, source, target, max_length)` → what is other than in the right answer."""

    def answer(model, pair, max_length):
        return _loop(model, pair, max_length, **change(model, *pair, max_length))

    greedy_decode.misconception(name, hint)(answer)


_mistake(
    "teacher-forcing",
    "Teacher forcing at test time: every step is fed the *right* word, out of the pair. A decoder at work has no answer to "
    "look at; feed it the word that it wrote itself.",
    lambda model, source, target, n: {"feed": lambda t, token: target[t], "steps": min(n, len(target) - 1)},
)
_mistake(
    "teacher-forcing-to-the-end",
    "Teacher forcing at test time: every step is fed the right word, out of the pair, and <eos> does not stop it. Feed it the "
    "word that it wrote itself, and stop at <eos>.",
    lambda model, source, target, n: {
        "feed": lambda t, token: target[t], "steps": min(n, len(target) - 1), "stops": (),
    },
)  # fmt: skip
_mistake(
    "length-of-the-answer",
    "It writes as many words as the right answer has: that length is not known at work. <eos> ends the sentence, or "
    "max_length.",
    lambda model, source, target, n: {"steps": min(n, len(target) - 1)},
)
_mistake(
    "length-of-the-source",
    "It writes as many words as the source has. A translation may be longer or shorter: <eos> ends it, or max_length.",
    lambda model, source, target, n: {"steps": min(n, len(source))},
)
_mistake(
    "encoder-ignored",
    "The decoder starts from the same state whatever the source is, so it writes the same for every source. Start from "
    "model.start(source).",
    lambda model, source, target, n: {"start": lambda: model.start([])},
)
_mistake(
    "started-with-the-target",
    "The decoder starts from the encoded *target*, the right answer. pair is (source, target): encode the first.",
    lambda model, source, target, n: {"start": lambda: model.start(target)},
)
_mistake(
    "always-bos",
    "Every step is fed <bos>, or the same first word: what was written does not go in again. Feed the word that was just "
    "chosen.",
    lambda model, source, target, n: {"feed": lambda t, token: BOS},
)
_mistake(
    "state-not-carried",
    "Every step begins from the first state. model.step hands out a new one: give it to the next step.",
    lambda model, source, target, n: {"carry": lambda old, new: old},
)
_mistake(
    "starts-from-eos",
    "The first word fed in is <eos>. It is <bos> = 1, as in training.",
    lambda model, source, target, n: {"first": EOS},
)
_mistake(
    "starts-from-padding",
    "The first word fed in is padding, 0. It is <bos> = 1, as in training.",
    lambda model, source, target, n: {"first": PAD},
)
_mistake(
    "starts-from-the-source",
    "The first word fed in is the last of the source. The source is in the state already; the first word is <bos> = 1.",
    lambda model, source, target, n: {"first": source[-1]},
)
_mistake(
    "never-stops",
    "<eos> stands in the sentence, and more behind it. It means that the sentence is over: stop there.",
    lambda model, source, target, n: {"stops": ()},
)
_mistake(
    "stops-at-padding",
    "It stops at padding, 0. Sentences end with <eos> = 2.",
    lambda model, source, target, n: {"stops": (PAD,)},
)
_mistake(
    "stops-at-both",
    "It stops at 0 as well as at <eos>. Only <eos> = 2 ends a sentence.",
    lambda model, source, target, n: {"stops": (PAD, EOS)},
)
_mistake(
    "stops-at-bos", "It stops at <bos>, 1. Sentences end with <eos> = 2.",
    lambda model, source, target, n: {"stops": (BOS,)},
)  # fmt: skip
_mistake(
    "least-likely",
    "It writes the word with the lowest score. The largest is the likeliest.",
    lambda model, source, target, n: {"choose": np.argmin},
)
_mistake(
    "second-best",
    "It writes the word with the second largest score. argsort sorts upwards: the best is the last.",
    lambda model, source, target, n: {"choose": lambda scores: np.argsort(scores)[-2]},
)
_mistake(
    "one-step-short",
    "A sentence that is not over by max_length lacks its last word: a step too few, or a last word cut off that is no <eos>. "
    "max_length words may be written.",
    lambda model, source, target, n: {"steps": n - 1},
)
_mistake(
    "one-step-long",
    "It makes a step more than it may: with no <eos>, max_length words are written, and no further one.",
    lambda model, source, target, n: {"steps": n + 1},
)
_mistake(
    "max-length-ignored",
    "Only <eos> ends your loop. A model may never write it: stop after max_length steps as well.",
    lambda model, source, target, n: {"steps": 10 * n},
)


@greedy_decode.misconception("eos-kept", "<eos> is in your sentence. It says that the sentence is over; leave it out.")
def _(model, pair, max_length):
    whole = _loop(model, pair, max_length, stops=())
    return whole[: whole.index(EOS) + 1] if EOS in whole else whole


@greedy_decode.misconception("bos-kept", "<bos> is in your sentence. It only starts the decoder; leave it out.")
def _(model, pair, max_length):
    return [BOS, *_greedy_decode(model, pair, max_length)]


@greedy_decode.misconception("both-kept", "<bos> and <eos> are in your sentence. Leave out both.")
def _(model, pair, max_length):
    whole = _loop(model, pair, max_length, stops=())
    return [BOS, *(whole[: whole.index(EOS) + 1] if EOS in whole else whole)]


@greedy_decode.misconception(
    "eos-skipped", "<eos> is left out, but the decoder goes on writing behind it. Stop there: break."
)
def _(model, pair, max_length):
    return [token for token in _loop(model, pair, max_length, stops=()) if token != EOS]


@greedy_decode.misconception(
    "one-behind",
    "The word is noted before it is chosen: your sentence begins with <bos> and lacks its last word. Choose, look whether it "
    "is <eos>, then append.",
)
def _(model, pair, max_length):
    return [BOS, *_greedy_decode(model, pair, max_length)][:-1] or [BOS]


@greedy_decode.misconception(
    "the-answer-itself", "This is the right answer, copied from the pair. Let the model write."
)
def _(model, pair, max_length):
    return pair[1][1:-1]


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
    whole = _loop(model, pair, max_length, stops=())
    return whole[: whole.index(EOS)] if EOS in whole else whole


@greedy_decode.variant("an array of ids")
def _(model, pair, max_length):
    return np.array(_greedy_decode(model, pair, max_length))


@greedy_decode.landmark("then `greedy_decode` writes `[4, 7, 10]`, and with `max_length = 2` its last word is `7`")
def _(f):
    class ThreeMore:
        def start(self, source):
            return None

        def step(self, token, state):
            return np.eye(20)[token + 3], None

    return f(ThreeMore(), ([5], [BOS, 5, EOS]), 2)[-1]
