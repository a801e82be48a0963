"""`gradient_norms`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def gradient_norms_reference(dh_last, h, Wh):
    return _norms(dh_last, h, Wh)


def _norms(dh, h, Wh, *, slope=lambda h, t: 1 - h[:, t] ** 2, norm=np.linalg.norm):
    """‖∂L_T/∂h_t‖ for every t, with its parts exchangeable."""
    norms = [norm(dh)]
    for t in range(h.shape[1] - 1, 0, -1):
        dh = (dh * slope(h, t)) @ Wh.T
        norms.append(norm(dh))
    return np.array(norms[::-1])


def _cases(rng):
    N, T, H = rng.integers(2, 4), rng.integers(4, 7), rng.integers(7, 10)
    return {
        "dh_last": rng.normal(size=(N, H)),
        "h": np.tanh(rng.normal(size=(N, T, H), scale=0.7)),
        "Wh": 1.5 * rng.normal(size=(H, H)) / np.sqrt(H),
    }


gradient_norms = Exercise("gradient_norms", "03", gradient_norms_reference, ("norms",), _cases)


def _from_the_input(h, Wh):
    """What inputs and bias must have added before tanh, for each step but the first."""
    return np.arctanh(h[:, 1:]) - h[:, :-1] @ Wh


@gradient_norms.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh_last, h, Wh):
    T = h.shape[1]
    added = _from_the_input(h, Wh)

    def loss(state, t):
        for s in range(t, T - 1):
            state = np.tanh(added[:, s] + state @ Wh)
        return np.vdot(state, dh_last)

    gradients = [numerical_gradient(lambda state, t=t: loss(state, t), h[:, t].copy()) for t in range(T)]
    return np.array([np.sqrt((gradient**2).sum()) for gradient in gradients])


@gradient_norms.oracle("torch's autograd", needs_torch=True)
def _(dh_last, h, Wh):
    import torch

    added, matrix = torch.tensor(_from_the_input(h, Wh)), torch.tensor(Wh)
    states = [torch.tensor(h[:, 0], requires_grad=True)]
    for s in range(added.shape[1]):
        states.append(torch.tanh(added[:, s] + states[-1] @ matrix))
    loss = (states[-1] * torch.tensor(dh_last)).sum()
    return np.array([gradient.norm().item() for gradient in torch.autograd.grad(loss, states)])


@gradient_norms.oracle("products of Jacobians, example by example")
def _(dh_last, h, Wh):
    N, T, H = h.shape
    squares = np.zeros(T)
    for n in range(N):
        product = np.eye(H)
        for t in range(T - 1, -1, -1):
            squares[t] += ((product @ dh_last[n]) ** 2).sum()
            product = (Wh * (1 - h[n, t] ** 2)) @ product
    return np.sqrt(squares)


@gradient_norms.misconception(
    "slope-of-the-step-before",
    "The slope is taken one step too early: from ∂L/∂h_t to ∂L/∂h_{t−1} the gradient goes back through the tanh that "
    "made h_t, so its slope is 1 − h[:, t]², not 1 − h[:, t − 1]².",
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, slope=lambda h, t: 1 - h[:, t - 1] ** 2)


@gradient_norms.misconception(
    "no-slope", "Your gradient goes back through Wh only. Before it comes tanh: multiply by 1 − h[:, t]²."
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, slope=lambda h, t: 1)


@gradient_norms.misconception(
    "not-transposed", "Forwards it is h @ Wh, so backwards it is @ Wh.T. Wh is square, so both fit."
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh.T)


@gradient_norms.misconception(
    "time-reversed",
    "The norms are right, in the wrong order: you collected them from the end. norms[t] belongs to h[:, t], so the "
    "norm of dh_last comes last.",
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh)[::-1]


@gradient_norms.misconception(
    "time-runs-forwards",
    "Your loop runs from t = 0 to the end. The gradient starts at the end: t from T − 1 down to 0.",
)
def _(dh_last, h, Wh):
    dh, norms = dh_last, np.zeros(h.shape[1])
    for t in range(h.shape[1]):
        norms[t] = np.linalg.norm(dh)
        dh = (dh * (1 - h[:, t] ** 2)) @ Wh.T
    return norms


@gradient_norms.misconception(
    "last-one-missing",
    "norms[T − 1] is still 0: that is the norm of dh_last itself, before the first step back.",
)
def _(dh_last, h, Wh):
    norms = _norms(dh_last, h, Wh)
    norms[-1] = 0
    return norms


@gradient_norms.misconception(
    "one-step-too-far",
    "Every norm is taken one step too late: norms[T − 1] is that of dh_last itself, before it goes through anything. "
    "Take the norm first, then step back.",
)
def _(dh_last, h, Wh):
    dh, norms = dh_last, np.zeros(h.shape[1])
    for t in reversed(range(h.shape[1])):
        dh = (dh * (1 - h[:, t] ** 2)) @ Wh.T
        norms[t] = np.linalg.norm(dh)
    return norms


@gradient_norms.misconception(
    "squared", "These are the squared norms. The root is missing: np.sqrt((dh ** 2).sum())."
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, norm=lambda dh: (dh**2).sum())


@gradient_norms.misconception(
    "first-example-only", "You measure the first example only. The norm is over all N rows of the gradient together."
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, norm=lambda dh: np.linalg.norm(dh[0]))


@gradient_norms.misconception(
    "mean-of-the-examples",
    "You average the norms of the N examples. Wanted is one norm of the whole (N, H) array: the root of the sum of "
    "all squares.",
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, norm=lambda dh: np.linalg.norm(dh, axis=1).mean())


@gradient_norms.misconception(
    "before-tanh",
    "You measure da, the gradient before tanh (after multiplying by the slope). Wanted is that in the state: the norm "
    "of dh, before the slope.",
)
def _(dh_last, h, Wh):
    dh, norms = dh_last, np.zeros(h.shape[1])
    for t in reversed(range(h.shape[1])):
        da = dh * (1 - h[:, t] ** 2)
        norms[t] = np.linalg.norm(da)
        dh = da @ Wh.T
    return norms


@gradient_norms.misconception(
    "a-loss-at-every-step",
    "You add dh_last again at every step, as if each had a loss of its own. Only the last one has: nothing is added "
    "on the way back.",
)
def _(dh_last, h, Wh):
    dh, norms = dh_last, [np.linalg.norm(dh_last)]
    for t in range(h.shape[1] - 1, 0, -1):
        dh = dh_last + (dh * (1 - h[:, t] ** 2)) @ Wh.T
        norms.append(np.linalg.norm(dh))
    return np.array(norms[::-1])


@gradient_norms.misconception(
    "slope-after-Wh",
    "The order is reversed: forwards Wh comes first and tanh second, so backwards first the slope, then @ Wh.T.",
)
def _(dh_last, h, Wh):
    dh, norms = dh_last, [np.linalg.norm(dh_last)]
    for t in range(h.shape[1] - 1, 0, -1):
        dh = (dh @ Wh.T) * (1 - h[:, t] ** 2)
        norms.append(np.linalg.norm(dh))
    return np.array(norms[::-1])


@gradient_norms.misconception(
    "tanh-twice", "`h` has already been through tanh: its slope is 1 − h[:, t]², not 1 − tanh(h[:, t])²."
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, slope=lambda h, t: 1 - np.tanh(h[:, t]) ** 2)


@gradient_norms.misconception("slope-not-squared", "Your slope is 1 − h. The derivative of tanh is 1 − h².")
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, slope=lambda h, t: 1 - h[:, t])


@gradient_norms.misconception(
    "slope-of-the-last-state",
    "You use the last state's slope at every step. Each step has its own: 1 − h[:, t]².",
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, slope=lambda h, t: 1 - h[:, -1] ** 2)


@gradient_norms.misconception(
    "matrix-norm",
    "np.linalg.norm(dh, 2) of a matrix is its largest singular value. Wanted is the root of the sum of all squares: "
    "np.linalg.norm(dh), without the 2.",
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, norm=lambda dh: np.linalg.norm(dh, 2))


@gradient_norms.misconception(
    "sum-of-sizes", "You add up the absolute values. The norm is the root of the sum of the squares."
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, norm=lambda dh: np.abs(dh).sum())


@gradient_norms.misconception(
    "root-mean-square", "Under the root you take the mean of the squares; the norm has their sum."
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, norm=lambda dh: np.sqrt((dh**2).mean()))


@gradient_norms.misconception(
    "relative", "You divided by the norm at the last step. Wanted are the norms themselves; the figure divides later."
)
def _(dh_last, h, Wh):
    norms = _norms(dh_last, h, Wh)
    return norms / norms[-1]


@gradient_norms.misconception(
    "written-over",
    "The norms are right, but `*=` or `[...] =` wrote over the caller's `dh_last`. Make a new array: dh = dh * slope.",
)
def _(dh_last, h, Wh):
    norms = _norms(dh_last, h, Wh)
    dh_last *= 1 - h[:, -1] ** 2
    return norms


@gradient_norms.misconception(
    "first-one-missing",
    "norms[0] is still 0: the loop stops at t = 1. The first state has a gradient too: t from T − 1 down to 0.",
)
def _(dh_last, h, Wh):
    norms = _norms(dh_last, h, Wh)
    norms[0] = 0
    return norms


@gradient_norms.misconception(
    "not-carried-on",
    "Every step starts from dh_last again. What came out of one step back goes into the next: dh = (dh * slope) @ Wh.T.",
)
def _(dh_last, h, Wh):
    steps = [(dh_last * (1 - h[:, t] ** 2)) @ Wh.T for t in range(1, h.shape[1])]
    return np.array([np.linalg.norm(dh) for dh in [*steps, dh_last]])


@gradient_norms.misconception(
    "one-norm-for-each-example",
    "You return a norm for each example, (N, T). Wanted is one norm of the whole (N, H) array at each step: (T,).",
)
def _(dh_last, h, Wh):
    return _norms(dh_last, h, Wh, norm=lambda dh: np.linalg.norm(dh, axis=1)).T


@gradient_norms.misconception(
    "jacobian-from-the-left",
    "Your step is dh @ J. With rows for the old state, as in 3.1, it is J @ dh, for rows of examples dh @ J.T.",
)
def _(dh_last, h, Wh):
    dh, norms = dh_last, [np.linalg.norm(dh_last)]
    for t in range(h.shape[1] - 1, 0, -1):
        dh = (dh @ Wh) * (1 - h[:, t] ** 2)
        norms.append(np.linalg.norm(dh))
    return np.array(norms[::-1])


@gradient_norms.misconception(
    "scaled-back-to-1",
    "After each step you scale the gradient back to length 1, so every norm tells of its own step only. Carry it on as "
    "it is: what all steps together do to it is the question.",
)
def _(dh_last, h, Wh):
    dh, norms = dh_last, [np.linalg.norm(dh_last)]
    for t in range(h.shape[1] - 1, 0, -1):
        dh = (dh * (1 - h[:, t] ** 2)) @ Wh.T
        norms.append(np.linalg.norm(dh))
        dh = dh / norms[-1]
    return np.array(norms[::-1])


@gradient_norms.variant("from the front, into an array")
def _(dh_last, h, Wh):
    T = h.shape[1]
    norms, dh = np.empty(T), dh_last.copy()
    for t in reversed(range(T)):
        norms[t] = np.sqrt(np.sum(dh * dh))
        dh = np.einsum("nj,ij->ni", dh - dh * h[:, t] ** 2, Wh)
    return norms


@gradient_norms.variant("a gradient for every step, then one norm over two axes")
def _(dh_last, h, Wh):
    gradients = [dh_last]
    for state in h.transpose(1, 0, 2)[:0:-1]:
        gradients.insert(0, (gradients[0] * (1 - state) * (1 + state)).dot(Wh.T))
    return np.linalg.norm(np.stack(gradients), axis=(1, 2))


@gradient_norms.variant("with columns")
def _(dh_last, h, Wh):
    norms, column = [], dh_last.T
    for t in range(h.shape[1] - 1, -1, -1):
        norms = [np.hypot.reduce(column, axis=None), *norms]
        column = Wh @ ((1 - h[:, t].T ** 2) * column)
    return np.array(norms)


@gradient_norms.landmark("`norms[0] ≈ 0.695`")
def _(f):
    h = np.array([[[0.2, 0.2], [0.5, 0.5], [0.8, 0.8]]])
    return f(np.array([[0.0, 1.0]]), h, np.array([[1.0, 0.5], [0.0, 1.5]]))[0]
