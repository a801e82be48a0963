"""What was handed in, as answers to exercises that can be judged. Nothing of it is executed here."""

from tools.grade.reading.answers import Answer
from tools.grade.reading.likeness import alike
from tools.grade.reading.submissions import (
    Submission,
    answers,
    exercise_names,
    own_solutions,
    submissions,
    unread,
)

__all__ = [
    "Answer",
    "Submission",
    "alike",
    "answers",
    "exercise_names",
    "own_solutions",
    "submissions",
    "unread",
]
