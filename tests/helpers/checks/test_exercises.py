"""Every exercise of every chapter, from the registry: what must pass passes, what is wrong is named."""

import ast
import functools
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.checks import Exercise, Quiz, exercises, landmarks
from helpers.checks.cases import cases_of
from helpers.checks.judge import judge
from helpers.checks.patches import Patched, source_text
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED

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
    if known.name == "unchanged":   # a colleague's code, handed back as it was
        assert verdict.credit == 0


@pytest.mark.parametrize("exercise", by_name(exercises()))
def test_stub_and_the_courses_own_version_are_grey(exercise):
    def stub(*args):
        raise NotImplementedError

    assert judge(exercise, stub).state == NOT_ATTEMPTED
    wrapper = functools.wraps(exercise.reference)(lambda *args: args)
    for course in (exercise.stand_in(), exercise.reference, wrapper):
        assert judge(exercise, course).state == NOT_ATTEMPTED


@pytest.mark.parametrize("exercise", by_name(CODE))
def test_exercise_is_complete(exercise):
    assert len(exercise.misconceptions) >= 4
    assert len({known.name for known in exercise.misconceptions}) == len(exercise.misconceptions)
    assert len({known.hint for known in exercise.misconceptions}) == len(exercise.misconceptions)
    patched = [each.function for each in exercise.misconceptions if isinstance(each.function, Patched)]
    assert all(callable(each.function) for each in patched)   # a change that does not apply raises
    assert len(exercise.oracles) >= 2
    # Beside the hand-written ones, copies and views and float32 are tried above, where there are arrays.
    case = cases_of(exercise)[0].arguments.values()
    generated = 2 * any(isinstance(value, np.ndarray) and value.dtype.kind == "f" for value in case)
    assert len(exercise.variants) + generated >= 3
    assert exercise.lacks() == [], "neither there nor excused in `skip`"
    assert all(len(reason) > 15 for reason in exercise.skip.values())


@pytest.mark.parametrize("quiz", by_name(QUIZZES))
def test_every_quiz_option_has_its_explanation(quiz):
    assert len(quiz.options) >= 3 and all(len(text) > 20 for text in quiz.options.values())
    for letter, explanation in quiz.options.items():
        verdict = judge(quiz, lambda letter=letter: letter)
        assert verdict.passed == (letter == quiz.answer) and explanation in verdict.text


def chapter_source(exercise):
    """Cells of the exercise's chapter as (first line, text without its comment signs)."""
    text = next(SOLUTIONS.glob(f"{exercise.chapter}_*.py")).read_text(encoding="utf-8")
    return [tuple(cell.partition("\n")[::2]) for cell in re.split(r"^# %%", text, flags=re.MULTILINE)]


@pytest.mark.parametrize(("exercise", "snippet"), [
    pytest.param(exercise, snippet, id=f"{exercise.name}-{number}")
    for exercise in CODE
    for number, snippet in enumerate(exercise.landmarks)
])  # fmt: skip
def test_the_example_of_the_statement_is_the_registrys_and_true(exercise, snippet):
    told = [text for head, text in chapter_source(exercise) if "markdown" in head]
    told = [re.sub(r"^# ?", "", text, flags=re.MULTILINE) for text in told]
    assert any(snippet in landmarks.fenced(text) for text in told)
    names = {"torch": pytest.importorskip("torch")} if re.search(r"\btorch\b", snippet) else {}
    found = landmarks.run(snippet, {"np": np, **names, exercise.name: exercise.reference})
    assert found and all(landmark.holds for landmark in found), found


@pytest.mark.parametrize("exercise", by_name(CODE))
def test_the_reference_is_the_chapters_solution(exercise):
    """Slips and misconceptions are changes of the reference: they speak of the solution that the chapter
    shows."""
    head = f'exercise="{exercise.name}"'
    cell = next(text for first, text in chapter_source(exercise) if head in first)
    assert bare(cell, exercise.name) == bare(source_text(exercise.reference), exercise.reference.__name__)


def bare(source, name):
    """The statements of the function `name` in `source`, without docstring, imports and comments, as text."""
    function = next(node for node in ast.parse(source).body if getattr(node, "name", "") == name)
    first = 0 if ast.get_docstring(function) is None else 1
    function.body = [
        node for node in function.body[first:] if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    function.name = "answer"
    return re.sub(rf"\b{name}\b", "answer", ast.unparse(function))


CODE_IN_HINTS = re.compile(r"`([^`]+)`")


@pytest.mark.parametrize("exercise", by_name(CODE))
def test_code_that_a_hint_recommends_stands_in_the_solution(exercise):
    """The remedy of a hint, where it is code, turns the box green: it is what the right answer does.

    Code in backticks is part of the solution, of a correct variant or of the mistake itself, or `skip` says
    what it is.
    """
    right = [source_text(exercise.reference), *(source_text(each.function) for each in exercise.variants)]
    parts = {part for source in right for part in expressions(source)}
    for known in exercise.misconceptions:
        codes = [code for code in CODE_IN_HINTS.findall(known.hint) if is_remedy(code)]
        wanted = {code for code in codes if f"`{code}`" not in exercise.skip and normal(code) not in parts}
        if wanted:
            patched = isinstance(known.function, Patched)
            mistake = expressions(known.function.source if patched else source_text(known.function))
            left = [code for code in wanted if normal(code) not in mistake]
            assert not left, f"{known.name}: {left} neither in the solution, a variant nor the mistake"


def is_remedy(code):
    """Code that does something: more than a name, a literal or a call without arguments of a method."""
    try:
        tree = ast.parse(code, mode="eval").body
    except SyntaxError:
        return False
    return isinstance(tree, ast.BinOp | ast.Call | ast.Subscript | ast.Compare) and "..." not in code


def normal(code):
    return ast.unparse(ast.parse(code, mode="eval"))


def expressions(source):
    """All expressions of a source, unparsed."""
    tree = ast.parse(source.strip())
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.expr)}
