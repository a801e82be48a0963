"""In which precision a processor computes."""

import pytest
import torch
from torch import nn

from helpers.torch_training import hardware

CPU = torch.device("cpu")


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("able", [True, False], ids=["as it is", "as if without AVX-512"])
def test_bfloat16_runs_on_every_processor_and_is_switched_off_again(monkeypatch, cell, able):
    if not able:
        monkeypatch.setattr(hardware, "_lstm_runs_in_bfloat16", lambda: False)
    torch.manual_seed(0)
    model, x = cell(5, 4), torch.randn(7, 3, 5)
    exact = model(x)[0]
    with hardware.computed_in("bfloat16", CPU):
        rough = model(x)[0].float()
    rough.sum().backward()
    assert 0 < (rough - exact).abs().max() < 0.02
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    assert torch.backends.mkldnn.enabled and not torch.is_autocast_enabled("cpu")


def test_float32_is_float32():
    model, x = nn.LSTM(5, 4), torch.randn(7, 3, 5)
    with hardware.computed_in("float32", CPU):
        assert torch.equal(model(x)[0], model(x)[0]) and not torch.is_autocast_enabled("cpu")


def test_trying_what_runs_draws_no_numbers():
    hardware._lstm_runs_in_bfloat16.cache_clear()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    hardware._lstm_runs_in_bfloat16()
    assert torch.equal(torch.get_rng_state(), before)
