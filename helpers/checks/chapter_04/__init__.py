"""Exercises of chapter 4, LSTM and GRU: references, oracles, and the mistakes learners make."""

from helpers.checks.chapter_04 import (  # noqa: F401 (importing registers)
    gru_step,
    gru_step_backward,
    lstm_backward,
    lstm_step,
    lstm_step_backward,
    lstm_weights_to_torch,
    quizzes,
    read_weights,
)
