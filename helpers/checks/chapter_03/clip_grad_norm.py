"""`clip_grad_norm`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers import optim
from helpers.checks.compare import Complaint, identical
from helpers.checks.registry import Exercise


def clip_grad_norm_reference(grads, max_norm):
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    scale = min(1.0, max_norm / (norm + 1e-6))
    return {name: g * scale for name, g in grads.items()}, norm


def parameter_gradients(rng, D, H, V):
    shapes = {"Wx": (D, H), "Wh": (H, H), "b": (H,), "Wy": (H, V)}
    return {name: rng.normal(size=shape) * rng.uniform(0.3, 3) for name, shape in shapes.items()}


def _norm(grads):
    return float(np.sqrt(sum((g**2).sum() for g in grads.values())))


def _cases(rng, *, D=(2, 3), H=(4, 5), V=(6, 8)):
    grads = parameter_gradients(rng, D, H, V)
    too_long = rng.random() < 0.6
    share = rng.uniform(0.1, 0.8) if too_long else rng.uniform(1.2, 3)
    return {"grads": grads, "max_norm": share * _norm(grads)}


def _trial(function, grads, max_norm):
    before = {name: g.copy() for name, g in grads.items()}
    found = function(grads, max_norm)
    if isinstance(found, tuple | list) and found and found[0] is grads and identical(grads, before):
        raise Complaint(
            "It hands out `grads` itself where nothing is clipped: whoever changes the result changes the gradients. Wanted is a "
            "new dict, always."
        )
    return found


clip_grad_norm = Exercise(
    "clip_grad_norm", "03", clip_grad_norm_reference, ("clipped", "norm"), _cases, rounds=8, float32_rtol=1e-4,
    trial=_trial,
)


@clip_grad_norm.extreme(
    "a threshold of infinity",
    "The chapter calls it with max_norm = np.inf for “no clipping”: then the factor has to be 1, without inf / inf.",
)
def _(rng):
    return {"grads": parameter_gradients(rng, 2, 3, 4), "max_norm": np.inf}


@clip_grad_norm.extreme(
    "a gradient of zeros", "A gradient of zeros stays one of zeros: the 1e-6 keeps its norm of 0 from being divided by."
)
def _(rng):
    return {"grads": {"W": np.zeros((2, 3)), "b": np.zeros(2)}, "max_norm": 1.0}


@clip_grad_norm.extreme("arrays of no axis", "A single number is a gradient, too: an array of shape ().")
def _(rng):
    return {"grads": {"w": np.array(3.0), "b": np.array(-4.0)}, "max_norm": 2.5}


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


clip_grad_norm.mistake(
    "a-norm-for-each-parameter",
    "Every parameter is clipped by its own norm. That changes the direction of the step; clip_grad_norm takes one norm "
    "over all of them and one factor.",
    ("g * scale", "g * min(1.0, max_norm / (np.linalg.norm(g) + 1e-6))"),
)
clip_grad_norm.mistake(
    "by-value",
    "You cut off every entry at ± max_norm. That is clipping by value; here all entries are multiplied by one factor.",
    ("g * scale", "np.clip(g, -max_norm, max_norm)"),
)
clip_grad_norm.mistake(
    "short-ones-lengthened",
    "You scale every gradient to the threshold, short ones as well. Clipping only ever shortens: the factor is at most "
    "1.",
    ("min(1.0, max_norm / (norm + 1e-6))", "max_norm / (norm + 1e-6)"),
)
clip_grad_norm.mistake(
    "max-for-min",
    "Your factor is the larger of 1 and max_norm / (norm + 1e-6), so it only ever lengthens. Take the smaller: min.",
    ("min(", "max("),
)
clip_grad_norm.mistake(
    "no-root",
    "Your norm is the sum of the squares. The root is missing: np.sqrt(…).",
    ("np.sqrt(sum((g**2).sum() for g in grads.values()))", "sum((g**2).sum() for g in grads.values())"),
)
clip_grad_norm.mistake(
    "sum-of-norms",
    "You add up the norms of the parameters. One norm over all of them: add up the *squares*, then one root.",
    ("np.sqrt(sum((g**2).sum() for g in grads.values()))", "sum(np.linalg.norm(g) for g in grads.values())"),
)
clip_grad_norm.mistake(
    "upside-down",
    "The factor is upside down: norm / max_norm makes a long gradient longer still.",
    ("min(1.0, max_norm / (norm + 1e-6))", "norm / max_norm if norm > max_norm else 1.0"),
)
clip_grad_norm.mistake(
    "without-1e-6",
    "Right but for torch's 1e-6 in the denominator: max_norm / (norm + 1e-6). It keeps a norm of 0 from being divided by.",
    ("(norm + 1e-6)", "norm"),
)
clip_grad_norm.mistake(
    "1e-6-outside",
    "The 1e-6 is added to the quotient. It belongs to the norm: max_norm / (norm + 1e-6).",
    ("max_norm / (norm + 1e-6)", "max_norm / norm + 1e-6"),
)
clip_grad_norm.mistake(
    "root-mean-square",
    "You take the root of the *mean* square. The norm has the sum: it grows with the number of parameters.",
    ("np.sqrt(sum((g**2).sum() for g in grads.values()))", "np.sqrt(sum((g**2).sum() for g in grads.values()) / sum(g.size for g in grads.values()))"),
)
clip_grad_norm.mistake(
    "norm-after",
    "The gradients are right, but you return the norm *after* clipping. Wanted is the one before.",
    ("grads.items()}, norm", "grads.items()}, norm * scale"),
)
clip_grad_norm.mistake(
    "norm-no-longer-than-the-threshold",
    "The gradients are right, but the norm you return is no longer than max_norm. Wanted is the one before clipping.",
    ("grads.items()}, norm", "grads.items()}, min(norm, max_norm)"),
)
clip_grad_norm.mistake(
    "largest-entry",
    "Your norm is the largest entry. Wanted is the root of the sum of all squares.",
    ("np.sqrt(sum((g**2).sum() for g in grads.values()))", "max(np.abs(g).max() for g in grads.values())"),
)
clip_grad_norm.mistake(
    "last-parameter-only",
    "Your norm is that of the last parameter alone: in the loop the sum is overwritten instead of added to.",
    ("np.sqrt(sum((g**2).sum() for g in grads.values()))", "np.sqrt((list(grads.values())[-1] ** 2).sum())"),
)
clip_grad_norm.mistake(
    "threshold-forgotten",
    "You scale a long gradient to length 1. It should get the length max_norm: the factor is max_norm / (norm + 1e-6).",
    ("min(1.0, max_norm / (norm + 1e-6))", "1 / (norm + 1e-6) if norm > max_norm else 1.0"),
)
clip_grad_norm.mistake(
    "not-clipped",
    "The gradients come back as they were: `g = g * scale` in a loop only gives a product the name `g`. Put it into a new dict, "
    "{name: g * scale …}.",
    ("g * scale", "g.copy()"),
)
clip_grad_norm.mistake(
    "thrown-away",
    "A gradient that is too long becomes zero, so the step is left out. Clipping keeps its direction and shortens it.",
    ("min(1.0, max_norm / (norm + 1e-6))", "float(norm <= max_norm)"),
)
clip_grad_norm.mistake(
    "matrix-norm",
    "np.linalg.norm(g, 2) of a matrix is its largest singular value. Drop the 2: root of the sum of all squares.",
    ("(g**2).sum()", "np.linalg.norm(g, 2 if g.ndim else None) ** 2"),
)
clip_grad_norm.mistake(
    "absolute-values",
    "You add up absolute values. The norm is the root of the sum of *squares*.",
    ("np.sqrt(sum((g**2).sum() for g in grads.values()))", "sum(np.abs(g).sum() for g in grads.values())"),
)
clip_grad_norm.mistake(
    "in-place",
    "The values are right, but `g *= scale` wrote them over the caller's gradients. Here a new dict is wanted: "
    "{name: g * scale …}. (torch and `helpers` do it in place, and say so.)",
    ("    return {name: g * scale for name, g in grads.items()}, norm", "    for g in grads.values():\n        g *= scale\n    return grads, norm"),
)
clip_grad_norm.mistake(
    "mean-square-of-each-parameter",
    "You add up the *mean* squares of the parameters. The norm has their sums: (g ** 2).sum(), so that every entry "
    "counts the same.",
    ("(g**2).sum()", "(g**2).mean()"),
)
clip_grad_norm.mistake(
    "largest-norm",
    "Your norm is that of the longest parameter. Wanted is one over all of them: add up the squares of all, then one root.",
    ("np.sqrt(sum((g**2).sum() for g in grads.values()))", "max(np.linalg.norm(g) for g in grads.values())"),
)
clip_grad_norm.mistake(
    "1e-6-in-the-norm",
    "The gradients are right, but the norm you return has the 1e-6 in it. It belongs to the denominator alone.",
    ("grads.items()}, norm", "grads.items()}, norm + 1e-6"),
)
clip_grad_norm.mistake(
    "upside-down-in-min",
    "The factor is upside down: min(1, norm / max_norm) shortens the short gradients and lets the long ones pass.",
    ("max_norm / (norm + 1e-6)", "(norm + 1e-6) / max_norm"),
)
clip_grad_norm.mistake(
    "upside-down-in-min-without-1e-6",
    "The factor is upside down: min(1, norm / max_norm) shortens the short gradients "
    "and lets the long ones pass. Right is max_norm / (norm + 1e-6).",
    ("max_norm / (norm + 1e-6)", "norm / max_norm"),
)
clip_grad_norm.mistake(
    "infinity-over-infinity",
    "Right, but not at max_norm = np.inf, which the chapter uses for “no clipping”: inf / inf is nan. Let the fraction "
    "be max_norm / (norm + 1e-6), and take the smaller of it and 1.",
    ("min(1.0, max_norm / (norm + 1e-6))", "max_norm / max(max_norm, norm + 1e-6)"),
)
clip_grad_norm.mistake(
    "running-norm",
    "Each parameter is scaled by the norm of those *up to* it: the factor stands inside the loop that adds up the squares. "
    "First all squares, then one factor for all.",
    (
        "    return {name: g * scale for name, g in grads.items()}, norm",
        "    total, clipped = 0.0, {}\n    for name, g in grads.items():\n        total += (g**2).sum()\n"
        "        clipped[name] = g * min(1.0, max_norm / (np.sqrt(total) + 1e-6))\n    return clipped, norm",
    ),
)


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


clip_grad_norm.landmark("""
    grads = {"W": np.array([[3.0, 0.0], [0.0, 0.0]]), "b": np.array([0.0, 4.0])}
    clipped, norm = clip_grad_norm(grads, 1.0)
    norm              # ≈ 5
    clipped["b"][1]   # ≈ 0.80
""")
