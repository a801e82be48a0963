"""Reading a batch of texts in both directions, each within its own length."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def read_both_ways(
    forwards: nn.RNNBase, backwards: nn.RNNBase | None, x: Tensor, lengths: Tensor
) -> Tensor:
    """x (N, T, D), lengths (N,) → the states of both layers side by side (N, T, 2H), or (N, T, H) when
    `backwards` is None (Schuster & Paliwal 1997).

    For `backwards` each text is turned round within its length, so padding stays behind it, unread; its
    states are turned back. (PyTorch's packed sequences do the same, but on a processor without the fused
    LSTM.) What stands at steps from `lengths` on means nothing; in `x` it has to be finite, since 0 · nan, in
    a gradient, is nan.
    """
    states, _ = forwards(x)
    if backwards is None:
        return states
    T = x.shape[1]
    order = (lengths[:, None] - 1 - torch.arange(T, device=lengths.device)) % T   # its own inverse
    turned, _ = backwards(_reordered(x, order))
    return torch.cat([states, _reordered(turned, order)], dim=2)


def summary_of(states: Tensor, lengths: Tensor, hidden_size: int) -> Tensor:
    """States of `read_both_ways` → where each direction ends, (N, H or 2H): after the last word forwards,
    after the first backwards. `hidden_size` is H."""
    last = states[torch.arange(len(states), device=states.device), lengths - 1, :hidden_size]
    return torch.cat([last, states[:, 0, hidden_size:]], dim=1)   # the second part is empty in one direction


def _reordered(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(1, order.unsqueeze(2).expand_as(x))
