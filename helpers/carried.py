"""A learner's own function from a saved notebook: found there, gathered with what it needs, run and tried.

Only definitions run: imports, functions, classes, and names given a value that nothing has to be done for. No
training, no statement that prints or writes. It is the code of the notebook beside the one that asks, or of
notebooks/, in the process that asks: whoever puts a stranger's notebook there runs a stranger's code.
"""

from __future__ import annotations
import __future__ as features

import builtins
import functools
import linecache
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers import notebooks, progress
from helpers.checks.cases import cases_of
from helpers.checks.compare import call
from helpers.checks.judge import SECONDS
from helpers.checks.judged import same
from helpers.checks.limits import run_limited
from helpers.checks.registry import Exercise, Quiz, get
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED
from helpers.checks.words import told
from helpers.definitions import does_more
from helpers.languages import ENGLISH, language, listed, translate
from helpers.statements import Statement, code_of


class NotCarried(Exception):
    """Why the learner's function is not taken: a part of a sentence."""


@dataclass(frozen=True)
class Carried:
    """A function to go on with: the learner's (`own`), or the course's, and `why`. As text one line."""

    name: str
    function: Callable[..., Any]
    own: bool
    why: str

    def __str__(self) -> str:
        if self.own:
            return translate("{name}: yours, {why}", name=self.name, why=self.why)
        return translate("{name}: the course's ({why})", name=self.name, why=self.why)


def carried(name: str, folder: Path | None = None) -> Carried:
    """The learner's function for the exercise `name` if its check passed, it has not changed since, and it
    still gives what the check wants; otherwise the course's, as `check` hands it out.

    `folder` holds the notebooks: None is the current folder if the chapter is there, else notebooks/. The
    shortest name that begins with the chapter's number counts, of the edition in the language in use if
    anything can be taken from that one, else of another. ValueError with near names where there is no such
    exercise.
    """
    exercise = get(name)
    problems = []
    for path in _editions(exercise.chapter, folder):
        try:
            notebook = _opened(path)
            function = notebook.function(exercise)
        except NotCarried as problem:
            problems.append(str(problem))
            continue
        return Carried(name, function, True, _from(notebook, name))
    if not problems:
        problems.append(translate(
            "there is no notebook of chapter {chapter} here, wanted a name that begins with {number}_",
            chapter=int(exercise.chapter), number=exercise.chapter,
        ))  # fmt: skip
    return Carried(name, exercise.stand_in(), False, problems[0])


def _from(notebook: _Notebook, name: str) -> str:
    """Which notebook a function is from, and what of the course's stands beside it."""
    lent = [other for other in notebook.used[name] if isinstance(notebook.found[other], NotCarried)]
    if not lent:
        return translate("from {file}", file=notebook.file)
    return translate("from {file}, with the course's {names}", file=notebook.file, names=listed(lent))


def _editions(chapter: str, folder: Path | None) -> list[Path]:
    """A chapter's notebooks in the first folder that has any, that in the language in use first."""
    here, _ = notebooks.root_of(Path.cwd())   # where Jupyter runs a notebook
    roots = [folder] if folder else [*([here] if here != progress.SOLUTIONS else []), progress.NOTEBOOKS]
    for root in roots:
        each = (sorted(place.glob(f"{chapter}_*.ipynb"), key=lambda path: (len(path.name), path.name))
                for place in notebooks.editions(root))  # fmt: skip
        if found := [paths[0] for paths in each if paths]:
            return found
    return []


def _opened(path: Path) -> _Notebook:
    try:
        status = path.stat()
        return _read(path, _called(path), status.st_mtime_ns, status.st_size, language())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        text = translate("{file} cannot be read: {reason}", file=_called(path), reason=reason)
        raise NotCarried(text) from None


def _called(path: Path) -> str:
    """Its name, and where it lies if that is not where the learner works."""
    root, spoken = notebooks.root_of(path.parent)
    if Path.cwd() == path.parent:
        return path.name
    if root == progress.NOTEBOOKS and Path.cwd() != root:
        return path.relative_to(root.parent).as_posix()
    return path.name if spoken == ENGLISH else path.relative_to(root).as_posix()


@functools.lru_cache(maxsize=4)
def _read(path: Path, file: str, changed: int, size: int, spoken: str) -> _Notebook:
    return _Notebook(path.stem, file, notebooks.read(path)["cells"])


class _Notebook:
    """A notebook's cells, what has been `found` so far (the function of an exercise, or why not), and the
    exercises that each one has `used`. `file` is what a sentence calls it."""

    def __init__(self, stem: str, file: str, cells: list[notebooks.Cell]):
        self.stem, self.file, self.cells = stem, file, cells
        sources = (cell["source"] if cell["cell_type"] == "code" else "" for cell in cells)
        codes = [code_of(source, number) for number, source in enumerate(sources)]
        self.statements = [each for code in codes for each in code.statements if each.is_definition]
        self.broken = {number: code for number, code in enumerate(codes) if code.problem}
        self.found: dict[str, Callable[..., Any] | NotCarried] = {}
        self.used: dict[str, list[str]] = {}

    def function(self, exercise: Exercise | Quiz) -> Callable[..., Any]:
        """The learner's function, tried; NotCarried with the reason where there is none to be had."""
        name = exercise.name
        if name not in self.found:
            round_about = translate("in {file} it calls itself by way of others", file=self.file)
            self.found[name] = NotCarried(round_about)
            self.used[name] = []
            try:
                self.found[name] = self._function(exercise)
            except NotCarried as problem:
                self.found[name] = problem
        if isinstance(self.found[name], NotCarried):
            raise self.found[name]
        return self.found[name]

    def _function(self, exercise: Exercise | Quiz) -> Callable[..., Any]:
        name, file = exercise.name, self.file
        state = progress.state_of(self.cells, name)
        if state != PASSED:
            raise NotCarried(_why(state, file))
        until = notebooks.last_verdict(self.cells, name)[0]
        cell = notebooks.answer(self.cells, name, until)
        found = (each for each in self.statements if each.cell == cell and name in each.binds)
        answer = max(found, key=lambda each: each.part, default=None)
        if answer is None:
            raise NotCarried(translate("in {file} it is no plain definition", file=file))
        needed, missing = self._needed(answer, exercise, until)
        try:
            function = self._run(needed, exercise)
        except (Exception, SystemExit) as error:
            first = str(error).partition("\n")[0]
            reason = f"{type(error).__name__}: {first[:100]}"
            text = translate("yours in {file} cannot be loaded: {error}", file=file, error=reason)
            raise NotCarried(text) from None
        if not _passes(exercise, function):
            raise NotCarried(self._lacks(missing[0], until) if missing else translate(
                "yours does not pass with the definitions above its check as they are saved in {file}",
                file=file,
            ))  # fmt: skip
        return function

    def _lacks(self, name: str, until: int) -> str:
        """What is said of a name that no definition binds: it may stand in a cell that cannot be read."""
        for number, code in self.broken.items():
            if number <= until and re.search(rf"\b{re.escape(name)}\b", code.source):
                return translate(
                    "yours reads `{name}`, and its cell in {file} holds {problem}",
                    name=name, file=self.file, problem=told(code.problem),
                )  # fmt: skip
        return translate(
            "yours reads `{name}`, which no definition above its check in {file} binds",
            name=name, file=self.file,
        )  # fmt: skip

    def _needed(
        self, answer: Statement, exercise: Exercise | Quiz, until: int
    ) -> tuple[list[Statement], list[str]]:
        """The statements that the answer needs, in their order, and the names that none of them binds."""
        above = [each for each in self.statements if each.cell <= until]
        taken, todo, missing = {answer}, [answer], []
        while todo:
            statement = todo.pop()
            self._refuse(statement, above)
            for name in sorted(statement.reads - (statement.binds - statement.eager) - {exercise.name}):
                found = next((each for each in reversed(above)
                              if name in each.binds and each is not statement), None)  # fmt: skip
                if self._is_earlier(name, found, exercise):
                    self.used[exercise.name] += [name] if name not in self.used[exercise.name] else []
                elif found is None:
                    missing += [name] if not hasattr(builtins, name) else []
                elif found not in taken:
                    taken.add(found)
                    todo.append(found)
        if missing:
            taken |= {each for each in above if "*" in each.binds}
        return sorted(taken, key=lambda each: (each.cell, each.part)), missing

    @staticmethod
    def _is_earlier(name: str, found: Statement | None, exercise: Exercise | Quiz) -> bool:
        """Whether a name stands for another exercise of the chapter, and not for what was imported."""
        if found is not None and found.is_import:
            return False
        try:
            return get(name).chapter == exercise.chapter
        except ValueError:
            return False

    def _refuse(self, statement: Statement, above: list[Statement]) -> None:
        """NotCarried where a definition would do more than define."""
        todo = does_more(statement, above)
        if todo:
            line = " ".join(todo.split())
            line = line if len(line) <= 50 else line[:49] + "…"
            raise NotCarried(translate(
                "yours needs what `{code}` does in {file}, which is not run", code=line, file=self.file
            ))  # fmt: skip

    def _run(self, needed: list[Statement], exercise: Exercise | Quiz) -> Callable[..., Any]:
        space: dict[str, Any] = {"__name__": f"carried.{self.stem}", "__builtins__": builtins}
        for name in self.used[exercise.name]:
            other = get(name)
            try:
                space[name] = self.function(other)
            except NotCarried:
                space[name] = other.stand_in()
        futures = {alias.name for each in self.statements if getattr(each.node, "module", "") == "__future__"
                   for alias in each.node.names}  # fmt: skip
        flags = sum(getattr(features, name).compiler_flag for name in futures)
        for each in needed:
            label = f"<{self.file}, cell {each.cell + 1}.{each.part + 1}>"
            lines = each.padded.splitlines(keepends=True)
            linecache.cache[label] = (len(each.padded), None, lines, label)   # for tracebacks and getsource
            exec(compile(each.padded, label, "exec", flags=flags, dont_inherit=True), space)
        return space[exercise.name]


def _why(state: str, file: str) -> str:
    """Why a function is not taken whose last check left this state."""
    why = {
        NOT_ATTEMPTED: translate("yours in {file} is not attempted yet", file=file),
        FAILED: translate("yours in {file} has not passed yet", file=file),
        progress.NOT_RUN: translate(
            "the check of yours in {file} has not run, or was not saved", file=file
        ),
        progress.CHANGED: translate(
            "yours in {file} has changed since its check: run it and save", file=file
        ),
        progress.UNSURE: translate(
            "{file} does not show whether yours passed: run its check and save", file=file
        ),
        progress.MISSING: translate("{file} does not hold it", file=file),
    }
    return why[state]


def _passes(exercise: Exercise | Quiz, function: Any) -> bool:
    """Whether `function` gives what the course's version gives, in the cases of its box."""
    if isinstance(exercise, Quiz):
        return callable(function)
    try:
        return run_limited(lambda: all(_outcomes_agree(exercise, function)), seconds=SECONDS)
    except Exception:   # it does not come back, or PyTorch is not here
        return False


def _outcomes_agree(exercise: Exercise, function: Callable[..., Any]) -> Iterator[bool]:
    if exercise.record is not None:   # in a class's copy
        known = exercise.record.prepared(np.float64, b"")
        pairs = zip(known.cases, known.right, strict=True)
    else:
        cases = cases_of(exercise)
        pairs = ((case, call(exercise.reference, exercise.trial, case, exercise.outputs)) for case in cases)
    for case, right in pairs:
        yield same(call(function, exercise.trial, case, exercise.outputs), right, exercise.rtol)
