"""The solution markers of an exercise: where they may stand, and what they enclose."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tools.build.markup import Complaint

# nbgrader looks for these words anywhere in a line, so that is what we look for too.
WORDS = re.compile(r"(BEGIN|END) SOLUTION")
MARKER = re.compile(r"### (BEGIN|END) SOLUTION")


def marked_lines(source: str) -> list[tuple[int, str]]:
    """(index, line) of every line that nbgrader would take for a marker."""
    return [(index, line) for index, line in enumerate(source.split("\n")) if WORDS.search(line)]


def solution_regions(source: str) -> list[list[str]]:
    """The lines between each pair of markers (of a source without marker complaints)."""
    regions: list[list[str]] = []
    inside = False
    for line in source.split("\n"):
        word = WORDS.search(line)
        if word:
            inside = word[1] == "BEGIN"
            if inside:
                regions.append([])
        elif inside:
            regions[-1].append(line)
    return regions


def marker_complaints(source: str) -> list[Complaint]:
    """What is wrong with the markers of an exercise cell whose source parses."""
    marked = marked_lines(source)
    if not marked:
        return [
            Complaint(0, "an exercise without ### BEGIN SOLUTION / ### END SOLUTION", source.split("\n")[0])
        ]
    complaints = list(_misshapen(source, marked)) + list(_unpaired(marked))
    return complaints or list(_outside(source, marked))


def _misshapen(source: str, marked: list[tuple[int, str]]) -> Iterator[Complaint]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0] - 1 for token in tokens if token.type == tokenize.COMMENT}
    for index, line in marked:
        if index not in comments or not MARKER.fullmatch(line.strip()):
            yield Complaint(
                index, "a solution marker is a comment on a line of its own, ### BEGIN SOLUTION", line
            )


def _unpaired(marked: list[tuple[int, str]]) -> Iterator[Complaint]:
    opened: tuple[int, str] | None = None
    for index, line in marked:
        if "BEGIN SOLUTION" in line:
            if opened is not None:
                yield Complaint(index, "a solution begins inside a solution", line)
            opened = (index, line)
        elif opened is None:
            yield Complaint(index, "a solution ends that never began", line)
        else:
            if _indent(line) != _indent(opened[1]):
                yield Complaint(index, "the two markers of a solution are indented differently", line)
            opened = None
    if opened is not None:
        yield Complaint(opened[0], "a solution that never ends", opened[1])


def _outside(source: str, marked: list[tuple[int, str]]) -> Iterator[Complaint]:
    lines = source.split("\n")
    functions = [
        n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    bodies = [_body(function, lines) for function in functions]
    for (begin, line), (end, last) in zip(marked[::2], marked[1::2], strict=True):
        homes = [
            [rows for rows, column in bodies if index in rows and _indent(text) > column]
            for index, text in ((begin, line), (end, last))
        ]
        if not homes[0]:
            yield Complaint(begin, "a solution marker outside a function body", line)
        elif not homes[1]:
            yield Complaint(end, "a solution marker outside a function body", last)
        elif homes[0] != homes[1]:
            yield Complaint(end, "a solution that ends in another function than it began in", last)


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> tuple[range, int]:
    """(rows of the body from 0, comments after its last statement included; column of the def)."""
    signature = [function.lineno]
    signature += [n.end_lineno for n in ast.walk(function.args) if getattr(n, "end_lineno", None)]
    signature += [function.returns.end_lineno] if function.returns else []
    end = function.end_lineno
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > function.col_offset):
        end += 1
    return range(max(signature), end), function.col_offset


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
