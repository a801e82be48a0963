"""Training on the stories, and asking for the pronoun."""

import numpy as np
import pytest

from helpers.corpora.pronouns import PronounGrammar
from helpers.experiments.stories import losses, pronouns_right, stories_at, story_batches
from helpers.models.language_model import LanguageModel
from helpers.optim import SGD
from helpers.training.trainer import train_step

VOCABULARY = PronounGrammar().vocabulary


def make(seed=0, cell="gru"):
    return LanguageModel(len(VOCABULARY), 6, 7, cell=cell, rng=np.random.default_rng(seed), dtype=np.float64)


# ---- story_batches, stories_at -------------------------------------------------------------------------


def test_batches_of_stories():
    batches = story_batches((0, 4), 700, 5, 9, np.random.default_rng(3))
    shapes = [inputs.shape for inputs, _ in batches]
    assert set(shapes[:-1]) == {(5, 9)} and shapes[-1][0] == 5 and 700 - 5 <= batches.tokens < 720
    tokens, _ = PronounGrammar(distance=(0, 4), greetings=0.0).corpus(700, np.random.default_rng(3))
    ids = np.concatenate([targets for _, targets in batches], axis=1).reshape(-1)
    assert VOCABULARY.decode(ids) == tokens[1 : len(ids) + 1]
    other = story_batches((0, 4), 700, 5, 9, np.random.default_rng(4))
    assert not np.array_equal(next(iter(other))[0], next(iter(batches))[0])


def test_stories_at_each_distance():
    found = stories_at([0, 3, 7], 20, 5)
    assert list(found) == [0, 3, 7]
    for distance, stories in found.items():
        assert len(stories) == 20 and {story.distance for story in stories} == {distance}
        assert {story.answer for story in stories} == {"he", "she"}
    again, other = stories_at([3], 20, 5)[3], stories_at([3], 20, 6)[3]
    texts = [[story.tokens for story in stories] for stories in (found[3], again, other)]
    assert texts[0] == texts[1] != texts[2]   # whatever the other distances


def test_stories_with_other_names_in_between():
    [story, *_] = stories_at([4], 5, 5, distractors=2)[4]
    assert sum(token in PronounGrammar().lexicon.names for token in story.prompt) == 3
    assert story.distance == 4 and story.gap > stories_at([4], 5, 5)[4][0].gap


# ---- losses --------------------------------------------------------------------------------------------


def test_losses_are_those_of_the_open_loop():
    batches = list(story_batches((0, 4), 300, 5, 9, np.random.default_rng(3)))
    model, plain = make(), make()
    found = list(losses(model, SGD(model.params, 0.3), batches, 2 * len(batches) + 1, 0.7))
    optimizer = SGD(plain.params, 0.3)
    wanted = []
    for part in (batches, batches, batches[:1]):
        plain.reset_state()
        wanted += [train_step(plain, optimizer, inputs, targets, 0.7) for inputs, targets in part]
    assert found == wanted
    assert len(set(found)) == len(found)


def test_each_pass_starts_from_a_fresh_state():
    batches = list(story_batches((0, 4), 300, 5, 9, np.random.default_rng(3)))
    model = make()
    model.forward(batches[0][0])   # a state that must not be carried on
    found = list(losses(model, SGD(model.params, 0.0), batches, 2 * len(batches)))
    first, second = np.split(np.array(found), 2)
    np.testing.assert_array_equal(first, second)   # nothing is learnt, nothing is left from the first pass
    model.reset_state()
    np.testing.assert_array_equal(first, [model.loss(*batch) for batch in batches])


def test_the_gradient_is_clipped():
    batches = list(story_batches((0, 4), 300, 5, 9, np.random.default_rng(3)))
    model = make()
    before = model.state_dict()
    list(losses(model, SGD(model.params, 1.0), batches, 1, max_norm=1e-3))
    moved = sum(np.sum((model.params[name] - before[name]) ** 2) for name in before) ** 0.5
    assert moved == pytest.approx(1e-3, rel=1e-2)


# ---- pronouns_right ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_all_at_once_is_one_at_a_time(cell):
    stories = PronounGrammar(distance=(0, 9), greetings=0.0).stories(80, np.random.default_rng(1))
    he, she = VOCABULARY.encode(["he", "she"])
    shares = set()
    for seed in range(6):
        model = make(seed, cell)
        right = 0
        for story in stories:
            model.reset_state()
            logits = model.forward(VOCABULARY.encode(["<eos>", *story.tokens[: story.blank]])[None])[0, -1]
            right += ("he" if logits[he] > logits[she] else "she") == story.answer
        assert pronouns_right(model, stories) == right / 80
        shares.add(right / 80)
    assert len(shares) > 2


def test_it_looks_at_nothing_but_the_two_logits():
    """A model that says "he" (or "she") whatever it has read, and something else with more conviction."""
    stories = PronounGrammar(distance=(0, 9), greetings=0.0).stories(50, np.random.default_rng(1))
    model = make()
    model.params["output.W"][...] = 0
    for word in ("he", "she"):
        bias = {"he": -3.0, "she": -3.0, "and": 9.0} | {word: -2.0}
        for token, value in bias.items():
            model.params["output.b"][VOCABULARY.encode([token])] = value
        said = sum(story.answer == word for story in stories) / 50
        assert pronouns_right(model, stories) == said and 0 < said < 1


@pytest.mark.parametrize("fresh", [True, False])
def test_the_state_is_put_back_and_makes_no_difference(fresh):
    stories = PronounGrammar(distance=(0, 5), greetings=0.0).stories(30, np.random.default_rng(1))
    model = make(cell="lstm")
    wanted = pronouns_right(model, stories)
    if not fresh:
        model.forward(VOCABULARY.encode(["Mary"] * 12).reshape(3, 4))
    before, weights = model.get_state(), model.state_dict()
    assert pronouns_right(model, stories) == wanted
    after = model.get_state()
    assert (before is None) == (after is None) == fresh
    for one, other in zip(before or [], after or [], strict=True):
        np.testing.assert_array_equal(one, other)
    for name, values in model.state_dict().items():
        np.testing.assert_array_equal(values, weights[name])
