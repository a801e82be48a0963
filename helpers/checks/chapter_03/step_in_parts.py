"""`step_in_parts`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_03.clip_grad_norm import parameter_gradients
from helpers.checks.registry import Exercise
from helpers.colleague import chapter_03 as colleague
from helpers.optim import clip_grad_norm, clip_scale


def step_in_parts_reference(params, parts, lr, max_norm):
    total = _weighted(params, parts)
    return _moved(params, total, lr * clip_scale(total, max_norm)[1])


def _weights(parts):
    words = np.array([words for words, _ in parts])
    return words / words.sum()


def _weighted(params, parts, weights=None, cut=None):
    """The sum of all parts' gradients, each times its weight and, then, `cut`."""
    weights = _weights(parts) if weights is None else weights
    shares = [{name: g * w for name, g in grads.items()} for (_, grads), w in zip(parts, weights, strict=True)]
    shares = shares if cut is None else [cut(share) for share in shares]
    return {name: sum(share[name] for share in shares) for name in params}


def _moved(params, grads, rate):
    return {name: p - rate * grads[name] for name, p in params.items()}


def _clipped(grads, max_norm):
    scale = clip_scale(grads, max_norm)[1]
    return {name: g * scale for name, g in grads.items()}


def _cases(rng):
    params = parameter_gradients(rng)
    common = {name: rng.normal(size=p.shape) for name, p in params.items()}
    parts = []
    for words in rng.choice(np.arange(3, 30), size=rng.choice([1, 3, 4, 5]), replace=False):
        size = rng.uniform(0.3, 3)   # some parts have a long gradient, some a short one
        noisy = {name: size * (g + rng.normal(size=g.shape)) for name, g in common.items()}
        parts.append((int(words), noisy))
    too_long = len(parts) == 1 or rng.random() < 0.7
    share = 10 ** rng.uniform(-1.6, -0.15) if too_long else rng.uniform(1.2, 2)
    norm = clip_scale(_weighted(params, parts), 1.0)[0]
    return {"params": params, "parts": parts, "lr": rng.uniform(0.2, 2), "max_norm": share * norm}


step_in_parts = Exercise(
    "step_in_parts",
    "03",
    step_in_parts_reference,
    ("new",),
    _cases,
    rounds=12,
    rtol=1e-6,   # with the 1e-6 of PyTorch or without
    float32_rtol=1e-4,
)


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


@step_in_parts.misconception(
    "unchanged",
    "This is still your colleague's step: it clips each share before it adds it. Every share may be max_norm long, so "
    "k of them may be k times as long together. How long may the *sum* be?",
)
def _(params, parts, lr, max_norm):
    return colleague.step_in_parts(params, parts, lr, max_norm)


@step_in_parts.misconception(
    "threshold-shared-out",
    "That hides it. With max_norm / len(parts) for each part no step is too long any more; but each part is still cut "
    "by itself, so long and short parts count alike, which turns the gradient, and parts that are cut without need "
    "make it shorter than allowed. Add up first, then clip once.",
)
def _(params, parts, lr, max_norm):
    total = _weighted(params, parts, cut=lambda share: _clipped(share, max_norm / len(parts)))
    return _moved(params, total, lr)


@step_in_parts.misconception(
    "smaller-rate",
    "That hides it. Divided by len(parts), in the rate or in the sum, no step is longer than rate · max_norm; but a "
    "gradient that needed no clipping is now len(parts) times too short. The weights words / all_words already make a "
    "mean of the parts.",
)
def _(params, parts, lr, max_norm):
    return colleague.step_in_parts(params, parts, lr / len(parts), max_norm)


@step_in_parts.misconception(
    "clipped-before-the-weights",
    "That hides it. A mean of gradients that are each at most max_norm long is not longer, so the bound holds again; "
    "but every part has been cut by itself, long and short ones to the same length, and that turns the mean.",
)
def _(params, parts, lr, max_norm):
    cut = [(words, _clipped(grads, max_norm)) for words, grads in parts]
    return _moved(params, _weighted(params, cut), lr)


@step_in_parts.misconception(
    "clipped-twice",
    "That hides it. The step is no longer too long, since you clip the sum as well; but its parts were cut before they "
    "were added, and the sum points elsewhere. One clipping, of the whole.",
)
def _(params, parts, lr, max_norm):
    total = _weighted(params, parts, cut=lambda share: _clipped(share, max_norm))
    return _moved(params, _clipped(total, max_norm), lr)


@step_in_parts.misconception(
    "larger-threshold",
    "A threshold of len(parts) · max_norm for each part is looser still: nearly nothing is clipped. (What should not be "
    "longer than max_norm is the sum.)",
)
def _(params, parts, lr, max_norm):
    return colleague.step_in_parts(params, parts, lr, max_norm * len(parts))


@step_in_parts.misconception(
    "running-sum",
    "You clip inside the loop, the sum so far, again and again: what was added early is shortened more often than what "
    "comes late. Clip after the loop, when all parts are in.",
)
def _(params, parts, lr, max_norm):
    total = {name: np.zeros_like(p) for name, p in params.items()}
    for weight, (_, grads) in zip(_weights(parts), parts, strict=True):
        total = _clipped({name: total[name] + weight * grads[name] for name in total}, max_norm)
    return _moved(params, total, lr)


@step_in_parts.misconception(
    "not-clipped",
    "The parts are added up rightly, but nothing is clipped any more. Clip the sum, once, before the step. (Your own "
    "clip_grad_norm hands back the clipped ones in a new dict; only that of helpers.optim changes the old one.)",
)
def _(params, parts, lr, max_norm):
    return _moved(params, _weighted(params, parts), lr)


@step_in_parts.misconception(
    "long-parts-left-out",
    "You leave out every part that is too long. Its words are then missing from the mean: nothing is left out, the sum "
    "of all is clipped.",
)
def _(params, parts, lr, max_norm):
    total = _weighted(
        params,
        parts,
        cut=lambda share: {name: g * (clip_scale(share, max_norm)[1] == 1) for name, g in share.items()},
    )
    return _moved(params, total, lr)


@step_in_parts.misconception(
    "always-rescaled",
    "You clip the sum, once; but you bring it to max_norm also when it is shorter. Then every step has the same length, "
    "and training cannot settle. A factor of at most 1: min(1, …). (Or the weights are `words` alone, without / all_words: "
    "then the sum is always too long. They have to add up to 1.)",
)
def _(params, parts, lr, max_norm):
    total = _weighted(params, parts)
    return _moved(params, total, lr * max_norm / (clip_scale(total, max_norm)[0] + 1e-6))


@step_in_parts.misconception(
    "parts-count-alike",
    "You clip once, after adding. But now every part counts alike, whatever its number of words: the weights are "
    "words / all_words, not 1 / len(parts).",
)
def _(params, parts, lr, max_norm):
    alike = _weighted(params, parts, np.full(len(parts), 1 / len(parts)))
    return _moved(params, _clipped(alike, max_norm), lr)


@step_in_parts.misconception(
    "not-weighted",
    "You clip once, after adding. But the weights words / all_words are gone: a sum of means is len(parts) times as "
    "long as their mean.",
)
def _(params, parts, lr, max_norm):
    return _moved(params, _clipped(_weighted(params, parts, np.ones(len(parts))), max_norm), lr)


@step_in_parts.misconception(
    "weighted-and-divided",
    "You clip once, after adding. But the sum is divided by len(parts) besides: with the weights words / all_words it "
    "is a mean already.",
)
def _(params, parts, lr, max_norm):
    shorter = _weighted(params, parts, _weights(parts) / len(parts))
    return _moved(params, _clipped(shorter, max_norm), lr)


@step_in_parts.misconception(
    "eps",
    "That hides it. A larger number in the denominator shortens all gradients, also those that are short enough, and "
    "each part is still clipped by itself.",
)
def _(params, parts, lr, max_norm):
    def damped(share):
        scale = min(1.0, max_norm / (clip_scale(share, 1.0)[0] + 1.0))
        return {name: g * scale for name, g in share.items()}

    return _moved(params, _weighted(params, parts, cut=damped), lr)


@step_in_parts.misconception(
    "each-parameter-by-itself",
    "You clip the sum, but every parameter by its own norm. One norm over all of them: clip_grad_norm takes the whole "
    "dict.",
)
def _(params, parts, lr, max_norm):
    total = _weighted(params, parts)
    return _moved(params, {name: _clipped({name: g}, max_norm)[name] for name, g in total.items()}, lr)


@step_in_parts.misconception(
    "by-value", "You clip the sum by value, entry by entry. One factor for all, by the norm: that keeps its direction."
)
def _(params, parts, lr, max_norm):
    cut = {name: np.clip(g, -max_norm, max_norm) for name, g in _weighted(params, parts).items()}
    return _moved(params, cut, lr)


@step_in_parts.misconception(
    "last-part-only",
    "Only the last part moves the weights: the clipping and the step must come after the loop, with the sum of all.",
)
def _(params, parts, lr, max_norm):
    share = {name: g * _weights(parts)[-1] for name, g in parts[-1][1].items()}
    return _moved(params, _clipped(share, max_norm), lr)


@step_in_parts.misconception(
    "a-step-for-every-part",
    "You make a step for every part, each clipped: k steps, together up to k · rate · max_norm long. One step, with the "
    "sum of all parts.",
)
def _(params, parts, lr, max_norm):
    for _, grads in parts:
        params = _moved(params, _clipped(grads, max_norm), lr)
    return params


@step_in_parts.misconception("uphill", "The step goes uphill: p − lr · gradient, not +.")
def _(params, parts, lr, max_norm):
    return _moved(params, _clipped(_weighted(params, parts), max_norm), -lr)


@step_in_parts.misconception(
    "only-the-gradient", "You return the clipped gradient. Wanted are the new parameters, p − lr · gradient."
)
def _(params, parts, lr, max_norm):
    return _clipped(_weighted(params, parts), max_norm)


@step_in_parts.misconception(
    "in-place",
    "The values are right, but the caller's params were overwritten: p −= … writes into the array, params[name] = … into "
    "the dict, and params.copy() copies the dict without its arrays. Return new ones: {name: p − lr * total[name] for …}.",
)
def _(params, parts, lr, max_norm):
    new = step_in_parts_reference(params, parts, lr, max_norm)
    for name, p in params.items():
        p[...] = new[name]
    return params


@step_in_parts.misconception(
    "gradients-in-place",
    "The values are right, but `parts` is not as it was: g *= … writes into its gradients, and so does adding to a total "
    "that begins as the first of them. Make new arrays, g * (words / all_words), and begin total with zeros.",
)
def _(params, parts, lr, max_norm):
    new = step_in_parts_reference(params, parts, lr, max_norm)
    for weight, (_, grads) in zip(_weights(parts), parts, strict=True):
        for g in grads.values():
            g *= weight
    return new


@step_in_parts.misconception(
    "rate-inside-the-clip",
    "You clip lr · gradient at max_norm, the step. The threshold is one for the gradient, and the step may be lr · max_norm "
    "long: first clip the sum, then times lr.",
)
def _(params, parts, lr, max_norm):
    step = {name: lr * g for name, g in _weighted(params, parts).items()}
    return _moved(params, _clipped(step, max_norm), 1)


@step_in_parts.misconception("no-rate", "The rate is missing: p − lr * clipped[name].")
def _(params, parts, lr, max_norm):
    return step_in_parts_reference(params, parts, 1, max_norm)


@step_in_parts.misconception(
    "first-part-only", "It returns after the first part: clipping, step and `return` belong after the loop, to the left."
)
def _(params, parts, lr, max_norm):
    share = {name: g * _weights(parts)[0] for name, g in parts[0][1].items()}
    return _moved(params, _clipped(share, max_norm), lr)


@step_in_parts.misconception(
    "the-norm-for-the-dict",
    "clip_grad_norm of helpers.optim changes the dict and returns its norm, a number: call it without `clipped =`, and go on "
    "with the dict that you gave it.",
)
def _(params, parts, lr, max_norm):
    clipped = clip_grad_norm(_weighted(params, parts), max_norm)
    return {name: p - lr * clipped[name] for name, p in params.items()}


@step_in_parts.misconception(
    "both-results-in-one-name",
    "Your clip_grad_norm returns two things, the clipped gradients and the norm: clipped, norm = clip_grad_norm(…).",
)
def _(params, parts, lr, max_norm):
    clipped = _clipped(_weighted(params, parts), max_norm), max_norm
    return {name: p - lr * clipped[name] for name, p in params.items()}


@step_in_parts.variant("clipped in place, after the loop")
def _(params, parts, lr, max_norm):
    all_words = sum(words for words, _ in parts)
    total = {name: np.zeros_like(p) for name, p in params.items()}
    for words, grads in parts:
        for name in total:
            total[name] += grads[name] * (words / all_words)
    clip_grad_norm(total, max_norm)
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


@step_in_parts.landmark('`new["w"][0] ≈ 0.50`')
def _(f):
    parts = [(1, {"w": np.array([4.0])}), (3, {"w": np.array([4.0])})]
    return f({"w": np.array([1.0])}, parts, 0.5, 1.0)["w"][0]
