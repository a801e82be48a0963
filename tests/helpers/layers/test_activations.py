import numpy as np
import pytest

from helpers.layers import log_softmax, sigmoid, softmax

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_keeps_dtype_and_both_tails_without_warnings(dtype):
    x = np.array([-1e30, -200, -80, -20, -1, 0, 1, 20, 200, 1e30], dtype)
    with np.errstate(all="raise", under="ignore"):
        y = sigmoid(x)
    assert y.dtype == dtype
    assert y[0] == 0 and y[-1] == 1 and y[5] == 0.5
    # The small tail is exp(x) to full relative accuracy, not 0 or 1 minus a rounded 1.
    np.testing.assert_allclose(y[2:4], np.exp(x[2:4].astype(np.float64)), rtol=1e-6)
    np.testing.assert_allclose(y + sigmoid(-x), 1, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_and_log_softmax_agree_and_survive_large_numbers(dtype):
    x = np.array([[1e4, 0, -1e4], [-1e30, 2, 1], [3, 3, 3]], dtype)
    with np.errstate(all="raise", under="ignore"):
        p, logp = softmax(x), log_softmax(x)
    assert p.dtype == logp.dtype == dtype
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(p[1], [0, 1 / (1 + np.exp(-1)), 1 / (1 + np.e)], rtol=1e-6)
    np.testing.assert_allclose(logp[0], [0, -1e4, -2e4], rtol=1e-6)
    np.testing.assert_allclose(logp[2], -np.log(3), rtol=1e-6)


def test_softmax_takes_the_axis_asked_for():
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    np.testing.assert_allclose(softmax(x, axis=1), np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(log_softmax(x, axis=0), np.log(softmax(x, axis=0)))


@pytest.mark.parametrize("function", [sigmoid, softmax, log_softmax])
def test_integers_become_float64_and_the_input_stays(function):
    x = np.array([3, -2, 0])
    assert function(x).dtype == np.float64
    np.testing.assert_allclose(function(x), function(x.astype(float)))
    np.testing.assert_array_equal(x, [3, -2, 0])
