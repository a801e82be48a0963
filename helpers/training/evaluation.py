"""Perplexity of a language model on held-out text, per token and with the state handled.

Perplexity is exp of the mean negative log-probability *per token* (Jelinek et al. 1977), so windows count
by their number of tokens: a short last window weighs less than a full one.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from helpers.layers import log_softmax
from helpers.training.finite import require_finite
from helpers.validation import as_array, require, require_flag, require_int, require_number, require_shape


def perplexity(mean_nats: float) -> float:
    """exp of a mean loss in nats per token; inf where that overflows, nan of nan."""
    if isinstance(mean_nats, float) and math.isnan(mean_nats):
        return math.nan
    mean_nats = require_number("mean_nats", mean_nats, infinite=True)
    try:
        return math.exp(mean_nats)
    except OverflowError:
        return math.inf


@contextlib.contextmanager
def set_aside(model) -> Iterator[None]:
    """Reset the model's recurrent state inside the block and put the old one back after it,
    so that evaluating between two training steps changes nothing."""
    able = all(hasattr(model, name) for name in ("get_state", "loss", "forward"))
    require(able, "model", type(model).__name__, "a LanguageModel of NumPy's")
    state = model.get_state()
    try:
        model.reset_state()
        yield
    finally:
        model.set_state(state)


def evaluate(model, batches: Iterable[tuple[np.ndarray, np.ndarray]], *, carry_state: bool = True) -> float:
    """Mean loss in nats per token over `batches` of (inputs, targets), each (N, T) ids; no dropout.

    The state starts at zero, is carried from window to window (`carry_state`; False starts every window
    at zero) and the model's own state is put back afterwards. Take exp, or `perplexity`, of the result.

    Raises ValueError when `batches` is empty, and FloatingPointError when the loss is not finite.
    """
    require_flag("carry_state", carry_state)
    require(isinstance(batches, Iterable), "batches", repr(batches), "pairs (inputs, targets)")
    total, count = 0.0, 0
    with set_aside(model):
        for batch in batches:
            inputs, targets = require_pair("batches", batch)
            if not carry_state:
                model.reset_state()
            total += float(model.loss(inputs, targets, train=False)) * targets.size
            count += targets.size
    if count == 0:
        raise ValueError("batches: got no batch, wanted at least one")
    require_finite("loss", total / count)
    return total / count


def require_pair(argument: str, batch: Any) -> tuple[np.ndarray, np.ndarray]:
    """A batch as (inputs, targets), ValueError unless it is two arrays."""
    pair = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
    kinds = ", ".join(type(part).__name__ for part in pair[:3])
    fits = len(pair) == 2 and all(isinstance(part, np.ndarray) for part in pair)
    require(fits, argument, f"a batch of {len(pair)} ({kinds})", "pairs (inputs, targets) of arrays of ids")
    return pair


def evaluate_with_context(model, ids: np.ndarray, context: int, positions: np.ndarray) -> float:
    """Mean loss in nats of ``ids[positions]``, each predicted from the `context` ids before it alone.

    `ids` (tokens,), `positions` (M,), each at least `context`. The state starts from zero for every
    prediction, so the difference to `evaluate` is what longer memory is worth. Costs `context` steps a token.
    """
    ids = as_array("ids", ids, "one stream of ids")
    positions = as_array("positions", positions, "whole numbers")
    require_shape("ids", ids, ("tokens",))
    require_shape("positions", positions, ("M",))
    require(positions.size > 0, "positions", "none", "at least one")
    require(positions.dtype.kind in "iu", "positions", f"dtype {positions.dtype}", "whole numbers")
    context = require_int("context", context)
    require(positions.min() >= context, "positions", int(positions.min()), f"at least context = {context}")
    require(positions.max() < len(ids), "positions", int(positions.max()), f"below len(ids) = {len(ids)}")
    positions = positions.astype(np.int64)   # uint64 less an int would be a float
    rows = max(1, 1000 // context)   # about a thousand tokens at a time, whatever the context
    total = 0.0
    with set_aside(model):
        for start in range(0, len(positions), rows):
            here = positions[start : start + rows]
            model.reset_state()
            logits = model.forward(ids[here[:, None] - context + np.arange(context)])[:, -1]
            require_finite("logits", logits)
            log_p = log_softmax(logits.astype(np.float64))
            total -= float(log_p[np.arange(len(here)), ids[here]].sum())
    require_finite("loss", total)
    return total / len(positions)
