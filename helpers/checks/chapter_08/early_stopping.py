"""`early_stopping`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _run(valid, patience, better=lambda score, best, before: score > best, waited=lambda wait, p: wait >= p):
    """(epochs run, best epoch), from 1; keywords change when a score is better and when to stop."""
    best, best_epoch, wait, before = valid[0], 1, 0, valid[0]
    for epoch, score in enumerate(valid[1:], start=2):
        if better(score, best, before):
            best, best_epoch, wait = score, epoch, 0
        else:
            wait += 1
        before = score
        if waited(wait, patience):
            return epoch, best_epoch
    return len(valid), best_epoch


def _early_stopping(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs, best, test[best - 1]


def _cases(rng):
    patience = int(rng.integers(1, 5))
    while True:
        epochs = int(rng.integers(9, 15))
        rise = rng.choice([0.35, 0.75]) + 0.08 * (1 - np.exp(-np.arange(epochs) / rng.uniform(1, 4)))
        valid = [float(v) for v in np.round(rise + 0.012 * rng.normal(size=epochs), 2)]   # with ties
        run, best = _run(valid, patience)
        if best > 1 and (run < epochs or rng.random() < 0.3):   # mostly it stops, sometimes it never does
            break
    test = [float(t) for t in 0.6 + 0.3 * rng.permutation(epochs) / epochs]
    return {"valid": valid, "test": test, "patience": patience}


early_stopping = Exercise(
    "early_stopping",
    "08",
    _early_stopping,
    ("epochs run", "best epoch", "test accuracy"),
    _cases,
    rounds=40,
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


def _with_test(valid, test, run):
    epochs, best = run
    return epochs, best, test[best - 1]


@early_stopping.misconception(
    "stops-at-the-first-fall",
    "Yours stops at the first epoch that is no better. Validation wobbles: wait until `patience` epochs *in a row* were not.",
)
def _(valid, test, patience):
    return _with_test(valid, test, _run(valid, 1))


@early_stopping.misconception(
    "compares-with-the-epoch-before",
    "You compare with the epoch *before*. After a bad epoch a mediocre one then looks like progress. Compare with the best so "
    "far.",
)
def _(valid, test, patience):
    epochs, _ = _run(valid, patience, better=lambda score, best, before: score > before)
    return _with_test(valid, test, (epochs, int(np.argmax(valid[:epochs])) + 1))


@early_stopping.misconception(
    "best-is-the-latest-rise",
    "You compare with the epoch *before*, and so keep the latest rise rather than the best. Remember the best so far and "
    "compare with that.",
)
def _(valid, test, patience):
    return _with_test(valid, test, _run(valid, patience, better=lambda score, best, before: score > before))


@early_stopping.misconception(
    "never-set-back",
    "Your counter is not set back to 0 when a new best comes, so it counts bad epochs of the whole run. Wanted are `patience` "
    "in a row.",
)
def _(valid, test, patience):
    best = bad = 0
    for epoch, score in enumerate(valid):
        if score > valid[best]:
            best = epoch
        elif epoch:
            bad += 1
        if bad >= patience:
            return epoch + 1, best + 1, test[best]
    return len(valid), best + 1, test[best]


@early_stopping.misconception(
    "one-epoch-too-long",
    "Yours waits one epoch too long: stop when `patience` epochs in a row were no better (>=), not when more than that were.",
)
def _(valid, test, patience):
    return _with_test(valid, test, _run(valid, patience, waited=lambda wait, p: wait > p))


@early_stopping.misconception(
    "one-epoch-too-short",
    "Yours stops one epoch too early: the best epoch itself does not count among the `patience` epochs that were no better.",
)
def _(valid, test, patience):
    return _with_test(valid, test, _run(valid, patience, waited=lambda wait, p: wait > 0 and wait >= p - 1))


@early_stopping.misconception(
    "ties-are-better",
    "As good as the best is not better: >, not >=. (Otherwise a run that stands still never stops.)",
)
def _(valid, test, patience):
    return _with_test(valid, test, _run(valid, patience, better=lambda score, best, before: score >= best))


@early_stopping.misconception(
    "keeps-the-last",
    "You keep the weights of the *last* epoch, which is `patience` epochs past the best. Kept is the best.",
)
def _(valid, test, patience):
    epochs, _ = _run(valid, patience)
    return epochs, epochs, test[epochs - 1]


@early_stopping.misconception(
    "tests-the-last",
    "The epochs are right, but the test accuracy is that of the last one. What was kept is the best epoch: test that one.",
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs, best, test[epochs - 1]


@early_stopping.misconception(
    "chooses-on-test",
    "You choose the epoch by its *test* accuracy. Then the test is part of the training, and what it reports is too good. Choose "
    "on validation; test what was chosen.",
)
def _(valid, test, patience):
    return _with_test(valid, test, _run(test, patience))


@early_stopping.misconception(
    "reports-the-best-test",
    "You report the *highest* test accuracy. Nobody could have known which epoch that is. Report that of the epoch chosen on "
    "validation.",
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs, best, max(test[:epochs])


@early_stopping.misconception(
    "reports-the-best-of-all-tests",
    "You report the highest entry of `test`, even of epochs that were never run. Report that of the epoch chosen on "
    "validation.",
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs, best, max(test)


@early_stopping.misconception(
    "last-of-equals",
    "Of several equally good epochs you keep the last. Kept is the first: as good is not better.",
)
def _(valid, test, patience):
    epochs, _ = _run(valid, patience)
    return _with_test(valid, test, (epochs, epochs - int(np.argmax(valid[:epochs][::-1]))))


@early_stopping.misconception(
    "ties-do-not-wait",
    "An epoch that is exactly as good as the best does not count in yours. It is not better, so it counts among the "
    "`patience` epochs.",
)
def _(valid, test, patience):
    best = wait = 0
    for epoch, score in enumerate(valid):
        if score > valid[best]:
            best, wait = epoch, 0
        elif score < valid[best]:
            wait += 1
        if wait == patience:
            break
    return epoch + 1, best + 1, test[best]


@early_stopping.misconception(
    "falls-in-a-row",
    "You wait for `patience` *falls* in a row, each below the epoch before. Wanted are `patience` epochs in a row that are no "
    "better than the best before them.",
)
def _(valid, test, patience):
    wait = 0
    for epoch in range(1, len(valid)):
        wait = wait + 1 if valid[epoch] < valid[epoch - 1] else 0
        if wait == patience:
            break
    return _with_test(valid, test, (epoch + 1, int(np.argmax(valid[: epoch + 1])) + 1))


@early_stopping.misconception(
    "nothing-when-the-list-ends",
    "When the list ends before `patience` epochs in a row were no better, nothing is returned: the `return` stands inside the "
    "`if`. Such a run has an answer, too.",
)
def _(valid, test, patience):
    best = 0
    for epoch in range(len(valid)):
        if valid[epoch] > valid[best]:
            best = epoch
        if epoch - best == patience:
            return epoch + 1, best + 1, test[best]
    return None


@early_stopping.misconception(
    "best-starts-at-a-half",
    "Your best so far starts at 0.5, so epochs below that never count as best. Start with the first epoch's accuracy, or "
    "with something below all.",
)
def _(valid, test, patience):
    best, best_epoch, wait = 0.5, 0, 0
    for epoch, score in enumerate(valid, start=1):
        if score > best:
            best, best_epoch, wait = score, epoch, 0
        else:
            wait += 1
        if wait == patience:
            break
    return _with_test(valid, test, (epoch, best_epoch))


@early_stopping.misconception(
    "best-epoch-on-test",
    "You stop by validation and then pick the best epoch by its test accuracy. Both are decided on validation.",
)
def _(valid, test, patience):
    epochs, _ = _run(valid, patience)
    return _with_test(valid, test, (epochs, int(np.argmax(test[:epochs])) + 1))


@early_stopping.misconception(
    "reports-validation",
    "You report the *validation* accuracy of the best epoch: chosen as the highest of many, it is too good. Report the test "
    "accuracy.",
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs, best, valid[best - 1]


@early_stopping.misconception(
    "best-of-the-whole-list",
    "Your best epoch may lie *after* the stop. Those epochs are never trained: look at the first ones only.",
)
def _(valid, test, patience):
    epochs, _ = _run(valid, patience)
    return _with_test(valid, test, (epochs, int(np.argmax(valid)) + 1))


@early_stopping.misconception(
    "never-stops",
    "Yours never stops: it trains all epochs and then takes the best. Stop after `patience` epochs that were no better.",
)
def _(valid, test, patience):
    return _with_test(valid, test, (len(valid), int(np.argmax(valid)) + 1))


@early_stopping.misconception(
    "loss-in-mind",
    "You keep the *lowest* value. That is right for a loss. These are accuracies: higher is better.",
)
def _(valid, test, patience):
    return _with_test(valid, test, _run(valid, patience, better=lambda score, best, before: score < best))


@early_stopping.misconception(
    "counted-from-zero",
    "You count epochs from 0. Here, as in the course's curves, the first one is epoch 1.",
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs - 1, best - 1, test[best - 1]


@early_stopping.misconception(
    "best-counted-from-zero",
    "The best epoch is counted from 0 (an index). The first epoch is epoch 1.",
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs, best - 1, test[best - 1]


@early_stopping.misconception(
    "best-from-one-used-as-index",
    "Epoch 1 stands at index 0 of `test`: yours is the test accuracy of the epoch after the best.",
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return epochs, best, test[min(best, len(test) - 1)]


@early_stopping.misconception(
    "swapped", "First the number of epochs that were run, then the best epoch: yours are the other way round."
)
def _(valid, test, patience):
    epochs, best = _run(valid, patience)
    return best, epochs, test[best - 1]


@early_stopping.misconception(
    "stops-at-the-best",
    "You say the run ended at the best epoch. To know that it was the best, `patience` more had to be trained.",
)
def _(valid, test, patience):
    _, best = _run(valid, patience)
    return best, best, test[best - 1]


@early_stopping.variant("a list of the best so far")
def _(valid, test, patience):
    best = 0
    for epoch in range(len(valid)):
        if valid[epoch] > valid[best]:
            best = epoch
        if epoch - best == patience:
            break
    return epoch + 1, best + 1, test[best]


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


@early_stopping.landmark("gives 5 epochs, the best of them 3, and a test accuracy of `0.77`")
def _(f):
    return f([0.74, 0.76, 0.79, 0.78, 0.79, 0.81], [0.73, 0.78, 0.77, 0.79, 0.76, 0.80], 2)[2]
