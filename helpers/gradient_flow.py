"""A drawing: how the gradient flows from every loss back to every use of a shared weight."""

from __future__ import annotations

import numpy as np

from helpers.diagrams import box
from helpers.languages import translate
from helpers.plots import COLOURS
from helpers.validation import require, require_arrays, require_real

LOSSES = tuple(COLOURS[name] for name in ("warm", "lstm", "accent", "gru", "rnn"))
_CHAIN, _LOSS, _USE = 1.5, 2.75, 0.25     # heights of the states, the losses and the uses
GAP = 1.7     # from one step to the next


def draw_flow(axis, shares: np.ndarray, weight: str) -> None:
    """Strands from E_t over h_t, h_(t-1), … down to `weight`; a strand's width is the size of its share.

    `shares` (T, T), at most five steps: row t is the loss, column k ≤ t the step at which the weight is used.
    `axis` is one of matplotlib's. ValueError for anything else.
    """
    require(hasattr(axis, "add_patch"), "axis", repr(axis), "the Axes of a figure")
    require(isinstance(weight, str), "weight", repr(weight), "a name to write")
    (shares,) = require_arrays("shares (T, T)", require_real("shares", shares, finite=True))
    require(0 < len(shares) <= len(LOSSES), "shares", f"shape {shares.shape}", "from one to five steps")
    sizes = np.abs(np.tril(shares))
    T = len(sizes)
    widest = max(max(sizes[k:, :k].sum(), sizes[:, k].sum(), sizes[k].sum()) for k in range(T))
    sizes *= 0.56 / (widest or 1)     # that much of a box
    for t, colour in zip(range(T), LOSSES, strict=False):
        half = sizes[t].sum() / 2
        _bar(axis, GAP * t - half, GAP * t + half, _CHAIN, _LOSS, colour)
        for k in range(t + 1):
            # Strands of earlier losses lie below, or to the left.
            if k < t:
                low = _CHAIN - sizes[k + 1 :, : k + 1].sum() / 2 + sizes[k + 1 : t, : k + 1].sum()
                _bar(axis, GAP * k, GAP * (k + 1), low, low + sizes[t, : k + 1].sum(), colour)
            left = GAP * k - sizes[:, k].sum() / 2 + sizes[:t, k].sum()
            _bar(axis, left, left + sizes[t, k], _USE, _CHAIN, colour)
    for t in range(T):
        box(axis, GAP * t, _LOSS, f"$E_{t + 1}$", kind="output", width=0.6, height=0.4)
        box(axis, GAP * t, _CHAIN, f"$h_{t + 1}$", width=0.66, height=0.6)
        box(axis, GAP * t, _USE, f"${weight}$", kind="input", width=0.66, height=0.4)
        said = translate("use at step {number}", number=t + 1)
        axis.text(GAP * t, _USE - 0.42, said, ha="center", fontsize=9)
    axis.set_xlim(-0.6, GAP * (T - 1) + 0.6)
    axis.set_ylim(-0.4, 3.05)
    axis.set_aspect("equal")
    axis.axis("off")


def _bar(axis, left: float, right: float, bottom: float, top: float, colour: str) -> None:
    """A strand: the rectangle between two corners."""
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((left, bottom), right - left, top - bottom, facecolor=colour, linewidth=0))
