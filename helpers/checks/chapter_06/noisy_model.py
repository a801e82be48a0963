"""The model with dropout on which `train_and_validate` is tried, and its training with every equation open."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from helpers.checks.chapter_06.small_model import SmallModel, numbers


class NoisyModel(SmallModel):
    """`SmallModel` of one layer with dropout `p` on the embedded words and before the output; its state
    comes out detached."""

    def __init__(self, weights, p):
        super().__init__(weights)
        self.p, self.dropout = p, nn.Dropout(p)

    def forward(self, ids, state=None):
        E, Wx, Wh, bias, W, b = self.parameters()
        x = self.dropout(E[ids.T].contiguous())   # masks in the order of memory
        start = tuple(s[None] for s in state[0]) if state else (x.new_zeros(1, len(ids), len(Wh)),) * 2
        flat = [Wx.T, Wh.T, bias, torch.zeros_like(bias)]
        h, *last = torch.lstm(x, start, flat, True, 1, 0.0, True, False, False)
        h = self.dropout(h)
        return (h @ W.T + b).transpose(0, 1), [tuple(s[0].detach() for s in last)]


def open_passes(model: NoisyModel, optimizer, train, valid, passes):
    """What `train_and_validate` is to do, for SGD with momentum → (curve, weights), the model left as it was.

    Masks are drawn, as the model draws them, for every window of training and for none of validation.
    """
    lr, momentum = (optimizer.defaults[name] for name in ("lr", "momentum"))
    leaves = [p.detach().clone().requires_grad_() for p in model.parameters()]
    H, curve = leaves[2].shape[0], []
    speeds = [torch.zeros_like(p) for p in leaves]

    def nats(window, state, masked):
        inputs, targets = window
        E, Wx, Wh, bias, W, b = leaves
        N, T = inputs.shape
        mask_x, mask_h = (
            functional.dropout(E.new_ones(T, N, size), model.p, masked) for size in (E.shape[1], H)
        )
        h, c = state or (E.new_zeros(N, H),) * 2
        total = 0.0
        for t in range(T):
            i, f, g, o = ((E[inputs[:, t]] * mask_x[t]) @ Wx + h @ Wh + bias).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            log_p = torch.log_softmax((h * mask_h[t]) @ W.T + b, dim=1)
            total = total - log_p[torch.arange(N), targets[:, t]].sum()
        return total / (N * T), (h.detach(), c.detach())

    for _ in range(passes):
        state, losses = None, []
        for window in train:
            loss, state = nats(window, state, True)
            gradients = torch.autograd.grad(loss, leaves)
            norm = sum(float((g**2).sum()) for g in gradients) ** 0.5
            shorter = min(1.0, 1.0 / (norm + 1e-6))
            speeds = [momentum * v + shorter * g for v, g in zip(speeds, gradients, strict=True)]
            leaves = [(p.detach() - lr * v).requires_grad_() for p, v in zip(leaves, speeds, strict=True)]
            losses.append(loss.item())
        state, unseen = None, []
        for window in valid:
            loss, state = nats(window, state, False)
            unseen.append(loss.item())
        curve.append((sum(losses) / len(losses), sum(unseen) / len(unseen)))
    return curve, {name: p.detach().numpy() for (name, _), p in zip(model.named_parameters(), leaves, strict=True)}


def trainer_passes(model: nn.Module, optimizer, train, valid, passes):
    """The same by the course's trainer, which keeps the last weights here."""
    from helpers.torch_training import TorchTrainer
    from helpers.torch_training.language_modelling import mean_nats
    from helpers.torch_training.trainer import StepLoss

    def loss(model, batch, state):
        logits, state = model(batch[0], state)
        value = functional.cross_entropy(logits.flatten(0, 1), batch[1].flatten())
        return StepLoss(value, value.detach(), batch[1].numel(), state)

    def evaluate(model):
        return {"valid": mean_nats(model, valid), "passes_to_go": -len(trainer.curve)}

    trainer = TorchTrainer(
        model, optimizer, loss, evaluate, monitor="passes_to_go", max_norm=1.0, device="cpu", report=None,
        bar=False,
    )  # fmt: skip
    curve = trainer.fit(train, passes)
    return [(row["train_loss"], row["valid"]) for row in curve], numbers(model)
