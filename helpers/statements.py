"""A cell's code as statements that know which names they bind and read. Nothing is executed."""

from __future__ import annotations

import ast
import re
import symtable
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from helpers.checks.missing import CODE_BELOW, syntax_problem
from helpers.languages import translate

LONG = 50_000
"""Characters of a cell that are read; more is no answer to an exercise."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_MAGICS = {"run_line_magic", "run_cell_magic", "system", "getoutput", "getoutput_lines"}
_TIMED = {"time", "timeit", "prun"}
_TOO_MUCH = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True)
class Statement:
    """A statement at the top of a cell. `reads` are the names it needs from outside, at once or when what it
    defines is called. A definition is an import, a function, a class, or names given a value."""

    node: ast.stmt = field(compare=False, repr=False)
    source: str
    binds: frozenset[str]
    reads: frozenset[str]
    eager: frozenset[str]     # those of `reads` that it needs at once
    cell: int
    line: int                 # in the cell, from 1
    is_definition: bool
    part: int = 0             # of those in the cell

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def padded(self) -> str:
        """The source at its line of the cell, so that errors name that line."""
        return "\n" * (self.line - 1) + self.source + "\n"


@dataclass(frozen=True)
class Code:
    """A cell's statements, the text they were read from, and what keeps the cell from compiling ("")."""

    source: str = ""
    statements: tuple[Statement, ...] = ()
    problem: str = ""


def code_of(source: str, cell: int = 0) -> Code:
    """The code of a cell. IPython's own lines are left out, or stand for the code they time."""
    if len(source) > LONG:
        long = translate("{found} characters, wanted at most {most}", found=len(source), most=LONG)
        return Code(source, problem=long)
    if re.match(r"\s*%%", source):
        if not CODE_BELOW.match(source):   # %%bash, %%html, %%writefile: no code of the notebook
            return Code(source)
        source = CODE_BELOW.sub(r"\1#", source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")   # of Python, about what it finds odd in the code
        try:
            tree = ast.parse(source)
        except _TOO_MUCH:
            try:
                source = _without_magics(source)
                tree = ast.parse(source)
            except _TOO_MUCH:
                return Code(source, problem=_problem(source))
        try:
            compile(source, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            lines = [each.encode() for each in _LINE.findall(source)]
            found = [_statement(node, nested, lines, cell) for node, nested in _flat(tree.body)]
        except _TOO_MUCH:
            return Code(source, problem=_problem(source))
    numbered = (Statement(**vars(each) | {"part": part}) for part, each in enumerate(found))
    return Code(source, tuple(numbered))


def _transformer() -> Any:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()


def _problem(source: str) -> str:
    try:
        found = syntax_problem(_transformer(), source)
    except _TOO_MUCH:
        found = ""
    return found or translate("code that Python cannot read")


def _without_magics(source: str) -> str:
    """The source without IPython's own lines, as far as they can be told."""
    tree = ast.parse(_transformer().transform_cell(source))
    if not any(_is_magic(node) for node in ast.walk(tree)):
        return source
    return ast.unparse(ast.fix_missing_locations(_Plain().visit(tree)))


def _is_magic(node: ast.AST) -> bool:
    match node:
        case ast.Call(ast.Attribute(ast.Call(ast.Name("get_ipython")), attr)):
            return attr in _MAGICS
    return False


class _Plain(ast.NodeTransformer):
    """Calls of magics become None, the code that they time, or nothing."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        if not _is_magic(node.value):
            return self.generic_visit(node)
        match node.value.args:
            case [ast.Constant(name), ast.Constant(str(code)), *_] if name in _TIMED:
                try:
                    return ast.parse(code).body or ast.Pass()
                except _TOO_MUCH:
                    pass
        return ast.Pass()

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return ast.Constant(None) if _is_magic(node) else self.generic_visit(node)


def _flat(nodes: list[ast.stmt], nested: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Statements at the top, and those under an `if`, `try` or `with` there; of an `else` before its `if`."""
    for node in nodes:
        if isinstance(node, ast.If):
            yield from _flat(node.orelse, True)
            yield from _flat(node.body, True)
        elif isinstance(node, ast.Try):
            yield from _flat([*node.body, *node.orelse, *node.finalbody], True)
        elif isinstance(node, ast.With):
            yield from _flat(node.body, True)
        else:
            yield node, nested


def _statement(node: ast.stmt, nested: bool, lines: list[bytes], cell: int) -> Statement:
    binds = _bound(node)
    text = ast.unparse(node) if nested else _text(node, lines)
    line = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    return Statement(node, text, frozenset(binds or ()), *_read(node, text), cell, line, binds is not None)


def _text(node: ast.stmt, lines: list[bytes]) -> str:
    """A statement's text, with its decorators. (`ast.get_source_segment` goes through the whole cell.)"""
    decorators = getattr(node, "decorator_list", None)
    if decorators:
        first = min(each.lineno for each in decorators)
        return textwrap.dedent(b"".join(lines[first - 1 : node.end_lineno]).decode().rstrip("\r\n"))
    found = lines[node.lineno - 1 : node.end_lineno]
    found[-1] = found[-1][: node.end_col_offset]
    found[0] = found[0][node.col_offset :]
    return b"".join(found).decode()


def _bound(node: ast.stmt) -> set[str] | None:
    """The names that a definition binds, None for any other statement."""
    match node:
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return {name}
        case ast.Import() | ast.ImportFrom():
            return {(each.asname or each.name).partition(".")[0] for each in node.names}
        case ast.Assign(targets) if not _checks(node.value):
            names = [_names(each) for each in targets]
            return None if None in names else set().union(*names)
        case ast.AnnAssign(ast.Name(name), value=ast.expr()) if not _checks(node.value):
            return {name}
    return None


def _names(target: ast.expr) -> set[str] | None:
    if isinstance(target, ast.Name):
        return {target.id}
    if isinstance(target, ast.Starred):
        return _names(target.value)
    if isinstance(target, ast.Tuple | ast.List):
        found = [_names(each) for each in target.elts]
        return None if None in found else set().union(*found)
    return None


def _checks(value: ast.AST) -> bool:
    """Whether a value is what a check hands back."""
    function = getattr(value, "func", None)
    return "check" in (getattr(function, "id", ""), getattr(function, "attr", ""))


def _read(node: ast.stmt, text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The global names that a statement, or what it defines, looks up, and those it looks up at once."""
    try:
        table = symtable.symtable(text, "<cell>", "exec")
    except _TOO_MUCH:   # `await` at the top
        found = frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        return found, found
    eager = frozenset(each.get_name() for each in table.get_symbols() if each.is_referenced())
    found, todo = set(eager), list(table.get_children())
    while todo:
        scope = todo.pop()
        todo += scope.get_children()
        found |= {each.get_name() for each in scope.get_symbols()
                  if each.is_global() and (each.is_referenced() or each.is_declared_global())}  # fmt: skip
    return frozenset(found), eager
