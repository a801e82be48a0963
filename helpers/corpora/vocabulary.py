"""Between tokens and the integers a model reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from helpers.corpora.text import characters, require_several, token_tuple, visible
from helpers.validation import require, require_ids, require_int

PAD = "<pad>"
UNK = "<unk>"
EOS = "<eos>"


@contextmanager
def _tokens_named(tokens: object) -> Iterator[None]:
    """A list among the tokens, or no tokens at all, is an error that says so."""
    if not isinstance(tokens, str):
        require_several("tokens", tokens, "a list of strings")
    try:
        yield
    except TypeError as error:
        got = f"{type(tokens).__name__} ({error})"
        raise TypeError(f"tokens: got {got}, wanted a sequence of strings") from error


class Vocabulary:
    """A fixed list of tokens; a token's id is its place in the list.

    `tokens` must be distinct strings; they are kept `helpers.corpora.text.visible`, and looked up so. When
    ``"<unk>"`` is among them, `encode` maps everything it does not know to its id (`unk_id`); otherwise an
    unknown token is an error.
    """

    def __init__(self, tokens: Iterable[str]):
        self.tokens: tuple[str, ...] = token_tuple("tokens", tokens)
        self._ids: dict[str, int] = {}
        for token in self.tokens:
            require(token not in self._ids, "tokens", f"{token!r} twice", "every token once")
            self._ids[token] = len(self._ids)
        self.unk_id: int | None = self._ids.get(UNK)
        self._of_characters = all(t[:1] + t[-1:] == "<>" or len(characters(t)) <= 1 for t in self.tokens)

    @classmethod
    def build(
        cls,
        tokens: Iterable[str],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        reserved: Sequence[str] = (UNK,),
    ) -> Vocabulary:
        """Collect the vocabulary of a token stream (a string is one of characters).

        `reserved` tokens come first, in the order given, whether or not they occur; then all tokens
        that occur at least `min_count` times, the most frequent first, ties by first appearance.
        `max_size` limits the whole list, reserved tokens included. Raises ValueError for a `min_count`
        below 1 or a `max_size` that has no room for the reserved tokens.
        """
        min_count = require_int("min_count", min_count)
        reserved = token_tuple("reserved", reserved)
        require(len(set(reserved)) == len(reserved), "reserved", reserved, "every token once")
        if max_size is not None:
            max_size = require_int("max_size", max_size, minimum=max(1, len(reserved)))
        counts: Counter[str] = Counter()  # keeps the order of first appearance, and so does the stable sort
        with _tokens_named(tokens):
            for token, count in Counter(characters(tokens) if isinstance(tokens, str) else tokens).items():
                counts[visible(token, "tokens")] += count
        frequent = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: -counts[t])
        known = set(reserved)
        return cls((reserved + tuple(t for t in frequent if t not in known))[:max_size])

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Ids of `tokens`, int64 (T,). A string will do where all tokens are characters.

        Raises ValueError at an unknown token if there is no ``<unk>``, and for what is no string.
        """
        if isinstance(tokens, str):
            require(self._of_characters, "tokens", f"the str {tokens!r:.80}", "a list of tokens")
            tokens = characters(tokens)
        ids = self._ids
        with _tokens_named(tokens):
            return np.fromiter((ids[t] if t in ids else self._other(t) for t in tokens), np.int64)

    def _other(self, token: str) -> int:
        """The id of a token that does not stand in the list as it is written."""
        found = self._ids.get(visible(token, "tokens"), self.unk_id)
        if found is None:
            wanted = f"one of the {len(self)} tokens of this vocabulary (it has no {UNK})"
            raise ValueError(f"tokens: got {token!r:.80}, wanted {wanted}")
        return found

    def decode(self, ids: Iterable[int] | np.ndarray) -> list[str]:
        """Tokens of a one-dimensional sequence of ids. Raises ValueError for an id out of range."""
        require_several("ids", ids, "a list of ids")
        ids = ids if isinstance(ids, np.ndarray) else list(ids)
        if len(ids) == 0:
            return []
        ids = require_ids("ids", ids, len(self))
        require(ids.ndim == 1, "ids", f"{ids.ndim} dimensions", "one dimension")
        return [self.tokens[i] for i in ids]

    def to_json(self) -> str:
        """This vocabulary as JSON text; `from_json` reads it back."""
        return json.dumps({"tokens": self.tokens}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """The vocabulary written by `to_json`. Raises ValueError when `text` is something else."""
        try:
            tokens = json.loads(text.lstrip("\ufeff") if isinstance(text, str) else text)["tokens"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            wanted = 'JSON like {"tokens": [...]}'
            raise ValueError(f"text: got {str(text)[:40]!r}…, wanted {wanted}") from error
        require(isinstance(tokens, list), "tokens", type(tokens).__name__, "a list of strings")
        return cls(tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return isinstance(token, str) and visible(token) in self._ids

    def __eq__(self, other: object) -> bool:
        return self.tokens == other.tokens if isinstance(other, Vocabulary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.tokens[:5])) + (", …" if len(self) > 5 else "")
        return f"Vocabulary({len(self)} tokens: {shown})"
