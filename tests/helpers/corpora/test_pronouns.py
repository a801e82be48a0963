"""The claim of `pronouns` is exactness, so it is compared with an enumeration of all stories.

`enumerate_stories` follows the five numbered rules in the module's docstring and shares no code with it.
"""

import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from helpers.corpora.pronouns import Lexicon, PronounGrammar, floor_perplexity
from helpers.corpora.pronouns.lexicon import COMPANY

SMALL = Lexicon(
    men=("John", "Tom"),
    women=("Mary", "Jane"),
    openings=(("drank", "tea"), ("drank", "milk")),
    filler={
        "place": (("here",), ("in", "the", "garden"), ("at", "home")),
        "time": (("today",), ("in", "the", "morning")),
    },
    endings=("left", "sang"),
)

CONFIGURATIONS = [
    dict(distance=(0, 4), greetings=0.25),
    dict(distance=(1, 2), distractors=1, greetings=0.5),
    dict(distance=(0, 1), distractors=2, greetings=0.4),
    dict(distance=3, greetings=0.0),
    dict(distance=0, distractors=1, greetings=1.0),
]


def fillings(rest, left, used, kind, company=0):
    """All (tokens, probability, names used) of filler with `rest` tokens and `left` distractors to come."""
    if rest == left == 0:
        yield (), 1.0, used
        return
    if rest:
        fitting = [
            (other, phrase)
            for other, phrases in SMALL.filler.items()
            for phrase in phrases
            if other != kind and len(phrase) <= rest
        ]
        for other, phrase in fitting:
            p = rest / (rest + left) / len(fitting)
            for tokens, q, names in fillings(rest - len(phrase), left, used, other, company):
                yield phrase + tokens, p * q, names
    if left:
        free = [name for name in SMALL.names if name not in used]
        for name in free:
            p = left / (rest + left) / len(free)
            for tokens, q, names in fillings(rest, left - 1, (*used, name), None, company + 1):
                yield (COMPANY[company % 2], name, *tokens), p * q, names


def enumerate_stories(distance, distractors=0, greetings=0.25):
    low, high = distance if isinstance(distance, tuple) else (distance, distance)
    probability = defaultdict(float)
    for name in SMALL.names:
        for opening in SMALL.openings:
            for length in range(low, high + 1):
                start = 1 / (len(SMALL.names) * len(SMALL.openings) * (high + 1 - low))
                for middle, p, used in fillings(length, distractors, (name,), None):
                    begun = (name, *opening, *middle)
                    for ending in SMALL.endings:
                        who = "he" if name in ("John", "Tom") else "she"
                        story = (*begun, "and", who, ending, ".", "<eos>")
                        probability[story] += start * p * (1 - greetings) / len(SMALL.endings)
                    free = [other for other in SMALL.names if other not in used]
                    for other in free:
                        scene = f". {other} came in . {other} said hi to {name} . <eos>".split()
                        probability[(*begun, *scene)] += start * p * greetings / len(free)
    return {story: p for story, p in probability.items() if p > 0}


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids=str)
def world(request):
    """A grammar, all its stories with their probabilities, and those of all prefixes."""
    stories = enumerate_stories(**request.param)
    prefixes = defaultdict(float)
    for story, p in stories.items():
        for end in range(len(story) + 1):
            prefixes[story[:end]] += p
    return PronounGrammar(**request.param, lexicon=SMALL), stories, prefixes


def test_all_stories_together_have_probability_one_and_the_grammar_agrees_on_each(world):
    grammar, stories, _ = world
    assert math.isclose(sum(stories.values()), 1, rel_tol=1e-12)
    claimed = {story: grammar.log_prob(story) for story in stories}
    assert math.isclose(sum(map(math.exp, claimed.values())), 1, rel_tol=1e-12)
    for story, p in stories.items():
        assert math.isclose(claimed[story], math.log(p), rel_tol=1e-12)


def test_every_token_has_its_true_probability_given_its_prefix(world):
    grammar, stories, prefixes = world
    for story in list(stories)[:: max(1, len(stories) // 400)]:
        wanted = [prefixes[story[: t + 1]] / prefixes[story[:t]] for t in range(len(story))]
        np.testing.assert_allclose(np.exp(grammar.log_probs(story)), wanted, rtol=1e-12)


def test_next_token_distribution_is_the_true_one(world):
    grammar, _, prefixes = world
    longer = defaultdict(dict)
    for prefix, p in prefixes.items():
        if prefix:
            longer[prefix[:-1]][prefix[-1]] = p / prefixes[prefix[:-1]]
    for prefix in list(longer)[:: max(1, len(longer) // 200)]:
        assert grammar.next_token_probs(prefix) == pytest.approx(longer[prefix], rel=1e-12)


def test_stories_occur_as_often_as_they_should():
    configuration = dict(distance=(0, 1), distractors=1, greetings=0.5)
    stories = enumerate_stories(**configuration)
    grammar = PronounGrammar(**configuration, lexicon=SMALL)
    count = 4000
    drawn = Counter(story.tokens for story in grammar.stories(count, np.random.default_rng(1)))
    assert set(drawn) <= set(stories)
    # Pearson's chi-square over the stories expected at least five times; its mean is the number of
    # cells, its standard deviation sqrt(2 cells).
    cells = [(drawn[s], p * count) for s, p in stories.items() if p * count >= 5]
    assert len(cells) > 100
    chi_square = sum((got - wanted) ** 2 / wanted for got, wanted in cells)
    assert abs(chi_square - len(cells)) < 5 * math.sqrt(2 * len(cells))


def test_stories_say_who_it_is():
    grammar = PronounGrammar(distance=(0, 20), distractors=2, greetings=0.4)
    kinds = Counter()
    for story in grammar.stories(300, np.random.default_rng(2)):
        assert story.tokens[0] == story.name
        assert story.tokens[story.blank] == story.answer
        assert story.prompt == story.tokens[: story.blank]
        assert story.tokens[-1] == "<eos>"
        assert story.tokens.count("<eos>") == 1
        greeting = "hi" in story.tokens
        pronoun = "he" if story.name in grammar.lexicon.men else "she"
        assert story.answer == (story.name if greeting else pronoun)
        # opening, filler, two distractors of two tokens, "and" or the newcomer's scene
        assert story.gap == 2 + story.distance + 2 * 2 + (9 if greeting else 1)
        others = {t for t in story.prompt[1:] if t in grammar.lexicon.names}
        assert len(others) == 2 + greeting
        assert story.name not in others
        assert not {"he", "she"} & set(story.prompt)
        assert grammar.next_token_probs(story.prompt) == {story.answer: 1.0}
        assert story.log_probs.dtype == np.float64
        assert np.isfinite(story.log_probs).all()
        kinds[greeting] += 1
    assert 80 < kinds[True] < 160


def test_distance_is_what_was_asked_for():
    grammar = PronounGrammar(distance=(3, 6))
    seen = Counter(story.distance for story in grammar.stories(400, np.random.default_rng(3)))
    assert set(seen) == {3, 4, 5, 6}
    assert min(seen.values()) > 60
    far = grammar.at_distance(40)
    assert {story.distance for story in far.stories(20, np.random.default_rng(4))} == {40}
    assert far.vocabulary == grammar.vocabulary == PronounGrammar(distractors=2, greetings=0).vocabulary
    assert 40 <= len(grammar.vocabulary) <= 60


def test_two_neighbouring_phrases_are_never_of_one_kind():
    kind = {p: k for k, phrases in SMALL.filler.items() for p in phrases}
    grammar = PronounGrammar(distance=4, greetings=0, lexicon=SMALL)
    for story in grammar.stories(100, np.random.default_rng(5)):
        middle, kinds = story.tokens[3:7], []
        while middle:
            phrase = next(middle[:n] for n in (1, 2, 3) if middle[:n] in kind)
            kinds.append(kind[phrase])
            middle = middle[len(phrase) :]
        assert all(a != b for a, b in pairwise(kinds))


def test_corpus_is_a_stream_of_whole_stories_scored_story_by_story():
    grammar = PronounGrammar(distance=(0, 5))
    tokens, log_probs = grammar.corpus(500, np.random.default_rng(6))
    assert 500 <= len(tokens) == len(log_probs) < 540
    assert tokens[-1] == "<eos>"
    np.testing.assert_array_equal(log_probs, grammar.log_probs(tokens))
    assert grammar.vocabulary.decode(grammar.vocabulary.encode(tokens)) == tokens
    starts = [0] + [i + 1 for i, t in enumerate(tokens[:-1]) if t == "<eos>"]
    np.testing.assert_allclose(np.exp(log_probs[starts]), 1 / len(grammar.lexicon.names))


def test_same_seed_same_stories():
    one, two = (PronounGrammar().corpus(300, np.random.default_rng(7)) for _ in range(2))
    assert one[0] == two[0]
    np.testing.assert_array_equal(one[1], two[1])


def test_the_impossible_has_probability_zero_until_its_story_ends():
    grammar = PronounGrammar()
    story = ["John", "drank", "tea", "and", "she", "left", ".", "<eos>", "Mary"]
    log_probs = grammar.log_probs(story)
    assert np.isfinite(log_probs[:4]).all()
    assert (log_probs[4:8] == -np.inf).all()
    assert log_probs[8] == pytest.approx(-math.log(6))
    assert grammar.log_prob(["TV", "John"]) == -np.inf
    assert grammar.log_prob([]) == 0
    assert PronounGrammar(greetings=0).log_prob(["John", "drank", "tea", "."]) == -np.inf
    assert PronounGrammar(distance=1).log_prob(["John", "drank", "tea", "and"]) == -np.inf


def test_the_reader_learns_the_distance_while_reading():
    """Of 13 equally likely distances, more filler leaves fewer; after the twelfth token it is over."""
    grammar = PronounGrammar(distance=(0, 12), greetings=0)
    begun = ["John", "drank", "tea"]
    ends = [grammar.next_token_probs(begun + ["today", "outside"] * n)["and"] for n in (0, 3, 6)]
    assert ends[0] == pytest.approx(1 / 13)
    assert ends[0] < ends[1] < ends[2] == pytest.approx(1)


def test_floor_perplexity_is_the_sources_own():
    assert floor_perplexity(np.log([0.5, 0.25, 0.125])) == pytest.approx(4)
    with pytest.raises(ValueError, match="log_probs"):
        floor_perplexity(np.array([]))
    grammar = PronounGrammar(distance=(0, 6))
    tokens, log_probs = grammar.corpus(4000, np.random.default_rng(8))
    # Any other model of these tokens is worse; here, a grammar that has the distances wrong.
    assert floor_perplexity(log_probs) < floor_perplexity(PronounGrammar().log_probs(tokens))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (dict(distance=-1), "distance: got -1"),
        (dict(distance=(3, 2)), r"distance: got \(3, 2\)"),
        (dict(distance=(1, 2, 3)), r"distance: got \(1, 2, 3\)"),
        (dict(distance=1.5), "distance: got 1.5"),
        (dict(distractors=-1), "distractors: got -1"),
        (dict(distractors=5), "distractors: got 5"),
        (dict(greetings=1.1), "greetings: got 1.1"),
    ],
)
def test_errors_name_argument_and_value(arguments, named):
    with pytest.raises(ValueError, match=named):
        PronounGrammar(**arguments)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (dict(men=("John", "Mary")), "men, women"),
        (dict(openings=(("drank",), ("drank", "tea"))), "phrases"),
        (dict(filler={"a": (("here",), ("here", "too")), "b": (("now",),)}), "phrases"),
        (dict(filler={"a": (("with", "care"), ("here",)), "b": (("now",),)}), "phrases"),
        (dict(filler={"a": (("here",),), "b": (("at", "night"),)}), "filler: got 1"),
    ],
)
def test_a_lexicon_that_cannot_be_read_back_is_refused(words, named):
    with pytest.raises(ValueError, match=named):
        Lexicon(**words)
