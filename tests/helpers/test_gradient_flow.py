"""The drawing of a gradient's shares: strands are as wide as the shares, and meet in the boxes."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from helpers.gradient_flow import GAP, LOSSES, draw_flow
from helpers.plots import figure


def strands(shares):
    """(colour of the loss, left, bottom, width, height) of every strand."""
    import matplotlib.colors
    import matplotlib.pyplot as plt

    fig, axis = figure()
    draw_flow(axis, shares, "w")
    plt.close(fig)
    colours = [matplotlib.colors.to_rgba(colour) for colour in LOSSES]
    return [
        (colours.index(patch.get_facecolor()), *patch.get_xy(), patch.get_width(), patch.get_height())
        for patch in axis.patches
        if type(patch) is Rectangle and patch.get_width() and patch.get_height()
    ]


@pytest.mark.parametrize("T", [1, 2, 4])
def test_widths_are_in_the_ratio_of_the_shares(T):
    shares = np.tril(np.random.default_rng(T).normal(size=(T, T)))
    sizes = np.abs(shares)
    found = strands(shares)
    down = [strand for strand in found if strand[2] < 1]                 # they end at a use
    left = [strand for strand in found if strand[2] >= 1 and strand[3] > 1.6]
    drawn = np.zeros((T, T))
    for loss, x, _, width, _ in down:
        drawn[loss, round((x + width / 2) / GAP)] += width
    scale = drawn.sum() / sizes.sum()
    np.testing.assert_allclose(drawn, scale * sizes, atol=1e-12)
    for loss, x, _, _, height in left:                                    # what goes on to h_k and before it
        assert height == pytest.approx(scale * sizes[loss, : round(x / GAP) + 1].sum())
    assert len(left) == T * (T - 1) // 2


def test_the_array_is_left_alone():
    shares = np.ones((3, 3))
    strands(shares)
    assert (shares == 1).all()


def test_nothing_flows_where_all_shares_are_zero():
    assert strands(np.zeros((3, 3))) == []
