import numpy as np
import pytest

from helpers import optim
from helpers.optim import SGD, Adam, clip_grad_norm, clip_scale
from tests.hostile import NO_NUMBERS, assert_refused

DTYPES = [np.float32, np.float64]


def arrays(seed=0, dtype=np.float64, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = {"W": (4, 5), "b": (5,), "deep": (2, 3, 2)}
    return {name: (scale * rng.standard_normal(shape)).astype(dtype) for name, shape in shapes.items()}


def torch_parameters(params, grads):
    torch = pytest.importorskip("torch")
    tensors = [torch.nn.Parameter(torch.tensor(p)) for p in params.values()]
    for tensor, gradient in zip(tensors, grads.values(), strict=True):
        tensor.grad = torch.tensor(gradient)
    return torch, tensors


@pytest.mark.parametrize(
    ("scale", "max_norm"), [(1.0, 0.25), (1.0, 3.0), (1.0, 100.0), (1e-5, 1e-5), (1e-5, 4e-5)]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_clip_grad_norm_equals_torch(scale, max_norm, dtype):
    grads = arrays(dtype=dtype, scale=scale)  # the small ones show the 1e-6 in the definition
    torch, tensors = torch_parameters(grads, grads)
    wanted = torch.nn.utils.clip_grad_norm_(tensors, max_norm).item()
    identities = dict(grads)
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    assert clip_grad_norm(grads, max_norm) == pytest.approx(wanted, rel=tolerance)
    for name, tensor in zip(grads, tensors, strict=True):
        assert grads[name] is identities[name] and grads[name].dtype == dtype
        np.testing.assert_allclose(grads[name], tensor.grad.numpy(), rtol=tolerance)


def test_the_norm_is_global_and_smaller_gradients_are_left_alone():
    grads = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    assert clip_grad_norm(grads, 5.1) == 5
    np.testing.assert_array_equal(grads["a"], [3, 0])
    assert clip_grad_norm(grads, 1.0) == 5
    np.testing.assert_allclose(grads["a"], [0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(grads["b"], [[0.8]], rtol=1e-6)
    assert clip_grad_norm({"zero": np.zeros(3)}, 1.0) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_named_and_nothing_is_changed(value):
    grads = arrays(dtype=np.float32)
    grads["b"][2] = value
    grads["deep"][0] = value
    before = {name: g.copy() for name, g in grads.items()}
    with pytest.raises(FloatingPointError, match=r"'b'.*not finite"):
        clip_grad_norm(grads, 1.0)
    for name, gradient in grads.items():
        np.testing.assert_array_equal(gradient, before[name])


def test_finite_gradients_whose_squares_overflow_are_clipped():
    grads = {"a": np.full(4, 1e30, np.float32), "b": np.zeros(2, np.float32)}
    with np.errstate(all="raise", under="ignore"):
        assert clip_grad_norm(grads, 1.0) == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(grads["a"], 0.5, rtol=1e-6)


@pytest.mark.parametrize("max_norm", [0, -1.0, np.nan])
def test_max_norm_is_above_0(max_norm):
    with pytest.raises(ValueError, match="max_norm: got"):
        clip_grad_norm(arrays(), max_norm)


def steps(optimizer, count=6, start=0):
    for seed in range(start, start + count):
        optimizer.step(arrays(seed + 100, next(iter(optimizer.params.values())).dtype))


@pytest.mark.parametrize("chunk", [3, optim.CHUNK])
@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (SGD, "SGD", {"lr": 0.7}),
        (Adam, "Adam", {}),
        (Adam, "Adam", {"lr": 0.03, "betas": (0.6, 0.95), "eps": 1e-3}),
    ],
)
def test_equals_torch_over_several_steps(ours, theirs, options, chunk, monkeypatch):
    monkeypatch.setattr(optim, "CHUNK", chunk)
    params = arrays()
    torch, tensors = torch_parameters(params, params)
    identities = dict(params)
    optimizer, peer = ours(params, **options), getattr(torch.optim, theirs)(tensors, **options)
    for seed in range(6):
        grads = arrays(seed + 100, scale=10.0**-seed)
        before = {name: g.copy() for name, g in grads.items()}
        for tensor, gradient in zip(tensors, grads.values(), strict=True):
            tensor.grad = torch.tensor(gradient)
        optimizer.step(grads)
        peer.step()
        for name, gradient in grads.items():
            np.testing.assert_array_equal(gradient, before[name])
    for name, tensor in zip(params, tensors, strict=True):
        assert params[name] is identities[name]
        np.testing.assert_allclose(params[name], tensor.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_clipping_folded_into_the_step_equals_clipping_first(kind):
    grads = arrays(1)
    folded, first = (kind(arrays(), lr=0.1) for _ in range(2))
    norm, scale = clip_scale(grads, 0.25)
    folded.step(grads, scale)
    assert clip_grad_norm(grads, 0.25) == norm
    first.step(grads)
    assert scale < 0.2
    for name in grads:
        np.testing.assert_allclose(folded.params[name], first.params[name], rtol=1e-13)


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_is_kept_even_for_a_rate_from_numpy(kind, dtype):
    optimizer = kind(arrays(dtype=dtype), lr=np.float64(0.1))
    optimizer.lr = np.float64(0.2)
    grads = arrays(1, dtype)
    optimizer.step(grads, clip_scale(grads, np.float64(1))[1])
    state = optimizer.state_dict()
    held = [*optimizer.params.values(), *state.get("m", {}).values(), *state.get("v", {}).values()]
    assert {a.dtype for a in held} == {np.dtype(dtype)}


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_restored_optimizer_continues_to_the_last_bit(kind, dtype):
    whole = kind(arrays(dtype=dtype), lr=0.05)
    steps(whole, 3)
    whole.lr = 0.02
    state = whole.state_dict()
    params = {name: p.copy() for name, p in whole.params.items()}
    steps(whole, 3, start=3)
    resumed = kind(params, lr=9.0)
    resumed.load_state_dict(state)
    steps(resumed, 3, start=3)
    for name, param in whole.params.items():
        np.testing.assert_array_equal(resumed.params[name], param)
    # What was saved is a copy: the steps after it did not change it.
    assert kind is SGD or (state["steps"] == 3 and np.any(state["m"]["W"] != whole.m["W"]))


def test_refusals():
    params = arrays()
    with pytest.raises(ValueError, match="lr: got -1"):
        SGD(params, lr=-1)
    with pytest.raises(ValueError, match=r"betas\[1\]: got 1.0"):
        Adam(params, betas=(0.9, 1.0))
    optimizer = Adam(params)
    with pytest.raises(ValueError, match=r"grads: got \['W'\], wanted"):
        optimizer.step({"W": params["W"]})
    with pytest.raises(ValueError, match=r"grads\['b'\]: got shape \(6,\), wanted \(5,\)"):
        optimizer.step(params | {"b": np.zeros(6)})
    assert optimizer.steps == 0
    state = optimizer.state_dict()
    state["v"]["b"] = np.zeros(7)
    with pytest.raises(ValueError, match=r"v\['b'\]: got shape \(7,\), wanted \(5,\)"):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize(
    ("change", "lr", "scale", "message"),
    [
        ({"b": np.full(5, np.nan)}, 0.1, 1.0, r"grads\['b'\]: got values that are not finite"),
        ({"b": np.full(5, -np.inf)}, 0.1, 0.0, r"grads\['b'\]: got values that are not finite"),
        ({"b": np.full(5, 1e200)}, 0.1, 1.0, "gradient: got length 2.24e"),   # its square is not
        ({"b": np.full(5, 1e30)}, 1e300, 1.0, "learning rate times gradient: got length inf"),
    ],
)
def test_a_step_that_would_not_be_finite_changes_nothing(kind, change, lr, scale, message):
    optimizer = kind(arrays(), lr=0.1)
    steps(optimizer, 2)
    before = repr((optimizer.params, optimizer.state_dict()))
    optimizer.lr = lr
    with pytest.raises(FloatingPointError, match=message):
        optimizer.step(arrays(1) | change, scale)
    optimizer.lr = 0.1
    assert repr((optimizer.params, optimizer.state_dict())) == before
    optimizer.step(arrays(1) | change | {"b": np.zeros(5)}, scale)   # it goes on


def test_clipping_checks_all_before_it_scales_any():
    read_only = np.array([4.0])
    read_only.flags.writeable = False
    for bad in (np.array([4]), np.array([4j]), [4.0], 4.0, np.float64(4), None, np.array(["4"]), read_only):
        grads = {"a": np.array([3.0]), "b": bad}
        assert_refused(clip_grad_norm, grads, 1.0, names="grads['b']")
        assert grads["a"] == 3.0
    assert_refused(clip_scale, [np.array([3.0])], 1.0, names="grads")
    for max_norm in NO_NUMBERS:
        assert_refused(clip_scale, arrays(), max_norm, names="max_norm")
    tied = np.full(4, 3.0)
    assert clip_grad_norm({"a": tied, "b": tied}, 1.0) == pytest.approx(72**0.5)
    np.testing.assert_allclose(tied, 3 / 72**0.5, rtol=1e-5)   # scaled once
    narrow = {"W": np.ones(100_000, np.float16)}
    assert clip_grad_norm(narrow, 1.0) == pytest.approx(100_000**0.5)
    np.testing.assert_allclose(narrow["W"], 100_000**-0.5, rtol=1e-3)
    assert clip_scale(arrays(), np.inf)[1] == 1


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_what_an_optimizer_is_given_is_checked(kind):
    for lr in (-1, np.inf, *NO_NUMBERS):
        assert_refused(kind, arrays(), lr, names="lr")
        assert_refused(setattr, kind(arrays(), 0.1), "lr", lr, names="lr")
    read_only = np.ones(3)
    read_only.flags.writeable = False
    for bad in (np.ones(3, int), [1.0], 1.0, None, np.ones((3, 4)).T, np.ones(6)[::2], read_only):
        assert_refused(kind, {"a": bad}, 0.1, names="params['a']")
    assert_refused(kind, [np.ones(3)], 0.1, names="params")
    optimizer = kind(arrays(), 0.1)
    for scale in (-1.0, np.inf, *NO_NUMBERS):
        assert_refused(optimizer.step, arrays(1), scale, names="scale")
    for bad in (None, 1.0, np.ones(5, int), np.ones(4), [1.0] * 5):
        assert_refused(optimizer.step, arrays(1) | {"b": bad}, names="grads['b']")
    for state in (None, {}, optimizer.state_dict() | {"lr": np.nan}, optimizer.state_dict() | {"more": 1}):
        assert_refused(optimizer.load_state_dict, state)


def test_what_adam_is_given_is_checked():
    for betas in (None, 0.9, (0.9,), (0.9, 1.0), (-0.1, 0.9), ("0.9", 0.9)):
        assert_refused(Adam, arrays(), betas=betas, names="betas")
    for eps in (0, -1e-8, np.inf, *NO_NUMBERS):
        assert_refused(Adam, arrays(), eps=eps, names="eps")
    assert_refused(Adam, arrays(dtype=np.float32), eps=1e-60, names="eps")   # 0 in float32: 0 / 0
    optimizer = Adam(arrays(), 0.1)
    steps(optimizer, 2)
    before = repr((optimizer.params, optimizer.state_dict()))
    good = optimizer.state_dict()
    for key, name, bad in [
        ("m", "b", np.zeros(6)), ("m", "W", np.zeros((4, 5), np.float32)), ("v", "b", -np.ones(5)),
        ("v", "deep", np.full((2, 3, 2), np.nan)), ("m", "b", np.array(["x"] * 5)), ("v", "b", None),
    ]:
        state = good | {key: good[key] | {name: bad}}
        assert_refused(optimizer.load_state_dict, state, names=f"{key}['{name}']")
    for count in (-1, 2.5, None, "3"):
        assert_refused(optimizer.load_state_dict, good | {"steps": count}, names="steps")
    assert_refused(optimizer.load_state_dict, good | {"m": {}}, names="m")
    assert repr((optimizer.params, optimizer.state_dict())) == before
