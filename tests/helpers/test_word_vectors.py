from collections import Counter

import numpy as np
import pytest
import torch

from helpers.word_vectors import cooccurrences, counted_start, ppmi, ppmi_svd

V = 9
RNG = np.random.default_rng(0)
SENTENCES = [RNG.integers(1, V - 1, RNG.integers(1, 12)) for _ in range(40)]   # 0 and 8 never occur


def dense(counts):
    rows, columns, values = counts
    table = np.zeros((V, V))
    table[rows, columns] = values
    return table


def counted(window, directed=False):
    pairs = Counter()
    for sentence in SENTENCES:
        for i, word in enumerate(sentence):
            for j in range(max(0, i - window), min(len(sentence), i + window + 1)):
                if i < j if directed else i != j:
                    pairs[int(word), int(sentence[j])] += 1
    table = np.zeros((V, V))
    for pair, count in pairs.items():
        table[pair] = count
    return table


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("window", [1, 2, 4, 50])
def test_pairs_within_a_window_of_the_same_sentence(window, directed):
    counts = cooccurrences(SENTENCES, V, window, directed=directed)
    np.testing.assert_array_equal(dense(counts), counted(window, directed))
    assert (counts[2] > 0).all()
    assert len(set(zip(*counts[:2], strict=True))) == len(counts[0])


def test_mutual_information_by_its_definition():
    table = counted(2)
    joint = table / table.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(joint / (joint.sum(1)[:, None] * joint.sum(0)))
    wanted = np.where(table > 0, np.maximum(information, 0), 0)
    got = ppmi(cooccurrences(SENTENCES, V, 2), V)
    np.testing.assert_allclose(dense(got), wanted, atol=1e-12)
    assert (got[2] > 0).all() and 0 < len(got[2]) < (table > 0).sum()


def test_vectors_are_those_of_the_svd():
    table = dense(ppmi(cooccurrences(SENTENCES, V, 2), V))
    U, S, _ = np.linalg.svd(table)
    vectors = ppmi_svd(SENTENCES, V, window=2, size=4)
    assert vectors.shape == (V, 4) and vectors.dtype == np.float32
    np.testing.assert_allclose((vectors**2).sum(0), S[:4], rtol=1e-4)
    np.testing.assert_allclose(vectors @ vectors.T, (U[:, :4] * S[:4]) @ U[:, :4].T, atol=1e-3)
    assert not vectors[[0, 8]].any() and vectors[1:8].any(axis=1).all()


def test_sides_are_two_tables_beside_each_other():
    follow = cooccurrences(SENTENCES, V, 1, directed=True)
    before = follow[1], follow[0], follow[2]
    U, S, _ = np.linalg.svd(np.hstack([dense(ppmi(each, V)) for each in (follow, before)]))
    vectors = ppmi_svd(SENTENCES, V, window=1, size=4, sides=True)
    np.testing.assert_allclose((vectors**2).sum(0), S[:4], rtol=1e-4)
    np.testing.assert_allclose(vectors @ vectors.T, (U[:, :4] * S[:4]) @ U[:, :4].T, atol=1e-3)


def test_the_same_seed_gives_the_same_and_torchs_generator_is_left_alone():
    before = torch.get_rng_state()
    one, two = (ppmi_svd(SENTENCES, V, window=2, size=3, seed=5) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(one, two)


def test_words_of_the_same_company_are_near():
    """1 and 2 stand between 3 and 4, 5 and 6 between 7 and 8, never beside one another."""
    rng = np.random.default_rng(1)
    sentences = [
        [3, rng.integers(1, 3), 4] if rng.random() < 0.5 else [7, rng.integers(5, 7), 8] for _ in range(300)
    ]
    vectors = ppmi_svd(sentences, V, window=1, size=3)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    near, far = unit[1] @ unit[2], unit[1] @ unit[5]
    assert near > 0.9 > 0.5 > abs(far)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], V), "sentences: got none"),
        (([[1, V]], V), "sentences: got id 9"),
        ((SENTENCES, V, 0), "window: got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    arguments = (*arguments, 2)[:3]
    with pytest.raises(ValueError, match=message):
        cooccurrences(*arguments)
    with pytest.raises(ValueError, match=message):
        ppmi_svd(*arguments[:2], window=arguments[2], size=3)


def test_more_dimensions_than_words():
    with pytest.raises(ValueError, match="size: got 10, wanted at most vocab_size = 9"):
        ppmi_svd(SENTENCES, V, size=10)


TEXT = RNG.integers(1, V - 1, 300)


@pytest.mark.parametrize("sides", [False, True])
@pytest.mark.parametrize("limit", [0.1, 0.5])
def test_a_counted_start_has_the_angles_of_the_vectors_and_the_lengths_of_a_drawn_one(limit, sides):
    size = 6
    found = counted_start(TEXT, V, size, window=2, sides=sides, limit=limit)
    assert found.shape == (V, size) and found.dtype == np.float32
    assert not found[[0, 8]].any()
    drawn = np.random.default_rng(0).uniform(-limit, limit, (4000, size))
    lengths = np.linalg.norm(found[1:8], axis=1)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-5)
    assert lengths[0] == pytest.approx(np.sqrt((drawn**2).sum(axis=1).mean()), rel=0.02)
    vectors = ppmi_svd([TEXT], V, window=2, size=size, sides=sides)[1:8]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(found[1:8] @ found[1:8].T / lengths[0] ** 2, unit @ unit.T, atol=1e-4)


def test_a_counted_start_spreads_what_a_vector_says_over_its_numbers():
    """The vectors of the SVD have most in their first numbers; whichever seed turns them, no more."""
    size = 6
    shares = [ppmi_svd([TEXT], V, window=1, size=size, sides=True)]
    shares += [counted_start(TEXT, V, size, seed=seed) for seed in range(200)]
    shares = [(each**2).sum(axis=0) / (each**2).sum() for each in shares]
    assert shares[0][0] > 2 * shares[0][-1]
    assert np.abs(np.mean(shares[1:], axis=0) - 1 / size).max() < 0.02


@pytest.mark.parametrize("limit", [0, -1.0, np.nan])
def test_a_limit_that_is_none_is_named(limit):
    with pytest.raises(ValueError, match="limit: got"):
        counted_start(TEXT, V, 3, limit=limit)
