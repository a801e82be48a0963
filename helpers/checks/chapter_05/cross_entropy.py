"""`softmax_cross_entropy`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise
from helpers.gradients import numerical_gradient
from helpers.layers import softmax


def _loss(logits, targets):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(log_p, targets[..., None], axis=-1).mean()


def _one_hot(logits, targets):
    return np.eye(logits.shape[-1])[targets]


def _softmax_cross_entropy(logits, targets):
    return float(_loss(logits, targets)), (softmax(logits) - _one_hot(logits, targets)) / targets.size


def _cases(rng):
    N, T, V = rng.integers(2, 4), rng.integers(4, 6), rng.integers(6, 9)
    logits = rng.normal(size=(N, T, V), scale=2)
    targets = rng.integers(0, V, size=(N, T))
    kind = rng.integers(4)
    if kind == 1:
        logits += 1000.0   # exp of these overflows
    elif kind == 2:
        logits += 1000.0 * np.arange(N)[:, None, None]   # one largest logit for all would leave some rows empty
    elif kind == 3:
        logits[0, 1, targets[0, 1]] -= 1000.0   # a target whose p is 0 to the computer, and ln p is not
    return {"logits": logits, "targets": targets}


softmax_cross_entropy = Exercise(
    "softmax_cross_entropy",
    "05",
    _softmax_cross_entropy,
    ("loss", "dlogits"),
    _cases,
    rounds=12,
    float32_rtol=1e-3,   # float32 logits near 1000 are themselves exact to 3e-5 only
)


@softmax_cross_entropy.oracle("central differences, step 1e-5", rtol=1e-7)
def _(logits, targets):
    return float(_loss(logits, targets)), numerical_gradient(lambda z: _loss(z, targets), logits.copy())


@softmax_cross_entropy.oracle("torch.nn.functional.cross_entropy", needs_torch=True)
def _(logits, targets):
    import torch

    z = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(z.flatten(0, 1), torch.tensor(targets).flatten())
    loss.backward()
    return loss.item(), z.grad.numpy()


@softmax_cross_entropy.misconception(
    "gradient-not-averaged",
    "The loss is a mean over N·T tokens, your gradient belongs to the sum: divide it by N·T too.",
)
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return loss, d * targets.size


@softmax_cross_entropy.misconception("summed", "Loss and gradient are sums over all tokens; wanted is the mean.")
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return loss * targets.size, d * targets.size


@softmax_cross_entropy.misconception(
    "sign", "The gradient points the wrong way: it is p − y (probability minus one-hot target), not y − p."
)
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return loss, -d


@softmax_cross_entropy.misconception(
    "target-not-subtracted", "Your gradient is p. The 1 at the target has to be taken off: p − y."
)
def _(logits, targets):
    return float(_loss(logits, targets)), softmax(logits) / targets.size


@softmax_cross_entropy.misconception(
    "softmax-over-time", "Your softmax runs over axis 1, the time. It runs over the vocabulary: the last axis."
)
def _(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -np.log(np.take_along_axis(p, targets[..., None], axis=-1)).mean()
    return float(loss), (p - _one_hot(logits, targets)) / targets.size


@softmax_cross_entropy.misconception(
    "overflow", "exp of a large logit overflows and gives nan. Subtract each row's largest logit before exp."
)
def _(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    loss = -np.log(np.take_along_axis(p, targets[..., None], axis=-1)).mean()
    return float(loss), (p - _one_hot(logits, targets)) / targets.size


@softmax_cross_entropy.misconception(
    "logarithm-of-zero",
    "Right but for a target far below the others: its p has become 0, and the loss is infinite. Take the logarithm before "
    "exp can lose it: ln p = shifted − ln Σ exp(shifted).",
)
def _(logits, targets):
    p = softmax(logits)
    loss = -np.log(np.take_along_axis(p, targets[..., None], axis=-1)).mean()
    return float(loss), (p - _one_hot(logits, targets)) / targets.size


@softmax_cross_entropy.misconception(
    "one-maximum-for-all",
    "You subtract one largest logit for the whole array. A row far below it is then all exp(−1000) = 0, and 0/0 is "
    "nan. Each row needs its own: logits.max(axis=-1, keepdims=True).",
)
def _(logits, targets):
    p = np.exp(logits - logits.max())
    p = p / p.sum(axis=-1, keepdims=True)
    loss = -np.log(np.take_along_axis(p, targets[..., None], axis=-1)).mean()
    return float(loss), (p - _one_hot(logits, targets)) / targets.size


@softmax_cross_entropy.misconception("negative-loss", "The loss is minus the logarithm: −ln p of the target.")
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return -loss, d


@softmax_cross_entropy.misconception(
    "divided-by-N", "Your gradient is divided by N alone. The loss is a mean over N·T tokens: targets.size."
)
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return loss, d * targets.shape[1]


@softmax_cross_entropy.misconception(
    "divided-by-T", "Your gradient is divided by T alone. The loss is a mean over N·T tokens: targets.size."
)
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return loss, d * targets.shape[0]


@softmax_cross_entropy.misconception("perplexity", "You return exp of the loss, the perplexity. Wanted is the loss.")
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return float(np.exp(loss)), d


@softmax_cross_entropy.misconception(
    "gradient-of-the-probability",
    "You stop at dL/dp = −1/p. One more step of the chain rule goes through the softmax, and the result is simpler: p − y.",
)
def _(logits, targets):
    p = softmax(logits)
    return float(_loss(logits, targets)), -_one_hot(logits, targets) / p / targets.size


@softmax_cross_entropy.misconception(
    "averaged-over-vocabulary", "You average over N·T·V numbers; only one in each row is a loss. Divide by N·T."
)
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return loss / logits.shape[-1], d / logits.shape[-1]


@softmax_cross_entropy.misconception("bits", "The loss is in bits (log2); wanted are nats: np.log.")
def _(logits, targets):
    loss, d = _softmax_cross_entropy(logits, targets)
    return loss / np.log(2), d


@softmax_cross_entropy.variant("rows flattened")
def _(logits, targets):
    rows, wanted = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    shifted = rows - rows.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    index = np.arange(len(rows)), wanted
    loss = -log_p[index].sum() / len(rows)
    p = np.exp(log_p)
    p[index] -= 1
    return loss, (p / len(rows)).reshape(logits.shape)


@softmax_cross_entropy.variant("log-sum-exp")
def _(logits, targets):
    top = logits.max(axis=2)
    log_total = top + np.log(np.exp(logits - top[..., None]).sum(axis=2))
    chosen = np.einsum("ntv,ntv->nt", logits, _one_hot(logits, targets))
    p = np.exp(logits - log_total[..., None])
    return np.mean(log_total - chosen), (p - _one_hot(logits, targets)) / log_total.size


@softmax_cross_entropy.landmark("a loss of `ln 5 ≈ 1.609`")
def _(f):
    return f(np.zeros((2, 3, 5)), np.zeros((2, 3), dtype=int))[0]
