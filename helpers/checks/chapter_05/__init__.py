"""Exercises of chapter 5, language models: references, oracles, and the mistakes learners make."""

from helpers.checks.chapter_05 import (  # noqa: F401 (importing registers)
    cross_entropy,
    mended_epoch,
    perplexity,
    quizzes,
    sampling,
    skill,
    streams,
)
