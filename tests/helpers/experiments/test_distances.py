"""Pronouns against distance: which models on which stories, and which learning rate."""

import numpy as np
import pytest

from helpers.corpora.batches import contiguous_batches
from helpers.corpora.pronouns import PronounGrammar
from helpers.experiments import distances, get
from helpers.experiments.stories import story_batches
from helpers.models.language_model import LanguageModel
from helpers.optim import Adam
from helpers.training.trainer import train_step

VOCABULARY = PronounGrammar().vocabulary
TINY = {
    "embedding_size": 3,
    "hidden_size": 4,
    "batch_size": 2,
    "tokens": 120,
    "near": 2,
    "near_seq_len": 6,
    "near_steps": 2,
    "far": 7,
    "far_seq_len": 10,
    "far_steps": 4,
    "both_steps": 3,
    "others": 1,
    "others_steps": 5,
    "seeds": 2,
    "stories": 6,
}


def make(**options):
    return LanguageModel(len(VOCABULARY), 5, 6, rng=np.random.default_rng(0), dtype=np.float64, **options)


def batches():
    return list(story_batches((0, 3), 300, 4, 12, np.random.default_rng(2)))


def margin(model, stories):
    """How much more the model thinks of the answer than of the other pronoun, on average over two of six
    stories: unlike a share, another number for any other model, and for any other stories."""
    he, she = VOCABULARY.encode(["he", "she"])
    margins = []
    for story in stories[::3]:
        model.reset_state()
        logits = model.forward(VOCABULARY.encode(["<eos>", *story.prompt])[None])[0, -1]
        margins.append((logits[she] - logits[he]) * (1 if story.answer == "she" else -1))
    return float(np.mean(margins))


# ---- the experiment ------------------------------------------------------------------------------------


def run(folder, **changes):
    made = get("pronoun-distance").run(overrides=TINY | changes, checkpoints=folder, bar=False)
    assert not list(folder.iterdir())
    return made


@pytest.fixture(scope="module")
def margins(tmp_path_factory):
    """The record with margins in place of shares."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(distances, "pronouns_right", margin)
        return run(tmp_path_factory.mktemp("checkpoints"))


def test_the_cases_are_complete_and_unique():
    settings = get("pronoun-distance").settings
    cases = distances.cases(settings)
    assert len({tuple(case.items()) for case in cases}) == len(cases)
    sets = {}
    for case in cases:
        models = sets.setdefault((case["text"], case["lr"]), set())
        models.add((case["cell"], case["model_seed"]))
    everyone = {(cell, seed) for cell in ("rnn", "gru", "lstm") for seed in range(1, settings["seeds"] + 1)}
    wanted = {(text, lr) for text in ("near", "far", "both", "other names") for lr in (0.003, 0.01)}
    assert sets == dict.fromkeys(wanted | {("far", 0.03)}, everyone)


def test_a_row_for_each_case(tmp_path):
    record = run(tmp_path, seeds=1)
    cases = distances.cases(record["settings"])
    assert len(cases) == 3 * 9
    assert [{name: row[name] for name in cases[0]} for row in record["curve"]] == cases
    at = {f"at_{d}" for d in distances.DISTANCES}
    for row in record["curve"]:
        assert row.keys() == {*cases[0], "valid", *at}
        for name in {"valid", *at}:
            assert (6 * row[name]) % 1 == pytest.approx(0, abs=1e-9) and 0 <= row[name] <= 1
    sums = record["data_sha256"]
    assert sums.keys() == {"train-near", "train-far", "train-both", "train-other-names"}
    assert len(set(sums.values())) == 4


@pytest.mark.parametrize(("text", "cell"), [("near", "lstm"), ("far", "rnn")])
def test_a_row_is_what_training_by_hand_gives(margins, text, cell):
    high, seq_len, steps, stream = {"near": (2, 6, 2, 1), "far": (7, 10, 4, 0)}[text]
    grammar = PronounGrammar(distance=(0, high), greetings=0.0)
    tokens, _ = grammar.corpus(120, np.random.default_rng([0, stream]))
    model = trained(cell, contiguous_batches(VOCABULARY.encode(tokens), 2, seq_len), steps)
    assert row(model, cell, text, grammar.stories(6, np.random.default_rng([0, 2])), 0) in margins["curve"]


@pytest.mark.parametrize(("text", "others"), [("both", 0), ("other names", 1)])
def test_half_of_the_stories_are_near(margins, text, others):
    steps, stream = {"both": (3, 4), "other names": (5, 5)}[text]
    near, far = (PronounGrammar(distance=(0, d), distractors=others, greetings=0.0) for d in (2, 7))
    rng = np.random.default_rng([0, stream])
    tokens = []
    while len(tokens) < 120:
        tokens += (near, far)[rng.integers(2)].stories(1, rng)[0].tokens
    model = trained("gru", contiguous_batches(VOCABULARY.encode(tokens), 2, 10), steps)
    rng = np.random.default_rng([0, 2])
    valid = [*near.stories(3, rng), *far.stories(3, rng)]
    assert row(model, "gru", text, valid, others) in margins["curve"]


def trained(cell, text, steps):
    model = LanguageModel(len(VOCABULARY), 3, 4, cell=cell, rng=np.random.default_rng(2))
    distances.fit(model, text, 0.01, steps, 1.0)
    return model


def row(model, cell, text, valid, others):
    """The row of a model with seed 2 and rate 0.01."""
    test = PronounGrammar(distractors=others, greetings=0.0)
    at = {
        f"at_{d}": margin(model, test.at_distance(d).stories(6, np.random.default_rng([1000, d])))
        for d in distances.DISTANCES
    }
    return {"cell": cell, "text": text, "lr": 0.01, "model_seed": 2, "valid": margin(model, valid), **at}


def test_the_texts_are_what_their_names_say():
    settings = get("pronoun-distance").settings
    found = {text.name: text.like_training(100, 0) for text in distances.kinds_of_text(settings)}
    assert {name: len(stories) for name, stories in found.items()} == dict.fromkeys(found, 100)
    near = {name: np.mean([story.distance <= 5 for story in stories]) for name, stories in found.items()}
    assert near["near"] == 1 and near["far"] < 0.25
    assert 0.5 <= near["both"] < 0.65 and 0.5 <= near["other names"] < 0.65
    for name, stories in found.items():
        assert max(story.distance for story in stories) <= (5 if name == "near" else 60)
        between = {
            sum(token in PronounGrammar().lexicon.names for token in story.prompt[1:]) for story in stories
        }
        assert between == ({2} if name == "other names" else {0})


# ---- fit -----------------------------------------------------------------------------------------------


def test_the_rate_is_constant_and_then_falls_to_zero(monkeypatch):
    rates = []

    class Spy(Adam):
        def step(self, grads, scale=1.0):
            rates.append(self.lr)

    monkeypatch.setattr(distances, "Adam", Spy)
    distances.fit(make(), batches(), 0.6, 12, 1.0)
    assert rates == pytest.approx([0.6] * 9 + [0.45, 0.3, 0.15])


def test_fit_is_adam_over_the_windows():
    model, plain = make(), make()
    text = batches()
    distances.fit(model, text, 0.01, 3, 0.5)
    optimizer = Adam(plain.params, lr=0.01)
    for window in text[:3]:
        train_step(plain, optimizer, *window, 0.5)
    for name, values in plain.params.items():
        np.testing.assert_array_equal(model.params[name], values)


# ---- best_rate -----------------------------------------------------------------------------------------


def test_the_best_rate_is_best_on_validation_on_average():
    rows = [
        {"lr": lr, "valid": valid, "test": test, "at_1": test}
        for lr, valid, test in [
            (0.01, 1.0, 0.1),
            (0.01, 0.4, 0.1),
            (0.03, 0.8, 0.2),   # the best on average; another has the best model, another the best test
            (0.03, 0.8, 0.2),
            (0.003, 0.6, 1.0),
            (0.003, 0.7, 1.0),
        ]
    ]
    assert distances.best_rate(rows) == distances.best_rate(rows[::-1]) == 0.03
    assert distances.best_rate(rows[:2]) == 0.01
