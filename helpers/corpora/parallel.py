"""Pairs of sequences that say the same, as a translator reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from helpers.corpora.text import folded, require_several, token_tuple
from helpers.corpora.vocabulary import EOS, PAD, Vocabulary
from helpers.validation import require

BOS = "<bos>"
RESERVED = (PAD, BOS, EOS)
PAD_ID, BOS_ID, EOS_ID = range(3)
"""The reserved tokens stand first in both vocabularies."""


class Pair(NamedTuple):
    """A sequence of tokens and its translation."""

    source: tuple[str, ...]
    target: tuple[str, ...]


def checked(argument: str, pairs: Iterable[Pair]) -> list[Pair]:
    """`pairs` with tokens as `helpers.corpora.text.visible` leaves them.

    ValueError for what is no pair of two sequences of tokens, for an empty one, and for a reserved token.
    """
    require_several(argument, pairs, "pairs (source, target)")
    found = []
    for pair in pairs:
        two = isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2
        require(two, argument, f"{pair!r:.80}", "pairs (source, target)")
        pair = Pair(*(token_tuple(argument, tokens) for tokens in pair))
        require(all(map(any, pair)), argument, f"{tuple(pair)!s:.80}", "tokens on both sides")
        for token in RESERVED:
            require(token not in pair.source + pair.target, argument, repr(token), "no reserved token in it")
        found.append(pair)
    return found


@dataclass(frozen=True)
class ParallelCorpus:
    """Pairs to learn from, to choose by and to test with, and the vocabularies of both sides.

    Both vocabularies are those of the training pairs, and begin with ``<pad>``, ``<bos>``, ``<eos>``.
    """

    train: list[Pair]
    valid: list[Pair]
    test: list[Pair]
    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary

    @classmethod
    def build(cls, train: Iterable[Pair], valid: Iterable[Pair], test: Iterable[Pair]) -> ParallelCorpus:
        """Collect the vocabularies of `train`.

        ValueError when there is nothing in it, when a source stands in two splits (what nobody can see makes
        no difference), when a token of `valid` or `test` does not occur in `train`, and as in `checked`.
        """
        splits = {name: checked(name, pairs) for name, pairs in
                  (("train", train), ("valid", valid), ("test", test))}
        require(bool(splits["train"]), "train", "no pairs", "at least one")
        where: dict[tuple[str, ...], str] = {}
        for name, pairs in splits.items():
            for source, _ in pairs:
                first = where.setdefault(tuple(filter(None, map(folded, source))), name)
                wanted = "every source in one split only"
                require(first == name, name, f"{' '.join(source)!r}, which stands in {first} too", wanted)
        vocabularies = [
            Vocabulary.build((token for pair in splits["train"] for token in pair[side]), reserved=RESERVED)
            for side in (0, 1)
        ]
        for name in ("valid", "test"):
            for pair in splits[name]:
                for tokens, known in zip(pair, vocabularies, strict=True):
                    new = next((token for token in tokens if token not in known), None)
                    require(new is None, name, repr(new), "tokens that occur in train")
        return cls(**splits, source_vocabulary=vocabularies[0], target_vocabulary=vocabularies[1])

    def encode(self, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
        """Ids of the sources (N, S) and the targets (N, T), int64, padded at the end with 0.

        A target is ``<bos>`` … ``<eos>``, a source just its tokens. ValueError for no pairs, and for a token
        that the vocabulary does not have.
        """
        pairs = checked("pairs", pairs)
        require(len(pairs) > 0, "pairs", "none", "at least one")
        sources = [self.source_vocabulary.encode(pair.source) for pair in pairs]
        targets = [self.target_vocabulary.encode((BOS, *pair.target, EOS)) for pair in pairs]
        return _padded(sources), _padded(targets)

    def decode_target(self, ids: Iterable[int]) -> list[str]:
        """The tokens of `ids` up to ``<eos>``, or to the end; a leading ``<bos>`` is left out."""
        tokens = self.target_vocabulary.decode(ids)
        tokens = tokens[1:] if tokens[:1] == [BOS] else tokens
        return tokens[: tokens.index(EOS)] if EOS in tokens else tokens


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of ids → (N, longest), 0 after a row's end."""
    table = np.full((len(rows), max(map(len, rows))), PAD_ID, np.int64)
    for row, ids in zip(table, rows, strict=True):
        row[: len(ids)] = ids
    return table


def exact_match(predicted: Sequence[Sequence[str]], pairs: Sequence[Pair]) -> float:
    """The share of `pairs` whose whole target was predicted, token for token.

    ValueError for no pairs, when there are more or fewer predictions, and when those are not tokens.
    """
    pairs = checked("pairs", pairs)
    require(len(pairs) > 0, "pairs", "none", "at least one")
    require_several("predicted", predicted, "a list of sequences of tokens")
    predicted = list(predicted)
    require(len(predicted) == len(pairs), "predicted", f"{len(predicted)} sequences", f"{len(pairs)}")
    found = [token_tuple("predicted", tokens) for tokens in predicted]
    return sum(tokens == pair.target for tokens, pair in zip(found, pairs, strict=True)) / len(pairs)
