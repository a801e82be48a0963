"""Whatever stands where an argument of a layer belongs: the right result, or an error that names it."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers import layers
from helpers.layers import (
    GRU,
    LSTM,
    RNN,
    Affine,
    DotProductAttention,
    Dropout,
    Embedding,
    SoftmaxCrossEntropy,
)
from tests import hostile
from tests.hostile import Alike, fuzz, hostile_arrays

N, T, D, H, V = 2, 3, 4, 5, 6
CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
MAKERS = [RNN, LSTM, GRU, Affine, Embedding]


def numbers(*shape, seed=0):
    """Multiples of 1/8 in [-2, 2], which every dtype holds."""
    return np.random.default_rng(seed).integers(-16, 17, shape) / 8


def rng():
    return np.random.default_rng(0)


def through(layer, x, dh, *rest):
    """Forward, then backward: everything that a layer gives."""
    y = layer.forward(x, *rest)
    return y, layer.backward(dh), layer.grads


def from_state(cell, x, dh, h0, c0, dh_last, dc_last):
    layer = CELLS[cell](D, H, rng=rng(), dtype=np.float64)
    pair = cell == "lstm"
    y = layer.forward(x, (h0, c0) if pair else h0)
    return y, layer.backward(dh, (dh_last, dc_last) if pair else dh_last), layer.dh0, layer.grads


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_layers(cell):
    valid = {"x": numbers(N, T, D), "dh": numbers(N, T, H)} | {
        name: numbers(N, H, seed=k) for k, name in enumerate(("h0", "c0", "dh_last", "dc_last"))
    }
    used = [name for name in valid if cell == "lstm" or "c" not in name]
    values = {name: hostile_arrays(valid[name]) for name in used}
    for name in used:   # None is zeros
        if name not in ("x", "dh"):
            values[name] = [each for each in values[name] if each is not None or name == "c0"]
    values["x"] += [np.zeros((0, T, D)), np.zeros((N, 0, D))]
    fuzz(lambda **given: from_state(cell, **given), valid, values, names={"x": ["x", "h0"]})


@pytest.mark.parametrize("layer", MAKERS)
def test_constructors(layer):
    first, second = {Affine: ("input_size", "output_size"), Embedding: ("vocab_size", "embedding_size")}.get(
        layer, ("input_size", "hidden_size")
    )
    valid = {first: D, second: H, "rng": rng(), "dtype": np.float32}
    values = {
        first: [*hostile.NO_SIZES, Alike(np.int8(D))], second: hostile.NO_SIZES, "rng": hostile.NO_GENERATORS,
        "dtype": [*hostile.NO_DTYPES, Alike("float32"), Alike(np.dtype(np.float32))],
    }
    if layer not in (Affine, Embedding):
        valid["stateful"], values["stateful"] = False, hostile.NO_FLAGS
    if layer is LSTM:
        valid["forget_bias"], values["forget_bias"] = 1.0, [*hostile.NO_NUMBERS, np.inf, 1e300, Alike(1)]
    fuzz(lambda **given: layer(**given).params, valid, values)


@pytest.mark.parametrize("layer", MAKERS)
def test_a_weight_is_filled_and_not_replaced(layer):
    layer = copy.deepcopy(layer(D, H, rng=rng()))
    for name, weight in layer.params.items():
        kept = weight.copy()
        message = hostile.assert_refused(layer.params.__setitem__, name, 2 * weight, names=name)
        assert message.endswith(f"[{name!r}][...] = values")
        layer.params[name][...] = 2 * kept   # the remedy
        layer.params[name] *= 2
        np.testing.assert_array_equal(weight, 4 * kept)


@pytest.mark.parametrize("state", [5, "ab", {"h": 1, "c": 2}, (), np.float64(1), (None, None)])
def test_states(state):
    layer = LSTM(D, H, rng=rng(), dtype=np.float64, stateful=True)
    x = numbers(N, T, D)
    layer.forward(x)
    kept = [array.copy() for array in layer.state]
    for call in (lambda: setattr(layer, "state", state), lambda: layer.forward(x, state)):
        hostile.assert_refused(call)
    np.testing.assert_array_equal(layer.state, kept)
    hostile.assert_refused(layer.backward, numbers(N, T, H), 5, names="dstate")


def test_affine():
    valid = {"x": numbers(N, D), "dout": numbers(N, V)}
    values = {name: hostile_arrays(array) for name, array in valid.items()}
    fuzz(
        lambda x, dout: through(Affine(D, V, rng=rng(), dtype=np.float64), x, dout), valid, values,
        names={"x": ["x", "dout"]},
    )


def test_memory_that_affine_cannot_write_its_result_into():
    layer, x = Affine(D, D, rng=rng(), dtype=np.float64), numbers(N, D)
    read_only, strided = np.empty((N, D)), np.empty((N, 2 * D))[:, ::2]
    read_only.flags.writeable = False
    for out in (x.tolist(), "abc", x.astype(np.float32), strided, read_only, np.empty((1, D)), x):
        hostile.assert_refused(layer.forward, x, out, names="out")   # in x, backward would meet the result


def test_embedding():
    ids = np.array([[1, 0], [5, 1]])
    bad = [ids - 1, ids + 1, ids / 1, ids[:, :0], [[2**63, 0], [0, 0]]]
    valid = {"ids": ids, "dout": numbers(2, 2, D)}
    values = {"dout": hostile_arrays(valid["dout"])}
    values["ids"] = [*hostile.NO_ARRAYS, *bad, *hostile.disguises(ids)]
    fuzz(lambda ids, dout: through(Embedding(V, D, rng=rng(), dtype=np.float64), ids, dout), valid, values)


def test_attention():
    mask = np.array([[True, True, False], [True, False, False]])

    def attention(query, keys, mask, dcontext):
        return through(DotProductAttention(np.float64), query, dcontext, keys, mask)

    valid = {"query": numbers(N, H), "keys": numbers(N, T, H), "mask": mask, "dcontext": numbers(N, H)}
    values = {name: hostile_arrays(array) for name, array in valid.items() if name != "mask"}
    values["mask"] = [mask.astype(int), mask / 1, ~mask & mask, mask[:, :2], "abc", [[True], [1, 2]]]
    values["mask"] += [Alike(mask.tolist()), Alike(np.asfortranarray(mask))]
    for name in ("query", "keys"):
        values[name] += [np.full_like(valid[name], bad) for bad in (np.nan, np.inf, -np.inf)]
    fuzz(attention, valid, values, names={"query": ["query", "keys"]})


def test_dropout():
    def dropout(x, train, dout, **options):
        layer = Dropout(rng=rng(), **options)
        return layer.forward(x, train), layer.backward(dout)

    x = numbers(N, T, D)
    valid = {"x": x, "train": True, "dout": x, "p": 0.5, "shared_over_time": True}
    values = {
        "x": hostile_arrays(x), "dout": hostile_arrays(x), "train": hostile.NO_FLAGS,
        "p": [*hostile.NO_NUMBERS, -0.1, 1, 2, np.inf], "shared_over_time": hostile.NO_FLAGS,
    }
    fuzz(dropout, valid, values, names={"x": ["x", "dout"]})
    hostile.assert_refused(Dropout(0.5, rng=rng()).forward, x.astype(np.float16), names="x")
    for generator in hostile.NO_GENERATORS:
        hostile.assert_refused(Dropout, 0.5, rng=generator, names="rng")


def test_loss():
    logits, targets = numbers(N, T, V), np.array([[0, 5, 1], [2, 1, 4]])

    def loss(logits, targets, ignore_index, dout, **options):
        layer = SoftmaxCrossEntropy(ignore_index)
        return layer.forward(logits, targets, **options), layer.backward(dout)

    valid = {"logits": logits, "targets": targets, "ignore_index": 4, "dout": 2.0}
    valid |= {"need_gradient": True, "in_place": False}
    values = {
        "logits": [*hostile_arrays(logits), np.zeros((N, T, V), int)],
        "targets": [
            *hostile.NO_ARRAYS, *hostile.misshapen(targets), *hostile.disguises(targets),
            targets - 1, targets + 1, targets / 1, np.full((N, T), 4),
        ],
        "ignore_index": [*hostile.NO_WHOLE_NUMBERS[1:], 2**70],   # None ignores nothing
        "dout": [*hostile.NO_NUMBERS, [2.0], Alike(2), Alike(np.float32(2)), Alike(np.array(2.0))],
        "need_gradient": hostile.NO_FLAGS, "in_place": hostile.NO_FLAGS,
    }
    fuzz(loss, valid, values, names={"logits": ["logits", "targets"]})
    read_only = logits.copy()
    read_only.flags.writeable = False
    for bad in (logits.astype(np.float16), logits[:, :, ::2], logits.tolist(), read_only):
        hostile.assert_refused(SoftmaxCrossEntropy().forward, bad, targets % 3, in_place=True, names="logits")


def test_float16_logits_are_computed_in_double_precision():
    logits, targets = np.array([[12, 0, -3], [25, 20, 0]], np.float16), np.array([1, 0])
    half, double = SoftmaxCrossEntropy(), SoftmaxCrossEntropy()
    assert half.forward(logits, targets) == double.forward(logits.astype(np.float64), targets)
    np.testing.assert_array_equal(half.backward(), double.backward())


def test_where_underflows_are_errors_a_small_number_is_none():
    logits = np.array([[0.0, -1000.0]])
    with np.errstate(all="raise"):
        assert layers.softmax(logits).tolist() == [[1, 0]] and layers.sigmoid(logits[0, 1]) == 0
        assert layers.log_softmax(logits).tolist() == logits.tolist()
        assert SoftmaxCrossEntropy().forward(logits, np.array([0])) == 0


def test_nan_in_padding_reaches_neither_loss_nor_gradient():
    logits, targets = numbers(N, V), np.array([3, -1])
    layer = SoftmaxCrossEntropy(ignore_index=-1)
    wanted = layer.forward(logits, targets), layer.backward()
    logits[1] = np.nan
    np.testing.assert_allclose(layer.forward(logits, targets), wanted[0], rtol=1e-14)
    np.testing.assert_allclose(layer.backward(), wanted[1], rtol=1e-12)


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_steps(cell, gates):
    step, back = getattr(layers, f"{cell}_step"), getattr(layers, f"{cell}_step_backward")
    valid = {"x": numbers(N, D), "h_prev": numbers(N, H, seed=1)}
    valid |= {"c_prev": numbers(N, H, seed=2)} if cell == "lstm" else {}
    valid |= {"Wx": numbers(D, gates * H, seed=3), "Wh": numbers(H, gates * H, seed=4)}
    valid |= {name: numbers(gates * H) for name in (["bx", "bh"] if cell == "gru" else ["b"])}
    values = {name: hostile_arrays(array) for name, array in valid.items()}
    named = {name: [name, *list(valid)[k + 1 :]] for k, name in enumerate(valid)}
    fuzz(lambda **given: step(**given)[:-1], valid, values, names=named)
    *states, cache = step(**valid)
    upstream = {f"d{name}": numbers(N, H) for name in ("h", "c")[: len(states)]}
    values = {name: hostile_arrays(array) for name, array in upstream.items()}
    fuzz(lambda **given: back(cache=cache, **given), upstream, values)
    for bad in (None, "abc", (), cache[:-1], list(cache)):
        hostile.assert_refused(back, *upstream.values(), bad, names="cache")


@pytest.mark.parametrize("name", ["sigmoid", "softmax", "log_softmax"])
def test_activations(name):
    function, x = getattr(layers, name), numbers(N, V)
    masked = np.ma.masked_array(x, x == x[0, 0])
    values = [*hostile.NO_ARRAYS, masked, x.astype(object), *hostile.disguises(x)]
    if name != "sigmoid":
        values += [[], np.zeros((3, 0)), 1.0, [[np.inf, 0]], [[np.nan, 0]], [[-np.inf, -np.inf]]]
        fuzz(function, {"x": x, "axis": -1}, {"axis": [*hostile.NO_WHOLE_NUMBERS, 2, -3, 10**30, Alike(1)]})
    fuzz(function, {"x": x}, {"x": values})


@settings(max_examples=60, deadline=None)
@given(
    x=st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.uint8, np.int64, np.uint64]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(max_dims=3, max_side=4))
    )
)
def test_activations_are_right_or_refuse_in_every_dtype(x):
    wide = x.astype(np.longdouble)
    if np.isfinite(wide).all():
        shifted = wide - wide.max(axis=-1, keepdims=True)
        with np.errstate(over="ignore", under="ignore"):
            wanted = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
        assert np.isfinite(layers.softmax(x)).all() and np.isfinite(layers.sigmoid(x)).all()
        np.testing.assert_allclose(layers.softmax(x), wanted, rtol=2e-6, atol=1e-37)
        np.testing.assert_allclose(np.exp(layers.log_softmax(x)), wanted, rtol=2e-5, atol=1e-37)
    elif not np.isfinite(wide.max(axis=-1)).all():
        hostile.assert_refused(layers.softmax, x, names="x")
        hostile.assert_refused(layers.log_softmax, x, names="x")
