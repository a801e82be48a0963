"""Cells that only draw or only claim: folded in the notebooks, and refused where they hide more than that."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.build.source import Cell, Chapter, Problem

# JupyterLab and VS Code fold the code by the first, sites made with MyST and Jupyter Book by the tag,
# Colab by the last. One click opens it.
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}
FOLDED_TAG = "hide-input"
FIGURES = {"show", "explore"}
SAYING = {"print", "claim", "check", "display"}


def draws(cell: Cell) -> bool:
    """Whether the cell is marked as one whose only work is drawing."""
    return cell.kind == "code" and cell.options.get("draws") is True


def folds(cell: Cell) -> bool:
    """Whether the cell is folded: it draws, or every statement in it is a claim or the closing table."""
    if draws(cell):
        return True
    if cell.kind != "code" or {"exercise", "check", "demo"} & set(cell.options):
        return False
    body = _parsed(cell).body
    called = [
        node.value.func.id
        for node in body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
    ]
    return bool(called) and len(called) == len(body) and set(called) <= {"claim", "table"}


def drawing_problems(chapter: Chapter) -> Iterator[Problem]:
    """Figures in open cells, and folded cells that say, define or compute what the chapter needs."""
    trees = {cell.marker_line: _parsed(cell) for cell in chapter.cells if cell.kind == "code"}
    for position, cell in enumerate(chapter.cells):
        if cell.kind != "code":
            continue
        tree = trees[cell.marker_line]
        if cell.options.get("draws", True) is not True:
            text = f"draws={cell.options['draws']!r}"
            yield chapter.problem(cell.marker_line, "wanted: draws=true", text)
        called = {node.func.id: node for node in _calls(tree)}
        if not draws(cell):
            if FIGURES & set(called) and not cell.options.get("demo"):
                line = min(called[name].lineno for name in FIGURES & set(called)) - 1
                message = "a figure in an open cell: compute and print here, draw in a cell with draws=true"
                yield chapter.problem(cell.at(line), message, cell.lines[line])
            continue
        if not FIGURES & set(called):
            message = "draws=true on a cell that shows no figure"
            yield chapter.problem(cell.marker_line, message, cell.lines[0])
        for name in sorted(SAYING & set(called)):
            line = called[name].lineno - 1
            message = f"{name}() in a folded cell: what is said belongs in an open one"
            yield chapter.problem(cell.at(line), message, cell.lines[line])
        yield from _used_later(chapter, position, trees)


def _used_later(chapter: Chapter, position: int, trees: dict[int, ast.Module]) -> Iterator[Problem]:
    """Names that a folded cell makes and a later open cell uses before it makes its own."""
    cell = chapter.cells[position]
    made = _made(trees[cell.marker_line])
    for later in chapter.cells[position + 1 :]:
        if later.kind != "code" or draws(later):
            continue
        tree = trees[later.marker_line]
        own = _made(tree)
        for name, line in _used(tree).items():
            if name in made and (name not in own or own[name] > line):
                place = f"the folded cell in line {cell.marker_line}"
                message = f"`{name}` comes from {place}: make it in an open one"
                yield chapter.problem(later.at(line - 1), message, later.lines[line - 1])
        made = {name: line for name, line in made.items() if name not in own}


def _parsed(cell: Cell) -> ast.Module:
    lines = ["pass" if line.lstrip().startswith(("%", "!")) else line for line in cell.lines]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])   # said elsewhere


def _calls(tree: ast.Module) -> list[ast.Call]:
    """Calls of a plain name that run when the cell does (not those inside functions it defines)."""
    return [
        node for node in _running(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _running(child)


def _made(tree: ast.Module) -> dict[str, int]:
    """Names that the cell binds at its top level, with the first line that does."""
    made: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node in tree.body:
            made.setdefault(node.name, node.lineno)
        elif isinstance(node, ast.Import | ast.ImportFrom) and node in tree.body:
            for alias in node.names:
                made.setdefault((alias.asname or alias.name).split(".")[0], node.lineno)
    for node in _running(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made[node.id] = min(node.lineno, made.get(node.id, node.lineno))
    return made


def _used(tree: ast.Module) -> dict[str, int]:
    """Names that the cell reads, with the first line that does; a function's own names are not counted."""
    used: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            own = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
            own |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and inner.id in own:
                    inner.own = True
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            own = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and inner.id in own:
                    inner.own = True
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not hasattr(node, "own"):
            used[node.id] = min(node.lineno, used.get(node.id, node.lineno))
    return used
