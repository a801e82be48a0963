"""Pairs, their ids, and the share that was translated without a fault."""

import numpy as np
import pytest

from helpers.corpora.parallel import Pair, ParallelCorpus, exact_match


def pair(text):
    source, target = text.split(" = ")
    return Pair(tuple(source.split()), tuple(target.split()))


TRAIN = [pair("b a = X"), pair("a b c = Y X Z"), pair("c = Z Z")]


VALID, TEST = [pair("b = X Y")], [pair("c c c c = Z")]


def make(train=TRAIN, valid=VALID, test=TEST):
    return ParallelCorpus.build(train, valid, test)


def test_vocabularies_are_those_of_the_training_pairs():
    corpus = make()
    assert corpus.source_vocabulary.tokens == ("<pad>", "<bos>", "<eos>", "b", "a", "c")
    assert corpus.target_vocabulary.tokens == ("<pad>", "<bos>", "<eos>", "Z", "X", "Y")
    assert (corpus.train, corpus.valid, corpus.test) == (TRAIN, VALID, TEST)


def test_ids():
    corpus = make()
    sources, targets = corpus.encode(corpus.train)
    assert sources.dtype == targets.dtype == np.int64
    np.testing.assert_array_equal(sources, [[3, 4, 0], [4, 3, 5], [5, 0, 0]])
    np.testing.assert_array_equal(targets, [[1, 4, 2, 0, 0], [1, 5, 4, 3, 2], [1, 3, 3, 2, 0]])
    np.testing.assert_array_equal(corpus.encode(corpus.train[::2])[1], [[1, 4, 2, 0], [1, 3, 3, 2]])
    with pytest.raises(ValueError, match="tokens: got 'z'"):
        corpus.encode([pair("z = X")])
    with pytest.raises(ValueError, match="pairs: got none"):
        corpus.encode([])


def test_decoding_stops_at_the_end():
    corpus = make()
    assert corpus.decode_target([5, 4, 2, 3, 2, 0]) == ["Y", "X"]
    assert corpus.decode_target(np.array([1, 5, 4])) == ["Y", "X"]
    assert corpus.decode_target([2, 3]) == corpus.decode_target([]) == []
    for row, each in zip(corpus.encode(corpus.train)[1], corpus.train, strict=True):
        assert tuple(corpus.decode_target(row)) == each.target
    with pytest.raises(ValueError, match="id 6"):
        corpus.decode_target([6])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": []}, "train: got no pairs"),
        ({"valid": [pair("a b c = X")]}, "valid: got 'a b c', which stands in train too"),
        ({"test": [pair("b = X")]}, "test: got 'b', which stands in valid too"),
        ({"valid": [pair("b d = X")]}, "valid: got 'd', wanted tokens that occur in train"),
        ({"test": [pair("a = X W")]}, "test: got 'W', wanted tokens that occur in train"),
        ({"train": [Pair((), ("X",))]}, "train: got .*wanted tokens on both sides"),
        ({"test": [Pair(("a",), ())]}, "test: got .*wanted tokens on both sides"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(ValueError, match=message):
        make(**change)


def test_a_source_may_stand_twice_in_one_split():
    assert len(make(train=[*TRAIN, TRAIN[0]]).train) == 4


def test_exact_match():
    predicted = [["X"], ("Y", "X"), ["Z", "Z"]]   # too short in the middle
    assert exact_match(predicted, TRAIN) == pytest.approx(2 / 3)
    assert exact_match([["X", "X"], [], ["Z"]], TRAIN) == 0
    assert exact_match([pair.target for pair in TRAIN], TRAIN) == 1
    with pytest.raises(ValueError, match="predicted: got 2 sequences, wanted 3"):
        exact_match(predicted[:2], TRAIN)
    with pytest.raises(ValueError, match="pairs: got none"):
        exact_match([], [])
