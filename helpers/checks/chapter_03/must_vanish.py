"""`must_vanish`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def must_vanish_reference(Wh, gamma):
    factor = gamma * np.linalg.norm(Wh, 2)
    return factor, factor < 1


def _cases(rng):
    H = rng.integers(3, 8)
    gamma = float(rng.choice([0.25, 1.0]))
    Wh = rng.normal(size=(H, H))
    Wh /= np.linalg.norm(Wh, 2)
    kind = rng.integers(4)
    if kind == 0:   # exactly on the border
        Wh = np.eye(H) / gamma
    elif kind == 1:   # small eigenvalues, large singular value
        Wh = (np.triu(rng.normal(size=(H, H)), 1) * 2 + rng.uniform(0.3, 0.6) * np.eye(H)) / gamma
    elif kind == 2:   # guaranteed
        Wh *= rng.uniform(0.1, 0.9) / gamma
    else:   # not guaranteed
        Wh *= rng.uniform(1.1, 3) / gamma
    return {"Wh": Wh, "gamma": gamma}


must_vanish = Exercise(
    "must_vanish", "03", must_vanish_reference, ("factor", "guaranteed"), _cases, rounds=16
)


@must_vanish.oracle("the largest eigenvalue of W Wᵀ")
def _(Wh, gamma):
    factor = gamma * np.sqrt(np.linalg.eigvalsh(Wh @ Wh.T)[-1])
    return factor, factor < 1


@must_vanish.oracle("torch.linalg.matrix_norm", needs_torch=True)
def _(Wh, gamma):
    import torch

    factor = gamma * torch.linalg.matrix_norm(torch.tensor(Wh), 2).item()
    return factor, np.bool_(factor < 1)


def _judged(factor):
    return factor, factor < 1


@must_vanish.misconception(
    "spectral-radius",
    "You took the largest eigenvalue (in absolute value). It decides what becomes of *many* steps of one linear map; "
    "what a single step can do to a length is the largest singular value.",
)
def _(Wh, gamma):
    return _judged(gamma * np.abs(np.linalg.eigvals(Wh)).max())


@must_vanish.misconception(
    "frobenius",
    "np.linalg.norm(Wh) without a 2 is the root of the sum of all squared entries. The largest singular value is "
    "np.linalg.norm(Wh, 2).",
)
def _(Wh, gamma):
    return _judged(gamma * np.linalg.norm(Wh))


@must_vanish.misconception(
    "largest-entry", "The largest entry says little about a matrix: many small ones add up. Take σ_max."
)
def _(Wh, gamma):
    return _judged(gamma * np.abs(Wh).max())


@must_vanish.misconception(
    "smallest-singular-value",
    "That is the smallest singular value: np.linalg.svd sorts them from large to small. Wanted is the first.",
)
def _(Wh, gamma):
    return _judged(gamma * np.linalg.svd(Wh, compute_uv=False)[-1])


@must_vanish.misconception(
    "gamma-forgotten", "The activation's slope is missing: a step multiplies by at most γ · σ_max, not by σ_max."
)
def _(Wh, gamma):
    return _judged(np.linalg.norm(Wh, 2))


@must_vanish.misconception(
    "gamma-divides", "You divide by γ. Slope and matrix multiply one after the other: γ · σ_max."
)
def _(Wh, gamma):
    return _judged(np.linalg.norm(Wh, 2) / gamma)


@must_vanish.misconception(
    "squared",
    "That is σ_max squared, an eigenvalue of W Wᵀ. The singular value is its root.",
)
def _(Wh, gamma):
    return _judged(gamma * np.linalg.norm(Wh, 2) ** 2)


@must_vanish.misconception(
    "sum-of-a-row",
    "That is the largest sum of absolute values in a row, the norm for another way of measuring vectors. For lengths "
    "it is the largest singular value: np.linalg.norm(Wh, 2).",
)
def _(Wh, gamma):
    return _judged(gamma * np.linalg.norm(Wh, np.inf))


@must_vanish.misconception(
    "sum-of-a-column",
    "np.linalg.norm(Wh, 1) is the largest sum of absolute values in a column. The largest singular value is "
    "np.linalg.norm(Wh, 2).",
)
def _(Wh, gamma):
    return _judged(gamma * np.linalg.norm(Wh, 1))


@must_vanish.misconception(
    "determinant",
    "The determinant tells what happens to volumes. A direction may grow while the volume shrinks; take σ_max.",
)
def _(Wh, gamma):
    return _judged(gamma * np.abs(np.linalg.det(Wh)))


@must_vanish.misconception(
    "the-other-way-round",
    "The factor is right, the verdict reversed: vanishing is guaranteed when the factor is *below* 1.",
)
def _(Wh, gamma):
    factor = gamma * np.linalg.norm(Wh, 2)
    return factor, factor > 1


@must_vanish.misconception(
    "border-included",
    "The factor is right. But at exactly 1 nothing is guaranteed: a length may stay as it is for ever. < 1, not ≤ 1.",
)
def _(Wh, gamma):
    factor = gamma * np.linalg.norm(Wh, 2)
    return factor, factor <= 1


@must_vanish.misconception(
    "verdict-without-gamma",
    "The factor is right, but your verdict compares σ_max alone with 1. The border for σ_max is 1/γ: compare the factor.",
)
def _(Wh, gamma):
    sigma = np.linalg.norm(Wh, 2)
    return gamma * sigma, sigma < 1


@must_vanish.misconception(
    "verdict-by-eigenvalues",
    "The factor is right, but your verdict looks at the eigenvalues of Wh. They promise nothing here: tanh's slopes "
    "scale the columns of Wh, and that changes its eigenvalues.",
)
def _(Wh, gamma):
    return gamma * np.linalg.norm(Wh, 2), gamma * np.abs(np.linalg.eigvals(Wh)).max() < 1


@must_vanish.misconception(
    "factor-against-gamma",
    "The factor is right, but your verdict compares σ_max with γ. The border for σ_max is 1/γ, or: the factor below 1.",
)
def _(Wh, gamma):
    sigma = np.linalg.norm(Wh, 2)
    return gamma * sigma, sigma < gamma


@must_vanish.misconception(
    "gamma-twice-in-the-verdict",
    "The factor is right, but your verdict compares it with 1/γ. That is the border for σ_max alone; the factor has γ "
    "in it already, so compare it with 1.",
)
def _(Wh, gamma):
    factor = gamma * np.linalg.norm(Wh, 2)
    return factor, factor < 1 / gamma


@must_vanish.variant("the first singular value, a plain bool")
def _(Wh, gamma):
    sigma = np.linalg.svd(Wh)[1][0]
    return gamma * sigma, bool(sigma < 1 / gamma)


@must_vanish.variant("W scaled first")
def _(Wh, gamma):
    factor = float(np.linalg.svd(gamma * Wh, compute_uv=False).max())
    return factor, not factor >= 1


@must_vanish.variant("the largest eigenvalue of Wᵀ W")
def _(Wh, gamma):
    factor = gamma * np.sqrt(np.linalg.eigvalsh(Wh.T @ Wh).max())
    return factor, np.all(factor < 1)


@must_vanish.landmark("`factor ≈ 3.081`")
def _(f):
    return f(np.array([[0.5, 3.0], [0.0, 0.5]]), 1.0)[0]
