"""`rnn_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference
from helpers.checks.chapter_01.rnn_step import step_cases
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def rnn_backward_reference(dh_own, x, h0, h, Wx, Wh):
    dx, dWx, dWh = np.empty_like(x), np.zeros_like(Wx), np.zeros_like(Wh)
    db, dh_next = np.zeros_like(Wh[0]), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        before = h[:, t - 1] if t > 0 else h0
        da = (dh_own[:, t] + dh_next) * (1 - h[:, t] ** 2)
        dx[:, t] = da @ Wx.T
        dWx += x[:, t].T @ da
        dWh += before.T @ da
        db += da.sum(axis=0)
        dh_next = da @ Wh.T
    return dx, dh_next, dWx, dWh, db


def backward_cases(rng):
    """dh_own, x, h0, h, Wx, Wh: h are the states that some bias leads to, dh_own is random at every step."""
    case = step_cases(rng, N=3, D=6, H=9)
    (N, D), H, T = case["x"].shape, len(case["b"]), rng.integers(11, 14)
    x = rng.normal(size=(N, T, D))
    h = rnn_forward_reference(x, case["h_prev"], case["Wx"], case["Wh"], 0.5 * case["b"])
    return {
        "dh_own": rng.normal(size=(N, T, H)),
        "x": x,
        "h0": case["h_prev"],
        "h": h,
        "Wx": case["Wx"],
        "Wh": case["Wh"],
    }


OUTPUTS = ("dx", "dh0", "dWx", "dWh", "db")
rnn_backward = Exercise("rnn_backward", "02", rnn_backward_reference, OUTPUTS, backward_cases, rounds=4)


def _before(h0, h):
    """The state before each step (N, T, H)."""
    return np.concatenate([h0[:, None], h[:, :-1]], axis=1)


def _sweep(dh_own, h, Wh, *, slope=None, carry=None, steps=None):
    """da (N, T, H) and dh0 of a sweep with its parts exchangeable: `carry(da, dh_t, dh_next)` goes on."""
    slope = 1 - h**2 if slope is None else slope
    carry = carry or (lambda da, dh_t, dh_next: da @ Wh.T)
    da, dh_next = np.zeros_like(dh_own), np.zeros_like(dh_own[:, 0])
    for t in reversed(range(dh_own.shape[1])) if steps is None else steps:
        dh_t = dh_own[:, t] + dh_next
        da[:, t] = dh_t * slope[:, t]
        dh_next = carry(da[:, t], dh_t, dh_next)
    return da, dh_next


def _gradients(da, dh0, x, before, Wx):
    dWx = np.einsum("ntd,nth->dh", x, da)
    dWh = np.einsum("ntj,nth->jh", before, da)
    return da @ Wx.T, dh0, dWx, dWh, da.sum(axis=(0, 1))


def _bias(x, h0, h, Wx, Wh):
    """The bias that leads to the states h; it is not handed over."""
    return np.arctanh(h[0, 0]) - x[0, 0] @ Wx - h0[0] @ Wh


@rnn_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh_own, x, h0, h, Wx, Wh):
    b = _bias(x, h0, h, Wx, Wh)

    def loss(_):
        return float((dh_own * rnn_forward_reference(x, h0, Wx, Wh, b)).sum())

    return tuple(numerical_gradient(loss, array) for array in (x, h0, Wx, Wh, b))


@rnn_backward.oracle("torch.nn.RNN and its backward", rtol=1e-8, needs_torch=True)
def _(dh_own, x, h0, h, Wx, Wh):
    import torch

    rnn = torch.nn.RNN(*Wx.shape, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(Wx.T))
        rnn.weight_hh_l0.copy_(torch.tensor(Wh.T))
        rnn.bias_ih_l0.copy_(torch.tensor(_bias(x, h0, h, Wx, Wh)))
        rnn.bias_hh_l0.zero_()
    inputs, start = torch.tensor(x, requires_grad=True), torch.tensor(h0, requires_grad=True)
    rnn(inputs, start[None])[0].backward(torch.tensor(dh_own))
    dWx, dWh = rnn.weight_ih_l0.grad.T, rnn.weight_hh_l0.grad.T
    return tuple(g.numpy() for g in (inputs.grad, start.grad, dWx, dWh, rnn.bias_ih_l0.grad))


@rnn_backward.oracle("the sum over all pairs of loss and use, one sequence at a time")
def _(dh_own, x, h0, h, Wx, Wh):
    before = _before(h0, h)
    dx, dh0, dWx, dWh = np.zeros_like(x), np.zeros_like(h0), np.zeros_like(Wx), np.zeros_like(Wh)
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


@rnn_backward.misconception(
    "no-slope", "The way back through tanh is missing: da = (dh_own[:, t] + dh_next) · (1 − h[:, t]²)."
)
def _(dh_own, x, h0, h, Wx, Wh):
    return _gradients(*_sweep(dh_own, h, Wh, slope=np.ones_like(h)), x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "slope-at-the-state-before",
    "You take the slope at h_(t−1). tanh of step t put out h[:, t], so its slope is 1 − h[:, t]².",
)
def _(dh_own, x, h0, h, Wx, Wh):
    before = _before(h0, h)
    return _gradients(*_sweep(dh_own, h, Wh, slope=1 - before**2), x, before, Wx)


@rnn_backward.misconception(
    "tanh-twice", "You take 1 − tanh(h)². h is tanh of the sum already: the slope is 1 − h[:, t]²."
)
def _(dh_own, x, h0, h, Wx, Wh):
    return _gradients(*_sweep(dh_own, h, Wh, slope=1 - np.tanh(h) ** 2), x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "overwritten",
    "Every round overwrites dWx, dWh and db, and only the first step's remain. The same weights are used at "
    "every step: add up with +=.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh)
    dx = da @ Wx.T
    return dx, dh0, x[:, 0].T @ da[:, 0], h0.T @ da[:, 0], da[:, 0].sum(axis=0)


@rnn_backward.misconception(
    "bias-of-one-step", "dWx and dWh add up over the steps; db has to as well: db += da.sum(axis=0)."
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh)
    return *_gradients(da, dh0, x, _before(h0, h), Wx)[:4], da[:, 0].sum(axis=0)


@rnn_backward.misconception(
    "state-after-for-before",
    "In dWh you multiply with h[:, t], the state after the step. Wh was multiplied with the state before it, "
    "h[:, t − 1] (h0 at the first step).",
)
def _(dh_own, x, h0, h, Wx, Wh):
    return _gradients(*_sweep(dh_own, h, Wh), x, h, Wx)


@rnn_backward.misconception(
    "h0-forgotten", "At the first step the state before is h0, not zeros: its share is missing from dWh."
)
def _(dh_own, x, h0, h, Wx, Wh):
    return _gradients(*_sweep(dh_own, h, Wh), x, _before(np.zeros_like(h0), h), Wx)


@rnn_backward.misconception(
    "around-the-corner",
    "At t = 0, `h[:, t - 1]` is h[:, -1], and for NumPy that is the *last* state. There you want h0.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    return _gradients(*_sweep(dh_own, h, Wh), x, np.roll(h, 1, axis=1), Wx)


@rnn_backward.misconception(
    "immediate-only",
    "Nothing comes back from the later steps: each step counts dh_own[:, t] alone. Add what step t + 1 hands back: "
    "dh_own[:, t] + dh_next.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da = dh_own * (1 - h**2)
    return _gradients(da, da[:, 0] @ Wh.T, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "upstream-of-the-last-step-only",
    "Only dh_own[:, -1] gets in. At every other step what comes back from later *replaces* dh_own[:, t]; the two "
    "are added.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    last = np.zeros_like(dh_own)
    last[:, -1] = dh_own[:, -1]
    return _gradients(*_sweep(last, h, Wh), x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "forwards-in-time",
    "Your loop runs forwards in time. What step t gets back comes from step t + 1: reversed(range(T)).",
)
def _(dh_own, x, h0, h, Wx, Wh):
    return _gradients(*_sweep(dh_own, h, Wh, steps=range(x.shape[1])), x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "Wh-not-transposed",
    "On the way back you multiply with Wh; forwards it was h @ Wh, so backwards it is da @ Wh.T. Wh is square, "
    "and nothing complained.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh, carry=lambda da, dh_t, dh_next: da @ Wh)
    return _gradients(da, dh0, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "dWh-transposed",
    "Your dWh is the transpose of the right one. Rows are where a weight comes from: before.T @ da, not da.T @ "
    "before.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, dh0, dWx, dWh, db = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx, dh0, dWx, dWh.T, db


@rnn_backward.misconception(
    "slope-missing-on-the-way-back",
    "You hand back (dh_own[:, t] + dh_next) @ Wh.T. The way to the state before leads through tanh first: da @ Wh.T.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh, carry=lambda da, dh_t, dh_next: dh_t @ Wh.T)
    return _gradients(da, dh0, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "Wh-missing-on-the-way-back",
    "You hand da back as it is. Between the sum and the state before stands Wh: dh_next = da @ Wh.T.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh, carry=lambda da, dh_t, dh_next: da)
    return _gradients(da, dh0, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "carried-added-up",
    "You add to dh_next (`+=`), so later steps come back again and again. What is handed back replaces the old "
    "value: dh_next = da @ Wh.T.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh, carry=lambda da, dh_t, dh_next: dh_next + da @ Wh.T)
    return _gradients(da, dh0, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "bias-axis",
    "You sum the bias gradient over axis 1, the units. `da` of one step is (N, H): sum over the sequences, axis 0.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh)
    return *_gradients(da, dh0, x, _before(h0, h), Wx)[:4], da.sum(axis=(1, 2))


@rnn_backward.misconception(
    "bias-axis-does-not-fit",
    "`da.sum(axis=1)` sums over the units and leaves (N,). The bias has H entries: sum over the sequences, axis 0.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    db = np.zeros(len(Wh))
    db += dh_own[:, -1].sum(axis=1)
    return rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)


@rnn_backward.misconception(
    "mean-over-the-batch",
    "You divide by N (a mean over the batch). The loss is a sum here: dWx, dWh and db add up over the sequences. Whoever "
    "wants a mean has divided dh_own already.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, dh0, *rest = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx, dh0, *(g / len(x) for g in rest)


@rnn_backward.misconception(
    "mean-over-time", "dWx, dWh and db are divided by T. The loss is a sum over the steps, and so are they."
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, dh0, *rest = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx, dh0, *(g / x.shape[1] for g in rest)


@rnn_backward.misconception(
    "first-step-left-out",
    "Your loop ends before it reaches t = 0: range(T − 1, 0, −1) leaves its end out. The first step, which starts from "
    "h0, uses the weights too.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, _ = _sweep(dh_own, h, Wh)
    dh0 = da[:, 1] @ Wh.T
    da[:, 0] = 0.0
    return _gradients(da, dh0, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "rows-mixed",
    "Shapes fit, sequences are mixed: your da are stacked time first, (T, N, H), and x is (N, T, D). Flattened, "
    "their rows belong to different steps. Move the axis (transpose or np.stack(…, axis=1)) before you reshape.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh)
    rows = da.transpose(1, 0, 2).reshape(-1, da.shape[2])
    before = _before(h0, h)
    dWx, dWh = x.reshape(-1, x.shape[2]).T @ rows, before.reshape(rows.shape).T @ rows
    return da @ Wx.T, dh0, dWx, dWh, rows.sum(axis=0)


@rnn_backward.misconception(
    "dx-time-first", "Your dx is (T, N, D), time first. np.stack(…, axis=1) gives (N, T, D)."
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, *rest = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx.transpose(1, 0, 2), *rest


@rnn_backward.misconception(
    "dx-reversed",
    "Your dx is in the order of the loop, last step first. Put each into its place, dx[:, t], or reverse at the end.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, *rest = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx[:, ::-1], *rest


@rnn_backward.misconception(
    "dh0-is-dh-of-the-first-step",
    "As dh0 you return what arrives at the first *state after* a step. One more way back, through tanh and Wh: "
    "dh_next, as the loop leaves it.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, _, *rest = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    da, _ = _sweep(dh_own, h, Wh)
    return dx, dh_own[:, 0] + da[:, 1] @ Wh.T, *rest


@rnn_backward.misconception("no-dh0", "dh0 is zeros. What is left in dh_next after the last round is the gradient of h0.")
def _(dh_own, x, h0, h, Wx, Wh):
    dx, _, *rest = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx, np.zeros_like(h0), *rest


@rnn_backward.misconception(
    "upstream-edited",
    "The values are right, but dh_own comes back changed, and it belongs to the caller. `dh_own[:, t] += …` writes "
    "into it, and so does `da = dh_own[:, t]` followed by `da *= …`: a slice is a view. Make a new array: "
    "da = (dh_own[:, t] + dh_next) * …",
)
def _(dh_own, x, h0, h, Wx, Wh):
    for t in reversed(range(x.shape[1] - 1)):
        dh_own[:, t] += (dh_own[:, t + 1] * (1 - h[:, t + 1] ** 2)) @ Wh.T
    da = dh_own * (1 - h**2)
    return _gradients(da, da[:, 0] @ Wh.T, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "slope-on-the-own-loss-only",
    "The slope multiplies only dh_own[:, t], and dh_next is added afterwards. dh_next arrives at h_t too: add first, "
    "then multiply by the slope.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh_next = np.zeros_like(dh_own), np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        da[:, t] = dh_own[:, t] * (1 - h[:, t] ** 2) + dh_next
        dh_next = da[:, t] @ Wh.T
    return _gradients(da, dh_next, x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "slope-of-one-minus-h-squared",
    "Your slope is (1 − h)². The square belongs to h alone: 1 − h[:, t] ** 2.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    return _gradients(*_sweep(dh_own, h, Wh, slope=(1 - h) ** 2), x, _before(h0, h), Wx)


@rnn_backward.misconception(
    "order-of-the-outputs",
    "The five are right, their order is not: dh0 comes second. Return dx, dh0, dWx, dWh, db.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, dh0, *parameters = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx, *parameters, dh0


@rnn_backward.misconception(
    "bias-summed-over-everything",
    "All entries of your db are the same: da.sum() adds the units together as well. Each unit has its own bias: "
    "da.sum(axis=0), over the sequences alone.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    dx, dh0, dWx, dWh, db = rnn_backward_reference(dh_own, x, h0, h, Wx, Wh)
    return dx, dh0, dWx, dWh, np.full_like(db, db.sum())


@rnn_backward.misconception(
    "bias-of-every-sequence",
    "Your db is (N, H), a row for each sequence. They all share one bias: add up the rows too, da.sum(axis=0).",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, dh0 = _sweep(dh_own, h, Wh)
    return *_gradients(da, dh0, x, _before(h0, h), Wx)[:4], da.sum(axis=1)


@rnn_backward.misconception(
    "dh0-is-da-of-the-first-step",
    "As dh0 you return da of the first step. From that sum back to h0 leads Wh: dh0 = da @ Wh.T, the dh_next that the "
    "loop leaves.",
)
def _(dh_own, x, h0, h, Wx, Wh):
    da, _ = _sweep(dh_own, h, Wh)
    return _gradients(da, da[:, 0].copy(), x, _before(h0, h), Wx)


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


@rnn_backward.landmark("`dh0[0, 0] ≈ 0.475`")
def _(f):
    Wx, Wh = np.full((3, 2), 0.1), np.array([[0.1, 0.2], [0.3, 0.4]])
    x, h0 = np.ones((1, 4, 3)), np.zeros((1, 2))
    h = rnn_forward_reference(x, h0, Wx, Wh, np.zeros(2))
    return f(np.ones((1, 4, 2)), x, h0, h, Wx, Wh)[1][0, 0]
