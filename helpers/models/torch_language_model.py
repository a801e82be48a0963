"""The language model of chapter 6 in torch: LSTM layers, tied weights, every kind of dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.regularization import embedding_dropout, locked_dropout, weight_dropout
from helpers.tensors import CheckedModule, require_id_tensor, require_real_tensor, require_size
from helpers.validation import require, require_flag, require_fraction

State = list[tuple[Tensor, Tensor]]


class TorchLanguageModel(CheckedModule):
    """ids (N, T) → embedding → `num_layers` LSTM layers → a score for each of the V words.

    Args:
        vocab_size, embedding_size, hidden_size: V, D and H.
        num_layers: number of LSTM layers.
        tied: the output layer uses the embedding's matrix (Press & Wolf 2017; Inan et al. 2017); the last
            layer then has `embedding_size` units, the ones below it `hidden_size`.
        dropout: on the connections that go up: between the layers and before the output.
        input_dropout: on the embedded input; None takes `dropout`.
        output_dropout: before the output layer; None takes `dropout`.
        variational: one mask for all time steps (Gal & Ghahramani 2016); False draws one a step
            (Zaremba, Sutskever & Vinyals 2014).
        embedding_dropout: share of the words dropped from a window.
        weight_dropout: DropConnect on the hidden-to-hidden weights (Merity et al. 2018).

    The state is handed in and out: a list with a pair (h, c) for each layer, each (N, H). Weights start
    uniform in ±0.1 (embedding and output) and ±1/√H (LSTM), biases at 0, the forget gate's at 1
    (Jozefowicz et al. 2015).
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        tied: bool = False,
        dropout: float = 0.0,
        input_dropout: float | None = None,
        output_dropout: float | None = None,
        variational: bool = True,
        embedding_dropout: float = 0.0,
        weight_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        V, D, H = (
            require_size(name, value)
            for name, value in (
                ("vocab_size", vocab_size), ("embedding_size", embedding_size), ("hidden_size", hidden_size)
            )
        )
        num_layers = require_size("num_layers", num_layers)
        self.tied, self.variational = require_flag("tied", tied), require_flag("variational", variational)
        self.dropout = require_fraction("dropout", dropout)
        self.input_dropout = require_fraction(
            "input_dropout", dropout if input_dropout is None else input_dropout
        )
        self.output_dropout = require_fraction(
            "output_dropout", dropout if output_dropout is None else output_dropout
        )
        self.embedding_dropout = require_fraction("embedding_dropout", embedding_dropout)
        self.weight_dropout = require_fraction("weight_dropout", weight_dropout)
        last = D if tied else H
        sizes = [D, *[H] * (num_layers - 1), last]
        self.embedding = nn.Parameter(torch.empty(V, D).uniform_(-0.1, 0.1))
        self.cells = nn.ModuleList(nn.LSTM(sizes[i], sizes[i + 1]) for i in range(num_layers))
        self.output = self.embedding if tied else nn.Parameter(torch.empty(V, last).uniform_(-0.1, 0.1))
        self.output_bias = nn.Parameter(torch.zeros(V))
        for cell in self.cells:
            nn.init.zeros_(cell.bias_ih_l0)
            nn.init.zeros_(cell.bias_hh_l0)
            size = cell.hidden_size
            nn.init.ones_(cell.bias_ih_l0[size : 2 * size])   # gates i, f, g, o

    @property
    def parameter_count(self) -> int:
        """How many numbers training adjusts; a tied matrix counts once."""
        return sum(p.numel() for p in self.parameters())

    def hidden(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """ids (N, T), `state` from the window before or None for zeros → (h, raw, new state).

        `h` (T, N, H) is what the output layer sees, `raw` the same before its dropout. The new state is
        detached: gradients stop at the window's edge (truncated BPTT). ValueError for ids outside 0 … V - 1,
        and for the state of other layers or another batch.
        """
        ids = require_id_tensor("ids", ids, len(self.embedding), ("N", "T"), self.embedding)
        state = None if state is None else self._checked(state, len(ids))
        h = embedding_dropout(ids.T, self.embedding, self.embedding_dropout, self.training)
        h = self._drop(h, self.input_dropout)
        new, raw = [], h
        for number, cell in enumerate(self.cells):
            raw, last = self._layer(cell, h, None if state is None else state[number])
            new.append(last)
            above = self.output_dropout if number == len(self.cells) - 1 else self.dropout
            h = self._drop(raw, above)
        return h, raw, new

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """ids (N, T) → (logits (N, T, V), new state)."""
        h, _, state = self.hidden(ids, state)
        return functional.linear(h, self.output, self.output_bias).transpose(0, 1), state

    def _checked(self, state: State, batch_size: int) -> State:
        """`state` as tensors like the weights, if it fits these layers and `batch_size`."""
        many = isinstance(state, list | tuple)
        got = f"{len(state)} layers" if many else type(state).__name__
        wanted = f"{len(self.cells)}, each a pair (h, c)"
        require(many and len(state) == len(self.cells), "state", got, wanted)
        for number, pair in enumerate(state):
            is_pair = isinstance(pair, list | tuple) and len(pair) == 2
            require(is_pair, f"state[{number}]", type(pair).__name__, "a pair (h, c)")
        checked = []
        for number, (cell, pair) in enumerate(zip(self.cells, state, strict=True)):
            names = f"state[{number}].h", f"state[{number}].c"
            shape = "N", cell.hidden_size
            checked.append(tuple(map(require_real_tensor, names, pair, (shape,) * 2, (self.embedding,) * 2)))
            for name, part in zip(names, checked[-1], strict=True):
                wanted = f"{batch_size}, that of ids (or None to start anew)"
                require(len(part) == batch_size, name, f"batch size {len(part)}", wanted)
        return checked

    def _drop(self, x: Tensor, p: float) -> Tensor:
        if self.variational:
            return locked_dropout(x, p, self.training)
        return functional.dropout(x, p, self.training)

    def _layer(self, cell: nn.LSTM, x: Tensor, state: tuple[Tensor, Tensor] | None):
        """One LSTM layer over x (T, N, D) → (h (T, N, H), detached (h, c) each (N, H))."""
        if state is None:
            state = (x.new_zeros(x.shape[1], cell.hidden_size),) * 2
        state = tuple(s.unsqueeze(0) for s in state)
        if self.training and self.weight_dropout:
            weights = [cell.weight_ih_l0, weight_dropout(cell.weight_hh_l0, self.weight_dropout),
                       cell.bias_ih_l0, cell.bias_hh_l0]
            # What nn.LSTM calls with its own weights: biases, 1 layer, dropout 0, train, …
            h, *last = torch.lstm(x, state, weights, True, 1, 0.0, True, False, False)
        else:
            h, last = cell(x, state)
        return h, tuple(s.detach().squeeze(0) for s in last)
