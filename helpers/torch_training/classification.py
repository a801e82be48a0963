"""Classifiers in the torch trainer: the loss of a batch, accuracy, and batches in a new order every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.tensors import at_least_float32, require_id_tensor, require_module, require_parts
from helpers.torch_training.distributed import to_device
from helpers.torch_training.steps import StepLoss
from helpers.training.finite import require_finite
from helpers.validation import as_array, require, require_ids, require_int, require_real, require_shape


class ClassifierLoss:
    """The mean cross-entropy of a batch in nats a text.

    Logits (N,) are those of class 1 against class 0, logits (N, C) those of C classes.
    """

    def __call__(self, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor], state: Any) -> StepLoss:
        """batch: ids (N, T), lengths (N,), labels (N,) → what the trainer wants."""
        ids, lengths, labels = require_parts("batch", batch, "ids, lengths, labels")
        logits = at_least_float32(model(ids, lengths))
        labels = require_id_tensor("labels", labels, _classes(logits), (len(logits),), logits)
        if logits.ndim == 1:
            value = nn.functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
        else:
            value = nn.functional.cross_entropy(logits, labels)
        return StepLoss(value, value.detach(), len(labels))


def logits_of(model: nn.Module, ids: np.ndarray, lengths: np.ndarray, batch_size: int = 1_000) -> np.ndarray:
    """Logits of all texts, float32, (N,) or (N, C); in evaluation mode, `batch_size` texts at a time.

    Raises FloatingPointError when one is not finite (of nan, any class would be predicted)."""
    require_int("batch_size", batch_size)
    require_module("model", model)
    ids, lengths = as_array("ids", ids, "ids (N, T)"), as_array("lengths", lengths, "lengths (N,)")
    require(ids.ndim > 0 and lengths.ndim > 0, "ids, lengths", "a single number", "(N, T) and (N,)")
    got = f"{len(ids)} and {len(lengths)} texts"
    require(len(ids) == len(lengths) > 0, "ids, lengths", got, "as many, at least one")
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            slices = [slice(start, start + batch_size) for start in range(0, len(ids), batch_size)]
            parts = [model(*to_device((ids[part], lengths[part]), device)) for part in slices]
    finally:
        model.train(was_training)
    logits = torch.cat(parts).float().cpu().numpy()
    require_finite("logits", logits)
    return logits


def predicted(logits: np.ndarray) -> np.ndarray:
    """The class with the largest probability, int64 (N,): logits (N,) of class 1, or (N, C). ValueError for
    nan and inf, too."""
    logits = require_real("logits", logits, finite=True)
    fits = logits.ndim in (1, 2) and logits.shape[-1] > 0
    require(fits, "logits", f"shape {logits.shape}", "(N,) or (N, C)")
    return (logits > 0).astype(np.int64) if logits.ndim == 1 else logits.argmax(axis=1)


def accuracy(
    model: nn.Module, ids: np.ndarray, lengths: np.ndarray, labels: np.ndarray, batch_size: int = 1_000
) -> float:
    """The share of texts whose predicted class is their label: ids (N, T), lengths and labels (N,).

    Raises ValueError for labels that are none of the classes, and as `logits_of`."""
    logits = logits_of(model, ids, lengths, batch_size)
    labels = require_ids("labels", labels, _classes(logits))
    require_shape("labels", labels, (len(logits),))   # (N, 1) would be compared with all texts
    right = predicted(logits) == labels
    return int(right.sum()) / len(right)


def _classes(logits: np.ndarray | Tensor) -> int:
    return 2 if logits.ndim == 1 else logits.shape[1]


class ShuffledExamples:
    """Texts in batches, in another order every epoch; the last batch may be smaller.

    Call with the epoch, from 0, for its batches (ids (n, T), lengths (n,), labels (n,)).
    """

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, labels: np.ndarray, batch_size: int, seed: int):
        given = {"ids": ids, "lengths": lengths, "labels": labels}
        self._arrays = tuple(as_array(name, values, "an array") for name, values in given.items())
        for name, array in zip(given, self._arrays, strict=True):
            require(array.ndim > 0, name, repr(array), "an array with a row for each text")
        sizes = [len(array) for array in self._arrays]
        require(len(set(sizes)) == 1, "ids, lengths, labels", f"{sizes} rows", "as many of each")
        require(sizes[0] > 0, "ids", "no rows", "at least one")
        self.batch_size = require_int("batch_size", batch_size)
        self.seed = require_int("seed", seed, minimum=0)

    def __call__(self, epoch: int) -> _Batches:
        rng = np.random.default_rng((self.seed, require_int("epoch", epoch, minimum=0)))
        order = rng.permutation(len(self._arrays[0]))
        return _Batches(self._arrays, order, self.batch_size)


class _Batches:
    def __init__(self, arrays: tuple[np.ndarray, ...], order: np.ndarray, batch_size: int):
        self.arrays, self.order, self.batch_size = arrays, order, batch_size

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        for start in range(0, len(self.order), self.batch_size):
            rows = self.order[start : start + self.batch_size]
            yield tuple(array[rows] for array in self.arrays)
