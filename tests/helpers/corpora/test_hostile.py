"""Every public function of the corpora, with what it may be handed by mistake."""

import hashlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import tokenizers
from helpers.corpora import (
    batches,
    characters,
    chatbot,
    classification,
    dates,
    english,
    korean_english,
    korean_order,
    ngrams,
    nsmc,
    parallel,
    penn_treebank,
    pronouns,
    reviews,
    series,
    text,
)
from helpers.corpora.parallel import Pair, ParallelCorpus
from helpers.corpora.vocabulary import Vocabulary
from tests.hostile import NO_GENERATORS, NO_NUMBERS, NO_WHOLE_NUMBERS, assert_refused, fuzz

ROOT = Path(__file__).resolve().parents[3]
RNG = np.random.default_rng(0)
NO_COUNTS = [*NO_WHOLE_NUMBERS, -1]
NO_SIZES = [*NO_COUNTS, 0]
NO_TEXTS = [None, 3, b"a", ["a"], float("nan"), {"a"}, object()]
"""None of them is a string."""
NO_TOKENS = ["a b", b"a", None, 3, np.array(3), {"a", "b"}, [1, 2], ["a", None], [["a"]], [b"a"]]
"""None of them is a list of strings."""
NO_LISTS = ["a b", None, 3, {"a"}, [None], [3], [["a"]]]
"""None of them is a list of texts."""

CORPUS = ParallelCorpus.build([Pair(("a",), ("x",))], [], [])
PAIRS, GRAMMAR, WORDS = [Pair(("a",), ("x",))], pronouns.PronounGrammar(), Vocabulary(["<pad>", "<unk>", "a"])
NO_PAIRS = [
    None,
    "ab",
    [("a",)],
    ["ab"],
    [Pair("a", "x")],
    [Pair(["a"], [1])],
    [Pair((), ("x",))],
    [None],
    [Pair(("a", "<eos>"), ("x",))],
    [Pair(("a",), ("x", "<pad>"))],
]
REVIEWS = [nsmc.Review(str(n), f"글 {n}", n % 2) for n in range(9)]
ENCODED = ngrams.NgramVocabulary(["가나", "나다"], (1,)).encode(["가나", "나다"])
IDS = np.arange(10)

CASES = {
    batches.contiguous_batches: (
        {"ids": IDS, "batch_size": 2, "seq_len": 3},
        {
            "ids": [
                None,
                "abc",
                3,
                [1.5] * 9,
                IDS * 1.0,
                -IDS,
                IDS[:2],
                IDS[None],
                iter(IDS),
                [[1], [1, 2]],
                [],
            ],
            "batch_size": [*NO_SIZES, 10, 99],
            "seq_len": NO_SIZES,
        },
    ),
    characters.vocabulary: ({"text": "ab"}, {"text": NO_TEXTS}),
    characters.one_hot: (
        {"ids": IDS, "size": 10},
        {
            "ids": [None, "a", [0.5], [-1], [10]],
            "size": [*NO_SIZES, 10**30],
            "dtype": ["abc", 3, object(), str, bool, "f4, f4"],
        },
    ),
    chatbot.sample: ({"count": 2, "rng": RNG}, {"count": NO_COUNTS, "rng": NO_GENERATORS}),
    chatbot.gloss: ({"text": "친구를"}, {"text": [*NO_TEXTS, "", "나비"]}),
    classification.vocabulary: (
        {"texts": [["a"]]},
        {"texts": [*NO_LISTS[:-1], ["a b"]], "min_count": NO_SIZES, "max_size": [*NO_COUNTS[1:], 1]},
    ),
    classification.encode: (
        {"texts": [["a"]], "vocabulary": WORDS, "max_length": 2},
        {
            "texts": [*NO_LISTS[:-1], ["a b"], [[]], [[" ", "\u200b"]], [iter("a")]],
            "max_length": NO_SIZES,
            "vocabulary": [None, ["a"], Vocabulary([]), Vocabulary(["a"])],
            "truncate": [None, "left", 1],
        },
    ),
    dates.ordinal: ({"number": 1}, {"number": NO_COUNTS}),
    dates.iso: ({"day": dates.FIRST_DAY}, {"day": [None, "1994-09-27", 3]}),
    english.words: ({"text": "a"}, {"text": NO_TEXTS}),
    english.characters: ({"text": "a"}, {"text": NO_TEXTS}),
    english.reference_splits: ({"valid": 0.1}, {"valid": [*NO_NUMBERS, 1, -0.1], "test": [*NO_NUMBERS, 1]}),
    korean_english.sentences: (
        {"count": 2, "rng": RNG},
        {"count": [*NO_COUNTS, 10**9], "rng": NO_GENERATORS},
    ),
    korean_english.translate: ({"sentence": ["동생이", "물을", "마신다"]}, {"sentence": [*NO_TOKENS, []]}),
    korean_english.gloss: ({"sentence": ["물을"]}, {"sentence": [*NO_TOKENS, []]}),
    korean_order.sentences: ({"count": 2, "rng": RNG}, {"count": NO_COUNTS, "rng": NO_GENERATORS}),
    korean_order.corpus: ({"count": 2, "rng": RNG}, {"count": NO_COUNTS, "rng": NO_GENERATORS}),
    korean_order.log_prob: ({"sentence": korean_order.USUAL}, {"sentence": NO_TOKENS}),
    korean_order.gloss: ({"sentence": korean_order.USUAL}, {"sentence": [*NO_TOKENS, []]}),
    korean_order.has_final_consonant: ({"word": "밥"}, {"word": [*NO_TEXTS, "", "a", "ㅋ"]}),
    ngrams.normalized: ({"text": "a"}, {"text": NO_TEXTS}),
    ngrams.NgramVocabulary: (
        {"texts": ["가나"]},
        {"texts": [*NO_LISTS, []], "min_counts": [None, 3, (), (0,), (1.5,), "12", (1,) * 60]},
    ),
    ENCODED.rows: ({"rows": [0, 1]}, {"rows": [None, [], [2], [-1], [0.5], 0]}),
    ngrams.SameLengthBatches: (
        {"texts": ENCODED, "labels": [0, 1], "batch_size": 2},
        {
            "texts": [None, ["가나"]],
            "labels": [None, 1, [0], [[0], [1]], "ab"],
            "batch_size": NO_SIZES,
            "seed": NO_COUNTS,
        },
    ),
    nsmc.with_validation: (
        {"reviews": REVIEWS},
        {
            "reviews": [None, "ab", ["글"], [("1", "글", 1)], REVIEWS * 2],
            "share": [*NO_NUMBERS, 1, -1],
            "seed": NO_COUNTS,
        },
    ),
    nsmc.without_duplicates: (
        {"train": REVIEWS, "test": REVIEWS[:2]},
        {"train": [None, "ab", ["글"], 3, [nsmc.Review("1", None, 1)]], "test": [None, "ab", ["글"], 3]},
    ),
    parallel.exact_match: (
        {"predicted": [["x"]], "pairs": PAIRS},
        {"predicted": [None, "x", ["x"], [[3]], [np.array([1])], [], [["x"]] * 2], "pairs": [*NO_PAIRS, []]},
    ),
    ParallelCorpus.build: (
        {"train": PAIRS, "valid": [], "test": []},
        {"train": [*NO_PAIRS, []], "valid": NO_PAIRS, "test": NO_PAIRS},
    ),
    CORPUS.encode: ({"pairs": PAIRS}, {"pairs": [*NO_PAIRS, []]}),
    CORPUS.decode_target: ({"ids": [3]}, {"ids": [None, 3, "a", [0.5], [99], [-1], [[3]], [[1], [1, 2]]]}),
    pronouns.PronounGrammar: (
        {},
        {
            "distance": [None, "ab", (1,), (3, 1), -1, 1.5, (0, None)],
            "distractors": [*NO_COUNTS, 99],
            "greetings": [*NO_NUMBERS, 1.1],
            "lexicon": [None, ("John",)],
        },
    ),
    pronouns.Lexicon: ({}, {"men": ["John", None, ["John"]], "women": ["Mary"], "endings": ["left"]}),
    GRAMMAR.stories: ({"count": 1, "rng": RNG}, {"count": NO_COUNTS, "rng": NO_GENERATORS}),
    GRAMMAR.corpus: ({"num_tokens": 1, "rng": RNG}, {"num_tokens": NO_SIZES, "rng": NO_GENERATORS}),
    GRAMMAR.log_probs: ({"tokens": ["John"]}, {"tokens": NO_TOKENS}),
    GRAMMAR.log_prob: ({"tokens": ["John"]}, {"tokens": NO_TOKENS}),
    GRAMMAR.next_token_probs: ({"prefix": ["John"]}, {"prefix": NO_TOKENS}),
    pronouns.floor_perplexity: (
        {"log_probs": np.array([-1.0])},
        {"log_probs": [None, "a", [], [0.5], [float("nan")], [1j], [[1], [1, 2]]]},
    ),
    reviews.reviews: ({"count": 1, "rng": RNG}, {"count": NO_COUNTS, "rng": NO_GENERATORS}),
    reviews.splits: (
        {"seed": 0, "train": 2, "valid": 1, "test": 1},
        {"seed": NO_COUNTS, "train": NO_COUNTS, "valid": NO_COUNTS, "test": NO_COUNTS},
    ),
    reviews.bag: ({"words": ["a"]}, {"words": NO_TOKENS}),
    reviews.kind: ({"words": ["it", "was", "dull"]}, {"words": [*NO_TOKENS, [], ["dull"]]}),
    series.random_walk: (
        {"length": 3, "rng": RNG},
        {"length": NO_SIZES, "rng": NO_GENERATORS, "start": NO_NUMBERS, "step": [*NO_NUMBERS, -1]},
    ),
    series.seasonal: (
        {"length": 3, "rng": RNG},
        {"length": NO_SIZES, "rng": NO_GENERATORS, "period": [*NO_SIZES, 1], "noise": [*NO_NUMBERS, -1]},
    ),
    tokenizers.words: ({"text": "a"}, {"text": NO_TEXTS}),
    tokenizers.characters: ({"text": "a"}, {"text": NO_TEXTS}),
    tokenizers.tokenized: (
        {"texts": ["a"], "kind": "words"},
        {"texts": NO_LISTS, "kind": [None, "letters", 3, [], np.array(["words", "characters"])]},
    ),
    Vocabulary: ({"tokens": ["a"]}, {"tokens": [*NO_TOKENS[1:], ["a", "a"], ["é", "e\u0301"]]}),
    Vocabulary.build: (
        {"tokens": ["a"]},
        {
            "tokens": NO_TOKENS[1:],
            "min_count": NO_SIZES,
            "max_size": [*NO_SIZES[1:]],
            "reserved": [*NO_TOKENS, ("b", "b")],
        },
    ),
    Vocabulary(["<unk>", "ab"]).encode: ({"tokens": ["ab"]}, {"tokens": NO_TOKENS}),
    WORDS.decode: (
        {"ids": [1]},
        {"ids": [None, 3, "a", ["a"], [0.5], [3], [-1], [[1]], [[1], [1, 2]], [True]]},
    ),
    Vocabulary.from_json: (
        {"text": WORDS.to_json()},
        {"text": [None, 3, "", "[]", "{}", "[" * 100_000]},
    ),
}


ROOM = {"train": 2_000, "valid": 1, "test": 1}
NO_SPLITS = [None, 3, [], {}, "dev", "Train", b"train"]
NO_PATHS = [None, 3, [], "", b"a", ROOT]
CASES |= {
    dates.corpus: (
        {"seed": 0, **ROOM},
        {"seed": NO_COUNTS, "train": [*NO_SIZES, 3, 10**9], "valid": [0], "test": ["1"]},
    ),
    korean_english.corpus: ({"seed": 0, **ROOM}, {"seed": NO_COUNTS, "train": [*NO_SIZES, 3, 10**9]}),
    korean_english.alignment: (
        {"pair": korean_english.corpus(0, **ROOM).valid[0]},
        {"pair": [None, 3, "ab", (), [("a",)], Pair("a", "b"), Pair(None, None)]},
    ),
    korean_order.subject: ({"noun": "밥"}, {"noun": NO_TEXTS}),
    korean_order.direct_object: ({"noun": "밥"}, {"noun": NO_TEXTS}),
    ngrams.NgramVocabulary(["가나"], (1,)).encode: ({"texts": ["가"]}, {"texts": NO_LISTS}),
    ngrams.SameLengthBatches(ENCODED, [0, 1], 2).__call__: ({"epoch": 0}, {"epoch": NO_COUNTS}),
    GRAMMAR.at_distance: ({"distance": 3}, {"distance": [None, "ab", (1,), (3, 1), -1, 1.5]}),
    reviews.prob_positive: ({"words": ["it", "was", "dull"]}, {"words": [*NO_TOKENS, [], ["dull"]]}),
    reviews.mirror: ({"words": ["it", "was", "dull"]}, {"words": [*NO_TOKENS, [], ["dull"]]}),
    text.composed: ({"text": "a"}, {"text": NO_TEXTS}),
    text.visible: ({"text": "a"}, {"text": NO_TEXTS}),
    text.folded: ({"text": "a"}, {"text": NO_TEXTS}),
}


@pytest.mark.parametrize("call", CASES, ids=lambda call: getattr(call, "__qualname__", str(call)))
def test_what_it_may_be_handed_by_mistake(call):
    valid, hostile = CASES[call]
    fuzz(call, valid, hostile)


ROW = {nsmc.read: "id\tdocument\tlabel\n1\ta\t1\n", chatbot.read: "Q,A,label\na,b,1\n"}


@pytest.mark.parametrize("read", ROW)
def test_what_is_no_file_of_texts(read, tmp_path):
    path = tmp_path / "texts"
    path.write_text(ROW[read], encoding="utf-8")
    hostile = {"path": NO_PATHS, "problems": [3, "a", (), True]}
    fuzz(read, {"path": path, "problems": None}, hostile, names={"path": ["path", str(ROOT)]})


@pytest.mark.parametrize("corpus", [nsmc, penn_treebank], ids=lambda corpus: corpus.__name__)
def test_splits_there_are_not(corpus):
    for split in NO_SPLITS:
        for call in (corpus.find, corpus.load):
            assert_refused(call, split, names="split: ")
    assert_refused(corpus.find, "train", base_url=3, names="base_url: ")


MODULES = (batches, characters, chatbot, classification, dates, english, korean_english, korean_order, ngrams,
           nsmc, parallel, pronouns, reviews, series, tokenizers)
BY_OTHER_TESTS = {"read", "find", "load", "load_all", "main", "tokens", "checked", "morphemes"}


def test_every_public_function_is_among_the_cases():
    tried = {call.__name__ for call in CASES} | BY_OTHER_TESTS
    for module in MODULES:
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__.startswith(module.__name__) and name[0] != "_":
                assert name in tried or not inspect.signature(value).parameters, f"{module.__name__}.{name}"


def made() -> str:
    rng = np.random.default_rng(7)
    drawn = [
        chatbot.sample(20, rng),
        korean_order.corpus(20, rng),
        korean_english.sentences(20, rng),
        GRAMMAR.corpus(50, rng)[0],
        reviews.splits(3, 20, 5, 5),
        dates.corpus(3, 1_600, 1, 1),
        series.seasonal(9, rng)[0].tolist(),
        ngrams.NgramVocabulary(["가나", "나다"], (1, 1)).encode(["가"]).ids,
    ]
    return hashlib.sha256(repr(drawn).encode()).hexdigest()


def test_what_is_generated_depends_on_the_seed_alone():
    own = {**os.environ, "PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8"}
    code = f"import runpy\nprint(runpy.run_path({__file__!r})['made']())"
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == made(), done.stderr
