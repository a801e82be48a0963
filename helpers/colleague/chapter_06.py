"""Chapter 6: a loop that trains a language model with dropout and validates it after every pass."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def train_and_validate(model, optimizer, train, valid, passes):
    """train, valid: lists of windows, pairs of ids (N, T), all equally large → a pair for each pass:
    (mean training loss, mean validation loss), nats a token.

    model(inputs, state) → logits (N, T, V), new state, detached.
    """
    model.train()
    curve = []
    for _ in range(passes):
        state, losses = None, []
        for inputs, targets in train:
            logits, state = model(inputs, state)
            loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())

        model.eval()
        state, unseen = None, []
        with torch.no_grad():
            for inputs, targets in valid:
                logits, state = model(inputs, state)
                loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
                unseen.append(loss.item())
        curve.append((sum(losses) / len(losses), sum(unseen) / len(unseen)))
    return curve
