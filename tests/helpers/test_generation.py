"""Sampling: the inverse of the distribution function, temperature, top-k, and writing text with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers.generation import generate, sample_id, temperature_softmax, top_k_filter
from helpers.layers import softmax
from helpers.models.language_model import LanguageModel
from tests.hostile import (
    NO_ARRAYS,
    NO_GENERATORS,
    NO_NUMBERS,
    NO_WHOLE_NUMBERS,
    Alike,
    assert_refused,
    disguises,
    fuzz,
)

V = 12
numbers = st.floats(-30, 30, allow_subnormal=False)
logit_rows = hnp.arrays(np.float64, st.integers(1, 9), elements=numbers)
shares = st.sampled_from([0.0, 1e-12, 0.1, 0.5, 1.0, 3.0])
weights = hnp.arrays(np.float64, st.integers(1, 9), elements=shares)
uniform = st.floats(0, 1, exclude_max=True)


def make(seed=0, **options):
    rng = np.random.default_rng(seed)
    model = LanguageModel(V, 4, 5, rng=rng, dtype=np.float64, **options)
    for param in model.params.values():
        param[...] = rng.uniform(-1.5, 1.5, param.shape)
    return model


# ---- sample_id -----------------------------------------------------------------------------------------


@given(weights.filter(lambda p: p.sum() > 0), uniform)
def test_sample_id_inverts_the_distribution_function(p, u):
    got = sample_id(p, u)
    before, below = np.cumsum(p)[got] - p[got], u * np.sum(p)
    assert p[got] > 0
    assert before <= below + 1e-12 and below < before + p[got] + 1e-12


@given(weights.filter(lambda p: p.sum() > 0))
def test_the_ends_of_the_unit_interval_pick_the_first_and_the_last_possible_id(p):
    possible = np.flatnonzero(p)
    assert sample_id(p, 0.0) == possible[0]
    assert sample_id(p, np.nextafter(1.0, 0.0)) == possible[-1] or p[possible[-1]] < 1e-11


def test_shares_are_the_probabilities():
    p = np.array([0.5, 0.0, 0.125, 0.375])
    grid = (np.arange(800) + 0.5) / 800
    shares = np.bincount([sample_id(p, u) for u in grid], minlength=4) / 800
    np.testing.assert_allclose(shares, p, atol=1 / 800)


def test_float32_probabilities_need_not_add_up_to_one():
    p = np.full(1000, 0.001, dtype=np.float32)
    assert sample_id(p, np.nextafter(1.0, 0.0)) == 999


@pytest.mark.parametrize("u", [-0.1, 1.0, np.nan])
def test_u_outside_is_refused(u):
    with pytest.raises(ValueError, match=r"^u: got"):
        sample_id(np.array([0.5, 0.5]), u)


def test_a_tiny_sum_gives_no_id_that_there_is_not():
    for p in ([5e-324, 5e-324], [5e-324, 0.0], [0.0, 1e-323, 0.0], [1e308, 1e-308]):
        for u in (0.0, 0.5, 0.9, np.nextafter(1.0, 0.0)):
            assert p[sample_id(np.array(p), u)] > 0


@pytest.mark.parametrize("p", [[], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_what_is_no_distribution_is_refused(p):
    with pytest.raises(ValueError, match=r"^probabilities: got sum"):
        sample_id(np.array(p), 0.5)


# ---- temperature ---------------------------------------------------------------------------------------


@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=3), elements=numbers), st.floats(0.05, 20))
def test_temperature_raises_probabilities_to_a_power(logits, temperature):
    got = temperature_softmax(logits, temperature)
    powers = np.exp(np.log(softmax(logits)) / temperature)
    np.testing.assert_allclose(got, powers / powers.sum(axis=-1, keepdims=True), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(got.sum(axis=-1), 1)


@given(logit_rows)
def test_temperature_one_changes_nothing(logits):
    np.testing.assert_allclose(temperature_softmax(logits, 1.0), softmax(logits), rtol=1e-13)


@given(hnp.arrays(np.float64, st.integers(2, 9), elements=st.integers(-20, 20).map(float)))
def test_limits_of_the_temperature(logits):
    best = logits == logits.max()
    for cold in (1e-3, 1e-300, 5e-324):
        np.testing.assert_allclose(temperature_softmax(logits, cold), best / best.sum(), atol=1e-12)
    np.testing.assert_allclose(temperature_softmax(logits, 1e9), 1 / len(logits), rtol=1e-6)


def test_dtype_and_infinite_logits():
    row = np.array([1.0, -np.inf, 2.0], dtype=np.float32)
    for temperature in (1e-60, 0.5, 1e30):
        got = temperature_softmax(row, temperature)
        assert got.dtype == np.float32 and got[1] == 0 and np.isfinite(got).all()
    np.testing.assert_allclose(temperature_softmax([1, 2, 4], 0.5), softmax(np.array([2.0, 4.0, 8.0])))


@pytest.mark.parametrize("temperature", [0, -1.0, np.nan, np.inf])
def test_a_temperature_must_be_above_zero_and_finite(temperature):
    with pytest.raises(ValueError, match=r"^temperature: got"):
        temperature_softmax(np.ones(3), temperature)


# ---- top-k ---------------------------------------------------------------------------------------------


@given(hnp.arrays(np.float64, st.integers(1, 9), elements=st.integers(-2, 2).map(float)), st.integers(1, 12))
def test_top_k_keeps_exactly_k_also_with_ties(logits, k):
    copy = logits.copy()
    filtered = top_k_filter(logits, k)
    kept = np.flatnonzero(filtered > -np.inf)
    np.testing.assert_array_equal(logits, copy)
    assert len(kept) == min(k, len(logits))
    np.testing.assert_array_equal(filtered[kept], logits[kept])
    best = sorted(range(len(logits)), key=lambda i: (-logits[i], i))   # ties: the lower id first
    assert set(kept) == set(best[:k])


def test_top_k_of_whole_numbers_and_bad_arguments():
    np.testing.assert_array_equal(top_k_filter([3, 1, 2], 2), [3, -np.inf, 2])
    assert top_k_filter(np.float32([3, 1]), 1).dtype == np.float32
    for k in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=r"^k: got"):
            top_k_filter(np.ones(3), k)
    with pytest.raises(ValueError, match=r"^logits: got shape \(1, 3\)"):
        top_k_filter(np.ones((1, 3)), 2)


# ---- generate ------------------------------------------------------------------------------------------


def slowly(model, prompt, length, rng, temperature, k, forbidden):
    """Read everything anew for each token, without a state."""
    ids, other = list(prompt), LanguageModel(V, 4, 5, rng=np.random.default_rng(9), dtype=np.float64)
    other.load_state_dict(model.state_dict())
    for _ in range(length):
        other.reset_state()
        logits = other.forward(np.array([ids]))[0, -1] / temperature
        logits[list(forbidden)] = -np.inf
        if k is not None:
            logits[np.argsort(-logits, kind="stable")[k:]] = -np.inf
        p = np.exp(logits - logits.max())
        cdf = np.cumsum(p / p.sum())
        ids.append(int(np.argmax(cdf > rng.random() * cdf[-1])))
    return ids[len(prompt) :]


@pytest.mark.parametrize("prompt", [[3], [1, 2, 3, 4, 5, 6]])
@pytest.mark.parametrize(
    ("temperature", "k", "forbidden"), [(1.0, None, ()), (0.7, 4, (0, 5)), (2.0, 20, [1])]
)
def test_generate_equals_reading_everything_anew(prompt, temperature, k, forbidden):
    model = make()
    rngs = [np.random.default_rng(4) for _ in range(2)]
    got = generate(model, prompt, 40, rngs[0], temperature=temperature, top_k=k, forbidden=forbidden)
    assert got == slowly(model, prompt, 40, rngs[1], temperature, k, forbidden)
    assert all(type(each) is int for each in got) and len(set(got)) > 1


MODEL = make()


@given(st.sets(st.integers(0, V - 1), max_size=V - 1), st.integers(0, 2**32), st.sampled_from([0.3, 1, 50]))
def test_forbidden_ids_never_appear(forbidden, seed, temperature):
    rng = np.random.default_rng(seed)
    written = generate(MODEL, [2], 30, rng, temperature=temperature, top_k=V, forbidden=sorted(forbidden))
    assert not forbidden & set(written) and len(written) == 30


def test_top_1_and_a_very_low_temperature_write_the_most_probable():
    model = make()
    greedy = generate(model, [3], 30, np.random.default_rng(0), top_k=1)
    assert generate(model, [3], 30, np.random.default_rng(8), temperature=1e-300) == greedy
    assert generate(model, [3], 30, np.random.default_rng(8)) != greedy


def test_same_seed_same_text():
    texts = [tuple(generate(make(), [3], 30, np.random.default_rng(seed))) for seed in (7, 7, 8)]
    assert texts[0] == texts[1] != texts[2]


def test_the_models_state_is_put_back_and_not_read():
    model = make(dropout=0.5)
    fresh = generate(model, [3, 4], 20, np.random.default_rng(0))
    assert model.get_state() is None
    model.forward(np.arange(10).reshape(2, 5))
    before, drawn = model.get_state(), model.rng.bit_generator.state
    assert generate(model, [3, 4], 20, np.random.default_rng(0)) == fresh
    assert model.rng.bit_generator.state == drawn   # no dropout
    with pytest.raises(ValueError):
        generate(model, [3], 5, np.random.default_rng(0), top_k=0)
    for layer, old in zip(model.get_state(), before, strict=True):
        for array, was in zip(layer, old, strict=True):
            np.testing.assert_array_equal(array, was)


def test_arrays_are_prompts_too_and_length_may_be_zero():
    model = make()
    lists = generate(model, [3, 1], 5, np.random.default_rng(0), forbidden=[0])
    arrays = generate(
        model, np.array([3, 1], np.int32), 5, np.random.default_rng(0), forbidden=np.array([0])
    )
    assert lists == arrays
    assert generate(model, [3], 0, np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": []}, "prompt: got shape (0,), wanted at least one id"),
        ({"prompt": [[1, 2]]}, "prompt: got shape (1, 2)"),
        ({"prompt": 3}, "prompt: got shape ()"),
        ({"prompt": [1, V]}, f"prompt: got id {V}"),
        ({"prompt": [-1]}, "prompt: got id -1"),
        ({"prompt": [1.7]}, "prompt: got dtype float64"),
        ({"length": -1}, "length: got -1"),
        ({"length": 2.5}, "length: got 2.5"),
        ({"forbidden": [V]}, f"forbidden: got id {V}"),
        ({"forbidden": [0.5]}, "forbidden: got dtype float64"),
        ({"forbidden": list(range(V))}, "forbidden: got all ids"),
        ({"temperature": 0.0}, "temperature: got 0.0"),
        ({"top_k": 0}, "top_k: got 0"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError) as caught:
        generate(make(), **{"prompt": [1], "length": 3, "rng": np.random.default_rng(0)} | arguments)
    assert str(caught.value).startswith(message)


ROW = np.array([0.5, 0.125, 0.0, 0.375])
NO_ROWS = [*NO_ARRAYS, 0.5, ROW[None], ROW[:, None], ROW * 1j, ROW > 0.2, np.full(4, np.nan)]
TEMPERATURES = [*NO_NUMBERS, 0, 0.0, -1.0, float("inf"), -float("inf")]


def test_hostile_arguments_of_the_parts():
    fuzz(
        sample_id,
        {"probabilities": ROW, "u": 0.5},
        {"probabilities": [*NO_ROWS, *disguises(ROW), -ROW, ROW - 0.1, np.zeros(4), [], np.full(3, 1e308)],
         "u": [*NO_NUMBERS, -0.1, 1.0, 1, 2.0, float("inf"), Alike(np.float32(0.5)), Alike(np.array(0.5))]},
    )  # fmt: skip
    fuzz(
        top_k_filter,
        {"logits": ROW, "k": 2},
        {"logits": [*NO_ROWS, *disguises(ROW)], "k": [*NO_WHOLE_NUMBERS, 0, -1, Alike(np.int8(2))]},
    )
    fuzz(
        temperature_softmax,
        {"logits": ROW, "temperature": 0.5},
        {"logits": [*NO_ARRAYS, 0.5, [], ROW[:0], ROW * 1j, np.where(ROW > 0, ROW, np.nan),
                    np.where(ROW > 0, ROW, np.inf), np.full(4, -np.inf), np.stack([ROW, ROW * np.nan]),
                    *disguises(ROW)],
         "temperature": [*TEMPERATURES, Alike(np.float32(0.5))]},
    )  # fmt: skip
    assert_refused(top_k_filter, np.array([np.nan, 1.0]), 1, names="logits")
    assert top_k_filter(ROW, 10**30).tolist() == ROW.tolist()


def test_hostile_arguments_of_generate():
    valid = {"model": make(), "prompt": [1, 2], "length": 4, "rng": np.random.default_rng(0)}
    valid |= {"temperature": 0.5, "top_k": 5, "forbidden": [0]}
    no_ids = [3, object(), "abc", {"a": 1}, [0.5], [True], [V], [-1], [1j], [None], [[1, 2]], [[1], [2, 3]]]
    fuzz(
        generate,
        valid,
        {
            "model": [None, 3, "model", object(), np.zeros(3)],
            "prompt": [*no_ids, None, [], (), np.empty((0, 2), int), *disguises(np.array([1, 2]))],
            "length": [*NO_WHOLE_NUMBERS, -1, Alike(np.int16(4))],
            "rng": NO_GENERATORS,
            "temperature": TEMPERATURES,
            "top_k": [*NO_WHOLE_NUMBERS[1:], 0, -1, Alike(np.int64(5))],
            "forbidden": [*no_ids, None, list(range(V)), Alike({0}), Alike((0, 0)), Alike(np.array([0]))],
        },
    )
    for wrong in ({"temperature": 0}, {"top_k": 0}, {"rng": 0}):   # also when nothing is drawn
        assert_refused(generate, **{**valid, "length": 0, **wrong}, names=next(iter(wrong)))


def test_a_model_that_has_diverged_writes_nothing_and_keeps_its_state():
    model = make()
    model.forward(np.arange(10).reshape(2, 5))
    before = model.get_state()
    model.params["output.b"][:] = np.nan
    assert_refused(generate, model, [3], 5, np.random.default_rng(0), names="logits")
    for old, new in zip(before[0], model.get_state()[0], strict=True):
        np.testing.assert_array_equal(old, new)
