"""The two notebooks of a chapter: what the author wrote, and what a learner opens."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from traitlets.config import Config, PyFileConfigLoader

from helpers.notebooks import hashed_id
from tools.build.drawing import FOLDED, FOLDED_TAG, folds
from tools.build.exercises import Exercise
from tools.build.source import BuildError, Cell, Chapter, Problem

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
NBGRADER_CONFIG = Path(__file__).resolve().parents[2] / "nbgrader_config.py"
# A slider is for people: nbval, nbclient and nbgrader pass it by.
DEMO_TAGS = ["nbval-skip", "skip-execution"]
NEW_CELL = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


def solution_notebook(chapter: Chapter, exercises: list[Exercise]) -> nbformat.NotebookNode:
    """The chapter as a notebook with solutions, not yet executed.

    An exercise's cell and its check carry nbgrader's metadata, and under ``unrolled`` what the
    progress table needs: exercise, number, difficulty (1 to 3) and minutes; check.
    """
    metadata: dict[int, dict] = {}
    for exercise in exercises:
        metadata[exercise.cell] = {
            "nbgrader": _nbgrader(exercise.name, solution=True),
            "unrolled": {
                "exercise": exercise.name,
                "number": exercise.number,
                "difficulty": exercise.difficulty,
                "minutes": exercise.minutes,
            },
        }
        metadata[exercise.check] = {
            "nbgrader": _nbgrader(f"{exercise.name}_check", solution=False) | {"points": exercise.points},
            "unrolled": {"check": exercise.name},
        }
    notebook = new_notebook()
    taken: set[str] = {m["nbgrader"]["grade_id"] for m in metadata.values()}
    for position, cell in enumerate(chapter.cells):
        extra = metadata.get(position, {})
        tags = list(cell.options.get("tags", []))
        if cell.options.get("demo"):
            tags += [tag for tag in DEMO_TAGS if tag not in tags]
        if folds(cell):
            extra |= copy.deepcopy(FOLDED)
            tags += [FOLDED_TAG]
        if tags:
            extra["tags"] = tags
        identity = extra["nbgrader"]["grade_id"] if "nbgrader" in extra else _hashed_id(cell, taken)
        notebook.cells.append(NEW_CELL[cell.kind](cell.source, metadata=extra, id=identity[:64]))
    set_notebook_metadata(notebook)
    return notebook


def student_notebook(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """What `nbgrader generate_assignment` makes of the solution: stubs, no outputs, locked checks."""
    notebook, resources = copy.deepcopy(solution), {}
    for preprocessor in _release():
        notebook, resources = preprocessor.preprocess(notebook, resources)
    return notebook


def set_notebook_metadata(notebook: nbformat.NotebookNode) -> None:
    """Kernel and language, and nothing that depends on the machine."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5


def _nbgrader(grade_id: str, *, solution: bool) -> dict:
    """nbgrader's metadata of a solution, or else of a test cell."""
    return {
        "grade": not solution,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }


def _hashed_id(cell: Cell, taken: set[str]) -> str:
    """An id from kind and source; a cell that stands there twice is counted."""
    count = 0
    while True:
        identity = hashed_id(cell.kind, cell.source, count)
        if identity not in taken:
            taken.add(identity)
            return identity
        count += 1


@cache
def _release() -> list:
    """nbgrader's preprocessors in the order of its release, with the course's nbgrader_config.py."""
    try:
        from nbgrader import preprocessors as nbgrader
    except ModuleNotFoundError as error:
        message = f"{error.name} is missing: the build needs the extra, pip install -e '.[test,grade]'"
        raise BuildError([Problem("pyproject.toml", 1, message)]) from None
    config: Config = PyFileConfigLoader(NBGRADER_CONFIG.name, path=str(NBGRADER_CONFIG.parent)).load_config()
    steps = [
        nbgrader.LockCells,
        nbgrader.ClearSolutions,
        nbgrader.ClearOutput,
        nbgrader.CheckCellMetadata,
        nbgrader.ComputeChecksums,
        nbgrader.ClearHiddenTests,
        nbgrader.ClearMarkScheme,
        nbgrader.ComputeChecksums,
        nbgrader.CheckCellMetadata,
    ]
    return [step(config=config) for step in steps]
