"""Between tokenised texts and the rectangle of ids that a classifier reads.

    the film was dull           2 3 4 5 0 0       length 4
    not bad at all              6 7 8 9 0 0       length 4
    dull                        5 0 0 0 0 0       length 1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from helpers.corpora.text import require_several, visible
from helpers.corpora.vocabulary import PAD, UNK, Vocabulary
from helpers.validation import require, require_choice, require_int


def vocabulary(
    texts: Iterable[Sequence[str]], *, max_size: int | None = None, min_count: int = 1
) -> Vocabulary:
    """``<pad>`` (id 0), ``<unk>`` (id 1), then the tokens of `texts`, the most frequent first.

    `max_size` counts all of them. Take the training texts only. ValueError for a text that is not cut.
    """
    require_several("texts", texts, "a list of lists of tokens")
    tokens = (token for n, text in enumerate(_some(texts)) for token in _cut(text, n))
    return Vocabulary.build(tokens, max_size=max_size, min_count=min_count, reserved=(PAD, UNK))


def encode(
    texts: Iterable[Sequence[str]], vocabulary: Vocabulary, max_length: int, *, truncate: str = "post"
) -> tuple[np.ndarray, np.ndarray]:
    """Tokenised texts → ids (N, T), padded with 0 at the end, and lengths (N,); both int64, T = `max_length`.

    Of a longer text the first T tokens are kept, or with ``truncate="pre"`` the last T. A token "<pad>" that
    is written in a text is an unknown one. ValueError for a text without a token that can be seen (a
    classifier has nothing to read there), a text that is not cut into tokens, or a vocabulary whose token 0
    is not ``<pad>``.
    """
    require(isinstance(vocabulary, Vocabulary), "vocabulary", type(vocabulary).__name__, "a Vocabulary")
    require_several("texts", texts, "a list of lists of tokens")
    T = require_int("max_length", max_length)
    require_choice("truncate", truncate, ("post", "pre"))
    first = vocabulary.tokens[0] if len(vocabulary) else None
    require(first == PAD, "vocabulary", f"{first!r} as token 0", f"{PAD!r}")
    texts = _some(texts)
    ids = np.zeros((len(texts), T), np.int64)
    lengths = np.zeros(len(texts), np.int64)
    for n, text in enumerate(texts):
        seen = any(visible(token, "texts").strip() for token in _cut(text, n))
        require(seen, "texts", f"an empty text at index {n}", "at least one token that can be seen")
        kept = vocabulary.encode(text[:T] if truncate == "post" else text[-T:])
        if not kept.all():
            got = f"the token {PAD!r} at index {n}"
            require(vocabulary.unk_id is not None, "texts", got, f"none where the vocabulary has no {UNK!r}")
            kept[kept == 0] = vocabulary.unk_id
        ids[n, : len(kept)] = kept
        lengths[n] = len(kept)
    return ids, lengths


def _some(texts: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    """The texts as a list. A generator that was read before would go on as an empty one."""
    found = list(texts)
    read_before = isinstance(texts, Iterator) and not found
    require(not read_before, "texts", f"a {type(texts).__name__} with nothing left in it", "a list")
    return found


def _cut(text: Sequence[str], n: int) -> Sequence[str]:
    """The text of index `n`, if it is cut into tokens."""
    if isinstance(text, str) or not isinstance(text, Sequence | np.ndarray):
        got = f"the {type(text).__name__} {text!r:.80} at index {n}"
        raise ValueError(f"texts: got {got}, wanted a list of tokens")
    return text
