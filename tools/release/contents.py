"""What goes into a release: path in the archive → bytes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from helpers.checks import exercises
from helpers.checks.registry import Exercise, Quiz
from helpers.languages import ENGLISH, LANGUAGES
from helpers.notebooks import dumps
from helpers.sealed import packed
from tools.build.pipeline import Draft, draft_course
from tools.build.source import BuildError, Course, Problem
from tools.editions.edition import Edition
from tools.release import answers, editions, texts
from tools.release.record import cases_in_code, exercise_file, quiz_file
from tools.release.reduced import Wanted, imported, reduced
from tools.update.source import digest

SEALED = [
    *("decoding", "generation", "gradient_flow", "gradients", "optim", "regularization", "state_gradients"),
    *("truncation", "corpora/batches", "layers/*", "torch_training/averaging", "torch_training/schedules"),
    *("torch_training/steps", "training/evaluation", "training/trainer"),
]
"""Modules that do what exercises ask for in other words; those with an exercise's own lines are found."""

TOOLS = ["__init__.py", "options.py", "progress.py", "replaced.py", "reset.py", "update/*.py"]
PLAIN = [
    "LICENSE", "LICENSE-TEXT", "constraints.txt", ".jupyter/**/*.json", "data/README.md", "data/runs/*.json",
    "docs/notation.md", "docs/glossary.md", "docs/corrections.md", "helpers/fonts/*.otf",
    "helpers/fonts/OFL.txt",
    *(f"tools/{each}" for each in TOOLS),
]  # fmt: skip
THIN = '''"""Exercises of chapter {number}: what their checks compare with, as data."""

from pathlib import Path

from helpers.checks.recorded import register

register(Path(__file__).parent, "{chapter}")
'''
INSTALL = "\n\nfrom helpers import sealed\n\nsealed.install()\n"


@dataclass
class Contents:
    """`files` by path; the exercises whose cases stayed as code, and why; the modules that are sealed."""

    files: dict[str, bytes] = field(default_factory=dict)
    in_code: dict[str, str] = field(default_factory=dict)
    sealed: list[str] = field(default_factory=list)


def contents(
    root: Path, chapters: set[str], solved: set[str],
    step: Callable[[str, int, int], object] = lambda *told: None,
) -> Contents:  # fmt: skip
    """The release of `chapters` (full names) of the course in `root`, with the solutions of `solved`.

    `step` hears of each exercise before it is recorded: name, number, how many. BuildError when a chapter's
    source is refused, or an exercise's answer would stand in the release.
    """
    drafts, problems = draft_course(Course(root))
    if problems:
        raise BuildError(problems)
    released = [draft for draft in drafts if draft.chapter.name in chapters]
    result = Contents()
    _plain(root, result.files)
    secret = _lines(root, drafts, released, solved)
    _helpers(root, released, secret, result)
    for draft in released:
        result.files[f"notebooks/{draft.chapter.name}.ipynb"] = dumps(draft.student).encode()
    for draft in (draft for draft in drafts if draft.chapter.name in solved):
        path = f"solutions/{draft.chapter.name}.ipynb"
        result.files[path] = (root / path).read_bytes()
    names, checked = sorted(solved), _checked(released)
    for language in LANGUAGES.keys() - {ENGLISH}:
        there = Edition(root, language)
        result.files |= editions.files(there, released, checked, names, set(result.files))
    result.files |= texts.environment(root, set(result.files))
    template = texts.TEMPLATE.read_text(encoding="utf-8")
    result.files["README.md"] = texts.readme(template, ENGLISH, released, names)
    texts.without_dead_links(result.files)
    if hits := answers.found(result.files, secret):
        message = "the release would hold an answer's line"
        raise BuildError([Problem(name, 1, message, line) for name, line in hits])
    _checks(root, checked, result, step)
    hashes = {path: digest(data) for path, data in sorted(result.files.items())}
    result.files["build/version.json"] = (json.dumps(hashes, indent=0, sort_keys=True) + "\n").encode()
    return result


def _plain(root: Path, files: dict[str, bytes]) -> None:
    for pattern in PLAIN:
        files |= {path.relative_to(root).as_posix(): path.read_bytes() for path in root.glob(pattern)}


def _helpers(root: Path, released: list[Draft], secret: set[str], result: Contents) -> None:
    """helpers/ but for the chapters' checks; what answers exercises goes into `result.sealed`."""
    numbers = {draft.chapter.name[:2] for draft in released}
    sealed = {path for name in SEALED for path in root.glob(f"helpers/{name}.py") if path.stem != "__init__"}
    for path in sorted((root / "helpers").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        chapter = re.match(r"helpers/(checks|colleague)/chapter_(\d\d)", name)
        if chapter and (chapter[1] == "checks" or chapter[2] not in numbers):
            continue
        source = path.read_text(encoding="utf-8")
        if path in sealed or (not chapter and answers.has_line(source, secret)):
            result.sealed.append(name)
        else:
            result.files[name] = source.encode()
    result.files["helpers/__init__.py"] = result.files["helpers/__init__.py"].rstrip() + INSTALL.encode()


def _lines(root: Path, drafts: list[Draft], released: list[Draft], solved: set[str]) -> set[str]:
    """The lines that answer an exercise whose solution is not handed out: of all chapters, as the others may
    be released later. What a colleague's code shows, the notebook shows."""
    hidden = [draft for draft in drafts if draft.chapter.name not in solved]
    numbers = {draft.chapter.name[:2] for draft in hidden}
    functions = [e for e in exercises() if isinstance(e, Exercise) and e.chapter in numbers]
    lines = answers.answer_lines(hidden, functions)
    for draft in released:
        for path in (root / "helpers/colleague").glob(f"chapter_{draft.chapter.name[:2]}.py"):
            lines = answers.without(lines, path.read_text(encoding="utf-8"))
    return lines


def _checked(released: list[Draft]) -> list[Exercise | Quiz]:
    """The exercises of the released chapters, and others that these carry on."""
    known = {each.name: each for each in exercises()}
    found = [known[each.name] for draft in released for each in draft.exercises]
    return found + [known[name] for name in sorted(_carried_on(released)) if known[name] not in found]


def _checks(
    root: Path, checked: list[Exercise | Quiz], result: Contents, step: Callable[[str, int, int], object]
) -> None:
    """The checks of these exercises as data, and what has to be code into the sealed file."""
    wanted: dict[str, Wanted] = {}
    for name, data in result.files.items():
        if name.startswith("helpers/colleague/"):
            for module, names in imported(root, ast.parse(data).body):
                wanted.setdefault(module, Wanted()).names.update(names)
    for exercise in (each for each in checked if isinstance(each, Exercise)):
        module = wanted.setdefault(exercise.reference.__module__, Wanted())
        module.names.add(exercise.reference.__name__)
        if why := cases_in_code(exercise):
            result.in_code[exercise.name] = why
            module.exercises.add(exercise.name)
    sources = {_sealed_name(name): source for name, source in reduced(root, wanted).items()}
    sources |= {
        name.removesuffix(".py").replace("/", "."): (root / name).read_text(encoding="utf-8")
        for name in result.sealed
    }
    result.files["helpers/sealed.bin"] = packed(sources)
    for count, exercise in enumerate(checked):
        folder = f"helpers/checks/chapter_{exercise.chapter}"
        number, path = int(exercise.chapter), f"{folder}/{exercise.name}.npz"
        result.files[f"{folder}/__init__.py"] = THIN.format(number=number, chapter=exercise.chapter).encode()
        step(exercise.name, count, len(checked))
        if isinstance(exercise, Quiz):
            result.files[path] = quiz_file(exercise)
        else:
            result.files[path] = exercise_file(exercise, _sealed_name(exercise.reference.__module__))


def _carried_on(released: list[Draft]) -> set[str]:
    """Exercises, of whichever chapter, that the chapters import from `helpers.yours`: where that chapter is
    not handed out, its course's version is all there is to import."""
    return {
        alias.name
        for draft in released
        for cell in draft.chapter.cells if cell.kind == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.ImportFrom) and node.module == "helpers.yours"
        for alias in node.names
    }  # fmt: skip


def _sealed_name(module: str) -> str:
    """The name of a module of checks in the release: a chapter that is one module has a folder there."""
    return f"{module}.written" if re.fullmatch(r"helpers\.checks\.chapter_\d\d", module) else module
