"""The quiz of chapter 1: every option with its explanation."""

from __future__ import annotations

from helpers.checks.registry import Quiz

Quiz(
    "quiz_state",
    "01",
    answer="c",
    options={
        "a": "Not so: Wh is the same matrix at every step. Print it before and after reading; nothing moved.",
        "b": "The input at step 4 is the one-hot vector of l, exactly as at step 3. It cannot tell them apart.",
        "c": "Yes. Both steps see the same input and the same weights; only the state h differs, and it holds what "
        "was read: \"he\" before the first l, \"hel\" before the second.",
        "d": "Wy maps a state to logits, the same way at every step: equal states would give equal logits.",
    },
)
