"""Two ways to look back at an encoder's states, in torch: scores, softmax, weighted mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helpers.validation import require, require_int


class _Attention(nn.Module):
    """What both share; they differ in their scores."""

    def project(self, keys: Tensor) -> Tensor:
        """keys (N, S, K) → the part of the scores that does not depend on the query (N, S, …).

        Computed once a sentence, and handed to `forward` at every step.
        """
        raise NotImplementedError

    def scores(self, query: Tensor, projected: Tensor) -> Tensor:
        """query (N, T, Q) and what `project` returned → (N, T, S)."""
        raise NotImplementedError

    def forward(
        self, query: Tensor, keys: Tensor, mask: Tensor, projected: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """query (N, Q) or (N, T, Q), keys (N, S, K), mask (N, S) bool, True at real tokens
        → context (N, K) or (N, T, K), weights (N, S) or (N, T, S).

        `projected` is ``project(keys)``, made here if it is None. Masked scores are -inf before the softmax,
        so their weights are exactly 0. ValueError for a row of `mask` without any True.
        """
        require(bool(mask.any(dim=1).all()), "mask", "a row without a real token", "at least one in each row")
        one_step = query.ndim == 2
        scores = self.scores(
            query.unsqueeze(1) if one_step else query,
            self.project(keys) if projected is None else projected,
        )
        weights = scores.masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(dim=-1)
        context = torch.bmm(weights, keys)
        return (context.squeeze(1), weights.squeeze(1)) if one_step else (context, weights)


class AdditiveAttention(_Attention):
    """Scores v · tanh(W_q s + W_k h + b), a network with one hidden layer (Bahdanau, Cho & Bengio 2015).

    The sizes are those of the query, of a key, and of that layer.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int) -> None:
        super().__init__()
        A = require_int("hidden_size", hidden_size)
        self.query = nn.Linear(require_int("query_size", query_size), A, bias=False)
        self.key = nn.Linear(require_int("key_size", key_size), A)
        self.v = nn.Linear(A, 1, bias=False)   # a constant in every score would change no weight

    def project(self, keys: Tensor) -> Tensor:
        """keys (N, S, K) → W_k h + b (N, S, A)."""
        return self.key(keys)

    def scores(self, query: Tensor, projected: Tensor) -> Tensor:
        """query (N, T, Q), projected (N, S, A) → (N, T, S)."""
        both = self.query(query).unsqueeze(2) + projected.unsqueeze(1)   # (N, T, S, A)
        return self.v(torch.tanh(both)).squeeze(-1)


class DotProductAttention(_Attention):
    """Scores s · W h, "general", or s · h, "dot", where both sizes are equal (Luong, Pham & Manning 2015)."""

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        Q, K = require_int("query_size", query_size), require_int("key_size", key_size)
        self.key = nn.Linear(K, Q, bias=False) if K != Q else None

    def project(self, keys: Tensor) -> Tensor:
        """keys (N, S, K) → W h (N, S, Q), or the keys as they are."""
        return keys if self.key is None else self.key(keys)

    def scores(self, query: Tensor, projected: Tensor) -> Tensor:
        """query (N, T, Q), projected (N, S, Q) → (N, T, S)."""
        return torch.bmm(query, projected.transpose(1, 2))
