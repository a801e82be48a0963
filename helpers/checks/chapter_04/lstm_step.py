"""`lstm_step`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.chapter_04.steps import shifted, step_cases, torch_module, wrong_orders
from helpers.checks.registry import Exercise
from helpers.layers import sigmoid, softmax  # noqa: F401 (softmax: in a mistake)

ORDERS = wrong_orders("ifgo", {
    "ifog": " (that of CS231n)",
    "fgio": " (that of Deep Learning from Scratch 2)",
    "iofg": " (that of ONNX)",
    "igfo": " (that of TensorFlow 1)",
    "figo": ", or i and f have changed places in c = f · c_prev + i · g",
})  # fmt: skip


def lstm_step_reference(x, h_prev, c_prev, Wx, Wh, b):
    A = x @ Wx + h_prev @ Wh + b
    i, f, g, o = np.split(A, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c


def lstm_cases(rng, *, N=(3, 5), D=(6, 7), H=(8, 9)):
    return step_cases(rng, 4, N=N, D=D, H=H)


lstm_step = Exercise("lstm_step", "04", lstm_step_reference, ("h", "c"), lstm_cases, rounds=3)


@lstm_step.oracle("a loop over every unit")
def _(x, h_prev, c_prev, Wx, Wh, b):
    h, c = np.empty_like(h_prev), np.empty_like(c_prev)
    N, H = h.shape
    for n in range(N):
        for k in range(H):
            a_i, a_f, a_g, a_o = (
                b[column]
                + sum(x[n, d] * Wx[d, column] for d in range(len(Wx)))
                + sum(h_prev[n, j] * Wh[j, column] for j in range(H))
                for column in (k, H + k, 2 * H + k, 3 * H + k)
            )
            c[n, k] = c_prev[n, k] / (1 + math.exp(-a_f)) + math.tanh(a_g) / (1 + math.exp(-a_i))
            h[n, k] = math.tanh(c[n, k]) / (1 + math.exp(-a_o))
    return h, c


@lstm_step.oracle("torch.nn.LSTMCell", needs_torch=True)
def _(x, h_prev, c_prev, Wx, Wh, b):
    import torch

    cell = torch_module("LSTMCell", Wx, Wh, b, 0 * b)
    with torch.no_grad():
        h, c = cell(torch.tensor(x), (torch.tensor(h_prev), torch.tensor(c_prev)))
    return h.numpy(), c.numpy()


@lstm_step.extreme(
    "gates wide open and shut",
    "Gates may come out as 0 and 1, with sums in the thousands before they are squashed. exp(a) / (1 + exp(a)) is inf / "
    "inf there; the imported `sigmoid` is not.",
)
def wide_open(rng):
    return shifted(lstm_cases(rng, N=3, D=6, H=8), "b", -40, 1000, 0.5, 1000)


@lstm_step.extreme(
    "a candidate far out",
    "The candidate's sum may be in the thousands: tanh by exponentials is inf / inf there, np.tanh is not.",
)
def far_out(rng):
    return shifted(lstm_cases(rng, N=3, D=6, H=8), "b", 1000, -40, -1000, 0)


@lstm_step.extreme("a cell that has grown", "The cell may be any number, and a large one as well: nothing bounds it.")
def grown(rng):
    case = lstm_cases(rng, N=3, D=6, H=8)
    return shifted(case | {"c_prev": 50 * case["c_prev"]}, "b", 0, 5, 0, 0)


SQUASHED = "sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)"
mistake = lstm_step.mistake


def _in_order(orders):
    for order in orders:
        same = ", or tanh of the first and the sigmoid of the third" if order == "gfio" else ""   # i · g = g · i
        mistake(
            f"order-{order}",
            f"You take the four slices in the order {', '.join(order)}{ORDERS[order]}{same}. In this course, as in PyTorch, "
            "the order is i, f, g, o.",
            ("i, f, g, o = np.split", f"{', '.join(order)} = np.split"),
        )


_in_order(order for order, origin in ORDERS.items() if origin)   # first: they come with other mistakes, too

# Squashing
mistake(
    "sigmoid-on-candidate",
    "The candidate g goes through the sigmoid here. It is no gate but the new content: tanh, so that it may also be "
    "negative and the cell can go down as well as up.",
    ("np.tanh(g)", "sigmoid(g)"),
)
mistake(
    "tanh-on-gates",
    "All four slices go through tanh. A gate is a fraction, 0 … 1, so i, f and o take the sigmoid; only g takes tanh.",
    (SQUASHED, "np.tanh(i), np.tanh(f), np.tanh(g), np.tanh(o)"),
)
mistake(
    "squashing-swapped",
    "Gates and candidate have changed their functions: i, f, o take the sigmoid (0 … 1), g takes tanh (−1 … 1).",
    (SQUASHED, "np.tanh(i), np.tanh(f), sigmoid(g), np.tanh(o)"),
)
mistake(
    "tanh-on-the-fourth",
    "The fourth slice goes through tanh and the third through the sigmoid. The order is i, f, g, o: tanh belongs to the "
    "third, the candidate.",
    (SQUASHED, "sigmoid(i), sigmoid(f), sigmoid(g), np.tanh(o)"),
)
mistake(
    "gates-not-squashed",
    "The gates are used as they come out of the product. i, f and o need the sigmoid: without it a gate is no fraction, "
    "and the cell may be multiplied by 3 or by −2.",
    (SQUASHED, "i, f, np.tanh(g), o"),
)
mistake(
    "sign-in-the-sigmoid",
    "Your gates come out as 1 minus what they should be: σ(a) is 1 / (1 + exp(−a)), with a minus.",
    (SQUASHED, "sigmoid(-i), sigmoid(-f), np.tanh(g), sigmoid(-o)"),
)
mistake(
    "candidate-squashed-twice",
    "The sigmoid was taken of all of A, and g then got its tanh on top. Cut first, then squash each slice once.",
    ("np.tanh(g)", "np.tanh(sigmoid(g))"),
)
mistake(
    "products-squashed",
    "tanh is taken of the whole sum before it is cut, as in the plain recurrent network. Here each slice is squashed by "
    "itself, once.",
    ("np.split(A,", "np.split(np.tanh(A),"),
)
mistake(
    "softmax-on-gates",
    "The gates go through softmax, so that the units of a row share one whole. Each unit opens its gate by itself: the "
    "sigmoid, for each number alone.",
    (SQUASHED, "softmax(i), softmax(f), np.tanh(g), softmax(o)"),
)
mistake(
    "forget-bias-added",
    "1 is added to what goes into the forget gate. A bias of 1 is a good start for training, and it then stands in b; "
    "the step takes b as it is.",
    ("sigmoid(f)", "sigmoid(f + 1)"),
)

# Cell and state
mistake(
    "output-gate-reversed",
    "(1 − o) · tanh(c): the output gate says how much is *shown*. h = o · tanh(c).",
    ("o * np.tanh(c)", "(1 - o) * np.tanh(c)"),
)
mistake(
    "input-gate-reversed",
    "(1 − i) · g: the input gate says how much is *let in*. c = f · c_prev + i · g.",
    ("i * g", "(1 - i) * g"),
)
mistake(
    "no-tanh-out",
    "h = o · c: the tanh on the way out is missing. The cell may grow beyond 1; h = o · tanh(c) may not.",
    ("o * np.tanh(c)", "o * c"),
)
mistake(
    "output-gate-inside",
    "tanh(o · c): the gate has to act on what tanh gives. h = o · tanh(c).",
    ("o * np.tanh(c)", "np.tanh(o * c)"),
)
mistake(
    "tanh-of-the-gate",
    "tanh is taken of the output gate here, and c goes out as it is. h = o · tanh(c).",
    ("o * np.tanh(c)", "np.tanh(o) * c"),
)
mistake(
    "candidate-out",
    "h is read off the candidate g here. The state is read off the new cell: h = o · tanh(c).",
    ("o * np.tanh(c)", "o * g"),
)
mistake(
    "no-forget-gate",
    "c = c_prev + i · g: this is the LSTM of 1997, which could not forget. Since 2000 the old cell has been multiplied by f.",
    ("f * c_prev", "c_prev"),
)
mistake(
    "forget-read-as-forgetting",
    "(1 − f) · c_prev: in spite of its name the forget gate says how much is *kept*. c = f · c_prev + i · g.",
    ("f * c_prev", "(1 - f) * c_prev"),
)
mistake(
    "coupled-to-forget",
    "(1 − f) takes the place of the input gate. Some cells, the GRU among them, couple the two; the LSTM has a gate i of "
    "its own: c = f · c_prev + i · g.",
    ("i * g", "(1 - f) * g"),
)
mistake(
    "coupled-to-input",
    "(1 − i) takes the place of the forget gate. The LSTM has a gate f of its own: c = f · c_prev + i · g.",
    ("f * c_prev", "(1 - i) * c_prev"),
)
mistake(
    "forget-gate-on-everything",
    "f · (c_prev + i · g): what has just come in is not to be forgotten. f multiplies c_prev alone.",
    ("f * c_prev + i * g", "f * (c_prev + i * g)"),
)
mistake(
    "cell-squashed",
    "c = tanh(f · c_prev + i · g) squashes the cell itself, at every step anew. The cell stays as it is; tanh is only "
    "taken on the way out, for h.",
    ("f * c_prev + i * g", "np.tanh(f * c_prev + i * g)"),
)
mistake(
    "squashed-cell-returned",
    "h is right, but you return tanh(c) as the cell. The next step needs the cell itself, unsquashed.",
    ("return h, c", "return h, np.tanh(c)"),
)

# The product
mistake(
    "bias-outside",
    "Each slice gets its bias after it was squashed: a gate may then leave 0 … 1. First A = x Wx + h_prev Wh + b, then "
    "squash.",
    (" + b\n", "\n"),
    (SQUASHED, "np.split(np.concatenate([sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)], axis=1) + b, 4, axis=1)"),
)
mistake(
    "bias-twice",
    "The bias is in there twice. PyTorch adds two different biases; this cell has one.",
    (" + b\n", " + 2 * b\n"),
)
mistake(
    "cell-in-the-gates",
    "c_prev @ Wh: the gates look at the state h_prev, not at the cell. (Peephole LSTMs look at both.)",
    ("h_prev @ Wh", "c_prev @ Wh"),
)
mistake(
    "peepholes",
    "The gates look at the old cell beside the state. Some LSTMs do, through peepholes; this one does not: A = x Wx + "
    "h_prev Wh + b.",
    ("h_prev @ Wh", "(h_prev + c_prev) @ Wh"),
)
mistake(
    "glued-in-another-order",
    "State and input are glued as [h, x], the matrices as [Wx; Wh]: each meets the other's weights, and since the sizes "
    "add up to the same, nothing complains. Glue both in the same order.",
    ("x @ Wx + h_prev @ Wh", "np.concatenate([h_prev, x], axis=1) @ np.concatenate([Wx, Wh])"),
)

# Cutting it
BLOCKS = "You take {}. A gate is a block: its H columns stand side by side, the input gate's first. `np.split(A, 4, axis=1)`."
mistake(
    "interleaved",
    BLOCKS.format("every fourth column (`A[:, 0::4]`, or a reshape to (N, H, 4))"),
    ("np.split(A, 4, axis=1)", "(A[:, 0::4], A[:, 1::4], A[:, 2::4], A[:, 3::4])"),
)
mistake(
    "reshaped-to-4NH",
    "A.reshape(4, N, H) has the right shape and mixes the sequences of the batch: reshape never moves an axis. "
    "`np.split(A, 4, axis=1)`, or reshape(N, 4, H) and then take [:, k].",
    ("np.split(A, 4, axis=1)", "A.reshape(4, len(A), -1)"),
)
mistake(
    "slices-of-D",
    "Each slice is D columns wide, as x is. A gate has one column for each of the H units of the *state*: H is "
    "`len(Wh)`, or let `np.split(A, 4, axis=1)` count.",
    (
        "i, f, g, o = np.split(A, 4, axis=1)",
        "D = x.shape[1]; i, f, g, o = A[:, :D], A[:, D : 2 * D], A[:, 2 * D : 3 * D], A[:, 3 * D : 4 * D]",
    ),
)
_in_order(order for order, origin in ORDERS.items() if not origin)


@lstm_step.variant("the sigmoid by a tanh of half the argument")
def lstm_step_by_tanh(x, h_prev, c_prev, Wx, Wh, b):
    H = len(Wh)
    a = x @ Wx + h_prev @ Wh + b
    gates = (1 + np.tanh(a / 2)) / 2
    c = gates[:, H : 2 * H] * c_prev + gates[:, :H] * np.tanh(a[:, 2 * H : 3 * H])
    return gates[:, 3 * H :] * np.tanh(c), c


@lstm_step.variant("four affine maps, gate by gate")
def _(x, h_prev, c_prev, Wx, Wh, b):
    blocks = zip(np.hsplit(Wx, 4), np.hsplit(Wh, 4), np.split(b, 4), strict=True)
    i, f, g, o = (x.dot(U) + h_prev.dot(V) + u for U, V, u in blocks)
    c = c_prev / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    return np.tanh(c) / (1 + np.exp(-o)), c


@lstm_step.variant("one product in the form [x; h] W, columns instead of rows")
def _(x, h_prev, c_prev, Wx, Wh, b):
    A = np.vstack([Wx, Wh]).T @ np.hstack([x, h_prev]).T + b[:, None]
    i, f, g, o = A.reshape(4, -1, len(x))
    c = sigmoid(f) * c_prev.T + sigmoid(i) * np.tanh(g)
    return [(sigmoid(o) * np.tanh(c)).T, c.T]


@lstm_step.variant("a reshape to (N, 4, H)")
def _(x, h_prev, c_prev, Wx, Wh, b):
    A = (x @ Wx + h_prev @ Wh + b).reshape(len(x), 4, -1)
    i, f, o = 1 / (1 + np.exp(-A[:, [0, 1, 3]].transpose(1, 0, 2)))
    c = f * c_prev + i * np.tanh(A[:, 2])
    return o * np.tanh(c), c


lstm_step.landmark("""
    x, h_prev, c_prev = np.ones((1, 3)), np.full((1, 2), 0.5), np.full((1, 2), 0.8)
    Wx, Wh, b = np.full((3, 8), 0.1), np.full((2, 8), 0.1), np.arange(8) / 10
    h, c = lstm_step(x, h_prev, c_prev, Wx, Wh, b)
    h   # ≈ [[0.529, 0.565]]
    c   # ≈ [[0.914, 0.980]]
""")
