"""`step_jacobian`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient


def step_jacobian_reference(h, Wh):
    return Wh * (1 - h**2)


def _cases(rng, *, H=(3, 6)):
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

    total, matrix = torch.tensor(np.arctanh(h)), torch.tensor(Wh, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(
        lambda before: torch.tanh(total + before @ matrix), torch.zeros(len(h), dtype=torch.float64)
    )
    return jacobian.T.numpy()   # torch's rows are the outputs


@step_jacobian.extreme(
    "states near ±1 and at 0",
    "With states close to ±1 the slope is close to 0, and at 0 it is 1: compute it as 1 − h², for every unit.",
)
def _(rng):
    return {"h": np.array([0.9999, 0.0, -0.99, 0.5]), "Wh": 3 * rng.normal(size=(4, 4))}


@step_jacobian.extreme(
    "Wh of whole numbers",
    "With a Wh of whole numbers an array made from it (`zeros_like`, `copy`) takes whole numbers only: make J one of floats.",
)
def _(rng):
    return {"h": np.array([0.5, -0.2, 0.1]), "Wh": np.array([[1, 2, -1], [0, 3, 4], [5, 1, 2]])}


step_jacobian.mistake(
    "transposed",
    "Rows and columns are swapped: J[i, j] asks how h_t[j] answers to h_{t−1}[i], so the row is the old state, as "
    "in Wh[i, j]. (Texts with column vectors have it your way.)",
    ("Wh * (1 - h**2)", "(Wh * (1 - h**2)).T"),
)
step_jacobian.mistake(
    "no-slope",
    "You return Wh alone. On its way out every unit passes through tanh, whose slope there is 1 − h².",
    (" * (1 - h**2)", ".copy()"),
)
step_jacobian.mistake(
    "slope-on-the-rows",
    "The slopes sit on the wrong side: unit j of the *new* state has the slope 1 − h[j]², so it belongs to column j, "
    "not to row i. A vector times a matrix scales the columns; a column, or a diagonal matrix on the left, the rows.",
    ("(1 - h**2)", "(1 - h**2)[:, None]"),
)
step_jacobian.mistake(
    "tanh-twice",
    "`h` has already been through tanh. Its slope there is 1 − h², not 1 − tanh(h)².",
    ("h**2", "np.tanh(h) ** 2"),
)
step_jacobian.mistake(
    "not-squared", "Your slope is 1 − h. The derivative of tanh is 1 − tanh², so 1 − h².", ("h**2", "h")
)
step_jacobian.mistake(
    "squared-outside", "Your slope is (1 − h)². The square belongs to h alone: 1 − h².", ("(1 - h**2)", "(1 - h) ** 2")
)
step_jacobian.mistake(
    "slope-of-the-sigmoid",
    "h (1 − h) is the slope of the sigmoid; tanh's is 1 − h².",
    ("(1 - h**2)", "(h * (1 - h))"),
)
step_jacobian.mistake(
    "plus", "The sign is wrong: tanh's slope is 1 − h², never above 1. Yours is 1 + h².", ("1 - h**2", "1 + h**2")
)
step_jacobian.mistake(
    "sign", "Every entry has the wrong sign: the slope of tanh is 1 − h², not h² − 1.", ("1 - h**2", "h**2 - 1")
)
step_jacobian.mistake(
    "one-slope-for-all",
    "`h @ h` adds the squares up to one number, and every unit gets the same slope. Each has its own: h ** 2.",
    ("h**2", "h @ h"),
)
step_jacobian.mistake(
    "pairs-of-units",
    "You take h[i] · h[j] for the square. The slope is that of the new unit alone: 1 − h[j]².",
    ("h**2", "np.outer(h, h)"),
)
step_jacobian.mistake(
    "brackets",
    "Without brackets `Wh * 1 - h**2` takes the squares from Wh. Slope first: Wh * (1 − h²).",
    ("(1 - h**2)", "1 - h**2"),
)
step_jacobian.mistake(
    "Wh-transposed",
    "The slopes are on the right columns, but of Wh.T. With rows as examples it is Wh itself.",
    ("Wh *", "Wh.T *"),
)
step_jacobian.mistake(
    "no-Wh",
    "You return the slopes alone, on a diagonal. They still have to be multiplied with Wh.",
    ("Wh * (1 - h**2)", "np.diag(1 - h**2)"),
)
step_jacobian.mistake(
    "one-gradient",
    "You multiplied the slopes into a vector, Wh @ (1 − h²). Wanted is the whole matrix, an entry for every pair of "
    "units.",
    ("Wh *", "Wh @"),
)
step_jacobian.mistake(
    "one-gradient-from-the-left",
    "`(1 - h**2) @ Wh` adds up over the old units: a vector. `*` multiplies each column by its slope, and leaves a matrix.",
    ("Wh * (1 - h**2)", "(1 - h**2) @ Wh"),
)
step_jacobian.mistake(
    "stepped-again",
    "You take a step from `h` first. But `h` is the state *after* the step: its slope is 1 − h², nothing has to be "
    "computed anew.",
    ("h**2", "np.tanh(h @ Wh) ** 2"),
)
step_jacobian.mistake(
    "own-weight-only",
    "Only the diagonal is filled. Every old unit acts on every new one, so J[i, j] = Wh[i, j] · (1 − h[j]²) for all pairs.",
    ("Wh * (1 - h**2)", "np.diag(np.diag(Wh) * (1 - h**2))"),
)
step_jacobian.mistake(
    "first-row-only",
    "Only the first row is filled, the rest is 0: does `return` stand inside the loop? It belongs below it, to the left.",
    ("Wh * (1 - h**2)", "Wh * (1 - h**2) * (np.arange(len(h)) == 0)[:, None]"),
)
step_jacobian.mistake(
    "two-units",
    "J has two rows and columns whatever H is. The example has two units; take the size from the arguments, len(h).",
    ("Wh * (1 - h**2)", "(Wh * (1 - h**2))[:2, :2]"),
)


@step_jacobian.variant("a diagonal matrix on the right")
def _(h, Wh):
    return Wh @ np.diag(1 - h**2)


@step_jacobian.variant("entry by entry")
def _(h, Wh):
    return np.array([[Wh[i, j] * (1 - h[j]) * (1 + h[j]) for j in range(len(h))] for i in range(len(h))])


@step_jacobian.variant("1 / cosh² of the sum")
def _(h, Wh):
    return np.einsum("ij,j->ij", Wh, np.cosh(np.arctanh(h)) ** -2.0)


step_jacobian.landmark("""
    Wh = np.array([[1.0, 2.0], [3.0, 4.0]])
    step_jacobian(np.array([0.5, 0.0]), Wh)[1, 0]   # ≈ 2.25
""")
