"""Learning rates over a run, and where a model is computed."""

import math

import pytest
import torch

from helpers.torch_training import hardware
from helpers.torch_training.schedules import cosine, stepped
from tests.hostile import assert_refused


def test_half_a_cosine_from_one_to_zero():
    factor = cosine(100)
    assert factor(0) == 1
    assert factor(50) == pytest.approx(0.5)
    assert factor(25) == pytest.approx(0.5 + math.sqrt(2) / 4)
    assert factor(100) == pytest.approx(0) == factor(150)
    values = [factor(step) for step in range(101)]
    assert values == sorted(values, reverse=True)
    wanted = torch.optim.lr_scheduler.CosineAnnealingLR
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    peer = wanted(optimizer, 100)
    for step in range(100):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(factor(step))
        optimizer.step()
        peer.step()


def test_the_warm_up_is_a_line():
    plain, warm = cosine(100), cosine(100, 10)
    wanted = [*(k / 10 for k in range(1, 11)), 1, 1]
    assert [warm(step) / plain(step) for step in range(12)] == pytest.approx(wanted)


def test_steps():
    factor = stepped(5, 2, 0.5)
    assert [factor(step) for step in range(0, 20, 5)] == [1, 1, 0.5, 0.25]
    assert factor(9) == 1 and factor(14) == 0.5


@pytest.mark.parametrize("arguments", [(0,), (10, -1), (2.5,)])
def test_bad_steps_are_named(arguments):
    with pytest.raises(ValueError, match=r"(total|warmup)_steps: got"):
        cosine(*arguments)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0, 1, 0.5), "steps_an_epoch"), ((5, -1, 0.5), "constant_epochs"), ((5, 2.5, 0.5), "constant_epochs"),
     ((5, 1, -1.0), "decay"), ((5, 1, 0), "decay"), ((5, 1, 1.5), "decay"), ((5, 1, math.nan), "decay")],
)
def test_bad_decays_are_named(arguments, name):
    assert_refused(stepped, *arguments, names=name)


def test_the_precision_that_is_asked_for():
    cpu = torch.device("cpu")
    assert hardware.pick_precision("float32", cpu) == "float32"
    wanted = "bfloat16" if hardware.has_fast_bfloat16(cpu) else "float32"
    assert hardware.pick_precision("auto", cpu) == wanted
    with pytest.raises(ValueError, match="precision: got 'float16', wanted one of 'auto', 'float32'"):
        hardware.pick_precision("float16", cpu)


@pytest.mark.parametrize("able", [{"avx512_bf16": True}, {"amx_bf16": True}, {"avx512_bf16": False}, {}])
def test_bfloat16_is_taken_where_the_processor_has_it(able, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert hardware.has_fast_bfloat16(torch.device("cpu")) == any(able.values())
    monkeypatch.delattr(torch.cpu, "get_capabilities")   # older versions cannot tell
    assert not hardware.has_fast_bfloat16(torch.device("cpu"))


def test_a_gpu_is_taken_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert hardware.pick_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert hardware.pick_device() == torch.device("cuda", 3)
    assert hardware.pick_device("cpu") == torch.device("cpu")
