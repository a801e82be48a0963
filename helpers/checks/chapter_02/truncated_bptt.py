"""`truncated_bptt`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference
from helpers.checks.chapter_01.rnn_step import step_cases
from helpers.checks.chapter_02.rnn_backward import rnn_backward_reference
from helpers.checks.chapter_02.scalar_forward import TOY
from helpers.checks.registry import Exercise

TOY_TARGET = np.array([0.2, 0.6, 0.6])


def truncated_bptt_reference(x, h0, target, Wx, Wh, b, window):
    before, dWx, dWh, db = h0, np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for start in range(0, x.shape[1], window):
        part = slice(start, start + window)
        h = rnn_forward_reference(x[:, part], before, Wx, Wh, b)
        grads = rnn_backward_reference(h - target[:, part], x[:, part], before, h, Wx, Wh)
        dWx += grads[2]
        dWh += grads[3]
        db += grads[4]
        before = h[:, -1]
    return dWx, dWh, db, before


def _cases(rng):
    case = step_cases(rng, N=3, D=6, H=9)
    (N, D), H = case["x"].shape, len(case["b"])
    window = int(rng.integers(3, 6))
    T = int(rng.choice([11, 12, 13]))   # mostly not a multiple of the window: the last one is short
    return {
        "x": rng.normal(size=(N, T, D)),
        "h0": case["h_prev"],
        "target": rng.uniform(-1, 1, size=(N, T, H)),
        "Wx": case["Wx"],
        "Wh": case["Wh"],
        "b": 0.5 * case["b"],
        "window": window,
    }


OUTPUTS = ("dWx", "dWh", "db", "h_last")
truncated_bptt = Exercise("truncated_bptt", "02", truncated_bptt_reference, OUTPUTS, _cases, rounds=6)


@truncated_bptt.oracle("torch autograd, the state detached at every cut", rtol=1e-8, needs_torch=True)
def _(x, h0, target, Wx, Wh, b, window):
    import torch

    weights = [torch.tensor(array, requires_grad=True) for array in (Wx, Wh, b)]
    h, inputs, wanted = torch.tensor(h0), torch.tensor(x), torch.tensor(target)
    for t in range(x.shape[1]):
        if t % window == 0:
            h = h.detach()
        h = torch.tanh(inputs[:, t] @ weights[0] + h @ weights[1] + weights[2])
        (0.5 * (h - wanted[:, t]) ** 2).sum().backward(retain_graph=True)
    return *(weight.grad.numpy() for weight in weights), h.detach().numpy()


@truncated_bptt.oracle("the sum over those pairs of loss and use that share a window")
def _(x, h0, target, Wx, Wh, b, window):
    return sum_over_pairs(x, h0, target, Wx, Wh, b, lambda t, k: t // window == k // window)


def sum_over_pairs(x, h0, target, Wx, Wh, b, counts):
    """Gradients over the pairs of a loss t and a use k ≤ t that `counts(t, k)`, and the last state."""
    h = rnn_forward_reference(x, h0, Wx, Wh, b)
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for t in range(x.shape[1]):
        dh = h[:, t] - target[:, t]
        for k in range(t, -1, -1):
            if not counts(t, k):
                break
            da = dh * (1 - h[:, k] ** 2)
            dWx += np.einsum("nd,nh->dh", x[:, k], da)
            dWh += np.einsum("nj,nh->jh", before[:, k], da)
            db += da.sum(axis=0)
            dh = np.einsum("nh,jh->nj", da, Wh)
    return dWx, dWh, db, h[:, -1]


def _windows(x, h0, target, Wx, Wh, b, starts, ends, *, state=None, backward_state=None):
    """Truncated BPTT with its parts exchangeable: (gradients of every window, the state after each).

    `state(h)` makes the next window's state of this one's states; `backward_state(before)` is the one that
    the backward pass is told.
    """
    before, found, states = h0, [], []
    for start, end in zip(starts, ends, strict=True):
        part = slice(start, end)
        h = rnn_forward_reference(x[:, part], before, Wx, Wh, b)
        told = before if backward_state is None else backward_state(before)
        found.append(rnn_backward_reference(h - target[:, part], x[:, part], told, h, Wx, Wh)[2:])
        before = h[:, -1] if state is None else state(h)
        states.append(h[:, -1])
    return found, states


def _starts(T, window):
    starts = list(range(0, T, window))
    return starts, [min(start + window, T) for start in starts]


def _added(found):
    return tuple(map(sum, zip(*found, strict=True)))


@truncated_bptt.misconception(
    "state-zeroed",
    "At every cut you start again from zeros. What is cut is the gradient; the state goes on: the next window "
    "starts from h[:, -1].",
)
def _(x, h0, target, Wx, Wh, b, window):
    cuts = _starts(x.shape[1], window)
    found, states = _windows(x, h0, target, Wx, Wh, b, *cuts, state=lambda h: np.zeros_like(h0))
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "zeros-from-the-start",
    "Every window starts from zeros, the first one too. It starts from h0, and each later one from the state the "
    "window before left.",
)
def _(x, h0, target, Wx, Wh, b, window):
    cuts, zeros = _starts(x.shape[1], window), np.zeros_like(h0)
    found, states = _windows(x, zeros, target, Wx, Wh, b, *cuts, state=lambda h: zeros)
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "h0-at-every-cut",
    "Every window starts from h0. Only the first does; the next ones start from the state the window before left.",
)
def _(x, h0, target, Wx, Wh, b, window):
    found, states = _windows(x, h0, target, Wx, Wh, b, *_starts(x.shape[1], window), state=lambda h: h0)
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "h0-ignored", "The first window starts from zeros; it starts from h0. (The later ones are right.)"
)
def _(x, h0, target, Wx, Wh, b, window):
    return truncated_bptt_reference(x, np.zeros_like(h0), target, Wx, Wh, b, window)


@truncated_bptt.misconception(
    "not-cut",
    "That is the full gradient: nothing is cut. Go backwards through each window by itself, and hand no gradient "
    "to the window before.",
)
def _(x, h0, target, Wx, Wh, b, window):
    return truncated_bptt_reference(x, h0, target, Wx, Wh, b, x.shape[1])


@truncated_bptt.misconception(
    "last-window-dropped",
    "Where T is no multiple of the window, your last, shorter window is missing. Let start run over "
    "range(0, T, window): x[:, start:start + window] simply ends where x ends.",
)
def _(x, h0, target, Wx, Wh, b, window):
    T = x.shape[1] // window * window
    return truncated_bptt_reference(x[:, :T], h0, target[:, :T], Wx, Wh, b, window)


@truncated_bptt.misconception(
    "last-window-only",
    "Each window's gradient overwrites that of the one before, and the last remains. Add them up.",
)
def _(x, h0, target, Wx, Wh, b, window):
    found, states = _windows(x, h0, target, Wx, Wh, b, *_starts(x.shape[1], window))
    return *found[-1], states[-1]


@truncated_bptt.misconception(
    "first-window-only", "You stop after the first window: `return` stands after the loop, not in it."
)
def _(x, h0, target, Wx, Wh, b, window):
    found, states = _windows(x, h0, target, Wx, Wh, b, *_starts(x.shape[1], window))
    return *found[0], states[0]


@truncated_bptt.misconception(
    "mean-over-windows", "You take the mean over the windows. E is a sum over all steps, and so is its gradient."
)
def _(x, h0, target, Wx, Wh, b, window):
    *grads, last = truncated_bptt_reference(x, h0, target, Wx, Wh, b, window)
    windows = len(_starts(x.shape[1], window)[0])
    return *(g / windows for g in grads), last


@truncated_bptt.misconception(
    "mean-over-the-batch", "You divide by N. E is a sum over the sequences, not their mean."
)
def _(x, h0, target, Wx, Wh, b, window):
    *grads, last = truncated_bptt_reference(x, h0, target, Wx, Wh, b, window)
    return *(g / len(x) for g in grads), last


@truncated_bptt.misconception(
    "windows-overlap",
    "Your windows are one step too long: the last step of one is the first of the next. A slice start:end leaves "
    "its end out, so it is start:start + window.",
)
def _(x, h0, target, Wx, Wh, b, window):
    T = x.shape[1]
    starts = range(0, T, window)
    found, states = _windows(x, h0, target, Wx, Wh, b, starts, [min(s + window + 1, T) for s in starts])
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "a-step-left-out",
    "Your windows are one step too short: one step in every window is read by none. A slice start:end leaves its "
    "end out already.",
)
def _(x, h0, target, Wx, Wh, b, window):
    T = x.shape[1]
    starts = [s for s in range(0, T, window) if min(s + window - 1, T) > s]
    found, states = _windows(x, h0, target, Wx, Wh, b, starts, [min(s + window - 1, T) for s in starts])
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "that-many-windows",
    "You cut the sequence into `window` parts. `window` is the number of *steps* in a part.",
)
def _(x, h0, target, Wx, Wh, b, window):
    edges = np.cumsum([0] + [len(part) for part in np.array_split(np.arange(x.shape[1]), window)])
    found, states = _windows(x, h0, target, Wx, Wh, b, edges[:-1], edges[1:])
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "looking-back-from-every-loss",
    "You look back over `window` uses from every loss. That is truncation too, but another one: here the windows do "
    "not overlap, and a loss reaches back to the start of its own.",
)
def _(x, h0, target, Wx, Wh, b, window):
    return sum_over_pairs(x, h0, target, Wx, Wh, b, lambda t, k: t - k < window)


@truncated_bptt.misconception(
    "loss-at-the-cuts-only",
    "Only the last step of each window sends its error back. There is a loss at every step: dh = h − target for "
    "the whole window.",
)
def _(x, h0, target, Wx, Wh, b, window):
    before, found = h0, []
    for start, end in zip(*_starts(x.shape[1], window), strict=True):
        part = slice(start, end)
        h = rnn_forward_reference(x[:, part], before, Wx, Wh, b)
        dh = np.zeros_like(h)
        dh[:, -1] = h[:, -1] - target[:, end - 1]
        found.append(rnn_backward_reference(dh, x[:, part], before, h, Wx, Wh)[2:])
        before = h[:, -1]
    return *_added(found), before


@truncated_bptt.misconception(
    "detached-to-zeros",
    "The state goes on forwards, but the backward pass of a window is told that it started from zeros. Cut means: "
    "no gradient leaves the window. Its first state keeps its value, and dWh needs it.",
)
def _(x, h0, target, Wx, Wh, b, window):
    cuts = _starts(x.shape[1], window)
    found, states = _windows(x, h0, target, Wx, Wh, b, *cuts, backward_state=np.zeros_like)
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "h0-in-every-backward",
    "The backward pass of every window is given h0. The state it started from is the one the window before left.",
)
def _(x, h0, target, Wx, Wh, b, window):
    cuts = _starts(x.shape[1], window)
    found, states = _windows(x, h0, target, Wx, Wh, b, *cuts, backward_state=lambda before: h0)
    return *_added(found), states[-1]


@truncated_bptt.misconception(
    "first-state-carried",
    "You carry h[:, 0] on, the state after a window's *first* step. The next window starts where this one ended: "
    "h[:, -1].",
)
def _(x, h0, target, Wx, Wh, b, window):
    cuts = _starts(x.shape[1], window)
    found, states = _windows(x, h0, target, Wx, Wh, b, *cuts, state=lambda h: h[:, 0])
    return *_added(found), states[-1]


@truncated_bptt.misconception("sign", "The gradients have the wrong sign: dh is h − target, not target − h.")
def _(x, h0, target, Wx, Wh, b, window):
    *grads, last = truncated_bptt_reference(x, h0, target, Wx, Wh, b, window)
    return *(-g for g in grads), last


@truncated_bptt.misconception(
    "state-updated-too-early",
    "`before` is h[:, −1] already when you call `rnn_backward`. The backward pass needs the state this window *started* "
    "from: set before = h[:, −1] after it.",
)
def _(x, h0, target, Wx, Wh, b, window):
    before, found = h0, []
    for start, end in zip(*_starts(x.shape[1], window), strict=True):
        part = slice(start, end)
        h = rnn_forward_reference(x[:, part], before, Wx, Wh, b)
        before = h[:, -1]
        found.append(rnn_backward_reference(h - target[:, part], x[:, part], before, h, Wx, Wh)[2:])
    return *_added(found), before


def _from_all_states(x, h0, target, Wx, Wh, b, starts, ends, started_from):
    """All states first; the window at `start` is told that it began with `started_from(states, start)`."""
    states, found = rnn_forward_reference(x, h0, Wx, Wh, b), []
    for start, end in zip(starts, ends, strict=True):
        part = slice(start, end)
        before = started_from(states, start) if start else h0
        h = states[:, part]
        found.append(rnn_backward_reference(h - target[:, part], x[:, part], before, h, Wx, Wh)[2:])
    return *_added(found), states[:, -1]


@truncated_bptt.misconception(
    "started-one-step-late",
    "As the state a window started from you give h[:, start], the state *after* its first step. The one before it is "
    "h[:, start − 1].",
)
def _(x, h0, target, Wx, Wh, b, window):
    cuts = _starts(x.shape[1], window)
    return _from_all_states(x, h0, target, Wx, Wh, b, *cuts, lambda states, start: states[:, start])


@truncated_bptt.misconception(
    "gradient-carried-as-state",
    "You carry dh0 on, a gradient, as if it were the next window's state. The state that goes on is h[:, −1]; dh0 is "
    "dropped.",
)
def _(x, h0, target, Wx, Wh, b, window):
    before, found = h0, []
    for start, end in zip(*_starts(x.shape[1], window), strict=True):
        part = slice(start, end)
        h = rnn_forward_reference(x[:, part], before, Wx, Wh, b)
        _, before, *grads = rnn_backward_reference(h - target[:, part], x[:, part], before, h, Wx, Wh)
        found.append(grads)
    return *_added(found), h[:, -1]


@truncated_bptt.misconception(
    "last-steps-only",
    "You go back through the last `window` steps of the sequence and stop. Every window gets its own way back, from its "
    "end to its start, and their gradients are added up.",
)
def _(x, h0, target, Wx, Wh, b, window):
    T = x.shape[1]
    return _from_all_states(
        x, h0, target, Wx, Wh, b, [T - window], [T], lambda states, start: states[:, start - 1]
    )


@truncated_bptt.misconception(
    "first-targets-always",
    "Every window is compared with target[:, :window], the targets of the first. Cut them like the inputs: "
    "target[:, part].",
)
def _(x, h0, target, Wx, Wh, b, window):
    before, found = h0, []
    for start in range(0, x.shape[1], window):
        part = x[:, start : start + window]
        h = rnn_forward_reference(part, before, Wx, Wh, b)
        found.append(rnn_backward_reference(h - target[:, :window], part, before, h, Wx, Wh)[2:])
        before = h[:, -1]
    return *_added(found), before


@truncated_bptt.variant("all states first, then one sweep that drops what it carries at every cut")
def _(x, h0, target, Wx, Wh, b, window):
    states = np.concatenate([h0[:, None], rnn_forward_reference(x, h0, Wx, Wh, b)], axis=1)
    da, back = np.zeros_like(states[:, 1:]), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        da[:, t] = (states[:, t + 1] - target[:, t] + back) * (1 - states[:, t + 1] ** 2)
        back = da[:, t] @ Wh.T * (t % window != 0)
    dWx, dWh = np.tensordot(x, da, [(0, 1), (0, 1)]), np.tensordot(states[:, :-1], da, [(0, 1), (0, 1)])
    return dWx, dWh, da.sum(axis=(0, 1)), states[:, -1]


@truncated_bptt.variant("the first window, then the rest by recursion")
def _(x, h0, target, Wx, Wh, b, window):
    h = rnn_forward_reference(x[:, :window], h0, Wx, Wh, b)
    first = rnn_backward_reference(h - target[:, :window], x[:, :window], h0, h, Wx, Wh)[2:]
    if x.shape[1] <= window:
        return *first, h[:, -1].copy()
    *rest, last = truncated_bptt_reference(x[:, window:], h[:, -1], target[:, window:], Wx, Wh, b, window)
    return *(one + other for one, other in zip(first, rest, strict=True)), last


@truncated_bptt.landmark("`dWh[0, 0] ≈ −0.222`")
def _(f):
    x, target = TOY["x"].reshape(1, 3, 1), TOY_TARGET.reshape(1, 3, 1)
    h0, Wx, Wh, b = np.full((1, 1), TOY["h0"]), np.full((1, 1), 2.0), np.full((1, 1), 3.0), np.ones(1)
    return f(x, h0, target, Wx, Wh, b, 2)[1][0, 0]
