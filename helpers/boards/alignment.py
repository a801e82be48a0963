"""A date as a small translator writes it: where each character looks, and how sure the model is of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from helpers.corpora import dates
from helpers.corpora.text import token_tuple
from helpers.languages import ENGLISH, language, translate
from helpers.plots import COLOURS
from helpers.validation import require, require_array, require_int

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 40
PARTS = {"year": slice(0, 4), "month": slice(5, 7), "day": slice(8, 10)}


def typed_characters(argument: str, line: str, known: Iterable[str], *, most: int = MOST) -> str:
    """`line` without space around it, if all its characters are `known`.

    Raises ValueError, which names `argument`, for characters that are not, and for none or more than `most`.
    """
    known, most = set(token_tuple("known", known)), require_int("most", most)
    require(isinstance(line, str), argument, type(line).__name__, "a line of text")
    line = line.strip()
    if not 0 < len(line) <= most:
        raise ValueError(translate(
            "{argument}: got {count} characters, wanted 1 to {most} characters",
            argument=argument, count=len(line), most=most,
        ))  # fmt: skip
    if strange := list(dict.fromkeys(character for character in line if character not in known)):
        raise ValueError(translate(
            "{argument}: got {characters}, wanted characters that occur in the dates it was trained on",
            argument=argument, characters=" ".join(map(repr, strange[:5])),
        ))  # fmt: skip
    return line


def date_board(typed: str, written: str, weights: np.ndarray, sure: np.ndarray) -> tuple[Figure, str]:
    """What a model has `written` for a date that was `typed` (S characters), with its attention `weights`
    (T, S) and the probability that it gave each of the T characters, `sure` (T,) → (figure, what it shows).

    The darker a field, the more weight, with a ring at the heaviest of each row; on the right a bar for every
    probability. Rows behind what was written, that of ``<eos>`` for instance, are left out. Whether the date
    is right is said where `helpers.corpora.dates.read` knows what was typed. ValueError for other shapes.
    """
    for argument, text in (("typed", typed), ("written", written)):
        require(isinstance(text, str), argument, repr(text), "text")
    S, T = len(typed), len(written)
    require(0 < S <= MOST, "typed", f"{S} characters", f"1 to {MOST}")
    weights, sure = require_array("weights", weights, ("T", S)), require_array("sure", sure, ("T",))
    for argument, rows in (("weights", weights), ("sure", sure)):
        require(len(rows) >= T, argument, f"{len(rows)} rows", f"{T} or more, one for each character written")
    weights, sure = weights[:T], sure[:T]

    fields, bars = _places(S, T)
    fields.imshow(weights.reshape(T, S), cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest",
                  extent=(-0.5, S - 0.5, max(T, 1) - 0.5, -0.5))
    heaviest = weights.argmax(axis=1)
    fields.plot(heaviest, np.arange(T), "o", markerfacecolor="white", markeredgecolor="black", markersize=5)
    for column, character in enumerate(typed.replace(" ", "·")):   # texts, for ticks take longer
        fields.text(column, -0.02, character, transform=fields.get_xaxis_transform(), ha="center", va="top",
                    family="monospace", fontsize=10)
    bars.barh(np.arange(T), sure, height=0.7, color=COLOURS["gru"])
    for row, (character, chance) in enumerate(zip(written, sure, strict=True)):
        fields.text(-0.012, row, character, transform=fields.get_yaxis_transform(), ha="right", va="center",
                    family="monospace", fontsize=10)
        bars.text(1.03, row, f"{chance:.2f}", va="center", fontsize=9)
    return fields.figure, _finding(typed, written, heaviest, sure)


def _places(S: int, T: int) -> tuple[Axes, Axes]:
    """Axes for the weights and the probabilities: placed by hand, which is quickly drawn."""
    import matplotlib.pyplot as plt

    fig = plt.figure(figsize=(8, 3.4))
    fields, bars = fig.add_axes((0.075, 0.2, 0.69, 0.77)), fig.add_axes((0.8, 0.2, 0.14, 0.77))
    fields.set(xticks=(), yticks=(), xlim=(-0.5, S - 0.5), ylim=(max(T, 1) - 0.5, -0.5))
    fields.set_xlabel(translate("character read (· is a space)"), labelpad=20)
    fields.set_ylabel(translate("character written"), labelpad=18)
    bars.set(xticks=(0, 1), yticks=(), xlim=(0, 1), ylim=(max(T, 1) - 0.5, -0.5))
    bars.set_xlabel(translate("its probability"))
    for axis in (fields, bars):
        axis.spines[["top", "right"]].set_visible(False)
    return fields, bars


def _finding(typed: str, written: str, heaviest: Sequence[int], sure: np.ndarray) -> str:
    if not written:
        return translate("For “{typed}” it writes nothing at all.", typed=typed)
    least = int(np.argmin(sure))
    whole = translate(
        "The whole has probability {whole}, the least sure character is the {ordinal}, “{character}”, with "
        "{probability}.",
        whole=f"{np.prod(sure):.2f}",
        ordinal=dates.ordinal(least + 1) if language() == ENGLISH else least + 1,
        character=written[least],
        probability=f"{sure[least]:.2f}",
    )
    parts = [_verdict(typed, written), _alignment(typed, written, heaviest), whole]
    return " ".join(filter(None, parts))


def _verdict(typed: str, written: str) -> str:
    reading = dates.read(typed)
    known = {"typed": typed, "written": written, "wanted": dates.iso(reading.day) if reading else ""}
    if reading is None and _is_day(written):
        return translate("“{typed}” becomes {written}; what it should be, none of the rules says.", **known)
    if reading is None:
        return translate(
            "“{typed}” becomes {written}, which is no day of the calendar; what it should be, none of the "
            "rules says.", **known,
        )  # fmt: skip
    right = known["wanted"] == written
    if right and reading.format:
        return translate("“{typed}” becomes {written}, which is right.", **known)
    if right:
        return translate(
            "“{typed}” becomes {written}, which is right, in a form that it has never seen.", **known
        )
    if reading.format:
        return translate("“{typed}” becomes {written}, and {wanted} would be right.", **known)
    return translate(
        "“{typed}” becomes {written}, and {wanted} would be right, in a form that it has never seen.", **known
    )


def _is_day(written: str) -> bool:
    try:
        return bool(date.fromisoformat(written))
    except ValueError:
        return False


def _alignment(typed: str, written: str, heaviest: Sequence[int]) -> str:
    """Where year, month and day look most, if `written` has their places."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", written):
        return ""
    places = {
        name: " ".join(typed[j].replace(" ", "·") for j in heaviest[place]) for name, place in PARTS.items()
    }
    return translate("Most weight: the year at {year}, the month at {month}, the day at {day}.", **places)
