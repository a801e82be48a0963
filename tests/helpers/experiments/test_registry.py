"""Named experiments: settings, records, and the one test at the end."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from helpers import records
from helpers.corpora.batches import contiguous_batches
from helpers.experiments import Experiment, Run, experiments, get, training_runs
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD
from helpers.training import evaluate, perplexity
from helpers.training.checkpoints import CheckpointError

SMALL = {"tokens": 600, "hidden_size": 4, "embedding_size": 3, "epochs": 2}


def toy(function=lambda run: {"data_sha256": {}}, **settings):
    return Experiment("toy", "09", "A toy", function, settings or {"lr": 0.5, "epochs": 3, "cell": "rnn"})


def without_times(record):
    curve = [{key: value for key, value in row.items() if key != "seconds"} for row in record["curve"]]
    return {key: value for key, value in record.items() if key != "seconds"} | {"curve": curve}


def test_names_are_unique_and_described():
    names = [each.name for each in experiments()]
    assert len(names) == len(set(names)) >= 5
    assert {"ptb-small", "pronouns", "rnn-cost", "english-words", "english-characters"} <= set(names)
    for each in experiments():
        assert each.summary and each.function.__doc__ and each.settings
        assert json.loads(json.dumps(dict(each.settings))) == dict(each.settings)
        assert get(each.name) is each


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"^name: got 'ptb', wanted one of .*ptb-small"):
        get("ptb")


def test_a_record_is_made_of_the_run(tmp_path):
    seen = []

    def function(run):
        seen.append(run)
        return {"data_sha256": {}, "results": {"x": 1}}

    record = toy(function).run(seed=4, overrides={"lr": "0.25", "epochs": "7"}, checkpoints=tmp_path)
    settings = {"lr": 0.25, "epochs": 7, "cell": "rnn"}
    assert record["settings"] == settings and record["seed"] == 4 and record["seconds"] > 0
    assert record["command"] == "python -m helpers.experiments run toy --seed 4 --set lr=0.25 --set epochs=7"
    assert record["versions"] == records.versions() and record["hardware"] == records.hardware()
    assert (record["curve"], record["results"]) == ([], {"x": 1})
    [run] = seen
    assert (run.seed, run.settings, run.resume, run.save_every) == (4, settings, True, 500)
    assert run.checkpoint.parent == tmp_path


def test_a_function_that_returns_too_little_makes_no_record(tmp_path):
    with pytest.raises(ValueError, match="'data_sha256' is a required"):
        toy(lambda run: {}).run(checkpoints=tmp_path)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"speed": "1"}, "setting: got 'speed', wanted one of lr, epochs, cell"),
        ({"epochs": "two"}, "epochs: got 'two', wanted a value like 3"),
        ({"epochs": "2.5"}, "epochs: got '2.5'"),
        ({"epochs": 2.5}, "epochs: got 2.5"),
        ({"lr": "fast"}, "lr: got 'fast', wanted a value like 0.5"),
        ({"lr": "nan"}, "lr: got 'nan'"),
        ({"lr": "inf"}, "lr: got 'inf'"),
        ({"lr": None}, "lr: got None"),
    ],
)
def test_overrides_are_checked(overrides, message):
    with pytest.raises(ValueError) as caught:
        toy().run(overrides=overrides)
    assert str(caught.value).startswith(message)


def test_every_other_run_has_a_checkpoint_of_its_own_but_more_epochs_go_on(tmp_path):
    def path(**options):
        seen = []
        known = toy(lambda run: seen.append(run.checkpoint) or {"data_sha256": {}})
        known.run(checkpoints=tmp_path, **options)
        return seen[0].name

    names = [
        path(),
        path(seed=1),
        path(overrides={"lr": 0.25}),
        path(overrides={"cell": "a/b c"}),
        path(seed=1, overrides={"lr": 0.25}),
    ]
    assert len(set(names)) == 5
    assert all("/" not in name and " " not in name for name in names)
    assert path(overrides={"epochs": 9}) == path(overrides={"lr": 0.5}) == path()


def test_the_data_folder_can_be_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path))
    seen = []
    toy(lambda run: seen.append(run.checkpoint) or {"data_sha256": {}}).run()
    assert seen[0].parent == tmp_path / "checkpoints"


def test_decayed():
    settings = {"lr": 8.0, "constant_epochs": 2, "lr_decay": 0.5}
    assert [training_runs.decayed(settings, epoch) for epoch in range(5)] == [8, 8, 4, 2, 1]


# ---- training, validation, one test --------------------------------------------------------------------

V = 9


def ids(seed, tokens):
    return np.cumsum(np.random.default_rng(seed).integers(1, 3, tokens)) % V


def test_the_best_on_validation_is_tested_and_only_once(tmp_path, monkeypatch):
    settings = {
        "batch_size": 4,
        "seq_len": 7,
        "lr": 1.0,
        "constant_epochs": 2,
        "lr_decay": 20.0,   # absurd: from the third epoch on, things get worse
        "max_norm": 5.0,
        "epochs": 4,
    }
    splits = {"train": ids(1, 260), "valid": ids(2, 200), "test": ids(3, 150)}
    evaluated = []

    def spy(model, batches):
        evaluated.append(model.state_dict())
        return evaluate(model, batches)

    monkeypatch.setattr(training_runs, "evaluate", spy)
    model = LanguageModel(V, 5, 6, rng=np.random.default_rng(0))
    run = Run(0, settings, tmp_path / "x.npz", bar=False)
    outcome = training_runs.train(run, model, SGD(model.params, 1.0), splits, {"train": "0" * 64}, tag="-a")
    curve = [row["valid_perplexity"] for row in outcome["curve"]]
    assert np.argmin(curve) < 3 and curve[-1] > 1.05 * min(curve)
    assert outcome["valid_perplexity"] == min(curve)

    def batches(name):
        return contiguous_batches(splits[name], training_runs.EVALUATION_BATCH, settings["seq_len"])

    assert perplexity(evaluate(model, batches("valid"))) == min(curve)
    assert perplexity(evaluate(model, batches("test"))) == outcome["test_perplexity"]
    assert len(evaluated) == 1
    assert outcome["results"]["tokens"] == {"train": 256, "valid": 190, "test": 140}
    assert [path.name for path in tmp_path.iterdir()] == ["x-a.npz"]


def test_context_curve_of_a_model_without_memory_is_flat():
    model = LanguageModel(V, 5, 6, rng=np.random.default_rng(0), dtype=np.float64)
    for name in ("cells.0.Wh", "cells.0.Wx", "cells.0.b"):
        model.params[name][...] = 0
    curve = training_runs.context_curve(model, ids(1, 300), 50)
    assert [row["context"] for row in curve] == list(training_runs.CONTEXTS)
    assert np.ptp([row["perplexity"] for row in curve]) < 1e-9
    model.params["cells.0.Wx"][...] = np.random.default_rng(2).normal(size=(5, 24))
    assert np.ptp([row["perplexity"] for row in training_runs.context_curve(model, ids(1, 300), 50)]) > 1e-3


# ---- a real one, small ---------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_record_and_another_seed_another(tmp_path, capsys):
    def record(seed, folder):
        return get("pronouns").run(seed=seed, overrides=SMALL, checkpoints=tmp_path / folder, bar=False)

    first, second, other = record(3, "a"), record(3, "b"), record(4, "c")
    assert without_times(first) == without_times(second)
    assert other["data_sha256"] != first["data_sha256"]
    assert other["test_perplexity"] != first["test_perplexity"]
    assert first["floor_perplexity"] < first["test_perplexity"]
    assert first["results"]["above_floor"] == first["test_perplexity"] / first["floor_perplexity"] - 1


def test_more_epochs_go_on_and_fewer_are_refused(tmp_path, capsys):
    def record(epochs, folder="a", **options):
        overrides = SMALL | {"epochs": epochs}
        return get("pronouns").run(overrides=overrides, checkpoints=tmp_path / folder, bar=False, **options)

    record(2)
    more = record(4)
    assert "going on after 2 epochs" in capsys.readouterr().out
    assert without_times(more) == without_times(record(4, "b"))
    with pytest.raises(CheckpointError, match="epochs: got 3, wanted at least the 4"):
        record(3)   # the best of four epochs is not the best of three
    assert len(record(3, resume=False)["curve"]) == 3


def test_a_checkpoint_of_other_defaults_is_refused(tmp_path, capsys):
    known = get("pronouns")
    known.run(overrides=SMALL, checkpoints=tmp_path, bar=False)
    changed = dataclasses.replace(known, settings={**known.settings, "lr": 0.01})
    with pytest.raises(CheckpointError, match=r"lr: got 0\.01, wanted"):
        changed.run(overrides=SMALL, checkpoints=tmp_path, bar=False)


def test_the_costs_of_a_layer(tmp_path, monkeypatch):
    overrides = {"rounds": 1, "batch_size": 1, "input_size": 2, "hidden_size": 3}
    record = get("rnn-cost").run(overrides=overrides, checkpoints=tmp_path, bar=False)
    assert [row["T"] for row in record["curve"]] == [25, 50, 100, 200, 400, 800, 1600]
    assert all(0 < row["forward_seconds"] < row["both_seconds"] for row in record["curve"])
    assert record["parameters"] == 3 * (2 + 3 + 1)
    assert not list(Path(tmp_path).iterdir())


def test_what_a_run_kept_goes_when_its_record_is_written_and_not_before(tmp_path):
    kept = tmp_path / "rows.json"

    def function(run):
        kept.write_text("{}", encoding="utf-8")
        run.finished.append(kept)
        return {"data_sha256": {}}

    def refuse(record):
        assert record["name"] == "toy"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        toy(function).run(checkpoints=tmp_path, write=refuse)
    assert kept.exists()
    toy(function).run(checkpoints=tmp_path, write=lambda record: None)
    assert not kept.exists()
