"""Bars and fields as one collection, which is drawn sooner than one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def boxes(axis: Axes, x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], **look) -> None:
    """Rectangles from x[0] to x[1] and from y[0] to y[1], each (B,), drawn into `axis`, whose limits stay
    as they are; `look` are options of a PolyCollection."""
    from matplotlib.collections import PolyCollection

    (left, right), (low, high) = (np.broadcast_arrays(*pair) for pair in (x, y))
    corners = ((left, low), (left, high), (right, high), (right, low))
    places = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)
    axis.add_collection(PolyCollection(places, **look), autolim=False)
