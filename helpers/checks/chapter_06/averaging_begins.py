"""`averaging_begins`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def averaging_begins_reference(scores, patience):
    for t, score in enumerate(scores):
        old = scores[: max(0, t - patience)]
        if old and score > min(old):
            return t
    return None


def averaging_cases(rng, *, epochs=(9, 12)):
    patience = int(rng.integers(1, 5))
    while True:
        falling = 70 + rng.choice([2, 4]) * np.arange(epochs)[::-1]
        scores = [float(score) for score in np.round(falling + rng.normal(size=epochs) * 7)]   # with ties
        if epochs == 1 or averaging_begins_reference(scores, patience) is not None:
            return {"scores": scores, "patience": patience}


def _shown(epoch):
    return epoch is not None, epoch


averaging_begins = Exercise(
    "averaging_begins",
    "06",
    averaging_begins_reference,
    ("averaging begins", "epoch"),
    averaging_cases,
    rounds=40,
    trial=lambda function, scores, patience: _shown(function(scores, patience)),
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


@averaging_begins.extreme(
    "fractions that make the difference", "Scores are compared as they are, with their fractions: nothing is cut to whole numbers."
)
def _(rng):
    return {"scores": [90.0, 80.0, 79.5, 79.25, 79.75, 70.0], "patience": 1}


@averaging_begins.extreme("patience 0", "With patience 0 every earlier epoch counts, and only the epoch itself does not.")
def _(rng):
    return {"scores": [90.0, 80.0, 70.0, 70.0, 69.5, 69.75, 60.0], "patience": 0}


@averaging_begins.extreme(
    "worse by less than a hundredth", "Worse is worse, by however little: no rounding, no tolerance."
)
def _(rng):
    return {"scores": [75.001, 75.0005, 75.0005, 75.0, 75.00055, 75.2], "patience": 1}


@averaging_begins.extreme(
    "perplexities in the billions",
    "A best that starts at some number stays there when all scores are greater. Start from float('inf').",
)
def _(rng):
    return {"scores": [4e9, 3e9, 2.5e9, 3.5e9, 1e9], "patience": 1}


@averaging_begins.extreme("the best is the first", "Does the slice of old epochs lose the very first one?")
def _(rng):
    return {"scores": [80.0, 90.0, 90.0, 80.0, 81.0], "patience": 2}


@averaging_begins.extreme(
    "patience as long as the run", "No epoch lies more than `patience` back here, so the time never comes: None."
)
def _(rng):
    return {"scores": [70.0, 90.0, 80.0, 95.0], "patience": 4}


@averaging_begins.extreme("better every time", "When the time never comes, the answer is None.")
def _(rng):
    return {"scores": [90.0, 85.0, 80.0, 75.0, 70.0, 65.0, 60.0], "patience": 2}


@averaging_begins.extreme("worse, but not than the best", "The epochs are compared with the *best* of the old ones: the lowest.")
def _(rng):
    return {"scores": [90.0, 95.0, 60.0, 89.0, 88.0, 59.0, 58.0, 57.0], "patience": 3}


@averaging_begins.extreme("all epochs alike", "As good as the best is not worse: the time never comes.")
def _(rng):
    return {"scores": [80.0] * 7, "patience": 1}


OLD = "scores[: max(0, t - patience)]"
RULE = "old and score > min(old)"

averaging_begins.mistake(
    "one-old-epoch",
    "You compare with one old epoch, the one patience + 1 back. Wanted is the *best* of it and all before it: `min(old)`.",
    ("min(old)", "old[-1]"),
)
averaging_begins.mistake(
    "best-of-all",
    "Yours begins at the first epoch that is worse than the one before. (Worse than the best of *all* before it comes to the "
    "same: until then every epoch was the best.) Only epochs count that lie more than `patience` back.",
    (OLD, "scores[:t]"),
)
averaging_begins.mistake(
    "best-of-all-after-patience",
    "You wait for `patience` epochs and then compare with the best of *all* before, or of the latest patience + 1 (both begin "
    "at the same epoch). The latest `patience` epochs do not count at any time.",
    (OLD, "scores[:t] if t > patience else []"),
)
averaging_begins.mistake(
    "worse-than-the-one-before",
    "You compare with the epoch just before. The latest `patience` epochs do not count: compare with the best of the older "
    "ones, `min(old)`.",
    (RULE, "old and score > scores[t - 1]"),
)
averaging_begins.mistake(
    "latest-epochs",
    "You compare with the best of the *latest* `patience` epochs. It is the other part of the list: those more than "
    "`patience` back.",
    (OLD, "scores[max(0, t - patience) : t]"),
)
averaging_begins.mistake(
    "latest-and-later-epochs",
    "Your slice starts at t − patience and so takes in the latest epochs, and those that are still to come. The old ones end "
    "there: scores[: max(0, t − patience)].",
    (OLD, "scores[max(0, t - patience) :]"),
)
averaging_begins.mistake("ties", "As good as the best is not worse: >, not >=.", ("score > min", "score >= min"))
averaging_begins.mistake(
    "patience-one-short",
    "An epoch exactly `patience` back counts in yours. *More than* patience: "
    "`scores[: max(0, t - patience)]` leaves it out.",
    (OLD, "scores[: max(0, t - patience + 1)]"),
)
averaging_begins.mistake(
    "patience-one-long",
    "Your list of old epochs ends one too early: an epoch patience + 1 back is more than `patience` back and counts.",
    (OLD, "scores[: max(0, t - patience - 1)]"),
)
averaging_begins.mistake(
    "counted-from-one",
    "Your index is one too high: epochs count from 0, and it is the epoch at whose *end* it begins.",
    ("return t", "return t + 1"),
)
averaging_begins.mistake(
    "counting-begins-at-one",
    "Your epochs are numbered from 1 (enumerate(scores, 1)), so that one too many is old, and the index is one too high. Count from 0.",
    ("enumerate(scores)", "enumerate(scores, 1)"),
)
averaging_begins.mistake(
    "first-possible-epoch",
    "Yours begins as soon as any epoch is old, whatever the scores. (A best that starts at 0 stays 0; an index is no score.)",
    (RULE, "old"),
)
averaging_begins.mistake("the-score", "This is the epoch's perplexity. Return its index.", ("return t", "return score"))
averaging_begins.mistake(
    "the-old-best",
    "This is the index of the old best. Wanted is the epoch that is worse than it: t.",
    ("return t", "return scores.index(min(old))"),
)
averaging_begins.mistake(
    "the-worst-of-the-old",
    "You compare with the worst of the old epochs (max). The best has the *lowest* perplexity: min.",
    ("min(old)", "max(old)"),
)
averaging_begins.mistake(
    "better-for-worse",
    "Yours begins when an epoch is *better* than the old ones. Perplexity is lower when better: worse is >.",
    (RULE, "old and score < min(old)"),
)
averaging_begins.mistake(
    "accuracy-in-mind",
    "You have turned both signs: below the *highest* old score. That is right for an accuracy. Perplexity is lower when "
    "better: `score > min(old)`.",
    (RULE, "old and score < max(old)"),
)
averaging_begins.mistake(
    "early-stopping",
    "You count epochs since the best one, as early stopping does. This rule waits for one epoch that is worse than the best "
    "of those more than `patience` back.",
    (RULE, "t - scores.index(min(scores[: t + 1])) > patience"),
)
averaging_begins.mistake(
    "early-stopping-at-patience",
    "You count epochs since the best one and begin when there are `patience` of them, as early stopping does. This rule asks "
    "of each epoch whether it is worse than the best of the old ones: those more than `patience` back.",
    (RULE, "t - scores.index(min(scores[: t + 1])) >= max(1, patience)"),
)
averaging_begins.mistake(
    "last-one",
    "This is the *last* epoch for which the rule holds. Return at the first: averaging begins once.",
    ("    for t, score", "    found = None\n    for t, score"), ("return t", "found = t"), ("return None", "return found"),
)  # fmt: skip
averaging_begins.mistake(
    "mean-of-the-old",
    "You compare with the *mean* of the old epochs. The rule takes the best: `min(old)`, not their mean.",
    ("min(old)", "sum(old) / len(old)"),
)
averaging_begins.mistake(
    "mean-of-the-latest",
    "You compare with the mean of the latest epochs. The rule takes the best of the *old* ones: `min(old)`.",
    (OLD, "scores[max(0, t - patience - 1) : t] if t > patience else []"), ("min(old)", "sum(old) / len(old)"),
)  # fmt: skip
averaging_begins.mistake(
    "sorted",
    "You sort the scores. Their order is that of the epochs: leave the list as it is.",
    ("    for t, score", "    scores.sort()\n    for t, score"),
)
averaging_begins.mistake(
    "patience-subtracted",
    "You return t − patience. The epoch at whose end averaging begins is t itself.",
    ("return t", "return t - patience"),
)
averaging_begins.mistake(
    "best-of-the-whole-run",
    "You compare with the best of the whole run: at the end of an epoch, later ones have not happened yet.",
    ("min(old)", "min(scores)"),
)
averaging_begins.mistake(
    "negative-slice",
    "As long as t < patience, t − patience is negative, and scores[:−1] means all but the last of the whole list. Nothing "
    "is old yet: `max(0, t - patience)`.",
    ("max(0, t - patience)", "t - patience"),
)
averaging_begins.mistake(
    "negative-slice-of-the-past",
    "While there are fewer than `patience` epochs, len − patience is negative, and a slice [:−1] means all but the last. "
    "Nothing is old yet: max(0, …).",
    (OLD, "scores[:t][: t - patience]"),
)
averaging_begins.mistake(
    "slice-to-minus-zero",
    "With patience 0 yours never begins: a slice that ends at −patience is empty there, since −0 is 0 (or 0 is treated apart). "
    "`scores[: max(0, t - patience)]` is right for 0 as well.",
    (OLD, "scores[:t][:-patience]"),
)
averaging_begins.mistake(
    "never-at-all",
    "Your answer is None for every list of scores. Either the index is not returned, or its condition never holds, or "
    "`return None` stands inside the loop and ends it at the first epoch: it belongs after the loop.",
    ("\n    return None", "\n        return None"),
)
averaging_begins.mistake(
    "best-of-nothing",
    "In the first epochs no epoch is old yet, and `min` of an empty list raises an error: look first whether there is any, "
    "`if old and …`.",
    ("old and ", ""),
)
averaging_begins.mistake(
    "two-old-ones-needed",
    "You wait until two epochs are old, or your loop starts one epoch too late. One is enough to compare with.",
    ("if old and", "if len(old) > 1 and"),
)
for name, value, hint in (
    ("a-number-for-never", "-1", "When the time never comes, the answer is None: no −1, and no epoch that is not there."),
    ("the-end-for-never", "len(scores)", "When the time never comes, the answer is None. You return where the list ends."),
    ("last-epoch-for-never", "t", "When the time never comes, the answer is None. You return the last epoch."),
    ("false-for-never", "False", "When the time never comes, the answer is None, not False: False counts as 0, the first epoch."),
    ("zero-for-never", "0", "When the time never comes, the answer is None. You return 0, which is the first epoch's index."),
):
    averaging_begins.mistake(name, hint, ("return None", f"return {value}"))


@averaging_begins.misconception(
    "the-best-epoch", "This is the epoch with the best score. Wanted is the first one that is worse than the old best."
)
def _(scores, patience):
    return scores.index(min(scores))


@averaging_begins.misconception(
    "yes-or-no", "This says whether averaging begins at all. Wanted is *when*: return the epoch's index, t."
)
def _(scores, patience):
    return averaging_begins_reference(scores, patience) is not None


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


averaging_begins.landmark("""
    averaging_begins([90, 80, 85, 79, 81, 70], 1)   # 4
    averaging_begins([90, 80, 85, 79, 81, 70], 3)   # None
""")
