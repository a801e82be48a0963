"""Writing text with a language model: temperature, top-k, one token after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.layers import softmax
from helpers.training.evaluation import set_aside
from helpers.validation import require, require_ids, require_int


def temperature_softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / temperature) over the last axis, any shape (..., V).

    Below 1 the distribution is sharper, above 1 flatter; 1 leaves it as it is (Ackley et al. 1985).
    ValueError unless temperature is above 0, and finite.
    """
    require(0 < temperature < np.inf, "temperature", temperature, "a finite number above 0")
    logits = _floating(logits)
    below = logits - logits.max(axis=-1, keepdims=True)   # the best stays 0, however low the temperature
    with np.errstate(over="ignore"):
        return softmax(below / max(temperature, np.finfo(logits.dtype).tiny))


def top_k_filter(logits: np.ndarray, k: int) -> np.ndarray:
    """Logits (V,) with all but the `k` largest set to −inf (Fan, Lewis & Dauphin 2018).

    Ties at the edge are settled by the lower id, so that exactly k stay. A k of V or more keeps all.
    """
    logits = _floating(logits)
    require_int("k", k)
    require(logits.ndim == 1, "logits", f"shape {logits.shape}", "(V,)")
    filtered = np.full_like(logits, -np.inf)
    keep = np.argsort(-logits, kind="stable")[:k]
    filtered[keep] = logits[keep]
    return filtered


def sample_id(probabilities: np.ndarray, u: float) -> int:
    """The id that the uniform number `u` in [0, 1) picks from `probabilities` (V,): inverse CDF.

    They need not add up to exactly 1; an id of probability 0 is never picked. ValueError for a `u`
    outside [0, 1) and for probabilities without a finite sum above 0.
    """
    require(0 <= u < 1, "u", u, "a number in [0, 1)")
    cumulative = np.cumsum(probabilities, dtype=np.float64)
    total = cumulative[-1] if cumulative.size else 0.0
    require(0 < total < np.inf, "probabilities", f"sum {total}", "a finite sum above 0")
    return int(np.searchsorted(cumulative, u * cumulative[-1], side="right"))


def _floating(logits: np.ndarray) -> np.ndarray:
    logits = np.asarray(logits)
    return logits if np.issubdtype(logits.dtype, np.floating) else logits.astype(np.float64)


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

    Raises ValueError for an empty prompt, ids outside the vocabulary, or when all of it is forbidden.
    """
    vocab_size = model.embedding.vocab_size
    shape = np.shape(prompt)
    require(len(shape) == 1 and shape[0] > 0, "prompt", f"shape {shape}", "at least one id in one row")
    ids = require_ids("prompt", prompt, vocab_size)
    require_int("length", length, minimum=0)
    banned = require_ids("forbidden", list(forbidden) or np.empty(0, np.int64), vocab_size)
    require(len(set(banned.tolist())) < vocab_size, "forbidden", "all ids", "at least one id left")
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
