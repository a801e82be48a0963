"""RNN, LSTM and GRU: equal to torch, equal to a loop over their readable steps, careful with their input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.gradients import numerical_gradient, relative_error
from helpers.layers import (
    GRU,
    LSTM,
    RNN,
    gru_step,
    gru_step_backward,
    lstm_step,
    lstm_step_backward,
    rnn_step,
    rnn_step_backward,
)
from helpers.layers.base import transposed

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
N, T, D, H = 3, 6, 4, 5

every_cell = pytest.mark.parametrize("cell", CELLS)
shapes = st.tuples(*(st.integers(1, 7) for _ in range(4))).filter(lambda s: len(set(s)) == 4)
seeds = st.integers(0, 2**32 - 1)


def make(cell, input_size=D, hidden_size=H, seed=0, dtype=np.float64, **options):
    """A layer with random weights and, unlike a fresh one, random biases."""
    rng = np.random.default_rng(seed)
    layer = CELLS[cell](input_size, hidden_size, rng=rng, dtype=dtype, **options)
    for param in layer.params.values():
        param[...] = rng.uniform(-0.9, 0.9, param.shape)
    return layer


def draw(layer, n, t, seed=1):
    """x, the initial states, dh and the gradients at the last states."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, t, layer.input_size))
    state, dlast = (
        [rng.standard_normal((n, layer.hidden_size)) for _ in layer.state_names] for _ in range(2)
    )
    return x, state, rng.standard_normal((n, t, layer.hidden_size)), dlast


def forward(layer, x, state=None):
    if state is not None and len(state) == 1:
        state = state[0]
    return layer.forward(x, state)


def backward(layer, dh, dlast=None):
    if dlast is not None and len(dlast) == 1:
        dlast = dlast[0]
    return layer.backward(dh, dlast)


def initial_gradients(layer):
    return [getattr(layer, f"d{name}0") for name in layer.state_names]


def through_torch(layer, x, state, dh, dlast):
    """The same with torch: h, last states, dx, gradients of the initial states and of the parameters."""
    torch = pytest.importorskip("torch")
    cell = type(layer).__name__
    peer = getattr(torch.nn, cell)(layer.input_size, layer.hidden_size, batch_first=True, dtype=torch.float64)
    bx = layer.params["bx" if cell == "GRU" else "b"]
    bh = layer.params["bh"] if cell == "GRU" else np.zeros_like(bx)
    weights = [layer.params["Wx"].T, layer.params["Wh"].T, bx, bh]
    with torch.no_grad():
        for target, source in zip(peer.parameters(), weights, strict=True):
            target.copy_(torch.from_numpy(source.copy()))
    tx = torch.from_numpy(x.copy()).requires_grad_()
    tstate = [torch.from_numpy(s[None].copy()).requires_grad_() for s in state]
    h, last = peer(tx, tuple(tstate) if cell == "LSTM" else tstate[0])
    last = list(last) if cell == "LSTM" else [last]
    torch.autograd.backward([h, *last], [torch.from_numpy(g) for g in (dh, *(d[None] for d in dlast))])
    dWx, dWh, dbx, dbh = (p.grad.numpy() for p in peer.parameters())
    grads = {"Wx": dWx.T, "Wh": dWh.T} | ({"bx": dbx, "bh": dbh} if cell == "GRU" else {"b": dbx})
    return (
        h.detach().numpy(),
        [s[0].detach().numpy() for s in last],
        tx.grad.numpy(),
        [s.grad[0].numpy() for s in tstate],
        grads,
    )


@every_cell
@settings(max_examples=25, deadline=None)
@given(shape=shapes, seed=seeds)
def test_equals_torch(cell, shape, seed):
    n, t, d, h_size = shape
    layer = make(cell, d, h_size, seed)
    x, state, dh, dlast = draw(layer, n, t, seed)
    h = forward(layer, x, state)
    dx = backward(layer, dh, dlast)
    wanted_h, wanted_last, wanted_dx, wanted_dstate, wanted_grads = through_torch(layer, x, state, dh, dlast)
    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(h, wanted_h, **close)
    np.testing.assert_allclose(dx, wanted_dx, **close)
    for got, wanted in zip(layer.state, wanted_last, strict=True):
        np.testing.assert_allclose(got, wanted, **close)
    for got, wanted in zip(initial_gradients(layer), wanted_dstate, strict=True):
        np.testing.assert_allclose(got, wanted, **close)
    assert layer.grads.keys() == wanted_grads.keys()
    for name, wanted in wanted_grads.items():
        np.testing.assert_allclose(layer.grads[name], wanted, **close, err_msg=name)


@every_cell
def test_gradients_by_central_differences(cell):
    layer = make(cell)
    x, state, dh, dlast = draw(layer, N, T)

    def loss(_):
        h = forward(layer, x, state)
        return np.sum(h * dh) + sum(np.sum(a * b) for a, b in zip(layer.state, dlast, strict=True))

    forward(layer, x, state)
    dx = backward(layer, dh, dlast)
    pairs = [(x, dx), *zip(state, [g.copy() for g in initial_gradients(layer)], strict=True)]
    pairs += [(layer.params[name], layer.grads[name].copy()) for name in layer.params]
    for values, gradient in pairs:
        assert relative_error(gradient, numerical_gradient(loss, values)) < 1e-7


def step_loop(cell, params, x, state, dh, dlast):
    """Forward and backward as a loop over the readable steps."""
    step, step_backward = {
        "rnn": (rnn_step, rnn_step_backward),
        "lstm": (lstm_step, lstm_step_backward),
        "gru": (gru_step, gru_step_backward),
    }[cell]
    weights = [params[name] for name in params]
    states, hs, caches = list(state), [], []
    for t in range(x.shape[1]):
        *states, cache = step(x[:, t], *states, *weights)
        hs.append(states[0])
        caches.append(cache)
    last, dstates, dx = states, list(dlast), np.empty_like(x)
    grads = {name: np.zeros_like(p) for name, p in params.items()}
    for t in reversed(range(x.shape[1])):
        dstates[0] = dstates[0] + dh[:, t]
        dx[:, t], *rest = step_backward(*dstates, caches[t])
        dstates = rest[: len(dstates)]
        for name, gradient in zip(grads, rest[len(dstates) :], strict=True):
            grads[name] += gradient
    return np.stack(hs, axis=1), last, dx, dstates, grads


@every_cell
@settings(max_examples=20, deadline=None)
@given(shape=shapes, seed=seeds)
def test_equals_a_loop_over_the_readable_steps(cell, shape, seed):
    n, t, d, h_size = shape
    layer = make(cell, d, h_size, seed)
    x, state, dh, dlast = draw(layer, n, t, seed)
    h = forward(layer, x, state)
    dx = backward(layer, dh, dlast)
    wanted_h, wanted_last, wanted_dx, wanted_dstate, wanted_grads = step_loop(
        cell, layer.params, x, state, dh, dlast
    )
    close = {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(h, wanted_h, **close)
    np.testing.assert_allclose(dx, wanted_dx, **close)
    for got, wanted in zip(layer.state, wanted_last, strict=True):
        np.testing.assert_allclose(got, wanted, **close)
    for got, wanted in zip(initial_gradients(layer), wanted_dstate, strict=True):
        np.testing.assert_allclose(got, wanted, **close)
    for name, wanted in wanted_grads.items():
        np.testing.assert_allclose(layer.grads[name], wanted, **close, err_msg=name)


@every_cell
def test_a_missing_state_is_zero_and_a_missing_upstream_too(cell):
    layer = make(cell)
    x, state, dh, dlast = draw(layer, N, T)
    zeros = [np.zeros_like(s) for s in state]
    np.testing.assert_array_equal(forward(layer, x), forward(layer, x, zeros))
    np.testing.assert_array_equal(backward(layer, dh), backward(layer, dh, [np.zeros_like(d) for d in dlast]))


@every_cell
def test_stateful_halves_equal_the_whole(cell):
    x = draw(make(cell), N, T)[0]
    whole = make(cell).forward(x)
    layer = make(cell, stateful=True)
    halves = np.concatenate([layer.forward(x[:, :2]), layer.forward(x[:, 2:])], axis=1)
    np.testing.assert_allclose(halves, whole, rtol=1e-12, atol=1e-14)
    again = layer.forward(x)
    assert np.abs(again - whole).max() > 1e-3  # it went on from the end
    layer.reset_state()
    assert layer.state is None
    np.testing.assert_allclose(layer.forward(x), whole, rtol=1e-12, atol=1e-14)


@every_cell
def test_without_stateful_every_forward_starts_from_zeros(cell):
    layer = make(cell)
    x = draw(layer, N, T)[0]
    np.testing.assert_array_equal(layer.forward(x), layer.forward(x))


@every_cell
def test_a_given_state_wins_over_the_carried_one(cell):
    layer = make(cell, stateful=True)
    x, state, *_ = draw(layer, N, T)
    first = forward(layer, x, state)
    np.testing.assert_array_equal(forward(layer, x, state), first)


@every_cell
def test_state_can_be_taken_away_and_put_back(cell):
    layer = make(cell, stateful=True)
    x = draw(layer, N, T)[0]
    layer.forward(x)
    kept = tuple(s.copy() for s in layer.state)
    after = layer.forward(x)
    given = tuple(s.copy() for s in kept)
    layer.state = given
    for array in given:  # what becomes of it afterwards does not matter
        array[...] = 7
    np.testing.assert_array_equal(layer.forward(x), after)


@every_cell
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_from_end_to_end(cell, dtype):
    layer = make(cell, dtype=dtype)
    x, state, dh, dlast = cast(dtype, *draw(layer, N, T))
    h = forward(layer, x, state)
    dx = backward(layer, dh, dlast)
    arrays = [h, dx, *layer.state, *initial_gradients(layer), *layer.params.values(), *layer.grads.values()]
    assert {a.dtype for a in arrays} == {np.dtype(dtype)}


def cast(dtype, x, state, dh, dlast):
    states, last = ([a.astype(dtype) for a in arrays] for arrays in (state, dlast))
    return x.astype(dtype), states, dh.astype(dtype), last


@every_cell
def test_float64_in_a_float32_layer_is_refused_and_float32_in_a_float64_layer_is_not(cell):
    layer = make(cell, dtype=np.float32)
    x, state, _, _ = draw(layer, N, T)
    with pytest.raises(ValueError, match="x: got float64, wanted float32, the layer's"):
        layer.forward(x)
    with pytest.raises(ValueError, match="h0: got float64"):
        forward(layer, x.astype(np.float32), state)
    assert make(cell).forward(x.astype(np.float32)).dtype == np.float64


@every_cell
def test_float32_stays_near_float64(cell):
    exact, rounded = make(cell), make(cell, dtype=np.float32)
    x, state, dh, dlast = draw(exact, N, T)
    x32, state32, dh32, dlast32 = cast(np.float32, x, state, dh, dlast)
    np.testing.assert_allclose(forward(rounded, x32, state32), forward(exact, x, state), atol=3e-6)
    np.testing.assert_allclose(backward(rounded, dh32, dlast32), backward(exact, dh, dlast), atol=3e-5)


@every_cell
def test_extreme_inputs_neither_overflow_nor_warn(cell):
    layer = make(cell, dtype=np.float32)
    x = np.full((2, T, D), 1e30, np.float32) * np.array([1, -1], np.float32)[:, None, None]
    with np.errstate(all="raise", under="ignore"):
        h = layer.forward(x)
        layer.backward(np.ones_like(h))
    assert np.isfinite(h).all() and all(np.isfinite(g).all() for g in (layer.dh0, layer.grads["Wh"]))


@every_cell
def test_arguments_are_left_alone_and_results_are_not_overwritten(cell):
    layer = make(cell)
    x, state, dh, dlast = draw(layer, N, T)
    arguments = [x, *state, dh, *dlast]
    before = [a.copy() for a in arguments]
    h = forward(layer, x, state)
    dx = backward(layer, dh, dlast)
    for argument, kept in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, kept)
    results = [h, dx, *layer.state, *initial_gradients(layer)]
    kept = [r.copy() for r in results]
    forward(layer, 2 * x)
    backward(layer, 3 * dh)
    for result, wanted in zip(results, kept, strict=True):
        np.testing.assert_array_equal(result, wanted)


@every_cell
def test_changing_x_or_h_between_forward_and_backward_does_no_harm(cell):
    x, state, dh, _ = draw(make(cell), N, T)
    quiet, disturbed = make(cell), make(cell)
    forward(quiet, x, state)
    copies = x.copy(), [s.copy() for s in state]
    h = forward(disturbed, *copies)
    for array in (h, copies[0], *copies[1], *disturbed.state):
        array[...] = 7
    np.testing.assert_array_equal(backward(disturbed, dh), backward(quiet, dh))


@every_cell
def test_backward_twice_gives_the_same_and_does_not_accumulate(cell):
    layer = make(cell)
    x, state, dh, dlast = draw(layer, N, T)
    forward(layer, x, state)
    dx = backward(layer, dh, dlast)
    kept = {name: g.copy() for name, g in layer.grads.items()}
    np.testing.assert_array_equal(backward(layer, dh, dlast), dx)
    for name, gradient in layer.grads.items():
        np.testing.assert_array_equal(gradient, kept[name])


@every_cell
def test_arrays_keep_their_identity(cell):
    layer = make(cell)
    params, grads = dict(layer.params), dict(layer.grads)
    x, state, dh, _ = draw(layer, N, T)
    forward(layer, x, state)
    backward(layer, dh)
    assert all(layer.params[k] is params[k] and layer.grads[k] is grads[k] for k in params)


@every_cell
def test_strided_input_is_as_good_as_contiguous(cell):
    layer = make(cell)
    x, state, dh, _ = draw(layer, N, T)
    wanted = forward(layer, x, state), backward(layer, dh)
    fortran = np.asfortranarray(x), [np.asfortranarray(s) for s in state]
    np.testing.assert_array_equal(forward(layer, *fortran), wanted[0])
    np.testing.assert_array_equal(backward(layer, np.asfortranarray(dh)), wanted[1])


@every_cell
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((N, T)), rf"x: got shape \({N}, {T}\), wanted \(N, T, {D}\)"),
        (np.zeros((N, T, D + 1)), rf"x: got shape \({N}, {T}, {D + 1}\), wanted \(N, T, {D}\)"),
        (np.zeros((N, 0, D)), rf"x: got shape \({N}, 0, {D}\), wanted at least one"),
        (np.zeros((0, T, D)), rf"x: got shape \(0, {T}, {D}\), wanted at least one"),
        (np.zeros((N, T, D), complex), "x: got dtype complex128, wanted real numbers"),
    ],
)
def test_a_wrong_x_is_refused(cell, x, message):
    with pytest.raises(ValueError, match=message):
        make(cell).forward(x)


@every_cell
def test_a_wrong_state_or_upstream_gradient_is_refused(cell):
    layer = make(cell)
    x, state, dh, dlast = draw(layer, N, T)
    name = layer.state_names[-1]
    bad = [*state[:-1], np.zeros((N, H + 1))]
    with pytest.raises(ValueError, match=rf"{name}0: got shape \({N}, {H + 1}\), wanted \({N}, {H}\)"):
        forward(layer, x, bad)
    forward(layer, x, state)
    with pytest.raises(ValueError, match=rf"dh: got shape \({N}, {T - 1}, {H}\), wanted \({N}, {T}, {H}\)"):
        backward(layer, dh[:, 1:])
    bad = [*dlast[:-1], np.zeros((N + 1, H))]
    with pytest.raises(ValueError, match=rf"d{name}_last: got shape \({N + 1}, {H}\), wanted \({N}, {H}\)"):
        backward(layer, dh, bad)


@every_cell
def test_a_refused_forward_leaves_the_last_one_intact(cell):
    layer = make(cell)
    x, state, dh, _ = draw(layer, N, T)
    forward(layer, x, state)
    wanted = backward(layer, dh)
    with pytest.raises(ValueError, match="0: got shape"):
        forward(layer, 2 * x, [s[:, 1:] for s in state])
    np.testing.assert_array_equal(backward(layer, dh), wanted)
    np.testing.assert_array_equal(layer.grads["Wx"], make_gradient(cell, x, state, dh))


def make_gradient(cell, x, state, dh):
    layer = make(cell)
    forward(layer, x, state)
    backward(layer, dh)
    return layer.grads["Wx"]


@every_cell
def test_a_new_batch_size_needs_a_reset(cell):
    layer = make(cell, stateful=True)
    x = draw(layer, N, T)[0]
    layer.forward(x)
    with pytest.raises(ValueError, match=rf"x: got batch size {N - 1}, wanted {N}.*reset_state"):
        layer.forward(x[1:])
    layer.reset_state()
    layer.forward(x[1:])


@every_cell
def test_backward_before_forward_is_refused(cell):
    with pytest.raises(RuntimeError, match=r"backward: got no forward pass, wanted forward before backward"):
        make(cell).backward(np.zeros((N, T, H)))


@every_cell
@pytest.mark.parametrize("name", ["input_size", "hidden_size"])
def test_sizes_are_whole_numbers_above_zero(cell, name):
    sizes = {"input_size": D, "hidden_size": H, name: 0}
    with pytest.raises(ValueError, match=f"{name}: got 0, wanted at least 1"):
        CELLS[cell](**sizes, rng=np.random.default_rng(0))


@every_cell
def test_dtype_is_float32_or_float64(cell):
    with pytest.raises(ValueError, match="dtype: got int64, wanted float32 or float64"):
        CELLS[cell](D, H, rng=np.random.default_rng(0), dtype=np.int64)


def test_lstm_state_is_a_pair():
    layer = make("lstm")
    with pytest.raises(ValueError, match="state: got 1 arrays, wanted 2: h, c"):
        layer.forward(np.zeros((N, T, D)), (np.zeros((N, H)),))


def test_forget_bias_goes_to_the_forget_gate_alone():
    b = LSTM(D, H, rng=np.random.default_rng(0), forget_bias=1.5).params["b"]
    np.testing.assert_array_equal(b, np.repeat([0, 1.5, 0, 0], H).astype(np.float32))


@every_cell
def test_the_generator_decides_the_weights(cell):
    first, second, other = (CELLS[cell](D, H, rng=np.random.default_rng(s)) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.params["Wh"], second.params["Wh"])
    assert np.abs(first.params["Wh"] - other.params["Wh"]).max() > 0.01


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (32, 5), (100, 33)])
def test_transposed_in_parts_is_the_transpose(shape):
    W = np.random.default_rng(0).standard_normal(shape)
    out = np.full(shape[::-1], np.nan)
    assert transposed(W, out) is out
    np.testing.assert_array_equal(out, W.T)
