"""`descend_in_windows`: reference, oracles, and the repairs that hide a mistake or make another."""

from __future__ import annotations

import itertools

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference
from helpers.checks.chapter_01.rnn_step import step_cases
from helpers.checks.chapter_02.rnn_backward import rnn_backward_reference
from helpers.checks.chapter_02.scalar_forward import TOY
from helpers.checks.chapter_02.truncated_bptt import (
    TOY_TARGET,
    sum_over_pairs,
    truncated_bptt_reference,
)
from helpers.checks.registry import Exercise
from helpers.colleague import chapter_02 as colleague


def _error(x, h0, target, weights):
    return 0.5 * ((rnn_forward_reference(x, h0, *weights) - target) ** 2).sum()


def _descent(
    x, h0, target, Wx, Wh, b, window, lr, updates, *, kept=(0.0, 0.0, 0.0), step=None, starts=None, gradient=None
):
    """The descent with its parts exchangeable.

    `kept` is the share of each old sum that stays for the next update, `step(sums, update)` what is stepped
    along, `starts(h_last)` the state that the next pass starts from, `gradient(…)` replaces truncated BPTT.
    """
    weights, errors = [Wx.copy(), Wh.copy(), b.copy()], []
    sums = [np.zeros_like(weight) for weight in weights]
    gradient = gradient or truncated_bptt_reference
    for update in range(updates):
        errors.append(_error(x, h0, target, weights))
        *new, h_last = gradient(x, h0, target, *weights, window)
        sums = [share * old + one for share, old, one in zip(kept, sums, new, strict=True)]
        along = sums if step is None else step(sums, update)
        weights = [weight - lr * one for weight, one in zip(weights, along, strict=True)]
        h0 = h0 if starts is None else starts(h_last)
    return *weights, np.array(errors)


def _in_parts(
    x, h0, target, Wx, Wh, b, window, lr, updates, *, every_window=False, sums_begin="window", at_cut=lambda h0, before: before
):
    """The colleague's two loops: an update in every pass or `every_window`, the sums from zero in each "window" or
    "pass" or "never" after the start, and `at_cut(h0, before)` the state that the next window starts from."""
    weights, errors, sums = [Wx, Wh, b], np.zeros(updates), [0.0, 0.0, 0.0]
    for update in range(updates):
        before = h0
        for start in range(0, x.shape[1], window):
            if sums_begin == "window" or (sums_begin == "pass" and start == 0):
                sums = [0.0, 0.0, 0.0]
            before = at_cut(h0, before) if start else h0
            case = x[:, start : start + window], before, target[:, start : start + window]
            errors[update] += _error(*case, weights)
            *new, before = truncated_bptt_reference(*case, *weights, window)
            sums = [old + one for old, one in zip(sums, new, strict=True)]
            if every_window or start + window >= x.shape[1]:
                weights = [weight - lr * one for weight, one in zip(weights, sums, strict=True)]
    return *weights, errors


def _cases(rng):
    case = step_cases(rng, N=3, D=6, H=9)
    (N, D), H = case["x"].shape, len(case["b"])
    T, window, updates = (int(rng.choice(sizes)) for sizes in ((11, 12, 13), (4, 5), (3, 4)))
    return {
        "x": rng.normal(size=(N, T, D)),
        "h0": case["h_prev"],
        "target": rng.uniform(-1, 1, size=(N, T, H)),
        "Wx": case["Wx"],
        "Wh": case["Wh"],
        "b": 0.5 * case["b"],
        "window": window,
        "lr": float(rng.choice([rng.uniform(0.005, 0.01), 0.2])),   # at 0.2 E may rise
        "updates": updates,
    }


OUTPUTS = ("Wx", "Wh", "b", "errors")
descend_in_windows = Exercise("descend_in_windows", "02", _descent, OUTPUTS, _cases, rounds=4, rtol=1e-8)


@descend_in_windows.oracle("torch.optim.SGD on autograd's gradients, detached at every cut", rtol=1e-7, needs_torch=True)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    import torch

    weights = [torch.tensor(array, requires_grad=True) for array in (Wx, Wh, b)]
    optimizer, errors = torch.optim.SGD(weights, lr=lr), []
    for _ in range(updates):
        h, loss = torch.tensor(h0), 0.0
        for t in range(x.shape[1]):
            h = h.detach() if t % window == 0 else h
            h = torch.tanh(torch.tensor(x[:, t]) @ weights[0] + h @ weights[1] + weights[2])
            loss = loss + 0.5 * ((h - torch.tensor(target[:, t])) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())
    return *(weight.detach().numpy() for weight in weights), np.array(errors)


@descend_in_windows.oracle("steps along the sum over those pairs of loss and use that share a window")
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    def gradient(*case):
        return sum_over_pairs(*case[:-1], lambda t, u: t // window == u // window)

    return _descent(x, h0, target, Wx, Wh, b, window, lr, updates, gradient=gradient)


@descend_in_windows.misconception(
    "unchanged",
    "That is the colleague's function as it was. Its first update is right and the second is not: which line has to be "
    "executed before every update, and is executed only before the first?",
)
def _(*case):
    return colleague.descend_in_windows(*case)


@descend_in_windows.misconception(
    "smaller-rate",
    "You made the learning rate smaller. The steps are shorter, so the swing takes longer to come back, and it does come "
    "back: what is stepped along still holds the gradients of all updates before.",
)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    return colleague.descend_in_windows(x, h0, target, Wx, Wh, b, window, 0.1 * lr, updates)


@descend_in_windows.misconception(
    "rate-by-the-windows",
    "You divide the step by the number of windows. That is a smaller learning rate, and the swing only takes longer to come "
    "back: what is stepped along still holds the gradients of all updates before.",
)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    windows = -(-x.shape[1] // window)
    return colleague.descend_in_windows(x, h0, target, Wx, Wh, b, window, lr / windows, updates)


@descend_in_windows.misconception(
    "mean-over-the-windows",
    "The sums begin anew now, but you step along their mean over the windows. E is a sum over all steps, and its gradient "
    "the sum over the windows.",
)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    windows = -(-x.shape[1] // window)
    return _descent(x, h0, target, Wx, Wh, b, window, lr / windows, updates)


@descend_in_windows.misconception(
    "mean-of-all-updates",
    "You divide by the number of updates made so far. The length looks right again, but it is the mean of all gradients "
    "since the beginning, most of them taken at weights that are long gone. Begin each sum anew.",
)
def _(*case):
    return _descent(*case, kept=(1, 1, 1), step=lambda sums, update: [one / (update + 1) for one in sums])


@descend_in_windows.misconception(
    "old-sums-fade",
    "You let the old sums fade by a factor (0.9) in place of removing them. That damps the swing and has a name, momentum; "
    "asked for is a step along the gradient of *this* pass.",
)
def _(*case):
    return _descent(*case, kept=(0.9, 0.9, 0.9))


@descend_in_windows.misconception(
    "limited-length",
    "You limit the length of what is stepped along. Its *direction* is wrong, a sum over all updates so far, and a shorter "
    "step in a wrong direction is not mended.",
)
def _(*case):
    def limited(sums, update):
        length = np.sqrt(sum((one**2).sum() for one in sums))
        return [one / max(1.0, length) for one in sums]

    return _descent(*case, kept=(1, 1, 1), step=limited)


def _some_begin_anew(*kept):
    sums = dict(zip(("dWx", "dWh", "db"), kept, strict=True))
    new, old = (" and ".join(name for name, share in sums.items() if share == wanted) for wanted in (0, 1))

    @descend_in_windows.misconception(
        f"not-{old.replace(' and ', '-')}",
        f"The mistake is the same in all three sums: from zero at each update goes {new} now, and not {old}.",
    )
    def _(*case):
        return _descent(*case, kept=kept)


for _kept in itertools.product((0, 1), repeat=3):
    if 0 < sum(_kept) < 3:
        _some_begin_anew(*_kept)


@descend_in_windows.misconception(
    "cleared-in-every-window",
    "Now the sums begin anew in every *window*, and only the last window's gradient is left for the update. The windows of "
    "one pass belong together: begin anew once in each pass.",
)
def _(*case):
    def last_window(x, h0, target, Wx, Wh, b, window):
        start = (x.shape[1] - 1) // window * window
        states = rnn_forward_reference(x, h0, Wx, Wh, b)
        before, h = states[:, start - 1], states[:, start:]
        gradients = rnn_backward_reference(h - target[:, start:], x[:, start:], before, h, Wx, Wh)
        return *gradients[2:], states[:, -1]

    return _descent(*case, gradient=last_window)


@descend_in_windows.misconception(
    "update-in-every-window",
    "You update after every window. Language models are trained like that (chapter 5), but it is another procedure: asked "
    "for is one update for each pass, along the sum over its windows.",
)
def _(*case):
    return _in_parts(*case, every_window=True)


@descend_in_windows.misconception(
    "update-in-every-window-with-the-sums",
    "You update after every window, along the sum so far: the first window's gradient is stepped along again with each that "
    "follows. One update for each pass: the three lines with lr belong after the loop over the windows.",
)
def _(*case):
    return _in_parts(*case, every_window=True, sums_begin="pass")


@descend_in_windows.misconception(
    "update-in-every-window-and-never-cleared",
    "You update after every window, along the sum of all gradients since the beginning. One update for each pass, after the "
    "loop over the windows; and the sums begin anew before the loop.",
)
def _(*case):
    return _in_parts(*case, every_window=True, sums_begin="never")


@descend_in_windows.misconception(
    "h0-at-every-cut",
    "Every window starts from h0 now: `before = h0` has come into the loop over the windows. It belongs before it, once in "
    "each pass; the state goes on from window to window, h[:, -1].",
)
def _(*case):
    return _in_parts(*case, sums_begin="pass", at_cut=lambda h0, before: h0)


@descend_in_windows.misconception(
    "return-in-the-loop",
    "It returns after the first update: the `return` stands inside the loop. Move it out, to the left.",
)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    *weights, errors = _descent(x, h0, target, Wx, Wh, b, window, lr, 1)
    return *weights, np.append(errors, np.zeros(updates - 1))


@descend_in_windows.misconception(
    "errors-begin-anew",
    "The sums begin anew, and so does `errors`: of all E only the last is left. np.zeros(updates) stays before the loop.",
)
def _(*case):
    *weights, errors = _descent(*case)
    return *weights, np.append(0 * errors[:-1], errors[-1])


@descend_in_windows.misconception(
    "cleared-before-the-step",
    "The sums are set to zero before the weights have moved along them, so nothing moves. First the step, then zero; or zero "
    "at the beginning of a pass.",
)
def _(*case):
    return _descent(*case, step=lambda sums, update: [0 * one for one in sums])


@descend_in_windows.misconception(
    "state-goes-on",
    "The sums are right now, but `before = h0` has left the loop: each pass starts from the last state of the pass before. "
    "Every pass reads the same sequence from its beginning, and starts from h0. (Or `before[...] =` has written into h0.)",
)
def _(*case):
    return _descent(*case, starts=lambda h_last: h_last)


@descend_in_windows.misconception(
    "weights-begin-anew",
    "The weights are copied from the arguments again in every pass, so each update starts from the first weights. They are "
    "copied once; only the sums begin anew.",
)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    *weights, errors = _descent(x, h0, target, Wx, Wh, b, window, lr, 1)
    return *weights, np.repeat(errors, updates)


@descend_in_windows.misconception(
    "not-cut",
    "That is descent along the full gradient: the windows are gone. They were not the fault; keep the cuts.",
)
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    return _descent(x, h0, target, Wx, Wh, b, x.shape[1], lr, updates)


@descend_in_windows.misconception(
    "state-zeroed",
    "At every cut you start from zeros. The state was not the fault: it goes on from window to window, h[:, -1].",
)
def _(*case):
    return _in_parts(*case, sums_begin="pass", at_cut=lambda h0, before: np.zeros_like(h0))


@descend_in_windows.misconception(
    "every-window-from-zeros",
    "Every window starts from zeros. The state was not the fault: a pass starts from h0, and goes on from window to window.",
)
def _(x, h0, *case):
    return _in_parts(x, 0 * h0, *case, sums_begin="pass", at_cut=lambda h0, before: h0)


@descend_in_windows.variant("zeros in place, after each update")
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    weights, errors = [Wx.copy(), Wh.copy(), b.copy()], np.zeros(updates)
    sums = [np.zeros_like(weight) for weight in weights]
    for update in range(updates):
        before = h0
        for start in range(0, x.shape[1], window):
            part = slice(start, start + window)
            h = rnn_forward_reference(x[:, part], before, *weights)
            errors[update] += 0.5 * ((h - target[:, part]) ** 2).sum()
            new = rnn_backward_reference(h - target[:, part], x[:, part], before, h, *weights[:2])[2:]
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
        errors += [0.5 * np.sum((rnn_forward_reference(x, h0, Wx, Wh, b) - target) ** 2)]
        dWx, dWh, db, _ = truncated_bptt_reference(x, h0, target, Wx, Wh, b, window)
        Wx, Wh, b = Wx - lr * dWx, Wh - lr * dWh, b - lr * db
    return Wx, Wh, b, np.array(errors)


@descend_in_windows.variant("each window moves a copy of the weights, its gradient taken at the old ones")
def _(x, h0, target, Wx, Wh, b, window, lr, updates):
    errors = np.zeros(updates)
    for update in range(updates):
        moved, before = [Wx.copy(), Wh.copy(), b.copy()], h0
        for start in range(0, x.shape[1], window):
            case = x[:, start : start + window], before, target[:, start : start + window]
            errors[update] += _error(*case, (Wx, Wh, b))
            *gradients, before = truncated_bptt_reference(*case, Wx, Wh, b, window)
            moved = [weight - lr * one for weight, one in zip(moved, gradients, strict=True)]
        Wx, Wh, b = moved
    return Wx, Wh, b, errors


@descend_in_windows.landmark("`Wh[0, 0] ≈ 3.008`")
def _(f):
    x, target = TOY["x"].reshape(1, 3, 1), TOY_TARGET.reshape(1, 3, 1)
    h0, Wx, Wh, b = np.full((1, 1), TOY["h0"]), np.full((1, 1), 2.0), np.full((1, 1), 3.0), np.ones(1)
    return f(x, h0, target, Wx, Wh, b, 2, 0.02, 3)[1][0, 0]
