"""The benchmark's arithmetic on contenders of known speed, and one quick real case."""

import json
import math
import random
import sys

import pytest
import typer
from threadpoolctl import threadpool_info
from typer.testing import CliRunner

from tools.bench import __main__ as command
from tools.bench import steps
from tools.bench.cases import CASES
from tools.bench.memory import added
from tools.bench.timing import Aim, Case, interval
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
    faster, slower = case.judged()
    assert faster == {"aim": "torch/ours ≥ 2", "ratio": 3, "low": 3, "high": 3, "met": "yes"}
    assert slower == {"aim": "ours/torch ≤ 0.1", "ratio": 0.3333, "low": 0.3333, "high": 0.3333, "met": "NO"}
    assert len(case.times["ours"]) == 3   # the round that warms up is not counted


def test_the_ratio_is_that_of_rounds_and_its_spread_decides(case):
    case.times = {"ours": [1.0, 10.0, 1.0, 2.0, 1.0, 1.0, 1.0], "torch": [3.0, 20.0, 1.8, 5.0, 2.5, 4.0, 2.2]}
    assert case.ratios(case.aims[0]) == [3, 2, 1.8, 2.5, 2.5, 4, 2.2]
    [found, _] = case.judged()
    assert found == {"aim": "torch/ours ≥ 2", "ratio": 2.5, "low": 1.8, "high": 4, "met": "not told apart"}
    case.times["torch"][2] = 2.0
    assert case.judged()[0]["met"] == "yes"


@pytest.mark.parametrize(
    ("at_least", "low", "high", "said"),
    [(True, 2, 3, "yes"), (True, 1.9, 2, "not told apart"), (True, 1.8, 1.9, "NO"),
     (False, 1, 2, "yes"), (False, 2, 2.1, "not told apart"), (False, 2.1, 3, "NO")],
)
def test_an_aim_is_missed_only_where_all_of_the_interval_misses_it(at_least, low, high, said):
    assert Aim("a", "b", 2.0, at_least).verdict(low, high) == said


@pytest.mark.parametrize("n", range(1, 40))
def test_the_interval_is_the_narrowest_that_holds_the_median_often_enough(n):
    values = list(range(n))
    low, high = interval(values[::-1])
    assert low == n - 1 - high

    def misses(skipped):   # the median lies below the value at `skipped`, or above its counterpart
        return 2 * sum(math.comb(n, heads) for heads in range(skipped + 1)) / 2**n

    assert misses(low) <= 0.05 or low == 0
    assert low + 1 > n // 2 or misses(low + 1) > 0.05


def test_the_interval_of_coins_holds_the_median_as_often_as_it_says():
    rng = random.Random(0)
    draws = ([rng.expovariate(1) for _ in range(9)] for _ in range(2000))
    held = sum(low <= math.log(2) <= high for low, high in map(interval, draws))
    assert 0.945 < held / 2000 < 0.975   # 0.961: the second and the eighth of nine


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


@pytest.mark.parametrize("name", steps.STEPS)
def test_a_step_trains(name, monkeypatch):
    for size, small in (("VOCAB", 60), ("SIZE", 8), ("LARGE", 8)):
        monkeypatch.setattr(steps, size, small)
    step = steps.STEPS[name]()
    losses = [step() for _ in range(130)]
    assert losses[0] == pytest.approx(math.log(60), rel=0.1)
    assert sum(losses[-10:]) < 0.98 * sum(losses[:10])


@pytest.mark.parametrize("threads", [1, 2])
def test_numpy_has_the_threads_that_are_asked_for(case, tmp_path, monkeypatch, threads):
    torch = pytest.importorskip("torch")
    before, found = torch.get_num_threads(), []
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")   # the command sets them

    def run(rounds):
        libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
        found.append({each["num_threads"] for each in libraries})

    case.run = run
    monkeypatch.setattr(command, "CASES", {"sleep": lambda: case})
    try:
        command.main(rounds=3, only=["sleep"], threads=threads, json_path=tmp_path / "bench.json")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    if found == [set()]:
        pytest.skip("NumPy's BLAS tells nothing of its threads here (Accelerate)")
    assert found == [{threads}]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process's peak memory this way")
def test_memory_is_measured_in_a_process_of_its_own():
    found = added({"ours": "float32", "numpy": "numpy"})
    assert 50 < found["ours"] < 2000   # the logits alone are 27 MiB, their gradient as many
    assert 27 < found["numpy"] < found["ours"]   # NumPy's gradient takes the place of the logits


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
