"""The quiz of chapter 2: every option with its explanation."""

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
