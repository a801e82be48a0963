"""Checkpoints: written whole or not at all, read back bit for bit, refused when they do not fit."""

import json
import pickle
import zipfile

import numpy as np
import pytest

from helpers.corpora.batches import contiguous_batches
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD, Adam
from helpers.training import Trainer, checkpoints
from helpers.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from tests.hostile import assert_refused

V = 9
TRAIN = contiguous_batches(np.cumsum(np.random.default_rng(1).integers(1, 3, 260)) % V, 4, 7)
VALID = contiguous_batches(np.cumsum(np.random.default_rng(2).integers(1, 3, 90)) % V, 3, 7)


class PowerCut(Exception):
    pass


def cut(batches, after):
    """Batches that end in a power cut after `after` of them, over all passes."""

    class Cut:
        seen = 0

        def __len__(self):
            return len(batches)

        def __iter__(self):
            for batch in batches:
                if self.seen == after:
                    raise PowerCut
                self.seen += 1
                yield batch

    return Cut()


def trainer_for(path, seed=0, optimizer="adam", *, size=6, max_norm=0.3, settings=None, **options):
    model = LanguageModel(V, 5, size, rng=np.random.default_rng(seed), **options)
    chosen = Adam(model.params, 0.02) if optimizer == "adam" else SGD(model.params, 0.5)
    rates = [0.02, 0.01, 0.3, 0.005] if optimizer == "adam" else [0.5, 0.4, 5.0, 0.1]
    return Trainer(
        model,
        chosen,
        max_norm=max_norm,
        learning_rate=rates.__getitem__,
        checkpoint=path,
        settings=settings or {"data": "abc"},
        save_every=2,
        report=None,
        bar=False,
    )


def everything(trainer):
    """All that may decide how a run goes on, and what it gives."""
    curve = [{key: value for key, value in row.items() if key != "seconds"} for row in trainer.curve]
    arrays = {**trainer.model.params, **{f"best/{name}": a for name, a in (trainer._best or {}).items()}}
    optimizer = trainer.optimizer.state_dict()
    for part, value in optimizer.items():
        arrays |= {f"{part}/{name}": a for name, a in value.items()} if isinstance(value, dict) else {}
    for number, layer in enumerate(trainer.model.get_state() or []):
        arrays |= {f"state/{number}/{i}": array for i, array in enumerate(layer)}
    plain = (
        curve,
        trainer.epoch,
        trainer.step,
        optimizer["lr"],
        optimizer.get("steps"),
        trainer.best_valid_perplexity,
        trainer.model.rng.bit_generator.state,
    )
    return plain, {name: array.tobytes() for name, array in arrays.items()}


@pytest.mark.parametrize("after", [3, 13, 20, 25])   # epoch 1, epoch 2, between two epochs, epoch 3
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": "gru", "num_layers": 2, "dropout": 0.3},
        {"cell": "rnn", "optimizer": "sgd", "dropout": 0.5},
    ],
    ids=["lstm-adam", "gru-dropout", "rnn-sgd"],
)
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_bit(tmp_path, after, options):
    whole = trainer_for(None, **options)
    whole.fit(TRAIN, VALID, 4)

    path = tmp_path / "run.npz"
    with pytest.raises(PowerCut):
        trainer_for(path, **options).fit(cut(TRAIN, after), VALID, 4)
    resumed = trainer_for(path, seed=99, **options)   # nothing may come from the new model
    assert resumed.resume()
    done = resumed.epoch * len(TRAIN) + resumed.step
    assert after - 2 < done <= after
    resumed.fit(TRAIN, VALID, 4)
    assert everything(resumed) == everything(whole)
    assert resumed.seconds > 0


def test_a_finished_run_is_read_back_and_not_trained_again(tmp_path):
    path = tmp_path / "run.npz"
    first = trainer_for(path)
    first.fit(TRAIN, VALID, 3)
    again = trainer_for(path, seed=5)
    assert again.resume()
    assert again.fit(cut(TRAIN, 0), VALID, 3) == first.curve   # a single step would raise PowerCut
    assert everything(again) == everything(first)


def test_nothing_to_resume(tmp_path):
    assert trainer_for(None).resume() is False
    trainer = trainer_for(tmp_path / "none.npz")
    before = everything(trainer)
    assert trainer.resume() is False
    assert everything(trainer) == before and not list(tmp_path.iterdir())
    trainer_for(None).save()   # without a file nothing happens


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"max_norm": 0.25}, "max_norm: got 0.25, wanted 0.3"),
        ({"settings": {"data": "xyz"}}, "data: got 'xyz', wanted 'abc'"),
        ({"settings": {"data": "abc", "extra": 1}}, "extra: got 1, wanted None"),
        ({"size": 7}, "another model.*shape"),
        ({"cell": "gru"}, "another model"),
        ({"num_layers": 2}, "another model.*cells.1"),
        ({"dtype": np.float64}, "another model.*float32, wanted float64"),
        ({"optimizer": "sgd"}, "another model: optimizer"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_another_run_is_refused_and_nothing_is_changed(tmp_path, other, message):
    path = tmp_path / "run.npz"
    with pytest.raises(PowerCut):
        trainer_for(path).fit(cut(TRAIN, 13), VALID, 4)
    content = path.read_bytes()
    trainer = trainer_for(path, seed=3, **other)
    before = everything(trainer)
    with pytest.raises(CheckpointError, match=message):
        trainer.resume()
    assert everything(trainer) == before
    assert path.read_bytes() == content


def test_an_sgd_checkpoint_is_no_adam_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    trainer_for(path, optimizer="sgd").fit(TRAIN, VALID, 1)
    with pytest.raises(CheckpointError, match=r"optimizer: got .*, wanted .*'m'"):
        trainer_for(path).resume()


@pytest.mark.parametrize("lost", ["rng", "curve", "state", "optimizer", "best_valid"])
def test_a_checkpoint_that_lacks_something_is_refused(tmp_path, lost):
    path = tmp_path / "run.npz"
    trainer_for(path).fit(TRAIN, VALID, 1)
    arrays, meta = load_checkpoint(path)
    del meta[lost]
    save_checkpoint(path, arrays, meta)
    trainer = trainer_for(path, seed=3)
    before = everything(trainer)
    with pytest.raises(CheckpointError, match=lost):
        trainer.resume()
    assert everything(trainer) == before


# ---- the file ------------------------------------------------------------------------------------------


def example(path):
    arrays = {"a/b.W": np.arange(6, dtype=np.float32).reshape(2, 3), "empty": np.zeros((0, 2))}
    meta = {"step": 3, "rng": {"state": 2**127 + 1}, "text": "ü", "number": 0.1, "none": None}
    save_checkpoint(path, arrays, meta)
    return arrays, meta


def test_round_trip(tmp_path):
    path = tmp_path / "new folder" / "x.npz"
    arrays, meta = example(path)
    got, got_meta = load_checkpoint(path)
    assert got_meta == meta
    assert got.keys() == arrays.keys()
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype and got[name].shape == array.shape
        np.testing.assert_array_equal(got[name], array)
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.npz")


def fail_in_savez(error):
    def savez(file, **arrays):
        file.write(b"half a file")
        raise error

    return savez


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("where", ["numpy.savez", "os.fsync", "os.replace"])
def test_a_failure_while_saving_leaves_the_old_checkpoint_and_no_rubbish(tmp_path, monkeypatch, error, where):
    path = tmp_path / "x.npz"
    example(path)
    content = path.read_bytes()

    def fail(*arguments):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(where, fail_in_savez(error) if where == "numpy.savez" else fail)
        with pytest.raises(type(error)):
            save_checkpoint(path, {"a": np.ones(3)}, {"step": 4})
    assert [file.name for file in tmp_path.iterdir()] == ["x.npz"]
    assert path.read_bytes() == content


def test_values_that_are_not_json_leave_the_old_checkpoint(tmp_path):
    path = tmp_path / "x.npz"
    _, meta = example(path)
    with pytest.raises(TypeError):
        save_checkpoint(path, {}, {"array": np.ones(3)})
    assert load_checkpoint(path)[1] == meta and len(list(tmp_path.iterdir())) == 1


def test_one_bit_anywhere_or_a_byte_less_is_noticed(tmp_path):
    path, damaged = tmp_path / "x.npz", tmp_path / "damaged.npz"
    example(path)
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        for changed in (flipped, *([content[:place], content + content[:place]] if place % 9 == 1 else [])):
            damaged.write_bytes(changed)
            with pytest.raises(CheckpointError, match=r"damaged.npz: cannot be read .*Delete it, or move it"):
                load_checkpoint(damaged)
    assert load_checkpoint(path)[1]["step"] == 3


def without_sum(path):
    """As versions before format 2 wrote them."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    meta = json.loads(str(arrays.pop("__meta__")))
    del meta["format"]
    np.savez(path, **arrays, __meta__=np.array(json.dumps(meta)))


def test_a_checkpoint_of_an_older_version_is_read_and_damage_noticed_as_far_as_zip_files_show_it(tmp_path):
    path = tmp_path / "run.npz"
    whole = trainer_for(None)
    whole.fit(TRAIN, VALID, 3)
    trainer_for(path).fit(TRAIN, VALID, 2)
    without_sum(path)
    again = trainer_for(path, seed=5)
    assert again.resume()
    again.fit(TRAIN, VALID, 3)
    assert everything(again) == everything(whole)
    without_sum(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("number", "message"), [(3, "got format 3, wanted at most 2.*update the course"), ("2", "damaged")]
)
def test_a_checkpoint_of_a_newer_version_says_so(tmp_path, monkeypatch, number, message):
    path = tmp_path / "x.npz"
    with monkeypatch.context() as newer:
        newer.setattr(checkpoints, "FORMAT", number)
        example(path)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


def test_arrays_of_objects_are_not_written(tmp_path):
    for array in (np.array([None]), [1.0], None):
        assert_refused(save_checkpoint, tmp_path / "x.npz", {"a": array}, {}, names="arrays['a']")
    assert not list(tmp_path.iterdir())


NO_CHECKPOINTS = {
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
    "a web page": b"\n <!DOCTYPE html><html>log in</html>",
    "empty": b"",
    "no checkpoint": b"hello",
    "Python objects": pickle.dumps({"model": [1, 2]}),
    "damaged, or cut off": b"PK\x03\x04",
}


@pytest.mark.parametrize(
    "what", [*NO_CHECKPOINTS, "folder", "a .pt file, wanted a .npz", "not those of a trainer"]
)
def test_what_is_no_checkpoint_is_named_and_moving_it_away_starts_anew(tmp_path, what):
    path = tmp_path / "run.npz"
    trainer = trainer_for(path)
    if what == "folder":
        path.mkdir()
    elif what in NO_CHECKPOINTS:
        path.write_bytes(NO_CHECKPOINTS[what])
    else:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("run/data.pkl" if "pt" in what else "a.npy", b"")
    wanted = rf"run.npz: cannot be read .*{what}.*Delete it, or move it away"
    with pytest.raises(CheckpointError, match=wanted) as told:
        trainer.resume()
    assert not any(word in str(told.value) for word in ("pickle", "weights_only", "trust"))
    path.rename(tmp_path / "away")
    assert trainer.resume() is False
    trainer.fit(TRAIN, VALID, 1)
    assert trainer_for(path).resume()


@pytest.mark.parametrize("kind", ["text", "npy", "no meta", "list as meta", "pickle"])
def test_a_file_of_another_kind_is_a_checkpoint_error(tmp_path, kind):
    path = tmp_path / "x.npz"
    executed = tmp_path / "executed"

    class Trap:
        def __reduce__(self):
            return (type(executed).touch, (executed,))

    with path.open("wb") as file:
        if kind == "text":
            file.write(b"hello")
        elif kind == "npy":
            np.save(file, np.ones(3))
        elif kind == "no meta":
            np.savez(file, a=np.ones(3))
        elif kind == "list as meta":
            np.savez(file, __meta__=np.array(json.dumps([1])))
        else:
            np.savez(file, __meta__=np.array("{}"), a=np.array([Trap()], dtype=object))
    assert kind != "pickle" or zipfile.is_zipfile(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)
    assert not executed.exists()
