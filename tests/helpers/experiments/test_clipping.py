"""Clipping and vanishing: the experiment's data, its measurements, and a tiny run."""

import math

import numpy as np
import pytest

from helpers.corpora.pronouns import PronounGrammar
from helpers.corpora.vocabulary import EOS
from helpers.experiments import clipping, get
from helpers.gradients import numerical_gradient
from helpers.layers import log_softmax
from helpers.models.language_model import LanguageModel

TINY = {"windows": 4, "batch_size": 3, "steps": 2, "seeds": 2, "stories": 4, "hidden_size": 5}
VOCABULARY = PronounGrammar().vocabulary


def tiny_model(dtype=np.float32, seed=1):
    rng = np.random.default_rng(seed)
    model = LanguageModel(len(VOCABULARY), 4, 5, cell="rnn", rng=rng, dtype=dtype)
    model.params["embedding.W"] *= 100   # words that differ
    return model


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    return get("pronoun-clipping").run(overrides=TINY, checkpoints=folder, bar=False)


def test_a_row_for_every_distance_variant_and_seed(record):
    rows = {(row["distance"], row["variant"], row["model_seed"]) for row in record["curve"]}
    assert rows == {(d, v, s) for d in clipping.DISTANCES for v in clipping.VARIANTS for s in (1, 2)}
    assert len(rows) == len(record["curve"])
    for row in record["curve"]:
        assert 0 <= row["accuracy"] <= 1 and 0 <= row["clipped"] <= 1
        assert row["at_name_0"] > 0 and row["at_name_1500"] is None   # only two steps were made
    assert {row["clipped"] for row in record["curve"] if row["variant"] == clipping.PLAIN} == {0.0}


def test_variants_differ_in_nothing_but_what_they_are_called_for(record):
    at_start = {
        (row["distance"], row["model_seed"], row["variant"]): row["at_name_0"] for row in record["curve"]
    }
    for d in clipping.DISTANCES:
        same = {at_start[d, 1, v] for v in (clipping.PLAIN, clipping.CLIPPED, clipping.CLIPPED_HARD)}
        assert len(same) == 1 and at_start[d, 1, clipping.ORTHOGONAL] not in same


def test_the_same_seed_gives_the_same_rows(record, tmp_path):
    again = get("pronoun-clipping").run(overrides=TINY, checkpoints=tmp_path, bar=False)
    assert again["curve"] == record["curve"] and again["data_sha256"] == record["data_sha256"]


def test_a_diverged_run_is_a_row_without_numbers(monkeypatch, tmp_path):
    def diverging(model, *_):
        yield False
        raise FloatingPointError("loss: got inf, wanted a finite number")

    monkeypatch.setattr(clipping, "fit", diverging)
    rows = get("pronoun-clipping").run(overrides=TINY, checkpoints=tmp_path, bar=False)["curve"]
    assert len(rows) == len(clipping.DISTANCES) * len(clipping.VARIANTS) * 2
    assert all(row[key] is None for row in rows for key in ("accuracy", "clipped", "at_name_0"))


def test_windows_hold_whole_stories_of_one_distance():
    windows = clipping.mixed_windows(6, 40, 3, np.random.default_rng(1))
    assert {len(inputs) for inputs, _ in windows} == {3}
    distances = set()
    for inputs, targets in windows:
        assert (inputs[:, 1:] == targets[:, :-1]).all()
        assert (VOCABULARY.decode(inputs[:, 0]) == np.array([EOS] * 3)).all()
        assert (VOCABULARY.decode(targets[:, -1]) == np.array([EOS] * 3)).all()
        assert not np.isin(VOCABULARY.encode([EOS]), targets[:, :-1]).any()
        distances.add(inputs.shape[1])
    assert len(distances) == 7   # 0 … 6 words of filler


def test_questions_are_balanced_and_at_the_distance():
    stories = clipping.balanced_stories(3, 10, np.random.default_rng(1))
    assert [story.answer for story in stories] == ["he", "she"] * 5
    assert {story.distance for story in stories} == {3}


def test_the_gradient_at_the_name_is_that_of_the_loss_at_the_blank():
    stories = clipping.balanced_stories(2, 3, np.random.default_rng(2))
    model = tiny_model(np.float64)
    cell, W = model.cells[0], model.output.params["W"]
    ids = np.stack([VOCABULARY.encode([EOS, *story.prompt]) for story in stories])
    answers = VOCABULARY.encode(story.answer for story in stories)
    vectors = model.embedding.forward(ids)
    cell.reset_state()
    states = cell.forward(vectors)

    def loss(state, story, after):
        h = state[None]
        for x in vectors[story, after + 1 :]:
            h = np.tanh(x @ cell.params["Wx"] + h @ cell.params["Wh"] + cell.params["b"])
        return -log_softmax(h @ W + model.output.params["b"])[0, answers[story]]

    def length(story, after):
        state = states[story, after].copy()
        return np.linalg.norm(numerical_gradient(lambda s: loss(s, story, after), state))

    blank = ids.shape[1] - 1
    ratios = [length(story, 1) / length(story, blank) for story in range(3)]
    assert clipping.gradient_at_name(model, stories) == pytest.approx(np.median(ratios), rel=1e-6)


def test_looking_changes_neither_the_model_nor_its_training():
    windows = clipping.mixed_windows(2, 3, 4, np.random.default_rng(3))
    stories = clipping.balanced_stories(2, 4, np.random.default_rng(4))
    alone, watched = tiny_model(), tiny_model()
    for _ in clipping.fit(alone, windows, 0.01, 5, math.inf):
        pass
    for _ in clipping.fit(watched, windows, 0.01, 5, math.inf):
        clipping.gradient_at_name(watched, stories)
    for name, param in alone.params.items():
        np.testing.assert_array_equal(watched.params[name], param)


def test_fit_says_which_steps_were_clipped():
    windows = clipping.mixed_windows(2, 3, 4, np.random.default_rng(3))
    assert list(clipping.fit(tiny_model(), windows, 0.01, 3, 1e-3)) == [False, True, True, True]
    assert list(clipping.fit(tiny_model(), windows, 0.01, 3, math.inf)) == [False] * 4


def test_orthogonal():
    Q = clipping.orthogonal(6, np.random.default_rng(5))
    np.testing.assert_allclose(Q @ Q.T, np.eye(6), atol=1e-12)
    model = clipping.plain_network({"embedding_size": 3, "hidden_size": 6}, clipping.ORTHOGONAL, 1)
    Wh = model.params["cells.0.Wh"]
    np.testing.assert_allclose(Wh @ Wh.T, np.eye(6), atol=1e-6)
