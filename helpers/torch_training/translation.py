"""Translation in the torch trainer: the loss of a batch of pairs, batches of like lengths, exact match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.corpora.parallel import PAD_ID, Pair, ParallelCorpus, exact_match
from helpers.decoding import greedy_decode
from helpers.layers.base import MOST
from helpers.tensors import at_least_float32, require_id_tensor, require_parts, require_tensor
from helpers.torch_training.steps import StepLoss
from helpers.validation import require, require_ids, require_int, require_shape

POOL = 50   # batches that are sorted by length together
EVALUATION_BATCH = 500


class Seq2SeqLoss:
    """The mean cross-entropy in nats a token of the target, ``<eos>`` counted, padding not.

    A batch is sources (N, S) and targets (N, T), ``<bos>`` … ``<eos>``. (For one process: several would
    average means of different numbers of tokens.)
    """

    def __call__(self, model: nn.Module, batch: tuple[Tensor, Tensor], state: Any) -> StepLoss:
        """→ what the trainer wants; there is no state from batch to batch."""
        sources, targets = require_parts("batch", batch, "sources, targets")
        require_tensor("targets", targets, ("N", "T"))
        steps = targets.shape[1]
        require(steps > 1, "targets", f"{steps} tokens in a row", "at least <bos> and <eos>")
        logits, _ = model(sources, targets[:, :-1])
        wanted = require_id_tensor("targets", targets, logits.shape[-1], like=logits)[:, 1:]
        value = nn.functional.cross_entropy(
            at_least_float32(logits.flatten(0, 1)), wanted.flatten(), ignore_index=PAD_ID
        )
        return StepLoss(value, value.detach(), int((wanted != PAD_ID).sum()))


class ShuffledPairs:
    """Batches of pairs in another order every epoch: call with the epoch, from 0.

    All pairs are shuffled; `POOL` batches at a time are sorted by the source's length, cut, and the batches
    shuffled. So a batch has sentences of like lengths, and little padding; it is trimmed to its longest.

    Args:
        sources, targets: (pairs, S) and (pairs, T), int64, padded with 0 at the end.
        batch_size: pairs in a batch; the last one may have fewer.
        seed: of the orders.
    """

    def __init__(self, sources: np.ndarray, targets: np.ndarray, batch_size: int, seed: int):
        self.sources = require_ids("sources", sources, MOST)
        self.targets = require_ids("targets", targets, MOST)
        require_shape("sources", self.sources, ("pairs", "S"))
        require_shape("targets", self.targets, ("pairs", "T"))
        same = len(self.sources) == len(self.targets) > 0
        require(same, "targets", f"{len(self.targets)} rows", f"those of the {len(self.sources)} sources")
        self.batch_size = require_int("batch_size", batch_size)
        self.seed = require_int("seed", seed, minimum=0)
        self._lengths = (self.sources != PAD_ID).sum(axis=1)

    def __call__(self, epoch: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """The batches of an epoch, the same ones whenever it is asked for."""
        rng = np.random.default_rng((self.seed, require_int("epoch", epoch, minimum=0)))
        order = rng.permutation(len(self.sources))
        rows = []
        for start in range(0, len(order), POOL * self.batch_size):
            pool = order[start : start + POOL * self.batch_size]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            rows += [pool[at : at + self.batch_size] for at in range(0, len(pool), self.batch_size)]
        return [
            (_trimmed(self.sources[rows[number]]), _trimmed(self.targets[rows[number]]))
            for number in rng.permutation(len(rows))
        ]


def _trimmed(ids: np.ndarray) -> np.ndarray:
    """ids (N, T) without the columns in which all is padding."""
    return np.ascontiguousarray(ids[:, : int((ids != PAD_ID).sum(axis=1).max())])


def translations(
    model: nn.Module, corpus: ParallelCorpus, pairs: Sequence[Pair], max_length: int
) -> list[list[str]]:
    """Greedy translations of the sources of `pairs`, in evaluation mode (the model's own is put back).

    `max_length` is in tokens of the target, ``<eos>`` counted.
    """
    device = next(model.parameters()).device
    was_training, found = model.training, []
    model.eval()
    try:
        for start in range(0, len(pairs), EVALUATION_BATCH):
            sources, _ = corpus.encode(pairs[start : start + EVALUATION_BATCH])
            decoded = greedy_decode(model, torch.from_numpy(sources).to(device), max_length=max_length)
            found += [corpus.decode_target(ids) for ids in decoded.ids]
    finally:
        model.train(was_training)
    return found


def exact_match_of(
    model: nn.Module, corpus: ParallelCorpus, pairs: Sequence[Pair], max_length: int
) -> float:
    """The share of `pairs` whose target the model writes without a fault, greedily (`translations`)."""
    return exact_match(translations(model, corpus, pairs, max_length), pairs)
