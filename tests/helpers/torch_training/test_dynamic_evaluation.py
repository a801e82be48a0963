"""Dynamic evaluation predicts before it learns, and leaves the model as it was."""

import math

import numpy as np
import pytest
import torch

from helpers.corpora.batches import contiguous_batches
from helpers.models.torch_language_model import TorchLanguageModel
from helpers.torch_training.dynamic_evaluation import dynamic_nats, root_mean_squares
from helpers.torch_training.language_modelling import mean_nats


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TorchLanguageModel(12, 6, 7, num_layers=2, tied=True, dropout=0.5)


def batches(ids, T=5):
    return contiguous_batches(np.asarray(ids), 1, T)


RNG = np.random.default_rng(0)
SAME = np.tile(RNG.integers(0, 12, 10), 40)   # ten words, forty times
MIXED = RNG.integers(0, 12, 400)


def test_with_a_rate_of_zero_it_is_the_usual_evaluation(model):
    usual = mean_nats(model, batches(SAME))
    assert math.isclose(dynamic_nats(model, batches(SAME), lr=0.0), usual, rel_tol=1e-5)


def test_the_first_window_is_predicted_before_anything_is_learned(model):
    first = next(iter(batches(SAME)))
    usual = mean_nats(model, [first])
    assert math.isclose(dynamic_nats(model, [first], lr=5.0), usual, rel_tol=1e-5)
    assert dynamic_nats(model, [first, first], lr=5.0) < usual - 0.05   # the second time it knows the words


@pytest.mark.parametrize("scaled", [False, True])
def test_it_gains_where_a_text_repeats_itself_and_not_on_noise(model, scaled):
    scale = root_mean_squares(model, batches(MIXED)) if scaled else None
    options = {"lr": 0.003 if scaled else 1.0, "decay": 0.001, "scale": scale}
    gains = {
        name: mean_nats(model, batches(ids)) - dynamic_nats(model, batches(ids), **options)
        for name, ids in (("same", SAME), ("mixed", MIXED))
    }
    assert gains["same"] > 0.2 and gains["mixed"] < 0.05, gains


def test_full_decay_brings_every_step_back(model):
    kept = dynamic_nats(model, batches(SAME), lr=0.5, decay=1.0)
    assert kept != pytest.approx(dynamic_nats(model, batches(SAME), lr=0.5, decay=0.0), abs=1e-3)


def test_the_model_is_as_it_was(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    dynamic_nats(model, batches(SAME), lr=0.5)
    root_mean_squares(model, batches(SAME))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training and all(p.grad is None for p in model.parameters())


def test_the_scale_is_the_root_of_the_mean_square(model):
    ids = batches(MIXED[:16])
    scale = root_mean_squares(model, ids)
    state, squares = None, 0.0
    model.eval()
    for inputs, targets in ids:
        model.zero_grad()
        logits, state = model(torch.as_tensor(inputs), state)
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.as_tensor(targets).flatten()).backward()
        squares = squares + model.embedding.grad**2
    assert torch.allclose(scale["embedding"], (squares / len(list(ids))).sqrt(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("options", "named"), [({"lr": -1.0}, "lr"), ({"lr": 0.1, "decay": 2.0}, "decay")]
)
def test_bad_options_are_named(model, options, named):
    with pytest.raises(ValueError, match=named):
        dynamic_nats(model, batches(SAME), **options)


def test_a_rate_that_is_too_high_is_told_and_the_model_kept(model):
    before = model.embedding.clone()
    with pytest.raises(FloatingPointError, match="loss"):
        dynamic_nats(model, batches(SAME), lr=1e38)
    assert torch.equal(model.embedding, before)


def test_no_batch_is_refused(model):
    with pytest.raises(ValueError, match="batches"):
        dynamic_nats(model, [], lr=0.1)
