"""Cases and outcomes as data: what goes in comes out, and nothing that is code goes in."""

import io

import numpy as np
import pytest

from helpers.checks import stored
from helpers.checks.given import Given, tensor
from helpers.checks.stored import CannotStore, Store, load_body, load_head, save

VALUES = [
    None, True, 7, -0.0, float("inf"), "é", [], (1, [2.5, "a"]), {"a": (1,), 3: None},
    np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3).T, np.zeros((0, 4)), np.array(2.5),
    np.array([True, False]), np.array(["ab", "c"]), np.float32(0.1), np.int64(3), np.bool_(True),
    [np.ones(3), np.ones(3)],
]  # fmt: skip


def through_a_file(value, folder):
    store, path = Store(), folder / "one.npz"
    tree = store.put(value)
    with open(path, "wb") as file:
        save(file, {"what": "head"}, tree, store)
    assert load_head(path) == {"what": "head"}
    tree, store = load_body(path)
    return store.get(tree)


def same(left, right):
    assert type(left) is type(right)
    if isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            same(one, other)
    elif isinstance(left, dict):
        assert list(left) == list(right)
        same(list(left.values()), list(right.values()))
    elif isinstance(left, np.ndarray | np.generic):
        assert left.dtype == right.dtype and left.shape == right.shape
        assert left.flags.f_contiguous == right.flags.f_contiguous
        assert np.array_equal(left, right)
    else:
        assert repr(left) == repr(right)


def test_values_come_out_as_they_went_in(tmp_path):
    same(VALUES, through_a_file(VALUES, tmp_path))


def test_nan_and_tensors_come_out(tmp_path):
    torch = pytest.importorskip("torch")
    one = tensor(np.arange(3.0))
    nan, given, plain = through_a_file([np.array([np.nan]), one, torch.ones(2, dtype=torch.int64)], tmp_path)
    assert np.isnan(nan).all()
    assert isinstance(given, Given) and str(given) == str(one) and np.array_equal(*given.parts, *one.parts)
    assert plain.dtype == torch.int64 and plain.tolist() == [1, 1]


def test_what_comes_out_is_the_callers_own(tmp_path):
    store = Store()
    tree = store.put(np.ones(3))
    with open(tmp_path / "x.npz", "wb") as file:
        save(file, None, tree, store)
    tree, store = load_body(tmp_path / "x.npz")
    store.get(tree)[:] = 5
    assert store.get(tree).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "code", [len, lambda x: x, object(), np.array([len], object), np.random.default_rng(0), {1, 2}, [print]]
)
def test_code_does_not_go_in(code):
    with pytest.raises(CannotStore, match=r"value: got \w+, wanted data"):
        Store().put(code)


def test_a_damaged_file_says_so(tmp_path):
    file = io.BytesIO()
    store = Store()
    save(file, {"a": 1}, store.put(np.arange(50.0)), store)
    whole = file.getvalue()
    path = tmp_path / "one.npz"
    for damaged in (b"", b"PK", whole[:-30], whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(ImportError, match=r"one.npz is damaged .*unpack the zip file"):
            stored.load_head(path)
