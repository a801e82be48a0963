"""What the test text teaches, on a tiny model: the texts, the choice on validation, where the model is."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from helpers.experiments import adaptation, get
from helpers.experiments.torch_runs import build
from helpers.models.torch_language_model import TorchLanguageModel

V = 12
RNG = np.random.default_rng(0)
REPEATS = np.tile(RNG.integers(1, V, 9), 30)   # nine words over and over


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TorchLanguageModel(V, 5, 7, num_layers=2, tied=True).eval()


def test_sentences_are_shuffled_whole():
    ids = np.array([5, 6, 0, 7, 0, 8, 9, 0, 4])
    seen = {tuple(adaptation.in_another_order(ids, 0, np.random.default_rng(seed))) for seed in range(40)}
    parts = [(5, 6, 0), (7, 0), (8, 9, 0)]
    assert seen == {(*itertools.chain(*order), 4) for order in itertools.permutations(parts)}


def test_a_text_is_drawn_from_what_the_model_predicts(model):
    with torch.no_grad():
        model.output_bias[3] = 4.0   # a word that it likes
    ids = adaptation.written(model, 1, 800, np.random.default_rng(0))
    assert len(ids) == 800 and ids[0] == 1 and set(ids) == set(range(V))
    with torch.no_grad():
        logits, _ = model(torch.from_numpy(ids[None, :-1]))
    expected = torch.softmax(logits[0], -1).mean(dim=0)
    assert np.abs(np.bincount(ids[1:], minlength=V) / 799 - expected.numpy()).max() < 0.05
    assert np.array_equal(ids, adaptation.written(model, 1, 800, np.random.default_rng(0)))


def test_what_is_best_on_validation_is_used_and_a_text_that_repeats_gains(model):
    texts = {"valid": REPEATS, "test": np.roll(REPEATS, 4), "noise": RNG.integers(0, V, 300)}
    settings = {"size": 50, "seq_len": 5, "epsilon": 1e-4}
    curve, results = adaptation.adapted(model, RNG.integers(0, V, 700), texts, settings)
    for kind in ("cache", "dynamic", "both"):
        rows = [row for row in curve if row["kind"] == kind]
        chosen = results["chosen"][kind]
        assert chosen in rows
        assert chosen["valid_perplexity"] == min(row["valid_perplexity"] for row in rows)
    for name in ("cache", "dynamic", "both"):
        assert results["test"][name] < results["test"]["static"]
    assert results["test"]["both"] < results["test"]["dynamic"]
    assert results["noise"]["cache"] > results["noise"]["static"]


def test_the_model_is_the_one_that_the_experiment_left(tmp_path, monkeypatch):
    from helpers.torch_training import checkpoints

    settings = {**get("ptb-laptop").settings, "embedding_size": 5, "hidden_size": 7}
    small = dataclasses.replace(get("ptb-laptop"), settings=settings)
    monkeypatch.setattr(adaptation, "get", lambda name: small)
    monkeypatch.setattr("helpers.experiments.registry.data_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="run ptb-laptop --seed 3"):
        adaptation.trained("ptb-laptop", 3, V)
    torch.manual_seed(1)
    left = build(settings, V)
    path = tmp_path / "checkpoints" / "ptb-laptop-seed3.pt"
    path.parent.mkdir()
    checkpoints.save(path, {"best": left.state_dict(), "model": {}})
    found = adaptation.trained("ptb-laptop", 3, V)
    assert torch.equal(found.embedding, left.embedding) and not found.training
