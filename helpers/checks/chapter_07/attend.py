"""`attend`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.lines import Lines
from helpers.checks.registry import Exercise
from helpers.layers import sigmoid, softmax

ATTEND_LINES = {
    "scores": lambda s: np.einsum("nh,nsh->ns", s.query, s.keys),
    "masked": lambda s: np.where(s.mask, s.scores, -np.inf),
    "weights": lambda s: softmax(s.masked, axis=1),
    "context": lambda s: np.einsum("ns,nsh->nh", s.weights, s.keys),
}
"""`attend` as named lines; `attend_backward` begins with the same."""


def attend_case(rng):
    """query (N, H), keys (N, S, H), mask (N, S); one sentence is full, one has a single word."""
    N, S, H = int(rng.integers(3, 5)), int(rng.integers(5, 7)), int(rng.integers(7, 9))
    lengths = rng.integers(2, S, size=N)
    lengths[rng.permutation(N)[:2]] = S, 1
    return {
        "query": 0.7 * rng.normal(size=(N, H)),
        "keys": rng.normal(size=(N, S, H)),
        "mask": np.arange(S) < lengths[:, None],
    }


def _cases(rng):
    case = attend_case(rng)
    kind = rng.integers(3)
    if kind == 0:   # exp of these scores overflows
        case["query"] = 700 * case["query"]
    elif kind == 1:   # whatever stands in the padding, it must not matter
        padding = ~case["mask"]
        case["keys"][padding] = 400 * np.broadcast_to(case["query"][:, None], case["keys"].shape)[padding]
    return case


def attend_reference(query, keys, mask):
    scores = np.where(mask, np.einsum("nh,nsh->ns", query, keys), -np.inf)
    weights = softmax(scores, axis=1)
    return np.einsum("ns,nsh->nh", weights, keys), weights


attend = Exercise(
    "attend", "07", attend_reference, ("context", "weights"), _cases, rounds=8, float32_rtol=2e-3
)
right = Lines(attend, "query keys mask", ATTEND_LINES)
mistake = right.mistake


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


# The mask
mistake(
    "mask-forgotten",
    "The mask is never used: padding gets a share of the attention. Set the scores of padding to −inf *before* the softmax.",
    masked=lambda s: s.scores,
)
mistake(
    "mask-after-softmax",
    "You mask *after* the softmax. By then padding has already taken its share, so what is left does not sum to 1. Mask "
    "the scores, with −inf, and then take the softmax.",
    weights=lambda s: softmax(s.scores, axis=1) * s.mask,
)
mistake(
    "mask-after-and-normalised-again",
    "Masking after the softmax and dividing by the new sum is right on paper. But when a place of padding has by far the "
    "largest score, every real exponential has already become 0, and 0/0 is left. Mask the scores first, with −inf; then look "
    "for the largest.",
    weights=lambda s: (w := softmax(s.scores, axis=1) * s.mask) / w.sum(axis=1, keepdims=True),
)
mistake(
    "masked-with-zero",
    "The scores of padding are set to 0 (or multiplied by the mask). A score of 0 is not nothing: e⁰ = 1. Only −inf gives "
    "the weight 0.",
    masked=lambda s: np.where(s.mask, s.scores, 0.0),
)
mistake(
    "mask-turned-round",
    "The mask is turned round: the real words got −inf. True marks a real word.",
    masked=lambda s: np.where(s.mask, -np.inf, s.scores),
)
mistake(
    "masked-with-plus-infinity",
    "The scores of padding became +inf, the largest of all. It is −np.inf.",
    masked=lambda s: np.where(s.mask, s.scores, np.inf),
)
mistake(
    "mask-on-the-keys",
    "The keys of padding are set to zero, so their scores are 0, and e⁰ = 1: they still get weight. Mask the scores, with "
    "−inf.",
    masked=lambda s: np.einsum("nh,nsh->ns", s.query, s.keys * s.mask[:, :, None]),
    context=lambda s: np.einsum("ns,nsh->nh", s.weights, s.keys * s.mask[:, :, None]),
)

# The softmax
mistake(
    "softmax-over-the-batch",
    "The softmax runs over the batch (axis 0): different sentences compete with each other. The weights of one sentence's "
    "words have to sum to 1: axis 1.",
    weights=lambda s: softmax(s.masked, axis=0),
)
mistake(
    "softmax-over-everything",
    "One softmax over the whole array: all sentences together sum to 1. Each row must, by itself: axis=1 and keepdims.",
    weights=lambda s: softmax(s.masked.reshape(-1)).reshape(s.masked.shape),
)
mistake(
    "no-softmax",
    "The raw scores are used as weights. They may be negative and do not sum to 1: take the softmax.",
    weights=lambda s: np.where(s.mask, s.scores, 0.0),
)
mistake(
    "divided-by-the-sum",
    "You divide the scores by their sum. Scores can be negative, so these are no shares: the softmax takes exp first.",
    weights=lambda s: (w := np.where(s.mask, s.scores, 0.0)) / w.sum(axis=1, keepdims=True),
)
mistake(
    "not-normalised",
    "These are the exponentials (of the scores less the largest). Divide them by their sum.",
    weights=lambda s: np.exp(s.masked - s.masked.max(axis=1, keepdims=True)),
)
mistake(
    "overflow",
    "exp of a large score overflows and leaves nan. Subtract the row's largest score first, or use helpers' softmax.",
    weights=lambda s: (e := np.exp(s.masked)) / e.sum(axis=1, keepdims=True),
)
mistake(
    "overflow-before-the-mask",
    "exp is taken of the raw scores, padding included: a large one overflows, and inf · 0 or inf / inf is nan. First −inf "
    "into the padding, then less the row's largest, then exp (or helpers' softmax).",
    weights=lambda s: (e := np.exp(s.scores) * s.mask) / e.sum(axis=1, keepdims=True),
)
mistake(
    "sigmoid",
    "Each weight is a sigmoid by itself. Attention shares *one* whole among the words: softmax.",
    weights=lambda s: sigmoid(s.masked),
)
mistake(
    "hardest",
    "All the weight goes to the best word (argmax). That has no gradient; the softmax shares it.",
    weights=lambda s: np.eye(s.scores.shape[1])[s.masked.argmax(axis=1)],
)
mistake(
    "uniform",
    "Every word has the same weight, whatever the query is. The scores are to decide.",
    weights=lambda s: s.mask / s.mask.sum(axis=1, keepdims=True),
)
mistake(
    "softmax-twice",
    "You take the softmax twice. Once turns scores into weights; the second makes them nearly equal.",
    weights=lambda s: softmax(np.where(s.mask, softmax(s.masked, axis=1), -np.inf), axis=1),
)

# The scores
mistake(
    "scaled",
    "You divide the scores by √H, as Transformers do. Plain dot-product attention does not.",
    masked=lambda s: np.where(s.mask, s.scores / np.sqrt(s.query.shape[1]), -np.inf),
)
mistake(
    "mean-of-products",
    "Your score is the mean of the H products. The dot product is their sum.",
    masked=lambda s: np.where(s.mask, s.scores / s.query.shape[1], -np.inf),
)
mistake(
    "cosine",
    "Your score is the cosine: query and keys have been brought to length 1. The dot product keeps their lengths.",
    masked=lambda s: np.where(
        s.mask,
        s.scores / np.linalg.norm(s.query, axis=1)[:, None] / np.linalg.norm(s.keys, axis=2),
        -np.inf,
    ),
)
mistake(
    "reshape-for-transpose",
    "keys.reshape(N, H, S) has the shape of the transpose, with the numbers in the wrong places: keys.transpose(0, 2, 1), "
    "or keys @ query[:, :, None].",
    scores=lambda s: (
        s.query[:, None] @ s.keys.reshape(len(s.keys), s.keys.shape[2], s.keys.shape[1])
    )[:, 0],
)
mistake(
    "one-query-for-all",
    "Every sentence is asked with the first one's query. Row n of the query belongs to row n of the keys.",
    scores=lambda s: s.keys @ s.query[0],
)
mistake(
    "query-ignored",
    "The query has no part in your scores: the same words get the weight at every step of the decoder. The score is query · "
    "key.",
    scores=lambda s: s.keys.sum(axis=2),
)

# The context
mistake(
    "last-state-only",
    "The context is the last state of the encoder, as if there were no attention. It is the weighted sum over all of them.",
    context=lambda s: s.keys[:, -1],
)
mistake(
    "mean-for-sum",
    "The context is a *mean* of the weighted keys. The weights sum to 1 already: take the sum over the S words.",
    context=lambda s: np.einsum("ns,nsh->nh", s.weights, s.keys) / s.keys.shape[1],
)
mistake(
    "not-summed",
    "The context still has an entry for each word, (N, S, H). Sum over the words, axis 1.",
    context=lambda s: s.weights[:, :, None] * s.keys,
)
mistake(
    "summed-over-units",
    "You sum over the H units, which leaves a number for each word, (N, S). The context is (N, H): sum over the words.",
    context=lambda s: (s.weights[:, :, None] * s.keys).sum(axis=2),
)
mistake(
    "query-mixed",
    "You weigh the query, and since the weights sum to 1, the query comes out. What is mixed are the encoder's states, the "
    "keys.",
    context=lambda s: s.weights.sum(axis=1, keepdims=True) * s.query,
)
mistake(
    "scores-mix",
    "The context is mixed with the raw scores. It takes the weights, after the softmax.",
    context=lambda s: np.einsum("ns,nsh->nh", np.where(s.mask, s.scores, 0.0), s.keys),
)
mistake(
    "divided-by-the-length",
    "The context is divided by the number of real words. The weights sum to 1 already: nothing is left to divide by.",
    context=lambda s: np.einsum("ns,nsh->nh", s.weights, s.keys) / s.mask.sum(axis=1, keepdims=True),
)
mistake(
    "plain-mean",
    "The context is the plain mean of the keys, whatever the weights are. It is their sum, each with its weight.",
    context=lambda s: s.keys.mean(axis=1),
)
mistake(
    "batch-mixed",
    "The context sums over sentences as well (weights @ keys of another row came in). Row n takes weights n and keys n.",
    context=lambda s: np.einsum("ns,msh->nh", s.weights, s.keys),
)


@attend.misconception("outputs-swapped", "The two outputs are exchanged: first the context (N, H), then the weights (N, S).")
def _(query, keys, mask):
    context, weights = attend_reference(query, keys, mask)
    return weights, context


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


@attend.landmark("`weights[0, 0] ≈ 0.731`")
def _(f):
    keys = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
    return f(np.array([[1.0, 0.0]]), keys, np.array([[True, True, False]]))[1][0, 0]
