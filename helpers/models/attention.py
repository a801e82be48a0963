"""Two ways to look back at an encoder's states, in torch: scores, softmax, weighted mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helpers.tensors import CheckedModule, require_real_tensor, require_size, require_tensor
from helpers.validation import require


class _Attention(CheckedModule):
    """What both share; they differ in their scores."""

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.query_size = require_size("query_size", query_size)
        self.key_size = require_size("key_size", key_size)
        self.projected_size = self.query_size   # A of `project`

    def project(self, keys: Tensor) -> Tensor:
        """keys (N, S, K) → the part of the scores that does not depend on the query (N, S, …).

        Computed once a sentence, and handed to `forward` at every step.
        """
        raise NotImplementedError

    def _scores(self, query: Tensor, projected: Tensor) -> Tensor:
        """query (N, T, Q) and what `project` returned → (N, T, S)."""
        raise NotImplementedError

    def forward(
        self, query: Tensor, keys: Tensor, mask: Tensor | None = None, projected: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """query (N, Q) or (N, T, Q), keys (N, S, K), mask (N, S) bool, True at real tokens (None: all are)
        → context (N, K) or (N, T, K), weights (N, S) or (N, T, S).

        `projected` is ``project(keys)`` of keys that are 0 where masked (as an `Encoder`'s states are). If
        it is None it is made here, and what stands in a masked key does not matter, not even nan. Masked
        scores are -inf before the softmax, so their weights are exactly 0. ValueError for other shapes, a
        mask that is not bool, and a row of it without any True; and for nan and inf, unless there is
        `projected`.
        """
        query, keys, mask = self._checked(query, keys, mask, prepared=projected is not None)
        if projected is None:
            keys = keys.masked_fill(~mask.unsqueeze(2), 0.0)   # 0 · nan would be nan
            for name, values in (("query", query), ("keys", keys)):
                require(bool(values.isfinite().all()), name, "nan or inf", "finite numbers")
        else:
            projected = require_real_tensor("projected", projected, (*mask.shape, self.projected_size), keys)
        one_step = query.ndim == 2
        scores = self._scores(
            query.unsqueeze(1) if one_step else query,
            self.project(keys) if projected is None else projected,
        )
        weights = scores.masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(dim=-1)
        context = torch.bmm(weights, keys)
        return (context.squeeze(1), weights.squeeze(1)) if one_step else (context, weights)

    def _checked(
        self, query: Tensor, keys: Tensor, mask: Tensor | None, prepared: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The arguments of `forward` as tensors that fit together."""
        require_tensor("query", query)
        require_tensor("keys", keys)
        like = next(self.parameters(), None)
        if like is None:   # the wider of both
            wider = torch.promote_types(query.dtype, keys.dtype)   # in float16 the scores overflow
            like = keys.new_empty((), dtype=torch.float32 if wider == torch.float16 else wider)
        steps = ["T"] if query.ndim == 3 else []
        query = require_real_tensor("query", query, ("N", *steps, self.query_size), like)
        keys = require_real_tensor("keys", keys, (len(query), "S", self.key_size), like)
        N, S, _ = keys.shape
        require(N > 0 and S > 0, "keys", f"shape {tuple(keys.shape)}", "at least one sentence and one step")
        mask = keys.new_ones((N, S), dtype=torch.bool) if mask is None else mask
        require_tensor("mask", mask, (N, S))
        require(mask.dtype == torch.bool, "mask", f"dtype {mask.dtype}", "bool, True at real tokens")
        mask = mask.to(keys.device)
        if not prepared or mask.device.type == "cpu":   # not at every step of a decoder on an accelerator
            some = bool(mask.any(dim=1).all())
            require(some, "mask", "a row without a real token", "at least one in each row")
        return query, keys, mask


class AdditiveAttention(_Attention):
    """Scores v · tanh(W_q s + W_k h + b), a network with one hidden layer (Bahdanau, Cho & Bengio 2015).

    The sizes are those of the query, of a key, and of that layer.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int) -> None:
        super().__init__(query_size, key_size)
        A = self.projected_size = require_size("hidden_size", hidden_size)
        self.query = nn.Linear(self.query_size, A, bias=False)
        self.key = nn.Linear(self.key_size, A)
        self.v = nn.Linear(A, 1, bias=False)   # a constant in every score would change no weight

    def project(self, keys: Tensor) -> Tensor:
        """keys (N, S, K) → W_k h + b (N, S, A)."""
        return self.key(require_real_tensor("keys", keys, ("N", "S", self.key_size), self.key.weight))

    def _scores(self, query: Tensor, projected: Tensor) -> Tensor:
        """query (N, T, Q), projected (N, S, A) → (N, T, S)."""
        both = self.query(query).unsqueeze(2) + projected.unsqueeze(1)   # (N, T, S, A)
        return self.v(torch.tanh(both)).squeeze(-1)


class DotProductAttention(_Attention):
    """Scores s · W h, "general", or s · h, "dot", where both sizes are equal (Luong, Pham & Manning 2015)."""

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__(query_size, key_size)
        Q, K = self.query_size, self.key_size
        self.key = nn.Linear(K, Q, bias=False) if K != Q else None

    def project(self, keys: Tensor) -> Tensor:
        """keys (N, S, K) → W h (N, S, Q), or the keys as they are."""
        if self.key is None:
            return require_real_tensor("keys", keys, ("N", "S", self.key_size))
        return self.key(require_real_tensor("keys", keys, ("N", "S", self.key_size), self.key.weight))

    def _scores(self, query: Tensor, projected: Tensor) -> Tensor:
        """query (N, T, Q), projected (N, S, Q) → (N, T, S)."""
        return torch.bmm(query, projected.transpose(1, 2))
