"""The torch model against the NumPy one, and what each of its regularisers does."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.models.language_model import LanguageModel
from helpers.models.torch_language_model import TorchLanguageModel
from helpers.regularization import embedding_dropout, locked_dropout, weight_dropout
from helpers.torch_training.language_modelling import LanguageModelLoss

V, D, H = 11, 5, 7
IDS = torch.tensor([[1, 4, 4, 9, 0, 2], [3, 3, 10, 5, 7, 4], [8, 6, 1, 2, 2, 0]])   # N=3, T=6


def numpy_model(layers, dtype=np.float64):
    return LanguageModel(V, D, H, num_layers=layers, rng=np.random.default_rng(0), dtype=dtype)


def with_weights_of(source, layers):
    model = TorchLanguageModel(V, D, H, num_layers=layers).double()
    with torch.no_grad():
        model.embedding.copy_(torch.from_numpy(source.params["embedding.W"]))
        model.output.copy_(torch.from_numpy(source.params["output.W"].T))
        model.output_bias.copy_(torch.from_numpy(source.params["output.b"]))
        for number, cell in enumerate(model.cells):
            cell.weight_ih_l0.copy_(torch.from_numpy(source.params[f"cells.{number}.Wx"].T))
            cell.weight_hh_l0.copy_(torch.from_numpy(source.params[f"cells.{number}.Wh"].T))
            cell.bias_ih_l0.copy_(torch.from_numpy(source.params[f"cells.{number}.b"]))
            cell.bias_hh_l0.zero_()
    return model


@pytest.mark.parametrize("layers", [1, 3])
def test_logits_loss_and_gradients_are_the_numpy_models(layers):
    source = numpy_model(layers)
    model = with_weights_of(source, layers)
    ids, targets = IDS.numpy(), np.roll(IDS.numpy(), 1, axis=1)
    state = None
    for _ in range(2):   # the state is carried
        np.testing.assert_allclose(
            model(IDS, state)[0].detach().numpy(), _copy_state(source, ids), rtol=1e-10, atol=1e-12
        )
        wanted = source.loss(ids, targets)
        source.backward()
        model.zero_grad()
        result = LanguageModelLoss()(model, (IDS, torch.from_numpy(targets)), state)
        result.objective.backward()
        assert result.value.item() == pytest.approx(wanted, rel=1e-10)
        np.testing.assert_allclose(model.embedding.grad.numpy(), source.grads["embedding.W"], atol=1e-12)
        np.testing.assert_allclose(model.output.grad.numpy().T, source.grads["output.W"], atol=1e-12)
        for number, cell in enumerate(model.cells):
            got = cell.weight_hh_l0.grad.numpy().T
            np.testing.assert_allclose(got, source.grads[f"cells.{number}.Wh"], atol=1e-12)
        state = result.state
        assert not any(tensor.requires_grad for layer in state for tensor in layer)


def _copy_state(source, ids):
    """The logits, the model's state put back afterwards."""
    state = source.get_state()
    logits = source.forward(ids)
    source.set_state(state)
    return logits


def test_tied_it_is_one_matrix():
    loose, tied = (TorchLanguageModel(V, D, H, num_layers=2, tied=tied) for tied in (False, True))
    assert tied.output is tied.embedding
    assert {tuple(p.shape) for p in tied.cells[-1].parameters()} == {(4 * D, H), (4 * D, D), (4 * D,)}
    lstm = lambda d, h: 4 * h * (d + h + 2)   # noqa: E731
    assert loose.parameter_count == 2 * V * H - V * (H - D) + V + lstm(D, H) + lstm(H, H)
    assert tied.parameter_count == V * D + V + lstm(D, H) + lstm(H, D)


@pytest.mark.parametrize(
    "option",
    [
        {"dropout": 0.4},
        {"input_dropout": 0.4},
        {"output_dropout": 0.4},
        {"embedding_dropout": 0.4},
        {"weight_dropout": 0.4},
        {"dropout": 0.4, "variational": False},
    ],
    ids=str,
)
def test_every_dropout_acts_in_training_only(option):
    torch.manual_seed(0)
    plain = TorchLanguageModel(V, D, H, num_layers=2)
    model = TorchLanguageModel(V, D, H, num_layers=2, **option)
    model.load_state_dict(plain.state_dict())
    wanted = plain(IDS)[0]
    assert not torch.allclose(model(IDS)[0], wanted)
    assert not torch.equal(model(IDS)[0], model(IDS)[0])
    model.eval()
    torch.testing.assert_close(model(IDS)[0], wanted, rtol=0, atol=0)


@pytest.mark.parametrize("seq_len", [None, 22])
def test_the_loss_and_its_gradient_are_those_of_torchs_cross_entropy(seq_len):
    torch.manual_seed(0)
    model = TorchLanguageModel(V, D, H).double()
    inputs, targets = torch.randint(V, (2, 23, 11))   # 253 rows: more than two pieces, the last one smaller
    logits, _ = model(inputs)
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    result = LanguageModelLoss(seq_len=seq_len)(model, (inputs, targets), None)
    torch.testing.assert_close(result.value, wanted.detach())
    scale = 1 if seq_len is None else 11 / seq_len
    gradients = torch.autograd.grad(result.objective, list(model.parameters()))
    for got, expected in zip(gradients, torch.autograd.grad(wanted, list(model.parameters())), strict=True):
        torch.testing.assert_close(got, scale * expected)


@pytest.mark.parametrize("name", ["activation", "slowness"])
def test_every_penalty_acts_on_the_objective_only(name):
    torch.manual_seed(0)
    model = TorchLanguageModel(V, D, H)
    batch = (IDS, IDS.roll(1, 1))
    plain = LanguageModelLoss()(model, batch, None)
    penalised = LanguageModelLoss(**{name: 2.0})(model, batch, None)
    assert penalised.value == plain.value
    assert penalised.objective > plain.objective
    h, raw, _ = model.hidden(IDS)
    by_hand = (h**2).mean() if name == "activation" else ((raw[1:] - raw[:-1]) ** 2).mean()
    torch.testing.assert_close(penalised.objective - plain.objective, 2 * by_hand)
    recurrent = model.cells[0].weight_hh_l0
    gradients = [torch.autograd.grad(each.objective, recurrent)[0] for each in (plain, penalised)]
    assert not torch.allclose(*gradients)


def test_weight_dropout_drops_recurrent_weights_and_nothing_else(monkeypatch):
    model = TorchLanguageModel(V, D, H, num_layers=2, weight_dropout=0.5)
    seen = []
    real = torch.lstm
    monkeypatch.setattr(torch, "lstm", lambda x, s, w, *rest: seen.append(w) or real(x, s, w, *rest))
    model(IDS)
    for cell, (w_ih, w_hh, b_ih, b_hh) in zip(model.cells, seen, strict=True):
        assert w_ih is cell.weight_ih_l0 and b_ih is cell.bias_ih_l0 and b_hh is cell.bias_hh_l0
        kept = w_hh != 0
        assert 0.2 < kept.float().mean() < 0.8
        torch.testing.assert_close(w_hh[kept], 2 * cell.weight_hh_l0[kept])
    assert model(IDS)[0].sum().backward() is None
    assert (model.cells[0].weight_hh_l0.grad == 0).any()   # of this window's dropped connections


def test_locked_dropout_is_the_same_at_every_step_and_another_in_every_row():
    x = torch.ones(50, 8, 40)
    y = locked_dropout(x, 0.3)
    assert (y == y[:1]).all()
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert not (y[0] == y[0, :1]).all()
    assert abs((y == 0).float().mean() - 0.3) < 0.15
    assert y.mean() == pytest.approx(1, abs=0.2)
    assert locked_dropout(x, 0.3, training=False) is x and locked_dropout(x, 0.0) is x


def test_embedding_dropout_drops_a_word_wherever_it_stands():
    torch.manual_seed(1)
    weight = torch.rand(V, D) + 1
    out = embedding_dropout(IDS.T, weight, 0.5)
    dropped = (out == 0).all(2)
    assert 0 < dropped.float().mean() < 1
    for word in range(V):
        here = dropped[word == IDS.T]
        assert here.all() or not here.any()
    torch.testing.assert_close(out[~dropped], 2 * weight[IDS.T[~dropped]])
    assert torch.equal(embedding_dropout(IDS.T, weight, 0.5, training=False), weight[IDS.T])


def test_nothing_is_drawn_when_nothing_is_dropped():
    before = torch.get_rng_state()
    model = TorchLanguageModel(V, D, H, dropout=0.5, embedding_dropout=0.5, weight_dropout=0.5)
    torch.set_rng_state(before)
    model.eval()
    model(IDS)
    weight_dropout(torch.ones(3), 0.5, training=False)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": 1.0}, "dropout: got 1.0"),
        ({"weight_dropout": -0.1}, "weight_dropout: got -0.1"),
        ({"num_layers": 0}, "num_layers: got 0, wanted at least 1"),
        ({"hidden_size": 2.5}, "hidden_size: got 2.5"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        TorchLanguageModel(**{"vocab_size": V, "embedding_size": D, "hidden_size": H, **arguments})


def test_bad_input_is_named():
    model = TorchLanguageModel(V, D, H)
    with pytest.raises(ValueError, match=r"ids: got shape \(4,\), wanted \(N, T\)"):
        model(torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match="state: got 2 layers, wanted 1"):
        model(IDS, [None, None])


def test_it_starts_with_open_forget_gates():
    model = TorchLanguageModel(V, D, H, num_layers=2)
    for cell in model.cells:
        assert isinstance(cell, nn.LSTM)
        i, f, g, o = (cell.bias_ih_l0 + cell.bias_hh_l0).chunk(4)
        assert (f == 1).all() and not torch.cat([i, g, o]).any()
