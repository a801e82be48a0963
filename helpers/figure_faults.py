"""What a reader would stumble over in a figure, found by looking at where everything was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from helpers import fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

SMALLEST = 8.0
"""Points; smaller type cannot be read in print."""

SHADES = 15.0
"""Steps of lightness (CIE L*, 0 black to 100 white) by which two colours differ in grey print, too."""

KINDS = ("small text", "legend over data", "text over text", "text over a curve", "axis without label")
KINDS += ("hue alone",)
_NEAR = 1.5   # pixels by which boxes may touch


def faults(figure: Figure) -> list[str]:
    """Everything of `KINDS` in `figure`, each as ``"kind: where"``; the figure is drawn for it."""
    fonts.lend(figure)
    figure.canvas.draw()
    axes = [axis for axis in figure.axes if axis.get_visible()]
    shown = texts(figure)
    return [
        *_small(shown),
        *(fault for axis in axes for fault in _legend_over_data(axis)),
        *_text_over_text(shown),
        *(fault for axis in axes for fault in _text_over_curves(axis)),
        *(fault for axis in axes for fault in _without_label(axis, axes)),
        *_hue_alone([*figure.legends, *(axis.get_legend() for axis in axes)]),
    ]


def texts(figure: Figure) -> list[Text]:
    """Every text of `figure` that can be seen, once it is drawn."""
    of_axes = [text for axis in figure.axes if axis.get_visible() for text in _texts(axis)]
    return of_axes + [text for text in figure.texts if _seen(text)]


def _seen(text: Text) -> bool:
    return text.get_visible() and bool(text.get_text().strip())


def _texts(axis: Axes) -> Iterator[Text]:
    """Every text that belongs to `axis`: title, labels, ticks in sight, legend, annotations."""
    every = [axis.title, axis._left_title, axis._right_title, *axis.texts]
    if axis.get_legend() is not None:
        every += axis.get_legend().get_texts()
    if axis.axison:
        every += [axis.xaxis.label, axis.yaxis.label]
        for side, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
            low, high = sorted(limits)
            for tick in (*side.get_major_ticks(), *side.get_minor_ticks()):
                inside = low <= tick.get_loc() <= high
                every += [label for label in (tick.label1, tick.label2) if inside and tick.get_visible()]
    return (text for text in every if _seen(text))


def _box(text: Text) -> Bbox:
    return text.get_window_extent()


def _name(text: Text) -> str:
    return repr(" ".join(text.get_text().split()))


def _small(texts: list[Text]) -> Iterator[str]:
    for text in texts:
        if text.get_fontsize() < SMALLEST:
            yield f"small text: {_name(text)} is set in {text.get_fontsize():g} points, wanted {SMALLEST:g}"


def _text_over_text(texts: list[Text]) -> Iterator[str]:
    upright = [text for text in texts if text.get_rotation() % 90 == 0]
    for one, other in combinations(upright, 2):
        a, b = _box(one), _box(other)
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        if wide > _NEAR and high > 2 * _NEAR:   # boxes have air above and below the letters
            yield f"text over text: {_name(one)} and {_name(other)}"


def _legend_over_data(axis: Axes) -> Iterator[str]:
    legend = axis.get_legend()
    if legend is None or not legend.get_visible():
        return
    box = legend.get_window_extent().padded(-_NEAR)
    for line in axis.lines:
        if line.get_visible() and _crosses(axis, line, box):
            yield f"legend over data: a line ({line.get_label()})"
    for collection in axis.collections:
        if collection.get_visible() and _collection_in(collection, box):
            yield f"legend over data: points or an area ({collection.get_label()})"
    for patch in axis.patches:
        faint = (patch.get_alpha() or 1) < 0.3
        if patch.get_visible() and not faint and _path_in(patch.get_path(), patch.get_transform(), box, True):
            yield f"legend over data: a bar or a patch ({patch.get_label()})"


def _crosses(axis: Axes, line, box: Bbox) -> bool:
    """Whether what can be seen of a drawn line enters `box`."""
    from matplotlib.transforms import Bbox

    box = Bbox.intersection(box, axis.bbox)
    if box is None:
        return False
    points = line.get_transform().transform(np.column_stack(line.get_data(orig=False)).astype(float))
    points = points[np.isfinite(points).all(axis=1)]
    if line.get_marker() not in (None, "None", "", " ") and box.padded(2).count_contains(points):
        return True
    if line.get_linestyle() in ("None", "", " ") or len(points) < 2:
        return False
    return _path_in(line.get_path(), line.get_transform(), box, False)


def _path_in(path, transform, box: Bbox, filled: bool) -> bool:
    return path.transformed(transform).intersects_bbox(box, filled=filled)


def _collection_in(collection, box: Bbox) -> bool:
    """Whether an area (paths in data coordinates) or a cloud of points (offsets) enters `box`."""
    from matplotlib.collections import PathCollection

    if isinstance(collection, PathCollection):
        offsets = np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=float), np.nan)
        points = collection.get_offset_transform().transform(offsets)
        return bool(box.padded(2).count_contains(points[np.isfinite(points).all(axis=1)]))
    return any(_path_in(path, collection.get_transform(), box, True) for path in collection.get_paths())


def _text_over_curves(axis: Axes) -> Iterator[str]:
    """Labels that a curve runs through. One with a background of its own (bbox=) may lie on a curve."""
    if not axis.axison:
        return   # a drawing: its texts stand in boxes and on arrows
    for text in axis.texts:
        if not _seen(text) or text.get_bbox_patch() is not None or text.get_rotation() % 90:
            continue
        box = _box(text)
        inner = box.expanded(1, 0.6) if box.height < box.width else box.expanded(0.6, 1)
        for line in axis.lines:
            if line.get_visible() and _crosses(axis, line, inner.padded(-_NEAR)):
                yield f"text over a curve: {_name(text)} on a line ({line.get_label()})"
                break


def _without_label(axis: Axes, axes: list[Axes]) -> Iterator[str]:
    """Axes with ticks but without a label, unless they share the scale of a neighbour that has one."""
    if not axis.axison or axis.get_label() == "<colorbar>":
        return
    groups = {"x": axis.get_shared_x_axes(), "y": axis.get_shared_y_axes()}
    for letter, side in (("x", axis.xaxis), ("y", axis.yaxis)):
        ticked = side.get_visible() and any(_seen(label) for label in side.get_ticklabels())
        neighbours = [axis, *(each for each in axes if groups[letter].joined(axis, each))]
        named = any(getattr(each, f"{letter}axis").label.get_text().strip() for each in neighbours)
        over_all = getattr(axis.get_figure(), f"_sup{letter}label", None)
        if ticked and not named and not (over_all is not None and over_all.get_text().strip()):
            title = f" of {axis.get_title()!r}" if axis.get_title() else ""
            yield f"axis without label: the {letter} axis{title}"


def luminance(colour, alpha: float | None = None) -> float:
    """Relative luminance of a colour on white, 0 (black) to 1 (white)."""
    from matplotlib.colors import to_rgba

    *channels, opaque = to_rgba(colour, alpha)
    seen = np.array(channels) * opaque + 1 - opaque
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def lightness(colour, alpha: float | None = None) -> float:
    """CIE L* of a colour on white, 0 (black) to 100 (white): what is left of it in grey print."""
    y = luminance(colour, alpha)
    return 116 * np.cbrt(y) - 16 if y > 0.008856 else 903.3 * y


def _hue_alone(legends: list) -> Iterator[str]:
    """Entries of a legend that only a hue tells apart: as dark as each other, same dash, marker and width."""
    for legend in legends:
        if legend is None or not legend.get_visible():
            continue
        entries = [(text, *_look(handle)) for text, handle in zip(
            legend.get_texts(), legend.legend_handles, strict=True)]  # fmt: skip
        for (one, a, dark, wide), (other, b, light, narrow) in combinations(entries, 2):
            alike = abs(dark - light) < SHADES and max(wide, narrow) < 1.5 * min(wide, narrow)
            if a is not None and a == b and alike:
                yield f"hue alone: {_name(one)} and {_name(other)}"


def _look(handle) -> tuple[tuple | None, float, float]:
    """(what a legend's entry looks like without its colour, lightness, width); None for what is neither a
    line nor a patch."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if isinstance(handle, Line2D):
        look = handle.get_linestyle(), str(handle.get_marker()), lightness(handle.get_markerfacecolor()) > 95
        return look, lightness(handle.get_color(), handle.get_alpha()), handle.get_linewidth()
    if isinstance(handle, Patch):
        return (handle.get_hatch(),), lightness(handle.get_facecolor()), 1.0
    return None, 0.0, 1.0
