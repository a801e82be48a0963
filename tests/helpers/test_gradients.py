import numpy as np
import pytest

from helpers.gradients import numerical_gradient, relative_error


def test_equals_the_closed_form_and_restores_x():
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    before = x.copy()
    np.testing.assert_allclose(numerical_gradient(lambda z: np.sum(z**3), x), 3 * x**2, rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(x, before)


def test_f_may_look_at_x_by_itself_and_x_may_be_a_view():
    table = np.arange(12.0).reshape(3, 4)
    gradient = numerical_gradient(lambda _: float(np.sum(table**2)), table[:, 1::2])
    np.testing.assert_allclose(gradient, 2 * table[:, 1::2], rtol=1e-8)


def test_differences_are_central():
    # Forward differences would be off by eps · f''/2 = 0.01.
    assert numerical_gradient(lambda z: z[()] ** 2, np.array(3.0), eps=0.01) == pytest.approx(6, abs=1e-10)


def test_x_is_restored_when_f_fails():
    x = np.ones(3)

    def fails(z):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        numerical_gradient(fails, x)
    np.testing.assert_array_equal(x, 1)


@pytest.mark.parametrize("x", [np.ones(2, np.float32), np.ones(2, int), [1.0]])
def test_only_float64_arrays(x):
    with pytest.raises(ValueError, match=r"x: got .*, wanted a float64 array"):
        numerical_gradient(np.sum, x)


def test_eps_is_above_0():
    with pytest.raises(ValueError, match="eps: got 0, wanted a finite number above 0"):
        numerical_gradient(np.sum, np.ones(2), eps=0)


def test_relative_error():
    assert relative_error(np.array([1.0, 2.0]), np.array([1.0, 2.5])) == pytest.approx(0.2)
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.zeros((0, 2)), np.zeros((0, 2))) == 0
    assert relative_error(np.ones(2), -np.ones(2)) == 2
    assert not relative_error(np.array([np.nan, 1]), np.ones(2)) < 1e9  # a NaN never passes
    with pytest.raises(ValueError, match=r"b: got shape \(2,\), wanted \(2, 1\)"):
        relative_error(np.ones((2, 1)), np.ones(2))
