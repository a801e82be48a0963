"""Grading many: nothing is lost, nobody's result depends on another's, what is done stays done."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from typer.testing import CliRunner

from helpers import notebooks
from helpers.checks import get
from tools.grade import results, run
from tools.grade.cli import app
from tools.grade.results import FAILED, NOT_ATTEMPTED, NOT_GRADED, PASSED
from tools.grade.run import CannotGrade, Settings, grade

SOLVED, EMPTY = (run.ROOT / each / "00_start_here.ipynb" for each in ("solutions", "notebooks"))
RIGHT = notebooks.read(SOLVED)
FORGETS = "np.tanh(w_x * x + w_h * h_prev + b)", "np.tanh(w_x * x + b)"


def hand_in(folder, **notebooks_of):
    """A class: learner → the notebook's JSON, or bytes."""
    for learner, content in notebooks_of.items():
        path = folder / learner / "00_start_here.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def changed(old, new):
    """The solved notebook with other code."""
    text = json.dumps(RIGHT)
    assert old in text
    return json.loads(text.replace(old, new))


def states(found):
    return {each.learner: [one.state for one in each.exercises] for each in found.submissions}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "course_version", lambda: "1")   # whatever is edited meanwhile
    return Settings(tmp_path / "out", isolated=False)


def test_a_class_gets_its_results_and_a_run_again_grades_what_was_changed(tmp_path, settings, monkeypatch):
    wrong = changed(*FORGETS)
    folder = hand_in(tmp_path / "class", ann=RIGHT, bob=wrong, eve=b'{"cells": [', kim=notebooks.read(EMPTY))
    found = grade([folder], settings)
    assert states(found)["ann"] == [PASSED] * 4
    assert states(found)["bob"] == [FAILED] + [PASSED] * 3
    assert states(found)["kim"] == [NOT_ATTEMPTED] * 4
    eve = next(each for each in found.submissions if each.learner == "eve")
    assert not eve.complete and "cut off" in " ".join(eve.problems)
    assert found.submissions[0].points == found.submissions[0].max_points == 4

    with monkeypatch.context() as patch:
        patch.setattr(run, "_all", lambda todo, *rest: {} if not todo else 1 / 0)
        assert grade([folder], settings).submissions == found.submissions

    (folder / "bob" / "00_start_here.ipynb").write_text(json.dumps(RIGHT))
    monkeypatch.setattr(run, "now", lambda: "later")
    again = {each.learner: each for each in grade([folder], settings).submissions}
    assert [name for name, each in again.items() if each.graded == "later"] == ["bob"]
    assert again["bob"].points == 4 and again["ann"] == found.submissions[0]


def test_a_judge_that_dies_costs_nobody_points(tmp_path, settings, monkeypatch):
    real = run.graded

    def graded(submission, *rest):
        if submission.learner == "bob":
            os._exit(7)
        if submission.learner == "kim":
            raise MemoryError("full")
        return real(submission, *rest)

    monkeypatch.setattr(run, "graded", graded)
    folder = hand_in(tmp_path / "class", ann=RIGHT, bob=RIGHT, kim=RIGHT)
    found = grade([folder], settings)
    assert states(found) == {"ann": [PASSED] * 4, "bob": [NOT_GRADED] * 4, "kim": [NOT_GRADED] * 4}
    bob, kim = found.submissions[1:]
    assert bob.points == bob.max_points == 0 and "ended (7)" in bob.problems[0] and "full" in kim.problems[0]

    monkeypatch.setattr(run, "graded", real)   # tried again, for it is not done
    assert states(grade([folder], settings))["bob"] == [PASSED] * 4


def test_a_judge_that_does_not_end_is_given_up(tmp_path, settings, monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 0.2)
    monkeypatch.setattr(run, "graded", lambda *_: time.sleep(99))
    monkeypatch.setattr(run, "_own_solutions", lambda *_: {})
    found = grade([hand_in(tmp_path / "class", ann=RIGHT)], settings)
    assert "did not come to an end" in found.submissions[0].problems[0]


def test_where_the_own_solution_fails_nobody_fails(tmp_path, settings, monkeypatch):
    exercise = get("scalar_step")
    told = []
    settings.tell = told.append
    wrong = changed(*FORGETS)
    with monkeypatch.context() as patch:
        patch.setattr(exercise, "oracles", list(exercise.oracles))
        exercise.oracle("a broken one")(lambda *arguments: 2.0)
        found = grade([hand_in(tmp_path / "class", ann=wrong)], settings)
    (first, *others) = found.submissions[0].exercises
    assert first.state == NOT_GRADED and first.points is None and "own solution" in first.text
    assert [each.state for each in others] == [PASSED] * 3 and not found.submissions[0].complete
    assert any("scalar_step is not graded" in line for line in told)


def test_a_grader_that_does_not_work_says_so_and_grades_nobody(tmp_path, settings, monkeypatch):
    monkeypatch.setattr("tools.grade.judging.judge", lambda *_, **__: 1 / 0)
    with pytest.raises(CannotGrade, match="does not work here"):
        grade([hand_in(tmp_path / "class", ann=RIGHT)], settings)
    assert not (settings.out / "results" / "ann.json").exists()


def test_nothing_to_grade_is_said(tmp_path, settings):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CannotGrade, match="No notebook"):
        grade([tmp_path / "empty"], settings)
    with pytest.raises(ValueError, match="paths"):
        grade([tmp_path / "nowhere"], settings)
    hand_in(tmp_path / "cut", ann=RIGHT)
    for path in (tmp_path / "cut").rglob("*.ipynb"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CannotGrade, match=r"(?s)Nothing that was handed in.*cut off"):
        grade([tmp_path / "cut"], settings)
    assert CliRunner().invoke(app, [str(tmp_path / "cut"), "--out", str(settings.out)]).exit_code == 3


@pytest.mark.parametrize(("arguments", "status", "said"), [
    (["--chapters", "00 7"], 2, "chapters: got '7', wanted some of 00, 01"),
    (["--require", "00:9"], 2, "at most the 4 exercises"),
    (["--html", "{file}"], 2, "wanted a file that can be written"),
    (["--json", "{folder}"], 2, "wanted a file that can be written"),
    (["--out", "{file}"], 3, "Not graded: "),
])  # fmt: skip
def test_what_the_command_cannot_do_is_said_before_it_grades(tmp_path, arguments, status, said):
    places = {"file": tmp_path / "file", "folder": hand_in(tmp_path / "class", ann=RIGHT)}
    places["file"].touch()
    given = [str(places["folder"]), *(each.format(**places) for each in arguments)]
    done = CliRunner().invoke(app, given, env={"COLUMNS": "300"})
    assert done.exit_code == status and said in done.output, done.output
    assert isinstance(done.exception, SystemExit)


def command(*arguments, **options):
    line = [sys.executable, "-m", "tools.grade", *map(str, arguments)]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(line, cwd=run.ROOT, **both, **options)


@pytest.mark.torture
def test_a_killed_grader_leaves_no_process_and_goes_on(tmp_path):
    folder = hand_in(tmp_path / "class", **{f"l{number}": RIGHT for number in range(8)})
    out = tmp_path / "out"
    process = command(folder, "--out", out)
    while len(list(out.glob("results/l*.json"))) < 3:
        time.sleep(0.05)
        assert process.poll() is None
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive
    kept = {path.name: results.read(path).graded for path in out.glob("results/l*.json")}
    again = command(folder, "--out", out)
    text, _ = again.communicate(timeout=300)
    assert again.returncode == 0, text
    assert len(list(out.glob("results/l*.json"))) == 8
    for name, graded in kept.items():
        assert results.read(out / "results" / name).graded == graded


def test_the_command_writes_reports_and_ends_with_what_was_asked_for(tmp_path):
    folder = hand_in(tmp_path / "class", ann=changed('answer = \\"', 'answer = \\"x'))
    reports = {name: tmp_path / f"r.{name}" for name in ("json", "junit", "csv", "markdown")}
    options = [part for name, path in reports.items() for part in (f"--{name}", path)]
    wanted = ["--out", tmp_path / "out", "--not-isolated", "--require", "00:2"]
    done = CliRunner().invoke(app, list(map(str, [folder, *wanted, *options])), env={"COLUMNS": "300"})
    assert done.exit_code == 1, done.output
    assert "Chapter 00: 1 exercise passed, wanted 2" in done.output and "NOT ISOLATED" in done.output
    assert all(path.stat().st_size for path in reports.values())
    found = json.loads(reports["json"].read_text())
    assert [each["state"] for each in found["submissions"][0]["exercises"]] == [PASSED] + [FAILED] * 3
    assert (tmp_path / "out" / "feedback" / "learners" / "ann.html").exists()
