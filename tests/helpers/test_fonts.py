"""Hangul in figures comes from the course's own font, which is what tools.font says; without it no boxes."""

import io

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import pytest
from matplotlib.font_manager import get_font

from helpers import figure_faults, fonts, plots
from tools.font import letters


@pytest.fixture(autouse=True)
def no_system_fonts(monkeypatch):
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [])
    yield
    plt.close("all")


@pytest.fixture
def no_own_font(monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "FILE", tmp_path / "gone.otf")


def picture(figure):
    """(the PNG, the letters that no font had, the texts' families by text)."""
    buffer = io.BytesIO()
    with fonts.lacking(figure) as lacking:
        figure.savefig(buffer, format="png")
    return buffer.getvalue(), lacking, {t.get_text(): t.get_fontfamily() for t in fonts._texts(figure)}


def korean(title="한국어 edition", label="시점 $t$", names=("책을", "a")):
    figure, axis = plots.figure()
    axis.bar(names, [1, 2])
    axis.set(title=title, xlabel=label, ylabel="loss")
    axis.text(0, 1, "모노", family="monospace")
    return figure


def test_the_font_has_the_letters_that_its_tool_names():
    font = get_font(fonts.FILE)
    there, named = {chr(number) for number in font.get_charmap()}, set(letters())
    rare = "".join(sorted(named - there)).encode("euc_kr")
    assert there <= named and {*rare[::2]} <= {0xA1, 0xA2}, "it lacks a few signs of the first two rows"
    assert sum("가" <= letter <= "힣" for letter in there) == 2350 and font.family_name == fonts.NAME
    assert "Modified Version of Noto Sans CJK" in fonts.FILE.with_name("OFL.txt").read_text(encoding="utf-8")
    assert fonts.FILE.stat().st_size < 400_000


def test_hangul_comes_from_it_and_other_texts_stay_as_they_are():
    _, lacking, families = picture(korean())
    assert lacking == []
    assert families["한국어 edition"] == ["sans-serif", fonts.NAME] and families["loss"] == ["sans-serif"]
    assert families["책을"] == ["sans-serif", fonts.NAME] and families["모노"] == ["monospace", fonts.NAME]
    assert families["시점 $t$"] == [fonts.NAME, "sans-serif"], "beside formulas only the first font counts"


def test_english_pictures_are_the_same_bytes_without_the_font(no_own_font):
    def english():
        figure, axis = plots.figure()
        axis.bar(["α", "b – c"], [1, 2])
        axis.set(title="“loss” × 2", xlabel="$h_t$, time", ylabel="−1 → 1")
        return picture(figure)[0]

    without = english()
    fonts.FILE = type(fonts.FILE)(fonts.__file__).with_name("UnrolledHangul.otf")
    assert english() == without


def test_faults_are_measured_with_it(recwarn):
    """A row of boxes is wider, or narrower, than the letters are."""
    figure = korean()
    figure_faults.faults(figure)
    boxes = [text.get_window_extent().bounds for text in figure_faults.texts(figure)]
    picture(figure)
    assert boxes == [text.get_window_extent().bounds for text in figure_faults.texts(figure)] and not recwarn


@pytest.mark.parametrize("title", ["똠 $t$", "똠양꿍"])
def test_a_syllable_that_it_lacks_is_written_in_latin(title):
    figure = korean(title)
    assert picture(figure)[1] == ["똠"] and fonts.make_do(figure, ["똠"])
    _, lacking, families = picture(figure)
    assert lacking == [] and {"ddom $t$", "ddomyangggung"} & families.keys() and "시점 $t$" in families


def test_without_it_everything_is_written_in_latin(no_own_font):
    figure = korean("한국어 책을", names=("ㅋ", "a"))
    lacking = picture(figure)[1]
    assert {*"한국어책을시점ㅋ모노"} == {*lacking} and fonts.make_do(figure, lacking)
    _, lacking, families = picture(figure)
    assert lacking == [] and {"hangugeo chaegeul", "sijeom $t$", "khieukh", "a", "mono"} <= families.keys()


def test_what_is_no_hangul_cannot_be_helped():
    figure = korean("漢")
    assert picture(figure)[1] == ["漢"] and not fonts.make_do(figure, ["漢"])
