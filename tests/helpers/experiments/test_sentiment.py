"""The table of chapter 8 on a tiny corpus."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.corpora import nsmc
from helpers.experiments import get, sentiment
from helpers.records import validate

ROOT = Path(__file__).resolve().parents[3]
SMALL = {
    "tokens": "words", "vocab_size": 30, "max_length": 6, "embedding_size": 5, "hidden_size": 4,
    "dense_size": 3, "batch_size": 16, "lr": 0.02, "epochs": 3, "seeds": 2, "jobs": 1, "valid_share": 0.25,
}


def written(seed, count):
    """Reviews whose label is that of their only telling word; every text once."""
    rng = np.random.default_rng(seed)
    rows = ["id\tdocument\tlabel"]
    for n in range(count):
        label = int(rng.integers(2))
        neutral = rng.permutation(["영화", "배우", "음악"])[: rng.integers(1, 4)]
        words = [*neutral, ("싫다", "좋다")[label], f"{seed}{n}"]
        rows.append(f"{n}\t{' '.join(rng.permutation(words))}\t{label}")
    return "\n".join(rows) + "\n"


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus of 200 and 60 texts in a cache of its own."""
    texts = {"train": written(1, 200), "test": written(2, 60)}
    folder = tmp_path / "data" / "cache" / "nsmc"
    folder.mkdir(parents=True)
    for split, text in texts.items():
        (folder / f"ratings_{split}.txt").write_bytes(text.encode())
    monkeypatch.delenv("UNROLLED_NSMC_DIR", raising=False)
    monkeypatch.setenv("UNROLLED_DATA_DIR", str(tmp_path / "data"))
    sums = {split: hashlib.sha256(text.encode()).hexdigest() for split, text in texts.items()}
    monkeypatch.setattr(nsmc, "SHA256", sums)
    return sums


def run(tmp_path, **changes):
    overrides = {**SMALL, **changes}
    return get("nsmc-table").run(overrides=overrides, checkpoints=tmp_path / "checkpoints", bar=False)


def test_a_record(tmp_path, corpus):
    record = run(tmp_path)
    validate(record)
    assert record["data_sha256"] == corpus
    rows, runs = record["curve"], record["results"]["runs"]
    assert len(rows) == 7 * 2 * 3 and len(runs) == 7 * 2
    facts = record["results"]
    assert facts["texts"] == {"train": 150, "valid": 50, "test": 60}
    assert facts["published_split"] and facts["removed"] == {"in_test": 0, "contradictory": 0, "repeated": 0}
    assert facts["kiwi"] is None and facts["vocabulary"] == 30 and 0 < facts["unknown_share"] < 1
    for each in runs:
        curve = [row for row in rows if all(row[key] == each[key] for key in ("model", "model_seed"))]
        assert [row["epoch"] for row in curve] == [1, 2, 3]
        scores = [row["valid_accuracy"] for row in curve]
        assert each["valid_accuracy"] == max(scores) and each["last_valid_accuracy"] == scores[-1]
        assert each["best_epoch"] == 1 + scores.index(max(scores))
        tested = [row["epoch"] for row in curve if row["test_accuracy"] is not None]
        assert tested == [each["best_epoch"]]
        assert each["test_accuracy"] == curve[each["best_epoch"] - 1]["test_accuracy"]
        assert all(0 <= row["train_accuracy"] <= 1 and row["train_loss"] > 0 for row in curve)
    parameters = {row["model"]: row["parameters"] for row in rows}
    head = 4 * 3 + 3 + 3 + 1
    assert parameters["lstm"] == 30 * 5 + 4 * (5 * 4 + 4 * 4 + 8) + head
    assert parameters["two-gru"] == parameters["gru"] + 3 * (4 * 4 + 4 * 4 + 8)
    assert parameters["ann"] == parameters["trained"] == parameters["pre-trained"] + 30 * 5


def test_sizes_of_the_embedding(tmp_path, corpus):
    small = {name: value for name, value in SMALL.items() if name not in ("embedding_size", "seeds")}
    overrides = {**small, "sizes": "5+3", "seeds": 1}
    record = get("nsmc-embedding").run(overrides=overrides, checkpoints=tmp_path, bar=False)
    validate(record)
    table = run(tmp_path, seeds=1, models="lstm")
    assert [each["size"] for each in record["results"]["runs"]] == [5, 3]
    same = {name: value for name, value in record["results"]["runs"][0].items() if name != "size"}
    assert same == table["results"]["runs"][0]      # 5 is the table's own size
    assert record["data_sha256"] == corpus and record["results"]["texts"] == table["results"]["texts"]


def test_they_learn_and_the_word_vectors_are_used(tmp_path, corpus):
    record = run(tmp_path, epochs=8, seeds=1, models="ann+trained+gru", lr=0.05)
    for each in record["results"]["runs"]:
        assert each["test_accuracy"] > 0.85, each
    first = {row["model"]: row["train_loss"] for row in record["curve"] if row["epoch"] == 1}
    assert first["ann"] != first["trained"]   # the same seed and shape, other start values


def test_the_same_run_gives_the_same_rows_and_another_seed_other_splits(tmp_path, corpus):
    def rows(folder, **changes):
        record = run(tmp_path / folder, seeds=1, models="rnn", **changes)
        return [{k: v for k, v in row.items() if k != "seconds"} for row in record["curve"]]

    assert rows("a") == rows("b")
    texts = [sentiment.Texts({**get("nsmc-table").settings, **SMALL}, seed) for seed in (0, 1)]
    assert not np.array_equal(texts[0].splits["valid"][0], texts[1].splits["valid"][0])
    np.testing.assert_array_equal(texts[0].splits["test"][2], texts[1].splits["test"][2])


def test_the_vocabulary_and_the_vectors_are_the_training_texts(tmp_path, corpus):
    settings = {**get("nsmc-table").settings, **SMALL, "vocab_size": 10_000}
    texts = sentiment.Texts(settings, 0)
    ids, lengths, _ = texts.splits["train"]
    assert not (ids == texts.vocabulary.unk_id).any()
    assert (texts.splits["valid"][0] == texts.vocabulary.unk_id).any()   # every text has a word of its own
    assert sum(map(len, texts.sentences)) >= lengths.sum()
    assert texts.vectors(5, 2).shape == (len(texts.vocabulary), 5)
    assert texts.vectors(5, 2) is texts.vectors(5, 2)


def test_truncation(tmp_path, corpus):
    settings = {**get("nsmc-table").settings, **SMALL, "max_length": 2, "vocab_size": 10_000}
    whole = sentiment.Texts({**settings, "max_length": 6}, 0)
    for truncate, part in (("pre", slice(-2, None)), ("post", slice(0, 2))):
        texts = sentiment.Texts({**settings, "truncate": truncate}, 0)
        for row, length, got in zip(*whole.splits["train"][:2], texts.splits["train"][0], strict=True):
            wanted = row[:length][part]
            np.testing.assert_array_equal(got[: len(wanted)], wanted)


def test_names_of_models():
    assert sentiment.chosen("all") == list(sentiment.MODELS) == list(sentiment.REPORTED)
    assert sentiment.chosen("lstm+ann") == ["lstm", "ann"]
    with pytest.raises(ValueError, match=r"models: got 'lstm,ann', wanted 'all' or some of ann\+pre-trained"):
        sentiment.chosen("lstm,ann")


def test_of_equal_epochs_the_first_is_best():
    curve = [{"epoch": n, "valid_accuracy": score} for n, score in enumerate([0.7, 0.8, 0.8, 0.75], 1)]
    assert sentiment.best_epoch(curve) == 2


def test_torch_is_not_loaded_before_a_sweep_forks(tmp_path, corpus):
    code = (
        "import sys\nfrom helpers.corpora import nsmc\nfrom helpers.experiments import get, sentiment\n"
        f"nsmc.SHA256 = {corpus}\n"
        f"sentiment.Texts({{**get('nsmc-table').settings, **{SMALL}}}, 0)\n"
        "print('torch' in sys.modules)"
    )
    environment = {**os.environ, "UNROLLED_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.stdout.strip() == "False", done.stdout + done.stderr
