"""Drawings of networks: boxes, arrows, and the few figures that several chapters share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from helpers.languages import translate
from helpers.plots import COLOURS, require_axes
from helpers.validation import require_array, require_choice, require_int, require_number

_FACE = {
    "state": "#D6E6F2",
    "second": "#9DBDD6",
    "input": "#EFEFEF",
    "output": "#E3F2E6",
    "operation": "#FFF3D6",
}


def canvas(width: float, height: float):
    """An empty figure (inches) without axes; x and y run in inches → (figure, axis)."""
    import matplotlib.pyplot as plt

    for name, value in (("width", width), ("height", height)):
        require_number(name, value, above=0, maximum=100)
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

    _require(axis, x=x, y=y, width=width, height=height)
    require_choice("kind", kind, _FACE)
    corner = (x - width / 2, y - height / 2)
    style = "round,pad=0.02,rounding_size=0.08"
    patch = FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=_FACE[kind], edgecolor="#444")
    axis.add_patch(patch)
    axis.text(x, y, text, ha="center", va="center", fontsize=11)


def node(axis, x: float, y: float, text: str, *, radius: float = 0.22):
    """A round operation node centred at (x, y)."""
    from matplotlib.patches import Circle

    _require(axis, x=x, y=y, radius=radius)
    axis.add_patch(Circle((x, y), radius, facecolor=_FACE["operation"], edgecolor="#444"))
    axis.text(x, y, text, ha="center", va="center", fontsize=10)


def arrow(axis, start, end, *, text="", colour="#444", bend: float = 0.0, side: float = 0.14, style="-"):
    """An arrow from `start` to `end`, with `text` beside its middle."""
    from matplotlib.patches import FancyArrowPatch

    _require(axis, bend=bend, side=side)
    for name, point in (("start", start), ("end", end)):
        require_array(name, point, (2,))
    look = {"color": colour, "connectionstyle": f"arc3,rad={bend}", "linestyle": style}
    axis.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, **look))
    if text:
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + side
        axis.text(x, y, text, ha="center", va="center", fontsize=10, color=colour)


def _require(axis, **numbers: float) -> None:
    require_axes(axis)
    for name, value in numbers.items():
        require_number(name, value)


def loop_and_unrolled(steps: int = 4):
    """Left: the cell with its arrow back to itself. Right: the same cell, written out over time."""
    steps = require_int("steps", steps, maximum=50)
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
    axis.text(6.62, 0.42, translate("next step"), ha="center", fontsize=9)
    arrow(axis, (5.8, 1.79), (6.6, 2.3))
    axis.text(6.62, 2.42, translate("output"), ha="center", fontsize=9)
    return fig


@dataclass(frozen=True)
class Wiring:
    """A chain of `steps` states: which of them have an input or an output.

    `start`: the step whose input is the start sign S; each later one gets the output before it (dashed).
    `first_state`: something from outside is the state before the first step. `writer`: from this step on
    the states are a second cell's.
    """

    name: str
    steps: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    start: int | None = None
    first_state: bool = False
    writer: int | None = None


def _wirings() -> Sequence[Sequence[Wiring]]:
    """One line for each line of the drawing."""
    return (
        (
            Wiring(translate("one to one"), 1, (0,), (0,)),
            Wiring(translate("many to one"), 3, (0, 1, 2), (2,)),
            Wiring(translate("aligned"), 3, (0, 1, 2), (0, 1, 2)),
        ),
        (
            Wiring(translate("one to many"), 3, (), (0, 1, 2), start=0, first_state=True),
            Wiring(translate("many to many"), 5, (0, 1, 2), (3, 4), start=3, writer=3),
        ),
    )


def five_wirings():
    """The five ways to wire inputs and outputs to a chain of states."""
    fig, axis = canvas(6.9, 4.4)
    for bottom, line in zip((2.25, 0.0), _wirings(), strict=True):
        left = 0.2
        for wiring in line:
            width = 0.62 * (wiring.steps + wiring.first_state) + 0.5
            _wiring(axis, wiring, left, bottom)
            axis.text(left + (width - 0.5) / 2, bottom + 0.06, wiring.name, ha="center", fontsize=10)
            left += width
    return fig


def _wiring(axis, wiring: Wiring, left: float, bottom: float) -> None:
    small = {"width": 0.34, "height": 0.3}
    below, middle, above = bottom + 0.48, bottom + 1.13, bottom + 1.78
    centres = [left + 0.31 + 0.62 * (k + wiring.first_state) for k in range(wiring.steps)]
    if wiring.first_state:
        box(axis, left + 0.31, middle, "", kind="input", **small)
        arrow(axis, (left + 0.49, middle), (centres[0] - 0.18, middle))
    for k, x in enumerate(centres):
        second = wiring.writer is not None and k >= wiring.writer
        box(axis, x, middle, "", kind="second" if second else "state", width=0.34, height=0.34)
        if k:
            arrow(axis, (centres[k - 1] + 0.18, middle), (x - 0.18, middle))
        if k in wiring.inputs or k == wiring.start:
            box(axis, x, below, "S" if k == wiring.start else "", kind="input", **small)
            arrow(axis, (x, below + 0.16), (x, middle - 0.18))
        if k in wiring.outputs:
            box(axis, x, above, "", kind="output", **small)
            arrow(axis, (x, middle + 0.18), (x, above - 0.16))
        if wiring.start is not None and k > wiring.start:
            arrow(axis, (centres[k - 1] + 0.16, above - 0.14), (x - 0.12, middle + 0.17), style="--")


def lstm_cell():
    """One step of the LSTM: the cell runs along the top, the gates reach up into it."""
    fig, axis = canvas(8.4, 4.0)
    line = {"colour": COLOURS["lstm"]}
    _ends(axis, (0.45, 3.4, "$c_{t-1}$"), (8.0, 3.4, "$c_t$"), (8.0, 0.45, "$h_t$"), (0.45, 1.1, "$h_{t-1}$"))
    box(axis, 0.45, 0.45, "$x_t$", kind="input")
    box(axis, 2.0, 0.78, "$x_t W_x + h_{t-1} W_h + b$", width=1.75, height=0.4)
    arrow(axis, (0.78, 1.05), (1.1, 0.85))
    arrow(axis, (0.78, 0.5), (1.1, 0.7))
    gates = {"f": (3.4, "σ"), "i": (4.3, "σ"), "g": (5.2, "tanh"), "o": (6.1, "σ")}
    for name, (x, squash) in gates.items():
        axis.plot([2.9, x, x], [0.78, 0.78, 1.2], color="#444", linewidth=1)
        node(axis, x, 1.45, squash, radius=0.25)
        axis.text(x - 0.28, 1.8, f"${name}$", fontsize=12, color=COLOURS["rnn"])
    node(axis, 3.4, 3.4, "×")
    node(axis, 4.75, 2.45, "×")
    node(axis, 4.75, 3.4, "+")
    node(axis, 6.8, 2.9, "tanh", radius=0.25)
    node(axis, 6.8, 1.45, "×")
    arrow(axis, (0.8, 3.4), (3.17, 3.4), **line)
    arrow(axis, (3.63, 3.4), (4.52, 3.4), **line)
    arrow(axis, (4.98, 3.4), (7.66, 3.4), **line)
    arrow(axis, (3.4, 1.72), (3.4, 3.16))
    arrow(axis, (4.3, 1.72), (4.63, 2.25))
    arrow(axis, (5.2, 1.72), (4.87, 2.25))
    arrow(axis, (4.75, 2.68), (4.75, 3.16))
    arrow(axis, (6.8, 3.4), (6.8, 3.16))
    arrow(axis, (6.8, 2.63), (6.8, 1.68))
    arrow(axis, (6.37, 1.45), (6.57, 1.45))
    axis.plot([6.8, 6.8], [1.22, 0.45], color="#444", linewidth=1)
    arrow(axis, (6.8, 0.45), (7.66, 0.45))
    return fig


def gru_cell():
    """One step of the GRU: the state itself runs along the top."""
    fig, axis = canvas(8.4, 3.7)
    line = {"colour": COLOURS["gru"]}
    _ends(axis, (0.45, 3.2, "$h_{t-1}$"), (8.0, 3.2, "$h_t$"))
    box(axis, 0.45, 0.45, "$x_t$", kind="input")
    box(axis, 2.05, 0.45, "$x_t W_x + b_x$", width=1.6, height=0.4)
    box(axis, 2.05, 1.05, "$h_{t-1} W_h + b_h$", width=1.6, height=0.4)
    arrow(axis, (0.78, 0.45), (1.22, 0.45))
    arrow(axis, (0.45, 2.97), (1.22, 1.2))
    for x, name in ((3.6, "r"), (6.0, "z")):
        node(axis, x, 1.75, "σ", radius=0.25)
        axis.text(x - 0.3, 2.05, f"${name}$", fontsize=12, color=COLOURS["rnn"])
    node(axis, 4.3, 1.75, "×")
    node(axis, 5.1, 1.75, "tanh", radius=0.25)
    axis.text(4.85, 2.1, "$n$", fontsize=12, color=COLOURS["rnn"])
    from_x, from_h = (3.68, 5.1, 6.08), (3.52, 4.3, 5.92)   # both products, to the gates
    _level(axis, 0.45, 2.87, max(from_x))
    _level(axis, 1.05, 2.87, max(from_h), over=from_x[:2])
    for y, ends in ((0.45, from_x), (1.05, from_h)):
        for x in ends:
            arrow(axis, (x, y), (x, 1.5))
    arrow(axis, (3.85, 1.75), (4.07, 1.75))
    arrow(axis, (4.53, 1.75), (4.83, 1.75))
    node(axis, 6.0, 3.2, "×")
    node(axis, 6.9, 2.5, "×")
    node(axis, 6.9, 3.2, "+")
    arrow(axis, (6.0, 2.02), (6.0, 2.96))
    arrow(axis, (6.25, 1.85), (6.8, 2.28))
    axis.text(6.62, 1.92, "$1 - z$", fontsize=10, color=COLOURS["rnn"])
    axis.plot([5.1, 5.1], [2.02, 2.5], color="#444", linewidth=1)
    _level(axis, 2.5, 5.1, 6.34, over=(6.0,))
    arrow(axis, (6.3, 2.5), (6.67, 2.5))
    arrow(axis, (6.9, 2.73), (6.9, 2.96))
    arrow(axis, (0.8, 3.2), (5.77, 3.2), **line)
    arrow(axis, (6.23, 3.2), (6.67, 3.2), **line)
    arrow(axis, (7.13, 3.2), (7.66, 3.2), **line)
    return fig


def _level(axis, y: float, start: float, end: float, *, over: Sequence[float] = ()) -> None:
    """A level line from x = `start` to `end`, with a bow over each x of `over`, where it crosses another."""
    bow = [(-1.0, 0.0), (-0.87, 0.5), (-0.5, 0.87), (0.0, 1.0), (0.5, 0.87), (0.87, 0.5), (1.0, 0.0)]
    points = [(start, y), *((x + 0.1 * dx, y + 0.1 * dy) for x in over for dx, dy in bow), (end, y)]
    axis.plot(*zip(*points, strict=True), color="#444", linewidth=1)


def _ends(axis, *ends: tuple[float, float, str]) -> None:
    for x, y, text in ends:
        box(axis, x, y, text)
