"""Chapter 3: one step of gradient descent on a batch that is read in parts."""

from __future__ import annotations

import numpy as np

from helpers.optim import clip_grad_norm


def step_in_parts(params, parts, lr, max_norm):
    """One step of gradient descent, clipped at max_norm, on a batch that was read in parts.

    params {name: array}; parts, a list of (words, grads): how many words a part has, and the gradient
    {name: array} of their mean loss → new params {name: array}
    """
    all_words = sum(words for words, _ in parts)
    total = {name: np.zeros_like(p) for name, p in params.items()}
    for words, grads in parts:
        share = {name: g * (words / all_words) for name, g in grads.items()}
        clip_grad_norm(share, max_norm)   # in place
        for name in total:
            total[name] += share[name]
    return {name: p - lr * total[name] for name, p in params.items()}
