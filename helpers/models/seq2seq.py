"""Encoder and decoder, with attention between them or without, in torch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers.corpora.parallel import PAD_ID
from helpers.models.attention import AdditiveAttention, DotProductAttention
from helpers.models.both_ways import read_both_ways, summary_of
from helpers.tensors import CheckedModule, require_id_tensor, require_real_tensor, require_size
from helpers.validation import require, require_choice, require_flag

CELLS = {"gru": (nn.GRU, nn.GRUCell), "lstm": (nn.LSTM, nn.LSTMCell)}
ATTENTION = ("additive", "dot", None)

State = tuple[Tensor, ...]
"""A decoder's state: (h,) or, of an LSTM, (h, c); each (N, H)."""


class Memory(NamedTuple):
    """What the decoder gets of a batch of sentences.

    `summary` (N, H) and `state`, the decoder's first; with attention also the encoder's `states` (N, S, K)
    and what the attention makes of them once a sentence, `projected` (None without). `mask` (N, S) is True at
    real tokens.
    """

    summary: Tensor
    state: State
    mask: Tensor
    states: Tensor | None
    projected: Tensor | None

    def rows(self, index: Tensor | slice) -> Memory:
        """The memory of some of the sentences, in the order of `index`."""
        if not isinstance(index, slice):
            index = require_id_tensor("index", index, len(self.summary), ("M",), self.summary)
        return Memory(
            self.summary[index],
            tuple(part[index] for part in self.state),
            self.mask[index],
            *(None if part is None else part[index] for part in (self.states, self.projected)),
        )


class Encoder(CheckedModule):
    """Reads a batch of sentences, in both directions if `bidirectional` (Schuster & Paliwal 1997).

    K, the size of a state, is then 2 · `hidden_size`: the step read forwards and the step read backwards.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        hidden_size: int,
        *,
        bidirectional: bool = True,
        cell: str = "gru",
    ) -> None:
        super().__init__()
        V, D, H = _sizes(vocab_size=vocab_size, embedding_size=embedding_size, hidden_size=hidden_size)
        layer, _ = _cell(cell)
        bidirectional = require_flag("bidirectional", bidirectional)
        self.embedding = nn.Embedding(V, D)
        self.forwards = layer(D, H, batch_first=True)
        self.backwards = layer(D, H, batch_first=True) if bidirectional else None
        self.state_size = 2 * H if bidirectional else H
        self.summary = nn.Linear(self.state_size, H)

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """source (N, S), 0 for padding → states (N, S, K), 0 at padding; summary (N, H).

        The summary is a tanh layer of where both readings end: the last real step forwards, the first step
        backwards. ValueError for ids outside 0 … V - 1, where padding is not at the end, or a sentence is
        nothing else.
        """
        source = self.ids(source)
        mask = real_tokens(source)
        lengths = mask.sum(dim=1)
        padding = ~mask.unsqueeze(2)
        x = self.embedding(source).masked_fill(padding, 0.0)   # 0 · nan would be nan
        states = read_both_ways(self.forwards, self.backwards, x, lengths)
        ends = summary_of(states, lengths, self.forwards.hidden_size)
        return states.masked_fill(padding, 0.0), torch.tanh(self.summary(ends))

    def ids(self, source: Tensor) -> Tensor:
        """`source` as (N, S) int64 ids of the vocabulary, where the weights are."""
        weight = self.embedding.weight
        return require_id_tensor("source", source, len(weight), ("N", "S"), weight)


class Seq2Seq(CheckedModule):
    """A conditional language model: the decoder writes the target, given what the encoder read.

    Args:
        source_size, target_size: how many tokens the two vocabularies have.
        embedding_size, hidden_size: D and H, on both sides.
        attention: "additive": scores from the state before the step, and the context goes into the cell
            beside the token (Bahdanau, Cho & Bengio 2015). "dot": scores from the state after the step, and
            tanh(W [h; context]) goes on to the output layer (Luong, Pham & Manning 2015, without feeding it
            back). None: no attention; the summary is the first state and is given to the cell at every step
            (Cho et al. 2014).
        bidirectional: the encoder reads in both directions.
        cell: "gru" or "lstm", on both sides.

    The first state is the encoder's summary (an LSTM's c starts at 0). Weights start as torch's layers make
    them.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        *,
        embedding_size: int,
        hidden_size: int,
        attention: str | None = "additive",
        bidirectional: bool = True,
        cell: str = "gru",
    ) -> None:
        super().__init__()
        require_choice("attention", attention, ATTENTION)
        S, V = _sizes(source_size=source_size, target_size=target_size)
        D, H = _sizes(embedding_size=embedding_size, hidden_size=hidden_size)
        layer, one_step = _cell(cell)
        self.kind, self.cell_kind, self.target_size = attention, cell, V
        self.encoder = Encoder(S, D, H, bidirectional=bidirectional, cell=cell)
        K = self.encoder.state_size
        self.embedding = nn.Embedding(V, D)
        self.attention = self.combine = None
        if attention == "additive":
            self.attention = AdditiveAttention(H, K, H)
            self.cell = one_step(D + K, H)
            self.output = nn.Linear(H + K, V)
        elif attention == "dot":
            self.attention = DotProductAttention(H, K)
            self.cell = layer(D, H, batch_first=True)
            self.combine = nn.Linear(H + K, H)
            self.output = nn.Linear(H, V)
        else:
            self.cell = layer(D + H, H, batch_first=True)
            self.output = nn.Linear(H, V)

    @property
    def parameter_count(self) -> int:
        """How many numbers training adjusts."""
        return sum(p.numel() for p in self.parameters())

    def encode(self, source: Tensor) -> Memory:
        """source (N, S), 0 for padding at the end → what the decoder gets."""
        source = self.encoder.ids(source)
        states, summary = self.encoder(source)
        state = (summary,) if self.cell_kind == "gru" else (summary, torch.zeros_like(summary))
        if self.attention is None:
            return Memory(summary, state, source != PAD_ID, None, None)
        return Memory(summary, state, source != PAD_ID, states, self.attention.project(states))

    def forward(self, source: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """source (N, S), inputs (N, T), the target without its last token → logits (N, T, V) of the target
        without its first, and the attention's weights (N, T, S), None without.

        Teacher forcing: every step is given the true token before it. ValueError for ids outside the
        vocabularies, and where a row of `inputs` begins with padding.
        """
        inputs = self._ids("inputs", inputs, ("N", "T"))
        source = self.encoder.ids(source)
        require(len(inputs) == len(source), "inputs", f"{len(inputs)} rows", f"{len(source)}, as in source")
        padded = bool((inputs[:, 0] == PAD_ID).any())
        require(not padded, "inputs", "padding (0) before a token", "padding at the end only")
        logits, _, weights = self._decode(inputs, None, self.encode(source))
        return logits, weights

    def step(self, token: Tensor, state: State | None, memory: Memory) -> tuple[Tensor, State, Tensor | None]:
        """One step of writing: token (N,), the state before it (None: the first)
        → logits (N, V), the state after it, weights (N, S) or None."""
        require(isinstance(memory, Memory), "memory", type(memory).__name__, "what encode returned")
        N, H = memory.summary.shape
        token = self._ids("token", token, (N,))
        if state is not None:
            wanted = f"{len(memory.state)} tensors of shape ({N}, {H}), those of the step before"
            fits = isinstance(state, list | tuple) and len(state) == len(memory.state)
            require(fits, "state", type(state).__name__, wanted)
            state = tuple(require_real_tensor("state", part, (N, H), memory.summary) for part in state)
        logits, state, weights = self._decode(token.unsqueeze(1), state, memory)
        return logits.squeeze(1), state, None if weights is None else weights.squeeze(1)

    def _ids(self, argument: str, ids: Tensor, shape: tuple[int | str, ...]) -> Tensor:
        weight = self.embedding.weight
        return require_id_tensor(argument, ids, len(weight), shape, weight)

    def _decode(self, inputs: Tensor, state: State | None, memory: Memory):
        """inputs (N, T) → logits (N, T, V), state, weights (N, T, S) or None."""
        state = memory.state if state is None else state
        embedded = self.embedding(inputs)
        if self.kind == "additive":
            h, state, weights = self._attend_and_step(embedded, state, memory)
        elif self.kind == "dot":
            h, state = self._run(embedded, state)
            context, weights = self.attention(h, memory.states, memory.mask, memory.projected)
            h = torch.tanh(self.combine(torch.cat([h, context], dim=-1)))
        else:
            summary = memory.summary.unsqueeze(1).expand(-1, inputs.shape[1], -1)
            h, state = self._run(torch.cat([embedded, summary], dim=-1), state)
            weights = None
        return self.output(h), state, weights

    def _attend_and_step(self, embedded: Tensor, state: State, memory: Memory):
        """embedded (N, T, D) → [h; context] (N, T, H + K), state, weights (N, T, S).

        Step by step: the context of a step needs the state before it."""
        seen, weights = [], []
        for x in embedded.unbind(dim=1):
            context, weight = self.attention(state[0], memory.states, memory.mask, memory.projected)
            x = torch.cat([x, context], dim=-1)
            state = (self.cell(x, state[0]),) if self.cell_kind == "gru" else self.cell(x, state)
            seen.append(torch.cat([state[0], context], dim=-1))
            weights.append(weight)
        return torch.stack(seen, dim=1), state, torch.stack(weights, dim=1)

    def _run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """x (N, T, …) → h (N, T, H), state: all steps in one call."""
        first = tuple(part.unsqueeze(0).contiguous() for part in state)
        h, last = self.cell(x, first[0] if self.cell_kind == "gru" else first)
        last = (last,) if self.cell_kind == "gru" else last
        return h, tuple(part.squeeze(0) for part in last)


def real_tokens(source: Tensor) -> Tensor:
    """source (N, S) → (N, S) bool, True where there is no padding. ValueError as in `Encoder.forward`."""
    source = require_id_tensor("source", source, None, ("N", "S"))
    mask = source != PAD_ID
    gaps = mask[:, 1:] > mask[:, :-1]
    if bool((gaps.any(1) | ~mask[:, 0]).any()):   # one question to an accelerator, not two
        require(bool(mask.any(1).all()), "source", "a sentence without a token",
                "at least one in each, the padding (0) behind")
        n, t = gaps.nonzero()[0].tolist()
        got = f"padding (0) before a token, at index ({n}, {t})"
        require(False, "source", got, "padding at the end only")
    return mask


def _sizes(**sizes: int) -> list[int]:
    return [require_size(name, value) for name, value in sizes.items()]


def _cell(name: str) -> tuple[type[nn.Module], type[nn.Module]]:
    require_choice("cell", name, CELLS)
    return CELLS[name]
