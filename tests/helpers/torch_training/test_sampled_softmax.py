"""The softmax over some of the words: exact with all of them, right on average with fewer."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.models.torch_language_model import TorchLanguageModel
from helpers.torch_training.language_modelling import LanguageModelLoss
from helpers.torch_training.sampled_softmax import sampled_logits

M, H, V = 6, 5, 40


@pytest.fixture
def layer():
    torch.manual_seed(0)
    weight = torch.randn(V, H, dtype=torch.double, requires_grad=True)
    bias = torch.randn(V, dtype=torch.double, requires_grad=True)
    h = torch.randn(M, H, dtype=torch.double, requires_grad=True)
    return h, weight, bias, torch.tensor([3, 7, 3, 39, 0, 7])


def gradients(loss, *parts):
    return torch.autograd.grad(loss, parts, retain_graph=True)


def test_with_all_words_it_is_the_softmax(layer):
    h, weight, bias, targets = layer
    whole = functional.cross_entropy(functional.linear(h, weight, bias), targets)
    for count in (V, V - 4, 10 * V):   # four words are targets
        logits, places = sampled_logits(h, weight, bias, targets, count)
        sampled = functional.cross_entropy(logits, places)
        assert torch.isclose(sampled, whole, rtol=1e-12)
        for a, b in zip(gradients(sampled, h, weight, bias), gradients(whole, h, weight, bias), strict=True):
            assert torch.allclose(a, b, rtol=1e-10, atol=1e-14)


def test_every_target_is_there_once_and_the_others_are_drawn_anew(layer):
    h, weight, bias, targets = layer
    drawn = []
    for _ in range(3):
        logits, places = sampled_logits(h, weight, bias, targets, 5)
        assert logits.shape == (M, 4 + 5)   # four different words are wanted
        scores = functional.linear(h, weight, bias)
        wanted = scores[range(M), targets]
        assert torch.allclose(logits[range(M), places], wanted)
        raised = logits[0, 4:] + np.log(5 / (V - 4))
        drawn.append(sorted((scores[0][:, None] - raised).abs().argmin(dim=0).tolist()))
        assert len(set(drawn[-1])) == 5 and not set(drawn[-1]) & set(targets.tolist())
    assert drawn[0] != drawn[1] or drawn[1] != drawn[2]


def test_on_average_the_sum_of_exponentials_is_that_over_all_words(layer):
    h, weight, bias, targets = layer
    with torch.no_grad():
        whole = functional.linear(h, weight, bias).exp().sum(dim=1)
        draws = [sampled_logits(h, weight, bias, targets, 9)[0].exp().sum(dim=1) for _ in range(4000)]
    draws = torch.stack(draws)
    off = 4 * draws.std(dim=0) / len(draws) ** 0.5   # four standard errors
    assert (draws.mean(dim=0) - whole).abs().lt(off).all()
    assert off.lt(0.15 * whole).all()


def test_without_others_the_targets_compete_among_themselves(layer):
    h, weight, bias, targets = layer
    logits, _ = sampled_logits(h, weight, bias, targets, 0)
    assert torch.allclose(logits, functional.linear(h, weight, bias)[:, [0, 3, 7, 39]])


def test_the_loss_asks_at_every_window():
    torch.manual_seed(0)
    model = TorchLanguageModel(V, H, H, tied=True)
    torch.nn.init.normal_(model.embedding, std=3.0)
    ids = tuple(torch.randint(V, (2, 3, 7)))
    counts = iter([0, V, 8])
    loss = LanguageModelLoss(sampled=lambda: next(counts))
    whole, all_drawn, some = (loss(model, ids, None) for _ in range(3))
    assert torch.isclose(whole.value, all_drawn.value, rtol=1e-5)
    assert not torch.isclose(whole.value, some.value, rtol=1e-3)
    assert some.count == whole.count == 21
    some.objective.backward()
    assert model.embedding.grad.isfinite().all() and model.embedding.grad.any(dim=1).sum() < V


@pytest.mark.parametrize("sampled", [3, None])
def test_what_is_no_function_is_refused(sampled):
    with pytest.raises(ValueError, match="sampled"):
        LanguageModelLoss(sampled=sampled)


def test_a_negative_number_is_refused():
    model = TorchLanguageModel(V, H, H)
    with pytest.raises(ValueError, match="sampled"):
        LanguageModelLoss(sampled=lambda: -1)(model, (torch.zeros(3, 7, dtype=torch.long),) * 2, None)
