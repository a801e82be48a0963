"""`attend_backward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.chapter_07.attend import attend_cases, large_padding, large_scores, no_query
from helpers.checks.chapter_07.attend import attend_reference as attend
from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient
from helpers.layers import softmax


def attend_backward_reference(dcontext, query, keys, mask):
    _, weights = attend(query, keys, mask)
    dweights = np.einsum("nh,nsh->ns", dcontext, keys)
    dscores = weights * (dweights - (weights * dweights).sum(axis=1, keepdims=True))
    dquery = np.einsum("ns,nsh->nh", dscores, keys)
    dkeys = weights[:, :, None] * dcontext[:, None] + dscores[:, :, None] * query[:, None]
    return dquery, dkeys


def _cases(rng, *, N=(3, 4), S=(5, 6), H=(7, 8)):
    case = attend_cases(rng, N=N, S=S, H=H)
    return {"dcontext": rng.normal(size=(N, H))} | case


attend_backward = Exercise(
    "attend_backward", "07", attend_backward_reference, ("dquery", "dkeys"), _cases, rounds=3
)


def _extreme(name, hint, drawn):
    attend_backward.extreme(name, hint)(lambda rng: drawn(rng, _cases))


_extreme(
    "scores in the hundreds",
    "Right for small scores. In the weights that you compute again, exp overflows at large ones: use `attend`.",
    large_scores,
)
_extreme(
    "large numbers in the padding",
    "Right as long as the padding's scores are not far above the others. Whatever stands in the padding, it must have the "
    "weight 0 before anything else is done, and then has no gradient: use the weights of `attend`.",
    large_padding,
)
_extreme("a query of zeros", "With a query of zeros all real words share evenly, and the scores still have a gradient.", no_query)


@attend_backward.oracle("central differences, step 1e-5", rtol=1e-7)
def _(dcontext, query, keys, mask):
    if np.abs(keys @ query[:, :, None]).max() > 100:
        return NotImplemented   # too far from a straight line

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


FORWARD = "_, weights = attend(query, keys, mask)"
SCORES = 'scores = np.einsum("nh,nsh->ns", query, keys)'
DWEIGHTS = 'np.einsum("nh,nsh->ns", dcontext, keys)'
CENTRE = "(weights * dweights).sum(axis=1, keepdims=True)"
DSCORES = "weights * (dweights - (weights * dweights).sum(axis=1, keepdims=True))"
DQUERY = 'np.einsum("ns,nsh->nh", dscores, keys)'
BY_VALUE = "weights[:, :, None] * dcontext[:, None]"
BY_SCORE = "dscores[:, :, None] * query[:, None]"

# The two paths
attend_backward.mistake(
    "mixing-path-only",
    "dkeys has one path only: as what is mixed, with the weights held fixed. The keys also decide the *scores*, so moving a "
    "key moves the weights. Add dscores · query.",
    (" + " + BY_SCORE, ""),
)
attend_backward.mistake(
    "score-path-only",
    "dkeys has one path only: through the scores. The keys are also what is *mixed*: add weights · dcontext.",
    (BY_VALUE + " + ", ""),
)
attend_backward.mistake(
    "paths-exchanged",
    "The partners are exchanged: the weights go with dcontext, and dscores with the query.",
    ("* dcontext[:, None]", "* query[:, None]"),
    (BY_SCORE, "dscores[:, :, None] * dcontext[:, None]"),
)
attend_backward.mistake(
    "score-path-takes-dcontext",
    "On the way through the scores dkeys takes dcontext. In score = query · key the derivative in the key is the *query*.",
    (BY_SCORE, "dscores[:, :, None] * dcontext[:, None]"),
)
attend_backward.mistake(
    "score-path-takes-the-key",
    "On the way through the scores dkeys takes the key itself. In score = query · key the derivative in the key is the "
    "*query*.",
    (BY_SCORE, "dscores[:, :, None] * keys"),
)
attend_backward.mistake(
    "score-path-takes-the-weights",
    "On the way through the scores dkeys takes the weights. The *gradients* of the scores go there: dscores · query.",
    (BY_SCORE, "weights[:, :, None] * query[:, None]"),
)
attend_backward.mistake(
    "score-path-takes-dweights",
    "On the way through the scores dkeys takes dweights, from before the softmax is gone through. Take dscores.",
    (BY_SCORE, "dweights[:, :, None] * query[:, None]"),
)
attend_backward.mistake(
    "mixing-path-takes-dscores",
    "As what is mixed, a key gets its *weight* times dcontext: context = Σ weight · key.",
    (BY_VALUE, "dscores[:, :, None] * dcontext[:, None]"),
)
attend_backward.mistake(
    "mixing-path-unweighted",
    "As what is mixed, every key gets the whole dcontext in yours. A key with weight 0.1 gets a tenth of it.",
    (BY_VALUE, "dcontext[:, None]"),
)

# Through the softmax
attend_backward.mistake(
    "softmax-forgotten",
    "dscores equals dweights in yours: the softmax has been skipped. Its gradient is weight · (dweight − Σ weight · dweight).",
    (DSCORES, "dweights"),
)
attend_backward.mistake(
    "softmax-replaced-by-the-mask",
    "dscores equals dweights at the real words: the softmax has been skipped. Its gradient is weight · (dweight − Σ weight · "
    "dweight), which is 0 in the padding by itself.",
    (DSCORES, "np.where(mask, dweights, 0.0)"),
)
attend_backward.mistake(
    "competition-forgotten",
    "dscores = weights · dweights lacks the second half of the softmax: raising one score takes weight away from all others. "
    "Subtract Σ weight · dweight from dweights first.",
    (DSCORES, "weights * dweights"),
)
attend_backward.mistake(
    "slope-of-a-sigmoid",
    "weight · (1 − weight) is only the diagonal of the softmax's Jacobian. Every score moves *all* weights: weight · (dweight − "
    "Σ weight · dweight).",
    (DSCORES, "weights * (1 - weights) * dweights"),
)
attend_backward.mistake(
    "softmax-minus-target",
    "weights − dweights: that is not the softmax's gradient. (Softmax minus target belongs to softmax *and* cross-entropy "
    "together.) Here it is weight · (dweight − Σ weight · dweight).",
    (DSCORES, "weights - dweights"),
)
attend_backward.mistake(
    "plain-mean",
    "You subtract the plain mean of dweights. It is the mean under the weights: Σ weight · dweight, over the words.",
    (CENTRE, "dweights.mean(axis=1, keepdims=True)"),
)
attend_backward.mistake(
    "plain-sum",
    "You subtract the sum of dweights. It is Σ weight · dweight, each with its weight.",
    (CENTRE, "dweights.sum(axis=1, keepdims=True)"),
)
attend_backward.mistake(
    "weight-in-front-forgotten",
    "The factor weight in front is missing: dscores = weight · (dweight − Σ weight · dweight).",
    (DSCORES, f"dweights - {CENTRE}"),
)
attend_backward.mistake(
    "centre-without-the-weight",
    "The weight multiplies dweight only; it belongs in front of the whole bracket: weight · (dweight − Σ …).",
    (DSCORES, f"weights * dweights - {CENTRE}"),
)
attend_backward.mistake(
    "dweights-from-the-query",
    "dweights is computed with the query. context = Σ weight · key, so the derivative in a weight is dcontext · key.",
    (DWEIGHTS, DWEIGHTS.replace("dcontext", "query")),
)
attend_backward.mistake(
    "dweights-are-weights",
    "The weights stand where dweights belongs. context = Σ weight · key, so the derivative in a weight is dcontext · key.",
    (DWEIGHTS, "weights"),
)
attend_backward.mistake(
    "dweights-weighted",
    "dweights has the weights in it already. context = Σ weight · key, so the derivative in a weight is dcontext · key, and "
    "the softmax multiplies by the weight afterwards.",
    (DWEIGHTS, "weights * " + DWEIGHTS),
)

# The query
attend_backward.mistake(
    "dquery-is-dcontext",
    "dcontext is handed to the query unchanged. The query only makes the scores: dquery = Σ dscore · key.",
    (DQUERY, "dcontext"),
)
attend_backward.mistake(
    "dquery-with-the-weights",
    "dquery is mixed with the weights. It is mixed with the gradients of the scores: Σ dscore · key.",
    (DQUERY, DQUERY.replace("dscores", "weights")),
)
attend_backward.mistake(
    "dquery-with-dcontext-added",
    "dcontext itself is in dquery. The query is not mixed into the context, it only makes the scores: Σ dscore · key, and "
    "nothing else.",
    (DQUERY, DQUERY + " + dcontext"),
)
attend_backward.mistake(
    "dquery-with-dweights",
    "dquery is mixed with dweights, before the softmax is gone through. Take dscores.",
    (DQUERY, DQUERY.replace("dscores", "dweights")),
)
attend_backward.mistake(
    "dquery-averaged",
    "dquery is a mean over the words. The query is used once for each word, and the gradients add: a sum.",
    (DQUERY, DQUERY + " / keys.shape[1]"),
)
attend_backward.mistake(
    "dquery-takes-the-query",
    "Your dquery is 0 everywhere. Is it never filled, or is it Σ dscore · query? A sentence's dscores sum to 0. In score = "
    "query · key the derivative in the query is the *key*.",
    (DQUERY, "dscores.sum(axis=1, keepdims=True) * query"),
)

# The forward part
attend_backward.mistake(
    "mask-forgotten",
    "The weights you compute again know no mask, so padding has a share in them, and gets a gradient. Mask the scores as in "
    "the forward step.",
    (FORWARD, f"{SCORES}\n    weights = softmax(scores, axis=1)"),
)
attend_backward.mistake(
    "mask-after-softmax",
    "The weights you compute again are masked after the softmax and do not sum to 1. Mask the scores, with −inf, first.",
    (FORWARD, f"{SCORES}\n    weights = softmax(scores, axis=1) * mask"),
)
attend_backward.mistake(
    "mask-after-and-normalised-again",
    "The weights you compute again are masked after the softmax and divided by the new sum. Where the padding's score is by far "
    "the largest that is 0/0. Mask the scores, with −inf, first; or use `attend`.",
    (FORWARD, f"{SCORES}\n    weights = softmax(scores, axis=1) * mask\n"
              "    weights = weights / weights.sum(axis=1, keepdims=True)"),
)  # fmt: skip
attend_backward.mistake(
    "mask-on-the-gradients",
    "The weights you compute again know no mask; setting the gradients of the padding to 0 afterwards does not mend the others, "
    "which came from the wrong weights.",
    (FORWARD, f"{SCORES}\n    weights = softmax(scores, axis=1)"),
    ("return dquery, dkeys", "return dquery, dkeys * mask[:, :, None]"),
)
attend_backward.mistake(
    "mask-turned-round",
    "In the weights you compute again the mask is turned round: the real words got −inf. True marks a real word.",
    (FORWARD, "_, weights = attend(query, keys, ~mask)"),
)
attend_backward.mistake(
    "softmax-over-the-batch",
    "The softmax you compute again runs over the batch. The weights of one sentence's words sum to 1: axis 1.",
    (FORWARD, f"{SCORES}\n    weights = softmax(np.where(mask, scores, -np.inf), axis=0)"),
)
attend_backward.mistake(
    "scaled",
    "The scores you compute again are divided by √H, as in Transformers. Here they are plain dot products.",
    (FORWARD, "_, weights = attend(query / np.sqrt(query.shape[1]), keys, mask)"),
)
attend_backward.mistake(
    "averaged",
    "Everything is divided by N. If the loss is a mean, dcontext contains the 1/N already.",
    ("return dquery, dkeys", "return dquery / len(query), dkeys / len(query)"),
)


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
    context, weights = attend(query, keys, mask)
    dscores = (keys @ dcontext[:, :, None])[:, :, 0]
    dscores -= (context * dcontext).sum(axis=1, keepdims=True)   # Σ weight · dweight = context · dcontext
    dscores *= weights
    dkeys = weights[:, :, None] * dcontext[:, None, :]
    dkeys += dscores[:, :, None] * query[:, None, :]
    return (dscores[:, None, :] @ keys)[:, 0, :], dkeys


attend_backward.landmark("""
    dcontext, query = np.array([[1.0, 3.0]]), np.array([[1.0, 0.0]])
    keys = np.array([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
    mask = np.array([[True, True, False]])
    dquery, dkeys = attend_backward(dcontext, query, keys, mask)
    dquery   # ≈ [[-0.393, 0.393]]
    dkeys    # ≈ [[[0.338, 2.193], [0.662, 0.807], [0.000, 0.000]]]
""")
