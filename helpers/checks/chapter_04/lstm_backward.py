"""`lstm_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_04.lstm_step import lstm_step_by_tanh
from helpers.checks.chapter_04.lstm_step import lstm_step_reference as lstm_step
from helpers.checks.chapter_04.lstm_step_backward import lstm_step_backward_reference as lstm_step_backward
from helpers.checks.chapter_04.steps import shifted, torch_gradients, torch_module
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def lstm_backward_reference(dh, x, h0, c0, Wx, Wh, b):
    T = x.shape[1]
    hs, cs = [h0], [c0]
    for t in range(T):
        h, c = lstm_step(x[:, t], hs[-1], cs[-1], Wx, Wh, b)
        hs.append(h)
        cs.append(c)
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh_next, dc_next = np.zeros_like(h0), np.zeros_like(c0)
    for t in reversed(range(T)):
        dx[:, t], dh_next, dc_next, dWx_t, dWh_t, db_t = lstm_step_backward(
            dh[:, t] + dh_next, dc_next, x[:, t], hs[t], cs[t], Wx, Wh, b
        )
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dh_next, dc_next, dWx, dWh, db


def sequence_cases(rng, *, N=(2, 3), T=(6, 7), H=(5, 5), D=(4, 4)):
    return {
        "dh": rng.normal(size=(N, T, H)),
        "x": rng.normal(size=(N, T, D)),
        "h0": np.tanh(rng.normal(size=(N, H))),
        "c0": rng.normal(size=(N, H)),
        "Wx": rng.normal(size=(D, 4 * H)) / np.sqrt(D),
        "Wh": rng.normal(size=(H, 4 * H)) / np.sqrt(H),
        "b": rng.normal(size=4 * H),
    }


GRADIENTS = ("dx", "dh0", "dc0", "dWx", "dWh", "db")

lstm_backward = Exercise("lstm_backward", "04", lstm_backward_reference, GRADIENTS, sequence_cases, rounds=3)


@lstm_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh, x, h0, c0, Wx, Wh, b):
    if dh.size > 150 or np.abs(dh).max() > 10:
        return NotImplemented

    def loss(_):
        h, c, total = h0, c0, 0.0
        for t in range(x.shape[1]):
            h, c = lstm_step_by_tanh(x[:, t], h, c, Wx, Wh, b)
            total += np.vdot(h, dh[:, t])
        return total

    return tuple(numerical_gradient(loss, argument) for argument in (x, h0, c0, Wx, Wh, b))


@lstm_backward.oracle("torch.nn.LSTM and autograd", needs_torch=True)
def _(dh, x, h0, c0, Wx, Wh, b):
    import torch

    lstm = torch_module("LSTM", Wx, Wh, b, 0 * b, batch_first=True)
    x, h0, c0 = leaves = [torch.tensor(value, requires_grad=True) for value in (x, h0, c0)]
    h, _ = lstm(x, (h0[None], c0[None]))
    h.backward(torch.tensor(dh))
    dWx, dWh, db, _ = torch_gradients(lstm)
    return *(leaf.grad.numpy() for leaf in leaves), dWx, dWh, db


@lstm_backward.extreme("gradients far above 1", "Gradients above 1 travel on as they are: nothing is clipped here.")
def _(rng):
    case = sequence_cases(rng, N=2, T=6, H=5, D=4)
    return case | {"dh": 30 * case["dh"]}


@lstm_backward.extreme(
    "a long sequence with open gates",
    "Right for short sequences, wrong for a long one: the gradient goes back through *all* steps, however many.",
)
def _(rng):
    return shifted(sequence_cases(rng, N=2, T=40, H=5, D=4), "b", 0, 4, 0, 0)


mistake = lstm_backward.mistake
STATES = "hs[t], cs[t]"
SUMS = ("dWx += dWx_t", "dWh += dWh_t", "db += db_t")

# What goes into a step
mistake(
    "dh-next-forgotten",
    "Each step gets dh[:, t] alone. h_t is used twice, for the loss at t and by step t + 1, so both gradients add up: "
    "dh[:, t] + dh_next, with dh_next the dh_prev that step t + 1 returned.",
    ("dh[:, t] + dh_next", "dh[:, t]"),
)
mistake(
    "only-the-last-dh",
    "dh[:, t] is looked at for the last step only. There is a gradient for the state at *every* step: start "
    "dh_next from zeros, and give each step dh[:, t] + dh_next.",
    ("dh_next, dc_next = np.zeros_like(h0)", "dh_next, dc_next = dh[:, -1]"),
    ("dh[:, t] + dh_next", "dh_next"),
)
mistake(
    "last-dh-twice",
    "dh_next starts as dh[:, -1], and the loop then adds dh[:, -1] once more. After the last step comes nothing: start "
    "from zeros.",
    ("dh_next, dc_next = np.zeros_like(h0)", "dh_next, dc_next = dh[:, -1]"),
)
mistake(
    "dc-starts-as-dh",
    "dc starts as dh[:, -1]. Nothing after the last step reads the cell, so dc starts from zeros; what reaches the "
    "cell through h is worked out inside the step.",
    ("np.zeros_like(c0)", "dh[:, -1]"),
)
mistake(
    "dh-added-to-dc-too",
    "dh[:, t] is added to dc as well. It is the gradient at h_t; what it does to the cell is worked out inside the step. "
    "dc is handed over as step t + 1 returned it.",
    ("dh_next, dc_next, x[:, t], hs", "dh_next, dc_next + dh[:, t], x[:, t], hs"),
)
mistake(
    "dh-added-to-dc-instead",
    "dh[:, t] is added to dc. It is the gradient at h_t: it goes with dh_next, dh[:, t] + dh_next, and dc is handed over "
    "as it is.",
    ("dh[:, t] + dh_next, dc_next, x", "dh_next, dc_next + dh[:, t], x"),
)
mistake(
    "dh-in-place",
    "The numbers are right, but `dh[:, t] += dh_next` writes into the caller's gradient. `dh[:, t] + dh_next` makes a "
    "new array.",
    ("dh[:, t] + dh_next", "np.add(dh[:, t], dh_next, out=dh[:, t])"),
)

# What is carried
mistake(
    "dc-not-carried",
    "Every step gets a dc of zeros: the dc_prev that a step returns is the next round's dc. It is the long memory's "
    "path.",
    ("dh_next, dc_next, x[:, t], hs", "dh_next, np.zeros_like(c0), x[:, t], hs"),
)
mistake(
    "nothing-carried",
    "Every step is on its own: dh_prev and dc_prev of step t have to go into step t − 1, as dh_next and dc. As it stands "
    "the gradient is cut after one step.",
    ("dh[:, t] + dh_next, dc_next, x", "dh[:, t], np.zeros_like(c0), x"),
)
CARRIED = ("dx[:, t], dh_next, dc_next,", "dx[:, t], dh_prev, dc_prev,")
mistake(
    "carried-summed-h",
    "dh_next grows: you add the new dh_prev to the old dh_next. It replaces it, the old one has been used up.",
    CARRIED,
    ("        dWx += dWx_t", "        dh_next, dc_next = dh_next + dh_prev, dc_prev\n        dWx += dWx_t"),
)
mistake(
    "carried-summed-c",
    "dc grows: you add the new dc_prev to the old dc. It replaces it; the step has used the old one, and multiplied it "
    "by f.",
    CARRIED,
    ("        dWx += dWx_t", "        dh_next, dc_next = dh_prev, dc_next + dc_prev\n        dWx += dWx_t"),
)
mistake(
    "carried-summed",
    "dh_next and dc grow: what a step returns is added to what went into it. It replaces it; the step has used the old "
    "ones.",
    CARRIED,
    ("        dWx += dWx_t", "        dh_next, dc_next = dh_next + dh_prev, dc_next + dc_prev\n        dWx += dWx_t"),
)
mistake(
    "carried-swapped",
    "dh_prev and dc_prev have changed places between two steps: dh_next takes dh_prev, dc takes dc_prev.",
    CARRIED,
    ("        dWx += dWx_t", "        dh_next, dc_next = dc_prev, dh_prev\n        dWx += dWx_t"),
    ("dh_next, dc_next, dWx, dWh, db", "dh_prev, dc_prev, dWx, dWh, db"),
)
mistake(
    "dh-added-afterwards",
    "dh[:, t] is added to what step t hands back, one step too late. It belongs to h_t, which step t *made*: add it to "
    "dh_next before the step.",
    ("dh[:, t] + dh_next, dc_next, x", "dh_next, dc_next, x"),
    ("        dWx += dWx_t", "        dh_next = dh_next + dh[:, t]\n        dWx += dWx_t"),
)
mistake(
    "dh-of-the-step-before",
    "The step t gets dh[:, t − 1], the gradient at the state it started from. It starts back from the state it *made*: "
    "dh[:, t].",
    ("dh[:, t] + dh_next", "(dh[:, t - 1] if t else 0) + dh_next"),
)
LATER = "        dWx += dWx_t"
for _words, _cut in (
    ("after-four", "        if t < T - 4:\n            break\n"),
    ("in-windows", "        if (T - 1 - t) % 4 == 0:\n            dh_next, dc_next = np.zeros_like(h0), np.zeros_like(c0)\n"),
):
    mistake(
        f"truncated-{_words}",
        "The gradient is cut after a few steps. That is truncated backpropagation through time; here it travels all the "
        f"way back to h0 and c0{'' if _words == 'after-four' else ', across every window'}.",
        ("        dx[:, t], dh_next", f"{_cut}        dx[:, t], dh_next"),
    )
for _what, _clipped in (
    ("both", "dh_next, dc_next = np.clip(dh_next, -1, 1), np.clip(dc_next, -1, 1)"),
    ("dh", "dh_next = np.clip(dh_next, -1, 1)"),
    ("dc", "dc_next = np.clip(dc_next, -1, 1)"),
):
    mistake(
        f"clipped-{_what}",
        f"What travels back ({_what.replace('both', 'dh and dc')}) is clipped to −1 … 1. Clipping, where it is wanted, is done "
        "once, with the finished gradients (chapter 3); in here they pass as they are.",
        (LATER, f"        {_clipped}\n{LATER}"),
    )

# In which order
mistake(
    "forward-in-time",
    "The loop runs from the first step to the last. What comes back from step t + 1 must be there before step t: "
    "`reversed(range(T))`.",
    ("reversed(range(T))", "range(T)"),
)
mistake(
    "first-step-skipped",
    "The loop stops before t = 0: range(T − 1, 0, −1) leaves the first step out. `reversed(range(T))`, or "
    "`range(T - 1, -1, -1)`.",
    ("reversed(range(T))", "range(T - 1, 0, -1)"),
)
mistake(
    "empty-loop",
    "All gradients are zero. Either the loop never ran: `range(T - 1, 0)` is empty, take `reversed(range(T))`. Or dh is never "
    "used: each step gets dh[:, t] + dh_next.",
    ("reversed(range(T))", "range(T - 1, 0)"),
)
mistake(
    "returned-too-early",
    "Only the last step is worked out: `return` stands inside the loop, or the loop ends after its first round.",
    ("    return dx", "        return dx"),
)
mistake(
    "batch-for-time",
    "The loops run over N steps, not over T: len(x) is the number of sequences. x is (N, T, D), so T is `x.shape[1]`.",
    ("x.shape[1]", "x.shape[0]"),
)

for _name, _old in (("x", "lstm_step(x[:, t]"), ("dh", "dh[:, t] + dh_next")):
    mistake(
        f"{_name}-time-first",
        f"{_name}[t] is the t-th *sequence*. Batch first: what belongs to step t is `{_name}[:, t]`.",
        (_old, _old.replace("[:, t]", "[t]")),
    )
mistake(
    "time-first-throughout",
    "x[t], dh[t] and dx[t] are the t-th *sequence*: all three are (N, T, …). What belongs to step t is `x[:, t]`, `dh[:, t]`, "
    "`dx[:, t]`.",
    ("lstm_step(x[:, t]", "lstm_step(x[t]"),
    ("dx[:, t], dh_next", "dx[t], dh_next"),
    ("dh[:, t] + dh_next, dc_next, x[:, t]", "dh[t] + dh_next, dc_next, x[t]"),
)
mistake(
    "states-for-gradients",
    "You begin on the way back with the states h0 and c0. What goes back are gradients, and none comes from after the last step: "
    "zeros.",
    ("np.zeros_like(h0), np.zeros_like(c0)", "h0, c0"),
)
mistake(
    "time-first",
    "x and dh are read as (T, N, …), time first: x[t] is the t-th *sequence*, and len(x) counts sequences. Batch first: "
    "T is `x.shape[1]`, and what belongs to step t is `x[:, t]` and `dh[:, t]`.",
    ("x.shape[1]", "len(x)"),
    ("lstm_step(x[:, t]", "lstm_step(x[t]"),
    ("dx[:, t], dh_next", "dx[t], dh_next"),
    ("dh[:, t] + dh_next", "dh[t] + dh_next"),
    ("dc_next, x[:, t]", "dc_next, x[t]"),
)

# Which state
mistake(
    "new-state-for-old",
    "Step t is given h_t and c_t as its previous states. Those are what it *made*; it started from those of t − 1. With "
    "h0 and c0 first in the lists, `hs[t]` and `cs[t]` are the ones before step t.",
    (STATES, "hs[t + 1], cs[t + 1]"),
)
mistake(
    "one-state-too-early",
    "Step t is given the states from before step t − 1, one too early. The state before step t is that after step t − 1.",
    (STATES, "hs[max(t - 1, 0)], cs[max(t - 1, 0)]"),
)
mistake(
    "always-h0-c0",
    "Every step starts from h0 and c0. Keep the states of the forward pass and give each step the ones it started from.",
    (STATES, "h0, c0"),
)
mistake(
    "last-state-everywhere",
    "Every step is given the states left over at the end of the forward pass. Keep all of them, in two lists or arrays, "
    "and give step t those from before it.",
    (STATES, "h, c"),
)
mistake(
    "wraps-around",
    "All steps are right but the first: place t − 1 at t = 0 is place −1, in Python the *last* one. Put h0 and c0 in "
    "front, so that `hs[t]` and `cs[t]` are the ones before step t.",
    (STATES, "hs[1:][t - 1], cs[1:][t - 1]"),
)
mistake(
    "forward-not-carried",
    "In the forward pass every step starts from h0 and c0 again. The new state has to become the old one.",
    ("hs[-1], cs[-1]", "h0, c0"),
)
mistake(
    "forward-cell-not-carried",
    "In the forward pass h goes on from step to step, but every step starts from the cell c0 again. Both new ones become "
    "the old ones.",
    ("hs[-1], cs[-1]", "hs[-1], c0"),
)
mistake(
    "forward-h-not-carried",
    "In the forward pass c goes on from step to step, but every step starts from the state h0 again. Both new ones "
    "become the old ones.",
    ("hs[-1], cs[-1]", "h0, cs[-1]"),
)
mistake(
    "cell-never-carried",
    "Forward and backward, every step starts from the cell c0. Each forward step makes a new c: keep it, and start the "
    "next step from it.",
    ("hs[-1], cs[-1]", "hs[-1], c0"),
    (STATES, "hs[t], c0"),
)
mistake(
    "new-cell-for-old",
    "h is the one before the step, but the cell is the one after it. c_prev of step t is c after step t − 1: `cs[t]`.",
    (STATES, "hs[t], cs[t + 1]"),
)
mistake(
    "h-kept-twice",
    "h stands in both lists. Keep c of every step too, in `cs`: the next step starts from it, forward and backward.",
    ("cs.append(c)", "cs.append(h)"),
)
mistake(
    "starts-from-zeros",
    "The forward pass starts from zeros. It starts from h0 and c0.",
    ("[h0], [c0]", "[np.zeros_like(h0)], [np.zeros_like(c0)]"),
)
mistake(
    "c0-ignored",
    "The forward pass starts from a cell of zeros. It starts from c0.",
    ("[h0], [c0]", "[h0], [np.zeros_like(c0)]"),
)
mistake(
    "h0-ignored",
    "The forward pass starts from a state of zeros. It starts from h0.",
    ("[h0], [c0]", "[np.zeros_like(h0)], [c0]"),
)

# What is returned
mistake(
    "overwritten",
    "dWx, dWh and db hold the first step's share alone: each round overwrites them. The weights are the same at every "
    "step, so their gradients add up: `+=`.",
    *((each, each.replace("+=", "=")) for each in SUMS),
)
mistake(
    "last-step-only",
    "dWx, dWh and db hold the last step's share alone. The weights are the same at every step: add up all T.",
    *((each, f"{each} * (t == T - 1)") for each in SUMS),
)
for _words, _size in (("steps", "x.shape[1]"), ("batch", "len(x)")):
    mistake(
        f"averaged-over-{_words}",
        f"dWx, dWh and db are divided by {'NT'[_words == 'steps']}. Nothing was averaged over the {_words}: all shares add "
        "up. (If the loss is a mean, dh contains the division already.)",
        ("dc_next, dWx, dWh, db", f"dc_next, *(each / {_size} for each in (dWx, dWh, db))"),
    )
mistake(
    "state-gradient-zero",
    "dh0 and dc0 are zeros. They are the dh_prev and dc_prev that the step t = 0 returned: a loss depends on where the "
    "state started.",
    ("dh_next, dc_next, dWx, dWh, db", "np.zeros_like(h0), np.zeros_like(c0), dWx, dWh, db"),
)
mistake(
    "state-gradient-one-early",
    "dh0 and dc0 are what step t = 1 handed back. One more step: what step t = 0 returns as dh_prev and dc_prev.",
    ("        dx[:, t], dh_next", "        before = dh_next, dc_next\n        dx[:, t], dh_next"),
    ("dh_next, dc_next, dWx, dWh, db", "*before, dWx, dWh, db"),
)
mistake(
    "first-dh-added-to-dh0",
    "dh[:, 0] is added to dh0. It is the gradient at the state that step t = 0 *made*, and went into that step already; "
    "dh0 is what the step returns as dh_prev, nothing added.",
    ("dh_next, dc_next, dWx, dWh, db", "dh_next + dh[:, 0], dc_next, dWx, dWh, db"),
)
mistake(
    "dx-backwards",
    "dx runs backwards in time: appended in the order of the loop, the last step comes first. Fill dx[:, t], or reverse "
    "the list before stacking.",
    ("return dx,", "return dx[:, ::-1],"),
)
mistake(
    "dx-time-first",
    "dx is (T, N, D), time first. Stack along axis 1 to get (N, T, D).",
    ("return dx,", "return dx.transpose(1, 0, 2),"),
)
mistake(
    "dx-backwards-time-first",
    "dx is (T, N, D), time first, and the last step comes first in it. Fill dx[:, t] of an array (N, T, D).",
    ("return dx,", "return dx.transpose(1, 0, 2)[::-1],"),
)
mistake(
    "dx-reshaped",
    "dx has the right shape, but (T, N, D) was reshaped to it: reshape moves no axis, and the sequences are mixed. Stack "
    "along axis 1, or transpose(1, 0, 2).",
    ("return dx,", "return dx.transpose(1, 0, 2).reshape(dx.shape),"),
)
mistake(
    "dx-of-one-step",
    "dx is that of the first step only, (N, D). Every x[:, t] has its own: dx is (N, T, D).",
    ("return dx,", "return dx[:, 0],"),
)
mistake(
    "dx-summed",
    "dx is added up over the steps, (N, D). The weights are shared by all steps, the inputs are not: each x[:, t] has "
    "its own gradient.",
    ("return dx,", "return dx.sum(axis=1),"),
)


@lstm_backward.variant("recursion")
def _by_recursion(dh, x, h0, c0, Wx, Wh, b):
    if x.shape[1] == 0:
        return x, np.zeros_like(h0), np.zeros_like(c0), 0 * Wx, 0 * Wh, 0 * b
    h, c = lstm_step(x[:, 0], h0, c0, Wx, Wh, b)
    later, dh_next, dc, *sums = _by_recursion(dh[:, 1:], x[:, 1:], h, c, Wx, Wh, b)
    dx, dh0, dc0, *grads = lstm_step_backward(dh[:, 0] + dh_next, dc, x[:, 0], h0, c0, Wx, Wh, b)
    return np.concatenate([dx[:, None], later], axis=1), dh0, dc0, *map(np.add, sums, grads)


@lstm_backward.variant("arrays of T + 1 states, dx from the front of a list")
def _(dh, x, h0, c0, Wx, Wh, b):
    N, T, H = dh.shape
    h, c = np.zeros((2, N, T + 1, H), dtype=x.dtype)
    h[:, -1], c[:, -1] = h0, c0   # place −1 is the one before place 0
    for t in range(T):
        h[:, t], c[:, t] = lstm_step_by_tanh(x[:, t], h[:, t - 1], c[:, t - 1], Wx, Wh, b)
    grad = {"Wx": 0, "Wh": 0, "b": 0}
    dx, dnext = [], (0, 0)
    for t in range(T - 1, -1, -1):
        dx_t, *dnext, dWx, dWh, db = lstm_step_backward(
            dh[:, t] + dnext[0], dnext[1], x[:, t], h[:, t - 1], c[:, t - 1], Wx, Wh, b
        )
        dx.insert(0, dx_t)
        grad = {"Wx": grad["Wx"] + dWx, "Wh": grad["Wh"] + dWh, "b": grad["b"] + db}
    return np.stack(dx, axis=1), *dnext, grad["Wx"], grad["Wh"], grad["b"]


lstm_backward.landmark("""
    dh, x, h0, c0 = np.ones((1, 4, 2)), np.ones((1, 4, 3)), np.full((1, 2), 0.5), np.full((1, 2), 0.8)
    Wx, Wh, b = np.full((3, 8), 0.1), np.full((2, 8), 0.1), np.arange(8) / 10
    dx, dh0, dc0, dWx, dWh, db = lstm_backward(dh, x, h0, c0, Wx, Wh, b)
    dh0   # ≈ [[0.134, 0.134]]
    dc0   # ≈ [[0.523, 0.489]]
""")
