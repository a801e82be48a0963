"""`must_vanish`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def must_vanish_reference(Wh, gamma):
    factor = gamma * np.linalg.norm(Wh, 2)
    return factor, factor < 1


def _cases(rng, *, H=(3, 7)):
    gamma = float(rng.choice([0.25, 0.5, 1.0, 1.7]))
    Wh = rng.normal(size=(H, H))
    if H > 2 and rng.random() < 0.5:   # small eigenvalues, large singular values
        Wh = np.triu(Wh, 1) * 2 + rng.uniform(0.3, 0.6) * np.eye(H)
    # Far enough from every border that a mistake may take for one: 1, γ, 1/γ.
    factor = rng.choice([0.2, 0.75, 0.9, 1.15, 1.4, 3.3])
    return {"Wh": Wh * (factor / gamma / np.linalg.norm(Wh, 2)), "gamma": gamma}


must_vanish = Exercise(
    "must_vanish", "03", must_vanish_reference, ("factor", "guaranteed"), _cases, rounds=16
)


@must_vanish.extreme("a factor of exactly 1", "At exactly 1 nothing is guaranteed: < 1, not ≤ 1.")
def _(rng):
    return {"Wh": np.diag([-1.0, 2.0, 0.5]), "gamma": 0.5}


@must_vanish.extreme("σ_max between γ and 1", "Compare γ · σ_max with 1, not σ_max with γ.")
def _(rng):
    return {"Wh": np.array([[0.0, 0.8], [0.3, 0.0]]), "gamma": 0.5}


@must_vanish.extreme("a factor of 0.999", "0.999 is below 1: compare the factor as it is, without rounding or a tolerance.")
def _(rng):
    return {"Wh": np.diag([0.999, -0.4]), "gamma": 1.0}


@must_vanish.extreme("zeros", "With a Wh of zeros the factor is 0, and the gradient is gone after one step.")
def _(rng):
    return {"Wh": np.zeros((3, 3)), "gamma": 1.0}


@must_vanish.oracle("the largest eigenvalue of W Wᵀ")
def _(Wh, gamma):
    factor = gamma * np.sqrt(np.linalg.eigvalsh(Wh @ Wh.T)[-1])
    return factor, factor < 1


@must_vanish.oracle("torch.linalg.matrix_norm", needs_torch=True)
def _(Wh, gamma):
    import torch

    factor = gamma * torch.linalg.matrix_norm(torch.tensor(Wh), 2).item()
    return factor, np.bool_(factor < 1)


must_vanish.mistake(
    "spectral-radius",
    "You took the largest eigenvalue (in absolute value). It decides what becomes of *many* steps of one linear map; "
    "what a single step can do to a length is the largest singular value.",
    ("np.linalg.norm(Wh, 2)", "np.abs(np.linalg.eigvals(Wh)).max()"),
)
must_vanish.mistake(
    "frobenius",
    "np.linalg.norm(Wh) without a 2 is the root of the sum of all squared entries. The largest singular value is "
    "np.linalg.norm(Wh, 2).",
    ("np.linalg.norm(Wh, 2)", "np.linalg.norm(Wh)"),
)
must_vanish.mistake(
    "largest-entry",
    "The largest entry says little about a matrix: many small ones add up. Take σ_max.",
    ("np.linalg.norm(Wh, 2)", "np.abs(Wh).max()"),
)
must_vanish.mistake(
    "smallest-singular-value",
    "That is the smallest singular value: np.linalg.svd sorts them from large to small, eigh and eigvalsh from small to large. Wanted "
    "is the largest.",
    ("np.linalg.norm(Wh, 2)", "np.linalg.svd(Wh, compute_uv=False)[-1]"),
)
must_vanish.mistake(
    "gamma-forgotten",
    "The activation's slope is missing: a step multiplies by at most γ · σ_max, not by σ_max.",
    ("gamma * ", ""),
)
must_vanish.mistake(
    "factor-without-gamma",
    "Your verdict is right; the factor that you return lacks γ: it is γ · σ_max.",
    ("factor = gamma * np.linalg.norm(Wh, 2)", "factor = np.linalg.norm(Wh, 2)"),
    ("factor < 1", "gamma * factor < 1"),
)
must_vanish.mistake(
    "gamma-divides",
    "You divide by γ. Slope and matrix multiply one after the other: γ · σ_max.",
    ("gamma * np.linalg.norm(Wh, 2)", "np.linalg.norm(Wh, 2) / gamma"),
)
must_vanish.mistake(
    "squared",
    "That is σ_max squared, an eigenvalue of W Wᵀ. The singular value is its root.",
    ("np.linalg.norm(Wh, 2)", "np.linalg.norm(Wh, 2) ** 2"),
)
must_vanish.mistake(
    "sum-of-a-row",
    "That is the largest sum of absolute values in a row, the norm for another way of measuring vectors. For lengths "
    "it is the largest singular value: np.linalg.norm(Wh, 2).",
    ("np.linalg.norm(Wh, 2)", "np.linalg.norm(Wh, np.inf)"),
)
must_vanish.mistake(
    "sum-of-a-column",
    "np.linalg.norm(Wh, 1) is the largest sum of absolute values in a column. The largest singular value is "
    "np.linalg.norm(Wh, 2).",
    ("np.linalg.norm(Wh, 2)", "np.linalg.norm(Wh, 1)"),
)
must_vanish.mistake(
    "determinant",
    "The determinant tells what happens to volumes. A direction may grow while the volume shrinks; take σ_max.",
    ("np.linalg.norm(Wh, 2)", "np.abs(np.linalg.det(Wh))"),
)
must_vanish.mistake(
    "the-other-way-round",
    "The factor is right, the verdict reversed: vanishing is guaranteed when the factor is *below* 1.",
    ("factor < 1", "factor > 1"),
)
must_vanish.mistake(
    "border-included",
    "The factor is right. But at exactly 1 nothing is guaranteed: a length may stay as it is for ever. < 1, not ≤ 1.",
    ("factor < 1", "factor <= 1"),
)
must_vanish.mistake(
    "verdict-without-gamma",
    "The factor is right, but your verdict compares σ_max alone with 1. The border for σ_max is 1/γ: compare the factor.",
    ("factor < 1", "np.linalg.norm(Wh, 2) < 1"),
)
must_vanish.mistake(
    "verdict-by-eigenvalues",
    "The factor is right, but your verdict looks at the eigenvalues of Wh. They promise nothing here: tanh's slopes "
    "scale the columns of Wh, and that changes its eigenvalues.",
    ("factor < 1", "gamma * np.abs(np.linalg.eigvals(Wh)).max() < 1"),
)
must_vanish.mistake(
    "factor-against-gamma",
    "The factor is right, but your verdict compares σ_max with γ. The border for σ_max is 1/γ, or: the factor below 1.",
    ("factor < 1", "np.linalg.norm(Wh, 2) < gamma"),
)
must_vanish.mistake(
    "gamma-twice-in-the-verdict",
    "The factor is right, but your verdict compares it with 1/γ. That is the border for σ_max alone; the factor has γ "
    "in it already, so compare it with 1.",
    ("factor < 1", "factor < 1 / gamma"),
)
must_vanish.mistake(
    "symmetric",
    "eigvalsh takes its matrix for symmetric and looks at one half of it. Wh is not: take np.linalg.norm(Wh, 2).",
    ("np.linalg.norm(Wh, 2)", "np.abs(np.linalg.eigvalsh(Wh)).max()"),
)


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


must_vanish.landmark("""
    Wh = np.array([[0.5, 3.0], [0.0, 0.5]])
    factor, guaranteed = must_vanish(Wh, 1.0)
    factor       # ≈ 3.081
    guaranteed   # False
""")
