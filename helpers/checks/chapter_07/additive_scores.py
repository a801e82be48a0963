"""`additive_scores`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.lines import Lines
from helpers.checks.registry import Exercise
from helpers.layers import sigmoid, softmax


def _additive_scores(query, keys, Wq, Wk, v):
    return np.tanh((query @ Wq)[:, None] + keys @ Wk) @ v


def _cases(rng):
    N, S, A = int(rng.integers(2, 4)), int(rng.integers(4, 6)), int(rng.integers(6, 8))
    Q, K = int(rng.integers(8, 10)), int(rng.integers(10, 13))
    return {
        "query": rng.normal(size=(N, Q)),
        "keys": rng.normal(size=(N, S, K)),
        "Wq": rng.normal(size=(Q, A)) / np.sqrt(Q),
        "Wk": rng.normal(size=(K, A)) / np.sqrt(K),
        "v": rng.normal(size=A),
    }


additive_scores = Exercise("additive_scores", "07", _additive_scores, ("scores",), _cases, rounds=4)


@additive_scores.oracle("number by number")
def _(query, keys, Wq, Wk, v):
    N, S, K = keys.shape
    scores = np.zeros((N, S))
    for n, j in np.ndindex(N, S):
        for a in range(len(v)):
            total = sum(query[n, i] * Wq[i, a] for i in range(query.shape[1]))
            total += sum(keys[n, j, i] * Wk[i, a] for i in range(K))
            scores[n, j] += v[a] * (1 - 2 / (np.exp(2 * total) + 1))   # tanh
    return scores


@additive_scores.oracle("torch, one layer over query and key joined", needs_torch=True)
def _(query, keys, Wq, Wk, v):
    import torch
    from torch.nn import functional

    q, k = torch.tensor(query), torch.tensor(keys)
    joined = torch.cat([q[:, None].expand(-1, k.shape[1], -1), k], dim=2)      # (N, S, Q + K)
    W = torch.cat([torch.tensor(Wq), torch.tensor(Wk)]).T
    return functional.linear(functional.linear(joined, W).tanh(), torch.tensor(v)[None])[..., 0].numpy()


right = Lines(
    additive_scores,
    "query keys Wq Wk v",
    {
        "q": lambda s: (s.query @ s.Wq)[:, None],
        "k": lambda s: s.keys @ s.Wk,
        "sum": lambda s: s.q + s.k,
        "hidden": lambda s: np.tanh(s.sum),
        "scores": lambda s: s.hidden @ s.v,
    },
)
mistake = right.mistake

mistake(
    "no-tanh",
    "The tanh is missing. Without it query and key never meet: the query adds the same to every word's score, and softmax "
    "does not notice it.",
    hidden=lambda s: s.sum,
)
mistake(
    "tanh-outside",
    "You take tanh of the finished score. It belongs inside, on the A hidden numbers, before v.",
    hidden=lambda s: s.sum,
    scores=lambda s: np.tanh(s.hidden @ s.v),
)
mistake(
    "tanh-twice",
    "The score itself goes through another tanh. It may be any number.",
    scores=lambda s: np.tanh(s.hidden @ s.v),
)
mistake(
    "tanh-one-by-one",
    "tanh is taken of the two parts and then they are added. Add first: tanh of the sum is what lets the query change which "
    "key counts.",
    hidden=lambda s: np.tanh(s.q) + np.tanh(s.k),
)
mistake(
    "sigmoid",
    "A sigmoid stands where the tanh belongs.",
    hidden=lambda s: sigmoid(s.sum),
)
mistake(
    "relu",
    "A ReLU stands where the tanh belongs.",
    hidden=lambda s: np.maximum(s.sum, 0.0),
)
mistake(
    "multiplied",
    "You multiply the two projections. This score is called *additive*: tanh of their sum.",
    sum=lambda s: s.q * s.k,
)
mistake(
    "dot-product",
    "This is a dot product of the two projections, the other kind of attention. Here: v · tanh(query Wq + key Wk).",
    scores=lambda s: (s.q * s.k).sum(axis=2),
)
mistake(
    "v-forgotten",
    "The A hidden numbers are summed, each with the same weight. v says how much each counts: hidden @ v.",
    scores=lambda s: s.hidden.sum(axis=2),
)
mistake(
    "mean-for-v",
    "The A hidden numbers are averaged. v says how much each counts: hidden @ v.",
    scores=lambda s: s.hidden.mean(axis=2),
)
mistake(
    "v-and-mean",
    "You take a mean of the A products with v. The score is their sum.",
    scores=lambda s: (s.hidden * s.v).mean(axis=2),
)
mistake(
    "not-summed",
    "There are still A numbers for each word. hidden @ v leaves one.",
    scores=lambda s: s.hidden * s.v,
)
mistake(
    "query-forgotten",
    "The query has no part in it: the same words would be looked at in every step of the decoder.",
    sum=lambda s: s.k,
)
mistake(
    "keys-forgotten",
    "The keys have no part in it: every word of a sentence has the same score.",
    sum=lambda s: s.q + 0 * s.k,
)
mistake(
    "subtracted",
    "Your hidden layer takes the difference of the two projections. It is the sum.",
    sum=lambda s: s.q - s.k,
)
mistake(
    "one-query-for-all",
    "Every sentence is asked with the first one's query. Row n of the query belongs to row n of the keys.",
    q=lambda s: s.query[0] @ s.Wq,
)
mistake(
    "query-summed-over-the-batch",
    "The queries of all sentences are in every score. The query needs an axis for the words, in the middle: "
    "(query @ Wq)[:, None].",
    q=lambda s: (s.query @ s.Wq).sum(axis=0),
)
mistake(
    "joined-crosswise",
    "Joined in one order, weighted in the other: if the key stands before the query, Wk must stand above Wq.",
    sum=lambda s: np.concatenate(
        [s.keys, np.repeat(s.query[:, None], s.keys.shape[1], axis=1)], axis=2
    )
    @ np.concatenate([s.Wq, s.Wk]),
)
mistake(
    "softmax-already",
    "These are the weights. Wanted are the scores, before mask and softmax.",
    scores=lambda s: softmax(s.hidden @ s.v, axis=1),
)
mistake(
    "column-kept",
    "Your scores are (N, S, 1): the last axis is left from the product with v. (N, S) is wanted.",
    scores=lambda s: s.hidden @ s.v[:, None],
)
mistake(
    "transposed", "Your scores are (S, N). A row for each sentence, a column for each word: (N, S).",
    scores=lambda s: (s.hidden @ s.v).T,
)  # fmt: skip
mistake(
    "query-without-its-axis",
    "The query's projection is (N, A) and the keys' is (N, S, A): they do not meet as they are. The query needs an axis for "
    "the words, in the middle: (query @ Wq)[:, None].",
    q=lambda s: s.query @ s.Wq,
)

mistake(
    "query-axis-in-front",
    "The new axis stands in front, where the batch is: (1, N, A) does not meet (N, S, A). It belongs in the middle: "
    "(query @ Wq)[:, None].",
    q=lambda s: (s.query @ s.Wq)[None],
)
mistake(
    "matrices-exchanged",
    "Wq and Wk are exchanged: Wq belongs to the query, Wk to the keys.",
    q=lambda s: (s.query @ s.Wk)[:, None],
)
mistake(
    "scaled",
    "The scores are divided by √A, as Transformers divide by the root of a size. The additive score is not scaled.",
    scores=lambda s: s.hidden @ s.v / np.sqrt(len(s.v)),
)

additive_scores.variant("line by line")(right.but())


@additive_scores.variant("word by word")
def _(query, keys, Wq, Wk, v):
    columns = [np.tanh(query @ Wq + keys[:, j] @ Wk) @ v for j in range(keys.shape[1])]
    return np.stack(columns, axis=1)


@additive_scores.variant("query and key joined")
def _(query, keys, Wq, Wk, v):
    repeated = np.repeat(query[:, None], keys.shape[1], axis=1)
    joined = np.concatenate([repeated, keys], axis=2)
    return np.einsum("nsa,a->ns", np.tanh(joined @ np.concatenate([Wq, Wk])), v)


@additive_scores.landmark("every score is `1.523`")
def _(f):
    ones = np.ones
    return f(ones((1, 3)), ones((1, 4, 2)), 0.2 * ones((3, 2)), 0.2 * ones((2, 2)), ones(2))[0, 0]
