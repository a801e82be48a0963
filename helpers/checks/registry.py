"""What an exercise is: its cases, oracles, known misconceptions, correct variants and examples."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from helpers.checks.patches import Patched
from helpers.validation import require

CHAPTERS = tuple(sorted({path.stem[-2:] for path in Path(__file__).parent.glob("chapter_[0-9][0-9]*")}))
"""Chapters with exercises, "00" …: those that have a module ``helpers.checks.chapter_NN``."""

WRAPPED = 20
"""How many functions around another one are looked through: an object may claim to wrap itself."""

_REGISTRY: dict[str, Exercise] = {}


@dataclass(frozen=True)
class Oracle:
    """An independent way to the right answer: ``function(*arguments)`` → the outputs.

    `rtol` replaces the exercise's tolerance where the oracle itself is less exact (central differences).
    """

    name: str
    function: Callable[..., Any]
    rtol: float | None = None
    needs_torch: bool = False


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that learners really give, as code, and the hint that goes with it."""

    name: str
    hint: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Variant:
    """A correct answer written differently; the check has to accept it."""

    name: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Extreme:
    """A case at the edge of what the text allows (large logits, zeros, ties, …): `draw(rng)` → its arguments.

    `hint` is for an answer that is right in all drawn cases and wrong here.
    """

    name: str
    hint: str
    draw: Callable[[np.random.Generator], Mapping[str, Any]]


class _StandIn:
    """Mixin: the reference, marked so that a check recognises it when it is handed in again."""

    name: str
    reference: Callable[..., Any]

    def stand_in(self) -> Callable[..., Any]:
        """The course's version, to go on with; `is_stand_in` recognises it."""

        @functools.wraps(self.reference)
        def reference(*args: Any, **kwargs: Any) -> Any:
            return self.reference(*args, **kwargs)

        reference.__unrolled_reference__ = self.name
        return reference

    def is_stand_in(self, function: object) -> bool:
        """Whether `function` is the course's version, or `functools.wraps` or `functools.partial` round it,
        rather than a learner's. A function that calls it in other words is not seen here."""
        for _ in range(WRAPPED):
            if function is self.reference or getattr(function, "__unrolled_reference__", None) is not None:
                return True
            partial = isinstance(function, functools.partial)
            function = function.func if partial else getattr(function, "__wrapped__", None)
        return False


@dataclass
class Exercise(_StandIn):
    """A function to write.

    `cases(rng, *, N=(2, 4), D=(5, 7))` draws the arguments of one case as a dict, in the order of the
    signature. Its keyword-only arguments are the sizes, with the smallest and largest they are drawn from as
    default; the body sees one number each. All dimensions differ, states and biases are not zero. `outputs`
    names what the function returns. Beside `rounds` drawn cases the check tries each size at 1, the example
    of the statement (`landmark`), the extremes, arrays with gaps in memory and read-only ones, and calls the
    function a second time. Whatever of this an exercise lacks, `skip` says why: keys "N = 1", "sizes",
    "extreme", `cases.GAPS`, `cases.READ_ONLY`, "again"; and "credit" where a wrong answer gets no part of the
    points, "slips" where answers hold so few bits that slips and pairs of mistakes would agree with them by
    chance, "nearly" where being nearly right tells nothing.

    An answer is compared with every oracle in relative terms: max |got − want| ≤ rtol · max(|want|, 1).

    Where what a function returns is not all that it does (it changes a model, or has to be called twice),
    `trial(function, *arguments)` → the outputs tries it. Answers, reference and misconceptions are all tried
    in this way; oracles know the outputs themselves. A trial may raise `compare.Complaint` with a
    sentence for the learner.
    """

    name: str
    chapter: str
    reference: Callable[..., Any]
    outputs: tuple[str, ...]
    cases: Callable[..., Mapping[str, Any]]
    rounds: int = 5
    rtol: float = 1e-9
    float32_rtol: float = 2e-4
    trial: Callable[..., Any] | None = None
    skip: Mapping[str, str] = field(default_factory=dict)
    oracles: list[Oracle] = field(default_factory=list)
    misconceptions: list[Misconception] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    landmarks: list[str] = field(default_factory=list)
    extremes: list[Extreme] = field(default_factory=list)
    prepared: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)   # the judge's, kept
    record: Any = field(default=None, repr=False, compare=False)   # `recorded.Record`, in place of code

    def __post_init__(self) -> None:
        _register(self)

    def sizes(self) -> dict[str, tuple[int, int]]:
        """The sizes that `cases` takes → the smallest and the largest drawn."""
        parameters = inspect.signature(self.cases).parameters.values()
        return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}

    def lacks(self) -> list[str]:
        """What the exercise neither has nor gives a reason in `skip` for lacking."""
        wanted = {"sizes": self.sizes(), "extreme": self.extremes, "example": self.landmarks}
        return [part for part, there in wanted.items() if not there and not self.skip.get(part)]

    def tried(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """arguments of a case → outputs: `function` itself, or its trial."""
        return function if self.trial is None else functools.partial(self.trial, function)

    def oracle(self, name: str, *, rtol: float | None = None, needs_torch: bool = False):
        """Decorator: add an oracle."""
        return self._adder(self.oracles, lambda f: Oracle(name, f, rtol, needs_torch))

    def misconception(self, name: str, hint: str):
        """Decorator: add a known wrong answer with its hint."""
        return self._adder(self.misconceptions, lambda f: Misconception(name, hint, f))

    def mistake(self, name: str, hint: str, *changes: tuple[str, str]) -> None:
        """Add a known wrong answer as changes to the reference's text, each (what stands there, what
        instead)."""
        self.misconceptions.append(Misconception(name, hint, Patched(self.reference, changes)))

    def variant(self, name: str):
        """Decorator: add a correct answer written differently."""
        return self._adder(self.variants, lambda f: Variant(name, f))

    def extreme(self, name: str, hint: str = ""):
        """Decorator: add a case at the edge of what the text allows."""
        return self._adder(self.extremes, lambda f: Extreme(name, hint, f))

    def landmark(self, snippet: str) -> None:
        """Add the example of the statement, word for word (see `helpers.checks.landmarks`); it is also a
        case."""
        self.landmarks.append(inspect.cleandoc(snippet) + "\n")

    @staticmethod
    def _adder(collection: list, make: Callable[[Callable], Any]):
        def add(function: Callable) -> Callable:
            collection.append(make(function))
            return function

        return add


@dataclass
class Quiz(_StandIn):
    """A question with lettered options; every option has its explanation."""

    name: str
    chapter: str
    answer: str
    options: dict[str, str]

    def __post_init__(self) -> None:
        self.check_options()
        _register(self)

    def check_options(self) -> None:
        """ValueError unless the answer is one of the options."""
        require(self.answer in self.options, "answer", repr(self.answer), f"one of {sorted(self.options)}")

    def is_right(self, letter: str) -> bool:
        """Whether `letter` is the answer."""
        return letter == self.answer

    @functools.cached_property
    def reference(self) -> Callable[[], str]:
        """A function that returns the right letter: always the same one, marked as the course's."""

        def reference() -> str:
            return self.answer

        reference.__unrolled_reference__ = self.name
        return reference


def _register(exercise: Exercise | Quiz) -> None:
    known = _REGISTRY.get(exercise.name)
    free = known is None or known.chapter == exercise.chapter   # reloading a chapter's module is fine
    require(free, "name", repr(exercise.name), "a name not yet taken")
    _REGISTRY[exercise.name] = exercise


def _load(chapters=CHAPTERS) -> None:
    for chapter in chapters:
        importlib.import_module(f"helpers.checks.chapter_{chapter}")
        for exercise in _REGISTRY.values():
            if isinstance(exercise, Exercise) and exercise.chapter == chapter:
                lacks = ", ".join(exercise.lacks())
                require(not lacks, exercise.name, f"an exercise without {lacks}", "it, or a reason in `skip`")


def exercises() -> list[Exercise | Quiz]:
    """All exercises of all chapters, in the order of the chapters."""
    _load()
    return sorted(_REGISTRY.values(), key=lambda exercise: exercise.chapter)


def get_registered(name: str) -> Exercise | Quiz:
    """The exercise `name` of a chapter whose module is just being imported; KeyError when there is none."""
    return _REGISTRY[name]


def get(name: str) -> Exercise | Quiz:
    """The exercise `name`; ValueError with the nearest names when there is none."""
    _load()
    if name not in _REGISTRY:
        import difflib

        near = difflib.get_close_matches(str(name), _REGISTRY, n=3) or sorted(_REGISTRY)
        raise ValueError(f"name: got {name!r}, wanted the name of an exercise, such as {', '.join(near)}")
    return _REGISTRY[name]
