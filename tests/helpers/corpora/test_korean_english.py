"""The Korean-English grammar: translations and alignments by hand, agreement, and disjoint splits."""

import itertools
import re
from collections import Counter

import numpy as np
import pytest

from helpers.corpora import korean_english, korean_order
from helpers.corpora.korean_english import alignment, gloss, translate
from helpers.corpora.korean_english.meaning import Meaning, choices, korean, read
from helpers.corpora.parallel import Pair

BY_HAND = [
    (
        "동생이 밥을 먹는다",
        "the sibling eats the rice",
        [None, 0, 2, None, 1],
    ),
    (
        "피곤한 언니는 어제 카페에서 커피를 마셨다",
        "the tired sister drank the coffee in the cafe yesterday",
        [None, 0, 1, 5, None, 4, 3, None, 3, 2],
    ),
    (
        "내일 아이가 집에서 따뜻한 우유를 마실 것이다",
        "the child will drink the warm milk at home tomorrow",
        [None, 1, 6, 5, None, 3, 4, 2, 2, 0],
    ),
    (
        "지금 오래된 노래를 바쁜 학생은 기차에서 듣고 있다",
        "the busy student is listening to the old song on the train now",
        [None, 3, 4, 7, 6, 6, None, 1, 2, 5, None, 5, 0],
    ),
    (
        "영화를 할머니가 매일 학교에서 본다",
        "the grandmother watches the film at school every day",
        [None, 1, 4, None, 0, 3, 3, 2, 2],
    ),
    (
        "친구는 그림을 볼 것이다",
        "the friend will look at the picture",
        [None, 0, 3, 2, 2, None, 1],
    ),
    (
        "선생님은 나중에 시장에서 재미있는 책을 살 것이다",
        "the teacher will buy the interesting book at the market later",
        [None, 0, 6, 5, None, 3, 4, 2, None, 2, 1],
    ),
]


@pytest.mark.parametrize(("source", "target", "wanted"), BY_HAND)
def test_by_hand(source, target, wanted):
    pair = Pair(tuple(source.split()), tuple(target.split()))
    assert translate(pair.source) == pair.target
    assert alignment(pair) == wanted


@pytest.mark.parametrize(
    "sentence",
    [
        "마신다 동생이 물을",                    # the verb in front
        "동생이 마신다 물을",
        "동생가 물을 마신다",                    # the wrong particle
        "동생이 밥을 마신다",                    # what is not drunk
        "어제 동생이 물을 마신다",               # yesterday and now
        "내일 동생이 물을 마셨다",
        "지금 동생이 물을 마신다",
        "동생이 물을 마시고",                    # without its auxiliary
        "동생이 물을 마시고 것이다",             # with another's
        "동생이 물을 마신다 있다",
        "동생이 피곤한 물을 마신다",             # an adjective for people
        "차가운 동생이 물을 마신다",
        "동생이 비싼 물을 마신다",               # a thing's, but not this one's
        "동생이 차가운 음악을 듣는다",
        "동생이 물을 카페에서 마신다",           # the place belongs before the object
        "동생이 카페에서 빵을 샀다",             # bought where things are eaten
        "동생이 시장에서 빵을 먹었다",
        "동생이 물을 어제 마셨다",
        "물을 어제 동생이 마셨다",
        "동생이 친구가 물을 마신다",
        "동생이 동생이 물을 마신다",
        "동생이 물을 우유를 마신다",
        "동생이 마신다",
        "물을 마신다",
        "동생이 물을",
        "고양이가 물을 마신다",
        "",
    ],
)
def test_what_is_not_written_is_refused(sentence):
    with pytest.raises(ValueError, match=r"^sentence: got "):
        translate(sentence.split())


def test_a_string_is_not_a_sentence():
    with pytest.raises(ValueError, match="sentence: got the str"):
        translate("동생이 물을 마신다")


def test_an_alignment_wants_the_translation():
    with pytest.raises(ValueError, match="target: got 'the sibling drank"):
        alignment(Pair(("동생이", "물을", "마신다"), ("the", "sibling", "drank", "the", "water")))


def test_how_many_sentences_there_are():
    drunk, eaten, read_, heard, seen = 4 * (1 + 3), 3 * (1 + 2), 3 * (1 + 3), 2 * (1 + 3), 4 * (1 + 3)
    done = (drunk + eaten + read_ + heard + seen) * (1 + 8)   # an adjective or none; a place or none
    bought = (3 * (1 + 3) + 2 * (1 + 2)) * (1 + 2)    # milk, book, picture; apple, bread
    who = 8 * 2 * 5          # nouns, particles, adjectives or none
    when = 4 * (1 + 2 * 2)   # tenses; no adverb, or one of two in one of two places
    assert (done + bought) * who * when * 2 == korean_english.SENTENCES


def test_every_meaning_is_another_sentence_and_is_read_back():
    verb, found = "듣는다", Counter()
    for what, tense in itertools.product(("음악", "노래"), ("past", "future")):
        for time in choices(verb, what, tense, None)["time"]:
            fields = choices(verb, what, tense, time)
            fields |= {"verb": (verb,), "object": (what,), "tense": (tense,), "time": (time,)}
            fields["subject"] = fields["subject"][:2]
            for values in itertools.product(*(fields[name] for name in Meaning._fields)):
                meaning = Meaning(*values)
                sentence = tuple(word for _, word in korean(meaning))
                found[sentence] += 1
                assert read(sentence) == meaning
    assert len(found) == sum(found.values()) == 2 * 2 * (2 * 2 * 5 * 4 * 9 * 2) * 5


@pytest.fixture(scope="module")
def drawn():
    return korean_english.sentences(4_000, np.random.default_rng(5))


def test_drawn_sentences_differ_and_follow_the_shares(drawn):
    assert len(set(drawn)) == len(drawn) == 4_000
    meanings = [read(sentence) for sentence in drawn]

    def share(test):
        return sum(map(test, meanings)) / len(meanings)

    # Short sentences are fewer than drawn, since none is written twice.
    assert share(lambda m: m.object_first) == pytest.approx(0.15, abs=0.03)
    assert share(lambda m: m.place is not None) == pytest.approx(0.52, abs=0.05)
    assert share(lambda m: m.subject_adjective is not None) == pytest.approx(0.32, abs=0.05)
    assert share(lambda m: m.time is not None) == pytest.approx(0.62, abs=0.05)
    assert share(lambda m: m.particle == "topic") == pytest.approx(0.5, abs=0.04)
    for field, count in {"subject": 8, "verb": 6, "tense": 4, "object": 14}.items():
        assert len({getattr(m, field) for m in meanings}) == count


def test_time_and_verb_agree(drawn):
    for sentence in drawn:
        english = " ".join(translate(sentence))
        past, future = {"어제", "지난주에"} & set(sentence), {"내일", "나중에"} & set(sentence)
        if past:
            assert sentence[-1][-2:] in ("셨다", "었다", "았다", "샀다")
            assert not re.search(r"\b(is|will)\b", english)
            assert english.endswith(("yesterday", "last week"))
        if future:
            assert sentence[-1] == "것이다" and " will " in english
            assert english.endswith(("tomorrow", "later"))
        if "있다" in sentence:
            assert re.search(r" is \w+ing ", english)
        assert sentence[-1].endswith("다")


def test_alignments_of_drawn_sentences(drawn):
    """All Korean words have their English, and only "the" comes from nothing."""
    crossings = 0
    for sentence in drawn[:500]:
        pair = Pair(sentence, translate(sentence))
        found = alignment(pair)
        assert {word for word, index in zip(pair.target, found, strict=True) if index is None} == {"the"}
        assert {index for index in found if index is not None} == set(range(len(sentence)))
        known = [index for index in found if index is not None]
        crossings += known != sorted(known)
    assert crossings > 450


def test_corpus():
    corpus = korean_english.corpus(2, train=800, valid=100, test=90)
    splits = (corpus.train, corpus.valid, corpus.test)
    assert [len(pairs) for pairs in splits] == [800, 100, 90]
    sources = [{pair.source for pair in pairs} for pairs in splits]
    assert len(set.union(*sources)) == 990
    seen = {word for pair in corpus.train for word in pair.source + pair.target}
    assert all(word in seen for pairs in splits[1:] for pair in pairs for word in pair.source + pair.target)
    assert all(translate(pair.source) == pair.target for pair in corpus.test)
    assert korean_english.corpus(2, train=800, valid=100, test=90) == corpus
    assert korean_english.corpus(3, train=800, valid=100, test=90).test != corpus.test


def test_the_whole_vocabulary_is_in_the_corpus():
    corpus = korean_english.corpus()
    assert set(corpus.source_vocabulary.tokens[3:]) == set(korean_english.WORDS)
    longest = max(len(pair.target) for pairs in (corpus.train, corpus.test) for pair in pairs)
    assert longest == 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": 20, "valid": 50}, "wanted tokens that occur in train"),
        ({"train": 0}, "train: got 0"),
        ({"seed": -1}, "seed: got -1"),
        ({"train": 200_000}, "train \\+ valid \\+ test: got 201000, wanted at most 192960"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        korean_english.corpus(**arguments)


def test_gloss():
    assert gloss(("친구는", "어제", "카페에서", "커피를", "마셨다")) == (
        "chinguneun eoje kapeeseo keopireul masyeotda",
        "friend-TOPIC yesterday cafe-in coffee-OBJ drank",
    )
    assert gloss(("동생은", "삼촌이", "읽고", "있다")) == (
        "dongsaengeun samchoni ilgo itda",
        "younger-sibling-TOPIC uncle-SUBJ reading is",
    )
    assert gloss(("지난주에", "들었다")) == ("jinanjue deureotda", "last-week listened-to")
    assert gloss(korean_order.USUAL) == korean_order.gloss(korean_order.USUAL)
    for word in korean_english.WORDS:
        roman, english = gloss([word])
        assert re.fullmatch("[a-z]+", roman) and re.fullmatch("[a-zA-Z-]+", english)
    with pytest.raises(ValueError, match="'고양이가'"):
        gloss(["고양이가"])
