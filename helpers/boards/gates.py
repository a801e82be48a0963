"""One unit of a trained LSTM, word by word: its gates, its cell, and what the whole network expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from helpers.boards.boxes import boxes
from helpers.corpora.text import token_tuple
from helpers.languages import translate
from helpers.plots import COLOURS
from helpers.validation import require, require_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GATES = ("i", "f", "o")
MOST_NAMED = 8
LOOKS = ((-0.19, COLOURS["lstm"], None), (0.19, COLOURS["warm"], "////"))


def gate_board(
    words: Sequence[str],
    unit: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    *,
    name: str = "",
) -> tuple[Figure, str]:
    """`words` (T tokens), i, f, o and c of one `unit` at each (T,), and P(word comes next) for two words that
    are `expected` (T,) → (figure, what it shows).

    A gate is a bar, full where it is open; the cell is a bar from zero; the two words' bars differ in colour
    and hatching. The sentence calls the unit `name`, or just the unit. ValueError for other shapes.
    """
    words = token_tuple("words", words)
    require(len(words) > 0, "words", "none", "at least one word")
    fits = isinstance(unit, Mapping) and {*GATES, "c"} <= {*unit}
    require(fits, "unit", f"{unit!r:.80}", "a dict with i, f, o and c")
    fits = isinstance(expected, Mapping) and len(expected) == 2 and all(isinstance(w, str) for w in expected)
    require(fits, "expected", f"{expected!r:.80}", "a dict of two words")
    series = {key: require_array(f"unit[{key!r}]", unit[key], (len(words),)) for key in (*GATES, "c")}
    chances = {key: require_array(f"expected[{key!r}]", expected[key], (len(words),)) for key in expected}

    fig, (gates, cell, next_word) = _places(len(words))
    _gates(gates, np.stack([series[key] for key in GATES]))
    reach = max(1.0, 1.15 * float(np.abs(series["c"]).max()))
    cell.set(ylabel=translate("c, cell"), ylim=(-reach, reach))
    steps = np.arange(len(words))
    boxes(cell, (steps - 0.3, steps + 0.3), (0 * series["c"], series["c"]), color=COLOURS["lstm"])
    cell.axhline(0, color="#888888", linewidth=0.6)
    next_word.set(ylabel=translate("comes next"), ylim=(0, 1.05), yticks=(0, 1))
    next_word.set_xlabel("\n\n\n" + translate("word read"))
    for (word, chance), (shift, colour, hatch) in zip(chances.items(), LOOKS, strict=True):
        look = {"facecolor": colour, "edgecolor": "black", "hatch": hatch, "linewidth": 0.4}
        middle = steps + shift
        boxes(next_word, (middle - 0.18, middle + 0.18), (0 * chance, chance), label=f"P({word})", **look)
    next_word.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    for step, word in enumerate(words):   # texts, for ticks take longer
        next_word.text(step + 0.25, -0.1, word, rotation=50, ha="right", va="top", fontsize=9)
    return fig, _finding(name or translate("The unit"), words, series, chances)


def _places(count: int) -> tuple[Figure, list[Axes]]:
    """Three axes above each other with room for `count` words: placed by hand, which is quickly drawn."""
    import matplotlib.pyplot as plt

    fig = plt.figure(figsize=(9, 4.3))
    axes = [fig.add_axes((0.1, low, 0.79, high)) for low, high in ((0.65, 0.33), (0.42, 0.2), (0.18, 0.2))]
    for axis in axes:
        axis.set(xlim=(-0.5, count - 0.5), xticks=())
        axis.spines[["top", "right"]].set_visible(False)
    return fig, axes


def _gates(axis: Axes, values: np.ndarray) -> None:
    """`values` (rows, T) from 0 to 1, a row of bars each: a full one is a gate that is open."""
    rows, count = values.shape
    low = np.repeat(1.3 * np.arange(rows), count)   # from below, so the last row first
    steps = np.tile(np.arange(count), rows)
    for heights, colour in ((1, "#E4E8EC"), (values[::-1].ravel(), COLOURS["gru"])):
        boxes(axis, (steps - 0.4, steps + 0.4), (low, low + heights), color=colour)
    axis.set(ylabel=translate("gates"), ylim=(-0.1, 1.3 * rows - 0.2))
    names = [translate("i, input"), translate("f, forget"), translate("o, output")]   # as in GATES
    axis.set_yticks(1.3 * np.arange(rows) + 0.5, names[::-1], fontsize=9)
    axis.tick_params(length=0)
    axis.spines["bottom"].set_visible(False)


def _finding(name: str, words: Sequence[str], series, chances) -> str:
    shut = [f"“{words[t]}” ({series['f'][t]:.2f})" for t in np.flatnonzero(series["f"] < 0.5)]
    cell = series["c"]
    known = {"name": name, "end": _signed(cell[-1]), "expected": _expected(words, cell, chances)}
    if not shut:
        return translate(
            "{name}: the forget gate is above one half everywhere, and the cell ends at {end}; {expected}.",
            **known,
        )
    if len(shut) > MOST_NAMED:
        return translate(
            "{name}: the forget gate is below one half at {count} of {total} words, and the cell ends at "
            "{end}; {expected}.", count=len(shut), total=len(words), **known,
        )  # fmt: skip
    return translate(
        "{name}: the forget gate is below one half at {places}, and the cell ends at {end}; {expected}.",
        places=", ".join(shut), **known,
    )  # fmt: skip


def _expected(words: Sequence[str], cell: np.ndarray, chances: Mapping[str, np.ndarray]) -> str:
    """Where either of the two words is likely, without a full stop."""
    either = dict(zip(("first", "second"), chances, strict=True))
    places = [
        translate(
            "after “{word}” (word {number}), with the cell at {value}, {chances}",
            word=words[t], number=t, value=_signed(cell[t]),
            chances=", ".join(f"{word} {chance[t]:.2f}" for word, chance in chances.items()),
        )
        for t in np.flatnonzero(sum(chances.values()) > 0.5)
    ]  # fmt: skip
    if not places:
        return translate("{first} or {second} is expected nowhere", **either)
    return translate("{first} or {second} is expected {places}", places="; ".join(places), **either)


def _signed(number: float) -> str:
    """With two digits and its sign, which a zero has not."""
    text = f"{number:+.2f}"
    return text if float(text) else "0.00"
