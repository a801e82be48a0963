"""Whatever stands where an argument of a numeric function belongs: a right result, or an error naming it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from helpers.gradient_flow import draw_flow
from helpers.gradients import numerical_gradient, relative_error
from helpers.layers import LSTM, Dropout
from helpers.state_gradients import lstm_gradient_norms
from helpers.truncation import gradients_by_reach
from helpers.word_vectors import cooccurrences, ppmi, ppmi_svd
from tests import hostile
from tests.hostile import Alike, assert_refused, fuzz, hostile_arrays

N, T, D, H = 2, 3, 4, 5


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-16, 17, shape) / 8


def squares(x):
    return (x**2).sum()


def test_arguments_of_the_gradient_check():
    x = numbers(2, 3)
    read_only = np.broadcast_to(np.ones(1), (3,))
    shared = np.lib.stride_tricks.as_strided(np.ones(4), (3, 2), (8, 8))
    results = [x, None, "1", 1j, [1.0], True, np.nan, -np.inf, np.float32(1), np.array([1.0])]
    values = {
        "f": [None, 3, "f", x, *((lambda x, result=result: result) for result in results)],
        "x": [
            *hostile.NO_ARRAYS, x.astype(np.float32), x.astype(int), x.tolist(), x.astype(">f8"), read_only,
            np.ma.masked_array(x), shared, np.array([1.0, np.nan]), np.array([1e12]), np.float64(3),
        ],
        "eps": [*hostile.NO_NUMBERS, 0, -1e-5, np.inf, 2, 1e-18, Alike(np.float32(1e-5))],
    }
    fuzz(numerical_gradient, {"f": squares, "x": x, "eps": 1e-5}, values)


@pytest.mark.parametrize("x", [numbers(2, 3)[::-1].T, numbers(2, 6)[:, ::2], np.empty((0, 3)), np.array(3.0)])
def test_views_with_entries_of_their_own_are_right(x):
    np.testing.assert_allclose(numerical_gradient(squares, x), 2 * x, rtol=1e-8, atol=1e-9)


def test_a_layer_that_remembers_is_found_and_right_once_it_is_reset():
    x, dh = numbers(N, T, D), numbers(N, T, H)
    layer = LSTM(D, H, rng=np.random.default_rng(0), dtype=np.float64, stateful=True)

    def remembering(x):
        return np.sum(layer.forward(x) * dh)

    def reset(x):
        layer.reset_state()
        return remembering(x)

    assert "reset the layer's state" in assert_refused(numerical_gradient, remembering, x, names="f")
    gradient = numerical_gradient(reset, x)
    reset(x)
    assert relative_error(layer.backward(dh), gradient) < 1e-7


def test_dropout_is_found_and_right_with_its_generator_made_anew():
    x, layer, calls = numbers(4, 5) + 3, Dropout(0.5, rng=np.random.default_rng(0)), []

    def drawing(x):
        calls.append(0)
        return squares(layer.forward(x, train=True))

    def again(x):
        layer.rng = np.random.default_rng(0)
        return drawing(x)

    assert_refused(numerical_gradient, drawing, x, names="f")
    assert len(calls) == 2   # at once, not after minutes
    gradient = numerical_gradient(again, x)
    layer.rng = np.random.default_rng(0)
    y = layer.forward(x, train=True)
    assert relative_error(layer.backward(2 * y), gradient) < 1e-7


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_that_is_drawn_once_in_a_while_is_found(seed):
    layer, x = Dropout(0.02, rng=np.random.default_rng(seed)), numbers(3, 5)
    assert_refused(numerical_gradient, lambda x: squares(layer.forward(x, train=True)), x, names="f")


def test_f_that_rounds_to_float32_is_found():
    x, W = numbers(4, 5), numbers(5, 3).astype(np.float32)
    for f in (
        lambda x: float(np.tanh(x.astype(np.float32) @ W).sum()),
        lambda x: float(np.float32(squares(x))),
        lambda x: int(1e6 * squares(x)) % 2**20,
    ):
        assert "float32" in assert_refused(numerical_gradient, f, x, names="f")
    # In double precision all is well, be it that a coarse number is a right one.
    np.testing.assert_allclose(numerical_gradient(squares, x, eps=2.0**-10), 2 * x, atol=1e-9)
    assert (numerical_gradient(lambda x: 3.0, x) == 0).all()


def test_f_that_starts_to_drift_later_or_writes_into_x_is_found_and_x_restored():
    x, calls = numbers(2, 3), []
    before = x.copy()

    def drifts(x):
        calls.append(0)
        return squares(x) + max(0, len(calls) - 3) * 1e-3

    def writes(x):
        x *= 2
        return squares(x)

    def writes_later(x):
        calls.append(0)
        x[0, 0] += len(calls) > 5
        return 1.0

    for f in (drifts, writes, writes_later):
        calls.clear()
        assert_refused(numerical_gradient, f, x, names="f")
        np.testing.assert_array_equal(x, before)


def test_arguments_of_the_relative_error():
    a, b = numbers(2, 3), numbers(2, 3, seed=1)
    values = {"a": hostile_arrays(a), "b": hostile_arrays(b)}
    fuzz(relative_error, {"a": a, "b": b}, values, names={"a": ["a", "b"]})
    for kind in (np.float32, np.float64):
        largest = np.array([np.finfo(kind).max])
        assert relative_error(largest, -largest) == 2


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["float16", "float32", "float64", "uint8", "int8", "int64"]).flatmap(
    lambda kind: st.tuples(*[arrays.arrays(kind, 3)] * 2)
))  # fmt: skip
def test_the_relative_error_is_right_in_every_dtype(pair):
    a, b = (each.astype(np.longdouble) for each in pair)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        assert not relative_error(*pair) < np.inf
    else:
        scale = max(np.abs(a).max(), np.abs(b).max())
        wanted = float(np.abs(a - b).max() / scale) if scale else 0
        assert relative_error(*pair) == pytest.approx(wanted, rel=1e-5)


def test_gradient_norms_of_an_lstm():
    names = {"Wx": (D, 4 * H), "Wh": (H, 4 * H), "b": (4 * H,), "x": (N, T, D), "dh_last": (N, H)}
    valid = {name: numbers(*shape, seed=k) for k, (name, shape) in enumerate(names.items())}

    def norms(x, dh_last, **params):
        return lstm_gradient_norms(dh_last, x, params)

    values = {name: hostile_arrays(array) for name, array in valid.items()}
    fuzz(norms, valid, values, names={name: list(names)[k:] for k, name in enumerate(names)})
    for params in (None, {}, {"Wx": valid["Wx"]}, "Wx"):
        assert_refused(lstm_gradient_norms, valid["dh_last"], valid["x"], params, names="params")


def test_gradients_by_reach():
    names = {"x": (N, T, D), "h0": (N, H), "h": (N, T, H), "target": (N, T, H), "Wh": (H, H)}
    valid = {name: numbers(*shape, seed=k) for k, (name, shape) in enumerate(names.items())}
    values = {name: hostile_arrays(array) for name, array in valid.items()}
    x = valid["x"]   # its last axis may be of any size
    values["x"] = [*hostile.NO_ARRAYS, *hostile.disguises(x), x[None], x[:, :2], x[:1], x[0], 1.0]
    fuzz(gradients_by_reach, valid, values, names={name: list(names)[k:] for k, name in enumerate(names)})
    no_steps = (array[:, :0] if array.ndim == 3 else array for array in valid.values())
    assert_refused(gradients_by_reach, *no_steps, names="x")


def test_the_drawing_of_the_flow():
    from matplotlib.figure import Figure

    def drawn(shares, weight, axis):
        axis = Figure().add_subplot() if axis else axis
        draw_flow(axis, shares, weight)
        return [patch.get_extents().bounds for patch in axis.patches]

    shares = numbers(3, 3)
    bad = [shares * np.nan, np.zeros((6, 6)), np.zeros((0, 0)), shares[:, :2], shares[None]]
    values = {"weight": [None, 3], "axis": [None, 0, ""]}
    values["shares"] = [*bad, *hostile.NO_ARRAYS, *hostile.disguises(shares)[:3]]
    fuzz(drawn, {"shares": shares, "weight": "W", "axis": True}, values)


SENTENCES = [[0, 1, 2, 1], [2, 2], [], [3]]


def test_word_vectors():
    texts = [None, 3, "abc", [], [3], ["012"], [["0", "1"]], [[True, False]]]
    ids = [[[0.0, 1.0]], [[0], [4]], [[-1]], [[2**63]], [[[0, 1], [1, 2]]]]
    narrow = [np.array(sentence, np.uint8) for sentence in SENTENCES if sentence]
    values = {
        "sentences": [*texts, *ids, Alike(tuple(SENTENCES)), Alike(narrow)],
        "vocab_size": [*hostile.NO_SIZES, 3], "window": [*hostile.NO_SIZES[:-2], Alike(np.int8(2))],
    }
    valid = {"sentences": SENTENCES, "vocab_size": 4, "window": 2}
    fuzz(cooccurrences, valid, values, names={"vocab_size": ["vocab_size", "sentences"]})
    fuzz(
        ppmi_svd, {**valid, "size": 2, "seed": 1},
        {**values, "size": [*hostile.NO_SIZES, 5], "seed": [*hostile.NO_WHOLE_NUMBERS, -1, 10**30]},
        names={"vocab_size": ["vocab_size", "sentences", "size"]}, rtol=1e-3,
    )
    np.testing.assert_array_equal(cooccurrences(SENTENCES, 4, 10**30), cooccurrences(SENTENCES, 4, 3))
    assert ppmi_svd([[0]], 3, size=2).tolist() == np.zeros((3, 2)).tolist()   # no word stands beside another


def test_mutual_information():
    counts = cooccurrences(SENTENCES, 4, 2)
    rows, columns, times = counts
    bad = [None, 3, "abc", counts[:2], np.array(counts), (rows[1:], columns, times)]
    bad += [(rows / 1, columns, times), (rows, columns + 9, times)]
    bad += [(rows, columns, factor * times) for factor in (-1, 0, np.nan)]
    alike = Alike((rows, columns, times.astype(np.float16)))
    valid = {"counts": counts, "vocab_size": 4}
    fuzz(ppmi, valid, {"counts": [*bad, alike], "vocab_size": hostile.NO_SIZES})
