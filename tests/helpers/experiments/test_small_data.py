"""LSTM and GRU on little text: how much text each model reads, and which epoch is reported."""

import numpy as np
import pytest

from helpers import records
from helpers.corpora import english
from helpers.corpora.batches import contiguous_batches
from helpers.corpora.pronouns import PronounGrammar
from helpers.corpora.vocabulary import Vocabulary
from helpers.experiments import get, small_data
from helpers.experiments.stories import pronouns_right
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam
from helpers.training import Trainer, evaluate, perplexity

# ---- real English --------------------------------------------------------------------------------------

TEXT = {
    "train": " ".join(f"The w{i % 7} of w{i % 3} is w{i % 11}. Rare{i}!" for i in range(40)),
    "valid": " ".join(f"The w{i % 5} of w{i % 4} is w{i % 9}. New{i}!" for i in range(9)),
    "test": " ".join(f"The w{i % 6} of w{i % 2} is w{i % 8}. New{i}!" for i in range(8)),
}
WORDS = {"embedding_size": 3, "hidden_size": 8, "batch_size": 2, "seq_len": 5, "seeds": 2}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(english, "reference_splits", lambda: english.Splits(**TEXT))
        patched.setattr(small_data, "EPOCHS", {0.25: 3, 1.0: 2})
        made = get("cells-words").run(overrides=WORDS, checkpoints=folder, bar=False)
        assert not list(folder.iterdir())
        cases = small_data.word_cases(made["settings"])
        assert [{name: row[name] for name in cases[0]} for row in made["curve"]] == cases
    return made


def test_the_cases_are_complete_and_unique():
    cases = small_data.word_cases(get("cells-words").settings)
    assert len({tuple(case.items()) for case in cases}) == len(cases)
    own = small_data.own_rates(get("cells-words").settings)
    assert list(own) == ["lstm", "gru", "wide gru"]
    assert {rate in small_data.WORD_RATES for rate in own.values()} == {True}
    for cell, rate in own.items():
        for share in (0.05, 0.1, 0.25, 0.5, 1.0):
            models = [case for case in cases if (case["cell"], case["share"]) == (cell, share)]
            wanted = small_data.WORD_RATES if share == 0.25 and cell != "wide gru" else (rate,)
            assert sorted((case["lr"], case["model_seed"]) for case in models) == [
                (lr, seed) for lr in wanted for seed in range(1, 6)
            ]


def test_sizes(words):
    V = words["results"]["vocabulary"]
    train = english.words(TEXT["train"])
    assert V == len(Vocabulary.build(train, min_count=2)) < len(set(train))
    assert words["results"]["tokens"].keys() == {"valid", "test"}
    for row in words["curve"]:
        assert row["tokens"] == contiguous_batches(np.arange(round(row["share"] * len(train))), 2, 5).tokens
        D, H = 3, row["hidden_size"]
        cell = 4 * H * (D + H + 1) if row["cell"] == "lstm" else 3 * H * (D + H + 2)
        assert row["parameters"] == V * D + cell + V * (H + 1)
        assert row["epochs"] == {0.25: 3, 1.0: 2}[row["share"]] >= row["best_epoch"] >= 1
        assert row["valid_perplexity"] <= row["last_valid_perplexity"]
        if row["best_epoch"] == row["epochs"]:
            assert row["valid_perplexity"] == row["last_valid_perplexity"]
            assert row["train_perplexity_at_best"] == row["last_train_perplexity"]


def test_the_sums_are_those_of_the_text(words):
    assert words["data_sha256"] == {name: records.sha256(text) for name, text in TEXT.items()}


@pytest.mark.parametrize(("cell", "share"), [("wide gru", 0.25), ("lstm", 1.0)])
def test_a_row_is_what_training_by_hand_gives(words, cell, share):
    """A quarter of the text with the words of all of it, and the whole validation and test text."""
    tokens = {name: english.words(text) for name, text in TEXT.items()}
    vocabulary = Vocabulary.build(tokens["train"], min_count=2)
    text = vocabulary.encode(tokens["train"])[: round(share * len(tokens["train"]))]
    valid, test = (contiguous_batches(vocabulary.encode(tokens[name]), 10, 5) for name in ("valid", "test"))
    hidden = small_data.hidden_sizes(len(vocabulary), 3, 8)[cell]
    assert (hidden > 8) == (cell == "wide gru")
    rng = np.random.default_rng(2)
    model = LanguageModel(len(vocabulary), 3, hidden, cell=cell.split()[-1], rng=rng)
    trainer = Trainer(model, Adam(model.params, 0.002), max_norm=1.0, report=None, bar=False)
    curve = trainer.fit(contiguous_batches(text, 2, 5), valid, {0.25: 3, 1.0: 2}[share])
    [row] = [
        row
        for row in words["curve"]
        if (row["cell"], row["share"], row["lr"], row["model_seed"]) == (cell, share, 0.002, 2)
    ]
    assert row["valid_perplexity"] == trainer.best_valid_perplexity
    assert row["test_perplexity"] == perplexity(evaluate(model, test))
    assert row["last_train_perplexity"] == curve[-1]["train_perplexity"]
    assert row["hidden_size"] == hidden


def test_the_best_epoch_is_reported_and_kept():
    """A rate that is far too high: the last epoch is not the best."""
    rng = np.random.default_rng(0)
    ids = np.cumsum(rng.integers(1, 3, 200)) % 9
    train, valid = contiguous_batches(ids[:80], 2, 5), contiguous_batches(ids[80:], 2, 5)
    model = LanguageModel(9, 4, 5, cell="gru", rng=rng)
    row = small_data.best_and_last(model, train, valid, 0.1, 12, 5.0)
    assert row["epochs"] == 12 and 1 < row["best_epoch"] < 12
    assert row["valid_perplexity"] < 0.9 * row["last_valid_perplexity"]
    assert row["train_perplexity_at_best"] > 1.1 * row["last_train_perplexity"]
    assert perplexity(evaluate(model, valid)) == row["valid_perplexity"]


def test_a_stopped_training_is_no_result(monkeypatch):
    def stop(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_run_epoch", stop)   # fit itself only notes that it was stopped
    batches = contiguous_batches(np.arange(60) % 9, 2, 5)
    model = LanguageModel(9, 4, 5, rng=np.random.default_rng(0))
    with pytest.raises(KeyboardInterrupt):
        small_data.best_and_last(model, batches, batches, 0.1, 2, 1.0)


@pytest.mark.parametrize(("V", "D", "H"), [(30, 20, 20), (1707, 64, 64), (5, 3, 50)])
def test_the_wide_gru_comes_nearest(V, D, H):
    hidden = small_data.hidden_sizes(V, D, H)

    def parameters(cell, size):
        return LanguageModel(V, D, size, cell=cell, rng=np.random.default_rng(0)).parameter_count

    assert (hidden["lstm"], hidden["gru"]) == (H, H)
    wide, wanted = hidden["wide gru"], parameters("lstm", H)
    distance = {size: abs(parameters("gru", size) - wanted) for size in (wide - 1, wide, wide + 1)}
    assert wide > H and min(distance, key=distance.get) == wide


def test_the_best_word_rate_has_the_lowest_validation_perplexity_on_average():
    rows = [
        {"cell": cell, "share": share, "lr": lr, "valid_perplexity": valid, "test_perplexity": 1 / lr}
        for cell, share, lr, valid in [
            ("lstm", 0.25, 0.002, 90.0),
            ("lstm", 0.25, 0.002, 130.0),
            ("lstm", 0.25, 0.003, 100.0),   # on average; another has the best model
            ("lstm", 0.25, 0.003, 100.0),
            ("lstm", 0.25, 0.005, 140.0),
            ("lstm", 1.0, 0.005, 1.0),
            ("gru", 0.25, 0.005, 2.0),
            ("gru", 0.25, 0.002, 3.0),
        ]
    ]
    assert small_data.best_word_rate(rows, "lstm") == 0.003
    assert small_data.best_word_rate(rows, "gru") == 0.005


# ---- the pronoun stories -------------------------------------------------------------------------------

STORIES = {
    "distance": 1,
    "embedding_size": 3,
    "hidden_size": 4,
    "batch_size": 3,
    "seq_len": 7,
    "steps": 3,
    "seeds": 2,
    "stories": 12,
}
GRAMMAR = PronounGrammar(distance=(0, 1), greetings=0.0)


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(small_data, "TOKENS", (60, 250))
        made = get("cells-stories").run(overrides=STORIES, checkpoints=folder, bar=False)
        assert not list(folder.iterdir())
        cases = small_data.story_cases(made["settings"])
        assert [{name: row[name] for name in cases[0]} for row in made["curve"]] == cases
        assert len({tuple(case.items()) for case in cases}) == len(cases) == 2 * 2 * 3 * 3
    return made


def test_shares_of_stories(stories):
    for row in stories["curve"]:
        assert row.keys() == {"cell", "tokens", "lr", "model_seed", "train", "valid", "test", "seen"}
        for name in ("valid", "test", "seen"):
            assert 0 <= row[name] <= 1 and (12 * row[name]) % 1 == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("size", [60, 250])
def test_a_story_row_is_what_training_by_hand_gives(stories, size):
    tokens, _ = GRAMMAR.corpus(size, np.random.default_rng([0, 2]))
    ids = GRAMMAR.vocabulary.encode(tokens)
    model = LanguageModel(len(GRAMMAR.vocabulary), 3, 4, cell="gru", rng=np.random.default_rng(2))
    small_data.fit(model, contiguous_batches(ids, 3, 7), 0.03, 3, 1.0)
    fresh = {
        name: GRAMMAR.stories(12, np.random.default_rng([1000, number]))
        for number, name in enumerate(("valid", "test"))
    }
    wanted = {name: pronouns_right(model, each) for name, each in fresh.items()}
    [row] = [row for row in stories["curve"] if list(row.values())[:4] == ["gru", size, 0.03, 2]]
    assert {name: row[name] for name in wanted} == wanted
    texts = [text.split() for text in " ".join(tokens).split("<eos>") if text]
    prompts = {tuple(text[: text.index("and") + 1]) for text in texts}
    assert row["seen"] == sum(story.prompt in prompts for story in fresh["test"]) / 12
    assert row["seen"] > 0 or size == 60


def test_shorter_texts_are_the_beginning_of_longer_ones():
    all_stories = small_data.whole_stories(GRAMMAR, 300, np.random.default_rng(7))
    for size in (1, 60, 299, 300):
        tokens, _ = GRAMMAR.corpus(size, np.random.default_rng(7))
        read = small_data.beginning(all_stories, size)
        assert [token for story in read for token in story.tokens] == tokens
    # The last of them was needed, and a text that ends with a story ends there.
    whole = len(read[0].tokens) + len(read[1].tokens)
    assert [len(small_data.beginning(all_stories, whole + extra)) for extra in (-1, 0, 1)] == [2, 2, 3]


def test_only_stories_that_were_read_count_as_training(stories, monkeypatch, tmp_path):
    """`train` is asked of the first stories of the text, `valid` and `test` of others."""
    asked = []

    def spy(model, each):
        asked.append([story.tokens for story in each])
        return 0.0

    monkeypatch.setattr(small_data, "TOKENS", (60, 250))
    monkeypatch.setattr(small_data, "pronouns_right", spy)
    get("cells-stories").run(overrides=STORIES | {"seeds": 1, "steps": 1}, checkpoints=tmp_path, bar=False)
    text, _ = GRAMMAR.corpus(250, np.random.default_rng([0, 1]))
    counts = set()
    for train, valid, test in zip(asked[::3], asked[1::3], asked[2::3], strict=True):
        joined = [token for tokens in train for token in tokens]
        assert joined == text[: len(joined)] and valid != test and len(valid) == len(test) == 12
        counts.add(len(train))
    assert max(counts) == 12 and min(counts) < 12   # 60 tokens have fewer


def test_the_rows_at_the_best_rate():
    rows = [
        {"cell": cell, "tokens": tokens, "lr": lr, "valid": valid, "test": 1 - valid}
        for cell, tokens, lr, valid in [
            ("rnn", 10, 0.01, 0.9),
            ("rnn", 10, 0.01, 0.7),
            ("rnn", 10, 0.03, 0.6),
            ("rnn", 20, 0.01, 0.5),
            ("gru", 10, 0.01, 0.5),
            ("rnn", 20, 0.03, 0.6),
            ("gru", 10, 0.03, 0.4),
        ]
    ]
    best = small_data.at_best_rate(rows)
    assert sorted(rows.index(row) for row in best) == [0, 1, 4, 5]
