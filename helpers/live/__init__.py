"""Figures that move: a drawing function, its controls, and one call.

    from helpers.live import explore, slider

    def latch(w_h):
        ...
        return figure, "At w_h = 1.2 the pulse is still there after 20 steps."

    explore(latch, w_h=slider("w_h, how much of the old state is kept", 0.0, 2.0, value=1.2, step=0.05))

In a notebook with a live kernel and ipywidgets this shows the controls, the picture and the sentence below
it. Everywhere else (the build, tests, grading, plain Python, without ipywidgets) it is the picture at the
starting values, as `helpers.plots.show` shows it, and a live output holds that picture, too, for whatever
shows no widgets.

::

    controls   what can be moved: slider, choice, text
    picture    a drawn figure, in the layout of the first one
    view       the picture alone, or with its controls
    widgets    the controls as ipywidgets; imported when they are shown
    names      what ipywidgets leaves without a name for screen readers
"""

from helpers.live.controls import Choice, Slider, Text, choice, slider, text
from helpers.live.view import explore

__all__ = ["Choice", "Slider", "Text", "choice", "explore", "slider", "text"]
