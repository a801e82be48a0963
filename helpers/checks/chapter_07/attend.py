"""`attend`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.layers import sigmoid, softmax  # noqa: F401 (mistakes use the sigmoid)


def attend_reference(query, keys, mask):
    scores = np.einsum("nh,nsh->ns", query, keys)
    weights = softmax(np.where(mask, scores, -np.inf), axis=1)
    return np.einsum("ns,nsh->nh", weights, keys), weights


def attend_cases(rng, *, N=(3, 4), S=(5, 6), H=(7, 8)):
    """query (N, H), keys (N, S, H), mask (N, S) with gaps; one sentence is full, one has a single word."""
    mask = rng.random((N, S)) < 0.6
    mask[np.arange(N), rng.integers(S, size=N)] = True
    if N > 1:
        full, single = rng.permutation(N)[:2]
        mask[full], mask[single] = True, np.arange(S) == rng.integers(S)
    return {"query": 0.7 * rng.normal(size=(N, H)), "keys": rng.normal(size=(N, S, H)), "mask": mask}


def large_scores(rng, case=attend_cases):
    """A case with scores in the hundreds and thousands."""
    drawn = case(rng, N=4, S=6, H=7)
    return drawn | {"query": 500 * drawn["query"]}


def large_padding(rng, case=attend_cases):
    """A case in which what stands in the padding fits the query best by far."""
    drawn = case(rng, N=4, S=6, H=7)
    query, keys, padding = drawn["query"][:, None], drawn["keys"].copy(), ~drawn["mask"]
    keys[padding] = 1e10 * np.broadcast_to(query, keys.shape)[padding]
    return drawn | {"keys": keys}


def unequal_rows(rng, case=attend_cases):
    """A case with scores around 1500 in one sentence, around 0 in the next and around −1500 in the third."""
    drawn = case(rng, N=3, S=6, H=7)
    query, keys, mask = drawn["query"], drawn["keys"], drawn["mask"]
    mask[:, :2], mask[:, -1] = True, False   # two words, so that the weights are not 1, and some padding
    unit = query / (query**2).sum(axis=1, keepdims=True)
    keys += np.array([1500, 0, -1500])[:, None, None] * unit[:, None] * mask[:, :, None]
    return drawn


def no_query(rng, case=attend_cases):
    """A case in which all scores are 0."""
    drawn = case(rng, N=3, S=6, H=7)
    return drawn | {"query": 0 * drawn["query"]}


attend = Exercise(
    "attend", "07", attend_reference, ("context", "weights"), attend_cases, rounds=4, float32_rtol=2e-3
)
attend.extreme(
    "scores in the hundreds",
    "Right for small scores. exp of a large one overflows, and inf / inf is nan: subtract the row's largest score first, or "
    "use `softmax`. The scores themselves are not cut off.",
)(large_scores)
attend.extreme(
    "large numbers in the padding",
    "Right as long as the padding's scores are not far above the others. Whatever stands in the padding, −inf has to take the "
    "place of its score before anything else is done with it.",
)(large_padding)
attend.extreme(
    "scores far above and far below 0",
    "Right as long as the sentences' scores are alike. A sentence whose scores are all far below 0 (or below those of the "
    "others) must be taken by itself: its own largest score is subtracted, and the padding gets −inf, not some low number.",
)(unequal_rows)
attend.extreme(
    "a query of zeros", "With a query of zeros all scores are 0, and the real words share evenly. A score of 0 is no sign of padding."
)(no_query)


@attend.oracle("word by word, each weight as 1 / Σ exp(differences of scores)")
def _(query, keys, mask):
    N, S, H = keys.shape
    context, weights = np.zeros((N, H)), np.zeros((N, S))
    for n in range(N):
        words = [j for j in range(S) if mask[n, j]]
        score = {j: sum(query[n, k] * keys[n, j, k] for k in range(H)) for j in words}
        for j in words:
            weights[n, j] = 1 / sum(np.exp(np.minimum(score[i] - score[j], 700)) for i in words)
            context[n] += weights[n, j] * keys[n, j]
    return context, weights


@attend.oracle("torch's scaled_dot_product_attention, without its scale", needs_torch=True)
def _(query, keys, mask):
    import torch
    from torch.nn import functional

    q, k, m = torch.tensor(query)[:, None], torch.tensor(keys), torch.tensor(mask)[:, None]
    eye = torch.eye(keys.shape[1], dtype=q.dtype).expand(len(q), -1, -1)
    both = torch.cat([k, eye], dim=2)   # a one-hot value for each word comes out as its weight
    mixed = functional.scaled_dot_product_attention(q, k, both, attn_mask=m, scale=1.0)[:, 0].numpy()
    return mixed[:, : keys.shape[2]], mixed[:, keys.shape[2] :]


SCORES = 'np.einsum("nh,nsh->ns", query, keys)'
MASKED = "np.where(mask, scores, -np.inf)"
WEIGHTS = "softmax(np.where(mask, scores, -np.inf), axis=1)"
CONTEXT = 'np.einsum("ns,nsh->nh", weights, keys)'

# The mask
attend.mistake(
    "mask-forgotten",
    "The mask is never used: padding gets a share of the attention. Set the scores of padding to −inf *before* the softmax.",
    (MASKED, "scores"),
)
attend.mistake(
    "mask-after-softmax",
    "You mask *after* the softmax. By then padding has already taken its share, so what is left does not sum to 1. Mask "
    "the scores, with −inf, and then take the softmax.",
    (WEIGHTS, "softmax(scores, axis=1) * mask"),
)
attend.mistake(
    "mask-after-and-normalised-again",
    "Masking after exp and dividing by the sum of what is left is right on paper. But when a place of padding has by far the "
    "largest score, every real exponential has already become 0, and 0/0 is left. Mask the scores first, with −inf; then look "
    "for the largest.",
    (WEIGHTS, "softmax(scores, axis=1) * mask\n    weights = weights / weights.sum(axis=1, keepdims=True)"),
)
attend.mistake(
    "masked-with-zero",
    "The scores of padding are set to 0 (or multiplied by the mask). A score of 0 is not nothing: e⁰ = 1. Only −inf gives "
    "the weight 0.",
    ("-np.inf", "0.0"),
)
for number in (-10, -1000):
    attend.mistake(
        f"masked-with-{number}",
        f"{number if number > -1000 else 'The number'} in the padding is not low enough: where the real words' scores are as low, "
        "the padding gets weight. −inf is below every score.",
        ("-np.inf", f"{number}.0"),
    )
attend.mistake(
    "mask-added",
    "scores + mask adds 1 to the real words, and leaves the padding in the softmax. Its scores have to become −inf.",
    (MASKED, "scores + mask"),
)
attend.mistake(
    "zero-times-infinity",
    "A product with −inf is nan where the other factor is 0 (or False). Choose with `np.where` instead of multiplying.",
    (MASKED, "scores + ~mask * -np.inf"),
)
attend.mistake(
    "mask-turned-round",
    "The mask is turned round: the real words got −inf. True marks a real word.",
    ("scores, -np.inf", "-np.inf, scores"),
)
attend.mistake(
    "mask-as-lengths",
    "You count the real words and take as many from the front. Padding may stand before the words or between them: look at the "
    "mask, place by place.",
    (MASKED, "np.where(np.arange(mask.shape[1]) < mask.sum(axis=1)[:, None], scores, -np.inf)"),
)
attend.mistake(
    "masked-with-plus-infinity",
    "The scores of padding became +inf, the largest of all. It is −np.inf.",
    ("-np.inf", "np.inf"),
)
attend.mistake(
    "mask-on-the-keys",
    "The keys of padding are set to zero, so their scores are 0, and e⁰ = 1: they still get weight. Mask the scores, with "
    "−inf.",
    ("scores = ", "keys = keys * mask[:, :, None]\n    scores = "),
    (MASKED, "scores"),
)
attend.mistake(
    "mask-on-the-keys-of-the-context",
    "Weights and context see different things: the mask is only on the keys that are mixed, and the weights still give the "
    "padding a share. Mask the scores, with −inf.",
    (MASKED, "scores"),
    (CONTEXT, 'np.einsum("ns,nsh->nh", weights, keys * mask[:, :, None])'),
)

# The softmax
attend.mistake(
    "softmax-over-the-batch",
    "The softmax runs over the batch (axis 0): different sentences compete with each other. The weights of one sentence's "
    "words have to sum to 1: axis 1.",
    ("axis=1", "axis=0"),
)
attend.mistake(
    "softmax-over-everything",
    "One softmax over the whole array: all sentences together sum to 1. Each row must, by itself: axis=1 and keepdims.",
    (WEIGHTS, "softmax(np.where(mask, scores, -np.inf).reshape(-1)).reshape(mask.shape)"),
)
attend.mistake(
    "one-maximum-for-all",
    "You subtract the largest score of the whole batch. In a sentence whose scores are all far below it, every exponential is "
    "0, and 0/0 is left. Each row has its own largest: axis=1, keepdims=True.",
    (WEIGHTS, "np.exp(np.where(mask, scores, -np.inf) - np.max(np.where(mask, scores, -np.inf)))\n"
              "    weights = weights / weights.sum(axis=1, keepdims=True)"),
)  # fmt: skip
attend.mistake(
    "no-softmax",
    "The raw scores are used as weights. They may be negative and do not sum to 1: take the softmax.",
    (WEIGHTS, "np.where(mask, scores, 0.0)"),
)
attend.mistake(
    "divided-by-the-sum",
    "You divide the scores by their sum. Scores can be negative, so these are no shares: the softmax takes exp first.",
    (WEIGHTS, "np.where(mask, scores, 0.0)\n    weights = weights / weights.sum(axis=1, keepdims=True)"),
)
attend.mistake(
    "not-normalised",
    "These are the exponentials (of the scores less the largest). Divide them by their sum.",
    (WEIGHTS, "np.where(mask, scores, -np.inf)\n    weights = np.exp(weights - weights.max(axis=1, keepdims=True))"),
)
attend.mistake(
    "not-normalised-nor-shifted",
    "These are the exponentials of the scores. Divide them by their sum; and subtract the row's largest score before exp, "
    "which overflows otherwise. `softmax` does both.",
    (WEIGHTS, "np.exp(np.where(mask, scores, -np.inf))"),
)
attend.mistake(
    "overflow",
    "exp of a large score overflows and leaves nan. Subtract the row's largest score first, or use helpers' softmax.",
    (WEIGHTS, "np.exp(np.where(mask, scores, -np.inf))\n    weights = weights / weights.sum(axis=1, keepdims=True)"),
)
attend.mistake(
    "sigmoid",
    "Each weight is a sigmoid by itself. Attention shares *one* whole among the words: softmax.",
    (WEIGHTS, "sigmoid(np.where(mask, scores, -np.inf))"),
)
attend.mistake(
    "hardest",
    "All the weight goes to the best word (argmax). That has no gradient; the softmax shares it.",
    (WEIGHTS, "np.eye(mask.shape[1])[np.where(mask, scores, -np.inf).argmax(axis=1)]"),
)
attend.mistake(
    "uniform",
    "Every word has the same weight, whatever the query is. The scores are to decide.",
    (WEIGHTS, "mask / mask.sum(axis=1, keepdims=True)"),
)
attend.mistake(
    "softmax-twice",
    "You take the softmax twice. Once turns scores into weights; the second makes them nearly equal.",
    (WEIGHTS, "softmax(np.where(mask, softmax(np.where(mask, scores, -np.inf), axis=1), -np.inf), axis=1)"),
)

# The scores
attend.mistake(
    "scaled",
    "You divide the scores by √H, as Transformers do. Plain dot-product attention does not.",
    (SCORES, SCORES + " / np.sqrt(query.shape[1])"),
)
attend.mistake(
    "mean-of-products",
    "Your score is the mean of the H products. The dot product is their sum.",
    (SCORES, SCORES + " / query.shape[1]"),
)
attend.mistake(
    "cosine",
    "Your score is the cosine: query and keys have been brought to length 1. The dot product keeps their lengths.",
    (SCORES, SCORES + " / np.linalg.norm(query, axis=1)[:, None] / np.linalg.norm(keys, axis=2)"),
)
attend.mistake(
    "distance",
    "Your score is the (negative) squared distance between query and key. It is their dot product.",
    (SCORES, "-((query[:, None] - keys) ** 2).sum(axis=2)"),
)
attend.mistake(
    "reshape-for-transpose",
    "keys.reshape(N, H, S) has the shape of the transpose, with the numbers in the wrong places. np.einsum needs no "
    "transpose; or keys.transpose(0, 2, 1), or keys @ query[:, :, None].",
    (SCORES, "(query[:, None] @ keys.reshape(len(keys), keys.shape[2], keys.shape[1]))[:, 0]"),
)
attend.mistake(
    "one-query-for-all",
    "Every sentence is asked with the first one's query. Row n of the query belongs to row n of the keys.",
    (SCORES, "keys @ query[0]"),
)
attend.mistake(
    "query-ignored",
    "The query has no part in your scores: the same words get the weight at every step of the decoder. The score is query · "
    "key.",
    (SCORES, "keys.sum(axis=2)"),
)

# The context
attend.mistake(
    "last-state-only",
    "The context is the last state of the encoder, as if there were no attention. It is the weighted sum over all of them.",
    (CONTEXT, "keys[:, -1]"),
)
attend.mistake(
    "mean-for-sum",
    "The context is a *mean* of the weighted keys. The weights sum to 1 already: take the sum over the S words.",
    (CONTEXT, CONTEXT + " / keys.shape[1]"),
)
attend.mistake(
    "summed-over-units",
    "You sum over the H units, which leaves a number for each word, (N, S). The context is (N, H): sum over the words.",
    (CONTEXT, "(weights[:, :, None] * keys).sum(axis=2)"),
)
attend.mistake(
    "query-mixed",
    "You weigh the query, and since the weights sum to 1, the query comes out. What is mixed are the encoder's states, the "
    "keys.",
    (CONTEXT, "weights.sum(axis=1, keepdims=True) * query"),
)
attend.mistake(
    "scores-mix",
    "The context is mixed with the raw scores. It takes the weights, after the softmax.",
    (CONTEXT, 'np.einsum("ns,nsh->nh", np.where(mask, scores, 0.0), keys)'),
)
attend.mistake(
    "scores-mix-unmasked",
    "The context is mixed with the raw scores, the padding's among them. It takes the weights, after the softmax.",
    (CONTEXT, 'np.einsum("ns,nsh->nh", scores, keys)'),
)
attend.mistake(
    "divided-by-the-length",
    "The context is divided by the number of real words. The weights sum to 1 already: nothing is left to divide by.",
    (CONTEXT, CONTEXT + " / mask.sum(axis=1, keepdims=True)"),
)
attend.mistake(
    "plain-mean",
    "The context is the plain mean of the keys, whatever the weights are. It is their sum, each with its weight.",
    (CONTEXT, "keys.mean(axis=1)"),
)
attend.mistake(
    "the-best-key",
    "The context is the key with the largest weight, alone. It is a mixture of all of them, each with its weight: a choice "
    "has no gradient.",
    (CONTEXT, "keys[np.arange(len(keys)), weights.argmax(axis=1)]"),
)
attend.mistake(
    "batch-mixed",
    "The context sums over sentences as well (weights @ keys of another row came in). Row n takes weights n and keys n.",
    (CONTEXT, 'np.einsum("ns,msh->nh", weights, keys)'),
)
attend.mistake(
    "outputs-swapped",
    "The two outputs are exchanged: first the context (N, H), then the weights (N, S).",
    (CONTEXT + ", weights", "weights, " + CONTEXT),
)


attend.mistake(
    "context-overwritten",
    "In the loop over the words the context is set anew each time (`=` for `+=`), so only the last word's share is left. Add the shares "
    "up: +=.",
    ('np.einsum("ns,nsh->nh", weights, keys), weights', "weights[:, -1:] * keys[:, -1], weights"),
)


@attend.variant("matrix products")
def _(query, keys, mask):
    scores = (keys @ query[:, :, None])[:, :, 0]
    scores[~mask] = -np.inf
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    return (weights[:, None, :] @ keys)[:, 0], weights


@attend.variant("−1e9 for −inf")
def _(query, keys, mask):
    scores = np.where(mask, (query[:, None, :] * keys).sum(axis=2), -1e9)
    weights = softmax(scores, axis=-1)
    return (weights[:, :, None] * keys).sum(axis=1), weights


@attend.variant("sentence by sentence, real words only")
def _(query, keys, mask):
    context, weights = np.zeros_like(query), np.zeros(mask.shape, query.dtype)
    for n, real in enumerate(mask):
        weights[n, real] = softmax(keys[n][real] @ query[n])
        context[n] = weights[n] @ keys[n]
    return context, weights


@attend.variant("a penalty added to the scores")
def _(query, keys, mask):
    penalty = np.zeros(mask.shape, query.dtype)
    penalty[~mask] = -np.inf
    scores = np.matmul(keys, query[..., None]).squeeze(-1) + penalty
    weights = softmax(scores)
    return np.einsum("bs,bsh->bh", weights, keys), weights


attend.landmark("""
    query = np.array([[1.0, 0.0]])
    keys = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
    mask = np.array([[True, True, False]])
    context, weights = attend(query, keys, mask)
    context   # ≈ [[0.731, 0.269]]
    weights   # ≈ [[0.731, 0.269, 0.000]]
""")
