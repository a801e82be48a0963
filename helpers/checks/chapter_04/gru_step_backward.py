"""`gru_step_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_04.gru_step import EXTREMES, ORDERS, gru_cases, gru_step_by_tanh
from helpers.checks.chapter_04.steps import shifted, torch_gradients, torch_module
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient
from helpers.layers import sigmoid

GRADIENTS = ("dx", "dh_prev", "dWx", "dWh", "dbx", "dbh")


def gru_step_backward_reference(dh, x, h_prev, Wx, Wh, bx, bh):
    xr, xz, xn = np.split(x @ Wx + bx, 3, axis=1)
    hr, hz, hn = np.split(h_prev @ Wh + bh, 3, axis=1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    dan = dh * (1 - z) * (1 - n**2)
    daz = dh * (h_prev - n) * z * (1 - z)
    dar = dan * hn * r * (1 - r)
    dax = np.concatenate([dar, daz, dan], axis=1)
    dah = np.concatenate([dar, daz, dan * r], axis=1)
    dx, dh_prev = dax @ Wx.T, dh * z + dah @ Wh.T
    dWx, dWh = x.T @ dax, h_prev.T @ dah
    dbx, dbh = dax.sum(axis=0), dah.sum(axis=0)
    return dx, dh_prev, dWx, dWh, dbx, dbh


def _with_upstream(rng, case, size=1.0):
    return {"dh": size * rng.normal(size=case["h_prev"].shape)} | case


def backward_cases(rng, *, N=(4, 5), D=(3, 3), H=(7, 7)):
    return _with_upstream(rng, gru_cases(rng, N=N, D=D, H=H))


gru_step_backward = Exercise("gru_step_backward", "04", gru_step_backward_reference, GRADIENTS, backward_cases, rounds=3)


@gru_step_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh, *arguments):
    if np.abs(dh).max() > 10:
        return NotImplemented

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


for _name, _by in EXTREMES.items():
    gru_step_backward.extreme(
        _name,
        "Gates may be 0 or 1 and the candidate −1 or 1, to the last digit, and the slopes are 0 then. Exponentials of a "
        "sum in the thousands give inf / inf; `sigmoid` and `np.tanh` do not.",
    )(lambda rng, by=_by: _with_upstream(rng, shifted(gru_cases(rng, N=4, D=3, H=7), "bx", *by)))
gru_step_backward.extreme("large gradients", "Gradients far above 1 pass as they are: nothing is clipped in a step.")(
    lambda rng: _with_upstream(rng, gru_cases(rng, N=4, D=3, H=7), size=100.0)
)

mistake = gru_step_backward.mistake
DAN, DAZ, DAR = "dh * (1 - z) * (1 - n**2)", "dh * (h_prev - n) * z * (1 - z)", "dan * hn * r * (1 - r)"
DAX, DAH = "np.concatenate([dar, daz, dan], axis=1)", "np.concatenate([dar, daz, dan * r], axis=1)"

# The mixture h = (1 − z) · n + z · h_prev
mistake(
    "direct-path-forgotten",
    "dh_prev holds only what comes back through the products. h_prev also goes straight into h = … + z · h_prev: add dh "
    "· z. It is the path a long memory lives on.",
    ("dh * z + ", ""),
)
mistake(
    "direct-path-only",
    "dh_prev = dh · z is the direct path alone. h_prev also acts through the gates and the candidate: add dah @ Wh.T.",
    (" + dah @ Wh.T", ""),
)
mistake(
    "direct-path-ungated",
    "dh is added to dh_prev as it is. On the direct path h_prev is multiplied by z: dh · z.",
    ("dh * z + ", "dh + "),
)
mistake(
    "direct-path-one-minus-z",
    "On the direct path you take 1 − z. The old state enters as z · h_prev: dh · z.",
    ("dh * z + ", "dh * (1 - z) + "),
)
mistake(
    "z-swapped-backward",
    "z and 1 − z have changed places: this is the gradient of h = (1 − z) · h_prev + z · n, the convention of Chung et "
    "al. 2014. Here z keeps the old state: the candidate gets dh · (1 − z), the old state dh · z, and daz starts from dh "
    "· (h_prev − n).",
    (DAN, "dh * z * (1 - n**2)"),
    (DAZ, "dh * (n - h_prev) * z * (1 - z)"),
    ("dh * z + ", "dh * (1 - z) + "),
)
mistake(
    "dn-times-z",
    "dan takes the factor z. The candidate enters h as (1 − z) · n: dh · (1 − z).",
    (DAN, "dh * z * (1 - n**2)"),
)
mistake(
    "dn-ungated",
    "dan takes dh whole. The candidate enters h as (1 − z) · n, so its gradient is dh · (1 − z), times the slope 1 − n².",
    (DAN, "dh * (1 - n**2)"),
)
mistake(
    "dz-sign",
    "daz has the wrong sign: z multiplies h_prev and takes the same share away from n, so dh · (h_prev − n).",
    ("(h_prev - n)", "(n - h_prev)"),
)
mistake(
    "dz-without-candidate",
    "z occurs twice in h = (1 − z) · n + z · h_prev. daz takes h_prev alone; the other share is −n: dh · (h_prev − n).",
    ("(h_prev - n)", "h_prev"),
)
mistake(
    "dz-without-old-state",
    "z occurs twice in h = (1 − z) · n + z · h_prev. daz takes −n alone; the other share is h_prev: dh · (h_prev − n).",
    ("(h_prev - n)", "(-n)"),
)
mistake(
    "dz-takes-h",
    "daz has a factor 1 − z too many: it takes h, the mixture, for the candidate n, or starts from the gradient at n, "
    "dh · (1 − z). It is dh · (h_prev − n) before the slope.",
    ("(h_prev - n)", "(h_prev - ((1 - z) * n + z * h_prev))"),
)
mistake(
    "no-update-gradient",
    "The way through the update gate is missing: daz = dh · (h_prev − n) · z · (1 − z) is the second slice of dax and of "
    "dah.",
    (DAZ, "0 * z"),
)

# Slopes
mistake("no-slope-of-n", "n = tanh(…): its slope 1 − n² is missing in dan.", (" * (1 - n**2)", ""))
mistake(
    "n-not-squared",
    "The slope of n is taken as 1 − n. The slope of tanh is 1 − n², with the square: it is the same for n and for −n.",
    ("n**2", "n"),
)
mistake(
    "slope-of-h",
    "The slope of tanh is taken at h, as in the plain recurrent network. Here tanh gave n: 1 − n².",
    ("1 - n**2", "1 - ((1 - z) * n + z * h_prev) ** 2"),
)
mistake(
    "sigmoid-slope-for-n", "n takes the sigmoid's slope n · (1 − n). n is a tanh: 1 − n².", ("(1 - n**2)", "n * (1 - n)")
)
mistake(
    "no-slope-of-gates",
    "dar and daz stop at the gates. They are the gradients *before* the sigmoids: times r · (1 − r) and z · (1 − z).",
    (DAZ, "dh * (h_prev - n)"),
    (DAR, "dan * hn"),
)
mistake(
    "no-slopes-at-all",
    "The gradients stop at r, z and n. dar, daz and dan are those *before* the squashings: times r · (1 − r), z · (1 − "
    "z) and 1 − n².",
    (DAN, "dh * (1 - z)"),
    (DAZ, "dh * (h_prev - n)"),
    (DAR, "dan * hn"),
)
for _gate, _right, _partner in (("r", DAR, "hn"), ("z", DAZ, "(h_prev - n)")):
    _words = f"da{_gate} is {_right.replace('*', '·').replace('-', '−')}"
    mistake(
        f"no-slope-of-{_gate}",
        f"{_gate} = σ(…): its slope {_gate} · (1 − {_gate}) is missing; {_words}.",
        (_right, _right.removesuffix(f" * {_gate} * (1 - {_gate})")),
    )
    for _left, _half in (("1 − ", _right.replace(f" * {_gate} *", " *")), ("", _right.removesuffix(f" * (1 - {_gate})"))):
        mistake(
            f"half-slope-of-{_gate}-{_left}{_gate}",
            f"The slope of the sigmoid is {_gate} · (1 − {_gate}), both factors, not {_left}{_gate} alone; {_words}.",
            (_right, _half),
        )
    mistake(
        f"{_gate}-without-partner",
        f"The factor that belongs to {_gate}, {_partner.replace('-', '−')}, is missing; {_words}.",
        (_right, _right.replace(f" * {_partner}", "")),
    )
mistake(
    "half-slopes",
    "The slope of the sigmoid is s · (1 − s), both factors; dar and daz have 1 − s alone.",
    (DAZ, "dh * (h_prev - n) * (1 - z)"),
    (DAR, "dan * hn * (1 - r)"),
)
mistake(
    "slopes-alone",
    "The gates get their slopes, but not what they multiply: daz takes h_prev − n, dar takes hn.",
    (DAZ, "dh * z * (1 - z)"),
    (DAR, "dan * r * (1 - r)"),
)
mistake(
    "tanh-slope-for-gates",
    "The gates take the slope of tanh, 1 − r² and 1 − z². They are sigmoids: r · (1 − r), z · (1 − z).",
    (DAZ, "dh * (h_prev - n) * (1 - z**2)"),
    (DAR, "dan * hn * (1 - r**2)"),
)
mistake(
    "slopes-of-slices",
    "The slopes of the sigmoids are computed as s · (1 − s) of the sums *before* squashing. It holds for what the "
    "sigmoid gave: r · (1 − r), z · (1 − z).",
    (DAZ, "dh * (h_prev - n) * (xz + hz) * (1 - (xz + hz))"),
    (DAR, "dan * hn * (xr + hr) * (1 - (xr + hr))"),
)
TWICE = (
    (DAZ, "dh * (h_prev - n) * sigmoid(z) * (1 - sigmoid(z))"),
    (DAR, "dan * hn * sigmoid(r) * (1 - sigmoid(r))"),
)
mistake(
    "gates-squashed-twice",
    "The sigmoid's slope is taken as σ(r) · (1 − σ(r)) of a gate that is squashed already, and so for z. r *is* what the "
    "sigmoid gave: r · (1 − r).",
    *TWICE,
)
mistake(
    "n-squashed-twice",
    "The slope of n is taken as 1 − tanh(n)², but n is squashed already. n *is* what tanh gave: 1 − n².",
    ("1 - n**2", "1 - np.tanh(n) ** 2"),
)
mistake(
    "all-squashed-twice",
    "The slopes squash once more what is squashed already, σ(r) · (1 − σ(r)) and 1 − tanh(n)². r and n *are* what "
    "sigmoid and tanh gave: r · (1 − r), z · (1 − z), 1 − n².",
    *TWICE,
    ("1 - n**2", "1 - np.tanh(n) ** 2"),
)

# The reset gate: n = tanh(xn + r · hn)
mistake(
    "reset-missing-in-dah",
    "dah has dan in the slice of n, as dax has. On the side of h_prev it is hn that was multiplied by r: dan · r there, "
    "for dWh, dbh and dh_prev.",
    ("dan * r]", "dan]"),
)
mistake(
    "no-slope-on-the-side-of-h",
    "The slice of n in dah lacks the slope of tanh. hn lies inside it, as xn does: dan · r, with dan = dh · (1 − z) · (1 "
    "− n²).",
    ("dan * r]", "dh * (1 - z) * r]"),
)
mistake(
    "reset-on-all-of-dah",
    "All of dah is multiplied by r. r was a factor of hn alone: dah is dar, daz and dan · r.",
    ("[dar, daz, dan * r]", "[dar * r, daz * r, dan * r]"),
)
mistake(
    "reset-slope-in-dah",
    "In the slice of n, dah takes dan · r · (1 − r), as if hn went through the sigmoid. There r is only a factor, in r · "
    "hn: dan · r. The slope r · (1 − r) belongs to dar.",
    ("dan * r]", "dan * r * (1 - r)]"),
)
mistake(
    "reset-on-both-sides",
    "dan is multiplied by r in dax, too. Only the part from h_prev is reset: dan for dWx, dbx and dx, dan · r for dWh, "
    "dbh and dh_prev.",
    ("dan], axis=1)", "dan * r], axis=1)"),
)
mistake(
    "reset-on-the-wrong-side",
    "dan · r stands in dax and dan in dah. It is the other way round: hn, from h_prev, was multiplied by r.",
    (f"dax = {DAX}\n", f"dah = {DAX}\n"),
    (f"dah = {DAH}\n", f"dax = {DAH}\n"),
)
mistake(
    "reset-missing-in-dh-prev",
    "dWh and dbh know about the reset, dh_prev does not: the same dah, with dan · r in the slice of n, belongs before "
    "Wh.T.",
    ("dah @ Wh.T", "dax @ Wh.T"),
)
mistake(
    "reset-missing-in-dWh",
    "dh_prev knows about the reset, dWh and dbh do not: dah has dan · r in the slice of n.",
    ("h_prev.T @ dah", "h_prev.T @ dax"),
    ("dah.sum", "dax.sum"),
)
mistake(
    "one-dWh-slice",
    "dWh takes dan without r in the slice of n. What Wh gave was multiplied by r: h_prev.T @ dah, with dan · r.",
    ("h_prev.T @ dah", "h_prev.T @ dax"),
)
mistake(
    "dbx-for-dbh",
    "dbh is the same as dbx. The candidate's bh stands inside the reset gate: there dan · r is summed, not dan.",
    ("dah.sum", "dax.sum"),
)
mistake(
    "dbh-for-dbx",
    "dbx is the same as dbh. The candidate's bx stands outside the reset gate: there dan is summed, not dan · r.",
    ("dax.sum", "dah.sum"),
)
mistake(
    "dr-takes-h-prev",
    "dar is multiplied by h_prev. In n = tanh(xn + r · hn) the factor of r is hn = h_prev Whn + bhn. (h_prev it would be "
    "if the reset came before the product.)",
    ("dan * hn", "dan * h_prev"),
)
mistake(
    "dr-without-bias",
    "dar takes h_prev Whn without its bias. bhn stands inside the reset gate: hn = h_prev Whn + bhn.",
    ("dan * hn", "dan * (hn - np.split(bh, 3)[2])"),
)
mistake(
    "dr-takes-n",
    "dar is multiplied by n. In n = tanh(xn + r · hn) the factor of r is hn = h_prev Whn + bhn.",
    ("dan * hn", "dan * n"),
)
mistake(
    "dr-before-tanh",
    "dar starts from the gradient at n, after the tanh. r acts inside it: start from dan = dh · (1 − z) · (1 − n²).",
    ("dan * hn", "dh * (1 - z) * hn"),
)
mistake(
    "dr-from-dh",
    "dar starts from dh. r acts inside the candidate: the way goes through (1 − z) and 1 − n², dar = dan · hn · r · (1 − "
    "r).",
    ("dan * hn", "dh * hn"),
)
mistake(
    "dr-from-dhn",
    "dar contains r once too often: it starts from dan · r, which belongs to hn. In r · hn the derivative in r is hn "
    "alone: dan · hn · r · (1 − r).",
    ("dan * hn", "dan * r * hn"),
)
mistake(
    "no-reset-gradient",
    "The way through the reset gate is missing. n depends on r, too: dar = dan · hn · r · (1 − r) is the first slice of "
    "dax and of dah.",
    (DAR, "0 * r"),
)
WHN = "np.split(Wh, 3, axis=1)[2]"
BEFORE = ("xn + r * hn", f"xn + (r * h_prev) @ {WHN} + np.split(bh, 3)[2]")
GATES_ONLY = "np.concatenate([dar, daz, 0 * dan], axis=1)"
mistake(
    "reset-before-product",
    "This is the gradient of the other GRU, with the reset before the product: (r · h_prev) @ Whn. Here, as in PyTorch, "
    "the product comes first: r · (h_prev Whn + bhn).",
    BEFORE,
    (DAR, f"dan @ {WHN}.T * h_prev * r * (1 - r)"),
    ("dan * r]", "dan]"),
    ("dah @ Wh.T", f"{GATES_ONLY} @ Wh.T + dan @ {WHN}.T * r"),
    ("h_prev.T @ dah", "np.concatenate([h_prev.T @ dar, h_prev.T @ daz, (r * h_prev).T @ dan], axis=1)"),
)
mistake(
    "dh-prev-of-the-other-gru",
    "In dh_prev the candidate's part is that of the GRU with the reset before the product: (dan @ Whn.T) · r. Here r acts on what the product "
    "gave, so it comes first on the way back: (dan · r) @ Whn.T, which is the slice of n in dah.",
    ("dah @ Wh.T", f"{GATES_ONLY} @ Wh.T + dan @ {WHN}.T * r"),
)
mistake(
    "reset-before-product-forward",
    "When you compute the step again, the reset comes before the product: (r · h_prev) @ Whn. Here it comes after: r · "
    "(h_prev Whn + bhn).",
    BEFORE,
)

# Order
for _order, _origin in ORDERS.items():
    _glued = tuple(
        (f"[{', '.join(parts[gate] for gate in 'rzn')}]", f"[{', '.join(parts[gate] for gate in _order)}]")
        for parts in ({"r": "dar", "z": "daz", "n": "dan"}, {"r": "dar", "z": "daz", "n": "dan * r"})
    )
    mistake(
        f"glued-{_order}",
        f"The three gradients are right but glued in the order {', '.join(_order)}. They must stand where their slices "
        "were cut: r, z, n.",
        *_glued,
    )
    mistake(
        f"order-{_order}",
        f"Forward and backward agree with each other, but on the order {', '.join(_order)}{_origin.partition(',')[0]}. "
        "The order here is r, z, n.",
        *((f"{side}r, {side}z, {side}n =", f"{', '.join(side + gate for gate in _order)} =") for side in "xh"),
        *_glued,
    )

# From the slices to weights, input and state
mistake(
    "no-biases",
    "When you compute the step again, the biases are missing: x Wx + bx, h_prev Wh + bh. All the slopes depend on them.",
    ("x @ Wx + bx", "x @ Wx"),
    ("h_prev @ Wh + bh", "h_prev @ Wh"),
)
mistake(
    "Wx-reshaped",
    "`Wx.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dax @ Wx.T.",
    ("dax @ Wx.T", "dax @ Wx.reshape(Wx.shape[::-1])"),
)
mistake(
    "Wh-reshaped",
    "`Wh.reshape(…)` has the shape of the transpose, with the numbers in the wrong places. dah @ Wh.T.",
    ("dah @ Wh.T", "dah @ Wh.reshape(Wh.shape[::-1])"),
)
mistake(
    "torch-shapes",
    "dWx and dWh are transposed: dax.T @ x is (3H, D), the shape PyTorch keeps. Here rows are examples: x.T @ dax.",
    ("x.T @ dax", "dax.T @ x"),
    ("h_prev.T @ dah", "dah.T @ h_prev"),
)
mistake(
    "new-state-in-dWh",
    "dWh is computed with h, the state *after* the step. Wh was multiplied by h_prev: h_prev.T @ dah.",
    ("h_prev.T", "((1 - z) * n + z * h_prev).T"),
)
mistake(
    "biases-not-summed",
    "dbx and dbh are dax and dah themselves, a row for each sequence of the batch. A bias is one vector that all N of them "
    "share, so their gradients add up: `dax.sum(axis=0)`, `dah.sum(axis=0)`.",
    ("dax.sum(axis=0)", "dax"),
    ("dah.sum(axis=0)", "dah"),
)
mistake(
    "averaged",
    "The weights' gradients are divided by N. If the loss is a mean, dh contains the 1/N already; here they are summed.",
    ("x.T @ dax", "x.T @ dax / len(x)"),
    ("h_prev.T @ dah", "h_prev.T @ dah / len(x)"),
    ("dax.sum", "dax.mean"),
    ("dah.sum", "dah.mean"),
)
mistake(
    "returned-map-by-map",
    "The gradients come back map by map: dx, dWx, dbx, then dh_prev, dWh, dbh. Here they follow the arguments, x, h_prev, "
    "Wx, Wh, bx, bh: first the two that travel on, then the weights, then the biases.",
    ("return dx, dh_prev, dWx, dWh, dbx, dbh", "return dx, dWx, dbx, dh_prev, dWh, dbh"),
)
mistake(
    "slope-of-h-prev",
    "dh_prev is multiplied by 1 − h_prev², one tanh too far back. dh · z + dah @ Wh.T is the whole gradient in h_prev.",
    ("dh * z + dah @ Wh.T", "(dh * z + dah @ Wh.T) * (1 - h_prev**2)"),
)
mistake(
    "dh-in-place",
    "The numbers are right, but `dh *= …` writes into the array of whoever called, who still needs it. Make a new one: "
    "`dh * z`.",
    ("dh * z + ", "np.multiply(dh, z, out=dh) + "),
)


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


gru_step_backward.landmark("""
    dh, x, h_prev = np.ones((1, 2)), np.ones((1, 3)), np.full((1, 2), 0.5)
    Wx, Wh = np.full((3, 6), 0.1), np.full((2, 6), 0.1)
    bx, bh = np.arange(6) / 10, np.full(6, 0.2)
    dx, dh_prev, dWx, dWh, dbx, dbh = gru_step_backward(dh, x, h_prev, Wx, Wh, bx, bh)
    dh_prev   # ≈ [[0.700, 0.721]]
    dbh[4:]   # ≈ [0.098, 0.081]
""")
