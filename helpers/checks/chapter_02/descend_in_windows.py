"""`descend_in_windows`: reference, oracles, and the repairs that hide a mistake or make another."""

from __future__ import annotations

import itertools

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference as rnn_forward
from helpers.checks.chapter_02.rnn_backward import rnn_backward_reference as rnn_backward
from helpers.checks.chapter_02.truncated_bptt import sum_over_pairs, windows_cases
from helpers.checks.chapter_02.truncated_bptt import truncated_bptt_reference as truncated_bptt
from helpers.checks.registry import Exercise


def descend_in_windows_reference(x, h0, target, Wx, Wh, b, window, lr, updates):
    Wx, Wh, b, errors = Wx.copy(), Wh.copy(), b.copy(), np.zeros(updates)
    for update in range(updates):
        dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        before = h0
        for start in range(0, x.shape[1], window):
            part = slice(start, start + window)
            h = rnn_forward(x[:, part], before, Wx, Wh, b)
            errors[update] += 0.5 * ((h - target[:, part]) ** 2).sum()
            gradients = rnn_backward(h - target[:, part], x[:, part], before, h, Wx, Wh)
            dWx += gradients[2]
            dWh += gradients[3]
            db += gradients[4]
            before = h[:, -1]
        Wx -= lr * dWx
        Wh -= lr * dWh
        b -= lr * db
    return Wx, Wh, b, errors


def _cases(rng, *, N=(2, 3), T=(10, 11), D=(5, 6), H=(7, 8), window=(3, 4), updates=(3, 4)):
    return windows_cases(rng, N=N, T=T, D=D, H=H, window=window) | {"lr": rng.uniform(0.005, 0.02), "updates": updates}


OUTPUTS = ("Wx", "Wh", "b", "errors")
descend_in_windows = Exercise(
    "descend_in_windows", "02", descend_in_windows_reference, OUTPUTS, _cases, rounds=3, rtol=1e-8
)


@descend_in_windows.extreme("a rate at which E rises", "Right where E falls, wrong where it rises: take every step as it is.")
def _(rng):
    return _cases(rng, N=2, T=7, D=3, H=4, window=3, updates=4) | {"lr": 0.3}


@descend_in_windows.extreme(
    "windows that divide T evenly", "Right with a short last window, wrong where all are of one length (no step is left over)."
)
def _(rng):
    return _cases(rng, N=2, T=12, D=3, H=4, window=6, updates=5) | {"h0": np.zeros((2, 4))}


@descend_in_windows.extreme(
    "a window longer than the sequence", "Where `window` is longer than T there is one window, and nothing is cut."
)
def _(rng):
    return _cases(rng, N=2, T=5, D=3, H=4, window=9, updates=2)


@descend_in_windows.extreme("one-hot inputs, targets far from 0", "Rows with a single 1 are inputs like any other, and states may be far from their targets.")
def _(rng):
    case = _cases(rng, N=2, T=7, D=4, H=4, window=3, updates=2)
    return case | {"x": np.eye(4)[rng.integers(0, 4, size=(2, 7))], "target": rng.integers(-3, 4, size=(2, 7, 4)).astype(float)}


def _error(x, h0, target, Wx, Wh, b):
    return 0.5 * ((rnn_forward(x, h0, Wx, Wh, b) - target) ** 2).sum()


@descend_in_windows.oracle("torch.optim.SGD on autograd's gradients, detached at every cut", rtol=1e-7, needs_torch=True)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    import torch

    weights = [torch.tensor(array, requires_grad=True) for array in (Wx, Wh, b)]
    optimizer, errors = torch.optim.SGD(weights, lr=lr), []
    for _ in range(updates):
        h, loss = torch.tensor(h0), 0.0
        for t in range(x.shape[1]):
            h = h.detach() if t % window == 0 else h
            h = torch.tanh(torch.tensor(x[:, t], dtype=torch.float64) @ weights[0] + h @ weights[1] + weights[2])
            loss = loss + 0.5 * ((h - torch.tensor(target[:, t])) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())
    return *(weight.detach().numpy() for weight in weights), np.array(errors)


@descend_in_windows.oracle("steps along the sum over those pairs of loss and use that share a window")
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    errors = []
    for _ in range(updates):
        errors.append(_error(x, h0, target, Wx, Wh, b))
        *sums, _ = sum_over_pairs(x, h0, target, Wx, Wh, b, lambda t, u: t // window == u // window)
        Wx, Wh, b = (weight - lr * one for weight, one in zip((Wx, Wh, b), sums, strict=True))
    return Wx, Wh, b, np.array(errors)


START = "    Wx, Wh, b, errors = Wx.copy(), Wh.copy(), b.copy(), np.zeros(updates)\n"
UPDATES = "    for update in range(updates):\n"
ZEROS = "dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)\n"
STATE, PART = "        before = h0\n", "            part = slice(start, start + window)\n"
STEPS = "        Wx -= lr * dWx\n        Wh -= lr * dWh\n        b -= lr * db\n"
ONCE = (f"{UPDATES}        {ZEROS}", f"    {ZEROS}{UPDATES}")   # the colleague's mistake
INDENTED = STEPS.replace("        ", "            ")
SHARES = (("Wx -= lr * dWx", "Wh -= lr * dWh", "b -= lr * db"), ("dWx", "dWh", "db"))


def _stepped(text):
    """Changes of the three steps: `text` in place of "lr * {}"."""
    return [(step, step.replace(f"lr * {name}", text.format(name))) for step, name in zip(*SHARES, strict=True)]


descend_in_windows.mistake(
    "unchanged",
    "It does what the colleague's function did. Its first update is right and the second is not: what has to be zero before "
    "every update, and is zero only before the first? (`g = np.zeros_like(g)` in a loop over the sums changes none of them; "
    "`g[...] = 0` does.)",
    ONCE,
)
descend_in_windows.mistake(
    "state-updated-too-early",
    "`before` is `h[:, -1]` already when you call `rnn_backward`. The backward pass needs the state this window *started* from: "
    "set `before = h[:, -1]` after it.",
    ("            gradients = rnn_backward(", "            before = h[:, -1]\n            gradients = rnn_backward("),
)
descend_in_windows.mistake(
    "smaller-rate",
    "You made the learning rate smaller. The steps are shorter, so the swing takes longer to come back, and it does come "
    "back: what is stepped along still holds the gradients of all updates before.",
    ONCE,
    *_stepped("0.1 * lr * {}"),
)
for _rate, _words in ((0.5, "halved"), (0.01, "divided by a hundred")):
    descend_in_windows.mistake(
        f"smaller-rate-{_rate:g}",
        f"The learning rate is {_words}. The swing takes longer to come back, and it does come back: what is stepped along "
        "still holds the gradients of all updates before.",
        ONCE,
        *_stepped(f"{_rate} * lr * {{}}"),
    )
descend_in_windows.mistake(
    "mended-and-slower",
    "The sums begin anew now; the tenth of the learning rate is not needed. Step with `lr` as it is handed over.",
    *_stepped("0.1 * lr * {}"),
)
descend_in_windows.mistake(
    "rate-that-falls",
    "The sums begin anew now, but you let the rate fall from update to update. Step with `lr` as it is handed over.",
    *_stepped("lr / (update + 1) * {}"),
)
descend_in_windows.mistake(
    "rate-by-the-windows",
    "You divide the step by the number of windows. That is a smaller learning rate, and the swing only takes longer to come "
    "back: what is stepped along still holds the gradients of all updates before.",
    ONCE,
    *_stepped("lr / len(range(0, x.shape[1], window)) * {}"),
)
descend_in_windows.mistake(
    "mean-over-the-windows",
    "The sums begin anew now, but you step along their mean over the windows. E is a sum over all steps, and its gradient "
    "the sum over the windows.",
    *_stepped("lr / len(range(0, x.shape[1], window)) * {}"),
)
descend_in_windows.mistake(
    "mean-over-the-batch",
    "The sums begin anew now, but you divide them by N. E is a sum over the sequences, and so is its gradient.",
    *_stepped("lr / len(x) * {}"),
)
descend_in_windows.mistake(
    "mean-over-time",
    "The sums begin anew now, but you divide them by T. E is a sum over the steps, and so is its gradient.",
    *_stepped("lr / x.shape[1] * {}"),
)
descend_in_windows.mistake(
    "mean-of-all-updates",
    "You divide by the number of updates made so far. The length looks right again, but it is the mean of all gradients "
    "since the beginning, most of them taken at weights that are long gone. Begin each sum anew.",
    ONCE,
    *_stepped("lr / (update + 1) * {}"),
)
for _share in (0.9, 0.5):
    descend_in_windows.mistake(
        f"old-sums-fade-{_share}",
        f"You let the old sums fade by a factor ({_share}) in place of removing them. That damps the swing and has a name, "
        "momentum; asked for is a step along the gradient of *this* pass.",
        (ONCE[0], f"{ONCE[1]}        dWx, dWh, db = {_share} * dWx, {_share} * dWh, {_share} * db\n"),
    )
descend_in_windows.mistake(
    "limited-entries",
    "You cut the entries of the sums at ±1. They still hold the gradients of all updates before: a limit does not mend that.",
    ONCE,
    (STEPS, f"        dWx, dWh, db = (np.clip(one, -1, 1) for one in (dWx, dWh, db))\n{STEPS}"),
)
for _limit in (1.0, 5.0):
    descend_in_windows.mistake(
        f"limited-length-{_limit:g}",
        f"You limit the length of what is stepped along, to {_limit:g}. Its *direction* is wrong, a sum over all updates so "
        "far, and a shorter step in a wrong direction is not mended.",
        ONCE,
        *_stepped(f"lr / max(1.0, np.sqrt((dWx ** 2).sum() + (dWh ** 2).sum() + (db ** 2).sum()) / {_limit}) * {{}}"),
    )


def _some_begin_anew(*kept):
    sums = dict(zip(("dWx", "dWh", "db"), kept, strict=True))
    new, old = ([name for name, share in sums.items() if share == wanted] for wanted in (0, 1))
    anew = "".join(f"        {name} = np.zeros_like({name})\n" for name in new)
    descend_in_windows.mistake(
        f"not-{'-'.join(old)}",
        f"The mistake is the same in all three sums. From zero at each update, so far: {', '.join(new)}. Not yet: "
        f"{', '.join(old)}.",
        (f"{UPDATES}        {ZEROS}", f"    {ZEROS}{UPDATES}{anew}"),
    )


for _kept in itertools.product((0, 1), repeat=3):
    if 0 < sum(_kept) < 3:
        _some_begin_anew(*_kept)

descend_in_windows.mistake(
    "cleared-in-every-window",
    "Only the last window's gradient is left for the update: the sums begin anew in every *window* now (or `=` stands where "
    "`+=` was). The windows of one pass belong together: begin anew once in each pass.",
    (PART, f"            {ZEROS}{PART}"),
)
descend_in_windows.mistake(
    "update-in-every-window",
    "You update after every window. Language models are trained like that (chapter 5), but it is another procedure: asked "
    "for is one update for each pass, along the sum over its windows.",
    (PART, f"            {ZEROS}{PART}"),
    (STEPS, INDENTED),
)
descend_in_windows.mistake(
    "update-in-every-window-with-the-sums",
    "You update after every window, along the sum so far: the first window's gradient is stepped along again with each that "
    "follows. One update for each pass: the three lines with lr belong after the loop over the windows.",
    (STEPS, INDENTED),
)
descend_in_windows.mistake(
    "update-in-every-window-and-never-cleared",
    "You update after every window, along the sum of all gradients since the beginning. One update for each pass, after the "
    "loop over the windows; and the sums begin anew before the loop.",
    ONCE,
    (STEPS, INDENTED),
)
descend_in_windows.mistake(
    "one-update-from-the-first-weights",
    "It comes to a single update of the first weights: the three lines with lr stand after all the passes, or the weights "
    "are copied from the arguments in every pass. They are copied once, and every pass moves them on.",
    (STEPS, STEPS.replace("        ", "    ")),
)
descend_in_windows.mistake(
    "update-after-all-passes-with-the-sums",
    "You update once, after all the passes, along the sum of all of them. Every pass has its own update, along its own sum.",
    ONCE,
    (STEPS, STEPS.replace("        ", "    ")),
)
descend_in_windows.mistake(
    "uphill",
    "You step uphill. The weights have to move *against* the gradient of E: weight − lr · gradient, where the gradient begins "
    "with h − target.",
    *_stepped("-lr * {}"),
)
descend_in_windows.mistake(
    "h0-at-every-cut",
    "Every window starts from h0 now: `before = h0` has come into the loop over the windows, or `before = h[:, -1]` is gone. "
    "h0 once in each pass; then the state goes on from window to window.",
    (PART, f"            before = h0\n{PART}"),
)
descend_in_windows.mistake(
    "return-in-the-loop",
    "It returns after the first update: the `return` stands inside the loop. Move it out, to the left.",
    ("    return", "        return"),
)
descend_in_windows.mistake(
    "errors-begin-anew",
    "The sums begin anew, and so does `errors`: of all E only the last is left. np.zeros(updates) stays before the loop.",
    (UPDATES, f"{UPDATES}        errors = np.zeros(updates)\n"),
)
descend_in_windows.mistake(
    "errors-of-one-window",
    "E holds the last window's share alone: `=` stands where `+=` was. E is the sum over all windows.",
    ("errors[update] +=", "errors[update] ="),
)
descend_in_windows.mistake(
    "errors-after-the-update",
    "You return E *after* each update. Wanted is E before: errors[0] belongs to the weights that were handed over.",
    ("            errors[update] += 0.5 * ((h - target[:, part]) ** 2).sum()\n", ""),
    (STEPS, f"{STEPS}        errors[update] = 0.5 * ((rnn_forward(x, h0, Wx, Wh, b) - target) ** 2).sum()\n"),
)
descend_in_windows.mistake(
    "order-of-the-outputs", "The errors come last: return Wx, Wh, b, errors.", ("Wx, Wh, b, errors\n", "errors, Wx, Wh, b\n")
)
descend_in_windows.mistake(
    "gradients-for-weights",
    "You return the sums of the gradients. Wanted are the weights that they have moved: Wx, Wh, b.",
    ("return Wx, Wh, b", "return dWx, dWh, db"),
)
descend_in_windows.mistake(
    "errors-as-a-mean",
    "E is divided by the number of steps (or sequences, or entries). That line was right: E is a sum.",
    (".sum()\n            grad", ".mean()\n            grad"),
)
descend_in_windows.mistake(
    "cleared-before-the-step",
    "The weights never move. Are the sums set to zero before the step along them? First the step, then zero; or zero at the "
    "beginning of a pass. Or does the step not reach Wx, Wh and b: `-` where `-=` belongs, or `w = w - …` in a loop, which gives "
    "the loop's own name another array?",
    (STEPS, f"        {ZEROS}{STEPS}"),
)
descend_in_windows.mistake(
    "state-goes-on",
    "The sums are right now, but `before = h0` has left the loop: each pass starts from the last state of the pass before. "
    "Every pass reads the same sequence from its beginning, and starts from h0. (Or `before[...] =` has written into h0.)",
    (START, f"{START}    before = h0\n"),
    (STATE, ""),
)
descend_in_windows.mistake(
    "weights-written-over",
    "The sums begin anew now, but the weights of the caller are changed: `Wx -= …` writes into what was handed over. The "
    "copies of the first line, `Wx.copy()`, were right.",
    ("Wx.copy(), Wh.copy(), b.copy()", "Wx, Wh, b"),
)
descend_in_windows.mistake(
    "not-cut",
    "That is descent along the full gradient: the windows are gone. They were not the fault; keep the cuts.",
    (UPDATES, f"    window = x.shape[1]\n{UPDATES}"),
)
descend_in_windows.mistake(
    "state-zeroed",
    "At every cut you start from zeros. The state was not the fault: it goes on from window to window, h[:, -1].",
    ("before = h[:, -1]", "before = np.zeros_like(h0)"),
)
descend_in_windows.mistake(
    "every-window-from-zeros",
    "Every window starts from zeros. The state was not the fault: a pass starts from h0, and goes on from window to window.",
    (PART, f"            before = np.zeros_like(h0)\n{PART}"),
)
descend_in_windows.mistake(
    "last-window-dropped",
    "Where T is no multiple of the window, your last, shorter window is missing. The windows were not the fault: "
    "`range(0, x.shape[1], window)`.",
    ("range(0, x.shape[1], window)", "range(0, x.shape[1] - window + 1, window)"),
)


@descend_in_windows.variant("zeros in place, after each update")
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    weights, errors = [Wx.copy(), Wh.copy(), b.copy()], np.zeros(updates)
    sums = [np.zeros_like(weight) for weight in weights]
    for update in range(updates):
        before = h0
        for start in range(0, x.shape[1], window):
            part = slice(start, start + window)
            h = rnn_forward(x[:, part], before, *weights)
            errors[update] += 0.5 * ((h - target[:, part]) ** 2).sum()
            new = rnn_backward(h - target[:, part], x[:, part], before, h, *weights[:2])[2:]
            for one, more in zip(sums, new, strict=True):
                one += more
            before = h[:, -1]
        for weight, one in zip(weights, sums, strict=True):
            weight -= lr * one
            one[...] = 0
    return *weights, errors


@descend_in_windows.variant("no sums: one call of truncated_bptt for each update")
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    errors = []
    for _ in range(updates):
        errors += [0.5 * np.sum((rnn_forward(x, h0, Wx, Wh, b) - target) ** 2)]
        dWx, dWh, db, _ = truncated_bptt(x, h0, target, Wx, Wh, b, window)
        Wx, Wh, b = Wx - lr * dWx, Wh - lr * dWh, b - lr * db
    return Wx, Wh, b, np.array(errors)


@descend_in_windows.variant("each window moves a copy of the weights, its gradient taken at the old ones")
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    errors = np.zeros(updates)
    for update in range(updates):
        moved, before = [Wx.copy(), Wh.copy(), b.copy()], h0
        for start in range(0, x.shape[1], window):
            case = x[:, start : start + window], before, target[:, start : start + window]
            errors[update] += _error(*case, Wx, Wh, b)
            *gradients, before = truncated_bptt(*case, Wx, Wh, b, window)
            moved = [weight - lr * one for weight, one in zip(moved, gradients, strict=True)]
        Wx, Wh, b = moved
    return Wx, Wh, b, errors


descend_in_windows.landmark("""
    inputs, start = np.ones((1, 5, 3)), np.full((1, 2), 0.5)   # N = 1, T = 5, D = 3, H = 2
    weights = np.full((3, 2), 0.1), np.array([[0.1, 0.9], [0.5, 0.4]]), np.zeros(2)
    case = inputs, start, np.zeros((1, 5, 2)), *weights, 2, 0.02, 3   # windows of 2, lr, updates
    descend_in_windows(*case)[-1]   # ≈ [2.597, 1.500, 0.279]
""")
