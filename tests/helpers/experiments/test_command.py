"""The command: what it prints, where it writes, and what it says when something is wrong."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers import records
from helpers.corpora.batches import ContiguousBatches
from helpers.experiments import Experiment, experiments, registry
from helpers.experiments.cli import app, file_name
from helpers.training.checkpoints import load_checkpoint

SMALL = ["--set", "tokens=600", "--set", "hidden_size=4", "--set", "embedding_size=3", "--set", "epochs=1"]
SUFFIX = "-tokens-600-hidden-size-4-embedding-size-3-epochs-1.json"

SCHEMA = Path(records.__file__).parents[1] / "data" / "runs" / "schema.json"
RNN_COST = str(SCHEMA.with_name("rnn-cost.json"))


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Nothing is written into the repository."""
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("UNROLLED_PTB_DIR", raising=False)
    monkeypatch.setattr(records, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(records, "OWN", tmp_path / "own")
    records.schema.cache_clear()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "schema.json").write_text(SCHEMA.read_text(encoding="utf-8"), encoding="utf-8")
    yield
    records.schema.cache_clear()


def call(*arguments):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def test_help():
    outputs = [call("--help").stdout, call("run", "--help").stdout]
    plain, text = (re.sub(r"\x1b\[[0-9;]*m", "", output) for output in outputs)
    assert "Run a named experiment and record it." in plain
    for option in ("--seed", "--set", "--restart", "--no-bar", "--out", "--course", "--save-every"):
        assert option in text
    assert "last checkpoint" in text


def test_list_names_all():
    result = call("list")
    assert result.exit_code == 0
    for each in experiments():
        assert re.search(rf"(?<![\w-]){each.name}(?![\w-])", result.stdout), each.name


def test_run_writes_a_record_where_it_is_told_to(tmp_path):
    out = tmp_path / "new folder" / "mine.json"
    result = call("run", "pronouns", "--no-bar", "--seed", 3, "--out", out, *SMALL)
    assert result.exit_code == 0, result.output
    record = json.loads(out.read_text(encoding="utf-8"))
    records.validate(record)
    assert record["seed"] == 3 and record["settings"]["tokens"] == 600
    assert f"recorded in {out}" in result.stdout
    assert f"test perplexity: {record['test_perplexity']:.2f}" in result.stdout
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["schema.json"]
    assert len(list((tmp_path / "data" / "checkpoints").iterdir())) == 1


def test_a_run_of_ones_own_leaves_the_courses_record_and_is_told_beside_it(tmp_path):
    courses, own = (tmp_path / place / f"pronouns{SUFFIX}" for place in ("runs", "own"))
    assert "the course's record" not in call("run", "pronouns", "--no-bar", *SMALL, "--course").stdout
    record = json.loads(courses.read_text(encoding="utf-8")) | {"test_perplexity": 1.25}
    before = records.write_record(record, courses).read_bytes()
    said = call("run", "pronouns", "--no-bar", *SMALL).stdout
    assert re.search(r"test perplexity: \d+\.\d\d \(the course's record: 1\.25\)\n", said)
    assert f"recorded in {own}" in said and courses.read_bytes() == before
    assert records.read_record(own.stem, records.OWN)["command"] == record["command"]
    assert records.read_record(own.stem, records.RUNS)["test_perplexity"] == 1.25
    result = call("run", "pronouns", "--no-bar", *SMALL, "--course", "--out", tmp_path / "x.json")
    assert result.exit_code == 1 and "Error: --course: got --out" in result.stderr


def test_git_and_the_update_leave_records_of_ones_own_alone(monkeypatch):
    from tools.update.source import SKIPPED_PATHS

    monkeypatch.undo()
    root = SCHEMA.parents[2]
    own = records.OWN.relative_to(root).as_posix()
    assert own in SKIPPED_PATHS and f"{own}/" in (root / ".gitignore").read_text(encoding="utf-8").split()


def test_the_home_folder_is_meant_where_no_shell_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    small = ["--set", "rounds=1", "--set", "batch_size=1", "--set", "hidden_size=2"]
    assert call("run", "rnn-cost", "--no-bar", *small, "--out=~/mine.json").exit_code == 0
    assert (tmp_path / "mine.json").exists()


def test_the_name_of_a_record_says_how_its_run_differs(tmp_path):
    call("run", "pronouns", "--no-bar", *SMALL)
    call("run", "pronouns", "--no-bar", "--seed", 12, *SMALL, "--set", "lr=1e-2")
    names = sorted(path.name for path in (tmp_path / "own").iterdir())
    second = f"pronouns-seed12{SUFFIX.removesuffix('.json')}-lr-0.01.json"
    assert names == sorted(["pronouns" + SUFFIX, second])
    plain = {"name": "ptb-small", "seed": 0, "settings": {"lr_decay": 1.0}}
    assert file_name(plain) == "ptb-small.json"
    assert file_name(plain, ["lr_decay"]) == "ptb-small-lr-decay-1.0.json"


def test_the_recorded_command_makes_the_record_again(tmp_path):
    call("run", "pronouns", "--no-bar", "--seed", 2, "--out", tmp_path / "a.json", *SMALL)
    first = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    words = first["command"].split()[3:]
    call(*words, "--restart", "--no-bar", "--out", tmp_path / "b.json")
    second = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert comparable(first) == comparable(second)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pronoun"], "Error: name: got 'pronoun', wanted one of "),
        (["pronouns", "--set", "epochs"], "Error: --set: got 'epochs', wanted NAME=VALUE"),
        (["pronouns", "--set", "=3"], "Error: --set: got '=3', wanted NAME=VALUE"),
        (["pronouns", "--set", "speed=3"], "Error: setting: got 'speed', wanted one of cell, "),
        (["pronouns", "--set", "epochs=soon"], "Error: epochs: got 'soon', wanted a value like "),
        (["pronouns", "--set", "epochs=0", *SMALL[:-2]], "Error: epochs: got 0"),
        (["pronouns", "--set", "cell=[/b]", *SMALL], "Error: cell: got '[/b]', wanted one of 'rnn'"),
        (["pronouns", "--set", "[/x]=[red]"], "Error: setting: got '[/x]', wanted one of "),
        (["pronouns", "--set", "tokens=20"], "Error: ids: got "),
        (["pronuons"], "Error: name: got 'pronuons', wanted one of "),
        (["pronouns", "--set", "lr="], "Error: --set: got 'lr=', wanted NAME=VALUE"),
        (["pronouns", "--set", "lr=1", "--set", "lr=2"], "Error: --set: got lr twice, wanted each once"),
        (["pronouns", "--set", "hidden-size=3"], "Error: setting: got 'hidden-size', wanted one of cell, "),
        (["pronouns", "--out", "."], "Error: --out: got . (got a folder, wanted the name of a file)"),
        (["pronouns", "--out", __file__], f"Error: --out: got {__file__}, which is there and is no record"),
        (["pronouns", "--out", RNN_COST], f"Error: --out: got {RNN_COST}, which is there and is the "),
        (["review-embedding", "--set", "sizes=2+2"], "Error: sizes: got '2+2', wanted different numbers"),
        (["review-embedding", "--set", "models=rnn+rnn"], "Error: models: got 'rnn' twice"),
        (["english-words", "--set", "min_count=99999"], "Error: min_count: got 99999, wanted what some word"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
def test_mistakes_are_named_in_a_line(arguments, message, tmp_path):
    result = call("run", *arguments, "--no-bar")
    assert result.exit_code == 1
    assert result.stderr.startswith(message)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["schema.json"]
    assert not list((tmp_path / "own").glob("*"))


@pytest.mark.parametrize("arguments", [["--seed", "-1"], ["--seed", "x"], ["--save-every", "0"], ["--wrong"]])
def test_wrong_options_are_the_commands_own_errors(arguments):
    assert call("run", "pronouns", *arguments).exit_code == 2


def test_a_missing_corpus_says_where_to_get_it():
    result = call("run", "ptb-small", "--no-bar")
    assert result.exit_code == 1
    assert "Penn Treebank, split train: there is no" in result.stderr
    assert "penn_treebank --download" in result.stderr and "UNROLLED_PTB_DIR" in result.stderr


def test_divergence_is_no_traceback(monkeypatch):
    def diverge(run):
        raise FloatingPointError("epoch 1, step 2: loss: got nan, wanted a finite number")

    monkeypatch.setitem(registry._EXPERIMENTS, "toy", Experiment("toy", "09", "", diverge, {"lr": 1.0}))
    result = call("run", "toy")
    assert (result.exit_code, "step 2: loss: got nan" in result.stderr) == (1, True)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"type": 3}', "\ud800"], ids=repr)
def test_a_schema_that_is_none_is_found_before_the_work(tmp_path, text):
    schema = tmp_path / "runs" / "schema.json"
    schema.unlink()
    if text is not None:
        schema.write_bytes(text.encode(errors="surrogatepass"))
    result = call("run", "pronouns", "--no-bar", *SMALL)
    assert result.exit_code == 1 and not (tmp_path / "data").exists()
    assert result.stderr.startswith(f"Error: {schema}: got no JSON schema (")
    assert "git restore data/runs/schema.json" in result.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory (MemoryError): a smaller batch_size or hidden_size needs less"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes"), "not enough memory (Default"),
        (ModuleNotFoundError("No module named 'torch'"), "No module named 'torch'; 'python -m helpers.envir"),
        (BrokenProcessPool("A process ended."), "A process ended. The same command goes on"),
        (PermissionError(13, "Permission denied", "data"), "[Errno 13] Permission denied: 'data'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_can_go_wrong_on_any_machine_is_a_sentence(monkeypatch, error, message):
    def fail(run):
        raise error

    monkeypatch.setitem(registry._EXPERIMENTS, "toy", Experiment("toy", "09", "", fail, {"lr": 1.0}))
    result = call("run", "toy")
    assert result.exit_code == 1 and result.stderr.startswith(f"Error: {message}")


def test_a_mistake_of_ours_has_its_traceback(monkeypatch):
    def fail(run):
        return {}["nothing"]

    monkeypatch.setitem(registry._EXPERIMENTS, "toy", Experiment("toy", "09", "", fail, {"lr": 1.0}))
    assert isinstance(CliRunner().invoke(app, ["run", "toy"]).exception, KeyError)


def test_a_diverged_run_says_so_and_has_its_record(tmp_path):
    result = call("run", "pronouns", "--no-bar", *SMALL, "--set", "lr=1e6")
    [record] = (tmp_path / "own").iterdir()
    assert result.exit_code == 1 and f"(recorded in {record})" in result.stderr
    assert result.stderr.startswith("Error: diverged: epoch 1") and records.found(record)["diverged"]


def test_a_run_whose_settings_fill_a_line_has_files_like_any_other(tmp_path, monkeypatch):
    many = {f"a_setting_{n}": 0.1 for n in range(30)}
    seen = []

    def function(run):
        seen.append(run.checkpoint)
        return {"data_sha256": {}}

    monkeypatch.setitem(registry._EXPERIMENTS, "toy", Experiment("toy", "09", "", function, many))
    for last in (0.2, 0.3):
        changed = [f"--set={name}=0.2" for name in list(many)[:-1]] + [f"--set=a_setting_29={last}"]
        assert call("run", "toy", *changed).exit_code == 0
    names = {path.name for path in (tmp_path / "own").iterdir()} | {path.name for path in seen}
    assert len(names) == 4 and max(map(len, names)) <= 125


def test_a_damaged_checkpoint_or_one_of_other_settings_and_the_way_out(tmp_path):
    assert call("run", "pronouns", "--no-bar", *SMALL).exit_code == 0
    [checkpoint] = (tmp_path / "data" / "checkpoints").iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    result = call("run", "pronouns", "--no-bar", *SMALL)
    assert result.exit_code == 1
    assert str(checkpoint) in result.stderr and "--restart" in result.stderr
    assert call("run", "pronouns", "--no-bar", "--restart", *SMALL).exit_code == 0
    load_checkpoint(checkpoint)


def test_ctrl_c_says_how_to_go_on_and_going_on_works(tmp_path, monkeypatch):
    passes, original = [], ContiguousBatches.__iter__

    def interrupted(self):
        for number, batch in enumerate(original(self)):
            if number == 1 and not passes:
                passes.append(1)
                raise KeyboardInterrupt
            yield batch

    monkeypatch.setattr(ContiguousBatches, "__iter__", interrupted)
    arguments = ["run", "pronouns", "--no-bar", "--save-every", 1, *SMALL, "--out", tmp_path / "a.json"]
    result = call(*arguments)
    assert result.exit_code == 130
    assert "stopped in epoch 1, step 1" in result.stdout and "same command goes on" in result.stdout
    assert not (tmp_path / "a.json").exists()
    result = call(*arguments)
    assert result.exit_code == 0 and "going on after 0 epochs and 1 steps" in result.stdout
    call("run", "pronouns", "--no-bar", "--restart", *SMALL, "--out", tmp_path / "b.json")
    first, second = (json.loads((tmp_path / f"{x}.json").read_text(encoding="utf-8")) for x in "ab")
    assert comparable(first) == comparable(second)


def comparable(record):
    """A record without its times."""
    curve = [{key: value for key, value in row.items() if key != "seconds"} for row in record["curve"]]
    return {key: value for key, value in record.items() if key != "seconds"} | {"curve": curve}


# ---- a process killed in the middle --------------------------------------------------------------------

SETTINGS = ["--set", "tokens=30000", "--set", "hidden_size=32", "--set", "epochs=3"]
COMMAND = [sys.executable, "-m", "helpers.experiments", "run", "pronouns", "--save-every", "4", "--no-bar"]


def start(folder):
    """The experiment in a process of its own, in `folder`, its record in record.json."""
    environment = os.environ | {
        "UNROLLED_DATA_DIR": str(folder),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }
    return subprocess.Popen(
        [*COMMAND, *SETTINGS, "--out", str(folder / "record.json")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def finish(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def test_killed_in_the_middle_of_an_epoch_and_run_again(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    uninterrupted = start(whole)

    for _ in range(5):   # the kill may fall on an epoch's end, or come too late: then once more
        shutil.rmtree(broken)
        broken.mkdir()
        process = start(broken)
        try:
            for line in process.stdout:
                if line.startswith("epoch 1/3"):
                    break
            [checkpoint] = (path for path in (broken / "checkpoints").iterdir() if path.suffix == ".npz")
            seen, patience = checkpoint.stat().st_mtime_ns, time.monotonic() + 60
            while checkpoint.stat().st_mtime_ns == seen and time.monotonic() < patience:
                time.sleep(0.001)
        finally:
            process.kill()
            process.communicate()
        _, meta = load_checkpoint(checkpoint)
        if meta["epoch"] in (1, 2) and meta["step"] > 0 and process.returncode != 0:
            break
    assert process.returncode != 0 and not (broken / "record.json").exists()
    assert meta["epoch"] in (1, 2) and meta["step"] > 0, "killed at the end of an epoch, not in its middle"

    output = finish(start(broken))
    assert f"going on after {meta['epoch']} epochs and {meta['step']} steps" in output
    finish(uninterrupted)
    first, second = (
        json.loads((folder / "record.json").read_text(encoding="utf-8")) for folder in (whole, broken)
    )
    assert len(first["curve"]) == 3
    assert comparable(second) == comparable(first)
