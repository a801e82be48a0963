"""Figures that move: what is shown where nothing can move, and what follows a move."""

import html
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import plots
from helpers.live import choice, explore, names, slider, text
from helpers.live.picture import Camera
from helpers.live.view import live
from tests.hostile import NO_FLAGS, NO_NUMBERS, assert_refused, fuzz

WIDGETS = "application/vnd.jupyter.widget-view+json"


def curve(w, steps=3, kind="tanh", line=""):
    """A small figure; the sentence says every value."""
    if line == "refused":
        raise ValueError("line: got refused, wanted another")
    if line == "broken":
        plt.figure()
        raise KeyError("gone")
    figure, axis = plots.figure(width=3, height=2)
    axis.plot(w * np.arange(steps))
    axis.set(xlabel="t", ylabel="h")
    return figure, f"w is {w},\n steps {steps}, kind {kind}, line {line!r}."


def controls():
    return {
        "w": slider("weight", 0.0, 2.0, value=1.2, step=0.05),
        "steps": slider("steps", 1, 9, value=3),
        "kind": choice("which", {"tanh of it": "tanh", "as it is": "linear"}),
        "line": text("your line", "a", examples=["b", "broken"]),
    }


@pytest.fixture
def notebook(monkeypatch):
    """What is displayed in a learner's notebook: (data, options) each."""
    shown = []
    monkeypatch.setattr("helpers.console.in_notebook", lambda: True)
    monkeypatch.setattr("helpers.live.view.BUILDING", False)
    monkeypatch.setattr("helpers.live.view.STRICT", False)
    monkeypatch.setattr("helpers.live.widgets.display", lambda data, **options: shown.append((data, options)))
    yield shown
    plt.close("all")


@pytest.fixture
def panel():
    from helpers.live.widgets import Panel

    made = Panel(curve, controls())
    yield made
    plt.close("all")


def parts(panel, position):
    """The widgets of one control."""

    def flat(widget):
        inner = getattr(widget, "children", ())
        return [each for child in inner for each in flat(child)] or [widget]

    return flat(panel.widget.children[position])


@pytest.mark.parametrize("where", ["build", "strict", "plain Python", "no ipywidgets"])
def test_where_nothing_can_move_the_picture_stands_still(notebook, monkeypatch, where):
    assert live()
    if where == "build":
        monkeypatch.setattr("helpers.live.view.BUILDING", True)
    elif where == "strict":
        monkeypatch.setattr("helpers.live.view.STRICT", True)
    elif where == "plain Python":
        monkeypatch.setattr("helpers.console.in_notebook", lambda: False)
    else:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not live()
    still = []
    monkeypatch.setattr(plots, "show", lambda figure, alt: still.append((figure, alt)))
    explore(curve, w=slider("weight", 0.0, 2.0, value=1.2))
    [(figure, alt)] = still
    assert alt == "w is 1.2, steps 3, kind tanh, line ''." and figure.axes[0].lines[0].get_ydata()[1] == 1.2
    assert notebook == []


def test_live_the_output_holds_the_controls_and_the_picture(notebook):
    explore(curve, **controls())
    (bundle, options), (controls_, _), (script, _) = notebook
    own = f"unrolled-live-{controls_[WIDGETS]['model_id']}"
    sentence = "w is 1.2, steps 3, kind tanh, line 'a'."
    assert f"body:has(.{own}) .{own}-still {{display: none}}" in bundle["text/html"]
    assert f"alt='{html.escape(sentence)}'" in bundle["text/html"]
    assert bundle["image/png"].startswith(b"\x89PNG") and bundle["text/plain"] == f"Figure: {sentence}"
    assert options == {"raw": True, "metadata": {"image/png": {"alt": sentence}}}
    assert script["text/html"].startswith("<script>") and script["text/plain"] == ""
    assert all(each in names.script() for each in (names.ROW, names.SENTENCE, names.POWER))


def test_what_is_displayed_is_the_same_for_every_ipywidgets(notebook, panel, monkeypatch):
    """Version 7, which Colab has, knows no such method."""
    bundle = panel.widget._repr_mimebundle_()
    monkeypatch.delattr("ipywidgets.Widget._repr_mimebundle_")
    panel.show()
    assert notebook[1][0][WIDGETS] == bundle[WIDGETS]


def test_every_control_has_a_label(panel):
    for position, label in enumerate(("weight", "steps", "which", "your line")):
        assert parts(panel, position)[0].description == label
    assert parts(panel, 3)[1].description == "or one of these"
    assert {each.style.description_width for each in parts(panel, 3)[:2]} == {"15ch"}, "both labels whole"


def test_hangul_has_room_in_labels_and_lists():
    from helpers.live.widgets import Panel

    kind = choice("은닉 상태의 크기", {"쌍곡탄젠트": "tanh", "b": "linear"})
    (menu,) = parts(Panel(curve, controls() | {"kind": kind}), 2)
    plt.close("all")
    assert menu.style.description_width == "16ch" and menu.layout.width == "calc(16ch + 16ch)"


def test_number_and_slider_go_together_and_draw_once(panel):
    number, bar = parts(panel, 0)
    drawn_before = panel.png
    calls = []
    panel._draw = lambda **values: calls.append(values["w"]) or curve(**values)
    bar.value = 0.30000000000000004
    assert number.value == 0.3 and calls == [0.3]
    assert panel.png != drawn_before and panel.sentence.startswith("w is 0.3,")
    number.value = 0.75
    assert bar.value == 0.75 and calls == [0.3, 0.75]
    number.value = 7.0
    assert bar.value == 2.0 and panel.sentence.startswith("w is 2.0,")


def test_whole_numbers_choices_and_lines(panel):
    parts(panel, 1)[1].value = 7
    parts(panel, 2)[0].value = "as it is"
    line, menu = parts(panel, 3)
    line.value = "my own <b>"
    assert (
        panel.sentence == "w is 1.2, steps 7, kind linear, line 'my own <b>'." and menu.value == "(your own)"
    )
    assert html.escape(panel.sentence) in panel._picture.value
    assert "<b>" not in panel._sentence.value + panel._picture.value
    menu.value = "b"
    assert line.value == "b" and panel.sentence.endswith("line 'b'.")
    line.value = "a"
    assert menu.value == "a"


def test_a_logarithmic_slider_has_three_digits():
    from helpers.live.widgets import Panel

    panel = Panel(curve, {"w": slider("rate", 0.01, 100, value=1, log=True)})
    number, bar = parts(panel, 0)
    bar.value = 0.123456
    assert number.value == 0.123 and panel.sentence.startswith("w is 0.123,")
    number.value = 33.3333
    assert number.value == 33.3 and bar.value == 33.3


SAID = {"refused": "✗ line: got refused, wanted another", "broken": "✗ KeyError: 'gone'"}


@pytest.mark.parametrize("line, said", SAID.items())
def test_what_cannot_be_drawn_is_said_and_the_picture_stays(panel, line, said):
    before = panel._picture.value
    parts(panel, 3)[0].value = line
    shown = f"<strong>{said} (The picture is the one before.)</strong>"
    assert shown in html.unescape(panel._sentence.value)
    assert panel._picture.value == before and not plt.get_fignums()
    parts(panel, 0)[1].value = 0.5
    assert panel._picture.value == before  # the line is still wrong
    parts(panel, 3)[0].value = "right"
    assert panel._picture.value != before and "line 'right'" in panel._sentence.value


def test_moves_leave_nothing_behind(panel):
    from ipywidgets.widgets import widget

    before = len(widget._instances)
    for value in (0, 0.5, 2):
        parts(panel, 0)[1].value = value
    assert plt.get_fignums() == [] and len(widget._instances) == before > 9


def test_axes_stay_where_they_are():
    def place(camera, w):
        figure, _ = curve(w)
        camera.png(figure)
        return figure.axes[0].get_position().bounds

    camera = Camera()
    assert place(camera, 0.5) == place(camera, 50_000.0) != place(Camera(), 50_000.0)


def test_what_draw_gives_back():
    figure = plots.figure()[0]
    for given in (None, figure, (figure,), (figure, ""), (figure, 3), ("A.", figure), (figure, "A.", 1)):
        with pytest.raises(ValueError, match=r"draw: got .* wanted "):
            explore(lambda w, given=given: given, w=slider("weight", 0, 1, value=0))
    with pytest.raises(ZeroDivisionError):  # at the start an author's fault is an error like any other
        explore(lambda w: 1 / w, w=slider("weight", 0, 1, value=0))
    plt.close("all")


def test_hostile_controls():
    no_lines = [None, "", "  ", 3, b"a", ["a"], "a\nb", "a" * 2000]
    number = {"label": "w", "low": 0.0, "high": 2.0, "value": 1.0, "step": 0.5, "log": False}
    hostile = {
        "label": no_lines, "low": [*NO_NUMBERS, 2.0, 3.0, 1.5], "high": [*NO_NUMBERS, 0.0, -1, 0.5],
        "value": [*NO_NUMBERS, -0.1, 2.1], "step": [*NO_NUMBERS[1:], 0, -1, 3, 1e-9], "log": NO_FLAGS,
    }  # fmt: skip
    others = {"low": ["low", "high", "value"], "high": ["high", "value"]}
    fuzz(slider, number, hostile, names=others)
    fuzz(
        slider,
        {**number, "low": 1.0, "log": True, "step": None},
        {"step": [1, 0.5], "low": [0, -1]},
        names=others,
    )
    assert_refused(slider, "w", 1.0, 1.0, value=1.0, log=True, names="high")   # nowhere to go
    options = [None, 3, "ab", [], ["a"], ["a", "a"], ["a", 3], {}, {"a": 1}, {1: "a", 2: "b"}, ["a", " "]]
    fuzz(
        choice,
        {"label": "w", "options": ["a", "b"], "value": "a"},
        {"label": no_lines, "options": options, "value": ["c", 3, ["a"]]},
    )
    fuzz(
        text,
        {"label": "w", "value": "a", "examples": ["b"]},
        {"label": no_lines, "value": no_lines, "examples": [None, "b", 3, [3], ["b", ""]]},
    )


def test_hostile_explore():
    weight = slider("weight", 0, 1, value=0)
    fuzz(
        lambda draw, w: explore(draw, w=w),
        {"draw": curve, "w": weight},
        {
            "draw": [None, 3, "curve", lambda: None, lambda v: None, lambda w, v: None],
            "w": [None, 3, (0, 1), "w"],
        },
    )
    with pytest.raises(ValueError, match=re.escape("controls: got none, wanted ")):
        explore(curve)
    plt.close("all")


@pytest.mark.parametrize(
    "low, high, step, value, kind",
    [(0, 9, 1, 3, int), (0, 9, None, 3, int), (0.0, 9, 1, 3, float), (0, 1, 0.5, 0, float)],
)
def test_ints_only_where_all_are(low, high, step, value, kind):
    made = slider("n", low, high, value=value, step=step)
    assert {type(each) for each in (made.value, made.low, made.high, made.tidy(1), *made.sweep(5))} == {kind}


@pytest.mark.parametrize(
    "made",
    [
        slider("n", 0, 9, value=3),
        slider("r", 0.1, 10, value=1, log=True),
        slider("w", 0.0, 0.3, value=0, step=0.1),
    ],
)
def test_a_sweep_goes_from_end_to_end(made):
    found = made.sweep(4)
    assert found[0] == made.low and found[-1] == made.high and len(set(found)) == 4 and found == sorted(found)
