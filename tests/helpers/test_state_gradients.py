"""Gradients of a last loss in an LSTM's states: torch, and the direct path by itself."""

import numpy as np
import pytest
import torch

from helpers.layers import LSTM
from helpers.state_gradients import lstm_gradient_norms

N, T, D, H = 2, 5, 3, 4


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    layer = LSTM(D, H, rng=rng, forget_bias=0.5, dtype=np.float64)
    return rng.normal(size=(N, H)), rng.normal(size=(N, T, D)), layer.params


def test_norms_are_those_of_autograd(case):
    dh_last, x, params = case
    Wx, Wh, b = (torch.tensor(params[name]) for name in ("Wx", "Wh", "b"))
    h = torch.zeros(N, H, dtype=torch.float64, requires_grad=True)
    c = torch.zeros(N, H, dtype=torch.float64, requires_grad=True)
    states, forgets = [], []
    for t in range(T):
        i, f, g, o = (torch.tensor(x[:, t]) @ Wx + h @ Wh + b).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        c.retain_grad()
        h = torch.sigmoid(o) * torch.tanh(c)
        h.retain_grad()
        states.append((h, c))
        forgets.append(torch.sigmoid(f).detach())
    (h * torch.tensor(dh_last)).sum().backward()
    norms = lstm_gradient_norms(dh_last, x, params)
    for t, (h_t, c_t) in enumerate(states):
        np.testing.assert_allclose(norms["h"][:, t], h_t.grad.norm(dim=1), rtol=1e-12)
        np.testing.assert_allclose(norms["c"][:, t], c_t.grad.norm(dim=1), rtol=1e-12)
    straight = states[-1][1].grad
    for t in reversed(range(T)):
        np.testing.assert_allclose(norms["straight"][:, t], straight.norm(dim=1), rtol=1e-12)
        straight = straight * forgets[t]


def test_without_a_way_through_h_all_of_it_comes_straight(case):
    dh_last, x, params = case
    norms = lstm_gradient_norms(dh_last, x, {**params, "Wh": np.zeros((H, 4 * H))})
    np.testing.assert_allclose(norms["straight"], norms["c"], rtol=1e-12)


def test_shapes_that_do_not_fit_are_refused(case):
    dh_last, x, params = case
    with pytest.raises(ValueError, match="dh_last"):
        lstm_gradient_norms(dh_last[:, 1:], x, params)
