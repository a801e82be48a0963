"""`to_ids`: reference, oracles, and the mistakes learners make."""

from __future__ import annotations

import numpy as np

from helpers.checks.registry import Exercise


def to_ids_reference(train, test, max_size, max_length):
    from collections import Counter

    counts = Counter(word for text in train for word in text)
    words = ["<pad>", "<unk>", *(word for word, _ in counts.most_common(max_size - 2))]
    place = {word: i for i, word in enumerate(words)}
    arrays = []
    for texts in (train, test):
        ids = np.zeros((len(texts), max_length), dtype=np.int64)
        for row, text in zip(ids, texts, strict=True):
            known = [place.get(word, 1) for word in text[:max_length]]
            row[: len(known)] = known
        arrays.append(ids)
    return words, *arrays


def ids_cases(rng, *, train=(4, 6), test=(7, 9), max_length=(4, 6)):
    """Texts of which some are cut and some padded, unseen words in the test, known ones that find no room."""
    words = rng.permutation(["the", "film", "dull", "good", "but", "not", "plot", "end", "slow", "warm"])
    odds = 1 / np.arange(1, 9)

    def text(length, share_unseen=0.0):
        known = rng.choice(words[:8], size=length, p=odds / odds.sum())
        unseen = rng.choice([*words[8:], "odd", "grim"], size=length)
        return tuple(np.where(rng.random(length) < share_unseen, unseen, known).tolist())

    def texts(count, *share):
        lengths = [max_length + 4, max(1, max_length - 2), *rng.integers(2, 10, size=count)]
        return [text(length, *share) for length in lengths[:count]]

    while True:
        seen = texts(train)
        kinds = len({word for text in seen for word in text})
        if kinds >= 4:
            max_size = 2 + int(rng.integers(2, kinds - 1))
            return {"train": seen, "test": texts(test, 0.3), "max_size": max_size, "max_length": max_length}


to_ids = Exercise(
    "to_ids", "08", to_ids_reference, ("words", "train ids", "test ids"), ids_cases, rounds=8
)


@to_ids.oracle("helpers.corpora: `Vocabulary` and `encode`")
def _(train, test, max_size, max_length):
    from helpers.corpora.classification import encode
    from helpers.corpora.vocabulary import Vocabulary

    stream = (word for text in train for word in text)
    vocabulary = Vocabulary.build(stream, max_size=max_size, reserved=("<pad>", "<unk>"))
    return list(vocabulary.tokens), *(encode(texts, vocabulary, max_length)[0] for texts in (train, test))


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
    return words, *tables


FILM = [("dull", "film"), ("good", "film", "but", "slow"), ("film",)]


@to_ids.extreme("room for more words than there are", "`max_size` is a limit: where there are fewer words, the list is shorter. (The rows of ids are `max_length` wide all the same.)")
def _(rng):
    return {"train": FILM, "test": [("slow", "plot")], "max_size": 50, "max_length": 3}


@to_ids.extreme(
    "no text as long as max_length", "Each row has `max_length` places, also where no text is as long: zeros fill the rest."
)
def _(rng):
    return {"train": FILM, "test": [("slow",), ("plot", "film")], "max_size": 5, "max_length": 9}


@to_ids.extreme("room for <pad> and <unk> only", "With max_size = 2 the list is <pad> and <unk>, and every word is unknown.")
def _(rng):
    return {"train": FILM, "test": [("slow", "film")], "max_size": 2, "max_length": 3}


@to_ids.extreme(
    "capitals, Hangul, punctuation",
    "Words are taken as they are: `Film` and `film` are two, and a word may be a dot, a number or Korean.",
)
def _(rng):
    train = [("Film", "film", "!", "영화"), ("film", "영화", "Film", "영화"), ("10", "É", "!", "e")]
    return {"train": train, "test": [("영화", "FILM", "e"), ("!", "film", "É")], "max_size": 7, "max_length": 3}


@to_ids.extreme(
    "300 words, all equally frequent",
    "Right for few words. With many the ids go beyond 255, which 8 bits cannot hold; and of equally frequent words the order of "
    "their first appearance stays only with a stable sort, as Python's.",
)
def _(rng):
    words = [f"w{n}" for n in rng.permutation(300)]
    texts = [tuple(words[n : n + 4]) for n in range(0, 300, 4)]
    return {"train": texts, "test": texts[-3:] + texts[:2], "max_size": 298, "max_length": 4}


@to_ids.extreme("the same text several times", "A text that occurs three times counts three times.")
def _(rng):
    train = [("good", "plot"), ("dull", "end"), ("dull", "end"), ("good", "end"), ("dull", "end")]
    return {"train": train, "test": [("end",), ("end",)], "max_size": 4, "max_length": 2}


COUNTED, RANKED = "for text in train for word in text", "counts.most_common(max_size - 2)"
KNOWN, FILL = "[place.get(word, 1) for word in text[:max_length]]", "np.zeros((len(texts), max_length), dtype=np.int64)"
LIST = f'["<pad>", "<unk>", *(word for word, _ in {RANKED})]'

to_ids.mistake(
    "built-on-test-too",
    "Words of the *test* texts stand in your vocabulary. The test stands for texts that nobody has seen yet: build on the "
    "training texts alone.",
    (COUNTED, "for text in (*train, *test) for word in text"),
)
to_ids.mistake(
    "built-on-test-only",
    "Your vocabulary is made from the *test* texts. It comes from the training texts alone.",
    (COUNTED, "for text in test for word in text"),
)
to_ids.mistake(
    "a-vocabulary-for-each",
    "The test texts are encoded with a vocabulary of their own: the same id means another word there. There is one vocabulary, "
    "the training texts'.",
    (
        "        ids = np",
        "        own = Counter(word for text in texts for word in text).most_common(max_size - 2)\n"
        "        place = {word: i for i, (word, _) in enumerate(own, start=2)}\n        ids = np",
    ),
)
to_ids.mistake(
    "unknown-dropped",
    "Unknown words are left out, so what stood apart becomes neighbours: 'not a dull film' may turn into 'not film'. Write 1, "
    "<unk>, in their place.",
    (KNOWN, "[place[word] for word in text if word in place][:max_length]"),
)
to_ids.mistake(
    "unknown-dropped-after-the-cut",
    "Unknown words are left out of what the cut has left, and zeros take their room. An unknown word is a word: write 1, <unk>.",
    (KNOWN, "[place[word] for word in text[:max_length] if word in place]"),
)
to_ids.mistake(
    "unknown-is-padding",
    "Unknown words get the padding's id 0. Then the model takes them for the end of the text. They have an id of their own: 1.",
    ("get(word, 1)", "get(word, 0)"),
)
to_ids.mistake(
    "unknown-is-the-next-id",
    "Unknown words get the first id behind the list, which the embedding has no row for. They are <unk>: 1.",
    ("get(word, 1)", "get(word, len(words))"),
)
to_ids.mistake(
    "padded-with-unknown",
    "You fill up with 1, the id of unknown words. Padding is 0, and no word may have that id.",
    ("np.zeros", "np.ones"),
)
to_ids.mistake(
    "end-kept",
    "Of a long text you keep the *last* words (as Keras does unless told otherwise). Here the first `max_length` stay.",
    ("text[:max_length]", "text[-max_length:]"),
)
to_ids.mistake(
    "padded-in-front",
    "Your padding stands in front (as Keras does unless told otherwise). Here the text comes first and the zeros behind it.",
    ("row[: len(known)]", "row[max_length - len(known) :]"),
)
to_ids.mistake(
    "reserved-on-top",
    "Your list has max_size words *and* the two reserved ones: two too many. The embedding has max_size rows in all.",
    ("max_size - 2", "max_size"),
)
to_ids.mistake(
    "reserved-counted-twice",
    "Your list is too short: `max_size` counts <pad> and <unk>, but only once.",
    ("max_size - 2", "max_size - 4"),
)
to_ids.mistake(
    "one-entry-too-many",
    "Your list has one entry too many: <pad> and <unk> *both* count, so there is room for max_size − 2 words.",
    ("max_size - 2", "max_size - 1"),
)
to_ids.mistake(
    "size-ignored",
    "All words of the training texts are in your list. Keep max_size entries, the most frequent.",
    ("(max_size - 2)", "()"),
)
to_ids.mistake(
    "reserved-swapped",
    "<pad> comes first and has id 0, <unk> second, id 1.",
    ('"<pad>", "<unk>"', '"<unk>", "<pad>"'),
    ("np.zeros", "np.ones"),
    ("get(word, 1)", "get(word, 0)"),
)
to_ids.mistake(
    "reserved-at-the-end",
    "<pad> and <unk> stand at the end of your list, so id 0 is a word. They come first: 0 is padding, 1 an unknown "
    "word.",
    (LIST, f'[*(word for word, _ in {RANKED}), "<pad>", "<unk>"]'),
    (FILL, "np.full((len(texts), max_length), len(words) - 2)"),
    ("get(word, 1)", "get(word, len(words) - 1)"),
)
to_ids.mistake(
    "reserved-forgotten",
    "<pad> and <unk> are missing from your list. So the most frequent word has the id 0, which is padding, and unknown words "
    "have no id of their own.",
    ('"<pad>", "<unk>", ', ""),
    ("max_size - 2", "max_size"),
    ("get(word, 1)", "get(word, 0)"),
)
to_ids.mistake(
    "vocabulary-without-reserved",
    "Your list of words does not begin with <pad> and <unk>. They are its first two entries, so that word i of the list has "
    "the id i.",
    ("return words", "return words[2:]"),
)
to_ids.mistake(
    "ids-of-the-bare-list",
    "Your ids count from 0 at the first real word. A word's id is its place in the list that begins with <pad> and <unk>: the "
    "most frequent word has 2.",
    ("enumerate(words)", "enumerate(words[2:])"),
)
to_ids.mistake(
    "frequency-for-id",
    "You write how *often* a word occurs. Its id is its place in the list.",
    ("place.get(word, 1)", "counts.get(word, 1)"),
)
to_ids.mistake(
    "by-the-alphabet",
    "Your words are in alphabetical order before the list is cut, so rare ones stay and frequent ones go. The most frequent come "
    "first.",
    (RANKED, "sorted(counts.items())[: max_size - 2]"),
)
to_ids.mistake(
    "sorted-after-the-cut",
    "The right words stand in your list, but in alphabetical order. The most frequent come first.",
    (RANKED, f"sorted({RANKED})"),
)
to_ids.mistake(
    "by-first-appearance",
    "Your words stand in the order in which they appear. First the most frequent; appearance only decides ties.",
    (RANKED, "list(counts.items())[: max_size - 2]"),
)
to_ids.mistake(
    "rarest-first",
    "The rarest words come first in yours. Turn the order round: the most frequent first.",
    (RANKED, "sorted(counts.items(), key=lambda item: item[1])[: max_size - 2]"),
)
to_ids.mistake(
    "ties-by-the-alphabet",
    "Among equally frequent words yours come in alphabetical order. Wanted: in the order of their first appearance, which is "
    "how a Counter keeps them.",
    (RANKED, "sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: max_size - 2]"),
)
to_ids.mistake(
    "ties-backwards-by-the-alphabet",
    "Among equally frequent words yours come from z to a: sorting pairs (count, word) backwards turns the words round, too. "
    "Sort by the count alone, and the order of appearance stays.",
    (RANKED, "sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True)[: max_size - 2]"),
)
to_ids.mistake(
    "ties-turned-round",
    "Among equally frequent words yours come the last one first: sorted upwards and then turned round, which turns the ties "
    "round as well. Sort by −count, or with reverse=True.",
    (RANKED, "sorted(counts.items(), key=lambda item: item[1])[::-1][: max_size - 2]"),
)
to_ids.mistake(
    "texts-counted",
    "You count in how many *texts* a word occurs. Count every occurrence.",
    (COUNTED, "for text in train for word in dict.fromkeys(text)"),
)
to_ids.mistake(
    "counted-after-the-cut",
    "You count only the first `max_length` words of each text. The list is made from the whole training texts; cutting comes "
    "afterwards.",
    (COUNTED, "for text in train for word in text[:max_length]"),
)
to_ids.mistake(
    "as-wide-as-the-longest",
    "Your rows are as wide as the longest text. All rows have `max_length` places: longer texts are cut, shorter ones filled.",
    ("(len(texts), max_length)", "(len(texts), max(map(len, texts)))"),
    ("text[:max_length]", "text"),
)
to_ids.mistake(
    "letters-counted",
    "You count letters. A text is a tuple of words already: one loop over the texts, one over their words.",
    (f"Counter(word {COUNTED})", f'Counter("".join(word {COUNTED}))'),
)
to_ids.mistake(
    "each-text-once",
    "A text that occurs several times counts once in yours (a set, or keys of a dict). Every text of the list counts.",
    (COUNTED, "for text in dict.fromkeys(train) for word in text"),
)
to_ids.mistake(
    "rare-words-dropped",
    "Words that occur only once are missing from your list. It is cut at max_size entries, and nowhere else.",
    (f"word for word, _ in {RANKED}", f"word for word, n in {RANKED} if n > 1"),
)
to_ids.mistake(
    "ties-at-random",
    "np.argsort does not keep the order of equals: equally frequent words come out in any order. Python's sort and a Counter "
    "keep the order of first appearance.",
    (RANKED, "[list(counts.items())[n] for n in np.argsort(-np.array(list(counts.values())))][: max_size - 2]"),
)
to_ids.mistake(
    "pairs-in-the-list",
    "Your list holds pairs (word, count), as most_common hands them out. Wanted are the words alone.",
    ("return words", f"return [*words[:2], *{RANKED}]"),
)
to_ids.mistake(
    "ids-beyond-the-list",
    "Words that found no room in the list still get ids of their own, and the embedding has no row for those. They are unknown: "
    "1.",
    ("enumerate(words)", "enumerate([*words[:2], *(word for word, _ in counts.most_common())])"),
)
BUFFER = ("        ids = np", "        buffer = np.zeros(max_length, dtype=int)\n        ids = np")
to_ids.mistake(
    "rest-of-the-text-before",
    "One row is filled again and again, so behind a short text stands what is left of a longer one before it. Begin each text "
    "with a row of zeros.",
    BUFFER,
    ("row[: len(known)] = known", "buffer[: len(known)] = known\n            row[:] = buffer"),
)
to_ids.mistake(
    "one-row-for-all",
    "All rows are the same: one array is filled again and again, and your list holds it many times. Begin each text with a row "
    "of zeros of its own.",
    BUFFER,
    ("row[: len(known)] = known", "buffer[: len(known)] = known\n            ids[:] = buffer"),
)
to_ids.mistake(
    "words-last",
    "The list of words comes first, then the ids of the training texts, then those of the test's.",
    ("return words, *arrays", "return *arrays, words"),
)
to_ids.mistake(
    "ids-as-floats",
    "The ids are floats (np.zeros makes those unless told otherwise). An embedding wants integers: dtype=np.int64.",
    (", dtype=np.int64", ""),
)


@to_ids.variant("Counter.most_common and lists")
def _(train, test, max_size, max_length):
    from collections import Counter

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
    ranked = sorted(frequency, key=frequency.get, reverse=True)   # stable: ties by appearance
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


to_ids.landmark("""
    words, train_ids, test_ids = to_ids([("dull", "but", "dull")], [("dull", "plot"), ("but",)], 4, 3)
    words       # ['<pad>', '<unk>', 'dull', 'but']
    train_ids   # [[2, 3, 2]]
    test_ids    # [[2, 1, 0], [3, 0, 0]]
""")
