"""Named experiments: settings, records, and the one test at the end."""

import dataclasses
import json
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import records
from helpers.corpora.batches import contiguous_batches
from helpers.experiments import Experiment, Run, experiments, get, registry, settings, training_runs
from helpers.experiments.registry import Diverged
from helpers.files import lock
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
    changed = {"lr": 0.25, "epochs": 7, "cell": "rnn"}
    assert record["settings"] == changed and record["seed"] == 4 and record["seconds"] > 0
    assert record["command"] == "python -m helpers.experiments run toy --seed 4 --set lr=0.25 --set epochs=7"
    assert record["versions"] == records.versions() and record["hardware"] == records.hardware()
    assert (record["curve"], record["results"]) == ([], {"x": 1})
    [run] = seen
    assert (run.seed, run.settings, run.resume, run.save_every) == (4, changed, True, 500)
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
        ({"lr": -1}, "lr: got -1.0, wanted a finite number above 0"),
        ({"lr": True}, "lr: got True"),
        ({"lr": 1 + 2j}, "lr: got (1+2j)"),
        ({"epochs": 0}, "epochs: got 0, wanted at least 1"),
        ({"epochs": True}, "epochs: got True"),
        ({"epochs": 10**12}, "epochs: got 1000000000000, wanted at most"),
        ({"cell": "LSTM"}, "cell: got 'LSTM', wanted one of 'rnn', 'gru', 'lstm'. Did you mean 'lstm'?"),
        ({"cell": 3}, "cell: got 3"),
        ({"Epoch": 2}, "setting: got 'Epoch', wanted one of lr, epochs, cell. Did you mean 'epochs'?"),
    ],
)
def test_overrides_are_checked(overrides, message):
    with pytest.raises(ValueError) as caught:
        toy().run(overrides=overrides)
    assert str(caught.value).startswith(message)


def test_every_other_run_has_a_checkpoint_of_its_own_but_more_epochs_go_on(tmp_path):
    known = toy(lr=0.5, epochs=3, text="x", **{f"long_{n}": "" for n in range(9)})

    def name(seed=0, **overrides):
        return known.checkpoint(seed, known.settled(overrides), tmp_path).name

    long = {f"long_{n}": "y" * 30 for n in range(9)}
    names = [
        name(), name(1), name(lr=0.25), name(1, lr=0.25),
        *(name(text=text) for text in ("a/b c", "a_b_c", "a/b_c", "A_b_c", "A_B_C", "가", "각")),
        name(**long), name(**long | {"long_8": "z"}), name(**long | {"long_0": "z"}),
    ]
    assert len({each.lower() for each in names}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9.+_-]{1,130}", each) for each in names)
    assert name(epochs=9) == name(lr=0.5) == name() == "toy-seed0.npz"


@pytest.mark.parametrize("each", experiments(), ids=lambda each: each.name)
def test_every_setting_has_a_rule_that_its_default_obeys(each):
    for name, default in each.settings.items():
        if not isinstance(default, bool):
            rule = settings.rule_for(name, default, each.rules)
            assert rule is not None, f"{each.name}: {name}"
            rule(name, default)
            refused = "no such thing" if isinstance(default, str) else -1
            with pytest.raises(ValueError, match=f"^{name}: got '?{refused}"):
                rule(name, refused)
    assert each.settled() == each.settings


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


def test_a_command_is_quoted_for_the_shell(tmp_path):
    record = toy(text="x").run(overrides={"text": "3 5; $HOME"}, checkpoints=tmp_path)
    assert shlex.split(record["command"])[-1] == "text=3 5; $HOME"


@pytest.mark.parametrize("seed", [-1, 2**32, True, 1.5, None])
def test_the_seed_is_a_whole_number(tmp_path, seed):
    with pytest.raises(ValueError, match=r"^seed: got"):
        toy().run(seed=seed, checkpoints=tmp_path)


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


# ---- the record: written last, and never lost ------------------------------------------------------------


@pytest.fixture
def kept(tmp_path):
    """A toy whose run keeps a file until its record is written; its results are the list `results`."""

    def function(run):
        run.checkpoint.with_suffix(".json").write_text("{}", encoding="utf-8")
        run.finished.append(run.checkpoint.with_suffix(".json"))
        return {"data_sha256": {}, "results": {"found": results[0]}}

    results = [1.0]
    return SimpleNamespace(toy=toy(function), rows=tmp_path / "toy-seed0.json", results=results)


def test_what_a_run_kept_goes_when_its_record_is_written(tmp_path, kept):
    kept.toy.run(checkpoints=tmp_path, out=tmp_path / "out" / "r.json")
    assert not kept.rows.exists() and records.read_record("r", tmp_path / "out")["results"] == {"found": 1.0}


def full_disk(*arguments):
    raise OSError(28, "No space left on device")


def surrogate(record, path):
    records.write_text(path, "\ud800")


@pytest.mark.parametrize("fault", [full_disk, surrogate])
def test_a_record_that_cannot_be_written_is_kept_and_so_are_the_rows(tmp_path, kept, monkeypatch, fault):
    monkeypatch.setattr(records, "write_record", fault)
    beside = tmp_path / "toy-seed0-record.json"
    with pytest.raises(OSError, match=rf"--out: the record cannot be written to .*; it is kept in {beside}"):
        kept.toy.run(checkpoints=tmp_path, out=tmp_path / "r.json")
    assert kept.rows.exists() and records.found(beside)["name"] == "toy"


@pytest.mark.parametrize("where", ["r.json", "file/r.json"])
def test_a_place_for_the_record_that_cannot_be_is_found_before_the_work(tmp_path, kept, where):
    (tmp_path / "r.json").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    for options in ({"out": tmp_path / where}, {"checkpoints": tmp_path / "file"}):
        with pytest.raises(OSError, match=r"^(--out|checkpoint): got .*, wanted a file that can be written"):
            kept.toy.run(**{"checkpoints": tmp_path} | options)
        assert not kept.rows.exists()


def test_numbers_that_are_not_finite_are_null_in_a_record_that_says_so(tmp_path, kept):
    kept.results[0] = float("inf")
    with pytest.raises(Diverged, match=r"results.found: got inf, wanted a finite number \(recorded in"):
        kept.toy.run(checkpoints=tmp_path, out=tmp_path / "r.json")
    record = records.read_record("r", tmp_path)
    assert record["results"] == {"found": None} and record["diverged"].startswith("results.found: got inf")
    kept.results[0] = 2.0
    kept.toy.run(checkpoints=tmp_path, out=tmp_path / "r.json")
    kept.results[0] = float("nan")
    with pytest.raises(Diverged, match=r"recorded in .*r-diverged\.json"):   # in nobody's place
        kept.toy.run(checkpoints=tmp_path, out=tmp_path / "r.json")
    assert records.read_record("r", tmp_path)["results"] == {"found": 2.0}


@pytest.mark.parametrize("change", [{"lr": 1e6}, {"lr": 1e38, "max_norm": 1e38}], ids=["perplexity", "loss"])
def test_a_run_that_diverges_stops_and_leaves_its_record(tmp_path, capsys, change):
    overrides = SMALL | {"epochs": 3, "tokens": 3000} | change
    for _ in range(2):   # again from its checkpoint
        with pytest.raises(Diverged, match=r"^diverged: epoch 1.*: got .*Try a lower learning rate"):
            get("pronouns").run(overrides=overrides, checkpoints=tmp_path, bar=False, out=tmp_path / "r.json")
    record = records.read_record("r", tmp_path)
    assert len(record["curve"]) < 3 and "got" in record["diverged"] and "test_perplexity" not in record


def test_the_second_process_takes_the_record_of_the_first(tmp_path):
    code = """
import sys, time
from pathlib import Path
from helpers.experiments import Experiment
folder = Path(sys.argv[1])
def function(run):
    print("working", flush=True)
    while not (folder / "go").exists(): time.sleep(0.05)
    return {"data_sha256": {}}
toy = Experiment("toy", "09", "A toy", function, {"text": "x"})
toy.run(checkpoints=folder, out=folder / "r.json")
"""
    command = [sys.executable, "-uc", code, tmp_path]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "working\n"
    second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert second.stdout.readline() == "Another process is at work on toy-seed0.npz; waiting for it.\n"
    (tmp_path / "go").touch()
    assert (first.communicate()[0], second.communicate()[0]) == ("", "")
    assert (first.returncode, second.returncode) == (0, 0)
    assert records.read_record("r", tmp_path)["name"] == "toy"


def test_two_runs_at_once_do_not_write_one_record(tmp_path, capsys, monkeypatch):
    """The lock comes late: another process had it, which has written to the same file meanwhile."""

    @contextmanager
    def late(path, waiting):
        if path == out:
            waiting("Another process is at work on r.json; waiting for it.")
            out.write_bytes(meanwhile)
        yield

    def run(**options):
        return toy().run(checkpoints=tmp_path, out=out, **options)

    out = tmp_path / "r.json"
    run(seed=1)
    meanwhile = out.read_bytes()
    out.unlink()
    monkeypatch.setattr(registry, "lock", late)
    for options in ({"seed": 2}, {"seed": 1, "overrides": {"lr": 0.1}}, {"seed": 2, "resume": False}):
        with pytest.raises(ValueError, match=r"^--out: got .*r\.json, which another run has just written"):
            run(**options)
        assert out.read_bytes() == meanwhile
    assert run(seed=1)["seed"] == 1   # the same run


def test_the_second_process_takes_a_record_of_divergence_as_one(tmp_path, kept, monkeypatch):
    kept.results[0] = float("nan")
    with pytest.raises(Diverged):
        kept.toy.run(checkpoints=tmp_path, out=tmp_path / "r.json")
    stats = iter([(), (1,)])
    monkeypatch.setattr(registry, "_changed", lambda path: next(stats))
    monkeypatch.setattr(registry, "lock", lambda path, waiting: nullcontext(waiting("wait")))
    with pytest.raises(Diverged, match=r"results\.found: got nan"):
        kept.toy.run(checkpoints=tmp_path, out=tmp_path / "r.json")
    assert not list(stats)


def test_torchruns_processes_do_not_wait_for_one_that_waits(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    path = toy().checkpoint(0, toy().settings, tmp_path)
    with lock(path), pytest.raises(OSError, match=r"^torchrun: Another process is at work on toy-seed0.npz"):
        toy().run(checkpoints=tmp_path)


@pytest.mark.parametrize(
    ("count", "rank", "first"),
    [("2", "0", True), ("2", "1", False), ("1", "3", True), ("", "", True), (None, "3", True)],
)
def test_a_rank_that_a_cluster_set_costs_no_record(count, rank, first, monkeypatch):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if count is not None:
        monkeypatch.setenv("WORLD_SIZE", count)
    assert registry.first_process() is first


@pytest.mark.parametrize(
    ("count", "rank", "tells"), [("2", "0", True), ("2", "1", False), ("1", "1", True), (None, "1", True)]
)
def test_one_process_of_each_machine_tells_of_errors(count, rank, tells, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", rank)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if count is not None:
        monkeypatch.setenv("WORLD_SIZE", count)
    assert registry.first_of_machine() is tells
