"""What a check accepts works in the cells that follow it, and the landmarks of a statement hold.

Statements that nothing tried here depends on are left out, and long ones cut short; `python -m tools.usable
--all-cells` does neither. With `make torture` fewer are cut short, so that all exercises are tried.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted(path.stem for path in (ROOT / "solutions").glob("[0-9][0-9]_*.py"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="answers are tried in forks")
@pytest.mark.parametrize("options", [["--statement=2"], pytest.param([], marks=pytest.mark.torture)], ids=str)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_accepted_answer_serves_the_cells_that_follow(chapter, options):
    command = [sys.executable, "-m", "tools.usable", *options, chapter]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{chapter}: ")
