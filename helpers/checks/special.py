"""Where an answer is right in all drawn cases and wrong where a case is special: what is special about it."""

from __future__ import annotations

from typing import Any

from helpers.checks.cases import is_size
from helpers.checks.compare import Outcome, difference
from helpers.checks.judged import Judged, returned
from helpers.checks.relations import nearly_right
from helpers.checks.words import named
from helpers.languages import translate


def only_there(judged: Judged) -> str:
    """A hint on what is special in the cases that are wrong, "" where ordinary ones are wrong, too."""
    if not judged.wrong or any(not judged.cases[n].tag for n in judged.wrong):
        return ""
    sized = any(is_size(judged.cases[n].tag) for n in judged.wrong)
    large = [
        n for n in judged.wrong
        if not is_size(judged.cases[n].tag) and not (sized and _has_ones(judged.cases[n].arguments))
    ]  # fmt: skip
    first = (large or judged.wrong)[0]   # where one of ordinary size is wrong, it is not about sizes
    if judged.mine[first].complaint or judged.kind(judged.mine[first], first):   # it is said already
        return ""
    if name := _slightly(judged, first):
        return nearly_right(named(name))
    if is_size(judged.cases[first].tag) and _same_shapes(judged.mine[first], judged.right[first]):
        tag = judged.cases[first].told_tag()
        return translate("Right in the ordinary sizes, wrong with {tag}: what is different there?", tag=tag)
    hints = [hint for n in large or judged.wrong if (hint := judged.cases[n].told_hint())]
    return hints[0] if hints else ""


def _slightly(judged: Judged, n: int) -> str:
    """The output that is wrong in case `n`, where all are nearly right."""
    mine, right = judged.mine[n], judged.right[n]
    found = returned(mine) and difference(mine.outputs, right.outputs, judged.rtol)
    return found.quantity if found and not difference(mine.outputs, right.outputs, 1e-5) else ""


def _has_ones(value: Any) -> bool:
    """Whether an array, or an array in a list or a dict, has an axis of size 1."""
    if isinstance(value, dict):
        return any(map(_has_ones, value.values()))
    if isinstance(value, list | tuple):
        return len(value) == 1 or any(map(_has_ones, value))
    return 1 in getattr(value, "shape", ())


def _same_shapes(mine: Outcome, right: Outcome) -> bool:
    mine, right = ({name: getattr(each, "shape", None) for name, each in side.outputs.items()}
                   for side in (mine, right))  # fmt: skip
    return mine == right
