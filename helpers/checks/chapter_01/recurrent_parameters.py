"""`recurrent_parameters`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def _recurrent_parameters(input_size, hidden_size, blocks, biases):
    return blocks * hidden_size * (input_size + hidden_size + biases)


def _count_cases(rng):
    return {
        "input_size": int(rng.integers(5, 40)),
        "hidden_size": int(rng.integers(41, 90)),
        "blocks": int(rng.choice([1, 3, 4])),
        "biases": int(rng.choice([1, 2])),
    }


recurrent_parameters = Exercise(
    "recurrent_parameters", "01", _recurrent_parameters, ("count",), _count_cases, rounds=10
)


@recurrent_parameters.oracle("counting torch's own parameters", needs_torch=True)
def _(input_size, hidden_size, blocks, biases):
    import torch

    if biases != 2:
        return NotImplemented
    layer = {1: torch.nn.RNN, 3: torch.nn.GRU, 4: torch.nn.LSTM}[blocks](input_size, hidden_size)
    return sum(p.numel() for p in layer.parameters())


@recurrent_parameters.oracle("building the arrays")
def _(input_size, hidden_size, blocks, biases):
    arrays = [np.empty((input_size, hidden_size)), np.empty((hidden_size, hidden_size))]
    arrays += [np.empty(hidden_size)] * biases
    return sum(array.size for _ in range(blocks) for array in arrays)


@recurrent_parameters.misconception("no-bias", "The biases are missing: `biases` vectors of H for each gate.")
def _(input_size, hidden_size, blocks, biases):
    return blocks * hidden_size * (input_size + hidden_size)


@recurrent_parameters.misconception(
    "no-recurrence", "The hidden-to-hidden matrix is missing: H × H for each gate. It is what makes it recurrent."
)
def _(input_size, hidden_size, blocks, biases):
    return blocks * (input_size * hidden_size + biases * hidden_size)


@recurrent_parameters.misconception(
    "blocks-on-matrices-only", "Every gate has biases of its own too: the factor `blocks` goes over the whole sum."
)
def _(input_size, hidden_size, blocks, biases):
    return blocks * hidden_size * (input_size + hidden_size) + biases * hidden_size


@recurrent_parameters.misconception(
    "one-bias", "You count one bias whatever `biases` says. PyTorch's layers carry two, Keras' mostly one."
)
def _(input_size, hidden_size, blocks, biases):
    return blocks * hidden_size * (input_size + hidden_size + 1)


@recurrent_parameters.misconception("no-blocks", "This is one gate's share; multiply by `blocks` (LSTM 4, GRU 3).")
def _(input_size, hidden_size, blocks, biases):
    return hidden_size * (input_size + hidden_size + biases)


@recurrent_parameters.misconception(
    "input-squared", "The recurrent matrix goes from H to H, not from D to D: H × H."
)
def _(input_size, hidden_size, blocks, biases):
    return blocks * (input_size * hidden_size + input_size**2 + biases * hidden_size)


@recurrent_parameters.misconception("two-biases", "You count two biases whatever `biases` says. It is 1 or 2.")
def _(input_size, hidden_size, blocks, biases):
    return blocks * hidden_size * (input_size + hidden_size + 2)


@recurrent_parameters.misconception("bias-of-one", "A bias is a vector with one number for each unit: biases · H.")
def _(input_size, hidden_size, blocks, biases):
    return blocks * (hidden_size * (input_size + hidden_size) + biases)


@recurrent_parameters.variant("matrix by matrix")
def _(input_size, hidden_size, blocks, biases):
    Wx, Wh, b = input_size * blocks * hidden_size, hidden_size * blocks * hidden_size, blocks * hidden_size
    return Wx + Wh + biases * b


@recurrent_parameters.landmark("LSTM(50→50) with one bias has `20200`")
def _(f):
    return f(50, 50, 4, 1)


@recurrent_parameters.variant("one block, repeated")
def _(input_size, hidden_size, blocks, biases):
    one = 0
    for rows in (input_size, hidden_size, biases):
        one += rows * hidden_size
    return sum(one for _ in range(blocks))


@recurrent_parameters.variant("by the size of an array")
def _(input_size, hidden_size, blocks, biases):
    return np.zeros((input_size + hidden_size + biases, blocks * hidden_size)).size
