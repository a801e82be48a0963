"""What a step is made of: a loss, its gradient, and the way back when one of them is not finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from helpers.training.finite import require_finite
from helpers.validation import require, require_number


class StepLoss(NamedTuple):
    """What a loss function returns for a batch.

    `value` is the mean loss that is reported, `objective` what is minimised (the same plus penalties),
    `count` the number of things `value` is a mean over, `state` what the next batch is handed (tensors whose
    first dimension is the batch, in tuples and lists) or None.
    """

    objective: Tensor
    value: Tensor
    count: int
    state: Any = None


class Objective(nn.Module):
    """The model together with its loss, so that all of the computation is inside one `forward` (which is
    what DistributedDataParallel wants)."""

    def __init__(self, model: nn.Module, loss: Callable[[nn.Module, Any, Any], StepLoss]):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Any, state: Any) -> tuple:
        result = self.loss(self.model, batch, state)
        fits = isinstance(result, StepLoss)
        require(fits, "loss", type(result).__name__, "StepLoss(objective, value, count, state)")
        one = isinstance(result.objective, Tensor) and result.objective.numel() == 1
        require(one and result.objective.requires_grad, "loss.objective", repr(result.objective),
                "a tensor of one number that depends on the weights")
        value = result.value
        one = isinstance(value, float | int) or (isinstance(value, Tensor) and value.numel() == 1)
        require(one, "loss.value", repr(value), "one number")
        require_number("loss.count", result.count, above=0)
        return tuple(result)


def clip(model: nn.Module, max_norm: float | None) -> None:
    """Clip the gradients to the global norm `max_norm`, if it is not None. FloatingPointError, with the
    gradients as they were, when they are not finite."""
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    gradients = {name: g.coalesce().values() if g.is_sparse else g for name, g in found.items()}
    norm = nn.utils.get_total_norm(gradients.values())
    if not torch.isfinite(norm):
        bad = [name for name, gradient in gradients.items() if not gradient.isfinite().all()]
        if not bad and max_norm is not None:   # only their squares overflowed
            norm = nn.utils.get_total_norm([gradient.double() for gradient in gradients.values()])
    if not torch.isfinite(norm):
        where = f" (first in {bad[0]!r})" if bad else ""
        raise FloatingPointError(f"gradient norm: got {norm.item()}{where}, wanted a finite number")
    if max_norm is not None:
        nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)


def update(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """The optimizer's step. FloatingPointError when a weight is not finite after it."""
    try:
        optimizer.step()
    except RuntimeError as error:
        if "overflow" not in str(error):
            raise
        raise FloatingPointError("weights: got too high a learning rate, wanted finite steps") from error
    changed = [p.detach() for group in optimizer.param_groups for p in group["params"]]
    if _may_not_be_finite(changed):
        require_finite_weights(model)
        require_finite("weights", changed)   # of what is not in the model


def require_finite_weights(model: nn.Module) -> None:
    """FloatingPointError that names the first parameter with a value that is not finite."""
    named = {name: parameter.detach() for name, parameter in model.named_parameters()}
    if _may_not_be_finite(list(named.values())):
        require_finite("weights", named)


def _may_not_be_finite(tensors: list[Tensor]) -> bool:
    return not torch.isfinite(nn.utils.get_total_norm(tensors))   # fast; inf also where only squares overflow


class Undo:
    """Puts weights, buffers and the optimizer's tensors back as they were at the last `remember`."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer):
        self._model, self._optimizer = model, optimizer
        self._copies: list[Tensor] = []

    def tensors(self) -> list[Tensor]:
        """Weights, buffers and the optimizer's tensors."""
        moments = (value for state in self._optimizer.state.values() for value in state.values())
        return [
            *(p.detach() for group in self._optimizer.param_groups for p in group["params"]),
            *self._model.buffers(),
            *(value for value in moments if isinstance(value, Tensor)),
        ]

    def remember(self) -> None:
        """Copy all, into the same copies as last time if they fit, which takes less time."""
        tensors = self.tensors()
        kinds = [(tensor.shape, tensor.dtype, tensor.device) for tensor in tensors]
        if kinds != [(copy.shape, copy.dtype, copy.device) for copy in self._copies]:
            self._copies = [torch.empty_like(tensor) for tensor in tensors]
        for copy, tensor in zip(self._copies, tensors, strict=True):
            copy.copy_(tensor)

    def undo(self) -> None:
        """Copy all back. The state of an optimizer that had none is dropped."""
        tensors = self.tensors()
        if len(tensors) != len(self._copies):   # the first step made it
            self._optimizer.state.clear()
            tensors = self.tensors()
        for copy, tensor in zip(self._copies, tensors, strict=True):
            tensor.copy_(copy)
