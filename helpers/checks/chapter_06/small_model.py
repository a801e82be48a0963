"""The language model on which `torch_train_step` is tried, and its training steps in two other styles."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def names(num_layers: int) -> list[str]:
    """The weights of a model, from bottom to top."""
    layers = [f"{part} of layer {n}" for n in range(num_layers) for part in ("Wx", "Wh", "b")]
    return ["embedding", *layers, "output", "output bias"]


class SmallModel(nn.Module):
    """ids (N, T) → logits (N, T, V) by LSTM layers with one bias each, in float64.

    As in the course's model, the logits are a transposed view; unlike it, this one hands its state out with
    the history attached.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        super().__init__()
        self.names = list(weights)
        self.weights = nn.ParameterList(nn.Parameter(torch.tensor(each)) for each in weights.values())

    def forward(self, ids, state=None):
        E, *layers, W, b = self.weights
        h, new = E[ids.T], []
        for number in range(len(layers) // 3):
            Wx, Wh, bias = layers[3 * number : 3 * number + 3]
            start = (h.new_zeros(len(ids), len(Wh)),) * 2 if state is None else state[number]
            start = tuple(s[None] for s in start)
            flat = [Wx.T, Wh.T, bias, torch.zeros_like(bias)]
            h, *last = torch.lstm(h, start, flat, True, 1, 0.0, True, False, False)
            new.append(tuple(s[0] for s in last))
        return (h @ W.T + b).transpose(0, 1), new

    def numbers(self) -> dict[str, np.ndarray]:
        """Copies of the weights as NumPy arrays, by their names."""
        return {name: p.detach().numpy().copy() for name, p in zip(self.names, self.weights, strict=True)}


class SGD(torch.optim.SGD):
    """Plain SGD that is described in a few letters."""

    def __repr__(self) -> str:
        return f"SGD(lr={self.defaults['lr']:.3g})"


def random_weights(rng: np.random.Generator, V: int, D: int, H: int, num_layers: int) -> dict[str, np.ndarray]:
    """Weights by `names`: embedding (V, D), Wx (D, 4H), Wh (H, 4H), b (4H,), …, output (V, H), its bias (V,)."""
    layers = [shape for d in [D, *[H] * (num_layers - 1)] for shape in ((d, 4 * H), (H, 4 * H), (4 * H,))]
    shapes = [(V, D), *layers, (V, H), (V,)]
    return {name: rng.normal(size=s, scale=0.6) for name, s in zip(names(num_layers), shapes, strict=True)}


def open_steps(weights, lr, windows, state, max_norm):
    """Steps of truncated BPTT, every equation written out: [(loss, weights, state), …] for the windows.

    `windows` are pairs of inputs and targets (N, T), `state` the list of (h, c) or None.
    """
    leaves = [torch.tensor(each, requires_grad=True) for each in weights.values()]
    steps = []
    for inputs, targets in windows:
        E, *layers, W, b = leaves
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
        gradients = torch.autograd.grad(loss, leaves)
        norm = sum(float((g**2).sum()) for g in gradients) ** 0.5
        rate = lr * min(1.0, max_norm / (norm + 1e-6))
        leaves = [(p.detach() - rate * g).requires_grad_() for p, g in zip(leaves, gradients, strict=True)]
        state = [(h.detach(), c.detach()) for h, c in states]
        numbers = {name: p.detach().numpy() for name, p in zip(weights, leaves, strict=True)}
        steps.append((loss.item(), numbers, stacked(state)))
    return steps


def numpy_steps(weights, lr, windows, state, max_norm):
    """The same by the course's NumPy language model and its training step."""
    from helpers.models.language_model import LanguageModel
    from helpers.optim import SGD
    from helpers.training.trainer import train_step

    num_layers = sum(name.startswith("Wx") for name in weights)
    theirs = {"embedding": "embedding.W", "output bias": "output.b"}
    for n in range(num_layers):
        theirs |= {f"{part} of layer {n}": f"cells.{n}.{part}" for part in ("Wx", "Wh", "b")}
    V, D = weights["embedding"].shape
    H = weights["output"].shape[1]
    model = LanguageModel(V, D, H, num_layers=num_layers, rng=np.random.default_rng(0), dtype=np.float64)
    model.load_state_dict(
        {theirs[name]: weights[name] for name in theirs} | {"output.W": weights["output"].T}
    )
    model.set_state(None if state is None else [(h.numpy(), c.numpy()) for h, c in state])
    optimizer, steps = SGD(model.params, lr), []
    for inputs, targets in windows:
        loss = train_step(model, optimizer, inputs.numpy(), targets.numpy(), float(max_norm))
        numbers = {name: model.params[theirs[name]].copy() for name in theirs}
        numbers["output"] = model.params["output.W"].T.copy()
        steps.append((loss, numbers, np.array(model.get_state())))
    return steps


def stacked(state) -> np.ndarray | None:
    """A list of (h, c) as one array (layers, 2, N, H)."""
    return None if state is None else np.array([[s.detach().numpy() for s in layer] for layer in state])
