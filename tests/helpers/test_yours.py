"""What a learner wrote is carried on: which function, with what of its notebook, and what is said of it."""

import gettext
import inspect
import pickle
import traceback

import nbformat
import numpy as np
import pytest

from helpers import building, carried, languages, progress, yours
from helpers.checks import get, registered, strict
from helpers.checks.box import MIME
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED
from helpers.notebooks import code_fingerprint

FILE = "01_rnn_recap.ipynb"
STEP = 'def rnn_step(x, h_prev, Wx, Wh, b):\n    """Mine."""\n    return np.tanh(x @ Wx + h_prev @ Wh + b)'
WRONG = STEP.replace("+ b)", "- b)")
FORWARD = """def rnn_forward(x, h0, Wx, Wh, b):
    states = [h0]
    for t in range(x.shape[1]):
        states.append(rnn_step(x[:, t], states[-1], Wx, Wh, b))
    return np.stack(states[1:], axis=1)"""
IMPORTS = "import numpy as np"


def check(name, state=PASSED, checked=None):
    """The cell of a check whose box is stored: `checked` is the source of the function that it saw."""
    cell = nbformat.v4.new_code_cell(f'{name} = check("{name}", {name})')
    if state:
        data = {"exercise": name, "state": state, "fingerprint": code_fingerprint(checked or "", name)}
        cell.outputs = [nbformat.v4.new_output("display_data", {"text/plain": "a box", MIME: data})]
    return cell


def write(folder, *cells, name=FILE):
    """A notebook of code cells: texts, or checks."""
    made = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / name)


def answered(folder, *cells, name="rnn_step", **more):
    """What is carried of a notebook whose cells end with the passed check of its last cell."""
    write(folder, *cells, check(name, PASSED, cells[-1]), **more)
    return carried.carried(name, folder)


# --- which


def test_a_function_that_passed_is_the_learners(tmp_path):
    found = answered(tmp_path, IMPORTS, STEP)
    assert str(found) == f"rnn_step: yours, from {FILE}" and found.own
    assert inspect.getsource(found.function) == STEP + "\n"   # and a traceback shows its lines
    ones = np.ones((1, 2))
    assert found.function(ones, ones, np.eye(2), np.eye(2), 0.5)[0, 0] == np.tanh(2.5)
    with pytest.raises(ValueError, match="matmul") as caught:
        found.function(None, ones, np.eye(2), np.eye(2), 0.5)
    assert "return np.tanh(x @ Wx" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("cells", "why"), [
    ([STEP, check("rnn_step", FAILED, STEP)], f"yours in {FILE} has not passed yet"),
    ([STEP, check("rnn_step", NOT_ATTEMPTED, STEP)], f"yours in {FILE} is not attempted yet"),
    ([STEP, check("rnn_step", "")], f"the check of yours in {FILE} has not run, or was not saved"),
    ([STEP.replace("Mine", "My"), check("rnn_step", PASSED, STEP)],
     f"yours in {FILE} has changed since its check: run it and save"),
    ([check("rnn_step", PASSED)], f"{FILE} does not show whether yours passed: run its check and save"),
    ([], f"{FILE} does not hold it"),
])
def test_otherwise_it_is_the_courses_and_it_says_why(tmp_path, cells, why):
    write(tmp_path, IMPORTS, *cells)
    found = carried.carried("rnn_step", tmp_path)
    assert str(found) == f"rnn_step: the course's ({why})" and not found.own
    assert get("rnn_step").is_stand_in(found.function)


@pytest.mark.parametrize(("data", "why"), [
    (b"", "the file is empty"),
    (b'{"nbformat": 4, "cells": [', "the file ends in the middle: it was cut off"),
    (b"<html>", "a web page was saved in place of the notebook"),
    (b"\xff\xfe\x00", "no notebook"),
    (None, "Is a directory"),
])
def test_a_damaged_notebook(tmp_path, data, why):
    path = tmp_path / FILE
    path.mkdir() if data is None else path.write_bytes(data)
    found = carried.carried("rnn_step", tmp_path)
    assert not found.own and found.why.startswith(f"{FILE} cannot be read: ") and why in found.why


def test_without_the_chapters_notebook(tmp_path):
    why = carried.carried("rnn_step", tmp_path).why
    assert why == "there is no notebook of chapter 1 here, wanted a name that begins with 01_"


def test_the_notebook_beside_the_one_that_asks_goes_first_and_copies_do_not_count(tmp_path, monkeypatch):
    mine, other = tmp_path / "mine", tmp_path / "notebooks"
    for folder in (mine, other):
        folder.mkdir()
        write(folder, IMPORTS, STEP.replace("Mine", folder.name), check("rnn_step", "not run"))
        write(folder, IMPORTS, STEP, check("rnn_step", PASSED, STEP), name="01_rnn_recap-Copy1.ipynb")
    monkeypatch.setattr(progress, "NOTEBOOKS", other)
    monkeypatch.chdir(mine)
    assert not carried.carried("rnn_step").own
    answered(mine, IMPORTS, STEP.replace("Mine", "Here"))
    answered(other, IMPORTS, STEP.replace("Mine", "There"))
    here = carried.carried("rnn_step")
    assert here.function.__doc__ == "Here." and here.why == f"from {FILE}"
    monkeypatch.chdir(tmp_path)
    there = carried.carried("rnn_step")
    assert there.function.__doc__ == "There." and there.why == f"from notebooks/{FILE}"
    write(other, IMPORTS, STEP, check("rnn_step", "not run"))
    assert f"the check of yours in notebooks/{FILE} has not run" in carried.carried("rnn_step").why
    (other / FILE).write_text("")
    assert carried.carried("rnn_step").why.startswith(f"notebooks/{FILE} cannot be read")


def test_the_course_s_own_solutions_are_nobodys_answer(tmp_path, monkeypatch):
    solutions, learners = tmp_path / "solutions", tmp_path / "notebooks"
    solutions.mkdir(), learners.mkdir()
    monkeypatch.setattr(progress, "NOTEBOOKS", learners)
    monkeypatch.setattr(progress, "SOLUTIONS", solutions)
    answered(solutions, IMPORTS, STEP)
    monkeypatch.chdir(solutions)
    assert not carried.carried("rnn_step").own


def test_a_saved_change_is_seen_at_the_next_import(tmp_path):
    assert answered(tmp_path, IMPORTS, STEP).own
    write(tmp_path, IMPORTS, WRONG, check("rnn_step", PASSED, STEP))
    assert "changed since" in carried.carried("rnn_step", tmp_path).why
    later = STEP.replace("Mine", "Later")
    assert answered(tmp_path, IMPORTS, later).function.__doc__ == "Later."


# --- with what of its notebook


OWN_WAYS = {
    "a helper function, written further down": [
        STEP.replace("np.tanh(x @ Wx + h_prev @ Wh + b)", "bent(x @ Wx + h_prev @ Wh + b)"),
        "def bent(a):\n    return np.tanh(SCALE * a)", "SCALE = 1.0",
    ],
    "an import under another name": ["import numpy as xp", STEP.replace("np.", "xp.")],
    "a name of a library": ["from numpy import tanh as squash", STEP.replace("np.tanh", "squash")],
    "all of a library": ["from numpy import *", STEP.replace("np.", "")],
    "constants": ["ONE, ZEROS = 1.0, np.zeros(3).sum()", STEP.replace("+ b)", "+ b * ONE + ZEROS)")],
    "a constant that was another one before": ["K = 5", "K = 0", STEP.replace("+ b)", "+ b + K)")],
    "a lambda": ["rnn_step = lambda x, h_prev, Wx, Wh, b: np.tanh(x @ Wx + h_prev @ Wh + b)"],
    "a class": ["class Cell:\n    bend = np.tanh\n    def __call__(self, a):\n        return np.tanh(a)",
                STEP.replace("np.tanh(", "Cell()(")],
    "a magic above it": ["%%time\n" + STEP],
    "a decorator": ["import functools\ndef same(f):\n    @functools.wraps(f)\n    def g(*a):\n"
                    "        return f(*a)\n    return g", "@same\n" + STEP],
    "annotations that nobody evaluates": ["from __future__ import annotations",
                                          STEP.replace("(x, ", "(x: NoSuchType, ")],
    "a cell that cannot be parsed": ["def (", STEP],
    "a statement beside it": [STEP + "\nprint(1 / 0)"],
}   # fmt: skip


@pytest.mark.parametrize("way", OWN_WAYS)
def test_it_comes_with_what_it_needs(tmp_path, way, capsys):
    cells = OWN_WAYS[way]
    answer = next(cell for cell in cells if "rnn_step" in cell)
    write(tmp_path, IMPORTS, *cells, check("rnn_step", PASSED, answer))
    found = carried.carried("rnn_step", tmp_path)
    assert str(found) == f"rnn_step: yours, from {FILE}"
    assert capsys.readouterr() == ("", "")


def test_what_stands_below_the_check_has_not_run_for_it(tmp_path):
    step = STEP.replace("+ b)", "+ b + K)")
    write(tmp_path, IMPORTS, "K = 0", step, check("rnn_step", PASSED, step), "K = 5")
    assert carried.carried("rnn_step", tmp_path).own


def test_earlier_exercises_are_the_learners_too_and_where_not_it_is_said(tmp_path):
    mine = [IMPORTS, STEP, check("rnn_step", PASSED, STEP), FORWARD, check("rnn_forward", PASSED, FORWARD)]
    write(tmp_path, *mine)
    found = carried.carried("rnn_forward", tmp_path)
    assert str(found) == f"rnn_forward: yours, from {FILE}"
    assert found.function.__globals__["rnn_step"].__doc__ == "Mine."
    mine[2] = check("rnn_step", FAILED, STEP)
    write(tmp_path, *mine)
    found = carried.carried("rnn_forward", tmp_path)
    assert str(found) == f"rnn_forward: yours, from {FILE}, with the course's rnn_step"
    assert get("rnn_step").is_stand_in(found.function.__globals__["rnn_step"])


@pytest.mark.parametrize("line", [
    "SLOPE = train()", "SLOPE = open('left', 'w').write('x')", "SLOPE = np.save('left', 1)",
    "SLOPE = [train() for _ in range(2)]", "SLOPE = np.sin(train())", "SLOPE = values.pop()",
    "class Model:\n    SLOPE = train()\n    open('left', 'w')\nSLOPE = Model.SLOPE",
    "def slope(a=train()):\n    return a\nSLOPE = slope",
])
def test_nothing_but_definitions_runs(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    training = "import pathlib\nvalues = [1.0]\ndef train():\n    pathlib.Path('left').touch()\n    return 1"
    step = STEP.replace("+ b)", "+ b + 0 * bool(SLOPE))")
    found = answered(tmp_path, IMPORTS, training, line, step)
    assert not found.own and found.why.startswith("yours needs what `") and "which is not run" in found.why
    assert not (tmp_path / "left").exists()


def test_cells_that_it_does_not_need_do_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = "open('left', 'w')\nimport no_such_module\nmodel = no_such_module.fit()"
    found = answered(tmp_path, IMPORTS, other, STEP)
    assert found.own and not (tmp_path / "left").exists()


@pytest.mark.parametrize(("cells", "why"), [
    (["def bent(a):\n    return -np.tanh(a)", STEP.replace("np.tanh", "bent")],
     f"yours does not pass with the definitions above its check as they are saved in {FILE}"),
    ([STEP.replace("np.tanh", "bent")],
     f"yours reads `bent`, which no definition above its check in {FILE} binds"),
    (["def other(:", "def bent(a):\n    return (np.tanh(a)", STEP.replace("np.tanh", "bent")],
     f"yours reads `bent`, and its cell in {FILE} holds a syntax error: a bracket `(` opened in line 2: "
     "`return (np.tanh(a)` is never closed"),
    (["import no_such_module", STEP.replace("np.tanh", "no_such_module.tanh")],
     f"yours in {FILE} cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
    ([STEP + "\n    while True: pass", STEP.replace("return", "while True: pass\n    return")],
     f"yours does not pass with the definitions above its check as they are saved in {FILE}"),
])
def test_what_no_longer_passes_is_not_taken(tmp_path, monkeypatch, cells, why):
    """The check's fingerprint is of the function alone; what it calls may have changed since."""
    monkeypatch.setattr(carried, "SECONDS", 0.5)
    assert answered(tmp_path, IMPORTS, *cells).why == why


def test_answers_of_quizzes_too(tmp_path):
    quiz = "def quiz_state():\n    return 'c'"
    assert answered(tmp_path, quiz, name="quiz_state").function() == "c"


# --- the module


@pytest.fixture
def at_work(tmp_path, monkeypatch):
    """A folder with a solved notebook in which a learner works."""
    monkeypatch.setattr(building, "BUILDING", False)
    monkeypatch.setattr(strict, "STRICT", False)
    monkeypatch.chdir(tmp_path)
    write(tmp_path, IMPORTS, STEP, check("rnn_step", PASSED, STEP))
    return tmp_path


def test_importing_says_one_line_a_name(at_work, capsys):
    from helpers.yours import clip_grad_norm, rnn_step

    assert rnn_step.__doc__ == "Mine." and get("clip_grad_norm").is_stand_in(clip_grad_norm)
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["rnn_step"] == f"yours, from {FILE}"
    assert lines.keys() == {"rnn_step", "clip_grad_norm"}
    assert lines["clip_grad_norm"].startswith("the course's (")


@pytest.mark.parametrize("how", ["building", "strict"])
def test_in_the_courses_own_runs_it_is_the_courses(at_work, monkeypatch, capsys, how):
    monkeypatch.setattr({"building": building, "strict": strict}[how], how.upper(), True)
    assert get("rnn_step").is_stand_in(yours.rnn_step)
    assert capsys.readouterr().out == "rnn_step: the course's, as always where the course itself is run\n"


def test_other_names(at_work, capsys):
    with pytest.raises(AttributeError, match=r"got 'rnn_stpe', wanted .* an exercise, such as rnn_step"):
        yours.rnn_stpe  # noqa: B018
    with pytest.raises(ImportError):
        from helpers.yours import rnn_stpe  # noqa: F401
    assert "such as rnn_step" in capsys.readouterr().out   # Python's ImportError does not say it
    assert not hasattr(yours, "_ipython_display_") and not hasattr(yours, "__wrapped__")
    assert capsys.readouterr().out == ""
    assert set(dir(yours)) == registered()
    names = {}
    exec("from helpers.yours import *", names)
    assert names.keys() <= {"__builtins__"}


def test_who_asks_every_module_for_a_name_gets_no_other_error(at_work):
    def nobodys(): ...

    nobodys.__module__ = None   # pickle then looks for it everywhere
    assert pickle.whichmodule(nobodys, "nobodys") == "__main__"


# --- editions


@pytest.fixture
def both(tmp_path, monkeypatch):
    """Folders of notebooks of both editions, beside each other as the course has them."""
    folder = tmp_path / "notebooks"
    (folder / "ko").mkdir(parents=True)
    monkeypatch.setattr(progress, "NOTEBOOKS", folder)
    return folder


def speak(monkeypatch, language):
    """`language` is in use, its catalogue empty: what is said stays English."""
    monkeypatch.setattr(languages, "_chosen", [language])
    monkeypatch.setattr(languages, "_translations", lambda _: gettext.NullTranslations())


@pytest.mark.parametrize(("language", "own", "other"), [("en", "", "ko"), ("ko", "ko", "")])
def test_the_edition_in_the_language_in_use_comes_first_then_the_other(
    both, monkeypatch, language, own, other
):
    speak(monkeypatch, language)
    monkeypatch.chdir(both / own)
    answered(both / other, IMPORTS, STEP.replace("Mine", "Other"))
    write(both / own, IMPORTS, STEP, check("rnn_step", "not run"))
    found = carried.carried("rnn_step")
    where = {"ko": f"ko/{FILE}", "": f"notebooks/{FILE}"}[other]
    assert found.function.__doc__ == "Other." and found.why == f"from {where}"
    answered(both / own, IMPORTS, STEP.replace("Mine", "Own"))
    found = carried.carried("rnn_step")
    assert found.function.__doc__ == "Own." and found.why == f"from {FILE}"


def test_where_no_edition_has_it_the_one_in_use_says_why(both, monkeypatch):
    speak(monkeypatch, "ko")
    monkeypatch.chdir(both.parent)
    write(both, IMPORTS, STEP, check("rnn_step", FAILED, STEP))
    write(both / "ko", IMPORTS, STEP, check("rnn_step", ""))
    why = carried.carried("rnn_step").why
    assert why == f"the check of yours in notebooks/ko/{FILE} has not run, or was not saved"
    (both / "ko" / FILE).unlink()
    assert carried.carried("rnn_step").why == f"yours in notebooks/{FILE} has not passed yet"


def test_solutions_of_no_edition_are_anybodys_answer(both, monkeypatch, tmp_path):
    solutions = tmp_path / "solutions"
    (solutions / "ko").mkdir(parents=True)
    monkeypatch.setattr(progress, "SOLUTIONS", solutions)
    answered(solutions / "ko", IMPORTS, STEP)
    monkeypatch.chdir(solutions / "ko")
    assert not carried.carried("rnn_step").own
