"""Every exercise of every chapter, from the registry: what must pass passes, what is wrong is named."""

import re
from pathlib import Path

import numpy as np
import pytest

from helpers.checks import Exercise, Quiz, exercises
from helpers.checks.judge import FAILED, NOT_ATTEMPTED, PASSED, judge, random_cases

SOLUTIONS = Path(__file__).resolve().parents[3] / "solutions"
CODE = [each for each in exercises() if isinstance(each, Exercise)]
QUIZZES = [each for each in exercises() if isinstance(each, Quiz)]


def pairs(attribute):
    return [
        pytest.param(exercise, known, id=f"{exercise.name}-{known.name}")
        for exercise in CODE
        for known in getattr(exercise, attribute)
    ]


def by_name(items):
    return [pytest.param(item, id=item.name) for item in items]


def as_learner(function):
    """The same function as another object: handed in by a learner, not recognised as the course's."""
    return lambda *args: function(*args)


def rearranged(function):
    """The function on Fortran-ordered copies of its array arguments, its results as strided views."""

    def strided(value):
        if isinstance(value, np.ndarray) and value.ndim:
            room = np.empty((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)
            room[..., ::2] = value
            return room[..., ::2]
        return tuple(map(strided, value)) if isinstance(value, tuple) else value

    def call(*args):
        copies = [np.array(a, order="F") if isinstance(a, np.ndarray) else a for a in args]
        return strided(function(*copies))

    return call


@pytest.mark.parametrize("exercise", by_name(CODE))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_solution_is_accepted(exercise, dtype):
    verdict = judge(exercise, as_learner(exercise.reference), dtype=dtype)
    assert verdict.state == PASSED, verdict.text


@pytest.mark.parametrize("exercise", by_name(CODE))
def test_copies_and_views_are_accepted(exercise):
    assert judge(exercise, rearranged(exercise.reference)).state == PASSED


@pytest.mark.parametrize(("exercise", "variant"), pairs("variants"))
def test_variant_is_accepted(exercise, variant):
    for dtype in (np.float64, np.float32):
        verdict = judge(exercise, variant.function, dtype=dtype)
        assert verdict.state == PASSED, verdict.text


@pytest.mark.parametrize(("exercise", "known"), pairs("misconceptions"))
def test_misconception_is_rejected_and_named(exercise, known):
    verdict = judge(exercise, as_learner(known.function))
    assert (verdict.state, verdict.misconception) == (FAILED, known.name)
    assert verdict.hint == known.hint and verdict.text


@pytest.mark.parametrize("exercise", by_name(exercises()))
def test_stub_and_the_courses_own_version_are_grey(exercise):
    def stub(*args):
        raise NotImplementedError

    assert judge(exercise, stub).state == NOT_ATTEMPTED
    assert judge(exercise, exercise.stand_in()).state == NOT_ATTEMPTED


@pytest.mark.parametrize("exercise", by_name(CODE))
def test_exercise_is_complete(exercise):
    assert len(exercise.misconceptions) >= 4
    assert len({known.name for known in exercise.misconceptions}) == len(exercise.misconceptions)
    assert len({known.hint for known in exercise.misconceptions}) == len(exercise.misconceptions)
    assert len(exercise.oracles) >= 2
    # Beside the hand-written ones, copies and views and float32 are tried above, where there are arrays.
    case = random_cases(exercise)[0].values()
    generated = 2 * any(isinstance(value, np.ndarray) and value.dtype.kind == "f" for value in case)
    assert len(exercise.variants) + generated >= 3
    assert exercise.landmarks, "a number or result the text promises"


@pytest.mark.parametrize("quiz", by_name(QUIZZES))
def test_every_quiz_option_has_its_explanation(quiz):
    assert len(quiz.options) >= 3 and all(len(text) > 20 for text in quiz.options.values())
    for letter, explanation in quiz.options.items():
        verdict = judge(quiz, lambda letter=letter: letter)
        assert verdict.passed == (letter == quiz.answer) and explanation in verdict.text


@pytest.mark.parametrize(("exercise", "landmark"), [
    pytest.param(exercise, landmark, id=f"{exercise.name}-{number}")
    for exercise in CODE
    for number, landmark in enumerate(exercise.landmarks)
])  # fmt: skip
def test_the_number_in_the_text_is_the_computed_one(exercise, landmark):
    source = next(SOLUTIONS.glob(f"{exercise.chapter}_*.py")).read_text(encoding="utf-8")
    assert landmark.text in source
    printed = re.findall(r"[-−]?\d+(?:\.\d+)?(?:e-?\d+)?", landmark.text.replace("−", "-"))[-1]
    digits = len(printed.partition("e")[0].partition(".")[2])
    value = float(landmark.function(exercise.reference))
    if "e" in printed:
        assert float(f"{value:.{digits}e}") == float(printed)
    else:
        assert round(value, digits) == float(printed), f"computed {value}"
