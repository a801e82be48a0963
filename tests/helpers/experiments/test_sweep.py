"""A sweep: stopped anywhere it goes on where it was, and only with its own rows."""

import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from helpers.experiments.registry import Diverged, Experiment, Run
from helpers.experiments.sweep import sweep
from helpers.records import hardware, read_record
from helpers.training.checkpoints import CheckpointError

CASES = [{"cell": cell, "lr": lr} for cell in ("rnn", "gru") for lr in (0.1, 0.2, 0.3)]


class Measure:
    """Two rows a case; KeyboardInterrupt in the middle of the case number `stop`."""

    def __init__(self, stop=None):
        self.stop, self.cases = stop, []

    def __call__(self, cell, lr):
        self.cases.append({"cell": cell, "lr": lr})
        if len(self.cases) == self.stop:
            raise KeyboardInterrupt
        return [{"cell": cell, "lr": lr, "part": part, "found": lr * part or None} for part in (0, 1)]


@pytest.fixture
def run(tmp_path):
    return Run(0, {}, tmp_path / "checkpoints" / "toy.npz", bar=False)


@pytest.fixture
def file(run):
    return run.checkpoint.with_suffix(".json")


def in_one_go(run):
    return sweep(dataclasses.replace(run, resume=False), CASES, Measure())["curve"]


@pytest.fixture
def stopped(run):
    """A run that was stopped at its third case."""
    with pytest.raises(KeyboardInterrupt):
        sweep(run, CASES, Measure(stop=3))


def test_rows_in_the_order_of_the_cases(run, file):
    measure = Measure()
    rows = sweep(run, CASES, measure)["curve"]
    assert measure.cases == CASES
    assert [(row["cell"], row["lr"], row["part"]) for row in rows] == [
        (case["cell"], case["lr"], part) for case in CASES for part in (0, 1)
    ]
    assert run.finished == [file] and file.exists()   # it goes when the record has been written


def test_it_goes_on_with_the_case_it_was_at(run, file, stopped):
    assert len(json.loads(file.read_text(encoding="utf-8"))["done"]) == 2
    measure = Measure()
    rows = sweep(run, CASES, measure)["curve"]
    assert measure.cases == CASES[2:]
    assert rows == in_one_go(run)
    assert list(file.parent.iterdir()) == [file]


def test_stopped_twice(run, stopped):
    second = Measure(stop=3)
    with pytest.raises(KeyboardInterrupt):
        sweep(run, CASES, second)
    third = Measure()
    assert sweep(run, CASES, third)["curve"] == in_one_go(run)
    assert (second.cases, third.cases) == (CASES[2:5], CASES[4:])


def test_any_error_keeps_what_is_done(run):
    def fails(cell, lr):
        if lr == 0.3:
            raise FloatingPointError("loss: got nan")
        return [{"lr": lr}]

    with pytest.raises(Diverged, match=r"^diverged: loss: got nan") as caught:
        sweep(run, CASES, fails)
    assert caught.value.fields["curve"] == [{"lr": 0.1}, {"lr": 0.2}] and caught.value.fields["seconds"] > 0
    measure = Measure()
    rows = sweep(run, CASES, measure)["curve"]
    assert measure.cases == CASES[2:] and rows[:2] == [{"lr": 0.1}, {"lr": 0.2}]


def test_a_sweep_whose_first_model_diverges_has_its_record(run, tmp_path):
    def fails(cell, lr):
        raise FloatingPointError("loss: got nan")

    toy = Experiment("toy", "09", "A toy", lambda run: sweep(run, CASES, fails))
    with pytest.raises(Diverged, match=r"recorded in .*r\.json"):
        toy.run(checkpoints=tmp_path, out=tmp_path / "r.json", bar=False)
    assert read_record("r", tmp_path)["diverged"] == "diverged: loss: got nan"


@pytest.mark.parametrize("cases", [CASES[:-1], CASES[1:], [*CASES, {"cell": "lstm", "lr": 0.1}]])
def test_rows_of_other_cases_are_refused_and_kept(run, file, stopped, cases):
    before = file.read_bytes()
    measure = Measure()
    with pytest.raises(CheckpointError, match=r"toy\.json: got the rows of other cases"):
        sweep(run, cases, measure)
    assert not measure.cases and file.read_bytes() == before


DAMAGED = [
    "",
    '{"cases": [',
    "[]",
    '{"cases": []}',
    '{"cases": 3, "done": []}',
    '{"cases": [], "done": []}',
    "ÿ",
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_file_is_named(run, file, text):
    file.parent.mkdir()
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(CheckpointError, match=r"toy\.json: got no rows \(.+\), wanted those kept before"):
        sweep(run, CASES, Measure())


def test_without_resume_it_starts_anew(run, file, stopped):
    run.resume = False
    measure = Measure(stop=2)
    with pytest.raises(KeyboardInterrupt):
        sweep(run, CASES, measure)
    assert measure.cases == CASES[:2]
    assert len(json.loads(file.read_text(encoding="utf-8"))["done"]) == 1   # of this run, not of the old one


def test_without_resume_a_file_that_is_no_use_is_no_obstacle(run, file):
    file.parent.mkdir()
    file.write_text("{", encoding="utf-8")
    run.resume = False
    assert len(sweep(run, CASES, Measure())["curve"]) == 12


def test_seconds_are_those_of_all_cases_however_often_it_was_stopped(run, file, monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr("helpers.experiments.sweep.time.perf_counter", lambda: float(next(clock)))
    with pytest.raises(KeyboardInterrupt):
        sweep(run, CASES, Measure(stop=3))   # two cases of one second each, and one that is lost
    assert sweep(run, CASES, Measure())["seconds"] == len(CASES)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_two_at_a_time_give_the_same_rows_in_the_same_order(run, file):
    def measure(cell, lr):
        time.sleep(0.3 * (0.3 - lr))   # the later ones are done first
        if lr == 0.3 and cell == "gru" and not file.with_name("again").exists():
            raise FloatingPointError("loss: got nan")
        return [{"cell": cell, "lr": lr, "process": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}]

    with pytest.raises(FloatingPointError, match="got nan"):
        sweep(run, CASES, measure, jobs=2)
    assert len(json.loads(file.read_text(encoding="utf-8"))["done"]) == 5
    file.with_name("again").touch()
    outcome = sweep(run, CASES, measure, jobs=2)
    assert [(row["cell"], row["lr"]) for row in outcome["curve"]] == [(c["cell"], c["lr"]) for c in CASES]
    assert os.getpid() not in {row["process"] for row in outcome["curve"]}
    assert {row["threads"] for row in outcome["curve"]} == {str(max(1, hardware()["cores"] // 2))}
    assert outcome["seconds"] > 0


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_it_comes_back_where_the_parent_has_computed_with_several_threads(tmp_path):
    program = """
import pathlib, sys
import torch
from helpers.experiments.registry import Run
from helpers.experiments.sweep import sweep

def measure(seed):
    return [{"seed": seed, "sum": torch.ones(1_000_000).sum().item()}]

torch.set_num_threads(2)
measure(0)      # OpenMP's threads are there now, and are not in a fork
run = Run(0, {}, pathlib.Path(sys.argv[1]), False, bar=False)
print(len(sweep(run, [{"seed": seed} for seed in range(2)], measure, jobs=2)["curve"]))
"""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "one.npz"], env=environment, text=True,
                          capture_output=True, timeout=60, check=True)  # fmt: skip
    assert done.stdout == "2\n"
