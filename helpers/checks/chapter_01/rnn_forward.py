"""`rnn_forward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_01.rnn_step import rnn_step_reference, step_cases
from helpers.checks.registry import Exercise


def rnn_forward_reference(x, h0, Wx, Wh, b):
    states, h = [], h0
    for t in range(x.shape[1]):
        h = rnn_step_reference(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def _forward_cases(rng):
    case = step_cases(rng, N=3, D=6, H=9)
    N, D = case["x"].shape
    T = rng.integers(11, 14)
    return {"x": rng.normal(size=(N, T, D)), "h0": case["h_prev"], **{k: case[k] for k in ("Wx", "Wh", "b")}}


rnn_forward = Exercise("rnn_forward", "01", rnn_forward_reference, ("h",), _forward_cases)


@rnn_forward.oracle("torch.nn.RNN", needs_torch=True)
def _(x, h0, Wx, Wh, b):
    import torch

    rnn = torch.nn.RNN(*Wx.shape, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(Wx.T))
        rnn.weight_hh_l0.copy_(torch.tensor(Wh.T))
        rnn.bias_ih_l0.copy_(torch.tensor(b))
        rnn.bias_hh_l0.zero_()
        return rnn(torch.tensor(x), torch.tensor(h0)[None])[0].numpy()


@rnn_forward.oracle("the recurrence read backwards from h_T (recursion)")
def _(x, h0, Wx, Wh, b):
    def state(t):
        return h0 if t < 0 else np.tanh(x[:, t] @ Wx + state(t - 1) @ Wh + b)

    return np.stack([state(t) for t in range(x.shape[1])], axis=1)


@rnn_forward.misconception(
    "state-not-carried", "Every step starts from `h0` again: inside the loop the new h has to become the old one."
)
def _(x, h0, Wx, Wh, b):
    return np.stack([rnn_step_reference(x[:, t], h0, Wx, Wh, b) for t in range(x.shape[1])], axis=1)


@rnn_forward.misconception("ignores-h0", "You start from zeros; the first step has to start from `h0`.")
def _(x, h0, Wx, Wh, b):
    return rnn_forward_reference(x, np.zeros_like(h0), Wx, Wh, b)


@rnn_forward.misconception(
    "time-first", "Your states are (T, N, H), time first. Stack them along axis 1 to get (N, T, H)."
)
def _(x, h0, Wx, Wh, b):
    return rnn_forward_reference(x, h0, Wx, Wh, b).transpose(1, 0, 2)


@rnn_forward.misconception(
    "view-for-transpose",
    "The shape is (N, T, H), but the numbers are mixed across sequences: you reshaped (T, N, H) where an axis "
    "has to be moved. Use np.stack(states, axis=1), or transpose(1, 0, 2).",
)
def _(x, h0, Wx, Wh, b):
    right = rnn_forward_reference(x, h0, Wx, Wh, b)
    return np.ascontiguousarray(right.transpose(1, 0, 2)).reshape(right.shape)


@rnn_forward.misconception(
    "before-the-step", "You keep the state *before* each step: h[:, 0] has to be the state after the first word."
)
def _(x, h0, Wx, Wh, b):
    after = rnn_forward_reference(x, h0, Wx, Wh, b)
    return np.concatenate([h0[:, None], after[:, :-1]], axis=1)


@rnn_forward.misconception("last-only", "You return the last state only; all T of them are wanted, (N, T, H).")
def _(x, h0, Wx, Wh, b):
    return rnn_forward_reference(x, h0, Wx, Wh, b)[:, -1]


@rnn_forward.misconception(
    "h0-in-first-place",
    "h[:, 0] is h0 itself, and the first word is never read. h[:, 0] has to be the state after x[:, 0].",
)
def _(x, h0, Wx, Wh, b):
    after = rnn_forward_reference(x[:, 1:], h0, Wx, Wh, b)
    return np.concatenate([h0[:, None], after], axis=1)


@rnn_forward.misconception(
    "h0-counted", "You return T + 1 states, h0 among them. Wanted are the T states after each step."
)
def _(x, h0, Wx, Wh, b):
    return np.concatenate([h0[:, None], rnn_forward_reference(x, h0, Wx, Wh, b)], axis=1)


@rnn_forward.misconception("first-step-only", "The loop ends after its first round: `return` stands inside it.")
def _(x, h0, Wx, Wh, b):
    return rnn_forward_reference(x, h0, Wx, Wh, b)[:, :1]


@rnn_forward.misconception("same-input", "Every step reads x[:, 0]. Step t reads x[:, t].")
def _(x, h0, Wx, Wh, b):
    return rnn_forward_reference(np.repeat(x[:, :1], x.shape[1], axis=1), h0, Wx, Wh, b)


@rnn_forward.misconception("backwards", "You read the sequence from its end; time runs forwards, t = 0 … T − 1.")
def _(x, h0, Wx, Wh, b):
    return rnn_forward_reference(x[:, ::-1], h0, Wx, Wh, b)[:, ::-1]


@rnn_forward.variant("preallocated array")
def _(x, h0, Wx, Wh, b):
    h = np.empty((*x.shape[:2], len(b)), dtype=x.dtype)
    before = h0
    for t in range(x.shape[1]):
        h[:, t] = before = np.tanh(x[:, t] @ Wx + before @ Wh + b)
    return h


@rnn_forward.variant("inputs multiplied for all steps at once")
def _(x, h0, Wx, Wh, b):
    a, h, states = x @ Wx + b, h0.copy(), []
    for t in range(x.shape[1]):
        h = np.tanh(a[:, t] + h @ Wh)
        states += [h]
    return np.array(states).transpose(1, 0, 2)


@rnn_forward.variant("one sequence after the other")
def _(x, h0, Wx, Wh, b):
    rows = [rnn_forward_reference(x[n : n + 1], h0[n : n + 1], Wx, Wh, b) for n in range(len(x))]
    return np.concatenate(rows)


@rnn_forward.landmark("`h[0, -1, 0] ≈ 0.439`")
def _(f):
    x = np.ones((1, 4, 3))
    return f(x, np.zeros((1, 2)), np.full((3, 2), 0.1), np.full((2, 2), 0.2), np.zeros(2))[0, -1, 0]
