"""Dynamic evaluation: a model that goes on learning from the text it is tested on, each piece only after it
was predicted (Mikolov et al. 2010; Krause, Kahembwe, Murray & Renals 2018)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.models.torch_language_model import TorchLanguageModel
from helpers.tensors import require_id_tensor, require_parts
from helpers.torch_training.states import copy_weights
from helpers.training.finite import require_finite
from helpers.validation import require, require_number

Batches = Iterable[tuple[Any, Any]]

JOINED = 20
"""After so many windows their results are put together."""


class Reading(NamedTuple):
    """What a model made of a text, in the order in which it was read.

    log_probs (L,): ln P of each target, float64; states (L, H): what the output layer saw there; targets
    (L,): ids.
    """

    log_probs: np.ndarray
    states: np.ndarray
    targets: np.ndarray

    @property
    def perplexity(self) -> float:
        """exp of the mean loss."""
        return math.exp(-self.log_probs.mean())


def read_text(
    model: TorchLanguageModel,
    batches: Batches,
    *,
    lr: float = 0.0,
    decay: float = 0.0,
    scale: Mapping[str, Tensor] | None = None,
    epsilon: float = 1e-8,
) -> Reading:
    """Read `batches` of (inputs, targets), each (N, T), without dropout, the state carried from one to the
    next. After each of them the weights take a step of `lr` down its gradient, and `decay` of the way back to
    where they began. With lr = 0 the model stays as it is, and it has its own weights again afterwards.

    With `scale`, what `root_mean_squares` found on the training text, a gradient is divided by scale +
    `epsilon`, and weights whose gradients are large go back faster, but never beyond where they began
    (Krause's RMS rule); without, it is plain SGD.

    ValueError when there is no batch, or for an option out of range; FloatingPointError when the loss is not
    finite.
    """
    require_number("lr", lr, minimum=0)
    require_number("decay", decay, minimum=0, maximum=1)
    require_number("epsilon", epsilon, above=0)
    _require_model(model)
    steps, back = _steps(model, lr, decay, scale, epsilon)
    kept, parts = copy_weights(model), []
    parameters = dict(model.named_parameters())
    try:
        for losses, h, targets in _windows(model, batches, learning=lr > 0):
            require_finite("loss", losses.detach())
            parts.append((-losses.detach().double(), h.detach().flatten(0, 1).float(), targets))
            if len(parts) == JOINED:   # small arrays in between would keep the large ones' memory from reuse
                parts = [_joined(parts)]
            if lr > 0:
                losses.mean().backward()
                with torch.no_grad():
                    for name, parameter in parameters.items():
                        parameter.lerp_(kept[name], back[name])
                        if parameter.grad is not None:
                            parameter.addcmul_(parameter.grad, steps[name], value=-1)
    finally:
        model.load_state_dict(kept)
    require(len(parts) > 0, "batches", "no batch", "at least one")
    return Reading(*(part.cpu().numpy() for part in _joined(parts)))


def _joined(parts: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.cat(each) for each in zip(*parts, strict=True))


def root_mean_squares(model: TorchLanguageModel, batches: Batches) -> dict[str, Tensor]:
    """Of each weight's gradient over `batches` of (inputs, targets), each (N, T): by parameter name, shaped
    like the parameters. The state is carried, the model stays as it is.

    ValueError when there is no batch.
    """
    squares = {name: torch.zeros_like(p) for name, p in _require_model(model).named_parameters()}
    count = 0
    for losses, _, _ in _windows(model, batches, learning=True):
        losses.mean().backward()
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                squares[name].addcmul_(parameter.grad, parameter.grad)
        count += 1
    require(count > 0, "batches", "no batch", "at least one")
    return {name: (square / count).sqrt() for name, square in squares.items()}


def _require_model(model: Any) -> TorchLanguageModel:
    fits = isinstance(model, TorchLanguageModel)
    require(fits, "model", type(model).__name__, "a TorchLanguageModel")
    return model


def _steps(
    model: nn.Module, lr: float, decay: float, scale: Mapping[str, Tensor] | None, epsilon: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What a gradient is multiplied by, and the share of the way back, both by parameter name."""
    if scale is None:
        same = {name: torch.ones_like(p) for name, p in model.named_parameters()}
        return {n: lr * one for n, one in same.items()}, {n: decay * one for n, one in same.items()}
    mean = torch.cat([each.flatten() for each in scale.values()]).mean()
    back = {name: (decay * each / mean).clamp(max=1) for name, each in scale.items()}
    return {name: lr / (each + epsilon) for name, each in scale.items()}, back


def _windows(
    model: TorchLanguageModel, batches: Batches, learning: bool
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Of each batch the losses (T·N,) in nats, with a gradient if `learning`, h (T, N, H), targets (T·N,)."""
    require(isinstance(batches, Iterable), "batches", repr(batches), "batches of (inputs, targets)")
    state, was_training = None, model.training
    model.eval()
    try:
        for batch in batches:
            inputs, targets = map(torch.as_tensor, require_parts("batches", batch, "inputs, targets"))
            model.zero_grad()
            with contextlib.nullcontext() if learning else torch.no_grad():
                h, _, state = model.hidden(inputs, state)
                targets = require_id_tensor("targets", targets, len(model.output), tuple(inputs.shape), h)
                wanted = targets.T.flatten()
                logits = functional.linear(h.flatten(0, 1), model.output, model.output_bias)
                losses = functional.cross_entropy(logits, wanted, reduction="none")
            yield losses, h, wanted
    finally:
        model.zero_grad()
        model.train(was_training)
