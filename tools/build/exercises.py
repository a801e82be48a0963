"""Exercises of a chapter: heading, hints, exercise cell and check cell put together."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from tools.build.markers import marker_complaints
from tools.build.markup import folded_hints, markdown_headings, markdown_tags
from tools.build.source import Cell, Chapter, Problem

HEADING = re.compile(
    r"Exercise (?P<chapter>\d+)\.(?P<index>\d+) · `(?P<name>\w+)`"
    r" · (?P<stars>★☆☆|★★☆|★★★) · (?P<minutes>[1-9]\d*) min"
)
HEADING_FORM = "### Exercise 1.3 · `name` · ★★☆ · 15 min"
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Exercise:
    """An exercise whose parts were all found; the cells by their index in the chapter."""

    name: str
    number: str
    difficulty: int
    minutes: int
    points: float
    cell: int
    check: int


@dataclass
class _Heading:
    line: int
    text: str
    match: re.Match | None
    between: list[str]  # the Markdown from the heading to the exercise


def gather_exercises(chapter: Chapter) -> tuple[list[Exercise], list[Problem]]:
    """Every complete exercise of the chapter in order, and everything wrong with the others."""
    problems: list[Problem] = []
    headings, lonely = _headings(chapter)
    checks = _checks(chapter, problems)
    problems += lonely
    exercises, seen, last_index = [], {}, 0
    for position, cell in enumerate(chapter.cells):
        if "exercise" not in cell.options:
            continue
        before = len(problems)
        name, heading = cell.options["exercise"], headings.get(position)
        expected = last_index + 1
        if cell.kind == "code":
            last_index = int(heading.match["index"]) if heading and heading.match else expected
        if (
            cell.kind != "code"
            or not isinstance(name, str)
            or not NAME.fullmatch(name)
            or name.endswith("_check")
        ):
            message = "an exercise is a code cell named like its function, and not …_check"
            problems.append(chapter.problem(cell.marker_line, message, str(name)))
            continue
        if name in seen:
            message = f"the exercise name stands already in line {seen[name]}"
            problems.append(chapter.problem(cell.marker_line, message, name))
            continue
        seen[name] = cell.marker_line
        problems += _cell_problems(chapter, cell, name)
        problems += _heading_problems(chapter, cell, name, heading, expected)
        check = checks.get(name)
        if check is None:
            problems.append(chapter.problem(cell.marker_line, "an exercise without a check", name))
        elif check < position:
            line = chapter.cells[check].marker_line
            problems.append(chapter.problem(line, "a check before its exercise", name))
        if len(problems) == before:
            found = heading.match
            points = chapter.cells[check].options.get("points")
            exercises.append(
                Exercise(
                    name=name,
                    number=f"{int(found['chapter'])}.{int(found['index'])}",
                    difficulty=found["stars"].count("★"),
                    minutes=int(found["minutes"]),
                    points=points,
                    cell=position,
                    check=check,
                )
            )
    names = {cell.options.get("exercise") for cell in chapter.cells}
    for name, check in checks.items():
        if name not in names:
            problems.append(
                chapter.problem(chapter.cells[check].marker_line, "a check without an exercise", name)
            )
    return exercises, problems


def exercise_names(chapter: Chapter) -> dict[str, int]:
    """Name and line of every cell that says it is an exercise."""
    return {
        cell.options["exercise"]: cell.marker_line
        for cell in reversed(chapter.cells)
        if isinstance(cell.options.get("exercise"), str)
    }


def _headings(chapter: Chapter) -> tuple[dict[int, _Heading], list[Problem]]:
    """The heading that belongs to each exercise cell, and headings that belong to none."""
    found: dict[int, _Heading] = {}
    problems: list[Problem] = []
    waiting: _Heading | None = None

    def drop(heading: _Heading | None) -> None:
        if heading is not None:
            problems.append(
                chapter.problem(heading.line, "an exercise heading without its exercise", heading.text)
            )

    for position, cell in enumerate(chapter.cells):
        if cell.kind == "markdown":
            start = 0
            for line, level, text in markdown_headings(cell.source):
                if not re.match(r"Exercise\b", text):
                    continue
                if waiting is not None:
                    waiting.between.append("\n".join(cell.lines[start:line]))
                drop(waiting)
                match = HEADING.fullmatch(text) if level == 3 else None
                waiting, start = _Heading(cell.at(line), cell.lines[line], match, []), line
            if waiting is not None:
                waiting.between.append("\n".join(cell.lines[start:]))
        elif "exercise" in cell.options and waiting is not None:
            found[position] = waiting
            waiting = None
    drop(waiting)
    return found, problems


def _heading_problems(
    chapter: Chapter, cell: Cell, name: str, heading: _Heading | None, index: int
) -> list[Problem]:
    """Difficulty, minutes, name, number and hints of one exercise."""
    if heading is None:
        message = f"an exercise without difficulty and minutes (wanted before it: {HEADING_FORM})"
        return [chapter.problem(cell.marker_line, message, name)]
    if heading.match is None:
        message = f"difficulty and minutes cannot be read (wanted: {HEADING_FORM})"
        return [chapter.problem(heading.line, message, heading.text)]
    problems = []
    if heading.match["name"] != name:
        message = f"the heading is not the one of the exercise {name} that follows"
        problems.append(chapter.problem(heading.line, message, heading.text))
    if (int(heading.match["chapter"]), int(heading.match["index"])) != (chapter.number, index):
        message = f"exercise numbers out of order, this is {chapter.number}.{index}"
        problems.append(chapter.problem(heading.line, message, heading.text))
    hints = folded_hints([tag for text in heading.between for tag in markdown_tags(text)])
    if hints < 0:
        problems.append(chapter.problem(heading.line, "a <details> that is never ended", heading.text))
    elif hints < 2 and not name.startswith("quiz_"):
        message = f"{hints} folded hints, wanted two: <details><summary>A nudge</summary>…</details>"
        problems.append(chapter.problem(heading.line, message, heading.text))
    return problems


def _checks(chapter: Chapter, problems: list[Problem]) -> dict[str, int]:
    """Name → position of every check cell; its own problems are added to `problems`."""
    checks: dict[str, int] = {}
    for position, cell in enumerate(chapter.cells):
        if "check" not in cell.options:
            continue
        name, points = cell.options["check"], cell.options.get("points")
        if cell.kind != "code" or not isinstance(name, str):
            message = 'a check is a code cell that names its exercise, check="name"'
            problems.append(chapter.problem(cell.marker_line, message, str(name)))
            continue
        if name in checks:
            problems.append(chapter.problem(cell.marker_line, "a second check of one exercise", name))
            continue
        checks[name] = position
        if isinstance(points, bool) or not isinstance(points, int | float) or points <= 0:
            message = "a check without points (wanted: points=3)"
            problems.append(chapter.problem(cell.marker_line, message, f"{name} points={points}"))
        if not _hands_over(cell.source, name):
            message = f'the check does not hand the exercise over (wanted: {name} = check("{name}", {name}))'
            problems.append(chapter.problem(cell.at(0), message, cell.source))
    return checks


def _hands_over(source: str, name: str) -> bool:
    """Whether a statement of `source` is ``name = check("name", name)`` (more arguments may follow)."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False
    wanted = ast.dump(ast.parse(f'check("{name}", {name})', mode="eval").body)
    for statement in statements:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        call = statement.value
        plain = ast.Call(call.func, call.args[:2], [])
        targets = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        if ast.dump(plain) == wanted and targets == [name]:
            return True
    return False


def _cell_problems(chapter: Chapter, cell: Cell, name: str) -> list[Problem]:
    """The code of an exercise: parses, no tabs, defines its function, markers in the right places."""
    problems = [
        chapter.problem(cell.at(index), "a tab in the indentation (wanted: spaces)", line)
        for index, line in enumerate(cell.lines)
        if "\t" in line[: len(line) - len(line.lstrip())]
    ]
    try:
        statements = ast.parse(cell.source).body
    except SyntaxError as error:
        line = cell.at((error.lineno or 1) - 1)
        return [*problems, chapter.problem(line, f"SyntaxError: {error.msg}", error.text or "")]
    if not any(isinstance(node, ast.FunctionDef) and node.name == name for node in statements):
        message = f"the exercise does not define its function (wanted: def {name}(…):)"
        problems.append(chapter.problem(cell.at(0), message, cell.lines[0]))
    for complaint in marker_complaints(cell.source):
        problems.append(chapter.problem(cell.at(complaint.line), complaint.message, complaint.text))
    return problems
