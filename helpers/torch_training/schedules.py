"""Learning rates over a run: factors of the optimizer's own rate, by step, for torch's LambdaLR."""

from __future__ import annotations

import math
from collections.abc import Callable

from helpers.validation import require_int, require_number


def cosine(total_steps: int, warmup_steps: int = 0) -> Callable[[int], float]:
    """step (from 0) → factor: half a cosine from 1 to 0 over `total_steps` (Loshchilov & Hutter 2017),
    its beginning held down by a straight line from 0 over `warmup_steps`."""
    require_int("total_steps", total_steps)
    require_int("warmup_steps", warmup_steps, minimum=0)

    def factor(step: int) -> float:
        rise = min(1.0, (step + 1) / max(1, warmup_steps))
        return rise * 0.5 * (1 + math.cos(math.pi * min(step, total_steps) / total_steps))

    return factor


def stepped(steps_an_epoch: int, constant_epochs: int, decay: float) -> Callable[[int], float]:
    """step (from 0) → factor: 1 for `constant_epochs`, then times `decay` at every epoch (Zaremba,
    Sutskever & Vinyals 2014)."""
    require_int("steps_an_epoch", steps_an_epoch)
    require_int("constant_epochs", constant_epochs, minimum=0)
    require_number("decay", decay, above=0, maximum=1)

    def factor(step: int) -> float:
        return decay ** max(0, step // steps_an_epoch + 1 - constant_epochs)

    return factor
