"""A classifier of texts: n-grams at every place of a text, read by an LSTM in both directions.

    ids (N, T, K) → the sum of each place's n-gram vectors (N, T, D)      (Bojanowski et al. 2017, for words)
                  → every two places added up (N, T/2, D)
                  → bidirectional LSTM (N, T/2, 2H) → maximum and mean over the places, (N, 2H) each
    side by side with the mean of the embedded places, (N, D): a bag of n-grams → a logit
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.tensors import CheckedModule, require_id_tensor, require_size
from helpers.validation import require, require_fraction


class NgramClassifier(CheckedModule):
    """ids (N, T, K) int64 of texts that are all T places long → logits (N,) of class 1.

    Args:
        ngram_count: number of n-gram ids; id 0 means nothing and stays a zero vector.
        embedding_size, hidden_size: D, and H of each direction.
        num_layers: of LSTM; with 0 of them only the mean is left, a bag of n-grams.
        stride: so many places become one before the LSTM; the last one is filled up with nothing.
        ngram_dropout: the chance that an n-gram of a place is left out (its vector is not scaled up: the
            places that remain look as they do in a text with a rare word).
        dropout: on the embedded places, between layers, and on the summary.

    There is no padding: a batch holds texts of one length (`helpers.corpora.ngrams.SameLengthBatches`), and
    PyTorch's LSTM reads them as they are, from both sides.
    """

    def __init__(
        self,
        ngram_count: int,
        *,
        embedding_size: int = 128,
        hidden_size: int = 128,
        num_layers: int = 1,
        stride: int = 2,
        ngram_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        V = require_size("ngram_count", ngram_count, minimum=2)
        D, H = require_size("embedding_size", embedding_size), require_size("hidden_size", hidden_size)
        layers = require_size("num_layers", num_layers, minimum=0)
        self.stride = require_size("stride", stride)
        self.ngram_dropout = require_fraction("ngram_dropout", ngram_dropout)
        self.dropout = require_fraction("dropout", dropout)
        self.embedding = nn.Embedding(V, D, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.05)
        nn.init.zeros_(self.embedding.weight[0].data)
        between = self.dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(D, H, layers, bidirectional=True, dropout=between) if layers else None
        self.output = nn.Linear(4 * H + D if layers else D, 1)

    @property
    def parameter_count(self) -> int:
        """How many numbers training adjusts (the zeros of id 0 among them)."""
        return sum(p.numel() for p in self.parameters())

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (N, T, K), lengths (N,) that are all T → logits (N,).

        ValueError for other lengths, and for ids outside 0 … V - 1.
        """
        ids = self._checked(ids)
        N, T, _ = ids.shape
        lengths = require_id_tensor("lengths", lengths, None, ("N",), ids)
        same = len(lengths) == N and bool((lengths == T).all())
        require(same, "lengths", lengths.tolist(), f"{T} for each of {N} texts")
        x = self.embed(ids)
        summary = x.mean(0)
        if self.lstm is not None:
            h = self.lstm(self._drop(x))[0].float()   # which is bfloat16 under autocast
            summary = torch.cat([h.amax(0), h.mean(0), summary], 1)
        return self.output(self._drop(summary)).squeeze(1).float()

    def embed(self, ids: Tensor) -> Tensor:
        """ids (N, T, K) → embedded places (S, N, D), time first, S = T / stride rounded up."""
        ids = self._checked(ids)
        if self.training and self.ngram_dropout:
            ids = ids * (torch.rand(ids.shape, device=ids.device) >= self.ngram_dropout)
        N, T, K = ids.shape
        ids = functional.pad(ids, (0, 0, 0, -T % self.stride))
        bags = ids.reshape(N, -1, self.stride * K).transpose(0, 1).flatten(0, 1)
        x = functional.embedding_bag(bags, self.embedding.weight, mode="sum", padding_idx=0)
        return x.view(-1, N, x.shape[1])

    def _checked(self, ids: Tensor) -> Tensor:
        weight = self.embedding.weight
        return require_id_tensor("ids", ids, len(weight), ("N", "T", "K"), weight)

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)
