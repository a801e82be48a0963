"""`beam_search`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools
import math

import numpy as np

from helpers.checks.chapter_07.given import Continuations
from helpers.checks.registry import Exercise

EOS = 2


def _candidates(beams, log_probs_after):
    """Every open beginning continued by every word: (tokens, total, log-probability of the new word)."""
    return [
        ([*tokens, word], total + new, new)
        for tokens, total in beams
        for word, new in enumerate(log_probs_after(tokens))
    ]


def _search(log_probs_after, beam_size, max_length, **other):
    """The right answer in pieces, of which a wrong one has some other."""
    extend = other.get("extend", _candidates)
    rank = other.get("rank", lambda c: -c[1])
    room = other.get("room", lambda size, done: size - len(done))
    beams, done = [([], other.get("first", 0.0))], []
    for _ in range(max_length):
        kept = sorted(extend(beams, log_probs_after), key=rank)[: room(beam_size, done)]
        done += [(tokens, total) for tokens, total, *_ in kept if tokens[-1] == EOS]
        beams = [(tokens, total) for tokens, total, *_ in kept if tokens[-1] != EOS]
        if not beams or (other.get("hasty") and done):
            break
    return done, beams


def _score(hypothesis):
    tokens, total = hypothesis
    return total / len(tokens)


def _without_eos(tokens):
    return tokens[:-1] if tokens and tokens[-1] == EOS else tokens


def _beam_search(log_probs_after, beam_size, max_length):
    best = max(itertools.chain(*_search(log_probs_after, beam_size, max_length)), key=_score)
    return _without_eos(best[0]), _score(best)


def _pushed_out(log_probs_after, beam_size, max_length):
    """Wrong: what is finished stays in the beam, and goes when others have larger totals."""
    beams = [([], 0.0)]
    for _ in range(max_length):
        done = [beam for beam in beams if beam[0] and beam[0][-1] == EOS]
        grown = _candidates([beam for beam in beams if beam not in done], log_probs_after)
        beams = sorted(done + [c[:2] for c in grown], key=lambda c: -c[1])[:beam_size]
    best = max(beams, key=_score)
    return _without_eos(best[0]), _score(best)


def _refilled(log_probs_after, beam_size, max_length):
    """Wrong: the place of what is finished goes to the next candidate."""
    found = _search(log_probs_after, beam_size, max_length, room=lambda size, done: size)
    best = max(itertools.chain(*found), key=_score)
    return _without_eos(best[0]), _score(best)


def _cases(rng):
    kind = rng.integers(6)
    if kind == 0:   # a beam in which everything has room
        return {"log_probs_after": Continuations(int(rng.integers(10**6)), 4), "beam_size": 400, "max_length": 4}
    while True:
        model = Continuations(int(rng.integers(10**6)), int(rng.integers(5, 8)))
        size, length = int(rng.integers(2, 5)), int(rng.integers(5, 9))
        # Seldom does it matter what becomes of a finished sentence's place; in some cases it has to.
        others = {1: _beam_search, 2: _refilled}
        if kind not in others or others[kind](model, size, length)[0] != _pushed_out(model, size, length)[0]:
            return {"log_probs_after": model, "beam_size": size, "max_length": length}


beam_search = Exercise("beam_search", "07", _beam_search, ("tokens", "score"), _cases, rounds=16)


@beam_search.oracle("every sentence there is, where the beam has room for all")
def _(log_probs_after, beam_size, max_length):
    if beam_size < 100:
        return NotImplemented
    best = ([], -math.inf)
    words = [word for word in range(log_probs_after.size) if word != EOS]
    for length in range(max_length + 1):
        for tokens in itertools.product(words, repeat=length):
            whole = [*tokens, EOS] if length < max_length else [*tokens]
            total = sum(log_probs_after(whole[:t])[word] for t, word in enumerate(whole))
            if total / len(whole) > best[1]:
                best = list(tokens), total / len(whole)
    return best


@beam_search.oracle("an array of totals (beams, V) at every step")
def _(log_probs_after, beam_size, max_length):
    prefixes, totals, found = np.zeros((1, 0), int), np.zeros(1), []
    for step in range(1, max_length + 1):
        table = totals[:, None] + np.array([log_probs_after(prefix) for prefix in prefixes])
        order = np.argsort(-table, axis=None)[: beam_size - len(found)]
        rows, words = np.unravel_index(order, table.shape)
        prefixes, totals = np.column_stack([prefixes[rows], words]), table[rows, words]
        ended = words == EOS
        last = step == max_length
        for prefix, total in zip(prefixes[ended | last], totals[ended | last], strict=True):
            found.append((total / step, [int(w) for w in prefix if w != EOS]))
        prefixes, totals = prefixes[~ended], totals[~ended]
        if last or not len(totals):
            break
    score, tokens = max(found)
    return tokens, score


@beam_search.oracle("helpers.decoding.beam_search", needs_torch=True)
def _(log_probs_after, beam_size, max_length):
    import torch

    from helpers import decoding

    class Memory:
        def rows(self, index):
            return self

    class AsTorch:
        def encode(self, source):
            return Memory()

        def step(self, token, state, memory):
            if state is None:
                prefixes = token.new_empty((len(token), 0))
            else:
                prefixes = torch.cat([state[0], token[:, None]], dim=1)
            logits = np.array([log_probs_after(prefix) for prefix in prefixes.tolist()])
            return torch.tensor(logits), (prefixes,), None

    found = decoding.beam_search(AsTorch(), torch.tensor([3]), beam_size=beam_size, max_length=max_length)
    return found[0].tokens, found[0].score


def _mistake(name, hint, *, pool=lambda done, beams: [*done, *beams], best=_score, **other):
    def answer(log_probs_after, beam_size, max_length):
        found = pool(*_search(log_probs_after, beam_size, max_length, **other))
        tokens, total = max(found, key=best)
        return _without_eos(tokens), total / len(tokens)

    beam_search.misconception(name, hint)(answer)


def _continued(combine):
    """Candidates whose total is `combine(total, log-probability)`."""

    def extend(beams, log_probs_after):
        return [
            ([*tokens, word], combine(total, new), new)
            for tokens, total in beams
            for word, new in enumerate(log_probs_after(tokens))
        ]

    return extend


# The totals
_mistake(
    "logs-multiplied",
    "You multiply log-probabilities. Probabilities multiply; their logarithms *add*.",
    extend=_continued(lambda total, new: total * new), first=1.0,
)  # fmt: skip
_mistake(
    "probabilities-added",
    "You add up probabilities. They multiply along a sentence, so what adds up are their logarithms.",
    extend=_continued(lambda total, new: total + np.exp(new)),
)
_mistake(
    "beginning-forgotten",
    "A candidate is judged by its last word alone. Add the total of the beginning that it continues.",
    extend=_continued(lambda total, new: new),
)


@beam_search.misconception(
    "probabilities-kept",
    "The totals are products of probabilities, and so the mean that you compare is no mean of log-probabilities. Add "
    "log-probabilities, and divide the sum by the length.",
)
def _(log_probs_after, beam_size, max_length):
    extend = _continued(lambda total, new: total * np.exp(new))
    tokens, total = max(
        itertools.chain(*_search(log_probs_after, beam_size, max_length, extend=extend, first=1.0)), key=_score
    )
    return _without_eos(tokens), total / len(tokens)


# What is kept
_mistake(
    "worst-kept",
    "The *least* likely candidates are kept. Sorting is upwards: reverse it, or sort by the negative total.",
    rank=lambda c: c[1],
)


def _one_each(beams, log_probs_after):
    return [max(_candidates([beam], log_probs_after), key=lambda c: c[1]) for beam in beams]


def _few_each(beams, log_probs_after):
    """The first step branches out, after it each goes on by itself."""
    return _candidates(beams, log_probs_after) if beams == [([], 0.0)] else _one_each(beams, log_probs_after)


_mistake(
    "one-continuation-each",
    "Every beginning is continued by its best word alone, so the beam never branches after the first step: several greedy "
    "searches side by side. All continuations of all beginnings compete for the places.",
    extend=_few_each,
)


@beam_search.misconception(
    "greedy", "Only the best candidate is kept at each step: this is greedy search. Keep the beam_size best."
)
def _(log_probs_after, beam_size, max_length):
    return _beam_search(log_probs_after, 1, max_length)


_mistake(
    "finished-lost",
    "Sentences that end with <eos> are thrown away, and only what was cut off at max_length comes back. Put them aside "
    "when they end, and let them compete at the end.",
    pool=lambda done, beams: beams or done,
)
_mistake(
    "cut-off-lost",
    "What is still open at max_length is thrown away (unless nothing else is there). Here it competes, too.",
    pool=lambda done, beams: done or beams,
)
beam_search.misconception(
    "finished-keep-no-place",
    "Also a beam search, but not the one asked for: a sentence that is finished leaves the beam *with its place*, so "
    "beam_size − len(done) stay open. Yours goes on with beam_size open ones.",
)(_refilled)
beam_search.misconception(
    "finished-pushed-out",
    "Also a beam search, but not the one asked for: what is finished stays in the beam and competes by its *sum*, so a longer "
    "beginning can push it out. Here it is put aside for good, with its place, and is compared at the end, by the mean.",
)(_pushed_out)


@beam_search.misconception("one-too-many", "The beam holds one beginning more than beam_size.")
def _(log_probs_after, beam_size, max_length):
    return _beam_search(log_probs_after, beam_size + 1, max_length)


@beam_search.misconception("one-step-long", "It makes a step more than it may: no sentence has more than max_length words.")
def _(log_probs_after, beam_size, max_length):
    return _beam_search(log_probs_after, beam_size, max_length + 1)


@beam_search.misconception("one-step-short", "It makes a step too few: max_length words may be written.")
def _(log_probs_after, beam_size, max_length):
    return _beam_search(log_probs_after, beam_size, max_length - 1)


@beam_search.misconception(
    "asked-with-bos", "log_probs_after is asked with <bos> in front. It wants what has been written so far, at first []."
)
def _(log_probs_after, beam_size, max_length):
    return _beam_search(lambda tokens: log_probs_after([1, *tokens]), beam_size, max_length)


_mistake(
    "first-to-finish",
    "You stop as soon as a sentence is finished. A longer one, still open, may end up with the better mean.",
    hasty=True,
)
_mistake(
    "first-to-finish-wins",
    "You stop at the first finished sentence and return it. Others that are still open may end up with the better mean.",
    hasty=True, pool=lambda done, beams: done[:1] or beams,
)  # fmt: skip


@beam_search.misconception(
    "goes-on-behind-eos",
    "<eos> is treated as any other word, and the sentence goes on behind it. Set it aside when it ends.",
)
def _(log_probs_after, beam_size, max_length):
    beams = [([], 0.0)]
    for _ in range(max_length):
        beams = [c[:2] for c in sorted(_candidates(beams, log_probs_after), key=lambda c: -c[1])[:beam_size]]
    tokens, total = max(beams, key=_score)
    return tokens, total / len(tokens)


# The choice at the end
_mistake(
    "not-normalised",
    "The sentence with the largest total is chosen. Every further word lowers a total, so that favours short sentences: "
    "divide by the length.",
    best=lambda h: h[1],
)
_mistake(
    "worst-chosen",
    "The sentence with the lowest score comes back. Log-probabilities are negative: the best one is nearest to 0.",
    best=lambda h: -_score(h),
)
_mistake(
    "times-the-length",
    "The total is multiplied by the length, which punishes long sentences twice. Divide.",
    best=lambda h: h[1] * len(h[0]),
)


def _eos_not_counted(h):
    return h[1] / max(1, len(_without_eos(h[0])))


@beam_search.misconception(
    "eos-not-counted",
    "The length leaves out <eos>, but its log-probability is in the total. Count it, too.",
)
def _(log_probs_after, beam_size, max_length):
    best = max(itertools.chain(*_search(log_probs_after, beam_size, max_length)), key=_eos_not_counted)
    return _without_eos(best[0]), _eos_not_counted(best)


@beam_search.misconception(
    "eos-not-counted-in-the-score",
    "The right sentence is chosen, but the score that comes back is divided by the length without <eos>. Compute it before "
    "<eos> is taken off.",
)
def _(log_probs_after, beam_size, max_length):
    best = max(itertools.chain(*_search(log_probs_after, beam_size, max_length)), key=_score)
    return _without_eos(best[0]), _eos_not_counted(best)


@beam_search.misconception(
    "total-returned", "The right sentence, but its score is the total. Return total / length."
)
def _(log_probs_after, beam_size, max_length):
    best = max(itertools.chain(*_search(log_probs_after, beam_size, max_length)), key=_score)
    return _without_eos(best[0]), best[1]


@beam_search.misconception(
    "not-normalised-at-all",
    "The sentence with the largest total is chosen, and its score is the total. Every further word lowers a total, so that "
    "favours short sentences: divide by the length.",
)
def _(log_probs_after, beam_size, max_length):
    best = max(itertools.chain(*_search(log_probs_after, beam_size, max_length)), key=lambda h: h[1])
    return _without_eos(best[0]), best[1]


@beam_search.misconception(
    "sign-turned", "Your score is positive: the sign has been turned. A log-probability is at most 0, and so is the mean."
)
def _(log_probs_after, beam_size, max_length):
    tokens, score = _beam_search(log_probs_after, beam_size, max_length)
    return tokens, -score


@beam_search.misconception(
    "last-word-cut",
    "The last word is always cut off. A sentence that was still open at max_length ends with a real word: only <eos> goes.",
)
def _(log_probs_after, beam_size, max_length):
    best = max(itertools.chain(*_search(log_probs_after, beam_size, max_length)), key=_score)
    return best[0][:-1], _score(best)


@beam_search.misconception("eos-kept", "<eos> is in the tokens. It counts for the length, but leave it out of the sentence.")
def _(log_probs_after, beam_size, max_length):
    best = max(itertools.chain(*_search(log_probs_after, beam_size, max_length)), key=_score)
    return best[0], _score(best)


@beam_search.misconception("probability", "Your score is a probability, exp of the mean. Return the mean log-probability itself.")
def _(log_probs_after, beam_size, max_length):
    tokens, score = _beam_search(log_probs_after, beam_size, max_length)
    return tokens, math.exp(score)


@beam_search.misconception("outputs-swapped", "The two outputs are exchanged: the tokens first, then the score.")
def _(log_probs_after, beam_size, max_length):
    return _beam_search(log_probs_after, beam_size, max_length)[::-1]


@beam_search.variant("pruned by the mean: at one step all are equally long")
def _(log_probs_after, beam_size, max_length):
    found = _search(log_probs_after, beam_size, max_length, rank=lambda c: -c[1] / len(c[0]))
    best = max(itertools.chain(*found), key=_score)
    return _without_eos(best[0]), _score(best)


@beam_search.variant("a heap")
def _(log_probs_after, beam_size, max_length):
    import heapq

    beams, done = [(0.0, ())], []
    for step in range(1, max_length + 1):
        grown = (
            (total + new, (*tokens, word))
            for total, tokens in beams
            for word, new in enumerate(log_probs_after(tokens))
        )
        beams = []
        for total, tokens in heapq.nlargest(beam_size - len(done), grown):
            if tokens[-1] == EOS:
                done.append((total / step, tokens[:-1]))
            elif step == max_length:
                done.append((total / step, tokens))
            else:
                beams.append((total, tokens))
        if not beams:
            break
    score, tokens = max(done)
    return list(tokens), float(score)


@beam_search.variant("finished ones aside, scores computed when they end")
def _(log_probs_after, beam_size, max_length):
    open_, room, done = {(): 0.0}, beam_size, {}
    for length in range(1, max_length + 1):
        grown = {(*t, w): p + lp for t, p in open_.items() for w, lp in enumerate(log_probs_after(list(t)))}
        kept = sorted(grown, key=grown.get, reverse=True)[:room]
        open_ = {}
        for tokens in kept:
            if tokens[-1] == EOS:
                done[tokens[:-1]] = grown[tokens] / length
                room -= 1
            else:
                open_[tokens] = grown[tokens]
        if not room:
            break
    done |= {tokens: total / max_length for tokens, total in open_.items()}
    best = max(done, key=done.get)
    return list(best), done[best]


def forked(tokens):
    """The chapter's example: greedy search takes 3, and the better sentence begins with 4."""
    table = {(): [0, 0, 0, 0.6, 0.4], (3,): [0, 0, 0.4, 0.3, 0.3], (4,): [0, 0, 0.9, 0.05, 0.05]}
    with np.errstate(divide="ignore"):
        return np.log(np.array(table.get(tuple(tokens), [0, 0, 1.0, 0, 0])))


@beam_search.landmark("a score of `-0.511`")
def _(f):
    return f(forked, 2, 4)[1]
