"""The torch experiments on a tiny text: what they return, and that they stop, go on and restart."""

import itertools
import math

import numpy as np
import pytest

from helpers.corpora import penn_treebank
from helpers.experiments import ablation, get, parts
from helpers.experiments.registry import Diverged, Run
from helpers.experiments.torch_runs import train
from helpers.torch_training import hardware
from helpers.training.checkpoints import CheckpointError

V = 12
SMALL = {
    "embedding_size": 5,
    "hidden_size": 7,
    "batch_size": 4,
    "seq_len": 6,
    "epochs": 3,
    "precision": "float32",
    "warmup_steps": 5,
}


def text(seed, tokens):
    return np.cumsum(np.random.default_rng(seed).integers(1, 3, tokens)) % V


IDS = {"train": text(0, 400), "valid": text(1, 200), "test": text(2, 200)}


def run(tmp_path, name="ptb-650", resume=True, **changes):
    settings = {**get(name).settings, **SMALL, **changes}
    return train(Run(0, settings, tmp_path / "run.npz", resume, bar=False), IDS, V, {"text": "0" * 64})


@pytest.mark.parametrize("name", ["ptb-laptop", "ptb-650", "ptb-evening", "ptb-awd"])
def test_an_outcome_has_a_records_fields(tmp_path, name):
    outcome = run(tmp_path, name, lr=5.0)   # that of ptb-awd is for a larger model
    assert [row["epoch"] for row in outcome["curve"]] == [1, 2, 3]
    assert outcome["valid_perplexity"] == min(row["valid_perplexity"] for row in outcome["curve"])
    assert 1 < outcome["test_perplexity"] < 2 * V
    assert outcome["results"] == {
        "tokens": {"train": 396, "valid": 190, "test": 190},
        "precision": "float32", "device": "cpu", "processes": 1,
    }
    layers = get(name).settings["num_layers"]
    sizes = [5, *[7] * (layers - 1), 5]
    lstm = sum(4 * u * (d + u + 2) for d, u in itertools.pairwise(sizes))
    assert outcome["parameters"] == V * 5 + V + lstm


def test_a_counted_start_is_where_training_begins(tmp_path):
    from helpers.experiments.torch_runs import build
    from helpers.torch_training.checkpoints import load_weights
    from helpers.word_vectors import counted_start

    for window, sides in ((0, True), (2, False), (1, True)):
        folder = tmp_path / f"{window}"
        run(folder, "ptb-laptop", counted_window=window, counted_sides=sides, lr=1e-9)
        model = build({**get("ptb-laptop").settings, **SMALL}, V)
        load_weights(model, folder / "run.pt")
        for other in ((2, False), (1, True)):
            start = counted_start(
                IDS["train"], V, SMALL["embedding_size"], window=other[0], sides=other[1], seed=0
            )
            same = np.allclose(model.embedding.detach(), start, atol=1e-6)
            assert same == (other == (window, sides))


def test_dropout_grows_along_a_line_and_then_stays(tmp_path, monkeypatch):
    from helpers.models.torch_language_model import TorchLanguageModel

    seen = []

    def hidden(self, ids, state=None, of=TorchLanguageModel.hidden):
        if self.training:
            seen.append((self.input_dropout, self.dropout, self.output_dropout, self.embedding_dropout))
        return of(self, ids, state)

    monkeypatch.setattr(TorchLanguageModel, "hidden", hidden)
    wanted = {"input_dropout": 0.1, "dropout": 0.2, "output_dropout": 0.4, "embedding_dropout": 0.3}
    run(tmp_path, dropout_epochs=2, stop_after=1, **wanted)
    run(tmp_path, dropout_epochs=2, **wanted)   # goes on where it was
    steps = len(seen) // SMALL["epochs"]
    share = np.minimum(np.arange(len(seen)) / (2 * steps), 1)
    assert np.allclose(seen, share[:, None] * [0.1, 0.2, 0.4, 0.3])
    seen.clear()
    run(tmp_path / "b", dropout_epochs=0, **wanted)
    assert set(seen) == {(0.1, 0.2, 0.4, 0.3)}


def without_seconds(curve):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in curve]


def test_stopped_after_an_epoch_it_goes_on_to_the_same_end(tmp_path):
    whole = run(tmp_path / "a")
    first = run(tmp_path / "b", stop_after=1)
    assert without_seconds(first["curve"]) == without_seconds(whole["curve"])[:1]
    both = run(tmp_path / "b")
    assert without_seconds(both["curve"]) == without_seconds(whole["curve"])
    assert both["test_perplexity"] == whole["test_perplexity"]
    with pytest.raises(CheckpointError, match=r"dropout: got 0\.2"):
        run(tmp_path / "b", dropout=0.2)
    assert without_seconds(run(tmp_path / "b", resume=False)["curve"]) == without_seconds(whole["curve"])


def test_fewer_epochs_than_were_done_are_refused(tmp_path):
    run(tmp_path, stop_after=2)
    with pytest.raises(CheckpointError, match=r"stop_after: got 1, wanted at least the 2 that .*run\.pt has"):
        run(tmp_path, stop_after=1)
    run(tmp_path / "b", schedule="constant")
    with pytest.raises(CheckpointError, match="epochs: got 1, wanted at least the 3"):
        run(tmp_path / "b", schedule="constant", epochs=1)


def test_a_run_goes_on_in_the_precision_it_was_begun_in(tmp_path, monkeypatch, capsys):
    fast = [True]   # bfloat16, on the machine where it is begun
    monkeypatch.setattr(hardware, "has_fast_bfloat16", lambda device: fast[0])
    run(tmp_path, precision="auto", stop_after=1)
    fast[0] = False
    assert run(tmp_path, precision="auto")["results"]["precision"] == "bfloat16"
    assert "going on in bfloat16, in which the run was begun" in capsys.readouterr().out
    with pytest.raises(CheckpointError, match="precision: got 'float32', wanted 'bfloat16'"):
        run(tmp_path, precision="float32")


def test_a_run_that_diverges_stops_with_the_fields_of_a_record(tmp_path):
    with pytest.raises(Diverged, match=r"^diverged: .*got .*Try a lower learning rate") as caught:
        run(tmp_path, lr=1e12, warmup_steps=0)
    assert {"curve", "data_sha256", "parameters"} <= caught.value.fields.keys()
    assert len(caught.value.fields["curve"]) < 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "adagrad"}, "optimizer: got 'adagrad'"),
        ({"schedule": "linear"}, "schedule: got 'linear'"),
        ({"precision": "float16"}, "precision: got 'float16'"),
        ({"dropout": 1.5}, r"dropout: got 1\.5"),
    ],
)
def test_bad_settings_are_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path, **change)


def test_a_flag_is_set_by_its_name(tmp_path):
    experiment = get("ptb-laptop")
    with pytest.raises(ValueError, match="tied: got 'maybe', wanted a value like True"):
        experiment.run(overrides={"tied": "maybe"}, checkpoints=tmp_path)


def test_the_models_of_the_ablation_differ_in_one_thing():
    models = ablation.cases()
    full = models["+ tying"]
    assert full == ablation.FULL
    ladder = [{**ablation.FULL, **less} for less in ablation.LADDER.values()]
    for below, above in itertools.pairwise(ladder):
        assert sum(below[key] != above[key] for key in full) == 1
    for less in ablation.WITHOUT.values():
        assert len(less) == 1
    assert "- tying" not in models   # it is the rung "+ variational"
    assert {**full, **ablation.WITHOUT["- tying"]} == models["+ variational"]
    assert len(models) == len({str(sorted(model.items())) for model in models.values()})


def test_train_one_reports_the_best_epoch():
    class Text:
        vocab_size = V

    from helpers.experiments.training_runs import cut

    Text.batches = cut(IDS, SMALL)
    Text.watched = Text.batches["valid"]
    settings = {"lr": 5.0, "warmup_steps": 2, "max_norm": 0.25}
    row = ablation.train_one(Text, settings, 1, 6, 3, "float32", {**ablation.FULL, "dropout": 0.2})
    assert row["valid_perplexity"] == row["watched_perplexity"] <= row["last_watched_perplexity"]
    assert 1 <= row["best_epoch"] <= 3
    assert row["seed"] == 1 and math.isfinite(row["test_perplexity"])
    assert row["parameters"] == V * 6 + V + 2 * 4 * 6 * (12 + 2)


def test_every_part_left_out_is_another_training():
    settings = get("ptb-parts").settings
    whole = get("ptb-evening").settings
    assert {name for name in whole if settings[name] != whole[name]} == {
        "epochs", "dropout_epochs", "sampled_epochs"
    }
    assert settings["epochs"] * 4 == whole["epochs"]
    for without, changes in parts.WITHOUT.items():
        changed = [name for name, value in changes.items() if settings[name] != value]
        assert len(changed) == len(changes) and (changes or without == "nothing")


@pytest.fixture
def tiny_treebank(monkeypatch):
    corpus = penn_treebank.PennTreebank(**IDS, vocabulary=range(V))
    monkeypatch.setattr(penn_treebank, "load_all", lambda: corpus)


@pytest.mark.usefixtures("tiny_treebank")
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_parts_are_those_of_one_run_each(tmp_path, monkeypatch, jobs):
    monkeypatch.setattr(parts, "WITHOUT", {name: parts.WITHOUT[name] for name in ("nothing", "tying")})
    experiment, small = get("ptb-parts"), {**SMALL, "lr": 5.0, "dropout_epochs": 2}
    record = experiment.run(seed=3, overrides={**small, "jobs": jobs}, checkpoints=tmp_path, bar=False)
    assert [(row["without"], row["seed"]) for row in record["curve"]] == [("nothing", 3), ("tying", 3)]
    assert record["results"] == {
        "tokens": {"train": 396, "valid": 190, "test": 190}, "precision": "float32",
    }
    for row in record["curve"]:
        changes = parts.WITHOUT[row["without"]]
        settings = {**get("ptb-evening").settings, **small, "sampled_epochs": 10, **changes}
        one = train(Run(3, settings, tmp_path / "one.npz", False, bar=False), IDS, V, {})
        for name in ("parameters", "valid_perplexity", "test_perplexity"):
            assert row[name] == one[name]
        assert row["last_train_perplexity"] == one["curve"][-1]["train_perplexity"]
    assert [path.name for path in tmp_path.iterdir()] == ["one.pt"]   # nothing else is left


@pytest.mark.usefixtures("tiny_treebank")
def test_a_part_that_was_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    from helpers.torch_training.language_modelling import LanguageModelLoss

    monkeypatch.setattr(parts, "WITHOUT", {"nothing": {}})
    steps = []

    def step(self, model, batch, state, of=LanguageModelLoss.__call__):
        steps.append(None)
        if len(steps) == 5:
            raise KeyboardInterrupt
        return of(self, model, batch, state)

    monkeypatch.setattr(LanguageModelLoss, "__call__", step)

    def go(folder):
        options = {"overrides": {**SMALL, "lr": 5.0, "jobs": 1}, "checkpoints": folder, "bar": False}
        return get("ptb-parts").run(**options, save_every=2)["curve"]

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "a")
    first, again = len(steps), go(tmp_path / "a")
    done = len(steps) - first
    whole = go(tmp_path / "b")
    assert without_seconds(again) == without_seconds(whole)
    assert done == len(steps) - first - done - 4   # four steps were done already
