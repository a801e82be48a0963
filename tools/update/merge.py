"""A learner's notebook brought into a release of its chapter: answers by name, own cells where they stood.

The release is the trunk: its cells stand in its order, with its metadata. So the same function updates a
notebook to a new version and mends one whose metadata an editor dropped.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

import nbformat

from helpers import notebooks
from helpers.notebooks import Cell, mark

Notebook = dict[str, Any]

CHANGED = "The course has changed this exercise. It begins now:"


@dataclass
class Merged:
    """The notebook, and what became of the learner's cells."""

    notebook: Notebook
    carried: list[str] = field(default_factory=list)
    """Exercises whose answer was carried over."""
    changed: list[str] = field(default_factory=list)
    """Those of them whose beginning is another one now; it stands above the answer."""
    own: int = 0
    """Cells that the learner added or changed, carried over."""
    left: int = 0
    """Changed cells of the course that the course has changed too: only the old file has the learner's."""


def without_solutions(solution: Notebook) -> Notebook:
    """A solution notebook with stubs in place of the solutions: what its release's cells were."""
    base = copy.deepcopy(solution)
    for cell in base["cells"]:
        cell["source"] = notebooks.without_solution(cell["source"])
    return base


def merge(mine: Notebook, release: Notebook, base: Notebook | None = None) -> Merged:
    """`mine` brought into `release`; `base` is the release that `mine` began as, as far as it is known.

    All as `helpers.notebooks.read` gives them; none is changed.
    """
    result = Merged(copy.deepcopy(release))
    cells, mine = result.notebook["cells"], copy.deepcopy(mine)["cells"]
    before = base["cells"] if base else []
    old = {mark(cell)["exercise"]: cell["source"] for cell in before if "exercise" in mark(cell)}
    places = _answers(mine, cells, old, result) | _checks(mine, cells)
    _same_cells(mine, cells, places, {(cell.get("id"), _plain(cell)) for cell in before})
    known = {_plain(cell) for cell in (*before, *release["cells"], *cells)}
    replaced = {cell.get("id") for cell in before} - {cell.get("id") for cell in cells}
    following: dict[int, list[Cell]] = {}
    place = -1
    for index, cell in enumerate(mine):
        if index in places:
            place = places[index]
        elif cell["source"].strip() and _plain(cell) not in known and not _unchanged(cell):
            if cell.get("id") in replaced and not mark(cell):
                result.left += 1
            else:
                following.setdefault(place, []).append(cell)
                result.own += 1
    cells[:] = _woven(cells, following)
    make_valid(result.notebook)
    return result


def _answers(mine: list[Cell], cells: list[Cell], old: dict[str, str], result: Merged) -> dict[int, int]:
    """Put the answers into the release's exercise cells → where each of the learner's cells went."""
    places = {}
    for place, cell in enumerate(cells):
        name = mark(cell).get("exercise")
        index = notebooks.answer(mine, name) if name else None
        if index is None:
            continue
        stub, source = cell["source"], mine[index]["source"]
        places.setdefault(index, place)
        if not source.strip() or _same(source, stub) or _same(source, old.get(name, stub)):
            continue
        if name not in old and not _begun(source, name):
            continue
        result.carried.append(name)
        cell["source"] = source
        if _shape(old.get(name, stub), name) != _shape(stub, name):
            result.changed.append(name)
            cell["source"] = _with_new_beginning(source, stub)
        else:
            _keep_outputs(mine[index], cell)
            check = next((c for c in cells if mark(c).get("check") == name), None)
            ran = [c for c in mine if name in notebooks.checked_names(c)]
            if check is not None and ran and name in old:
                _keep_outputs(ran[-1], check)
    return places


def _checks(mine: list[Cell], cells: list[Cell]) -> dict[int, int]:
    """The learner's check cells with nothing else in them, and where they stand in the release."""
    checks = {mark(cell)["check"]: place for place, cell in enumerate(cells) if "check" in mark(cell)}
    found = {}
    for index, cell in enumerate(mine):
        for name in notebooks.checked_names(cell):
            if name in checks and _same(cell["source"], cells[checks[name]]["source"]):
                found[index] = checks[name]
    return found


def _same_cells(mine: list[Cell], cells: list[Cell], places: dict[int, int], before: set) -> None:
    """Match the other cells, by their text or else by their id; a matched cell is as the learner left it. One
    that is among those of `before`, of an edition whose ids are another one's, gets the release's text."""
    exercises = {place for place, cell in enumerate(cells) if mark(cell)}
    free = [place for place in range(len(cells)) if place not in exercises]
    for key in (_plain, lambda cell: cell.get("id")):
        for index, cell in enumerate(mine):
            place = next((p for p in free if key(cells[p]) == key(cell) is not None), None)
            if index in places or place is None or cells[place]["cell_type"] != cell["cell_type"]:
                continue
            free.remove(place)
            places[index] = place
            if _plain(cell) != _plain(cells[place]) and (cell.get("id"), _plain(cell)) in before:
                continue
            cells[place]["source"] = cell["source"]
            if "attachments" in cell:
                cells[place]["attachments"] = cell["attachments"]
            _keep_outputs(cell, cells[place])


def _woven(cells: list[Cell], following: dict[int, list[Cell]]) -> list[Cell]:
    """The release's cells, each followed by the learner's own."""
    taken = {cell.get("id") for cell in cells}
    woven = []
    for place in range(-1, len(cells)):
        woven += [cells[place]] if place >= 0 else []
        for cell in following.get(place, []):
            cell["metadata"] = {}
            if cell.get("id") in taken:
                cell.pop("id")
            woven.append(cell)
    return woven


def make_valid(notebook: Notebook) -> None:
    """Parts, ids and outputs as Jupyter wants them; outputs that are not valid go."""
    for number, cell in enumerate(notebook["cells"]):
        if not isinstance(cell.get("id"), str) or not re.fullmatch(r"[\w-]{1,64}", cell["id"], re.A):
            text = f"{number}\n{cell['source']}"
            cell["id"] = "own-" + hashlib.sha256(text.encode()).hexdigest()[:12]
        if cell["cell_type"] not in ("code", "markdown", "raw"):
            cell["cell_type"] = "raw"
        code = cell["cell_type"] == "code"
        parts = {"id", "cell_type", "metadata", "source"}
        parts |= {"outputs", "execution_count"} if code else {"attachments"}
        for part in set(cell) - parts:
            del cell[part]
        if code:
            cell["outputs"] = [output for output in cell["outputs"] if _valid(output)]
            count = cell.get("execution_count")
            cell["execution_count"] = count if isinstance(count, int) and count >= 0 else None


def _valid(output: Any) -> bool:
    whole = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("")])
    whole.cells[0].outputs = [nbformat.from_dict(output)]
    try:
        nbformat.validate(whole)
    except Exception:   # nbformat stumbles over some of them before it can say that they are not valid
        return False
    return True


def _keep_outputs(mine: Cell, cell: Cell) -> None:
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = mine["outputs"], mine.get("execution_count")


def _same(one: str, other: str) -> bool:
    return _lines(one) == _lines(other)


def _lines(source: str) -> list[str]:
    return [line.rstrip() for line in source.strip().splitlines()]


def _plain(cell: Cell) -> tuple[str, ...]:
    return (cell["cell_type"], *_lines(cell["source"]))


def _unchanged(cell: Cell) -> bool:
    """Whether a cell is as some release had it: the build's ids are hashes of the text."""
    ids = {notebooks.hashed_id(cell["cell_type"], cell["source"], count) for count in range(4)}
    return cell.get("id") in ids


def _shape(source: str, name: str) -> str:
    """A function without its docstring, comments and layout; the source where it cannot be parsed."""
    found = _function(source, name)
    return source if found is None else ast.dump(found)


def _begun(source: str, name: str) -> bool:
    """Whether a function is more than a stub."""
    found = _function(source, name)
    stub = {"answer = None", "return answer", "pass"}
    if found is None:
        return True
    return any(not isinstance(node, ast.Raise) and ast.unparse(node) not in stub for node in found.body)


def _function(source: str, name: str) -> ast.FunctionDef | None:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = next((n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == name), None)
    if found and isinstance(found.body[0], ast.Expr) and isinstance(found.body[0].value, ast.Constant):
        found.body = found.body[1:] or [ast.Pass()]
    return found


def _with_new_beginning(source: str, stub: str) -> str:
    """The answer below the exercise's new stub, or above it where a cell's magic has to stay first."""
    note = textwrap.indent(f"{CHANGED}\n{stub}\nYour answer from before:", "# ", lambda line: True)
    return f"{source}\n\n{note}" if source.lstrip().startswith("%%") else f"{note}\n{source}"
