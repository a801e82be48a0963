"""The model of cost counts what is really done, and the rows of the experiment are what was measured."""

import numpy as np
import pytest

from helpers.experiments import cost_model, get, step_cost
from helpers.experiments.cost_model import NUMPY, Sizes, amounts, milliseconds, probes

SMALL = Sizes(N=4, T=5, H=40, V=300)


def test_products_and_exp_are_those_of_a_step(monkeypatch):
    step = step_cost.numpy_step(SMALL, 0)
    step()
    done = {"matmul": 0, "exp": 0, "tanh": 0}

    def counting(name, count):
        function = getattr(np, name)

        def counted(*arrays, **options):
            done[name] += count(*arrays)
            return function(*arrays, **options)

        monkeypatch.setattr(np, name, counted)

    counting("matmul", lambda a, b: 2 * a.size * (b.shape[1] if b.ndim > 1 and a.ndim > 1 else 0))
    counting("exp", np.size)
    counting("tanh", np.size)
    step()
    counted = amounts(SMALL, NUMPY)
    # Less than the columns of ones for the bias add.
    assert counted["products"] <= done["matmul"] < 1.03 * counted["products"]
    assert done["exp"] == SMALL.N * SMALL.T * SMALL.V
    assert done["exp"] + done["tanh"] == counted["exp"]


def test_the_parameters_are_those_of_the_model():
    from helpers.models.language_model import LanguageModel

    model = LanguageModel(SMALL.V, SMALL.H, SMALL.H, rng=np.random.default_rng(0))
    assert sum(SMALL.parameters.values()) == model.parameter_count
    assert SMALL.parameters["embedding"] == model.params["embedding.W"].size


def test_work_grows_as_it_should():
    once = amounts(SMALL, NUMPY)
    for name in ("N", "T"):
        twice = amounts(SMALL._replace(**{name: 2 * getattr(SMALL, name)}), NUMPY)
        assert twice["products"] == 2 * once["products"] and twice["exp"] == 2 * once["exp"]
        assert once["memory"] < twice["memory"] < 2 * once["memory"]   # the parameters stay as many
    wide = amounts(SMALL._replace(H=80), NUMPY)
    assert 2 < wide["products"] / once["products"] < 4   # H · V and H · H


def test_milliseconds_are_amounts_over_rates():
    found = milliseconds({"products": 6e9, "exp": 1e6}, {"products": 3e9, "exp": 1e9, "memory": 1.0})
    assert found == {"products": 2000, "exp": 1, "sum": 2001}


@pytest.mark.parametrize("made", [probes, step_cost._torch_probes])
def test_probes_do_what_they_count(made):
    pytest.importorskip("torch")
    found = made(SMALL)
    N, T, H, V = SMALL
    assert found["products"].amount == 6 * N * T * H * V and found["exp"].amount == N * T * V
    assert found["memory"].amount == 8 * N * T * V
    for probe in found.values():
        probe.run()


def test_batches_tell_how_long_each_of_them_took(monkeypatch):
    now = iter([0, 10, 30, 31, 33, 36])
    monkeypatch.setattr(step_cost.time, "perf_counter", lambda: next(now))
    ticking = step_cost.Ticking("abcdef")
    assert len(ticking) == 6 and list(ticking) == list("abcdef")
    assert ticking.seconds() == [1, 2, 3]   # without the first two


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(step_cost, "VALUES", {"N": (1, 4), "V": (100, 300)})
    monkeypatch.setattr(step_cost, "BATCHES", (2, 4))


def test_the_torch_trainer_is_timed(small):
    pytest.importorskip("torch")
    found = step_cost.torch_seconds({"sizes": list(SMALL), "batches": (2, 4), "steps": 5, "rounds": 1}, 0)
    assert [len(seconds) for seconds in found["seconds"]] == [2, 2]
    assert found["rates"].keys() == {"products", "exp", "memory"} and min(found["rates"].values()) > 0


def test_rows_are_what_was_measured_beside_the_model(small, tmp_path, monkeypatch):
    asked = []

    def in_processes(count, settings, seed, work):
        asked.append((count, settings["sizes"], settings["batches"], work))
        rates = {"products": 1e9, "exp": 1e8, "memory": 1e9} | ({"exchange": 1e8} if count == 2 else {})
        return {"seconds": [[0.001, 0.002, 0.003], [0.5, 0.5, 0.5]], "rates": rates}

    monkeypatch.setattr(step_cost, "in_processes", in_processes)
    sizes = {"batch_size": 4, "seq_len": 5, "hidden_size": 40, "vocab_size": 300}
    record = get("step-cost").run(overrides={"rounds": 1, **sizes}, checkpoints=tmp_path, bar=False)
    assert asked == [(count, list(SMALL), (2, 4), step_cost.torch_seconds) for count in (1, 2)]
    numpy, torch = record["curve"][:4], record["curve"][4:]
    assert [(row["varied"], row["value"]) for row in numpy] == [("N", 1), ("N", 4), ("V", 100), ("V", 300)]
    assert numpy[1]["milliseconds"] == numpy[3]["milliseconds"]   # the same work, measured once
    rates = record["results"]["rates"]["numpy"]
    for row in numpy:
        work = amounts(SMALL._replace(**{row["varied"]: row["value"]}), cost_model.NUMPY)
        assert row["products"] == pytest.approx(1000 * work["products"] / rates["products"])
        assert row["sum"] == pytest.approx(row["products"] + row["exp"] + row["memory"])
    assert [(row["processes"], row["value"]) for row in torch] == [(1, 2), (1, 4), (2, 2), (2, 4)]
    assert torch[0]["milliseconds"] == 2 and torch[0]["milliseconds_75"] == 2.5
    assert torch[3]["products"] == pytest.approx(torch[0]["products"])   # half of the rows each
    assert torch[3]["exchange"] == pytest.approx(4e-5 * sum(SMALL.parameters.values()))

    def key(row):
        return row["library"], row["processes"], row["varied"], row["value"]

    ratios = {key(row): row["milliseconds"] / row["sum"] for row in record["curve"]}
    off = {key(row): row["ratio"] for row in record["results"]["off"]}
    assert off == {key: ratio for key, ratio in ratios.items() if not 0.8 <= ratio <= 1.2}
    assert ("torch", 1, "N", 4) in off


def test_too_few_steps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="steps: got 3, wanted at least 4"):
        get("step-cost").run(overrides={"steps": 3}, checkpoints=tmp_path)
