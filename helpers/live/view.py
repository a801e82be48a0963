"""The picture alone, or with its controls."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from typing import Any

from helpers import console, plots
from helpers.building import BUILDING
from helpers.checks.strict import STRICT
from helpers.live.controls import Choice, Slider, Text
from helpers.live.picture import drawn
from helpers.validation import require


def live() -> bool:
    """Whether controls can be shown and are wanted: in a notebook's kernel with ipywidgets, and neither in
    the build nor in tests nor when grading."""
    possible = console.in_notebook() and importlib.util.find_spec("ipywidgets") is not None
    return possible and not BUILDING and not STRICT


def explore(draw: Callable[..., Any], /, **controls: Slider | Choice | Text) -> None:
    """Show what `draw` draws, and let the reader move it.

    `draw` takes an argument for each of `controls` and returns (figure, sentence), where the sentence says
    what the figure shows at these values: it becomes the caption and the alternative text. Where nothing can
    move (see the package) it is called once, with the starting values. Live it is called after each move and
    should be done in well under 100 ms; while it draws, further moves wait in the browser, and the last of
    them is drawn next. When it raises ValueError, the sentence of the error is shown, for other errors with
    their type, and the picture stays.

    Raises ValueError when `draw` is no function of these names, or `controls` are no controls, and at the
    start whatever `draw` raises.
    """
    require(callable(draw), "draw", f"{draw!r:.80}", "a function that returns (figure, sentence)")
    wanted = "one or more controls by name: w=slider(…), choice(…), text(…)"
    require(bool(controls), "controls", "none", wanted)
    for name, control in controls.items():
        require(isinstance(control, Slider | Choice | Text), name, f"{control!r:.80}", wanted)
    try:
        inspect.signature(draw).bind(**controls)
    except (TypeError, ValueError) as error:
        names = f"one that takes {', '.join(controls)}"
        raise ValueError(f"draw: got a function that does not fit ({error}), wanted {names}") from None
    if live():
        from helpers.live.widgets import Panel

        Panel(draw, controls).show()
    else:
        plots.show(*drawn(draw, {name: control.value for name, control in controls.items()}))
