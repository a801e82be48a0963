"""`additive_scores`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.layers import sigmoid, softmax  # noqa: F401 (mistakes use them)


def additive_scores_reference(query, keys, Wq, Wk, v):
    hidden = np.tanh((query @ Wq)[:, None] + keys @ Wk)   # (N, S, A)
    return hidden @ v


def _cases(rng, *, N=(2, 3), S=(4, 5), A=(6, 7), Q=(8, 9), K=(10, 12)):
    return {
        "query": rng.normal(size=(N, Q)),
        "keys": rng.normal(size=(N, S, K)),
        "Wq": rng.normal(size=(Q, A)) / np.sqrt(Q),
        "Wk": rng.normal(size=(K, A)) / np.sqrt(K),
        "v": rng.normal(size=A),
    }


additive_scores = Exercise("additive_scores", "07", additive_scores_reference, ("scores",), _cases, rounds=4)


@additive_scores.extreme(
    "sums in the thousands", "Right for small sums. tanh by exponentials overflows: exp(a) / exp(a) is inf / inf. np.tanh does not."
)
def _(rng):
    case = _cases(rng, N=2, S=4, A=6, Q=8, K=10)
    return case | {"query": 3000 * case["query"], "keys": 3000 * case["keys"]}


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


QUERY, KEYS = "(query @ Wq)[:, None]", "keys @ Wk"
SUM = f"{QUERY} + {KEYS}"

additive_scores.mistake(
    "no-tanh",
    "The tanh is missing. Without it query and key never meet: the query adds the same to every word's score, and softmax "
    "does not notice it.",
    (f"np.tanh({SUM})", SUM),
)
additive_scores.mistake(
    "tanh-outside",
    "You take tanh of the finished score. It belongs inside, on the A hidden numbers, before v.",
    (f"np.tanh({SUM})", SUM),
    ("return hidden @ v", "return np.tanh(hidden @ v)"),
)
additive_scores.mistake(
    "tanh-twice",
    "The score itself goes through another tanh. It may be any number.",
    ("return hidden @ v", "return np.tanh(hidden @ v)"),
)
additive_scores.mistake(
    "tanh-one-by-one",
    "tanh is taken of the two parts and then they are added. Add first: tanh of the sum is what lets the query change which "
    "key counts.",
    (f"np.tanh({SUM})", f"np.tanh({QUERY}) + np.tanh({KEYS})"),
)
additive_scores.mistake(
    "matrices-transposed",
    "Your matrices are transposed, as torch's Linear keeps them. Here they are (input, A) already: `query @ Wq` and "
    "`keys @ Wk`.",
    ("query @ Wq", "query @ Wq.T"),
    ("keys @ Wk", "keys @ Wk.T"),
)
additive_scores.mistake(
    "query-added-to-the-keys",
    "The query's projection is added to the keys themselves, before Wk. Project both, and add the projections: "
    "`(query @ Wq)[:, None] + keys @ Wk`.",
    (SUM, f"(keys + {QUERY}) @ Wk"),
)
additive_scores.mistake(
    "query-added-into-the-keys",
    "`keys +=` adds the query's projection to the keys themselves, before Wk, and writes into the caller's array. Project "
    "both, and add the projections: `(query @ Wq)[:, None] + keys @ Wk`.",
    (f"hidden = np.tanh({SUM})", f"keys += {QUERY}\n    hidden = np.tanh({KEYS})"),
)
additive_scores.mistake(
    "relu", "A ReLU stands where the tanh belongs.", (f"np.tanh({SUM})", f"np.maximum({SUM}, 0)")
)
additive_scores.mistake(
    "multiplied",
    "You multiply the two projections. This score is called *additive*: tanh of their sum.",
    (SUM, f"{QUERY} * ({KEYS})"),
)
additive_scores.mistake(
    "dot-product",
    "This is a dot product of the two projections, the other kind of attention. Here: v · tanh(query Wq + key Wk).",
    (f"np.tanh({SUM})", f"{QUERY} * ({KEYS})"),
    ("return hidden @ v", "return hidden.sum(axis=2)"),
)
additive_scores.mistake(
    "v-forgotten",
    "The A hidden numbers are summed, each with the same weight. v says how much each counts: `hidden @ v`.",
    ("hidden @ v", "hidden.sum(axis=2)"),
)
additive_scores.mistake(
    "mean-for-v",
    "The A hidden numbers are averaged. v says how much each counts: `hidden @ v`.",
    ("hidden @ v", "hidden.mean(axis=2)"),
)
additive_scores.mistake(
    "v-and-mean",
    "You take a mean of the A products with v. The score is their sum.",
    ("hidden @ v", "(hidden * v).mean(axis=2)"),
)
additive_scores.mistake(
    "v-inside",
    "v is taken before tanh: tanh belongs on the A hidden numbers, and v sums them up behind it.",
    (f"np.tanh({SUM})", f"np.tanh(({SUM}) * v)"),
    ("hidden @ v", "hidden.sum(axis=2)"),
)
additive_scores.mistake(
    "query-forgotten",
    "The query has no part in it: the same words would be looked at in every step of the decoder.",
    (f"{QUERY} + ", ""),
)
additive_scores.mistake(
    "keys-forgotten",
    "The keys have no part in it: every word of a sentence has the same score.",
    (KEYS, f"0 * ({KEYS})"),
)
additive_scores.mistake(
    "one-query-for-all",
    "Every sentence is asked with the first one's query. Row n of the query belongs to row n of the keys.",
    (QUERY, "query[0] @ Wq"),
)
additive_scores.mistake(
    "query-summed-over-the-batch",
    "The queries of all sentences are in every score. The query needs an axis for the words, in the middle: "
    "`(query @ Wq)[:, None]`.",
    (QUERY, "(query @ Wq).sum(axis=0)"),
)
additive_scores.mistake(
    "joined-crosswise",
    "Joined in one order, weighted in the other: if the key stands before the query, Wk must stand above Wq.",
    (SUM, "np.concatenate([keys, np.repeat(query[:, None], keys.shape[1], axis=1)], axis=2) @ np.concatenate([Wq, Wk])"),
)
additive_scores.mistake(
    "softmax-already",
    "These are the weights. Wanted are the scores, before mask and softmax.",
    ("return hidden @ v", "return softmax(hidden @ v, axis=1)"),
)
additive_scores.mistake(
    "query-without-its-axis",
    "The query's projection is (N, A) and the keys' is (N, S, A): they do not meet as they are. The query needs an axis for "
    "the words, in the middle: `(query @ Wq)[:, None]`.",
    (QUERY, "query @ Wq"),
)
additive_scores.mistake(
    "query-axis-in-front",
    "The new axis stands in front, where the batch is: (1, N, A) does not meet (N, S, A). It belongs in the middle: "
    "`(query @ Wq)[:, None]`.",
    ("[:, None]", "[None]"),
)
additive_scores.mistake(
    "matrices-exchanged",
    "Wq and Wk are exchanged: Wq belongs to the query, Wk to the keys.",
    ("query @ Wq", "query @ Wk"),
    ("keys @ Wk", "keys @ Wq"),
)
additive_scores.mistake(
    "scaled",
    "The scores are divided by √A, as Transformers divide by the root of a size. The additive score is not scaled.",
    ("return hidden @ v", "return hidden @ v / np.sqrt(len(v))"),
)


@additive_scores.variant("word by word")
def _(query, keys, Wq, Wk, v):
    columns = [np.tanh(query @ Wq + keys[:, j] @ Wk) @ v for j in range(keys.shape[1])]
    return np.stack(columns, axis=1)


@additive_scores.variant("query and key joined")
def _(query, keys, Wq, Wk, v):
    repeated = np.repeat(query[:, None], keys.shape[1], axis=1)
    joined = np.concatenate([repeated, keys], axis=2)
    return np.einsum("nsa,a->ns", np.tanh(joined @ np.concatenate([Wq, Wk])), v)


additive_scores.landmark("""
    query, keys = np.ones((1, 3)), np.ones((1, 4, 2))
    Wq, Wk, v = np.full((3, 5), 0.1), np.full((2, 5), 0.2), np.full(5, 2.0)
    additive_scores(query, keys, Wq, Wk, v)   # ≈ [[6.044, 6.044, 6.044, 6.044]]
""")
