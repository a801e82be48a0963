"""What `train_and_keep` is tried on: a model that "trains" by given steps, and knows how good it is when."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class WatchedModel(nn.Module):
    """Two parameters and a buffer, moved by `TrainPass`."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray, running_mean: np.ndarray):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))
        self.bias = nn.Parameter(torch.tensor(bias))
        self.register_buffer("running_mean", torch.tensor(running_mean))


def numbers(model: nn.Module) -> dict[str, np.ndarray]:
    """Copies of all that a model keeps, as NumPy arrays."""
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


class TrainPass:
    """Adds to the model what the pass is to change, in place, as an optimizer does; as with an optimizer it
    is always its own model (if it has one) that changes. After the last pass that was foreseen it begins again."""

    def __init__(self, steps: list[dict[str, np.ndarray]]):
        self.steps, self.done, self.model = steps, 0, None

    def __call__(self, model: nn.Module) -> None:
        step = self.steps[self.done % len(self.steps)]
        self.done += 1
        if self.model not in (None, model):
            return
        with torch.no_grad():
            for name, value in model.state_dict().items():
                value += torch.tensor(step[name])


class Evaluate:
    """The accuracy of a model: that of the pass whose weights it has (roughly: rounding shows in the weights), 1
    without any pass, and with other weights a number below 0.2, another for each."""

    def __init__(self, start: dict[str, np.ndarray], steps: list[dict[str, np.ndarray]], accuracies: list[float]):
        self.accuracies = list(accuracies)
        self.weights = [start["weight"] + sum(step["weight"] for step in steps[:n]) for n in range(len(steps) + 1)]

    def __call__(self, model: nn.Module) -> float:
        weight = model.state_dict()["weight"].detach().numpy()
        for known, accuracy in zip(self.weights, [1.0, *self.accuracies], strict=True):
            if np.allclose(known, weight, rtol=3e-3, atol=3e-3):
                return accuracy
        return 0.1 + 0.1 * float(np.sin(weight.sum()))
