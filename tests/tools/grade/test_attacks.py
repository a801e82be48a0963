"""Hand-ins that want points without solving get none, and cost nobody anything; odd but honest ones get all.

`make test` takes one attack of each kind; `make torture` all of them, also without isolation.
"""

import json
import os
import subprocess
import sys

import pytest

from helpers import notebooks
from tests.tools.grade.attacks import BANK
from tests.tools.grade.attacks.bank import HARMLESS, ROOT, answers, cell_of
from tests.tools.grade.attacks.honest import HONEST
from tests.tools.grade.attacks.trial import (
    Graded,
    faults,
    faults_of_the_rest,
    folder_name,
    grade,
    handed_in,
    learner_of,
    snapshot,
)
from tools.grade.results import PASSED, ExerciseResult, SubmissionResult
from tools.grade.sandbox import bubblewrap_problem

needs_bubblewrap = pytest.mark.skipif(bool(bubblewrap_problem()), reason=bubblewrap_problem() or "-")


def of_each_kind():
    """One attack of each kind on chapter 0, none that has to run into a limit of time."""
    chosen = {}
    for attack in BANK:
        if not attack.slow and attack.chapter == "00" and (attack.teeth or attack.kind not in chosen):
            chosen[attack.kind] = attack
    return list(chosen.values())


def held(folder, attacks, *options):
    """Grade a class of attacks → what is wrong, a line each."""
    with handed_in(folder, attacks) as (submissions, places):
        before = snapshot(submissions)
        graded = grade(submissions, places.out, *options, seconds=1500)
        said = faults_of_the_rest(graded, places, before)
        isolated = "--not-isolated" not in options
        for each in attacks:
            said += [f"{folder_name(each)}: {line}" for line in faults(graded, each, isolated=isolated)]
    return said


def test_the_bank_is_large_and_every_name_is_there_once():
    names = [folder_name(each) for each in BANK]
    assert len(BANK) >= 200 and len({each.kind for each in BANK}) >= 20
    assert sorted(set(names)) == sorted(names)


def test_full_marks_for_an_attack_would_be_said():
    for attack in BANK:
        number = attack.chapter
        found = tuple(ExerciseResult(name, number, PASSED, 1.0, 1.0) for name in answers(number))
        result = SubmissionResult(learner_of(attack), "", "bubblewrap", found)
        graded = Graded({result.learner: result}, [], "", 0, ROOT)
        assert bool(faults(graded, attack)) == (attack.expects != HARMLESS), attack.name


@needs_bubblewrap
def test_an_attack_of_each_kind_gets_no_points_and_costs_nobody_anything(tmp_path):
    said = held(tmp_path, of_each_kind())
    assert not said, "\n".join(said)


@needs_bubblewrap
@pytest.mark.torture
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", sorted({each.kind for each in BANK}))
def test_no_attack_gets_points_or_costs_anybody_anything(tmp_path, kind):
    said = held(tmp_path, [each for each in BANK if each.kind == kind])
    assert not said, "\n".join(said)


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_without_isolation_what_stays_inside_python_is_held_too(tmp_path):
    attacks = [each for each in BANK if not each.needs_isolation and each.kind != "names" and not each.slow]
    said = held(tmp_path, attacks, "--not-isolated")
    assert not said, "\n".join(said)


def honest_faults(folder, names):
    chosen = {name: HONEST[name] for name in names}
    for name, (_, write) in chosen.items():
        write(folder / "class" / name)
    graded = grade(folder / "class", folder / "out")
    said = []
    for name, (chapter, _) in chosen.items():
        result = graded.submissions.get(name)
        if result is None:
            said.append(f"{name}: lost")
            continue
        exercises = [each for each in result.exercises if each.chapter == chapter]
        for each in exercises:
            said += [f"{name}: {each.exercise}: {line}" for line in each.review]
            said += [f"{name}: {each.exercise} is {each.state}: {each.text}"] * (each.state != PASSED)
        if len(exercises) != {"00": 4, "01": 8}[chapter] or result.problems:
            said.append(f"{name}: {len(exercises)} exercises, {result.problems}")
    return said


def test_odd_but_honest_answers_get_full_marks(tmp_path):
    said = honest_faults(tmp_path, [name for name, (chapter, _) in HONEST.items() if chapter == "00"][::6])
    assert not said, "\n".join(said)


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_all_odd_but_honest_answers_get_full_marks(tmp_path):
    said = honest_faults(tmp_path, list(HONEST))
    assert not said, "\n".join(said)


TEETH = """
import json, os, sys
sys.path.insert(0, {root!r})
import numpy as np
from helpers.checks import get
from helpers.checks.judge import judge
from helpers.checks.prepared import prepared
from helpers.checks.registry import Exercise
work = json.load(sys.stdin)
for each in {{exercise for _, _, exercise in work}}:
    if isinstance(get(each), Exercise):
        prepared(get(each), np.float64)   # once, not in each process
for name, source, exercise in work:
    reading, writing = os.pipe()
    if not os.fork():
        names = {{"np": np, "__name__": "__main__"}}
        passed = b"0"
        try:
            exec(source, names)
            passed = b"1" if judge(get(exercise), names[exercise]).passed else b"0"
        except BaseException:
            pass
        os.write(writing, passed)
        os._exit(0)
    os.close(writing)
    if os.read(reading, 1) != b"1":
        print(name)
    os.close(reading)
    os.wait()
"""


def toothless(folder, attacks):
    """The names of those attacks that do not pass where answers run beside the checks."""
    work = []
    with handed_in(folder, attacks) as (submissions, _):
        for each in attacks:
            (path,) = (submissions / folder_name(each)).glob("*.ipynb")
            source = cell_of(notebooks.read(path), each.exercise)["source"]
            work.append((each.name, source, each.exercise))
    ran = subprocess.run(
        [sys.executable, "-c", TEETH.format(root=str(ROOT))], input=json.dumps(work), text=True,
        capture_output=True, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=120,
    )  # fmt: skip
    assert not ran.returncode, ran.stderr
    return ran.stdout.splitlines()


def test_a_judge_in_the_same_process_falls_for_one_of_each_kind(tmp_path):
    attacks = {each.kind: each for each in BANK if each.teeth and each.chapter == "00"}
    assert len(attacks) > 5 and toothless(tmp_path, list(attacks.values())) == []


@pytest.mark.torture
def test_a_judge_in_the_same_process_falls_for_all_of_them(tmp_path):
    assert toothless(tmp_path, [each for each in BANK if each.teeth]) == []
