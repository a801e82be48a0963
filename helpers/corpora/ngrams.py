"""Character n-grams: what a text is at each of its places, from the single character to a word's ending.

    text        <재미있다>             < and > mark its two ends
    place 4     있                      order 1
                미있                    order 2
                재미있                  order 3
                <재미있 has order 4; of every order the one that ends here

An n-gram that is too rare, or begins before the text does, has id 0, which means nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from helpers.corpora.text import composed, require_several, visible
from helpers.validation import require, require_ids, require_int, require_real, require_shape

_UNKNOWN, _START, _END = 0, 1, 2   # among the characters
_FILLER = "\u3164"


def normalized(text: str, argument: str = "text") -> str:
    """Composed, visible, in lower case, no run of spaces, no character more than three times on end. (The
    Hangul filler stays: reviews begin with it a syllable that has no character of its own.)"""
    seen = _FILLER.join(map(visible, composed(text, argument).split(_FILLER)))
    text = composed(" ".join(seen.split()).lower())
    return re.sub(r"(.)\1{2,}", r"\1\1\1", text)


def _normalized(texts: Iterable[str]) -> list[str]:
    require_several("texts", texts, "a list of texts")
    return [normalized(text, "texts") for text in texts]


@dataclass(frozen=True, eq=False)
class NgramTexts:
    """Encoded texts one after another: ids (places of all texts, K) int32, first places and lengths (N,)."""

    ids: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """The texts `rows`, all of one length T, as ids (n, T, K) int64."""
        rows = require_ids("rows", rows, len(self))
        require(rows.ndim == 1 and rows.size > 0, "rows", f"shape {rows.shape}", "shape (n,), n > 0")
        T = self.lengths[rows[0]]
        require((self.lengths[rows] == T).all(), "rows", "texts of several lengths", "texts of one length")
        return self.ids[self.starts[rows, None] + np.arange(T)].astype(np.int64)


class NgramVocabulary:
    """The n-grams of orders 1 … K that occur often enough in `texts`; take the training texts only.

    `min_counts` has the smallest number of occurrences for every order. `size` counts id 0 as well.
    """

    def __init__(self, texts: Sequence[str], min_counts: Sequence[int] = (3, 5, 10, 10)):
        kept = _normalized(texts)
        require(len(kept) > 0, "texts", "none", "at least one")
        require(isinstance(min_counts, Sequence), "min_counts", repr(min_counts), "one count for each order")
        require(len(min_counts) > 0, "min_counts", "none", "one for each order")
        for count in min_counts:
            require_int("min_counts", count)
        self._characters = {c: 3 + i for i, c in enumerate(sorted(set("".join(kept))))}
        self._base = 3 + len(self._characters)
        K = len(min_counts)
        require(self._base**K < 2**63, "min_counts", f"{K} orders", f"fewer, of {self._base} characters")
        stream, places, _ = self._stream(kept)
        self._codes = []   # of every order, sorted
        for n, minimum in enumerate(min_counts, 1):
            codes, counts = np.unique(self._codes_of(stream, places, n), return_counts=True)
            self._codes.append(codes[(counts >= minimum) & (codes >= 0)])
        self.size = 1 + sum(map(len, self._codes))

    @property
    def orders(self) -> int:
        """K, the length of the longest n-grams."""
        return len(self._codes)

    def encode(self, texts: Sequence[str]) -> NgramTexts:
        """The n-grams of every order that end at each place of the texts, the mark after the end included."""
        stream, places, lengths = self._stream(_normalized(texts))
        ids = np.zeros((len(stream), self.orders), np.int32)
        first = 1
        for n, known in enumerate(self._codes, 1):
            codes = self._codes_of(stream, places, n)
            found = np.minimum(np.searchsorted(known, codes), max(0, len(known) - 1))
            if len(known):
                ids[:, n - 1] = np.where(known[found] == codes, first + found, 0)
            first += len(known)
        return NgramTexts(ids, np.cumsum(lengths) - lengths, lengths)

    def _stream(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Character numbers of all texts with their marks, the place of each in its text, lengths."""
        number = self._characters
        stream, lengths = [], []
        for text in texts:
            stream += [_START, *(number.get(c, _UNKNOWN) for c in text), _END]
            lengths.append(len(text) + 2)
        sizes = np.array(lengths, np.int64)
        places = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.array(stream, np.int64), places, sizes

    def _codes_of(self, stream: np.ndarray, places: np.ndarray, n: int) -> np.ndarray:
        """The n-gram that ends at each place as one number, -1 where none does."""
        codes = np.zeros(len(stream), np.int64)
        for back in reversed(range(n)):
            codes = codes * self._base + np.roll(stream, back)
        return np.where(places >= n - 1, codes, -1)


class SameLengthBatches:
    """Batches of texts that are all equally long, so that none needs padding.

    Call with the epoch, from 0, for its batches (ids (n, T, K), lengths (n,), which are all T, labels (n,)),
    in another order every epoch; `in_order()` has them for evaluation, the shortest texts first. Batches hold
    about `batch_size` texts, fewer of rare lengths.
    """

    def __init__(self, texts: NgramTexts, labels: np.ndarray, batch_size: int, seed: int = 0):
        require(isinstance(texts, NgramTexts), "texts", repr(texts), "what NgramVocabulary.encode returns")
        self.texts, self.labels = texts, np.asarray(labels)
        require_shape("labels", self.labels, (len(texts),))
        require_real("labels", self.labels)
        require(len(texts) > 0, "texts", "none", "at least one")
        self.batch_size = require_int("batch_size", batch_size)
        self.seed = require_int("seed", seed, minimum=0)

    def __call__(self, epoch: int) -> _Batches:
        rng = np.random.default_rng((self.seed, require_int("epoch", epoch, minimum=0)))
        groups = self._groups(rng.permutation(len(self.texts)))
        return _Batches(self, [groups[i] for i in rng.permutation(len(groups))])

    def in_order(self) -> _Batches:
        """All texts once, from the shortest to the longest."""
        return _Batches(self, self._groups(np.arange(len(self.texts))))

    def _groups(self, order: np.ndarray) -> list[np.ndarray]:
        order = order[np.argsort(self.texts.lengths[order], kind="stable")]
        edges = np.flatnonzero(np.diff(self.texts.lengths[order])) + 1
        groups = []
        for same in np.split(order, edges):
            groups += np.array_split(same, max(1, round(len(same) / self.batch_size)))
        return groups


class _Batches:
    def __init__(self, source: SameLengthBatches, groups: list[np.ndarray]):
        self.texts, self.labels, self.groups = source.texts, source.labels, groups

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for rows in self.groups:
            yield self.texts.rows(rows), self.texts.lengths[rows], self.labels[rows]
