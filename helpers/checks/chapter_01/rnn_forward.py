"""`rnn_forward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_01.rnn_step import rnn_step_reference as rnn_step
from helpers.checks.chapter_01.rnn_step import step_cases
from helpers.checks.registry import Exercise


def rnn_forward_reference(x, h0, Wx, Wh, b):
    states, h = [], h0
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)


def _cases(rng, *, N=(2, 3), T=(4, 5), D=(6, 7), H=(8, 9)):
    case = step_cases(rng, N=N, D=D, H=H)
    return {"x": rng.normal(size=(N, T, D)), "h0": case["h_prev"], **{k: case[k] for k in ("Wx", "Wh", "b")}}


rnn_forward = Exercise("rnn_forward", "01", rnn_forward_reference, ("h",), _cases)


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


rnn_forward.landmark("""
    x, h0 = np.ones((1, 4, 3)), np.full((1, 2), 0.5)
    rnn_forward(x, h0, np.full((3, 2), 0.1), np.full((2, 2), 0.2), np.full(2, 0.1))[0, -1, 0]   # ≈ 0.551
""")


@rnn_forward.extreme(
    "thirty steps from zeros, D = H", "Right for a few steps, wrong for many. Is their number, or an axis, a fixed one?"
)
def _(rng):
    return _cases(rng, N=2, T=30, D=4, H=4) | {"h0": np.zeros((2, 4))}


rnn_forward.mistake(
    "state-not-carried",
    "Every step starts from `h0` again: inside the loop the new h has to become the old one.",
    ("x[:, t], h, Wx", "x[:, t], h0, Wx"),
)
rnn_forward.mistake(
    "ignores-h0",
    "You start from zeros; the first step has to start from `h0`.",
    ("states, h = [], h0", "states, h = [], np.zeros_like(h0)"),
)
rnn_forward.mistake(
    "time-first",
    "Your states are (T, N, H), time first, as a list of states is, too: `np.stack(states, axis=1)` makes (N, T, H).",
    ("axis=1", "axis=0"),
)
rnn_forward.mistake(
    "view-for-transpose",
    "The shape is (N, T, H), but the numbers are mixed across sequences: you reshaped (T, N, H) where an axis has to be "
    "moved. Use `np.stack(states, axis=1)`.",
    ("np.stack(states, axis=1)", "np.stack(states).reshape(len(x), x.shape[1], -1)"),
)
rnn_forward.mistake(
    "before-the-step",
    "You keep the state *before* each step: h[:, 0] has to be the state after the first word.",
    (
        "        h = rnn_step(x[:, t], h, Wx, Wh, b)\n        states.append(h)\n",
        "        states.append(h)\n        h = rnn_step(x[:, t], h, Wx, Wh, b)\n",
    ),
)
rnn_forward.mistake(
    "last-only",
    "You return the last state only; all T of them are wanted, (N, T, H).",
    ("np.stack(states, axis=1)", "h"),
)
rnn_forward.mistake(
    "h0-in-first-place",
    "h[:, 0] is h0 itself, and the first word is never read. h[:, 0] has to be the state after x[:, 0].",
    ("states, h = [], h0", "states, h = [h0], h0"),
    ("range(x.shape[1])", "range(1, x.shape[1])"),
)
rnn_forward.mistake(
    "first-word-twice",
    "The first word is read twice, before the loop and in it. The loop begins with h = h0.",
    ("states, h = [], h0", "states, h = [], rnn_step(x[:, 0], h0, Wx, Wh, b)"),
)
rnn_forward.mistake(
    "h0-counted",
    "You return T + 1 states, h0 among them. Wanted are the T states after each step.",
    ("states, h = [], h0", "states, h = [h0], h0"),
)
rnn_forward.mistake(
    "loops-over-the-batch",
    "The loop runs N times. Axis 0 counts the sequences, which go through each step side by side; the steps are axis 1: "
    "`range(x.shape[1])`.",
    ("range(x.shape[1])", "range(len(x))"),
)
rnn_forward.mistake(
    "appended-after-the-loop",
    "Only the last state is in the list: does `states.append(h)` stand after the loop, or `states = []` inside it?",
    ("        states.append(h)", "    states.append(h)"),
)
rnn_forward.mistake(
    "sequence-for-step",
    "x[t] is the t-th *sequence*, (T, D), as is each of `for … in x`. The t-th word of every sequence is `x[:, t]`, (N, D).",
    ("x[:, t]", "x[t]"),
)
rnn_forward.mistake(
    "no-tanh",
    "The sums are right, but no tanh squashes them. Call your rnn_step, which does it.",
    ("rnn_step(x[:, t], h, Wx, Wh, b)", "x[:, t] @ Wx + h @ Wh + b"),
)
rnn_forward.mistake("no-bias", "The bias b is missing from each step.", ("h, Wx, Wh, b)", "h, Wx, Wh, 0 * b)"))
rnn_forward.mistake("transposed-Wh", "It is h @ Wh, not h @ Wh.T.", ("h, Wx, Wh, b)", "h, Wx, Wh.T, b)"))
rnn_forward.mistake("same-input", "Every step reads x[:, 0]. Step t reads `x[:, t]`.", ("x[:, t]", "x[:, 0]"))
rnn_forward.mistake(
    "backwards-and-sorted-back",
    "You read the sequence from its end, and put the states in order again. A state knows what came before it: time runs "
    "forwards.",
    ("x[:, t]", "x[:, -1 - t]"),
    ("states, axis=1", "states[::-1], axis=1"),
)
rnn_forward.mistake(
    "one-buffer",
    "All T states are the last one: the list holds the same array T times, and each step writes over it. Make a new one "
    "in each round, `h = …`, not `h[:] = …`.",
    ("[], h0", "[], h0.copy()"),
    ("        h = ", "        h[:] = "),
)
rnn_forward.mistake(
    "writes-into-h0",
    "`h[:] = …` writes into h0, which is the caller's, and the list holds that one array T times. Make a new state in each "
    "round: `h = …`.",
    ("        h = ", "        h[:] = "),
)
rnn_forward.mistake(
    "input-and-state-exchanged",
    "Input and state have changed places: the order is rnn_step(x, h_prev, Wx, Wh, b), the input first.",
    ("x[:, t], h,", "h, x[:, t],"),
)
rnn_forward.mistake(
    "tanh-twice",
    "tanh is applied a second time. Your rnn_step already ends with it: what it returns is the new state.",
    ("rnn_step(x[:, t], h, Wx, Wh, b)", "np.tanh(rnn_step(x[:, t], h, Wx, Wh, b))"),
)
rnn_forward.mistake(
    "added-to-the-old-state",
    "You add the new state to the old one. What rnn_step returns takes its place: h = rnn_step(…), not h + rnn_step(…).",
    ("        h = rnn_step", "        h = h + rnn_step"),
)
rnn_forward.mistake(
    "first-sequence-only",
    "Only the first sequence of the batch is run. All N go through a step side by side: `x[:, t]`, and all of `h0`.",
    ("[], h0", "[], h0[:1]"),
    ("x[:, t]", "x[:1, t]"),
)
rnn_forward.mistake(
    "room-like-the-input's",
    "You make the room for the states in the shape of x, with D columns. A state has H: (N, T, H).",
    ("states, h = [], h0", "states, h = np.zeros_like(x), h0"),
    ("states.append(h)", "states[:, t] = h"),
    ("np.stack(states, axis=1)", "states"),
)
rnn_forward.mistake(
    "four-steps",
    "The loop runs four times, as in the example. A sequence may have any length: `range(x.shape[1])`.",
    ("range(x.shape[1])", "range(4)"),
)
rnn_forward.mistake(
    "sizes-of-another-cell",
    "The room for the states has fixed sizes (numbers, or N and H of another cell). Take them from the arguments: N is "
    "`len(x)`, and H is `len(b)`.",
    ("states, h = [], h0", "states, h = np.zeros((2, x.shape[1], 4)), h0"),
    ("states.append(h)", "states[:, t] = h"),
    ("np.stack(states, axis=1)", "states"),
)


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
