"""`lstm_step_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_04.lstm_step import (
    ORDERS,
    far_out,
    grown,
    lstm_cases,
    lstm_step_by_tanh,
    wide_open,
)
from helpers.checks.chapter_04.steps import torch_gradients, torch_module
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient
from helpers.layers import sigmoid

GRADIENTS = ("dx", "dh_prev", "dc_prev", "dWx", "dWh", "db")


def lstm_step_backward_reference(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    A = x @ Wx + h_prev @ Wh + b
    i, f, g, o = np.split(A, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    tanh_c = np.tanh(f * c_prev + i * g)
    dc_total = dc + dh * o * (1 - tanh_c**2)
    di = dc_total * g * i * (1 - i)
    df = dc_total * c_prev * f * (1 - f)
    dg = dc_total * i * (1 - g**2)
    do = dh * tanh_c * o * (1 - o)
    dA = np.concatenate([di, df, dg, do], axis=1)
    dx, dh_prev, dc_prev = dA @ Wx.T, dA @ Wh.T, dc_total * f
    dWx, dWh, db = x.T @ dA, h_prev.T @ dA, dA.sum(axis=0)
    return dx, dh_prev, dc_prev, dWx, dWh, db


def _with_upstream(rng, case, size=1.0):
    return {name: size * rng.normal(size=case["h_prev"].shape) for name in ("dh", "dc")} | case


def backward_cases(rng, *, N=(3, 5), D=(4, 4), H=(7, 7)):
    return _with_upstream(rng, lstm_cases(rng, N=N, D=D, H=H))


lstm_step_backward = Exercise(
    "lstm_step_backward", "04", lstm_step_backward_reference, GRADIENTS, backward_cases, rounds=3
)


@lstm_step_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh, dc, *arguments):
    if np.abs(dh).max() > 10:
        return NotImplemented

    def loss(_):
        h, c = lstm_step_by_tanh(*arguments)
        return np.vdot(h, dh) + np.vdot(c, dc)

    return tuple(numerical_gradient(loss, argument) for argument in arguments)


@lstm_step_backward.oracle("torch.nn.LSTMCell and autograd", needs_torch=True)
def _(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    import torch

    cell = torch_module("LSTMCell", Wx, Wh, b, 0 * b)
    leaves = [torch.tensor(value, requires_grad=True) for value in (x, h_prev, c_prev)]
    torch.autograd.backward(cell(leaves[0], tuple(leaves[1:])), (torch.tensor(dh), torch.tensor(dc)))
    dWx, dWh, db, _ = torch_gradients(cell)
    return *(leaf.grad.numpy() for leaf in leaves), dWx, dWh, db


for _case, _name in ((wide_open, "gates wide open and shut"), (far_out, "a candidate far out")):
    lstm_step_backward.extreme(
        _name,
        "Gates may be 0 or 1 and the candidate −1 or 1, to the last digit, and the slopes are 0 then. Exponentials of a "
        "sum in the thousands give inf / inf; sigmoid and np.tanh do not.",
    )(lambda rng, case=_case: _with_upstream(rng, case(rng)))
lstm_step_backward.extreme("a cell that has grown", "The cell may be large: nothing bounds it.")(
    lambda rng: _with_upstream(rng, grown(rng))
)
lstm_step_backward.extreme("large gradients", "Gradients far above 1 pass as they are: nothing is clipped in a step.")(
    lambda rng: _with_upstream(rng, lstm_cases(rng, N=3, D=4, H=7), size=100.0)
)

mistake = lstm_step_backward.mistake
SLOPES = ("di = dc_total * g * i * (1 - i)", "df = dc_total * c_prev * f * (1 - f)", "do = dh * tanh_c * o * (1 - o)")
"""The three lines of the gates."""
CANDIDATE = "dg = dc_total * i * (1 - g**2)"


def _gates(*instead):
    """The changes that put these lines in the place of the gates'."""
    return tuple(zip(SLOPES, instead, strict=True))


# What arrives at the cell
mistake(
    "dc-forgotten",
    "The incoming `dc` is never used. The cell is read twice, by h of this step and by the next step, and what comes "
    "from there is dc. Gradients of a value used twice add up: dc + dh · o · (1 − tanh(c)²).",
    ("dc + dh * o", "dh * o"),
)
mistake(
    "h-path-forgotten",
    "Only the incoming dc reaches the cell here. The cell is read by h = o · tanh(c) too: add dh · o · (1 − tanh(c)²).",
    ("dc + dh * o * (1 - tanh_c**2)", "dc"),
)
mistake(
    "no-slope-of-tanh-c",
    "On the way from h back to c the slope of tanh is missing: dh · o · (1 − tanh(c)²).",
    (" * (1 - tanh_c**2)", ""),
)
mistake(
    "tanh-c-not-squared",
    "The slope at the cell is taken as 1 − tanh(c). The slope of tanh is 1 − tanh(c)², with the square: it is the same for "
    "c and for −c.",
    ("tanh_c**2", "tanh_c"),
)
mistake(
    "tanh-of-tanh-c",
    "tanh(c) has been through tanh already: its slope is 1 − tanh(c)², without another tanh.",
    ("tanh_c**2", "np.tanh(tanh_c) ** 2"),
)
mistake(
    "slope-of-c",
    "The slope is taken as 1 − c². It is 1 − tanh(c)²: the square of what tanh *gave*.",
    ("1 - tanh_c**2", "1 - (f * c_prev + i * g) ** 2"),
)
mistake(
    "slope-of-h",
    "The slope is taken as 1 − h², as in the plain recurrent network. Here h = o · tanh(c), so the tanh gave tanh(c): 1 "
    "− tanh(c)².",
    ("1 - tanh_c**2", "1 - (o * tanh_c) ** 2"),
)
mistake(
    "tanh-of-the-old-cell",
    "tanh is taken of c_prev. h was read off the *new* cell, so here, too, it is tanh(c) with c = f · c_prev + i · g.",
    ("np.tanh(f * c_prev + i * g)", "np.tanh(c_prev)"),
)
mistake(
    "do-in-dc",
    "On the way from h to c you multiply by the slice of o in dA, a gradient. h = o · tanh(c): the factor is the gate o "
    "itself, dh · o · (1 − tanh(c)²).",
    ("dc + dh * o", "dc + dh * tanh_c * o * (1 - o)"),
)
mistake(
    "f-on-the-way-in",
    "The incoming dc is multiplied by f. That dc is already the gradient at *this* step's c; f comes on the way out, "
    "once: dc_prev = dc · f, after dh · o · (1 − tanh(c)²) was added.",
    ("dc + dh * o", "dc * f + dh * o"),
    ("dc_total * f\n", "dc_total\n"),
)
mistake(
    "f-twice",
    "The forget gate is applied on the way in and on the way out. It is one factor: the incoming dc is already the "
    "gradient at this step's c, and dc_prev takes f.",
    ("dc + dh * o", "dc * f + dh * o"),
)
mistake(
    "dc-through-the-output-gate",
    "(dc + dh) · o · (1 − tanh(c)²): the incoming dc is already a gradient at c, and has nothing to do with o and the "
    "tanh. Only dh comes through them: dc + dh · o · (1 − tanh(c)²).",
    ("dc + dh * o", "(dc + dh) * o"),
)
mistake(
    "dh-added-as-it-is",
    "dc + dh: dh is the gradient at h, not yet at c. Between them lies h = o · tanh(c): dc + dh · o · (1 − tanh(c)²).",
    ("dh * o * (1 - tanh_c**2)", "dh"),
)
mistake(
    "slope-on-dc-too",
    "(dc + dh · o) · (1 − tanh(c)²): the incoming dc is already a gradient at c, it does not go through the tanh. Only "
    "the part from h does.",
    ("dc + dh * o", "(dc + dh * o)"),
)
mistake(
    "dc-added-at-the-end",
    "The incoming dc is added to dc_prev at the very end. It is a gradient at *this* step's c, so it is part of the total "
    "from the start: it reaches i, f and g, and leaves as dc_prev times f. dc + dh · o · (1 − tanh(c)²).",
    ("dc + dh * o", "dh * o"),
    ("dc_total * f\n", "dc_total * f + dc\n"),
)
mistake(
    "slices-without-dc",
    "dc_prev is right, but i, f and g only get what comes from dh. Add the incoming dc to it *before* the gates' "
    "gradients are computed.",
    ("dc + dh * o", "dh * o"),
    ("dc_total * f\n", "(dc + dc_total) * f\n"),
)
mistake(
    "slices-from-dc-only",
    "dc_prev is right, but i, f and g only get the incoming dc. They belong to the whole gradient at the cell, with dh · "
    "o · (1 − tanh(c)²) added.",
    ("dc + dh * o * (1 - tanh_c**2)", "dc"),
    ("dc_total * f\n", "(dc + dh * o * (1 - tanh_c**2)) * f\n"),
)
mistake(
    "dc-in-place",
    "The numbers are right, but `dc += …` writes into the array of whoever called. They may still need "
    "it. Make a new one: `dc = dc + …`.",
    ("dc_total = dc + ", "dc_total = dc; dc_total += "),
)

# What leaves the cell
mistake(
    "dc-prev-not-gated",
    "dc_prev is the whole gradient at c. c = f · c_prev + …, so the forget gate is a factor on the way back: times f. It "
    "is this f that a long memory lives on.",
    ("dc_total * f\n", "dc_total\n"),
)
mistake(
    "dc-prev-one-minus-f",
    "dc_prev takes 1 − f. c = f · c_prev + …: c_prev was multiplied by f, so its gradient is, too.",
    ("dc_total * f\n", "dc_total * (1 - f)\n"),
)
mistake(
    "dc-prev-without-h",
    "dc_prev = dc · f with the *incoming* dc only. What comes through h belongs to it: first add dh · o · (1 − "
    "tanh(c)²), then times f.",
    ("dc_total * f\n", "dc * f\n"),
)
mistake(
    "dc-prev-without-dc",
    "dc_prev holds only what came through h. Add the incoming dc before you multiply by f.",
    ("dc_total * f\n", "(dc_total - dc) * f\n"),
)
mistake(
    "slope-on-dc-prev",
    "dc_prev takes f · (1 − f). The slope belongs on the way to f's own slice of dA; c_prev was multiplied by f itself: "
    "times f.",
    ("dc_total * f\n", "dc_total * f * (1 - f)\n"),
)
mistake(
    "dc-prev-is-df",
    "dc_prev is the slice of f in dA, the gradient before the forget gate's sigmoid. c = f · c_prev + …: the derivative "
    "in c_prev is f itself, so the gradient at c times f.",
    ("dc_total * f\n", "df\n"),
)

# The four slices
mistake(
    "no-slope-of-g", "g = tanh(…): its slope 1 − g² is missing in its slice of dA.", (CANDIDATE, "dg = dc_total * i")
)
mistake(
    "g-not-squared",
    "The slope of g is taken as 1 − g. The slope of tanh is 1 − g², with the square: it is the same for g and for −g.",
    ("g**2", "g"),
)
mistake(
    "sigmoid-slope-for-g",
    "g takes the sigmoid's slope g · (1 − g) here. g is a tanh: 1 − g².",
    ("(1 - g**2)", "g * (1 - g)"),
)
mistake(
    "no-slope-of-gates",
    "The slices of i, f and o in dA stop at the gates. They go on through the sigmoid: times i · (1 − i), f · (1 − f) "
    "and o · (1 − o).",
    *_gates("di = dc_total * g", "df = dc_total * c_prev", "do = dh * tanh_c"),
)
mistake(
    "no-slopes-at-all",
    "The gradients stop at i, f, g and o. One step further, before the squashing, is dA: times i · (1 − i), f · (1 − f), "
    "1 − g² and o · (1 − o).",
    *_gates("di = dc_total * g", "df = dc_total * c_prev", "do = dh * tanh_c"),
    (CANDIDATE, "dg = dc_total * i"),
)
for _gate, _line in zip("ifo", SLOPES, strict=True):
    _start, _partner = _line.split(" * ")[:2]
    _words = f"the slice of {_gate} in dA is {_start[5:]} · {_partner} · {_gate} · (1 − {_gate})"
    mistake(
        f"no-slope-of-{_gate}",
        f"{_gate} = σ(…): its slope {_gate} · (1 − {_gate}) is missing; {_words}.",
        (_line, _line.removesuffix(f" * {_gate} * (1 - {_gate})")),
    )
    for _left, _half in (("1 − ", _line.replace(f" * {_gate} *", " *")), ("", _line.removesuffix(f" * (1 - {_gate})"))):
        mistake(
            f"half-slope-of-{_gate}-{_left}{_gate}",
            f"The slope of the sigmoid is {_gate} · (1 − {_gate}), both factors, not {_left}{_gate} alone; {_words}.",
            (_line, _half),
        )
    mistake(
        f"{_gate}-without-partner",
        f"The factor that the gate multiplies, {_partner}, is missing; {_words}.",
        (_line, _line.replace(f" * {_partner} *", " *")),
    )
mistake(
    "slopes-alone",
    "Each slice gets its slope, but not what its gate multiplies. In i · g the derivative in i is g, and so on: in dA "
    "the slice of i takes g, that of f c_prev, that of g i, and that of o tanh(c).",
    *_gates("di = dc_total * i * (1 - i)", "df = dc_total * f * (1 - f)", "do = dh * o * (1 - o)"),
    (CANDIDATE, "dg = dc_total * (1 - g**2)"),
)
mistake(
    "half-slopes",
    "The slope of the sigmoid is s · (1 − s), both factors; the slices of i, f and o in dA have 1 − s alone.",
    *_gates("di = dc_total * g * (1 - i)", "df = dc_total * c_prev * (1 - f)", "do = dh * tanh_c * (1 - o)"),
)
mistake(
    "tanh-slope-for-gates",
    "The gates take the slope of tanh, 1 − i². They are sigmoids: i · (1 − i), and so for f and o.",
    *_gates("di = dc_total * g * (1 - i**2)", "df = dc_total * c_prev * (1 - f**2)", "do = dh * tanh_c * (1 - o**2)"),
)
TWICE = (
    "di = dc_total * g * sigmoid(i) * (1 - sigmoid(i))",
    "df = dc_total * c_prev * sigmoid(f) * (1 - sigmoid(f))",
    "do = dh * tanh_c * sigmoid(o) * (1 - sigmoid(o))",
)
mistake(
    "gates-squashed-twice",
    "The sigmoid's slope is taken as σ(i) · (1 − σ(i)) of a gate that is squashed already, and so for f and o. i *is* "
    "what the sigmoid gave: i · (1 − i). (Or keep the slice of A and take σ of that.)",
    *_gates(*TWICE),
)
mistake(
    "g-squashed-twice",
    "The slope of g is taken as 1 − tanh(g)², but g is squashed already. g *is* what tanh gave: 1 − g².",
    ("1 - g**2", "1 - np.tanh(g) ** 2"),
)
mistake(
    "all-squashed-twice",
    "The slopes squash once more what is squashed already, σ(i) · (1 − σ(i)) and 1 − tanh(g)². i and g *are* what "
    "sigmoid and tanh gave: i · (1 − i), f · (1 − f), 1 − g², o · (1 − o).",
    *_gates(*TWICE),
    ("1 - g**2", "1 - np.tanh(g) ** 2"),
)
RAW = ("i, f, g, o = np.split(A, 4, axis=1)", "ai, af, ag, ao = i, f, g, o = np.split(A, 4, axis=1)")
OF_SLICES = _gates(
    "di = dc_total * g * ai * (1 - ai)", "df = dc_total * c_prev * af * (1 - af)", "do = dh * tanh_c * ao * (1 - ao)"
)
mistake(
    "slopes-of-slices",
    "The sigmoid's slope is computed as A · (1 − A) of the slices *before* squashing. s · (1 − s) holds for what the "
    "sigmoid gave: i · (1 − i), f · (1 − f), o · (1 − o).",
    RAW,
    *OF_SLICES,
)
mistake(
    "all-slopes-of-slices",
    "The slopes are taken at the slices before squashing: A · (1 − A) and 1 − A². They hold for the squashed values: i · "
    "(1 − i), f · (1 − f), 1 − g², o · (1 − o).",
    RAW,
    *OF_SLICES,
    ("1 - g**2", "1 - ag**2"),
)
mistake(
    "slope-of-g-at-the-slice",
    "The slice of g in dA takes 1 − A², with A before its tanh. The slope is 1 − g², with g itself.",
    RAW,
    ("1 - g**2", "1 - ag**2"),
)
mistake(
    "product-rule-swapped",
    "i and g have changed places: in i · g the derivative in i is g, and the derivative in g is i.",
    ("dc_total * g * i", "dc_total * i * i"),
    ("dc_total * i * (1 - g", "dc_total * g * (1 - g"),
)
mistake(
    "partners-swapped",
    "In dA the slice of i takes c_prev and that of f takes g: they have changed places. c = f · c_prev + i · g.",
    ("dc_total * g * i", "dc_total * c_prev * i"),
    ("dc_total * c_prev * f", "dc_total * g * f"),
)
mistake(
    "df-takes-the-new-cell",
    "The slice of f in dA is multiplied by c, the cell *after* the step. c = f · c_prev + …: the factor of f is c_prev.",
    ("dc_total * c_prev", "dc_total * (f * c_prev + i * g)"),
)
mistake(
    "h-for-c",
    "h_prev takes the place of c_prev, in c = f · c_prev + i · g and in the slice of f. The forget gate keeps the old cell.",
    ("f * c_prev + i", "f * h_prev + i"),
    ("dc_total * c_prev", "dc_total * h_prev"),
)
mistake(
    "do-takes-c",
    "The slice of o in dA is multiplied by c. h = o · tanh(c): the factor of o is tanh(c).",
    ("dh * tanh_c", "dh * (f * c_prev + i * g)"),
)
mistake(
    "do-takes-h",
    "The slice of o in dA is multiplied by h, which contains o already. h = o · tanh(c): the factor of o is tanh(c).",
    ("dh * tanh_c", "dh * (o * tanh_c)"),
)
mistake(
    "do-from-dc",
    "The slice of o in dA starts from the gradient at the cell. The output gate does not touch the cell: h = o · "
    "tanh(c), so it starts from dh alone.",
    ("dh * tanh_c", "dc_total * tanh_c"),
)
mistake(
    "do-from-dh-and-dc",
    "The slice of o in dA starts from dh + dc. dc is a gradient at the cell, and the output gate does not touch the "
    "cell: dh alone.",
    ("dh * tanh_c", "(dh + dc) * tanh_c"),
)

# From the slices to weights, input and state
mistake(
    "no-bias",
    "When you compute the step again, the bias is missing: A = x Wx + h_prev Wh + b. All the slopes depend on it.",
    ("h_prev @ Wh + b", "h_prev @ Wh"),
)
mistake(
    "Wx-reshaped",
    "`Wx.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dA @ Wx.T.",
    ("dA @ Wx.T", "dA @ Wx.reshape(Wx.shape[::-1])"),
)
mistake(
    "Wh-reshaped",
    "`Wh.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dA @ Wh.T.",
    ("dA @ Wh.T", "dA @ Wh.reshape(Wh.shape[::-1])"),
)
mistake(
    "torch-shapes",
    "dWx and dWh are transposed: dA.T @ x is (4H, D), the shape PyTorch keeps. Here rows are examples: x.T @ dA.",
    ("x.T @ dA", "dA.T @ x"),
    ("h_prev.T @ dA", "dA.T @ h_prev"),
)
mistake(
    "new-state-in-dWh",
    "dWh is computed with h, the state *after* the step. Wh was multiplied by h_prev: h_prev.T @ dA.",
    ("h_prev.T", "(o * tanh_c).T"),
)
mistake(
    "db-not-summed",
    "db is dA itself, a row for each sequence of the batch. b is one vector that all N of them share, so their gradients "
    "add up: `dA.sum(axis=0)`.",
    ("dA.sum(axis=0)", "dA"),
)
mistake(
    "averaged",
    "The weights' gradients are divided by N. If the loss is a mean, dh and dc contain the 1/N already; here they are "
    "summed.",
    ("x.T @ dA", "x.T @ dA / len(x)"),
    ("h_prev.T @ dA", "h_prev.T @ dA / len(x)"),
    ("dA.sum(axis=0)", "dA.mean(axis=0)"),
)
mistake(
    "direct-path-to-h",
    "dh is added to dh_prev as if h were handed on directly. In the LSTM it is the *cell* that has a direct path; h_prev "
    "acts through the gates only: dA @ Wh.T.",
    ("dA @ Wh.T", "dA @ Wh.T + dh"),
)
mistake(
    "slope-of-h-prev",
    "dh_prev is multiplied by 1 − h_prev². That is the plain recurrent network's tanh, one step too far back: dA @ Wh.T "
    "is the whole gradient in h_prev.",
    ("dA @ Wh.T", "dA @ Wh.T * (1 - h_prev**2)"),
)
mistake(
    "glued-unit-by-unit",
    "The four gradients are glued unit by unit, i, f, g, o of unit 0 first. In dA each slice is a block of H columns, as "
    "it was cut: `np.concatenate([di, df, dg, do], axis=1)`.",
    ("np.concatenate([di, df, dg, do], axis=1)", "np.stack([di, df, dg, do], axis=2).reshape(len(x), -1)"),
)
for _order, _origin in ORDERS.items():
    _glued = "[di, df, dg, do]", f"[{', '.join(f'd{gate}' for gate in _order)}]"
    mistake(
        f"glued-{_order}",
        f"The four gradients are right but glued in the order {', '.join(_order)}. They must stand where their slices "
        "were cut: i, f, g, o.",
        _glued,
    )
    if _origin:
        mistake(
            f"order-{_order}",
            f"Forward and backward agree with each other, but on the order {', '.join(_order)}{_origin}. The order here "
            "is i, f, g, o.",
            ("i, f, g, o = np.split", f"{', '.join(_order)} = np.split"),
            _glued,
        )


@lstm_step_backward.variant("one array of slopes, one of factors")
def _(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    a = (x @ Wx + h_prev @ Wh + b).reshape(len(x), 4, -1)
    gates = 1 / (1 + np.exp(-a))
    gates[:, 2] = np.tanh(a[:, 2])
    slopes = gates * (1 - gates)
    slopes[:, 2] = 1 - gates[:, 2] ** 2
    i, f, g, o = gates.transpose(1, 0, 2)
    tanh_c = np.tanh(f * c_prev + i * g)
    at_c = dc + dh * o * (1 - tanh_c**2)
    at_a = slopes * np.stack([at_c * g, at_c * c_prev, at_c * i, dh * tanh_c], axis=1)
    at_a = at_a.reshape(len(x), -1)
    W = np.concatenate([Wx, Wh])
    back = at_a @ W.T
    dW = np.hstack([x, h_prev]).T @ at_a
    D = x.shape[1]
    return back[:, :D], back[:, D:], at_c * f, dW[:D], dW[D:], np.ones(len(x), dtype=x.dtype) @ at_a


@lstm_step_backward.variant("gate by gate, with sech² for the slope of tanh")
def _(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    Us, Vs, us = np.split(Wx, 4, axis=1), np.split(Wh, 4, axis=1), np.split(b, 4)
    i, f, g, o = (x @ U + h_prev @ V + u for U, V, u in zip(Us, Vs, us, strict=True))

    def s(a):
        return 1 / (1 + np.exp(-a))

    c = s(f) * c_prev + s(i) * np.tanh(g)
    dc = dc + dh * s(o) / np.cosh(c) ** 2
    parts = [
        dc * np.tanh(g) * s(i) * s(-i),
        dc * c_prev * s(f) * s(-f),
        dc * s(i) / np.cosh(g) ** 2,
        dh * np.tanh(c) * s(o) * s(-o),
    ]
    dx = sum(part @ U.T for part, U in zip(parts, Us, strict=True))
    dh_prev = sum(part @ V.T for part, V in zip(parts, Vs, strict=True))
    dWx = np.hstack([np.einsum("nd,nk->dk", x, part) for part in parts])
    dWh = np.hstack([np.einsum("nj,nk->jk", h_prev, part) for part in parts])
    return dx, dh_prev, dc * s(f), dWx, dWh, np.hstack([part.sum(axis=0) for part in parts])


lstm_step_backward.landmark("""
    dh, dc = np.ones((1, 2)), np.full((1, 2), 0.5)
    x, h_prev, c_prev = np.ones((1, 3)), np.full((1, 2), 0.5), np.full((1, 2), 0.8)
    Wx, Wh, b = np.full((3, 8), 0.1), np.full((2, 8), 0.1), np.arange(8) / 10
    dx, dh_prev, dc_prev, dWx, dWh, db = lstm_step_backward(dh, dc, x, h_prev, c_prev, Wx, Wh, b)
    dc_prev   # ≈ [[0.548, 0.551]]
    dh_prev   # ≈ [[0.139, 0.139]]
""")
