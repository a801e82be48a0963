"""`beam_search`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools
import math

import numpy as np

from helpers.checks.chapter_07.given import Continuations, a_list
from helpers.checks.registry import Exercise

EOS = 2


def beam_search_reference(log_probs_after, beam_size, max_length):
    beams, done = [([], 0.0)], []
    for _ in range(max_length):
        candidates = [
            ([*tokens, word], total + log_prob)
            for tokens, total in beams
            for word, log_prob in enumerate(log_probs_after(tokens))
        ]
        candidates.sort(key=lambda candidate: -candidate[1])
        kept = candidates[: beam_size - len(done)]
        done += [each for each in kept if each[0][-1] == EOS]
        beams = [each for each in kept if each[0][-1] != EOS]
        if not beams:
            break
    tokens, total = max(done + beams, key=lambda each: each[1] / len(each[0]))
    score = total / len(tokens)
    return (tokens[:-1] if tokens[-1] == EOS else tokens), score


def _model(seed, beam_size, max_length, V=6, **model):
    """A case with the model of this seed."""
    model = {"most": 10 * beam_size * max_length, "ends": 0.3} | model
    return {"log_probs_after": Continuations(seed, V, **model), "beam_size": beam_size, "max_length": max_length}


def _cases(rng, *, beam_size=(2, 4), max_length=(5, 8)):
    return _model(int(rng.integers(10**6)), beam_size, max_length)


def _trial(function, log_probs_after, beam_size, max_length):
    found = function(log_probs_after, beam_size, max_length)
    if isinstance(found, tuple | list) and len(found) == 2:
        a_list("tokens", found[0])
    return found


beam_search = Exercise(
    "beam_search", "07", beam_search_reference, ("tokens", "score"), _cases, rounds=6, trial=_trial
)


# Seldom does it matter what becomes of a finished sentence's place, or when the search ends. In these cases it does.
for seed, ends in ((3, 0.3), (910, 0.3), (1114, 0.3), (80, 0.5), (7, 0.5), (405, 0.0)):
    beam_search.extreme(
        f"every rule counts ({seed})",
        "Right in most searches, so look at the rules one by one. All continuations of all beginnings compete, by their sums, for "
        "`beam_size - len(done)` places. Of those kept, what ends with <eos> is put aside for good, with its place. It goes on "
        "until nothing is open, or for max_length steps. Then all that is finished and all that is open is compared, by the mean.",
    )(lambda rng, seed=seed, ends=ends: _model(seed, 3, 7, ends=ends))


@beam_search.extreme(
    "300 words",
    "Right for short sentences. A product of 300 small probabilities can be smaller than the smallest floating-point number: it "
    "becomes 0. Add logarithms.",
)
def _(rng):
    return _model(5, 1, 300, V=20, scale=0.2, ends=-20.0)


@beam_search.extreme("a beam with room for everything", "Right for small beams. Here nothing has to be left out.")
def _(rng):
    return _model(6, 400, 4, V=5)


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
        order = np.argsort(-table, axis=None, kind="stable")[: beam_size - len(found)]
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


TOTAL, FIRST = "total + log_prob", "[([], 0.0)]"
SORT, CUT = "candidates.sort(key=lambda candidate: -candidate[1])", "candidates[: beam_size - len(done)]"
DONE, OPEN = "done += [each for each in kept if each[0][-1] == EOS]", "beams = [each for each in kept if each[0][-1] != EOS]"
POOL, MEAN, SCORE = "max(done + beams", "each[1] / len(each[0])", "score = total / len(tokens)"
RETURN = "return (tokens[:-1] if tokens[-1] == EOS else tokens), score"
COMPREHENSION = """candidates = [
            ([*tokens, word], total + log_prob)
            for tokens, total in beams
            for word, log_prob in enumerate(log_probs_after(tokens))
        ]"""

# The totals
beam_search.mistake(
    "logs-multiplied",
    "You multiply log-probabilities. Probabilities multiply; their logarithms *add*.",
    (FIRST, "[([], 1.0)]"),
    (TOTAL, "total * log_prob"),
)
beam_search.mistake(
    "logs-multiplied-from-zero",
    "Every total stays 0: are log-probabilities multiplied, beginning with 0, or is nothing added? Probabilities multiply; "
    "their logarithms *add*.",
    (TOTAL, "total * log_prob"),
)
beam_search.mistake(
    "probabilities-added",
    "You add up probabilities. They multiply along a sentence, so what adds up are their logarithms.",
    (TOTAL, "total + np.exp(log_prob)"),
)
beam_search.mistake(
    "probabilities-kept",
    "The totals are products of probabilities, and so the mean that you compare is no mean of log-probabilities. Add "
    "log-probabilities, and divide the sum by the length.",
    (FIRST, "[([], 1.0)]"),
    (TOTAL, "total * np.exp(log_prob)"),
)
beam_search.mistake(
    "products-and-then-logs",
    "The totals are products of probabilities, of which the logarithm is taken in the end. A product of hundreds of "
    "small probabilities can be smaller than the smallest floating-point number, and becomes 0. Add logarithms from the beginning.",
    (FIRST, "[([], 1.0)]"),
    (TOTAL, "total * np.exp(log_prob)"),
    (MEAN, "np.log(each[1]) / len(each[0])"),
    (SCORE, "score = np.log(total) / len(tokens)"),
)
beam_search.mistake(
    "logs-of-logs",
    "The logarithm is taken of numbers that are logarithms already. Add them as they are.",
    (TOTAL, "total + np.log(np.abs(log_prob))"),
)
beam_search.mistake(
    "outputs-swapped",
    "The two outputs are exchanged: first the tokens, a list, then the score.",
    ("return (tokens[:-1] if tokens[-1] == EOS else tokens), score", "return score, (tokens[:-1] if tokens[-1] == EOS else tokens)"),
)
beam_search.mistake(
    "last-word-alone",
    "Each total is the log-probability of the last word alone (`=` for `+`), so what came before it no longer matters. A sentence's total "
    "is the sum over all its words.",
    ("total + log_prob)", "log_prob)"),
)
beam_search.mistake(
    "totals-run-on",
    "The total of a beginning is changed while its continuations are made: each word gets the log-probabilities of those before "
    "it in the list, too. Make a new number for every candidate: `total + log_prob`.",
    (COMPREHENSION, "candidates = []\n        for tokens, total in beams:\n"
                    "            for word, log_prob in enumerate(log_probs_after(tokens)):\n"
                    "                total = total + log_prob\n"
                    "                candidates.append(([*tokens, word], total))"),
)  # fmt: skip
beam_search.mistake(
    "shared-list",
    "`append` writes into the list of the beginning, which all its continuations share. Make a new list for every candidate: "
    "tokens + [word].",
    (f"([*tokens, word], {TOTAL})", f"(tokens.append(word) or tokens, {TOTAL})"),
)

# What is kept
beam_search.mistake(
    "not-sorted",
    "The candidates are cut as they come, the best ones or not. Sort them by their totals first, the largest in front.",
    (f"        {SORT}\n", ""),
)
beam_search.mistake(
    "sorted-by-words",
    "The candidates are sorted by their words (a list of pairs is sorted by what stands first in them). Sort by the total.",
    (SORT, "candidates.sort(reverse=True)"),
)
beam_search.mistake(
    "nothing-cut",
    "Nothing is ever left out, and the number of beginnings grows with every step, nearly V-fold. Keep the best beam_size of them "
    "(less those that are finished).",
    (CUT, "candidates"),
)
beam_search.mistake(
    "one-continuation-each",
    "Every beginning is continued by its best word alone, so the beam never branches after the first step: several greedy "
    "searches side by side. All continuations of all beginnings compete for the places.",
    (f"        {SORT}", "        if beams != [([], 0.0)]:\n"
                        "            candidates = [max((c for c in candidates if c[0][:-1] == tokens), key=lambda c: c[1])\n"
                        f"                          for tokens, _ in beams]\n        {SORT}"),
)  # fmt: skip
beam_search.mistake(
    "greedy", "Only the best candidate is kept at each step: this is greedy search. Keep the beam_size best.", (CUT, "candidates[:1]")
)
beam_search.mistake(
    "finished-lost",
    "What is finished is looked at only if nothing is open at the end. Both compete there, by the mean.",
    (POOL, "max(beams or done"),
)
beam_search.mistake(
    "cut-off-lost",
    "What is still open at max_length is thrown away (unless nothing else is there). Here it competes, too.",
    (POOL, "max(done or beams"),
)
beam_search.mistake(
    "open-ones-ended",
    "What is still open at max_length gets an <eos> of its own in the end, and its log-probability. It competes as it is.",
    ("    tokens, total = max(", "    beams = [([*each, EOS], p + log_probs_after(each)[EOS]) for each, p in beams]\n"
                               "    tokens, total = max("),
)  # fmt: skip
beam_search.mistake(
    "finished-keep-no-place",
    "Also a beam search, but not the one asked for: a sentence that is finished leaves the beam *with its place*, so "
    "beam_size − len(done) stay open. Yours keeps beam_size candidates at every step, however many are finished.",
    (CUT, "candidates[:beam_size]"),
)
beam_search.mistake(
    "until-enough-are-finished",
    "Also a beam search, but not the one asked for: yours keeps beam_size candidates at every step and stops when as many are "
    "finished. Here a finished sentence takes its place along: beam_size − len(done) are kept.",
    (CUT, "candidates[:beam_size]"),
    ("if not beams:", "if not beams or len(done) >= beam_size:"),
)
beam_search.mistake(
    "finished-pushed-out",
    "Also a beam search, but not the one asked for: what is finished stays in the beam and competes by its *sum*, so a longer "
    "beginning can push it out. Here it is put aside for good, with its place, and is compared at the end, by the mean.",
    (f"        {SORT}", f"        candidates += done\n        {SORT}"),
    (CUT, "candidates[:beam_size]"),
    ("done += ", "done = "),
)
beam_search.mistake(
    "pushed-out-by-the-mean",
    "Also a beam search, but not the one asked for: what is finished stays in the beam and competes with what is open, by the "
    "mean. Here it is put aside for good, with its place, and is compared at the end.",
    (f"        {SORT}", "        candidates += done\n        candidates.sort(key=lambda c: -c[1] / len(c[0]))"),
    (CUT, "candidates[:beam_size]"),
    ("done += ", "done = "),
)
beam_search.mistake(
    "eos-tried-everywhere",
    "<eos> costs no place in yours: what ends is put aside, and the beam is filled up with open ones. <eos> is a word like the others: it has to win a place, and takes it along.",
    (CUT, "[each for each in candidates if each[0][-1] != EOS][:beam_size]"),
    ("in kept if each[0][-1] == EOS", "in candidates if each[0][-1] == EOS"),
)
beam_search.mistake(
    "one-too-many", "The beam holds one beginning more than beam_size.", (CUT, "candidates[: beam_size + 1 - len(done)]")
)
beam_search.mistake(
    "asked-with-bos",
    "log_probs_after is asked with <bos> in front. It wants what has been written so far, at first [].",
    ("log_probs_after(tokens)", "log_probs_after([1, *tokens])"),
)
beam_search.mistake(
    "asked-with-the-last-word",
    "log_probs_after is asked with the last word alone. It wants all that has been written so far.",
    ("log_probs_after(tokens)", "log_probs_after(tokens[-1:])"),
)
beam_search.mistake(
    "first-to-finish",
    "You stop as soon as a sentence is finished. A longer one, still open, may end up with the better mean.",
    ("if not beams:", "if done or not beams:"),
)
beam_search.mistake(
    "first-to-finish-wins",
    "The first sentence that is finished comes back. Others, finished later or still open, may have the better mean.",
    ("if not beams:", "if done or not beams:"),
    (POOL, "max(done[:1] or beams"),
)
beam_search.mistake(
    "best-so-far",
    "You stop when a finished sentence has a better mean than all that is open. What is open may still get a better one, with "
    "likely words to come: go on until nothing is open or max_length steps are made.",
    ("if not beams:", "if not beams or done and max(c[1] / len(c[0]) for c in done) > max(c[1] / len(c[0]) for c in beams):"),
)
beam_search.mistake(
    "goes-on-behind-eos",
    "<eos> is treated as any other word, and the sentence goes on behind it. Set it aside when it ends.",
    (f"        {DONE}\n", ""),
    (OPEN, "beams = kept"),
)

# The choice at the end
beam_search.mistake(
    "not-normalised",
    "The sentence with the largest total is chosen. Every further word lowers a total, so that favours short sentences: "
    "divide by the length.",
    (MEAN, "each[1]"),
)
beam_search.mistake(
    "eos-not-counted",
    "The length leaves out <eos>, but its log-probability is in the total. Count it, too.",
    (MEAN, "each[1] / max(1, len(each[0]) - (each[0][-1] == EOS))"),
    (SCORE, "score = total / max(1, len(tokens) - (tokens[-1] == EOS))"),
)
beam_search.mistake(
    "eos-not-counted-in-the-score",
    "The right sentence is chosen, but the score that comes back is divided by the length without <eos>. Compute it before "
    "<eos> is taken off.",
    (SCORE, "score = total / max(1, len(tokens) - (tokens[-1] == EOS))"),
)
beam_search.mistake(
    "eos-not-counted-and-nothing-left",
    "The right sentence is chosen, but the score that comes back is divided by the length without <eos> (which is 0 where the "
    "sentence is empty). Compute it before <eos> is taken off.",
    (SCORE, "score = total / (len(tokens) - (tokens[-1] == EOS))"),
)
beam_search.mistake(
    "bos-counted",
    "The length is one too large: is <bos> counted? The mean is over the words that were written, <eos> among them.",
    (MEAN, "each[1] / (len(each[0]) + 1)"),
    (SCORE, "score = total / (len(tokens) + 1)"),
)
beam_search.mistake(
    "divided-by-max-length",
    "The total is divided by max_length, the same for all. Divide by the sentence's own length.",
    (MEAN, "each[1] / max_length"),
    (SCORE, "score = total / max_length"),
)
beam_search.mistake(
    "not-normalised-at-all",
    "The sentence with the largest total is chosen, and its score is the total. Every further word lowers a total, so that "
    "favours short sentences: divide by the length.",
    (MEAN, "each[1]"),
    (SCORE, "score = total"),
)
beam_search.mistake(
    "last-word-cut",
    "The last word is always cut off. A sentence that was still open at max_length ends with a real word: only <eos> goes.",
    (RETURN, "return tokens[:-1], score"),
)
beam_search.mistake(
    "eos-kept", "<eos> is in the tokens. It counts for the length, but leave it out of the sentence.", (RETURN, "return tokens, score")
)


@beam_search.variant("pruned by the mean: at one step all are equally long")
def _(log_probs_after, beam_size, max_length):
    beams, done = [([], 0.0)], []
    for step in range(1, max_length + 1):
        grown = [([*t, w], p + lp) for t, p in beams for w, lp in enumerate(log_probs_after(t))]
        kept = sorted(grown, key=lambda c: c[1] / step, reverse=True)[: beam_size - len(done)]
        done.extend(c for c in kept if c[0][-1] == EOS)
        beams = [c for c in kept if c[0][-1] != EOS]
    tokens, total = max(done + beams, key=lambda c: c[1] / len(c[0]))
    return [t for t in tokens if t != EOS], float(total) / len(tokens)


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


@beam_search.variant("each beginning's beam_size best first, then the best of these")
def _(log_probs_after, beam_size, max_length):
    beams, done = [([], 0.0)], []
    for _ in range(max_length):
        grown = []
        for tokens, total in beams:
            log_probs = log_probs_after(tokens)
            grown += [([*tokens, word], total + log_probs[word]) for word in np.argsort(-log_probs)[:beam_size].tolist()]
        kept = sorted(grown, key=lambda c: -c[1])[: beam_size - len(done)]
        beams = []
        for tokens, total in kept:
            (done if tokens[-1] == EOS else beams).append((tokens, total))
        if len(done) == beam_size:
            break
    tokens, total = max([*beams, *done], key=lambda c: c[1] / len(c[0]))
    return [*tokens[:-1], *([] if tokens[-1] == EOS else tokens[-1:])], total / len(tokens)


beam_search.landmark("""
    def after(tokens):   # 3 is the likelier beginning, 4 goes on better
        table = {(): [0.1, 0.1, 0.1, 0.4, 0.3], (4,): [0.1, 0.1, 0.6, 0.1, 0.1]}
        return np.log(table.get(tuple(tokens), [0.25, 0.15, 0.1, 0.2, 0.3]))

    beam_search(after, 2, 3)   # ≈ ([4], -0.857)
""")
