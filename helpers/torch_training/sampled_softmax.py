"""A softmax over some of the words: the costly last layer made cheaper while a model is still far from its
goal (Bengio & Senécal 2003; Jean, Cho, Memisevic & Bengio 2015)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def sampled_logits(
    h: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """h (M, H), weight (V, H), bias (V,), targets (M,) ids → logits (M, K), targets among them (M,).

    The K words are those that occur in `targets` and `count` others, drawn without replacement by torch's
    generator, each of the others with the same chance q. Their logits are raised by -ln q, so that the sum of
    the exponentials is that over all words on average. (Its logarithm, the loss, comes out a little too low
    on average; with all others drawn it is exact.)
    """
    present, places = torch.unique(targets, return_inverse=True)
    absent = torch.ones(len(weight), dtype=torch.bool, device=targets.device)
    absent[present] = False
    others = absent.nonzero()[:, 0]
    drawn = others[torch.randperm(len(others), device=others.device)[:count]]
    raised = bias.new_zeros(len(present) + len(drawn))
    if len(drawn):
        raised[len(present) :] = -math.log(len(drawn) / len(others))
    words = torch.cat([present, drawn])
    # embedding, whose gradient adds up rows faster than that of an index
    return functional.linear(h, functional.embedding(words, weight), bias[words] + raised), places
