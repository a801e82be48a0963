"""Records: one schema, written whole, and each of those in data/runs is what its command makes."""

import importlib.util
import itertools
import json
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from helpers import records
from helpers.corpora import nsmc, penn_treebank
from helpers.corpora.batches import contiguous_batches
from helpers.corpora.pronouns import PronounGrammar, floor_perplexity
from helpers.experiments import (
    ablation,
    costs,
    distances,
    experiments,
    get,
    parts,
    sentiment,
    small_data,
    training_runs,
)
from helpers.experiments import cli as command_line
from helpers.torch_training.schedules import cosine
from tests.hostile import assert_refused

NAMES = sorted(path.stem for path in records.RUNS.glob("*.json") if path.stem != "schema")


def example(**changed):
    record = {
        "name": "some-run",
        "chapter": "05",
        "command": "python -m helpers.experiments run some-run --seed 0",
        "seed": 0,
        "versions": {"python": "3.12.1", "numpy": "2.0.0"},
        "data_sha256": {"train": "0" * 64},
        "hardware": {"processor": "any", "cores": 2, "threads": 1, "system": "Linux"},
        "seconds": 1.5,
        "settings": {"lr": 0.1},
        "curve": [{"epoch": 1, "valid_perplexity": 9.5}],
        "results": {"anything": [1, {"goes": None}]},
        "valid_perplexity": 9.5,
    } | changed
    return {name: value for name, value in record.items() if value is not None}


# ---- the schema ----------------------------------------------------------------------------------------


def test_the_example_is_valid():
    records.validate(example())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": -1}, "seed: -1 is less than"),
        ({"seed": "0"}, "seed: '0' is not of type"),
        ({"chapter": "5"}, "chapter: '5' does not match"),
        ({"name": "Some Run"}, "name: 'Some Run' does not match"),
        ({"command": ""}, "command: "),
        ({"seconds": 0}, "seconds: 0 is less than or equal"),
        ({"test_perplexity": 0.5}, "test_perplexity: 0.5 is less than"),
        ({"data_sha256": {"train": "abc"}}, "data_sha256.train: 'abc' does not match"),
        ({"versions": {"python": "3.12.1"}}, "versions: 'numpy' is a required"),
        ({"hardware": {"cores": 2}}, "hardware: "),
        ({"curve": [{"epoch": 1}, {}]}, "curve.1: "),
        ({"curve": [{"epoch": [1]}]}, "curve.0.epoch: "),
        ({"colour": "red"}, "record: Additional properties are not allowed ('colour'"),
        ({"settings": None}, "record: 'settings' is a required"),
        ({"test_perplexity": float("inf")}, "test_perplexity: got inf"),
        ({"curve": [{"epoch": 1}, {"x": float("nan")}]}, "curve.1.x: got nan"),
        ({"results": {"deep": (1, {"x": float("-inf")})}}, "results.deep.1.x: got -inf"),
    ],
)
def test_an_error_names_the_field(changed, message, tmp_path):
    record = example(**changed)
    with pytest.raises(ValueError) as caught:
        records.validate(record)
    assert str(caught.value).startswith(message)
    with pytest.raises(ValueError):
        records.write_record(record, tmp_path / "x.json")
    assert not list(tmp_path.iterdir())


def test_the_schema_is_a_schema():
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(records.schema())


# ---- writing and reading -------------------------------------------------------------------------------


def test_round_trip(tmp_path):
    record = example(results={"text": "Übung 철수"})
    path = records.write_record(record, tmp_path / "new" / "some-run.json")
    assert path == tmp_path / "new" / "some-run.json"
    assert records.read_record("some-run", tmp_path / "new") == record
    content = path.read_bytes()
    assert "Übung 철수".encode() in content and b"\r" not in content and content.endswith(b"}\n")


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_failure_leaves_the_old_record_and_no_rubbish(tmp_path, monkeypatch, error):
    path = records.write_record(example(), tmp_path / "some-run.json")
    content = path.read_bytes()

    def fail(*arguments):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", fail)
        with pytest.raises(type(error)):
            records.write_record(example(seed=7), path)
    assert [file.name for file in tmp_path.iterdir()] == ["some-run.json"]
    assert path.read_bytes() == content


def test_a_failure_in_the_middle_of_the_text_leaves_the_old_record(tmp_path):
    path = records.write_record(example(), tmp_path / "some-run.json")
    content = path.read_bytes()
    half_a_character = "a" * 100_000 + "\ud800"   # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        records.write_record(example(results={"text": half_a_character}), path)
    assert [file.name for file in tmp_path.iterdir()] == ["some-run.json"]
    assert path.read_bytes() == content


def test_values_that_are_not_json_leave_the_old_record(tmp_path):
    path = records.write_record(example(), tmp_path / "some-run.json")
    with pytest.raises(TypeError):
        records.write_record(example(results={"array": np.ones(2)}), path)
    assert records.read_record("some-run", tmp_path) == example()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_record_that_is_not_there(tmp_path):
    records.write_record(example(), tmp_path / "some-run.json")
    with pytest.raises(FileNotFoundError) as caught:
        records.read_record("other-run", tmp_path)
    for part in ("'other-run'", "other-run.json", "there: some-run", "helpers.experiments list"):
        assert part in str(caught.value)
    with pytest.raises(FileNotFoundError, match="there: none"):
        records.read_record("other-run", tmp_path / "nothing")


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}', ""])
def test_a_damaged_record_is_named(tmp_path, text):
    (tmp_path / "some-run.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape("some-run.json: ")):
        records.read_record("some-run", tmp_path)


def test_what_is_no_record_no_name_and_no_path(tmp_path):
    for record in (None, 3, "ab", [], [1], {1, 2}):
        assert_refused(records.validate, record, names="record: ")
        assert_refused(records.write_record, record, tmp_path / "x.json", names="record: ")
    for path in (None, 3, "", b"a", []):
        assert_refused(records.write_record, example(), path, names="path: ")
        assert_refused(records.found, path, names="path: ")
        assert_refused(records.read_record, "some-run", path, names="folder: ")
    for name in (None, 3, b"a", ["some-run"]):
        assert_refused(records.read_record, name, names="name: ")
        assert_refused(records.sha256, name if name != b"a" else 1.5, names="data: ")
    for name in ("x" * 300, "a\0b", ""):
        with pytest.raises(FileNotFoundError, match="there: none"):
            records.read_record(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_record_that_another_editor_saved_is_read(tmp_path):
    path = records.write_record(example(), tmp_path / "some-run.json")
    content = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert records.read_record("some-run", tmp_path) == example()
    for damaged in (content[:-3] + b"\xff}", content.decode().encode("utf-16"), b"[" * 100_000):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"some-run\.json: got no JSON in UTF-8 \(.*wanted a record"):
            records.read_record("some-run", tmp_path)


# ---- what a record says about where it was made --------------------------------------------------------


def test_hardware(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = records.hardware()
    always = {"processor", "instruction_sets", "blas", "cores", "threads", "system", "machine"}
    assert found.keys() - {"processor_model"} == always   # Linux alone tells the model
    assert found["threads"] == 3 and 1 <= found["cores"] <= (os.cpu_count() or 1)
    assert found["processor"] and found["processor"] == found["processor"].strip()
    for value in ("", "2,2"):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert records.hardware()["threads"] == found["cores"]
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert records.hardware()["threads"] == found["cores"]
    records.validate(example(hardware=found))


def test_the_processor_is_named_with_what_is_used_of_it():
    """A kernel that the environment chose is the one that is named."""
    asked = "import json; from helpers import records; print(json.dumps(records.hardware()))"
    runs = {}
    for kernel in ("Haswell", "Nehalem"):
        environment = os.environ | {"OPENBLAS_CORETYPE": kernel, "NPY_DISABLE_CPU_FEATURES": ""}
        answer = subprocess.run(
            [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
        )
        runs[kernel] = json.loads(answer.stdout)
    kernels = {name: {each["kernel"] for each in found["blas"]} for name, found in runs.items()}
    openblas = any(each["library"] == "openblas" for each in runs["Haswell"]["blas"])
    if openblas and runs["Haswell"]["machine"] == "x86_64":
        assert kernels == {"Haswell": {"Haswell"}, "Nehalem": {"Nehalem"}}
    words = records.on_what(example(hardware=runs["Haswell"]))
    assert runs["Haswell"]["processor"] in words and all(kernel in words for kernel in kernels["Haswell"])


@pytest.mark.parametrize("sets, words", [(["kernels AVX512", "avx"], "torch's kernels AVX512"),
                                         (["kernels AVX512", "amx_bf16"], "torch's kernels AVX512 and AMX")])
def test_units_that_multiply_matrices_in_16_bits_are_named(sets, words):
    hardware = {**example()["hardware"], "instruction_sets": {"numpy": ["AVX512_ICL"], "torch": sets}}
    assert records.on_what(example(hardware=hardware)).split(", ")[-1] == words


def test_a_record_of_before_says_that_it_does_not_know():
    words = records.on_what(example())
    assert words == "1 thread, any (instruction sets not recorded)"


def test_torch_is_named_when_it_is_used_and_not_imported_for_it():
    asked = "import sys; from helpers import processor; print('torch' in processor.instruction_sets())"
    for before, wanted in (("", "False"), ("import torch; ", "True")):
        command = [sys.executable, "-c", before + asked]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == wanted


def test_versions():
    found = records.versions()
    assert found["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert found["numpy"] == np.__version__
    assert ("torch" in found) == (importlib.util.find_spec("torch") is not None)
    records.validate(example(versions=found))


def test_sha256():
    wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"   # FIPS 180-2, "abc"
    assert records.sha256("abc") == records.sha256(b"abc") == wanted
    assert records.sha256("ü") == records.sha256("ü".encode())


# ---- data/runs -----------------------------------------------------------------------------------------

every_record = pytest.mark.parametrize("name", NAMES)


def read_command(command):
    """(experiment, seed, {setting: text}) of a recorded command."""
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "helpers.experiments", "run"]
    options = list(zip(words[5::2], words[6::2], strict=True))
    seeds = [value for option, value in options if option == "--seed"]
    overrides = dict(value.split("=", 1) for option, value in options if option == "--set")
    assert len(seeds) == 1 and len(options) == 1 + len(overrides)
    return words[4], int(seeds[0]), overrides


def test_every_experiment_has_its_record():
    """The plain one. (Full-size runs want a GPU: of them there may be the first epochs, or nothing.)"""
    for each in experiments():
        assert each.name in NAMES or "stop_after" in each.settings


@every_record
def test_the_record_is_what_its_command_makes(name):
    record = records.read_record(name)
    experiment, seed, overrides = read_command(record["command"])
    known = get(experiment)
    assert (record["name"], record["chapter"], record["seed"]) == (known.name, known.chapter, seed)
    typed = {key: type(known.settings[key])(value) for key, value in overrides.items()}
    assert record["settings"] == dict(known.settings) | typed   # run it again where an experiment changed
    assert command_line.file_name(record, overrides) == f"{name}.json"


@every_record
def test_the_curve_agrees_with_the_settings(name):
    record = records.read_record(name)
    settings, curve = record["settings"], record["curve"]
    assert curve
    if "epochs" not in settings or not {"epoch", "valid_perplexity"} <= curve[0].keys():
        return
    epochs = settings.get("stop_after") or settings["epochs"]
    assert [row["epoch"] for row in curve] == list(range(1, epochs + 1))
    if settings.get("schedule") == "cosine":   # the rate at the end of an epoch
        steps = -(-record["results"]["tokens"]["train"] // settings["batch_size"] // settings["seq_len"])
        factor = cosine(steps * settings["epochs"], settings["warmup_steps"])
        wanted = [settings["lr"] * factor(steps * row["epoch"]) for row in curve]
        assert [row["lr"] for row in curve] == pytest.approx(wanted)
    elif settings.get("schedule") == "constant":
        assert {row["lr"] for row in curve} == {settings["lr"]}
    else:
        assert [row["lr"] for row in curve] == [training_runs.decayed(settings, e) for e in range(len(curve))]
    assert record["valid_perplexity"] == min(row["valid_perplexity"] for row in curve)
    seconds = [row["seconds"] for row in curve]
    assert seconds == sorted(seconds) and seconds[0] > 0 and record["seconds"] >= seconds[-1]
    assert record["test_perplexity"] > 1 and record["parameters"] > 0
    for row in record["results"].get("context", []):
        assert isinstance(row["perplexity"], float)   # computed, not typed in


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("nsmc-best")])
def test_the_curve_of_the_best_on_reviews_agrees_with_its_results(name):
    record = records.read_record(name)
    settings, curve, results = record["settings"], record["curve"], record["results"]
    assert [row["epoch"] for row in curve] == list(range(1, settings["epochs"] + 1))
    accuracies = [row["valid_accuracy"] for row in curve]
    assert results["valid_accuracy"] == max(accuracies) == accuracies[results["best_epoch"] - 1]
    assert curve[-1]["lr"] == pytest.approx(0, abs=1e-6) and record["seconds"] >= curve[-1]["seconds"] > 0
    assert (results["test_accuracy"] * results["texts"]["test"]) % 1 == pytest.approx(0, abs=1e-6)


def test_the_table_of_reviews_has_every_model_seed_and_epoch_and_its_results_follow():
    record = records.read_record("nsmc-table")
    settings, curve = record["settings"], record["curve"]
    wanted = {
        (model, seed, epoch)
        for model in sentiment.MODELS
        for seed in range(1, settings["seeds"] + 1)
        for epoch in range(1, settings["epochs"] + 1)
    }
    assert {(row["model"], row["model_seed"], row["epoch"]) for row in curve} == wanted
    assert len(curve) == len(wanted)
    assert record["results"]["runs"] == sentiment.best_epochs(curve)
    assert record["results"]["reported"] == sentiment.REPORTED
    for name, found in record["data_sha256"].items():
        assert found in (nsmc.SHA256[name], nsmc.DRAWN_AGAIN[name])


@every_record
def test_the_record_is_written_as_the_command_writes_it(name, tmp_path):
    again = records.write_record(records.read_record(name), tmp_path / "again.json")
    stored = (records.RUNS / f"{name}.json").read_bytes().replace(b"\r\n", b"\n")
    assert again.read_bytes() == stored


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ptb")])
def test_penn_treebank_was_the_text(name):
    record = records.read_record(name)
    assert record["data_sha256"] == penn_treebank.SHA256
    if name.startswith("ptb-test-text"):   # no batches: a trained model reads the texts from end to end
        return
    rows = record["settings"]["batch_size"]
    tokens = {"train": 929588 // rows * rows, "valid": 73750, "test": 82420}   # a word more than targets
    if (share := record["settings"].get("train_share", 1.0)) < 1:
        tokens["train"] = pytest.approx(share * 929589, abs=rows)
    assert record["results"]["tokens"] == tokens


def test_penn_treebank_small_model_tests_below_136_within_four_epochs():
    record = records.read_record("ptb-small")
    wanted = {"embedding_size": 100, "hidden_size": 100, "seq_len": 35, "batch_size": 20}
    assert wanted.items() <= record["settings"].items()
    assert record["parameters"] == 2_090_400   # 2 · 10,000 · 100 + 10,000 + 4 · 100 · (100 + 100 + 1)
    assert len(record["curve"]) <= 4
    assert record["test_perplexity"] <= 136


def test_the_laptop_recipe_tests_below_75_within_an_hour_on_two_cores():
    record = records.read_record("ptb-laptop")
    assert record["test_perplexity"] < 75
    assert record["seconds"] <= 3600
    assert record["hardware"]["cores"] <= 2 and record["results"]["device"] == "cpu"
    assert record["results"]["processes"] == 1


def test_two_layers_of_650_test_below_the_published_perplexity():
    record = records.read_record("ptb-650")
    wanted = {"embedding_size": 650, "hidden_size": 650, "num_layers": 2, "tied": True, "stop_after": 0}
    assert wanted.items() <= record["settings"].items()
    assert record["test_perplexity"] < 75.8


@pytest.mark.parametrize(("name", "below", "seeds"), [("ptb-laptop", 75, (1, 2)), ("ptb-650", 75.8, (1,))])
def test_with_other_seeds_it_tests_below_as_well(name, below, seeds):
    first = records.read_record(name)
    for seed in seeds:
        record = records.read_record(f"{name}-seed{seed}")
        assert record["seed"] == seed and record["settings"] == first["settings"]
        assert record["test_perplexity"] < below and record["test_perplexity"] != first["test_perplexity"]


def test_an_evening_takes_the_same_model_below_70():
    record, shorter = records.read_record("ptb-evening"), records.read_record("ptb-650")
    for name in ("embedding_size", "hidden_size", "num_layers", "tied"):
        assert record["settings"][name] == shorter["settings"][name]
    assert record["test_perplexity"] < 70
    assert record["hardware"]["cores"] <= 2 and record["results"]["device"] == "cpu"


@pytest.mark.parametrize(
    ("name", "below"),
    [("ptb-test-text", 68), ("ptb-test-text-model-ptb-650", 68), ("ptb-test-text-model-ptb-evening", 65)],
)
def test_what_the_test_text_teaches_was_chosen_on_validation_and_has_its_controls(name, below):
    results = records.read_record(name)["results"]
    assert results["test"]["both"] < below
    assert results["test"]["static"] == pytest.approx(static_test_perplexity(name), rel=0.01)
    for kind in ("cache", "dynamic"):
        assert results["test"][kind] < results["test"]["static"]
        assert results["written"][kind] >= results["written"]["static"]
    assert results["shuffled"]["cache"] >= results["shuffled"]["static"]


def static_test_perplexity(name):
    """What the model's own record has for the test text (it is read there in rows, here in one piece)."""
    return records.read_record(records.read_record(name)["settings"]["model"])["test_perplexity"]


def test_every_part_was_left_out_once():
    whole = records.read_record("ptb-evening")
    for seed, name in enumerate(("ptb-parts",)):
        record = records.read_record(name)
        assert record["seed"] == seed and record["settings"]["epochs"] * 4 == whole["settings"]["epochs"]
        assert [row["without"] for row in record["curve"]] == list(parts.WITHOUT)
        sizes = {row["without"]: row["parameters"] for row in record["curve"]}
        assert sizes.pop("tying") == whole["parameters"] + 10_000 * 650
        assert set(sizes.values()) == {whole["parameters"]}


def test_the_ablation_has_every_model_with_every_seed():
    record = records.read_record("ptb-ablation")
    settings, rows = record["settings"], record["curve"]
    assert settings["seeds"] >= 3
    wanted = {(case, seed) for case in ablation.cases() for seed in range(settings["seeds"])}
    assert [(row["case"], row["seed"]) for row in rows] == sorted(wanted, key=lambda pair: (
        pair[1], list(ablation.cases()).index(pair[0])
    ))
    base = [row["parameters"] for row in rows if row["case"] == "base"]
    V, H = 10_000, settings["hidden_size"]
    assert set(base) == {2 * V * H + V + 4 * H * (2 * H + 2)}
    tied = [row["parameters"] for row in rows if row["case"] == "+ tying"]
    assert set(tied) == {V * H + V + 2 * 4 * H * (2 * H + 2)}


def test_bfloat16_costs_less_than_1_percent_of_perplexity():
    rows = records.read_record("ptb-precision")["curve"]
    for seed in {row["seed"] for row in rows}:
        of = {row["precision"]: row["test_perplexity"] for row in rows if row["seed"] == seed}
        assert of["bfloat16"] == pytest.approx(of["float32"], rel=0.01)


def test_two_processes_gave_the_losses_of_one():
    record = records.read_record("two-processes")
    assert len(record["curve"]) == record["settings"]["steps"] == 50
    differences = [abs(row["one"] - row["two"]) / row["one"] for row in record["curve"]]
    assert max(differences) == pytest.approx(record["results"]["largest_relative_difference"])
    assert max(differences) < 1e-5


@pytest.fixture(scope="module")
def stories():
    """The text of the plain pronoun run, written again."""
    settings = get("pronouns").settings
    grammar = PronounGrammar(distance=(0, settings["distance"]), greetings=0.0)
    rng = np.random.default_rng(0)
    parts = {"train": 1, "valid": 5, "test": 5}
    return {name: grammar.corpus(settings["tokens"] // part, rng) for name, part in parts.items()}


def test_the_pronoun_stories_are_the_same_everywhere(stories):
    sums = {name: records.sha256(" ".join(tokens)) for name, (tokens, _) in stories.items()}
    assert sums == records.read_record("pronouns")["data_sha256"]


def test_pronouns_within_3_percent_of_the_floor_in_a_minute(stories):
    record = records.read_record("pronouns")
    ids = np.zeros(len(stories["test"][0]), np.int64)   # which ids does not matter here, how many does
    batches = contiguous_batches(ids, training_runs.EVALUATION_BATCH, record["settings"]["seq_len"])
    floor = floor_perplexity(stories["test"][1][batches.target_index])
    assert record["floor_perplexity"] == pytest.approx(floor, rel=1e-12)
    assert 0.99 * floor < record["test_perplexity"] < 1.03 * floor
    assert record["results"]["above_floor"] == pytest.approx(record["test_perplexity"] / floor - 1)
    assert record["seconds"] < 60


def test_records_are_plain_json():
    for name in [*NAMES, "schema"]:
        json.loads((records.RUNS / f"{name}.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_the_cost_record_was_made_on_a_quiet_machine():
    """Time grows with T, and a step costs about the same whatever the length."""
    curve = records.read_record("rnn-cost")["curve"]
    forward = [row["forward_seconds"] for row in curve]
    assert forward == sorted(forward)
    per_step = [row["forward_seconds"] / row["T"] for row in curve]
    assert max(per_step) < 2 * min(per_step)


def named(*names):
    """The records of these experiments, whatever their seeds and settings."""
    return [name for name in NAMES if name.startswith(names)]


SWEEPS = {
    "pronoun-distance": distances.cases,
    "cells-words": small_data.word_cases,
    "cells-stories": small_data.story_cases,
}
"""Experiment → settings → the cases that its record has one row each for."""


@pytest.mark.parametrize("name", named(*SWEEPS))
def test_every_model_of_a_sweep_has_its_row(name):
    record = records.read_record(name)
    cases = SWEEPS[record["name"]](record["settings"])
    found = [tuple(row[column] for column in cases[0]) for row in record["curve"]]
    assert len(found) == len(set(found)) and set(found) == {tuple(case.values()) for case in cases}


@pytest.mark.parametrize("name", named("pronoun-distance", "cells-stories"))
def test_shares_are_shares(name):
    for row in records.read_record(name)["curve"]:
        shares = [row[key] for key in row if key in ("valid", "test", "train") or key.startswith("at_")]
        assert len(shares) >= 3 and all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("name", named("cells-words"))
def test_the_cells_were_trained_long_enough_and_at_their_best_rate(name):
    record = records.read_record(name)
    settings, curve = record["settings"], record["curve"]
    own = small_data.own_rates(settings)
    for cell in ("lstm", "gru"):
        assert small_data.best_word_rate(curve, cell) == own[cell]
    for row in curve:
        assert row["epochs"] == small_data.EPOCHS[row["share"]]
        if row["lr"] == own[row["cell"]]:   # the best epoch is past, or further training might be better
            assert row["best_epoch"] < row["epochs"]
            assert row["last_valid_perplexity"] > row["valid_perplexity"]
            assert row["last_train_perplexity"] < row["train_perplexity_at_best"]
    parameters = {row["cell"]: row["parameters"] for row in curve}
    assert parameters["gru"] < parameters["wide gru"] == pytest.approx(parameters["lstm"], rel=0.01)


@pytest.mark.parametrize("name", named("cells-stories"))
def test_the_cells_read_the_same_stories_everywhere(name):
    record = records.read_record(name)
    grammar = PronounGrammar(distance=(0, record["settings"]["distance"]), greetings=0.0)
    tokens, _ = grammar.corpus(max(small_data.TOKENS), np.random.default_rng([record["seed"], 1]))
    assert record["data_sha256"]["train-1"] == records.sha256(" ".join(tokens))


@pytest.mark.parametrize("name", named("cell-cost"))
def test_the_cells_were_timed_on_one_thread(name):
    record = records.read_record(name)
    assert record["hardware"]["threads"] == 1   # OMP_NUM_THREADS=1, or NumPy had more of them than torch
    found = {(row["library"], row["cell"], row["hidden_size"]) for row in record["curve"]}
    assert found == set(itertools.product(("numpy", "torch"), costs.LAYERS, costs.CELL_SIZES))
    seconds = [(row["forward_seconds"], row["both_seconds"]) for row in record["curve"]]
    assert all(0 < forward < both for forward, both in seconds)


@pytest.mark.parametrize("name", named("fused-affine"))
def test_every_size_of_an_affine_map_was_timed(name):
    curve = records.read_record(name)["curve"]
    sizes = [(row["batch_size"], row["hidden_size"]) for row in curve]
    assert sizes == list(itertools.product(costs.BATCH_SIZES, costs.AFFINE_SIZES))
    for row, way in itertools.product(curve, ("separate", "fused")):
        assert 0 < row[f"{way}_seconds"] < row[f"{way}_both_seconds"]
    for row, gain in itertools.product(curve, ("gain", "gain_both")):
        assert 0 < row[f"{gain}_25"] <= row[f"{gain}_50"] <= row[f"{gain}_75"]
