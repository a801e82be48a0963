"""A check of a function whose cell did not define it says why: in a shell of its own, and in a kernel."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

from helpers.checks import missing

ROOT = Path(__file__).resolve().parents[3]
RIGHT = "def step(x, h):\n    return x + h"
BROKEN = "def step(x, h):\n    retrun x + h"
CHECK = 'step = check("step", step)'


@pytest.fixture
def shell(tmp_path, monkeypatch, caplog):
    """A watched shell whose `check` hands back what it was given, and keeps it in `shell.checked`."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])   # a shell puts its own there
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.checked = []

    def check(name, function):
        shell.checked.append(function)
        return function

    shell.user_ns["check"] = check
    missing.watch(shell)
    with caplog.at_level("DEBUG", logger=missing.__name__):
        yield shell
    assert not [record for record in caplog.records if record.name == missing.__name__]


def run(shell, *cells):
    return [shell.run_cell(cell, store_history=True) for cell in cells][-1]


def problem(function):
    return getattr(function, missing.PLACEHOLDER, "")


def test_a_function_that_is_there_is_left_alone(shell):
    run(shell, RIGHT, CHECK)
    assert shell.checked[0](1, 2) == 3 and not problem(shell.checked[0])


def test_a_cell_never_run(shell):
    assert run(shell, CHECK).success
    assert "There is no `step` yet: run the cell above" in problem(shell.checked[0])
    with pytest.raises(NotImplementedError, match="no `step` yet"):
        shell.checked[0](1, 2)


def test_a_syntax_error_in_a_fresh_kernel(shell):
    run(shell, BROKEN, CHECK)
    assert problem(shell.checked[0]) == (
        "Its cell has a syntax error in line 2: `retrun x + h` (invalid syntax). "
        "Mend it, run the cell, then this one."
    )


def test_a_syntax_error_after_a_right_version_is_not_checked_as_the_right_one(shell):
    run(shell, RIGHT, CHECK, BROKEN, CHECK)
    assert not problem(shell.checked[0]) and "`retrun x + h`" in problem(shell.checked[1])
    run(shell, RIGHT, CHECK)
    assert shell.checked[2](1, 2) == 3


def test_a_problem_is_not_kept_when_another_takes_its_place(shell):
    run(shell, BROKEN, 'check("step", step)', "@unknown\n" + RIGHT, 'check("step", step)')
    assert "syntax error" in problem(shell.checked[0])
    assert "There is no `step` yet" in problem(shell.checked[1])


@pytest.mark.parametrize(
    "cell", ["check('step', step)", "import math\nfor _ in range(2): step = checks.check('step', step)"]
)
def test_other_ways_to_write_the_check(shell, cell):
    missing.explain(shell, cell)
    assert problem(shell.user_ns["step"])


@pytest.mark.parametrize(
    "cell", ["step(1)", 'check("other", step)', 'check("step", step(1))', '# check("step", step)', "check(("]
)
def test_cells_that_check_nothing(shell, cell):
    before = set(shell.user_ns)
    missing.explain(shell, cell)
    assert set(shell.user_ns) == before


def test_the_cell_of_the_check_may_define_the_function_itself(shell):
    run(shell, BROKEN, f"{RIGHT}\n{CHECK}")
    assert shell.checked[0](1, 2) == 3


@pytest.mark.parametrize(
    "later",
    [
        "class Cell:\n    def step(self:\n        pass",   # a method of that name
        "step(1",
        "steps = (",
        "step == (",
        'step = check("step", step',
    ],
)
def test_other_cells_with_a_syntax_error_do_not_count(shell, later):
    run(shell, RIGHT, later, CHECK)
    assert shell.checked[0](1, 2) == 3


def test_an_assignment_after_the_broken_cell_counts(shell):
    run(shell, BROKEN, "step = lambda x, h: x - h", CHECK)
    assert shell.checked[0](3, 1) == 2


@pytest.mark.parametrize(
    "cell",
    [
        f"%time 1 + 1\n!true\n{RIGHT}\n?step",
        f"%%capture\n{RIGHT}",
        f"{RIGHT}\nresult = await later()",
        f'{RIGHT}\nescape = "\\d"',
    ],
)
def test_syntax_of_ipython_is_no_error(shell, cell):
    assert missing.syntax_problem(shell, cell) == ""


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("def f(x):\n    y = (x\n    return y", "a bracket `(` opened in line 2: `y = (x` is never closed"),
        ("\n\ndef f(x):\n    y = [x\n", "a bracket `[` opened in line 4: `y = [x` is never closed"),
        ("\n%%time\ndef f(x):\n    return x)", "a `)` in line 4: `return x)` closes no bracket"),
        ("%%time\ndef f(x):\n    return (x", "a bracket `(` opened in line 3: `return (x` is never closed"),
        ("  def f(x):\n      return (x", "a bracket `(` opened in line 2: `return (x` is never closed"),
        ("def f(x):\n    return x)", "a `)` in line 2: `return x)` closes no bracket"),
        ("def f(x):\n    return (x]", "a bracket `(` is closed with `]` in line 2"),
        ("def f(x):\n    a = (\n    x]", "a bracket `(` is closed with `]` in line 3"),
        ("def f(x)\n    return x", "a colon is missing in line 1: `def f(x)`"),
        ("def f(x):\n    s = 'abc\n    return s", "a text has no closing quote in line 2: `s = 'abc`"),
        ("def f(x):\n    '''abc\n    return s", "a text in triple quotes begun in line 2"),
        ("def f(x):\n    y = x\nreturn y", "`return` is outside any function in line 3: `return y`"),
        ("def f(x):\nreturn x", "nothing is indented below the function definition in line 1: `def f(x):`"),
        ("def f(x):\n    # later\n", "nothing is indented below the function definition in line 1"),
        ("def f(x):\n    for i in x:\n    y = i", "nothing is indented below the 'for' statement in line 2"),
        ("def f(x):\n    y = x\n      return y", "deeper indentation than the line above allows, in line 3"),
        ("def f(x):\n    y = x\n  return y", "an indentation that fits no line above it, in line 3"),
        ("def f(x):\n\tif x:\n        return x", "tabs and blanks mixed in the indentation of line 3"),
        ("def f(x):\n    y −= 1", "a syntax error in line 2: `y −= 1` (invalid character '−' (U+2212))"),
    ],
)
def test_syntax_errors_in_plain_words(shell, cell, words):
    assert words in missing.syntax_problem(shell, cell)


def test_watching_twice_is_watching_once(shell, monkeypatch):
    looked = []
    monkeypatch.setattr(missing, "explain", lambda shell, cell: looked.append(cell))
    missing.watch(shell)
    run(shell, "1")
    assert looked == ["1"]
    missing.watch(None)   # outside IPython


def test_an_error_of_the_hook_is_logged_and_the_cell_runs(shell, monkeypatch, caplog, capsys):
    monkeypatch.setattr(missing, "explain", lambda shell, cell: 1 / 0)
    run(shell, "ran = True")
    assert shell.user_ns["ran"] and capsys.readouterr() == ("", "")
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()


def test_in_a_kernel(tmp_path):
    setup = (
        "from helpers.checks.missing import watch\nwatch(get_ipython())\n"
        "def check(name, function):\n    print(getattr(function, '__unrolled_problem__', 'it is there'))"
    )
    check = 'check("step", step)'
    cells = [setup, check, BROKEN, check, RIGHT, check, "def step(x:\n    pass", check]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", allow_errors=True,
        resources={"metadata": {"path": str(ROOT)}},
    )
    client.execute(env={**os.environ, "IPYTHONDIR": str(tmp_path)})
    said = [cell.outputs[0].text for cell in notebook.cells if cell.source == check]
    assert "There is no `step` yet" in said[0]
    assert "`retrun x + h`" in said[1]
    assert said[2] == "it is there\n"
    assert "`(` opened in line 1" in said[3]
