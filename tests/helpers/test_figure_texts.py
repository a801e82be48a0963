"""Labels that are keys of a chapter's results are looked up when they are drawn."""

import pytest
from matplotlib import pyplot as plt

from helpers import languages
from helpers.figure_texts import translate_names, translate_texts

KNOWN = {
    "no clipping": "클리핑 없음", "no clipping at all": "전혀 없음", "far": "멀리",
    "words": "단어", "title": "제목",
}  # fmt: skip


class Catalogue:
    def gettext(self, message):
        return KNOWN.get(message, message)


@pytest.fixture
def korean(monkeypatch):
    monkeypatch.setattr(languages, "_translations", lambda language: Catalogue())
    monkeypatch.setattr(languages, "_chosen", ["ko"])


@pytest.fixture
def figure():
    figure, axis = plt.subplots()
    axis.plot([0, 1], label="no clipping")
    axis.plot([1, 0], label="LSTM")
    axis.set_xticks([0, 1], ["far", "near"], rotation=30, ha="right")
    axis.set(ylabel="$h_t$", title="이미 한국어", xlabel="words")
    axis.legend()
    figure.text(0.5, 0.5, "title")
    yield figure
    plt.close(figure)


def texts(figure):
    figure.draw_without_rendering()
    return {text.get_text() for text in figure.findobj(plt.Text)}


def test_all_kinds_of_text_are_looked_up_and_those_that_had_to_be_are_told(korean, figure):
    found = translate_texts(figure)
    assert set(found) == {"no clipping", "LSTM", "far", "near", "words", "title"}
    assert {"클리핑 없음", "LSTM", "멀리", "near", "단어", "제목", "이미 한국어", "$h_t$"} <= texts(figure)
    assert not {"no clipping", "far", "words", "title"} & texts(figure)
    (label, *_) = figure.axes[0].get_xticklabels()
    assert (label.get_rotation(), label.get_ha()) == (30.0, "right")


def test_a_sentence_has_the_names_as_the_figure_shows_them(korean, figure):
    figure.text(0, 0, "no clipping at all")
    sentence = "no clipping 80%, far: 3; LSTM 2, farther (far), by-far, near; no clipping at all 4"
    said = "클리핑 없음 80%, 멀리: 3; LSTM 2, farther (far), by-far, near; 전혀 없음 4"
    assert translate_names(sentence, figure) == said
    assert translate_names("words, then 멀리", figure) == "단어, then 멀리"
    assert translate_names("tall", figure) == "tall" and "no clipping" in texts(figure)


def test_in_english_nothing_is_touched(figure):
    before = texts(figure)
    assert translate_names("no clipping", figure) == "no clipping"
    assert translate_texts(figure) == [] and texts(figure) == before
