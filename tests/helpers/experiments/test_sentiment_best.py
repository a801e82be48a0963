"""The NSMC run on reviews made up: its record, stopping and going on, the one test at the end."""

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from helpers import records
from helpers.corpora import nsmc
from helpers.corpora.ngrams import NgramVocabulary, SameLengthBatches
from helpers.experiments import get, sentiment_best
from helpers.models.ngram_classifier import NgramClassifier
from helpers.training.checkpoints import CheckpointError

SMALL = {
    "embedding_size": 6, "hidden_size": 5, "min_counts": "1 2", "batch_size": 16, "epochs": 3,
    "lr": 0.05, "warmup_steps": 2, "precision": "float32", "valid_share": 0.2,
    "dropout": 0.1, "ngram_dropout": 0.1,
}


@pytest.fixture(autouse=True)
def corpus(tmp_path, monkeypatch):
    """Files whose label stands in the order of two syllables, in a folder of the user's own."""
    rng = np.random.default_rng(0)

    def rows(count):
        for number in range(count):
            word = "".join(rng.choice(list("나다라마바사아자차카"), 6))
            label = int(rng.integers(2))
            yield f"{number}\t{word[:3]}{'가하' if label else '하가'}{word[3:]}\t{label}\n"

    sums = {}
    for split, count in (("train", 300), ("test", 60)):
        path = tmp_path / nsmc.SOURCE.filename(split)
        path.write_text("id\tdocument\tlabel\n" + "".join(rows(count)), encoding="utf-8")
        sums[split] = nsmc.sha256_of(path)
    monkeypatch.setattr(nsmc, "SHA256", sums)
    monkeypatch.setenv("UNROLLED_NSMC_DIR", str(tmp_path))
    return sums


def run(tmp_path, resume=True, seed=0, **changes):
    return get("nsmc-best").run(
        seed=seed, overrides={**SMALL, **changes}, checkpoints=tmp_path, resume=resume, bar=False
    )


def without_seconds(curve):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in curve]


def test_a_record(tmp_path, corpus):
    record = run(tmp_path)
    records.validate(record)
    results, curve = record["results"], record["curve"]
    assert [row["epoch"] for row in curve] == [1, 2, 3]
    assert {"train_loss", "valid_accuracy", "valid_loss"} <= set(curve[0])
    accuracies = [row["valid_accuracy"] for row in curve]
    assert results["valid_accuracy"] == max(accuracies)
    assert results["best_epoch"] == 1 + accuracies.index(max(accuracies))
    assert results["texts"] == {"train": 240, "valid": 60, "test": 60}
    assert set(results["removed"]) == {"in_test", "contradictory", "repeated"}
    assert results["published_split"] and record["data_sha256"] == corpus
    assert (results["precision"], results["device"]) == ("float32", "cpu")
    assert record["parameters"] > 6 * results["ngrams"] > 0
    assert results["valid_accuracy"] > 0.9 and results["test_accuracy"] > 0.9   # the order is all there is


def test_the_test_reviews_are_read_once_with_the_best_weights(tmp_path, monkeypatch):
    read = []
    real = sentiment_best.scores_of

    def spy(model, texts):
        scores = real(model, texts)
        name = "test" if first_of_test in texts.labels else "valid"
        read.append((name, scores["accuracy"], model.output.weight.tolist()))
        return scores

    first_of_test = 7   # a label that only the test reviews have
    load_all = nsmc.load_all

    def marked(**options):
        reviews = load_all(**options)
        test = [reviews.test[0]._replace(label=first_of_test), *reviews.test[1:]]
        return nsmc.NaverReviews(reviews.train, reviews.valid, test, reviews.removed)

    monkeypatch.setattr(sentiment_best, "scores_of", spy)
    monkeypatch.setattr(nsmc, "load_all", marked)
    results = run(tmp_path, lr=1.0)["results"]   # absurd: later epochs are not the best
    names, accuracies, weights = zip(*read, strict=True)
    assert names == ("valid", "valid", "valid", "test")
    assert results["test_accuracy"] == accuracies[-1]
    best = accuracies.index(max(accuracies[:3]))
    assert best < 2 and weights[-1] == weights[best] != weights[2]


def test_stopped_it_goes_on_to_the_same_end(tmp_path, monkeypatch):
    from helpers.torch_training import TorchTrainer

    whole = run(tmp_path / "a")
    step, steps = TorchTrainer._step, []

    def stops(self, *arguments):
        steps.append(1)
        if len(steps) == 25:   # in the second epoch
            raise KeyboardInterrupt
        return step(self, *arguments)

    monkeypatch.setattr(TorchTrainer, "_step", stops)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b")
    both = run(tmp_path / "b")
    assert without_seconds(both["curve"]) == without_seconds(whole["curve"])
    assert both["results"] == whole["results"]
    done = len(steps)
    assert run(tmp_path / "b")["results"] == whole["results"] and len(steps) == done   # nothing left to do
    again = run(tmp_path / "b", resume=False)
    assert without_seconds(again["curve"]) == without_seconds(whole["curve"]) and len(steps) > done


def test_a_restart_that_is_stopped_at_once_leaves_nothing_of_the_old_run(tmp_path, monkeypatch):
    from helpers.torch_training import TorchTrainer

    def stops(self, *arguments):
        raise KeyboardInterrupt

    run(tmp_path)
    [checkpoint] = tmp_path.glob("nsmc-best*.pt")
    monkeypatch.setattr(TorchTrainer, "_step", stops)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, resume=False)
    assert not checkpoint.exists()


def test_more_epochs_are_another_run(tmp_path):
    run(tmp_path, epochs=1)
    with pytest.raises(CheckpointError, match="epochs: got 2, wanted 1"):
        run(tmp_path, epochs=2)


def test_seeds_differ(tmp_path):
    assert run(tmp_path)["curve"][0]["train_loss"] != run(tmp_path, seed=1)["curve"][0]["train_loss"]


@pytest.mark.parametrize("text", ["", "3 x"])
def test_bad_counts_are_named(tmp_path, text):
    with pytest.raises(ValueError, match="min_counts: got"):
        run(tmp_path, min_counts=text)


def test_scores_count_every_text_once():
    texts = ["가", "가나", "나가", "나나가", "가나가"]
    labels = np.array([0, 1, 1, 0, 1])
    vocabulary = NgramVocabulary(texts, (1, 1))
    torch.manual_seed(0)
    model = NgramClassifier(vocabulary.size, embedding_size=5, hidden_size=4, dropout=0.5)
    batches = SameLengthBatches(vocabulary.encode(texts), labels, 2)
    scores = sentiment_best.scores_of(model.train(), batches)
    assert model.training
    model.eval()
    one_by_one = [torch.tensor(batches.texts.rows(np.array([n]))) for n in range(5)]
    logits = torch.cat([model(ids, torch.tensor([ids.shape[1]])) for ids in one_by_one]).detach()
    assert scores["accuracy"] == ((logits.numpy() > 0) == labels).sum() / 5
    each = binary_cross_entropy_with_logits(logits, torch.tensor(labels).float())
    assert scores["loss"] == pytest.approx(each.item())
