import numpy as np
import pytest

from helpers.corpora.classification import encode, vocabulary
from helpers.corpora.vocabulary import Vocabulary

TEXTS = [["a", "b", "a"], ["c"], ["a", "b", "c", "d", "e"]]
WORDS = Vocabulary(["<pad>", "<unk>", "a", "b", "c", "d"])


def test_ids_are_padded_at_the_end():
    ids, lengths = encode(TEXTS, WORDS, 4)
    np.testing.assert_array_equal(ids, [[2, 3, 2, 0], [4, 0, 0, 0], [2, 3, 4, 5]])
    np.testing.assert_array_equal(lengths, [3, 1, 4])
    assert ids.dtype == lengths.dtype == np.int64


def test_the_last_tokens_on_request():
    ids, lengths = encode(TEXTS, WORDS, 2, truncate="pre")
    np.testing.assert_array_equal(ids, [[3, 2], [4, 0], [5, 1]])   # e is not known
    np.testing.assert_array_equal(lengths, [2, 1, 2])


def test_a_generator_of_tuples_will_do():
    ids, _ = encode((tuple(text) for text in TEXTS), WORDS, 1)
    assert ids.tolist() == [[2], [4], [2]]


def test_no_texts():
    ids, lengths = encode([], WORDS, 3)
    assert ids.shape == (0, 3) and lengths.shape == (0,)


def test_the_vocabulary_counts_its_reserved_tokens():
    assert vocabulary(TEXTS).tokens == ("<pad>", "<unk>", "a", "b", "c", "d", "e")
    assert vocabulary(TEXTS, max_size=4).tokens == ("<pad>", "<unk>", "a", "b")
    assert vocabulary(iter(TEXTS), min_count=2).tokens == ("<pad>", "<unk>", "a", "b", "c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([["a"], []], WORDS, 3), "texts: got an empty text at index 1, wanted at least one token"),
        ((["a b"], WORDS, 3), "texts: got the str 'a b' at index 0"),
        ((TEXTS, Vocabulary(["<unk>", "a"]), 3), "vocabulary: got '<unk>' as token 0, wanted '<pad>'"),
        ((TEXTS, Vocabulary([]), 3), "vocabulary: got None as token 0"),
        ((TEXTS, WORDS, 0), "max_length: got 0, wanted at least 1"),
        ((TEXTS, Vocabulary(["<pad>", "a"]), 3), "tokens: got 'b'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        encode(*arguments)


def test_a_misspelt_end_is_named():
    with pytest.raises(ValueError, match="truncate: got 'left', wanted one of 'post', 'pre'"):
        encode(TEXTS, WORDS, 3, truncate="left")
