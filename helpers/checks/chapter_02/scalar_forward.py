"""`scalar_forward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.registry import Exercise

TOY = {"x": np.array([-0.4, -1.0, -0.9]), "h0": 0.1}
"""The chapter's example; its weights are w_xh = 2, w_hh = 3, b = 1."""


def scalar_states(x, h0, w_xh, w_hh, b):
    h, states = h0, []
    for x_t in x:
        h = np.tanh(w_xh * x_t + w_hh * h + b)
        states.append(h)
    return np.array(states)


def scalar_case(rng):
    # Signs and sizes differ, and the sums stay small: where tanh saturates, a mistake would not show.
    T = rng.integers(4, 7)
    return {
        "x": rng.choice([-1, 1], size=T) * rng.uniform(0.2, 0.9, size=T),
        "h0": float(rng.choice([-1, 1]) * rng.uniform(0.3, 0.7)),
        "w_xh": float(rng.uniform(0.5, 0.9)),
        "w_hh": float(rng.choice([-1, 1]) * rng.uniform(1.1, 1.6)),
        "b": float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.4)),
    }


scalar_forward = Exercise("scalar_forward", "02", scalar_states, ("h",), scalar_case)


@scalar_forward.oracle("the nested formula, as a recursion from the last state")
def _(x, h0, w_xh, w_hh, b):
    def state(t):
        if t == 0:
            return h0
        grown = math.exp(2 * (w_xh * x[t - 1] + w_hh * state(t - 1) + b))
        return (grown - 1) / (grown + 1)

    return np.array([state(t) for t in range(1, len(x) + 1)])


@scalar_forward.oracle("torch.nn.RNN with one unit", needs_torch=True)
def _(x, h0, w_xh, w_hh, b):
    import torch

    rnn = torch.nn.RNN(1, 1, dtype=torch.float64)
    with torch.no_grad():
        values = (rnn.weight_ih_l0, w_xh), (rnn.weight_hh_l0, w_hh), (rnn.bias_ih_l0, b), (rnn.bias_hh_l0, 0.0)
        for parameter, value in values:
            parameter.fill_(value)
        return rnn(torch.tensor(x)[:, None], torch.full((1, 1), h0, dtype=torch.float64))[0][:, 0].numpy()


@scalar_forward.misconception(
    "no-tanh", "The sums are right, but nothing squashes them: each state is tanh of its sum."
)
def _(x, h0, w_xh, w_hh, b):
    h, states = h0, []
    for x_t in x:
        h = w_xh * x_t + w_hh * h + b
        states.append(h)
    return np.array(states)


@scalar_forward.misconception(
    "tanh-at-the-end",
    "You carry the sum a_t on and squash only what you store. What goes into the next step is h_t = tanh(a_t).",
)
def _(x, h0, w_xh, w_hh, b):
    a, states = h0, []
    for x_t in x:
        a = w_xh * x_t + w_hh * a + b
        states.append(np.tanh(a))
    return np.array(states)


@scalar_forward.misconception("no-bias", "The bias `b` is missing from the sum.")
def _(x, h0, w_xh, w_hh, b):
    return scalar_states(x, h0, w_xh, w_hh, 0.0)


@scalar_forward.misconception(
    "bias-outside", "The bias is added after tanh. It belongs inside, into the sum: tanh(… + b)."
)
def _(x, h0, w_xh, w_hh, b):
    h, states = h0, []
    for x_t in x:
        h = np.tanh(w_xh * x_t + w_hh * h) + b
        states.append(h)
    return np.array(states)


@scalar_forward.misconception(
    "starts-from-zero", "Your first step starts from 0. It starts from `h0`, which need not be 0."
)
def _(x, h0, w_xh, w_hh, b):
    return scalar_states(x, 0.0, w_xh, w_hh, b)


@scalar_forward.misconception(
    "state-not-carried",
    "Every step starts from `h0`. Step t starts from the state that step t − 1 left: give it one name in the loop.",
)
def _(x, h0, w_xh, w_hh, b):
    return np.tanh(w_xh * x + w_hh * h0 + b)


@scalar_forward.misconception(
    "no-state", "The old state does not take part: each sum has the term w_hh · h_(t−1)."
)
def _(x, h0, w_xh, w_hh, b):
    return np.tanh(w_xh * x + b)


@scalar_forward.misconception(
    "weights-swapped", "The two weights are swapped: w_xh goes with the input x_t, w_hh with the old state."
)
def _(x, h0, w_xh, w_hh, b):
    return scalar_states(x, h0, w_hh, w_xh, b)


@scalar_forward.misconception(
    "coefficient-multiplied",
    "The old state gets w_xh · w_hh (with 2 and 3 the slides' 6h). It is not multiplied by w_xh: the sum is "
    "w_xh · x_t + w_hh · h_(t−1) + b.",
)
def _(x, h0, w_xh, w_hh, b):
    return scalar_states(x, h0, w_xh, w_xh * w_hh, b)


@scalar_forward.misconception(
    "h0-counted", "You return T + 1 states, h0 among them. Wanted are h_1 … h_T, one for each input."
)
def _(x, h0, w_xh, w_hh, b):
    return np.concatenate([[h0], scalar_states(x, h0, w_xh, w_hh, b)])


@scalar_forward.misconception(
    "one-step-late", "You store the state before each step: your list begins with h0 and lacks h_T."
)
def _(x, h0, w_xh, w_hh, b):
    return np.concatenate([[h0], scalar_states(x, h0, w_xh, w_hh, b)[:-1]])


@scalar_forward.misconception("last-only", "You return the last state alone; all T of them are wanted, shape (T,).")
def _(x, h0, w_xh, w_hh, b):
    return scalar_states(x, h0, w_xh, w_hh, b)[-1]


@scalar_forward.misconception(
    "first-input-always", "Every step reads x[0]. Step t reads its own input, x[t − 1] when t counts from 1."
)
def _(x, h0, w_xh, w_hh, b):
    return scalar_states(np.full_like(x, x[0]), h0, w_xh, w_hh, b)


@scalar_forward.misconception(
    "three-steps-always",
    "You always take three steps. The toy example has three inputs; another x has more: go through x itself, "
    "for x_t in x.",
)
def _(x, h0, w_xh, w_hh, b):
    return scalar_states(x[:3], h0, w_xh, w_hh, b)


@scalar_forward.variant("an array made beforehand")
def _(x, h0, w_xh, w_hh, b):
    h = np.empty(len(x))
    for t in range(len(x)):
        before = h[t - 1] if t > 0 else h0
        h[t] = math.tanh(w_xh * x[t] + w_hh * before + b)
    return h


@scalar_forward.variant("T + 1 states, the first cut off")
def _(x, h0, w_xh, w_hh, b):
    h = [h0]
    for x_t in x:
        h += [np.tanh(b + np.dot([w_xh, w_hh], [x_t, h[-1]]))]
    return np.array(h[1:])


@scalar_forward.landmark("`scalar_forward(x, h0, 2, 3, 1)[2] ≈ 0.296`")
def _(f):
    return f(TOY["x"], TOY["h0"], 2.0, 3.0, 1.0)[2]
