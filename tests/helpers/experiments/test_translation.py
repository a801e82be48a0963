"""Encoder and decoder with attention and without: what the experiments train, and what they count."""

import numpy as np
import pytest
import torch

from helpers import records
from helpers.corpora import dates, korean_english
from helpers.corpora.parallel import Pair, ParallelCorpus
from helpers.decoding import greedy_decode
from helpers.experiments import bottleneck, get, translation
from helpers.models.seq2seq import Seq2Seq
from helpers.torch_training import TorchTrainer
from helpers.torch_training.schedules import cosine
from helpers.torch_training.translation import Seq2SeqLoss, ShuffledPairs, translations

SIZES = {"embedding_size": 4, "hidden_size": 6, "batch_size": 8, "lr": 0.01, "seeds": 2, "jobs": 1}
DATES = {**SIZES, "batch_size": 100, "examples": 2_000, "held_out": 12, "budget": 0.0, "parts": 2}
COPIES = {**SIZES, "steps": 5, "words": 6}
KOREAN = {**SIZES, "batch_size": 60, "examples": 600, "held_out": 12, "passes": 2}
PAIRS = [("plain", 0), ("additive", 0), ("dot", 0), ("plain", 1), ("additive", 1), ("dot", 1)]


def tokens_right(model, corpus, pairs, max_length):
    """The share of target tokens that are right where they stand: unlike an exact match, another number for
    almost any other model."""
    found = translations(model, corpus, pairs, max_length)
    return float(np.mean([
        token == written for pair, tokens in zip(pairs, found, strict=True)
        for token, written in zip(pair.target, [*tokens, *[None] * max_length], strict=False)
    ]))


def run(folder, name, settings):
    made = get(name).run(overrides=settings, checkpoints=folder, bar=False)
    assert not list(folder.iterdir())
    return made


def fit(model, batches, epochs, steps=None):
    """Training by hand; the weights of the last epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    scheduler = None if steps is None else torch.optim.lr_scheduler.LambdaLR(optimizer, cosine(steps))
    trainer = TorchTrainer(
        model, optimizer, Seq2SeqLoss(), lambda model: {"none": -trainer.epoch}, monitor="none",
        scheduler=scheduler, max_norm=1.0, report=None, bar=False,
    )
    return trainer.fit(batches, epochs)


def network(corpus, seed, attention):
    torch.manual_seed(seed)
    sizes = len(corpus.source_vocabulary), len(corpus.target_vocabulary)
    return Seq2Seq(*sizes, embedding_size=4, hidden_size=6, attention=attention)


def test_every_model_with_every_seed():
    found = translation.cases({"seeds": 2}, 5)
    assert [(case["model"], case["seed"]) for case in found] == [(model, seed + 5) for model, seed in PAIRS]
    for name in ("dates", "bottleneck", "korean-english"):
        assert get(name).chapter == "07" and get(name).settings["seeds"] == 3


# ---- dates ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_dates(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("helpers.torch_training.translation.exact_match_of", tokens_right)
        return run(tmp_path_factory.mktemp("checkpoints"), "dates", DATES)


def test_without_seconds_there_is_one_part_of_a_pass(of_dates):
    curve = of_dates["curve"]
    assert [(row["model"], row["seed"]) for row in curve] == PAIRS
    for row in curve:
        assert row["passes"] == 0.5 and row["seconds"] > 0
        assert row["best_valid"] == row["valid"] and row["best_seconds"] == row["seconds"]
        assert (120 * row["test"]) % 1 == pytest.approx(0, abs=1e-9)


def test_the_days_are_those_of_the_corpus(of_dates):
    corpus = dates.corpus(0, 2_000, 12, 12)
    lines = ["\t".join(" ".join(side) for side in pair) for pair in corpus.valid]
    assert of_dates["data_sha256"]["valid"] == records.sha256("\n".join(lines))
    assert len(set(of_dates["data_sha256"].values())) == 3


@pytest.mark.parametrize(("model", "attention"), [("plain", None), ("additive", "additive"), ("dot", "dot")])
def test_a_row_of_dates_is_what_training_by_hand_gives(of_dates, model, attention):
    corpus = dates.corpus(0, 2_000, 12, 12)
    by_hand = network(corpus, 1, attention)
    batches = ShuffledPairs(*corpus.encode(corpus.train), 100, 1)(0)
    [last] = fit(by_hand, batches[::2], 1)
    [row] = [row for row in of_dates["curve"] if (row["model"], row["seed"]) == (model, 1)]
    assert row["train_loss"] == pytest.approx(last["train_loss"], rel=1e-6)
    assert row["valid"] == tokens_right(by_hand, corpus, corpus.valid, 11)
    assert row["test"] == tokens_right(by_hand, corpus, corpus.test, 11)


def test_the_parts_of_a_pass_are_all_of_its_batches(monkeypatch, tmp_path):
    """Two passes in four parts, by a clock of our own: a step takes a second, a validation a hundred."""
    seen, now = [], [0.0]

    class Spy(TorchTrainer):
        def fit(self, batches, epochs):
            assert epochs == len(self.curve) + 1
            part = batches(epochs - 1)
            seen.append(part)
            now[0] += len(part)
            self.seconds += len(part)
            before = now[0]
            scores = self.evaluate(self.model)
            self.seconds += now[0] - before
            self.curve.append({"train_loss": 1.0, **scores})
            self.epoch = epochs
            return self.curve

    def share(model, corpus, pairs, max_length):
        now[0] += 100
        return [0.1, 0.4, 0.3, 0.4, 0.2][len(seen) - 1]

    monkeypatch.setattr("helpers.torch_training.TorchTrainer", Spy)
    monkeypatch.setattr("helpers.torch_training.translation.exact_match_of", share)
    monkeypatch.setattr(translation.time, "perf_counter", lambda: now[0])
    corpus = dates.corpus(0, 2_000, 12, 12)
    pairs = ShuffledPairs(*corpus.encode(corpus.train), 100, 1)
    settings = {**get("dates").settings, **DATES, "budget": 49.0}
    rows, best = translation._train_for(network(corpus, 0, None), corpus, pairs, settings, 11)
    assert [row["seconds"] for row in rows] == [10, 20, 30, 40]   # of 20 batches; a fifth part is too much
    assert [row["passes"] for row in rows] == [0.5, 1.0, 1.5, 2.0]
    assert best == {"best_valid": 0.4, "best_seconds": 20, "test": 0.4}

    def first_rows(parts):
        return sorted(tuple(batch[0][0]) for part in parts for batch in part)

    assert first_rows(seen[:2]) == first_rows([pairs(0)]) and first_rows(seen[2:4]) == first_rows([pairs(1)])


# ---- the bottleneck ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_copies(tmp_path_factory):
    return run(tmp_path_factory.mktemp("checkpoints"), "bottleneck", COPIES)


def test_a_row_for_each_length(of_copies):
    curve = of_copies["curve"]
    models = ["plain", "plain, twice as wide", "additive"]
    wanted = [(m, s, n) for s in (0, 1) for m in models for n in range(2, 31, 2)]
    assert [(row["model"], row["seed"], row["length"]) for row in curve] == wanted
    for row in curve:
        places = [f"at_{i}" for i in range(1, row["length"] + 1)]
        assert [name for name in row if name.startswith("at_")] == places
        assert row["letters"] == pytest.approx(np.mean([row[name] for name in places]))
        assert row["exact"] <= min(row[name] for name in places)
    sizes = {row["model"]: row["parameters"] for row in curve}
    assert sizes["plain"] < sizes["additive"] < sizes["plain, twice as wide"]


@pytest.mark.parametrize(
    ("model", "attention", "width"), [("additive", "additive", 6), ("plain, twice as wide", None, 12)]
)
def test_a_row_of_copies_is_what_training_by_hand_gives(of_copies, model, attention, width):
    settings = {**get("bottleneck").settings, **COPIES}
    torch.manual_seed(1)
    by_hand = Seq2Seq(29, 29, embedding_size=4, hidden_size=width, attention=attention)
    fit(by_hand, bottleneck.copying_batches(settings, 1), 1, steps=5)
    rng = np.random.default_rng([0, 1])
    for length in range(2, 31, 2):
        sources, targets = bottleneck.copying(rng, 6, length)
        ids = greedy_decode(by_hand, torch.from_numpy(sources), max_length=length + 1).ids
        both = list(zip(ids, targets.tolist(), strict=True))
        exact = np.mean([[*each, 2] == target[1:] for each, target in both])
        right = [[i < len(each) and each[i] == target[1 + i] for i in range(length)] for each, target in both]
        [row] = [r for r in of_copies["curve"] if (r["model"], r["seed"], r["length"]) == (model, 1, length)]
        assert row["exact"] == pytest.approx(exact)
        places = [row[f"at_{i}"] for i in range(1, length + 1)]
        assert places == pytest.approx(np.mean(right, axis=0).tolist())


def test_words_to_copy():
    sources, targets = bottleneck.copying(np.random.default_rng(0), 500, 7)
    assert sources.shape == (500, 7) and targets.shape == (500, 9)
    assert set(sources.ravel().tolist()) == set(range(3, 29))
    np.testing.assert_array_equal(targets[:, 1:-1], sources)
    assert (targets[:, 0] == 1).all() and (targets[:, -1] == 2).all()
    sources, targets = bottleneck.copying(np.random.default_rng(0), 5, 7, reverse=True)
    np.testing.assert_array_equal(targets[:, -2:0:-1], sources)


def test_batches_of_words_of_all_lengths():
    settings = {**get("bottleneck").settings, "steps": 600}
    batches = bottleneck.copying_batches(settings, 3)
    counts = np.bincount([sources.shape[1] for sources, _ in batches])
    assert len(batches) == 600 and counts[:2].sum() == 0 and len(counts) == 31
    assert counts[2:].min() >= 5 and counts[2:].max() <= 45   # 21 on average
    assert {sources.shape[0] for sources, _ in batches} == {64}
    first = batches[0][0].tolist()
    assert first == bottleneck.copying_batches(settings, 3)[0][0].tolist()
    assert first != bottleneck.copying_batches(settings, 4)[0][0].tolist()


@pytest.mark.parametrize(
    ("written", "exact", "letters", "places"),
    [
        ([[5, 6, 7], [8, 9, 10]], 1.0, 1.0, [1, 1, 1]),
        ([[5, 6, 8], [8, 9, 10]], 0.5, 5 / 6, [1, 1, 0.5]),
        ([[5, 6], [9, 10, 8]], 0.0, 2 / 6, [0.5, 0.5, 0]),       # too short; shifted
        ([[5, 6, 7, 7], [8, 9, 10]], 0.5, 1.0, [1, 1, 1]),       # too long
        ([[], [8]], 0.0, 1 / 6, [0.5, 0, 0]),
    ],
)
def test_what_counts_as_right(monkeypatch, written, exact, letters, places):
    class Decoded:
        ids = written

    monkeypatch.setattr("helpers.decoding.greedy_decode", lambda *arguments, max_length: Decoded)
    targets = np.array([[1, 5, 6, 7, 2], [1, 8, 9, 10, 2]])
    row = bottleneck._copied(None, targets[:, 1:-1], targets)
    assert row == {
        "exact": exact, "letters": pytest.approx(letters), **{f"at_{i}": p for i, p in enumerate(places, 1)}
    }


# ---- Korean to English ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_korean(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("helpers.torch_training.translation.exact_match_of", tokens_right)
        return run(tmp_path_factory.mktemp("checkpoints"), "korean-english", KOREAN)


def test_a_row_for_each_pass(of_korean):
    curve = of_korean["curve"]
    assert [(row["model"], row["seed"]) for row in curve[::2]] == PAIRS
    assert [row["passes"] for row in curve] == [1, 2] * 6
    for first, last in zip(curve[::2], curve[1::2], strict=True):
        assert "test" not in first
        shares = [first["valid"], last["valid"]]
        assert last["best_valid"] == max(shares) and last["best_passes"] == 1 + shares.index(max(shares))
        assert first["seconds"] < last["seconds"]
        assert ("aligned" in last) == (last["model"] != "plain")
        if "aligned" in last:
            assert 0 < last["aligned"] < 1


def test_a_row_of_korean_is_what_training_by_hand_gives(of_korean):
    corpus = korean_english.corpus(0, 600, 12, 12)
    by_hand = network(corpus, 1, "dot")
    pairs = ShuffledPairs(*corpus.encode(corpus.train), 60, 1)
    rows = [row for row in of_korean["curve"] if (row["model"], row["seed"]) == ("dot", 1)]
    passes = rows[-1]["best_passes"]
    curve = fit(by_hand, pairs, passes)
    assert rows[passes - 1]["train_loss"] == pytest.approx(curve[-1]["train_loss"], rel=1e-6)
    assert rows[-1]["best_valid"] == tokens_right(by_hand, corpus, corpus.valid, 15)
    assert rows[-1]["test"] == tokens_right(by_hand, corpus, corpus.test, 15)
    assert rows[-1]["aligned"] == translation.aligned(by_hand, corpus, corpus.test)


class Looking:
    """Its weights are heaviest where `look` says."""

    def __init__(self, look):
        self.look = look

    def __call__(self, sources, inputs):
        weights = torch.full((*inputs.shape, sources.shape[1]), 0.01)
        for n, row in enumerate(self.look):
            for t, index in enumerate(row):
                weights[n, t, index] = 0.9
        return None, weights


def test_aligned_counts_the_words_that_come_from_one():
    texts = ["동생이 밥을 먹는다", "친구는 그림을 볼 것이다"]
    pairs = [Pair(tuple(t.split()), korean_english.translate(t.split())) for t in texts]
    corpus = ParallelCorpus.build(pairs, [], [])
    # the sibling eats the rice <eos>; the friend will look at the picture <eos>
    right = [[2, 0, 2, 0, 1, 1], [3, 0, 3, 2, 2, 0, 1, 0]]
    assert translation.aligned(Looking(right), corpus, pairs) == 1
    wrong = [[2, 0, 2, 0, 0, 1], [3, 0, 3, 2, 1, 0, 2, 0]]   # three of eight elsewhere
    assert translation.aligned(Looking(wrong), corpus, pairs) == pytest.approx(5 / 8)
    assert translation.aligned_by_chance(pairs) == pytest.approx((3 / 3 + 5 / 4) / 8)


def test_the_longest_translation_has_room():
    for limit, corpus in (
        (translation.SENTENCE_LENGTH, korean_english.corpus()),
        (translation.DATE_LENGTH, dates.corpus(train=2_000)),
    ):
        assert limit == 1 + max(len(pair.target) for pairs in (corpus.train, corpus.test) for pair in pairs)


@pytest.mark.parametrize("name", ["dates", "bottleneck", "korean-english"])
def test_a_stopped_training_is_no_result(monkeypatch, tmp_path, name):
    def stop(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(TorchTrainer, "_run_epoch", stop)   # fit itself only notes that it was stopped
    settings = {"dates": DATES, "bottleneck": COPIES, "korean-english": KOREAN}[name]
    with pytest.raises(KeyboardInterrupt):
        get(name).run(overrides=settings, checkpoints=tmp_path, bar=False)


# ---- the records ---------------------------------------------------------------------------------------

NAMES = sorted(path.stem for path in records.RUNS.glob("*.json"))


def named(name):
    """The records of this experiment, whatever their seeds and settings; none before it was run."""
    return [each for each in NAMES if each.startswith(name)]


@pytest.mark.parametrize("name", named("dates"))
def test_recorded_dates(name):
    record = records.read_record(name)
    last = [row for row in record["curve"] if "test" in row]
    assert [{"model": row["model"], "seed": row["seed"]} for row in last] == translation.cases(
        record["settings"], record["seed"]
    )
    assert max(row["seconds"] for row in record["curve"]) < 1.02 * record["settings"]["budget"]
    for row in last:   # that learned something, and that attention is what reads a date
        assert row["test"] == pytest.approx(row["best_valid"], abs=0.03)
        if row["model"] == "additive" and name == "dates":
            assert row["test"] >= 0.995 and row["best_seconds"] <= 30
    sizes = (record["settings"][name] for name in ("examples", "held_out", "held_out"))
    corpus = dates.corpus(record["seed"], *sizes)
    assert record["data_sha256"] == translation._sums(corpus)


@pytest.mark.parametrize("name", named("bottleneck"))
def test_recorded_bottleneck(name):
    record = records.read_record(name)
    cases = translation.cases(record["settings"], record["seed"], bottleneck.SIZES)
    found = [(row["model"], row["seed"], row["length"]) for row in record["curve"]]
    assert found == [(c["model"], c["seed"], n) for c in cases for n in bottleneck.LENGTHS]
    exact = {key: row["exact"] for key, row in zip(found, record["curve"], strict=True)}
    for seed in {case["seed"] for case in cases}:   # what the record is quoted for
        assert exact["additive", seed, 20] > 0.9 > 0.1 > exact["plain", seed, 20]


@pytest.mark.parametrize("name", named("korean-english"))
def test_recorded_korean(name):
    record = records.read_record(name)
    last = [row for row in record["curve"] if "test" in row]
    assert [{"model": row["model"], "seed": row["seed"]} for row in last] == translation.cases(
        record["settings"], record["seed"]
    )
    sizes = (record["settings"][name] for name in ("examples", "held_out", "held_out"))
    corpus = korean_english.corpus(record["seed"], *sizes)
    assert record["data_sha256"] == translation._sums(corpus)
    assert record["results"]["aligned_by_chance"] == pytest.approx(translation.aligned_by_chance(corpus.test))
    for row in last:
        assert (row["model"] == "plain") != ("aligned" in row)
        if row["model"] != "plain":
            assert row["test"] > 0.95 and row["aligned"] > 2 * record["results"]["aligned_by_chance"]
