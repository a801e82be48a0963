import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.corpora.batches import contiguous_batches

# (batch_size, seq_len, tokens), enough tokens for one target a row
sizes = st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 80)).map(
    lambda s: (*s[:2], s[0] + s[2])
)


@given(sizes)
def test_every_token_is_a_target_once_except_the_first_and_the_reported_tail(size):
    batch_size, seq_len, length = size
    batches = contiguous_batches(np.arange(length), batch_size, seq_len)
    seen = sorted(int(t) for _, targets in batches for t in targets.ravel())
    assert seen == list(range(1, length - batches.dropped))
    assert batches.tokens == len(seen)
    assert 0 <= batches.dropped < batch_size


@given(sizes)
def test_rows_go_on_from_batch_to_batch_and_targets_are_one_ahead(size):
    batch_size, seq_len, length = size
    ids = np.arange(length) * 7
    batches = contiguous_batches(ids, batch_size, seq_len)
    pairs = list(batches)
    assert len(pairs) == len(batches)
    inputs, targets = (np.concatenate(part, axis=1) for part in zip(*pairs, strict=True))
    assert inputs.dtype == targets.dtype == np.int64
    assert np.array_equal(inputs[:, 1:], targets[:, :-1])
    assert np.array_equal(targets, inputs + 7)
    assert np.array_equal(ids[batches.target_index], targets)
    assert all(x.shape == y.shape == (batch_size, seq_len) for x, y in pairs[:-1])
    assert 1 <= pairs[-1][0].shape[1] <= seq_len
    again = list(batches)
    assert all(np.array_equal(a, b) for a, b in zip(pairs, again, strict=True))


def test_the_picture_in_the_docstring():
    batches = contiguous_batches(np.arange(11), 2, 3)
    (first, _), (second, last_targets) = batches
    assert first.tolist() == [[0, 1, 2], [5, 6, 7]]
    assert second.tolist() == [[3, 4], [8, 9]]
    assert last_targets.tolist() == [[4, 5], [9, 10]]
    assert "10 targets, 0 dropped" in repr(batches)
    assert "4 dropped" in repr(contiguous_batches(np.arange(15), 5, 3))


def test_changing_a_batch_changes_nothing_else():
    ids = np.arange(9)
    batches = contiguous_batches(ids, 2, 2)
    for inputs, targets in batches:
        inputs[:] = targets[:] = -1
    assert ids.tolist() == list(range(9))
    assert all((targets >= 1).all() for _, targets in batches)


@pytest.mark.parametrize(
    ("ids", "batch_size", "seq_len", "named"),
    [
        (np.arange(3), 3, 2, "ids: got 3 tokens"),
        (np.arange(0), 1, 2, "ids: got 0 tokens"),
        (np.zeros((2, 3), int), 1, 2, r"ids: got shape \(2, 3\)"),
        (np.zeros(5), 1, 2, "ids: got dtype float64"),
        (np.arange(9), 0, 2, "batch_size: got 0"),
        (np.arange(9), 2, 0, "seq_len: got 0"),
    ],
)
def test_errors_name_argument_and_value(ids, batch_size, seq_len, named):
    with pytest.raises(ValueError, match=named):
        contiguous_batches(ids, batch_size, seq_len)
