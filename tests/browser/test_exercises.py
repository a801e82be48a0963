"""Answers typed into the start page's first exercise, and what its check says to each."""

import time

import pytest

from tests.browser.lab import box, error

CHAPTER = "00_start_here"
BODY = "    # YOUR CODE HERE\n    raise NotImplementedError"


@pytest.fixture(scope="module")
def start(chapter):
    chapter.given = chapter.cell("scalar_step")["source"]
    first = next(cell["id"] for cell in chapter.cells() if "import numpy as np" in cell["source"])
    chapter.run(first)
    return chapter


def answer(notebook, body):
    """The exercise with `body`, run, then its check → both cells."""
    assert BODY in notebook.given
    notebook.type("scalar_step", notebook.given.replace(BODY, body))
    exercise = notebook.run("scalar_step")
    return exercise, notebook.run("scalar_step_check")


def test_untouched_it_is_grey(start, shoot):
    _, check = answer(start, BODY)
    assert box(check)["state"] == "not attempted"
    shoot(start.page)


def test_a_known_mistake_gets_its_hint(start, shoot):
    """The one that the start page asks for."""
    _, check = answer(start, "    return w_x * x + w_h * h_prev + b")
    assert box(check)["state"] == "failed"
    assert "tanh" in box(check)["words"].split("Hint:")[1]
    shoot(start.page)


def test_a_right_answer_is_green(start, shoot):
    _, check = answer(start, "    return np.tanh(w_x * x + w_h * h_prev + b)")
    assert box(check)["state"] == "passed"
    start.select("scalar_step_check").get_by_text("✓ scalar_step").wait_for()
    shoot(start.page)


def test_an_endless_loop_is_stopped_and_the_kernel_lives(start, shoot):
    kernel = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
    before, began = start.page.evaluate(kernel), time.monotonic()
    _, check = answer(start, "    while True:\n        pass")
    print(f"the box came {time.monotonic() - began:.1f} s after the answer was begun")
    assert box(check)["state"] == "failed"
    assert "10 seconds" in box(check)["words"] and "while True" in box(check)["words"]
    shoot(start.page)
    _, check = answer(start, "    return np.tanh(w_x * x + w_h * h_prev + b)")
    assert box(check)["state"] == "passed"   # what was defined before is still there
    assert start.page.evaluate(kernel) == before


def test_a_syntax_error_is_explained(start, shoot):
    """The traceback says where; the box says what, and what to do."""
    exercise, check = answer(start, "    return np.tanh(w_x * x + w_h * h_prev + b")
    assert error(exercise)["ename"] == "SyntaxError"
    assert not error(check) and box(check)["state"] == "failed"
    assert "never closed" in box(check)["words"] and "run the cell" in box(check)["words"]
    shoot(start.page)
