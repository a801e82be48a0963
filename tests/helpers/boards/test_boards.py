"""The boards draw what they are given, say it in a sentence, and refuse what cannot be drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from helpers.boards import gate_board, typed_words, writing_board
from helpers.figure_faults import faults
from tests.hostile import NO_ARRAYS, assert_refused

KNOWN = ("<eos>", ".", "and", "he", "she", "John", "Jane", "drank", "tea")
WORDS = ["<eos>", "Jane", "drank", "and"]
UNIT = {
    "i": np.array([0.5, 0.9, 0.1, 0.0]),
    "f": np.array([0.6, 0.25, 0.9, 1.0]),
    "o": np.array([0.0, 1.0, 0.3, 0.7]),
    "c": np.array([0.2, -1.5, -1.25, -1.0]),
}
EXPECTED = {"he": np.array([0.0, 0.0, 0.1, 0.125]), "she": np.array([0.0, 0.1, 0.0, 0.875])}


def bars(axis):
    """(bottom, top) of every bar of the collections in `axis`, in the order in which they were drawn."""
    collections = [each for each in axis.collections if isinstance(each, PolyCollection)]
    return [
        [(path.vertices[:, 1].min(), path.vertices[:, 1].max()) for path in each.get_paths()]
        for each in collections
    ]


# ---- typed words ---------------------------------------------------------------------------------


def test_a_full_stop_ends_a_story_and_large_and_small_letters_are_the_same():
    told = "john drank TEA and he. Jane"
    assert typed_words("line", told, KNOWN) == [
        *("<eos>", "John", "drank", "tea", "and", "he", ".", "<eos>", "Jane"),
    ]
    assert typed_words("line", "<eos> John . <eos> he", KNOWN) == ["<eos>", "John", ".", "<eos>", "he"]
    assert typed_words("line", "  ", KNOWN) == ["<eos>"]
    assert typed_words("line", "<EOS> tea", ["tea"]) == ["<eos>", "tea"], "known from the start"


def test_unknown_words_are_named_with_some_that_are_known():
    message = assert_refused(typed_words, "sentence", "A tiger drunk tea; and John", KNOWN, names="sentence")
    assert message == (
        "sentence: got A, tiger, drunk, ;, which this network has never read, wanted words that it knows, "
        "such as drank, and, he, she, John, Jane, tea"
    ), "the similar ones come first"


def test_what_is_typed_has_its_limits():
    assert len(typed_words("line", "tea " * 5, KNOWN, most=6)) == 6
    assert "7 words" in assert_refused(typed_words, "line", "tea " * 6, KNOWN, most=6, names="line")
    assert_refused(typed_words, "line", None, KNOWN, names="line")
    assert_refused(typed_words, "line", "tea", "tea", names="known")
    assert_refused(typed_words, "line", "tea", KNOWN, most=0, names="most")


# ---- the gates -----------------------------------------------------------------------------------


def test_the_gate_board_draws_every_number():
    fig, sentence = gate_board(WORDS, UNIT, EXPECTED, name="Unit 7")
    gates, cell, next_word = fig.axes
    full, drawn = ([top - low for low, top in each] for each in bars(gates))
    np.testing.assert_allclose(np.reshape(drawn, (3, 4)), [UNIT[gate] for gate in "ofi"], atol=1e-12)
    np.testing.assert_allclose(full, 1)   # pale, behind them
    lows = [low for low, _ in bars(gates)[1]]
    assert lows == sorted(lows) and len({*lows}) == 3, "one row above the other"
    labels = [each.get_text()[0] for each in gates.get_yticklabels()]
    assert [label for _, label in sorted(zip(gates.get_yticks(), labels, strict=True))] == ["o", "f", "i"]
    np.testing.assert_allclose([low + top for low, top in bars(cell)[0]], UNIT["c"])
    for row, word in zip(bars(next_word), EXPECTED, strict=True):
        np.testing.assert_allclose([top for _, top in row], EXPECTED[word])
    he, she = next_word.collections
    assert not he.get_hatch() and she.get_hatch(), "the two differ without colour"
    assert [text.get_text() for text in next_word.texts] == WORDS
    assert sentence == (
        "Unit 7: the forget gate is below one half at “Jane” (0.25), and the cell ends at -1.00; "
        "he or she is expected after “and” (word 3), with the cell at -1.00, he 0.12, she 0.88."
    )


def test_many_shut_gates_are_counted_and_a_zero_has_no_sign():
    shut = {**UNIT, "f": np.zeros(4), "c": np.full(4, -0.001)}
    _, sentence = gate_board(WORDS, shut, EXPECTED)
    assert "“<eos>” (0.00), “Jane” (0.00), “drank” (0.00), “and” (0.00)" in sentence
    assert "the cell ends at 0.00; " in sentence and "with the cell at 0.00, " in sentence
    thrice = {key: np.tile(values, 3) for key, values in shut.items()}
    _, sentence = gate_board(WORDS * 3, thrice, {key: np.tile(each, 3) for key, each in EXPECTED.items()})
    assert "the forget gate is below one half at 12 of 12 words, and" in sentence


@pytest.mark.parametrize("count", [1, 24])
@pytest.mark.parametrize("cell", [0.0, -40.0])
def test_the_gate_board_at_its_limits_has_no_faults(count, cell):
    unit = {gate: np.full(count, value) for gate, value in (("i", 0.0), ("f", 1.0), ("o", 0.5), ("c", cell))}
    nothing = {"he": np.zeros(count), "she": np.zeros(count)}
    fig, sentence = gate_board(["kitchen"] * count, unit, nothing)
    assert faults(fig) == []
    assert "above one half everywhere" in sentence and "expected nowhere" in sentence
    low, high = fig.axes[1].get_ylim()
    assert low < cell < high


def test_the_gate_board_refuses_what_does_not_fit():
    assert_refused(gate_board, [], UNIT, EXPECTED, names="words")
    assert_refused(gate_board, WORDS[:3], UNIT, EXPECTED, names="unit")
    assert_refused(gate_board, WORDS, {"i": UNIT["i"]}, EXPECTED, names="unit")
    assert_refused(gate_board, WORDS, UNIT, {"he": EXPECTED["he"]}, names="expected")
    assert_refused(gate_board, WORDS, UNIT, {**EXPECTED, "she": np.zeros(3)}, names="expected")
    for wrong in NO_ARRAYS:
        assert_refused(gate_board, WORDS, {**UNIT, "c": wrong}, EXPECTED, names="unit['c']")
        assert_refused(gate_board, WORDS, UNIT, wrong, names="expected")
    assert not plt.get_fignums(), "no figure is left open"


# ---- writing -------------------------------------------------------------------------------------

BEFORE = np.array([0.125, 0.5, 0.25, 0.125])
AFTER = np.array([0.0, 2 / 3, 1 / 3, 0.0])
TOLD = [("Jane drank tea", True), ("tea tea he", False), ("John and", None)]


def test_the_writing_board_tells_what_is_kept_from_what_is_cut_off():
    fig, sentence = writing_board(["he", "tea", "and", "she"], BEFORE, AFTER, TOLD)
    [axis] = fig.axes
    labels = [text.get_text() for text in axis.texts]
    assert labels == [
        *("tea", "0.67", "and", "0.33", "he", "0.12 cut off", "she", "0.12 cut off"),
    ]
    kept, cut_off = axis.collections
    assert cut_off.get_hatch() and not kept.get_hatch()
    ends = [[path.vertices.max(axis=0) for path in each.get_paths()] for each in (kept, cut_off)]
    np.testing.assert_allclose(ends, [[(2 / 3, 0.35), (1 / 3, 1.35)], [(0.125, 2.35), (0.125, 3.35)]])
    assert fig.texts[0].get_text() == "✓ Jane drank tea\n✗ tea tea he\n… John and"
    assert sentence == (
        "Of 4 words 2 can be drawn; the likeliest next words are tea 0.67, and 0.33; the entropy is 0.64 "
        "nats, as of an even choice among 1.9. Written with 6 different words, 1 of 2 finished stories "
        "without a mistake: Jane drank tea ✓ / tea tea he ✗ / John and"
    )


def test_a_story_without_a_word_is_seen_and_a_full_stop_is_no_word():
    half = np.full(2, 0.5)
    fig, sentence = writing_board(["he", "tea"], half, half, [("", False), ("he .", None)])
    assert fig.texts[0].get_text() == "✗ (no word)\n… he ."
    assert "with 1 different words, 0 of 1 finished stories" in sentence
    assert sentence.endswith(": (no word) ✗ / he .")


def test_the_writing_board_at_its_limits_has_no_faults():
    words = [f"word{k}" for k in range(56)]
    even, sure = np.full(56, 1 / 56), np.eye(56)[3]
    fig, sentence = writing_board(words, even, even, [(" ".join(words[:50]), None)])
    assert faults(fig) == [] and "an even choice among 56.0" in sentence
    fig, sentence = writing_board(words, even, sure, [("a", True)] * 40)
    assert faults(fig) == [] and "the only next word is word3 1.00; the entropy is 0.00 nats" in sentence
    lines = fig.texts[0].get_text().split("\n")
    assert lines[-1] == "…" and len(lines) < 20
    fig, _ = writing_board(words[:1], np.ones(1), np.ones(1), [])
    assert faults(fig) == []


def test_the_writing_board_refuses_what_does_not_fit():
    words = ["he", "tea", "and", "she"]
    for wrong in [*NO_ARRAYS, BEFORE[:3], 2 * BEFORE, -BEFORE, np.zeros(4)]:
        assert_refused(writing_board, words, wrong, AFTER, TOLD, names="before")
        assert_refused(writing_board, words, BEFORE, wrong, TOLD, names="after")
    assert_refused(writing_board, "tea", BEFORE, AFTER, TOLD, names="words")
    assert not plt.get_fignums(), "no figure is left open"
