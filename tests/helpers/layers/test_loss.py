import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.gradients import numerical_gradient, relative_error
from helpers.layers import SoftmaxCrossEntropy, loss


def through_torch(logits, targets, ignore_index=None):
    torch = pytest.importorskip("torch")
    z = torch.tensor(logits, requires_grad=True)
    options = {} if ignore_index is None else {"ignore_index": ignore_index}
    flat = torch.from_numpy(np.asarray(targets, np.int64)).reshape(-1)
    value = torch.nn.functional.cross_entropy(z.reshape(-1, logits.shape[-1]), flat, **options)
    value.backward()
    return value.item(), z.grad.numpy()


@settings(max_examples=30, deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=0, max_size=3),
    V=st.integers(1, 9),
    scale=st.sampled_from([0.1, 3.0, 100.0, 1e4]),  # below and above the bound where the maximum is taken off
    seed=st.integers(0, 2**32 - 1),
    ignore=st.booleans(),
)
def test_equals_torch(shape, V, scale, seed, ignore):
    rng = np.random.default_rng(seed)
    logits, targets = scale * rng.standard_normal((*shape, V)), rng.integers(0, V, shape)
    ignore_index = None
    if ignore and targets.size > 1:
        ignore_index = -100
        targets.reshape(-1)[rng.permutation(targets.size)[: targets.size // 2]] = ignore_index
    wanted, gradient = through_torch(logits, targets, ignore_index)
    criterion = SoftmaxCrossEntropy(ignore_index)
    value = criterion.forward(logits, targets)
    assert type(value) is float
    assert value == pytest.approx(wanted, rel=1e-10, abs=1e-10)
    np.testing.assert_allclose(criterion.backward(), gradient, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(criterion.backward(-2.5), -2.5 * gradient, rtol=1e-10, atol=1e-10)


def test_gradient_by_central_differences():
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((3, 4, 5)), rng.integers(0, 5, (3, 4))
    criterion = SoftmaxCrossEntropy()
    criterion.forward(logits, targets)
    gradient = criterion.backward()
    numeric = numerical_gradient(lambda z: SoftmaxCrossEntropy().forward(z, targets), logits)
    assert relative_error(gradient, numeric) < 1e-8


def test_chunks_in_place_and_loss_alone_all_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((5, 7, 11)), rng.integers(0, 11, (5, 7))
    wanted, gradient = through_torch(logits, targets)
    monkeypatch.setattr(loss, "CHUNK_BYTES", 4 * 11 * 8)  # four rows: 35 make nine chunks
    criterion = SoftmaxCrossEntropy()
    assert criterion.forward(logits, targets) == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(criterion.backward(), gradient, atol=1e-14)
    before = logits.copy()
    alone = criterion.forward(logits, targets, need_gradient=False)
    assert alone == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_array_equal(logits, before)
    with pytest.raises(RuntimeError, match="wanted forward before backward"):
        criterion.backward()
    assert criterion.forward(logits, targets, in_place=True) == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(criterion.backward(), gradient, atol=1e-14)
    assert np.shares_memory(criterion.backward(), logits)


@pytest.mark.parametrize("ignore_index", [None, 0])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_factors_make_the_gradient(scale, ignore_index):
    rng = np.random.default_rng(0)
    logits, targets = scale * rng.standard_normal((3, 4, 5)), np.arange(12).reshape(3, 4) % 5
    wanted = through_torch(logits, targets, ignore_index)[1]
    criterion = SoftmaxCrossEntropy(ignore_index)
    criterion.forward(logits, targets)
    G, s = criterion.factors()
    assert s.shape == targets.shape
    np.testing.assert_allclose(s[..., None] * G, wanted, atol=1e-14)
    np.testing.assert_allclose(criterion.backward(), wanted, atol=1e-14)
    np.testing.assert_allclose(criterion.backward(), wanted, atol=1e-14)   # once is enough
    assert criterion.factors()[1] is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e4, -1e4])
def test_in_place_the_logits_are_made_again_where_exp_overflows_or_vanishes(scale, dtype):
    rng = np.random.default_rng(0)
    logits, targets = rng.random((35, 11)).astype(dtype), rng.integers(0, 11, 35)
    logits[20] *= dtype(scale)
    wanted, gradient = through_torch(logits.astype(np.float64), targets)
    calls, given = [], logits.copy()

    def again():
        calls.append(1)
        given[...] = logits

    criterion = SoftmaxCrossEntropy()
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    for option in (again, None):
        given[...] = logits
        assert criterion.forward(given, targets, in_place=True, again=option) == pytest.approx(
            wanted, rel=tolerance)
        np.testing.assert_allclose(criterion.backward(), gradient, atol=tolerance)
    assert len(calls) == (scale != 1)


def test_a_gradient_handed_out_is_not_overwritten_and_the_logits_are_left_alone():
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((4, 5)), rng.integers(0, 5, 4)
    before = logits.copy()
    criterion = SoftmaxCrossEntropy()
    criterion.forward(logits, targets)
    gradient = criterion.backward()
    kept = gradient.copy()
    criterion.forward(-logits, targets)
    np.testing.assert_array_equal(gradient, kept)
    np.testing.assert_array_equal(logits, before)


def test_float32_in_float32_out_and_accurate():
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((40, 1000)), rng.integers(0, 1000, 40)
    wanted, gradient = through_torch(logits, targets)
    criterion = SoftmaxCrossEntropy()
    for ids in (targets, targets.astype(np.int32)):
        assert criterion.forward(logits.astype(np.float32), ids) == pytest.approx(wanted, rel=1e-6)
        assert criterion.backward().dtype == criterion.backward(2.0).dtype == np.float32
        np.testing.assert_allclose(criterion.backward(), gradient, atol=1e-8)


@pytest.mark.parametrize("offset", [-1e4, -31, 0, 31, 1e4])
def test_only_differences_between_logits_matter(offset):
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((4, 6)), rng.integers(0, 6, 4)
    with np.errstate(all="raise", under="ignore"):
        value = SoftmaxCrossEntropy().forward(logits + offset, targets)
    assert value == pytest.approx(SoftmaxCrossEntropy().forward(logits, targets), rel=1e-9)


def test_equal_logits_cost_the_logarithm_of_the_vocabulary():
    value = SoftmaxCrossEntropy().forward(np.zeros((2, 3, 50)), np.zeros((2, 3), int))
    assert value == pytest.approx(np.log(50))


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        (np.zeros((2, 3, 4)), np.zeros(6, int), r"targets: got shape \(6,\), wanted \(2, 3\)"),
        (np.zeros((2, 4)), np.array([0, 4]), r"targets: got id 4 at index \(1,\), wanted 0 … 3"),
        (np.zeros((2, 4)), np.array([0, -100]), "targets: got id -100"),
        (np.zeros((2, 4)), np.array([0.0, 1.0]), "targets: got dtype float64, wanted an integer dtype"),
        (np.zeros((0, 4)), np.zeros(0, int), "targets: got no target that counts, wanted at least one"),
        (np.zeros((2, 4), int), np.zeros(2, int), "logits: got dtype int64, wanted a floating dtype"),
    ],
)
def test_refusals(logits, targets, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxCrossEntropy().forward(logits, targets)


def test_all_ignored_and_strided_in_place_are_refused():
    with pytest.raises(ValueError, match="targets: got no target that counts"):
        SoftmaxCrossEntropy(ignore_index=3).forward(np.zeros((2, 4)), np.array([3, 3]))
    with pytest.raises(ValueError, match="again: got int, wanted a function of no arguments"):
        SoftmaxCrossEntropy().forward(np.zeros((2, 4)), np.array([3, 3]), in_place=True, again=3)
    with pytest.raises(ValueError, match="logits: got a strided, read-only"):
        SoftmaxCrossEntropy().forward(np.zeros((4, 2)).T, np.array([3, 3]), in_place=True)
