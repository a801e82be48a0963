"""Character n-grams: against a dictionary of strings; batches of one length."""

from collections import Counter

import numpy as np
import pytest

from helpers.corpora.ngrams import NgramVocabulary, SameLengthBatches, normalized

TEXTS = ["재미있다", "재미없다", "정말 재미있다", "있다 있다", "다", "정말 재미없다"]
MIN_COUNTS = (2, 2, 3)


def by_hand(texts, min_counts):
    """Known n-grams as strings, by order; the marks are < and >."""
    known = []
    for n, minimum in enumerate(min_counts, 1):
        counts = Counter(m[i : i + n] for text in texts for m in [f"<{text}>"] for i in range(len(m) - n + 1))
        known.append({gram for gram, count in counts.items() if count >= minimum})
    return known


def test_ids_are_those_of_the_same_strings():
    vocabulary = NgramVocabulary(TEXTS, MIN_COUNTS)
    known = by_hand(TEXTS, MIN_COUNTS)
    assert vocabulary.size == 1 + sum(map(len, known)) and vocabulary.orders == 3
    new = [*TEXTS, "재미", "있다다", "푸른 다"]   # with a character never seen
    encoded = vocabulary.encode(new)
    id_of, string_of = {}, {}
    for row, text in enumerate(new):
        marked = f"<{text}>"
        ids = encoded.rows(np.array([row]))[0]
        assert ids.dtype == np.int64 and ids.shape == (len(marked), 3) == (encoded.lengths[row], 3)
        for place, of_place in enumerate(ids):
            for n, id_ in enumerate(of_place, 1):
                gram = marked[place + 1 - n : place + 1] if place >= n - 1 else ""
                assert (id_ > 0) == (gram in known[n - 1])
                if id_:
                    assert id_of.setdefault(gram, id_) == id_ and string_of.setdefault(id_, gram) == gram
    assert min(string_of) > 0 and max(string_of) == vocabulary.size - 1
    assert set(id_of) == set.union(*known)


def test_the_end_of_one_text_is_not_the_start_of_the_next():
    together, alone = (NgramVocabulary(TEXTS, (1, 1, 1)).encode(texts) for texts in (TEXTS, TEXTS[3:4]))
    assert np.array_equal(together.rows(np.array([3])), alone.rows(np.array([0])))


def test_spellings_that_are_taken_as_the_same():
    assert normalized(" 정말\t 좋아 ") == "정말 좋아"
    assert normalized("ㅋㅋㅋㅋㅋㅋ Good!!!!") == "ㅋㅋㅋ good!!!"
    assert normalized("ㅋㅋㅋ") == "ㅋㅋㅋ"
    assert normalized("\u1112\u1161\u11ab") == "한"   # three letters that make one syllable
    assert normalized("J\u030c") == "\u01f0"   # composed in lower case only
    assert normalized("\u3164\u3142\u3158\u3145\u200b\ufeff다") == "\u3164\u3142\u3158\u3145다"


def test_batches_hold_texts_of_one_length_and_every_text_once():
    rng = np.random.default_rng(0)
    texts = ["가나다라마바사아자차"[: rng.integers(1, 8)] for _ in range(200)]
    labels = np.arange(200)   # so that a label says which text it came with
    encoded = NgramVocabulary(texts, (1, 1)).encode(texts)
    batches = SameLengthBatches(encoded, labels, 8, seed=3)
    for epoch in (batches(0), batches(1), batches.in_order()):
        seen = []
        for ids, lengths, of_batch in epoch:
            assert ids.shape == (len(of_batch), len(texts[of_batch[0]]) + 2, 2)
            assert (lengths == ids.shape[1]).all() and lengths.shape == of_batch.shape
            assert np.array_equal(ids, np.stack([encoded.rows(np.array([n]))[0] for n in of_batch]))
            assert len(of_batch) <= 12
            seen += of_batch.tolist()
        assert sorted(seen) == list(range(200)) and len(epoch) < 40


def test_another_order_every_epoch_the_same_when_asked_again():
    encoded = NgramVocabulary(TEXTS, (1,)).encode(TEXTS * 20)
    batches = SameLengthBatches(encoded, np.arange(120), 4, seed=1)
    order = [np.concatenate([labels for *_, labels in batches(epoch)]).tolist() for epoch in (0, 1, 0)]
    assert order[0] == order[2] != order[1]
    other = SameLengthBatches(encoded, np.arange(120), 4, seed=2)
    assert np.concatenate([labels for *_, labels in other(0)]).tolist() != order[0]


ENCODED = NgramVocabulary(TEXTS).encode(TEXTS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NgramVocabulary([]), "texts: got none"),
        (lambda: NgramVocabulary(TEXTS, ()), "min_counts: got none"),
        (lambda: NgramVocabulary(TEXTS, (1, 0)), "min_counts: got 0, wanted at least 1"),
        (lambda: NgramVocabulary(TEXTS, (1,) * 30), "min_counts: got 30 orders"),
        (lambda: ENCODED.rows(np.array([0, 4])), "rows: got texts of several"),
        (lambda: SameLengthBatches(ENCODED, np.zeros(5), 2), r"labels: got shape \(5,\), wanted \(6,\)"),
        (lambda: SameLengthBatches(ENCODED, np.zeros(6), 0), "batch_size: got 0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
