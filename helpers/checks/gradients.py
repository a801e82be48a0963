"""The gradients that come back through a function of tensors, as further outputs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def with_gaps(value: Any) -> Any:
    """The same array or tensor as a view with gaps along every axis but the first (of a vector: after each
    entry), so that no two axes can be joined without a copy."""
    if not value.ndim or 0 in value.shape:
        return value
    if value.ndim == 1:
        return value[[each for each in range(len(value)) for _ in range(2)]][::2]
    longer = value
    for axis in range(1, value.ndim):
        longer = longer[(slice(None),) * axis + ([*range(value.shape[axis]), 0],)]
    return longer[(slice(None), *[slice(-1)] * (value.ndim - 1))]


class Watched:
    """`function`, handing on what it returns; its tensors' gradients are noted in `noted`, one dict a call.

    The floating-point tensors among the arguments get a history first. `noted` holds, for each output that is
    a floating-point tensor, the gradients of a weighted sum of it with respect to these arguments, or None
    where nothing comes back. What is handed on is detached. A call without tensors, or with tensors that have
    a history already, is passed through.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function, self.noted = function, []

    def __call__(self, *arguments: Any) -> Any:
        watched = getattr(self.function, "watched", None)
        if watched is not None:   # it runs in another process, and so does the watching
            result, noted = watched(*arguments)
            self.noted += noted
            return result
        torch = sys.modules.get("torch")
        inputs = [] if torch is None else [n for n, each in enumerate(arguments) if _floating(torch, each)]
        if not inputs or any(arguments[n].requires_grad for n in inputs):
            return self.function(*arguments)
        leaves = {n: arguments[n].detach().clone().requires_grad_() for n in inputs}
        given = [_like(leaves[n], each) if n in leaves else each for n, each in enumerate(arguments)]
        result = self.function(*given)
        outputs = result if isinstance(result, tuple | list) else (result,)
        self.noted.append([self._back(torch, each, list(leaves.values())) for each in outputs])
        with torch.no_grad():
            for n in inputs:
                arguments[n].copy_(given[n])   # what was written into the argument shows
        return _detached(torch, result)

    @staticmethod
    def _back(torch, output, leaves):
        if not _floating(torch, output) or not output.requires_grad:
            return None
        weights = torch.linspace(1, 2, output.numel(), dtype=output.dtype).reshape(output.shape)
        found = torch.autograd.grad((output * weights).sum(), leaves, retain_graph=True, allow_unused=True)
        return [None if each is None else each.detach().numpy().copy() for each in found]


def _like(leaf, wanted):
    """The values of `leaf`, with its history, in memory as `wanted` is; it may be written into."""
    return leaf * 1 if wanted.is_contiguous() else with_gaps(leaf)


def _floating(torch, value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _detached(torch, result: Any) -> Any:
    if isinstance(result, torch.Tensor):
        return result.detach()
    if type(result) in (list, tuple):
        return type(result)(_detached(torch, each) for each in result)
    return result
