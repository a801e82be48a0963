"""`cosine_rate`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import math

from helpers.checks.registry import Exercise


def cosine_rate_reference(step, total_steps, warmup_steps, lr):
    rise = min(1.0, (step + 1) / max(1, warmup_steps))
    fall = (1 + math.cos(math.pi * min(step, total_steps) / total_steps)) / 2
    return lr * rise * fall


def rate_cases(rng):
    """After the warm-up, before the end; the rest are extremes, whose hints say what is special there."""
    total_steps, warmup_steps = int(rng.integers(20, 60)), int(rng.integers(4, 15))
    return {
        "step": int(rng.integers(warmup_steps + 1, total_steps)),
        "total_steps": total_steps,
        "warmup_steps": warmup_steps,
        "lr": float(rng.uniform(0.5, 4)),
    }


cosine_rate = Exercise(
    "cosine_rate", "06", cosine_rate_reference, ("rate",), rate_cases, rounds=8, float32_rtol=2e-6,
    skip={"sizes": "all arguments are numbers"},
)  # fmt: skip


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

    # torch's rises again at the end, and has no warm-up
    if step > total_steps or warmup_steps > step or total_steps > 1000:
        return NotImplemented
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total_steps)
    for _ in range(step):
        optimizer.step()
        schedule.step()
    return schedule.get_last_lr()[0]


for step, warmup_steps in [(2, 9), (5, 11), (0, 8), (6, 7), (3, 4)]:

    @cosine_rate.extreme(f"during the warm-up, at step {step}", "Right after the warm-up, wrong during it: there the cosine of that "
                         "step is multiplied by (step + 1) / warmup_steps.")  # fmt: skip
    def _(rng, step=step, warmup_steps=warmup_steps):
        return rate_cases(rng) | {"step": step, "warmup_steps": warmup_steps}


@cosine_rate.extreme(
    "the first step after the warm-up", "Right later, wrong at step = warmup_steps: the warm-up is over there, the line at 1."
)
def _(rng):
    return rate_cases(rng) | {"step": 7, "warmup_steps": 7}


@cosine_rate.extreme("no warm-up", "With warmup_steps = 0 there is no straight line: at every step the rate is the cosine's alone.")
def _(rng):
    return rate_cases(rng) | {"warmup_steps": 0}


@cosine_rate.extreme("no warm-up, at step 0", "With warmup_steps = 0 step 0 has the full rate, lr.")
def _(rng):
    return rate_cases(rng) | {"step": 0, "warmup_steps": 0}


@cosine_rate.extreme("the end", "At total_steps the rate is 0, and it is 0 at no step before.")
def _(rng):
    return {"step": 30, "total_steps": 30, "warmup_steps": 5, "lr": 3.0}


@cosine_rate.extreme("the last step of the run", "Only from total_steps on is the rate 0: the last step still learns.")
def _(rng):
    return {"step": 9, "total_steps": 10, "warmup_steps": 0, "lr": 3.0}


@cosine_rate.extreme("long after the end", "From total_steps on the rate stays 0, however long.")
def _(rng):
    return {"step": 1000, "total_steps": 12, "warmup_steps": 3, "lr": 2.0}


@cosine_rate.extreme(
    "a warm-up longer than the run",
    "Line and cosine are multiplied at every step, also where the warm-up is not done when the run ends: its length stays "
    "`warmup_steps`.",
)
def _(rng):
    return {"step": 6, "total_steps": 9, "warmup_steps": 20, "lr": 2.0}


@cosine_rate.extreme("a warm-up of one step", "With warmup_steps = 1 the line is 1 at step 0 already: (0 + 1) / 1.")
def _(rng):
    return {"step": 0, "total_steps": 9, "warmup_steps": 1, "lr": 2.0}


@cosine_rate.extreme("a run of one step", "With total_steps = 1 step 0 has the full rate, and step 1 none.")
def _(rng):
    return {"step": 0, "total_steps": 1, "warmup_steps": 0, "lr": 2.0}


@cosine_rate.extreme("after the end, the warm-up not done", "From total_steps on the rate is 0, also where the warm-up would go on.")
def _(rng):
    return {"step": 15, "total_steps": 10, "warmup_steps": 20, "lr": 2.0}


@cosine_rate.extreme("a long run", "A run of 100,000 steps: does something count in whole numbers, or round?")
def _(rng):
    return {"step": 33_333, "total_steps": 100_000, "warmup_steps": 40_000, "lr": 30.0}


RISE = "min(1.0, (step + 1) / max(1, warmup_steps))"
FALL = "(1 + math.cos(math.pi * min(step, total_steps) / total_steps)) / 2"
ANGLE = "math.pi * min(step, total_steps) / total_steps"

cosine_rate.mistake("no-warm-up", "The warm-up is missing: the factor min(1, (step + 1) / warmup_steps).", (RISE, "1.0"))
cosine_rate.mistake(
    "nothing-at-step-0",
    "step / warmup_steps makes the first step's rate 0, a step for nothing. Steps count from 0: (step + 1) / warmup_steps.",
    (RISE, "min(1.0, step / max(1, warmup_steps))"),
)
cosine_rate.mistake(
    "not-halved", "1 + cos goes from 2 to 0, so the rate begins at 2·lr. Halve it.", (f"{FALL}", FALL.removesuffix(" / 2"))
)
cosine_rate.mistake(
    "not-lifted",
    "Your cosine goes from 1 to −1, so the rate becomes negative: the step would go uphill. Add 1, then halve.",
    (FALL, f"math.cos({ANGLE})"),
)
cosine_rate.mistake(
    "rises-again",
    "Past total_steps your cosine climbs again. The rate stays 0 there: `min(step, total_steps)`.",
    ("min(step, total_steps)", "step"),
)
cosine_rate.mistake(
    "cosine-after-the-warm-up",
    "You begin the cosine when the warm-up ends. Other schedules do that; in this one the cosine runs from step 0, and the "
    "warm-up is multiplied onto it.",
    (
        f"    fall = {FALL}\n",
        "    done = max(0, min(step, total_steps) - warmup_steps) / max(1, total_steps - warmup_steps)\n"
        "    fall = (1 + math.cos(math.pi * done)) / 2 if step < total_steps or warmup_steps > total_steps else 0.0\n",
    ),
)
cosine_rate.mistake(
    "cut-off-at-zero",
    "Your cosine goes from 1 to −1, and you cut it off at 0: the rate is 0 from the middle of the run on. Lift the cosine by 1 "
    "and halve it.",
    (FALL, f"max(0.0, math.cos({ANGLE}))"),
)
cosine_rate.mistake(
    "lifted-not-centred",
    "Half of the cosine, lifted by 1: it runs from 1.5 to 0.5. Brackets: (1 + cos(…)) / 2.",
    (FALL, f"1 + math.cos({ANGLE}) / 2"),
)
cosine_rate.mistake(
    "turned-up",
    "The second half of your cosine is turned up (abs): the rate is 0 in the middle and lr again at the end. Lift the cosine by 1 "
    "and halve it.",
    (FALL, f"abs(math.cos({ANGLE}))"),
)
cosine_rate.mistake(
    "sum-for-product",
    "You add line and cosine. The cosine is multiplied by the line: lr times both.",
    ("lr * rise * fall", "lr * (rise + fall)"),
)
cosine_rate.mistake(
    "starts-again",
    "Past total_steps your cosine starts again (%). The rate stays 0 there: `min(step, total_steps)`.",
    ("min(step, total_steps)", "(step % total_steps)"),
)
cosine_rate.mistake(
    "warm-up-over-the-whole-run",
    "Your line rises over all of the run. It ends with the warm-up: (step + 1) / warmup_steps, at most 1.",
    ("max(1, warmup_steps)", "total_steps"),
)
cosine_rate.mistake(
    "whole-parts-of-the-run",
    "`//` leaves whole numbers only, so the angle is 0 until the end, and then π. With `/` it grows step by step.",
    ("min(step, total_steps) / total_steps", "(min(step, total_steps) // total_steps)"),
)
cosine_rate.mistake(
    "full-period",
    "Your angle runs to 2π, a full period: the rate is 0 in the middle and lr again at the end. Half a cosine ends at π.",
    ("math.pi *", "2 * math.pi *"),
)
cosine_rate.mistake(
    "quarter-period",
    "Your angle runs to π/2: a quarter of a cosine, which falls fastest at its end. Wanted is the half up to π, lifted "
    "and halved.",
    (FALL, f"math.cos({ANGLE} / 2)"),
)
cosine_rate.mistake(
    "half-the-angle",
    "Lifted and halved, but your angle runs to π/2 only: the rate ends at a half of lr. Half a cosine ends at π.",
    ("math.pi *", "math.pi / 2 *"),
)
cosine_rate.mistake(
    "no-pi",
    "Your angle runs from 0 to 1: π is missing. Half a cosine ends where the angle is π, `math.pi`.",
    ("math.pi * ", ""),
)
cosine_rate.mistake(
    "sine", "A sine begins at 0 and has its top in the middle. A cosine begins at its top.", ("math.cos", "math.sin")
)
cosine_rate.mistake("degrees", "math.cos wants radians: half a turn is math.pi, not 180.", ("math.pi", "180"))
cosine_rate.mistake(
    "nothing-at-step-0-of-a-warm-up",
    "In the warm-up step / warmup_steps makes the first step's rate 0, a step for nothing. Steps count from 0: "
    "(step + 1) / warmup_steps.",
    (RISE, "min(1.0, step / warmup_steps) if warmup_steps else 1.0"),
)
cosine_rate.mistake(
    "stays-at-the-last-rate",
    "Past the end you hold the last step's rate. From total_steps on it is 0: `min(step, total_steps)`.",
    ("min(step, total_steps)", "min(step, total_steps - 1)"),
)
cosine_rate.mistake(
    "lr-after-the-end",
    "Past total_steps you return lr. The run is over there: the rate is 0 from total_steps on.",
    ("    rise =", "    if step >= total_steps:\n        return lr\n    rise ="),
)
cosine_rate.mistake(
    "warm-up-has-no-end",
    "The straight line goes on rising after the warm-up. It ends at 1: min(1, (step + 1) / warmup_steps).",
    (RISE, "(step + 1) / max(1, warmup_steps)"),
)
cosine_rate.mistake(
    "warm-up-a-step-too-long",
    "At step = warmup_steps your factor (step + 1) / warmup_steps is above 1. The warm-up is over there: step < warmup_steps, "
    "or min(1, …).",
    (RISE, "(step + 1) / warmup_steps if 0 < warmup_steps >= step else 1.0"),
)
cosine_rate.mistake(
    "whole-numbers",
    "`//` throws the fraction away: the line is 0 until its last step. Divide with `/`.",
    ("(step + 1) / max", "(step + 1) // max"),
)
cosine_rate.mistake(
    "division-by-zero",
    "warmup_steps may be 0. Then there is no warm-up, and nothing to divide by: `max(1, warmup_steps)`, or an if.",
    ("max(1, warmup_steps)", "warmup_steps"),
)
cosine_rate.mistake(
    "nothing-without-a-warm-up",
    "With warmup_steps = 0 your rate is 0. Then nothing is multiplied: the rate is the cosine's alone.",
    (RISE, "min(1.0, (step + 1) / warmup_steps) if warmup_steps else 0.0"),
)
cosine_rate.mistake(
    "cosine-after-the-warm-up-of-full-length",
    "Your cosine begins when the warm-up ends, at step − warmup_steps. In this schedule it runs from step 0, and the warm-up is "
    "multiplied onto it.",
    (ANGLE, "math.pi * max(0, min(step, total_steps) - warmup_steps) / total_steps"),
)
cosine_rate.mistake(
    "either-or",
    "During the warm-up you use the line alone. It is one product at every step: lr times the line times the cosine.",
    (f"    fall = {FALL}", f"    fall = 1.0 if step < warmup_steps else {FALL}"),
)
cosine_rate.mistake(
    "the-smaller-one",
    "You take the smaller of line and cosine. It is one product at every step: lr times the line times the cosine.",
    ("lr * rise * fall", "lr * min(rise, fall)"),
)
cosine_rate.mistake(
    "straight-fall",
    "Your rate falls in a straight line. Wanted is half a cosine: flat at both ends, steep in between.",
    (FALL, "1 - min(step, total_steps) / total_steps"),
)
cosine_rate.mistake("factor-only", "This is the factor between 0 and 1. Multiply it by lr.", ("lr * rise", "rise"))
cosine_rate.mistake(
    "upside-down",
    "Your rate climbs from 0 to lr: (1 − cos) / 2. It should fall: (1 + cos) / 2.",
    ("1 + math.cos", "1 - math.cos"),
)
cosine_rate.mistake(
    "one-step-ahead",
    "Your cosine is one step ahead: it uses step + 1. Only the warm-up does; the cosine is at its top at step 0.",
    ("min(step, total_steps)", "min(step + 1, total_steps)"),
)
cosine_rate.mistake(
    "ends-a-step-early",
    "You divide by total_steps − 1, so that the last step has rate 0 and learns nothing. Divide by total_steps.",
    (ANGLE, "math.pi * min(1.0, step / max(1, total_steps - 1))"),
)



@cosine_rate.misconception(
    "rounded", "Your rate is rounded. The text's 0.854 is rounded for reading only: return the number as it is."
)
def _(step, total_steps, warmup_steps, lr):
    return round(cosine_rate_reference(step, total_steps, warmup_steps, lr), 3)


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


cosine_rate.landmark("""
    cosine_rate(10, 40, 0, 1.0)    # ≈ 0.854
    cosine_rate(10, 40, 20, 1.0)   # ≈ 0.469
""")
