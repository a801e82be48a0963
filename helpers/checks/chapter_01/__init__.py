"""Exercises of chapter 1, RNN recap: references, oracles, and the mistakes learners make."""

from helpers.checks.chapter_01 import (  # noqa: F401 (importing registers)
    memoryless_bound,
    quizzes,
    recurrent_parameters,
    remember_first,
    rnn_forward,
    rnn_step,
    sample_next,
    stacked_forward,
)
