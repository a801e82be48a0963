"""The n-gram classifier against the same thing written out, one text at a time."""

import pytest
import torch

from helpers.models.ngram_classifier import NgramClassifier

V, D, H, N, T, K = 11, 5, 4, 3, 7, 2
LENGTHS = torch.full((N,), T)


def model_and_ids(**options):
    torch.manual_seed(1)
    model = NgramClassifier(V, embedding_size=D, hidden_size=H, **options)
    torch.nn.init.normal_(model.embedding.weight[1:].data)   # so that places differ more than at the start
    ids = torch.randint(0, V, (N, T, K))
    ids[0, 2, 1] = 0
    return model, ids


@pytest.mark.parametrize("stride", [1, 2, 3, 10])
def test_forward_is_what_it_says(stride):
    model, ids = model_and_ids(stride=stride)
    vectors = model.embedding.weight.detach().clone()
    assert not vectors[0].any()
    logits = []
    for text in ids:
        places = vectors[text].sum(1)
        x = torch.stack([places[i : i + stride].sum(0) for i in range(0, T, stride)])
        h, _ = model.lstm(x)
        summary = torch.cat([h.max(0).values, h.mean(0), x.mean(0)])
        logits.append(model.output.weight[0] @ summary + model.output.bias[0])
    assert torch.allclose(model(ids, LENGTHS), torch.stack(logits), atol=1e-6)
    assert torch.allclose(model.embed(ids)[:, -1], x, atol=1e-6)


def test_without_layers_it_is_a_bag_of_ngrams():
    model, ids = model_and_ids(num_layers=0)
    assert model.lstm is None and model.parameter_count == V * D + D + 1
    wanted = model.output(model.embedding(ids).sum(2).unflatten(1, (-1, T)).sum(2).sum(1) / 4).squeeze(1)
    assert torch.allclose(model(ids, LENGTHS), wanted, atol=1e-6)   # 7 places, two by two: 4 of them
    assert torch.allclose(model(ids.flip(1), LENGTHS), wanted, atol=1e-6)   # in any order


def test_what_has_id_0_learns_nothing():
    model, ids = model_and_ids()
    assert (ids == 0).any()
    model(ids, LENGTHS).sum().backward()
    assert not model.embedding.weight.grad[0].any() and model.embedding.weight.grad[1:].any()


def test_parameter_count():
    model, _ = model_and_ids(num_layers=2)
    first, second = 2 * 4 * H * (D + H + 2), 2 * 4 * H * (2 * H + H + 2)
    assert model.parameter_count == V * D + first + second + (4 * H + D) + 1


def test_ngram_dropout_leaves_out_ngrams_only_in_training():
    model, ids = model_and_ids(ngram_dropout=0.4, stride=1)
    model.embedding.weight.data[1:] = 1.0
    ids = ids.clamp_min(1).repeat(40, 20, 1)
    assert (model.eval().embed(ids) == K).all()
    kept = model.train().embed(ids)
    assert set(kept.unique().tolist()) == {0.0, 1.0, 2.0}   # whole n-grams, not scaled up
    assert kept.mean().item() / K == pytest.approx(0.6, abs=0.02)


def test_dropout_only_in_training():
    model, ids = model_and_ids(dropout=0.5)
    assert torch.equal(model.eval()(ids, LENGTHS), model(ids, LENGTHS))
    assert not torch.equal(model.train()(ids, LENGTHS), model(ids, LENGTHS))


def test_bad_arguments_are_named():
    for options, message in (
        ({"dropout": 1.0}, "dropout: got 1.0"),
        ({"ngram_dropout": -0.5}, "ngram_dropout: got -0.5"),
        ({"stride": 0}, "stride: got 0"),
        ({"num_layers": -1}, "num_layers: got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            NgramClassifier(V, **options)
    model, ids = model_and_ids()
    with pytest.raises(ValueError, match=r"ids: got shape \(3, 7\)"):
        model(ids[:, :, 0], LENGTHS)
    with pytest.raises(ValueError, match=r"ids: got shape \(3, 0, 2\)"):
        model(ids[:, :0], LENGTHS)
    with pytest.raises(ValueError, match=r"lengths: got \[7, 6, 7\], wanted 7 for each of 3 texts"):
        model(ids, torch.tensor([7, 6, 7]))
    with pytest.raises(ValueError, match=r"lengths: got \[7\]"):
        model(ids, LENGTHS[:1])
