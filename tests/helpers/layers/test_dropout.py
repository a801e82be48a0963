import numpy as np
import pytest

from helpers.layers import Dropout


def make(p, seed=0, **options):
    return Dropout(p, rng=np.random.default_rng(seed), **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_drops_a_fraction_p_and_keeps_the_expectation(p, dtype):
    x = np.full((50, 20, 30), 3, dtype)
    y = make(p).forward(x, train=True)
    assert y.dtype == dtype
    assert abs(np.mean(y == 0) - p) < 0.01
    np.testing.assert_allclose(y[y != 0], 3 / (1 - p), rtol=1e-6)
    assert abs(y.mean(dtype=np.float64) - 3) < 0.06
    np.testing.assert_array_equal(x, 3)


def test_does_nothing_outside_training_and_for_p_0():
    x = np.arange(6.0).reshape(2, 3)
    layer = make(0.5)
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)
    np.testing.assert_array_equal(make(0).forward(x, train=True), x)


def test_the_gradient_passes_where_the_value_passed():
    x = np.ones((4, 5, 6), np.float32)
    layer = make(0.4)
    y = layer.forward(x, train=True)
    dx = layer.backward(2 * x)
    np.testing.assert_allclose(dx, 2 * y)
    assert dx.dtype == np.float32 and 0 < np.mean(dx == 0) < 1


def test_a_shared_mask_is_the_same_at_every_step_and_differs_between_rows():
    y = make(0.5, shared_over_time=True).forward(np.ones((4, 7, 30)), train=True)
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 7, axis=1))
    assert np.any(y[0] != y[1])
    free = make(0.5).forward(np.ones((4, 7, 30)), train=True)
    assert np.any(free[:, 0] != free[:, 1])


def test_each_call_draws_a_new_mask_and_a_restored_generator_the_same_again():
    layer, x = make(0.5), np.ones((3, 4, 5))
    state = layer.rng.bit_generator.state
    first, second = (layer.forward(x, train=True) for _ in range(2))
    assert np.any(first != second)
    layer.rng.bit_generator.state = state
    np.testing.assert_array_equal(layer.forward(x, train=True), first)


def test_refusals():
    for p in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"p: got {p}"):
            make(p)
    layer = make(0.5, shared_over_time=True)
    with pytest.raises(RuntimeError, match="wanted forward before backward"):
        layer.backward(np.ones(3))
    with pytest.raises(ValueError, match=r"x: got shape \(2, 3\), wanted \(N, T, D\)"):
        layer.forward(np.ones((2, 3)), train=True)
    with pytest.raises(ValueError, match="x: got dtype int64, wanted a floating dtype"):
        layer.forward(np.ones((2, 3, 4), np.int64), train=True)
    layer.forward(np.ones((2, 3, 4)), train=True)
    with pytest.raises(ValueError, match=r"dout: got shape \(2, 3\), wanted \(2, 3, 4\)"):
        layer.backward(np.ones((2, 3)))
