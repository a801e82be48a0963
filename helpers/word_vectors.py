"""Word vectors of one's own, from nothing but which words stand near each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from helpers.validation import (
    as_array,
    require,
    require_flag,
    require_ids,
    require_int,
    require_number,
    require_real,
    require_shape,
)

Counts = tuple[np.ndarray, np.ndarray, np.ndarray]

MOST_WORDS = 2**24   # a table of that many columns fits in memory, and the number of a pair in 64 bits


def cooccurrences(
    sentences: Iterable[Sequence[int]], vocab_size: int, window: int, *, directed: bool = False
) -> Counts:
    """How often two words stand at most `window` steps apart in a sentence → (rows, columns, counts).

    Each is (M,), for the M pairs that occur; counts are float64. Both directions count, so the table is
    symmetric; `directed`, the column's word is the later one. `sentences` are sequences of ids in
    0 … vocab_size - 1; ValueError for others.
    """
    directed = require_flag("directed", directed)
    V, window = require_int("vocab_size", vocab_size, maximum=MOST_WORDS), require_int("window", window)
    require(isinstance(sentences, Iterable), "sentences", repr(sentences), "sequences of ids")
    sentences = [_ids(sentence) for sentence in sentences]
    require(len(sentences) > 0, "sentences", "none", "at least one")
    words = require_ids("sentences", np.concatenate(sentences), V)
    which = np.repeat(np.arange(len(sentences)), [len(sentence) for sentence in sentences])
    codes, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for distance in range(1, min(window, max(len(sentence) for sentence in sentences) - 1) + 1):
        together = which[distance:] == which[:-distance]
        left, right = words[:-distance][together], words[distance:][together]
        pairs = [left * V + right] if directed else [left * V + right, right * V + left]
        new, times = np.unique(np.concatenate(pairs), return_counts=True)
        codes, place = np.unique(np.concatenate([codes, new]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, times]), len(codes))
    return codes // V, codes % V, counts.astype(np.float64)


def ppmi(counts: Counts, vocab_size: int) -> Counts:
    """Positive pointwise mutual information, log P(w, c) / (P(w) P(c)) of the pairs where it is above 0.

    Natural logarithm; Church & Hanks 1990, in the form of Levy & Goldberg 2014. `counts` as `cooccurrences`
    gives them, each above 0; ValueError for others.
    """
    vocab_size = require_int("vocab_size", vocab_size, maximum=MOST_WORDS)
    three = isinstance(counts, tuple | list) and len(counts) == 3
    require(three, "counts", type(counts).__name__, "rows, columns, counts")
    rows, columns = (require_ids("counts", words, vocab_size) for words in counts[:2])
    times = require_real("counts", counts[2], finite=True)
    for array in (rows, columns, times):
        require_shape("counts", array, times.shape[:1])
    require((times > 0).all(), "counts", "a count of 0 or less", "counts above 0")
    of_row = np.bincount(rows, times, vocab_size)
    of_column = np.bincount(columns, times, vocab_size)
    values = np.log(times * times.sum() / (of_row[rows] * of_column[columns]))
    positive = values > 0
    return rows[positive], columns[positive], values[positive]


def ppmi_svd(
    sentences: Iterable[Sequence[int]],
    vocab_size: int,
    *,
    window: int = 5,
    size: int = 50,
    sides: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Word vectors (V, size), float32: U √Σ of the truncated SVD of the PPMI table (Levy & Goldberg 2014).

    With `sides` the table is (V, 2V): what stands after a word is counted apart from what stands before it.
    A word that never stands beside another gets zeros. `seed` is that of the randomised SVD (Halko,
    Martinsson & Tropp 2011), which hardly depends on it. ValueError as in `cooccurrences`.
    """
    import torch

    V, size = require_int("vocab_size", vocab_size, maximum=MOST_WORDS), require_int("size", size)
    seed = require_int("seed", seed, minimum=0, maximum=2**63 - 1)
    require(size <= V, "size", size, f"at most vocab_size = {V}")
    sides = require_flag("sides", sides)
    first, second, times = cooccurrences(sentences, V, window, directed=sides)
    rows, columns, values = ppmi((first, second, times), V)
    if sides:
        others = ppmi((second, first, times), V)
        columns = np.concatenate([columns, V + others[1]])
        rows, values = np.concatenate([rows, others[0]]), np.concatenate([values, others[2]])
    table = torch.sparse_coo_tensor(
        np.stack([rows, columns]), torch.tensor(values, dtype=torch.float32), (V, V * (1 + sides)),
        check_invariants=True,
    ).coalesce()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        U, S, _ = torch.svd_lowrank(table, q=min(V, size + 10), niter=4)
    vectors = (U[:, :size] * S[:size].sqrt()).numpy()
    vectors[np.bincount(rows, minlength=V) == 0] = 0   # and not the rounding of zero
    return vectors


def counted_start(
    ids: Sequence[int],
    vocab_size: int,
    size: int,
    *,
    window: int = 1,
    sides: bool = True,
    limit: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """An embedding to begin training with (V, size), float32: the vectors that `ppmi_svd` finds in a running
    text `ids`, turned by a rotation that `seed` draws, each as long as a row drawn evenly from ±`limit` is on
    average, limit · √(size / 3).

    Angles stay what they were; without the turn the first numbers of each vector would be the largest, and
    dropping one of them would do more harm than dropping others. Zeros stay. ValueError as in `ppmi_svd`, and
    for a limit of 0 or less.
    """
    limit = require_number("limit", limit, above=0)
    vectors = ppmi_svd([ids], vocab_size, window=window, size=size, sides=sides, seed=seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))
    vectors = vectors @ turn.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(limit * np.sqrt(size / 3) * vectors, lengths, out=vectors, where=lengths > 0)


def _ids(sentence: Sequence[int]) -> np.ndarray:
    """One of the sentences as an array; what it holds is looked at later, for all of them at once."""
    array = as_array("sentences", sentence, "sequences of ids")
    require(array.ndim == 1, "sentences", repr(sentence), "sequences of ids")
    whole = array.dtype.kind in "iu" or array.size == 0
    require(whole, "sentences", f"one of dtype {array.dtype}", "an integer dtype")
    return array.astype(np.int64, copy=False)
