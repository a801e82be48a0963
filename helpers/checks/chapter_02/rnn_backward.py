"""`rnn_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference as rnn_forward
from helpers.checks.chapter_01.rnn_step import step_cases
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def rnn_backward_reference(dh_own, x, h0, h, Wx, Wh):
    dx, dWx, dWh = np.zeros(x.shape), np.zeros_like(Wx), np.zeros_like(Wh)
    db, dh_next = np.zeros(len(Wh)), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        before = h[:, t - 1] if t > 0 else h0
        da = (dh_own[:, t] + dh_next) * (1 - h[:, t] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += before.T @ da
        db += da.sum(axis=0)
        dh_next = da @ Wh.T
    return dx, dh_next, dWx, dWh, db


def backward_cases(rng, *, N=(2, 3), T=(4, 5), D=(6, 7), H=(8, 9)):
    """dh_own, x, h0, h, Wx, Wh: h are the states that some bias leads to, dh_own is random at every step."""
    case, x = step_cases(rng, N=N, D=D, H=H), rng.normal(size=(N, T, D))
    return _with_states(rng, x, case["h_prev"], case["Wx"], case["Wh"], 0.5 * case["b"])


def _with_states(rng, x, h0, Wx, Wh, b):
    h = rnn_forward(x, h0, Wx, Wh, b)
    return {"dh_own": 0.3 * rng.normal(size=h.shape), "x": x, "h0": h0, "h": h, "Wx": Wx, "Wh": Wh}


OUTPUTS = ("dx", "dh0", "dWx", "dWh", "db")
rnn_backward = Exercise("rnn_backward", "02", rnn_backward_reference, OUTPUTS, backward_cases, rounds=3)


@rnn_backward.extreme("all sizes equal", "Right where N, T, D and H differ, wrong where they are equal.")
def _(rng):
    return backward_cases(rng, N=4, T=4, D=4, H=4)


@rnn_backward.extreme(
    "a loss at the last step only, from zeros",
    "Right where every step has a loss, wrong where dh_own is zero but for the last step: it hands its gradient on "
    "through all the others.",
)
def _(rng):
    case = step_cases(rng, N=2, D=3, H=4)
    case = _with_states(rng, rng.normal(size=(2, 6, 3)), np.zeros((2, 4)), case["Wx"], case["Wh"], case["b"])
    case["dh_own"][:, :-1] = 0
    return case


@rnn_backward.extreme(
    "large gradients, twenty steps", "Right for few steps and small gradients. Nothing is clipped or cut here."
)
def _(rng):
    case = step_cases(rng, N=2, D=3, H=4)
    case = _with_states(rng, 0.1 * rng.normal(size=(2, 20, 3)), case["h_prev"], case["Wx"], 2 * case["Wh"], 0 * case["b"])
    return case | {"dh_own": 200 * case["dh_own"]}


@rnn_backward.extreme(
    "saturated states", "A state of exactly 1 or −1 is where tanh is flat: its slope is 0, and nothing passes."
)
def _(rng):
    case = backward_cases(rng, N=2, T=4, D=3, H=5)
    return case | {"h": np.where(rng.random(size=case["h"].shape) < 0.5, np.sign(case["h"]), case["h"])}


@rnn_backward.extreme(
    "one-hot inputs, whole numbers",
    "Rows with a single 1 are inputs like any other: every column of x gets its own row of dWx. And where x holds whole numbers, an "
    "array made after its pattern (np.zeros_like) holds whole numbers too, and cuts dx off.",
)
def _(rng):
    case = step_cases(rng, N=2, D=5, H=3)
    x = np.eye(5, dtype=int)[rng.integers(0, 5, size=(2, 4))]
    return _with_states(rng, x, case["h_prev"], case["Wx"], case["Wh"], case["b"])


def _before(h0, h):
    """The state before each step (N, T, H)."""
    return np.concatenate([h0[:, None], h[:, :-1]], axis=1)


def _bias(x, h0, h, Wx, Wh):
    """The bias that leads to the states h; it is not handed over. None: no bias does."""
    b = np.arctanh(h[0, 0]) - x[0, 0] @ Wx - h0[0] @ Wh
    return b if np.allclose(rnn_forward(x, h0, Wx, Wh, b), h, atol=1e-9) else None


@rnn_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh_own, x, h0, h, Wx, Wh):
    b, x = _bias(x, h0, h, Wx, Wh), x.astype(float)
    if b is None or x.shape[1] > 10:
        return NotImplemented

    def loss(_):
        return float((dh_own * rnn_forward(x, h0, Wx, Wh, b)).sum())

    return tuple(numerical_gradient(loss, array) for array in (x, h0, Wx, Wh, b))


@rnn_backward.oracle("torch.nn.RNN and its backward", rtol=1e-8, needs_torch=True)
def _(dh_own, x, h0, h, Wx, Wh):
    import torch

    b = _bias(x, h0, h, Wx, Wh)
    if b is None:
        return NotImplemented
    rnn = torch.nn.RNN(*Wx.shape, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(Wx.T))
        rnn.weight_hh_l0.copy_(torch.tensor(Wh.T))
        rnn.bias_ih_l0.copy_(torch.tensor(b))
        rnn.bias_hh_l0.zero_()
    inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    start = torch.tensor(h0, requires_grad=True)
    rnn(inputs, start[None])[0].backward(torch.tensor(dh_own))
    dWx, dWh = rnn.weight_ih_l0.grad.T, rnn.weight_hh_l0.grad.T
    return tuple(g.numpy() for g in (inputs.grad, start.grad, dWx, dWh, rnn.bias_ih_l0.grad))


@rnn_backward.oracle("the sum over all pairs of loss and use, one sequence at a time")
def _(dh_own, x, h0, h, Wx, Wh):
    before = _before(h0, h)
    dx, dh0, dWx, dWh = np.zeros(x.shape), np.zeros_like(h0), np.zeros_like(Wx), np.zeros_like(Wh)
    db = np.zeros(len(Wh))
    for n in range(len(x)):
        for t in range(x.shape[1]):
            arriving = dh_own[n, t]
            for k in range(t, -1, -1):
                da = arriving * (1 - h[n, k] ** 2)
                dx[n, k] += Wx @ da
                dWx += np.outer(x[n, k], da)
                dWh += np.outer(before[n, k], da)
                db += da
                arriving = Wh @ da
            dh0[n] += arriving
    return dx, dh0, dWx, dWh, db


DH, SLOPE, BEFORE = "(dh_own[:, t] + dh_next)", "(1 - h[:, t] ** 2)", "h[:, t - 1] if t > 0 else h0"
LOOP, RETURN = "reversed(range(x.shape[1]))", "return dx, dh_next, dWx, dWh, db"

rnn_backward.mistake(
    "no-slope",
    "The way back through tanh is missing: da = (dh_own[:, t] + dh_next) · (1 − h[:, t]²).",
    (f" * {SLOPE}", ""),
)
rnn_backward.mistake(
    "Wh-not-transposed",
    "On the way back you multiply with Wh; forwards it was h @ Wh, so backwards it is da @ Wh.T. Wh is square, "
    "and nothing complained.",
    ("@ Wh.T", "@ Wh"),
)
rnn_backward.mistake(
    "dWh-transposed",
    "Your dWh is the transpose of the right one. Rows are where a weight comes from: before.T @ da, not da.T @ "
    "before.",
    ("before.T @ da", "da.T @ before"),
)
rnn_backward.mistake(
    "around-the-corner",
    "At t = 0, `h[:, t - 1]` is h[:, -1], and for NumPy that is the *last* state. There you want h0.",
    (" if t > 0 else h0", ""),
)
rnn_backward.mistake(
    "h0-forgotten",
    "At the first step the state before is h0, not zeros: its share is missing from dWh.",
    ("else h0", "else np.zeros_like(h0)"),
)
rnn_backward.mistake(
    "state-after-for-before",
    "In dWh you multiply with h[:, t], the state after the step. Wh was multiplied with the state before it, "
    "h[:, t − 1] (h0 at the first step).",
    ("before.T @ da", "h[:, t].T @ da"),
)
rnn_backward.mistake(
    "immediate-only",
    "Nothing comes back from the later steps: each step counts dh_own[:, t] alone. Add what step t + 1 hands back: "
    "dh_own[:, t] + dh_next.",
    (" + dh_next", ""),
)
rnn_backward.mistake(
    "overwritten",
    "Only the first step's share is left in dWx, dWh and db: every round overwrites them (or they stand after the loop). "
    "The same weights are used at every step: add up with +=, inside the loop.",
    ("dWx +=", "dWx ="),
    ("dWh +=", "dWh ="),
    ("db +=", "db ="),
)
rnn_backward.mistake(
    "first-step-left-out",
    "Your loop ends before it reaches t = 0: range(T − 1, 0, −1) leaves its end out. The first step, which starts from "
    "h0, uses the weights too.",
    (LOOP, "range(x.shape[1] - 1, 0, -1)"),
)
rnn_backward.mistake(
    "bias-summed-over-everything",
    "All entries of your db are the same: `da.sum()` adds the units together as well. Each unit has its own bias: "
    "`da.sum(axis=0)`, over the sequences alone.",
    ("da.sum(axis=0)", "da.sum()"),
)
rnn_backward.mistake(
    "dx-time-first",
    "Your dx is (T, N, D), time first, as a list of steps is. np.stack(…, axis=1) gives (N, T, D).",
    ("return dx,", "return dx.transpose(1, 0, 2),"),
)
rnn_backward.mistake(
    "dx-reversed",
    "Your dx is in the order of the loop, last step first. Put each into its place, `dx[:, t]`, or reverse at the end.",
    ("dx[:, t] =", "dx[:, -1 - t] ="),
)
rnn_backward.mistake(
    "no-dh0",
    "dh0 is zeros. What is left in dh_next after the last round is the gradient of h0.",
    ("return dx, dh_next", "return dx, np.zeros_like(h0)"),
)
rnn_backward.mistake(
    "tanh-twice",
    "You take 1 − tanh(h)². h is tanh of the sum already: the slope is 1 − h[:, t]².",
    ("h[:, t] ** 2", "np.tanh(h[:, t]) ** 2"),
)
rnn_backward.mistake(
    "slope-at-the-state-before",
    "You take the slope at h_(t−1). tanh of step t put out h[:, t], so its slope is 1 − h[:, t]².",
    ("1 - h[:, t] ** 2", "1 - before ** 2"),
)
rnn_backward.mistake(
    "slope-around-the-corner",
    "You take the slope at h[:, t − 1], the state before (at t = 0 even the last one). tanh of step t put out h[:, t], so "
    "its slope is 1 − h[:, t]².",
    ("h[:, t] ** 2", "h[:, t - 1] ** 2"),
)
rnn_backward.mistake(
    "slope-not-squared", "Your slope is 1 − h. The derivative of tanh is 1 − h[:, t]².", ("h[:, t] ** 2", "h[:, t]")
)
rnn_backward.mistake(
    "slope-of-one-minus-h-squared",
    "Your slope is (1 − h)². The square belongs to h alone: `1 - h[:, t] ** 2`.",
    (SLOPE, "(1 - h[:, t]) ** 2"),
)
rnn_backward.mistake(
    "slope-of-the-sigmoid",
    "h · (1 − h) is the slope of the sigmoid. That of tanh is 1 − h[:, t]².",
    (SLOPE, "(h[:, t] * (1 - h[:, t]))"),
)
rnn_backward.mistake(
    "slope-on-the-own-loss-only",
    "The slope multiplies only dh_own[:, t], and dh_next is added afterwards. dh_next arrives at h_t too: add first, "
    "then multiply by the slope.",
    (f"{DH} * {SLOPE}", f"dh_own[:, t] * {SLOPE} + dh_next"),
)
rnn_backward.mistake(
    "slope-on-what-comes-back-only",
    "The slope multiplies only dh_next (a pair of brackets is missing). dh_own[:, t] arrives at h_t too: add first, then "
    "multiply by the slope.",
    (f"{DH} *", "dh_own[:, t] + dh_next *"),
)
rnn_backward.mistake(
    "bias-of-one-step",
    "dWx and dWh add up over the steps; db has to as well: db += da.sum(axis=0).",
    ("db +=", "db ="),
)
rnn_backward.mistake(
    "h0-at-every-step",
    "In dWh you multiply with h0 at every step. It is the state before the *first* step; before step t stands h[:, t − 1].",
    (BEFORE, "h0"),
)
rnn_backward.mistake(
    "upstream-of-the-last-step-only",
    "Only dh_own[:, -1] gets in. At every other step what comes back from later *replaces* dh_own[:, t]; the two "
    "are added.",
    (DH, "(dh_own[:, t] if t == x.shape[1] - 1 else dh_next)"),
)
rnn_backward.mistake(
    "same-upstream-always",
    "Every step gets dh_own[:, -1], that of the last one. Each state has its own: dh_own[:, t].",
    ("dh_own[:, t]", "dh_own[:, -1]"),
)
rnn_backward.mistake(
    "one-step-back",
    "What you hand back is the step's own loss only, so nothing reaches further than one step. Hand on all of it: "
    "dh_next = da @ Wh.T, with the da that already holds what came from later.",
    ("dh_next = da @ Wh.T", f"dh_next = (dh_own[:, t] * {SLOPE}) @ Wh.T"),
)
rnn_backward.mistake(
    "forwards-in-time",
    "Your loop runs forwards in time. What step t gets back comes from step t + 1: reversed(range(T)).",
    (LOOP, "range(x.shape[1])"),
)
rnn_backward.mistake(
    "over-the-batch",
    "Your loop runs N times. Axis 0 counts the sequences, which go back side by side; the steps are axis 1: `x.shape[1]`.",
    ("x.shape[1]", "x.shape[0]"),
)
rnn_backward.mistake(
    "slope-missing-on-the-way-back",
    "You hand back (dh_own[:, t] + dh_next) @ Wh.T. The way to the state before leads through tanh first: da @ Wh.T.",
    ("dh_next = da", f"dh_next = {DH}"),
)
rnn_backward.mistake(
    "Wh-missing-on-the-way-back",
    "You hand da back as it is. Between the sum and the state before stands Wh: dh_next = da @ Wh.T.",
    ("da @ Wh.T", "da"),
)
rnn_backward.mistake(
    "slope-twice",
    "The slope is taken twice on the way back: da holds it already. dh_next = da @ Wh.T, without another 1 − h².",
    ("dh_next = da @ Wh.T", f"dh_next = (da * {SLOPE}) @ Wh.T"),
)
rnn_backward.mistake(
    "carried-added-up",
    "You add to dh_next (`+=`), so later steps come back again and again. What is handed back replaces the old "
    "value: dh_next = da @ Wh.T.",
    ("dh_next = da", "dh_next += da"),
)
rnn_backward.mistake(
    "dh-in-the-sums",
    "dx, dWx, dWh and db are made of dh, what arrives at h_t. The weights stand inside tanh, so what they get has passed "
    "the slope: take da.",
    (f"{DH} * {SLOPE}", DH),
    ("da @ Wh.T", f"(da * {SLOPE}) @ Wh.T"),
)
rnn_backward.mistake(
    "starts-from-h0",
    "dh_next begins as h0, a state. It is a gradient, and nothing is handed back to the last step: it begins as zeros.",
    ("np.zeros_like(h0)", "h0"),
)
rnn_backward.mistake(
    "starts-from-the-last-loss",
    "dh_next begins as dh_own[:, -1], which the first round adds once more. Nothing is handed back to the last step: zeros.",
    ("np.zeros_like(h0)", "dh_own[:, -1]"),
)
rnn_backward.mistake(
    "slope-of-the-state-before-as-well",
    "You multiply by 1 − h_(t−1)² when you hand back, and again in the next round. Each step's slope counts once: "
    "dh_next = da @ Wh.T.",
    ("dh_next = da @ Wh.T", "dh_next = (da @ Wh.T) * (1 - before ** 2)"),
)
rnn_backward.mistake(
    "dx-without-the-slope",
    "dx is made of dh, what arrives at h_t. x stands inside tanh: it gets da, which has passed the slope, da @ Wx.T.",
    ("dx[:, t] = da", f"dx[:, t] = {DH}"),
)
rnn_backward.mistake(
    "bias-axis",
    "You sum the bias gradient over axis 1, the units. `da` of one step is (N, H): sum over the sequences, axis 0.",
    ("np.zeros(len(Wh))", "0.0"),
    ("axis=0", "axis=1"),
)
rnn_backward.mistake(
    "bias-axis-does-not-fit",
    "`da.sum(axis=1)` sums over the units and leaves (N,). The bias has H entries: sum over the sequences, axis 0.",
    ("axis=0", "axis=1"),
)
rnn_backward.mistake(
    "bias-of-every-sequence",
    "Your db is (N, H), a row for each sequence. They all share one bias: add up the rows too, `da.sum(axis=0)`.",
    ("np.zeros(len(Wh))", "np.zeros_like(h0)"),
    ("da.sum(axis=0)", "da"),
)
rnn_backward.mistake(
    "mean-over-the-batch",
    "You divide by N (a mean over the batch). The loss is a sum here: dWx, dWh and db add up over the sequences. Whoever "
    "wants a mean has divided dh_own already.",
    ("dWx, dWh, db\n", "dWx / len(x), dWh / len(x), db / len(x)\n"),
)


@rnn_backward.misconception(
    "rows-mixed",
    "Shapes fit, sequences are mixed: your da are stacked time first, (T, N, H), and x is (N, T, D). Flattened, "
    "their rows belong to different steps. Move the axis (transpose or np.stack(…, axis=1)) before you reshape.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    found, dh_next = [], np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        found.insert(0, (dh_own[:, t] + dh_next) * (1 - h[:, t] ** 2))
        dh_next = found[0] @ Wh.T
    rows, before = np.reshape(found, (-1, len(Wh))), _before(h0, h)
    dWx, dWh = x.reshape(-1, x.shape[2]).T @ rows, before.reshape(rows.shape).T @ rows
    return np.stack(found, axis=1) @ Wx.T, dh_next, dWx, dWh, rows.sum(axis=0)


rnn_backward.mistake(
    "dh0-is-dh-of-the-first-step",
    "As dh0 you return what arrives at the first *state after* a step. One more way back, through tanh and Wh: "
    "dh_next, as the loop leaves it.",
    ("        da = (", f"        dh = {DH}\n        da = ("),
    ("return dx, dh_next", "return dx, dh"),
)
rnn_backward.mistake(
    "dh0-is-da-of-the-first-step",
    "As dh0 you return da of the first step. From that sum back to h0 leads Wh: dh0 = da @ Wh.T, the dh_next that the "
    "loop leaves.",
    ("return dx, dh_next", "return dx, da"),
)
rnn_backward.mistake(
    "upstream-edited",
    "The values are right, but dh_own comes back changed, and it belongs to the caller. `dh_own[:, t] += …` writes "
    "into it, and so does `da = dh_own[:, t]` followed by `da *= …`: a slice is a view. Make a new array: "
    "da = (dh_own[:, t] + dh_next) * …",
    (f"        da = {DH}", "        dh_own[:, t] += dh_next\n        da = dh_own[:, t]"),
)
rnn_backward.mistake(
    "order-of-the-outputs",
    "The five are right, their order is not: dh0 comes second. Return dx, dh0, dWx, dWh, db.",
    (RETURN, "return dx, dWx, dWh, db, dh_next"),
)


@rnn_backward.variant("da for all steps first, then one product over all rows")
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh_next = np.empty_like(h), 0.0
    for t in range(x.shape[1])[::-1]:
        da[:, t] = (dh_own[:, t] + dh_next) * (1 - h[:, t]) * (1 + h[:, t])
        dh_next = da[:, t] @ Wh.T
    rows, before = da.reshape(-1, len(Wh)), np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    dWx, dWh = x.reshape(len(rows), -1).T @ rows, before.reshape(rows.shape).T @ rows
    return da @ Wx.T, dh_next, dWx, dWh, rows.sum(axis=0)


@rnn_backward.variant("one sequence after the other")
def _(dh_own, x, h0, h, Wx, Wh):
    parts = [rnn_backward_reference(*(a[n : n + 1] for a in (dh_own, x, h0, h)), Wx, Wh) for n in range(len(x))]
    dx, dh0, *rest = zip(*parts, strict=True)
    return np.concatenate(dx), np.concatenate(dh0), *map(sum, rest)


@rnn_backward.variant("columns instead of rows")
def _(dh_own, x, h0, h, Wx, Wh):
    columns = [np.moveaxis(a, 0, -1) for a in (dh_own, x, h)]   # (T, H, N), (T, D, N), (T, H, N)
    states, dxs = [h0.T, *columns[2]], []
    dWx, dWh, db, back = 0, 0, 0, np.zeros_like(h0.T)
    for t in reversed(range(x.shape[1])):
        da = (columns[0][t] + back) * (1 - states[t + 1] ** 2)
        dxs.insert(0, (Wx @ da).T)
        dWx, dWh, db = dWx + columns[1][t] @ da.T, dWh + states[t] @ da.T, db + da.sum(axis=1)
        back = Wh @ da
    return np.stack(dxs, axis=1), back.T, dWx, dWh, db


rnn_backward.landmark("""
    ones, start = np.ones((1, 3, 4)), np.full((1, 2), 0.5)   # N = 1, T = 3, D = 4, H = 2
    states = np.array([[[0.1, 0.3], [0.6, 0.2], [0.4, 0.5]]])
    weights = np.full((4, 2), 0.1), np.array([[0.1, 0.2], [0.3, 0.4]])
    dx, dh0, dWx, dWh, db = rnn_backward(np.ones((1, 3, 2)), ones, start, states, *weights)
    dh0[0, 1]   # ≈ 1.076
    dWh[0, 1]   # ≈ 1.433
""")
