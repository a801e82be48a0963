"""Which of the course's names an answer may use: those that its chapter, or a right answer, uses there."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from helpers.checks import Exercise, get, registered
from helpers.checks.slips import source_of
from helpers.statements import code_of
from tools.grade.reading.pinned import chapter

COURSE = {"helpers", "tools", "solutions", "tests", "conftest", "notebooks"}
"""What of the course could be imported; all but parts of `helpers` is not for answers."""
_NEVER = ("helpers.checks", "helpers.progress", "helpers.console", "helpers.environment")

BUILTINS = frozenset(dir(builtins)) | {"__file__", "display", "get_ipython"}


@dataclass(frozen=True)
class Import:
    """A name that an import binds: `module` itself where `attribute` is ""."""

    name: str
    module: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.module}.{self.attribute}" if self.attribute else self.module


def imports_in(node: ast.AST) -> Iterator[Import]:
    """The imports of the course's own modules at or in a statement."""
    for each in ast.walk(node):
        if isinstance(each, ast.ImportFrom):
            module = "." * each.level + (each.module or "")
            if each.level or module.partition(".")[0] in COURSE:
                for alias in each.names:
                    inner = f"{module}.{alias.name}"
                    is_module = not each.level and is_module_of_helpers(inner)
                    bound = alias.asname or alias.name
                    yield Import(bound, inner, "") if is_module else Import(bound, module, alias.name)
        elif isinstance(each, ast.Import):
            for alias in each.names:
                if alias.name.partition(".")[0] in COURSE:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield Import(alias.asname or whole, whole, "")


def attributes_of(imported: Import, nodes: list[ast.AST]) -> tuple[set[tuple[str, str]], bool]:
    """({(module, attribute)} that `nodes` use of an imported module, whether they also use it as a whole)."""
    found, looked_at, seen = set(), set(), 0
    for node in (each for top in nodes for each in ast.walk(top)):
        parts = chain(node)
        if not parts or parts[0] != imported.name:
            continue
        if len(parts) == 1:
            seen += 1
            continue
        module, rest = imported.module, parts[1:]
        while len(rest) > 1 and is_module_of_helpers(f"{module}.{rest[0]}"):
            module, rest = f"{module}.{rest[0]}", rest[1:]
        looked_at.add(id(_base(node)))
        if not is_module_of_helpers(f"{module}.{rest[0]}"):
            found.add((module, rest[0]))
    return found, seen > len(looked_at)


def chain(node: ast.AST) -> list[str]:
    """["a", "b", "c"] of ``a.b.c``; [] of anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def _base(node: Any) -> ast.AST:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


@functools.cache
def is_module_of_helpers(name: str) -> bool:
    """Whether `name` is a module of the course that answers may import from at all."""
    parts = name.split(".")
    if parts[0] != "helpers" or not all(part.isidentifier() for part in parts):
        return False
    if any(name == each or name.startswith(each + ".") for each in _NEVER):
        return False
    if parts[1:2] == ["yours"]:   # not to import it: it says aloud which names it has not
        return len(parts) == 2
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


@functools.cache
def offered(number: str, exercise: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """(modules, (module, attribute) pairs) of `helpers` that an answer to the exercise may use."""
    found = [each for statement in chapter(number).above(exercise) if statement.is_import
             for each in imports_in(statement.node)]  # fmt: skip
    modules = {each.module for each in found if not each.attribute and is_module_of_helpers(each.module)}
    named = (each for each in found if each.attribute)
    pairs = {(each.module, each.attribute) for each in named if is_module_of_helpers(each.module)}
    for function in right_answers(exercise):
        pairs |= _used_by(function, set())
    return frozenset(modules), frozenset(pairs)


def is_offered(number: str, exercise: str, module: str, attribute: str) -> bool:
    """Whether an answer to the exercise may use that name of `helpers`, by whichever way it is imported."""
    if not is_module_of_helpers(module) or attribute == "*":
        return False
    modules, pairs = offered(number, exercise)
    if module in modules or (module, attribute) in pairs:
        return True
    wanted = value_of(module, attribute)
    here = [each for each in pairs if each[1] == attribute]
    return wanted is not None and any(value_of(*each) is wanted for each in here)


def value_of(module: str, attribute: str) -> Any:
    """What a name of `helpers` stands for, None where there is none. Of `helpers.yours` it is the course's
    version: whoever grades has notebooks of their own in notebooks/, or none."""
    if module == "helpers.yours":
        return get(attribute).reference if attribute in registered() else None
    return getattr(importlib.import_module(module), attribute, None)


@functools.cache
def right_answers(exercise: str) -> tuple[Callable[..., Any], ...]:
    """The course's version of an exercise and the registered variants of it; of a quiz none."""
    own = get(exercise)
    if not isinstance(own, Exercise):
        return ()
    return (own.reference, *(variant.function for variant in own.variants))


def _used_by(function: Callable[..., Any], seen: set[str]) -> set[tuple[str, str]]:
    """The names of `helpers` that a right answer uses, also by functions beside it."""
    found = set()
    code = code_of(source_of(function))
    names = function.__globals__
    for statement in code.statements:
        for inner in imports_in(statement.node):
            if inner.attribute and is_module_of_helpers(inner.module):
                found.add((inner.module, inner.attribute))
        for name in statement.reads & names.keys() - seen:
            seen.add(name)
            value = names[name]
            where = getattr(value, "__module__", None) or ""
            if where == function.__module__ and inspect.isfunction(value):
                found |= _used_by(value, seen)
            elif inspect.ismodule(value) and is_module_of_helpers(value.__name__):
                imported = Import(name, value.__name__, "")
                found |= attributes_of(imported, [statement.node])[0]
            elif where.startswith("helpers.") and is_module_of_helpers(where) and hasattr(value, "__name__"):
                found.add((where, value.__name__))
    return found
