"""`lstm_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from helpers import layers
from helpers.checks.chapter_04.lstm_step import lstm_ones, lstm_step_by_tanh, lstm_step_reference
from helpers.checks.chapter_04.lstm_step_backward import lstm_step_backward_reference
from helpers.checks.chapter_04.steps import torch_gradients, torch_module
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def lstm_backward_reference(dh, x, h0, c0, Wx, Wh, b):
    layer = layers.LSTM(len(Wx), len(Wh), rng=np.random.default_rng(0), dtype=x.dtype)
    for name, value in {"Wx": Wx, "Wh": Wh, "b": b}.items():
        layer.params[name][...] = value
    layer.forward(x, (h0, c0))
    dx = layer.backward(dh)
    return dx, layer.dh0, layer.dc0, *(layer.grads[name] for name in ("Wx", "Wh", "b"))


def _cases(rng):
    N, T, H, D = rng.integers(2, 4), rng.integers(4, 6), rng.integers(6, 8), rng.integers(8, 10)
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

lstm_backward = Exercise("lstm_backward", "04", lstm_backward_reference, GRADIENTS, _cases, rounds=3)


@lstm_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh, x, h0, c0, Wx, Wh, b):
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


def _walk(
    dh,
    x,
    h0,
    c0,
    Wx,
    Wh,
    b,
    *,
    start=lambda states: states,
    onward=lambda states: states[-1],
    old=lambda states, t: states[t],
    times=lambda T: range(T - 1, -1, -1),
    first=lambda dh, zeros: (zeros, zeros),
    upstream=lambda dh_t, dh_next: dh_t + dh_next,
    at_cell=lambda dc, dh_t: dc,
    carried=lambda old, went, dh_t: went,
):
    """Forward, then step by step backward; what the last step hands on, and each step's dx and gradients.

    A rule in place of one of the defaults makes it wrong: where the states start and go on from, which state
    step t calls its old one, in which order the steps come, with what the walk back begins, what goes into a
    step at h and at c, and what (dh, dc) is carried on, from what was carried before, what `went` out of the
    step, and dh_t.
    """
    states = [start((h0, c0))]
    for t in range(x.shape[1]):
        states.append(lstm_step_reference(x[:, t], *onward(states), Wx, Wh, b))
    dstate = first(dh, np.zeros_like(h0))
    dx, grads, handed = np.zeros_like(x), [], [dstate]
    for t in times(x.shape[1]):
        came = upstream(dh[:, t], dstate[0]), at_cell(dstate[1], dh[:, t])
        dx[:, t], *went, dWx, dWh, db = lstm_step_backward_reference(
            *came, x[:, t], *old(states, t), Wx, Wh, b
        )
        dstate = carried(dstate, tuple(went), dh[:, t])
        handed.append(tuple(went))
        grads.append((dWx, dWh, db))
    return SimpleNamespace(dh=dh, dx=dx, handed=handed, carried=dstate, grads=grads, weights=(Wx, Wh, b))


def _answer(walk):
    sums = (np.zeros_like(w) + sum(g[k] for g in walk.grads) for k, w in enumerate(walk.weights))
    return walk.dx, *walk.handed[-1], *sums


def _mistake(name, hint, answer=_answer, **rules):
    @lstm_backward.misconception(name, hint)
    def _(*arguments):
        return answer(_walk(*arguments, **rules))


# What goes into a step
_mistake(
    "dh-next-forgotten",
    "Each step gets dh[:, t] alone. h_t is used twice, for the loss at t and by step t + 1, so both gradients "
    "add up: dh[:, t] + dh_next, with dh_next the dh_prev that step t + 1 returned.",
    upstream=lambda dh_t, dh_next: dh_t,
)
_mistake(
    "only-the-last-dh",
    "dh[:, t] is looked at for the last step only. There is a gradient for the state at *every* step; add it "
    "there: dh[:, t] + dh_next.",
    first=lambda dh, zeros: (dh[:, -1], zeros),
    upstream=lambda dh_t, dh_next: dh_next,
)
_mistake(
    "last-dh-twice",
    "dh_next starts as dh[:, -1], and the loop then adds dh[:, -1] once more. After the last step comes "
    "nothing: start from zeros.",
    first=lambda dh, zeros: (dh[:, -1], zeros),
)
_mistake(
    "dc-starts-as-ones",
    "dc starts from ones. Nothing after the last step reads the cell, so it starts from zeros.",
    first=lambda dh, zeros: (zeros, zeros + 1),
)
_mistake(
    "dc-starts-as-dh",
    "dc starts as dh[:, -1]. Nothing after the last step reads the cell, so dc starts from zeros; what h does "
    "to the cell is worked out inside the step.",
    first=lambda dh, zeros: (zeros, dh[:, -1]),
)
_mistake(
    "dh-added-to-dc-too",
    "dh[:, t] is added to dc as well. It is the gradient at h_t; what it does to the cell is worked out inside "
    "the step. dc is handed over as step t + 1 returned it.",
    at_cell=lambda dc, dh_t: dc + dh_t,
)
_mistake(
    "dh-added-to-dc-instead",
    "dh[:, t] is added to dc. It is the gradient at h_t: it goes with dh_next, dh[:, t] + dh_next, and dc is "
    "handed over as it is.",
    upstream=lambda dh_t, dh_next: dh_next,
    at_cell=lambda dc, dh_t: dc + dh_t,
)

# What is carried
_mistake(
    "dc-not-carried",
    "Every step gets a dc of zeros: the dc_prev that a step returns is the next round's dc. It is the long "
    "memory's path.",
    carried=lambda old, went, dh_t: (went[0], np.zeros_like(went[1])),
)
_mistake(
    "nothing-carried",
    "Every step is on its own: dh_prev and dc_prev of step t have to go into step t − 1, as dh_next and dc. "
    "As it stands the gradient is cut after one step.",
    carried=lambda old, went, dh_t: tuple(map(np.zeros_like, went)),
)
_mistake(
    "carried-summed-h",
    "dh_next grows: you add the new dh_prev to the old dh_next. It replaces it, the old one has been used up.",
    lambda walk: (walk.dx, *walk.carried, *_answer(walk)[3:]),
    carried=lambda old, went, dh_t: (old[0] + went[0], went[1]),
)
_mistake(
    "carried-summed-c",
    "dc grows: you add the new dc_prev to the old dc. It replaces it; the step has used the old one, and "
    "multiplied it by f.",
    lambda walk: (walk.dx, *walk.carried, *_answer(walk)[3:]),
    carried=lambda old, went, dh_t: (went[0], old[1] + went[1]),
)
_mistake(
    "carried-swapped",
    "dh_prev and dc_prev have changed places between two steps: dh_next takes dh_prev, dc takes dc_prev.",
    carried=lambda old, went, dh_t: went[::-1],
)

_mistake(
    "dh-added-afterwards",
    "dh[:, t] is added to what step t hands back, one step too late. It belongs to h_t, which step t *made*: "
    "add it to dh_next before the step.",
    lambda walk: (walk.dx, *walk.carried, *_answer(walk)[3:]),
    upstream=lambda dh_t, dh_next: dh_next,
    carried=lambda old, went, dh_t: (went[0] + dh_t, went[1]),
)

# In which order
_mistake(
    "forward-in-time",
    "The loop runs from the first step to the last. What comes back from step t + 1 must be there before step "
    "t: reversed(range(T)).",
    times=range,
)
_mistake(
    "first-step-skipped",
    "The loop stops before t = 0: range(T − 1, 0, −1) leaves the first step out. reversed(range(T)), or "
    "range(T − 1, −1, −1).",
    times=lambda T: range(T - 1, 0, -1),
)
_mistake(
    "last-step-skipped",
    "The loop begins one step too early in time: t = T − 1, the last step, is left out. reversed(range(T)).",
    times=lambda T: range(T - 2, -1, -1),
)
_mistake(
    "empty-loop",
    "All gradients are zero, as if the loop never ran. range(T − 1, 0) is empty: it needs the step −1 and an "
    "end before 0, range(T − 1, −1, −1), or reversed(range(T)).",
    times=lambda T: (),
)
_mistake(
    "returned-too-early",
    "Only the last step is worked out: `return` stands inside the loop, or the loop ends after its first "
    "round.",
    times=lambda T: (T - 1,),
)

# Which state
_mistake(
    "new-state-for-old",
    "Step t is given h_t and c_t as its previous states. Those are what it *made*; it started from those of t "
    "− 1. With h0 and c0 first in the list, states[t] is the one before step t.",
    old=lambda states, t: states[t + 1],
)
_mistake(
    "one-state-too-early",
    "Step t is given the states from before step t − 1, one too early. The state before step t is that after "
    "step t − 1.",
    old=lambda states, t: states[max(t - 1, 0)],
)
_mistake(
    "always-h0-c0",
    "Every step starts from h0 and c0. Keep the states of the forward pass and give each step the ones it "
    "started from.",
    old=lambda states, t: states[0],
)
_mistake(
    "always-c0",
    "Every step starts from the cell c0. Keep c of every step in the forward pass, as you do with h.",
    old=lambda states, t: (states[t][0], states[0][1]),
)
_mistake(
    "always-h0",
    "Every step starts from the state h0. Keep h of every step in the forward pass, as you do with c.",
    old=lambda states, t: (states[0][0], states[t][1]),
)
_mistake(
    "last-state-everywhere",
    "Every step is given the states left over at the end of the forward pass. Keep all of them, in two lists "
    "or arrays, and give step t those from before it.",
    old=lambda states, t: states[-1],
)
_mistake(
    "wraps-around",
    "All steps are right but the first: states[t − 1] at t = 0 is states[−1], in Python the *last* one. Put "
    "h0 and c0 in front, so that states[t] is the one before step t.",
    old=lambda states, t: states[1:][t - 1],
)
_mistake(
    "forward-not-carried",
    "In the forward pass every step starts from h0 and c0 again. The new state has to become the old one.",
    onward=lambda states: states[0],
)
_mistake(
    "forward-cell-not-carried",
    "In the forward pass h goes on from step to step, but every step starts from the cell c0 again. Both new "
    "ones become the old ones.",
    onward=lambda states: (states[-1][0], states[0][1]),
)
_mistake(
    "forward-h-not-carried",
    "In the forward pass c goes on from step to step, but every step starts from the state h0 again. Both new "
    "ones become the old ones.",
    onward=lambda states: (states[0][0], states[-1][1]),
)
_mistake(
    "cell-never-carried",
    "Forward and backward, every step starts from the cell c0. Each forward step makes a new c: keep it, and "
    "start the next step from it.",
    onward=lambda states: (states[-1][0], states[0][1]),
    old=lambda states, t: (states[t][0], states[0][1]),
)
_mistake(
    "new-cell-for-old",
    "h is the one before the step, but the cell is the one after it. c_prev of step t is c after step t − 1.",
    old=lambda states, t: (states[t][0], states[t + 1][1]),
)
_mistake(
    "new-h-for-old",
    "The cell is the one before the step, but h is the one after it. h_prev of step t is h after step t − 1.",
    old=lambda states, t: (states[t + 1][0], states[t][1]),
)
_mistake(
    "states-swapped",
    "h and c have changed places in the call: the step takes x, h_prev, c_prev.",
    old=lambda states, t: states[t][::-1],
)
_mistake(
    "starts-from-zeros",
    "The forward pass starts from zeros. It starts from h0 and c0.",
    start=lambda states: tuple(map(np.zeros_like, states)),
)
_mistake(
    "c0-ignored",
    "The forward pass starts from a cell of zeros. It starts from c0.",
    start=lambda states: (states[0], np.zeros_like(states[1])),
)
_mistake(
    "h0-ignored",
    "The forward pass starts from a state of zeros. It starts from h0.",
    start=lambda states: (np.zeros_like(states[0]), states[1]),
)

# What is returned
_mistake(
    "overwritten",
    "dWx, dWh and db (or one of them) hold the first step's share alone: each round overwrites them. The weights are the same "
    "at every step, so their gradients add up: `+=`.",
    lambda walk: (walk.dx, *walk.handed[-1], *walk.grads[-1]),
)
_mistake(
    "last-step-only",
    "dWx, dWh and db (or one of them) hold the last step's share alone. The weights are the same at every step: add up all T.",
    lambda walk: (walk.dx, *walk.handed[-1], *walk.grads[0]),
)
_mistake(
    "averaged-over-time",
    "dWx, dWh and db (or one of them) are divided by T. Nothing was averaged over time: the shares of all steps add up.",
    lambda walk: (*_answer(walk)[:3], *(total / walk.dx.shape[1] for total in _answer(walk)[3:])),
)
_mistake(
    "averaged-over-batch",
    "dWx, dWh and db (or one of them) are divided by N. If the loss is a mean, dh contains that 1/N already.",
    lambda walk: (*_answer(walk)[:3], *(total / len(walk.dx) for total in _answer(walk)[3:])),
)
_mistake(
    "state-gradient-of-the-last-step",
    "dh0 and dc0 are what the last step handed back. They are what comes out at the very end, behind the step "
    "t = 0.",
    lambda walk: (walk.dx, *walk.handed[1], *_answer(walk)[3:]),
)
_mistake(
    "state-gradient-one-early",
    "dh0 and dc0 are what went *into* the step t = 0. One more step back: what it returns as dh_prev and "
    "dc_prev.",
    lambda walk: (walk.dx, *walk.handed[-2], *_answer(walk)[3:]),
)
_mistake(
    "state-gradient-zero",
    "dh0 and dc0 are zeros. They are the dh_prev and dc_prev that the step t = 0 returned: a loss depends on "
    "where the state started.",
    lambda walk: (walk.dx, *map(np.zeros_like, walk.handed[-1]), *_answer(walk)[3:]),
)
_mistake(
    "first-dh-added-to-dh0",
    "dh[:, 0] is added to dh0. It is the gradient at the state that step t = 0 *made*, and went into that step "
    "already; dh0 is what the step returns as dh_prev, nothing added.",
    lambda walk: (walk.dx, walk.handed[-1][0] + walk.dh[:, 0], *_answer(walk)[2:]),
)
_mistake(
    "state-gradients-swapped",
    "dh0 and dc0 come out in each other's place. The order is dx, dh0, dc0, dWx, dWh, db.",
    lambda walk: (walk.dx, *walk.handed[-1][::-1], *_answer(walk)[3:]),
)
_mistake(
    "dx-backwards",
    "dx runs backwards in time: appended in the order of the loop, the last step comes first. Fill dx[:, t], "
    "or reverse the list before stacking.",
    lambda walk: (walk.dx[:, ::-1], *_answer(walk)[1:]),
)
_mistake(
    "dx-time-first",
    "dx is (T, N, D), time first. Stack along axis 1 to get (N, T, D).",
    lambda walk: (walk.dx.transpose(1, 0, 2), *_answer(walk)[1:]),
)
_mistake(
    "dx-backwards-time-first",
    "dx is (T, N, D), time first, and the last step comes first in it. Fill dx[:, t] of an array (N, T, D).",
    lambda walk: (walk.dx.transpose(1, 0, 2)[::-1], *_answer(walk)[1:]),
)
_mistake(
    "dx-reshaped",
    "dx has the right shape, but (T, N, D) was reshaped to it: reshape moves no axis, and the sequences are "
    "mixed. Stack along axis 1, or transpose(1, 0, 2).",
    lambda walk: (walk.dx.transpose(1, 0, 2).reshape(walk.dx.shape), *_answer(walk)[1:]),
)
_mistake(
    "dx-of-one-step",
    "dx is that of the first step only, (N, D). Every x[:, t] has its own: dx is (N, T, D).",
    lambda walk: (walk.dx[:, 0], *_answer(walk)[1:]),
)
_mistake(
    "dx-summed",
    "dx is added up over the steps, (N, D). The weights are shared by all steps, the inputs are not: each "
    "x[:, t] has its own gradient.",
    lambda walk: (walk.dx.sum(axis=1), *_answer(walk)[1:]),
)
_mistake(
    "dh-in-place",
    "The numbers are right, but `dh[:, t] += dh_next` writes into the caller's gradient. `dh[:, t] + dh_next` "
    "makes a new array.",
    upstream=lambda dh_t, dh_next: np.add(dh_t, dh_next, out=dh_t),
)


def _first_steps(dh, x, *others):
    """The answer for the first N steps alone."""
    N = len(x)
    return _answer(_walk(dh[:, :N], x[:, :N], *others))


@lstm_backward.misconception(
    "batch-for-time",
    "The loops run over N steps, not over T: len(x) is the number of sequences. x is (N, T, D), so T = x.shape[1].",
)
def _(dh, x, *others):
    dx, *rest = _first_steps(dh, x, *others)
    return np.concatenate([dx, np.zeros_like(x[:, len(x) :])], axis=1), *rest


@lstm_backward.misconception(
    "batch-for-time-in-a-list",
    "dx has N steps where it should have T: len(x), or shape[0], is the number of sequences. T = x.shape[1].",
)
def _(dh, x, *others):
    return _first_steps(dh, x, *others)


@lstm_backward.misconception(
    "dh-time-first", "dh[t] is the t-th *sequence*. dh is (N, T, H), batch first: the gradient at step t is dh[:, t]."
)
def _(dh, x, h0, c0, Wx, Wh, b):
    return dh[x.shape[1] - 1]


@lstm_backward.misconception(
    "x-time-first", "x[t] is the t-th *sequence*. x is (N, T, D), batch first: the input at step t is x[:, t]."
)
def _(dh, x, h0, c0, Wx, Wh, b):
    return lstm_step_reference(x[0], h0, c0, Wx, Wh, b)


lstm_backward.variant("a list of states, sums over the steps at the end")(
    lambda *arguments: _answer(_walk(*arguments))
)


@lstm_backward.variant("recursion")
def _by_recursion(dh, x, h0, c0, Wx, Wh, b):
    if x.shape[1] == 0:
        return x, np.zeros_like(h0), np.zeros_like(c0), 0 * Wx, 0 * Wh, 0 * b
    h, c = lstm_step_reference(x[:, 0], h0, c0, Wx, Wh, b)
    later, dh_next, dc, *sums = _by_recursion(dh[:, 1:], x[:, 1:], h, c, Wx, Wh, b)
    dx, dh0, dc0, *grads = lstm_step_backward_reference(dh[:, 0] + dh_next, dc, x[:, 0], h0, c0, Wx, Wh, b)
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
    for t in range(T)[::-1]:
        dx_t, *dnext, dWx, dWh, db = lstm_step_backward_reference(
            dh[:, t] + dnext[0], dnext[1], x[:, t], h[:, t - 1], c[:, t - 1], Wx, Wh, b
        )
        dx.insert(0, dx_t)
        grad = {"Wx": grad["Wx"] + dWx, "Wh": grad["Wh"] + dWh, "b": grad["b"] + db}
    return np.stack(dx, axis=1), *dnext, grad["Wx"], grad["Wh"], grad["b"]


@lstm_backward.landmark("`dh0[0, 0] ≈ 0.134`")
def _(f):
    _, h0, c0, Wx, Wh, b = lstm_ones()
    return f(np.ones((1, 2, 2)), np.ones((1, 2, 3)), h0, c0, Wx, Wh, b)[1][0, 0]
