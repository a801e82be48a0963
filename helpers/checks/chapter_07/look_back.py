"""`look_back`: reference, oracles, and repairs that hide the fault or overshoot."""

from __future__ import annotations

import numpy as np

from helpers.checks.given import tensor
from helpers.checks.registry import Exercise


def look_back_reference(query, keys, mask):
    import torch

    scores = query @ keys.transpose(1, 2)                    # (N, T, S)
    scores = scores.masked_fill(~mask[:, None], -torch.inf)
    weights = scores.softmax(dim=2)
    return weights @ keys, weights


def _arrays(rng, N, T, S, H):
    mask = rng.random((N, S)) < 0.6   # with gaps, and padding in front, too
    mask[np.arange(N), rng.integers(0, S, N)] = True
    return {"query": 0.7 * rng.normal(size=(N, T, H)), "keys": rng.normal(size=(N, S, H)), "mask": mask}


def _tensors(arrays):
    return {name: tensor(array) for name, array in arrays.items()}


def _cases(rng, *, N=(2, 3), T=(3, 4), S=(5, 6), H=(7, 8)):
    return _tensors(_arrays(rng, N, T, S, H))


# float32 is there, too: the statement's example.
look_back = Exercise(
    "look_back", "07", look_back_reference, ("context", "weights"), _cases, rounds=4, rtol=1e-6
)


@look_back.extreme(
    "scores in the hundreds",
    "Right for small scores. exp of a large one overflows, and inf / inf is nan: `softmax` of torch subtracts each row's largest "
    "score first. The scores themselves are not cut off.",
)
def _(rng):
    arrays = _arrays(rng, N=3, T=4, S=6, H=7)
    return _tensors(arrays | {"query": 500 * arrays["query"]})


@look_back.extreme(
    "large numbers in the padding",
    "Right as long as the padding's scores are not far above the others. Whatever stands in the padding, −inf (or −1e9) has to "
    "take the place of its score before anything else is done with it.",
)
def _(rng):
    arrays = _arrays(rng, N=3, T=4, S=6, H=7)
    padding = ~arrays["mask"]
    arrays["keys"][padding] = 400 * np.repeat(arrays["query"][:, :1], 6, axis=1)[padding]
    return _tensors(arrays)


@look_back.extreme(
    "scores far above and far below 0",
    "Right as long as scores are alike. A row whose scores are all far below 0 (or below those of the others) must be taken by "
    "itself: its own largest score is subtracted, and the padding gets −inf, not some low number.",
)
def _(rng):
    arrays = _arrays(rng, N=3, T=1, S=6, H=7)
    arrays["mask"][:, :2], arrays["mask"][:, -1] = True, False
    query = np.repeat(arrays["query"], 4, axis=1) * np.array([1.0, 1.1, 0.9, 1.2])[:, None]
    unit = arrays["query"] / (arrays["query"] ** 2).sum(axis=2, keepdims=True)
    keys = arrays["keys"] + np.array([1500, 0, -1500])[:, None, None] * unit * arrays["mask"][:, :, None]
    return _tensors(arrays | {"query": query, "keys": keys})


@look_back.extreme(
    "a query of zeros", "With a query of zeros all scores are 0, and the real words share evenly. A score of 0 is no sign of padding."
)
def _(rng):
    arrays = _arrays(rng, N=2, T=3, S=6, H=7)
    return _tensors(arrays | {"query": 0 * arrays["query"]})


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
    seen = functional.scaled_dot_product_attention(query, keys, both, attn_mask=mask[:, None], scale=1.0)
    return seen[..., : keys.shape[2]], seen[..., keys.shape[2] :]


SCORES, MASKED = "query @ keys.transpose(1, 2)", "scores.masked_fill(~mask[:, None], -torch.inf)"
SOFTMAX, RETURN = "scores.softmax(dim=2)", "return weights @ keys, weights"
LOW = ("-torch.inf", "-1e9")   # the colleague's; with −inf the rows of padding are nan under another softmax

look_back.mistake(
    "unchanged",
    "This still does what the colleague's code does. Sum the weights along each axis: where they sum to 1, the steps compete "
    "for a word. A step has to choose among words.",
    LOW,
    ("dim=2", "dim=1"),
)

look_back.mistake(
    "unchanged-and-nan-hidden",
    "The softmax still runs over the steps: padding gave nan there, which `nan_to_num` hides. A step has to choose among "
    "words; then no row is −inf throughout, and no nan comes up.",
    ("dim=2)", "dim=1).nan_to_num()"),
)

# Repairs that hide the symptom
look_back.mistake(
    "divided-by-the-sum-afterwards",
    "Now the weights of a step sum to 1, but they were still made against the other steps, and only divided afterwards. "
    "With one step in the call all words get the same. The softmax itself has to run over the words.",
    LOW,
    (SOFTMAX, "scores.softmax(dim=1)\n    weights = weights / weights.sum(dim=2, keepdim=True)"),
)
look_back.mistake(
    "one-step-a-call",
    "You loop over the steps and leave the softmax where it was. Now one call and single steps agree, and the symptom is gone, "
    "but both are wrong: over a single step the softmax is 1 for every word, and nothing is chosen.",
    LOW,
    (SOFTMAX, "torch.cat([step.softmax(dim=1) for step in scores.split(1, dim=1)], dim=1)"),
)
look_back.mistake(
    "only-single-steps-mended",
    "Only single steps are mended: all steps in one call, as in training, still compete for a word. So the model is trained "
    "with one attention and tested with another. Over the words it has to be always.",
    LOW,
    (SOFTMAX, "scores.softmax(dim=2 if query.shape[1] == 1 else 1)"),
)
look_back.mistake(
    "only-steps-so-far",
    "The steps to come are hidden now, so nothing leaks from the future. But the softmax still runs over steps, those so far: "
    "a word competes with itself at other steps instead of with other words.",
    LOW,
    (SOFTMAX, "(scores - scores.logcumsumexp(dim=1)).exp()"),
)
look_back.mistake(
    "softer",
    "Scores divided by √H make the weights softer and the difference between one call and single steps smaller. It is still a "
    "softmax over the steps.",
    LOW,
    (SOFTMAX, "(scores / query.shape[2] ** 0.5).softmax(dim=1)"),
)
look_back.mistake(
    "scaled-to-the-right-sum",
    "The weights are multiplied so that on average they sum to 1 a step. That mends the size of the context, not the choice: "
    "the softmax still runs over the steps.",
    LOW,
    (SOFTMAX, "scores.softmax(dim=1) * query.shape[1] / keys.shape[1]"),
)

# Repairs that overshoot, or mend something else
look_back.mistake(
    "over-steps-and-words",
    "One softmax over steps and words together: all steps share a single 1. Each step has a whole of its own to give to its "
    "words.",
    (SOFTMAX, "scores.flatten(1).softmax(dim=1).reshape(scores.shape)"),
)
look_back.mistake(
    "over-the-batch",
    "dim=0 is the batch: now sentences compete with each other. The words are on the last axis.",
    LOW,
    ("dim=2", "dim=0"),
)
look_back.mistake(
    "twice",
    "The softmax over the words is right, but the one over the steps is still there as well. One is enough.",
    (SOFTMAX, "scores.softmax(dim=2).softmax(dim=1)"),
)
look_back.mistake(
    "first-steps-then-words",
    "The softmax over the steps is still there; a second one, over its results, makes the weights nearly even. Put the first "
    "in the right place instead.",
    LOW,
    (SOFTMAX, "scores.softmax(dim=1).softmax(dim=2)"),
)
look_back.mistake(
    "twice-over-the-words",
    "The softmax over the words is taken twice. Once turns scores into weights; the second makes them nearly equal.",
    (SOFTMAX, "scores.softmax(dim=2).softmax(dim=2)"),
)
look_back.mistake("mask-lost", "The axis is right now, but the mask has gone: padding gets weight.", (MASKED, "scores"))
look_back.mistake(
    "mask-along-the-steps",
    "The axis of the softmax is right now, but the mask got its new axis at the end, where the words are: (N, S, 1). It goes in "
    "the middle, where the steps are: `~mask[:, None]`.",
    ("mask[:, None]", "mask[:, :, None]"),
    LOW,
)
look_back.mistake(
    "first-query-at-every-step",
    "Every step asks with the first step's query, so all look at the same words. Step t has a query of its own.",
    ("scores = query", "scores = query[:, :1].expand_as(query)"),
)
look_back.mistake(
    "queries-mixed",
    "The weights mix the queries. They are weights of words: `weights @ keys`.",
    ("weights @ keys", "weights @ query"),
)
look_back.mistake(
    "mask-the-wrong-way-round",
    "The axis is right now, but the mask is the wrong way round: it is True at *real* words, and those are to keep their "
    "scores.",
    ("~mask", "mask"),
    LOW,
)
look_back.mistake(
    "zeros-in-the-keys",
    "Zeros in place of the padding's keys make its scores 0, and 0 is not nothing: e⁰ = 1. It is the *scores* that have to be "
    "−1e9 or −∞ there.",
    ("scores = query", "keys = keys * mask[..., None]\n    scores = query"),
    (MASKED, "scores"),
)
look_back.mistake(
    "padding-gets-0",
    "The axis is right now, but the padding's scores are 0, and 0 is not nothing: e⁰ = 1. Put −1e9 or −∞ there.",
    ("-torch.inf", "0.0"),
)
for number in (-10, -1000):
    look_back.mistake(
        f"padding-gets-{number}",
        f"The axis is right now, but {number if number > -1000 else 'the number in the padding'} is not low enough: where the "
        "real words' scores are as low, the padding gets weight. Put −1e9 or −∞ there.",
        ("-torch.inf", f"{number}.0"),
    )
look_back.mistake(
    "zero-times-infinity",
    "A product with −∞ is nan where the other factor is 0 (or False). Choose with `torch.where` or `masked_fill` instead.",
    (MASKED, 'scores + ~mask[:, None] * -float("inf")'),
)
look_back.mistake(
    "masked-and-divided",
    "You mask after the softmax and divide by what is left. Where the padding's score is far above the others that is 0 / 0. "
    "Mask the scores, as the colleague does.",
    (MASKED, "scores"),
    (SOFTMAX, "scores.softmax(dim=2) * mask[:, None]\n    weights = weights / weights.sum(dim=2, keepdim=True)"),
)
look_back.mistake(
    "one-maximum-for-all",
    "You subtract the largest score of the whole batch. In a row whose scores are all far below it, every exponential is 0, and "
    "0 / 0 is left. Each row has its own largest: `amax` with dim=2, keepdim=True.",
    (SOFTMAX, "(scores - scores.max()).exp()\n    weights = weights / weights.sum(dim=2, keepdim=True)"),
)
look_back.mistake(
    "mask-after-softmax",
    "The axis is right now, but you mask after the softmax: the weights of a sentence with padding no longer sum to 1. Mask the "
    "scores, as the colleague does.",
    (MASKED, "scores"),
    (SOFTMAX, "scores.softmax(dim=2) * mask[:, None]"),
)
look_back.mistake(
    "scaled",
    "The axis is right now. But you also divide the scores by √H, as Transformers do; plain dot-product attention does not.",
    (SOFTMAX, "(scores / query.shape[2] ** 0.5).softmax(dim=2)"),
)
look_back.mistake(
    "reshape-for-transpose",
    "reshape (or view) to (N, H, S) has the shape of the transpose, with the numbers in the wrong places: "
    "`keys.transpose(1, 2)`.",
    ("keys.transpose(1, 2)", "keys.reshape(len(keys), keys.shape[2], keys.shape[1])"),
)
look_back.mistake(
    "sigmoid",
    "Each weight is a sigmoid by itself. Attention shares *one* whole among the words: softmax.",
    (SOFTMAX, "scores.sigmoid()"),
)
look_back.mistake(
    "even",
    "All words get the same weight. One call and single steps agree then, but nothing is chosen: the scores have to decide.",
    (SCORES, f"0 * ({SCORES})"),
)
look_back.mistake(
    "hardest",
    "All the weight goes to the best word (argmax). That has no gradient; the softmax shares it.",
    (SOFTMAX, "torch.nn.functional.one_hot(scores.argmax(dim=2), scores.shape[2]).to(scores.dtype)"),
)


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
    import torch

    scores = (query @ keys.transpose(1, 2)).masked_fill(~mask[:, None], -torch.inf)
    e = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    weights = e / e.sum(dim=-1, keepdim=True)
    return (weights[..., None] * keys[:, None]).sum(dim=2), weights


@look_back.variant("axes exchanged, and back")
def _(query, keys, mask):
    scores = (keys @ query.transpose(1, 2)).masked_fill(~mask[:, :, None], -1e30)   # (N, S, T): words on axis 1
    weights = scores.softmax(dim=1).transpose(1, 2)
    return weights.bmm(keys), weights


look_back.landmark("""
    query = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    keys = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
    mask = torch.tensor([[True, True, False]])
    context, weights = look_back(query, keys, mask)
    context   # ≈ [[[0.731, 0.269], [0.731, 0.269]]]
    weights   # ≈ [[[0.731, 0.269, 0.000], [0.731, 0.269, 0.000]]]
""")
