"""`scalar_forward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.registry import Exercise


def scalar_forward_reference(x, h0, w_xh, w_hh, b):
    h, states = h0, []
    for x_t in x:
        h = np.tanh(w_xh * x_t + w_hh * h + b)
        states.append(h)
    return np.array(states)


def scalar_case(rng, *, T=(4, 6)):
    # Signs and sizes differ, and the sums stay small: where tanh saturates, a mistake would not show.
    return {
        "x": rng.choice([-1, 1], size=T) * rng.uniform(0.2, 0.9, size=T),
        "h0": float(rng.choice([-1, 1]) * rng.uniform(0.3, 0.7)),
        "w_xh": float(rng.uniform(0.5, 0.9)),
        "w_hh": float(rng.choice([-1, 1]) * rng.uniform(1.1, 1.6)),
        "b": float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.4)),
    }


scalar_forward = Exercise("scalar_forward", "02", scalar_forward_reference, ("h",), scalar_case)


@scalar_forward.extreme("inputs of 0 among others, a first state of 0", "A 0 is a number like any other: where x[t] or h0 is 0, the rest of the step stays.")
def _(rng):
    case = scalar_case(rng, T=5)
    return case | {"x": case["x"] * [1, 0, 1, 0, 1], "h0": 0.0}


@scalar_forward.extreme(
    "whole numbers",
    "Right with fractions, wrong with whole numbers: an array made after the pattern of x or of h0 (np.empty_like, np.full, "
    "dtype=x.dtype) holds whole numbers then, and cuts the states off.",
)
def _(rng):
    return {"x": np.array([1, -1, 0, 2]), "h0": 0, "w_xh": 0.3, "w_hh": -1.2, "b": 0.1}


@scalar_forward.extreme(
    "sums in the thousands", "tanh by exponentials overflows: exp(a) / exp(a) is inf / inf. np.tanh does not."
)
def _(rng):
    return scalar_case(rng, T=5) | {"x": np.array([3000.0, -0.2, 0.5, -4000.0, 0.3])}


@scalar_forward.extreme("a hundred steps from 0", "Right for a few steps, wrong for many. Is their number a fixed one?")
def _(rng):
    return scalar_case(rng, T=100) | {"h0": 0.0}


@scalar_forward.oracle("the nested formula, as a recursion from the last state")
def _(x, h0, w_xh, w_hh, b):
    def state(t):
        if t == 0:
            return h0
        a = w_xh * x[t - 1] + w_hh * state(t - 1) + b
        return math.copysign(2 / (math.exp(-2 * abs(a)) + 1) - 1, a)

    return np.array([state(t) for t in range(1, len(x) + 1)]) if len(x) < 20 else NotImplemented


@scalar_forward.oracle("torch.nn.RNN with one unit", needs_torch=True)
def _(x, h0, w_xh, w_hh, b):
    import torch

    rnn = torch.nn.RNN(1, 1, dtype=torch.float64)
    inputs, start = torch.tensor(x, dtype=torch.float64), torch.full((1, 1), h0, dtype=torch.float64)
    with torch.no_grad():
        values = (rnn.weight_ih_l0, w_xh), (rnn.weight_hh_l0, w_hh), (rnn.bias_ih_l0, b), (rnn.bias_hh_l0, 0.0)
        for parameter, value in values:
            parameter.fill_(value)
        return rnn(inputs[:, None], start)[0][:, 0].numpy()


STEP = "np.tanh(w_xh * x_t + w_hh * h + b)"

scalar_forward.mistake(
    "no-tanh",
    "The sums are right, but nothing squashes them: each state is tanh of its sum.",
    (STEP, "w_xh * x_t + w_hh * h + b"),
)
scalar_forward.mistake(
    "tanh-at-the-end",
    "You carry the sum a_t on and squash only what you store. What goes into the next step is h_t = tanh(a_t).",
    (STEP, "w_xh * x_t + w_hh * h + b"),
    ("append(h)", "append(np.tanh(h))"),
)
scalar_forward.mistake(
    "tanh-twice",
    "tanh is applied twice to what you store. h is tanh of the sum already: store it as it is.",
    ("append(h)", "append(np.tanh(h))"),
)
scalar_forward.mistake("no-bias", "The bias `b` is missing from the sum.", (" + b)", ")"))
scalar_forward.mistake(
    "bias-outside", "The bias is added after tanh. It belongs inside, into the sum: tanh(… + b).", (" + b)", ") + b")
)
scalar_forward.mistake(
    "state-outside",
    "w_hh · h_(t−1) is added after tanh. It belongs inside, beside w_xh · x_t: tanh squashes their sum.",
    (STEP, "np.tanh(w_xh * x_t + b) + w_hh * h"),
)
scalar_forward.mistake(
    "two-tanhs",
    "You squash the two products one by one. tanh is applied once, to their sum with the bias.",
    (" + w_hh", ") + np.tanh(w_hh"),
)
scalar_forward.mistake(
    "state-added",
    "You add the old state to the new one. It has its place inside, as w_hh · h_(t−1), and only there.",
    ("h = np.tanh", "h = h + np.tanh"),
)
scalar_forward.mistake(
    "starts-from-zero",
    "Your first step starts from 0. It starts from `h0`, which need not be 0.",
    ("states = h0, []", "states = 0.0, []"),
)
scalar_forward.mistake(
    "toy-start",
    "You start from 0.1, as the example does. Another call hands over another start: `h0`.",
    ("states = h0, []", "states = 0.1, []"),
)
scalar_forward.mistake(
    "toy-weights",
    "You compute with 2, 3 and 1, the numbers of the example. Take the arguments: w_xh, w_hh, b.",
    ("w_xh *", "2 *"),
    ("w_hh *", "3 *"),
    ("+ b)", "+ 1)"),
)
scalar_forward.mistake(
    "state-not-carried",
    "Every step starts from `h0`. Step t starts from the state that step t − 1 left: give it one name in the loop.",
    ("* h +", "* h0 +"),
)
scalar_forward.mistake(
    "no-state",
    "The old state does not take part: each sum has the term w_hh · h_(t−1).",
    (" + w_hh * h", ""),
)
scalar_forward.mistake(
    "state-without-its-weight", "You add h itself. It is multiplied first: w_hh · h_(t−1).", ("w_hh * h", "h")
)
scalar_forward.mistake(
    "weights-swapped",
    "The two weights are swapped: w_xh goes with the input x_t, w_hh with the old state.",
    ("w_xh * x_t + w_hh * h", "w_hh * x_t + w_xh * h"),
)
scalar_forward.mistake(
    "coefficient-multiplied",
    "The old state gets w_xh · w_hh (with 2 and 3 the slides' 6h). It is not multiplied by w_xh: the sum is "
    "w_xh · x_t + w_hh · h_(t−1) + b.",
    ("w_hh * h", "w_xh * w_hh * h"),
)
scalar_forward.mistake(
    "h0-counted",
    "You return T + 1 states, h0 among them. Wanted are h_1 … h_T, one for each input.",
    ("h0, []", "h0, [h0]"),
)
scalar_forward.mistake(
    "one-step-late",
    "You store the state before each step: your list begins with h0 and lacks h_T. Compute first, then append.",
    (f"        h = {STEP}\n        states.append(h)\n", f"        states.append(h)\n        h = {STEP}\n"),
)
scalar_forward.mistake(
    "last-only",
    "You return the last state alone; all T of them are wanted, shape (T,).",
    ("np.array(states)", "h"),
)
scalar_forward.mistake(
    "appended-after-the-loop",
    "Only the last state is in your list: `append` stands after the loop, or the list begins anew in every round.",
    ("        states.append(h)", "    states.append(h)"),
)
scalar_forward.mistake(
    "first-input-always", "Every step reads x[0]. Each step reads its own input, x_t.", ("* x_t", "* x[0]")
)
scalar_forward.mistake(
    "three-steps-always",
    "You always take three steps. The toy example has three inputs; another x has more: go through x itself, "
    "for x_t in x.",
    ("x_t in x:", "x_t in x[:3]:"),
)
scalar_forward.mistake(
    "h0-in-first-place",
    "Your first state is h0 itself, and x[0] is never read. The first state is the one after x[0].",
    ("h0, []", "h0, [h0]"),
    ("x_t in x:", "x_t in x[1:]:"),
)
scalar_forward.mistake(
    "weight-times-everything",
    "w_xh multiplies the state and the bias as well: a bracket reaches too far. It belongs to x_t alone.",
    ("w_xh * x_t + w_hh * h + b", "w_xh * (x_t + w_hh * h + b)"),
)
scalar_forward.mistake(
    "product-for-sum",
    "You multiply the two products with each other. They are added: w_xh · x_t + w_hh · h_(t−1) + b.",
    ("x_t + w_hh", "x_t * w_hh"),
)
scalar_forward.mistake("tangent", "np.tan is the tangent. The squashing function is np.tanh.", ("np.tanh", "np.tan"))


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


scalar_forward.landmark("""
    x = np.array([-0.4, -1.0, -0.9])
    scalar_forward(x, 0.1, 2, 3, 1)[2]   # ≈ 0.296
""")
