import numpy as np
import pytest

from helpers.corpora.characters import hello, one_hot, vocabulary


def test_hello():
    inputs, targets = hello()
    assert "".join(inputs) == "hell"
    assert "".join(targets) == "ello"
    assert vocabulary().tokens == ("h", "e", "l", "o")
    assert vocabulary().encode(inputs).tolist() == [0, 1, 2, 2]


def test_one_hot():
    ids = np.array([[2, 0, 1], [1, 1, 3]])
    encoded = one_hot(ids, 5)
    assert encoded.shape == (2, 3, 5)
    assert encoded.dtype == np.float32
    assert one_hot(ids, 5, np.float64).dtype == np.float64
    assert np.array_equal(encoded.argmax(-1), ids)
    assert np.array_equal(encoded.sum(-1), np.ones((2, 3)))
    assert one_hot(np.array(3), 4).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("ids", "size", "named"),
    [([4], 4, "ids: got id 4"), ([-1], 4, "ids: got id -1"), ([0.5], 4, "dtype"), ([0], 0, "size: got 0")],
)
def test_one_hot_errors(ids, size, named):
    with pytest.raises(ValueError, match=named):
        one_hot(np.array(ids), size)
