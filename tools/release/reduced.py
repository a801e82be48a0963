"""A module of checks cut down to what a class's copy cannot do without.

What stays: the functions asked for and what they use; of an exercise whose cases only code can make, also the
code that makes them. Oracles, mistakes and variants go.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHECKS = "helpers.checks.chapter_"
ANSWERS = {"oracle", "misconception", "mistake", "variant"}   # methods of an exercise that add an answer
EVERYTHING = "*"
CASES = {"extreme", "landmark"}   # methods that add cases


@dataclass
class Wanted:
    """Of a module: names to keep, and exercises (by name) whose cases stay."""

    names: set[str] = field(default_factory=set)
    exercises: set[str] = field(default_factory=set)


def reduced(root: Path, wanted: dict[str, Wanted]) -> dict[str, str]:
    """Module's name → the source that is left of it in the course in `root`, for `wanted` and the modules of
    checks that these use."""
    wanted, sources, done = dict(wanted), {}, {}
    while todo := [name for name, each in wanted.items() if done.get(name) != _size(each)]:
        for name in todo:
            done[name] = _size(wanted[name])
            source = _path(root, name).read_text(encoding="utf-8")
            kept = _kept(ast.parse(source), wanted[name])
            sources[name] = "\n".join(_text(node, source) for node in kept if not _is_text(node)) + "\n"
            for module, names in imported(root, kept):
                wanted.setdefault(module, Wanted()).names.update(names)
    return sources


def _size(wanted: Wanted) -> tuple[int, int]:
    return len(wanted.names), len(wanted.exercises)


def _path(root: Path, name: str) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _text(node: ast.stmt, source: str) -> str:
    """A statement as it stands in `source`: the changes that make mistakes name its text. An import anew."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return ast.unparse(node)
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return "\n".join(source.split("\n")[first - 1 : node.end_lineno])


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def imported(root: Path, nodes: Iterable[ast.stmt]) -> Iterator[tuple[str, list[str]]]:
    """What is imported from other modules of checks, also inside functions: module and names, `EVERYTHING`
    for a whole module."""
    for node in (part for each in nodes for part in ast.walk(each)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(CHECKS):
            if _path(root, node.module).name == "__init__.py":
                yield from ((f"{node.module}.{alias.name}", [EVERYTHING]) for alias in node.names)
            else:
                yield node.module, [alias.name for alias in node.names]


def _kept(tree: ast.Module, wanted: Wanted) -> list[ast.stmt]:
    """The statements of a module that stay, in their order."""
    if EVERYTHING in wanted.names:
        return tree.body
    variables = _exercises(tree, wanted.exercises)
    adders = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _case(node, variables)}
    chosen = {
        number for number, node in enumerate(tree.body)
        if variables & _bound(node) or _case(node, variables) or _calls(node, adders)
    }  # fmt: skip
    names = set(wanted.names).union(*(_read(tree.body[number]) for number in chosen))
    while True:
        more = {n for n, node in enumerate(tree.body) if n not in chosen and names & _bound(node)}
        if not more:
            break
        chosen |= more
        names = names.union(*(_read(tree.body[number]) for number in more))
    future = {n for n, node in enumerate(tree.body) if getattr(node, "module", "") == "__future__"}
    return [_only(tree.body[number], names) for number in sorted(chosen | future)]


def _exercises(tree: ast.Module, names: set[str]) -> set[str]:
    """The variables that hold the exercises `names`."""
    return {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "Exercise" and ast.literal_eval(node.value.args[0]) in names
    }  # fmt: skip


def _case(node: ast.stmt, variables: set[str]) -> bool:
    """Whether a statement adds cases to one of the exercises, and no answers."""
    return bool(_adds(node, CASES) & variables) and not _adds(node, ANSWERS)


def _calls(node: ast.stmt, functions: set[str]) -> bool:
    """Whether a statement of the module calls one of `functions`."""
    calls = (part for part in ast.walk(node) if isinstance(part, ast.Call))
    return isinstance(node, ast.Expr | ast.For) and any(
        isinstance(call.func, ast.Name) and call.func.id in functions for call in calls
    )


def _adds(node: ast.stmt, methods: set[str]) -> set[str]:
    """The variables of which a statement calls one of `methods`, as decorator or directly."""
    return {
        part.func.value.id
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)
        and part.func.attr in methods and isinstance(part.func.value, ast.Name)
    }  # fmt: skip


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement of a module binds, without `_`."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name} - {"_"}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    stored = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return {part.id for part in stored if isinstance(part.ctx, ast.Store)}


def _read(node: ast.stmt) -> set[str]:
    names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Load)}


def _only(node: ast.stmt, names: set[str]) -> ast.stmt:
    """An import without what nobody asks for; everything else as it is."""
    if isinstance(node, ast.ImportFrom) and node.module != "__future__":
        return ast.ImportFrom(
            node.module, [each for each in node.names if (each.asname or each.name) in names], node.level
        )
    return node
