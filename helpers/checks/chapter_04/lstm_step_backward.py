"""`lstm_step_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from helpers import layers
from helpers.checks.chapter_04 import lstm_step
from helpers.checks.chapter_04.lstm_step import ORDERS, lstm_ones, lstm_step_by_tanh, step_cases
from helpers.checks.chapter_04.steps import slope_of_sigmoid, split_as, torch_gradients, torch_module
from helpers.checks.lines import Lines
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient

GRADIENTS = ("dx", "dh_prev", "dc_prev", "dWx", "dWh", "db")


def lstm_step_backward_reference(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    *_, cache = layers.lstm_step(x, h_prev, c_prev, Wx, Wh, b)
    return layers.lstm_step_backward(dh, dc, cache)


def _cases(rng):
    case = step_cases(rng, gates=4)
    upstream = {name: rng.normal(size=case["h_prev"].shape) for name in ("dh", "dc")}
    return upstream | case


lstm_step_backward = Exercise(
    "lstm_step_backward", "04", lstm_step_backward_reference, GRADIENTS, _cases, rounds=3
)


@lstm_step_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh, dc, *arguments):
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


right = Lines(
    lstm_step_backward,
    "dh dc x h_prev c_prev Wx Wh b",
    lstm_step.right.lines
    | {
        "tanh_c": lambda s: np.tanh(s.c),
        "dc_all": lambda s: s.dc + s.dh * s.o * (1 - s.tanh_c**2),
        "di": lambda s: s.dc_all * s.g * s.i * (1 - s.i),
        "df": lambda s: s.dc_all * s.c_prev * s.f * (1 - s.f),
        "dg": lambda s: s.dc_all * s.i * (1 - s.g**2),
        "do": lambda s: s.dh * s.tanh_c * s.o * (1 - s.o),
        "dA": lambda s: np.concatenate([s.di, s.df, s.dg, s.do], axis=1),
        "dx": lambda s: s.dA @ s.Wx.T,
        "dh_prev": lambda s: s.dA @ s.Wh.T,
        "dc_prev": lambda s: s.dc_all * s.f,
        "dWx": lambda s: s.x.T @ s.dA,
        "dWh": lambda s: s.h_prev.T @ s.dA,
        "db": lambda s: s.dA.sum(axis=0),
    },
)
mistake = right.mistake

# What arrives at the cell
mistake(
    "dc-forgotten",
    "The incoming `dc` is never used. The cell is read twice, by h of this step and by the next step, and "
    "what comes from there is dc. Gradients of a value used twice add up: dc + dh · o · (1 − tanh(c)²).",
    dc_all=lambda s: s.dh * s.o * (1 - s.tanh_c**2),
)
mistake(
    "h-path-forgotten",
    "Only the incoming dc reaches the cell here. The cell is read by h = o · tanh(c) too: add dh · o · (1 − "
    "tanh(c)²).",
    dc_all=lambda s: s.dc,
)
mistake(
    "no-slope-of-tanh-c",
    "On the way from h back to c the slope of tanh is missing: dh · o · (1 − tanh(c)²).",
    dc_all=lambda s: s.dc + s.dh * s.o,
)
mistake(
    "slope-of-c",
    "The slope is taken as 1 − c². It is 1 − tanh(c)²: the square of what tanh *gave*.",
    dc_all=lambda s: s.dc + s.dh * s.o * (1 - s.c**2),
)
mistake(
    "slope-of-h",
    "The slope is taken as 1 − h², as in the plain recurrent network. Here h = o · tanh(c), so the tanh gave "
    "tanh(c): 1 − tanh(c)².",
    dc_all=lambda s: s.dc + s.dh * s.o * (1 - s.h**2),
)
mistake(
    "slope-not-squared",
    "The slope of tanh(c) is 1 − tanh(c)²; the square is missing.",
    dc_all=lambda s: s.dc + s.dh * s.o * (1 - s.tanh_c),
)
mistake(
    "o-forgotten",
    "h = o · tanh(c): on the way back to c the factor o stays. dh · o · (1 − tanh(c)²).",
    dc_all=lambda s: s.dc + s.dh * (1 - s.tanh_c**2),
)
mistake(
    "tanh-of-the-old-cell",
    "tanh is taken of c_prev. h was read off the *new* cell, so here, too, it is tanh(c) with c = f · c_prev "
    "+ i · g.",
    tanh_c=lambda s: np.tanh(s.c_prev),
)
mistake(
    "do-in-dc",
    "On the way from h to c you multiply by the slice of o in dA, a gradient. h = o · tanh(c): the factor is "
    "the gate o itself, dh · o · (1 − tanh(c)²).",
    dc_all=lambda s: s.dc + s.dh * s.tanh_c * s.o * (1 - s.o) * (1 - s.tanh_c**2),
)
mistake(
    "f-on-the-way-in",
    "The incoming dc is multiplied by f. That dc is already the gradient at *this* step's c; f comes on the "
    "way out, once: dc_prev = dc · f, after dh · o · (1 − tanh(c)²) was added.",
    dc_all=lambda s: s.dc * s.f + s.dh * s.o * (1 - s.tanh_c**2),
    dc_prev=lambda s: s.dc_all,
)
mistake(
    "f-twice",
    "The forget gate is applied on the way in and on the way out. It is one factor: the incoming dc is "
    "already the gradient at this step's c, and dc_prev takes f.",
    dc_all=lambda s: s.dc * s.f + s.dh * s.o * (1 - s.tanh_c**2),
)
mistake(
    "dc-through-the-output-gate",
    "(dc + dh) · o · (1 − tanh(c)²): the incoming dc is already a gradient at c, and has nothing to do with o "
    "and the tanh. Only dh comes through them: dc + dh · o · (1 − tanh(c)²).",
    dc_all=lambda s: (s.dc + s.dh) * s.o * (1 - s.tanh_c**2),
)
mistake(
    "dh-added-as-it-is",
    "dc + dh: dh is the gradient at h, not yet at c. Between them lies h = o · tanh(c): dc + dh · o · (1 − "
    "tanh(c)²).",
    dc_all=lambda s: s.dc + s.dh,
)
mistake(
    "slope-on-dc-too",
    "(dc + dh · o) · (1 − tanh(c)²): the incoming dc is already a gradient at c, it does not go through the "
    "tanh. Only the part from h does.",
    dc_all=lambda s: (s.dc + s.dh * s.o) * (1 - s.tanh_c**2),
)
mistake(
    "slices-without-dc",
    "dc_prev is right, but i, f and g only get what comes from dh. Add the incoming dc to it *before* the "
    "gates' gradients are computed.",
    di=lambda s: (s.dc_all - s.dc) * s.g * s.i * (1 - s.i),
    df=lambda s: (s.dc_all - s.dc) * s.c_prev * s.f * (1 - s.f),
    dg=lambda s: (s.dc_all - s.dc) * s.i * (1 - s.g**2),
)
mistake(
    "slices-from-dc-only",
    "dc_prev is right, but i, f and g only get the incoming dc. They belong to the whole gradient at the "
    "cell, with dh · o · (1 − tanh(c)²) added.",
    di=lambda s: s.dc * s.g * s.i * (1 - s.i),
    df=lambda s: s.dc * s.c_prev * s.f * (1 - s.f),
    dg=lambda s: s.dc * s.i * (1 - s.g**2),
)
mistake(
    "dc-in-place",
    "The numbers are right, but `dc += …` writes into the array of whoever called. In a loop over time that "
    "is the gradient still needed elsewhere. Make a new one: `dc = dc + …`.",
    dc_all=lambda s: np.add(s.dc, s.dh * s.o * (1 - s.tanh_c**2), out=s.dc),
)

# What leaves the cell
mistake(
    "dc-prev-not-gated",
    "dc_prev is the whole gradient at c. c = f · c_prev + …, so the forget gate is a factor on the way back: "
    "times f. It is this f that a long memory lives on.",
    dc_prev=lambda s: s.dc_all,
)
mistake(
    "dc-prev-without-h",
    "dc_prev = dc · f with the *incoming* dc only. What comes through h belongs to it: first add "
    "dh · o · (1 − tanh(c)²), then times f.",
    dc_prev=lambda s: s.dc * s.f,
)
mistake(
    "dc-passed-on",
    "dc_prev is the incoming dc, unchanged. It is the whole gradient at c, with the part through h, times f.",
    dc_prev=lambda s: s.dc,
)
mistake(
    "dc-prev-without-dc",
    "dc_prev holds only what came through h. Add the incoming dc before you multiply by f.",
    dc_prev=lambda s: (s.dc_all - s.dc) * s.f,
)
mistake(
    "dc-prev-times-i",
    "dc_prev is multiplied by the input gate. c_prev meets the forget gate: times f.",
    dc_prev=lambda s: s.dc_all * s.i,
)
mistake(
    "slope-on-dc-prev",
    "dc_prev takes f · (1 − f). The slope belongs on the way to f's own slice of dA; c_prev was multiplied by f "
    "itself: times f.",
    dc_prev=lambda s: s.dc_all * s.f * (1 - s.f),
)
mistake(
    "dc-prev-is-df",
    "dc_prev is the slice of f in dA, the gradient before the forget gate's sigmoid. c = f · c_prev + …: the "
    "derivative in c_prev is f itself, so the gradient at c times f.",
    dc_prev=lambda s: s.df,
)

# The four slices
mistake(
    "no-slope-of-g",
    "g = tanh(…): its slope 1 − g² is missing in its slice of dA.",
    dg=lambda s: s.dc_all * s.i,
)
mistake(
    "sigmoid-slope-for-g",
    "g takes the sigmoid's slope g · (1 − g) here. g is a tanh: 1 − g².",
    dg=lambda s: s.dc_all * s.i * s.g * (1 - s.g),
)
mistake(
    "slope-of-g-not-squared",
    "The slope of g = tanh(…) is 1 − g², with the square.",
    dg=lambda s: s.dc_all * s.i * (1 - s.g),
)
mistake(
    "no-slope-of-gates",
    "The slices of i, f and o in dA stop at the gates. They go on through the sigmoid: times i · (1 − i), f · "
    "(1 − f) and o · (1 − o).",
    di=lambda s: s.dc_all * s.g,
    df=lambda s: s.dc_all * s.c_prev,
    do=lambda s: s.dh * s.tanh_c,
)
mistake(
    "no-slopes-at-all",
    "The gradients stop at i, f, g and o. One step further, before the squashing, is dA: times i · (1 − i), f "
    "· (1 − f), 1 − g² and o · (1 − o).",
    di=lambda s: s.dc_all * s.g,
    df=lambda s: s.dc_all * s.c_prev,
    dg=lambda s: s.dc_all * s.i,
    do=lambda s: s.dh * s.tanh_c,
)
_FROM = {"i": "dc_all", "f": "dc_all", "o": "dh"}
_PARTNER = {"i": "g", "f": "c_prev", "o": "tanh_c"}
for _gate in "ifo":
    _start, _partner = _FROM[_gate].removesuffix("_all"), _PARTNER[_gate].replace("tanh_c", "tanh(c)")
    _whole = f"it is {_start} · {_partner} · {_gate} · (1 − {_gate})"
    mistake(
        f"no-slope-of-{_gate}",
        f"{_gate} = σ(…): its slope {_gate} · (1 − {_gate}) is missing in its slice of dA.",
        **{f"d{_gate}": lambda s, k=_gate: getattr(s, _FROM[k]) * getattr(s, _PARTNER[k])},
    )
    mistake(
        f"half-slope-of-{_gate}",
        f"The slope of the sigmoid is {_gate} · (1 − {_gate}), both factors; the slice of {_gate} in dA has "
        f"1 − {_gate} alone: {_whole}.",
        **{f"d{_gate}": lambda s, k=_gate: getattr(s, _FROM[k]) * getattr(s, _PARTNER[k]) * (1 - getattr(s, k))},
    )
    mistake(
        f"{_gate}-without-partner",
        f"The slice of {_gate} in dA lacks the factor that the gate multiplies, {_partner}: {_whole}.",
        **{f"d{_gate}": lambda s, k=_gate: getattr(s, _FROM[k]) * getattr(s, k) * (1 - getattr(s, k))},
    )
mistake(
    "g-without-partner",
    "The slice of g in dA lacks the factor i: in i · g the derivative in g is i. It is dc · i · (1 − g²).",
    dg=lambda s: s.dc_all * (1 - s.g**2),
)
mistake(
    "slopes-alone",
    "Each slice gets its slope, but not what its gate multiplies. In i · g the derivative in i is g, and so "
    "on: in dA the slice of i takes g, that of f c_prev, that of g i, and that of o tanh(c).",
    di=lambda s: s.dc_all * s.i * (1 - s.i),
    df=lambda s: s.dc_all * s.f * (1 - s.f),
    dg=lambda s: s.dc_all * (1 - s.g**2),
    do=lambda s: s.dh * s.o * (1 - s.o),
)
mistake(
    "half-slopes",
    "The slope of the sigmoid is s · (1 − s), both factors; the slices of i, f and o in dA have 1 − s alone.",
    di=lambda s: s.dc_all * s.g * (1 - s.i),
    df=lambda s: s.dc_all * s.c_prev * (1 - s.f),
    do=lambda s: s.dh * s.tanh_c * (1 - s.o),
)
mistake(
    "partners-swapped",
    "In dA the slice of i takes c_prev and that of f takes g: they have changed places. c = f · c_prev + i · g.",
    di=lambda s: s.dc_all * s.c_prev * s.i * (1 - s.i),
    df=lambda s: s.dc_all * s.g * s.f * (1 - s.f),
)
mistake(
    "slopes-of-slices",
    "The sigmoid's slope is computed as A · (1 − A) of the slices *before* squashing. s · (1 − s) holds for "
    "what the sigmoid gave: i · (1 − i), f · (1 − f), o · (1 − o).",
    di=lambda s: s.dc_all * s.g * s.slices[0] * (1 - s.slices[0]),
    df=lambda s: s.dc_all * s.c_prev * s.slices[1] * (1 - s.slices[1]),
    do=lambda s: s.dh * s.tanh_c * s.slices[3] * (1 - s.slices[3]),
)
mistake(
    "all-slopes-of-slices",
    "The slopes are taken at the slices before squashing: A · (1 − A) and 1 − A². They hold for the squashed "
    "values: i · (1 − i), f · (1 − f), 1 − g², o · (1 − o).",
    di=lambda s: s.dc_all * s.g * s.slices[0] * (1 - s.slices[0]),
    df=lambda s: s.dc_all * s.c_prev * s.slices[1] * (1 - s.slices[1]),
    dg=lambda s: s.dc_all * s.i * (1 - s.slices[2] ** 2),
    do=lambda s: s.dh * s.tanh_c * s.slices[3] * (1 - s.slices[3]),
)
mistake(
    "gates-squashed-twice",
    "The sigmoid's slope is taken as σ(i) · (1 − σ(i)) of a gate that is squashed already, and so for f and o. i "
    "*is* what the sigmoid gave: i · (1 − i). (Or keep the slice of A and take σ of that.)",
    di=lambda s: s.dc_all * s.g * slope_of_sigmoid(s.i),
    df=lambda s: s.dc_all * s.c_prev * slope_of_sigmoid(s.f),
    do=lambda s: s.dh * s.tanh_c * slope_of_sigmoid(s.o),
)
mistake(
    "g-squashed-twice",
    "The slope of g is taken as 1 − tanh(g)², but g is squashed already. g *is* what tanh gave: 1 − g².",
    dg=lambda s: s.dc_all * s.i * (1 - np.tanh(s.g) ** 2),
)
mistake(
    "all-squashed-twice",
    "The slopes squash once more what is squashed already, σ(i) · (1 − σ(i)) and 1 − tanh(g)². i and g *are* "
    "what sigmoid and tanh gave: i · (1 − i), f · (1 − f), 1 − g², o · (1 − o).",
    di=lambda s: s.dc_all * s.g * slope_of_sigmoid(s.i),
    df=lambda s: s.dc_all * s.c_prev * slope_of_sigmoid(s.f),
    dg=lambda s: s.dc_all * s.i * (1 - np.tanh(s.g) ** 2),
    do=lambda s: s.dh * s.tanh_c * slope_of_sigmoid(s.o),
)
mistake(
    "slope-of-g-at-the-slice",
    "The slice of g in dA takes 1 − A², with A before its tanh. The slope is 1 − g², with g itself.",
    dg=lambda s: s.dc_all * s.i * (1 - s.slices[2] ** 2),
)
mistake(
    "tanh-slope-for-gates",
    "The gates take the slope of tanh, 1 − i². They are sigmoids: i · (1 − i), and so for f and o.",
    di=lambda s: s.dc_all * s.g * (1 - s.i**2),
    df=lambda s: s.dc_all * s.c_prev * (1 - s.f**2),
    do=lambda s: s.dh * s.tanh_c * (1 - s.o**2),
)
mistake(
    "product-rule-swapped",
    "i and g have changed places: in i · g the derivative in i is g, and the derivative in g is i.",
    di=lambda s: s.dc_all * s.i * s.i * (1 - s.i),
    dg=lambda s: s.dc_all * s.g * (1 - s.g**2),
)
mistake(
    "df-takes-the-new-cell",
    "The slice of f in dA is multiplied by c, the cell *after* the step. c = f · c_prev + …: the factor of f "
    "is c_prev.",
    df=lambda s: s.dc_all * s.c * s.f * (1 - s.f),
)
mistake(
    "df-takes-h",
    "The slice of f in dA is multiplied by h_prev. c = f · c_prev + …: the factor of f is c_prev.",
    df=lambda s: s.dc_all * s.h_prev * s.f * (1 - s.f),
)
mistake(
    "df-takes-f",
    "The slice of f in dA is multiplied by f where c_prev belongs. In f · c_prev the derivative in f is "
    "c_prev; f itself is that in c_prev.",
    df=lambda s: s.dc_all * s.f * s.f * (1 - s.f),
)
mistake(
    "do-takes-c",
    "The slice of o in dA is multiplied by c. h = o · tanh(c): the factor of o is tanh(c).",
    do=lambda s: s.dh * s.c * s.o * (1 - s.o),
)
mistake(
    "do-takes-h",
    "The slice of o in dA is multiplied by h, which contains o already. h = o · tanh(c): the factor of o is "
    "tanh(c).",
    do=lambda s: s.dh * s.h * s.o * (1 - s.o),
)
mistake(
    "do-from-dc",
    "The slice of o in dA starts from the gradient at the cell. The output gate does not touch the cell: h = o · "
    "tanh(c), so it starts from dh alone.",
    do=lambda s: s.dc_all * s.tanh_c * s.o * (1 - s.o),
)
mistake(
    "do-from-dh-and-dc",
    "The slice of o in dA starts from dh + dc. dc is a gradient at the cell, and the output gate does not touch "
    "the cell: dh alone.",
    do=lambda s: (s.dh + s.dc) * s.tanh_c * s.o * (1 - s.o),
)
for _order in map("".join, permutations("ifgo")):
    if _order != "ifgo":
        mistake(
            f"glued-{_order}",
            f"The four gradients are right but glued in the order {', '.join(_order)}. They must stand where "
            "their slices were cut: i, f, g, o.",
            dA=lambda s, order=_order: np.concatenate([getattr(s, f"d{gate}") for gate in order], axis=1),
        )
mistake(
    "glued-along-the-batch",
    "The four slices of dA stand below each other, (4N, H). They are blocks of columns: side by side, (N, 4H), "
    "axis=1.",
    dA=lambda s: np.concatenate([s.di, s.df, s.dg, s.do], axis=0),
)
for _order, _origin in ORDERS.items():
    mistake(
        f"order-{_order}",
        f"Forward and backward agree with each other, but on the order {', '.join(_order)}{_origin}. The order "
        "here is i, f, g, o.",
        slices=lambda s, order=_order: split_as(order, "ifgo", s.A),
        dA=lambda s, order=_order: np.concatenate([getattr(s, f"d{gate}") for gate in order], axis=1),
    )

# From the slices to weights, input and state
mistake(
    "no-bias",
    "When you compute the step again, the bias is missing: A = x Wx + h_prev Wh + b. All the slopes depend on "
    "it.",
    A=lambda s: s.x @ s.Wx + s.h_prev @ s.Wh,
)
mistake(
    "reshape-for-transpose",
    "Wx.reshape and Wh.reshape have the shape of the transposes, with the numbers in the wrong places. "
    "dA @ Wx.T and dA @ Wh.T.",
    dx=lambda s: s.dA @ s.Wx.reshape(s.Wx.shape[::-1]),
    dh_prev=lambda s: s.dA @ s.Wh.reshape(s.Wh.shape[::-1]),
)
mistake(
    "Wx-reshaped",
    "`Wx.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dA @ Wx.T.",
    dx=lambda s: s.dA @ s.Wx.reshape(s.Wx.shape[::-1]),
)
mistake(
    "Wh-reshaped",
    "`Wh.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dA @ Wh.T.",
    dh_prev=lambda s: s.dA @ s.Wh.reshape(s.Wh.shape[::-1]),
)
mistake(
    "Wx-not-transposed",
    "dA is (N, 4H) and dx must be (N, D): that takes a (4H, D) on the right, Wx.T.",
    dx=lambda s: s.dA @ s.Wx,
)
mistake(
    "Wh-not-transposed",
    "dA is (N, 4H) and dh_prev must be (N, H): that takes a (4H, H) on the right, Wh.T.",
    dh_prev=lambda s: s.dA @ s.Wh,
)
mistake(
    "x-not-transposed",
    "dWx has the shape of Wx, (D, 4H), summed over the batch: x.T @ dA.",
    dWx=lambda s: s.x @ s.dA,
)
mistake(
    "h-not-transposed",
    "dWh has the shape of Wh, (H, 4H), summed over the batch: h_prev.T @ dA.",
    dWh=lambda s: s.h_prev @ s.dA,
)
mistake(
    "torch-shapes",
    "dWx and dWh are transposed: dA.T @ x is (4H, D), the shape PyTorch keeps. Here rows are examples: x.T @ "
    "dA.",
    dWx=lambda s: s.dA.T @ s.x,
    dWh=lambda s: s.dA.T @ s.h_prev,
)
mistake(
    "new-state-in-dWh",
    "dWh is computed with h, the state *after* the step. Wh was multiplied by h_prev: h_prev.T @ dA.",
    dWh=lambda s: s.h.T @ s.dA,
)
mistake(
    "cell-in-dWh",
    "dWh is computed with c_prev. Wh was multiplied by the state: h_prev.T @ dA.",
    dWh=lambda s: s.c_prev.T @ s.dA,
)
mistake(
    "db-not-summed",
    "db is dA itself, (N, 4H). The one b was added to every row, so its gradient is the sum over rows: "
    "dA.sum(axis=0).",
    db=lambda s: s.dA,
)
mistake(
    "db-one-number",
    "db is one number, the sum over everything. Each of the 4H biases has its own gradient: sum over the "
    "batch only, axis=0.",
    db=lambda s: s.dA.sum(),
)
mistake(
    "db-averaged",
    "db is a mean over the batch. The loss says nothing of a mean: gradients of a bias used N times add up, "
    "dA.sum(axis=0).",
    db=lambda s: s.dA.mean(axis=0),
)
mistake(
    "db-wrong-axis",
    "db is summed over axis 1, the units, and has shape (N,). It must be (4H,): sum over the batch, axis 0.",
    db=lambda s: s.dA.sum(axis=1),
)
mistake(
    "db-column-kept",
    "db has shape (1, 4H): drop keepdims, b is (4H,).",
    db=lambda s: s.dA.sum(axis=0, keepdims=True),
)
mistake(
    "averaged",
    "The weights' gradients are divided by N. If the loss is a mean, dh and dc contain the 1/N already; here "
    "they are summed.",
    dWx=lambda s: s.x.T @ s.dA / len(s.x),
    dWh=lambda s: s.h_prev.T @ s.dA / len(s.x),
    db=lambda s: s.dA.mean(axis=0),
)
mistake(
    "direct-path-to-h",
    "dh is added to dh_prev as if h were handed on directly. In the LSTM it is the *cell* that has a direct "
    "path; h_prev acts through the gates only: dA @ Wh.T.",
    dh_prev=lambda s: s.dA @ s.Wh.T + s.dh,
)
mistake(
    "slope-of-h-prev",
    "dh_prev is multiplied by 1 − h_prev². That is the plain recurrent network's tanh, one step too far back: "
    "dA @ Wh.T is the whole gradient in h_prev.",
    dh_prev=lambda s: s.dA @ s.Wh.T * (1 - s.h_prev**2),
)
mistake(
    "states-swapped",
    "dh_prev and dc_prev come out in each other's place. The order is dx, dh_prev, dc_prev, dWx, dWh, db.",
    dh_prev=lambda s: s.dc_all * s.f,
    dc_prev=lambda s: s.dA @ s.Wh.T,
)

lstm_step_backward.variant("line by line")(right.but())


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


@lstm_step_backward.landmark("`dc_prev[0, 0] ≈ 0.898`")
def _(f):
    return f(np.ones((1, 2)), np.ones((1, 2)), *lstm_ones())[2][0, 0]


@lstm_step_backward.landmark("`dh_prev[0, 0] ≈ 0.232`")
def _(f):
    return f(np.ones((1, 2)), np.ones((1, 2)), *lstm_ones())[1][0, 0]
