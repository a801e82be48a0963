"""A class is graded whole: nobody is lost, everybody gets what is theirs, whatever the others hand in."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.tools.grade.attacks.bank import ROOT
from tests.tools.grade.attacks.trial import grade, snapshot
from tests.tools.grade.classroom import TROUBLE, classroom
from tools.grade.results import NOT_GRADED
from tools.grade.sandbox import bubblewrap_problem

pytestmark = pytest.mark.skipif(bool(bubblewrap_problem()), reason=bubblewrap_problem() or "-")


def faults(graded, learners):
    """What is wrong with a class's results: sentences."""
    count = len(graded.submissions)
    said = [] if count == len(learners) else [f"{count} results of {len(learners)} learners"]
    for learner in learners:
        result = graded.submissions.get(learner.name)
        who = f"{learner.name} ({learner.kind})"
        if result is None:
            said.append(f"{who} is lost")
            continue
        if not learner.states:
            got = [each for each in result.exercises if each.state != NOT_GRADED]
            said += [f"{who}: {each.exercise} is {each.state}" for each in got]
            said += [] if result.problems else [f"{who}: nothing is said of a damaged file"]
            continue
        found = {each.exercise: each for each in result.exercises}
        for name, states in learner.states.items():
            if name not in found:
                said.append(f"{who}: {name} is lost")
            elif (state := found[name].state) not in states:
                said.append(f"{who}: {name} is {state}, wanted {sorted(states)}: {found[name].text}")
    return said


def test_a_class_of_a_few_with_every_kind_of_trouble(tmp_path):
    learners = classroom(tmp_path / "class", 15, ["00"])
    slow = {"endless loop", "endless loop in C"}
    for each in learners:
        if each.kind in slow:
            (tmp_path / "class" / each.name).rename(tmp_path / each.name)
    kept = [each for each in learners if each.kind not in slow]
    assert {each.kind for each in kept} >= {*TROUBLE, "damaged", "mistaken", "variants"} - slow
    before = snapshot(tmp_path / "class")
    graded = grade(tmp_path / "class", tmp_path / "out")
    assert not faults(graded, kept)
    assert snapshot(tmp_path / "class") == before


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_a_class_of_200_killed_in_between(tmp_path):
    learners = classroom(tmp_path / "class", 200, ["01"])
    before = snapshot(tmp_path / "class")
    command = [sys.executable, "-m", "tools.grade", str(tmp_path / "class"), f"--out={tmp_path / 'out'}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    results = tmp_path / "out" / "results"
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 600
        while time.monotonic() < end and len(list(results.glob("learner-*.json"))) < 20:
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    time.sleep(2)   # what was under way ends with it
    done = {path: path.stat().st_mtime_ns for path in results.glob("learner-*.json")}
    assert 20 <= len(done) < 200
    graded = grade(tmp_path / "class", tmp_path / "out", seconds=3000)
    assert not faults(graded, learners)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert snapshot(tmp_path / "class") == before
