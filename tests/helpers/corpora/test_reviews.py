"""The generated reviews against counting, which knows nothing of how they are made."""

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from helpers.corpora import reviews as R
from helpers.corpora.reviews import grammar, lexicon

SAMPLE = R.reviews(60_000, np.random.default_rng(1))
WONDERFUL = "my verdict : the film was at first dull , but later wonderful . two hours long"
DULL = "my verdict : the film was at first wonderful , but later dull . two hours long"


def without_filler(words):
    """Cut at the marks, by hand: "… : CORE . …"."""
    text = " ".join(words)
    return text.split(" : ")[-1].split(" . ")[0]


def test_probabilities_are_the_shares_that_come_out():
    labels = defaultdict(list)
    probs = {}
    for words, label in SAMPLE:
        key = without_filler(words)
        labels[key].append(label)
        probs[key] = R.prob_positive(words)
    assert set(probs.values()) == {0.05, 0.95}
    for p in (0.05, 0.95):
        drawn = [label for key, those in labels.items() if probs[key] == p for label in those]
        assert np.mean(drawn) == pytest.approx(p, abs=4 * math.sqrt(0.05 * 0.95 / len(drawn)))
    # And core by core: the sum of squared standard scores has mean 1 a core.
    often = [(np.mean(those), len(those), probs[key]) for key, those in labels.items() if len(those) >= 20]
    scores = [(mean - p) / math.sqrt(p * (1 - p) / n) for mean, n, p in often]
    assert len(scores) > 500
    assert np.mean(np.square(scores)) == pytest.approx(1, abs=0.25)


def test_the_filler_does_not_tell_the_label():
    by_length = defaultdict(list)
    for words, label in SAMPLE:
        by_length[len(words) - len(without_filler(words).split())].append(label)
    for labels in by_length.values():
        assert np.mean(labels) == pytest.approx(0.5, abs=4.5 * 0.5 / math.sqrt(len(labels)))


def test_the_best_accuracy():
    assert pytest.approx(0.95) == R.BEST_ACCURACY
    right = np.mean([(R.prob_positive(words) > 0.5) == label for words, label in SAMPLE])
    assert right == pytest.approx(R.BEST_ACCURACY, abs=4 * math.sqrt(0.05 * 0.95 / len(SAMPLE)))


def accuracy_of_counting(key):
    """For each key the label more frequent in one half of the sample, tried on the other half."""
    counts = defaultdict(Counter)
    half = len(SAMPLE) // 2
    for words, label in SAMPLE[:half]:
        counts[key(words)][label] += 1
    answers = {each: labels.most_common(1)[0][0] for each, labels in counts.items()}
    return np.mean([answers.get(key(words), 0) == label for words, label in SAMPLE[half:]])


def test_the_ceiling_of_a_bag_of_words():
    """Without filler and subject texts and bags occur so often that counting finds the best answers."""

    def decisive(words):
        return without_filler(words).split(" was ")[1].split()

    assert R.bag_of_words_ceiling() == pytest.approx(0.5 * 0.95 + 0.5 * 0.5)
    half = len(SAMPLE) / 2
    in_order = accuracy_of_counting(lambda words: tuple(decisive(words)))
    assert in_order == pytest.approx(R.BEST_ACCURACY, abs=4 * math.sqrt(0.05 * 0.95 / half))
    without_order = accuracy_of_counting(lambda words: tuple(sorted(decisive(words))))
    assert without_order == pytest.approx(R.bag_of_words_ceiling(), abs=4 * math.sqrt(0.2 / half))


def test_the_filler_shares_no_word_with_the_cores():
    """What `bag_of_words_ceiling` relies on."""
    filler = {word for phrase in (*lexicon.OPENINGS, *lexicon.CLOSINGS) for word in phrase}
    cores = {word for core in grammar.cores() for word in core.words}
    assert not filler & cores
    for same in grammar._by_bag().values():
        assert len({len(core.words) for core in same}) == 1


def test_the_cores_are_distinct_and_their_probabilities_sum_to_one():
    cores = grammar.cores()
    assert len({core.words for core in cores}) == len(cores)
    assert math.fsum(core.prob for core in cores) == pytest.approx(1, rel=1e-12)
    drawn = Counter(R.kind(words) for words, _ in SAMPLE)
    for kind, share in grammar.SHARES.items():
        assert drawn[kind] / len(SAMPLE) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("text", "probability", "kind"),
    [
        ("it was bad", 0.05, "plain"),
        ("it was not bad", 0.95, "negated"),
        ("the plot was not quite clever", 0.05, "negated"),
        (WONDERFUL, 0.95, "turn"),
        (DULL, 0.05, "turn"),
        ("it was wonderful in the end , although dull at first", 0.95, "turn"),
        ("it was dull in the end , although wonderful at first", 0.05, "turn"),
        ("it was not dull but wonderful", 0.95, "contrast"),
        ("it was wonderful , not dull", 0.95, "contrast"),
        ("it was dull , not wonderful", 0.05, "contrast"),
    ],
)
def test_what_a_review_says(text, probability, kind):
    assert R.prob_positive(text.split()) == probability
    assert R.kind(text.split()) == kind


def test_mirror_images():
    assert R.mirror(WONDERFUL.split()) == tuple(DULL.split())
    assert R.mirror(("it", "was", "bad")) is None
    found = 0
    for words, _ in SAMPLE[:2000]:
        image = R.mirror(words)
        assert (image is None) == (R.kind(words) in ("plain", "negated"))
        if image is not None:
            found += 1
            assert image != words and Counter(image) == Counter(words)
            assert R.prob_positive(image) == pytest.approx(1 - R.prob_positive(words))
            assert R.mirror(image) == words
            probs = [core.prob for core in map(grammar.core_of, (words, image))]
            assert probs[0] == pytest.approx(probs[1])
    assert found > 800


def test_lengths():
    lengths = Counter(len(words) for words, _ in SAMPLE)
    assert min(lengths) == 3 and max(lengths) == 20
    assert all(lengths[n] for n in range(3, 21))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "it was",
        "it was awful",
        "the bad was film",
        "it was not dull , but wonderful",
        "it was not dull but silly",   # both bad
        "two hours long . it was bad",
        "verdict : it was bad",
        "it was bad . two hours",
        "it was bad . full house . full house",
        "it was bad . full house . now on tv . seen on sunday . my sister agrees",
        "it was bad : seen last night",
        "it was bad .",
    ],
)
def test_what_is_never_written(text):
    with pytest.raises(ValueError, match="wanted a review of this grammar"):
        R.prob_positive(text.split())


def test_splits():
    splits = R.splits(seed=3, train=3000, valid=400, test=700)
    assert [len(part) for part in splits] == [3000, 400, 700]
    for one, other in itertools.combinations(splits, 2):
        assert not {R.bag(words) for words, _ in one} & {R.bag(words) for words, _ in other}
    assert splits == R.splits(seed=3, train=3000, valid=400, test=700)
    assert splits.train != R.splits(seed=4, train=3000, valid=400, test=700).train
    for part in splits:   # no kind and no label is favoured by the way they are parted
        share = np.mean([R.kind(words) in ("turn", "contrast") for words, _ in part])
        assert share == pytest.approx(0.5, abs=4.5 * 0.5 / math.sqrt(len(part)))
        positive = np.mean([label for _, label in part])
        assert positive == pytest.approx(0.5, abs=4.5 * 0.5 / math.sqrt(len(part)))


def test_both_of_a_mirror_pair_fall_into_the_same_split():
    parts = R.splits(seed=0, train=8_000, valid=8_000, test=0)
    known = {words: number for number, part in enumerate(parts) for words, _ in part}
    pairs = [(words, R.mirror(words)) for words in known]
    both = [(known[words], known[image]) for words, image in pairs if image in known]
    assert len(both) > 100
    assert all(one == other for one, other in both)


def test_splits_of_size_zero_and_bad_sizes():
    assert R.splits(train=5, valid=0, test=0)[1:] == ([], [])
    with pytest.raises(ValueError, match="valid: got -1"):
        R.splits(valid=-1)
    with pytest.raises(ValueError, match=r"count: got 2\.5"):
        R.reviews(2.5, np.random.default_rng(0))
