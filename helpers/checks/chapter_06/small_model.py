"""The language model on which `torch_train_step` is tried, and its training steps in two other styles."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

NAMES = ("embedding", "Wx of layer 0", "Wh of layer 0", "b of layer 0",
         "Wx of layer 1", "Wh of layer 1", "b of layer 1", "output", "output bias")  # fmt: skip


class SmallModel(nn.Module):
    """ids (N, T) → logits (N, T, V) by two LSTM layers with one bias each, in float64.

    Unlike the course's models it hands its state out with the history attached.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.tensor(weights[name])) for name in NAMES)

    def forward(self, ids, state=None):
        E, *layers, W, b = self.weights
        h, new = E[ids], []
        for number in range(2):
            Wx, Wh, bias = layers[3 * number : 3 * number + 3]
            start = (h.new_zeros(len(ids), len(Wh)),) * 2 if state is None else state[number]
            start = tuple(s[None] for s in start)
            flat = [Wx.T, Wh.T, bias, torch.zeros_like(bias)]
            h, *last = torch.lstm(h, start, flat, True, 1, 0.0, True, False, True)
            new.append(tuple(s[0] for s in last))
        return h @ W.T + b, new

    def numbers(self) -> dict[str, np.ndarray]:
        """Copies of the weights as NumPy arrays, by `NAMES`."""
        return {name: p.detach().numpy().copy() for name, p in zip(NAMES, self.weights, strict=True)}


class SGD(torch.optim.SGD):
    """Plain SGD that is described in a few letters."""

    def __repr__(self) -> str:
        return f"SGD(lr={self.defaults['lr']:.3g})"


def random_weights(rng: np.random.Generator, V: int, D: int, H: int) -> dict[str, np.ndarray]:
    """Weights by `NAMES`: embedding (V, D), Wx (D, 4H), Wh (H, 4H), b (4H,), …, output (V, H), its bias (V,)."""
    shapes = (V, D), (D, 4 * H), (H, 4 * H), (4 * H,), (H, 4 * H), (H, 4 * H), (4 * H,), (V, H), (V,)
    return {name: rng.normal(size=s, scale=0.6) for name, s in zip(NAMES, shapes, strict=True)}


def open_steps(weights, lr, windows, state, max_norm):
    """Steps of truncated BPTT, every equation written out: [(loss, weights, state), …] for the windows.

    `windows` are pairs of inputs and targets (N, T), `state` the list of (h, c) or None.
    """
    leaves = [torch.tensor(weights[name], requires_grad=True) for name in NAMES]
    steps = []
    for inputs, targets in windows:
        E, *layers, W, b = leaves
        N, T = inputs.shape
        H = W.shape[1]
        states = [(torch.zeros(N, H, dtype=E.dtype),) * 2] * 2 if state is None else list(state)
        nats = []
        for t in range(T):
            x = E[inputs[:, t]]
            for number in range(2):
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
        numbers = {name: p.detach().numpy() for name, p in zip(NAMES, leaves, strict=True)}
        steps.append((loss.item(), numbers, stacked(state)))
    return steps


def numpy_steps(weights, lr, windows, state, max_norm):
    """The same by the course's NumPy language model and its training step."""
    from helpers.models.language_model import LanguageModel
    from helpers.optim import SGD
    from helpers.training.trainer import train_step

    theirs = {
        "embedding": "embedding.W", "output bias": "output.b",
        **{f"{part} of layer {n}": f"cells.{n}.{part}" for n in range(2) for part in ("Wx", "Wh", "b")},
    }  # fmt: skip
    V, D = weights["embedding"].shape
    H = weights["output"].shape[1]
    model = LanguageModel(V, D, H, num_layers=2, rng=np.random.default_rng(0), dtype=np.float64)
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
