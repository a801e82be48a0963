"""`cosine_rate`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

from helpers.checks.registry import Exercise


def _rise(step, warmup_steps):
    return min(1.0, (step + 1) / max(1, warmup_steps))


def _fall(step, total_steps):
    return (1 + math.cos(math.pi * min(step, total_steps) / total_steps)) / 2


def _cosine_rate(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * _fall(step, total_steps)


def _cases(rng):
    total_steps, warmup_steps = int(rng.integers(20, 60)), int(rng.integers(4, 15))
    kind = rng.integers(7)
    if kind == 0:
        step = int(rng.integers(1, 4))            # while the rate rises
    elif kind == 1:
        step = 0
    elif kind == 2:
        step = total_steps + int(rng.integers(3, 15))
    elif kind == 4:
        step = warmup_steps                       # the first step after the rise
    else:
        step = int(rng.integers(warmup_steps + 1, total_steps))
        if kind == 3:
            warmup_steps = 0
    return {
        "step": step,
        "total_steps": total_steps,
        "warmup_steps": warmup_steps,
        "lr": float(rng.uniform(0.5, 4)),
    }


cosine_rate = Exercise("cosine_rate", "06", _cosine_rate, ("rate",), _cases, rounds=24, float32_rtol=2e-6)


@cosine_rate.oracle("helpers.torch_training.schedules.cosine", needs_torch=True)
def _(step, total_steps, warmup_steps, lr):
    from helpers.torch_training.schedules import cosine

    return lr * cosine(total_steps, warmup_steps)(step)


@cosine_rate.oracle("the square of the cosine of half the angle")
def _(step, total_steps, warmup_steps, lr):
    if step >= total_steps:
        return 0.0
    rate = lr * math.cos(math.pi / 2 * step / total_steps) ** 2
    return rate * (step + 1) / warmup_steps if step + 1 < warmup_steps else rate


@cosine_rate.oracle("torch's CosineAnnealingLR, step by step", needs_torch=True)
def _(step, total_steps, warmup_steps, lr):
    import torch

    if step > total_steps or warmup_steps > step:   # torch's rises again at the end, and has no warm-up
        return NotImplemented
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total_steps)
    for _ in range(step):
        optimizer.step()
        schedule.step()
    return schedule.get_last_lr()[0]


@cosine_rate.misconception(
    "not-halved", "1 + cos goes from 2 to 0, so the rate begins at 2·lr. Halve it."
)
def _(step, total_steps, warmup_steps, lr):
    return 2 * _cosine_rate(step, total_steps, warmup_steps, lr)


@cosine_rate.misconception(
    "not-lifted",
    "Your cosine goes from 1 to −1, so the rate becomes negative: the step would go uphill. Add 1, then halve.",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * math.cos(math.pi * min(step, total_steps) / total_steps)


@cosine_rate.misconception(
    "full-period",
    "Your angle runs to 2π, a full period: the rate is 0 in the middle and lr again at the end. Half a cosine ends at π.",
)
def _(step, total_steps, warmup_steps, lr):
    turn = 2 * math.pi * min(step, total_steps) / total_steps
    return lr * _rise(step, warmup_steps) * (1 + math.cos(turn)) / 2


@cosine_rate.misconception(
    "quarter-period",
    "Your angle runs to π/2: a quarter of a cosine, which falls fastest at its end. Wanted is the half up to π, lifted "
    "and halved.",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * math.cos(math.pi / 2 * min(step, total_steps) / total_steps)


@cosine_rate.misconception(
    "no-warm-up", "The warm-up is missing: the factor min(1, (step + 1) / warmup_steps)."
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _fall(step, total_steps)


@cosine_rate.misconception(
    "sine", "A sine begins at 0 and has its top in the middle. A cosine begins at its top."
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * (1 + math.sin(math.pi * min(step, total_steps) / total_steps)) / 2


@cosine_rate.misconception(
    "degrees", "math.cos wants radians: half a turn is math.pi, not 180."
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * (1 + math.cos(180 * min(step, total_steps) / total_steps)) / 2


@cosine_rate.misconception(
    "nothing-at-step-0",
    "step / warmup_steps makes the first step's rate 0, a step for nothing. Steps count from 0: (step + 1) / warmup_steps.",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * min(1.0, step / max(1, warmup_steps)) * _fall(step, total_steps)


@cosine_rate.misconception(
    "rises-again",
    "Past total_steps your cosine climbs again. The rate stays 0 there: min(step, total_steps).",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * (1 + math.cos(math.pi * step / total_steps)) / 2


@cosine_rate.misconception(
    "warm-up-has-no-end",
    "The straight line goes on rising after the warm-up. It ends at 1: min(1, (step + 1) / warmup_steps).",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * (step + 1) / max(1, warmup_steps) * _fall(step, total_steps)


@cosine_rate.misconception(
    "warm-up-a-step-too-long",
    "At step = warmup_steps your factor (step + 1) / warmup_steps is above 1. The warm-up is over there: step < warmup_steps, "
    "or min(1, …).",
)
def _(step, total_steps, warmup_steps, lr):
    rise = (step + 1) / warmup_steps if warmup_steps > 0 and step <= warmup_steps else 1.0
    return lr * rise * _fall(step, total_steps)


@cosine_rate.misconception(
    "divided-by-one-too-many", "You divide by warmup_steps + 1. The line is (step + 1) / warmup_steps."
)
def _(step, total_steps, warmup_steps, lr):
    return lr * min(1.0, (step + 1) / (warmup_steps + 1)) * _fall(step, total_steps)


@cosine_rate.misconception(
    "only-the-cosine-halved",
    "1 + cos(…) / 2 halves the cosine alone and runs from 1.5 to 0.5. Brackets: (1 + cos(…)) / 2.",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * (_fall(step, total_steps) + 0.5)


@cosine_rate.misconception(
    "whole-numbers", "`//` throws the fraction away: the line is 0 until its last step. Divide with `/`."
)
def _(step, total_steps, warmup_steps, lr):
    return lr * min(1, (step + 1) // max(1, warmup_steps)) * _fall(step, total_steps)


@cosine_rate.misconception(
    "rounded", "Your rate is rounded. The text's 0.854 is rounded for reading only: return the number as it is."
)
def _(step, total_steps, warmup_steps, lr):
    return round(_cosine_rate(step, total_steps, warmup_steps, lr), 3)


@cosine_rate.misconception(
    "division-by-zero",
    "warmup_steps may be 0. Then there is no warm-up, and nothing to divide by: max(1, warmup_steps), or an if.",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * min(1.0, (step + 1) / warmup_steps) * _fall(step, total_steps)


@cosine_rate.misconception(
    "cosine-after-the-warm-up",
    "You begin the cosine when the warm-up ends. Other schedules do that; in this one the cosine runs from step 0, and the "
    "warm-up is multiplied onto it.",
)
def _(step, total_steps, warmup_steps, lr):
    if step < warmup_steps:
        return lr * _rise(step, warmup_steps)
    return lr * _fall(min(step, total_steps) - warmup_steps, total_steps - warmup_steps)


@cosine_rate.misconception(
    "either-or",
    "During the warm-up you use the line alone (or the smaller of line and cosine). It is one product at every step: lr times "
    "the line times the cosine.",
)
def _(step, total_steps, warmup_steps, lr):
    if step < warmup_steps:
        return lr * _rise(step, warmup_steps)
    return lr * _fall(step, total_steps)


@cosine_rate.misconception(
    "straight-fall", "Your rate falls in a straight line. Wanted is half a cosine: flat at both ends, steep in between."
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * (1 - min(step, total_steps) / total_steps)


@cosine_rate.misconception("factor-only", "This is the factor between 0 and 1. Multiply it by lr.")
def _(step, total_steps, warmup_steps, lr):
    return _rise(step, warmup_steps) * _fall(step, total_steps)


@cosine_rate.misconception(
    "upside-down", "Your rate climbs from 0 to lr: (1 − cos) / 2. It should fall: (1 + cos) / 2."
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * (1 - _fall(step, total_steps))


@cosine_rate.misconception(
    "one-step-ahead",
    "Your cosine is one step ahead: it uses step + 1. Only the warm-up does; the cosine is at its top at step 0.",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * _fall(step + 1, total_steps)


@cosine_rate.misconception(
    "ends-a-step-early",
    "You divide by total_steps − 1, so that the last step has rate 0 and learns nothing. Divide by total_steps.",
)
def _(step, total_steps, warmup_steps, lr):
    return lr * _rise(step, warmup_steps) * _fall(step, total_steps - 1)


@cosine_rate.variant("cases one by one")
def _(step, total_steps, warmup_steps, lr):
    if step >= total_steps:
        return 0.0
    rate = 0.5 * lr * (1 + math.cos(math.pi * step / total_steps))
    if step < warmup_steps:
        rate *= (step + 1) / warmup_steps
    return rate


@cosine_rate.variant("with NumPy")
def _(step, total_steps, warmup_steps, lr):
    import numpy as np

    angle = np.clip(step / total_steps, 0, 1) * np.pi
    rise = 1 if warmup_steps == 0 else np.minimum(1, (step + 1) / warmup_steps)
    return lr * rise * (np.cos(angle) + 1) / 2


@cosine_rate.variant("the sine of the other half angle")
def _(step, total_steps, warmup_steps, lr):
    left = max(0.0, 1 - step / total_steps)
    rise = (step + 1) / warmup_steps if step + 1 < warmup_steps else 1.0
    return float(lr) * rise * math.sin(math.pi / 2 * left) ** 2


@cosine_rate.landmark("`cosine_rate(10, 40, 0, 1.0) ≈ 0.854`")
def _(f):
    return f(10, 40, 0, 1.0)
