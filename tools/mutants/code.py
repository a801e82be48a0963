"""Wrong answers grown from right ones: the single slips of a reference and of the chapter's own solution."""

from __future__ import annotations

import ast
import contextlib
import random
import types
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from helpers.checks import Exercise, exercises
from helpers.checks.slips import Slip, function_from, slips, source_of
from tools.build.cli import ROOT
from tools.build.source import Cell, Course, read_chapter

REFERENCE, SOLUTION = "reference", "solution"


@dataclass(frozen=True)
class Mutant:
    """A slip in an exercise's reference or in its solution."""

    exercise: str
    origin: str
    slip: Slip


def right_answers(exercise: Exercise) -> dict[str, Callable[..., Any]]:
    """`REFERENCE` and `SOLUTION` → the function, as far as it can be made again from its source.

    Where both are written alike there is only the reference.
    """
    return _right_answers(exercise.name, exercise.chapter, exercise.reference)


@cache
def _right_answers(name: str, chapter: str, reference: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    found, bodies = {}, set()
    with contextlib.suppress(ValueError):   # a closure, or code without a source
        function_from(source_of(reference), reference)
        found[REFERENCE] = reference
        bodies.add(_body(source_of(reference)))
    theirs = solution(name, chapter)
    if theirs is not None and _body(source_of(theirs)) not in bodies:
        found[SOLUTION] = theirs
    return found


def mutants(exercise: Exercise, budget: int | None = None) -> list[Mutant]:
    """The exercise's mutants, none twice; at most `budget` of them, drawn, but always the same ones."""
    every: dict[str, Mutant] = {}
    answers = right_answers(exercise)
    for origin, function in answers.items():
        for slip in slips(source_of(function)):
            every.setdefault(_body(slip.source), Mutant(exercise.name, origin, slip))
    right = {_body(source_of(function)) for function in answers.values()}
    found = [mutant for body, mutant in every.items() if body not in right]
    if budget is not None and budget < len(found):
        drawn = random.Random(zlib.crc32(exercise.name.encode())).sample(range(len(found)), budget)
        found = [found[place] for place in sorted(drawn)]
    return found


def made(exercise: Exercise, origin: str, source: str) -> Callable[..., Any]:
    """The function that `source` defines, with the globals of the exercise's reference or solution."""
    return function_from(source, right_answers(exercise)[origin])


def _body(source: str) -> str:
    """A function's source without its name."""
    return source.partition("(")[2]


@cache
def _solutions(number: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Exercise → (source of its cell, what the names in it mean), of the chapter `number`."""
    course = Course(ROOT)
    paths = [path for path in course.sources() if path.stem.startswith(f"{number}_")]
    if not paths:
        return {}
    theirs = [each for each in exercises() if isinstance(each, Exercise) and each.chapter == number]
    known: dict[str, Any] = {"__name__": paths[0].stem, **{each.name: each.reference for each in theirs}}
    found = {}
    for cell in read_chapter(paths[0], course.label(paths[0])).cells:
        if cell.kind == "code":
            if "exercise" in cell.options:
                found[cell.options["exercise"]] = (cell.source, dict(known))
            else:
                _define(cell, known)
    return found


def _define(cell: Cell, names: dict[str, Any]) -> None:
    """Add to `names` what the cell imports and defines, without running anything that takes time."""
    try:
        body = ast.parse(cell.source).body
    except SyntaxError:   # a shell command
        return
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) or (
            isinstance(statement, ast.Assign) and _is_literal(statement.value)
        ):
            code = compile(ast.Module([statement], []), names["__name__"], "exec")
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(code, names)


def _is_literal(node: ast.AST) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def solution(name: str, number: str) -> Callable[..., Any] | None:
    """The solution in the chapter's script, with the script's imports and simple definitions above it; None
    where the script has none. Other exercises' names mean their references."""
    source, names = _solutions(number).get(name, ("", {}))
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            shell = types.FunctionType((lambda: None).__code__, names)
            return function_from(ast.unparse(statement), shell)
    return None


def chosen(names: list[str] | None, chapter: str | None) -> Iterator[Exercise]:
    """The exercises (no quizzes) called for; ValueError for a name or chapter that does not exist."""
    every = [each for each in exercises() if isinstance(each, Exercise)]
    for name in names or ():
        if name not in [each.name for each in every]:
            raise ValueError(f"name: got {name!r}, wanted an exercise such as {every[0].name}")
    number = None if chapter is None else chapter.partition("_")[0].zfill(2)
    if number is not None and number not in [each.chapter for each in every]:
        raise ValueError(f"chapter: got {chapter!r}, wanted one with exercises, such as {every[-1].chapter}")
    return (each for each in every if (not names or each.name in names) and number in (None, each.chapter))
