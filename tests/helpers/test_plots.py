"""Figures come with a text that says what they show, and are the same bytes every time."""

import base64
import inspect
import io
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")
import matplotlib.pyplot as plt

from helpers import diagrams, plots
from tests.hostile import NO_ARRAYS, NO_NUMBERS, NO_SIZES, assert_refused
from tools.build.markup import html_tags

ALT = 2 * "The loss falls from 4 to 1 in three epochs,\n   and the control without memory stays put. "


class Calls(list):
    captions: list


@pytest.fixture
def displayed(monkeypatch):
    """The figures that `show` hands over in the build, a list of (data, options); each is followed by its
    caption. These drawings have faults."""
    calls, captions = Calls(), []

    def display(data, **options):
        if isinstance(data, dict):
            calls.append((data, options))
        else:
            captions.append(data)
            assert len(captions) == len(calls), "a caption comes after its figure"

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr("helpers.console.in_notebook", lambda: True)
    monkeypatch.setattr(plots, "BUILDING", True)
    monkeypatch.setattr(plots, "_refuse_faults", lambda *_: None)
    calls.captions = captions
    yield calls
    plt.close("all")


@pytest.fixture
def live(monkeypatch):
    """The pictures that `show` hands over in a learner's notebook."""
    pictures = []
    monkeypatch.setattr("helpers.console.in_notebook", lambda: True)
    monkeypatch.setattr("helpers.console.show", pictures.append)
    monkeypatch.setattr(plots, "BUILDING", False)
    yield pictures
    plt.close("all")


def drawing(seed=0):
    fig, axis = plots.figure()
    x = np.arange(4)
    plots.band(
        axis, x, np.random.default_rng(seed).random((3, 4)), colour=plots.COLOURS["lstm"], label="loss"
    )
    axis.legend()
    return fig


def test_show_puts_the_text_into_the_metadata_and_below(displayed):
    plots.show(drawing(), ALT)
    [(data, options)] = displayed
    text = " ".join(ALT.split())
    assert data.keys() == {"image/png"} and data["image/png"].startswith(b"\x89PNG")
    assert options == {"raw": True, "metadata": {"image/png": {"alt": text}}}
    [caption] = displayed.captions
    lines = repr(caption).splitlines()
    assert len(lines) > 1 and max(map(len, lines)) <= 92
    assert " ".join(lines) == f"Figure: {text}"


def test_a_caption_is_safe_html(displayed):
    plots.show(drawing(), "a < b & c")
    assert displayed.captions[0]._repr_html_() == "<small>Figure: a &lt; b &amp; c</small>"


def test_in_a_live_notebook_the_image_has_the_text_as_alternative_text(live):
    plots.show(drawing(), "The loss of 'ours' falls from\n4 to 1 & < 2: 기억.")
    [picture] = live
    image, caption = [tag.attributes for tag in html_tags(picture._repr_html_()) if tag.attributes][1:3]
    text = "The loss of 'ours' falls from 4 to 1 & < 2: 기억."
    assert image["alt"] == text and picture.text == text and f"Figure: {text}" in repr(picture)
    data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
    assert plt.imread(io.BytesIO(data)).ndim == 3
    assert caption == {"aria-hidden": "true"} and "<span lang='ko'>기억</span>" in picture._repr_html_()


def test_show_closes_the_figure_and_no_other(displayed):
    other, fig = drawing(), drawing()
    plots.show(fig, "Something is found.")
    assert plt.get_fignums() == [other.number]


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_an_empty_text_is_refused_before_anything_is_shown(displayed, capsys, alt):
    with pytest.raises(ValueError, match=r"^alt: got"):
        plots.show(drawing(), alt)
    assert not displayed and capsys.readouterr().out == ""


FIGURES = [
    drawing,
    diagrams.loop_and_unrolled,
    diagrams.step_graph,
    diagrams.five_wirings,
    diagrams.lstm_cell,
    diagrams.gru_cell,
]


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_the_same_bytes_every_time(displayed, draw):
    for _ in range(2):
        plots.show(draw(), "Something is found.")
    (first, _), (second, _) = displayed
    assert first == second
    png = first["image/png"]
    assert b"Software" not in png and b"tIME" not in png   # versions and dates would change the bytes
    pixels = plt.imread(io.BytesIO(png))
    assert pixels[..., :3].std() > 0.02   # something is drawn


def test_other_numbers_are_another_figure(displayed):
    for seed in (0, 1):
        plots.show(drawing(seed), "Something is found.")
    assert displayed[0][0] != displayed[1][0]


def test_dpi_scales_the_picture(displayed):
    for dpi in (50, 100):
        plots.show(drawing(), "Something is found.", dpi=dpi)
    small, large = (plt.imread(io.BytesIO(data["image/png"])).shape for data, _ in displayed)
    assert large[0] == pytest.approx(2 * small[0], rel=0.05)


def test_figure_has_rows_and_columns():
    fig, axes = plots.figure(2, 3, width=4, height=5, sharex=True)
    assert axes.shape == (3, 2) and tuple(fig.get_size_inches()) == (4, 5)
    assert not any(axis.spines[side].get_visible() for axis in fig.axes for side in ("top", "right"))
    plt.close(fig)


def test_band_is_the_range_around_the_mean():
    fig, axis = plots.figure()
    curves = [[1.0, 5.0], [2.0, 1.0], [6.0, 3.0]]
    plots.band(axis, [0, 1], curves, colour="k", label="three seeds")
    [line] = axis.lines
    np.testing.assert_allclose(line.get_ydata(), [3, 3])
    assert line.get_label() == "three seeds"
    corners = axis.collections[0].get_paths()[0].vertices
    assert {(x, y) for x, y in corners} == {(0, 1), (0, 6), (1, 1), (1, 5)}
    with pytest.raises(ValueError, match=r"^curves: got shape \(2,\)"):
        plots.band(axis, [0, 1], [1.0, 2.0], colour="k", label="")
    plt.close(fig)


def test_colours_are_different():
    assert len(set(plots.COLOURS.values())) == len(plots.COLOURS)


def test_learning_curve_draws_both_perplexities_of_a_record():
    fig, axis = plots.figure()
    rows = [{"epoch": e, "train_perplexity": 9.0 - e, "valid_perplexity": 9.5 - e} for e in (1, 2, 3)]
    plots.learning_curve(axis, rows, label="LSTM, ")
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert drawn == {
        "LSTM, training": [[1, 8], [2, 7], [3, 6]],
        "LSTM, validation": [[1, 8.5], [2, 7.5], [3, 6.5]],
    }
    plt.close(fig)


def titled(title):
    figure, axis = plots.figure()
    axis.set(title=title, xlabel="시점 $t$", ylabel="loss")
    return figure


def test_letters_without_a_font_are_told_in_one_sentence(live, capsys, recwarn, caplog, monkeypatch):
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [])
    plots.show(titled("漢字"), "A title in Chinese.")
    assert "No font here has the letters 漢字, so" in capsys.readouterr().out and len(live) == 1
    assert not [each for each in recwarn if "Glyph" in str(each.message)] and not caplog.records


def test_hangul_needs_no_font_of_the_system(live, displayed, capsys, monkeypatch):
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [])
    plots.show(titled("한국어"), "A title in Hangul.")
    monkeypatch.setattr(plots, "BUILDING", False)
    plots.show(titled("똠양꿍"), "A title with a rare syllable.")
    assert len(displayed) == len(live) == 1 and capsys.readouterr().out == ""


def test_the_build_refuses_what_only_a_font_of_the_system_has(displayed):
    assert_refused(plots.show, titled("똠양꿍"), "A title with a rare syllable.", names="figure: got ['똠']")


def test_letters_come_from_a_font_of_the_system_even_if_it_is_new(live, capsys, monkeypatch, tmp_path):
    """No Korean font can be counted on: another one is called so, and has letters that Matplotlib's lacks."""
    from matplotlib import font_manager

    stix = font_manager.findfont("STIXSizeOneSym")
    shown = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    letter = next(chr(c) for c in font_manager.get_font(stix).get_charmap() if not shown.get_char_index(c))
    for name in ("broken.ttf", "NanumGothicBold.ttf", "NanumGothic.ttf"):
        (tmp_path / name).write_bytes(Path(stix).read_bytes() if "Nanum" in name else b"")
    (tmp_path / "malgun.ttf").write_bytes(b"no font")
    files = [str(path) for path in tmp_path.iterdir()]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: files)
    taken = []
    monkeypatch.setattr(font_manager.fontManager, "addfont", taken.append)
    figure, axis = plots.figure()
    axis.set(title=letter, xlabel=f"{letter} $t$", ylabel="loss")
    plots.show(figure, "A sign.")
    assert capsys.readouterr().out == "" and [Path(path).name for path in taken] == ["NanumGothic.ttf"]
    assert axis.title.get_fontfamily()[1:] == axis.xaxis.label.get_fontfamily()[:1] == ["STIXSizeOneSym"]
    assert axis.yaxis.label.get_fontfamily()[0] == "sans-serif"


def test_other_warnings_of_drawing_are_still_given(displayed):
    figure, axis = plots.figure()
    axis.set_title("t")
    figure.add_artist(type("Odd", (plt.Line2D,), {"draw": lambda *_: warnings.warn("odd")})([], []))  # noqa: B028
    with pytest.warns(UserWarning, match="odd"):
        plots.show(figure, "A title.")


def test_in_a_script_a_figure_becomes_a_file_and_its_caption_text(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plots.show(drawing(), "The loss falls.")
    caption, place = capsys.readouterr().out.splitlines()
    assert caption == "Figure: The loss falls." and plt.get_fignums() == []
    [file] = tmp_path.iterdir()
    assert str(file) in place and file.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    plots.show(drawing(), "The loss falls.")
    assert "Not kept: " in capsys.readouterr().out


ROWS = [{"epoch": 1, "train_perplexity": 9.0, "valid_perplexity": 9.5}]
NO_LENGTHS = [*NO_NUMBERS, 0, -1, 10**9, float("inf")]
NO_AXES = [None, 3, "axis", plt, lambda: plots.figure(), lambda: plt.subplots(2)[1], lambda: plt.figure()]
NO_FIGURES = [
    None, 3, "f", [1], plt, lambda: plots.figure(), lambda: plots.figure()[1], lambda: plt.subplots(2)[1],
    lambda: [plots.figure()[0]], lambda: plt.plot([1, 2]), lambda: plt.figure().subfigures(1, 2)[0],
]  # fmt: skip
HOSTILE = {   # function: (arguments that it takes, what may come in their place)
    plots.show: (
        {"figure": lambda: plots.figure()[0], "alt": "A."},
        {"figure": NO_FIGURES, "alt": [None, 3, [], ["a"], b"a", 1.5], "dpi": NO_LENGTHS},
    ),
    plots.figure: (
        {},
        {"columns": NO_SIZES, "rows": NO_SIZES, "width": NO_LENGTHS, "height": NO_LENGTHS},
    ),
    plots.band: (
        {"axis": lambda: plots.figure()[1], "x": [0, 1], "curves": [[1.0, 2.0]], "colour": "k", "label": ""},
        {
            "axis": NO_AXES,
            "x": [None, 3, "ab", [0, 1, 2], [[0, 1]]],
            "curves": [*NO_ARRAYS, 3, [], [[]], np.zeros((0, 2)), [[None, 1]]],
            "colour": ["LSTM", 3, None],
        },
    ),
    plots.learning_curve: (
        {"axis": lambda: plots.figure()[1], "curve": ROWS},
        {"axis": NO_AXES, "curve": [None, 3, "ab", [], [{}], [1], {"curve": ROWS}, [{"epoch": 1}]]},
    ),
    diagrams.canvas: ({"width": 2, "height": 2}, {"width": NO_LENGTHS, "height": NO_LENGTHS}),
    diagrams.box: (
        {"axis": lambda: plots.figure()[1], "x": 1, "y": 1, "text": "h"},
        {"axis": NO_AXES, "x": NO_NUMBERS, "width": NO_NUMBERS, "kind": [None, "states", 3, []]},
    ),
    diagrams.node: (
        {"axis": lambda: plots.figure()[1], "x": 1, "y": 1, "text": "h"},
        {"axis": NO_AXES, "x": NO_NUMBERS, "y": NO_NUMBERS, "radius": NO_NUMBERS},
    ),
    diagrams.arrow: (
        {"axis": lambda: plots.figure()[1], "start": (0, 0), "end": (1, 1)},
        {"axis": NO_AXES, "start": [*NO_ARRAYS, 3, (1,), (1, 2, 3)], "end": [None], "bend": NO_NUMBERS},
    ),
    diagrams.loop_and_unrolled: ({}, {"steps": NO_SIZES}),
}


def test_every_drawing_function_is_among_them():
    for module in (plots, diagrams):
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__ and name[0] != "_":
                tried = value in HOSTILE or name == "require_axes"
                assert tried or not inspect.signature(value).parameters, name


@pytest.mark.parametrize("call", HOSTILE, ids=lambda call: call.__name__)
def test_what_is_drawn_into_or_with_by_mistake(displayed, call):
    def made(value):
        return value() if inspect.isfunction(value) else value

    valid, hostile = HOSTILE[call]
    call(**{name: made(value) for name, value in valid.items()})
    shown = len(displayed)
    for argument, values in hostile.items():
        for value in values:
            given = {**valid, argument: value}
            assert_refused(call, **{n: made(v) for n, v in given.items()}, names=f"{argument}: ")
            plt.close("all")
    assert len(displayed) == shown


@pytest.mark.parametrize("option", ["figsize", "coloumns", "ncols"])
def test_an_option_that_subplots_does_not_take_is_named(option):
    assert option in assert_refused(plots.figure, **{option: 2}, names="options: ")


def test_the_remedy_for_a_figure_with_its_axes(displayed):
    both = plots.figure()
    message = assert_refused(plots.show, both, "A finding.")
    assert message.startswith("figure: got tuple, wanted a matplotlib Figure (")
    plots.show(both[0], "A finding.")
    assert len(displayed) == 1
