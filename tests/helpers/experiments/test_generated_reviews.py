"""Chapter 8's sweeps over starts and sizes of the embedding, on few reviews and for few epochs."""

import numpy as np
import pytest

from helpers.corpora import reviews
from helpers.experiments import embedding_sizes, generated_reviews, get
from helpers.records import read_record, validate

SMALL = {
    "reviews": 40, "valid": 30, "test": 50, "hidden_size": 4, "dense_size": 3, "batch_size": 10, "epochs": 4,
}


def run(name, tmp_path, **changes):
    overrides = {**SMALL, **changes}
    return get(name).run(overrides=overrides, checkpoints=tmp_path, bar=False)


def test_every_start_model_and_amount_of_reviews(tmp_path):
    record = run("review-start", tmp_path, seeds=2, embedding_size=5)
    validate(record)
    runs = record["results"]["runs"]
    assert len(runs) == 2 * (2 * 5 + 2)
    kinds = {(r["start"], r["model"], r["reviews"], r["epochs"]) for r in runs}
    assert {("small", "lstm", 40, 6), ("small", "lstm", 80, 3), ("normal", "two-lstm", 40, 4)} < kinds
    for each in runs:
        keys = ("start", "model", "reviews", "epochs", "model_seed")
        curve = [row for row in record["curve"] if all(row[key] == each[key] for key in keys)]
        assert len(curve) == each["epochs"]
        assert each["valid_accuracy"] == max(row["valid_accuracy"] for row in curve)
        assert [r["epoch"] for r in curve if r["test_accuracy"] is not None] == [each["best_epoch"]]
    first = {row["start"]: row["train_loss"] for row in record["curve"] if row["model"] == "gru"}
    assert first["normal"] != first["small"]


def test_every_size_model_and_seed(tmp_path):
    record = run("review-embedding", tmp_path, seeds=2, sizes="3+6", models="rnn+lstm")
    validate(record)
    found = {(r["size"], r["model"], r["model_seed"]) for r in record["results"]["runs"]}
    assert found == {(size, model, seed) for size in (3, 6) for model in ("rnn", "lstm") for seed in (1, 2)}
    parameters = {(r["size"], r["model"]): r["parameters"] for r in record["curve"]}
    vocabulary = len(generated_reviews.generated({**record["settings"]}, 0, 1).vocabulary)
    assert parameters[6, "rnn"] - parameters[3, "rnn"] == 3 * vocabulary + 3 * 4
    assert parameters[6, "lstm"] - parameters[3, "lstm"] == 3 * vocabulary + 4 * 3 * 4


def test_every_seed_has_reviews_of_its_own_and_all_share_the_others():
    settings = {**get("review-start").settings, **SMALL, "seeds": 3}
    texts = [generated_reviews.generated(settings, 0, seed) for seed in (1, 2, 3)]
    pool = reviews.splits(0, 120, 30, 50)
    for number, each in enumerate(texts):
        own = [label for _, label in pool.train[40 * number : 40 * (number + 1)]]
        assert each.splits["train"][2].tolist() == own
        for name in ("valid", "test"):
            np.testing.assert_array_equal(each.splits[name][0], texts[0].splits[name][0])
    twice = generated_reviews.generated(settings, 0, 3, 80)      # behind the last come the first
    for place in (0, 1, 2):
        both = [texts[2].splits["train"][place], texts[0].splits["train"][place]]
        np.testing.assert_array_equal(twice.splits["train"][place], np.concatenate(both))


@pytest.mark.parametrize("text", ["", "2,10", "2+", "0+2", "-1", "two", "2.5"])
def test_sizes_that_are_none(text):
    with pytest.raises(ValueError, match="sizes: got"):
        embedding_sizes.sizes(text)


@pytest.mark.parametrize(
    ("name", "cases", "keys"),
    [
        ("review-start", generated_reviews.start_cases, ("start", "reviews", "epochs")),
        ("review-embedding", embedding_sizes.cases, ("size",)),
        ("nsmc-embedding", embedding_sizes.cases, ("size",)),
    ],
)
def test_the_stored_records_are_whole(name, cases, keys):
    record = read_record(name)
    wanted = cases(record["settings"])
    assert record["results"]["runs"] == generated_reviews.best_of_each(record["curve"], keys)
    names = list(wanted[0])
    found = list(dict.fromkeys(tuple(row[key] for key in names) for row in record["curve"]))
    assert found == [tuple(case.values()) for case in wanted]
