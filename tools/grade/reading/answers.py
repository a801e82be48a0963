"""A notebook's answers: for each exercise of a chapter the code that a run from the top would check."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from helpers import notebooks
from helpers.notebooks import Cell
from helpers.statements import LONG, Code, Statement
from tools.grade.reading.context import needs
from tools.grade.reading.pinned import Chapter, Place, chapter, codes, fingerprint
from tools.grade.reading.rules import review

SHOWN = 2 * LONG   # characters of an answer that are kept


@dataclass(frozen=True)
class Answer:
    """What a notebook holds for an exercise. Without `code` and `problem` there is nothing.

    `code`, pieces of (label, source), is to be executed in order in one fresh namespace; the labels differ.
    `helpers` are the names of the course that it uses: (module, attribute, the name to bind it to first, or
    "" where the code imports it). `earlier` are exercises whose functions it calls. `problem` is a sentence
    for the learner about a cell that defines nothing, `review` are sentences for a human, `left_out` ones
    for the learner: statements that a notebook runs and grading does not. `attempted` is whether it is more
    than the stub; `cell` its position in `notebook`. `beside` are the learner's definitions in other cells
    that it uses.
    """

    exercise: str
    chapter: str
    number: str
    max_points: float
    notebook: str = ""
    source: str = ""
    code: tuple[tuple[str, str], ...] = ()
    helpers: tuple[tuple[str, str, str], ...] = ()
    earlier: tuple[str, ...] = ()
    problem: str = ""
    review: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    attempted: bool = False
    cell: int = -1
    beside: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        """All that the learner wrote for it: its cell, below what it uses of other cells."""
        whole = "\n\n\n".join([*self.beside, self.source])
        return whole if len(whole) <= SHOWN else self.source[:SHOWN]

    @property
    def found(self) -> bool:
        """Whether there is code of an answer, be it a stub or with mistakes that keep it from running."""
        return bool(self.code or self.problem)


def answers(cells: Sequence[Cell], number: str, *, notebook: str = "notebook") -> dict[str, Answer]:
    """The answer to each exercise of the chapter `number` in a notebook's cells, as `helpers.notebooks.read`
    gives them. ValueError when there is no such chapter."""
    course, mine = chapter(number), codes(cells)
    found = {}
    for name, place in course.exercises.items():
        try:
            found[name] = _answer(cells, mine, course, place, notebook)
        except (RecursionError, MemoryError):
            problem = "Its code is nested too deeply to be read."
            found[name] = replace(empty(course, place, notebook), problem=problem, attempted=True)
    return found


def empty(course: Chapter, place: Place, notebook: str = "") -> Answer:
    """An exercise without an answer."""
    return Answer(place.name, course.number, place.number, place.points, notebook)


def _answer(
    cells: Sequence[Cell], mine: Sequence[Code], course: Chapter, place: Place, notebook: str
) -> Answer:
    name, nothing = place.name, empty(course, place, notebook)
    checks = [index for index, cell in enumerate(cells) if name in notebooks.checked_names(cell)]
    until = checks[-1] if checks else len(cells)
    found = _binding(mine, name, until, place.stub)
    if isinstance(found, int):
        problem = f"Its cell has {mine[found].problem}."
        return replace(nothing, source=cells[found]["source"], problem=problem, attempted=True, cell=found)
    if found is None:
        return replace(nothing, review=_elsewhere(mine, name))
    context = needs(found, mine, course, name, until=max(until, found.cell), label=notebook)
    source = mine[found.cell].source
    attempted = not _is_stub(found, name, place.stub)
    left_out, patches = _left_out(mine[found.cell], name)
    rules = review(name, context.code, context.helpers) if attempted else ()
    lost = [f"Its `{each}` comes of statements outside of functions, which are not run when it is graded."
            for each in context.lost]  # fmt: skip
    return replace(
        nothing, source=source, code=tuple(context.code), helpers=tuple(context.helpers),
        earlier=tuple(context.earlier), left_out=(*lost, *left_out), attempted=attempted, cell=found.cell,
        beside=tuple(context.beside),
        review=(*context.review, *patches, *rules, *_late(found, until, checks)),
    )  # fmt: skip


def _binding(mine: Sequence[Code], name: str, until: int, stub: str) -> Statement | int | None:
    """The statement that defines the answer, or the cell that would if it were Python, or None.

    Of several the one nearest above the check, as a run from the top would have it; but an attempt anywhere
    goes before a stub.
    """
    found: list[tuple[int, Statement | int]] = []
    for index, code in enumerate(mine):
        if code.problem and name in notebooks.DEFINITION.findall(code.source):
            found.append((index, index))
        found += [(index, each) for each in code.statements
                  if name in each.binds and each.is_definition and not each.is_import]  # fmt: skip
    tried = [each for each in found if isinstance(each[1], int) or not _is_stub(each[1], name, stub)]
    chosen = tried or found
    above = [each for each in chosen if each[0] <= until]
    return above[-1][1] if above else chosen[0][1] if chosen else None


def _is_stub(statement: Statement, name: str, stub: str) -> bool:
    """Whether a function is as the course hands it out, or nothing but a ``raise`` or ``pass``."""
    body = getattr(statement.node, "body", None)
    if isinstance(body, list):   # of a lambda it is an expression
        body = [each for each in body if not isinstance(each, ast.Raise | ast.Pass) and not _is_text(each)]
    return body == [] or fingerprint(statement.source, name) == stub


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _elsewhere(mine: Sequence[Code], name: str) -> tuple[str, ...]:
    """What to say of an exercise that is nowhere defined, but imported."""
    for code in mine:
        for each in code.statements:
            if each.is_import and name in each.binds:
                return (f"It is imported (`{each.source.strip()[:80]}`), not written in the notebook.",)
    return ()


def _late(found: Statement, until: int, checks: list[int]) -> tuple[str, ...]:
    if checks and found.cell > until:
        return ("It stands below its check.",)
    return ()


def _left_out(code: Code, name: str) -> tuple[list[str], list[str]]:
    """Sentences about a cell's statements that are not run: (for the learner, for a human)."""
    told, patches = [], []
    for each in code.statements:
        bound = {getattr(one, "id", "") for one in getattr(each.node, "targets", ())}
        if each.is_definition or name in bound:   # the second is its check
            continue
        line = each.source.strip().splitlines()[0][:80] if each.source.strip() else ""
        changed = _patched(each.node)
        if changed:
            patches.append(f"Line {each.line} of its cell changes `{changed}`; it was not run.")
        elif not isinstance(each.node, ast.Pass | ast.Expr | ast.Assert | ast.Delete):
            told.append(f"Line {each.line} of its cell, `{line}`, is outside of functions: it was left out.")
    return told, patches


def _patched(node: ast.AST) -> str:
    """What a statement changes that is no name of the cell's own: ``np.tanh`` of ``np.tanh = …``."""
    for target in (*getattr(node, "targets", ()), getattr(node, "target", None)):
        of_another = isinstance(getattr(target, "value", None), ast.Attribute | ast.Subscript | ast.Call)
        if isinstance(target, ast.Attribute) or (isinstance(target, ast.Subscript) and of_another):
            return ast.unparse(target)[:80]
    match getattr(node, "value", None):
        case ast.Call(ast.Name("setattr" | "delattr" | "exec" | "eval")) as call:
            return ast.unparse(call)[:80]
    return ""
