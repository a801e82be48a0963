"""Writing text with a language model: temperature, top-k, one token after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from helpers.layers import softmax
from helpers.training.evaluation import set_aside
from helpers.validation import (
    require,
    require_fraction,
    require_ids,
    require_int,
    require_number,
    require_real,
    require_rng,
)


def temperature_softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / temperature) over the last axis, any shape (..., V).

    Below 1 the distribution is sharper, above 1 flatter; 1 leaves it as it is (Ackley et al. 1985).
    ValueError unless temperature is above 0, and finite, and the largest logit of every row finite.
    """
    temperature = require_number("temperature", temperature, above=0)
    logits = require_real("logits", logits)
    require(logits.ndim > 0 and logits.size > 0, "logits", f"shape {logits.shape}", "(..., V)")
    best = logits.max(axis=-1)   # nan where any logit is nan
    bad = best[~np.isfinite(best)]
    require(bad.size == 0, "logits", f"{bad[:1]} as the largest of a row", "a finite number")
    below = logits - logits.max(axis=-1, keepdims=True)   # the best stays 0, however low the temperature
    with np.errstate(over="ignore", under="ignore"):
        return softmax(below / max(temperature, np.finfo(logits.dtype).tiny))


def top_k_filter(logits: np.ndarray, k: int) -> np.ndarray:
    """Logits (V,) with all but the `k` largest set to −inf (Fan, Lewis & Dauphin 2018).

    Ties at the edge are settled by the lower id, so that exactly k stay. A k of V or more keeps all.
    ValueError for nan, which is neither large nor small.
    """
    logits = require_real("logits", logits)
    require_int("k", k)
    require(logits.ndim == 1, "logits", f"shape {logits.shape}", "(V,)")
    require(not np.isnan(logits).any(), "logits", "nan", "numbers")
    filtered = np.full_like(logits, -np.inf)
    keep = np.argsort(-logits, kind="stable")[:k]
    filtered[keep] = logits[keep]
    return filtered


def sample_id(probabilities: np.ndarray, u: float) -> int:
    """The id that the uniform number `u` in [0, 1) picks from `probabilities` (V,): inverse CDF.

    They need not add up to exactly 1; an id of probability 0 is never picked. ValueError for a `u`
    outside [0, 1), and for probabilities below 0 or without a finite sum above 0.
    """
    u = require_fraction("u", u)
    probabilities = require_real("probabilities", probabilities)
    require(probabilities.ndim == 1, "probabilities", f"shape {probabilities.shape}", "one row, (V,)")
    lowest = probabilities.min(initial=0)
    require(not lowest < 0, "probabilities", lowest, "at least 0")
    with np.errstate(over="ignore"):
        cumulative = np.cumsum(probabilities, dtype=np.float64)
    total = cumulative[-1] if cumulative.size else 0.0
    require(0 < total < np.inf, "probabilities", f"sum {total}", "a finite sum above 0")
    last = np.searchsorted(cumulative, total)   # u · total may be rounded to a tiny total
    return int(min(np.searchsorted(cumulative, u * total, side="right"), last))


def _row_of_ids(argument: str, ids: Iterable[int], size: int) -> np.ndarray:
    ids = list(ids) if isinstance(ids, Iterable) and not isinstance(ids, np.ndarray) else ids
    ids = np.empty(0, np.int64) if isinstance(ids, list) and not ids else ids   # [] would be of floats
    ids = require_ids(argument, ids, size)
    require(ids.ndim == 1, argument, f"shape {ids.shape}", "ids in one row")
    return ids


def generate(
    model,
    prompt: Sequence[int],
    length: int,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    forbidden: Sequence[int] = (),
) -> list[int]:
    """Continue `prompt` (ids, at least one) by `length` ids drawn from the model.

    The model's recurrent state carries the text so far, so each new token costs one step. `forbidden`
    ids (such as ``<unk>``) are never written. The model's own state is put back afterwards.

    Raises ValueError for an empty prompt, ids outside the vocabulary, or when all of it is forbidden, and
    TypeError for a seed in the place of a generator.
    """
    vocab_size = getattr(getattr(model, "embedding", None), "vocab_size", None)
    require(vocab_size is not None, "model", type(model).__name__, "a LanguageModel")
    ids = _row_of_ids("prompt", prompt, vocab_size)
    require(ids.size > 0, "prompt", f"shape {ids.shape}", "at least one id in one row")
    require_int("length", length, minimum=0)
    require_rng("rng", rng)
    require_number("temperature", temperature, above=0)
    if top_k is not None:
        require_int("top_k", top_k)
    banned = np.unique(_row_of_ids("forbidden", forbidden, vocab_size))
    require(len(banned) < vocab_size, "forbidden", "all ids", "at least one id left")
    written: list[int] = []
    with set_aside(model):
        window = ids[None, :]
        for _ in range(length):
            logits = model.forward(window)[0, -1].astype(np.float64)
            logits[banned] = -np.inf
            if top_k is not None:
                logits = top_k_filter(logits, top_k)
            written.append(sample_id(temperature_softmax(logits, temperature), rng.random()))
            window = np.array([[written[-1]]])
    return written
