"""`early_stopping`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def early_stopping_reference(valid, test, patience):
    best = 0
    for epoch in range(len(valid)):
        if valid[epoch] > valid[best]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch + 1, best + 1, test[best]


def _with_test(rng, valid, patience):
    """A case with test accuracies that are all different."""
    test = [float(t) for t in 0.6 + 0.3 * rng.permutation(len(valid)) / len(valid)]
    return {"valid": [float(v) for v in valid], "test": test, "patience": patience}


def curve_cases(rng, *, epochs=(9, 14)):
    patience = int(rng.integers(1, 5))
    while True:
        rise = rng.choice([0.35, 0.75]) + 0.08 * (1 - np.exp(-np.arange(epochs) / rng.uniform(1, 4)))
        valid = np.round(rise + 0.012 * rng.normal(size=epochs), 2)   # with ties
        case = _with_test(rng, valid, patience)
        run, best, _ = early_stopping_reference(**case)
        if epochs == 1 or (best > 1 and (run < epochs or rng.random() < 0.3)):   # mostly it stops, sometimes never
            return case


early_stopping = Exercise(
    "early_stopping",
    "08",
    early_stopping_reference,
    ("epochs run", "best epoch", "test accuracy"),
    curve_cases,
    rounds=30,
)


@early_stopping.oracle("the first epoch whose best lies `patience` back")
def _(valid, test, patience):
    best = [int(np.argmax(valid[:e])) + 1 for e in range(1, len(valid) + 1)]
    stops = [e for e, b in enumerate(best, start=1) if e - b >= patience]
    epochs = stops[0] if stops else len(valid)
    return epochs, best[epochs - 1], test[best[epochs - 1] - 1]


@early_stopping.oracle("every stretch of `patience` epochs")
def _(valid, test, patience):
    epochs = len(valid)
    for start in range(1, len(valid) - patience + 1):
        if max(valid[start : start + patience]) <= max(valid[:start]):
            epochs = start + patience
            break
    kept = max(valid[:epochs])
    best = min(e for e in range(1, epochs + 1) if valid[e - 1] == kept)
    return epochs, best, test[best - 1]


@early_stopping.extreme("better by a hair", "Better is better, by however little: no rounding, no tolerance.")
def _(rng):
    return _with_test(rng, [0.7, 0.70001, 0.700012, 0.7, 0.7000121, 0.70001205, 0.6], 2)


@early_stopping.extreme("all epochs alike", "As good is not better: the first epoch stays the best, and after `patience` more it ends.")
def _(rng):
    return _with_test(rng, [0.5] * 7, 3)


@early_stopping.extreme("a plateau in the middle", "An epoch as good as the best is not better, so it counts among the `patience`.")
def _(rng):
    return _with_test(rng, [0.6, 0.8, 0.8, 0.8, 0.8, 0.9, 0.95], 3)


@early_stopping.extreme(
    "accuracies of 0", "An accuracy may be 0, and a best that starts at 0 is never beaten by it. The first epoch is the best so far."
)
def _(rng):
    return _with_test(rng, [0.0, 0.0, 0.0, 0.0, 0.0], 2)


@early_stopping.extreme("it rises to the end", "Where every epoch is better than all before it runs to the end of the list, and the last is the best.")
def _(rng):
    return _with_test(rng, [0.5, 0.6, 0.7, 0.75, 0.8], 1)


@early_stopping.extreme("the first epoch is the best", "Where the first is the best it stops after 1 + patience epochs.")
def _(rng):
    return _with_test(rng, [0.9, 0.8, 0.85, 0.7, 0.95, 0.99], 3)


@early_stopping.extreme("patience runs out with the list", "The last epoch of the list may be the one where patience runs out.")
def _(rng):
    return _with_test(rng, [0.5, 0.8, 0.7, 0.75], 2)


@early_stopping.extreme("more patience than epochs", "With a patience longer than the list it never stops early.")
def _(rng):
    return _with_test(rng, [0.5, 0.8, 0.7, 0.75], 20)


@early_stopping.extreme("a far better epoch after the stop", "What comes after the stop is never trained, however good it would be.")
def _(rng):
    return _with_test(rng, [0.5, 0.7, 0.6, 0.65, 0.69, 0.99, 1.0], 3)


BETTER, STOP = "valid[epoch] > valid[best]", "epoch - best == patience"
UPDATE = f"        if {BETTER}:\n            best = epoch\n        if {STOP}:"
RETURN = "    return epoch + 1, best + 1, test[best]"

early_stopping.mistake(
    "stops-at-the-first-fall",
    "Yours stops at the first epoch that is no better. Validation wobbles: wait until `patience` epochs *in a row* were not.",
    (STOP, "epoch - best == 1"),
)
early_stopping.mistake(
    "best-is-the-latest-rise",
    "You compare with the epoch *before*, and so keep the latest rise rather than the best. Remember the best so far and "
    "compare with that.",
    (BETTER, "epoch and valid[epoch] > valid[epoch - 1]"),
)
early_stopping.mistake(
    "compares-with-the-epoch-before",
    "You compare with the epoch *before*. After a bad epoch a mediocre one then looks like progress. Compare with the best so "
    "far.",
    (BETTER, "epoch and valid[epoch] > valid[epoch - 1]"),
    (RETURN, f"    best = valid.index(max(valid[: epoch + 1]))\n{RETURN}"),
)
early_stopping.mistake(
    "never-set-back",
    "Your counter is not set back to 0 when a new best comes, so it counts bad epochs of the whole run. Wanted are `patience` "
    "in a row.",
    ("    best = 0", "    best = bad = 0"),
    (
        UPDATE,
        f"        if {BETTER}:\n            best = epoch\n        elif epoch:\n            bad += 1\n"
        "        if bad == patience:",
    ),
)
early_stopping.mistake(
    "one-epoch-too-long",
    "Yours waits one epoch too long: stop when `patience` epochs in a row were no better (>=), not when more than that were.",
    (STOP, "epoch - best > patience"),
)
early_stopping.mistake(
    "one-epoch-too-short",
    "Yours stops one epoch too early: the best epoch itself does not count among the `patience` epochs that were no better.",
    (STOP, "epoch > best and epoch - best >= patience - 1"),
)
early_stopping.mistake(
    "best-counts-as-waiting",
    "Yours stops one epoch too early, with patience 1 at the very first: the best epoch itself does not count among the "
    "`patience` that were no better.",
    (STOP, "epoch - best == patience - 1"),
)
early_stopping.mistake(
    "first-epoch-waits",
    "The very first epoch counts as waiting in yours, for it is not better than itself. It is the best so far: with it the "
    "counter stands at 0.",
    ("    best = 0", "    best = bad = 0"),
    (
        UPDATE,
        f"        bad += 1\n        if {BETTER}:\n            best, bad = epoch, 0\n        if bad == patience:",
    ),
)
early_stopping.mistake(
    "last-when-the-list-ends",
    "Where the list ends before patience runs out you keep the *last* epoch. Kept is the best, there too.",
    (
        "            break\n    return epoch + 1, best + 1, test[best]",
        "            return epoch + 1, best + 1, test[best]\n    return len(valid), len(valid), test[-1]",
    ),
)
early_stopping.mistake(
    "ties-are-better",
    "As good as the best is not better: >, not >=. (Otherwise a run that stands still never stops.)",
    (BETTER, "valid[epoch] >= valid[best]"),
)
early_stopping.mistake(
    "ties-do-not-wait",
    "An epoch that is exactly as good as the best does not count in yours. It is not better, so it counts among the "
    "`patience` epochs.",
    ("    best = 0", "    best = bad = 0"),
    (
        UPDATE,
        f"        if {BETTER}:\n            best, bad = epoch, 0\n        elif valid[epoch] < valid[best]:\n            bad += 1\n"
        "        if bad == patience:",
    ),
)
early_stopping.mistake(
    "ties-set-back",
    "An epoch as good as the best sets your counter back to 0. It is not better, so it counts among the `patience` epochs.",
    ("    best = 0", "    best = bad = 0"),
    (
        UPDATE,
        f"        bad = 0 if valid[epoch] >= valid[best] else bad + 1\n        if {BETTER}:\n            best = epoch\n"
        "        if bad == patience:",
    ),
)
early_stopping.mistake(
    "falls-in-a-row",
    "You wait for `patience` *falls* in a row, each below the epoch before. Wanted are `patience` epochs in a row that are no "
    "better than the best before them.",
    ("    best = 0", "    best = bad = 0"),
    (
        UPDATE,
        f"        if {BETTER}:\n            best = epoch\n"
        "        bad = bad + 1 if epoch and valid[epoch] < valid[epoch - 1] else 0\n        if bad == patience:",
    ),
)
early_stopping.mistake(
    "counts-falls-alone",
    "You count only the epochs that are below the one *before*. Every epoch counts that is no better than the best so far.",
    ("    best = 0", "    best = bad = 0"),
    (
        UPDATE,
        f"        if {BETTER}:\n            best, bad = epoch, 0\n        elif epoch and valid[epoch] < valid[epoch - 1]:\n"
        "            bad += 1\n        if bad == patience:",
    ),
)
early_stopping.mistake(
    "keeps-the-last",
    "You keep the weights of the *last* epoch, which may be `patience` epochs past the best. Kept is the best.",
    ("best + 1, test[best]", "epoch + 1, test[epoch]"),
)
early_stopping.mistake(
    "tests-the-last",
    "The epochs are right, but the test accuracy is that of the last one. What was kept is the best epoch: test that one.",
    ("test[best]", "test[epoch]"),
)
early_stopping.mistake(
    "tests-the-last-of-all",
    "The epochs are right, but the test accuracy is that at the end of the list, of an epoch that may never have been run. What "
    "was kept is the best epoch: test that one.",
    ("test[best]", "test[-1]"),
)
early_stopping.mistake(
    "chooses-on-test",
    "You choose the epoch by its *test* accuracy. Then the test is part of the training, and what it reports is too good. Choose "
    "on validation; test what was chosen.",
    (BETTER, "test[epoch] > test[best]"),
)
early_stopping.mistake(
    "best-epoch-on-test",
    "You stop by validation and then pick the best epoch by its test accuracy. Both are decided on validation.",
    (RETURN, f"    best = test.index(max(test[: epoch + 1]))\n{RETURN}"),
)
early_stopping.mistake(
    "reports-the-best-test",
    "You report the *highest* test accuracy. Nobody could have known which epoch that is. Report that of the epoch chosen on "
    "validation.",
    ("test[best]", "max(test[: epoch + 1])"),
)
early_stopping.mistake(
    "reports-the-best-of-all-tests",
    "You report the highest entry of `test`, even of epochs that were never run. Report that of the epoch chosen on "
    "validation.",
    ("test[best]", "max(test)"),
)
early_stopping.mistake(
    "reports-validation",
    "You report the *validation* accuracy of the best epoch: chosen as the highest of many, it is too good. Report the test "
    "accuracy.",
    ("test[best]", "valid[best]"),
)
early_stopping.mistake(
    "last-of-equals",
    "Of several equally good epochs you keep the last. Kept is the first: as good is not better.",
    (RETURN, f"    best = max(e for e in range(epoch + 1) if valid[e] == valid[best])\n{RETURN}"),
)
early_stopping.mistake(
    "nothing-when-the-list-ends",
    "When the list ends before `patience` epochs in a row were no better, nothing is returned: the `return` stands inside the "
    "`if`. Such a run has an answer, too.",
    ("            break\n    return", "            return"),
)
early_stopping.mistake(
    "best-starts-at-a-half",
    "Your best so far starts at 0.5, so epochs below that never count as best. Start with the first epoch's accuracy, or "
    "with something below all.",
    ("    best = 0", "    best, top = -1, 0.5"),
    (UPDATE, f"        if valid[epoch] > top:\n            best, top = epoch, valid[epoch]\n        if {STOP}:"),
)
early_stopping.mistake(
    "best-value-starts-at-a-half",
    "Your best value so far starts at 0.5, so a curve below that never gets better and stops too early. Start with the first "
    "epoch's accuracy, or with float('-inf').",
    ("    best = 0", "    best, bad, top = 0, 0, 0.5"),
    (
        UPDATE,
        "        bad += 1\n        if valid[epoch] > top:\n            best, bad, top = epoch, 0, valid[epoch]\n"
        "        if bad == patience:",
    ),
)
early_stopping.mistake(
    "patience-before-the-comparison",
    "You ask whether patience has run out *before* you compare, so an epoch that is better just in time is not seen. First "
    "compare, then ask.",
    (UPDATE, f"        if {STOP}:\n            break\n        if {BETTER}:\n            best = epoch\n        if False:"),
)
early_stopping.mistake(
    "best-of-the-whole-list-and-patience",
    "You take the best epoch of the whole list and add `patience`. Training knows only what has been, and may stop at an earlier "
    "best.",
    (
        RETURN,
        "    best = valid.index(max(valid))\n    return min(best + 1 + patience, len(valid)), best + 1, test[best]",
    ),
)
early_stopping.mistake(
    "test-at-the-best-of-the-whole-list",
    "The epochs are right, but the test accuracy is that of the best validation in the *whole* list, of an epoch that may never "
    "have been run.",
    ("test[best]", "test[valid.index(max(valid))]"),
)
early_stopping.mistake(
    "best-plus-patience",
    "The best epoch plus `patience` is more than were run when the list ends first.",
    ("return epoch + 1", "return best + 1 + patience"),
)
early_stopping.mistake(
    "best-of-the-whole-list",
    "Your best epoch may lie *after* the stop. Those epochs are never trained: look at the first ones only.",
    (RETURN, f"    best = valid.index(max(valid))\n{RETURN}"),
)
early_stopping.mistake(
    "never-stops",
    "Yours never stops: it trains all epochs and then takes the best. Stop after `patience` epochs that were no better.",
    ("            break", "            pass"),
)
early_stopping.mistake(
    "says-all-epochs",
    "The best epoch is right, but you say that all epochs were run. It stopped earlier: count up to there.",
    ("return epoch + 1", "return len(valid)"),
)
early_stopping.mistake(
    "loss-in-mind",
    "You keep the *lowest* value. That is right for a loss. These are accuracies: higher is better.",
    (BETTER, "valid[epoch] < valid[best]"),
)
early_stopping.mistake(
    "counted-from-zero",
    "You count epochs from 0. Here, as in the course's curves, the first one is epoch 1.",
    ("epoch + 1, best + 1", "epoch, best"),
)
early_stopping.mistake(
    "best-counted-from-zero",
    "The best epoch is counted from 0 (an index). The first epoch is epoch 1.",
    ("best + 1", "best"),
)
early_stopping.mistake(
    "epochs-counted-from-zero",
    "The number of epochs is one too low: `epoch` is an index, and with index 0 one epoch has been run.",
    ("return epoch + 1", "return epoch"),
)
early_stopping.mistake(
    "best-from-one-used-as-index",
    "Epoch 1 stands at index 0 of `test`: yours is the test accuracy of the epoch after the best.",
    ("test[best]", "test[min(best + 1, len(test) - 1)]"),
)
early_stopping.mistake(
    "stops-at-the-best",
    "You say the run ended at the best epoch. To know that it was the best, `patience` more had to be trained.",
    ("return epoch + 1", "return best + 1"),
)
early_stopping.mistake(
    "epochs-after-the-best",
    "First comes how many epochs were *run*, up to the stop. Yours is how many came after the best.",
    ("return epoch + 1", "return epoch - best"),
)


@early_stopping.variant("argmax of every beginning")
def _(valid, test, patience):
    for epochs in range(1, len(valid) + 1):
        best = int(np.argmax(valid[:epochs])) + 1
        if best + patience <= epochs:
            return epochs, best, float(test[best - 1])
    return epochs, best, float(test[best - 1])


@early_stopping.variant("while, with a counter")
def _(valid, test, patience):
    epoch, best, wait = 0, None, 0
    while epoch < len(valid) and wait < patience:
        if best is None or valid[epoch] > valid[best]:
            best, wait = epoch, 0
        else:
            wait = wait + 1
        epoch += 1
    return [epoch, best + 1, test[best]]


@early_stopping.variant("the best value remembered")
def _(valid, test, patience):
    top, best, waited = float("-inf"), 0, 0
    for epoch, value in enumerate(valid, start=1):
        waited += 1
        if value > top:
            top, best, waited = value, epoch, 0
        if waited >= patience:
            return epoch, best, test[best - 1]
    return len(valid), best, test[best - 1]


early_stopping.landmark("""
    valid, test = [0.74, 0.76, 0.79, 0.78, 0.79, 0.81], [0.73, 0.78, 0.77, 0.79, 0.76, 0.80]
    early_stopping(valid, test, 2)   # (5, 3, 0.77)
""")
