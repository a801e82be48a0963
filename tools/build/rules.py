"""Everything a chapter's source is refused for."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator

import nbformat

from tools.build.drawing import drawing_problems
from tools.build.exercises import Exercise, exercise_names, gather_exercises
from tools.build.markers import marked_lines, solution_regions
from tools.build.markup import markdown_headings, markdown_images, markdown_links, markdown_tables
from tools.build.source import BuildError, Cell, Chapter, Problem

OPTIONS = {
    "code": {"exercise", "check", "points", "demo", "draws", "tags"},
    "markdown": {"tags"},
    "raw": {"tags"},
}


def registered_exercises() -> set[str] | None:
    """Names that `helpers.checks` has a check for; None where there is no such registry.

    BuildError where a check lacks something."""
    try:
        checks = importlib.import_module("helpers.checks")
    except ModuleNotFoundError as error:
        if error.name not in ("helpers", "helpers.checks"):
            raise
        return None
    registered = getattr(checks, "registered", None)
    try:
        return None if registered is None else set(registered())
    except ValueError as error:
        raise BuildError([Problem("helpers/checks", 1, str(error))]) from error


def judge_chapter(chapter: Chapter, known: set[str] | None = None) -> tuple[list[Exercise], list[Problem]]:
    """The chapter's exercises and all of its problems, in the order of their lines.

    `known` are the exercises that have a registered check; None leaves that question out.
    """
    exercises, problems = gather_exercises(chapter)
    problems += _option_problems(chapter)
    problems += drawing_problems(chapter)
    problems += _heading_problems(chapter)
    for cell in chapter.cells:
        if not cell.source:
            problems.append(chapter.problem(cell.marker_line, "an empty cell", "# %%"))
        if "exercise" not in cell.options:
            for index, line in marked_lines(cell.source):
                message = "a solution marker in a cell that is no exercise"
                problems.append(chapter.problem(cell.at(index), message, line))
        if cell.kind == "code":
            problems += _clock_problems(chapter, cell)
            problems += _docstring_problems(chapter, cell)
        if cell.kind == "markdown":
            for look in (markdown_images, markdown_tables, markdown_links):
                for line, message, text in look(cell.source):
                    problems.append(chapter.problem(cell.at(line), message, text))
    if known is not None:
        for name, line in exercise_names(chapter).items():
            if name not in known:
                message = "an exercise that helpers.checks has no check for"
                problems.append(chapter.problem(line, message, name))
    return exercises, sorted(set(problems))


def _heading_problems(chapter: Chapter) -> Iterator[Problem]:
    """Headings that are not an outline: more than one title, a level left out."""
    before = 0
    for cell in chapter.cells:
        for line, level, text in markdown_headings(cell.source) if cell.kind == "markdown" else ():
            if level == 1 and before:
                yield chapter.problem(cell.at(line), "a second title: a chapter has one, then ##, ###", text)
            elif level > before + 1:
                message = f"a heading that leaves out a level (wanted: {'#' * (before + 1)})"
                yield chapter.problem(cell.at(line), message, text)
            before = level


CLOCK = re.compile(
    r"\btime\.(?:time|perf_counter|process_time|monotonic)|\btimeit\b|^\s*%+time|\bdatetime\.(?:now|today)"
    r"|\bos\.cpu_count|\bplatform\.|\bdate\.today"
)


def _clock_problems(chapter: Chapter, cell: Cell) -> list[Problem]:
    """Lines that ask for the time or the machine: what they print would differ from run to run."""
    if cell.options.get("demo"):
        return []
    message = "a clock or the hardware in an executed cell (times come from records, or mark it demo=true)"
    return [
        chapter.problem(cell.at(index), message, line)
        for index, line in enumerate(cell.source.split("\n"))
        if CLOCK.search(line)
    ]


def _docstring_problems(chapter: Chapter, cell: Cell) -> list[Problem]:
    """An exercise (no quiz) whose function has no docstring with the shapes."""
    name = cell.options.get("exercise")
    if not isinstance(name, str) or name.startswith("quiz_"):
        return []
    try:
        functions = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
    except SyntaxError:
        return []   # said elsewhere
    message = "an exercise without a docstring: shapes of arguments and result"
    lines = cell.source.split("\n")
    return [
        chapter.problem(cell.at(node.lineno - 1), message, lines[node.lineno - 1])
        for node in functions
        if node.name == name and not ast.get_docstring(node)
    ]


def shared_names(chapters: list[Chapter]) -> list[Problem]:
    """Exercise names that an earlier chapter has already."""
    first: dict[str, str] = {}
    problems = []
    for chapter in chapters:
        for name, line in exercise_names(chapter).items():
            place = first.setdefault(name, f"{chapter.file}:{line}")
            if not place.startswith(f"{chapter.file}:"):
                message = f"the exercise name stands already in {place}"
                problems.append(chapter.problem(line, message, name))
    return sorted(problems)


def leaked_solutions(
    chapter: Chapter, exercises: list[Exercise], student: nbformat.NotebookNode
) -> list[Problem]:
    """Code cells of the student notebook that hold every telling line of an exercise's solution."""
    problems = []
    for exercise in exercises:
        regions = solution_regions(chapter.cells[exercise.cell].source)
        telling = {line.strip() for region in regions for line in region if _telling(line.strip())}
        for cell, node in zip(chapter.cells, student.cells, strict=True):
            lines = [line.strip() for line in node.source.split("\n")]
            if node.cell_type == "code" and telling and telling <= set(lines):
                index = min(lines.index(line) for line in telling)
                message = f"the solution of {exercise.name} can be read here in the student notebook"
                problems.append(chapter.problem(cell.at(index), message, lines[index]))
    return problems


def _telling(line: str) -> bool:
    """Whether a line gives anything away; a short one, a comment and a plain return do not."""
    return len(line) >= 12 and not line.startswith("#") and not line.removeprefix("return ").isidentifier()


def _option_problems(chapter: Chapter) -> Iterator[Problem]:
    for cell in chapter.cells:
        strange = sorted(set(cell.options) - OPTIONS[cell.kind] - ({"exercise", "check"}))
        if strange:
            message = f"unknown on the line of a {cell.kind} cell"
            text = ", ".join(f"{key}={cell.options[key]!r}" for key in strange)
            yield chapter.problem(cell.marker_line, message, text)
        special = [key for key in ("exercise", "check", "demo", "draws") if key in cell.options]
        if len(special) > 1:
            message = "a cell is one of exercise, check, demo and draws"
            yield chapter.problem(cell.marker_line, message, ", ".join(special))
        if "points" in cell.options and "check" not in cell.options:
            text = f"points={cell.options['points']}"
            yield chapter.problem(cell.marker_line, "points belong to a check", text)
        if cell.options.get("demo", True) is not True:
            yield chapter.problem(cell.marker_line, "wanted: demo=true", f"demo={cell.options['demo']!r}")
        tags = cell.options.get("tags", [])
        if "raises-exception" in tags or "skip-execution" in tags:
            message = "a cell passes unseen with this tag (catch the exception, or use demo=true)"
            yield chapter.problem(cell.marker_line, message, str(tags))
        lines = cell.source.split("\n")
        claimed = next((n for n, line in enumerate(lines) if line.lstrip().startswith("claim(")), None)
        if "nbval-ignore-output" in tags and claimed is not None:
            message = "what a claim prints is compared no more with this tag: wanted in a cell of its own"
            yield chapter.problem(cell.at(claimed), message, lines[claimed])
