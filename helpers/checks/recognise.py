"""Which mistake an answer makes: a known one, two at once, a slip of the right answer, a telling relation."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks import as_if, slips, unmoved
from helpers.checks.compare import Outcome, difference
from helpers.checks.judged import Judged, gradients_agree, returned, same
from helpers.checks.limits import LimitExceeded, run_limited
from helpers.checks.patches import Patched
from helpers.checks.relations import relation
from helpers.checks.sources import has_code, read_from_outside
from helpers.checks.special import only_there
from helpers.checks.words import told
from helpers.languages import translate

if TYPE_CHECKING:
    from helpers.checks.registry import Misconception

ENOUGH = 40   # bits on which an answer has to agree with a mistake before a part of it gives the name
# Seconds of the processor, so that names do not depend on what else it does.
SECONDS = 0.4   # for pairs of known mistakes, for slips, and for one of each
AT_MOST = 1.8   # for everything after the known mistakes


@dataclass(frozen=True)
class Found:
    """What was recognised: a name ("slip …" for a machine-made one, "" for a relation) and the hint."""

    name: str
    hint: str


def recognise(judged: Judged) -> Found | None:
    """The best explanation of a wrong answer, None when there is none with evidence."""
    found = _known(judged)
    judged.end = time.process_time() + AT_MOST
    if found:
        return found
    by_chance = (_two_known, _slip, _known_and_slip) if "slips" in judged.exercise.skip else ()
    for way in (
        _constant, _two_known, _slip, _related, _ignored, _as_if, _known_and_slip, _in_part, _as_if_in_part,
        _only_there,
    ):  # fmt: skip
        if way is _only_there and read_from_outside(judged.function, judged.exercise.reference):
            return None   # it may be wrong anywhere
        found = None if way in by_chance else _limited(way, judged)
        if found:
            return found
    return None


def _limited(way: Callable[[Judged], Found | None], judged: Judged) -> Found | None:
    """What `way` finds; None when something it tries does not come back: two mistakes may loop for ever."""
    try:
        return run_limited(lambda: way(judged), seconds=2 * AT_MOST)
    except LimitExceeded:
        return None


def _known(judged: Judged) -> Found | None:
    alike = [known for known in judged.exercise.misconceptions if judged.equal(known.function)]
    return Found(alike[0].name, told(alike[0].hint)) if alike else None


def _two_known(judged: Judged) -> Found | None:
    end = time.process_time() + SECONDS
    for one, other in itertools.combinations(_patched(judged), 2):
        if time.process_time() > end:
            return None
        both = one.function.together(other.function)
        if both is None or not judged.equal(both):
            continue
        if _adds(judged, one.function) and _adds(judged, other.function):
            return Found(f"{one.name} + {other.name}", _two_things(told(one.hint), told(other.hint)))
    return None


def _adds(judged: Judged, alone: Callable[..., Any]) -> bool:
    """Whether the learner's answer, which equals two mistakes together, tells more than one of them `alone`:
    nan or inf in a special case comes of many mistakes. (And whether this one's are outputs that are wrong in
    the answer, and not in ordinary cases that the answer has right: a mistake that the other has put right
    again is none.)"""
    outcomes = [judged.outcome(alone, n) for n in range(len(judged.cases))]
    spoilt = _spoilt(judged, outcomes)
    if spoilt and not spoilt & _spoilt(judged, judged.mine):
        return False
    drawn = [n for n, case in enumerate(judged.cases) if not case.tag]
    if not set(drawn) & set(judged.wrong) and not all(
        same(outcomes[n], judged.right[n], judged.rtol) for n in drawn
    ):
        return False
    for n in judged.order:
        mine, other = judged.mine[n], outcomes[n]
        if same(mine, other, judged.rtol):
            continue
        if not returned(mine) or mine.mutated != other.mutated or not gradients_agree(mine, other):
            return True
        beside = (other if returned(other) else judged.right[n]).outputs
        if any(_information(each, beside.get(name), judged.rtol) for name, each in mine.outputs.items()):
            return True
    return False


def _spoilt(judged: Judged, outcomes: list[Outcome]) -> set[str]:
    """The outputs that are wrong in some case; all of them where something is raised."""
    wrong: set[str] = set()
    for mine, right in zip(outcomes, judged.right, strict=True):
        if not returned(mine) or not returned(right):
            return set(judged.exercise.outputs) if returned(right) else wrong
        wrong |= {
            name.partition("[")[0] for name, value in right.outputs.items()
            if difference(mine.outputs, {name: value}, judged.rtol)
        }  # fmt: skip
    return wrong


def _two_things(first: str, second: str) -> str:
    return translate("Two things at once. First: {first} Second: {second}", first=first, second=second)


def _patched(judged: Judged) -> list[Misconception]:
    return [known for known in judged.exercise.misconceptions if isinstance(known.function, Patched)]


def _slip(judged: Judged) -> Found | None:
    reference = judged.exercise.reference
    slip = _matching(judged, _made(reference))
    return Found(f"slip: {slip.kind}", _in_words(slip, judged.function)) if slip else None


def _in_words(slip: slips.Slip, function: Callable[..., Any]) -> str:
    """A slip's sentence; it quotes the right answer's code, which need not be the learner's."""
    if has_code(function, slip.around or slip.was, slip.now if len(slip.now) > 4 else ""):
        return slip.sentence
    note = translate("(The code quoted is the course's version; yours may come to the same in another way.)")
    return f"{slip.sentence} {note}"


def _known_and_slip(judged: Judged) -> Found | None:
    end, reference = time.process_time() + SECONDS, judged.exercise.reference
    for known in _patched(judged):
        made = _each(reference, known.function.source)
        while (slip := _matching(judged, made, end)) and _inside(slip, known.function):
            pass   # a slip in what the mistake has written is no second mistake
        if slip is None:
            continue
        by_itself = [function for each, function in _made(reference) if each.sentence == slip.sentence]
        if all(_adds(judged, alone) for alone in (known.function, *by_itself)):
            hint = _two_things(told(known.hint), _in_words(slip, judged.function))
            return Found(f"{known.name} + slip: {slip.kind}", hint)
    return None


def _inside(slip: slips.Slip, known: Patched) -> bool:
    """Whether a slip of a known mistake changes what the mistake itself has changed."""
    whole = slips.normal(known.source)
    changed = slips.spans(_source(known.reference), whole)[1]
    return any(
        max(first, start) < min(last, end)
        for first, last in changed for start, end in slips.spans(whole, slip.source)[0]
    )  # fmt: skip


def _source(reference) -> str:
    try:
        closure = getattr(reference, "__closure__", None)   # it could not be made again from its source
        return "" if closure else slips.source_of(reference)
    except ValueError:   # no source, as of a lambda
        return ""


Made = tuple[slips.Slip, Callable[..., Any]]
_MADE: dict[Callable[..., Any], tuple[list[Made], Iterator[Made]]] = {}


def _made(reference: Callable[..., Any]) -> Iterator[Made]:
    """The slips of a reference and their functions; what an earlier check has made is kept."""
    if reference not in _MADE:
        _MADE[reference] = [], _each(reference, _source(reference))
    ready, more = _MADE[reference]
    yield from list(ready)
    for made in more:
        ready.append(made)
        yield made


def _each(reference: Callable[..., Any], source: str) -> Iterator[Made]:
    for slip in slips.slips(source) if source else ():
        yield slip, slips.function_from(slip.source, reference)


def _matching(judged: Judged, made: Iterator[Made], end: float = 0.0) -> slips.Slip | None:
    """The slip that does what the learner's answer does, as far as the time until `end` reaches."""
    end = min(end or time.process_time() + SECONDS, judged.end)
    came = [n for n in judged.wrong if returned(judged.mine[n])]
    if len(came) < len(judged.wrong) / 2:
        return None   # it raises nearly everywhere: the error says more, and many slips raise the same
    if came and not any(_anything(judged.mine[n].outputs) for n in came):
        return None   # all 0: a loop that never runs, a sum that is never added to; many slips make it so
    for slip, function in made:
        if time.process_time() > end:
            break
        if judged.equal(function):
            return slip
    return None


def _anything(value: Any) -> bool:
    """Whether something in it is not 0."""
    if isinstance(value, dict | list | tuple):
        return any(map(_anything, value.values() if isinstance(value, dict) else value))
    try:
        return bool(np.any(np.asarray(value.detach() if hasattr(value, "detach") else value)))
    except Exception:   # ragged, an object of the learner's
        return True


def _related(judged: Judged) -> Found | None:
    both = zip(judged.mine, judged.right, strict=True)
    numbers = [n for n, two in enumerate(both) if all(map(returned, two))]
    if len(numbers) < len(judged.cases) / 2:
        return None
    for chosen in (numbers, [n for n in numbers if not judged.cases[n].tag]):   # all cases, or the drawn ones
        parts = ([each[n].outputs for n in chosen] for each in (judged.mine, judged.right))
        nearly = "nearly" not in judged.exercise.skip
        sizes = [judged.cases[n].sizes for n in chosen]
        text = relation(*parts, sizes, nearly=nearly, rtol=judged.rtol)
        if text:
            return Found("", text)
    return None


def _constant(judged: Judged) -> Found | None:
    text = unmoved.constant(judged)
    return Found("", text) if text else None


def _ignored(judged: Judged) -> Found | None:
    text = unmoved.ignored(judged)
    return Found("", text) if text else None


def _as_if(judged: Judged) -> Found | None:
    """The right answer to another question: some argument changed before it goes in."""
    return _as_if_changed(judged, lambda bits: None if bits.get(None, 0) >= ENOUGH else "")


def _as_if_in_part(judged: Judged) -> Found | None:
    """The same in one output only."""
    return _as_if_changed(judged, lambda bits: next((name for name in bits if bits[name] >= ENOUGH), ""))


def _as_if_changed(judged: Judged, found_in: Callable[[dict], str | None]) -> Found | None:
    """`found_in(bits)`: the output that agrees, None for all of them, "" for none."""
    end = min(time.process_time() + SECONDS, judged.end)
    arguments = judged.cases[judged.order[0]].arguments
    for change in as_if.changes(arguments):
        if time.process_time() > end:
            return None
        function = as_if.changed(judged.exercise.reference, change, list(arguments))
        output = found_in(_agreement(judged, function))
        if output != "":
            return Found("", as_if.sentence(change, output))
    return None


def _only_there(judged: Judged) -> Found | None:
    """Right in all drawn cases, wrong where a case is special."""
    hint = only_there(judged)
    return Found("", hint) if hint else None


def _in_part(judged: Judged) -> Found | None:
    """A known mistake that shows wholly in one output, or in all drawn cases, beside something else."""
    found: list[Misconception] = []
    for known in judged.exercise.misconceptions:
        if time.process_time() > judged.end:
            return None
        if max(_agreement(judged, known.function).values(), default=0) >= ENOUGH:
            found.append(known)
    if len(found) > 1:   # the one that fits most of the special cases, too
        fits = {known.name: _fitting(judged, known.function) for known in found}
        found = [known for known in found if fits[known.name] == max(fits.values())]
    if not found or len(found) > 2:
        return None
    if len(found) == 1:
        return Found(found[0].name, translate("This at least: {hint}", hint=told(found[0].hint)))
    first, second = (told(known.hint) for known in found)
    hint = translate("One of two: {first} Or: {second}", first=first, second=second)
    return Found(" or ".join(known.name for known in found), hint)


def _fitting(judged: Judged, function: Callable[..., Any]) -> int:
    """In how many cases `function` does just what the learner's does."""
    return sum(same(judged.mine[n], judged.outcome(function, n), judged.rtol) for n in judged.order)


def _agreement(judged: Judged, function: Callable[..., Any]) -> dict[str | None, float]:
    """Bits by which the learner's outputs agree with a mistake's and not with the right ones, over all drawn
    cases, for each output and for all together (None); one that disagrees in a case is out. Nothing agrees
    when the mistake gets an output wrong that the learner's gets right."""
    bits: dict[str | None, float] = dict.fromkeys([None, *judged.exercise.outputs], 0.0)
    for n in (n for n in judged.order if not judged.cases[n].tag):
        outcome = judged.outcome(function, n)
        for group in list(bits):
            mine, other, right = (_part(each, group) for each in (judged.mine[n], outcome, judged.right[n]))
            if None in (mine, other) or mine.keys() != other.keys() or difference(mine, other, judged.rtol):
                del bits[group]
            elif right is not None:
                bits[group] += sum(
                    _information(each, right.get(name), judged.rtol) for name, each in mine.items()
                )
        if any(_speaks_against(judged, outcome, n, name) for name in judged.exercise.outputs):
            return {}
        if not bits:
            break
    return bits


def _speaks_against(judged: Judged, outcome: Outcome, number: int, name: str) -> bool:
    """Whether the learner's gets the output `name` right and a mistake does not, by more than a truth."""
    mine, other, right = (_part(each, name) for each in (judged.mine[number], outcome, judged.right[number]))
    if None in (mine, other, right) or difference(mine, right, judged.rtol):
        return False
    return sum(_information(each, right.get(part), judged.rtol) for part, each in other.items()) > 2


def _part(outcome: Outcome, group: str | None) -> dict[str, Any] | None:
    if not returned(outcome):
        return None
    return {name: each for name, each in outcome.outputs.items() if group in (None, name.partition("[")[0])}


def _information(value: Any, right: Any, rtol: float) -> float:
    """Bits it would take to be wrong in just this way: 1 for a truth, few for a count, many for fractions."""
    if right is None or not difference({"": value}, {"": right}, rtol):
        return 0.0
    try:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    except Exception:   # ragged lists
        return 8.0
    if array.dtype.kind == "f":
        fractions = {f"{each:.6g}" for each in array.ravel() if np.isfinite(each) and each != round(each)}
        return 20.0 * len(fractions)
    return float(array.size) if array.dtype.kind == "b" else min(2.0 * array.size, 16.0)
