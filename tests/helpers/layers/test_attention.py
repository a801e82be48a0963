"""Attention in NumPy: against torch, against central differences, and blind to padding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.gradients import numerical_gradient, relative_error
from helpers.layers import DotProductAttention

N, S, H = 4, 6, 3


def case(seed=0, N=N, S=S, H=H):
    """query, keys, mask with at least one real token a row, dcontext."""
    rng = np.random.default_rng(seed)
    mask = np.arange(S) < rng.integers(1, S + 1, (N, 1))
    return rng.standard_normal((N, H)), rng.standard_normal((N, S, H)), mask, rng.standard_normal((N, H))


@settings(max_examples=25, deadline=None)
@given(N=st.integers(1, 5), S=st.integers(1, 7), H=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_equals_the_torch_module(N, S, H, seed):
    torch = pytest.importorskip("torch")
    from helpers.models.attention import DotProductAttention as TorchAttention

    query, keys, mask, dcontext = case(seed, N, S, H)
    layer = DotProductAttention(np.float64)
    context = layer.forward(query, keys, mask)
    tquery, tkeys = (torch.tensor(a, requires_grad=True) for a in (query, keys))
    tcontext, tweights = TorchAttention(H, H)(tquery, tkeys, torch.tensor(mask))
    tcontext.backward(torch.tensor(dcontext))
    dquery, dkeys = layer.backward(dcontext)
    for got, wanted in [
        (context, tcontext), (layer.weights, tweights), (dquery, tquery.grad), (dkeys, tkeys.grad)
    ]:
        np.testing.assert_allclose(got, wanted.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_one_sentence_by_hand():
    """Scores 0 and ln 3: weights a quarter and three quarters."""
    query, keys = np.array([[1.0, 0.0]]), np.array([[[0.0, 8.0], [np.log(3.0), 4.0], [50.0, 50.0]]])
    layer = DotProductAttention(np.float64)
    context = layer.forward(query, keys, np.array([[True, True, False]]))
    np.testing.assert_allclose(layer.weights, [[0.25, 0.75, 0]])
    np.testing.assert_allclose(context, [[0.75 * np.log(3), 0.25 * 8 + 0.75 * 4]])


@pytest.mark.parametrize("masked", [True, False])
def test_gradients_by_central_differences(masked):
    query, keys, mask, dcontext = case(1)
    mask = mask if masked else None
    layer = DotProductAttention(np.float64)
    layer.forward(query, keys, mask)
    gradients = layer.backward(dcontext)

    def loss(_):
        return np.sum(layer.forward(query, keys, mask) * dcontext)

    for values, gradient in zip((query, keys), gradients, strict=True):
        assert relative_error(gradient, numerical_gradient(loss, values)) < 1e-7


def test_weights_are_a_distribution_over_real_tokens():
    query, keys, mask, _ = case(2)
    layer = DotProductAttention(np.float64)
    layer.forward(100 * query, 100 * keys, mask)   # no overflow
    np.testing.assert_allclose(layer.weights.sum(axis=1), 1, rtol=1e-12)
    assert (layer.weights[~mask] == 0).all() and (layer.weights >= 0).all()
    layer.forward(query, keys, mask)
    first = layer.weights.copy()
    layer.forward(query, keys[:, ::-1], np.ones_like(mask))
    assert np.abs(layer.weights - first).max() > 0.05


@pytest.mark.parametrize("value", [7.0, -1e9, np.inf, np.nan])
def test_what_stands_in_the_padding_does_not_matter(value):
    query, keys, mask, dcontext = case(3)
    layer = DotProductAttention(np.float64)
    wanted = layer.forward(query, keys, mask), *layer.backward(dcontext)
    keys[~mask] = value
    got = layer.forward(query, keys, mask), *layer.backward(dcontext)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (got[2][~mask] == 0).all()


def test_more_padding_changes_nothing():
    query, keys, mask, _ = case(4)
    layer = DotProductAttention(np.float64)
    wanted = layer.forward(query, keys, mask)
    longer = np.concatenate([keys, np.full((N, 2, H), 9.0)], axis=1)
    got = layer.forward(query, longer, np.concatenate([mask, np.zeros((N, 2), bool)], axis=1))
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_memory(dtype):
    query, keys, mask, dcontext = (a if a.dtype == bool else a.astype(dtype) for a in case(5))
    kept = query.copy(), keys.copy(), mask.copy()
    layer = DotProductAttention(dtype)
    context = layer.forward(query, keys, mask)
    made = context, layer.weights, *layer.backward(dcontext)
    assert {a.dtype for a in made} == {np.dtype(dtype)}
    for now, before in zip((query, keys, mask), kept, strict=True):
        np.testing.assert_array_equal(now, before)
    first = context.copy()
    layer.forward(2 * query, keys, mask)
    np.testing.assert_array_equal(context, first)
    assert DotProductAttention().dtype == np.float32 and layer.params == layer.grads == {}


def test_refusals():
    query, keys, mask, dcontext = case()
    layer = DotProductAttention(np.float64)
    with pytest.raises(RuntimeError, match="wanted forward before backward"):
        layer.backward(dcontext)
    empty = mask.copy()
    empty[2] = False
    for arguments, message in [
        ((query[0], keys, mask), "query: got shape"),
        ((query, keys[:-1], mask), r"keys: got shape \(3, 6, 3\), wanted \(4, S, 3\)"),
        ((query, keys[:, :, :2], mask), "keys: got shape"),
        ((query, keys[:, :0], mask[:, :0]), "keys: got shape .*at least one step"),
        ((query, keys, mask[:, :-1]), r"mask: got shape \(4, 5\), wanted \(4, 6\)"),
        ((query, keys, mask.astype(float)), "mask: got dtype float64, wanted bool"),
        ((query, keys, empty), r"mask: got no real token in row \[2\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            layer.forward(*arguments)
    layer.forward(query, keys, mask)
    with pytest.raises(ValueError, match=r"dcontext: got shape \(3, 3\), wanted \(4, 3\)"):
        layer.backward(dcontext[:-1])
    with pytest.raises(ValueError, match="keys: got float64, wanted float32"):
        DotProductAttention().forward(query.astype(np.float32), keys, mask)
