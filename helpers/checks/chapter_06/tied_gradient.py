"""`tied_gradient`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _output(h, dlogits):
    """The output layer's share (V, D)."""
    return np.einsum("ntv,ntd->vd", dlogits, h)


def _lookup(ids, dembedded, V):
    """The lookup's share (V, D)."""
    share = np.zeros((V, dembedded.shape[-1]), dembedded.dtype)
    np.add.at(share, ids, dembedded)
    return share


def _tied_gradient(ids, dembedded, h, dlogits):
    return _output(h, dlogits) + _lookup(ids, dembedded, dlogits.shape[-1])


def _cases(rng):
    N, T, D, V = rng.integers(2, 4), rng.integers(4, 6), rng.integers(6, 8), rng.integers(8, 11)
    ids = rng.integers(0, V - 1, size=(N, T))   # the last word never occurs: V is not ids.max() + 1
    ids[-1, -2:] = ids[0, 0]                     # and one occurs three times at least
    return {
        "ids": ids,
        "dembedded": rng.normal(size=(N, T, D)),
        "h": rng.normal(size=(N, T, D)),
        "dlogits": rng.normal(size=(N, T, V)),
    }


tied_gradient = Exercise("tied_gradient", "06", _tied_gradient, ("dE",), _cases)


@tied_gradient.oracle("torch autograd", needs_torch=True)
def _(ids, dembedded, h, dlogits):
    import torch
    from torch.nn import functional

    E = torch.zeros(dlogits.shape[-1], h.shape[-1], dtype=torch.float64, requires_grad=True)
    places = functional.embedding(torch.tensor(ids), E), functional.linear(torch.tensor(h), E)
    torch.autograd.backward(places, (torch.tensor(dembedded), torch.tensor(dlogits)))
    return E.grad.numpy()


@tied_gradient.oracle("central differences", rtol=1e-8)
def _(ids, dembedded, h, dlogits):
    shape = dlogits.shape[-1], h.shape[-1]

    def loss(E):   # whose gradients at the two places are the given ones
        return (dembedded * E[ids]).sum() + (dlogits * (h @ E.T)).sum()

    gradient = np.empty(shape)
    for place in np.ndindex(shape):
        change = np.zeros(shape)
        change[place] = 0.5
        gradient[place] = loss(change) - loss(-change)
    return gradient


@tied_gradient.oracle("the course's Embedding and Affine")
def _(ids, dembedded, h, dlogits):
    from helpers.layers import Affine, Embedding

    D, V = h.shape[-1], dlogits.shape[-1]
    rng = np.random.default_rng(0)
    embedding, affine = Embedding(V, D, rng=rng, dtype=np.float64), Affine(D, V, rng=rng, dtype=np.float64)
    embedding.forward(ids)
    embedding.backward(dembedded)
    affine.forward(h)
    affine.backward(dlogits)
    return embedding.grads["W"] + affine.grads["W"].T


@tied_gradient.misconception(
    "output-only",
    "This is the output layer's share alone. The matrix is used a second time, in the lookup: add dembedded to the rows "
    "of the words that were looked up.",
)
def _(ids, dembedded, h, dlogits):
    return _output(h, dlogits)


@tied_gradient.misconception(
    "lookup-only",
    "This is the lookup's share alone. The matrix is used a second time, in logits = h @ E.T + b: its share there is "
    "dlogits, transposed, times h.",
)
def _(ids, dembedded, h, dlogits):
    return _lookup(ids, dembedded, dlogits.shape[-1])


@tied_gradient.misconception(
    "mean-of-both", "You take the mean of the two shares. Used twice means that the shares *add*: no half."
)
def _(ids, dembedded, h, dlogits):
    return _tied_gradient(ids, dembedded, h, dlogits) / 2


@tied_gradient.misconception(
    "repeated-words-lost",
    "A word that occurs several times keeps only the last of its contributions: dE[ids] += … reads once and writes once. "
    "np.add.at(dE, ids, dembedded) adds all of them.",
)
def _(ids, dembedded, h, dlogits):
    dE = _output(h, dlogits)
    dE[ids] += dembedded
    return dE


@tied_gradient.misconception(
    "repeated-words-lost-first-kept",
    "A word that occurs several times keeps only its first contribution: np.unique gives the first place of each word. "
    "np.add.at(dE, ids, dembedded) adds all of them.",
)
def _(ids, dembedded, h, dlogits):
    dE = _output(h, dlogits)
    words, first = np.unique(ids, return_index=True)
    dE[words] += dembedded.reshape(-1, dembedded.shape[-1])[first]
    return dE


@tied_gradient.misconception(
    "output-overwritten",
    "Rows of words that were looked up have lost the output layer's share: dE[ids] = … overwrites it. Add instead, with "
    "np.add.at.",
)
def _(ids, dembedded, h, dlogits):
    dE = _output(h, dlogits)
    dE[ids] = dembedded
    return dE


@tied_gradient.misconception(
    "output-overwritten-by-sums",
    "Rows of words that were looked up hold the lookup's share alone. Each row gets both shares: start from the output "
    "layer's and add.",
)
def _(ids, dembedded, h, dlogits):
    dE, lookup = _output(h, dlogits), _lookup(ids, dembedded, dlogits.shape[-1])
    dE[np.unique(ids)] = lookup[np.unique(ids)]
    return dE


@tied_gradient.misconception(
    "divided-by-counts",
    "You divide a word's contributions by how often it occurs. They add up; the mean over the places is already in the "
    "gradients that arrive.",
)
def _(ids, dembedded, h, dlogits):
    V = dlogits.shape[-1]
    counts = np.bincount(ids.ravel(), minlength=V)
    return _output(h, dlogits) + _lookup(ids, dembedded, V) / np.maximum(counts, 1)[:, None]


@tied_gradient.misconception(
    "divided-by-places",
    "You divide by the N·T places. The mean's 1/(N·T) is already in dlogits and dembedded, which are gradients of the "
    "loss: only add up.",
)
def _(ids, dembedded, h, dlogits):
    return _tied_gradient(ids, dembedded, h, dlogits) / ids.size


@tied_gradient.misconception(
    "output-divided-by-places",
    "The output layer's share is divided by the N·T places. dlogits is already the gradient of the mean loss: no "
    "further division.",
)
def _(ids, dembedded, h, dlogits):
    return _output(h, dlogits) / ids.size + _lookup(ids, dembedded, dlogits.shape[-1])


@tied_gradient.misconception(
    "transposed", "Yours is (D, V). E has a row for each word, so its gradient is (V, D): transpose."
)
def _(ids, dembedded, h, dlogits):
    return _tied_gradient(ids, dembedded, h, dlogits).T


@tied_gradient.misconception(
    "transposed-too-early",
    "Your dE is (D, V), so np.add.at looks for a word's row among D of them. E has a row for each of the V words: dlogits, "
    "transposed, times h gives (V, D).",
)
def _(ids, dembedded, h, dlogits):
    dE = _output(h, dlogits).T
    np.add.at(dE, ids, dembedded)
    return dE


@tied_gradient.misconception(
    "nothing-returned",
    "The function hands out None. If its last line is `return np.add.at(…)`: np.add.at adds in place and itself returns "
    "nothing. Add first, then return dE.",
)
def _(ids, dembedded, h, dlogits):
    dE = _output(h, dlogits)
    return np.add.at(dE, ids, dembedded)


@tied_gradient.misconception(
    "reshaped",
    "You turned h.T @ dlogits, which is (D, V), into (V, D) by reshape. That shuffles the entries; a transpose is wanted, "
    "or dlogits.T @ h.",
)
def _(ids, dembedded, h, dlogits):
    V = dlogits.shape[-1]
    return _output(h, dlogits).T.reshape(V, -1) + _lookup(ids, dembedded, V)


@tied_gradient.misconception(
    "difference", "You subtract one share from the other. Both pull at the same matrix: add them."
)
def _(ids, dembedded, h, dlogits):
    return _output(h, dlogits) - _lookup(ids, dembedded, dlogits.shape[-1])


@tied_gradient.misconception(
    "V-from-the-ids",
    "Your lookup's share has ids.max() + 1 rows. The last words of the vocabulary need not occur in a window: take V from "
    "dlogits.shape[-1].",
)
def _(ids, dembedded, h, dlogits):
    return _output(h, dlogits) + _lookup(ids, dembedded, ids.max() + 1)


@tied_gradient.misconception(
    "arrays-mixed-up",
    "The two inputs are exchanged: dembedded belongs to the lookup, and h is what the output layer multiplied by E.T.",
)
def _(ids, dembedded, h, dlogits):
    return _tied_gradient(ids, h, dembedded, dlogits)


@tied_gradient.misconception(
    "looked-up-rows-only",
    "The output layer's share reaches only words that were looked up. Its softmax pulls at *every* row of E, at every place.",
)
def _(ids, dembedded, h, dlogits):
    dE = np.zeros((dlogits.shape[-1], h.shape[-1]))
    words = np.unique(ids)
    dE[words] = _tied_gradient(ids, dembedded, h, dlogits)[words]
    return dE


@tied_gradient.misconception(
    "sum-over-steps-of-the-first-row",
    "Only the first row of the batch is in it. Sum over all N rows and T steps.",
)
def _(ids, dembedded, h, dlogits):
    return _tied_gradient(ids[:1], dembedded[:1], h[:1], dlogits[:1])


@tied_gradient.variant("one-hot rows")
def _(ids, dembedded, h, dlogits):
    V, D = dlogits.shape[-1], h.shape[-1]
    seen = np.eye(V)[ids].reshape(-1, V)
    return seen.T @ dembedded.reshape(-1, D) + dlogits.reshape(-1, V).T @ h.reshape(-1, D)


@tied_gradient.variant("np.add.at on the flattened places")
def _(ids, dembedded, h, dlogits):
    V, D = dlogits.shape[-1], h.shape[-1]
    dE = np.tensordot(dlogits, h, axes=([0, 1], [0, 1]))
    np.add.at(dE, ids.reshape(-1), dembedded.reshape(-1, D))
    assert dE.shape == (V, D)
    return dE


@tied_gradient.variant("place by place")
def _(ids, dembedded, h, dlogits):
    dE = np.zeros((dlogits.shape[2], h.shape[2]))
    for n, t in np.ndindex(ids.shape):
        dE += np.outer(dlogits[n, t], h[n, t])
        dE[ids[n, t]] += dembedded[n, t]
    return dE


@tied_gradient.landmark("zero gradients at the output give `dE[0, 0] = 2`")
def _(f):
    return f(np.array([[0, 0]]), np.ones((1, 2, 1)), np.ones((1, 2, 1)), np.zeros((1, 2, 3)))[0, 0]
