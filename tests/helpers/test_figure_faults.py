"""Each kind of fault is found where it is, and a figure without any is let through."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")
import matplotlib.pyplot as plt

from helpers import plots
from helpers.figure_faults import KINDS, faults, lightness


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def sound():
    """A falling curve, its legend where nothing is."""
    fig, axis = plots.figure()
    axis.plot([0, 1, 2], [3.0, 1.0, 0.5], label="loss")
    axis.set(xlabel="epoch", ylabel="loss", title="Training")
    axis.legend(loc="upper right")
    return fig, axis


def small(fig, axis):
    axis.text(0.2, 0.6, "tiny", fontsize=6)


def legend_on_curve(fig, axis):
    axis.legend(loc="upper left")


def legend_on_line_across(fig, axis):
    axis.axhline(2.85, label="ln V")


def legend_on_points(fig, axis):
    axis.scatter([1.9], [2.9])


def legend_on_area(fig, axis):
    axis.fill_between([1.5, 2], [2, 2], [3, 3])


def legend_on_bars(fig, axis):
    axis.bar([1.9], [3.0])


def texts_on_each_other(fig, axis):
    axis.text(1.2, 2.0, "one label here")
    axis.text(1.3, 2.0, "another")


def titles_overrun(fig, axis):
    fig.clear()
    for each in fig.subplots(1, 2):
        each.set(title="a title that is much too long for half of a figure", xlabel="x", ylabel="y")


def label_on_curve(fig, axis):
    axis.text(0.9, 1.0, "loss", va="center")


def no_label(fig, axis):
    axis.set_ylabel("")


def two(fig, axis, one, other, draw="plot"):
    """Two entries in the legend, drawn below it with the options `one` and `other`."""
    axis.clear()
    for height, options in ((1.0, one), (0.8, other)):
        getattr(axis, draw)([0, 1], [height, height], label=f"at {height}", **options)
    axis.set(xlabel="epoch", ylabel="loss", ylim=(0, 3))
    axis.legend(loc="upper right")


GREEN, PINK = {"color": plots.COLOURS["gru"]}, {"color": plots.COLOURS["accent"]}


def lines_of_two_hues(fig, axis):
    two(fig, axis, GREEN, PINK)


def areas_of_two_hues(fig, axis):
    two(fig, axis, GREEN, PINK, draw="fill_between")


def lines_of_two_hues_in_a_legend_of_the_figure(fig, axis):
    two(fig, axis, GREEN, PINK)
    axis.get_legend().remove()
    fig.legend(loc="outside upper center")


FAULTY = {
    lines_of_two_hues: "hue alone",
    areas_of_two_hues: "hue alone",
    lines_of_two_hues_in_a_legend_of_the_figure: "hue alone",
    small: "small text",
    legend_on_curve: "legend over data",
    legend_on_line_across: "legend over data",
    legend_on_points: "legend over data",
    legend_on_area: "legend over data",
    legend_on_bars: "legend over data",
    texts_on_each_other: "text over text",
    titles_overrun: "text over text",
    label_on_curve: "text over a curve",
    no_label: "axis without label",
}


def test_nothing_is_found_in_a_sound_figure():
    assert faults(sound()[0]) == []


@pytest.mark.parametrize(("spoil", "kind"), FAULTY.items(), ids=[spoil.__name__ for spoil in FAULTY])
def test_each_fault_is_found(spoil, kind):
    fig, axis = sound()
    spoil(fig, axis)
    assert {fault.split(":")[0] for fault in faults(fig)} == {kind}
    assert kind in KINDS


@pytest.mark.parametrize(("one", "other"), [
    ({}, {"linestyle": "--"}),
    ({"marker": "o"}, {"marker": "s"}),
    ({"marker": "o"}, {"marker": "o", "markerfacecolor": "white"}),
    ({"linewidth": 3}, {"linewidth": 1.5}),
    ({}, {"color": plots.COLOURS["lstm"]}),
    ({}, {"alpha": 0.4}),
])  # fmt: skip
def test_a_dash_a_marker_a_width_or_a_shade_tells_apart(one, other):
    fig, axis = sound()
    two(fig, axis, GREEN | one, PINK | other)
    assert faults(fig) == []


def test_a_hatch_tells_apart():
    fig, axis = sound()
    two(fig, axis, GREEN, PINK | {"hatch": "//"}, draw="fill_between")
    assert faults(fig) == []


def test_lightness_runs_from_black_to_white():
    assert lightness("black") == 0 and lightness("white") == pytest.approx(100) == lightness("red", 0.0)
    assert lightness("#777777") == pytest.approx(50, abs=0.1)   # the middle grey


def test_what_is_fine_is_let_through():
    fig, axes = plots.figure(2, sharey=True)
    for axis in axes:
        axis.plot([0, 1], [0, 1])
        axis.text(0.5, 0.5, "on a ground of its own", bbox={"facecolor": "white"})
        axis.set_xlabel("x")
    axes[0].set_ylabel("y")   # shared: once is enough
    assert faults(fig) == []
    drawing = plt.figure()
    axis = drawing.add_axes((0, 0, 1, 1))
    axis.axis("off")
    axis.plot([0, 1], [0.5, 0.5])
    axis.text(0.5, 0.5, "a drawing's labels stand on its arrows")
    assert faults(drawing) == []


def test_the_build_refuses_and_accepts_by_kind(monkeypatch):
    monkeypatch.setattr("IPython.display.display", lambda *args, **options: None)
    fig, axis = sound()
    no_label(fig, axis)
    plots.show(fig, "A falling loss.")   # a learner's own figure is shown as it is
    monkeypatch.setattr(plots, "BUILDING", True)
    with pytest.raises(ValueError, match="figure: got axis without label: the y axis of 'Training'"):
        plots.show(fig, "A falling loss.")
    plots.show(fig, "A falling loss.", accept=("axis without label",))
    with pytest.raises(ValueError, match="accept: got"):
        plots.show(fig, "A falling loss.", accept=("anything",))


@pytest.mark.parametrize(
    "together", [("floor", "lstm", "rnn", "gru"), ("lstm", "sky"), ("rnn", "warm"), ("control", "warm")]
)
def test_colours_drawn_together_stay_apart_in_grey(together):
    shades = np.sort([lightness(plots.COLOURS[name]) for name in together])
    assert np.diff(shades).min() >= 12, dict(zip(together, shades, strict=True))


def test_the_cells_stand_out_from_white():
    for name in ("rnn", "lstm", "gru", "control"):
        shade = lightness(plots.COLOURS[name])
        luminance = ((shade + 16) / 116) ** 3
        assert 1.05 / (luminance + 0.05) >= 3, name   # WCAG 1.4.11 asks for 3 to 1
