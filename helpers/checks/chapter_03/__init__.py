"""Exercises of chapter 3, gradient clipping: references, oracles, and the mistakes learners make."""

from helpers.checks.chapter_03 import (  # noqa: F401 (importing registers)
    clip_by_value,
    clip_grad_norm,
    gradient_norms,
    must_vanish,
    quizzes,
    step_in_parts,
    step_jacobian,
)
