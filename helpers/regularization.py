"""What chapter 6 adds to an LSTM language model, in torch: masks that are held over time, words that are
dropped, connections that are dropped, and two penalties.

Every function does nothing, and draws nothing, when `training` is false or its strength is 0. Masks are
scaled by 1 / (1 - p), so that expectations are the same in training and evaluation.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from helpers.tensors import at_least_float32, require_id_tensor, require_real_tensor
from helpers.validation import require, require_flag, require_fraction


def locked_dropout(x: Tensor, p: float, training: bool = True) -> Tensor:
    """Dropout with one mask for all time steps: x (T, N, H) → (T, N, H), the mask has shape (1, N, H).

    "Variational" dropout (Gal & Ghahramani 2016): a unit that is dropped is dropped for the whole window,
    each row of the batch with a mask of its own. ValueError for p outside [0, 1).
    """
    p, x = require_fraction("p", p), require_real_tensor("x", x, ("T", "N", "H"))
    if not require_flag("training", training) or p == 0:
        return x
    mask = torch.empty(1, *x.shape[1:], dtype=x.dtype, device=x.device).bernoulli_(1 - p)
    return x * mask.div_(1 - p)


def embedding_dropout(ids: Tensor, weight: Tensor, p: float, training: bool = True) -> Tensor:
    """Look up ids (T, N) in weight (V, D) → (T, N, D), each *word* dropped with probability p.

    A dropped word is a row of zeros wherever it stands in the window (Gal & Ghahramani 2016).
    """
    p, weight = require_fraction("p", p), require_real_tensor("weight", weight, ("V", "D"))
    ids = require_id_tensor("ids", ids, len(weight), like=weight)
    embedded = functional.embedding(ids, weight)
    if not require_flag("training", training) or p == 0:
        return embedded
    mask = torch.empty(len(weight), 1, dtype=weight.dtype, device=weight.device).bernoulli_(1 - p)
    return embedded * functional.embedding(ids, mask.div_(1 - p))


def weight_dropout(weight: Tensor, p: float, training: bool = True) -> Tensor:
    """DropConnect: the weights (any shape) with single connections dropped (Wan et al. 2013).

    On an LSTM's hidden-to-hidden weights, drawn once a window, it regularises the recurrence and leaves
    the state whole (Merity, Keskar & Socher 2018).
    """
    p, weight = require_fraction("p", p), require_real_tensor("weight", weight)
    if not require_flag("training", training) or p == 0:
        return weight
    return weight * _kept(weight, p)


def _kept(like: Tensor, p: float) -> Tensor:
    """A mask of the shape and type of `like`: 0 with probability p to the nearest 1/65,536, otherwise
    1 over the probability of that. Four decisions come out of one 64-bit number: for millions of weights
    faster than a draw for each."""
    words = torch.empty(-(-like.numel() // 4), dtype=torch.int64, device=like.device).random_(-(2**63), None)
    decisions = words.view(torch.int16)[: like.numel()].view(like.shape)
    dropped = min(round(p * 2**16), 2**16 - 1)
    mask = (decisions >= dropped - 2**15).to(like.dtype)
    return mask.mul_(2**16 / (2**16 - dropped))


def activation_penalty(h: Tensor) -> Tensor:
    """AR: the mean of h² over h (T, N, H) (Merity, McCann & Socher 2017). A scalar."""
    return at_least_float32(_states(h)).pow(2).mean()


def slowness_penalty(h: Tensor) -> Tensor:
    """TAR: the mean of (h_t - h_{t-1})² over h (T, N, H) (the same paper). A scalar; 0 for one step."""
    h = _states(h)
    return at_least_float32(h[1:] - h[:-1]).pow(2).mean() if len(h) > 1 else h.new_zeros(())


def _states(h: Tensor) -> Tensor:
    """h (T, N, H), not empty: the mean of nothing would be nan."""
    h = require_real_tensor("h", h, ("T", "N", "H"))
    require(h.numel() > 0, "h", f"shape {tuple(h.shape)}", "at least one state")
    return h
