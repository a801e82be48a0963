"""Answers are found whatever became of the notebook, and have what they need to run, and no more."""

import sys

import numpy as np
import pytest

from helpers.checks import CHAPTERS, Exercise, exercises, get
from helpers.checks.judge import judge
from tests.tools.grade.handed import as_cell, cells, courses_own, run
from tools.grade.reading import exercise_names
from tools.grade.reading.answers import answers
from tools.grade.reading.course import is_module_of_helpers
from tools.grade.reading.pinned import chapter

STEP = "def rnn_step(x, h_prev, Wx, Wh, b):\n    return np.tanh(x @ Wx + h_prev @ Wh + b)\n"
CHECK = 'rnn_step = check("rnn_step", rnn_step)'
STUB = """def rnn_step(x, h_prev, Wx, Wh, b):
    \"\"\"x (N, D), h_prev (N, H), Wx (D, H), Wh (H, H), b (H,) → h (N, H).\"\"\"
    # YOUR CODE HERE
    raise NotImplementedError
"""
FEW = ["scalar_step", "memoryless_bound", "quiz_full_bptt", "step_in_parts", "read_weights", "mended_epoch"]
FEW += ["cosine_rate", "attend_backward", "to_ids"]


def step(*sources):
    return answers(cells(*sources), "01")["rnn_step"]


def passes(answer, chapter="01"):
    return judge(get(answer.exercise), run(answer, courses_own(chapter))).passed


def assert_solution_and_variants_pass(name):
    exercise = get(name)
    own = courses_own(exercise.chapter)
    assert judge(exercise, run(own[name], own)).passed
    assert not own[name].review, "the import rule says something of the course's own solution"
    for variant in exercise.variants if isinstance(exercise, Exercise) else ():
        answer = answers(cells(as_cell(variant.function, name)), exercise.chapter)[name]
        verdict = judge(exercise, run(answer, own))
        assert verdict.passed, (variant.name, verdict.text)
        assert not answer.review + answer.left_out, variant.name


@pytest.mark.parametrize("name", FEW)
def test_solution_and_variants_run_with_what_was_found_for_them(name):
    assert_solution_and_variants_pass(name)


@pytest.mark.torture
@pytest.mark.parametrize("name", [each.name for each in exercises()])
def test_all_solutions_and_variants_run(name):
    assert_solution_and_variants_pass(name)


def test_every_exercise_of_every_chapter_has_number_and_points():
    own = {number: courses_own(number) for number in CHAPTERS}
    assert sum(map(len, own.values())) == len(exercises())
    for exercise in exercises():
        answer = own[exercise.chapter][exercise.name]
        assert answer.number.startswith(str(int(exercise.chapter)) + ".")
        assert answer.max_points > 0
        assert answer.found and answer.attempted


def test_answers_of_an_untouched_notebook_are_stubs():
    from helpers import notebooks
    from tools.update.merge import without_solutions

    released = without_solutions(notebooks.read("solutions/01_rnn_recap.ipynb"))["cells"]
    found = answers(released, "01")
    assert [name for name, each in found.items() if each.attempted] == []
    assert all(each.found for each in found.values())


@pytest.mark.parametrize("sources", [
    [STEP, CHECK],
    [CHECK, STEP],                                              # below its check
    [STUB, STEP, CHECK],
    [STEP, STUB, CHECK],                                        # a stub copied below the answer
    [STUB, CHECK, STEP],                                        # written beside a stub that stayed
    ["%matplotlib inline\n!pip install x\nimport os\n" + STEP],
    ["%%time\n" + STEP],
    ["if True:\n" + "\n".join("    " + line for line in STEP.splitlines())],
    ["x = 3\n" + STEP + "\nprint(x)\nprint(undefined)\n" + CHECK],
    [STEP.replace("rnn_step", "mine"), "rnn_step = mine"],
    ["rnn_step = lambda x, h, U, W, b: np.tanh(x @ U + h @ W + b)"],
    [STEP.replace("np.tanh", "squash"), CHECK, "def squash(x):\n    return top(x)", "top = np.tanh"],
    ["from numpy import *", STEP.replace("np.tanh", "tanh")],
    ["import numpy as num, seaborn_is_missing as sns", STEP.replace("np.", "num.")],
    ["def broken(:\n    pass", STEP],
    [STEP.replace("return", "%timeit -n1 1 + 1\n    return")],
    ["from __future__ import annotations\n", STEP.replace("x,", "x: Unknown,")],
    ["BIAS = undefined_name", "np.tanh = None", STEP],
])  # fmt: skip
def test_found_whatever_became_of_cells(sources):
    answer = step(*sources)
    assert answer.attempted and not answer.problem
    assert passes(answer)


def test_nearest_above_the_last_check_counts():
    first, second = STEP.replace("np.tanh", "first"), STEP.replace("np.tanh", "second")
    assert "second" in step(first, CHECK, second, CHECK).source
    assert "first" in step(first, CHECK, second).source


def test_what_a_name_means_is_what_stands_above_the_check():
    shadow = "def scale(x):\n    return {}"
    uses = STEP.replace("np.tanh", "scale")
    answer = step(shadow.format("x"), uses, shadow.format("2 * x"), CHECK, shadow.format("3 * x"))
    code = "\n".join(source for _, source in answer.code)
    assert "2 * x" in code and "3 * x" not in code


def test_own_definition_goes_before_the_chapters():
    mine = "def softmax(z):\n    w = np.exp(z - z.max())\n    return w / w.sum()"
    body = "def sample_next(logits, u):\n    p = softmax(logits)\n    return int(np.argmax(np.cumsum(p) > u))"
    own = answers(cells(mine, body), "01")["sample_next"]
    assert "np.exp" in "".join(source for _, source in own.code) and not own.helpers
    theirs = answers(cells(body), "01")["sample_next"]
    assert theirs.helpers == (("helpers.layers", "softmax", "softmax"),)


@pytest.mark.parametrize(("line", "used"), [
    ("from helpers.layers import softmax as s", "s"),
    ("from helpers.layers import softmax", "softmax"),
    ("import helpers.layers as deep", "deep.softmax"),
    ("import helpers.layers", "helpers.layers.softmax"),
    ("from helpers import layers", "layers.softmax"),
])  # fmt: skip
@pytest.mark.parametrize("inside", [False, True])
def test_helpers_that_the_chapter_hands_out(line, used, inside):
    body = f"    p = {used}(logits)\n    return int(np.argmax(np.cumsum(p) / p.sum() > u))"
    head = "def sample_next(logits, u):\n"
    source = f"{head}    {line}\n{body}" if inside else f"{line}\n{head}{body}"
    answer = answers(cells(source), "01")["sample_next"]
    assert {each[:2] for each in answer.helpers} == {("helpers.layers", "softmax")}
    assert not answer.review
    assert run(answer, {})(np.array([0.0, 50.0]), 0.5) == 1


@pytest.mark.parametrize("line", [
    "from helpers.layers import rnn_step as given",
    "from helpers.checks.chapter_01.rnn_step import rnn_step_reference as given",
    "from helpers.checks import get as given",
    "import helpers.checks as given",
    "from solutions import given",
    "from tools.grade import judging as given",
    "from helpers.layers import *",
    "from .helpers import given",
])  # fmt: skip
def test_helpers_that_it_does_not_are_named_and_not_handed_over(line):
    uses = STEP.replace("np.tanh", "given")
    for source in (f"{line}\n\n{uses}", uses.replace("return", f"{line}\n    return")):
        if "*" in line and source.startswith("def"):
            continue   # no Python
        answer = step(source)
        assert not [each for each in answer.helpers if each[1] != "tanh"]
        assert not any("helpers" in source or "solutions" in source for _, source in answer.code[:-1])
        named = "*" in line or any("of the course" in each for each in answer.review)
        assert named, answer.review


def test_checks_are_not_handed_over_though_the_chapter_imports_them():
    answer = step(STEP.replace("return", "print(check, claim)\n    return"))
    assert answer.helpers == (("helpers.claims", "claim", "claim"),)
    assert "`helpers.checks.check`" in answer.review[0]


def test_earlier_exercises_are_named():
    own = courses_own("04")
    assert set(own["lstm_backward"].earlier) == {"lstm_step", "lstm_step_backward"}
    body = "def stacked_forward(x, layers, return_sequences):\n    return helper(x)\n"
    helper = "def helper(x):\n    return rnn_forward(x)\n"
    assert answers(cells(helper, body), "01")["stacked_forward"].earlier == ("rnn_forward",)


def test_statements_that_do_things_are_left_out_and_said():
    answer = step("np.tanh = lambda x: 0\nfor i in range(3):\n    print(i)\n" + STEP)
    assert len(answer.code) == 2 and "lambda" not in answer.code[0][1]
    assert any("`np.tanh`" in each for each in answer.review)
    assert any("`for i in range(3):`" in each for each in answer.left_out)


def test_name_that_only_a_loop_gives_is_said():
    answer = step("for k in range(3):\n    factor = k", STEP.replace("+ b)", "+ b) * factor"))
    assert any("`factor`" in each for each in answer.left_out)


@pytest.mark.parametrize(("source", "words"), [
    (STEP.replace("+ b)", "+ b"), "never closed"),
    (STEP.replace(":\n", "\n", 1), "a colon is missing"),
    (STEP + "return 3", "outside any function"),
    (STEP + "x = '", "no closing quote"),
])  # fmt: skip
def test_syntax_error_costs_its_own_exercise_alone(source, words):
    other = "def recurrent_parameters(D, H, blocks, biases):\n    return blocks * H * (D + H + biases)"
    found = answers(cells(source, other), "01")
    assert words in found["rnn_step"].problem and not found["rnn_step"].code
    assert passes(found["recurrent_parameters"])
    assert not found["rnn_forward"].found


def test_import_of_an_answer_is_no_answer():
    answer = step("from helpers.layers import rnn_step", CHECK)
    assert not answer.found
    assert "imported" in answer.review[0]


def test_errors_name_the_cells_line():
    answer = step("\n\n# a comment\n\n" + STEP.replace("np.tanh", "1 / 0 + np.tanh"))
    with pytest.raises(ZeroDivisionError) as caught:
        run(answer, {})(*(np.ones((2, 2)),) * 5)
    assert caught.traceback[-1].lineno + 1 == 6


@pytest.mark.parametrize("depth", [90, 300, 900, 1500, 2900, 9000])
def test_deeply_nested_code_runs_or_is_a_problem(depth):
    source = STEP.replace("+ b", "+ b" + " + 0" * depth)
    found = answers(cells("base = 1" + " + 1" * depth, source, "def quiz_state():\n    return 'c'"), "01")
    assert found["rnn_step"].problem or passes(found["rnn_step"])
    assert passes(found["quiz_state"])


@pytest.mark.parametrize("source", [
    "def rnn_step(x, h_prev, Wx, Wh, b):\n    return " + "(" * 5000 + "1" + ")" * 5000,
    "def rnn_step(x, h_prev, Wx, Wh, b):\n    return " + "-" * 100_000 + "1",
    "def rnn_step(x, h_prev, Wx, Wh, b):\n    return x" + ".a" * 50_000,
    "def rnn_step(x, h_prev, Wx, Wh, b):\n    return 1" + " + 1" * 40_000,
    "def rnn_step(x, h_prev, Wx, Wh, b):\n    return '" + "a" * 300_000 + "'",
    "def rnn_step(x, h_prev, Wx, Wh, b):\n    return '\0'",
    "def rnn_step(x, h_prev, Wx, Wh, b):\n    global x\n    return x",
    "\n".join("if x:" for _ in range(1)) + "\n" + "\n".join(" " * i + "if x:" for i in range(1, 150)),
])  # fmt: skip
def test_hostile_sources_are_a_problem_and_nothing_else(source):
    found = answers(cells(source, "def quiz_state():\n    return 'c'"), "01")
    assert found["quiz_state"].code
    assert found["rnn_step"].problem or not found["rnn_step"].found


def test_unknown_chapter_is_refused():
    with pytest.raises(ValueError, match=r"chapter: got '77', wanted one of 00, "):
        answers([], "77")


def test_chapter_with_checks_that_was_not_built_says_how(tmp_path):
    with pytest.raises(ValueError, match=r"no notebook of chapter 01.*make build CHAPTERS=01"):
        chapter("01", tmp_path)


def test_exercise_names_in_order():
    assert exercise_names("00") == ("scalar_step", "quiz_chain_rule", "quiz_shapes", "quiz_broadcasting")


def test_what_learners_carry_on_is_looked_at_without_importing_it(monkeypatch):
    """It answers every question for a name in it aloud, and pickle asks all modules that are there."""
    monkeypatch.delitem(sys.modules, "helpers.yours", raising=False)
    known = is_module_of_helpers.__wrapped__
    assert known("helpers.yours") and known("helpers.layers.lstm")
    assert not known("helpers.yours.rnn_step") and not known("helpers.layers.lstm.lstm_step")
    assert "helpers.yours" not in sys.modules
