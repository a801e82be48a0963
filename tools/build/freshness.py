"""Whether the notebooks on disk are what their sources build; nothing is executed here."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

import nbformat

from helpers.advice import command
from helpers.files import write_text
from helpers.notebooks import dumps
from tools.build.outputs import output_problems
from tools.build.source import CHAPTER_NAME, Chapter, Course, Problem

MEND = f"run '{command('build')}'"


def read_notebook(path: Path) -> nbformat.NotebookNode | None:
    """The notebook at `path`, or None where there is none that can be read."""
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(notebook)
    except (OSError, ValueError, nbformat.ValidationError):
        return None
    return notebook


def stale_solution(course: Course, chapter: Chapter, built: nbformat.NotebookNode) -> list[Problem]:
    """Where the stored solution is not `built`, was not executed, or has outputs that are refused."""
    path = course.solutions / f"{chapter.name}.ipynb"
    stored = read_notebook(path)
    file = course.label(path)
    if stored is None:
        return [Problem(file, 1, f"missing or no notebook: {MEND}")]
    different = _first_difference(chapter, built, without_outputs(stored), file)
    if different is not None:
        return [different]
    if path.read_text(encoding="utf-8") != dumps(stored):
        return [Problem(file, 1, f"saved by an editor, not by the build: {MEND}")]
    return refused(course, chapter, stored)


def refused(course: Course, chapter: Chapter, executed: nbformat.NotebookNode) -> list[Problem]:
    """Where a solution was not executed, or has outputs that are refused."""
    file = course.label(course.solutions / f"{chapter.name}.ipynb")
    count = 0
    for cell, node in zip(chapter.cells, executed.cells, strict=True):
        if node.cell_type != "code":
            continue
        wanted = None if cell.options.get("demo") else (count := count + 1)
        if node.execution_count != wanted or (wanted is None and node.outputs):
            text = f"[{node.execution_count}], wanted [{wanted}]"
            return [Problem(file, 1, f"cell {node.id} was not executed by the build: {MEND}", text)]
    return output_problems(chapter, executed, course)


def with_stored_outputs(
    course: Course, chapter: Chapter, built: nbformat.NotebookNode
) -> nbformat.NotebookNode | None:
    """`built` with the stored solution's outputs; None unless the build stored it, and with the same code."""
    path = course.solutions / f"{chapter.name}.ipynb"
    stored = read_notebook(path)
    if stored is None or path.read_text(encoding="utf-8") != dumps(stored) or _code(built) != _code(stored):
        return None
    executed = copy.deepcopy(built)
    for cell, theirs in zip(_code_cells(executed), _code_cells(stored), strict=True):
        cell.outputs, cell.execution_count = theirs.outputs, theirs.execution_count
    return executed


def _code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _code(notebook: nbformat.NotebookNode) -> list[tuple]:
    """All that runs, in order, and what the build and the checks know about it."""
    return [(cell.source, cell.metadata) for cell in _code_cells(notebook)]


def stale_student(course: Course, chapter: Chapter, built: nbformat.NotebookNode) -> list[Problem]:
    """Where the stored student notebook is not `built` to the byte."""
    path = course.notebooks / f"{chapter.name}.ipynb"
    stored, file = read_notebook(path), course.label(path)
    if stored is None:
        return [Problem(file, 1, f"missing or no notebook: {MEND}")]
    different = _first_difference(chapter, built, without_outputs(stored), file)
    if different is not None:
        return [different]
    # Read as text: a checkout on Windows may have turned the newlines.
    if path.read_text(encoding="utf-8") != dumps(built):
        return [Problem(file, 1, f"has outputs, or was saved by an editor: {MEND}")]
    return []


def orphans(course: Course) -> list[Problem]:
    """Notebooks that no script builds; in notebooks/ those of a chapter's name, others are a learner's."""
    names = {path.stem for path in course.sources()}
    return [
        Problem(course.label(path), 1, f"no source: move it away, or bring solutions/{path.stem}.py back")
        for folder in (course.solutions, course.notebooks)
        for path in sorted(folder.glob("*.ipynb"))
        if path.stem not in names and (folder == course.solutions or CHAPTER_NAME.fullmatch(path.stem))
    ]


def without_outputs(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy as before its execution."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _first_difference(
    chapter: Chapter, built: nbformat.NotebookNode, stored: nbformat.NotebookNode, file: str
) -> Problem | None:
    for cell, ours, theirs in zip(chapter.cells, built.cells, stored.cells, strict=False):
        if ours != theirs:
            kinds = [
                key for key in ("cell_type", "id", "source", "metadata") if ours.get(key) != theirs.get(key)
            ]
            place = f"{chapter.file}:{cell.marker_line}"
            message = f"cell {theirs.get('id', '?')} is not what {place} builds ({', '.join(kinds)}): {MEND}"
            return Problem(file, 1, message, theirs.source)
    if len(built.cells) != len(stored.cells):
        text = f"{len(stored.cells)}, wanted {len(built.cells)}"
        return Problem(file, 1, f"the number of cells is not what {chapter.file} builds: {MEND}", text)
    if built != stored:
        return Problem(file, 1, f"the notebook's metadata are not what {chapter.file} builds: {MEND}")
    return None


def inputs_hash(course: Course) -> str:
    """A hash of all that outputs come from besides a chapter's own code: helpers, records, the build."""
    folders = [("helpers", "**/*.py"), ("data/runs", "**/*"), ("tools/build", "**/*.py")]
    if course.language:
        folders += [("helpers/locale", "*.mo.gz")]
    files: list[Path] = []
    for folder, pattern in folders:
        files += sorted(path for path in (course.root / folder).glob(pattern) if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{course.label(path)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def outputs_may_differ(course: Course, chapter: Chapter) -> bool:
    """Whether the stored outputs were made by this build from other inputs than today's.

    Notebooks that came from elsewhere (a fresh clone, a pull) have no record: they are believed,
    and a record is begun, so that a later change of the helpers is seen.
    """
    try:
        record = json.loads((course.records / f"{chapter.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = {}
    if record.get("notebook") != _file_hash(course.solutions / f"{chapter.name}.ipynb"):
        record_build(course, chapter, inputs_hash(course))
        return False
    return record.get("inputs") != inputs_hash(course)


def record_build(course: Course, chapter: Chapter, inputs: str) -> None:
    """Note from which `inputs` (`inputs_hash` before the run) the solution notebook on disk comes."""
    record = {"inputs": inputs, "notebook": _file_hash(course.solutions / f"{chapter.name}.ipynb")}
    write_text(course.records / f"{chapter.name}.json", json.dumps(record, indent=1, sort_keys=True) + "\n")


def record_student(course: Course, chapter: Chapter) -> None:
    """Note which student notebook the build wrote, so that `as_built` can tell."""
    written = _file_hash(course.notebooks / f"{chapter.name}.ipynb")
    write_text(course.records / f"{chapter.name}-student.txt", written + "\n")


def as_built(course: Course, path: Path) -> bool:
    """Whether a notebook on disk is, to the byte, the one that the last build wrote there."""
    records = course.records
    try:
        if path.parent == course.notebooks:
            known = (records / f"{path.stem}-student.txt").read_text(encoding="utf-8").strip()
        else:
            known = json.loads((records / f"{path.stem}.json").read_text(encoding="utf-8"))["notebook"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return known == _file_hash(path)


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
