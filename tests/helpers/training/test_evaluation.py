"""Perplexity: per token, with a state of its own, and equal to the slow way."""

import math

import numpy as np
import pytest

from helpers.corpora.batches import contiguous_batches
from helpers.layers import log_softmax
from helpers.models.language_model import LanguageModel
from helpers.training import evaluate, evaluate_with_context, perplexity
from tests.hostile import assert_refused

V = 11
IDS = np.random.default_rng(0).integers(0, V, 103)
cells = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])


def make(cell="lstm", **options):
    rng = np.random.default_rng(1)
    model = LanguageModel(V, 4, 5, cell=cell, rng=rng, dtype=np.float64, **options)
    for param in model.params.values():
        param[...] = rng.uniform(-1, 1, param.shape)
    return model


def log_p(model, ids):
    """log P of ids[1:], each given all before it: one pass over the whole row, from a fresh state."""
    model.reset_state()
    logits = model.forward(ids[None, :-1])[0]
    return log_softmax(logits)[np.arange(len(ids) - 1), ids[1:]]


def same_state(state, other):
    return len(state) == len(other) and all(
        np.array_equal(a, b) for x, y in zip(state, other, strict=True) for a, b in zip(x, y, strict=True)
    )


@cells
def test_per_token_with_a_ragged_last_window_and_the_state_carried(cell):
    model = make(cell)
    batches = contiguous_batches(IDS, 3, 8)   # 34 targets a row: windows of 8, 8, 8, 8 and 2
    rows = [IDS[row[0] - 1 : row[-1] + 1] for row in batches.target_index]
    wanted = -np.mean([log_p(model, row) for row in rows])
    got = evaluate(model, batches)
    assert got == pytest.approx(wanted, rel=1e-12)
    model.reset_state()
    by_window = np.mean([model.loss(x, y) for x, y in batches])
    assert abs(by_window - wanted) > 1e-3   # counting windows alike is another number


def test_without_carrying_every_window_starts_at_zero():
    model = make()
    batches = contiguous_batches(IDS, 3, 8)
    total = 0.0
    for inputs, targets in batches:
        model.reset_state()
        total += model.loss(inputs, targets) * targets.size
    assert evaluate(model, batches, carry_state=False) == pytest.approx(total / batches.tokens, rel=1e-12)
    assert abs(evaluate(model, batches, carry_state=False) - evaluate(model, batches)) > 1e-3


@cells
def test_the_models_own_state_is_set_aside_and_put_back(cell):
    model, batches = make(cell), contiguous_batches(IDS, 3, 8)
    fresh = evaluate(model, batches)
    assert model.get_state() is None
    model.forward(IDS[None, :20])   # another batch size, too
    state = model.get_state()
    assert evaluate(model, batches) == fresh
    assert same_state(model.get_state(), state)
    assert np.isfinite(evaluate_with_context(model, IDS, 3, np.array([5, 9])))
    assert same_state(model.get_state(), state)


def test_the_state_is_put_back_after_an_error():
    model = make()
    model.forward(IDS[None, :20])
    state = model.get_state()
    with pytest.raises(ValueError):
        evaluate(model, [(IDS[None, :4], IDS[None, :4]), (IDS[None, :4], IDS[None, :4] + V)])
    assert same_state(model.get_state(), state)


def test_no_dropout_while_evaluating():
    batches = contiguous_batches(IDS, 3, 8)
    model, plain = make(dropout=0.5), make()
    drawn = model.rng.bit_generator.state
    assert evaluate(model, batches) == evaluate(plain, batches)
    assert model.rng.bit_generator.state == drawn
    model.reset_state()
    assert model.loss(*next(iter(batches)), train=True) != plain.loss(*next(iter(batches)), train=True)


def test_weights_are_untouched():
    model = make()
    before = model.state_dict()
    evaluate(model, contiguous_batches(IDS, 3, 8))
    assert all(np.array_equal(model.params[name], before[name]) for name in before)


@pytest.mark.parametrize("batches", [[], iter(())])
def test_no_batch_is_refused(batches):
    with pytest.raises(ValueError, match="batches: got no batch"):
        evaluate(make(), batches)


def test_perplexity():
    assert perplexity(0.0) == 1
    assert perplexity(math.log(136)) == pytest.approx(136)
    assert perplexity(709.5) == math.exp(709.5)   # just below the overflow
    assert perplexity(1000.0) == perplexity(np.float64(1000.0)) == math.inf
    assert math.isnan(perplexity(math.nan))   # no number is not a large number


def test_uniform_model_has_the_vocabulary_as_perplexity():
    model = make()
    model.params["output.W"][...] = model.params["output.b"][...] = 0
    assert perplexity(evaluate(model, contiguous_batches(IDS, 3, 8))) == pytest.approx(V)


@cells
@pytest.mark.parametrize("context", [1, 2, 7, 400])
def test_with_context_equals_one_position_at_a_time(cell, context):
    model = make(cell)
    ids = np.random.default_rng(3).integers(0, V, 460)
    positions = np.arange(context, len(ids))   # for 7 and 400 too many for one round
    wanted = -np.mean([log_p(model, ids[p - context : p + 1])[-1] for p in positions])
    assert evaluate_with_context(model, ids, context, positions) == pytest.approx(wanted, rel=1e-12)


def test_with_context_refuses_what_it_cannot_do():
    model = make()
    for context, positions, name in [
        (3, [2], "positions: got 2"),
        (3, [], "positions: got none"),
        (0, [5], "context"),
        (3, [len(IDS)], f"positions: got {len(IDS)}"),
    ]:
        with pytest.raises(ValueError, match=name):
            evaluate_with_context(model, IDS, context, np.array(positions, dtype=int))


def test_what_is_no_batch_and_no_position_is_refused():
    model, ids = make(), IDS[None, :4]
    for batch in (ids, (ids,), (ids, ids, ids), (ids.tolist(), ids.tolist()), None, "ab"):
        assert_refused(evaluate, model, [batch], names="batches")
    for positions in (np.array([3.5, 4]), 5, [[5]], None, ["5"], [True]):
        assert_refused(evaluate_with_context, model, IDS, 2, positions, names="positions")
    assert_refused(evaluate_with_context, model, IDS[None], 2, [5], names="ids")


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_a_loss_that_is_not_finite_is_no_result():
    model = make()
    model.params["output.b"][0] = np.nan
    with pytest.raises((FloatingPointError, ValueError), match=r"got nan|not finite"):
        evaluate(model, contiguous_batches(IDS, 3, 8))
    with pytest.raises((FloatingPointError, ValueError), match=r"got nan|not finite"):
        evaluate_with_context(model, IDS, 3, np.array([5, 9]))
