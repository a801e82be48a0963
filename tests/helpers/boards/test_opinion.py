"""The board of a review: what it says of the models' answers, and what it refuses."""

import numpy as np
import pytest

from helpers.boards.opinion import opinion_board, typed_review
from helpers.figure_faults import faults
from tests.hostile import NO_ARRAYS, assert_refused, fuzz

WORDS = ("the", "film", "was", "not", "dull")


def board(words=WORDS, known=WORDS, last=0.9):
    along = np.linspace(0.5, 0.42, len(words))
    along[-1] = last
    return opinion_board(words, known, {"bag": 0.2, "GRU": last}, {"GRU": along})


def test_the_sentence_sorts_the_models_and_names_the_step():
    _, said = board()
    assert said.startswith("P(good) at the end. Good: GRU 0.90; bad: bag 0.20.")
    assert "The largest step: GRU at “dull” from 0.44 to 0.90." in said
    assert "P(good) at the end. Bad: bag 0.20, GRU 0.10." in board(last=0.1)[1]


@pytest.mark.parametrize(("line", "said"), [
    ("the film was not dull", "By the rule of the grammar it is good."),
    ("the film was not funny", "By the rule of the grammar it is bad."),
    ("the film was not not dull", "The grammar cannot write this"),
])
def test_the_sentence_has_the_rule(line, said):
    words = tuple(line.split())
    assert said in board(words, words)[1]


def test_unknown_words_are_named_and_marked():
    figure, said = board(known=("the", "was", "not"))
    assert said.endswith("Not in the list of words, so read as <unk>: “film”, “dull”.")
    shown = [text.get_text() for text in figure.axes[1].texts]
    assert shown == ["the", "(film)", "was", "not", "(dull)"]
    assert "Not in the list" not in board()[1]


def test_bars_and_lines_are_the_numbers():
    figure, _ = board()
    bars, course = figure.axes
    assert [bar.get_x() + bar.get_width() for bar in bars.patches] == pytest.approx([0.2, 0.9])
    assert [bar.get_x() for bar in bars.patches] == [0.5, 0.5]
    line = next(line for line in course.get_lines() if line.get_label() == "GRU")
    assert line.get_ydata()[-1] == 0.9 and len(line.get_ydata()) == 5


def test_lines_differ_by_more_than_colour():
    four = {name: np.full(5, 0.5) for name in "abcd"}
    figure, _ = opinion_board(WORDS, WORDS, {"a": 0.5}, four)
    looks = {(line.get_marker(), line.get_linestyle()) for line in figure.axes[1].get_lines()[1:]}
    assert len({mark for mark, _ in looks}) == len({style for _, style in looks}) == 4


@pytest.mark.parametrize("words", [("good",), WORDS, ("watched", "yesterday", ":", "wonderful") * 5,
                                   ("incomprehensibilities",) * 20])
def test_nothing_lies_over_anything(words):
    assert faults(board(words)[0]) == []


def test_hostile_boards():
    valid = {"words": WORDS, "known": WORDS, "answers": {"GRU": 0.9}, "after_each": {"GRU": np.ones(5)}}
    arrays = [{"GRU": array} for array in (*NO_ARRAYS, np.ones(4), 0.5)]
    fuzz(
        lambda **given: opinion_board(**given)[1],
        valid,
        {"words": [None, "dull", (), ("dull",) * 21, (3,)], "known": [None, 3, "dull"],
         "answers": [None, {}, 0.5, {1: 0.5}, {"GRU": np.ones(2)}, {"GRU": "0.5"}],
         "after_each": [None, {}, *arrays, dict.fromkeys("abcde", np.ones(5))]},
    )


@pytest.mark.parametrize(("line", "words"), [
    ("The film was DULL, but later wonderful.", "the film was dull , but later wonderful ."),
    ("  it wasn't  a well-made film :", "it wasn't a well-made film :"),
    ("영화가 좋다!", "영화가 좋다 !"),
])
def test_typed_review(line, words):
    assert typed_review("review", line) == tuple(words.split())


def test_lines_that_are_no_review():
    for line in (None, 3, "", "  ", "dull " * 21, "." * 21):
        assert_refused(typed_review, "review", line, names="review")
    assert len(typed_review("review", "dull " * 21, most=30)) == 21
