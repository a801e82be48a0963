"""`step_jacobian`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def step_jacobian_reference(h, Wh):
    return Wh * (1 - h**2)


def _cases(rng):
    H = rng.integers(3, 7)
    return {"h": np.tanh(rng.normal(size=H)), "Wh": rng.normal(size=(H, H))}


step_jacobian = Exercise("step_jacobian", "03", step_jacobian_reference, ("J",), _cases)


@step_jacobian.oracle("central differences, step 1e-5", rtol=1e-8)
def _(h, Wh):
    # With h_prev = 0 and this sum from the input, the step gives h.
    total = np.arctanh(h)
    h_prev = np.zeros(len(h))
    columns = [
        numerical_gradient(lambda before, j=j: np.tanh(total + before @ Wh)[j], h_prev) for j in range(len(h))
    ]
    return np.stack(columns, axis=1)


@step_jacobian.oracle("torch.autograd.functional.jacobian", needs_torch=True)
def _(h, Wh):
    import torch

    total, matrix = torch.tensor(np.arctanh(h)), torch.tensor(Wh)
    jacobian = torch.autograd.functional.jacobian(
        lambda before: torch.tanh(total + before @ matrix), torch.zeros(len(h), dtype=torch.float64)
    )
    return jacobian.T.numpy()   # torch's rows are the outputs


@step_jacobian.misconception(
    "transposed",
    "Rows and columns are swapped: J[i, j] asks how h_t[j] answers to h_{t−1}[i], so the row is the old state, as "
    "in Wh[i, j]. (Texts with column vectors have it your way.)",
)
def _(h, Wh):
    return (Wh * (1 - h**2)).T


@step_jacobian.misconception(
    "no-slope", "You return Wh alone. On its way out every unit passes through tanh, whose slope there is 1 − h²."
)
def _(h, Wh):
    return Wh.copy()


@step_jacobian.misconception(
    "slope-on-the-rows",
    "The slopes sit on the wrong side: unit j of the *new* state has the slope 1 − h[j]², so it belongs to column j, "
    "not to row i. Wh * slope scales the columns, slope[:, None] * Wh or diag(slope) @ Wh the rows.",
)
def _(h, Wh):
    return Wh * (1 - h**2)[:, None]


@step_jacobian.misconception(
    "tanh-twice", "`h` has already been through tanh. Its slope there is 1 − h², not 1 − tanh(h)²."
)
def _(h, Wh):
    return Wh * (1 - np.tanh(h) ** 2)


@step_jacobian.misconception("not-squared", "Your slope is 1 − h. The derivative of tanh is 1 − tanh², so 1 − h².")
def _(h, Wh):
    return Wh * (1 - h)


@step_jacobian.misconception(
    "squared-outside", "Your slope is (1 − h)². The square belongs to h alone: 1 − h²."
)
def _(h, Wh):
    return Wh * (1 - h) ** 2


@step_jacobian.misconception("slope-of-the-sigmoid", "h (1 − h) is the slope of the sigmoid; tanh's is 1 − h².")
def _(h, Wh):
    return Wh * (h * (1 - h))


@step_jacobian.misconception("plus", "The sign is wrong: tanh's slope is 1 − h², never above 1. Yours is 1 + h².")
def _(h, Wh):
    return Wh * (1 + h**2)


@step_jacobian.misconception(
    "sign", "Every entry has the wrong sign: the slope of tanh is 1 − h², not h² − 1."
)
def _(h, Wh):
    return Wh * (h**2 - 1)


@step_jacobian.misconception(
    "one-slope-for-all",
    "`h @ h` adds the squares up to one number, and every unit gets the same slope. Each has its own: h ** 2.",
)
def _(h, Wh):
    return Wh * (1 - h @ h)


@step_jacobian.misconception(
    "Wh-transposed", "The slopes are on the right columns, but of Wh.T. With rows as examples it is Wh itself."
)
def _(h, Wh):
    return Wh.T * (1 - h**2)


@step_jacobian.misconception(
    "no-Wh", "You return the slopes alone, on a diagonal. They still have to be multiplied with Wh."
)
def _(h, Wh):
    return np.diag(1 - h**2)


@step_jacobian.misconception(
    "one-gradient",
    "You multiplied the slopes into a vector, Wh @ (1 − h²). Wanted is the whole matrix, an entry for every pair of "
    "units.",
)
def _(h, Wh):
    return Wh @ (1 - h**2)


@step_jacobian.misconception(
    "stepped-again",
    "You take a step from `h` first. But `h` is the state *after* the step: its slope is 1 − h², nothing has to be "
    "computed anew.",
)
def _(h, Wh):
    return Wh * (1 - np.tanh(h @ Wh) ** 2)


@step_jacobian.misconception(
    "own-weight-only",
    "Only the diagonal is filled. Every old unit acts on every new one, so J[i, j] = Wh[i, j] · (1 − h[j]²) for all pairs.",
)
def _(h, Wh):
    return np.diag(np.diag(Wh) * (1 - h**2))


@step_jacobian.variant("a diagonal matrix on the right")
def _(h, Wh):
    return Wh @ np.diag(1 - h**2)


@step_jacobian.variant("entry by entry")
def _(h, Wh):
    H = len(h)
    return np.array([[Wh[i, j] * (1 - h[j]) * (1 + h[j]) for j in range(H)] for i in range(H)])


@step_jacobian.variant("1 / cosh² of the sum")
def _(h, Wh):
    return np.einsum("ij,j->ij", Wh, np.cosh(np.arctanh(h)) ** -2.0)


@step_jacobian.landmark("`J[1, 0] ≈ 2.25`")
def _(f):
    return f(np.array([0.5, 0.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))[1, 0]
