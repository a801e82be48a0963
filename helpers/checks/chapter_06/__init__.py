"""Exercises of chapter 6, improvements: references, oracles, and the mistakes learners make."""

from helpers.checks.chapter_06 import (  # noqa: F401 (importing registers)
    averaging_begins,
    cache_mixture,
    cosine_rate,
    locked_dropout,
    parameter_count,
    quizzes,
    tied_gradient,
    torch_train_step,
    train_and_validate,
)
