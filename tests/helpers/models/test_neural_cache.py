"""The cache by blocks is the cache word by word, and it gains only where a text repeats itself."""

import numpy as np
import pytest

from helpers.models.neural_cache import BLOCK, cached_log_probs


def word_by_word(log_probs, states, targets, *, size, theta, weight):
    """As the paper writes it: one distribution a place."""
    found = [log_probs[0]]
    for t in range(1, len(targets)):
        memory = range(max(0, t - size), t)
        likeness = [np.exp(theta * float(states[t] @ states[i])) for i in memory]
        cached = sum(like for like, i in zip(likeness, memory, strict=True) if targets[i] == targets[t])
        found.append(np.log((1 - weight) * np.exp(log_probs[t]) + weight * cached / sum(likeness)))
    return np.array(found)


@pytest.fixture
def text():
    rng = np.random.default_rng(0)
    L = BLOCK + 57
    return {
        "log_probs": -rng.uniform(0.1, 6.0, L),
        "states": rng.normal(size=(L, 3)),
        "targets": rng.integers(0, 9, L),
    }


@pytest.mark.parametrize("size", [1, 7, BLOCK, 10_000])
@pytest.mark.parametrize("theta", [0.0, 0.7])
def test_blocks_are_word_by_word(text, size, theta):
    text |= {"size": size, "theta": theta, "weight": 0.3}
    assert np.allclose(cached_log_probs(**text), word_by_word(**text), rtol=1e-12, atol=0)


def test_without_weight_nothing_changes_and_large_likeness_does_not_overflow(text):
    assert np.allclose(cached_log_probs(**text, size=9, theta=1.0, weight=0.0), text["log_probs"])
    text["states"] = 100 * text["states"]
    assert np.isfinite(cached_log_probs(**text, size=50, theta=1.0, weight=0.5)).all()


def test_a_text_that_repeats_gains_and_one_that_does_not_loses():
    rng = np.random.default_rng(1)
    states = rng.normal(size=(400, 8)).astype(np.float32)
    once = np.arange(400)                     # no word comes twice
    again = np.tile(rng.permutation(40), 10)  # the same forty words over and over
    log_probs = np.full(400, -np.log(400.0))
    options = {"size": 80, "theta": 0.0, "weight": 0.2}   # each of the forty stands there twice
    cached = cached_log_probs(log_probs, states, again, **options)
    assert np.allclose(cached[80:], np.log(0.8 / 400 + 0.2 / 40))
    assert np.allclose(cached_log_probs(log_probs, states, once, **options)[1:], log_probs[1:] + np.log(0.8))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"states": np.zeros((3, 2))}, "states"), ({"targets": np.zeros(4)}, "targets"),
        ({"log_probs": np.zeros((4, 1))}, "log_probs"), ({"size": 0}, "size"), ({"theta": -1.0}, "theta"),
        ({"weight": 1.0}, "weight"), ({"weight": float("nan")}, "weight"),
    ],
)  # fmt: skip
def test_bad_input_is_named(change, named):
    given = {
        "log_probs": -np.ones(4), "states": np.zeros((4, 2)), "targets": np.zeros(4, int),
        "size": 2, "theta": 1.0, "weight": 0.1,
    }  # fmt: skip
    with pytest.raises((ValueError, TypeError), match=named):
        cached_log_probs(**{**given, **change})
