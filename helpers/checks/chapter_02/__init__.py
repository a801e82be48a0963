"""Exercises of chapter 2, BPTT toy example: references, oracles, and the mistakes learners make."""

from helpers.checks.chapter_02 import (  # noqa: F401 (importing registers)
    descend_in_windows,
    quizzes,
    rnn_backward,
    scalar_backward,
    scalar_forward,
    truncated_bptt,
)
