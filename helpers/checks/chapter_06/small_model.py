"""The language model on which `torch_train_step` is tried, and its training steps in two other styles."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class SmallModel(nn.Module):
    """ids (N, T) → logits (N, T, V) by LSTM layers with one bias each, in float64; its parameters are `weights`.

    As in the course's model, the logits are a transposed view; unlike it, this one hands its state out with
    the history attached. Something is left in every `.grad` from before.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        super().__init__()
        for name, each in weights.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(each)))
            self.get_parameter(name).grad = torch.tensor(each / 2)

    def forward(self, ids, state=None):
        E, *layers, W, b = self.parameters()
        h, new = E[ids.T], []
        for number in range(len(layers) // 3):
            Wx, Wh, bias = layers[3 * number : 3 * number + 3]
            start = (h.new_zeros(len(ids), len(Wh)),) * 2 if state is None else state[number]
            start = tuple(s[None] for s in start)
            flat = [Wx.T, Wh.T, bias, torch.zeros_like(bias)]
            h, *last = torch.lstm(h, start, flat, True, 1, 0.0, True, False, False)
            new.append(tuple(s[0] for s in last))
        return (h @ W.T + b).transpose(0, 1), new


def numbers(model: nn.Module) -> dict[str, np.ndarray]:
    """Copies of the weights as NumPy arrays, by their names."""
    return {name: p.detach().numpy().copy() for name, p in model.named_parameters()}


def random_weights(rng: np.random.Generator, V: int, D: int, H: int, num_layers: int) -> dict[str, np.ndarray]:
    """Weights from bottom to top: embedding (V, D), Wx (D, 4H), Wh (H, 4H), b (4H,), …, output (V, H), its bias (V,)."""
    shapes, below = {"embedding": (V, D)}, D
    for n in range(num_layers):
        shapes |= {f"Wx of layer {n}": (below, 4 * H), f"Wh of layer {n}": (H, 4 * H), f"b of layer {n}": (4 * H,)}
        below = H
    shapes |= {"output": (V, H), "output bias": (V,)}
    return {name: rng.normal(size=shape, scale=0.6) for name, shape in shapes.items()}


def open_steps(model, optimizer, windows, state, max_norm):
    """Steps of truncated BPTT, every equation written out: [(loss, state, weights), …] for the windows.

    `windows` are pairs of inputs and targets (N, T), `state` the list of (h, c) or None, the optimizer SGD with
    momentum or without. Neither it nor the model is changed.
    """
    lr, momentum = (optimizer.defaults[name] for name in ("lr", "momentum"))
    leaves = {name: p.detach().clone().requires_grad_(p.requires_grad) for name, p in model.named_parameters()}
    speeds = {name: 0.0 for name, p in leaves.items() if p.requires_grad}
    steps = []
    for inputs, targets in windows:
        E, *layers, W, b = leaves.values()
        N, T = inputs.shape
        H = W.shape[1]
        number_of_layers = len(layers) // 3
        zeros = (torch.zeros(N, H, dtype=E.dtype),) * 2
        states = [zeros] * number_of_layers if state is None else list(state)
        nats = []
        for t in range(T):
            x = E[inputs[:, t]]
            for number in range(number_of_layers):
                Wx, Wh, bias = layers[3 * number : 3 * number + 3]
                h, c = states[number]
                i, f, g, o = (x @ Wx + h @ Wh + bias).chunk(4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                x = torch.sigmoid(o) * torch.tanh(c)
                states[number] = (x, c)
            log_p = torch.log_softmax(x @ W.T + b, dim=1)
            nats.append(-log_p[torch.arange(N), targets[:, t]])
        loss = torch.stack(nats).sum() / (N * T)
        gradients = torch.autograd.grad(loss, [leaves[name] for name in speeds])
        norm = sum(float((g**2).sum()) for g in gradients) ** 0.5
        shorter = min(1.0, max_norm / (norm + 1e-6))
        for name, g in zip(speeds, gradients, strict=True):
            speeds[name] = momentum * speeds[name] + shorter * g
            leaves[name] = (leaves[name].detach() - lr * speeds[name]).requires_grad_()
        state = [(h.detach(), c.detach()) for h, c in states]
        steps.append((loss.item(), stacked(state), {name: p.detach().numpy() for name, p in leaves.items()}))
    return steps


def numpy_steps(model, optimizer, windows, state, max_norm):
    """The same by the course's NumPy language model, its training step and plain SGD."""
    from helpers.models.language_model import LanguageModel
    from helpers.optim import SGD
    from helpers.training.trainer import train_step

    weights = numbers(model)
    num_layers = sum(name.startswith("Wx") for name in weights)
    theirs = {"embedding": "embedding.W"}
    for n in range(num_layers):
        theirs |= {f"{part} of layer {n}": f"cells.{n}.{part}" for part in ("Wx", "Wh", "b")}
    theirs |= {"output": "output.W", "output bias": "output.b"}
    V, D = weights["embedding"].shape
    H = weights["output"].shape[1]
    ours = LanguageModel(V, D, H, num_layers=num_layers, rng=np.random.default_rng(0), dtype=np.float64)
    weights["output"] = weights["output"].T
    ours.load_state_dict({theirs[name]: weights[name] for name in theirs})
    ours.set_state(None if state is None else [(h.numpy(), c.numpy()) for h, c in state])
    sgd, steps = SGD(ours.params, optimizer.defaults["lr"]), []
    for inputs, targets in windows:
        loss = train_step(ours, sgd, inputs.numpy(), targets.numpy(), float(max_norm))
        found = {name: ours.params[theirs[name]].copy() for name in theirs}
        found["output"] = found["output"].T
        steps.append((loss, np.array(ours.get_state()), found))
    return steps


def stacked(state) -> np.ndarray:
    """A list of (h, c) as one array (layers, 2, N, H)."""
    return np.array([[s.detach().numpy() for s in layer] for layer in state])
