"""`step_in_parts`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_03.clip_grad_norm import clip_grad_norm_reference as clip_grad_norm
from helpers.checks.chapter_03.clip_grad_norm import parameter_gradients
from helpers.checks.registry import Exercise
from helpers.optim import clip_grad_norm as clip_in_place


def step_in_parts_reference(params, parts, lr, max_norm):
    all_words = sum(words for words, _ in parts)
    total = {name: np.zeros_like(p) for name, p in params.items()}
    for words, grads in parts:
        for name in total:
            total[name] += grads[name] * (words / all_words)
    clipped, _ = clip_grad_norm(total, max_norm)
    return {name: p - lr * clipped[name] for name, p in params.items()}


def _cases(rng, *, D=(2, 3), H=(4, 5), V=(6, 8)):
    params = parameter_gradients(rng, D, H, V)
    common = {name: rng.normal(size=p.shape) for name, p in params.items()}
    parts = []
    for words in rng.choice(np.arange(3, 30), size=rng.choice([3, 4, 5]), replace=False):
        size = rng.uniform(0.3, 3)   # some parts have a long gradient, some a short one
        noisy = {name: size * (g + rng.normal(size=g.shape)) for name, g in common.items()}
        parts.append((int(words), noisy))
    return {"params": params, "parts": parts, "lr": rng.uniform(0.2, 2), "max_norm": _threshold(rng, params, parts)}


def _threshold(rng, params, parts):
    """Mostly below the length of the whole gradient, now and then above."""
    words = np.array([each for each, _ in parts])
    whole = {name: np.tensordot(words / words.sum(), [grads[name] for _, grads in parts], 1) for name in params}
    share = 10 ** rng.uniform(-1.6, -0.15) if rng.random() < 0.7 else rng.uniform(1.2, 2)
    return share * clip_grad_norm(whole, 1.0)[1]


step_in_parts = Exercise(
    "step_in_parts",
    "03",
    step_in_parts_reference,
    ("new",),
    _cases,
    rounds=10,
    rtol=1e-6,   # with the 1e-6 of PyTorch or without
    float32_rtol=1e-4,
)


@step_in_parts.extreme("one part", "With one part, too, the arguments stay as they are: begin `total` with zeros.")
def _(rng):
    params, grads = (parameter_gradients(rng, 2, 3, 4) for _ in range(2))
    return {"params": params, "parts": [(7, grads)], "lr": 0.7, "max_norm": 0.5}


@step_in_parts.extreme("parts of one word and of a thousand", "Each part counts with its own number of words.")
def _(rng):
    params, one, other = (parameter_gradients(rng, 2, 3, 4) for _ in range(3))
    return {"params": params, "parts": [(1000, one), (1, other)], "lr": 0.1, "max_norm": 1e3}


@step_in_parts.extreme("a threshold of infinity", "3.7 calls it with max_norm = np.inf for “no clipping”: the factor is 1 then, without inf / inf.")
def _(rng):
    params, one, other = (parameter_gradients(rng, 2, 3, 4) for _ in range(3))
    return {"params": params, "parts": [(5, one), (8, other)], "lr": 0.4, "max_norm": np.inf}


@step_in_parts.oracle("one long vector")
def _(params, parts, lr, max_norm):
    def flat(arrays):
        return np.concatenate([arrays[name].ravel() for name in params])

    gradient = sum(words * flat(grads) for words, grads in parts) / sum(words for words, _ in parts)
    moved = flat(params) - lr * gradient * min(1.0, max_norm / (np.linalg.norm(gradient) + 1e-6))
    pieces = np.split(moved, np.cumsum([p.size for p in params.values()])[:-1])
    return {name: piece.reshape(params[name].shape) for name, piece in zip(params, pieces, strict=True)}


@step_in_parts.oracle("torch: backward part by part, then clip_grad_norm_ and SGD once", needs_torch=True)
def _(params, parts, lr, max_norm):
    import torch

    weights = {name: torch.tensor(p, requires_grad=True) for name, p in params.items()}
    total = sum(words for words, _ in parts)
    for words, grads in parts:   # a loss whose gradient is just this one
        loss = sum((weights[name] * torch.tensor(g)).sum() for name, g in grads.items())
        (loss * words / total).backward()   # torch adds it to what is there
    torch.nn.utils.clip_grad_norm_(weights.values(), max_norm)
    torch.optim.SGD(weights.values(), lr=lr).step()
    return {name: p.detach().numpy() for name, p in weights.items()}


step_in_parts.mistake(
    "unchanged",
    "This is still your colleague's step: it clips each share before it adds it. Every share may be max_norm long, so "
    "k of them may be k times as long together. How long may the *sum* be?",
    ("        for name in total:\n            total[name] += grads[name] * (words / all_words)\n", "        share, _ = clip_grad_norm({name: g * (words / all_words) for name, g in grads.items()}, max_norm)\n        for name in total:\n            total[name] += share[name]\n"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
)
step_in_parts.mistake(
    "threshold-shared-out",
    "That hides it. With max_norm / len(parts) for each part no step is too long any more; but each part is still cut "
    "by itself, so long and short parts count alike, which turns the gradient, and parts that are cut without need "
    "make it shorter than allowed. Add up first, then clip once.",
    ("        for name in total:\n            total[name] += grads[name] * (words / all_words)\n", "        share, _ = clip_grad_norm({name: g * (words / all_words) for name, g in grads.items()}, max_norm / len(parts))\n        for name in total:\n            total[name] += share[name]\n"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
)
step_in_parts.mistake(
    "smaller-rate",
    "That hides it. Divided by len(parts), in the rate or in the sum, no step is longer than rate · max_norm; but a "
    "gradient that needed no clipping is now len(parts) times too short. The weights words / all_words already make a "
    "mean of the parts.",
    ("        for name in total:\n            total[name] += grads[name] * (words / all_words)\n", "        share, _ = clip_grad_norm({name: g * (words / all_words) for name, g in grads.items()}, max_norm)\n        for name in total:\n            total[name] += share[name]\n"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
    ("p - lr *", "p - lr / len(parts) *"),
)
step_in_parts.mistake(
    "clipped-before-the-weights",
    "That hides it. A mean of gradients that are each at most max_norm long is not longer, so the bound holds again; "
    "but every part has been cut by itself, long and short ones to the same length, and that turns the mean.",
    ("grads[name] *", "clip_grad_norm(grads, max_norm)[0][name] *"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
)
step_in_parts.mistake(
    "clipped-twice",
    "That hides it. The step is no longer too long, since you clip the sum as well; but its parts were cut before they "
    "were added, and the sum points elsewhere. One clipping, of the whole.",
    ("        for name in total:\n            total[name] += grads[name] * (words / all_words)\n", "        share, _ = clip_grad_norm({name: g * (words / all_words) for name, g in grads.items()}, max_norm)\n        for name in total:\n            total[name] += share[name]\n"),
)
step_in_parts.mistake(
    "larger-threshold",
    "A threshold of len(parts) · max_norm for each part is looser still: nearly nothing is clipped. (What should not be "
    "longer than max_norm is the sum.)",
    ("        for name in total:\n            total[name] += grads[name] * (words / all_words)\n", "        share, _ = clip_grad_norm({name: g * (words / all_words) for name, g in grads.items()}, max_norm * len(parts))\n        for name in total:\n            total[name] += share[name]\n"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
)
step_in_parts.mistake(
    "running-sum",
    "You clip inside the loop, the sum so far, again and again: what was added early is shortened more often than what "
    "comes late. Clip after the loop, when all parts are in.",
    ("            total[name] += grads[name] * (words / all_words)\n", "            total[name] += grads[name] * (words / all_words)\n        total, _ = clip_grad_norm(total, max_norm)\n"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
)
step_in_parts.mistake(
    "not-clipped",
    "The parts are added up rightly, but nothing is clipped any more. Clip the sum, once, before the step. (Your own "
    "clip_grad_norm hands back the clipped ones in a new dict; only that of helpers.optim changes the old one.)",
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
)
step_in_parts.mistake(
    "long-parts-left-out",
    "You leave out every part that is too long. Its words are then missing from the mean. Leave nothing out: clip the sum "
    "of all.",
    ("grads[name] *", "grads[name] * (clip_grad_norm(grads, 1.0)[1] * words / all_words <= max_norm) *"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = total"),
)
step_in_parts.mistake(
    "always-rescaled",
    "You clip the sum, once; but you bring it to max_norm also when it is shorter. Then every step has the same length, "
    "and training cannot settle. A factor of at most 1: min(1, …). (Or the weights are `words` alone, without / all_words: "
    "then the sum is always too long. They have to add up to 1.)",
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    norm = clip_grad_norm(total, max_norm)[1]\n    clipped = {name: g * max_norm / (norm + 1e-6) for name, g in total.items()}"),
)
step_in_parts.mistake(
    "parts-count-alike",
    "You clip once, after adding. But now every part counts alike, whatever its number of words: the weights are "
    "words / all_words, not 1 / len(parts).",
    ("(words / all_words)", "(1 / len(parts))"),
)
step_in_parts.mistake(
    "not-weighted",
    "You clip once, after adding. But the weights words / all_words are gone: a sum of means is len(parts) times as "
    "long as their mean.",
    (" * (words / all_words)", ""),
)
step_in_parts.mistake(
    "weighted-and-divided",
    "You clip once, after adding. But the sum is divided by len(parts) besides: with the weights words / all_words it "
    "is a mean already.",
    ("(words / all_words)", "(words / all_words / len(parts))"),
)
step_in_parts.mistake(
    "each-parameter-by-itself",
    "You clip the sum, but every parameter by its own norm. One norm over all of them: clip_grad_norm takes the whole "
    "dict.",
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = {name: clip_grad_norm({name: g}, max_norm)[0][name] for name, g in total.items()}"),
)
step_in_parts.mistake(
    "by-value",
    "You clip the sum by value, entry by entry. One factor for all, by the norm: that keeps its direction.",
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = {name: np.clip(g, -max_norm, max_norm) for name, g in total.items()}"),
)
step_in_parts.mistake(
    "last-part-only",
    "Only the last part moves the weights: in the loop the sum is overwritten (`=` for `+=`, or zeros made anew), or the step "
    "stands in the loop. Add up all parts first, then clip and step.",
    ("total[name] +=", "total[name] ="),
)
step_in_parts.mistake(
    "clips-the-last-part",
    "The step is that of one part alone, the last. Clip the sum of all parts: `grads`, left over from the loop, is the last part's.",
    ("clip_grad_norm(total, max_norm)", "clip_grad_norm(grads, max_norm)"),
)
step_in_parts.mistake(
    "the-first-part-alone",
    "The step is that of the first part alone. Go through all of them, and add up.",
    ("clip_grad_norm(total, max_norm)", "clip_grad_norm(parts[0][1], max_norm)"),
)
step_in_parts.mistake(
    "clipped-at-rate-times-threshold",
    "You clip at lr · max_norm. No step is *longer* than that: the gradient is clipped at `max_norm`, and the rate comes after.",
    ("clip_grad_norm(total, max_norm)", "clip_grad_norm(total, lr * max_norm)"),
)
step_in_parts.mistake(
    "clipped-before-it-is-divided",
    "You clip the sum before it is divided by all words, so it is max_norm / all_words long at most. First the mean, then clip.",
    (" * (words / all_words)", " * words"),
    ("lr * clipped[name]", "lr * clipped[name] / all_words"),
)
step_in_parts.mistake(
    "divided-by-the-last-part",
    "You divide by `words`, left over from the loop: the last part's. The mean is over the words of all parts, `all_words`.",
    (" * (words / all_words)", " * words"),
    ("    clipped, _", "    total = {name: g / words for name, g in total.items()}\n    clipped, _"),
)
step_in_parts.mistake(
    "a-step-for-every-part",
    "You make a step for every part, each clipped: k steps, together up to k · rate · max_norm long. One step, with the "
    "sum of all parts.",
    ("        for name in total:\n            total[name] += grads[name] * (words / all_words)\n", "        clipped, _ = clip_grad_norm(grads, max_norm)\n        params = {name: p - lr * clipped[name] for name, p in params.items()}\n"),
    ("    clipped, _ = clip_grad_norm(total, max_norm)", ""),
    ("    return {name: p - lr * clipped[name] for name, p in params.items()}", "    return params"),
)
step_in_parts.mistake(
    "uphill",
    "The step goes uphill: p − lr · gradient, not +.",
    ("p - lr", "p + lr"),
)
step_in_parts.mistake(
    "only-the-gradient",
    "You return the clipped gradient. Wanted are the new parameters, p − lr · gradient.",
    ("    return {name: p - lr * clipped[name] for name, p in params.items()}", "    return clipped"),
)
step_in_parts.mistake(
    "in-place",
    "The values are right, but the caller's params were overwritten: p −= … writes into the array, params[name] = … into "
    "the dict, and params.copy() copies the dict without its arrays. Return new ones: `{name: p - … for …}`.",
    ("    return {name: p - lr * clipped[name] for name, p in params.items()}", "    for name, p in params.items():\n        p -= lr * clipped[name]\n    return params"),
)
step_in_parts.mistake(
    "gradients-in-place",
    "The values are right, but `parts` is not as it was: g *= … writes into its gradients, and so does adding to a total "
    "that begins as the first of them. Make new arrays, g * (words / all_words), and begin total with zeros.",
    ("total[name] += grads[name] * (words / all_words)", "grads[name] *= words / all_words\n            total[name] += grads[name]"),
)
step_in_parts.mistake(
    "rate-inside-the-clip",
    "You clip lr · gradient at max_norm, the step. The threshold is one for the gradient, and the step may be lr · max_norm "
    "long: first clip the sum, then times lr.",
    ("clip_grad_norm(total, max_norm)", "clip_grad_norm({name: lr * g for name, g in total.items()}, max_norm)"),
    ("p - lr * clipped", "p - clipped"),
)
step_in_parts.mistake(
    "no-rate",
    "The rate is missing: `p - lr * clipped[name]`.",
    ("lr * ", ""),
)
step_in_parts.mistake(
    "first-part-only",
    "It returns after the first part: clipping, step and `return` belong after the loop, to the left.",
    ("            total[name] += grads[name] * (words / all_words)\n", "            total[name] += grads[name] * (words / all_words)\n        break\n"),
)
step_in_parts.mistake(
    "the-norm-for-the-dict",
    "clip_grad_norm of helpers.optim changes the dict and returns its norm, a number: call it without `clipped =`, and go on "
    "with the dict that you gave it.",
    ("    clipped, _ = clip_grad_norm(total, max_norm)", "    clipped = clip_in_place(total, max_norm)"),
)
step_in_parts.mistake(
    "both-results-in-one-name",
    "Your clip_grad_norm returns two things, the clipped gradients and the norm: clipped, norm = clip_grad_norm(…).",
    ("clipped, _ =", "clipped ="),
)
step_in_parts.mistake(
    "total-begins-as-the-first-part",
    "The values are right, but your total *is* the first part's gradients, so adding the others writes into them. Begin "
    "with zeros, or with copies.",
    (
        "    total = {name: np.zeros_like(p) for name, p in params.items()}\n    for words, grads in parts:",
        "    total = parts[0][1]\n    for name in total:\n        total[name] *= parts[0][0] / all_words\n"
        "    for words, grads in parts[1:]:",
    ),
)


@step_in_parts.variant("clipped in place, after the loop")
def _(params, parts, lr, max_norm):
    all_words = sum(words for words, _ in parts)
    total = {name: np.zeros_like(p) for name, p in params.items()}
    for words, grads in parts:
        for name in total:
            total[name] += grads[name] * (words / all_words)
    clip_in_place(total, max_norm)
    return {name: p - lr * total[name] for name, p in params.items()}


@step_in_parts.variant("words first, divided at the end, the factor in the rate")
def _(params, parts, lr, max_norm):
    total = {name: sum(words * grads[name] for words, grads in parts) for name in params}
    total = {name: g / sum(words for words, _ in parts) for name, g in total.items()}
    norm = np.sqrt(sum((g**2).sum() for g in total.values()))
    rate = lr * (max_norm / (norm + 1e-6) if norm > max_norm else 1)
    return {name: p - rate * total[name] for name, p in params.items()}


@step_in_parts.variant("np.average over the parts")
def _(params, parts, lr, max_norm):
    words, grads = zip(*parts, strict=True)
    mean = {name: np.average([g[name] for g in grads], axis=0, weights=words) for name in params}
    scale = min(1.0, max_norm / (np.sqrt(sum(np.vdot(g, g) for g in mean.values())) + 1e-6))
    return {name: params[name] - lr * scale * mean[name] for name in params}


step_in_parts.landmark("""
    one, three = {"w": np.array([4.0, 0.0])}, {"w": np.array([4.0, 0.0])}   # the gradients of 1 and of 3 words
    new = step_in_parts({"w": np.array([1.0, 2.0])}, [(1, one), (3, three)], 0.5, 1.0)
    new["w"][0]   # ≈ 0.50
""")
