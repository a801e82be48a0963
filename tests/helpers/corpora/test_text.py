"""One text, one set of tokens, however its characters are written."""

import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import tokenizers
from helpers.corpora import characters, chatbot, classification, english, korean_english, korean_order, nsmc
from helpers.corpora.ngrams import NgramVocabulary, normalized
from helpers.corpora.nsmc import Review
from helpers.corpora.parallel import Pair, ParallelCorpus, exact_match
from helpers.corpora.text import composed, folded, visible
from helpers.corpora.vocabulary import Vocabulary

KOREAN = "좋은 영화, 값 café ㅋㅋㅋ"
UNSEEN = (
    "\u200b\u200c\u200d\u2060\ufeff\u3164\u115f\u1160\uffa0\xad\ufe0f\u200e\u202e\u2066\x00\x1b\x7f\u2800"
)
SPACES = " \t\n\r\x0b\x0c\x1c\x85\xa0\u3000\u2028\u2029"
ANY = st.text(st.characters() | st.sampled_from(UNSEEN + SPACES + "ㅋ가👨👩🏽\u0301\u1100\u1161\u11a8"))


def decomposed(text):
    return unicodedata.normalize("NFD", text)


def half(text):
    """A first letter and vowel composed, the last letter not: ㅈㅗ as 조, and ᇂ."""
    return "".join(
        chr(ord(c) - (ord(c) - 0xAC00) % 28) + decomposed(c)[2:] if "가" <= c <= "힣" else c for c in text
    )


@given(ANY)
def test_any_text_has_one_form(text):
    for form in (composed, visible, folded, normalized):
        assert form(form(text)) == form(text)
    for cut in (tokenizers.words, tokenizers.characters, english.words, english.characters):
        tokens = cut(text)
        assert cut(visible(text)) == tokens
        assert all(visible(token) == token != "" for token in tokens)
    assert "".join(english.characters(text)) == visible(text)
    assert " ".join(tokenizers.words(text)) == "".join(tokenizers.characters(text)) == folded(text)
    letters = english.characters(text)
    vocabulary = Vocabulary.build(letters, reserved=())
    assert vocabulary.decode(vocabulary.encode(letters)) == letters


@pytest.mark.parametrize(
    "other", [decomposed, half, lambda s: s.replace("", "\u200b"), lambda s: "\ufeff" + s]
)
def test_the_same_text_gives_the_same_tokens(other):
    text = other(KOREAN)
    assert text != KOREAN and folded(text) == KOREAN
    for kind in ("words", "characters"):
        assert tokenizers.tokenized([text], kind) == tokenizers.tokenized([KOREAN], kind)
    assert english.words(text) == english.words(KOREAN)
    assert english.characters(text) == list(KOREAN)
    assert characters.vocabulary(text) == characters.vocabulary(KOREAN)
    assert normalized(text) == normalized(KOREAN)
    one, another = (NgramVocabulary([KOREAN], (1, 1)).encode([each]).ids for each in (text, KOREAN))
    assert (one == another).all() and one.any()


@pytest.mark.parametrize("other", [decomposed, half])
def test_a_vocabulary_knows_a_token_however_it_is_composed(other):
    words = KOREAN.split()
    others = [other(word) for word in words]
    for vocabulary in (Vocabulary(others), Vocabulary.build(words + others, reserved=())):
        assert set(vocabulary.tokens) == set(words)
        assert vocabulary.encode(others).tolist() == vocabulary.encode(words).tolist() == [0, 1, 2, 3, 4]
        assert all(word in vocabulary for word in words + others)
    assert Vocabulary.build(words[:2] + others[:1], max_size=2).tokens == ("<unk>", words[0])  # counted twice
    letters = Vocabulary.build(other(KOREAN))
    assert letters.encode(other(KOREAN)).tolist() == letters.encode(list(KOREAN)).tolist()


@pytest.mark.parametrize("other", [decomposed, half])
def test_grammars_read_what_is_composed_in_another_way(other):
    sentence = [other(word) for word in korean_order.USUAL]
    assert korean_order.log_prob(sentence) == korean_order.log_prob(korean_order.USUAL)
    assert korean_order.gloss(sentence) == korean_order.gloss(korean_order.USUAL)
    assert [korean_order.has_final_consonant(other(word)) for word in ("밥", "커피")] == [True, False]
    assert (korean_order.subject(other("동생")), korean_order.direct_object(other("커피"))) == (
        "동생이",
        "커피를",
    )
    source = "피곤한 언니는 어제 카페에서 커피를 마셨다"
    assert korean_english.translate(other(source).split()) == korean_english.translate(source.split())
    assert korean_english.gloss(other(source).split()) == korean_english.gloss(source.split())
    question = "헤어진 사람을 지금 만나도 될까?"
    assert chatbot.gloss(other(question)) == chatbot.gloss(question)


OTHERS = [decomposed, half, lambda s: s.replace(" ", "\u200b\xa0 "), lambda s: "\ufeff" + s + "\u3164"]


@pytest.mark.parametrize("other", OTHERS)
def test_no_text_of_the_test_file_is_trained_on_however_it_is_written(other):
    texts = ["좋은 영화", "지루한 값", "그저 그랬다"]
    train = [Review(str(n), other(text), 1) for n, text in enumerate(texts)]
    cleaned = nsmc.without_duplicates(train, [Review("9", texts[0], 1)])
    assert (cleaned.train, cleaned.in_test) == (train[1:], 1)
    both = nsmc.without_duplicates([*train, Review("8", texts[1], 0), Review("7", texts[2], 1)], [])
    assert (both.train, both.contradictory, both.repeated) == ([train[0], train[2]], 2, 1)
    with pytest.raises(ValueError, match="a text twice"):
        nsmc.with_validation([*train, Review("8", texts[1], 0)])
    pair = Pair(("영화", "값"), ("film",))
    again = Pair(tuple(other(word) for word in pair.source), ("film",))
    with pytest.raises(ValueError, match="stands in train too"):
        ParallelCorpus.build([pair], [], [again])


@pytest.mark.parametrize("other", [decomposed, half])
def test_a_translation_is_right_however_it_is_composed(other):
    pair = Pair(("film",), ("영화", "값"))
    assert exact_match([[other(word) for word in pair.target]], [pair]) == 1
    assert exact_match([["영화"]], [pair]) == 0
    assert exact_match([["영화", "값"]], [Pair(["film"], ["영화", "값"])]) == 1
    corpus = ParallelCorpus.build([Pair(("film",), tuple(map(other, pair.target)))], [], [])
    assert corpus.encode([pair])[1].tolist() == [[1, 3, 4, 2]]


@pytest.mark.parametrize("unseen", UNSEEN)
def test_nothing_is_cut_from_what_nobody_can_see(unseen):
    for text in (unseen, f" {unseen}\t{unseen}\n"):
        assert folded(text) == "" and tokenizers.tokenized([text, text], "characters") == [[], []]
        assert tokenizers.words(text) == []
    assert tokenizers.words(f"가{unseen}나 {unseen} 다") == ["가나", "다"]
    assert tokenizers.characters(f"가{unseen} {unseen} 다") == ["가", " ", "다"]
    with pytest.raises(ValueError, match="texts: got an empty text at index 0"):
        classification.encode([[unseen, " "]], classification.vocabulary([["가"]]), 2)


def test_what_can_be_seen_stays():
    for text in (
        "👨\u200d👩\u200d👧",
        "👩🏽\u200d💻",
        "👍🏽",
        "ㅋ",
        "！",
        "\ufffd",
        "\ud800",
        "\u0301",
        "漢",
    ):
        assert tokenizers.characters(f"가{text}나") == ["가", text, "나"]
    assert tokenizers.characters("❤\ufe0f\u200d🔥") == ["❤\u200d🔥"]
    assert tokenizers.characters("가\u200d👩\u200d나") == ["가", "👩", "나"]  # joins nothing
    assert folded("Good") != folded("good") != folded("ｇｏｏｄ")


@pytest.mark.parametrize("space", SPACES)
def test_every_space_is_space_and_nothing_else(space):
    assert tokenizers.words(f"가{space}나{space}{space}") == ["가", "나"]
    assert tokenizers.characters(f"가{space}{space}나") == ["가", " ", "나"]
    assert folded(space) == ""


def test_reserved_tokens_in_a_text_are_words_like_any_other():
    texts = [["<pad>", "a"], ["<unk>", "<eos>"]]
    vocabulary = classification.vocabulary(texts)
    assert vocabulary.tokens == ("<pad>", "<unk>", "a", "<eos>")
    ids, lengths = classification.encode(texts, vocabulary, 3)
    assert ids.tolist() == [[1, 2, 0], [1, 3, 0]] and lengths.tolist() == [2, 2]  # 0 is padding and only that
    with pytest.raises(ValueError, match="texts: got the token '<pad>' at index 0"):
        classification.encode(texts, Vocabulary(["<pad>", "a"]), 3)
    with pytest.raises(ValueError, match="test: got '<eos>', wanted no reserved token"):
        ParallelCorpus.build([Pair(("a",), ("x",))], [], [Pair(("b",), ("x", "<eos>"))])


def test_a_string_is_a_list_of_characters_for_a_vocabulary_of_characters_only():
    assert Vocabulary.build("hello", reserved=("<unk>",)).encode("hex").tolist() == [2, 3, 0]
    with pytest.raises(ValueError, match="tokens: got the str 'the cat', wanted a list of tokens"):
        Vocabulary.build(["the", "cat"]).encode("the cat")


def test_a_token_is_known_with_what_nobody_sees_in_it():
    """A text cut by split() may have a zero-width space or a byte order mark in its words."""
    vocabulary = Vocabulary.build(["\ufeff영화", "값", "영화\u200b", "영화"], reserved=())
    assert vocabulary.tokens == ("영화", "값") and "영\u200b화" in vocabulary
    assert vocabulary.encode(["영화\u2060", "\ufeff값"]).tolist() == [0, 1]
    assert exact_match([["영화\u200b"]], [Pair(("film",), ("\ufeff영화",))]) == 1
    assert korean_order.gloss(["동생이\u200b"]) == korean_order.gloss(["동생이"])
    assert korean_order.subject("동생\u200b") == "동생이"
    assert chatbot.gloss("친구를\u200b") == chatbot.gloss("친구를")
    with pytest.raises(ValueError, match=r"test: got .*which stands in train too"):
        ParallelCorpus.build([Pair(("a", "b"), ("x",))], [], [Pair(("a", "\u200b", "b\ufeff"), ("x",))])
    for pair in (Pair(("\u200b",), ("x",)), Pair(("a",), ("",))):
        with pytest.raises(ValueError, match="wanted tokens on both sides"):
            ParallelCorpus.build([pair], [], [])
    with pytest.raises(ValueError, match="wanted no reserved token"):
        ParallelCorpus.build([Pair(("a", "<eos>\u200b"), ("x",))], [], [])


def test_a_string_has_the_same_characters_for_every_vocabulary():
    text = "a\u200b👨\u200d👩\u200d👧 \ufeffb"
    for vocabulary in (characters.vocabulary(text), Vocabulary.build(text, reserved=())):
        assert vocabulary.tokens == ("a", "👨\u200d👩\u200d👧", " ", "b")
        assert vocabulary.encode(text).tolist() == [0, 1, 2, 3]


def test_a_vocabulary_is_read_past_a_byte_order_mark():
    vocabulary = Vocabulary(["값", "a"])
    assert Vocabulary.from_json("\ufeff" + vocabulary.to_json()) == vocabulary


def test_tokens_of_numpy_are_printed_as_texts():
    vocabulary = Vocabulary.build(np.array(["a", "b"]))
    assert repr(vocabulary.decode([1, 2])) == "['a', 'b']"


def test_what_counts_or_was_read_before_is_no_list():
    for counted in (Counter("aab"), {"a": 5}):
        for call in (Vocabulary, Vocabulary.build, classification.vocabulary):
            with pytest.raises(ValueError, match=r"got the (Counter|dict) .*wanted"):
                call(counted)
    assert Vocabulary(dict.fromkeys("aab")).tokens == ("a", "b")
    texts = (text for text in [["a"], ["b"]])
    vocabulary = classification.vocabulary(texts)
    with pytest.raises(ValueError, match="texts: got a generator with nothing left in it, wanted a list"):
        classification.encode(texts, vocabulary, 2)
    assert tokenizers.tokenized({"가 나": 1}.keys(), "words") == [["가", "나"]]
