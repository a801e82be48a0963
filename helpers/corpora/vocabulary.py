"""Between tokens and the integers a model reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from helpers.validation import require, require_ids, require_int

PAD = "<pad>"
UNK = "<unk>"
EOS = "<eos>"


class Vocabulary:
    """A fixed list of tokens; a token's id is its place in the list.

    `tokens` must be distinct strings. When ``"<unk>"`` is among them, `encode` maps everything it
    does not know to its id (`unk_id`); otherwise an unknown token is an error.
    """

    def __init__(self, tokens: Iterable[str]):
        self.tokens: tuple[str, ...] = tuple(tokens)
        self._ids: dict[str, int] = {}
        for token in self.tokens:
            require(isinstance(token, str), "tokens", repr(token), "strings")
            require(token not in self._ids, "tokens", f"{token!r} twice", "every token once")
            self._ids[token] = len(self._ids)
        self.unk_id: int | None = self._ids.get(UNK)

    @classmethod
    def build(
        cls,
        tokens: Iterable[str],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        reserved: Sequence[str] = (UNK,),
    ) -> Vocabulary:
        """Collect the vocabulary of a token stream.

        `reserved` tokens come first, in the order given, whether or not they occur; then all tokens
        that occur at least `min_count` times, the most frequent first, ties by first appearance.
        `max_size` limits the whole list, reserved tokens included. Raises ValueError for a `min_count`
        below 1 or a `max_size` that has no room for the reserved tokens.
        """
        min_count = require_int("min_count", min_count)
        require(not isinstance(reserved, str), "reserved", repr(reserved), "a sequence of tokens")
        reserved = tuple(reserved)
        if max_size is not None:
            max_size = require_int("max_size", max_size, minimum=max(1, len(reserved)))
        counts = Counter(tokens)  # keeps the order of first appearance, and so does the stable sort
        frequent = sorted((t for t, n in counts.items() if n >= min_count), key=lambda t: -counts[t])
        known = set(reserved)
        return cls((reserved + tuple(t for t in frequent if t not in known))[:max_size])

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Ids of `tokens`, int64 (T,). Raises ValueError at an unknown token if there is no ``<unk>``."""
        if self.unk_id is not None:
            return np.fromiter((self._ids.get(t, self.unk_id) for t in tokens), np.int64)
        try:
            return np.fromiter((self._ids[t] for t in tokens), np.int64)
        except KeyError as unknown:
            raise ValueError(
                f"tokens: got {unknown.args[0]!r}, wanted one of the {len(self)} tokens of this vocabulary "
                f"(it has no {UNK})"
            ) from None

    def decode(self, ids: Iterable[int] | np.ndarray) -> list[str]:
        """Tokens of a one-dimensional sequence of ids. Raises ValueError for an id out of range."""
        ids = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids))
        require(ids.ndim == 1, "ids", f"{ids.ndim} dimensions", "one dimension")
        return [self.tokens[i] for i in require_ids("ids", ids, len(self))] if ids.size else []

    def to_json(self) -> str:
        """This vocabulary as JSON text; `from_json` reads it back."""
        return json.dumps({"tokens": self.tokens}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """The vocabulary written by `to_json`. Raises ValueError when `text` is something else."""
        try:
            tokens = json.loads(text)["tokens"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            wanted = 'JSON like {"tokens": [...]}'
            raise ValueError(f"text: got {text[:40]!r}…, wanted {wanted}") from error
        require(isinstance(tokens, list), "tokens", type(tokens).__name__, "a list of strings")
        return cls(tokens)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return self.tokens == other.tokens if isinstance(other, Vocabulary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.tokens[:5])) + (", …" if len(self) > 5 else "")
        return f"Vocabulary({len(self)} tokens: {shown})"
