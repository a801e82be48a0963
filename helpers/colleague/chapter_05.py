"""Chapter 5: a training loop that trains, and ends higher than it should."""

from __future__ import annotations

import numpy as np

from helpers.optim import clip_scale


def train_epoch(model, optimizer, batches, max_norm, rng):
    """One pass over the text → training perplexity."""
    windows = list(batches)
    model.reset_state()
    nats = tokens = 0
    for index in rng.permutation(len(windows)):
        inputs, targets = windows[index]
        loss = model.loss(inputs, targets, train=True)
        model.backward()
        _, scale = clip_scale(model.grads, max_norm)
        optimizer.step(model.grads, scale)
        nats += loss * targets.size
        tokens += targets.size
    return np.exp(nats / tokens)
