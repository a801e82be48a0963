"""The quizzes of chapter 2: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_full_bptt",
    "02",
    answer="c",
    options={
        "a": "This one is true. The backward pass asks for x_t and h_t of every step, so all of them are kept: "
        "N·(T·D + (T + 1)·H) numbers, as counted and measured in 2.6. (Recomputing some of them would trade memory "
        "for time; the statement speaks of keeping them.)",
        "b": "This one is true. There is one W_h, used T times. The sweep adds up T terms into one gradient, and "
        "one update changes the one matrix.",
        "c": "Yes, this one is false. Not cutting a path does not keep it from fading: with x = 0 the toy network's "
        "∂h₃/∂h₁ is 7e-5 over two steps, and BPTT passes on exactly that. Full BPTT gives the exact gradient, and "
        "the exact gradient of a far step may be next to nothing.",
        "d": "This one is true. What arrives at h_(t−1) is computed from what arrives at h_t, so the way back has T "
        "steps in a row, as the way forward has. The sequences of a batch go side by side.",
    },
)

Quiz(
    "quiz_falls_and_returns",
    "02",
    answer="b",
    options={
        "a": "No. A rate that is too large makes the *step* too long; what is stepped along, the step divided by the rate, "
        "would still be the right gradient at every update. And with a tenth of the rate the step is about "
        "as many times too long again: the rate is not what does it.",
        "b": "Yes. The first update is right, so forward pass, way back and windows are in order. From the second on the "
        "step holds too much: with a rate so small that the gradient hardly changes, twice the gradient at the second, "
        "three times at the third. It is the sum of all gradients so far.",
        "c": "No. The states would be other ones from the second window on, and with them the gradient, at the very first "
        "update. That one is right.",
        "d": "No. Then three of the four windows would be missing from the first update already, and steps would not grow "
        "with the number of updates.",
    },
)
