"""Which mistake an answer makes: a known one, two at once, a slip of the right answer, a telling relation."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from helpers.checks import as_if, slips
from helpers.checks.cases import Case
from helpers.checks.compare import Outcome, call, difference, kind_of
from helpers.checks.kinds import wrong_kind
from helpers.checks.limits import LimitExceeded, run_limited
from helpers.checks.patches import Patched
from helpers.checks.relations import relation
from helpers.checks.words import told
from helpers.languages import translate

if TYPE_CHECKING:
    from helpers.checks.registry import Exercise, Misconception

ENOUGH = 40   # bits on which an answer has to agree with a mistake before a part of it gives the name
# Seconds of the processor, so that names do not depend on what else it does.
SECONDS = 0.4   # for pairs of known mistakes, for slips, and for one of each
AT_MOST = 1.2   # for everything after the known mistakes


@dataclass(frozen=True)
class Found:
    """What was recognised: a name ("slip …" for a machine-made one, "" for a relation) and the hint."""

    name: str
    hint: str


class Judged:
    """An exercise's cases, the right outcomes, the learner's function and its outcomes."""

    def __init__(
        self,
        exercise: Exercise,
        function: Callable[..., Any],
        cases: list[Case],
        mine: list[Outcome],
        right: list[Outcome],
        rtol: float,
    ):
        self.exercise, self.function, self.cases = exercise, function, cases
        self.mine, self.right, self.rtol = mine, right, rtol
        wrong = [n for n in range(len(mine)) if not same(mine[n], right[n], rtol)]
        # The cases that tell most come first: most candidates are ruled out by one call.
        self.order = wrong + [n for n in range(len(mine)) if n not in set(wrong)]
        self.wrong, self.end = wrong, 0.0

    def outcome(self, function: Callable[..., Any], number: int) -> Outcome:
        return call(function, self.exercise.trial, self.cases[number], self.exercise.outputs)

    def equal(self, function: Callable[..., Any]) -> bool:
        """Whether `function` does in every case just what the learner's does.

        Where all numbers are right and only their kind is not (a list, floats for ints), the kinds count."""
        return all(
            same(self.mine[n], theirs, self.rtol)
            and (self.wrong or self.kind(self.mine[n], n) == self.kind(theirs, n))
            for n in self.order
            for theirs in [self.outcome(function, n)]
        )

    def kind(self, outcome: Outcome, number: int) -> str:
        """What `wrong_kind` says of an outcome, "" where it has nothing to say."""
        found = wrong_kind(outcome.outputs, self.right[number].outputs)
        return found.text if found else ""


def same(left: Outcome, right: Outcome, rtol: float) -> bool:
    """Equal in everything that a call shows."""
    if left.error is not None or right.error is not None:
        return kind_of(left.error) == kind_of(right.error) and str(left.error) == str(right.error)
    if left.complaint or right.complaint:
        return left.complaint == right.complaint
    return (
        left.mutated == right.mutated
        and left.outputs.keys() == right.outputs.keys()
        and difference(left.outputs, right.outputs, rtol) is None
        and gradients_agree(left, right)
    )


def gradients_agree(left: Outcome, right: Outcome) -> bool:
    """Whether the same gradients come back, as far as both noted any."""
    pairs = zip(left.gradients, right.gradients, strict=False)
    flat = [two for calls in pairs for two in zip(*calls, strict=False)]
    for mine, theirs in flat:
        if (mine is None) != (theirs is None):
            return False
        if len(mine or ()) != len(theirs or ()):
            return False
        for a, b in zip(mine or (), theirs or (), strict=True):
            if (a is None) != (b is None) or (a is not None and difference({"d": a}, {"d": b}, 1e-4)):
                return False
    return True


def recognise(judged: Judged) -> Found | None:
    """The best explanation of a wrong answer, None when there is none with evidence."""
    found = _known(judged)
    judged.end = time.process_time() + AT_MOST
    if found:
        return found
    by_chance = (_two_known, _slip, _known_and_slip) if "slips" in judged.exercise.skip else ()
    for way in (
        _two_known, _slip, _related, _ignored, _as_if, _known_and_slip, _in_part, _as_if_in_part, _only_there
    ):  # fmt: skip
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
    nan or inf in a special case comes of many mistakes."""
    for n in judged.order:
        mine, other = judged.mine[n], judged.outcome(alone, n)
        if same(mine, other, judged.rtol):
            continue
        if not _returned(mine) or mine.mutated != other.mutated or not gradients_agree(mine, other):
            return True
        beside = (other if _returned(other) else judged.right[n]).outputs
        if any(_information(each, beside.get(name), judged.rtol) for name, each in mine.outputs.items()):
            return True
    return False


def _two_things(first: str, second: str) -> str:
    return translate("Two things at once. First: {first} Second: {second}", first=first, second=second)


def _patched(judged: Judged) -> list[Misconception]:
    return [known for known in judged.exercise.misconceptions if isinstance(known.function, Patched)]


def _slip(judged: Judged) -> Found | None:
    reference = judged.exercise.reference
    slip = _matching(judged, _made(reference))
    return Found(f"slip: {slip.kind}", slip.sentence) if slip else None


def _known_and_slip(judged: Judged) -> Found | None:
    end, reference = time.process_time() + SECONDS, judged.exercise.reference
    for known in _patched(judged):
        slip = _matching(judged, _each(reference, known.function.source), end)
        if slip is None:
            continue
        by_itself = [function for each, function in _made(reference) if each.sentence == slip.sentence]
        if all(_adds(judged, alone) for alone in (known.function, *by_itself)):
            hint = _two_things(told(known.hint), slip.sentence)
            return Found(f"{known.name} + slip: {slip.kind}", hint)
    return None


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
    if judged.wrong and not any(_returned(judged.mine[n]) for n in judged.wrong):
        return None   # it raises everywhere: the error says more, and many slips raise the same

    for slip, function in made:
        if time.process_time() > end:
            break
        if judged.equal(function):
            return slip
    return None


def _related(judged: Judged) -> Found | None:
    both = zip(judged.mine, judged.right, strict=True)
    numbers = [n for n, two in enumerate(both) if all(map(_returned, two))]
    if len(numbers) < len(judged.cases) / 2:
        return None
    for chosen in (numbers, [n for n in numbers if not judged.cases[n].tag]):   # all cases, or the drawn ones
        parts = ([each[n].outputs for n in chosen] for each in (judged.mine, judged.right))
        nearly = "nearly" not in judged.exercise.skip
        text = relation(*parts, [judged.cases[n].sizes for n in chosen], nearly=nearly)
        if text:
            return Found("", text)
    return None


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


def _ignored(judged: Judged) -> Found | None:
    """An argument that the answer does not look at, though the right one does."""
    drawn = [n for n, case in enumerate(judged.cases) if not case.tag and _returned(judged.mine[n])][:6]
    for name in judged.cases[0].arguments if len(drawn) > 2 else ():
        moved = [_moves(judged, n, name) for n in drawn]
        if sum(right for _, right in moved) > 2 and not any(mine for mine, _ in moved):
            text = translate(
                "Your result does not depend on `{name}`: with another one it stays the same.", name=name
            )
            return Found("", text)
    return None


def _moves(judged: Judged, number: int, name: str) -> tuple[bool, bool]:
    """Whether another value of the argument `name` changes the learner's outputs, and the right ones."""
    case = judged.cases[number]
    another = judged.cases[(number + 1) % judged.exercise.rounds].arguments[name]
    value = as_if.other_values(case.arguments[name], another)
    if value is None:
        return True, True
    case = dataclasses.replace(case, arguments={**case.arguments, name: value})
    outcomes = [
        call(function, judged.exercise.trial, case, judged.exercise.outputs)
        for function in (judged.function, judged.exercise.reference)
    ]
    before = (judged.mine[number], judged.right[number])
    pairs = zip(outcomes, before, strict=True)
    mine, right = (_returned(now) and not same(now, then, 0.0) for now, then in pairs)
    return mine or not _returned(outcomes[0]), right


def _returned(outcome: Outcome) -> bool:
    return outcome.error is None and not outcome.complaint


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
    if not _returned(outcome):
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


def _only_there(judged: Judged) -> Found | None:
    """Right in all drawn cases, wrong where a case is special: what is special about it."""
    tags = {judged.cases[n].tag: judged.cases[n].told_hint() for n in judged.wrong}
    if "" in tags:
        return None
    first = judged.wrong[0] if judged.wrong else 0
    if judged.cases[first].tag.endswith(" = 1") and _same_shapes(judged.mine[first], judged.right[first]):
        tag = judged.cases[first].told_tag()
        text = translate("Right in the ordinary sizes, wrong with {tag}: what is different there?", tag=tag)
        return Found("", text)
    hints = [hint for hint in tags.values() if hint]
    return Found("", hints[0]) if hints else None


def _same_shapes(mine: Outcome, right: Outcome) -> bool:
    mine, right = ({name: getattr(each, "shape", None) for name, each in side.outputs.items()}
                   for side in (mine, right))  # fmt: skip
    return mine == right
