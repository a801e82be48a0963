"""`stacked_forward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference as rnn_forward
from helpers.checks.registry import Exercise


def stacked_forward_reference(x, layers, return_sequences):
    for Wx, Wh, b in layers:
        h0 = np.zeros((x.shape[0], len(b)))
        x = rnn_forward(x, h0, Wx, Wh, b)
    return x if return_sequences else x[:, -1]


def _cases(rng, *, N=(2, 3), T=(4, 5), D=(6, 7), H=(8, 9), top=(13, 14), depth=(2, 3)):
    """Widths D, H, H + 2, …, top; biases not zero. Half the cases want the last state."""
    return _stack(rng, N, T, [D, *(H + 2 * k for k in range(depth - 1)), top], bool(rng.random() < 0.5))


def _stack(rng, N, T, widths, return_sequences):
    layers = [
        (rng.normal(size=(D, H)) / np.sqrt(D), rng.normal(size=(H, H)) / np.sqrt(H), rng.normal(size=H))
        for D, H in itertools.pairwise(widths)
    ]
    return {"x": rng.normal(size=(N, T, widths[0])), "layers": layers, "return_sequences": return_sequences}


stacked_forward = Exercise("stacked_forward", "01", stacked_forward_reference, ("h",), _cases, rounds=6)


@stacked_forward.oracle("torch.nn.RNN on torch.nn.RNN", needs_torch=True)
def _(x, layers, return_sequences):
    import torch

    x = torch.tensor(x)
    for Wx, Wh, b in layers:
        rnn = torch.nn.RNN(*Wx.shape, batch_first=True, dtype=torch.float64)
        with torch.no_grad():
            rnn.weight_ih_l0.copy_(torch.tensor(Wx.T))
            rnn.weight_hh_l0.copy_(torch.tensor(Wh.T))
            rnn.bias_ih_l0.copy_(torch.tensor(b))
            rnn.bias_hh_l0.zero_()
            x, h_n = rnn(x)
    return x.numpy() if return_sequences else h_n[0].numpy()


@stacked_forward.oracle("the loops the other way round: word by word, upwards through the layers")
def _(x, layers, return_sequences):
    states = [np.zeros((len(x), len(b))) for _, _, b in layers]
    top = []
    for t in range(x.shape[1]):
        below = x[:, t]
        for k, (Wx, Wh, b) in enumerate(layers):
            below = states[k] = np.tanh(below @ Wx + states[k] @ Wh + b)
        top.append(below)
    return np.stack(top, axis=1) if return_sequences else top[-1]


stacked_forward.landmark("""
    lower = np.full((3, 4), 0.1), np.full((4, 4), 0.1), np.full(4, -0.2)
    upper = np.full((4, 2), 0.2), np.full((2, 2), 0.2), np.full(2, 0.3)
    stacked_forward(np.ones((1, 5, 3)), [lower, upper], False)[0, 0]   # ≈ 0.578
""")

_SQUEEZED = "squeeze removes every axis of length 1, also N, T or H where it happens to be 1. The last state is `x[:, -1]`, (N, H)."


@stacked_forward.extreme("one sequence, one unit on top, its last state", _SQUEEZED)
def _(rng):
    return _stack(rng, 1, 4, [3, 5, 1], False)


@stacked_forward.extreme("one step, all states", "With True the result has its axis of time, (N, T, H), also where T is 1.")
def _(rng):
    return _stack(rng, 2, 1, [3, 5, 4], True)


@stacked_forward.extreme(
    "all widths equal, all states",
    "Right where the widths differ from layer to layer, wrong where they are equal. Does a layer start from a state of "
    "another one, or add its input? Each starts from zeros, and what goes up is what it returns.",
)
def _(rng):
    return _stack(rng, 3, 3, [3, 3, 3, 3], True)


@stacked_forward.extreme(
    "all widths equal, the last state", "Right where N, T and H differ, wrong where they are equal. Are axes exchanged?"
)
def _(rng):
    return _stack(rng, 3, 3, [3, 3, 3], False)


stacked_forward.mistake(
    "last-state-between-layers",
    "You hand only the last state to the next layer, as a sequence of one step. Between layers go all states: the next "
    "layer has to read T of them, too.",
    ("Wx, Wh, b)\n    return", "Wx, Wh, b)[:, -1:]\n    return"),
)
stacked_forward.mistake(
    "last-state-between-layers-if-asked",
    "With False you cut every layer down to its last state, so the next one reads a sequence of one step. Between layers go "
    "all states; return_sequences is about the top layer only: ask for it after the loop.",
    ("Wx, Wh, b)\n    return", "Wx, Wh, b)\n        x = x if return_sequences else x[:, -1:]\n    return"),
)
stacked_forward.mistake(
    "last-state-as-the-sequence",
    "h[:, -1] goes to the next layer, (N, H) where it reads (N, T, H). Between layers go all states; take the last one "
    "after the loop.",
    ("Wx, Wh, b)\n    return x if return_sequences else x[:, -1]", "Wx, Wh, b)[:, -1]\n    return x"),
)
stacked_forward.mistake(
    "last-state-as-the-sequence-if-asked",
    "With False h[:, -1] goes to the next layer, (N, H) where it reads (N, T, H). return_sequences is about the top layer "
    "only: take the last state after the loop.",
    (
        "Wx, Wh, b)\n    return x if return_sequences else x[:, -1]",
        "Wx, Wh, b)\n        x = x if return_sequences else x[:, -1]\n    return x",
    ),
)
stacked_forward.mistake(
    "every-layer-reads-x",
    "Every layer reads the input x, with D columns. The second has to read what the first returned: "
    "x = rnn_forward(x, …).",
    ("        x = rnn_forward", "        h = rnn_forward"),
    ("return x if return_sequences else x[:, -1]", "return h if return_sequences else h[:, -1]"),
)
stacked_forward.mistake(
    "result-not-kept",
    "x stays what it was, so every layer reads the input: keep what a layer returns, x = rnn_forward(x, …).",
    ("        x = rnn_forward", "        h = rnn_forward"),
)
stacked_forward.mistake(
    "zeros-of-the-input-size",
    "The zeros have as many columns as the *input* of the layer. A state has H: `len(b)` of this layer.",
    ("len(b)", "len(Wx)"),
)
stacked_forward.mistake(
    "the-same-zeros-for-all",
    "The zeros are made once, with the first layer's H. H differs from layer to layer: make them inside the loop.",
    (
        "    for Wx, Wh, b in layers:\n        h0 = np.zeros((x.shape[0], len(b)))",
        "    h0 = np.zeros((x.shape[0], len(layers[0][2])))\n    for Wx, Wh, b in layers:",
    ),
)
stacked_forward.mistake(
    "starts-where-the-layer-below-ended",
    "A layer starts from the state in which the layer below ended. What goes up is the sequence; every layer starts from "
    "zeros of its own, `np.zeros((x.shape[0], len(b)))`.",
    (
        "    for Wx, Wh, b in layers:\n        h0 = np.zeros((x.shape[0], len(b)))",
        "    h0 = np.zeros((x.shape[0], len(layers[0][2])))\n    for Wx, Wh, b in layers:",
    ),
    ("Wx, Wh, b)\n    return", "Wx, Wh, b)\n        h0 = x[:, -1]\n    return"),
)
stacked_forward.mistake(
    "first-layers-weights",
    "Every layer runs with the weights of the first. Each has its own: `for Wx, Wh, b in layers`.",
    ("    for Wx, Wh, b in layers:\n", "    for _ in layers:\n        Wx, Wh, b = layers[0]\n"),
)
stacked_forward.mistake(
    "last-unit",
    "x[:, :, -1] is the last *unit* at every step. The last step is `x[:, -1]`.",
    ("x[:, -1]", "x[:, :, -1]"),
)
stacked_forward.mistake(
    "mean-over-time",
    "You average the states over the steps. Wanted is the last one, `x[:, -1]`.",
    ("x[:, -1]", "x.mean(axis=1)"),
)
stacked_forward.mistake(
    "first-layer-only",
    "Only the first layer runs: the `return` stands inside the loop. Move it out, to the left.",
    ("    return x", "        return x"),
)
stacked_forward.mistake(
    "last-layer-only",
    "Only the last layer runs. It reads what the one below returned, so all of `layers` run, from the bottom.",
    ("in layers", "in layers[-1:]"),
)
stacked_forward.mistake(
    "two-layers-only", "Only the first two layers run. The list may be of any length: loop over it.", ("in layers", "in layers[:2]")
)
stacked_forward.mistake(
    "every-layers-last-state",
    "You return the last state of *every* layer (PyTorch's h_n). Wanted is the last state of the top one.",
    ("    for Wx", "    last = []\n    for Wx"),
    ("Wx, Wh, b)\n    return x if return_sequences else x[:, -1]",
     "Wx, Wh, b)\n        last.append(x[:, -1])\n    return x if return_sequences else np.stack(last)"),
)  # fmt: skip
stacked_forward.mistake(
    "first-step", "You return the state after the *first* step. The last one is `x[:, -1]`.", ("x[:, -1]", "x[:, 0]")
)
stacked_forward.mistake(
    "starts-from-ones", "Your layers start from ones. Each starts from zeros: `np.zeros`.", ("np.zeros", "np.ones")
)
stacked_forward.mistake(
    "tanh-twice",
    "tanh is applied a second time. The states that rnn_forward returns have gone through it already.",
    ("rnn_forward(x, h0, Wx, Wh, b)", "np.tanh(rnn_forward(x, h0, Wx, Wh, b))"),
)
stacked_forward.mistake(
    "no-bias", "The biases are missing: every layer has its own `b`.", ("h0, Wx, Wh, b)", "h0, Wx, Wh, 0 * b)")
)


@stacked_forward.variant("recursion: the layers below, and one on top")
def _(x, layers, return_sequences):
    *below, (Wx, Wh, b) = layers
    if below:
        x = stacked_forward_reference(x, below, True)
    h = rnn_forward(x, np.zeros(len(b)), Wx, Wh, b)   # zeros that broadcast
    return h if return_sequences else h[:, x.shape[1] - 1]


@stacked_forward.variant("step by step, the states in a list")
def _(x, layers, return_sequences):
    for Wx, Wh, b in layers:
        states = [np.zeros((x.shape[0], Wh.shape[0]), dtype=x.dtype)]
        for t in range(x.shape[1]):
            states.append(np.tanh(np.dot(x[:, t], Wx) + np.dot(states[-1], Wh) + b))
        x = np.array(states[1:]).transpose(1, 0, 2)
    if return_sequences:
        return x
    return x[:, -1, :]


@stacked_forward.variant("every layer's states in a list, and the last of it")
def _(x, layers, return_sequences):
    stack = [x]
    for layer in layers:
        stack.append(rnn_forward(stack[-1], np.zeros((len(x), len(layer[2]))), *layer))
    return stack[-1] if return_sequences else np.take(stack[-1], -1, axis=1)
