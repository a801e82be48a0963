"""A word-level language model: embedding, recurrent layers, softmax over the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from helpers.layers import GRU, LSTM, RNN, Affine, Dropout, Embedding, SoftmaxCrossEntropy
from helpers.layers.base import MOST
from helpers.layers.recurrent import Recurrent
from helpers.validation import (
    require,
    require_choice,
    require_fraction,
    require_ids,
    require_int,
    require_real,
    require_rng,
    require_shape,
)

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class LanguageModel:
    """Predicts the next word from all before it (Mikolov et al., 2010; with the LSTM: Zaremba et al., 2014).

    ids (N, T) → embedding (N, T, D) → `num_layers` recurrent layers (N, T, H) → logits (N, T, V). The
    recurrent layers are stateful: the next batch continues where the last one ended, until `reset_state`.

    `cell` is "rnn", "lstm", "gru", or a layer of one's own: a class that is made and used as these three are.

    `dropout` acts, when `train` is true, on every connection that is not recurrent: before, between and
    after the recurrent layers. Its masks are drawn from `.rng`, the generator that also drew the initial
    weights: to resume to the last bit, save and restore ``model.rng.bit_generator.state`` beside
    `state_dict()` and `get_state()`.

    `params` and `grads` are flat: "embedding.W", "cells.0.Wx", …, "output.W", "output.b".
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        hidden_size: int,
        *,
        cell: str | type[Recurrent] = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        rng: np.random.Generator,
        dtype: np.dtype | type = np.float32,
    ):
        own = isinstance(cell, type) and issubclass(cell, Recurrent)
        if not own:
            require_choice("cell", cell, CELLS)
        layer = cell if own else CELLS[cell]
        num_layers = require_int("num_layers", num_layers, maximum=MOST)
        hidden_size = require_int("hidden_size", hidden_size)
        dropout = require_fraction("dropout", dropout)
        self.cell = cell
        self.rng = require_rng("rng", rng)
        self.embedding = Embedding(vocab_size, embedding_size, rng=rng, dtype=dtype)
        sizes = [embedding_size] + [hidden_size] * num_layers
        self.cells = [layer(d, hidden_size, rng=rng, stateful=True, dtype=dtype) for d in sizes[:-1]]
        self.output = Affine(hidden_size, vocab_size, rng=rng, dtype=dtype)
        self.dropouts = [Dropout(dropout, rng=rng) for _ in range(num_layers + 1)]
        self.criterion = SoftmaxCrossEntropy()
        named = {
            "embedding": self.embedding,
            **{f"cells.{i}": layer for i, layer in enumerate(self.cells)},
            "output": self.output,
        }
        self.params = {f"{part}.{key}": p for part, layer in named.items() for key, p in layer.params.items()}
        self.grads = {f"{part}.{key}": g for part, layer in named.items() for key, g in layer.grads.items()}
        self._logits: np.ndarray | None = None
        self._ready = False

    @property
    def parameter_count(self) -> int:
        """How many numbers training adjusts."""
        return sum(p.size for p in self.params.values())

    def forward(self, ids: np.ndarray, train: bool = False) -> np.ndarray:
        """ids (N, T), integers → logits (N, T, V), a fresh array."""
        self._ready = False
        return self.output.forward(self._hidden(ids, train))

    def loss(self, ids: np.ndarray, targets: np.ndarray, train: bool = False) -> float:
        """Mean cross-entropy in nats a token of `targets` (N, T) after `ids` (N, T).

        The state moves on as in `forward`, also when `train` is false. Raises ValueError for shapes that
        differ, no tokens, and ids outside 0 … V - 1; the state is then as it was.
        """
        self._ready = False
        ids = require_ids("ids", ids, self.embedding.vocab_size)
        targets = require_ids("targets", targets, self.output.output_size)  # before the state moves on
        require_shape("targets", targets, ids.shape)
        hidden = self._hidden(ids, train)
        shape = (*hidden.shape[:2], self.output.output_size)
        if self._logits is None or self._logits.shape != shape:
            self._logits = np.empty(shape, self.output.dtype)
        # The largest array of all, used over and over: logits first, then their gradient in the same place.
        logits = partial(self.output.forward, hidden, out=self._logits)
        loss = self.criterion.forward(logits(), targets, in_place=True, again=logits)
        self._ready = True
        return loss

    def backward(self) -> None:
        """The gradient of the last `loss`, into `grads`. RuntimeError unless `loss` came just before."""
        if not self._ready:
            raise RuntimeError("LanguageModel.backward: got no loss, wanted loss before backward")
        dh = self.output.backward(*self.criterion.factors())
        for layer, dropout in zip(reversed(self.cells), reversed(self.dropouts[1:]), strict=True):
            dh = layer.backward(dropout.backward(dh))
        self.embedding.backward(self.dropouts[0].backward(dh))

    def _hidden(self, ids: np.ndarray, train: bool) -> np.ndarray:
        """ids (N, T) → what the output layer sees (N, T, H)."""
        ids = require_ids("ids", ids, self.embedding.vocab_size)
        require_shape("ids", ids, ("N", "T"))
        require(ids.size > 0, "ids", f"shape {ids.shape}", "at least one id")
        carried = self.cells[0].state
        if carried is not None:   # before dropout draws
            wanted = f"{len(carried[0])}, that of the carried state (or call reset_state)"
            require(len(carried[0]) == len(ids), "ids", f"batch size {len(ids)}", wanted)
        h = self.dropouts[0].forward(self.embedding.forward(ids), train)
        for layer, dropout in zip(self.cells, self.dropouts[1:], strict=True):
            h = dropout.forward(layer.forward(h), train)
        return h

    def reset_state(self) -> None:
        """Forget what was read: the next batch starts from zeros."""
        for layer in self.cells:
            layer.reset_state()

    def get_state(self) -> list[tuple[np.ndarray, ...]] | None:
        """Copies of the recurrent states, a tuple of (N, H) arrays for each layer; None when fresh."""
        if self.cells[0].state is None:
            return None
        return [tuple(array.copy() for array in layer.state) for layer in self.cells]

    def set_state(self, state: Sequence[Sequence[np.ndarray]] | None) -> None:
        """Continue from what `get_state` returned; None is `reset_state`. ValueError for other shapes."""
        if state is None:
            self.reset_state()
            return
        many = isinstance(state, Sequence)
        got = f"{len(state)} layers" if many else type(state).__name__
        require(many and len(state) == len(self.cells), "state", got, f"{len(self.cells)}, as from get_state")
        batch_size: int | str = "N"
        for number, (layer, arrays) in enumerate(zip(self.cells, state, strict=True)):
            try:   # all fit, or nothing changes
                batch_size = len(layer.check_state(arrays, batch_size)[0])
            except ValueError as error:
                raise ValueError(f"state[{number}].{error}") from None
        for layer, arrays in zip(self.cells, state, strict=True):
            layer.state = arrays

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters, by their dotted names."""
        return {name: p.copy() for name, p in self.params.items()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Fill the parameters from `state_dict()`. ValueError names what is missing, unknown or misshapen.

        Nothing is changed unless everything fits.
        """
        require(isinstance(state, Mapping), "state", type(state).__name__, "a mapping, as from state_dict")
        for name in self.params:
            require(name in state, f"state[{name!r}]", "nothing", f"shape {self.params[name].shape}")
        names = ", ".join(self.params)
        for name in state:
            require(name in self.params, f"state[{name!r}]", "an unknown name", f"one of {names}")
        arrays = {}
        for name, param in self.params.items():
            given = require_real(f"state[{name!r}]", state[name])
            require_shape(f"state[{name!r}]", given, param.shape)
            with np.errstate(over="ignore"):
                arrays[name] = given.astype(param.dtype)
            kept = np.array_equal(np.isinf(arrays[name]), np.isinf(given))
            require(kept, f"state[{name!r}]", "a number that overflows", f"numbers of {param.dtype}")
        for name, param in self.params.items():
            param[...] = arrays[name]
