import itertools
import math
import unicodedata
from collections import Counter

import numpy as np
import pytest

from helpers.corpora import korean_order as korean


def test_probabilities_of_all_orders_of_all_words_sum_to_one():
    total = sum(math.exp(korean.log_prob(s)) for s in itertools.product(korean.WORDS, repeat=3))
    assert total == pytest.approx(1, rel=1e-12)


def test_the_lectures_three_sentences():
    usual, possible, odd = (korean.log_prob(s) for s in (korean.USUAL, korean.POSSIBLE, korean.ODD))
    assert usual == pytest.approx(math.log(0.85 / (8 * 6 * 4)))
    assert usual - possible == pytest.approx(math.log(0.85 / 0.15))
    assert odd == -math.inf
    assert korean.log_prob((*korean.USUAL, "<eos>")) == usual


@pytest.mark.parametrize(
    "sentence",
    [
        "동생이 밥을 마신다",  # rice is not drunk
        "동생가 음료수를 마신다",  # the wrong particle
        "음료수를 마신다 동생이",
        "동생이 마신다 음료수를",
        "동생이 친구가 마신다",
        "음료수를 물을 마신다",
        "동생이 마신다",
        "동생이 음료수를 마신다 마신다",
        "",
    ],
)
def test_impossible_sentences(sentence):
    assert korean.log_prob(sentence.split()) == -math.inf


def test_drawn_sentences_follow_the_probabilities():
    count = 20_000
    drawn = Counter(korean.sentences(count, np.random.default_rng(0)))
    assert all(korean.log_prob(s) > -math.inf for s in drawn)
    assert not any(s[0] in korean.VERBS for s in drawn)
    scrambled = sum(n for s, n in drawn.items() if s[1].endswith(("이", "가")))
    assert scrambled / count == pytest.approx(0.15, abs=4 * math.sqrt(0.15 * 0.85 / count))
    cells = [(n, count * math.exp(korean.log_prob(s))) for s, n in drawn.items()]
    assert len(cells) == 2 * 8 * sum(map(len, korean.SUITABLE.values()))
    chi_square = sum((got - wanted) ** 2 / wanted for got, wanted in cells)
    assert abs(chi_square - len(cells)) < 5 * math.sqrt(2 * len(cells))


def test_corpus_ends_every_sentence():
    stream = korean.corpus(50, np.random.default_rng(1))
    assert len(stream) == 200
    assert stream[3::4] == ["<eos>"] * 50


def test_final_consonant_agrees_with_unicode_decomposition():
    for code in range(ord("가"), ord("힣") + 1):
        letters = unicodedata.normalize("NFD", chr(code))  # two letters, or three with a final
        assert korean.has_final_consonant(chr(code)) == (len(letters) == 3)


def test_particles():
    assert [korean.subject(n) for n in ("동생", "친구")] == ["동생이", "친구가"]
    assert [korean.direct_object(n) for n in ("밥", "커피")] == ["밥을", "커피를"]
    for wrong in ("", "rice", "ㄱ"):
        with pytest.raises(ValueError, match="word"):
            korean.subject(wrong)


def test_gloss():
    roman, english = korean.gloss(korean.USUAL)
    assert roman == "dongsaengi eumnyosureul masinda"
    assert english == "younger-sibling-SUBJ beverage-OBJ drinks"
    for noun, (roman, _) in korean.SUBJECTS.items():
        assert roman.endswith("i" if korean.has_final_consonant(noun) else "ga")
    for noun, (roman, _) in korean.OBJECTS.items():
        assert roman.endswith("eul" if korean.has_final_consonant(noun) else "reul")
    with pytest.raises(ValueError, match="'고양이가'"):
        korean.gloss(["고양이가"])


def test_a_string_is_not_a_sentence():
    with pytest.raises(ValueError, match="sentence"):
        korean.log_prob("동생이 음료수를 마신다")
