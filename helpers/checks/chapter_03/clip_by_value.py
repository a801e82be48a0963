"""`clip_by_value`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_03.clip_grad_norm import parameter_gradients
from helpers.checks.registry import Exercise


def clip_by_value_reference(grads, limit):
    clipped = {name: np.clip(g, -limit, limit) for name, g in grads.items()}
    before = np.concatenate([g.ravel() for g in grads.values()])
    after = np.concatenate([g.ravel() for g in clipped.values()])
    cosine = before @ after / (np.linalg.norm(before) * np.linalg.norm(after))
    return clipped, cosine


def _flat(grads):
    return np.concatenate([g.ravel() for g in grads.values()])


def _cases(rng, *, D=(2, 3), H=(4, 5), V=(6, 8)):
    grads = parameter_gradients(rng, D, H, V)
    return {"grads": grads, "limit": rng.uniform(0.05, 0.4) * np.abs(_flat(grads)).max()}


clip_by_value = Exercise("clip_by_value", "03", clip_by_value_reference, ("clipped", "cosine"), _cases)


@clip_by_value.extreme(
    "nothing beyond the limit", "When no entry is beyond the limit nothing changes, and the cosine is 1."
)
def _(rng):
    return {"grads": parameter_gradients(rng, 2, 3, 4), "limit": 1e6}


@clip_by_value.extreme("arrays of no axis", "A single number is a gradient, too: an array of shape ().")
def _(rng):
    return {"grads": {"w": np.array(3.0), "v": np.array(-0.2), "b": np.array([-4.0, 0.5])}, "limit": 0.75}


@clip_by_value.extreme("a tiny gradient", "Lengths far below 1 are lengths, too: divide by them as they are. (`cosine_similarity` of torch has an eps.)")
def _(rng):
    return {"grads": {"w": 1e-9 * rng.normal(size=(2, 3)), "b": 1e-9 * rng.normal(size=3)}, "limit": 4e-10}


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
    cosine = torch.cosine_similarity(torch.tensor(_flat(grads)), after, dim=0, eps=1e-30)
    return {name: parameter.grad.numpy() for name, parameter in parameters.items()}, cosine.item()


clip_by_value.mistake(
    "only-from-above",
    "Large negative entries pass unclipped. They are cut off too, at −limit.",
    ("np.clip(g, -limit, limit)", "np.minimum(g, limit)"),
)
clip_by_value.mistake(
    "signs-lost",
    "The negative entries came out positive: cut the size, keep the sign.",
    ("np.clip(g, -limit, limit)", "np.minimum(np.abs(g), limit)"),
)
clip_by_value.mistake(
    "negatives-cut-at-zero",
    "Negative entries became 0. The lower end is −limit: `np.clip(g, -limit, limit)`.",
    ("-limit", "0"),
)
clip_by_value.mistake(
    "set-to-zero",
    "Entries beyond the limit became 0. They become ± limit, whichever is nearer.",
    ("np.clip(g, -limit, limit)", "np.where(np.abs(g) > limit, 0.0, g)"),
)
clip_by_value.mistake(
    "scaled",
    "You scale the whole array until its largest entry fits. By value, every entry is cut off by itself.",
    ("np.clip(g, -limit, limit)", "g * min(1.0, limit / np.abs(g).max())"),
)
clip_by_value.mistake(
    "by-norm",
    "You shortened the gradient as a whole, by one factor, and its direction stayed. By value, every entry "
    "is cut off by itself.",
    ("np.clip(g, -limit, limit)", "g * min(1.0, limit / np.sqrt(sum((each**2).sum() for each in grads.values())))"),
)
clip_by_value.mistake(
    "every-entry-at-the-limit",
    "All entries became ± limit, the small ones too. Only those beyond the limit change.",
    ("np.clip(g, -limit, limit)", "limit * np.sign(g)"),
)
clip_by_value.mistake(
    "cosine-not-normalised",
    "The clipped gradients are right; your cosine is the bare dot product. Divide it by both lengths.",
    (" / (np.linalg.norm(before) * np.linalg.norm(after))", ""),
)
clip_by_value.mistake(
    "one-length-twice",
    "The clipped gradients are right; your cosine divides by the first length twice. The clipped one is shorter.",
    ("np.linalg.norm(after)", "np.linalg.norm(before)"),
)
clip_by_value.mistake(
    "mean-over-parameters",
    "The clipped gradients are right; your cosine is a mean over the parameters. One angle is wanted, between two long "
    "vectors with all entries: add up the dot products and the squares first.",
    ("before @ after / (np.linalg.norm(before) * np.linalg.norm(after))", "np.mean([np.vdot(g, clipped[n]) / np.linalg.norm(g) / np.linalg.norm(clipped[n]) for n, g in grads.items()])"),
)
clip_by_value.mistake(
    "last-parameter-only",
    "The clipped gradients are right; your cosine is that of the last parameter alone.",
    ("    before = np.concatenate([g.ravel() for g in grads.values()])\n    after = np.concatenate([g.ravel() for g in clipped.values()])", "    before, after = list(grads.values())[-1].ravel(), list(clipped.values())[-1].ravel()"),
)
for _small in ("1e-8", "1e-12"):
    clip_by_value.mistake(
        f"epsilon-{_small}",
        f"The clipped gradients are right; your cosine has {_small} added below the line. Where gradients are tiny that is much, and "
        "no length is 0 here.",
        ("(np.linalg.norm(before) * np.linalg.norm(after))", f"(np.linalg.norm(before) * np.linalg.norm(after) + {_small})"),
    )
clip_by_value.mistake(
    "degrees",
    "The clipped gradients are right; you return the angle in degrees. Wanted is its cosine.",
    ("    return clipped, cosine", "    return clipped, np.degrees(np.arccos(cosine))"),
)
clip_by_value.mistake(
    "radians",
    "The clipped gradients are right; you return the angle itself, in radians. Wanted is its cosine.",
    ("    return clipped, cosine", "    return clipped, np.arccos(cosine)"),
)
clip_by_value.mistake(
    "in-place",
    "The values are right, but the caller's gradients were overwritten (out=g, or g[…] = …). Make new arrays: "
    "`np.clip(g, -limit, limit)`.",
    ("    return clipped, cosine", "    for g in grads.values():\n        np.clip(g, -limit, limit, out=g)\n    return clipped, cosine"),
)
clip_by_value.mistake(
    "in-place-before-the-cosine",
    "Your cosine is 1: the gradients were clipped in place (out=g, or g[…] = …), so the ones before are gone and the "
    "clipped ones are compared with themselves. Make new arrays: `np.clip(g, -limit, limit)`.",
    ("np.clip(g, -limit, limit)", "np.clip(g, -limit, limit, out=g)"),
)
clip_by_value.mistake(
    "signs-lost-beyond-the-limit",
    "Large negative entries came out as +limit: cut the size, keep the sign.",
    ("np.clip(g, -limit, limit)", "np.where(np.abs(g) > limit, limit, g)"),
)
clip_by_value.mistake(
    "squared-lengths",
    "The clipped gradients are right; your cosine divides by the *squared* lengths. Their roots are missing.",
    ("np.linalg.norm(before) * np.linalg.norm(after)", "before @ before * (after @ after)"),
)
clip_by_value.mistake(
    "brackets",
    "The clipped gradients are right; your cosine divides by one length and multiplies with the other. Put brackets "
    "round the denominator: a @ b / (‖a‖ * ‖b‖).",
    ("(np.linalg.norm(before) * np.linalg.norm(after))", "np.linalg.norm(before) * np.linalg.norm(after)"),
)
clip_by_value.mistake(
    "one-minus-cosine",
    "The clipped gradients are right; you return 1 − cosine. Wanted is the cosine itself, 1 for the same direction.",
    ("    return clipped, cosine", "    return clipped, 1 - cosine"),
)
clip_by_value.mistake(
    "lengths-added-up",
    "The clipped gradients are right; the length in your cosine is a sum of the parameters' norms. Add up the *squares* "
    "of all entries, then one root.",
    ("(np.linalg.norm(before) * np.linalg.norm(after))", "(sum(map(np.linalg.norm, grads.values())) * sum(map(np.linalg.norm, clipped.values())))"),
)
clip_by_value.mistake(
    "lengths-multiplied-parameter-by-parameter",
    "The clipped gradients are right; your denominator adds up ‖g‖ · ‖g′‖ of the parameters. Each of the two lengths is "
    "one root of *all* squares; then multiply the two.",
    ("(np.linalg.norm(before) * np.linalg.norm(after))", "sum(np.linalg.norm(g) * np.linalg.norm(clipped[name]) for name, g in grads.items())"),
)


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
    units = [v / np.sqrt(np.vdot(v, v)) for v in (_flat(grads), _flat(clipped))]
    return clipped, float(units[0] @ units[1])


clip_by_value.landmark("""
    grads = {"w": np.array([3.0, 0.5, 0.0]), "b": np.array([4.0])}
    clipped, cosine = clip_by_value(grads, 1.0)
    cosine                  # ≈ 0.962
    clipped["w"].tolist()   # [1.0, 0.5, 0.0]
""")
