"""Dynamic evaluation predicts before it learns, and leaves the model as it was."""

import copy
import math

import numpy as np
import pytest
import torch

from helpers.corpora.batches import contiguous_batches
from helpers.models.torch_language_model import TorchLanguageModel
from helpers.torch_training.dynamic_evaluation import read_text, root_mean_squares
from helpers.torch_training.language_modelling import mean_nats


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TorchLanguageModel(12, 6, 7, num_layers=2, tied=True, dropout=0.5)


def batches(ids, T=5):
    return contiguous_batches(np.asarray(ids), 1, T)


def nats(model, batches, **options):
    return -read_text(model, batches, **options).log_probs.mean()


RNG = np.random.default_rng(0)
SAME = np.tile(RNG.integers(0, 12, 10), 40)   # ten words, forty times
MIXED = RNG.integers(0, 12, 400)


def test_with_a_rate_of_zero_it_is_the_usual_evaluation(model):
    usual = mean_nats(model, batches(SAME))
    assert math.isclose(nats(model, batches(SAME), lr=0.0), usual, rel_tol=1e-5)


def test_what_was_read_is_told_in_order(model):
    reading = read_text(model, batches(SAME))
    assert np.array_equal(reading.targets, SAME[1:])
    model.eval()
    with torch.no_grad():
        h, _, _ = model.hidden(torch.from_numpy(SAME[None, :-1]))
        log_probs = torch.log_softmax(torch.nn.functional.linear(h, model.output, model.output_bias), -1)
    assert np.allclose(reading.states, h[:, 0], atol=1e-6)
    assert np.allclose(reading.log_probs, log_probs[range(len(SAME) - 1), 0, SAME[1:]], atol=1e-6)
    assert math.isclose(reading.perplexity, math.exp(mean_nats(model, batches(SAME))), rel_tol=1e-5)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_a_step_is_the_papers(model, decay):
    """Krause et al.'s equation for the second window, written out."""
    first, second = [tuple(map(torch.as_tensor, pair)) for pair in list(batches(MIXED))[:2]]
    scale = root_mean_squares(model, batches(MIXED))
    options = {"lr": 0.01, "decay": decay, "scale": scale, "epsilon": 1e-5}
    got = read_text(model, [first, second, second], **options).log_probs[-5:]
    moved, state = copy.deepcopy(model).eval(), None
    mean = torch.cat([each.flatten() for each in scale.values()]).mean()
    for inputs, targets in (first, second):
        moved.zero_grad()
        logits, state = moved(inputs, state)
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        with torch.no_grad():
            for (name, p), began in zip(moved.named_parameters(), model.parameters(), strict=True):
                back = decay * torch.clamp(scale[name] / mean, max=1 / max(decay, 1e-9))
                p += back * (began - p) - 0.01 * p.grad / (scale[name] + 1e-5)
    with torch.no_grad():
        wanted = torch.log_softmax(moved(second[0], state)[0][0], -1)[range(5), second[1][0]]
    assert np.allclose(got, wanted, atol=1e-5)


def test_the_first_window_is_predicted_before_anything_is_learned(model):
    first = next(iter(batches(SAME)))
    usual = mean_nats(model, [first])
    assert math.isclose(nats(model, [first], lr=5.0), usual, rel_tol=1e-5)
    assert nats(model, [first, first], lr=5.0) < usual - 0.05   # the second time it knows the words


@pytest.mark.parametrize("scaled", [False, True])
def test_it_gains_where_a_text_repeats_itself_and_not_on_noise(model, scaled):
    scale = root_mean_squares(model, batches(MIXED)) if scaled else None
    options = {"lr": 0.003 if scaled else 1.0, "decay": 0.001, "scale": scale}
    gains = {
        name: mean_nats(model, batches(ids)) - nats(model, batches(ids), **options)
        for name, ids in (("same", SAME), ("mixed", MIXED))
    }
    assert gains["same"] > 0.2 and gains["mixed"] < 0.05, gains


def test_full_decay_brings_every_step_back(model):
    kept = nats(model, batches(SAME), lr=0.5, decay=1.0)
    assert kept != pytest.approx(nats(model, batches(SAME), lr=0.5, decay=0.0), abs=1e-3)


def test_the_model_is_as_it_was(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    nats(model, batches(SAME), lr=0.5)
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
    ("options", "named"),
    [({"lr": -1.0}, "lr"), ({"lr": 0.1, "decay": 2.0}, "decay"), ({"epsilon": 0.0}, "epsilon")],
)
def test_bad_options_are_named(model, options, named):
    with pytest.raises(ValueError, match=named):
        nats(model, batches(SAME), **options)


def test_a_rate_that_is_too_high_is_told_and_the_model_kept(model):
    before = model.embedding.clone()
    with pytest.raises(FloatingPointError, match="loss"):
        nats(model, batches(SAME), lr=1e38)
    assert torch.equal(model.embedding, before)


def test_another_model_is_refused():
    with pytest.raises(ValueError, match="TorchLanguageModel"):
        read_text(torch.nn.Linear(2, 2), batches(SAME))


def test_no_batch_is_refused(model):
    with pytest.raises(ValueError, match="batches"):
        nats(model, [], lr=0.1)
