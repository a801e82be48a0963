"""The progress bar is for people who look: never in stored outputs or in a file."""

import io
import os
import subprocess
import sys

import pytest

from helpers.training import bar

DRAW = """
import sys
sys.stdout.isatty = lambda: {tty}
from helpers.training.bar import progress_bar
with progress_bar(3, description="epoch 1/1", show={show}) as bar:
    for _ in range(3):
        bar.set_postfix_str("loss 1.0")
        bar.update()
"""


def drawn(tty=True, show=True, **environment):
    clean = {k: v for k, v in os.environ.items() if k not in ("UNROLLED_BUILD", "NBGRADER_EXECUTION")}
    done = subprocess.run(
        [sys.executable, "-c", DRAW.format(tty=tty, show=show)],
        env=clean | environment | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_drawn_on_a_terminal():
    assert "epoch 1/1" in drawn()   # the other tests would pass without this one, drawing nothing


@pytest.mark.parametrize(
    "case",
    [{"UNROLLED_BUILD": "1"}, {"NBGRADER_EXECUTION": "validate"}, {"tty": False}, {"show": False}],
    ids=str,
)
def test_hidden(case):
    assert drawn(**case) == ""


def test_drawn_in_a_notebook(monkeypatch):
    class OutStream(io.StringIO):
        """What sys.stdout is there."""

    OutStream.__module__ = "ipykernel.iostream"
    monkeypatch.setattr(bar, "QUIET", False)
    monkeypatch.setattr(sys, "stdout", OutStream())
    with bar.progress_bar(2, description="epoch"):
        pass
    assert "epoch" in sys.stdout.getvalue()


def test_an_imported_kernel_is_no_notebook(monkeypatch, capsys):
    monkeypatch.setattr(bar, "QUIET", False)
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    with bar.progress_bar(2, description="epoch") as drawn_bar:
        drawn_bar.update()
    assert capsys.readouterr().out == ""
