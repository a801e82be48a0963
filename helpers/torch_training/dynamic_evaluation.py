"""Dynamic evaluation: a model that goes on learning from the text it is tested on, each piece only after it
was predicted (Mikolov et al. 2010; Krause, Kahembwe, Murray & Renals 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from helpers.tensors import require_module
from helpers.torch_training.language_modelling import LanguageModelLoss
from helpers.torch_training.states import copy_weights
from helpers.training.finite import require_finite
from helpers.validation import require, require_number

SMALLEST = 1e-8
"""Added to what a gradient is divided by."""


def root_mean_squares(model: nn.Module, batches: Iterable[tuple[Any, Any]]) -> dict[str, Tensor]:
    """Of each weight's gradient over `batches` of (inputs, targets), each (N, T): by parameter name, shaped
    like the parameters. The state is carried, the model stays as it is.

    ValueError when there is no batch.
    """
    squares = {name: torch.zeros_like(p) for name, p in _model(model).named_parameters()}
    count = 0
    for _, gradients in _losses(model, batches):
        for name, gradient in gradients.items():
            squares[name].addcmul_(gradient, gradient)
        count += 1
    require(count > 0, "batches", "no batch", "at least one")
    return {name: (square / count).sqrt() for name, square in squares.items()}


def dynamic_nats(
    model: nn.Module,
    batches: Iterable[tuple[Any, Any]],
    *,
    lr: float,
    decay: float = 0.0,
    scale: Mapping[str, Tensor] | None = None,
) -> float:
    """Mean loss in nats per token over `batches` of (inputs, targets), each (N, T), where after each of them
    the weights take a step of `lr` down its gradient, and `decay` of the way back to where they began. The
    model has its own weights again afterwards.

    With `scale`, what `root_mean_squares` found on the training text, a gradient is divided by it, and
    weights whose gradients are large go back faster (Krause's RMS rule); without, it is plain SGD.

    ValueError when there is no batch, or for a rate or a decay out of range; FloatingPointError when the loss
    is not finite.
    """
    require_number("lr", lr, minimum=0)
    require_number("decay", decay, minimum=0, maximum=1)
    kept, total, count = copy_weights(_model(model)), 0.0, 0
    back = dict.fromkeys(kept, 1.0)
    if scale is not None:
        mean = torch.cat([each.flatten() for each in scale.values()]).mean()
        most = 1 / max(decay, SMALLEST)
        back = {name: (each / mean).clamp(max=most) for name, each in scale.items()}
    try:
        for (nats, tokens), gradients in _losses(model, batches):
            total, count = total + nats * tokens, count + tokens
            require_finite("loss", total)
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    step = gradients[name]
                    if scale is not None:
                        step = step / (scale[name] + SMALLEST)
                    parameter += decay * back[name] * (kept[name] - parameter) - lr * step
    finally:
        model.load_state_dict(kept)
    require(count > 0, "batches", "no batch", "at least one")
    return total / count


def _model(model: nn.Module) -> nn.Module:
    require_module("model", model)
    return model


def _losses(model: nn.Module, batches: Iterable[tuple[Any, Any]]):
    """For each batch ((mean loss, tokens), gradients by name), without dropout, the state carried."""
    loss, state, was_training = LanguageModelLoss(), None, model.training
    model.eval()
    try:
        for inputs, targets in batches:
            model.zero_grad()
            result = loss(model, (torch.as_tensor(inputs), torch.as_tensor(targets)), state)
            result.objective.backward()
            state = result.state
            gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
            yield (float(result.value), result.count), gradients
    finally:
        model.zero_grad()
        model.train(was_training)
