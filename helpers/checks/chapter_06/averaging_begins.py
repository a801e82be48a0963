"""`averaging_begins`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.given import Given
from helpers.checks.registry import Exercise


def _first(scores, patience, is_time, answer=lambda t: t):
    """The first epoch for which `is_time(score, epochs before it, epoch)`, or None."""
    for t, score in enumerate(scores):
        if is_time(score, scores[:t], t):
            return answer(t)
    return None


def _old(before, patience):
    return before[: max(0, len(before) - patience)]


def _worse_than_best(score, old):
    return bool(old) and score > min(old)


def _averaging_begins(scores, patience):
    return _first(scores, patience, lambda score, before, t: _worse_than_best(score, _old(before, patience)))


def _cases(rng):
    epochs, patience = int(rng.integers(9, 13)), int(rng.integers(0, 5))
    while True:
        falling = 70 + rng.choice([2, 4]) * np.arange(epochs)[::-1]
        scores = [float(score) for score in np.round(falling + rng.normal(size=epochs) * 7)]   # with ties
        never = _averaging_begins(scores, patience) is None
        if not never or rng.random() < 0.5:
            text = ", ".join(f"{score:.0f}" for score in scores)
            return {"scores": Given(f"[{text}]", list, scores), "patience": patience}


def _trial(function, scores, patience):
    before = list(scores)
    return _shown(function(scores, patience), same=scores == before)


def _shown(epoch, same=True):
    return epoch is not None, epoch, same


averaging_begins = Exercise(
    "averaging_begins",
    "06",
    _averaging_begins,
    ("averaging begins", "epoch", "scores are as they were"),
    _cases,
    rounds=40,
    trial=_trial,
)


@averaging_begins.oracle("helpers.torch_training.averaging.WeightAverage", needs_torch=True)
def _(scores, patience):
    import torch

    from helpers.torch_training.averaging import WeightAverage

    model, average = torch.nn.Linear(1, 1), WeightAverage(patience)
    for t, score in enumerate(scores):
        average.end_epoch(model, score)
        if average.active:
            return _shown(t)
    return _shown(None)


@averaging_begins.oracle("all pairs of epochs")
def _(scores, patience):
    epochs = range(len(scores))
    pairs = [(t, k) for t in epochs for k in epochs if t - k > patience and scores[t] > scores[k]]
    return _shown(min((t for t, _ in pairs), default=None))


@averaging_begins.misconception(
    "one-old-epoch",
    "You compare with one old epoch, the one patience + 1 back. Wanted is the *best* of it and all before it: min.",
)
def _(scores, patience):
    return _first(
        scores, patience, lambda score, before, t: t > patience and score > before[t - patience - 1]
    )


@averaging_begins.misconception(
    "best-of-all",
    "Yours begins at the first epoch that is worse than the one before. (Worse than the best of *all* before it comes to the "
    "same: until then every epoch was the best.) Only epochs count that lie more than `patience` back.",
)
def _(scores, patience):
    return _first(scores, patience, lambda score, before, t: _worse_than_best(score, before))


@averaging_begins.misconception(
    "best-of-all-after-patience",
    "You wait for `patience` epochs and then compare with the best of *all* before. The latest `patience` epochs do not "
    "count at any time.",
)
def _(scores, patience):
    return _first(
        scores, patience, lambda score, before, t: t > patience and _worse_than_best(score, before)
    )


@averaging_begins.misconception(
    "latest-epochs",
    "You compare with the best of the *latest* `patience` epochs. It is the other part of the list: those more than "
    "`patience` back.",
)
def _(scores, patience):
    return _first(
        scores, patience, lambda score, before, t: _worse_than_best(score, before[max(0, t - patience) :])
    )


@averaging_begins.misconception(
    "ties", "As good as the best is not worse: >, not >=."
)
def _(scores, patience):
    def is_time(score, before, t):
        old = _old(before, patience)
        return bool(old) and score >= min(old)

    return _first(scores, patience, is_time)


@averaging_begins.misconception(
    "patience-one-short",
    "An epoch exactly `patience` back counts in yours. *More than* patience: scores[: t − patience] leaves it out.",
)
def _(scores, patience):
    return _first(
        scores,
        patience,
        lambda score, before, t: _worse_than_best(score, before[: max(0, t - patience + 1)]),
    )


@averaging_begins.misconception(
    "patience-one-long",
    "Your list of old epochs ends one too early: an epoch patience + 1 back is more than `patience` back and counts.",
)
def _(scores, patience):
    return _first(
        scores,
        patience,
        lambda score, before, t: _worse_than_best(score, before[: max(0, t - patience - 1)]),
    )


@averaging_begins.misconception(
    "counted-from-one", "Your index is one too high: epochs count from 0, and it is the epoch at whose *end* it begins."
)
def _(scores, patience):
    found = _averaging_begins(scores, patience)
    return None if found is None else found + 1


@averaging_begins.misconception(
    "the-score", "This is the epoch's perplexity. Return its index."
)
def _(scores, patience):
    found = _averaging_begins(scores, patience)
    return None if found is None else scores[found]


@averaging_begins.misconception(
    "the-worst-of-the-old", "You compare with the worst of the old epochs (max). The best has the *lowest* perplexity: min."
)
def _(scores, patience):
    def is_time(score, before, t):
        old = _old(before, patience)
        return bool(old) and score > max(old)

    return _first(scores, patience, is_time)


@averaging_begins.misconception(
    "better-for-worse", "Yours begins when an epoch is *better* than the old ones. Perplexity is lower when better: worse is >."
)
def _(scores, patience):
    def is_time(score, before, t):
        old = _old(before, patience)
        return bool(old) and score < min(old)

    return _first(scores, patience, is_time)


@averaging_begins.misconception(
    "accuracy-in-mind",
    "You have turned both signs: below the *highest* old score. That is right for an accuracy. Perplexity is lower when "
    "better: score > min(old).",
)
def _(scores, patience):
    def is_time(score, before, t):
        old = _old(before, patience)
        return bool(old) and score < max(old)

    return _first(scores, patience, is_time)


@averaging_begins.misconception(
    "early-stopping",
    "You count epochs since the best one, as early stopping does. This rule waits for one epoch that is worse than the best "
    "of those more than `patience` back.",
)
def _(scores, patience):
    return _first(
        scores, patience, lambda score, before, t: t - int(np.argmin([*before, score])) > patience
    )


@averaging_begins.misconception(
    "the-best-epoch", "This is the epoch with the best score. Wanted is the first one that is worse than the old best."
)
def _(scores, patience):
    return int(np.argmin(scores))


@averaging_begins.misconception(
    "last-one", "This is the *last* epoch for which the rule holds. Return at the first: averaging begins once."
)
def _(scores, patience):
    found = [
        t for t, score in enumerate(scores) if _worse_than_best(score, _old(scores[:t], patience))
    ]
    return found[-1] if found else None


@averaging_begins.misconception(
    "mean-of-the-old", "You compare with the *mean* of the old epochs. The rule takes the best: min."
)
def _(scores, patience):
    def is_time(score, before, t):
        old = _old(before, patience)
        return bool(old) and score > sum(old) / len(old)

    return _first(scores, patience, is_time)


@averaging_begins.misconception(
    "best-of-the-whole-run",
    "You compare with the best of the whole run: at the end of an epoch, later ones have not happened yet.",
)
def _(scores, patience):
    return _first(scores, patience, lambda score, before, t: t > patience and score > min(scores))


@averaging_begins.misconception(
    "negative-slice",
    "As long as t < patience, t − patience is negative, and scores[:−1] means all but the last of the whole list. Nothing "
    "is old yet: max(0, t − patience).",
)
def _(scores, patience):
    return _first(
        scores, patience, lambda score, before, t: _worse_than_best(score, scores[: t - patience])
    )


@averaging_begins.misconception(
    "negative-slice-of-the-past",
    "While there are fewer than `patience` epochs, len − patience is negative, and a slice [:−1] means all but the last. "
    "Nothing is old yet: max(0, …).",
)
def _(scores, patience):
    return _first(
        scores,
        patience,
        lambda score, before, t: _worse_than_best(score, before[: len(before) - patience]),
    )


@averaging_begins.misconception(
    "slice-to-minus-zero",
    "before[:−patience] is empty for patience = 0, since −0 is 0: then nothing is ever old. before[: t − patience] is what "
    "you mean.",
)
def _(scores, patience):
    return _first(scores, patience, lambda score, before, t: _worse_than_best(score, before[:-patience]))


@averaging_begins.misconception(
    "never-at-all",
    "Your answer is None for every list of scores. Either the index is not returned, or `return None` stands inside the loop "
    "and ends it at the first epoch: it belongs after the loop.",
)
def _(scores, patience):
    return None


@averaging_begins.misconception(
    "best-of-nothing",
    "In the first epochs no epoch is old yet, and `min` of an empty list raises an error: look first whether there is any.",
)
def _(scores, patience):
    return _first(scores, patience, lambda score, before, t: score > min(_old(before, patience)))


@averaging_begins.misconception(
    "scores-used-up",
    "The epoch is right, but the list `scores` was changed (pop, sort, append, del work in place). The caller goes on "
    "with it: leave it as it is, or work on a copy.",
)
def _(scores, patience):
    found = _averaging_begins(scores, patience)
    scores.clear()
    return found


@averaging_begins.misconception(
    "a-number-for-never", "When the time never comes, the answer is None: no −1, and no epoch that is not there."
)
def _(scores, patience):
    found = _averaging_begins(scores, patience)
    return -1 if found is None else found


@averaging_begins.misconception(
    "the-end-for-never", "When the time never comes, the answer is None. You return where the list ends."
)
def _(scores, patience):
    found = _averaging_begins(scores, patience)
    return len(scores) if found is None else found


@averaging_begins.misconception(
    "last-epoch-for-never", "When the time never comes, the answer is None. You return the last epoch."
)
def _(scores, patience):
    found = _averaging_begins(scores, patience)
    return len(scores) - 1 if found is None else found


@averaging_begins.variant("a list that grows")
def _(scores, patience):
    seen = []
    for score in scores:
        old = seen[: max(0, len(seen) - patience)]
        if len(old) > 0 and any(score > each for each in old):
            return len(seen)
        seen.append(score)
    return None


@averaging_begins.variant("the best so far, with a delay")
def _(scores, patience):
    best = float("inf")
    for t in range(patience + 1, len(scores)):
        best = min(best, scores[t - patience - 1])
        if best < scores[t]:
            return t


@averaging_begins.variant("with NumPy")
def _(scores, patience):
    scores = np.array(scores)
    if len(scores) <= patience + 1:
        return None
    best = np.minimum.accumulate(scores)[: len(scores) - patience - 1]
    worse = np.flatnonzero(scores[patience + 1 :] > best)
    return int(worse[0]) + patience + 1 if worse.size else None


@averaging_begins.landmark("`averaging_begins([90, 80, 85, 79, 81, 70], 1)` is `4`")
def _(f):
    return f([90, 80, 85, 79, 81, 70], 1)
