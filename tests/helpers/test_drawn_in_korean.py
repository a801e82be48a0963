"""What helpers write into figures, and say of them, is translated: nothing of it is left in English."""

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import diagrams, fonts, plots
from helpers.boards import gate_board, typed_words, writing_board
from helpers.boards.alignment import date_board, typed_characters
from helpers.boards.opinion import opinion_board, typed_review
from helpers.figure_faults import faults, texts
from helpers.gradient_flow import draw_flow
from helpers.live import names
from tests import pseudo
from tests.pseudo import Pseudo, left_in_english


@pytest.fixture(autouse=True)
def korean(monkeypatch):
    pseudo.speak(monkeypatch)
    yield
    plt.close("all")


WORDS, REVIEW = ("q", "w", "q"), ("the", "film", "was", "good")
GATES = {key: np.array([0.9, 0.1, 0.6]) for key in "ifoc"}
LIKELY, NEVER = ({key: p * np.ones(3) for key in "qw"} for p in (0.4, 0.1))


def flow():
    figure, axis = plots.figure(width=8.6, height=3.3)
    draw_flow(axis, np.tril(np.ones((5, 5))), "w")
    return figure


def curve():
    figure, axis = plots.figure()
    rows = [{"epoch": e, "train_perplexity": 9.0 - e, "valid_perplexity": 9.5 - e} for e in (1, 2, 3)]
    plots.learning_curve(axis, rows)
    axis.legend(loc="upper right")
    return figure


@pytest.mark.parametrize("drawing", [diagrams.step_graph, diagrams.five_wirings, flow, curve])
def test_drawings(drawing):
    figure = drawing()
    shown = [text.get_text() for text in texts(figure)]
    assert any("가" in text for text in shown) and not faults(figure)
    assert not left_in_english(" ".join(shown), own=("tanh",))


def dates(typed, written):
    return date_board(typed, written, np.full((len(written), len(typed)), 0.1), np.full(len(written), 0.9))


def opinions(words=WORDS, *answers):
    along = np.linspace(0, 1, len(words))
    return opinion_board(words, ("q",), dict(zip("qw", answers, strict=True)), {"q": along})


def writing(*after):
    stories = [("", None), ("q", True), ("w", False)]
    return writing_board(("q", "w"), np.array([0.5, 0.5]), np.array(after), stories)


BOARDS = {
    "gates, some shut": lambda: gate_board(WORDS, GATES, LIKELY),
    "gates, many shut": lambda: gate_board(
        WORDS * 9, {key: np.tile(g, 9) / 2 for key, g in GATES.items()}, {key: np.zeros(27) for key in "qw"}
    ),
    "gates, none shut": lambda: gate_board(WORDS, {key: np.ones(3) for key in "ifoc"}, NEVER),
    "writing": lambda: writing(0.5, 0.5),
    "writing, one": lambda: writing(1.0, 0.0),
    "date, right": lambda: dates("27.9.94", "1994-09-27"),
    "date, wrong": lambda: dates("27.9.94", "1994-09-21"),
    "date, new": lambda: dates("Septmber 27 1994", "1994-09-27"),
    "date, new and wrong": lambda: dates("Septmber 27 1994", "1994-09-28"),
    "date, none": lambda: dates("qw", "19"),
    "date, unknown": lambda: dates("qw", "2010-04-01"),
    "date, nothing": lambda: dates("qw", ""),
    "opinions": lambda: opinions(WORDS, 0.9, 0.1),
    "opinions, good": lambda: opinions(REVIEW, 0.9, 0.9),
    "opinions, bad": lambda: opinions((*REVIEW[:3], "dull"), 0.1, 0.1),
}


@pytest.mark.parametrize("name", BOARDS)
def test_boards(name):
    figure, sentence = BOARDS[name]()
    shown = " ".join(text.get_text() for text in texts(figure))
    own = {*REVIEW, "dull", "qw", "Septmber"}
    for text in (sentence, shown):
        assert "가" in text and not left_in_english(text, own)
    with fonts.lacking(figure) as letters:
        figure.canvas.draw()
    assert letters == [] and faults(figure) == []


@pytest.mark.parametrize(("read", "line"), [
    (lambda line: typed_words("w", line, ["q"]), "e"),
    (lambda line: typed_words("w", line, ["q"]), "q " * 30),
    (lambda line: typed_characters("w", line, ["q"]), "e"),
    (lambda line: typed_characters("w", line, ["q"]), ""),
    (lambda line: typed_review("w", line), ""),
])  # fmt: skip
def test_what_is_wrong_with_a_typed_line(read, line):
    with pytest.raises(ValueError, match="가") as error:
        read(line)
    assert not left_in_english(str(error.value), own=("eos",))


def test_what_a_page_says_in_place_of_a_picture_that_moves(monkeypatch):
    monkeypatch.setattr(Pseudo, "gettext", lambda self, message: f"가'{len(message)}\\")
    written = r"가\'37\\"
    assert f"= '{written}';" in names.script() and f"content: '{written}'}}" in names.script()
