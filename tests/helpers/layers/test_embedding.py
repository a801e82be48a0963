import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.layers import Embedding


def make(V=7, D=3, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    layer = Embedding(V, D, rng=rng, dtype=dtype)
    layer.params["W"][...] = rng.standard_normal((V, D))
    return layer, rng


@settings(max_examples=30, deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    V=st.integers(1, 9),
    D=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_torch_also_for_repeated_ids(shape, V, D, seed):
    torch = pytest.importorskip("torch")
    layer, rng = make(V, D, seed)
    for _ in range(3):  # rows touched by an earlier call must be clean again
        ids, dy = rng.integers(0, V, shape), rng.standard_normal((*shape, D))
        W = torch.tensor(layer.params["W"], requires_grad=True)
        y = torch.nn.functional.embedding(torch.from_numpy(ids), W)
        y.backward(torch.from_numpy(dy))
        np.testing.assert_array_equal(layer.forward(ids), y.detach().numpy())
        assert layer.backward(dy) is None
        np.testing.assert_allclose(layer.grads["W"], W.grad.numpy(), rtol=1e-10, atol=1e-10)


def test_gradients_of_a_repeated_id_add_up():
    layer, _ = make()
    layer.forward(np.array([[2, 5, 2], [2, 0, 5]]))
    layer.backward(np.arange(18.0).reshape(2, 3, 3))
    wanted = np.zeros((7, 3))
    wanted[2] = [0 + 6 + 9, 1 + 7 + 10, 2 + 8 + 11]
    wanted[5] = [3 + 15, 4 + 16, 5 + 17]
    wanted[0] = [12, 13, 14]
    np.testing.assert_array_equal(layer.grads["W"], wanted)


def test_a_gradient_scaled_in_place_is_fresh_the_next_time():
    layer, _ = make()
    for ids in ([1, 2], [3, 3]):
        layer.forward(np.array(ids))
        layer.backward(np.ones((2, 3)))
        layer.grads["W"] *= 0.5
    np.testing.assert_array_equal(layer.grads["W"].sum(axis=1), [0, 0, 0, 3, 0, 0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_memory(dtype):
    layer, _ = make(dtype=dtype)
    ids, dy = np.array([[1, 2], [3, 1]], np.int32), np.ones((2, 2, 3), dtype)
    y = layer.forward(ids)
    assert y.dtype == layer.params["W"].dtype == layer.grads["W"].dtype == dtype
    y[...] = 9  # a copy of the rows, not the table
    assert not np.any(layer.params["W"] == 9)
    ids[...] = 0  # the layer kept its own
    layer.backward(dy)
    np.testing.assert_array_equal(layer.grads["W"][:, 0], [0, 2, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(dy, 1)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array([[0, 7]]), r"ids: got id 7 at index \(0, 1\), wanted 0 … 6"),
        (np.array([-1, 2]), r"ids: got id -1 at index \(0,\), wanted 0 … 6"),
        (np.array([1.0, 2.0]), "ids: got dtype float64, wanted an integer dtype"),
        (np.array([True]), "ids: got dtype bool, wanted an integer dtype"),
        (np.zeros((2, 0), int), r"ids: got shape \(2, 0\), wanted at least one id"),
    ],
)
def test_wrong_ids_are_refused(ids, message):
    with pytest.raises(ValueError, match=message):
        make()[0].forward(ids)


def test_backward_is_careful():
    layer, _ = make()
    with pytest.raises(RuntimeError, match="wanted forward before backward"):
        layer.backward(np.zeros((2, 3)))
    layer.forward(np.array([1, 2]))
    with pytest.raises(ValueError, match=r"dout: got shape \(2, 4\), wanted \(2, 3\)"):
        layer.backward(np.zeros((2, 4)))
