import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.corpora.text import visible
from helpers.corpora.vocabulary import UNK, Vocabulary

words = st.lists(st.text(min_size=1, max_size=4).map(visible), max_size=40)


@given(words)
def test_round_trip_and_json(tokens):
    vocabulary = Vocabulary.build(tokens, reserved=())
    ids = vocabulary.encode(tokens)
    assert ids.dtype == np.int64
    assert vocabulary.decode(ids) == tokens
    assert len(vocabulary) == len(set(tokens))
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@given(words, st.integers(1, 4), st.integers(1, 12))
def test_what_is_left_out_is_unknown(tokens, min_count, max_size):
    vocabulary = Vocabulary.build(tokens, min_count=min_count, max_size=max_size)
    assert len(vocabulary) <= max_size
    for token, decoded in zip(tokens, vocabulary.decode(vocabulary.encode(tokens)), strict=True):
        assert decoded == (token if token in vocabulary else UNK)
        if token in vocabulary and token != UNK:
            assert tokens.count(token) >= min_count


def test_order_is_reserved_then_count_then_first_appearance():
    tokens = list("dccaaabb")
    assert Vocabulary.build(tokens, reserved=()).tokens == ("a", "c", "b", "d")
    vocabulary = Vocabulary.build(tokens, reserved=("<pad>", "<unk>", "b"))
    assert vocabulary.tokens == ("<pad>", "<unk>", "b", "a", "c", "d")
    assert vocabulary.unk_id == 1
    assert Vocabulary.build(tokens, max_size=3).tokens == ("<unk>", "a", "c")


def test_reserved_token_that_occurs_stands_once():
    assert Vocabulary.build(["a", "<unk>", "a", "<unk>", "<unk>"]).tokens == ("<unk>", "a")


def test_unknown_token_without_unk_is_named():
    vocabulary = Vocabulary.build(["a"], reserved=())
    assert vocabulary.unk_id is None
    with pytest.raises(ValueError, match="'zebra'"):
        vocabulary.encode(["a", "zebra"])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Vocabulary(["a", "a"]), "'a' twice"),
        (lambda: Vocabulary(["a", 3]), "tokens: got 3"),
        (lambda: Vocabulary.build(["a"], min_count=0), "min_count: got 0"),
        (lambda: Vocabulary.build(["a"], max_size=1, reserved=("x", "y")), "max_size: got 1"),
        (lambda: Vocabulary.build(["a"], reserved="<unk>"), "reserved"),
        (lambda: Vocabulary(["a"]).decode([1]), "ids: got id 1"),
        (lambda: Vocabulary(["a"]).decode(np.zeros((1, 1), int)), "ids: got 2 dimensions"),
        (lambda: Vocabulary(["a"]).decode([0.0]), "ids: got dtype float64"),
        (lambda: Vocabulary.from_json("[1]"), "text: got"),
        (lambda: Vocabulary.from_json("no"), "text: got"),
        (lambda: Vocabulary.from_json('{"tokens": "abc"}'), "tokens: got str"),
    ],
)
def test_errors_name_argument_and_value(call, named):
    with pytest.raises(ValueError, match=named):
        call()
