"""What a language model may write next, at a temperature and a k, and what it then writes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
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

BARS, WIDTH, LINES = 10, 62, 13
MARKS = {True: "✓", False: "✗", None: "…"}


def writing_board(
    words: Sequence[str],
    before: np.ndarray,
    after: np.ndarray,
    stories: Iterable[tuple[str, bool | None]],
) -> tuple[Figure, str]:
    """Two distributions over `words` (V,), `before` and `after` top-k has cut off all but the best; and the
    `stories` written, each with whether it is right (None: not finished) → (figure, what it shows).

    The likeliest ten words are bars: those that are kept in colour, with their probability after the cut;
    those cut off grey and hatched, as they were before it. ValueError for other shapes, and for distributions
    that have no word left.
    """
    words = token_tuple("words", words)
    shares = [require_array(name, p, (len(words),)) for name, p in (("before", before), ("after", after))]
    for name, share in zip(("before", "after"), shares, strict=True):
        fits = bool((share >= 0).all()) and abs(float(share.sum()) - 1) < 1e-3
        require(fits, name, f"a sum of {float(share.sum()):.3g}", "probabilities with the sum 1")
    before, after = shares
    stories = [(token_tuple("stories", [story])[0], right) for story, right in stories]

    import matplotlib.pyplot as plt

    fig = plt.figure(figsize=(9, 3.5))
    _distribution(fig.add_axes((0.09, 0.14, 0.29, 0.84)), words, before, after)
    written = [_wrapped(story, right) for story, right in stories]
    lines = "\n".join(written).split("\n")
    shown = lines if len(lines) <= LINES else [*lines[: LINES - 1], "…"]
    page = "\n".join(shown)
    fig.text(0.42, 0.98, page, va="top", fontsize=9.5, linespacing=1.45, family="monospace")
    return fig, _finding(words, after, stories)


def _distribution(axis: Axes, words: Sequence[str], before: np.ndarray, after: np.ndarray) -> None:
    """The likeliest words, from above: the kept ones first, then those cut off."""
    order = np.lexsort((-before, -after))[:BARS]
    kept = after[order] > 0
    heights = np.where(kept, after[order], before[order])
    for chosen, look in (
        (kept, {"color": COLOURS["lstm"]}),
        (~kept, {"facecolor": "#E4E4E4", "edgecolor": "#767676", "hatch": "////", "linewidth": 0.6}),
    ):
        places = np.flatnonzero(chosen)
        boxes(axis, (0 * places, heights[places]), (places - 0.35, places + 0.35), **look)
    for place, (word, height, left) in enumerate(zip(order, heights, kept, strict=True)):
        axis.text(-0.02, place, words[word], ha="right", va="center", fontsize=9)
        said = f"{height:.2f}"
        said = said if left else translate("{probability} cut off", probability=said)
        axis.text(height + 0.015, place, said, va="center", fontsize=9)
    axis.set(xlim=(0, 1.25), ylim=(BARS - 0.4, -0.6), xticks=(0, 0.5, 1), yticks=())
    axis.set_xlabel(translate("probability of the next word"))
    axis.spines[["top", "right"]].set_visible(False)


def _wrapped(story: str, right: bool | None) -> str:
    return textwrap.fill(_shown(story), WIDTH, initial_indent=f"{MARKS[right]} ", subsequent_indent="  ")


def _shown(story: str) -> str:
    return story or translate("(no word)")


def _finding(words: Sequence[str], after: np.ndarray, stories: Sequence[tuple[str, bool | None]]) -> str:
    sure = after[after > 0]
    nats = max(0.0, float(-(sure * np.log(sure)).sum()))
    best = np.argsort(-after, kind="stable")[: min(3, len(sure))]
    first = ", ".join(f"{words[place]} {after[place]:.2f}" for place in best)
    judged = [right for _, right in stories if right is not None]
    marks = ["" if right is None else f" {MARKS[right]}" for _, right in stories]
    text = " / ".join(f"{_shown(story)}{mark}" for (story, _), mark in zip(stories, marks, strict=True))
    count = len({word for story, _ in stories for word in story.split() if word.isalpha()})
    drawn = {
        "total": len(words),
        "left": len(sure),
        "first": first,
        "entropy": f"{nats:.2f}",
        "choices": f"{np.exp(nats):.1f}",
    }
    if len(sure) == 1:
        can = translate(
            "Of {total} words {left} can be drawn; the only next word is {first}; the entropy is {entropy} "
            "nats, as of an even choice among {choices}.", **drawn,
        )  # fmt: skip
    else:
        can = translate(
            "Of {total} words {left} can be drawn; the likeliest next words are {first}; the entropy is "
            "{entropy} nats, as of an even choice among {choices}.", **drawn,
        )  # fmt: skip
    told = translate(
        "Written with {count} different words, {right} of {finished} finished stories without a mistake: "
        "{text}", count=count, right=sum(judged), finished=len(judged), text=text,
    )  # fmt: skip
    return f"{can} {told}"
