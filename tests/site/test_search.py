"""The search's Korean: what is indexed is found by a word's beginning, middle and stem."""

import unicodedata

import pytest

pytest.importorskip("sphinx", reason="no sphinx: make site installs it")

from tools.site.search import Korean


@pytest.fixture(scope="module")
def language():
    return Korean({})


def test_hangul_and_other_scripts_are_words_of_their_own(language):
    words = language.split("LSTM은 h_t를 기억이고, 60단어 (gates) — 말!")
    assert words == ["LSTM", "은", "h_t", "를", "기억이고", "60", "단어", "gates", "말"]


def test_other_scripts_are_searched_as_in_english(language):
    assert language.stem("Gates") == language.stem("gate") and not language.word_filter("the")


def spelled(word):
    """A word of a query as the script looks for it: letter by letter; a single syllable at the beginning."""
    return ("^" if len(word) == 1 else "") + unicodedata.normalize("NFD", word)


@pytest.mark.parametrize("word, finds, does_not", [
    ("기억", "기억이고 기억을 기억 단기기억", "기어 억"),
    ("느리", "느린 느립니다 느리게", "늘린"),
    ("배우", "배운 배웁니다", "배 우유"),
    ("셀", "셀 셀은", "모셀"),
    ("수", "수 수가 수식", "다수 물"),
])  # fmt: skip
def test_a_word_finds_its_inflected_forms(language, word, finds, does_not):
    query = spelled(word)
    assert len(query) > 2   # else Sphinx' script does not look inside of words
    indexed = {each: language.stem(each).lower() for each in f"{finds} {does_not}".split()}
    assert query not in indexed.values()   # nor where a word is the query itself
    assert [each for each, term in indexed.items() if query in term] == finds.split()
