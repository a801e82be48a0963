"""`to_ids`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

from collections import Counter

import numpy as np

from helpers.checks.compare import Complaint
from helpers.checks.registry import Exercise

_RESERVED = ["<pad>", "<unk>"]


def _by_frequency(texts):
    return sorted((counts := Counter(word for text in texts for word in text)), key=lambda w: -counts[w])


def _encode(texts, words, max_length, *, unknown=1, keep=lambda text, n: text[:n], front=False, fill=0):
    """Ids of `texts`; unknown=None drops unknown words."""
    place = {word: i for i, word in enumerate(words)}
    ids = np.full((len(texts), max_length), fill, dtype=np.int64)
    for n, text in enumerate(texts):
        row = [place.get(word, unknown) for word in text]
        row = [i for i in row if i is not None]
        row = keep(row, max_length)[:max_length]
        ids[n, slice(max_length - len(row), None) if front else slice(len(row))] = row
    return ids


def _to_ids(train, test, max_size, max_length, *, words=None, **options):
    if words is None:
        words = (_RESERVED + _by_frequency(train))[:max_size]
    return words, _encode(train, words, max_length, **options), _encode(test, words, max_length, **options)


def _cases(rng):
    words = ["the", "film", "dull", "good", "but", "not", "plot", "end", "slow", "warm"]
    unseen = ["odd", "grim", "bold"]
    rng.shuffle(words)
    odds = 1 / np.arange(1, len(words) + 1)

    def text(known, share_unseen):
        chosen = rng.choice(known, size=int(rng.integers(2, 9)), p=odds[: len(known)] / odds[: len(known)].sum())
        return tuple(str(rng.choice(unseen) if rng.random() < share_unseen else word) for word in chosen)

    while True:
        train = [text(words[:8], 0) for _ in range(int(rng.integers(4, 7)))]
        test = [text(words, 0.25) for _ in range(int(rng.integers(7, 10)))]
        known = _by_frequency(train)
        max_length = int(rng.integers(4, 7))
        lengths = [len(each) for each in train], [len(each) for each in test]
        # Both splits have a text that is cut and one that is padded; some known words do not fit.
        if all(min(each) < max_length < max(each) for each in lengths) and len(known) >= 6:
            break
    max_size = 2 + int(rng.integers(3, len(known) - 1))
    return {"train": train, "test": test, "max_size": max_size, "max_length": max_length}


def _trial(function, train, test, max_size, max_length):
    answer = function(train, test, max_size, max_length)
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return None if answer is None else _wrong_number(answer)
    words, *ids = answer
    if isinstance(words, dict):
        raise Complaint("`words` should be a list, in which a word stands at the place of its id; it is a dict.")
    words = list(words.tokens if hasattr(words, "tokens") else words)
    whole = all(np.issubdtype(np.asarray(each).dtype, np.integer) for each in ids)
    return words, *ids, whole


def _wrong_number(answer):
    got = f"{len(answer)} values" if isinstance(answer, tuple | list) else f"one {type(answer).__name__}"
    raise Complaint(f"The function should return three things: words, train ids, test ids; it returned {got}.")


to_ids = Exercise(
    "to_ids",
    "08",
    _to_ids,
    ("words", "train ids", "test ids", "ids are integers"),
    _cases,
    rounds=12,
    trial=_trial,
)


@to_ids.oracle("helpers.corpora: Vocabulary and encode")
def _(train, test, max_size, max_length):
    from helpers.corpora.classification import encode
    from helpers.corpora.vocabulary import Vocabulary

    stream = (word for text in train for word in text)
    vocabulary = Vocabulary.build(stream, max_size=max_size, reserved=("<pad>", "<unk>"))
    ids = [encode(texts, vocabulary, max_length)[0] for texts in (train, test)]
    return list(vocabulary.tokens), *ids, True


@to_ids.oracle("word by word, with list.count and list.index")
def _(train, test, max_size, max_length):
    stream = [word for text in train for word in text]
    ranked = sorted(set(stream), key=lambda word: (-stream.count(word), stream.index(word)))
    words = ["<pad>", "<unk>", *ranked][:max_size]
    tables = []
    for texts in (train, test):
        rows = []
        for text in texts:
            padded = [*text, *["<pad>"] * max_length][:max_length]
            rows.append([words.index(word) if word in words else 1 for word in padded])
        tables.append(np.array(rows))
    return words, *tables, True


@to_ids.misconception(
    "built-on-test-too",
    "Words of the *test* texts stand in your vocabulary. The test stands for texts that nobody has seen yet: build on the "
    "training texts alone.",
)
def _(train, test, max_size, max_length):
    words = (_RESERVED + _by_frequency([*train, *test]))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "a-vocabulary-for-each",
    "The test texts are encoded with a vocabulary of their own: the same id means another word there. There is one vocabulary, "
    "the training texts'.",
)
def _(train, test, max_size, max_length):
    words, ids, _ = _to_ids(train, test, max_size, max_length)
    own = (_RESERVED + _by_frequency(test))[:max_size]
    return words, ids, _encode(test, own, max_length)


@to_ids.misconception(
    "unknown-dropped",
    "Unknown words are left out, so what stood apart becomes neighbours: 'not a dull film' may turn into 'not film'. Write 1, "
    "<unk>, in their place.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size, max_length, unknown=None)


@to_ids.misconception(
    "unknown-is-padding",
    "Unknown words get the padding's id 0. Then the model takes them for the end of the text. They have an id of their own: 1.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size, max_length, unknown=0)


@to_ids.misconception(
    "padded-with-unknown",
    "You fill up with 1, the id of unknown words. Padding is 0, and no word may have that id.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size, max_length, fill=1)


@to_ids.misconception(
    "end-kept",
    "Of a long text you keep the *last* words (as Keras does unless told otherwise). Here the first `max_length` stay.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size, max_length, keep=lambda text, n: text[-n:])


@to_ids.misconception(
    "padded-in-front",
    "Your padding stands in front (as Keras does unless told otherwise). Here the text comes first and the zeros behind it.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size, max_length, front=True)


@to_ids.misconception(
    "both-in-front",
    "You cut and pad in front, as Keras does unless told otherwise. Here the first `max_length` words stay and zeros follow "
    "the text.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size, max_length, front=True, keep=lambda text, n: text[-n:])


@to_ids.misconception(
    "reserved-on-top",
    "Your list has max_size words *and* the two reserved ones: two too many. The embedding has max_size rows in all.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size + 2, max_length)


@to_ids.misconception(
    "reserved-counted-twice",
    "Your list is too short: `max_size` counts <pad> and <unk>, but only once.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size - 2, max_length)


@to_ids.misconception(
    "size-ignored", "All words of the training texts are in your list. Keep max_size entries, the most frequent."
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, None, max_length)


@to_ids.misconception(
    "reserved-swapped", "<pad> comes first and has id 0, <unk> second, id 1."
)
def _(train, test, max_size, max_length):
    words = (_RESERVED[::-1] + _by_frequency(train))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words, unknown=0, fill=1)


@to_ids.misconception(
    "reserved-at-the-end",
    "<pad> and <unk> stand at the end of your list, so id 0 is a word, and padding cannot be told from it.",
)
def _(train, test, max_size, max_length):
    words = [*_by_frequency(train)[: max_size - 2], *_RESERVED]
    return _to_ids(train, test, max_size, max_length, words=words, unknown=len(words) - 1, fill=len(words) - 2)


@to_ids.misconception(
    "by-the-alphabet",
    "Your words are in alphabetical order before the list is cut, so rare ones stay and frequent ones go. The most frequent come "
    "first.",
)
def _(train, test, max_size, max_length):
    words = (_RESERVED + sorted({word for text in train for word in text}))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "by-first-appearance",
    "Your words stand in the order in which they appear. First the most frequent; appearance only decides ties.",
)
def _(train, test, max_size, max_length):
    words = (_RESERVED + list(dict.fromkeys(word for text in train for word in text)))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "rarest-first", "The rarest words come first in yours. Turn the order round: the most frequent first."
)
def _(train, test, max_size, max_length):
    counts = Counter(word for text in train for word in text)
    words = (_RESERVED + sorted(counts, key=lambda word: counts[word]))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "ties-by-the-alphabet",
    "Among equally frequent words yours come in alphabetical order. Wanted: in the order of their first appearance, which is "
    "how a Counter keeps them.",
)
def _(train, test, max_size, max_length):
    counts = Counter(word for text in train for word in text)
    words = (_RESERVED + sorted(counts, key=lambda word: (-counts[word], word)))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "ties-turned-round",
    "Among equally frequent words yours come the last one first: sorted upwards and then turned round, which turns the ties "
    "round as well. Sort by −count, or with reverse=True.",
)
def _(train, test, max_size, max_length):
    counts = Counter(word for text in train for word in text)
    words = (_RESERVED + sorted(counts, key=lambda word: counts[word])[::-1])[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "texts-counted",
    "You count in how many *texts* a word occurs. Count every occurrence.",
)
def _(train, test, max_size, max_length):
    counts = Counter(word for text in train for word in dict.fromkeys(text))
    words = (_RESERVED + sorted(counts, key=lambda word: -counts[word]))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "as-wide-as-the-longest",
    "Your rows are as wide as the longest text. All rows have `max_length` places: longer texts are cut, shorter ones filled.",
)
def _(train, test, max_size, max_length):
    words, *_ = _to_ids(train, test, max_size, max_length)
    return words, *(_encode(texts, words, max(map(len, texts))) for texts in (train, test))


@to_ids.misconception(
    "ids-as-floats",
    "The ids are floats (np.zeros makes those unless told otherwise). An embedding wants integers: dtype=np.int64.",
)
def _(train, test, max_size, max_length):
    words, *ids = _to_ids(train, test, max_size, max_length)
    return words, *(each.astype(float) for each in ids)


@to_ids.misconception(
    "vocabulary-without-reserved",
    "Your list of words does not begin with <pad> and <unk>. They are its first two entries, so that word i of the list has "
    "the id i.",
)
def _(train, test, max_size, max_length):
    words, *ids = _to_ids(train, test, max_size, max_length)
    return words[2:], *ids


@to_ids.misconception(
    "reserved-forgotten",
    "<pad> and <unk> are missing from your list. So the most frequent word has the id 0, which is padding, and unknown words "
    "have no id of their own.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size, max_length, words=_by_frequency(train)[:max_size], unknown=0)


@to_ids.misconception(
    "one-entry-too-many",
    "Your list has one entry too many: <pad> and <unk> *both* count, so there is room for max_size − 2 words.",
)
def _(train, test, max_size, max_length):
    return _to_ids(train, test, max_size + 1, max_length)


@to_ids.misconception(
    "counted-after-the-cut",
    "You count only the first `max_length` words of each text. The list is made from the whole training texts; cutting comes "
    "afterwards.",
)
def _(train, test, max_size, max_length):
    words = (_RESERVED + _by_frequency([text[:max_length] for text in train]))[:max_size]
    return _to_ids(train, test, max_size, max_length, words=words)


@to_ids.misconception(
    "splits-swapped", "The two arrays are the other way round: first the ids of the training texts, then the test's."
)
def _(train, test, max_size, max_length):
    words, train_ids, test_ids = _to_ids(train, test, max_size, max_length)
    return words, test_ids, train_ids


@to_ids.variant("Counter.most_common and lists")
def _(train, test, max_size, max_length):
    counts = Counter()
    for text in train:
        counts.update(text)
    words = ["<pad>", "<unk>"] + [word for word, _ in counts.most_common(max_size - 2)]
    rows = [
        [[words.index(w) if w in words else 1 for w in text[:max_length]] for text in texts]
        for texts in (train, test)
    ]
    return words, *(np.array([row + [0] * (max_length - len(row)) for row in each]) for each in rows)


@to_ids.variant("a dict and a loop over places")
def _(train, test, max_size, max_length):
    frequency = {}
    for text in train:
        for word in text:
            frequency[word] = frequency.get(word, 0) + 1
    ranked = sorted(frequency, key=frequency.get, reverse=True)      # stable: ties by appearance
    ids = {"<pad>": 0, "<unk>": 1}
    for word in ranked:
        if len(ids) < max_size:
            ids[word] = len(ids)

    def table(texts):
        out = np.zeros((len(texts), max_length), dtype=int)
        for n in range(len(texts)):
            for t in range(min(max_length, len(texts[n]))):
                out[n, t] = ids.get(texts[n][t], 1)
        return out

    return list(ids), table(train), table(test)


@to_ids.variant("Vocabulary and encode")
def _(train, test, max_size, max_length):
    from helpers.corpora.vocabulary import Vocabulary

    stream = [word for text in train for word in text]
    vocabulary = Vocabulary.build(stream, max_size=max_size, reserved=("<pad>", "<unk>"))
    tables = []
    for texts in (train, test):
        table = np.zeros((len(texts), max_length), np.int64)
        for row, text in zip(table, texts, strict=True):
            row[: len(text)] = vocabulary.encode(text)[:max_length]
        tables.append(table)
    return vocabulary.tokens, *tables


@to_ids.landmark("`test_ids[0, 1] = 1`")
def _(f):
    return f([("dull", "but", "dull")], [("dull", "plot")], 4, 3)[2][0, 1]
