"""Looking back over k uses from every loss: pair by pair, and in its two extremes."""

import numpy as np
import pytest

from helpers.checks.chapter_02.rnn_backward import rnn_backward_reference
from helpers.checks.chapter_02.truncated_bptt import sum_over_pairs
from helpers.layers import RNN
from helpers.truncation import gradients_by_reach


@pytest.fixture
def case():
    rng = np.random.default_rng(4)
    N, T, D, H = 2, 7, 3, 4
    layer = RNN(D, H, rng=rng, dtype=np.float64)
    layer.params["b"][...] = rng.normal(size=H)
    x, h0 = rng.normal(size=(N, T, D)), np.tanh(rng.normal(size=(N, H)))
    return x, h0, layer.forward(x, h0), rng.uniform(-1, 1, size=(N, T, H)), layer.params


def flat(gradients):
    return np.concatenate([gradient.ravel() for gradient in gradients])


def test_every_reach_is_the_sum_over_the_pairs_within_it(case):
    x, h0, h, target, weights = case
    found = gradients_by_reach(x, h0, h, target, weights["Wh"])
    for k in range(1, x.shape[1] + 1):
        parameters = weights["Wx"], weights["Wh"], weights["b"]
        pairs = sum_over_pairs(x, h0, target, *parameters, lambda t, u, k=k: t - u < k)
        np.testing.assert_allclose(found[k - 1], flat(pairs[:3]), rtol=1e-12)


def test_the_longest_is_the_full_gradient(case):
    x, h0, h, target, weights = case
    full = rnn_backward_reference(h - target, x, h0, h, weights["Wx"], weights["Wh"])[2:]
    found = gradients_by_reach(x, h0, h, target, weights["Wh"])
    np.testing.assert_allclose(found[-1], flat(full), rtol=1e-12)
