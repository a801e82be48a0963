"""What a training step of the small language model should take: three kinds of work at three measured rates.

The model is one LSTM layer of as many units as the embedding has, an affine layer to the vocabulary, softmax,
clipping and SGD. Two of its omissions are what the experiment `step-cost` shows: products are taken to run at
one rate whatever their shape, and what Python needs between the calls costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

BYTES = 4   # of a float32


class Sizes(NamedTuple):
    """Sequences in a batch, steps in a window, units, words."""

    N: int
    T: int
    H: int
    V: int

    @property
    def parameters(self) -> dict[str, int]:
        """Numbers that are trained: in the embedding, and in LSTM and output layer."""
        return {"embedding": self.V * self.H, "dense": 8 * self.H**2 + 4 * self.H + (self.H + 1) * self.V}


class Passes(NamedTuple):
    """How many numbers are read or written where nothing but memory counts."""

    parameter: int   # of LSTM and output layer, for each parameter
    embedding: int   # for each number in the embedding
    unit: int        # of the LSTM, for each unit, step and sequence
    logit: int       # for each logit, beside exp and products


NUMPY = Passes(parameter=5, embedding=5, unit=135, logit=1)
"""Norm twice, update three times; additions and multiplications of helpers.layers.LSTM, counted; of the
logits the sum of exp."""

TORCH = Passes(parameter=7, embedding=8, unit=135, logit=2)
"""Clipping scales all gradients, and that of the embedding is filled anew."""


def amounts(sizes: Sizes, passes: Passes) -> dict[str, float]:
    """{"products": floating-point operations, "exp": numbers, "memory": bytes} of one step, forward and back.

    A product of (a, b) with (b, c) is 2abc operations. The output layer has three of N·T·H·V, the LSTM six of
    N·T·H·4H; exp is taken of N·T·V logits, tanh of 5 numbers for each unit (three gates, candidate, cell).
    """
    N, T, H, V = sizes
    moved = passes.parameter * sizes.parameters["dense"] + passes.embedding * sizes.parameters["embedding"]
    return {
        "products": 2.0 * N * T * (3 * H * V + 6 * H * 4 * H),
        "exp": float(N * T * (V + 5 * H)),
        "memory": float(BYTES * (moved + N * T * (passes.unit * H + passes.logit * V))),
    }


def milliseconds(amounts: Mapping[str, float], rates: Mapping[str, float]) -> dict[str, float]:
    """Each amount over its rate a second (of the same name), and their "sum": nothing overlaps."""
    parts = {name: 1000 * amount / rates[name] for name, amount in amounts.items()}
    return parts | {"sum": sum(parts.values())}


class Probe(NamedTuple):
    """Something of one kind of work only: how much of it there is, and what does it."""

    amount: float
    run: Callable[[], object]


def probes(sizes: Sizes) -> dict[str, Probe]:
    """What rates are measured by, in NumPy: the three products of the output layer at `sizes`, exp of its
    logits, and an array of as many numbers written to another."""
    rng = np.random.default_rng(0)
    N, T, H, V = sizes
    h, W, logits = (
        rng.standard_normal(shape, dtype=np.float32) for shape in ((N * T, H), (H, V), (N * T, V))
    )
    out, dW, dh = np.empty_like(logits), np.empty_like(W), np.empty_like(h)

    def products() -> None:
        np.matmul(h, W, out=out)
        np.matmul(h.T, logits, out=dW)
        np.matmul(logits, W.T, out=dh)

    return {
        "products": Probe(6.0 * N * T * H * V, products),
        "exp": Probe(float(N * T * V), lambda: np.exp(logits, out=out)),
        "memory": Probe(2.0 * BYTES * N * T * V, lambda: np.copyto(out, logits)),
    }
