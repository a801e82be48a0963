"""One long stream of ids, cut so that a recurrent network can read on from batch to batch.

    stream      a b c d e f g h i j k       batch_size 2, seq_len 3

    row 0       a b c | d e                 inputs; the targets are one step ahead
    row 1       f g h | i j

Row n of a batch continues row n of the batch before: the state may be carried over (truncated BPTT).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from helpers.validation import require, require_ids, require_int


class ContiguousBatches:
    """Batches (inputs, targets), each (N, T) int64; iterate as often as you like.

    `tokens`        number of targets in one pass,
    `dropped`       number of tokens at the stream's end that are no target (fewer than N),
    `target_index`  (N, targets a row) int64: where in the stream each target stands, so that
                    ``log_probs[batches.target_index].mean()`` averages over exactly these targets.
    """

    def __init__(self, ids: np.ndarray, batch_size: int, seq_len: int):
        ids = require_ids("ids", ids, np.iinfo(np.int64).max)
        require(ids.ndim == 1, "ids", f"shape {ids.shape}", "one stream, shape (tokens,)")
        self.batch_size = require_int("batch_size", batch_size)
        self.seq_len = require_int("seq_len", seq_len)
        wanted = f"at least batch_size + 1 = {self.batch_size + 1} tokens"
        require(len(ids) > self.batch_size, "ids", f"{len(ids)} tokens", wanted)

        steps = (len(ids) - 1) // self.batch_size  # targets a row; the stream's first token is no target
        self.tokens = steps * self.batch_size
        self.dropped = len(ids) - 1 - self.tokens
        # A row's last target is the next row's first input: no token is lost where the rows meet.
        self.target_index = np.arange(1, self.tokens + 1).reshape(self.batch_size, steps)
        self._inputs = ids[self.target_index - 1].astype(np.int64)
        self._targets = ids[self.target_index].astype(np.int64)

    def __len__(self) -> int:
        return -(-self._inputs.shape[1] // self.seq_len)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, self._inputs.shape[1], self.seq_len):
            window = slice(start, start + self.seq_len)
            yield self._inputs[:, window].copy(), self._targets[:, window].copy()

    def __repr__(self) -> str:
        return (
            f"ContiguousBatches({len(self)} batches of {self.batch_size} × {self.seq_len}, "
            f"{self.tokens:,} targets, {self.dropped} dropped)"
        )


def contiguous_batches(ids: np.ndarray, batch_size: int, seq_len: int) -> ContiguousBatches:
    """Cut the stream `ids` (tokens,) into `batch_size` rows, read `seq_len` steps at a time.

    Every token but the stream's first and the reported `dropped` tail is a target exactly once; the
    last window may be shorter. Raises ValueError when there are too few tokens for one target a row.
    """
    return ContiguousBatches(ids, batch_size, seq_len)
