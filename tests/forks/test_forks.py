"""Learners' forks of the course, graded by the script that the action calls, with the course's grader."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.forks.repositories import ROOT, commit, git

SOLVED = (ROOT / "solutions" / "00_start_here.ipynb").read_text(encoding="utf-8")
UNSOLVED = (ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8")
WRONG = SOLVED.replace('answer = \\"c\\"', 'answer = \\"a\\"')
"""The answer "a" to two of the four, which want "c"."""
NOTEBOOK = "notebooks/00_start_here.ipynb"


@pytest.fixture
def fork(tmp_path, upstream, clone):
    """A fork whose course has the real scripts and checks, with chapter 0 only, for the time it takes."""
    git(tmp_path / "maintainers", "push", "--quiet", "origin", "HEAD")
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    made = clone(upstream, "fork")
    commit(made, **{"notebooks/01_one.ipynb": None, NOTEBOOK: UNSOLVED})
    return made


def checked(fork, require=""):
    """grade.sh, as the action calls it → (status, log, summary, folder of the reports)."""
    folder = fork.parent
    (folder / "summary.md").write_text("", encoding="utf-8")
    env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "RUNNER_TEMP": str(folder),
           "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "UNROLLED_REQUIRE": require,
           "UNROLLED_LEARNER": "ada"}  # fmt: skip
    command = ["bash", ROOT / ".github" / "scripts" / "grade.sh", fork, folder / "reports"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, timeout=280, cwd=fork)
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    return run.returncode, run.stdout + run.stderr, summary, folder / "reports"


def points(reports):
    found = json.loads((reports / "results.json").read_text(encoding="utf-8"))
    [submission] = found["submissions"]
    assert submission["learner"] == "ada"
    return {each["exercise"]: (each["points"], each["max_points"]) for each in submission["exercises"]}


PLANTED = "raise SystemExit('planted')\n"
SHADOWS = ("sitecustomize", "conftest", "numpy", "helpers/__init__", "helpers/checks/__init__",
           "tools/__init__", "notebooks/numpy", "notebooks/helpers", "notebooks/sitecustomize")  # fmt: skip


def test_a_fork_that_meets_what_is_required_is_green_whatever_it_made_of_the_course(fork):
    commit(fork, **{NOTEBOOK: SOLVED, "helpers/a.py": None, "solutions": None,
                    "pyproject.toml": "[broken", **{f"{name}.py": PLANTED for name in SHADOWS}})  # fmt: skip
    status, log, summary, reports = checked(fork, "00:all")
    assert status == 0, log
    assert "planted" not in log
    assert all(got == most for got, most in points(reports).values()) and len(points(reports)) == 4
    assert "quiz_shapes" in summary and "|" in summary
    assert len(list(ElementTree.parse(reports / "junit.xml").iter("testcase"))) == 4
    assert "quiz_shapes" in (reports / "html" / "learners" / "ada.html").read_text(encoding="utf-8")


@pytest.mark.torture
def test_a_fork_is_red_for_what_was_asked_for_and_for_nothing_else(fork):
    status, log, summary, _ = checked(fork)
    assert status == 0 and "not attempted" in summary, log
    status, log, summary, _ = checked(fork, "00:all")
    assert status == 1 and "Chapter 00: 0 exercises passed, wanted 4." in summary, log
    commit(fork, **{NOTEBOOK: WRONG})
    status, log, summary, reports = checked(fork, "00:3")
    assert status == 1 and "Chapter 00: 2 exercises passed, wanted 3." in summary, log
    assert "quiz_broadcasting" in summary and (reports / "junit.xml").exists()
    assert checked(fork)[0] == 0
    assert checked(fork, "00:2")[0] == 0
    status, log, summary, _ = checked(fork, "chapter 1")
    assert status == 2 and "UNROLLED_REQUIRE" in summary, log


@pytest.mark.torture
def test_a_notebook_that_cannot_be_read_is_not_graded_and_costs_the_others_nothing(fork):
    commit(fork, **{NOTEBOOK: SOLVED, "notebooks/01_rnn_recap.ipynb": UNSOLVED[: len(UNSOLVED) // 2]})
    status, log, summary, reports = checked(fork)
    assert status == 0 and "cut off" in summary, log   # nothing was asked for
    assert all(got == most for got, most in points(reports).values())


@pytest.mark.torture
@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="no git repository here")
def test_a_clone_of_the_course_itself_is_checked_and_pinned(tmp_path, clone):
    """The whole repository as the runner checks it out: the fork's version, found in the course's history."""
    git(tmp_path, "clone", "--quiet", "--bare", str(ROOT), str(tmp_path / "course.git"))
    course, fork = clone(tmp_path / "course.git", "course"), clone(tmp_path / "course.git", "fork")
    commit(fork, **{NOTEBOOK: SOLVED})
    pin = Path(course, ".github", "scripts", "pin.sh")
    run = subprocess.run(["bash", pin, course, fork], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    chosen = git(course, "rev-parse", "HEAD:solutions")
    assert chosen == git(fork, "rev-parse", "HEAD:solutions") and "this fork has" in run.stdout
