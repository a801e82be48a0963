"""`look_back`: reference, oracles, and repairs that hide the fault or overshoot."""

from __future__ import annotations

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.given import tensor
from helpers.checks.registry import Exercise

NAMES = ("query", "keys", "mask")


def _scores(query, keys):
    return query @ keys.transpose(1, 2)


def _masked(query, keys, mask):
    return _scores(query, keys).masked_fill(~mask[:, None], -float("inf"))


def _mixed(weights, keys):
    return weights @ keys, weights


def _look_back(query, keys, mask):
    return _mixed(_masked(query, keys, mask).softmax(dim=2), keys)


def _cases(rng):
    N, T, S, H = int(rng.integers(1, 3)), int(rng.choice([1, 3, 4])), int(rng.integers(5, 7)), int(rng.integers(7, 9))
    mask = rng.random((N, S)) < 0.6   # with gaps, and padding in front, too
    mask[np.arange(N), rng.integers(0, S, N)] = True
    keys = rng.normal(size=(N, S, H))
    if rng.random() < 0.3:   # whatever stands in the padding, it must not matter
        keys[~mask] *= 1000
    size = rng.choice([0.7, 700.0], p=[0.7, 0.3])   # scores in the hundreds now and then
    return {
        "query": tensor(size * rng.normal(size=(N, T, H))),
        "keys": tensor(keys),
        "mask": tensor(mask),
    }


def _trial(function, query, keys, mask):
    import torch

    leaves = [query.requires_grad_(), keys.requires_grad_()]
    given = [*(leaf.clone() for leaf in leaves), mask.clone()]
    result = function(*given)
    if not isinstance(result, tuple | list) or len(result) != 2:
        kind = "nothing" if result is None else f"one {type(result).__name__}"
        raise Complaint(f"The function should return two things, context and weights; it returned {kind}.")
    for name, got in zip(("context", "weights"), result, strict=True):
        if not isinstance(got, torch.Tensor):
            raise Complaint(f"`{name}` is a {type(got).__name__}; it should be a torch tensor, like what goes in.")
    changed = [name for name, a, b in zip(NAMES, given, (query, keys, mask), strict=True) if not torch.equal(a, b)]
    if changed:
        raise Complaint(f"`{changed[0]}` is changed by the call; leave what is handed in as it is.")
    right = _look_back(*leaves, mask)
    if all(a.shape == b.shape and torch.allclose(a.double(), b) for a, b in zip(result, right, strict=True)):
        _may_train(function, leaves, mask, result, right)
    return tuple(got.detach() for got in result)


def _may_train(function, leaves, mask, result, right):
    """Right values: do gradients come back as well, and does float32 stay float32?"""
    import torch

    for name, got, wanted in zip(("context", "weights"), result, right, strict=True):
        if not got.requires_grad:
            raise Complaint(f"No gradient comes back through `{name}`: compute it with torch, without detach or argmax.")
        ramp = torch.linspace(1, 2, wanted.numel(), dtype=wanted.dtype).view(wanted.shape)
        found, known = (
            torch.autograd.grad((each * ramp).sum(), leaves, retain_graph=True, allow_unused=True)
            for each in (got, wanted)
        )
        if any(a is None or not torch.allclose(a, b, rtol=1e-5) for a, b in zip(found, known, strict=True)):
            raise Complaint(f"The values are right, but not the gradient that comes back through `{name}`: is there a detach?")
    for name, got in zip(("context", "weights"), function(*(leaf.detach().float() for leaf in leaves), mask), strict=True):
        if got.dtype != torch.float32:
            raise Complaint(f"With float32 in, `{name}` is {got.dtype}: the models of this chapter want float32 back.")


look_back = Exercise(
    "look_back", "07", _look_back, ("context", "weights"), _cases, rounds=10, rtol=1e-8, trial=_trial
)


@look_back.oracle("step by step and word by word, each weight as 1 / Σ exp(differences of scores)", needs_torch=True)
def _(query, keys, mask):
    query, keys, mask = query.numpy(), keys.numpy(), mask.numpy()
    weights = np.zeros((*query.shape[:2], keys.shape[1]))
    for n, t in np.ndindex(query.shape[:2]):
        words = np.flatnonzero(mask[n])
        score = {j: float(np.dot(query[n, t], keys[n, j])) for j in words}
        for j in words:
            weights[n, t, j] = 1 / sum(np.exp(min(score[i] - score[j], 700)) for i in words)
    return np.einsum("nts,nsh->nth", weights, keys), weights


@look_back.oracle("torch's scaled_dot_product_attention, without its scale", needs_torch=True)
def _(query, keys, mask):
    import torch
    from torch.nn import functional

    eye = torch.eye(keys.shape[1], dtype=keys.dtype).expand(len(keys), -1, -1)
    both = torch.cat([keys, eye], dim=2)   # a one-hot value for each word comes out as its weight
    seen = functional.scaled_dot_product_attention(query, keys, both, attn_mask=mask[:, None], scale=1.0).detach()
    return seen[..., : keys.shape[2]], seen[..., keys.shape[2] :]


@look_back.misconception(
    "unchanged",
    "This still does what the colleague's code does. Sum the weights along each axis: where they sum to 1, the steps compete "
    "for a word. A step has to choose among words.",
)
def _(query, keys, mask):
    from helpers.colleague.chapter_07 import look_back as colleagues

    return colleagues(query, keys, mask)


# Repairs that hide the symptom
@look_back.misconception(
    "divided-by-the-sum-afterwards",
    "Now the weights of a step sum to 1, but they were still made against the other steps, and only divided afterwards. "
    "With one step in the call all words get the same. The softmax itself has to run over the words.",
)
def _(query, keys, mask):
    from helpers.colleague.chapter_07 import look_back as colleagues

    weights = colleagues(query, keys, mask)[1]
    return _mixed(weights / weights.sum(dim=2, keepdim=True), keys)


@look_back.misconception(
    "one-step-a-call",
    "You loop over the steps and leave the softmax where it was. Now one call and single steps agree, and the symptom is gone, "
    "but both are wrong: over a single step the softmax is 1 for every word, and nothing is chosen.",
)
def _(query, keys, mask):
    import torch

    scores = _scores(query, keys).masked_fill(~mask[:, None], -1e9)
    return _mixed(torch.cat([step.softmax(dim=1) for step in scores.split(1, dim=1)], dim=1), keys)


@look_back.misconception(
    "only-single-steps-mended",
    "Single steps are mended, and the symptom is gone; all steps in one call still compete for a word, as in training. Over "
    "the words it has to be always.",
)
def _(query, keys, mask):
    scores = _scores(query, keys).masked_fill(~mask[:, None], -1e9)
    return _mixed(scores.softmax(dim=2 if query.shape[1] == 1 else 1), keys)


@look_back.misconception(
    "only-steps-so-far",
    "The steps to come are hidden now, so nothing leaks from the future. But the softmax still runs over steps, those so far: "
    "a word competes with itself at other steps instead of with other words.",
)
def _(query, keys, mask):
    scores = _scores(query, keys).masked_fill(~mask[:, None], -1e9)
    return _mixed((scores - scores.logcumsumexp(dim=1)).exp(), keys)


@look_back.misconception(
    "softer",
    "Scores divided by √H make the weights softer and the difference between one call and single steps smaller. It is still a "
    "softmax over the steps.",
)
def _(query, keys, mask):
    scores = _scores(query, keys).masked_fill(~mask[:, None], -1e9)
    return _mixed((scores / query.shape[2] ** 0.5).softmax(dim=1), keys)


@look_back.misconception(
    "scaled-to-the-right-sum",
    "The weights are multiplied so that on average they sum to 1 a step. That mends the size of the context, not the choice: "
    "the softmax still runs over the steps.",
)
def _(query, keys, mask):
    weights = _scores(query, keys).masked_fill(~mask[:, None], -1e9).softmax(dim=1)
    return _mixed(weights * query.shape[1] / keys.shape[1], keys)


# Repairs that overshoot, or mend something else
@look_back.misconception(
    "over-steps-and-words",
    "One softmax over steps and words together: all steps share a single 1. Each step has a whole of its own to give to its "
    "words.",
)
def _(query, keys, mask):
    scores = _masked(query, keys, mask)
    return _mixed(scores.flatten(1).softmax(dim=1).view(scores.shape), keys)


@look_back.misconception(
    "over-the-batch",
    "dim=0 is the batch: now sentences compete with each other. The words are on the last axis.",
)
def _(query, keys, mask):
    return _mixed(_scores(query, keys).masked_fill(~mask[:, None], -1e9).softmax(dim=0), keys)


@look_back.misconception(
    "twice",
    "The softmax over the words is right, but the one over the steps is still there as well. One is enough.",
)
def _(query, keys, mask):
    return _mixed(_masked(query, keys, mask).softmax(dim=2).softmax(dim=1), keys)


@look_back.misconception(
    "first-steps-then-words",
    "The softmax over the steps is still there; a second one, over its results, makes the weights nearly even. Put the first "
    "in the right place instead.",
)
def _(query, keys, mask):
    from helpers.colleague.chapter_07 import look_back as colleagues

    return _mixed(colleagues(query, keys, mask)[1].softmax(dim=2), keys)


@look_back.misconception(
    "mask-lost",
    "The axis is right now, but the mask has gone: padding gets weight.",
)
def _(query, keys, mask):
    return _mixed(_scores(query, keys).softmax(dim=2), keys)


@look_back.misconception(
    "mask-the-wrong-way-round",
    "The axis is right now, but the mask is the wrong way round: it is True at *real* words, and those are to keep their "
    "scores.",
)
def _(query, keys, mask):
    return _mixed(_scores(query, keys).masked_fill(mask[:, None], -1e9).softmax(dim=2), keys)


@look_back.misconception(
    "zero-for-padding",
    "The axis is right now, but the padding's scores are 0, and 0 is not nothing: e⁰ = 1. Put −1e9 or −∞ there.",
)
def _(query, keys, mask):
    return _mixed((_scores(query, keys) * mask[:, None]).softmax(dim=2), keys)


@look_back.misconception(
    "zeros-in-the-keys",
    "Zeros in place of the padding's keys make its scores 0, and 0 is not nothing: e⁰ = 1. It is the *scores* that have to be "
    "−1e9 or −∞ there.",
)
def _(query, keys, mask):
    return _look_back(query, keys * mask[..., None], mask | True)


def _padded_with(number):
    @look_back.misconception(
        f"padding-gets-{number}",
        f"The axis is right now, but {number} is not low enough: where the real words' scores are lower still, the padding gets "
        "all the weight. Put −1e9 or −∞ there.",
    )
    def _(query, keys, mask):
        return _mixed(_scores(query, keys).masked_fill(~mask[:, None], number).softmax(dim=2), keys)


for number in (-10, -100, -1000):
    _padded_with(number)


@look_back.misconception(
    "zero-times-infinity",
    "A product with −∞ is nan where the other factor is 0 (or False). Choose with `torch.where` or `masked_fill` instead.",
)
def _(query, keys, mask):
    return _mixed((_scores(query, keys) + ~mask[:, None] * -float("inf")).softmax(dim=2), keys)


@look_back.misconception(
    "exponentials-overflow",
    "By hand, exp overflows at scores of some hundreds, and inf / inf is nan. `torch.softmax` subtracts each row's largest "
    "score first.",
)
def _(query, keys, mask):
    e = _scores(query, keys).exp() * mask[:, None]
    return _mixed(e / e.sum(dim=2, keepdim=True), keys)


@look_back.misconception(
    "masked-and-divided",
    "You mask after the softmax and divide by what is left. Where the padding's score is far above the others that is 0 / 0. "
    "Mask the scores, as it was.",
)
def _(query, keys, mask):
    weights = _scores(query, keys).softmax(dim=2) * mask[:, None]
    return _mixed(weights / weights.sum(dim=2, keepdim=True), keys)


@look_back.misconception(
    "squeezed",
    "`squeeze` takes away every axis of size 1, and with one sentence or one step in the call such an axis means something.",
)
def _(query, keys, mask):
    return tuple(each.squeeze() for each in _look_back(query, keys, mask))


@look_back.misconception("weights-first", "You return weights and context. The context comes first.")
def _(query, keys, mask):
    return _look_back(query, keys, mask)[::-1]


@look_back.misconception(
    "mask-after-softmax",
    "The axis is right now, but you mask after the softmax: the weights of a sentence with padding no longer sum to 1. Mask the "
    "scores, as it was.",
)
def _(query, keys, mask):
    return _mixed(_scores(query, keys).softmax(dim=2) * mask[:, None], keys)


@look_back.misconception(
    "scaled",
    "The axis is right now. But you also divide the scores by √H, as Transformers do; plain dot-product attention does not.",
)
def _(query, keys, mask):
    return _mixed((_masked(query, keys, mask) / query.shape[2] ** 0.5).softmax(dim=2), keys)


@look_back.misconception(
    "even",
    "All words get the same weight. One call and single steps agree then, but nothing is chosen: the scores have to decide.",
)
def _(query, keys, mask):
    scores = _masked(query, keys, mask)
    return _mixed((0 * _scores(query, keys)).masked_fill(scores.isinf(), -1e9).softmax(dim=2), keys)


@look_back.misconception(
    "axes-of-the-weights",
    "The weights come out as (N, S, T). Each row belongs to a step and has a column for each word: (N, T, S).",
)
def _(query, keys, mask):
    context, weights = _look_back(query, keys, mask)
    return context, weights.transpose(1, 2)


@look_back.variant("the colleague's code with dim=2")
def _(query, keys, mask):
    import torch

    scores = torch.einsum("nth,nsh->nts", query, keys)
    scores = torch.where(mask.unsqueeze(1), scores, -1e9)
    weights = torch.softmax(scores, dim=2)
    return torch.einsum("nts,nsh->nth", weights, keys), weights


@look_back.variant("a loop over the steps, as in exercise 7.2")
def _(query, keys, mask):
    import torch

    contexts, weights = [], []
    for t in range(query.shape[1]):
        scores = (keys @ query[:, t, :, None]).squeeze(2)
        weight = scores.masked_fill(~mask, -torch.inf).softmax(dim=1)
        contexts.append((weight[:, None] @ keys)[:, 0])
        weights.append(weight)
    return torch.stack(contexts, dim=1), torch.stack(weights, dim=1)


@look_back.variant("exponentials by hand")
def _(query, keys, mask):
    scores = _masked(query, keys, mask)
    e = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    weights = e / e.sum(dim=-1, keepdim=True)
    return (weights[..., None] * keys[:, None]).sum(dim=2), weights


@look_back.variant("axes exchanged, and back")
def _(query, keys, mask):
    scores = (keys @ query.transpose(1, 2)).masked_fill(~mask[:, :, None], -1e30)   # (N, S, T): words on axis 1
    weights = scores.softmax(dim=1).transpose(1, 2)
    return weights.bmm(keys), weights


@look_back.landmark("`weights[0, 0, 0] ≈ 0.731`")
def _(f):
    import torch

    keys = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
    return float(f(torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]), keys, torch.tensor([[True, True, False]]))[1][0, 0, 0])
