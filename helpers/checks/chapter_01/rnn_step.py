"""`rnn_step`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def rnn_step_reference(x, h_prev, Wx, Wh, b):
    return np.tanh(x @ Wx + h_prev @ Wh + b)


def step_cases(rng, *, N=(2, 4), D=(5, 7), H=(8, 10)):
    return {
        "x": rng.normal(size=(N, D)),
        "h_prev": np.tanh(rng.normal(size=(N, H))),
        "Wx": rng.normal(size=(D, H)) / np.sqrt(D),
        "Wh": rng.normal(size=(H, H)) / np.sqrt(H),
        "b": rng.normal(size=H),
    }


rnn_step = Exercise("rnn_step", "01", rnn_step_reference, ("h",), step_cases)


@rnn_step.oracle("a loop over every unit")
def _(x, h_prev, Wx, Wh, b):
    (N, D), H = x.shape, len(b)
    h = np.empty((N, H))
    for n in range(N):
        for k in range(H):
            a = b[k]
            a += sum(x[n, d] * Wx[d, k] for d in range(D))
            a += sum(h_prev[n, j] * Wh[j, k] for j in range(H))
            h[n, k] = 1 - 2 / (np.exp(2 * a) + 1)   # at exp(2a) = inf, too
    return h


@rnn_step.oracle("torch.nn.RNNCell", needs_torch=True)
def _(x, h_prev, Wx, Wh, b):
    import torch

    cell = torch.nn.RNNCell(*Wx.shape, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(Wx.T))
        cell.weight_hh.copy_(torch.tensor(Wh.T))
        cell.bias_ih.copy_(torch.tensor(b))
        cell.bias_hh.zero_()
        return cell(torch.tensor(x), torch.tensor(h_prev)).numpy()


@rnn_step.extreme("sums in the thousands", "tanh by exponentials overflows: exp(a) / exp(a) is inf / inf. np.tanh does not.")
def _(rng):
    case = step_cases(rng, N=2, D=5, H=8)
    return case | {"x": 3000 * case["x"]}


@rnn_step.extreme("D = H", "Right where D and H differ, wrong where they are equal and every matrix is square.")
def _(rng):
    return step_cases(rng, N=3, D=5, H=5)


rnn_step.mistake(
    "no-tanh",
    "The sum is right, but nothing squashes it: h = tanh(x Wx + h_prev Wh + b).",
    ("np.tanh(x @ Wx + h_prev @ Wh + b)", "x @ Wx + h_prev @ Wh + b"),
)
rnn_step.mistake(
    "no-memory",
    "Your step never looks at `h_prev`: without h_prev @ Wh it forgets everything it read.",
    (" + h_prev @ Wh", ""),
)
rnn_step.mistake("no-bias", "The bias `b` is missing; it is added before tanh.", (" + b)", ")"))
rnn_step.mistake("bias-outside", "The bias is added after tanh. It belongs inside: tanh(… + b).", (" + b)", ") + b"))
for where, parts in {
    "with the bias in the second": "np.tanh(x @ Wx) + np.tanh(h_prev @ Wh + b)",
    "with the bias in the first": "np.tanh(x @ Wx + b) + np.tanh(h_prev @ Wh)",
    "with the bias in both": "np.tanh(x @ Wx + b) + np.tanh(h_prev @ Wh + b)",
    "with the bias outside": "np.tanh(x @ Wx) + np.tanh(h_prev @ Wh) + b",
    "and their sum again": "np.tanh(np.tanh(x @ Wx + b) + np.tanh(h_prev @ Wh))",
}.items():
    rnn_step.mistake(
        f"two-tanhs, {where}",
        f"You squash the two products one by one, {where}. tanh is applied once, to their sum with the bias.",
        ("np.tanh(x @ Wx + h_prev @ Wh + b)", parts),
    )
rnn_step.mistake(
    "state-outside",
    "The state's product is added after tanh. It belongs inside, beside x @ Wx: tanh squashes their sum.",
    (" + h_prev @ Wh + b)", " + b) + h_prev @ Wh"),
)
rnn_step.mistake(
    "state-added",
    "You add the old state to the new one. It has its place inside, as h_prev @ Wh, and only there.",
    ("np.tanh", "h_prev + np.tanh"),
)
rnn_step.mistake(
    "entry-by-entry",
    "`*` multiplies entry by entry. The product of matrices is `@`: `x @ Wx`, `h_prev @ Wh`.",
    ("x @ Wx + h_prev @ Wh", "x * Wx + h_prev * Wh"),
)
rnn_step.mistake(
    "weights-exchanged",
    "Wx and Wh have changed places: Wx is for the input, Wh for the state.",
    ("x @ Wx + h_prev @ Wh", "x @ Wh + h_prev @ Wx"),
)
rnn_step.mistake(
    "glued-in-another-order",
    "Glue in the same order on both sides: [x; h_prev] goes with Wx above Wh.",
    (
        "x @ Wx + h_prev @ Wh",
        "np.concatenate([h_prev, x], axis=1) @ np.concatenate([Wx, Wh])",
    ),
)
rnn_step.mistake(
    "transposed-Wh",
    "`Wh` is square, so its transpose fits too, and is wrong: rows are where a weight comes from, columns "
    "where it goes. h_prev @ Wh, not h_prev @ Wh.T.",
    ("@ Wh", "@ Wh.T"),
)
rnn_step.mistake(
    "bias-twice", "The bias is in there twice. PyTorch has two biases; this cell has one.", (" + b)", " + 2 * b)")
)
rnn_step.mistake(
    "Wh-forgotten", "You add h_prev itself. It goes through its matrix first: h_prev @ Wh.", ("h_prev @ Wh", "h_prev")
)
rnn_step.mistake(
    "sigmoid",
    "You squash with the sigmoid (0 … 1); this cell uses tanh (−1 … 1).",
    ("np.tanh(x @ Wx + h_prev @ Wh + b)", "1 / (1 + np.exp(-(x @ Wx + h_prev @ Wh + b)))"),
)
rnn_step.mistake(
    "relu",
    "You cut off what is below 0 (ReLU); this cell squashes with tanh.",
    ("np.tanh(x @ Wx", "np.maximum(0, x @ Wx"),
)
rnn_step.mistake(
    "weights-glued-in-another-order",
    "Glue in the same order on both sides: with x on the left and h_prev on the right, Wx is on top and Wh below it.",
    (
        "x @ Wx + h_prev @ Wh",
        "np.concatenate([x, h_prev], axis=1) @ np.concatenate([Wh, Wx])",
    ),
)
rnn_step.mistake(
    "batch-added-up",
    "You add up the sequences of the batch. Each keeps its own row: the axis N has to stay, (N, H) (in einsum: n after the "
    "arrow, too).",
    ("x @ Wx + h_prev @ Wh", "(x @ Wx + h_prev @ Wh).sum(axis=0)"),
)
rnn_step.mistake("bias-subtracted", "You subtract the bias `b`. It is added.", (" + b)", " - b)"))
rnn_step.mistake(
    "state-subtracted", "You subtract h_prev @ Wh. It is added.", (" + h_prev @ Wh", " - h_prev @ Wh")
)
rnn_step.mistake(
    "diagonal-of-Wh",
    "Each unit sees only its own old value, through the diagonal of Wh. It sees all of them: `h_prev @ Wh`.",
    ("h_prev @ Wh", "h_prev * np.diag(Wh)"),
)
rnn_step.mistake(
    "bias-as-a-column",
    "b is made a column, (H, 1), which goes down the batch. There is one bias for each unit: b as it is, (H,), fits the "
    "columns.",
    (" + b)", " + b[:, None])"),
)
rnn_step.mistake(
    "matrix-first",
    "Wx @ x is for texts in which x is a column. Here every row is a sequence, so the matrix stands on the right: "
    "`x @ Wx + h_prev @ Wh`.",
    ("x @ Wx + h_prev @ Wh", "Wx @ x + Wh @ h_prev"),
)
rnn_step.mistake(
    "weights-exchanged-in-dot",
    "Wx and Wh have changed places: `x.dot(Wx)` for the input, h_prev.dot(Wh) for the state.",
    ("x @ Wx + h_prev @ Wh", "x.dot(Wh) + h_prev.dot(Wx)"),
)


@rnn_step.variant("one product in the form [x; h] W")
def _(x, h_prev, Wx, Wh, b):
    return np.tanh(np.concatenate([x, h_prev], axis=1) @ np.concatenate([Wx, Wh], axis=0) + b)


@rnn_step.variant("columns times rows, transposed twice")
def _(x, h_prev, Wx, Wh, b):
    return np.tanh((b[:, None] + Wh.T @ h_prev.T + Wx.T @ x.T).T)


@rnn_step.variant("tanh by exponentials")
def _(x, h_prev, Wx, Wh, b):
    a = np.einsum("nh,hk->nk", h_prev, Wh) + x.dot(Wx) + b
    return 1 - 2 / (np.exp(2 * a) + 1)   # at exp(a) = inf, too


rnn_step.landmark("""
    x, h_prev = np.ones((1, 3)), np.array([[1.0, 0.5]])
    Wx, Wh, b = np.full((3, 2), 0.1), np.array([[0.1, 0.4], [0.2, 0.3]]), np.full(2, 0.2)
    rnn_step(x, h_prev, Wx, Wh, b)[0, 0]   # ≈ 0.604
""")
