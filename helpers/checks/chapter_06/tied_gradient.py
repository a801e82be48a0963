"""`tied_gradient`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def tied_gradient_reference(ids, dembedded, h, dlogits):
    V, D = dlogits.shape[-1], h.shape[-1]
    dE = dlogits.reshape(-1, V).T @ h.reshape(-1, D)
    np.add.at(dE, ids, dembedded)
    return dE


def gradient_cases(rng, *, N=(2, 3), T=(4, 5), D=(6, 7), V=(8, 10)):
    missing = rng.choice([0, V - 1, V // 2], p=[0.2, 0.6, 0.2])   # never occurs: V is not ids.max() + 1
    ids = (missing + 1 + rng.integers(0, max(1, V - 1), size=(N, T))) % V
    ids[-1, -2:] = ids[0, 0]                                       # and one occurs three times at least
    return {
        "ids": ids,
        "dembedded": rng.normal(size=(N, T, D)),
        "h": rng.normal(size=(N, T, D)),
        "dlogits": rng.normal(size=(N, T, V)),
    }


tied_gradient = Exercise("tied_gradient", "06", tied_gradient_reference, ("dE",), gradient_cases)


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


@tied_gradient.extreme("one word everywhere", "A word that stands at every place gets the contributions of all of them.")
def _(rng):
    case = gradient_cases(rng, N=2, T=4, D=3, V=5)
    return case | {"ids": np.full((2, 4), 3)}


@tied_gradient.extreme("every word once", "Here every word occurs, each once. Does the last word's row get its share, too?")
def _(rng):
    case = gradient_cases(rng, N=2, T=3, D=4, V=6)
    return case | {"ids": rng.permutation(6).reshape(2, 3)}


@tied_gradient.extreme("N = T = D = V", "All sizes are equal here, so shapes fit that should not: check the axes.")
def _(rng):
    return gradient_cases(rng, N=4, T=4, D=4, V=4)


@tied_gradient.extreme("zeros at the output", "With zero gradients at the output only the lookup's share is left.")
def _(rng):
    case = gradient_cases(rng, N=2, T=4, D=3, V=6)
    return case | {"dlogits": np.zeros((2, 4, 6))}


OUTPUT = "dlogits.reshape(-1, V).T @ h.reshape(-1, D)"
LOOKUP = "    np.add.at(dE, ids, dembedded)\n"

tied_gradient.mistake(
    "repeated-words-lost",
    "A word that occurs several times keeps only the last of its contributions: dE[ids] += … reads once and writes once. "
    "`np.add.at(dE, ids, dembedded)` adds all of them.",
    (LOOKUP, "    dE[ids] += dembedded\n"),
)
tied_gradient.mistake(
    "output-overwritten",
    "Rows of words that were looked up have lost the output layer's share: dE[ids] = … overwrites it. Add instead, with "
    "np.add.at.",
    (LOOKUP, "    dE[ids] = dembedded\n"),
)
tied_gradient.mistake(
    "transposed",
    "Yours is (D, V). E has a row for each word, so its gradient is (V, D): transpose.",
    ("return dE", "return dE.T"),
)
tied_gradient.mistake(
    "divided-by-places",
    "You divide by the N·T places. The mean's 1/(N·T) is already in dlogits and dembedded, which are gradients of the "
    "loss: only add up.",
    ("return dE", "return dE / ids.size"),
)
tied_gradient.mistake(
    "output-only",
    "This is the output layer's share alone. The matrix is used a second time, in the lookup: add dembedded to the rows "
    "of the words that were looked up.",
    (LOOKUP, ""),
)
tied_gradient.mistake(
    "lookup-only",
    "This is the lookup's share alone. The matrix is used a second time, in logits = h @ E.T + b: its share there is "
    "dlogits, transposed, times h.",
    (OUTPUT, "np.zeros((V, D))"),
)
tied_gradient.mistake(
    "mean-of-both",
    "You take the mean of the two shares. Used twice means that the shares *add*: no half.",
    ("return dE", "return dE / 2"),
)
tied_gradient.mistake(
    "repeated-words-lost-first-kept",
    "A word that occurs several times keeps only its first contribution: np.unique gives the first place of each word. "
    "np.add.at(dE, ids, dembedded) adds all of them.",
    (
        LOOKUP,
        "    words, first = np.unique(ids, return_index=True)\n    dE[words] += dembedded.reshape(-1, D)[first]\n",
    ),
)
tied_gradient.mistake(
    "repeated-words-lost-within-a-row",
    "Row by row, a word that occurs twice in one row keeps only the last of its contributions: dE[ids[n]] += … reads once and "
    "writes once. `np.add.at(dE, ids, dembedded)` adds all of them.",
    (LOOKUP, "    for n in range(len(ids)):\n        dE[ids[n]] += dembedded[n]\n"),
)
tied_gradient.mistake(
    "repeated-words-lost-within-a-step",
    "Step by step, a word that occurs in two rows at once keeps only the last of its contributions: dE[ids[:, t]] += … reads "
    "once and writes once. `np.add.at(dE, ids, dembedded)` adds all of them.",
    (LOOKUP, "    for t in range(ids.shape[1]):\n        dE[ids[:, t]] += dembedded[:, t]\n"),
)
tied_gradient.mistake(
    "output-overwritten-by-sums",
    "Rows of words that were looked up hold the lookup's share alone. Each row gets both shares: start from the output "
    "layer's and add.",
    (LOOKUP, f"    dE[ids] = 0\n{LOOKUP}"),
)
tied_gradient.mistake(
    "divided-by-counts",
    "You divide a word's contributions by how often it occurs. They add up; the mean over the places is already in the "
    "gradients that arrive.",
    (LOOKUP, "    np.add.at(dE, ids, dembedded / np.bincount(ids.ravel())[ids][..., None])\n"),
)
tied_gradient.mistake(
    "all-divided-by-counts",
    "You divide a word's row by how often it occurs. Contributions add up: the mean over the places is already in the gradients "
    "that arrive.",
    ("return dE", "return dE / np.maximum(1, np.bincount(ids.ravel(), minlength=V))[:, None]"),
)
tied_gradient.mistake(
    "divided-by-rows",
    "You divide by the N rows. The mean is already in dlogits and dembedded, which are gradients of the loss: only add up.",
    ("return dE", "return dE / len(ids)"),
)
tied_gradient.mistake(
    "output-divided-by-places",
    "The output layer's share is divided by the N·T places. dlogits is already the gradient of the mean loss: no "
    "further division.",
    (OUTPUT, f"{OUTPUT} / ids.size"),
)
tied_gradient.mistake(
    "transposed-too-early",
    "Your dE is (D, V), so np.add.at looks for a word's row among D of them. E has a row for each of the V words: dlogits, "
    "transposed, times h gives (V, D).",
    (OUTPUT, "h.reshape(-1, D).T @ dlogits.reshape(-1, V)"),
)
tied_gradient.mistake(
    "nothing-returned",
    "The function hands out None. If its last line is `return np.add.at(…)`: np.add.at adds in place and itself returns "
    "nothing. Add first, then return dE.",
    (f"{LOOKUP}    return dE", "    return np.add.at(dE, ids, dembedded)"),
)
tied_gradient.mistake(
    "reshaped",
    "You turned h.T @ dlogits, which is (D, V), into (V, D) by reshape. That shuffles the entries; a transpose is wanted, "
    "or dlogits.T @ h.",
    (OUTPUT, "(h.reshape(-1, D).T @ dlogits.reshape(-1, V)).reshape(V, D)"),
)
tied_gradient.mistake(
    "flattened-the-wrong-way",
    "`dlogits.reshape(V, -1)` cuts the numbers into V pieces and does not bring the words to the front. Flatten to (N·T, V) first, "
    "then transpose: `dlogits.reshape(-1, V).T`.",
    ("dlogits.reshape(-1, V).T", "dlogits.reshape(V, -1)"),
)
tied_gradient.mistake(
    "all-axes-turned",
    "`dlogits.T` turns all three axes, (V, T, N), so the places come in another order than in h. Flatten to (N·T, V) first, "
    "then transpose: `dlogits.reshape(-1, V).T`.",
    ("dlogits.reshape(-1, V).T", "dlogits.T.reshape(V, -1)"),
)
tied_gradient.mistake(
    "difference",
    "You subtract one share from the other. Both pull at the same matrix: add them.",
    ("dE, ids, dembedded", "dE, ids, -dembedded"),
)
tied_gradient.mistake(
    "V-from-the-ids",
    "Your lookup's share has ids.max() + 1 rows. The last words of the vocabulary need not occur in a window: take V from "
    "`dlogits.shape[-1]`.",
    (LOOKUP, "    rows = np.zeros((ids.max() + 1, D))\n    np.add.at(rows, ids, dembedded)\n    dE = dE + rows\n"),
)
tied_gradient.mistake(
    "V-from-the-ids-at-first",
    "You start with ids.max() + 1 rows. The last words of the vocabulary need not occur in a window: V is `dlogits.shape[-1]`.",
    (f"    dE = {OUTPUT}\n{LOOKUP}", f"    dE = np.zeros((ids.max() + 1, D))\n{LOOKUP}    dE += {OUTPUT}\n"),
)
tied_gradient.mistake(
    "V-from-the-ids-in-a-sum",
    "The two shares do not fit together: the lookup's has ids.max() + 1 rows, and the last words of the vocabulary need not occur "
    "in a window. Give it a row for each of the V words, `dlogits.shape[-1]`.",
    (LOOKUP, "    rows = np.zeros((ids.max() + 1, D))\n    np.add.at(rows, ids, dembedded)\n    dE = rows + dE\n"),
)
tied_gradient.mistake(
    "V-from-the-number-of-words",
    "You take the number of different words in the window for V. Words that do not occur in it have a row, too: V is "
    "`dlogits.shape[-1]`.",
    ("V, D = dlogits.shape[-1]", "V, D = len(np.unique(ids))"),
)
tied_gradient.mistake(
    "arrays-mixed-up",
    "The two inputs are exchanged: dembedded belongs to the lookup, and h is what the output layer multiplied by E.T.",
    ("h.reshape(-1, D)", "dembedded.reshape(-1, D)"), ("ids, dembedded)\n", "ids, h)\n"),
)  # fmt: skip
tied_gradient.mistake(
    "gradients-multiplied",
    "In the output layer's share you multiply dlogits by dembedded. logits = h @ E.T + b, so E's share there has h in it.",
    ("@ h.reshape(-1, D)", "@ dembedded.reshape(-1, D)"),
)
tied_gradient.mistake(
    "looked-up-rows-only",
    "The output layer's share reaches only words that were looked up. Its softmax pulls at *every* row of E, at every place.",
    ("return dE", "return dE * np.isin(np.arange(V), ids)[:, None]"),
)
tied_gradient.mistake(
    "output-at-the-target-only",
    "You use `dlogits` only at the words that were read. Every word of the vocabulary had a score at every place: "
    "`dlogits.reshape(-1, V).T @ h.reshape(-1, D)`.",
    (OUTPUT, "np.zeros((V, D))"), (LOOKUP, "    at = np.take_along_axis(dlogits, ids[..., None], -1)\n    "
                                  "np.add.at(dE, ids, dembedded + at * h)\n"),
)  # fmt: skip
tied_gradient.mistake(
    "sum-over-steps-of-the-first-row",
    "Only the first row of the batch is in it. Sum over all N rows and T steps.",
    (OUTPUT, "dlogits[0].T @ h[0]"), ("ids, dembedded)\n", "ids[0], dembedded[0])\n"),
)  # fmt: skip
tied_gradient.mistake(
    "lookup-of-the-first-row",
    "The output layer's share is right. The lookup's holds the first row of the batch alone: add the contributions of all N "
    "rows.",
    ("ids, dembedded)\n", "ids[0], dembedded[0])\n"),
)
tied_gradient.mistake(
    "output-of-the-first-row",
    "The lookup's share is right. The output layer's holds the first row of the batch alone: sum over all N rows and T steps.",
    (OUTPUT, "dlogits[0].T @ h[0]"),
)
tied_gradient.mistake(
    "output-of-the-last-step",
    "The lookup's share is right. The output layer's holds the last step alone, but a word is predicted at every one of the T "
    "steps: sum over them all.",
    (OUTPUT, "dlogits[:, -1].T @ h[:, -1]"),
)
tied_gradient.mistake(
    "product-of-sums",
    "In the output layer's share you sum dlogits and h over the places first and multiply the sums. Each place has its own "
    "product, dlogits times h; then the products are summed: `dlogits.reshape(-1, V).T @ h.reshape(-1, D)`.",
    (OUTPUT, "np.outer(dlogits.sum(axis=(0, 1)), h.sum(axis=(0, 1)))"),
)
tied_gradient.mistake(
    "ids-in-another-order",
    "ids run step by step, dembedded row by row, so contributions go to the wrong words. Flatten both in the same order, or "
    "neither: `np.add.at(dE, ids, dembedded)`.",
    ("ids, dembedded)\n", "ids.T.ravel(), dembedded.reshape(-1, D))\n"),
)
tied_gradient.mistake(
    "padding-left-out",
    "The word with id 0 gets nothing from the lookup. Nothing is padded here: 0 is a word like all others.",
    ("ids, dembedded)\n", "ids[ids != 0], dembedded[ids != 0])\n"),
)
tied_gradient.mistake(
    "ids-flattened-alone",
    "ids are flattened to (N·T,), dembedded is still (N, T, D). Flatten both, or neither: `np.add.at(dE, ids, dembedded)`.",
    ("ids, dembedded)\n", "ids.flatten(), dembedded)\n"),
)
tied_gradient.mistake(
    "cut-to-whole-numbers-at-each-place",
    "Your array holds whole numbers (dtype int), so what is added to it loses its fraction each time. Make it with "
    "np.zeros((V, D)), without a dtype.",
    (f"    dE = {OUTPUT}\n{LOOKUP}", "    dE = np.zeros((V, D), dtype=int)\n    for n, t in np.ndindex(ids.shape):\n"
     "        for v, d in np.ndindex(V, D):\n            dE[v, d] += dlogits[n, t, v] * h[n, t, d]\n"
     "        for d in range(D):\n            dE[ids[n, t], d] += dembedded[n, t, d]\n"),
)  # fmt: skip
tied_gradient.mistake(
    "last-step-only",
    "Only the last step is in it. The loss has a term at every one of the T steps: sum over rows and steps.",
    (OUTPUT, "dlogits[:, -1].T @ h[:, -1]"), ("ids, dembedded)\n", "ids[:, -1], dembedded[:, -1])\n"),
)  # fmt: skip
tied_gradient.mistake(
    "a-gradient-for-each-row",
    "You have a matrix for each row of the batch, (N, V, D). All rows share E: sum over them.",
    (f"    dE = {OUTPUT}\n{LOOKUP}", "    dE = dlogits.swapaxes(1, 2) @ h\n"
     "    for n in range(len(ids)):\n        np.add.at(dE[n], ids[n], dembedded[n])\n"),
)  # fmt: skip



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


tied_gradient.landmark("""
    ids = np.array([[0, 2, 0]])                       # N = 1, T = 3
    dembedded, h = np.ones((1, 3, 2)), np.full((1, 3, 2), 2.0)
    tied_gradient(ids, dembedded, h, np.zeros((1, 3, 4)))[:, 0]        # [2.0, 0.0, 1.0, 0.0]
    tied_gradient(ids, dembedded, h, np.full((1, 3, 4), 0.1))[:, 0]    # ≈ [2.6, 0.6, 1.6, 0.6]
""")
