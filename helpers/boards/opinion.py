"""What classifiers think of a review: each at its end, and those with a state after every word."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from helpers.corpora import reviews
from helpers.corpora.text import token_tuple
from helpers.languages import translate
from helpers.plots import COLOURS
from helpers.validation import require, require_array, require_int

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 20
STYLES = (("rnn", "s", "--"), ("gru", "^", "-"), ("lstm", "o", ":"), ("accent", "D", "-."))


def typed_review(argument: str, line: str, *, most: int = MOST) -> tuple[str, ...]:
    """`line` as words in small letters, with its marks (. , : and so on) as words of their own.

    Raises ValueError, which names `argument`, for none and for more than `most`.
    """
    require(isinstance(line, str), argument, type(line).__name__, "a line of words")
    words = tuple(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]", line.lower()))
    most = require_int("most", most)
    if not 0 < len(words) <= most:
        raise ValueError(translate(
            "{argument}: got {count} words, wanted 1 to {most} words, marks counted",
            argument=argument, count=len(words), most=most,
        ))  # fmt: skip
    return words


def opinion_board(
    words: Sequence[str],
    known: Collection[str],
    answers: Mapping[str, float],
    after_each: Mapping[str, np.ndarray],
) -> tuple[Figure, str]:
    """P(good) of a review's `words` (T): the `answers` of models by name, and what those in `after_each` say
    after every word (T,) → (figure, what it shows).

    On the left a bar for every model from one half to its answer, with its number; on the right a line with
    marks of its own for each in `after_each`. Words that are not `known` are in brackets, and named. Where
    the words are a review of the grammar, its label is in the sentence. ValueError for other shapes, and for
    more than four lines.
    """
    words = token_tuple("words", words)
    require(0 < len(words) <= MOST, "words", f"{len(words)}", f"1 to {MOST}")
    known = frozenset(token_tuple("known", known))
    for argument, mapping in (("answers", answers), ("after_each", after_each)):
        fits = isinstance(mapping, Mapping) and len(mapping) > 0 and all(isinstance(k, str) for k in mapping)
        require(fits, argument, f"{mapping!r:.80}", "what each model says, by its name")
    few = len(after_each) <= len(STYLES)
    require(few, "after_each", f"{len(after_each)} models", f"{len(STYLES)} or fewer")
    ends = {name: float(require_array(f"answers[{name!r}]", p, ())) for name, p in answers.items()}
    lines = {name: require_array(f"after_each[{name!r}]", p, (len(words),)) for name, p in after_each.items()}

    bars, course = _places(len(words), len(ends))
    for row, (name, p) in enumerate(ends.items()):   # texts, for ticks take longer
        bars.text(-0.03, row, name, ha="right", va="center", fontsize=9)
        bars.text(1.03, row, f"{p:.2f}", va="center", fontsize=9)
    heights = np.array([*ends.values()])
    bars.barh(np.arange(len(ends)), heights - 0.5, left=0.5, height=0.6, color=COLOURS["sky"],
              edgecolor="black", linewidth=0.6)
    for (name, along), (colour, marker, line) in zip(lines.items(), STYLES, strict=False):
        course.plot(along, line, marker=marker, markersize=5, color=COLOURS[colour], label=name)
    for step, word in enumerate(words):
        short = word if len(word) < 13 else f"{word[:11]}…"
        course.text(step + 0.2, -0.1, short if word in known else f"({short})", rotation=50, ha="right",
                    va="top", fontsize=9)
    course.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 0.99), ncols=4, fontsize=9)
    return bars.figure, _finding(words, known, ends, lines)


def _places(steps: int, models: int) -> tuple[Axes, Axes]:
    """Axes for the answers and for what is said on the way: placed by hand, which is quickly drawn."""
    import matplotlib.pyplot as plt

    fig = plt.figure(figsize=(9, 3.6))
    bars, course = fig.add_axes((0.11, 0.31, 0.2, 0.58)), fig.add_axes((0.43, 0.31, 0.55, 0.58))
    bars.set(xlim=(0, 1), ylim=(models - 0.4, -0.6), xticks=(0, 0.5, 1), yticks=())
    bars.set_xlabel(translate("P(good)"))
    bars.axvline(0.5, color="black", linewidth=0.9)
    course.set(xlim=(-0.6, steps - 0.4), ylim=(-0.04, 1.04), xticks=(), yticks=(0, 0.5, 1))
    course.set_ylabel(translate("P(good) so far"))
    course.set_xlabel(translate("word read"), labelpad=62)
    course.axhline(0.5, color="black", linewidth=0.9)
    for axis in (bars, course):
        axis.spines[["top", "right"]].set_visible(False)
    return bars, course


def _finding(
    words: Sequence[str], known: frozenset[str], ends: Mapping[str, float], lines: Mapping[str, np.ndarray]
) -> str:
    turns = [_turn(name, words, along) for name, along in lines.items() if len(along) > 1]
    unknown = ", ".join(f"“{word}”" for word in dict.fromkeys(words) if word not in known)
    parts = [
        _sides(ends),
        translate("The largest step: {turns}.", turns=", ".join(turns)) if turns else "",
        _rule(words),
        translate("Not in the list of words, so read as <unk>: {words}.", words=unknown) if unknown else "",
    ]
    return " ".join(filter(None, parts))


def _sides(ends: Mapping[str, float]) -> str:
    good = ", ".join(f"{name} {p:.2f}" for name, p in ends.items() if p > 0.5)
    bad = ", ".join(f"{name} {p:.2f}" for name, p in ends.items() if not p > 0.5)
    if not bad:
        return translate("P(good) at the end. Good: {good}.", good=good)
    if not good:
        return translate("P(good) at the end. Bad: {bad}.", bad=bad)
    return translate("P(good) at the end. Good: {good}; bad: {bad}.", good=good, bad=bad)


def _turn(name: str, words: Sequence[str], along: np.ndarray) -> str:
    at = int(np.abs(np.diff(along)).argmax()) + 1
    return translate(
        "{name} at “{word}” from {before} to {after}",
        name=name, word=words[at], before=f"{along[at - 1]:.2f}", after=f"{along[at]:.2f}",
    )  # fmt: skip


def _rule(words: Sequence[str]) -> str:
    try:
        good = reviews.prob_positive(words) > 0.5
    except ValueError:
        return translate("The grammar cannot write this, so it knows no right answer.")
    if good:
        return translate("By the rule of the grammar it is good.")
    return translate("By the rule of the grammar it is bad.")
