"""The board of a date: what it says about what was typed and written, and what it refuses."""

import numpy as np
import pytest

from helpers.boards.alignment import date_board, typed_characters
from helpers.figure_faults import faults
from tests.hostile import NO_ARRAYS, assert_refused, fuzz

WRITTEN = "1994-09-27"


def board(typed, written=WRITTEN, columns=(), sure=0.9, rows=None):
    """The board of a model that looks at `columns`, one for each character written, and is `sure` of all."""
    rows = len(written) if rows is None else rows
    weights = np.full((rows, len(typed)), 0.1)
    for row, column in enumerate(columns):
        weights[row, column] = 0.8
    return date_board(typed, written, weights, np.full(rows, sure))


@pytest.mark.parametrize(("typed", "written", "said"), [
    ("27.9.94", WRITTEN, "becomes 1994-09-27, which is right."),
    ("27.9.94", "1994-09-21", "becomes 1994-09-21, and 1994-09-27 would be right."),
    ("Septmber 27 1994", WRITTEN, "which is right, in a form that it has never seen."),
    ("27 sept 1994", "1994-12-27", "and 1994-09-27 would be right, in a form that it has never seen."),
    ("31.2.1999", "1999-02-31", "which is no day of the calendar; what it should be, none"),
    ("tomorrow", "2010-04-01", "becomes 2010-04-01; what it should be, none of the rules says."),
])
def test_the_sentence_says_whether_it_is_right(typed, written, said):
    assert said in board(typed, written)[1]


def test_the_sentence_says_where_it_looks_and_how_sure_it_is():
    weights = np.eye(10)[[6, 7, 8, 9, 3, 4, 2, 5, 0, 1]]
    sure = np.array([1, 1, 1, 0.5, 1, 1, 1, 1, 0.8, 1.0])
    _, said = date_board("27 sep1994", "1994-09-27", weights, sure)
    assert "the year at 1 9 9 4, the month at e ·, the day at 2 7" in said
    assert "The whole has probability 0.40, the least sure character is the 4th, “4”, with 0.50." in said


def test_each_row_has_a_ring_at_its_heaviest():
    columns = [0, 1, 2, 3, 4, 5, 6, 0, 1, 2]
    figure, _ = board("27.9.94", columns=columns)
    (rings,) = figure.axes[0].get_lines()
    assert rings.get_xdata().tolist() == columns and rings.get_ydata().tolist() == list(range(10))
    assert [bar.get_width() for bar in figure.axes[1].patches] == [0.9] * 10


def test_steps_behind_the_date_are_left_out():
    figure, said = board("27.9.94", rows=12)
    assert len(figure.axes[1].patches) == 10 and "0.35" in said   # 0.9 ** 10


def test_what_is_no_date_gets_no_parts():
    assert "Most weight" not in board("hm", "19-4")[1]
    assert board("hm", "")[1] == "For “hm” it writes nothing at all."


@pytest.mark.parametrize("typed", ["5", "27.9.94", "the 27th of september, 1994", "1 " * 20])
def test_nothing_lies_over_anything(typed):
    assert faults(board(typed)[0]) == []


def test_hostile_boards():
    valid = {"typed": "27.9", "written": "19", "weights": np.full((2, 4), 0.25), "sure": np.ones(2)}
    fuzz(
        lambda **given: date_board(**given)[1],
        valid,
        {"typed": [None, 3, "", "x" * 41, "27.9.94"], "written": [None, 3, "1994"],
         "weights": [*NO_ARRAYS, np.ones((2, 3)), np.ones((1, 4))], "sure": [*NO_ARRAYS, 1.0, np.ones(1)]},
        names={"typed": ["typed", "weights"], "written": ["written", "weights"]},
    )


def test_typed_characters():
    assert typed_characters("date", " 27.9.94 ", list("0123456789.")) == "27.9.94"
    known = list("0123456789.")
    message = assert_refused(typed_characters, "date", "27!9?94", known, names="date")
    assert "'!' '?'" in message
    for line in ("", "   ", "1" * 41, None, 27):
        assert_refused(typed_characters, "date", line, known, names="date")
    assert typed_characters("date", "1" * 41, known, most=50) == "1" * 41
