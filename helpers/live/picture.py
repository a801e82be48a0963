"""A drawn figure as a picture, in the layout of the first one."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from helpers import fonts
from helpers.figure_texts import translate_names, translate_texts
from helpers.validation import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100


def drawn(draw: Callable[..., Any], values: Mapping[str, Any]) -> tuple[Figure, str]:
    """``draw(**values)`` as (figure, sentence). ValueError when it gives something else; figures that it has
    opened are then closed, as they are when it raises."""
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    before = set(plt.get_fignums())
    try:
        result = draw(**values)
        fits = isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Figure)
        require(fits, "draw", f"{result!r:.80}", "a function that returns (figure, sentence)")
        figure, sentence = result
        fits = isinstance(sentence, str) and bool(sentence.strip())
        require(fits, "draw", f"{sentence!r:.80}", "(figure, a sentence that says what it shows)")
    except BaseException:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
        raise
    return figure, translate_names(" ".join(sentence.split()), figure)


class Camera:
    """Takes pictures of figures that are alike. Layout is most of the time that drawing takes, and what moves
    while one looks distracts: so the first figure is laid out, and the next ones have their axes where it
    has them, as long as they have as many."""

    def __init__(self) -> None:
        self._places: list[Any] = []

    def png(self, figure: Figure) -> bytes:
        """`figure` as PNG; it is closed."""
        import matplotlib.pyplot as plt

        translate_texts(figure)
        try:
            if len(figure.axes) == len(self._places):
                figure.set_layout_engine("none")
                for axis, place in zip(figure.axes, self._places, strict=True):
                    axis.set_position(place)
            png, letters = _png(figure)
            if letters and fonts.make_do(figure, letters):
                png, letters = _png(figure)
            if len(figure.axes) != len(self._places):
                self._places = [axis.get_position(original=True).frozen() for axis in figure.axes]
            return png
        finally:
            plt.close(figure)


def _png(figure: Figure) -> tuple[bytes, list[str]]:
    """(the PNG, the letters that no font had). ``savefig`` would draw twice."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    figure.set_dpi(DPI)
    with fonts.lacking(figure) as letters:
        FigureCanvasAgg(figure).print_png(buffer, pil_kwargs={"compress_level": 1})
    return buffer.getvalue(), letters
