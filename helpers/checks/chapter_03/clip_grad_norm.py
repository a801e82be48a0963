"""`clip_grad_norm`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers import optim
from helpers.checks.registry import Exercise


def clip_grad_norm_reference(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


def parameter_gradients(rng):
    D, H, V = rng.integers(2, 4), rng.integers(4, 6), rng.integers(6, 9)
    shapes = {"Wx": (D, H), "Wh": (H, H), "b": (H,), "Wy": (H, V)}
    return {name: rng.normal(size=shape) * rng.uniform(0.3, 3) for name, shape in shapes.items()}


def _norm(grads):
    return float(np.sqrt(sum((g**2).sum() for g in grads.values())))


def _scaled(grads, scale):
    return {name: g * scale for name, g in grads.items()}


def _cases(rng):
    grads = parameter_gradients(rng)
    too_long = rng.random() < 0.6
    share = rng.uniform(0.1, 0.8) if too_long else rng.uniform(1.2, 3)
    return {"grads": grads, "max_norm": share * _norm(grads)}


clip_grad_norm = Exercise(
    "clip_grad_norm", "03", clip_grad_norm_reference, ("clipped", "norm"), _cases, rounds=8, float32_rtol=1e-4
)


@clip_grad_norm.oracle("helpers.optim.clip_grad_norm")
def _(grads, max_norm):
    norm = optim.clip_grad_norm(grads, max_norm)   # in place; `grads` is a copy
    return grads, norm


@clip_grad_norm.oracle("one long vector")
def _(grads, max_norm):
    flat = np.concatenate([g.ravel() for g in grads.values()])
    norm = float(np.linalg.norm(flat))
    flat = flat * min(1.0, max_norm / (norm + 1e-6))
    parts = np.split(flat, np.cumsum([g.size for g in grads.values()])[:-1])
    shaped = zip(grads.items(), parts, strict=True)
    return {name: part.reshape(g.shape) for (name, g), part in shaped}, norm


@clip_grad_norm.oracle("torch.nn.utils.clip_grad_norm_", needs_torch=True)
def _(grads, max_norm):
    import torch

    parameters = {name: torch.zeros(g.shape, dtype=torch.float64) for name, g in grads.items()}
    for name, parameter in parameters.items():
        parameter.grad = torch.tensor(grads[name])
    norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), max_norm)
    return {name: parameter.grad.numpy() for name, parameter in parameters.items()}, norm.item()


@clip_grad_norm.misconception(
    "a-norm-for-each-parameter",
    "Every parameter is clipped by its own norm. That changes the direction of the step; clip_grad_norm takes one norm "
    "over all of them and one factor.",
)
def _(grads, max_norm):
    clipped = {name: g * min(1.0, max_norm / (np.linalg.norm(g) + 1e-6)) for name, g in grads.items()}
    return clipped, _norm(grads)


@clip_grad_norm.misconception(
    "by-value",
    "You cut off every entry at ± max_norm. That is clipping by value; here all entries are multiplied by one factor.",
)
def _(grads, max_norm):
    return {name: np.clip(g, -max_norm, max_norm) for name, g in grads.items()}, _norm(grads)


@clip_grad_norm.misconception(
    "short-ones-lengthened",
    "You scale every gradient to the threshold, short ones as well. Clipping only ever shortens: the factor is at most "
    "1.",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, max_norm / (norm + 1e-6)), norm


@clip_grad_norm.misconception(
    "short-ones-lengthened-without-1e-6",
    "You scale every gradient to the threshold, short ones as well. Clipping only ever shortens: the factor is "
    "min(1, max_norm / (norm + 1e-6)).",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, max_norm / norm), norm


@clip_grad_norm.misconception(
    "max-for-min",
    "Your factor is the larger of 1 and max_norm / (norm + 1e-6), so it only ever lengthens. Take the smaller: min.",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, max(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "no-root", "Your norm is the sum of the squares. The root is missing: np.sqrt(…)."
)
def _(grads, max_norm):
    norm = _norm(grads) ** 2
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "sum-of-norms",
    "You add up the norms of the parameters. One norm over all of them: add up the *squares*, then one root.",
)
def _(grads, max_norm):
    norm = float(sum(np.linalg.norm(g) for g in grads.values()))
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "upside-down", "The factor is upside down: norm / max_norm makes a long gradient longer still."
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, norm / max_norm if norm > max_norm else 1.0), norm


@clip_grad_norm.misconception(
    "without-1e-6",
    "Right but for torch's 1e-6 in the denominator: max_norm / (norm + 1e-6). It keeps a norm of 0 from being divided by.",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, min(1.0, max_norm / norm)), norm


@clip_grad_norm.misconception(
    "1e-6-outside", "The 1e-6 is added to the quotient. It belongs to the norm: max_norm / (norm + 1e-6)."
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, min(1.0, max_norm / norm + 1e-6)), norm


@clip_grad_norm.misconception(
    "root-mean-square",
    "You take the root of the *mean* square. The norm has the sum: it grows with the number of parameters.",
)
def _(grads, max_norm):
    norm = _norm(grads) / np.sqrt(sum(g.size for g in grads.values()))
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "norm-after", "The gradients are right, but you return the norm *after* clipping. Wanted is the one before."
)
def _(grads, max_norm):
    clipped = _scaled(grads, min(1.0, max_norm / (_norm(grads) + 1e-6)))
    return clipped, _norm(clipped)


@clip_grad_norm.misconception(
    "largest-entry", "Your norm is the largest entry. Wanted is the root of the sum of all squares."
)
def _(grads, max_norm):
    norm = max(float(np.abs(g).max()) for g in grads.values())
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "last-parameter-only",
    "Your norm is that of the last parameter alone: in the loop the sum is overwritten instead of added to.",
)
def _(grads, max_norm):
    norm = float(np.linalg.norm(list(grads.values())[-1]))
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "threshold-forgotten",
    "You scale a long gradient to length 1. It should get the length max_norm: the factor is max_norm / (norm + 1e-6).",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, 1 / (norm + 1e-6) if norm > max_norm else 1.0), norm


@clip_grad_norm.misconception(
    "thrown-away",
    "A gradient that is too long becomes zero, so the step is left out. Clipping keeps its direction and shortens it.",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, float(norm <= max_norm)), norm


@clip_grad_norm.misconception(
    "matrix-norm",
    "np.linalg.norm(g, 2) of a matrix is its largest singular value. Drop the 2: root of the sum of all squares.",
)
def _(grads, max_norm):
    norm = float(np.sqrt(sum(np.linalg.norm(g, 2) ** 2 for g in grads.values())))
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "absolute-values", "You add up absolute values. The norm is the root of the sum of *squares*."
)
def _(grads, max_norm):
    norm = float(sum(np.abs(g).sum() for g in grads.values()))
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "in-place",
    "The values are right, but `g *= scale` wrote them over the caller's gradients. Here a new dict is wanted: "
    "{name: g * scale …}. (torch and `helpers` do it in place, and say so.)",
)
def _(grads, max_norm):
    norm = _norm(grads)
    for g in grads.values():
        g *= min(1.0, max_norm / (norm + 1e-6))
    return grads, norm


@clip_grad_norm.misconception(
    "mean-square-of-each-parameter",
    "You add up the *mean* squares of the parameters. The norm has their sums: (g ** 2).sum(), so that every entry "
    "counts the same.",
)
def _(grads, max_norm):
    norm = float(np.sqrt(sum((g**2).mean() for g in grads.values())))
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "largest-norm",
    "Your norm is that of the longest parameter. Wanted is one over all of them: add up the squares of all, then one root.",
)
def _(grads, max_norm):
    norm = max(float(np.linalg.norm(g)) for g in grads.values())
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm


@clip_grad_norm.misconception(
    "1e-6-in-the-norm",
    "The gradients are right, but the norm you return has the 1e-6 in it. It belongs to the denominator alone.",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, min(1.0, max_norm / (norm + 1e-6))), norm + 1e-6


@clip_grad_norm.misconception(
    "upside-down-in-min",
    "The factor is upside down: min(1, norm / max_norm) shortens the short gradients and lets the long ones pass.",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, min(1.0, (norm + 1e-6) / max_norm)), norm


@clip_grad_norm.misconception(
    "upside-down-in-min-without-1e-6",
    "The factor is upside down: min(1, norm / max_norm) shortens the short gradients "
    "and lets the long ones pass. Right is max_norm / (norm + 1e-6).",
)
def _(grads, max_norm):
    norm = _norm(grads)
    return _scaled(grads, min(1.0, norm / max_norm)), norm


@clip_grad_norm.variant("if and else")
def _(grads, max_norm):
    total = 0.0
    for g in grads.values():
        total += float(np.vdot(g, g))
    norm = total**0.5
    if norm + 1e-6 <= max_norm:
        return dict(grads), norm
    return {name: g / (norm + 1e-6) * max_norm for name, g in grads.items()}, norm


@clip_grad_norm.variant("the norm of the norms")
def _(grads, max_norm):
    norm = np.linalg.norm([np.linalg.norm(g) for g in grads.values()])
    return {name: min(1, max_norm / (norm + 1e-6)) * g for name, g in grads.items()}, norm


@clip_grad_norm.variant("one vector of all entries")
def _(grads, max_norm):
    norm = np.sqrt((np.concatenate([g.flatten() for g in grads.values()]) ** 2).sum())
    scale = np.minimum(1, max_norm / (norm + 1e-6))
    return {name: np.multiply(g, scale) for name, g in grads.items()}, norm


EXAMPLE = {"W": np.array([[3.0, 0.0], [0.0, 0.0]]), "b": np.array([0.0, 4.0])}


@clip_grad_norm.landmark("`norm = 5`")
def _(f):
    return f(EXAMPLE, 1.0)[1]


@clip_grad_norm.landmark('`clipped["b"][1] ≈ 0.80`')
def _(f):
    return f(EXAMPLE, 1.0)[0]["b"][1]
