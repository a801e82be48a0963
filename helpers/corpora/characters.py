"""The smallest corpus there is: "hello", read character by character."""

from __future__ import annotations

import numpy as np

from helpers.corpora.text import characters
from helpers.corpora.vocabulary import Vocabulary
from helpers.validation import require, require_ids, require_int

HELLO = "hello"


def vocabulary(text: str = HELLO) -> Vocabulary:
    """The characters of `text` in order of first appearance: for "hello" h, e, l, o."""
    return Vocabulary(dict.fromkeys(characters(text)))


def hello() -> tuple[list[str], list[str]]:
    """Inputs h, e, l, l and targets e, l, l, o: after each character, the next one."""
    return list(HELLO[:-1]), list(HELLO[1:])


def one_hot(ids: np.ndarray, size: int, dtype: type = np.float32) -> np.ndarray:
    """Rows of zeros with a single 1 at each id: ids (…) int → (…, size) of `dtype`.

    Raises ValueError for ids that are no integers or not in 0 … size - 1, and for a dtype of no numbers.
    """
    size = require_int("size", size, maximum=2**31)
    try:
        kind = np.dtype(dtype).kind
    except TypeError:
        kind = "none"
    require(kind in "fiu", "dtype", repr(dtype), "a type of numbers, such as np.float32")
    ids = require_ids("ids", ids, size)
    return (ids[..., None] == np.arange(size)).astype(dtype)
