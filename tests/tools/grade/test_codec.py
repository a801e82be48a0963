"""What crosses between the judge and an answer: everything plain, whole, and nothing else."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.checks.compare import identical
from tools.grade.inside.codec import Encoder, Garbled, Opaque, Unplain, decode, dumps, update

numbers = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
    st.complex_numbers(allow_nan=False),
)  # fmt: skip
keys = st.one_of(st.text(), st.integers(), st.tuples(st.integers(), st.text()))
plain = st.recursive(
    numbers,
    lambda inner: st.one_of(st.lists(inner), st.tuples(inner, inner), st.dictionaries(keys, inner)),
    max_leaves=12,
)
dtypes = st.sampled_from(["f8", "f4", "f2", "i8", "i4", "u1", "?", "c16", "U3", ">f8", "g"])
shapes = st.lists(st.integers(0, 3), max_size=3)


def there(value, **options):
    """`value` after a journey as bytes."""
    sent = dumps(Encoder(**options).encode(value))
    return decode(json.loads(sent[8:]))


@given(plain)
@settings(max_examples=80, deadline=None)
def test_plain_data_arrive_as_they_are(value):
    found = there(value)
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@given(dtypes, shapes, st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_arrays_arrive_with_type_shape_gaps_and_lock(dtype, shape, gaps, locked):
    rng = np.random.default_rng(1)
    array = rng.integers(0, 2, size=[*shape, 2]).astype(dtype)
    array = array[..., 0] if gaps else np.ascontiguousarray(array[..., 0])
    array.flags.writeable = not locked
    found = there(array)
    assert found.dtype == array.dtype and found.shape == array.shape
    assert identical(found, array)
    assert found.flags.writeable == array.flags.writeable
    assert found.flags.c_contiguous == array.flags.c_contiguous


def test_numbers_of_numpy_keep_their_type():
    for value in (np.float32(0.1), np.int64(3), np.True_, np.float16(2)):
        assert type(there(value)) is type(value) and there(value) == value


def test_tensors_arrive_with_type_history_and_values():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.bool):
        value = torch.arange(6).reshape(2, 3).to(dtype)
        found = there(value)
        assert found.dtype == dtype and torch.equal(found, value)
    assert there(torch.ones(2, requires_grad=True)).requires_grad
    assert not there(torch.arange(6.0).reshape(2, 3).T).is_contiguous()


def test_generators_go_on_where_they_stood():
    rng = np.random.default_rng(3)
    rng.normal(size=5)
    assert there(rng).normal() == rng.normal()
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(4)
    torch.rand(3, generator=generator)
    other = there(generator)
    assert torch.equal(torch.rand(2, generator=other), torch.rand(2, generator=generator))


class Liar(np.ndarray):
    def __eq__(self, other):
        return True


class Evil:
    def __reduce__(self):
        return print, ("never",)


def test_what_lies_or_acts_arrives_as_what_it_is_or_as_a_name():
    found = there(np.arange(3.0).view(Liar))
    assert type(found) is np.ndarray
    assert isinstance(there(Evil()), Opaque) and type(there(Evil())).__name__ == "Evil"
    assert isinstance(there(np.ma.masked_array([1.0])), Opaque)
    assert type(there([Evil()])[0]).__name__ == "Evil"


def test_what_cannot_cross_is_said_where_it_matters():
    with pytest.raises(Unplain, match="Evil"):
        Encoder(strict=True).encode([Evil()])


@pytest.mark.parametrize("message", [
    {"t": "array", "d": "|O", "s": [1], "b": ""},
    {"t": "array", "d": "<f8", "s": [2], "b": "AAAA", "g": False, "w": True},
    {"t": "array", "d": "<f8", "s": [-1], "b": 3, "g": False, "w": True},
    {"t": "tensor", "n": "load", "d": "<f8", "s": [0], "b": "", "g": False, "h": False},
    {"t": "rng", "v": {"bit_generator": "default_rng"}},
    {"t": "function", "v": 0}, {"t": "given", "v": 0}, {"t": "no such thing"}, {"no": "kind"}, ["bare"],
    {"t": "dict", "v": [[{"t": "list", "v": []}, 1]]},
])  # fmt: skip
def test_what_nobody_would_encode_is_garbled(message):
    with pytest.raises(Garbled):
        decode(message)


def test_nesting_and_length_have_an_end():
    deep = 1
    for _ in range(5000):
        deep = {"t": "list", "v": [deep]}
    with pytest.raises(Garbled):
        decode(deep)
    inner = []
    inner.append(inner)
    assert "other" in json.dumps(Encoder().encode(inner))
    assert isinstance(there(16**4000), Opaque)
    assert there(10**1000) == 10**1000


def test_an_object_of_ours_comes_back_as_itself():
    mine = np.arange(3.0)
    encoded = Encoder(given=[1.0, mine]).encode((mine, mine.copy(), 1.0))
    same, other, number = decode(encoded, given=[1.0, mine])
    assert same is mine and other is not mine and number == 1.0


def test_update_changes_in_place_what_was_changed_there():
    array, inner = np.zeros(3), [1, 2]
    old = {"a": array, "b": [inner, np.zeros(2)]}
    update(old, {"a": np.ones(3), "b": [[5, 2], np.ones(2)]})
    assert (array == 1).all() and inner == [5, 2] and (old["b"][1] == 1).all()
    update(old, {"c": 3})
    assert old == {"c": 3}
    rng = np.random.default_rng(0)
    update(rng, there(np.random.default_rng(9)))
    assert rng.normal() == np.random.default_rng(9).normal()
