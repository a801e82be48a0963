"""Figures with alternative text, and the one style they share."""

from __future__ import annotations

import io
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers import console, fonts, markup
from helpers.building import BUILDING
from helpers.figure_texts import translate_names, translate_texts
from helpers.languages import translate
from helpers.validation import require, require_int, require_number, require_real, require_shape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that stay apart for colour-blind readers (after Okabe & Ito 2008) and, the cells among each other,
# in grey print: shades of the same hues, so dark or light that their lightness differs.
COLOURS = {
    "rnn": "#C24E00",
    "lstm": "#004B87",
    "gru": "#00A87B",
    "control": "#8C8C8C",
    "floor": "#000000",
    "accent": "#CC79A7",
    "warm": "#E69F00",
    "sky": "#56B4E9",
}


class _Caption:
    """Small type below a figure; an output of its own, so that it stays there when the cell also prints."""

    def __init__(self, text: str):
        self.text = translate("Figure: {text}", text=text)

    def __repr__(self) -> str:
        return textwrap.fill(self.text, width=92)

    def _repr_html_(self) -> str:
        return f"<small>{markup.spoken(self.text)}</small>"


@dataclass(frozen=True, repr=False)
class Picture:
    """A figure for a live notebook: an image that has its text as alternative text, the caption below it."""

    png: bytes
    text: str

    def __repr__(self) -> str:
        return repr(_Caption(self.text))

    def _repr_html_(self) -> str:
        image = markup.image(self.png, self.text)
        below = f"<figcaption aria-hidden='true'>{_Caption(self.text)._repr_html_()}</figcaption>"
        return f"<figure style='margin:0'>{image}{below}</figure>"   # the caption would be read out twice


def show(figure: Figure, alt: str, *, dpi: int = 100, accept: Sequence[str] = ()) -> None:
    """Show `figure` with `alt`, a sentence that states what the figure finds.

    The text is the image's alternative text, for screen readers, and its caption. JupyterLab and nbconvert's
    usual template give none to an image that is stored as one, so a live notebook gets HTML. The built
    notebooks hold an image, which GitHub shows, with the text in the output's metadata, where the site and
    nbconvert's classic template find it, and the caption for all others. The figure is closed. Outside of a
    notebook it is written into a temporary folder, and the caption says where.

    Raises ValueError for what is no figure, when `alt` is empty and, in the build only, when `figure_faults`
    finds something a reader would stumble over; `accept` names kinds of faults that are meant in this figure.
    """
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    wanted = "a matplotlib Figure (plots.figure() and plt.subplots() return two: figure, axes)"
    require(isinstance(figure, Figure), "figure", type(figure).__name__, wanted)
    fits = isinstance(alt, str) and bool(alt.strip())
    require(fits, "alt", repr(alt), "a sentence that says what the figure shows")
    require_number("dpi", dpi, above=0, maximum=1200)

    text = translate_names(" ".join(alt.split()), figure)
    looked_up = translate_texts(figure)
    if BUILDING:
        _refuse_faults(figure, dpi, accept)
    png, letters = _drawn(figure, dpi)
    wanted = "letters that Matplotlib's font has, or that in helpers/fonts"
    require(not (BUILDING and letters), "figure", letters, wanted)
    if letters and fonts.make_do(figure, letters):
        png, letters = _drawn(figure, dpi)
    plt.close(figure)
    if letters:
        _tell_of_boxes(letters)
    if not console.in_notebook():
        console.say(f"{_Caption(text)!r}\n{_kept(png)}")
    elif not BUILDING:
        console.show(Picture(png, text))
    else:
        from IPython.display import display

        known = {"texts": looked_up} if looked_up else {}   # what an edition's catalogue has to have
        display({"image/png": png}, raw=True, metadata={"image/png": {"alt": text, **known}})
        display(_Caption(text))


def _tell_of_boxes(letters: list[str]) -> None:
    told = translate(
        "No font here has the letters {letters}, so the figure shows boxes: install one that has them and "
        "draw again, or write them in Latin letters.",
        letters="".join(letters[:20]),
    )
    console.say(told)


def _drawn(figure: Figure, dpi: int) -> tuple[bytes, list[str]]:
    """(the PNG, the letters that no font had)."""
    buffer = io.BytesIO()
    with fonts.lacking(figure) as letters:
        figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", metadata={"Software": None})
    return buffer.getvalue(), letters


def _kept(png: bytes) -> str:
    """Write a figure for who is not in a notebook, and say where."""
    try:
        file, path = tempfile.mkstemp(prefix="figure-", suffix=".png")
        with open(file, "wb") as out:
            out.write(png)
    except OSError as error:
        return translate("(Not kept: {error}. A notebook shows it.)", error=error)
    return translate("(Drawn in {path}; a notebook shows it.)", path=path)


def _refuse_faults(figure: Figure, dpi: int, accept: Sequence[str]) -> None:
    """ValueError with everything that `figure_faults` finds in `figure`, less the kinds in `accept`."""
    from helpers.figure_faults import KINDS, faults

    strange = sorted(set(accept) - set(KINDS))
    require(not strange, "accept", strange, f"kinds of faults: {', '.join(KINDS)}")
    figure.set_dpi(dpi)
    found = [fault for fault in faults(figure) if not fault.startswith(tuple(accept))]
    require(not found, "figure", "; ".join(found), "a figure without these (or accept= their kind)")


def figure(columns: int = 1, rows: int = 1, *, width: float = 7.0, height: float = 3.2, **options):
    """``plt.subplots(rows, columns)`` in the course's style: no box, light grid, direct labels. `width` and
    `height` in inches; `options` are those of ``plt.subplots``. ValueError for what it does not take."""
    import matplotlib.pyplot as plt

    columns, rows = require_int("columns", columns, maximum=100), require_int("rows", rows, maximum=100)
    size = [require_number(n, v, above=0, maximum=100) for n, v in (("width", width), ("height", height))]
    try:
        fig, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", **options)
    except (AttributeError, TypeError, ValueError) as error:
        wanted = "options of plt.subplots (and width and height for figsize)"
        raise ValueError(f"options: got {', '.join(options)} ({error}), wanted {wanted}") from None
    for axis in fig.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25, linewidth=0.6)
    return fig, axes


def require_axes(axis: object) -> None:
    """ValueError unless `axis` is what one draws into."""
    from matplotlib.axes import Axes

    wanted = "one matplotlib Axes (of several: axes[0]; of a figure: the second that plots.figure() returns)"
    require(isinstance(axis, Axes), "axis", type(axis).__name__, wanted)


def band(axis, x, curves, *, colour: str, label: str) -> None:
    """Mean line of `curves` (S, len(x)), S seeds, with the range from lowest to highest as a band."""
    import numpy as np
    from matplotlib.colors import is_color_like

    require_axes(axis)
    curves = np.asarray(require_real("curves", curves), dtype=float)
    require(curves.ndim == 2 and curves.size > 0, "curves", f"shape {curves.shape}", "(seeds, len(x))")
    require_shape("x", np.asarray(x), (curves.shape[1],))
    require(is_color_like(colour), "colour", repr(colour), "a colour, such as plots.COLOURS['lstm']")
    axis.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    axis.plot(x, curves.mean(axis=0), color=colour, label=label)


def learning_curve(axis, curve, *, colour: str = COLOURS["lstm"], label: str = "") -> None:
    """Training (dashed, light) and validation perplexity over the epochs of a record's `curve`."""
    require_axes(axis)
    names = {"epoch", "train_perplexity", "valid_perplexity"}
    rows = isinstance(curve, Sequence) and [isinstance(row, Mapping) and names <= row.keys() for row in curve]
    require(bool(rows) and all(rows), "curve", f"{curve!r:.80}", f"rows with {', '.join(sorted(names))}")
    epochs = [row["epoch"] for row in curve]
    training = [row["train_perplexity"] for row in curve]
    validation = [row["valid_perplexity"] for row in curve]
    names = [f"{label}{name}" for name in (translate("training"), translate("validation"))]
    axis.plot(epochs, training, "o--", color=COLOURS["sky"], markersize=4, label=names[0])
    axis.plot(epochs, validation, "o-", color=colour, markersize=4, label=names[1])
    axis.set(xlabel=translate("epoch"), ylabel=translate("perplexity"))
