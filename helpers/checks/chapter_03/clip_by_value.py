"""`clip_by_value`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_03.clip_grad_norm import parameter_gradients
from helpers.checks.registry import Exercise


def clip_by_value_reference(grads, limit):
    clipped = {name: np.clip(g, -limit, limit) for name, g in grads.items()}
    return clipped, _cosine(grads, clipped)


def _flat(grads):
    return np.concatenate([g.ravel() for g in grads.values()])


def _cosine(one, other):
    a, b = _flat(one), _flat(other)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def _cases(rng):
    grads = parameter_gradients(rng)
    return {"grads": grads, "limit": rng.uniform(0.05, 0.4) * np.abs(_flat(grads)).max()}


clip_by_value = Exercise("clip_by_value", "03", clip_by_value_reference, ("clipped", "cosine"), _cases)


@clip_by_value.oracle("entry by entry, and the law of cosines")
def _(grads, limit):
    clipped, aa, bb, cc = {}, 0.0, 0.0, 0.0
    for name, g in grads.items():
        clipped[name] = np.zeros(g.shape)
        for index, value in np.ndenumerate(g):
            cut = limit if value > limit else -limit if value < -limit else value
            clipped[name][index] = cut
            aa, bb, cc = aa + value**2, bb + cut**2, cc + (value - cut) ** 2
    return clipped, (aa + bb - cc) / (2 * np.sqrt(aa * bb))


@clip_by_value.oracle("torch.nn.utils.clip_grad_value_ and cosine_similarity", needs_torch=True)
def _(grads, limit):
    import torch

    parameters = {name: torch.zeros(g.shape, dtype=torch.float64) for name, g in grads.items()}
    for name, parameter in parameters.items():
        parameter.grad = torch.tensor(grads[name])
    torch.nn.utils.clip_grad_value_(list(parameters.values()), limit)
    after = torch.cat([parameter.grad.flatten() for parameter in parameters.values()])
    cosine = torch.cosine_similarity(torch.tensor(_flat(grads)), after, dim=0)
    return {name: parameter.grad.numpy() for name, parameter in parameters.items()}, cosine.item()


def _with(grads, cut):
    clipped = {name: cut(g) for name, g in grads.items()}
    return clipped, _cosine(grads, clipped)


def _with_cosine(grads, limit, cosine):
    clipped = clip_by_value_reference(grads, limit)[0]
    return clipped, float(cosine(_flat(grads), _flat(clipped)))


@clip_by_value.misconception(
    "only-from-above", "Large negative entries pass unclipped. They are cut off too, at −limit."
)
def _(grads, limit):
    return _with(grads, lambda g: np.minimum(g, limit))


@clip_by_value.misconception(
    "signs-lost", "The negative entries came out positive: cut the size, keep the sign."
)
def _(grads, limit):
    return _with(grads, lambda g: np.minimum(np.abs(g), limit))


@clip_by_value.misconception(
    "negatives-cut-at-zero", "Negative entries became 0. The lower end is −limit: np.clip(g, −limit, limit)."
)
def _(grads, limit):
    return _with(grads, lambda g: np.clip(g, 0, limit))


@clip_by_value.misconception(
    "set-to-zero", "Entries beyond the limit became 0. They become ± limit, whichever is nearer."
)
def _(grads, limit):
    return _with(grads, lambda g: np.where(np.abs(g) > limit, 0.0, g))


@clip_by_value.misconception(
    "scaled",
    "You scale the whole array until its largest entry fits. By value, every entry is cut off by itself.",
)
def _(grads, limit):
    return _with(grads, lambda g: g * min(1.0, limit / np.abs(g).max()))


@clip_by_value.misconception(
    "by-norm",
    "You shortened the gradient as a whole (its norm is now `limit`), and its direction stayed. By value, every entry "
    "is cut off by itself.",
)
def _(grads, limit):
    scale = min(1.0, limit / np.linalg.norm(_flat(grads)))
    return _with(grads, lambda g: g * scale)


@clip_by_value.misconception(
    "every-entry-at-the-limit",
    "All entries became ± limit, the small ones too. Only those beyond the limit change.",
)
def _(grads, limit):
    return _with(grads, lambda g: limit * np.sign(g))


@clip_by_value.misconception(
    "cosine-not-normalised",
    "The clipped gradients are right; your cosine is the bare dot product. Divide it by both lengths.",
)
def _(grads, limit):
    return _with_cosine(grads, limit, np.dot)


@clip_by_value.misconception(
    "one-length-twice",
    "The clipped gradients are right; your cosine divides by the first length twice. The clipped one is shorter.",
)
def _(grads, limit):
    return _with_cosine(grads, limit, lambda a, b: a @ b / (a @ a))


@clip_by_value.misconception(
    "mean-over-parameters",
    "The clipped gradients are right; your cosine is a mean over the parameters. One angle is wanted, between two long "
    "vectors with all entries: add up the dot products and the squares first.",
)
def _(grads, limit):
    clipped = clip_by_value_reference(grads, limit)[0]
    cosines = [_cosine({"": grads[name]}, {"": clipped[name]}) for name in grads]
    return clipped, float(np.mean(cosines))


@clip_by_value.misconception(
    "last-parameter-only",
    "The clipped gradients are right; your cosine is that of the last parameter alone.",
)
def _(grads, limit):
    clipped = clip_by_value_reference(grads, limit)[0]
    last = list(grads)[-1]
    return clipped, _cosine({"": grads[last]}, {"": clipped[last]})


@clip_by_value.misconception(
    "degrees", "The clipped gradients are right; you return the angle in degrees. Wanted is its cosine."
)
def _(grads, limit):
    return _with_cosine(grads, limit, lambda a, b: np.degrees(np.arccos(_cosine({"": a}, {"": b}))))


@clip_by_value.misconception(
    "radians", "The clipped gradients are right; you return the angle itself, in radians. Wanted is its cosine."
)
def _(grads, limit):
    return _with_cosine(grads, limit, lambda a, b: np.arccos(_cosine({"": a}, {"": b})))


@clip_by_value.misconception(
    "in-place",
    "The values are right, but the caller's gradients were overwritten (out=g, or g[…] = …). Make new arrays: "
    "np.clip(g, −limit, limit).",
)
def _(grads, limit):
    answer = clip_by_value_reference(grads, limit)
    for g in grads.values():
        np.clip(g, -limit, limit, out=g)
    return answer


@clip_by_value.misconception(
    "in-place-before-the-cosine",
    "Your cosine is 1: the gradients were clipped in place (out=g, or g[…] = …), so the ones before are gone and the "
    "clipped ones are compared with themselves. Make new arrays: np.clip(g, −limit, limit).",
)
def _(grads, limit):
    for g in grads.values():
        np.clip(g, -limit, limit, out=g)
    return grads, _cosine(grads, grads)


@clip_by_value.misconception(
    "signs-lost-beyond-the-limit",
    "Large negative entries came out as +limit: cut the size, keep the sign.",
)
def _(grads, limit):
    return _with(grads, lambda g: np.where(np.abs(g) > limit, limit, g))


@clip_by_value.misconception(
    "squared-lengths",
    "The clipped gradients are right; your cosine divides by the *squared* lengths. Their roots are missing.",
)
def _(grads, limit):
    return _with_cosine(grads, limit, lambda a, b: a @ b / (a @ a) / (b @ b))


@clip_by_value.misconception(
    "brackets",
    "The clipped gradients are right; your cosine divides by one length and multiplies with the other. Put brackets "
    "round the denominator: a @ b / (‖a‖ * ‖b‖).",
)
def _(grads, limit):
    return _with_cosine(grads, limit, lambda a, b: a @ b / np.linalg.norm(a) * np.linalg.norm(b))


@clip_by_value.misconception(
    "one-minus-cosine",
    "The clipped gradients are right; you return 1 − cosine. Wanted is the cosine itself, 1 for the same direction.",
)
def _(grads, limit):
    return _with_cosine(grads, limit, lambda a, b: 1 - _cosine({"": a}, {"": b}))


@clip_by_value.misconception(
    "lengths-added-up",
    "The clipped gradients are right; the length in your cosine is a sum of the parameters' norms. Add up the *squares* "
    "of all entries, then one root.",
)
def _(grads, limit):
    clipped = clip_by_value_reference(grads, limit)[0]
    dot = sum((g * clipped[name]).sum() for name, g in grads.items())
    before, after = (sum(np.linalg.norm(g) for g in each.values()) for each in (grads, clipped))
    return clipped, float(dot / (before * after))


@clip_by_value.misconception(
    "lengths-multiplied-parameter-by-parameter",
    "The clipped gradients are right; your denominator adds up ‖g‖ · ‖g′‖ of the parameters. Each of the two lengths is "
    "one root of *all* squares; then multiply the two.",
)
def _(grads, limit):
    clipped = clip_by_value_reference(grads, limit)[0]
    dot = sum((g * clipped[name]).sum() for name, g in grads.items())
    return clipped, float(dot / sum(np.linalg.norm(g) * np.linalg.norm(clipped[name]) for name, g in grads.items()))


@clip_by_value.variant("minimum of maximum, sums over the parameters")
def _(grads, limit):
    clipped = {name: np.minimum(np.maximum(g, -limit), limit) for name, g in grads.items()}
    dot = sum((g * clipped[name]).sum() for name, g in grads.items())
    before, after = (sum((g**2).sum() for g in each.values()) for each in (grads, clipped))
    return clipped, dot / (before * after) ** 0.5


@clip_by_value.variant("sign times size")
def _(grads, limit):
    clipped = {name: np.sign(g) * np.minimum(np.abs(g), limit) for name, g in grads.items()}
    units = [v / np.linalg.norm(v) for v in (_flat(grads), _flat(clipped))]
    return clipped, np.dot(*units)


@clip_by_value.variant("masks on a copy")
def _(grads, limit):
    clipped = {}
    for name, g in grads.items():
        clipped[name] = g.copy()
        clipped[name][g > limit] = limit
        clipped[name][g < -limit] = -limit
    return clipped, _cosine(grads, clipped)


@clip_by_value.landmark("`cosine ≈ 0.990`")
def _(f):
    return f({"w": np.array([3.0]), "b": np.array([4.0])}, 1.0)[1]
