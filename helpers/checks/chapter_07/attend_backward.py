"""`attend_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_07.attend import ATTEND_LINES, attend_case, attend_reference
from helpers.checks.lines import Lines
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient
from helpers.layers import softmax


def _attend_backward(dcontext, query, keys, mask):
    _, weights = attend_reference(query, keys, mask)
    dweights = np.einsum("nh,nsh->ns", dcontext, keys)
    dscores = weights * (dweights - (weights * dweights).sum(axis=1, keepdims=True))
    dquery = np.einsum("ns,nsh->nh", dscores, keys)
    dkeys = weights[:, :, None] * dcontext[:, None] + dscores[:, :, None] * query[:, None]
    return dquery, dkeys


def _cases(rng):
    case = attend_case(rng)
    return {"dcontext": rng.normal(size=case["query"].shape)} | case


attend_backward = Exercise("attend_backward", "07", _attend_backward, ("dquery", "dkeys"), _cases, rounds=3)


@attend_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dcontext, query, keys, mask):
    def loss(_):
        scores = np.where(mask, (keys @ query[:, :, None])[:, :, 0], -np.inf)
        e = np.exp(scores)
        return float(((e / e.sum(axis=1, keepdims=True))[:, :, None] * keys * dcontext[:, None]).sum())

    return numerical_gradient(loss, query), numerical_gradient(loss, keys)


@attend_backward.oracle("torch autograd", needs_torch=True)
def _(dcontext, query, keys, mask):
    import torch

    q, k = torch.tensor(query, requires_grad=True), torch.tensor(keys, requires_grad=True)
    scores = torch.matmul(k, q[:, :, None])[:, :, 0].masked_fill(~torch.tensor(mask), -torch.inf)
    context = torch.matmul(scores.softmax(dim=1)[:, None], k)[:, 0]
    context.backward(torch.tensor(dcontext))
    return q.grad.numpy(), k.grad.numpy()


right = Lines(
    attend_backward,
    "dcontext query keys mask",
    ATTEND_LINES
    | {
        "dweights": lambda s: np.einsum("nh,nsh->ns", s.dcontext, s.keys),
        "centre": lambda s: (s.weights * s.dweights).sum(axis=1, keepdims=True),
        "dscores": lambda s: s.weights * (s.dweights - s.centre),
        "dquery": lambda s: np.einsum("ns,nsh->nh", s.dscores, s.keys),
        "by_value": lambda s: s.weights[:, :, None] * s.dcontext[:, None],
        "by_score": lambda s: s.dscores[:, :, None] * s.query[:, None],
        "dkeys": lambda s: s.by_value + s.by_score,
    },
)
mistake = right.mistake

# The two paths
mistake(
    "mixing-path-only",
    "dkeys has one path only: as what is mixed, with the weights held fixed. The keys also decide the *scores*, so moving a "
    "key moves the weights. Add dscores · query.",
    dkeys=lambda s: s.by_value,
)
mistake(
    "score-path-only",
    "dkeys has one path only: through the scores. The keys are also what is *mixed*: add weights · dcontext.",
    dkeys=lambda s: s.by_score,
)
mistake(
    "difference-of-paths",
    "You subtract one path from the other. Used twice means that the gradients add.",
    dkeys=lambda s: s.by_value - s.by_score,
)
mistake(
    "mean-of-paths",
    "You take the mean of the two paths. Used twice means that the gradients *add*: no half.",
    dkeys=lambda s: (s.by_value + s.by_score) / 2,
)
mistake(
    "paths-exchanged",
    "The partners are exchanged: the weights go with dcontext, and dscores with the query.",
    dkeys=lambda s: s.weights[:, :, None] * s.query[:, None] + s.dscores[:, :, None] * s.dcontext[:, None],
)
mistake(
    "score-path-takes-dcontext",
    "On the way through the scores dkeys takes dcontext. In score = query · key the derivative in the key is the *query*.",
    by_score=lambda s: s.dscores[:, :, None] * s.dcontext[:, None],
)
mistake(
    "score-path-takes-the-key",
    "On the way through the scores dkeys takes the key itself. In score = query · key the derivative in the key is the "
    "*query*.",
    by_score=lambda s: s.dscores[:, :, None] * s.keys,
)
mistake(
    "mixing-path-takes-dscores",
    "As what is mixed, a key gets its *weight* times dcontext: context = Σ weight · key.",
    by_value=lambda s: s.dscores[:, :, None] * s.dcontext[:, None],
)
mistake(
    "mixing-path-unweighted",
    "As what is mixed, every key gets the whole dcontext in yours. A key with weight 0.1 gets a tenth of it.",
    by_value=lambda s: np.broadcast_to(s.dcontext[:, None], s.keys.shape),
)

# Through the softmax
mistake(
    "softmax-forgotten",
    "dscores equals dweights in yours: the softmax has been skipped. Its gradient is weight · (dweight − Σ weight · dweight).",
    dscores=lambda s: s.dweights,
)
mistake(
    "softmax-replaced-by-the-mask",
    "dscores equals dweights at the real words: the softmax has been skipped. Its gradient is weight · (dweight − Σ weight · "
    "dweight), which is 0 in the padding by itself.",
    dscores=lambda s: np.where(s.mask, s.dweights, 0.0),
)
mistake(
    "competition-forgotten",
    "dscores = weights · dweights lacks the second half of the softmax: raising one score takes weight away from all others. "
    "Subtract Σ weight · dweight from dweights first.",
    dscores=lambda s: s.weights * s.dweights,
)
mistake(
    "slope-of-a-sigmoid",
    "weight · (1 − weight) is only the diagonal of the softmax's Jacobian. Every score moves *all* weights: weight · (dweight − "
    "Σ weight · dweight).",
    dscores=lambda s: s.weights * (1 - s.weights) * s.dweights,
)
mistake(
    "plain-mean",
    "You subtract the plain mean of dweights. It is the mean under the weights: Σ weight · dweight, over the words.",
    centre=lambda s: s.dweights.mean(axis=1, keepdims=True),
)
mistake(
    "plain-sum",
    "You subtract the sum of dweights. It is Σ weight · dweight, each with its weight.",
    centre=lambda s: s.dweights.sum(axis=1, keepdims=True),
)
mistake(
    "centre-over-the-batch",
    "The sum Σ weight · dweight runs over the batch (axis 0) in yours. The softmax ran over the words: axis 1, keepdims.",
    centre=lambda s: (s.weights * s.dweights).sum(axis=0, keepdims=True),
)
mistake(
    "centre-over-everything",
    "The sum Σ weight · dweight is one number for the whole batch in yours. Each sentence has its own: axis=1, keepdims=True.",
    centre=lambda s: (s.weights * s.dweights).sum(),
)
mistake(
    "centre-added",
    "You add Σ weight · dweight where it has to be subtracted.",
    dscores=lambda s: s.weights * (s.dweights + s.centre),
)
mistake(
    "weight-in-front-forgotten",
    "The factor weight in front is missing: dscores = weight · (dweight − Σ weight · dweight).",
    dscores=lambda s: s.dweights - s.centre,
)
mistake(
    "centre-without-the-weight",
    "The weight multiplies dweight only; it belongs in front of the whole bracket: weight · (dweight − Σ …).",
    dscores=lambda s: s.weights * s.dweights - s.centre,
)
mistake(
    "bracket-turned-round",
    "The sign of dscores is turned: weight · (dweight − Σ weight · dweight), not the sum less dweight.",
    dscores=lambda s: s.weights * (s.centre - s.dweights),
)
mistake(
    "dweights-from-the-query",
    "dweights is computed with the query. context = Σ weight · key, so the derivative in a weight is dcontext · key.",
    dweights=lambda s: np.einsum("nh,nsh->ns", s.query, s.keys),
)
mistake(
    "dweights-are-weights",
    "The weights stand where dweights belongs. context = Σ weight · key, so the derivative in a weight is dcontext · key.",
    dweights=lambda s: s.weights,
)

# The query
mistake(
    "dquery-is-dcontext",
    "dcontext is handed to the query unchanged. The query only makes the scores: dquery = Σ dscore · key.",
    dquery=lambda s: s.dcontext,
)
mistake(
    "dquery-with-the-weights",
    "dquery is mixed with the weights. It is mixed with the gradients of the scores: Σ dscore · key.",
    dquery=lambda s: np.einsum("ns,nsh->nh", s.weights, s.keys),
)
mistake(
    "dquery-with-dcontext-added",
    "dcontext itself is in dquery. The query is not mixed into the context, it only makes the scores: Σ dscore · key, and "
    "nothing else.",
    dquery=lambda s: np.einsum("ns,nsh->nh", s.dscores, s.keys) + s.dcontext,
)
mistake(
    "dquery-with-dweights",
    "dquery is mixed with dweights, before the softmax is gone through. Take dscores.",
    dquery=lambda s: np.einsum("ns,nsh->nh", s.dweights, s.keys),
)
mistake(
    "dquery-averaged",
    "dquery is a mean over the words. The query is used once for each word, and the gradients add: a sum.",
    dquery=lambda s: np.einsum("ns,nsh->nh", s.dscores, s.keys) / s.keys.shape[1],
)
mistake(
    "dquery-not-summed",
    "dquery still has an entry for each word. The same query was used for all of them: sum over the words, axis 1.",
    dquery=lambda s: s.dscores[:, :, None] * s.keys,
)
mistake(
    "dquery-takes-the-query",
    "dquery = Σ dscore · query: in score = query · key the derivative in the query is the *key*.",
    dquery=lambda s: s.dscores.sum(axis=1, keepdims=True) * s.query,
)

# The forward part
mistake(
    "mask-forgotten",
    "The weights you compute again know no mask, so padding has a share in them, and gets a gradient. Mask the scores as in "
    "the forward step.",
    masked=lambda s: s.scores,
)
mistake(
    "mask-after-softmax",
    "The weights you compute again are masked after the softmax and do not sum to 1. Mask the scores, with −inf, first.",
    weights=lambda s: softmax(s.scores, axis=1) * s.mask,
)
mistake(
    "mask-turned-round",
    "In the weights you compute again the mask is turned round: the real words got −inf. True marks a real word.",
    masked=lambda s: np.where(s.mask, -np.inf, s.scores),
)
mistake(
    "softmax-over-the-batch",
    "The softmax you compute again runs over the batch. The weights of one sentence's words sum to 1: axis 1.",
    weights=lambda s: softmax(s.masked, axis=0),
)
mistake(
    "scaled",
    "The scores you compute again are divided by √H, as in Transformers. Here they are plain dot products.",
    masked=lambda s: np.where(s.mask, s.scores / np.sqrt(s.query.shape[1]), -np.inf),
)
mistake(
    "averaged",
    "Everything is divided by N. If the loss is a mean, dcontext contains the 1/N already.",
    dquery=lambda s: np.einsum("ns,nsh->nh", s.dscores, s.keys) / len(s.query),
    dkeys=lambda s: (s.by_value + s.by_score) / len(s.query),
)


@attend_backward.misconception("outputs-swapped", "The two outputs are exchanged: dquery (N, H) first, then dkeys (N, S, H).")
def _(dcontext, query, keys, mask):
    return _attend_backward(dcontext, query, keys, mask)[::-1]


attend_backward.variant("line by line")(right.but())


@attend_backward.variant("the softmax's whole Jacobian, sentence by sentence")
def _(dcontext, query, keys, mask):
    dquery, dkeys = np.zeros_like(query), np.zeros_like(keys)
    for n, real in enumerate(mask):
        k, q = keys[n, real], query[n]
        w = softmax(k @ q)
        dscores = (np.diag(w) - np.outer(w, w)) @ (k @ dcontext[n])
        dquery[n] = dscores @ k
        dkeys[n, real] = np.outer(w, dcontext[n]) + np.outer(dscores, q)
    return dquery, dkeys


@attend_backward.variant("through context · dcontext, in place")
def _(dcontext, query, keys, mask):
    context, weights = attend_reference(query, keys, mask)
    dscores = (keys @ dcontext[:, :, None])[:, :, 0]
    dscores -= (context * dcontext).sum(axis=1, keepdims=True)   # Σ weight · dweight = context · dcontext
    dscores *= weights
    dkeys = weights[:, :, None] * dcontext[:, None, :]
    dkeys += dscores[:, :, None] * query[:, None, :]
    return (dscores[:, None, :] @ keys)[:, 0, :], dkeys


def _toy(f):
    keys = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
    return f(np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]]), keys, np.array([[True, True, False]]))


@attend_backward.landmark("`dquery[0, 0] ≈ 0.197`")
def _(f):
    return _toy(f)[0][0, 0]


@attend_backward.landmark("`dkeys[0, 0, 0] ≈ 0.928`")
def _(f):
    return _toy(f)[1][0, 0, 0]
