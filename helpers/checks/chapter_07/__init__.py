"""Exercises of chapter 7, attention: references, oracles, and the mistakes learners make."""

from helpers.checks.chapter_07 import (  # noqa: F401 (importing registers)
    additive_scores,
    attend,
    attend_backward,
    beam_search,
    decoder_inputs,
    greedy_decode,
    look_back,
    quizzes,
)
