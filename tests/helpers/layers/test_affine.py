import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.gradients import numerical_gradient, relative_error
from helpers.layers import Affine


def make(D, O, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    layer = Affine(D, O, rng=rng, dtype=dtype)
    layer.params["b"][...] = rng.standard_normal(O)
    return layer, rng


@settings(max_examples=25, deadline=None)
@given(
    lead=st.lists(st.integers(1, 6), min_size=0, max_size=3),
    D=st.integers(1, 7),
    O=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_torch(lead, D, O, seed):
    torch = pytest.importorskip("torch")
    layer, rng = make(D, O, seed)
    x, dy = rng.standard_normal((*lead, D)), rng.standard_normal((*lead, O))
    W, b = layer.params["W"].T.copy(), layer.params["b"]
    tx, tW, tb = (torch.tensor(a, requires_grad=True) for a in (x, W, b))
    ty = torch.nn.functional.linear(tx, tW, tb)
    ty.backward(torch.from_numpy(dy))
    np.testing.assert_allclose(layer.forward(x), ty.detach().numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(layer.backward(dy), tx.grad.numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(layer.grads["W"], tW.grad.numpy().T, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(layer.grads["b"], tb.grad.numpy(), rtol=1e-10, atol=1e-10)


def test_gradients_by_central_differences():
    layer, rng = make(3, 5)
    x, dy = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 4, 5))
    layer.forward(x)
    dx = layer.backward(dy)

    def loss(_):
        return np.sum(layer.forward(x) * dy)

    pairs = [(x, dx), *((layer.params[name], layer.grads[name].copy()) for name in ("W", "b"))]
    for values, gradient in pairs:
        assert relative_error(gradient, numerical_gradient(loss, values)) < 1e-8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_memory(dtype):
    layer, rng = make(3, 5, dtype=dtype)
    x, dy = (rng.standard_normal(shape).astype(dtype) for shape in ((2, 4, 3), (2, 4, 5)))
    kept = x.copy(), dy.copy()
    y = layer.forward(x)
    dx = layer.backward(dy)
    assert {a.dtype for a in (y, dx, *layer.grads.values())} == {np.dtype(dtype)}
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(dy, kept[1])
    first = y.copy()
    layer.forward(2 * x)
    np.testing.assert_array_equal(y, first)  # not overwritten
    out = np.empty_like(y)
    assert layer.forward(x, out=out) is out
    np.testing.assert_array_equal(out, first)


def test_a_changed_weight_counts_at_the_next_forward():
    layer, rng = make(3, 5)
    x = rng.standard_normal((2, 3))
    layer.forward(x)
    layer.params["W"] *= 2
    layer.params["b"] += 1
    np.testing.assert_allclose(layer.forward(x), x @ layer.params["W"] + layer.params["b"], rtol=1e-12)


def test_rows_of_the_gradient_may_come_with_a_factor_each():
    layer, rng = make(3, 5)
    x, dy, scale = (rng.standard_normal(shape) for shape in ((2, 4, 3), (2, 4, 5), (2, 4)))
    layer.forward(x)
    wanted = layer.backward(scale[..., None] * dy)
    grads = {name: gradient.copy() for name, gradient in layer.grads.items()}
    np.testing.assert_allclose(layer.backward(dy, scale), wanted, rtol=1e-12)
    for name, gradient in grads.items():
        np.testing.assert_allclose(layer.grads[name], gradient, rtol=1e-12, err_msg=name)
    with pytest.raises(ValueError, match=r"scale: got shape \(4,\), wanted \(2, 4\)"):
        layer.backward(dy, scale[0])


def test_a_copy_of_a_layer_goes_its_own_way():
    layer, rng = make(3, 5)
    twin, x, dy = copy.deepcopy(layer), rng.standard_normal((2, 3)), rng.standard_normal((2, 5))
    twin.params["W"] *= 2
    twin.params["b"] += 1
    np.testing.assert_allclose(twin.forward(x), x @ twin.params["W"] + twin.params["b"], rtol=1e-12)
    twin.backward(dy)
    np.testing.assert_allclose(twin.grads["W"], x.T @ dy, rtol=1e-12)
    np.testing.assert_allclose(twin.grads["b"], dy.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(layer.forward(x), x @ layer.params["W"] + layer.params["b"], rtol=1e-12)
    assert not layer.grads["W"].any()


def test_refusals():
    layer, _ = make(3, 5)
    with pytest.raises(RuntimeError, match="wanted forward before backward"):
        layer.backward(np.zeros((2, 5)))
    with pytest.raises(ValueError, match=r"x: got shape \(2, 4\), wanted \(\.\.\., 3\)"):
        layer.forward(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"out: got shape \(2, 4\), wanted \(2, 5\)"):
        layer.forward(np.zeros((2, 3)), out=np.zeros((2, 4)))
    for out in (np.zeros((5, 2)).T, np.zeros((2, 5), np.float32)):
        with pytest.raises(ValueError, match=r"out: got .*, wanted contiguous float64"):
            layer.forward(np.zeros((2, 3)), out=out)
    layer.forward(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"dout: got shape \(1, 5\), wanted \(2, 5\)"):
        layer.backward(np.zeros((1, 5)))
    with pytest.raises(ValueError, match="output_size: got 0"):
        Affine(3, 0, rng=np.random.default_rng(0))
