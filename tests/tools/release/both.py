"""In the folder of a release: ``python -I both.py COURSE [EXERCISE …]``.

Judges answers by the release's checks and by the course's own, and prints as JSON, a line an exercise, how
many known mistakes were named alike and which verdicts differ.
"""

import importlib
import itertools
import json
import os
import re
import sys
from pathlib import Path

course, *names = sys.argv[1:]
sys.path.insert(0, os.getcwd())

from helpers import checks, sealed  # noqa: E402
from helpers.checks import recognise, registry, slips  # noqa: E402
from helpers.checks.judge import judge  # noqa: E402
from helpers.checks.patches import Patched  # noqa: E402

FEW = 2
recognise.SECONDS, recognise.AT_MOST = 2.0, 6.0   # what is found is not to depend on the machine
CHAPTER = "helpers.checks.chapter_"
released = {each.name: each for each in checks.exercises()}


def the_courses():
    """The course's own exercises, by the release's engine: its chapters' code in place of the release's."""
    finder = next(each for each in sys.meta_path if isinstance(each, sealed._Finder))
    for name in [name for name in sys.modules if name.startswith(CHAPTER)]:
        del sys.modules[name]
    kept = finder.sources
    finder.sources = {name: text for name, text in kept.items() if not name.startswith(CHAPTER)}
    checks.__path__[:] = [str(Path(course, "helpers", "checks"))]
    registry._REGISTRY.clear()
    registry._load()
    for chapter in registry.CHAPTERS:   # all modules of the released ones now: some are imported late
        for path in Path(course, "helpers", "checks", f"chapter_{chapter}").glob("[!_]*.py"):
            importlib.import_module(f"{CHAPTER}{chapter}.{path.stem}")
    finder.sources = kept   # of which the release makes slips and two mistakes at once
    return dict(registry._REGISTRY)


def told(verdict):
    """What a learner reads, without addresses of objects, and without lines of the course's own files."""
    kept = ("state", "text", "hint", "title", "misconception", "printed", "credit")
    unlike = re.compile(r"0x[0-9a-f]+| in line \d+ of its cell: `[^`]*`", re.IGNORECASE)
    return {name: unlike.sub("", str(getattr(verdict, name))) for name in kept}


def stub(*arguments):
    raise NotImplementedError


def typed(function):
    """`function` as a learner's own, not known as the course's."""
    return lambda *given: function(*given)


def composed(exercise, mistakes):
    """A few slips of the reference, and a few answers with two mistakes."""
    try:
        slipped = list(slips.slips(slips.source_of(exercise.reference)))
    except ValueError:
        return {}
    made = {f"slip {each.sentence}": slips.function_from(each.source, exercise.reference)
            for each in slipped[:: max(1, len(slipped) // FEW)]}   # fmt: skip
    changes = [each for each in mistakes if isinstance(each.function, Patched)][: FEW + 1]
    for one, other in itertools.pairwise(changes):
        if (both := one.function.together(other.function)) is not None:
            made[f"{one.name} + {other.name}"] = both
    return made


for name, exercise in the_courses().items():
    if name not in released or (names and name not in names):
        continue
    mistakes = getattr(exercise, "misconceptions", ())
    if isinstance(exercise, registry.Quiz):
        answers = {letter: (lambda given=letter: given) for letter in [*exercise.options, "z"]}
        known = exercise.options.keys() - {exercise.answer}
    else:
        answers = {"stub": stub, "right": typed(exercise.reference)}
        answers |= {f"variant {each.name}": each.function for each in exercise.variants}
        answers |= {each.name: each.function for each in mistakes}
        known = {each.name for each in mistakes}
        answers |= composed(exercise, mistakes)
    differ, named = {}, 0
    for label, answer in answers.items():
        full, here = (told(judge(each, answer)) for each in (exercise, released[name]))
        named += label in known and here["misconception"] == full["misconception"] != "None"
        if full != here:
            differ[label] = [full, here]
    counts = {"mistakes": len(known), "named": named, "answers": len(answers)}
    print(json.dumps({"exercise": name, **counts, "differ": differ}), flush=True)
