"""`gru_step_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from helpers import layers
from helpers.checks.chapter_04 import gru_step
from helpers.checks.chapter_04.gru_step import GRU_ORDERS, gru_cases, gru_ones, gru_step_by_tanh
from helpers.checks.chapter_04.steps import slope_of_sigmoid, split_as, torch_gradients, torch_module
from helpers.checks.lines import Lines
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient

GRADIENTS = ("dx", "dh_prev", "dWx", "dWh", "dbx", "dbh")


def gru_step_backward_reference(dh, x, h_prev, Wx, Wh, bx, bh):
    return layers.gru_step_backward(dh, layers.gru_step(x, h_prev, Wx, Wh, bx, bh)[1])


def _cases(rng):
    case = gru_cases(rng)
    return {"dh": rng.normal(size=case["h_prev"].shape), **case}


gru_step_backward = Exercise(
    "gru_step_backward", "04", gru_step_backward_reference, GRADIENTS, _cases, rounds=3
)


@gru_step_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh, *arguments):
    def loss(_):
        return np.vdot(gru_step_by_tanh(*arguments), dh)

    return tuple(numerical_gradient(loss, argument) for argument in arguments)


@gru_step_backward.oracle("torch.nn.GRUCell and autograd", needs_torch=True)
def _(dh, x, h_prev, Wx, Wh, bx, bh):
    import torch

    cell = torch_module("GRUCell", Wx, Wh, bx, bh)
    leaves = [torch.tensor(value, requires_grad=True) for value in (x, h_prev)]
    cell(*leaves).backward(torch.tensor(dh))
    return *(leaf.grad.numpy() for leaf in leaves), *torch_gradients(cell)


def _glued(s, order="rzn", **other):
    parts = {"r": s.dar, "z": s.daz, "n": s.dan} | other
    return np.concatenate([parts[gate] for gate in order], axis=1)


def _sum_of(s, k):
    return s.from_x[k] + s.from_h[k]


right = Lines(
    gru_step_backward,
    "dh x h_prev Wx Wh bx bh",
    gru_step.right.lines
    | {
        "dan": lambda s: s.dh * (1 - s.z) * (1 - s.n**2),
        "daz": lambda s: s.dh * (s.h_prev - s.n) * s.z * (1 - s.z),
        "dhn": lambda s: s.dan * s.r,
        "dar": lambda s: s.dan * s.hn * s.r * (1 - s.r),
        "dax": lambda s: _glued(s),
        "dah": lambda s: _glued(s, n=s.dhn),
        "dx": lambda s: s.dax @ s.Wx.T,
        "dh_prev": lambda s: s.dh * s.z + s.dah @ s.Wh.T,
        "dWx": lambda s: s.x.T @ s.dax,
        "dWh": lambda s: s.h_prev.T @ s.dah,
        "dbx": lambda s: s.dax.sum(axis=0),
        "dbh": lambda s: s.dah.sum(axis=0),
    },
)
mistake = right.mistake

# The mixture h = (1 − z) · n + z · h_prev
mistake(
    "direct-path-forgotten",
    "dh_prev holds only what comes back through the products. h_prev also goes straight into h = … + z · "
    "h_prev: add dh · z. It is the path a long memory lives on.",
    dh_prev=lambda s: s.dah @ s.Wh.T,
)
mistake(
    "direct-path-only",
    "dh_prev = dh · z is the direct path alone. h_prev also acts through the gates and the candidate: add dah "
    "@ Wh.T.",
    dh_prev=lambda s: s.dh * s.z,
)
mistake(
    "direct-path-ungated",
    "dh is added to dh_prev as it is. On the direct path h_prev is multiplied by z: dh · z.",
    dh_prev=lambda s: s.dh + s.dah @ s.Wh.T,
)
mistake(
    "direct-path-one-minus-z",
    "On the direct path you take 1 − z. The old state enters as z · h_prev: dh · z.",
    dh_prev=lambda s: s.dh * (1 - s.z) + s.dah @ s.Wh.T,
)
mistake(
    "z-swapped-backward",
    "z and 1 − z have changed places: this is the gradient of h = (1 − z) · h_prev + z · n, the convention of "
    "Chung et al. 2014. Here z keeps the old state: the candidate gets dh · (1 − z), the old state dh · z, "
    "and daz starts from dh · (h_prev − n).",
    dan=lambda s: s.dh * s.z * (1 - s.n**2),
    daz=lambda s: s.dh * (s.n - s.h_prev) * s.z * (1 - s.z),
    dh_prev=lambda s: s.dh * (1 - s.z) + s.dah @ s.Wh.T,
)
mistake(
    "dn-times-z",
    "dan takes the factor z. The candidate enters h as (1 − z) · n: dh · (1 − z).",
    dan=lambda s: s.dh * s.z * (1 - s.n**2),
)
mistake(
    "dn-ungated",
    "dan lacks the factor 1 − z with which the candidate enters h.",
    dan=lambda s: s.dh * (1 - s.n**2),
)
mistake(
    "dz-sign",
    "daz has the wrong sign: z multiplies h_prev and takes the same share away from n, so dh · (h_prev − n).",
    daz=lambda s: s.dh * (s.n - s.h_prev) * s.z * (1 - s.z),
)
mistake(
    "dz-without-candidate",
    "z occurs twice in h = (1 − z) · n + z · h_prev. daz takes h_prev alone; the other share is −n: dh · "
    "(h_prev − n).",
    daz=lambda s: s.dh * s.h_prev * s.z * (1 - s.z),
)
mistake(
    "dz-without-old-state",
    "z occurs twice in h = (1 − z) · n + z · h_prev. daz takes −n alone; the other share is h_prev: dh · "
    "(h_prev − n).",
    daz=lambda s: -s.dh * s.n * s.z * (1 - s.z),
)
mistake(
    "dz-takes-h",
    "daz is computed with h, the mixture, where the candidate belongs: dh · (h_prev − n).",
    daz=lambda s: s.dh * (s.h_prev - s.h) * s.z * (1 - s.z),
)
mistake(
    "dz-sum",
    "daz adds n where it is subtracted: the derivative of (1 − z) · n in z is −n. dh · (h_prev − n).",
    daz=lambda s: s.dh * (s.h_prev + s.n) * s.z * (1 - s.z),
)
mistake(
    "no-update-gradient",
    "The way through the update gate is missing, in one place or everywhere: daz = dh · (h_prev − n) · z · (1 "
    "− z) is the second slice of dax and of dah.",
    daz=lambda s: 0 * s.z,
)

# Slopes
mistake(
    "no-slope-of-n",
    "n = tanh(…): its slope 1 − n² is missing in dan.",
    dan=lambda s: s.dh * (1 - s.z),
)
mistake(
    "slope-of-n-not-squared",
    "The slope of n = tanh(…) is 1 − n², with the square.",
    dan=lambda s: s.dh * (1 - s.z) * (1 - s.n),
)
mistake(
    "slope-of-h",
    "The slope of tanh is taken at h, as in the plain recurrent network. Here tanh gave n: 1 − n².",
    dan=lambda s: s.dh * (1 - s.z) * (1 - s.h**2),
)
mistake(
    "sigmoid-slope-for-n",
    "n takes the sigmoid's slope n · (1 − n). n is a tanh: 1 − n².",
    dan=lambda s: s.dh * (1 - s.z) * s.n * (1 - s.n),
)
mistake(
    "no-slope-of-gates",
    "dar and daz stop at the gates. They are the gradients *before* the sigmoids: times r · (1 − r) and z · (1 "
    "− z).",
    daz=lambda s: s.dh * (s.h_prev - s.n),
    dar=lambda s: s.dan * s.hn,
)
mistake(
    "no-slopes-at-all",
    "The gradients stop at r, z and n. dar, daz and dan are those *before* the squashings: times r · (1 − r), "
    "z · (1 − z) and 1 − n².",
    dan=lambda s: s.dh * (1 - s.z),
    daz=lambda s: s.dh * (s.h_prev - s.n),
    dar=lambda s: s.dan * s.hn,
)
mistake(
    "no-slope-of-r",
    "r = σ(…): its slope r · (1 − r) is missing in dar.",
    dar=lambda s: s.dan * s.hn,
)
mistake(
    "no-slope-of-z",
    "z = σ(…): its slope z · (1 − z) is missing in daz.",
    daz=lambda s: s.dh * (s.h_prev - s.n),
)
mistake(
    "half-slope-of-r",
    "The slope of the sigmoid is r · (1 − r), both factors; dar has 1 − r alone.",
    dar=lambda s: s.dan * s.hn * (1 - s.r),
)
mistake(
    "half-slope-of-z",
    "The slope of the sigmoid is z · (1 − z), both factors; daz has 1 − z alone.",
    daz=lambda s: s.dh * (s.h_prev - s.n) * (1 - s.z),
)
mistake(
    "half-slopes",
    "The slope of the sigmoid is s · (1 − s), both factors; dar and daz have 1 − s alone.",
    daz=lambda s: s.dh * (s.h_prev - s.n) * (1 - s.z),
    dar=lambda s: s.dan * s.hn * (1 - s.r),
)
mistake(
    "slopes-alone",
    "The gates get their slopes, but not what they multiply: daz takes h_prev − n, dar takes hn.",
    daz=lambda s: s.dh * s.z * (1 - s.z),
    dar=lambda s: s.dan * s.r * (1 - s.r),
)
mistake(
    "dr-without-partner",
    "dar lacks the factor that the gate multiplies, hn = h_prev Whn + bhn: dar = dan · hn · r · (1 − r).",
    dar=lambda s: s.dan * s.r * (1 - s.r),
)
mistake(
    "dz-without-partner",
    "daz lacks what the gate chooses between: daz = dh · (h_prev − n) · z · (1 − z).",
    daz=lambda s: s.dh * s.z * (1 - s.z),
)
mistake(
    "tanh-slope-for-gates",
    "The gates take the slope of tanh, 1 − r² and 1 − z². They are sigmoids: r · (1 − r), z · (1 − z).",
    daz=lambda s: s.dh * (s.h_prev - s.n) * (1 - s.z**2),
    dar=lambda s: s.dan * s.hn * (1 - s.r**2),
)
mistake(
    "slopes-of-slices",
    "The slopes of the sigmoids are computed as s · (1 − s) of the sums *before* squashing. It holds "
    "for what the sigmoid gave: r · (1 − r), z · (1 − z).",
    daz=lambda s: s.dh * (s.h_prev - s.n) * _sum_of(s, 1) * (1 - _sum_of(s, 1)),
    dar=lambda s: s.dan * s.hn * _sum_of(s, 0) * (1 - _sum_of(s, 0)),
)
mistake(
    "gates-squashed-twice",
    "The sigmoid's slope is taken as σ(r) · (1 − σ(r)) of a gate that is squashed already, and so for z. r *is* "
    "what the sigmoid gave: r · (1 − r).",
    daz=lambda s: s.dh * (s.h_prev - s.n) * slope_of_sigmoid(s.z),
    dar=lambda s: s.dan * s.hn * slope_of_sigmoid(s.r),
)
mistake(
    "n-squashed-twice",
    "The slope of n is taken as 1 − tanh(n)², but n is squashed already. n *is* what tanh gave: 1 − n².",
    dan=lambda s: s.dh * (1 - s.z) * (1 - np.tanh(s.n) ** 2),
)
mistake(
    "all-squashed-twice",
    "The slopes squash once more what is squashed already, σ(r) · (1 − σ(r)) and 1 − tanh(n)². r and n *are* "
    "what sigmoid and tanh gave: r · (1 − r), z · (1 − z), 1 − n².",
    dan=lambda s: s.dh * (1 - s.z) * (1 - np.tanh(s.n) ** 2),
    daz=lambda s: s.dh * (s.h_prev - s.n) * slope_of_sigmoid(s.z),
    dar=lambda s: s.dan * s.hn * slope_of_sigmoid(s.r),
)

# The reset gate: n = tanh(xn + r · hn)
mistake(
    "reset-missing-in-dah",
    "dah has dan in the slice of n, as dax has. On the side of h_prev it is hn that was multiplied by r: dan · "
    "r there, for dWh, dbh and dh_prev.",
    dhn=lambda s: s.dan,
)
mistake(
    "no-slope-on-the-side-of-h",
    "The slice of n in dah lacks the slope of tanh. hn lies inside it, as xn does: dan · r, with dan = dh · (1 "
    "− z) · (1 − n²).",
    dhn=lambda s: s.dh * (1 - s.z) * s.r,
)
mistake(
    "reset-on-all-of-dah",
    "All of dah is multiplied by r. r was a factor of hn alone: dah is dar, daz and dan · r.",
    dah=lambda s: _glued(s, r=s.dar * s.r, z=s.daz * s.r, n=s.dhn),
)
mistake(
    "reset-on-both-sides",
    "dan is multiplied by r in dax, too. Only the part from h_prev is reset: dan for dWx, dbx and dx, dan · r "
    "for dWh, dbh and dh_prev.",
    dax=lambda s: _glued(s, n=s.dhn),
)
mistake(
    "reset-on-the-wrong-side",
    "dan · r stands in dax and dan in dah. It is the other way round: hn, from h_prev, was multiplied by r.",
    dax=lambda s: _glued(s, n=s.dhn),
    dah=lambda s: _glued(s),
)
mistake(
    "reset-missing-in-dh-prev",
    "dWh and dbh know about the reset, dh_prev does not: the same dah, with dan · r in the slice of n, belongs "
    "before Wh.T.",
    dh_prev=lambda s: s.dh * s.z + s.dax @ s.Wh.T,
)
mistake(
    "reset-missing-in-dWh",
    "dh_prev knows about the reset, dWh does not: dah has dan · r in the slice of n.",
    dWh=lambda s: s.h_prev.T @ s.dax,
    dbh=lambda s: s.dax.sum(axis=0),
)
mistake(
    "one-dWh-slice",
    "dWh takes dan without r in the slice of n. What Wh gave was multiplied by r: h_prev.T @ dah, with dan · "
    "r.",
    dWh=lambda s: s.h_prev.T @ s.dax,
)
mistake(
    "dbx-for-dbh",
    "dbh is the same as dbx. The candidate's bh stands inside the reset gate: there dan · r is summed, not dan.",
    dbh=lambda s: s.dax.sum(axis=0),
)
mistake(
    "dbh-for-dbx",
    "dbx is the same as dbh. The candidate's bx stands outside the reset gate: there dan is summed, not dan · r.",
    dbx=lambda s: s.dah.sum(axis=0),
)
mistake(
    "biases-swapped",
    "dbx and dbh come out in each other's place. The order is dx, dh_prev, dWx, dWh, dbx, dbh.",
    dbx=lambda s: s.dah.sum(axis=0),
    dbh=lambda s: s.dax.sum(axis=0),
)
mistake(
    "dr-takes-h-prev",
    "dar is multiplied by h_prev. In n = tanh(xn + r · hn) the factor of r is hn = h_prev Whn + bhn. (h_prev "
    "it would be if the reset came before the product.)",
    dar=lambda s: s.dan * s.h_prev * s.r * (1 - s.r),
)
mistake(
    "dr-without-bias",
    "dar takes h_prev Whn without its bias. bhn stands inside the reset gate: hn = h_prev Whn + bhn.",
    dar=lambda s: s.dan * (s.hn - s.bhn) * s.r * (1 - s.r),
)
mistake(
    "dr-takes-xn",
    "dar is multiplied by xn, the part from x. r multiplies the other: hn = h_prev Whn + bhn.",
    dar=lambda s: s.dan * s.xn * s.r * (1 - s.r),
)
mistake(
    "dr-takes-n",
    "dar is multiplied by n. In n = tanh(xn + r · hn) the factor of r is hn = h_prev Whn + bhn.",
    dar=lambda s: s.dan * s.n * s.r * (1 - s.r),
)
mistake(
    "dr-before-tanh",
    "dar starts from the gradient at n, after the tanh. r acts inside it: start from dan = dh · (1 − z) · (1 − "
    "n²).",
    dar=lambda s: s.dh * (1 - s.z) * s.hn * s.r * (1 - s.r),
)
mistake(
    "dr-from-dh",
    "dar starts from dh. r acts inside the candidate: the way goes through (1 − z) and 1 − n², dar = dan · hn · "
    "r · (1 − r).",
    dar=lambda s: s.dh * s.hn * s.r * (1 - s.r),
)
mistake(
    "dr-from-dhn",
    "dar contains r once too often: it starts from dan · r, which belongs to hn. In r · hn the derivative in r "
    "is hn alone: dan · hn · r · (1 − r).",
    dar=lambda s: s.dhn * s.hn * s.r * (1 - s.r),
)
mistake(
    "no-reset-gradient",
    "The way through the reset gate is missing, in one place or everywhere. n depends on r, too: dar = dan · "
    "hn · r · (1 − r) is the first slice of dax and of dah.",
    dar=lambda s: 0 * s.r,
)
mistake(
    "reset-before-product",
    "This is the gradient of the other GRU, with the reset before the product: (r · h_prev) @ Whn. Here, as "
    "in PyTorch, the product comes first: r · (h_prev Whn + bhn).",
    n=lambda s: np.tanh(s.xn + (s.r * s.h_prev) @ s.Whn + s.bhn),
    dhn=lambda s: s.dan @ s.Whn.T,
    dar=lambda s: s.dhn * s.h_prev * s.r * (1 - s.r),
    dah=lambda s: _glued(s),
    dh_prev=lambda s: s.dh * s.z + _glued(s, n=0 * s.dan) @ s.Wh.T + s.dhn * s.r,
    dWh=lambda s: s.h_prev.T @ _glued(s, n=0 * s.dan) + (s.r * s.h_prev).T @ _glued(s, r=0 * s.dar, z=0 * s.daz),
)
mistake(
    "dh-prev-of-the-other-gru",
    "dh_prev is that of the GRU with the reset before the product: (dan @ Whn.T) · r. Here r acts on what the "
    "product gave, so it comes first on the way back: (dan · r) @ Whn.T, which is the slice of n in dah.",
    dh_prev=lambda s: s.dh * s.z + _glued(s, n=0 * s.dan) @ s.Wh.T + s.dan @ s.Whn.T * s.r,
)
mistake(
    "reset-before-product-forward",
    "When you compute the step again, the reset comes before the product: (r · h_prev) @ Whn. Here it comes "
    "after: r · (h_prev Whn + bhn).",
    n=lambda s: np.tanh(s.xn + (s.r * s.h_prev) @ s.Whn + s.bhn),
)

# Order
for _order in map("".join, permutations("rzn")):
    if _order != "rzn":
        mistake(
            f"glued-{_order}",
            f"The three gradients are right but glued in the order {', '.join(_order)}. They must stand where "
            "their slices were cut: r, z, n.",
            dax=lambda s, order=_order: _glued(s, order),
            dah=lambda s, order=_order: _glued(s, order, n=s.dhn),
        )
        mistake(
            f"order-{_order}",
            f"Forward and backward agree with each other, but on the order {', '.join(_order)}"
            f"{GRU_ORDERS.get(_order, '').partition(',')[0]}. The order here is r, z, n.",
            from_x=lambda s, order=_order: split_as(order, "rzn", s.ax),
            from_h=lambda s, order=_order: split_as(order, "rzn", s.ah),
            dax=lambda s, order=_order: _glued(s, order),
            dah=lambda s, order=_order: _glued(s, order, n=s.dhn),
            Whn=lambda s, order=_order: split_as(order, "rzn", s.Wh)[2],
        )

# From the slices to weights, input and state
mistake(
    "no-biases",
    "When you compute the step again, the biases are missing: x Wx + bx, h_prev Wh + bh. All the slopes "
    "depend on them.",
    ax=lambda s: s.x @ s.Wx,
    ah=lambda s: s.h_prev @ s.Wh,
)
mistake(
    "no-bh",
    "When you compute the step again, bh is missing: h_prev Wh + bh.",
    ah=lambda s: s.h_prev @ s.Wh,
)
mistake(
    "reshape-for-transpose",
    "Wx.reshape and Wh.reshape have the shape of the transposes, with the numbers in the wrong places. dax @ "
    "Wx.T and dah @ Wh.T.",
    dx=lambda s: s.dax @ s.Wx.reshape(s.Wx.shape[::-1]),
    dh_prev=lambda s: s.dh * s.z + s.dah @ s.Wh.reshape(s.Wh.shape[::-1]),
)
mistake(
    "Wx-reshaped",
    "`Wx.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dax @ Wx.T.",
    dx=lambda s: s.dax @ s.Wx.reshape(s.Wx.shape[::-1]),
)
mistake(
    "Wh-reshaped",
    "`Wh.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dah @ Wh.T.",
    dh_prev=lambda s: s.dh * s.z + s.dah @ s.Wh.reshape(s.Wh.shape[::-1]),
)
mistake(
    "Wx-not-transposed",
    "dax is (N, 3H) and dx must be (N, D): that takes a (3H, D) on the right, Wx.T.",
    dx=lambda s: s.dax @ s.Wx,
)
mistake(
    "Wh-not-transposed",
    "dah is (N, 3H) and dh_prev must be (N, H): that takes a (3H, H) on the right, Wh.T.",
    dh_prev=lambda s: s.dh * s.z + s.dah @ s.Wh,
)
mistake(
    "x-not-transposed",
    "dWx has the shape of Wx, (D, 3H), summed over the batch: x.T @ dax.",
    dWx=lambda s: s.x @ s.dax,
)
mistake(
    "h-not-transposed",
    "dWh has the shape of Wh, (H, 3H), summed over the batch: h_prev.T @ dah.",
    dWh=lambda s: s.h_prev @ s.dah,
)
mistake(
    "torch-shapes",
    "dWx and dWh are transposed: dax.T @ x is (3H, D), the shape PyTorch keeps. Here rows are examples: x.T @ "
    "dax.",
    dWx=lambda s: s.dax.T @ s.x,
    dWh=lambda s: s.dah.T @ s.h_prev,
)
mistake(
    "new-state-in-dWh",
    "dWh is computed with h, the state *after* the step. Wh was multiplied by h_prev: h_prev.T @ dah.",
    dWh=lambda s: s.h.T @ s.dah,
)
mistake(
    "biases-not-summed",
    "dbx and dbh are (N, 3H). One bias was added to every row, so its gradient is the sum over rows: "
    "sum(axis=0).",
    dbx=lambda s: s.dax,
    dbh=lambda s: s.dah,
)
mistake(
    "biases-averaged",
    "dbx and dbh are means over the batch. Gradients of a bias used N times add up: sum(axis=0).",
    dbx=lambda s: s.dax.mean(axis=0),
    dbh=lambda s: s.dah.mean(axis=0),
)
mistake(
    "biases-wrong-axis",
    "dbx and dbh are summed over axis 1, the units, and have shape (N,). They must be (3H,): sum over the "
    "batch, axis 0.",
    dbx=lambda s: s.dax.sum(axis=1),
    dbh=lambda s: s.dah.sum(axis=1),
)
mistake(
    "averaged",
    "The weights' gradients are divided by N. If the loss is a mean, dh contains the 1/N already; here they "
    "are summed.",
    dWx=lambda s: s.x.T @ s.dax / len(s.x),
    dWh=lambda s: s.h_prev.T @ s.dah / len(s.x),
    dbx=lambda s: s.dax.mean(axis=0),
    dbh=lambda s: s.dah.mean(axis=0),
)
mistake(
    "slope-of-h-prev",
    "dh_prev is multiplied by 1 − h_prev², one tanh too far back. dh · z + dah @ Wh.T is the whole gradient "
    "in h_prev.",
    dh_prev=lambda s: (s.dh * s.z + s.dah @ s.Wh.T) * (1 - s.h_prev**2),
)
mistake(
    "dh-in-place",
    "The numbers are right, but `dh *= …` writes into the array of whoever called, who still needs it. Make a "
    "new one: `dh * z`.",
    dh_prev=lambda s: np.multiply(s.dh, s.z, out=s.dh) + s.dah @ s.Wh.T,
)

gru_step_backward.variant("line by line")(right.but())


@gru_step_backward.variant("gate by gate, with sech² for the slope of tanh")
def _(dh, x, h_prev, Wx, Wh, bx, bh):
    Us, Vs = np.hsplit(Wx, 3), np.hsplit(Wh, 3)
    from_x = [x @ U + u for U, u in zip(Us, np.split(bx, 3), strict=True)]
    from_h = [h_prev @ V + v for V, v in zip(Vs, np.split(bh, 3), strict=True)]
    r, z = (1 / (1 + np.exp(-from_x[k] - from_h[k])) for k in (0, 1))
    a = from_x[2] + r * from_h[2]
    at_n = dh * (1 - z) / np.cosh(a) ** 2
    at_z = (h_prev - np.tanh(a)) * dh * (z - z**2)
    at_r = at_n * from_h[2] * (r - r**2)
    sides = (at_r, at_z, at_n), (at_r, at_z, r * at_n)
    dx = sum(d @ U.T for d, U in zip(sides[0], Us, strict=True))
    back = sum(d @ V.T for d, V in zip(sides[1], Vs, strict=True))
    dWx, dWh = (np.hstack([v.T @ d for d in side]) for v, side in zip((x, h_prev), sides, strict=True))
    dbx, dbh = (np.hstack([d.sum(axis=0) for d in side]) for side in sides)
    return dx, z * dh + back, dWx, dWh, dbx, dbh


@gru_step_backward.variant("one array written block by block")
def _(dh, x, h_prev, Wx, Wh, bx, bh):
    N, H = h_prev.shape
    ax, ah = x.dot(Wx) + bx, h_prev.dot(Wh) + bh
    gates = 1 / (1 + np.exp(-(ax + ah)))
    r, z, hn = gates[:, :H], gates[:, H : 2 * H], ah[:, 2 * H :]
    n = np.tanh(ax[:, 2 * H :] + r * hn)
    dax = np.empty((N, 3 * H), dtype=x.dtype)
    dax[:, 2 * H :] = dh * (1 - z) * (1 + n) * (1 - n)
    dax[:, H : 2 * H] = dh * (h_prev - n)
    dax[:, :H] = dax[:, 2 * H :] * hn
    dax[:, : 2 * H] *= gates[:, : 2 * H] * (1 - gates[:, : 2 * H])
    dah = dax.copy()
    dah[:, 2 * H :] *= r
    dh_prev = dah.dot(Wh.T)
    dh_prev += dh * z
    return [dax.dot(Wx.T), dh_prev, x.T.dot(dax), h_prev.T.dot(dah), dax.sum(0), dah.sum(0)]


@gru_step_backward.landmark("`dh_prev[0, 0] ≈ 0.700`")
def _(f):
    return f(np.ones((1, 2)), *gru_ones())[1][0, 0]
