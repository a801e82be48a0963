"""Chapter 0: one step of the recurrence in plain numbers, and three questions about what is needed."""

from __future__ import annotations

import math

import numpy as np

from helpers.checks.registry import Exercise, Quiz


def scalar_step_reference(w_x, w_h, b, x, h_prev):
    return np.tanh(w_x * x + w_h * h_prev + b)


NAMES = ("w_x", "w_h", "b", "x", "h_prev")


def _numbers(rng):
    # Tenths, all different and none 0; small enough that tanh does not saturate and hide a mistake.
    values = rng.choice(np.arange(3, 13), size=5, replace=False) / 10
    signs = rng.choice([-1, 1], size=5)
    return dict(zip(NAMES, (signs * values).tolist(), strict=True))


scalar_step = Exercise(
    "scalar_step", "00", scalar_step_reference, ("h",), _numbers,
    skip={
        "sizes": "all arguments are plain numbers",
        "`np.tan`": "another function, named to tell the two apart",
    },
)  # fmt: skip


@scalar_step.oracle("tanh written with exponentials")
def _(w_x, w_h, b, x, h_prev):
    grown = math.exp(2 * (w_x * x + w_h * h_prev + b))
    return (grown - 1) / (grown + 1)


@scalar_step.oracle("the course's layer with a single unit")
def _(w_x, w_h, b, x, h_prev):
    from helpers.layers import RNN

    layer = RNN(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    for name, value in (("Wx", w_x), ("Wh", w_h), ("b", b)):
        layer.params[name][...] = value
    return layer.forward(np.full((1, 1, 1), x), np.full((1, 1), h_prev)).item()


scalar_step.landmark("""
    scalar_step(0.5, 0.8, -0.1, 3.0, -0.5)   # ≈ 0.76
""")


@scalar_step.extreme("nothing to hear, nothing in memory", "A 0 is a number like any other: with all of them 0, h is 0.")
def _(rng):
    return dict.fromkeys(NAMES, 0.0)


@scalar_step.extreme("an input of 0", "With x = 0 the state moves all the same: the memory and the bias are left in the sum.")
def _(rng):
    return {**_numbers(rng), "x": 0.0}


@scalar_step.extreme("a state of 0", "With h_prev = 0 the input and the bias are left in the sum.")
def _(rng):
    return {**_numbers(rng), "h_prev": 0.0}


@scalar_step.extreme("whole numbers", "Right for fractions, wrong for whole numbers. Does `int` or `//` cut something off?")
def _(rng):
    return dict(zip(NAMES, (1, -1, 1, 2, 3), strict=True))


@scalar_step.extreme("a sum of −20", "Far from 0 tanh stays between −1 and 1. `np.tanh` does so by itself.")
def _(rng):
    return dict(zip(NAMES, (4.0, 1.0, -0.5, -5.0, 0.5), strict=True))


scalar_step.mistake(
    "clipped",
    "You cut the sum off at −1 and 1. tanh bends it smoothly: 0.5 becomes 0.46, not 0.5.",
    ("np.tanh(w_x * x + w_h * h_prev + b)", "np.clip(w_x * x + w_h * h_prev + b, -1, 1)"),
)
scalar_step.mistake(
    "a-bracket-too-many",
    "`w_x` multiplies the whole sum. It belongs to `x` alone: no bracket around the sum.",
    ("w_x * x + w_h * h_prev + b", "w_x * (x + w_h * h_prev + b)"),
)
scalar_step.mistake(
    "a-bracket-around-both",
    "`w_x` multiplies the old state as well. It belongs to `x` alone: no bracket behind it.",
    ("w_x * x + w_h * h_prev", "w_x * (x + w_h * h_prev)"),
)


@scalar_step.variant("math.tanh, the sum in the other order")
def _(w_x, w_h, b, x, h_prev):
    total = b
    total += h_prev * w_h
    total += x * w_x
    return math.tanh(total)


@scalar_step.variant("one product of two vectors")
def _(w_x, w_h, b, x, h_prev):
    return np.tanh(np.dot([w_h, w_x, b], [h_prev, x, 1.0]))


@scalar_step.variant("exponentials")
def _(w_x, w_h, b, x, h_prev):
    a = w_x * x + w_h * h_prev + b
    return (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))


scalar_step.mistake(
    "no-tanh",
    "The sum is right, but nothing squashes it: put it into `np.tanh(…)`. Without the tanh a state can grow from step to "
    "step without end.",
    ("np.tanh(w_x * x + w_h * h_prev + b)", "w_x * x + w_h * h_prev + b"),
)
scalar_step.mistake("no-bias", "The bias `b` is missing from the sum.", (" + b)", ")"))
scalar_step.mistake(
    "no-memory",
    "The old state does not take part: add `w_h * h_prev`. Without it the step has no memory, and the order of the inputs "
    "is lost.",
    (" + w_h * h_prev", ""),
)
scalar_step.mistake(
    "no-input",
    "The input does not take part: add `w_x * x`. As it stands the step never hears anything new.",
    ("w_x * x + ", ""),
)
scalar_step.mistake(
    "weights-exchanged",
    "The two weights are exchanged: `w_x` belongs to the input `x`, `w_h` to the state `h_prev`.",
    ("w_x * x + w_h * h_prev", "w_h * x + w_x * h_prev"),
)
scalar_step.mistake(
    "one-weight-for-both",
    "You multiply the sum of `x` and `h_prev` by one weight. Each has its own: `w_x * x + w_h * h_prev`.",
    ("w_x * x + w_h * h_prev", "w_x * (x + h_prev)"),
)
scalar_step.mistake(
    "bias-outside",
    "The bias is added after the tanh. It belongs inside, beside the two products; outside, the state can leave the range "
    "from −1 to 1.",
    (" + b)", ") + b"),
)
scalar_step.mistake(
    "squashed-apart",
    "Each part is squashed on its own and the results are added. Add first: there is one tanh around the whole sum.",
    (" + w_h * h_prev + b)", ") + np.tanh(w_h * h_prev) + np.tanh(b)"),
)
for _part, _squashed in {
    "w_x * x": "np.tanh(w_x * x) + np.tanh(w_h * h_prev + b)", "w_h * h_prev": "np.tanh(w_x * x + b) + np.tanh(w_h * h_prev)",
}.items():
    scalar_step.mistake(
        f"squashed-in-two-{_part}",
        f"{_part} is squashed on its own, and two tanh are added. Add first: there is one tanh around the whole sum.",
        ("np.tanh(w_x * x + w_h * h_prev + b)", _squashed),
    )
scalar_step.mistake(
    "state-outside",
    "The old state is added after the tanh. It belongs inside: the tanh squashes the new input and the memory together.",
    (" + w_h * h_prev + b)", " + b) + w_h * h_prev"),
)
scalar_step.mistake(
    "only-the-input-squashed",
    "The bracket of the tanh closes too early, after w_x * x. It goes around the whole sum.",
    (" + w_h * h_prev + b)", ") + w_h * h_prev + b"),
)
scalar_step.mistake(
    "state-unweighted",
    "The old state goes in as it is; multiply it by its weight: `w_h * h_prev`.",
    ("w_h * h_prev", "h_prev"),
)
scalar_step.mistake(
    "state-added",
    "You add the old state to the new one. It has its place inside, as `w_h * h_prev`, and only there.",
    ("np.tanh", "h_prev + np.tanh"),
)
scalar_step.mistake(
    "sums-for-products",
    "A weight multiplies what it belongs to: `w_x * x`, `w_h * h_prev`, with `*` and not `+`.",
    ("w_x * x + w_h * h_prev", "w_x + x + w_h + h_prev"),
)
scalar_step.mistake(
    "product-of-the-products",
    "You multiply the two products with each other. They are added: `w_x * x + w_h * h_prev`.",
    ("w_x * x + w_h * h_prev", "w_x * x * w_h * h_prev"),
)
scalar_step.mistake("bias-twice", "The bias is in there twice; once is right.", (" + b)", " + 2 * b)"))
scalar_step.mistake(
    "cut-to-int",
    "`int` cuts off what stands behind the point, and nothing is left. Return the number as it is.",
    ("np.tanh(w_x * x + w_h * h_prev + b)", "int(np.tanh(w_x * x + w_h * h_prev + b))"),
)
scalar_step.mistake(
    "the-worked-example",
    "The numbers of the worked example are in the function, written out or as a name from above. Use its arguments instead, so "
    "that it works for all numbers.",
    ("w_x * x + w_h * h_prev + b", "0.5 * 3.0 + 0.8 * -0.5 + -0.1"),
)
scalar_step.mistake(
    "tan", "That is the tangent, `np.tan`; wanted is the hyperbolic tangent, `np.tanh`.", ("np.tanh", "np.tan")
)
scalar_step.mistake(
    "sigmoid",
    "That is the sigmoid, between 0 and 1. The recurrence uses tanh, between −1 and 1: a state may be negative.",
    ("np.tanh(w_x * x + w_h * h_prev + b)", "1 / (1 + np.exp(-(w_x * x + w_h * h_prev + b)))"),
)


Quiz(
    "quiz_chain_rule",
    "00",
    answer="c",
    options={
        "a": "No: 0.75 = 1 − h² is the slope of tanh at this point, the outer factor. The chain rule goes on: times "
        "the slope of w·x in w, which is x = 2.",
        "b": "No: 0.5 = h (1 − h) x uses the slope of the sigmoid, h (1 − h). For tanh the slope is 1 − h².",
        "c": "Yes: the slope of tanh at this point is 1 − h² = 0.75, the slope of w·x in w is x = 2, and along a "
        "chain slopes multiply: 1.5. Chapter 2 does nothing else, many times over.",
        "d": "No: 2 = x is the slope of the inner part w·x alone. The tanh around it flattens it by 1 − h² = 0.75.",
    },
)

Quiz(
    "quiz_shapes",
    "00",
    answer="b",
    options={
        "a": "No: (4, 5) times (5, 3) gives (4, 3), the shape of x. It is a gradient, but the one in x.",
        "b": "Yes: (3, 4) times (4, 5) gives (3, 5), the shape of W, and the 4 examples of the batch are summed "
        "over, as they must be. A gradient always has the shape of what it belongs to: a check you can do "
        "before running anything.",
        "c": "No: (5, 4) times (4, 3) gives (5, 3). The numbers are the right ones, but transposed: W is (3, 5).",
        "d": "No: (4, 3) times (4, 5) cannot be multiplied, the inner sizes 3 and 4 differ.",
    },
)

Quiz(
    "quiz_broadcasting",
    "00",
    answer="c",
    options={
        "a": "No: that would be the four differences you hoped for, in a column. To get it, give both the same "
        "shape first: `target[:, None]`.",
        "b": "No: that would be the four differences you hoped for, in a row. To get it, drop the column's second "
        "axis first: `guess[:, 0]`.",
        "c": "Yes: shapes are lined up from the right, (4, 1) against (4,) read as (1, 4), and every axis of "
        "length 1 is stretched: each guess minus each target, sixteen numbers and no error. A loss computed "
        "from them still falls, so the mistake can live long.",
        "d": "No: NumPy sees nothing wrong. An axis of length 1 is stretched to fit, and a missing axis counts as "
        "length 1. An error comes only from lengths that differ and are not 1, such as (4, 3) minus (4,).",
    },
)
