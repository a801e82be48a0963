"""Chapter 7: dot-product attention in torch, for all steps of the decoder in one call."""

from __future__ import annotations

import torch


def look_back(query, keys, mask):
    """query (N, T, H), keys (N, S, H), mask (N, S) bool, True at real words
    → context (N, T, H), weights (N, T, S).
    """
    scores = torch.einsum("nth,nsh->nts", query, keys)
    scores = torch.where(mask.unsqueeze(1), scores, -1e9)
    weights = torch.softmax(scores, dim=1)
    context = torch.einsum("nts,nsh->nth", weights, keys)
    return context, weights
