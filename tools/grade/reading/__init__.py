"""What was handed in, as answers to exercises that can be judged. Nothing of it is executed here."""

from tools.grade.reading.answers import Answer, answers, courses_own

__all__ = ["Answer", "answers", "courses_own"]
