"""The text classifier of chapter 8: embedded words → a cell or something simpler → one summary → a class."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.models.both_ways import read_both_ways, summary_of
from helpers.tensors import CheckedModule, require_id_tensor, require_real_tensor, require_size
from helpers.validation import (
    require,
    require_choice,
    require_flag,
    require_fraction,
    require_real,
    require_shape,
)

RECURRENT = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
CELLS = (*RECURRENT, "flat", "mean")
POOLINGS = ("last", "max", "mean")


class TextClassifier(CheckedModule):
    """ids (N, T) → embedding (N, T, D) → summary (N, S) → Dense with ReLU → a logit, or one for each class.

    Args:
        vocab_size, embedding_size: V and D; id 0 is padding.
        cell: "rnn", "gru" or "lstm"; or, without any recurrence, "flat": the T·D embedded numbers side by
            side; "mean": the mean of the words' embeddings, a bag of words.
        hidden_size, num_layers, bidirectional: of a recurrent cell; S is H, or 2H if bidirectional.
        pooling: which of a recurrent cell's states is the summary. "last": the state after the last word,
            of the backward direction the one after the first; "max", "mean": over the steps that have a word.
        dense_size: units of the layer between summary and output.
        num_classes: 2 for one logit, that of class 1; more for as many logits.
        dropout: on the embedded words, between layers, and on the summary.
        embeddings: (V, D) start values of the embedding, which then decide D.
        freeze: leave the embedding as it is.
        max_length: T, needed for "flat".

    Padding stands behind the words and never counts, whatever ids stand there. The weights start as in Keras:
    embedding uniform in ±0.05, input weights and Dense layers after Glorot & Bengio (2010), recurrent weights
    orthogonal, biases 0, the forget gate's 1.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        embedding_size: int = 50,
        cell: str = "lstm",
        hidden_size: int = 50,
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "last",
        dense_size: int = 32,
        num_classes: int = 2,
        dropout: float = 0.0,
        embeddings: np.ndarray | None = None,
        freeze: bool = False,
        max_length: int | None = None,
    ) -> None:
        super().__init__()
        require_choice("cell", cell, CELLS)
        require_choice("pooling", pooling, POOLINGS)
        V = require_size("vocab_size", vocab_size)
        start = _start_values(V, require_size("embedding_size", embedding_size), embeddings)
        D, H = start.shape[1], require_size("hidden_size", hidden_size)
        self.cell, self.pooling = cell, pooling
        self.num_classes = require_size("num_classes", num_classes, minimum=2)
        self.dropout = require_fraction("dropout", dropout)
        self.max_length = require_size("max_length", max_length) if cell == "flat" else None
        self.embedding = nn.Embedding.from_pretrained(start, freeze=require_flag("freeze", freeze))
        width = H * (2 if require_flag("bidirectional", bidirectional) else 1)
        num_layers = require_size("num_layers", num_layers)
        self.layers = nn.ModuleList(
            _Layer(RECURRENT[cell], D if i == 0 else width, H, bidirectional)
            for i in range(num_layers if cell in RECURRENT else 0)
        )
        summary_size = {"flat": D * (self.max_length or 0), "mean": D}.get(cell, width)
        self.dense = nn.Linear(summary_size, require_size("dense_size", dense_size))
        self.output = nn.Linear(dense_size, 1 if num_classes == 2 else num_classes)
        for linear in (self.dense, self.output):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    @property
    def parameter_count(self) -> int:
        """How many numbers training adjusts: a frozen embedding counts for nothing."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    @property
    def parameter_counts(self) -> dict[str, int]:
        """How many numbers each part has: "embedding" (frozen or not), "cell", "dense" and "output"."""
        parts = {
            "embedding": self.embedding, "cell": self.layers, "dense": self.dense, "output": self.output
        }
        return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (N, T), lengths (N,), integers, at least one word each → logits (N,), or (N, num_classes).

        ValueError for ids outside 0 … V - 1, lengths outside 1 … T, and a text whose length ends among its
        words, with padding (0) before them. (A length of T reads padding as words: say so to compare.)
        """
        hidden = functional.relu(self.dense(self._drop(self.summary(ids, lengths))))
        logits = self.output(hidden)
        return logits.squeeze(1) if self.num_classes == 2 else logits

    def summary(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (N, T), lengths (N,) → (N, S), all that is known of a text."""
        weight = self.embedding.weight
        ids = require_id_tensor("ids", ids, len(weight), ("N", "T"), weight)
        T = ids.shape[1]
        lengths = require_id_tensor("lengths", lengths, None, (len(ids),), weight)
        mask = _words(lengths, T)
        _require_padding_behind(ids, lengths, mask)
        mask = mask.unsqueeze(2)
        x = self._drop(self.embedding(ids).masked_fill(~mask, 0.0))   # 0 · nan would be nan
        if self.cell == "flat":
            require(self.max_length == T, "ids", f"{T} steps", f"max_length = {self.max_length}")
            return x.flatten(1)
        if self.cell == "mean":
            return x.sum(1) / lengths[:, None]
        return self._pool(self._read(x, lengths), lengths, mask)

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Embedded words (N, T, D) → the last layer's state after every step, (N, T, H or 2H). Only those of
        steps before `lengths` (N,) mean anything."""
        weight = self.embedding.weight
        x = require_real_tensor("x", x, ("N", "T", weight.shape[1]), weight)
        lengths = require_id_tensor("lengths", lengths, None, (len(x),), weight)
        _require_lengths(lengths, x.shape[1])
        return self._read(x.masked_fill(~_words(lengths, x.shape[1]).unsqueeze(2), 0.0), lengths)

    def _read(self, x: Tensor, lengths: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = layer(x if number == 0 else self._drop(x), lengths)
        return x

    def _pool(self, states: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "max":
            return states.masked_fill(~mask, -torch.inf).amax(1)
        if self.pooling == "mean":
            return (states * mask).sum(1) / lengths[:, None]
        return summary_of(states, lengths, self.layers[-1].forwards.hidden_size)

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class _Layer(nn.Module):
    """A recurrent layer that reads forwards, or in both directions with the states side by side."""

    def __init__(self, kind: type[nn.RNNBase], input_size: int, hidden_size: int, bidirectional: bool):
        super().__init__()
        self.forwards = kind(input_size, hidden_size, batch_first=True)
        self.backwards = kind(input_size, hidden_size, batch_first=True) if bidirectional else None
        for cell in (self.forwards, self.backwards):
            if cell is not None:
                _start_as_keras(cell)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """x (N, T, D), lengths (N,) → states (N, T, H or 2H)."""
        return read_both_ways(self.forwards, self.backwards, x, lengths)


def _start_as_keras(cell: nn.RNNBase) -> None:
    nn.init.xavier_uniform_(cell.weight_ih_l0)
    nn.init.orthogonal_(cell.weight_hh_l0)
    nn.init.zeros_(cell.bias_ih_l0)
    nn.init.zeros_(cell.bias_hh_l0)
    if isinstance(cell, nn.LSTM):
        nn.init.ones_(cell.bias_ih_l0[cell.hidden_size : 2 * cell.hidden_size])   # gates i, f, g, o


def _start_values(vocab_size: int, embedding_size: int, embeddings: np.ndarray | None) -> Tensor:
    if embeddings is None:
        return torch.empty(vocab_size, embedding_size).uniform_(-0.05, 0.05)
    embeddings = require_real("embeddings", embeddings, finite=True)
    require_shape("embeddings", embeddings, (vocab_size, "D"))
    require(embeddings.size > 0, "embeddings", f"shape {embeddings.shape}", "at least one column")
    start = torch.from_numpy(np.array(embeddings, np.float64)).to(torch.get_default_dtype())
    fits = bool(start.isfinite().all())
    require(fits, "embeddings", "a number that overflows", f"numbers of {start.dtype}")
    return start


def _words(lengths: Tensor, steps: int) -> Tensor:
    """lengths (N,) → (N, T) bool, True where a word stands."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def _require_lengths(lengths: Tensor, steps: int) -> None:
    fits = bool(((lengths >= 1) & (lengths <= steps)).all())
    require(fits, "lengths", lengths.tolist(), f"1 … {steps}, the number of steps")


def _require_padding_behind(ids: Tensor, lengths: Tensor, words: Tensor) -> None:
    T = ids.shape[1]
    real = ids != 0
    padding = words & ~real & (real & ~words).any(1, keepdim=True)   # in the place of words left unread
    bad = (lengths < 1) | (lengths > T) | padding.any(1)
    if bool(bad.any()):   # one question to an accelerator, not two
        _require_lengths(lengths, T)
        n, t = padding.nonzero()[0].tolist()
        got = f"padding (0) at index ({n}, {t}) and words behind the length {int(lengths[n])}"
        require(False, "ids", got, "padding behind the words only")
