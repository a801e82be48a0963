"""Controls as ipywidgets, and the picture that follows them.

Standard widgets only, so that JupyterLab, Notebook, VS Code and Colab can show them; tried in JupyterLab.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from IPython.display import display
from rich.cells import cell_len

from helpers import markup, plots
from helpers.languages import translate
from helpers.live import names
from helpers.live.controls import Choice, Slider, Text
from helpers.live.picture import Camera, drawn

VIEW = "application/vnd.jupyter.widget-view+json"
"""What a widget is shown as: the same for ipywidgets 7, which Colab has, and 8, whose methods differ."""


class Control:
    """A control on the screen: `value` as the drawing function gets it, `widget` as the reader sees it, and
    `moved()`, which is called after the reader has changed the value."""

    def __init__(self, kind: Slider | Choice | Text, moved: Callable[[], None], *, width: int = 0):
        self.value = kind.value
        self._kind, self._moved, self._following = kind, moved, False
        self._width = max(width, cell_len(kind.label))   # of the label, in characters; Hangul counts twice
        self.widget = {Slider: self._slider, Choice: self._choice, Text: self._text}[type(kind)]()

    def _take(self, value: Any, *others: tuple[Any, Any]) -> None:
        """Take `value` over and set `others`, (widget, value) each, which show the same thing another way."""
        if self._following:
            return
        self._following = True
        try:
            for widget, its_value in others:
                widget.value = its_value
        finally:
            self._following = False
        if value != self.value:
            self.value = value
            self._moved()

    def _slider(self) -> ipywidgets.Widget:
        kind = self._kind
        bounds = {"min": kind.low, "max": kind.high, "value": kind.value}
        field = ipywidgets.BoundedIntText if kind.whole else ipywidgets.BoundedFloatText
        number = self._labelled(field, "7em", **bounds, step=kind.step)
        bar_options = {"readout": False, "layout": {"width": "16em"}}
        if kind.step is None:
            low, high = math.log10(kind.low), math.log10(kind.high)
            bounds |= {"min": low, "max": high, "step": (high - low) / 100}
            bar = ipywidgets.FloatLogSlider(**bounds, **bar_options)
            bar.add_class(names.POWER)
        else:
            bar = (ipywidgets.IntSlider if kind.whole else ipywidgets.FloatSlider)(
                **bounds, step=kind.step, **bar_options
            )

        def typed(change: Any) -> None:
            value = kind.tidy(change["new"])
            self._take(value, (bar, value), (number, value))

        def dragged(change: Any) -> None:
            value = kind.tidy(change["new"])
            self._take(value, (number, value))

        number.observe(typed, "value")
        bar.observe(dragged, "value")
        return _row(number, bar)

    def _choice(self) -> ipywidgets.Widget:
        kind = self._kind
        shown = list(kind.options)
        width = f"{max(map(cell_len, shown)) + 6}ch"
        menu = self._labelled(ipywidgets.Dropdown, width, options=shown, value=kind.start)
        menu.observe(lambda change: self._take(kind.options[change["new"]]), "value")
        return _row(menu)

    def _text(self) -> ipywidgets.Widget:
        kind = self._kind
        line = self._labelled(ipywidgets.Text, "32em", value=kind.value, continuous_update=False)
        line.observe(lambda change: self._take(change["new"]), "value")
        if not kind.examples:
            return _row(line)
        own = translate("(your own)")
        options = list(dict.fromkeys([kind.value, *kind.examples, own]))
        menu = ipywidgets.Dropdown(options=options, **_label(_examples(), self._width, "32em"))

        def typed(change: Any) -> None:
            self._following, menu.value = True, change["new"] if change["new"] in options else own
            self._following = False

        def chosen(change: Any) -> None:
            if not self._following and change["new"] != own:
                line.value = change["new"]

        line.observe(typed, "value")
        menu.observe(chosen, "value")
        return ipywidgets.VBox([_row(line), _row(menu)])

    def _labelled(self, kind: type[ipywidgets.Widget], room: str, **options: Any) -> ipywidgets.Widget:
        return kind(**_label(self._kind.label, self._width, room), **options)


class Panel:
    """Controls, picture and sentence, kept up to date."""

    def __init__(self, draw: Callable[..., Any], controls: Mapping[str, Slider | Choice | Text]):
        self._draw, self._camera = draw, Camera()
        labels = [kind.label for kind in controls.values()]
        labels += [_examples() for kind in controls.values() if isinstance(kind, Text) and kind.examples]
        width = max(map(cell_len, labels))
        self._controls = {
            name: Control(kind, self._moved, width=width) for name, kind in controls.items()
        }
        self._picture = ipywidgets.HTML()
        self._sentence = ipywidgets.HTML()
        self._sentence.add_class(names.SENTENCE)
        self.png, self.sentence = self._taken()
        self._put()
        rows = [control.widget for control in self._controls.values()]
        self.widget = ipywidgets.VBox([*rows, self._picture, self._sentence])
        self.widget.add_class(names.PANEL)

    def _taken(self) -> tuple[bytes, str]:
        values = {name: control.value for name, control in self._controls.items()}
        figure, sentence = drawn(self._draw, values)
        return self._camera.png(figure), sentence

    def _moved(self) -> None:
        """Draw for the values as they are now. What goes wrong is said where the sentence stands: an
        exception in a widget's callback ends in the log, where nobody looks."""
        try:
            self.png, self.sentence = self._taken()
        except ValueError as error:
            self._say(f"✗ {error}")
        except Exception as error:
            self._say(f"✗ {type(error).__name__}: {error}")
        else:
            self._put()

    def _put(self) -> None:
        self._picture.value = markup.image(self.png, self.sentence)
        self._sentence.value = _below(f"<small>{markup.spoken(self.sentence)}</small>")

    def _say(self, problem: str) -> None:
        text = translate("{problem} (The picture is the one before.)", problem=problem)
        self._sentence.value = _below(f"<strong>{markup.spoken(text)}</strong>")

    def show(self) -> None:
        """Display it, with a still picture above that is seen wherever the controls are not: on a page, and
        in a notebook that is opened again without its kernel."""
        picture, own = plots.Picture(self.png, self.sentence), f"{names.PANEL}-{self.widget.model_id}"
        self.widget.add_class(own)
        still = {
            "text/html": names.still(picture._repr_html_(), own),
            "image/png": self.png,
            "text/plain": repr(picture),
        }
        display(still, raw=True, metadata={"image/png": {"alt": self.sentence}})
        display({VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id},
                 "text/plain": ""}, raw=True)  # fmt: skip
        display({"text/html": names.script(), "text/plain": ""}, raw=True)


def _examples() -> str:
    return translate("or one of these")


def _below(text: str) -> str:
    """What stands below the picture, with the line height of text: widgets have that of a button."""
    return f"<div style='line-height:1.4;max-width:60em'>{text}</div>"


def _label(label: str, width: int, room: str) -> dict[str, Any]:
    """Options of a widget with a `label` of `width` characters and `room` for what stands beside it."""
    layout = {"width": f"calc({width}ch + {room})", "max_width": "100%"}
    return {"description": label, "style": {"description_width": f"{width}ch"}, "layout": layout}


def _row(*widgets: ipywidgets.Widget) -> ipywidgets.Widget:
    row = ipywidgets.HBox(list(widgets), layout={"flex_flow": "row wrap", "align_items": "center"})
    row.add_class(names.ROW)
    return row
