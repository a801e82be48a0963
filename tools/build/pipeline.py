"""One chapter from its script to the two notebooks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat

from helpers.files import write_text
from helpers.notebooks import dumps
from tools.build.execute import CELL_TIMEOUT, CellFailed, execute
from tools.build.exercises import Exercise
from tools.build.freshness import (
    as_built,
    inputs_hash,
    outputs_may_differ,
    record_build,
    record_student,
    refused,
    stale_solution,
    stale_student,
    with_stored_outputs,
)
from tools.build.notebook import solution_notebook, student_notebook
from tools.build.outputs import output_problems
from tools.build.rules import judge_chapter, leaked_solutions, shared_names
from tools.build.source import BuildError, Chapter, Course, Problem, read_chapter
from tools.replaced import keep


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


def stale(course: Course, draft: Draft, learners: bool = False) -> tuple[list[Problem], list[str]]:
    """Everything about a chapter's stored notebooks that its source does not build, and remarks.

    With `learners` a student notebook that differs though its source has not changed is somebody's work,
    which is a remark and no problem.
    """
    solution = stale_solution(course, draft.chapter, draft.solution)
    student = stale_student(course, draft.chapter, draft.student)
    path = course.notebooks / f"{draft.chapter.name}.ipynb"
    if learners and student and not solution and path.exists():
        return [], [f"{course.label(path)}: somebody has worked in it, so it is not compared"]
    return [*solution, *student], []


def needs_execution(course: Course, draft: Draft) -> bool:
    """Whether the chapter has to run again: its code, helpers or records changed since it last did."""
    executed = with_stored_outputs(course, draft.chapter, draft.solution)
    return (
        executed is None
        or bool(refused(course, draft.chapter, executed))
        or outputs_may_differ(course, draft.chapter)
    )


def write_prose(course: Course, draft: Draft, on_kept: Callable[[str], None] = print) -> list[str]:
    """Write the notebooks of a chapter that need not run again and are not what the source builds; which."""
    written = []
    if stale_solution(course, draft.chapter, draft.solution):
        executed = with_stored_outputs(course, draft.chapter, draft.solution)
        _replace_solution(course, draft, executed, inputs_hash(course), on_kept)
        written.append("solution")
    if stale_student(course, draft.chapter, draft.student):
        _replace_student(course, draft, on_kept)
        written.append("student notebook")
    return written


async def build_chapter(
    course: Course,
    draft: Draft,
    on_cell: Callable[[int], None] = lambda position: None,
    timeout: int = CELL_TIMEOUT,
    on_kept: Callable[[str], None] = print,
) -> None:
    """Execute a chapter and write both notebooks; BuildError, and nothing written, if it is refused.

    `on_cell` hears of each cell executed, `on_kept` where a learner's notebook was kept.
    """
    chapter, notebook = draft.chapter, copy.deepcopy(draft.solution)
    inputs = inputs_hash(course)   # now: a helper may be edited while the chapter runs
    course.solutions.mkdir(exist_ok=True)
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
    _replace_solution(course, draft, notebook, inputs, on_kept)
    _replace_student(course, draft, on_kept)


def _replace_solution(
    course: Course, draft: Draft, executed: nbformat.NotebookNode, inputs: str, on_kept: Callable[[str], None]
) -> None:
    path = course.solutions / f"{draft.chapter.name}.ipynb"
    _keep(course, path, on_kept)
    write_text(path, dumps(executed))
    record_build(course, draft.chapter, inputs)


def _replace_student(course: Course, draft: Draft, on_kept: Callable[[str], None]) -> None:
    path = course.notebooks / f"{draft.chapter.name}.ipynb"
    _keep(course, path, on_kept)
    write_text(path, dumps(draft.student))
    record_student(course, draft.chapter)


def _keep(course: Course, path: Path, on_kept: Callable[[str], None]) -> None:
    """Keep a notebook that is to be replaced, unless the build itself wrote it: somebody worked in it."""
    if path.exists() and not as_built(course, path):
        on_kept(f"your notebook {course.label(path)} in {course.label(keep(course.root, path))}")
