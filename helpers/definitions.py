"""Whether a definition only defines, or does something when it runs: calls a function, changes an object."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from helpers.statements import Statement

PLAIN = frozenset([
    *("numpy", "torch", "math", "cmath", "itertools", "functools", "operator", "collections", "fractions"),
    *("decimal", "statistics", "string", "re", "typing", "types", "enum", "dataclasses", "abc"),
])   # fmt: skip
"""Libraries whose functions make values."""
CHANGES = re.compile(r"(set_|save|seed|manual_seed|register|hub|tofile|.*_$)")
"""How the names of those begin that do more."""
MAKES = frozenset([
    *("abs", "bool", "complex", "dict", "enumerate", "float", "frozenset", "int", "len", "list", "max"),
    *("min", "pow", "property", "range", "reversed", "round", "set", "slice", "sorted", "staticmethod"),
    *("str", "sum", "tuple", "zip"),
])   # fmt: skip


def does_more(statement: Statement, above: Iterable[Statement]) -> str:
    """The first code in a definition that does more than make a value when the definition runs, "" for none.

    `above` are the definitions of the notebook, which tell what its names stand for. Bodies of functions do
    not run, and a decorator is part of the definition, whoever wrote it.
    """
    imported: dict[str, str] = {}
    for node in (each.node for each in above if each.is_import):
        for alias in node.names:
            module = getattr(node, "module", None) or alias.name
            imported[(alias.asname or alias.name).partition(".")[0]] = module.partition(".")[0]
    plain = {name for name, root in imported.items() if root in PLAIN}
    found = next(_doing(statement.node, plain), None)
    return "" if found is None else ast.unparse(found)


def _doing(node: ast.AST, plain: set[str]) -> Iterator[ast.AST]:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(ast.Constant()):
            return
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            parts = [*node.args.defaults, *node.args.kw_defaults]
            given = (each for part in node.decorator_list for each in ast.iter_child_nodes(part)
                     if isinstance(part, ast.Call) and each is not part.func)  # fmt: skip
            parts += given
        case ast.Lambda():
            parts = [*node.args.defaults, *node.args.kw_defaults]
        case ast.ClassDef():
            parts = [*node.bases, *node.body]
        case ast.Assign() | ast.AnnAssign():
            parts = [node.value]
        case ast.Call() if not _makes(node.func, plain):
            yield node
            return
        case ast.stmt() | ast.Await() | ast.Yield() | ast.YieldFrom():
            yield node
            return
        case _:
            parts = list(ast.iter_child_nodes(node))
    for part in parts:
        if part is not None:
            yield from _doing(part, plain)


def _makes(function: ast.expr, plain: set[str]) -> bool:
    """Whether a call of this makes a value and changes nothing."""
    if isinstance(function, ast.Name):
        return function.id in MAKES | plain and not CHANGES.match(function.id)
    if not isinstance(function, ast.Attribute) or CHANGES.match(function.attr):
        return False
    owner = function.value
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    return not isinstance(owner, ast.Name) or owner.id in plain   # a method of a value made just now
