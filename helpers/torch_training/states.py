"""What a checkpoint holds beside weights: recurrent states, generators, a scheduler's plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from helpers.validation import require


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """All weights and buffers, by name, as copies."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def to_cpu(state: Any) -> Any:
    """Tensors nested in tuples and lists, on the CPU, nested in lists. ValueError for anything else."""
    if isinstance(state, tuple | list):
        return [to_cpu(part) for part in state]
    fits = isinstance(state, Tensor | int | float | str | None)
    require(fits, "state", type(state).__name__, "tensors in tuples and lists")
    return state.cpu() if isinstance(state, Tensor) else state


def join(states: list[Any]) -> Any:
    """The states of all processes' rows as one of the whole batch."""
    first = states[0]
    if isinstance(first, Tensor):
        return torch.cat(states)
    if isinstance(first, tuple | list):
        return [join(list(parts)) for parts in zip(*states, strict=True)]
    return first


def first_tensor(state: Any) -> Tensor:
    """The first tensor in a nested state: its length is the batch's."""
    return state if isinstance(state, Tensor) else first_tensor(state[0])


def generators(device: torch.device) -> list[Tensor]:
    """The states of torch's generators, from which dropout is drawn."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def set_generators(states: list[Tensor], device: torch.device) -> None:
    """Go on drawing where `generators` was called."""
    torch.set_rng_state(states[0])
    if device.type == "cuda" and len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)


def plain_values(state: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduler's state without the functions in it (they are given again when it is made)."""
    kinds = int | float | str | bool | list | tuple | dict | None
    return {name: value for name, value in state.items() if isinstance(value, kinds)}
