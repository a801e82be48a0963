"""The course's own chapters: what stands above each exercise, its number and its points."""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from helpers import notebooks
from helpers.checks import CHAPTERS
from helpers.statements import Code, Statement, code_of

MOST_CODE = 500_000
"""Characters of all cells of a notebook; the longest chapter has a tenth."""

SOLUTIONS = Path(__file__).resolve().parents[3] / "solutions"


@dataclass(frozen=True)
class Place:
    """Where an exercise stands in its chapter."""

    name: str
    number: str
    points: float
    cell: int
    stub: str     # fingerprint of the function as the learner gets it


@dataclass(frozen=True)
class Chapter:
    """A chapter as the course has it: its exercises in their order, and its code."""

    number: str
    exercises: dict[str, Place]
    code: tuple[Code, ...]
    cells: tuple[notebooks.Cell, ...]

    def above(self, exercise: str) -> list[Statement]:
        """The definitions above an exercise's cell, without answers."""
        places = {place.cell for place in self.exercises.values()}
        above = (number for number in range(self.exercises[exercise].cell) if number not in places)
        return [each for number in above for each in self.code[number].statements if each.is_definition]

    def before(self, exercise: str) -> set[str]:
        """The exercises above an exercise."""
        cell = self.exercises[exercise].cell
        return {place.name for place in self.exercises.values() if place.cell < cell}


@functools.cache
def chapter(number: str, folder: Path = SOLUTIONS) -> Chapter:
    """The chapter `number` ("01"). ValueError where there is none, or its notebook is damaged."""
    if number not in CHAPTERS:
        raise ValueError(f"chapter: got {number!r}, wanted one of {', '.join(CHAPTERS)}")
    files = sorted(folder.glob(f"{number}_*.ipynb"))
    if not files:
        missing = f"{folder.name}: got no notebook of chapter {number}, for which there are checks"
        raise ValueError(f"{missing}; wanted it built (make build CHAPTERS={number})")
    cells = notebooks.read(files[0])["cells"]
    marks = [(notebooks.mark(cell), cell) for cell in cells]
    points = {mark["check"]: float(cell["metadata"]["nbgrader"]["points"])
              for mark, cell in marks if "check" in mark}  # fmt: skip
    exercises = {}
    for position, (mark, cell) in enumerate(marks):
        if cell["cell_type"] == "code" and "exercise" in mark:
            name = mark["exercise"]
            stub = fingerprint(notebooks.without_solution(cell["source"]), name)
            exercises[name] = Place(name, str(mark["number"]), points[name], position, stub)
    return Chapter(number, exercises, codes(cells), tuple(cells))


def codes(cells: Iterable[notebooks.Cell]) -> tuple[Code, ...]:
    """The code of each cell; of text cells none. What is too much for a notebook of a chapter is not read."""
    found, read = [], 0
    for number, cell in enumerate(cells):
        source = cell["source"] if cell["cell_type"] == "code" else ""
        read += len(source)
        problem = f"more code above it than is read of a notebook ({MOST_CODE} characters)"
        found.append(Code(source, problem=problem) if read > MOST_CODE else code_of(source, number))
    return tuple(found)


def fingerprint(source: str, name: str) -> str:
    """As `helpers.notebooks.code_fingerprint`, without docstrings: each edition has its own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")   # of Python, about what it finds odd in the code
            tree = ast.parse(source)
        for node in ast.walk(tree):
            functions = ast.FunctionDef | ast.AsyncFunctionDef
            if isinstance(node, functions) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        source = ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):   # magics, or no Python
        pass
    return notebooks.code_fingerprint(source, name)


@functools.cache
def chapter_of_exercise() -> dict[str, str]:
    """Each exercise's chapter."""
    return {name: number for number in CHAPTERS for name in chapter(number).exercises}
