"""`stacked_forward`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import itertools

import numpy as np

from helpers.checks.chapter_01.rnn_forward import rnn_forward_reference
from helpers.checks.registry import Exercise


def _zeros(x, b):
    return np.zeros((len(x), len(b)))


def _run(x, layer):
    return rnn_forward_reference(x, _zeros(x, layer[2]), *layer)


def _stacked_forward(x, layers, return_sequences):
    for layer in layers:
        x = _run(x, layer)
    return x if return_sequences else x[:, -1]


def _stack_cases(rng):
    """Two or three layers, biases not zero; half the cases want the last state. Either all dimensions differ, or
    all sizes are equal (nothing raises when layers are mixed up), or N, T and the top layer's H may be 1."""
    N, T = rng.integers(2, 4), rng.integers(9, 12)
    sizes = [rng.integers(4, 6), *rng.permutation([6, 7, 8])[: rng.integers(2, 4)]]
    kind = rng.choice(["different", "equal", "ones"])
    if kind == "equal":
        sizes = [sizes[0]] * len(sizes)
    elif kind == "ones":
        N, T, sizes[-1] = (rng.choice([1, size]) for size in (N, T, sizes[-1]))
    layers = [
        (rng.normal(size=(D, H)) / np.sqrt(D), rng.normal(size=(H, H)) / np.sqrt(H), rng.normal(size=H))
        for D, H in itertools.pairwise(sizes)
    ]
    x = rng.normal(size=(N, T, sizes[0]))
    return {"x": x, "layers": layers, "return_sequences": bool(rng.random() < 0.5)}


stacked_forward = Exercise("stacked_forward", "01", _stacked_forward, ("h",), _stack_cases, rounds=16)


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
    states = [_zeros(x, b) for _, _, b in layers]
    top = []
    for t in range(x.shape[1]):
        below = x[:, t]
        for k, (Wx, Wh, b) in enumerate(layers):
            below = states[k] = np.tanh(below @ Wx + states[k] @ Wh + b)
        top.append(below)
    return np.stack(top, axis=1) if return_sequences else top[-1]


@stacked_forward.misconception(
    "last-state-between-layers",
    "You hand only the last state to the next layer, as a sequence of one step. Between layers go all states: the next "
    "layer has to read T of them, too.",
)
def _(x, layers, return_sequences):
    for layer in layers:
        x = _run(x, layer)[:, -1:]
    return x if return_sequences else x[:, -1]


@stacked_forward.misconception(
    "last-state-between-layers-if-asked",
    "With False you cut every layer down to its last state, so the next one reads a sequence of one step. Between layers go "
    "all states; return_sequences is about the top layer only: ask for it after the loop.",
)
def _(x, layers, return_sequences):
    for layer in layers:
        x = _run(x, layer)
        x = x if return_sequences else x[:, -1:]
    return x if return_sequences else x[:, -1]


@stacked_forward.misconception(
    "last-state-as-the-sequence",
    "Either h[:, -1] goes to the next layer, (N, H) where it reads (N, T, H): between layers go all states; take the last "
    "one after the loop. Or the zeros have the shape (H, N): np.zeros((x.shape[0], len(b))).",
)
def _(x, layers, return_sequences):
    for layer in layers:
        x = _run(x, layer)[:, -1]
    return x


@stacked_forward.misconception(
    "every-layer-reads-x",
    "Every layer reads the input x, with D columns. The second has to read what the first returned: x = rnn_forward(x, …).",
)
def _(x, layers, return_sequences):
    for layer in layers:
        h = _run(x, layer)
    return h if return_sequences else h[:, -1]


@stacked_forward.misconception(
    "zeros-of-the-input-size",
    "The zeros have as many columns as the *input* of the layer. A state has H: len(b), or Wh.shape[0], of this layer.",
)
def _(x, layers, return_sequences):
    for Wx, Wh, b in layers:
        x = rnn_forward_reference(x, np.zeros((len(x), len(Wx))), Wx, Wh, b)
    return x if return_sequences else x[:, -1]


@stacked_forward.misconception(
    "the-same-zeros-for-all",
    "The zeros are made once, with the first layer's H. H differs from layer to layer: make them inside the loop.",
)
def _(x, layers, return_sequences):
    h0 = _zeros(x, layers[0][2])
    for layer in layers:
        x = rnn_forward_reference(x, h0, *layer)
    return x if return_sequences else x[:, -1]


@stacked_forward.misconception(
    "starts-where-the-layer-below-ended",
    "A layer starts from the state in which the layer below ended. What goes up is the sequence; every layer starts from "
    "zeros of its own, np.zeros((x.shape[0], len(b))).",
)
def _(x, layers, return_sequences):
    h0 = _zeros(x, layers[0][2])
    for layer in layers:
        x = rnn_forward_reference(x, h0, *layer)
        h0 = x[:, -1]
    return x if return_sequences else x[:, -1]


@stacked_forward.misconception("from-the-top", "The layers run from the top down. `layers` begins at the bottom.")
def _(x, layers, return_sequences):
    return _stacked_forward(x, layers[::-1], return_sequences)


@stacked_forward.misconception(
    "weights-exchanged", "Wx and Wh have changed places: rnn_forward(x, h0, Wx, Wh, b)."
)
def _(x, layers, return_sequences):
    return _stacked_forward(x, [(Wh, Wx, b) for Wx, Wh, b in layers], return_sequences)


@stacked_forward.misconception(
    "always-all-states", "You return all states whatever `return_sequences` says; with False it is the last, h[:, -1]."
)
def _(x, layers, return_sequences):
    return _stacked_forward(x, layers, True)


@stacked_forward.misconception(
    "always-the-last-state", "You return the last state whatever `return_sequences` says; with True it is all of them."
)
def _(x, layers, return_sequences):
    return _stacked_forward(x, layers, False)


@stacked_forward.misconception("the-other-way-round", "True and False are swapped: True means all states.")
def _(x, layers, return_sequences):
    return _stacked_forward(x, layers, not return_sequences)


@stacked_forward.misconception(
    "last-sequence",
    "h[-1] is the last *sequence* of the batch, (T, H). Axis 0 counts sequences and axis 1 the steps: h[:, -1].",
)
def _(x, layers, return_sequences):
    h = _stacked_forward(x, layers, True)
    return h if return_sequences else h[-1]


@stacked_forward.misconception("last-unit", "h[:, :, -1] is the last *unit* at every step. The last step is h[:, -1].")
def _(x, layers, return_sequences):
    h = _stacked_forward(x, layers, True)
    return h if return_sequences else h[:, :, -1]


@stacked_forward.misconception("first-step", "This is the state after the *first* step, h[:, 0]; wanted the last.")
def _(x, layers, return_sequences):
    h = _stacked_forward(x, layers, True)
    return h if return_sequences else h[:, 0]


@stacked_forward.misconception(
    "one-step-too-many-axes", "The last state keeps an axis of length 1: h[:, -1:] is (N, 1, H). h[:, -1] is (N, H)."
)
def _(x, layers, return_sequences):
    h = _stacked_forward(x, layers, True)
    return h if return_sequences else h[:, -1:]


@stacked_forward.misconception(
    "squeezed",
    "squeeze removes every axis of length 1, also N, T or H where it happens to be 1. The last state is h[:, -1], (N, H).",
)
def _(x, layers, return_sequences):
    h = _stacked_forward(x, layers, True)
    return h if return_sequences else h[:, -1].squeeze()


@stacked_forward.misconception(
    "first-layer-only", "Only the first layer runs: is there a `return` inside the loop, or does x never become h?"
)
def _(x, layers, return_sequences):
    return _stacked_forward(x, layers[:1], return_sequences)


@stacked_forward.misconception(
    "last-layer-missing", "The last layer is missing: the loop has to go over all of `layers`."
)
def _(x, layers, return_sequences):
    return _stacked_forward(x, layers[:-1], return_sequences)


@stacked_forward.misconception(
    "every-layers-last-state",
    "You return the last state of *every* layer (PyTorch's h_n). Wanted is the last state of the last layer.",
)
def _(x, layers, return_sequences):
    last = []
    for layer in layers:
        x = _run(x, layer)
        last.append(x[:, -1])
    return x if return_sequences else np.concatenate(last, axis=1)


@stacked_forward.misconception(
    "starts-from-ones", "Every layer starts from a state of zeros, np.zeros((N, H)), with its own H."
)
def _(x, layers, return_sequences):
    for layer in layers:
        x = rnn_forward_reference(x, 1 + _zeros(x, layer[2]), *layer)
    return x if return_sequences else x[:, -1]


@stacked_forward.variant("recursion: the layers below, and one on top")
def _(x, layers, return_sequences):
    *below, top = layers
    if below:
        x = stacked_forward.reference(x, below, True)
    h = _run(x, top)
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
        stack.append(_run(stack[-1], layer))
    return stack[-1] if return_sequences else np.take(stack[-1], -1, axis=1)


@stacked_forward.landmark("`h[0, 0] ≈ 0.500`")
def _(f):
    layers = [(np.full((3, 4), 0.1), np.full((4, 4), 0.1), np.zeros(4))]
    layers += [(np.full((4, 2), 0.2), np.full((2, 2), 0.2), np.zeros(2))]
    return f(np.ones((1, 5, 3)), layers, False)[0, 0]
