"""`gradient_norms`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def gradient_norms_reference(dh_last, h, Wh):
    T = h.shape[1]
    norms, dh = np.zeros(T), dh_last
    for t in reversed(range(T)):
        norms[t] = np.linalg.norm(dh)
        dh = (dh * (1 - h[:, t] ** 2)) @ Wh.T
    return norms


def _cases(rng, *, N=(2, 3), T=(4, 6), H=(7, 9)):
    return {
        "dh_last": rng.normal(size=(N, H)),
        "h": np.tanh(rng.normal(size=(N, T, H), scale=0.7)),
        "Wh": 1.5 * rng.normal(size=(H, H)) / np.sqrt(H),
    }


gradient_norms = Exercise("gradient_norms", "03", gradient_norms_reference, ("norms",), _cases)


@gradient_norms.extreme(
    "a gradient that vanishes over 30 steps",
    "Right as long as the gradient is not tiny. Carry it on however small it gets: how small is what we want to know.",
)
def _(rng):
    case = _cases(rng, N=2, T=30, H=3)
    case["Wh"] = 0.3 * np.array([[1.0, 0.4, 0.0], [-0.3, 1.0, 0.2], [0.0, 0.5, 1.0]])
    return case


@gradient_norms.extreme("a gradient that explodes", "Right as long as the gradient is short. Nothing is clipped here.")
def _(rng):
    case = _cases(rng, N=2, T=6, H=4)
    return {"dh_last": 50 * case["dh_last"], "h": 0.1 * case["h"], "Wh": 20 * case["Wh"]}


def _from_the_input(h, Wh):
    """What inputs and bias must have added before tanh, for each step but the first."""
    return np.arctanh(h[:, 1:]) - h[:, :-1] @ Wh


@gradient_norms.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dh_last, h, Wh):
    if np.abs(Wh).max() > 8:
        return NotImplemented   # a step of 1e-5 is too large there
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


gradient_norms.mistake(
    "slope-of-the-step-before",
    "The slope is taken one step too early: from ∂L/∂h_t to ∂L/∂h_{t−1} the gradient goes back through the tanh that "
    "made h_t, so its slope is 1 − h[:, t]², not 1 − h[:, t − 1]².",
    ("h[:, t] ** 2", "h[:, t - 1] ** 2"),
)
gradient_norms.mistake(
    "no-slope",
    "Your gradient goes back through Wh only. Before it comes tanh: multiply by 1 − h[:, t]².",
    ("(dh * (1 - h[:, t] ** 2))", "dh"),
)
gradient_norms.mistake(
    "not-transposed",
    "Forwards it is h @ Wh, so backwards it is @ Wh.T. Wh is square, so both fit.",
    ("Wh.T", "Wh"),
)
gradient_norms.mistake(
    "time-reversed",
    "The norms are right, in the wrong order: you collected them from the end. norms[t] belongs to h[:, t], so the "
    "norm of dh_last comes last.",
    ("return norms", "return norms[::-1]"),
)
gradient_norms.mistake(
    "time-runs-forwards",
    "Your loop runs from t = 0 to the end. The gradient starts at the end: t from T − 1 down to 0.",
    ("reversed(range(T))", "range(T)"),
)
gradient_norms.mistake(
    "last-one-missing",
    "norms[T − 1] is still 0: that is the norm of dh_last itself, before the first step back.",
    ("norms[t] = np.linalg.norm(dh)", "norms[t] = np.linalg.norm(dh) * (t < T - 1)"),
)
gradient_norms.mistake(
    "one-step-too-far",
    "Every norm is taken one step too late: norms[T − 1] is that of dh_last itself, before it goes through anything. "
    "Take the norm first, then step back.",
    ("        norms[t] = np.linalg.norm(dh)\n        dh = (dh * (1 - h[:, t] ** 2)) @ Wh.T\n", "        dh = (dh * (1 - h[:, t] ** 2)) @ Wh.T\n        norms[t] = np.linalg.norm(dh)\n"),
)
gradient_norms.mistake(
    "squared",
    "These are the squared norms. The root is missing: np.sqrt((dh ** 2).sum()).",
    ("np.linalg.norm(dh)", "(dh**2).sum()"),
)
gradient_norms.mistake(
    "first-example-only",
    "You measure the first example only. The norm is over all N rows of the gradient together.",
    ("np.linalg.norm(dh)", "np.linalg.norm(dh[0])"),
)
gradient_norms.mistake(
    "mean-of-the-examples",
    "You average the norms of the N examples. Wanted is one norm of the whole (N, H) array: the root of the sum of "
    "all squares.",
    ("np.linalg.norm(dh)", "np.linalg.norm(dh, axis=1).mean()"),
)
for _many in ("sum", "max"):
    gradient_norms.mistake(
        f"{_many}-of-the-examples",
        f"You take the {_many} of the norms of the N examples. Wanted is one norm of the whole (N, H) array: the root of the sum of all "
        "squares.",
        ("np.linalg.norm(dh)", f"np.linalg.norm(dh, axis=1).{_many}()"),
    )
gradient_norms.mistake(
    "before-tanh",
    "You measure da, the gradient before tanh (after multiplying by the slope). Wanted is that in the state: the norm "
    "of dh, before the slope.",
    ("np.linalg.norm(dh)", "np.linalg.norm(dh * (1 - h[:, t] ** 2))"),
)
gradient_norms.mistake(
    "a-loss-at-every-step",
    "You add dh_last again at every step, as if each had a loss of its own. Only the last one has: nothing is added "
    "on the way back.",
    ("dh = (dh *", "dh = dh_last + (dh *"),
)
gradient_norms.mistake(
    "slope-after-Wh",
    "The order is reversed: forwards Wh comes first and tanh second, so backwards first the slope, then @ Wh.T.",
    ("(dh * (1 - h[:, t] ** 2)) @ Wh.T", "(dh @ Wh.T) * (1 - h[:, t] ** 2)"),
)
gradient_norms.mistake(
    "tanh-twice",
    "`h` has already been through tanh: its slope is 1 − h[:, t]², not 1 − tanh(h[:, t])².",
    ("h[:, t] ** 2", "np.tanh(h[:, t]) ** 2"),
)
gradient_norms.mistake(
    "slope-not-squared",
    "Your slope is 1 − h. The derivative of tanh is 1 − h².",
    ("h[:, t] ** 2", "h[:, t]"),
)
gradient_norms.mistake(
    "slope-of-the-last-state",
    "You use the last state's slope at every step. Each step has its own: 1 − h[:, t]².",
    ("h[:, t] ** 2", "h[:, -1] ** 2"),
)
gradient_norms.mistake(
    "matrix-norm",
    "np.linalg.norm(dh, 2) of a matrix is its largest singular value. Wanted is the root of the sum of all squares: "
    "np.linalg.norm(dh), without the 2.",
    ("np.linalg.norm(dh)", "np.linalg.norm(dh, 2)"),
)
gradient_norms.mistake(
    "sum-of-sizes",
    "You add up the absolute values. The norm is the root of the sum of the squares.",
    ("np.linalg.norm(dh)", "np.abs(dh).sum()"),
)
gradient_norms.mistake(
    "root-mean-square",
    "Under the root you take the mean of the squares; the norm has their sum.",
    ("np.linalg.norm(dh)", "np.sqrt((dh**2).mean())"),
)
gradient_norms.mistake(
    "relative",
    "You divided by the norm at the last step. Wanted are the norms themselves; the chapter divides later.",
    ("return norms", "return norms / norms[-1]"),
)
gradient_norms.mistake(
    "written-over",
    "The norms are right, but `*=` or `[...] =` wrote over the caller's `dh_last`. Make a new array: dh = dh * slope.",
    ("    return norms", "    dh_last *= 1 - h[:, -1] ** 2\n    return norms"),
)
gradient_norms.mistake(
    "first-one-missing",
    "norms[0] is still 0: the loop stops at t = 1. The first state has a gradient too: t from T − 1 down to 0.",
    ("reversed(range(T))", "reversed(range(1, T))"),
)
gradient_norms.mistake(
    "not-carried-on",
    "Every step starts from dh_last again. What came out of one step back goes into the next: dh = (dh * slope) @ Wh.T.",
    ("(dh * (1 -", "(dh_last * (1 -"),
)
gradient_norms.mistake(
    "one-norm-for-each-example",
    "You return a norm for each example, (N, T). Wanted is one norm of the whole (N, H) array at each step: (T,).",
    ("np.zeros(T)", "np.zeros((T, len(h)))"),
    ("np.linalg.norm(dh)", "np.linalg.norm(dh, axis=1)"),
    ("return norms", "return norms.T"),
)
gradient_norms.mistake(
    "jacobian-from-the-left",
    "Your step is dh @ J. With rows for the old state, as in 3.1, it is J @ dh, for rows of examples dh @ J.T.",
    ("(dh * (1 - h[:, t] ** 2)) @ Wh.T", "(dh @ Wh) * (1 - h[:, t] ** 2)"),
)
gradient_norms.mistake(
    "scaled-back-to-1",
    "Each step back starts from a gradient of length 1, so every norm tells of its own step only. Carry it on as it is: "
    "what all steps together do to it is the question.",
    ("(dh * (1 -", "(dh / np.linalg.norm(dh) * (1 -"),
)
gradient_norms.mistake(
    "mean-gradient",
    "You average the gradients over the N examples before you take the norm, and opposite ones cancel. Wanted is one norm "
    "of the whole (N, H) array: `np.linalg.norm(dh)`.",
    ("np.linalg.norm(dh)", "np.linalg.norm(dh.mean(axis=0))"),
)
gradient_norms.mistake(
    "slopes-of-the-first-example",
    "Every example goes back through the slopes of the first one. Each has states of its own: `h[:, t]` is (N, H).",
    ("h[:, t]", "h[0, t]"),
)
gradient_norms.mistake(
    "over-the-batch",
    "Your loop runs over the first axis of `h`, the N examples. Time is the second: `h.shape[1]`, and `h[:, t]`.",
    ("h.shape[1]", "h.shape[0]"),
)
gradient_norms.mistake(
    "stops-when-it-is-short",
    "You stop once the gradient is short, and leave zeros. How short it gets is the question: carry on to t = 0.",
    ("        dh = (dh", "        if norms[t] < 1e-6:\n            break\n        dh = (dh"),
)


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


gradient_norms.landmark("""
    h = np.array([[[0.2, 0.2], [0.5, 0.5], [0.8, 0.8]]])   # N = 1, T = 3, H = 2
    Wh = np.array([[1.0, 0.5], [0.0, 1.5]])
    gradient_norms(np.array([[0.0, 1.0]]), h, Wh)[0]   # ≈ 0.695
""")
