"""Drawings of networks: boxes, arrows, and the few figures that several chapters share."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.plots import COLOURS

_FACE = {"state": "#D6E6F2", "input": "#EFEFEF", "output": "#E3F2E6", "operation": "#FFF3D6"}


def canvas(width: float, height: float):
    """An empty figure (inches) without axes; x and y run in inches → (figure, axis)."""
    import matplotlib.pyplot as plt

    fig, axis = plt.subplots(figsize=(width, height))
    axis.set_xlim(0, width)
    axis.set_ylim(0, height)
    axis.set_aspect("equal")
    axis.axis("off")
    fig.subplots_adjust(0, 0, 1, 1)
    return fig, axis


def box(axis, x: float, y: float, text: str, *, kind="state", width: float = 0.62, height: float = 0.42):
    """A rounded box centred at (x, y)."""
    from matplotlib.patches import FancyBboxPatch

    corner = (x - width / 2, y - height / 2)
    style = "round,pad=0.02,rounding_size=0.08"
    patch = FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=_FACE[kind], edgecolor="#444")
    axis.add_patch(patch)
    axis.text(x, y, text, ha="center", va="center", fontsize=11)


def node(axis, x: float, y: float, text: str, *, radius: float = 0.22):
    """A round operation node centred at (x, y)."""
    from matplotlib.patches import Circle

    axis.add_patch(Circle((x, y), radius, facecolor=_FACE["operation"], edgecolor="#444"))
    axis.text(x, y, text, ha="center", va="center", fontsize=10)


def arrow(axis, start, end, *, text: str = "", colour: str = "#444", bend: float = 0.0, side: float = 0.14):
    """An arrow from `start` to `end`, with `text` beside its middle."""
    from matplotlib.patches import FancyArrowPatch

    curve = f"arc3,rad={bend}"
    axis.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=colour, connectionstyle=curve)
    )
    if text:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + side
        axis.text(x, y, text, ha="center", va="center", fontsize=10, color=colour)


def loop_and_unrolled(steps: int = 4):
    """Left: the cell with its arrow back to itself. Right: the same cell, written out over time."""
    fig, axis = canvas(2.6 + 1.35 * steps, 2.5)
    same = COLOURS["lstm"]
    for x, t in [(0.7, "t"), *((2.9 + 1.35 * k, str(k + 1)) for k in range(steps))]:
        box(axis, x, 0.35, f"$x_{t}$", kind="input")
        box(axis, x, 1.2, f"$h_{t}$")
        box(axis, x, 2.1, f"$y_{t}$", kind="output")
        arrow(axis, (x, 0.58), (x, 0.97))
        axis.text(x + 0.09, 0.77, "$W_x$", fontsize=9)
        arrow(axis, (x, 1.43), (x, 1.87))
        axis.text(x + 0.09, 1.64, "$W_y$", fontsize=9)
    arrow(axis, (1.03, 1.3), (1.03, 1.1), colour=same, bend=-2.4)
    axis.text(1.46, 1.2, "$W_h$", fontsize=10, color=same, va="center")
    axis.text(2.05, 1.2, "=", fontsize=16, ha="center", va="center")
    for k in range(steps):
        x = 2.9 + 1.35 * k
        start, text = (x - 1.0, "$W_h$") if k else (x - 0.55, "$h_0$")
        arrow(axis, (start, 1.2), (x - 0.34, 1.2), colour=same, text=text)
    return fig


def step_graph():
    """One step as a graph of products, a sum and tanh."""
    fig, axis = canvas(7.0, 2.7)
    for y, value, weight in [(2.2, "$x_t$", "$W_x$"), (0.9, "$h_{t-1}$", "$W_h$")]:
        box(axis, 0.5, y + 0.22, value, kind="input" if y > 1.5 else "state")
        box(axis, 0.5, y - 0.32, weight, kind="input")
        node(axis, 1.8, y, "@")
        arrow(axis, (0.83, y + 0.2), (1.58, y + 0.06))
        arrow(axis, (0.83, y - 0.3), (1.59, y - 0.08))
    node(axis, 3.2, 1.55, "+")
    arrow(axis, (2.02, 2.15), (3.0, 1.65))
    arrow(axis, (2.02, 0.95), (3.0, 1.45))
    box(axis, 3.2, 0.5, "$b$", kind="input")
    arrow(axis, (3.2, 0.73), (3.2, 1.32))
    node(axis, 4.5, 1.55, "tanh", radius=0.28)
    arrow(axis, (3.43, 1.55), (4.21, 1.55), text="$a_t$")
    box(axis, 5.8, 1.55, "$h_t$")
    arrow(axis, (4.79, 1.55), (5.46, 1.55))
    arrow(axis, (5.8, 1.31), (6.6, 0.6))
    axis.text(6.62, 0.42, "next step", ha="center", fontsize=9)
    arrow(axis, (5.8, 1.79), (6.6, 2.3))
    axis.text(6.62, 2.42, "output", ha="center", fontsize=9)
    return fig


SHAPES: Sequence[tuple[str, tuple[int, ...], int, tuple[int, ...]]] = (
    ("one to one", (0,), 1, (0,)),
    ("one to many", (0,), 3, (0, 1, 2)),
    ("many to one", (0, 1, 2), 3, (2,)),
    ("many to many", (0, 1, 2), 5, (3, 4)),
    ("aligned", (0, 1, 2), 3, (0, 1, 2)),
)
"""Name, steps with an input, number of steps, steps with an output."""


def five_shapes():
    """The five ways to wire inputs and outputs to a chain of states."""
    widths = [0.62 * steps + 0.5 for _, _, steps, _ in SHAPES]
    fig, axis = canvas(sum(widths) + 0.2, 2.2)
    left = 0.1
    for (name, inputs, steps, outputs), width in zip(SHAPES, widths, strict=True):
        centres = [left + 0.25 + 0.31 + 0.62 * k for k in range(steps)]
        for k, x in enumerate(centres):
            box(axis, x, 1.1, "", width=0.34, height=0.34)
            if k:
                arrow(axis, (centres[k - 1] + 0.18, 1.1), (x - 0.18, 1.1))
            if k in inputs:
                box(axis, x, 0.45, "", kind="input", width=0.34, height=0.3)
                arrow(axis, (x, 0.61), (x, 0.92))
            if k in outputs:
                box(axis, x, 1.75, "", kind="output", width=0.34, height=0.3)
                arrow(axis, (x, 1.28), (x, 1.59))
        axis.text(left + width / 2, 0.1, name, ha="center", fontsize=10)
        left += width
    return fig
