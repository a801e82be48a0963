"""One chapter from its script to the two notebooks."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import nbformat

from helpers.files import write_text
from tools.build.execute import CELL_TIMEOUT, CellFailed, execute
from tools.build.exercises import Exercise
from tools.build.freshness import (
    edited_since,
    inputs_hash,
    outputs_may_differ,
    read_notebook,
    record_build,
    record_student,
    stale_solution,
    stale_student,
)
from tools.build.notebook import dumps, solution_notebook, student_notebook
from tools.build.outputs import output_problems
from tools.build.rules import judge_chapter, leaked_solutions, shared_names
from tools.build.source import BuildError, Chapter, Course, Problem, read_chapter


@dataclass(frozen=True)
class Draft:
    """Both notebooks of a chapter, nothing executed."""

    chapter: Chapter
    exercises: list[Exercise]
    solution: nbformat.NotebookNode
    student: nbformat.NotebookNode


def draft_chapter(chapter: Chapter, known: set[str] | None = None) -> Draft:
    """Both notebooks of `chapter`; BuildError with everything its source is refused for."""
    exercises, problems = judge_chapter(chapter, known)
    if problems:
        raise BuildError(problems)
    solution = solution_notebook(chapter, exercises)
    student = student_notebook(solution)
    leaks = leaked_solutions(chapter, exercises, student)
    if leaks:
        raise BuildError(leaks)
    return Draft(chapter, exercises, solution, student)


def draft_course(
    course: Course, known: set[str] | None = None, wanted: set[str] | None = None
) -> tuple[list[Draft], list[Problem]]:
    """Drafts of the chapters that are in order, and the problems of the others.

    `wanted` are names of chapters (None: all); the other chapters are only read for names used twice.
    """
    chapters: list[Chapter] = []
    problems: list[Problem] = []
    for path in course.sources():
        try:
            chapters.append(read_chapter(path, course.label(path)))
        except BuildError as error:
            if wanted is None or path.stem in wanted:
                problems += error.problems
    twice = shared_names(chapters)
    drafts = []
    for chapter in chapters:
        if wanted is not None and chapter.name not in wanted:
            continue
        own = [
            each
            for each in twice   # a chapter built by itself also hears of the later one that took its name
            if each.file == chapter.file or (wanted is not None and f"{chapter.file}:" in each.message)
        ]
        try:
            draft = draft_chapter(chapter, known)
        except BuildError as error:
            own += error.problems
        if own:
            problems += own
        else:
            drafts.append(draft)
    return drafts, sorted(set(problems))


def stale(course: Course, draft: Draft) -> list[Problem]:
    """Everything about a chapter's stored notebooks that its source does not build."""
    return [
        *stale_solution(course, draft.chapter, draft.solution),
        *stale_student(course, draft.chapter, draft.student),
    ]


def needs_execution(course: Course, draft: Draft) -> bool:
    """Whether the chapter has to run again: source, helpers or records changed since it last did."""
    return bool(stale_solution(course, draft.chapter, draft.solution)) or outputs_may_differ(
        course, draft.chapter
    )


def write_student(course: Course, draft: Draft) -> bool:
    """Write the student notebook if it is another one; whether it was."""
    if not stale_student(course, draft.chapter, draft.student):
        return False
    _replace_student(course, draft)
    return True


async def build_chapter(
    course: Course,
    draft: Draft,
    on_cell: Callable[[int], None] = lambda position: None,
    timeout: int = CELL_TIMEOUT,
) -> None:
    """Execute a chapter and write both notebooks; BuildError, and nothing written, if it is refused."""
    chapter, notebook = draft.chapter, copy.deepcopy(draft.solution)
    inputs = inputs_hash(course, chapter)   # now: a helper may be edited while the chapter runs
    try:
        await execute(notebook, course.solutions, on_cell, timeout)
    except CellFailed as error:
        cell = chapter.cells[error.position]
        line = cell.at(min(error.line, len(cell.lines) - 1))
        failed = chapter.problem(line, error.message, cell.lines[line - cell.first_line])
        told = output_problems(chapter, notebook, course)
        others = [problem for problem in told if problem.line != cell.at(0)]
        raise BuildError(sorted([failed, *others])) from None
    problems = output_problems(chapter, notebook, course)
    if problems:
        raise BuildError(problems)
    write_text(course.solutions / f"{chapter.name}.ipynb", dumps(notebook))
    _replace_student(course, draft)
    record_build(course, chapter, inputs)


def _replace_student(course: Course, draft: Draft) -> None:
    """Write the student notebook. One that somebody worked in, or that cannot be read, is kept in
    notebooks/replaced/ first."""
    path = course.notebooks / f"{draft.chapter.name}.ipynb"
    old = read_notebook(path)
    worked = old is None or any(map(_worked_in, old.cells))
    if path.exists() and (worked or edited_since(course, draft.chapter)):
        number = 1
        while (kept := course.notebooks / "replaced" / f"{path.stem}-{number}.ipynb").exists():
            number += 1
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, kept)
    write_text(path, dumps(draft.student))
    record_student(course, draft.chapter)


def _worked_in(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell was run, or is an exercise whose stub is gone."""
    exercise = cell.metadata.get("nbgrader", {}).get("solution", False)
    attempted = exercise and "raise NotImplementedError" not in cell.source
    return bool(cell.get("execution_count") or cell.get("outputs") or attempted)
