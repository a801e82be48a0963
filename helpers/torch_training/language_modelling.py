"""Language models in the torch trainer: the loss of a window, perplexity, and windows of random length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from helpers.corpora.batches import ContiguousBatches
from helpers.regularization import activation_penalty, slowness_penalty
from helpers.tensors import require_id_tensor, require_module, require_parts
from helpers.torch_training.distributed import to_device
from helpers.torch_training.sampled_softmax import sampled_logits
from helpers.torch_training.steps import StepLoss
from helpers.training.finite import require_finite
from helpers.validation import require, require_int, require_number

CPU = torch.device("cpu")


class LanguageModelLoss:
    """The mean cross-entropy of a window in nats a token, plus the two penalties if they are wanted.

    Args:
        activation: weight of AR, the mean square of what the output layer sees.
        slowness: weight of TAR, the mean square of the last layer's steps.
        seq_len: windows of other lengths weigh in proportion to this one; None: all the same.
        sampled: how many words, beside those of the targets, the softmax runs over (`sampled_logits`), asked
            at every window; 0 for all of them. The reported loss is then an estimate.
    """

    def __init__(
        self,
        *,
        activation: float = 0.0,
        slowness: float = 0.0,
        seq_len: int | None = None,
        sampled: Callable[[], int] = lambda: 0,
    ):
        self.activation = require_number("activation", activation, minimum=0)
        self.slowness = require_number("slowness", slowness, minimum=0)
        self.seq_len = None if seq_len is None else require_int("seq_len", seq_len)
        require(callable(sampled), "sampled", repr(sampled), "a function → how many words")
        self.sampled = sampled

    def __call__(self, model: nn.Module, batch: tuple[Tensor, Tensor], state: Any) -> StepLoss:
        """batch: inputs and targets (N, T) → what the trainer wants."""
        inputs, targets = require_parts("batch", batch, "inputs, targets")
        h, raw, state = model.hidden(inputs, state)
        targets = require_id_tensor("targets", targets, len(model.output), tuple(inputs.shape), h)
        wanted, count = targets.T.flatten(), require_int("sampled()", self.sampled(), minimum=0)
        if count:
            logits, wanted = sampled_logits(h.flatten(0, 1), model.output, model.output_bias, wanted, count)
        else:
            logits = nn.functional.linear(h.flatten(0, 1), model.output, model.output_bias)
        value = _CrossEntropy.apply(logits, wanted)
        objective = value
        if self.activation:
            objective = objective + self.activation * activation_penalty(h)
        if self.slowness:
            objective = objective + self.slowness * slowness_penalty(raw)
        if self.seq_len is not None:
            objective = objective * (targets.shape[1] / self.seq_len)
        return StepLoss(objective, value.detach(), targets.numel(), state)


class _CrossEntropy(torch.autograd.Function):
    """Mean cross-entropy in nats of logits (M, V), whose gradient takes the place of the logits.

    The same as torch's `cross_entropy`, but the (M, V) numbers go through memory once, in pieces that stay in
    the cache: with V = 10,000 that moves a step's time (`make bench`). The logits are lost, so nothing else
    may use them.
    """

    ROWS = 100

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        dtype = torch.promote_types(logits.dtype, torch.float32)
        total = logits.new_zeros((), dtype=dtype)
        rows = _CrossEntropy.ROWS
        for piece, wanted in zip(logits.split(rows), targets.split(rows), strict=True):
            log_probs = torch.log_softmax(piece, -1, dtype=dtype)
            at = torch.arange(len(wanted), device=wanted.device), wanted
            total -= log_probs.gather(1, wanted[:, None]).sum()   # which takes no negative ids
            probs = log_probs.exp_()
            probs[at] -= 1
            piece.copy_(probs.div_(len(targets)))
        ctx.gradient = logits
        return total / len(targets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dvalue: Tensor) -> tuple[Tensor, None]:
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:
            raise RuntimeError("LanguageModelLoss: got a second backward, wanted one for each forward")
        return (gradient if dvalue == 1 else gradient.mul_(dvalue)), None


def mean_nats(model: nn.Module, batches: ContiguousBatches) -> float:
    """Mean loss in nats per token over `batches` of (inputs, targets), each (N, T), the state carried from
    window to window and zero at first; float32, no dropout. Take exp, or `perplexity`, of it.

    Raises ValueError when there is no batch, for targets that are no ids or of another shape than the inputs,
    and FloatingPointError when the loss is not finite."""
    require_module("model", model)
    require(isinstance(batches, Iterable), "batches", repr(batches), "batches of (inputs, targets)")
    device = next(model.parameters()).device
    was_training, state, total, count = model.training, None, 0.0, 0
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                inputs, targets = to_device(require_parts("batches", batch, "inputs, targets"), CPU)
                logits, state = model(inputs.to(device), state)
                targets = require_id_tensor("targets", targets, logits.shape[-1], inputs.shape, logits)
                sums = nn.functional.cross_entropy(
                    logits.flatten(0, 1).float(), targets.flatten(), reduction="sum"
                )
                total += sums.item()
                count += targets.numel()
    finally:
        model.train(was_training)
    require(count > 0, "batches", "no batch", "at least one")
    require_finite("loss", total)
    return total / count


class RandomWindows:
    """Contiguous batches whose windows differ in length, new ones every epoch (Merity et al. 2018).

    With probability 0.95 a window's length is drawn around `seq_len`, otherwise around half of it, from a
    normal distribution of standard deviation 5, at least 5. Call with the epoch, from 0, for its batches.
    """

    def __init__(self, batches: ContiguousBatches, seq_len: int, seed: int):
        require(isinstance(batches, Iterable), "batches", repr(batches), "batches of (inputs, targets)")
        whole = [require_parts("batches", batch, "inputs, targets") for batch in batches]
        require(len(whole) > 0, "batches", "no batch", "at least one")
        self._inputs = np.concatenate([inputs for inputs, _ in whole], axis=1)
        self._targets = np.concatenate([targets for _, targets in whole], axis=1)
        self.seq_len, self.seed = require_int("seq_len", seq_len), require_int("seed", seed, minimum=0)

    def __call__(self, epoch: int) -> _Windows:
        rng = np.random.default_rng((self.seed, require_int("epoch", epoch, minimum=0)))
        edges = [0]
        while edges[-1] < self._inputs.shape[1]:
            center = self.seq_len if rng.random() < 0.95 else self.seq_len / 2
            length = max(5, round(rng.normal(center, 5)))
            edges.append(min(edges[-1] + length, self._inputs.shape[1]))
        return _Windows(self._inputs, self._targets, edges)


class _Windows:
    def __init__(self, inputs: np.ndarray, targets: np.ndarray, edges: list[int]):
        self.inputs, self.targets, self.edges = inputs, targets, edges

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start, end in zip(self.edges, self.edges[1:], strict=False):
            yield self.inputs[:, start:end].copy(), self.targets[:, start:end].copy()
