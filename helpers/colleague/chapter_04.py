"""Chapter 4: weights of an LSTM that another group has trained, and how a colleague reads them in."""

from __future__ import annotations

import numpy as np


def read_weights(Wx, Wh, b):
    """An LSTM's weights with slices in the order f, g, i, o → the same in our order, i, f, g, o.

    Wx (D, 4H), Wh (H, 4H), b (4H,) → Wx, Wh, b of the same shapes.
    """
    place = {"i": 0, "f": 1, "g": 2, "o": 3}   # where a slice stands with us

    def reordered(array):
        slices = np.split(array, 4, axis=-1)
        return np.concatenate([slices[place[name]] for name in "fgio"], axis=-1)

    return reordered(Wx), reordered(Wh), reordered(b)


def write_weights(Wx, Wh, b):
    """The way back: slices in our order, i, f, g, o → in the order f, g, i, o."""
    place = {"f": 0, "g": 1, "i": 2, "o": 3}   # where a slice stands in the file

    def reordered(array):
        slices = np.split(array, 4, axis=-1)
        return np.concatenate([slices[place[name]] for name in "ifgo"], axis=-1)

    return reordered(Wx), reordered(Wh), reordered(b)


def file_of_the_group(model) -> dict[str, np.ndarray]:
    """What the other group sends: the cell's Wx, Wh and b of `model`, in the order of its own code."""
    file = {}
    for name in ("Wx", "Wh", "b"):
        i, f, g, o = np.split(model.params[f"cells.0.{name}"], 4, axis=-1)
        file[name] = np.concatenate([f, g, i, o], axis=-1)
    return file
