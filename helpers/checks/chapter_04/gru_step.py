"""`gru_step`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.chapter_04.steps import shifted, step_cases, torch_module, wrong_orders
from helpers.checks.registry import Exercise
from helpers.layers import sigmoid

ORDERS = wrong_orders("rzn", {"zrn": " (that of Keras and ONNX), or r and z have changed places"})


def gru_step_reference(x, h_prev, Wx, Wh, bx, bh):
    xr, xz, xn = np.split(x @ Wx + bx, 3, axis=1)
    hr, hz, hn = np.split(h_prev @ Wh + bh, 3, axis=1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return (1 - z) * n + z * h_prev


def gru_cases(rng, *, N=(4, 5), D=(6, 7), H=(8, 9)):
    case = step_cases(rng, 3, N=N, D=D, H=H)
    x, h_prev, _, Wx, Wh, bx = case.values()
    return {"x": x, "h_prev": h_prev, "Wx": Wx, "Wh": Wh, "bx": bx, "bh": rng.normal(size=bx.shape)}


gru_step = Exercise("gru_step", "04", gru_step_reference, ("h",), gru_cases, rounds=3)


@gru_step.oracle("a loop over every unit")
def _(x, h_prev, Wx, Wh, bx, bh):
    h = np.empty_like(h_prev)
    N, H = h.shape

    def from_x(n, column):
        return bx[column] + sum(x[n, d] * Wx[d, column] for d in range(len(Wx)))

    def from_h(n, column):
        return bh[column] + sum(h_prev[n, j] * Wh[j, column] for j in range(H))

    for n in range(N):
        for k in range(H):
            reset = 1 / (1 + math.exp(-from_x(n, k) - from_h(n, k)))
            update = 1 / (1 + math.exp(-from_x(n, H + k) - from_h(n, H + k)))
            candidate = math.tanh(from_x(n, 2 * H + k) + reset * from_h(n, 2 * H + k))
            h[n, k] = candidate + update * (h_prev[n, k] - candidate)
    return h


@gru_step.oracle("torch.nn.GRUCell", needs_torch=True)
def _(x, h_prev, Wx, Wh, bx, bh):
    import torch

    with torch.no_grad():
        return torch_module("GRUCell", Wx, Wh, bx, bh)(torch.tensor(x), torch.tensor(h_prev)).numpy()


EXTREMES = {
    "reset shut, update open": (-40, 1000, 0.0),
    "reset open, update shut": (1000, -40, 0.0),
    "a candidate far out": (0.0, 0.0, -1000),
}
"""Shifts of the slices of bx: gates of 0 and 1, a candidate of −1."""

for _name, _by in EXTREMES.items():
    gru_step.extreme(
        _name,
        "Sums may be in the thousands before they are squashed: gates are 0 or 1 then. exp(a) / (1 + exp(a)), and tanh by "
        "exponentials, are inf / inf there; `sigmoid` and `np.tanh` are not.",
    )(lambda rng, by=_by: shifted(gru_cases(rng, N=4, D=6, H=8), "bx", *by))


@gru_step.extreme("a state beyond 1", "The state that comes in may be any number: nothing squashes or clips the mixture.")
def _(rng):
    case = gru_cases(rng, N=4, D=6, H=8)
    return case | {"h_prev": 5 * case["h_prev"]}


mistake = gru_step.mistake
MIXED = "(1 - z) * n + z * h_prev"
MAPS = ("x @ Wx + bx", "h_prev @ Wh + bh")
GATES = "sigmoid(xr + hr), sigmoid(xz + hz)"

# The mixture
mistake(
    "z-the-other-way",
    "h = (1 − z) · h_prev + z · n is the convention of Chung et al. 2014, where z takes the new. Here, as in PyTorch and "
    "Cho et al. 2014, z keeps the old: h = (1 − z) · n + z · h_prev.",
    (MIXED, "(1 - z) * h_prev + z * n"),
)
mistake(
    "candidate-ungated",
    "h = z · h_prev + n: the candidate comes in whole. h is a weighted average, and its weights add up to 1: (1 − z) · n.",
    ("(1 - z) * n", "n"),
)
mistake(
    "z-for-both",
    "Both parts are multiplied by z. What the old state does not get, the new one does: (1 − z) · n + z · h_prev.",
    ("(1 - z) * n", "z * n"),
)
mistake(
    "one-minus-z-for-both",
    "Both parts are multiplied by 1 − z. Of the old state the share z is kept: (1 − z) · n + z · h_prev.",
    ("z * h_prev", "(1 - z) * h_prev"),
)
mistake(
    "no-update-gate",
    "The candidate n is returned as the state. The update gate mixes it with the old one: (1 − z) · n + z · h_prev.",
    (MIXED, "n"),
)
mistake(
    "mixed-by-reset",
    "r mixes the old and the new state. That is the update gate's task: (1 − z) · n + z · h_prev; r acts inside the "
    "candidate. (Or is what you call z made of r's third of the sums?)",
    (MIXED, "(1 - r) * n + r * h_prev"),
)
mistake(
    "reset-as-input-gate",
    "r · n + z · h_prev gives the candidate the share r. What the old state does not get, the new one does: (1 − z) · n + z · h_prev.",
    ("(1 - z) * n", "r * n"),
)
mistake(
    "reset-as-forget-gate",
    "r · h_prev + z · n treats r as a forget gate and z as an input gate, as in an LSTM. In the GRU z is both: (1 − z) · "
    "n + z · h_prev.",
    (MIXED, "r * h_prev + z * n"),
)
mistake(
    "squashed-again",
    "The mixture goes through tanh once more. n is squashed already and the old state was; an average of the two stays "
    "in range by itself.",
    (MIXED, f"np.tanh({MIXED})"),
)
mistake(
    "bracket-around-the-sum",
    "(1 − z) · (n + z · h_prev): the bracket reaches too far, and the old state is multiplied by 1 − z as well. (1 − z) "
    "· n + z · h_prev.",
    (MIXED, "(1 - z) * (n + z * h_prev)"),
)
mistake(
    "bracket-missing",
    "1 − z · n + z · h_prev: the bracket around 1 − z is missing, and Python multiplies first. (1 − z) · n + z · h_prev.",
    ("(1 - z) * n", "1 - z * n"),
)
mistake(
    "reset-on-the-old-state",
    "z · (r · h_prev): the reset gate acts on the old state in the average. Its place is inside the candidate alone; the "
    "average takes h_prev as it is: (1 − z) · n + z · h_prev.",
    ("z * h_prev", "z * (r * h_prev)"),
)

# The reset gate
CANDIDATE = "xn + r * hn"
BEFORE = "xn + (r * h_prev) @ np.split(Wh, 3, axis=1)[2]"
mistake(
    "reset-before-product",
    "(r · h_prev) @ Whn + bhn: here the reset comes before the product, as in Cho et al. 2014. PyTorch's GRU, and this "
    "one, resets what the product gave: r · (h_prev Whn + bhn). With the same weights that is another function.",
    (CANDIDATE, f"{BEFORE} + np.split(bh, 3)[2]"),
)
mistake(
    "reset-before-product-bias-inside",
    "(r · h_prev) @ Whn + r · bhn: here the reset comes before the product, and once more on the bias. PyTorch's GRU, and "
    "this one, resets what the product gave, bias and all: r · (h_prev Whn + bhn).",
    (CANDIDATE, f"{BEFORE} + r * np.split(bh, 3)[2]"),
)
mistake(
    "reset-before-product-one-bias",
    "(r · h_prev) @ Whn, and no bhn: here the reset comes before the product and one bias serves both, as in Keras with "
    "reset_after=False. PyTorch's GRU, and this one, resets what the product gave: r · (h_prev Whn + bhn).",
    (CANDIDATE, BEFORE),
)
mistake(
    "candidate-without-bh",
    "The candidate lacks its part of bh: n = tanh(xn + r · (h_prev Whn + bhn)).",
    (CANDIDATE, "xn + r * (hn - np.split(bh, 3)[2])"),
)
mistake(
    "candidate-without-bx",
    "The candidate lacks its part of bx: n = tanh(x Wxn + bxn + r · hn).",
    (CANDIDATE, "xn - np.split(bx, 3)[2] + r * hn"),
)
mistake(
    "bias-outside-reset",
    "The candidate's bh is added outside the reset gate, with bx. It stands inside: n = tanh(xn + r · (h_prev Whn + "
    "bhn)). That is why the GRU needs two biases.",
    (CANDIDATE, "xn + r * (hn - np.split(bh, 3)[2]) + np.split(bh, 3)[2]"),
)
mistake(
    "both-biases-inside-reset",
    "The candidate's bx stands inside the reset gate here. Only the part from h_prev is reset: n = tanh(x Wxn + bxn + r "
    "· (h_prev Whn + bhn)).",
    (CANDIDATE, "xn - np.split(bx, 3)[2] + r * (hn + np.split(bx, 3)[2])"),
)
mistake(
    "biases-swapped",
    "bx and bh have changed places. In the gates they only occur as a sum; in the candidate bx goes with x and bh with "
    "h_prev, inside the reset.",
    ("x @ Wx + bx", "x @ Wx + bh"),
    ("h_prev @ Wh + bh", "h_prev @ Wh + bx"),
)
mistake(
    "z-inside-the-candidate",
    "z stands in the candidate where r belongs: n = tanh(xn + r · hn). (Or is what you call r made of z's third of the sums?)",
    (CANDIDATE, "xn + z * hn"),
)
mistake(
    "no-reset",
    "The reset gate is never used: the candidate is tanh(xn + r · hn), with hn = h_prev Whn + bhn.",
    (CANDIDATE, "xn + hn"),
)
mistake(
    "reset-without-product",
    "r multiplies h_prev itself, which has not gone through Wh. The candidate too takes its third of h_prev @ Wh + bh: "
    "tanh(xn + r · hn).",
    (CANDIDATE, "xn + r * h_prev"),
)
mistake(
    "reset-on-everything", "r multiplies the whole sum. The input is not reset: tanh(xn + r · hn).",
    (CANDIDATE, "r * (xn + hn)"),
)  # fmt: skip
mistake(
    "reset-on-input", "r multiplies the part from x. It is the part from h_prev that is reset: tanh(xn + r · hn).",
    (CANDIDATE, "r * xn + hn"),
)  # fmt: skip
mistake(
    "reset-outside-tanh", "r · tanh(…): the reset gate acts inside, on the part from h_prev: tanh(xn + r · hn).",
    ("np.tanh(xn + r * hn)", "r * np.tanh(xn + hn)"),
)  # fmt: skip
mistake(
    "reset-reversed",
    "1 − r takes the place of r. The reset gate says how much of the past *stays*: r = 1 resets nothing. tanh(xn + r · "
    "hn).",
    ("r * hn", "(1 - r) * hn"),
)
mistake(
    "reset-twice",
    "The reset gate acts twice, on h_prev before the product and on what comes out of it. Once, after it: r · (h_prev "
    "Whn + bhn).",
    (CANDIDATE, "xn + r * ((r * h_prev) @ np.split(Wh, 3, axis=1)[2] + np.split(bh, 3)[2])"),
)

# Squashing
mistake(
    "sigmoid-on-candidate",
    "The candidate goes through the sigmoid. It is a state, not a gate, and may be negative: tanh.",
    ("np.tanh", "sigmoid"),
)
mistake(
    "tanh-on-gates",
    "r and z go through tanh. A gate is a fraction, 0 … 1: the sigmoid.",
    (GATES, "np.tanh(xr + hr), np.tanh(xz + hz)"),
)
mistake(
    "squashing-swapped",
    "Gates and candidate have changed their functions: r and z take the sigmoid, n takes tanh.",
    (GATES, "np.tanh(xr + hr), np.tanh(xz + hz)"),
    ("np.tanh(xn + r * hn)", "sigmoid(xn + r * hn)"),
)
mistake(
    "gates-not-squashed",
    "r and z are used as they come out of the products; they need the sigmoid to be fractions.",
    (GATES, "xr + hr, xz + hz"),
)
mistake(
    "sign-in-the-sigmoid",
    "Your gates come out as 1 minus what they should be: σ(a) is 1 / (1 + exp(−a)), with a minus.",
    (GATES, "sigmoid(-(xr + hr)), sigmoid(-(xz + hz))"),
)
mistake(
    "parts-squashed-alone",
    "Each part is squashed by itself and then added, so that a gate can reach 2. Add first: σ(xr + hr), σ(xz + hz).",
    (GATES, "sigmoid(xr) + sigmoid(hr), sigmoid(xz) + sigmoid(hz)"),
)

# Products and slices
mistake(
    "no-biases",
    "Both biases are missing: x @ Wx + bx, h_prev @ Wh + bh.",
    ("x @ Wx + bx", "x @ Wx"),
    ("h_prev @ Wh + bh", "h_prev @ Wh"),
)
mistake(
    "gates-without-state",
    "r and z never look at h_prev. Both products are cut in three, and the gates take a slice of each.",
    (GATES, "sigmoid(xr), sigmoid(xz)"),
)
mistake(
    "gates-without-input",
    "r and z never look at x. Both products are cut in three, and the gates take a slice of each.",
    (GATES, "sigmoid(hr), sigmoid(hz)"),
)
mistake(
    "interleaved",
    "You take every third column (`[:, 0::3]`, or a reshape to (N, H, 3)). A gate is a block of H columns: `np.split(x @ "
    "Wx + bx, 3, axis=1)`, and so for h_prev.",
    *((f"np.split({each}, 3, axis=1)", f"np.moveaxis(({each}).reshape(len(x), -1, 3), 2, 0)") for each in MAPS),
)
mistake(
    "reshaped-to-3NH",
    "reshape(3, N, H) gives the right shape and mixes the sequences of the batch: reshape moves no axis. `np.split(x @ "
    "Wx + bx, 3, axis=1)`, and so for h_prev.",
    *((f"np.split({each}, 3, axis=1)", f"({each}).reshape(3, len(x), -1)") for each in MAPS),
)
mistake(
    "split-along-the-batch",
    "`np.split` divides axis 0 where nothing else is said, and that is the batch. The slices lie side by side, along "
    "axis 1: `np.split(x @ Wx + bx, 3, axis=1)`, and so for h_prev.",
    *((f"np.split({each}, 3, axis=1)", f"np.split({each}, 3)") for each in MAPS),
)
mistake(
    "slices-of-D",
    "Each slice is D columns wide, as x is. A gate has one column for each of the H units of the *state*, also in what "
    "comes from x: let `np.split(x @ Wx + bx, 3, axis=1)` count.",
    *((f"np.split({each}, 3, axis=1)", f"[({each})[:, k * x.shape[1] : (k + 1) * x.shape[1]] for k in range(3)]")
      for each in MAPS),
)  # fmt: skip
mistake(
    "h-twice",
    "h comes back twice, as if for the h and c of an LSTM. A GRU has no cell beside its state: h alone is handed on.",
    (MIXED, f"{MIXED}, {MIXED}"),
)
for _side, _other in (("h", "x"), ("x", "h")):
    mistake(
        f"{_side}-in-another-order",
        f"The slices of the part from {_side.replace('h', 'h_prev')} are taken in the order z, r, n and those of the part "
        f"from {_other.replace('h', 'h_prev')} in the order r, z, n: r gets a part of z and z a part of r. Both in the "
        "order r, z, n.",
        (f"{_side}r, {_side}z, {_side}n =", f"{_side}z, {_side}r, {_side}n ="),
    )
for _order, _origin in ORDERS.items():
    mistake(
        f"order-{_order}",
        f"You take the three slices in the order {', '.join(_order)}{_origin}. In this course, as in PyTorch, the order "
        "is r, z, n.",
        *((f"{side}r, {side}z, {side}n =", f"{', '.join(side + gate for gate in _order)} =") for side in "xh"),
    )


@gru_step.variant("the sigmoid by a tanh of half the argument; from n towards h_prev")
def gru_step_by_tanh(x, h_prev, Wx, Wh, bx, bh):
    H = len(Wh)
    a, q = x @ Wx + bx, h_prev @ Wh + bh
    gates = (1 + np.tanh((a + q)[:, : 2 * H] / 2)) / 2
    n = np.tanh(a[:, 2 * H :] + gates[:, :H] * q[:, 2 * H :])
    return n + gates[:, H:] * (h_prev - n)


@gru_step.variant("three pairs of affine maps, gate by gate")
def _(x, h_prev, Wx, Wh, bx, bh):
    (Uxr, Uxz, Uxn), (Uhr, Uhz, Uhn) = np.hsplit(Wx, 3), np.hsplit(Wh, 3)
    (bxr, bxz, bxn), (bhr, bhz, bhn) = np.split(bx, 3), np.split(bh, 3)
    r = 1 / (1 + np.exp(-(x.dot(Uxr) + h_prev.dot(Uhr) + bxr + bhr)))
    z = 1 / (1 + np.exp(-(x.dot(Uxz) + h_prev.dot(Uhz) + bxz + bhz)))
    n = np.tanh(x.dot(Uxn) + bxn + r * (h_prev.dot(Uhn) + bhn))
    return z * h_prev + (1 - z) * n


@gru_step.variant("blocks (N, 3, H)")
def _(x, h_prev, Wx, Wh, bx, bh):
    from_x, from_h = (a.reshape(len(x), 3, -1) for a in (x @ Wx + bx, h_prev @ Wh + bh))
    r, z = sigmoid(from_x[:, :2] + from_h[:, :2]).transpose(1, 0, 2)
    n = np.tanh(from_x[:, 2] + r * from_h[:, 2])
    return h_prev - (1 - z) * (h_prev - n)


gru_step.landmark("""
    x, h_prev = np.ones((1, 3)), np.full((1, 2), 0.5)
    Wx, Wh = np.full((3, 6), 0.1), np.full((2, 6), 0.1)
    bx, bh = np.arange(6) / 10, np.full(6, 0.2)
    gru_step(x, h_prev, Wx, Wh, bx, bh)   # ≈ [[0.566, 0.576]]
""")
