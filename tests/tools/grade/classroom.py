"""A class's folder of hand-ins, drawn by a seed, and what each of them should get."""

from __future__ import annotations

import itertools
import json
import random
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.checks import get
from helpers.checks.patches import Patched
from helpers.checks.registry import Exercise, Misconception
from tests.tools.grade.attacks.bank import answers, cell_of, file_name, put, solved, student
from tests.tools.grade.handed import as_cell, courses_own
from tools.grade.results import FAILED, NOT_ATTEMPTED, PARTLY, PASSED

WRONG = frozenset({FAILED, PARTLY})
RIGHT, UNTRIED = frozenset({PASSED}), frozenset({NOT_ATTEMPTED})


@dataclass
class Learner:
    """Who handed in what: `states` has what each exercise may get; {} where nothing can be read."""

    name: str
    kind: str
    states: dict[str, frozenset[str]] = field(default_factory=dict)


TROUBLE = {
    "endless loop": "while True:\n    pass",
    "endless loop in C": "return sum(range(10**13))",
    "memory bomb": "found = []\nfor n in range(48):\n    found.append(bytearray(b'x') * 2**26)\nreturn 0",
    "exit": "import os\nos._exit(0)",
    "flood": "for n in range(100_000):\n    print('x' * 1000)\nreturn 0",
    "deleted files": "import os, shutil\nfor folder in ('.', os.path.expanduser('~'), '/tmp'):\n"
                     "    for name in os.listdir(folder):\n"
                     "        shutil.rmtree(os.path.join(folder, name), ignore_errors=True)\nreturn 0",
    "fork bomb": "import os, time\nfor n in range(100):\n    if not os.fork():\n        time.sleep(30)\n"
                 "        os._exit(0)\ntime.sleep(1)\nreturn 0",
}  # fmt: skip
"""Bodies of answers; each stays within bounds, should what it tests be broken."""


def classroom(folder: Path, size: int, chapters: Sequence[str], seed: int = 0) -> list[Learner]:
    """Write `size` hand-ins below `folder`, a folder each → what they are.

    All troubles of `TROUBLE` and a damaged file are among them once, in the middle; the others are solutions,
    other right answers, known mistakes (each in turn), stubs, halves, and syntax errors.
    """
    rng = random.Random(seed)
    mistakes = _mistakes(chapters)
    ordinary = itertools.cycle((_solutions, _variants, _mistaken, _mistaken, _half, _stubs, _syntax))
    troubled = [lambda *a, body=body: _troubled(*a, body=body) for body in TROUBLE.values()]
    kinds = dict(zip(TROUBLE, troubled, strict=True)) | {"damaged": _damaged}
    calm = size - len(kinds)
    drawn = itertools.islice(ordinary, calm)
    made: list[tuple[str, Callable]] = [(each.__name__[1:], each) for each in drawn]
    made[calm // 2 : calm // 2] = kinds.items()
    found = []
    for number, (kind, make) in enumerate(made):
        learner = Learner(f"learner-{number:03d}", kind)
        for chapter in chapters:
            make(folder / learner.name, chapter, learner, rng, mistakes[chapter])
        found.append(learner)
    return found


def _mistakes(chapters: Sequence[str]) -> dict[str, Any]:
    """{chapter: an endless row of (exercise, source, name of its mistake)}."""
    return {each: itertools.cycle(list(_each_mistake(each))) for each in chapters}


def _each_mistake(chapter: str):
    for name, right in answers(chapter).items():
        exercise = get(name)
        for mistake in exercise.misconceptions if isinstance(exercise, Exercise) else ():
            source = _as_answer(mistake, right, name)
            if source:
                yield name, source, mistake.name


def _as_answer(mistake: Misconception, right: str, name: str) -> str:
    """A mistake as a learner's cell, "" where it cannot be written as one."""
    if isinstance(mistake.function, Patched):
        for old, new in mistake.function.changes:
            if right.count(old) != 1:
                return ""
            right = right.replace(old, new)
        return right
    try:
        return as_cell(mistake.function, name)
    except (OSError, TypeError):
        return ""


def _hand_in(folder: Path, chapter: str, learner: Learner, states: dict[str, Any], **own: str) -> None:
    put(folder, solved(chapter, **own), chapter)
    learner.states |= dict.fromkeys(answers(chapter), RIGHT) | states


def _solutions(folder, chapter, learner, rng, mistakes):
    _hand_in(folder, chapter, learner, {})


def _variants(folder, chapter, learner, rng, mistakes):
    own = {}
    courses = courses_own(chapter)
    called = {name for each in courses.values() for name in each.earlier}   # more than stated
    for name in sorted(courses.keys() - called):
        variants = getattr(get(name), "variants", ())
        source = as_cell(rng.choice(variants).function, name) if variants else ""
        if source:
            own[name] = source
    _hand_in(folder, chapter, learner, {}, **own)


def _mistaken(folder, chapter, learner, rng, mistakes):
    own = {}
    for _ in range(3):
        name, source, _ = next(mistakes)
        own.setdefault(name, source)
    _hand_in(folder, chapter, learner, dict.fromkeys(own, WRONG), **own)


def _half(folder, chapter, learner, rng, mistakes):
    stubs = {name: cell_of(student(chapter), name)["source"] for name in answers(chapter)}
    own = dict(list(stubs.items())[len(stubs) // 2 :])
    _hand_in(folder, chapter, learner, dict.fromkeys(own, UNTRIED), **own)


def _stubs(folder, chapter, learner, rng, mistakes):
    put(folder, student(chapter), chapter)
    learner.states |= dict.fromkeys(answers(chapter), UNTRIED)


def _syntax(folder, chapter, learner, rng, mistakes):
    name = rng.choice(list(answers(chapter)))
    source = answers(chapter)[name].replace("return", "retrun (", 1)
    _hand_in(folder, chapter, learner, {name: WRONG}, **{name: source})


def _troubled(folder, chapter, learner, rng, mistakes, *, body):
    name = next(each for each in answers(chapter) if isinstance(get(each), Exercise))
    head = next(line for line in answers(chapter)[name].split("\n") if line.startswith("def "))
    source = head + "\n" + textwrap.indent(body, "    ")
    _hand_in(folder, chapter, learner, {name: WRONG}, **{name: source})


def _damaged(folder, chapter, learner, rng, mistakes):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(solved(chapter))
    folder.joinpath(file_name(chapter)).write_text(text[: len(text) // 2], encoding="utf-8")
