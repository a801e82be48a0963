"""The benchmark's arithmetic on contenders of known speed, and one quick real case."""

import json
import math
import sys

import pytest
import typer
from typer.testing import CliRunner

from tools.bench import __main__ as command
from tools.bench import cases
from tools.bench.cases import CASES
from tools.bench.timing import Aim, Case
from tools.options import writable


class Clock:
    now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def case(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("tools.bench.timing.time", clock)
    contenders = {"ours": lambda: clock.sleep(0.002), "torch": lambda: clock.sleep(0.006)}
    made = Case("sleep", contenders, [Aim("torch", "ours", 2.0, True), Aim("ours", "torch", 0.1, False)])
    made.run(3)
    return made


def test_ratio_and_aims(case):
    faster, slower = case.aims
    assert case.ratio(faster) == pytest.approx(3) and faster.met(case.ratio(faster))
    assert not slower.met(case.ratio(slower))
    assert len(case.times["ours"]) == 3   # the round that warms up is not counted


@pytest.mark.parametrize("name", ["rnn100", "lstm100", "gru100"])
def test_contenders_do_the_same_work(name):
    case = CASES[name]()
    for contender in case.contenders.values():
        contender()
    assert set(case.contenders) == {"ours", "torch", "products"}


def test_the_command_writes_what_it_prints(tmp_path, monkeypatch):
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")   # the command sets them; put back afterwards
    path = tmp_path / "bench.json"
    app = command.typer.Typer()
    app.command()(command.main)
    arguments = ["--only", "rnn100", "--rounds", "1", "--threads", "1", "--json", str(path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(path.read_text(encoding="utf-8"))
    assert {"versions", "hardware", "rounds", "results"} <= report.keys()
    [row] = report["results"]
    assert row["case"] == "rnn100" and set(row["median_ms"]) == {"ours", "torch", "products"}
    wrong = CliRunner().invoke(app, ["--only", "nothing"])
    assert wrong.exit_code == 2 and "rnn100" in wrong.output


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "plain"])
def test_a_torch_step_trains(precision, monkeypatch):
    monkeypatch.setattr(cases, "VOCAB", 60)
    monkeypatch.setattr(cases, "LARGE", 8)
    step = cases.torch_step(precision)
    losses = [step() for _ in range(130)]
    assert losses[0] == pytest.approx(math.log(60), rel=0.1)
    assert sum(losses[-10:]) < 0.98 * sum(losses[:10])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process's peak memory this way")
def test_memory_is_measured_in_a_process_of_its_own():
    found = cases.torch_step_memory(["ours"])
    assert 50 < found["ours"] < 2000   # the logits alone are 27 MiB, their gradient as many


def test_what_was_measured_is_kept_when_the_next_case_fails(case, tmp_path, monkeypatch):
    def fails():
        raise RuntimeError("no bfloat16 here")

    case.run = lambda rounds: None
    monkeypatch.setattr(command, "CASES", {"sleep": lambda: case, "next": fails})
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")   # the command sets them
    path = tmp_path / "new" / "bench.json"
    with pytest.raises(RuntimeError, match="no bfloat16 here"):
        command.main(rounds=3, only=["sleep", "next"], threads=1, json_path=path)
    assert [row["case"] for row in json.loads(path.read_text(encoding="utf-8"))["results"]] == ["sleep"]


@pytest.mark.parametrize("where", ["", "file/x.json"])
def test_a_place_for_the_numbers_that_cannot_be_is_found_before_the_work(where, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(typer.BadParameter, match="wanted a file that can be written"):
        writable(tmp_path / where)
    assert writable(tmp_path / "x.json") == tmp_path / "x.json" and writable(None) is None
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
