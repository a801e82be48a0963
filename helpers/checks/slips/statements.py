"""Slips in statements: one left out, exchanged with its neighbour, moved into a loop or out of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from helpers.checks.slips.expressions import expression_changes, look_alikes
from helpers.checks.slips.nodes import LEFT_OUT, OPERATORS, Change, called, text_of, with_fields
from helpers.checks.words import Message

SIMPLE = ast.Assign | ast.AugAssign | ast.Expr


class Edit(NamedTuple):
    """A change of the lines `first` … `last`: `make()` gives those that replace them."""

    change: Change
    first: int
    last: int
    make: Callable[[], list[str]]


@dataclass(frozen=True)
class _Spot:
    """A statement in its block, with the loop around it, the function's lines, and of each name the line
    that first binds it (0: an argument)."""

    block: list[ast.stmt]
    place: int
    loop: ast.For | ast.While | None
    lines: list[str]
    born: dict[str, int]

    @property
    def statement(self) -> ast.stmt:
        return self.block[self.place]

    @property
    def after(self) -> ast.stmt | None:
        return self.block[self.place + 1] if self.place + 1 < len(self.block) else None

    @property
    def indent(self) -> str:
        return " " * self.statement.col_offset

    def text(self, statement: ast.stmt | None = None, move: int = 0) -> list[str]:
        """The lines of the statement (this one), moved to the right."""
        statement = statement or self.statement
        lines = self.lines[statement.lineno - 1 : statement.end_lineno]
        return [" " * move + line if move >= 0 else line[-move:] for line in lines]

    def bound(self, names: set[str]) -> bool:
        """Whether all `names` have a value before this statement."""
        return all(self.born.get(name, 0) < self.statement.lineno for name in names)

    def edit(self, rank, kind, new, sentence, was="", now="", end=None) -> Edit:
        change = Change(rank, kind, self.statement, sentence, was or _joined(self.text()), now)
        first, last = self.statement.lineno, end or self.statement.end_lineno
        return Edit(change, first, last, lambda: new)


def edits(function: ast.FunctionDef, lines: list[str]) -> Iterator[Edit]:
    """Every slip in the body of `function`, whose nodes know their places in `lines`."""
    born = _born(function)
    alike = look_alikes(function, list(born))
    yield from _expression_edits(_Spot([function], 0, None, lines, born), alike)   # its default values
    for block, loop in _blocks(function):
        for place, statement in enumerate(block):
            if not _is_guard(statement):
                spot = _Spot(block, place, loop, lines, born)
                yield from _expression_edits(spot, alike)
                yield from _left_out(spot)
                yield from _assigned(spot)
                yield from _order(spot)
                if isinstance(statement, ast.For | ast.While) and not statement.orelse:
                    yield from _around_a_loop(spot)


def _blocks(node: ast.AST, loop: ast.AST | None = None) -> Iterator[tuple[list[ast.stmt], ast.AST | None]]:
    """Every list of statements below `node`, with the loop around it."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list) and block:
            yield block, loop
            for each in block:
                yield from _blocks(each, each if isinstance(each, ast.For | ast.While) else loop)


def _is_guard(statement: ast.stmt) -> bool:
    """Whether the statement only refuses bad input, imports or documents."""
    if isinstance(statement, ast.If):
        return isinstance(statement.body[0], ast.Raise)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return called(statement.value).startswith("require")
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom | ast.Pass)


def _born(function: ast.FunctionDef) -> dict[str, int]:
    found = {node.arg: 0 for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    stores = (node for node in ast.walk(function) if isinstance(node, ast.Name))
    for node in sorted(stores, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node.ctx, ast.Store) and node.id != "_":
            found.setdefault(node.id, node.lineno)
    return found


def _stored(node: ast.AST) -> set[str]:
    """Names bound or changed in `node`: assigned, item assigned, appended to."""
    found = set()
    for each in ast.walk(node):
        if isinstance(getattr(each, "ctx", None), ast.Store):
            while isinstance(each, ast.Subscript | ast.Attribute | ast.Starred):
                each = each.value
        elif isinstance(each, ast.Call) and called(each) in ("append", "extend", "update", "add"):
            each = getattr(each.func, "value", each)
        else:
            continue
        if isinstance(each, ast.Name):
            found.add(each.id)
    return found


def _used(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _joined(text: list[str]) -> str:
    return "\n".join(line.strip() for line in text)


def _expression_edits(spot: _Spot, alike: dict[str, list[str]]) -> Iterator[Edit]:
    statement, last = spot.statement, spot.statement.end_lineno
    if hasattr(statement, "body"):
        below = statement.body[0]
        above = [below.lineno, *(each.lineno for each in getattr(below, "decorator_list", []))]
        last = min(above) - 1

    def write() -> list[str]:
        if not hasattr(statement, "body"):
            return [spot.indent + ast.unparse(statement)]
        empty = {name: [] for name in ("orelse", "decorator_list") if hasattr(statement, name)}
        head = ast.fix_missing_locations(with_fields(statement, body=[ast.Pass()], **empty))
        other = "el" if spot.text()[0].lstrip().startswith("elif ") else ""
        return [spot.indent + other + ast.unparse(head).rsplit("\n", 1)[0]]

    for put, change in expression_changes(statement, alike, list(spot.born)):

        def make(put=put, change=change):
            put(change.node)
            try:
                return write()
            finally:
                put(change.was_node)

        yield Edit(change, statement.lineno, last, make)


def _left_out(spot: _Spot) -> Iterator[Edit]:
    statement, nothing = spot.statement, [f"{spot.indent}pass"]
    defines = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name | ast.Tuple)
    if isinstance(statement, SIMPLE | ast.Break) and (not defines or spot.bound(_stored(statement))):
        words = LEFT_OUT
        if spot.loop and defines and isinstance(statement.targets[0], ast.Name):
            words = Message(
                "`{was}` were left out, so that `{name}` never changed", name=statement.targets[0].id
            )
        new = nothing if len(spot.block) == 1 else []
        yield spot.edit(1 if spot.loop else 2, "statement dropped", new, words)
    if isinstance(statement, ast.If) and not statement.orelse and spot.text()[0].lstrip().startswith("if "):
        test = f"if {text_of(statement.test)}"
        yield spot.edit(2, "statement dropped", nothing, Message("nothing happened `{was}`"), test)


def _assigned(spot: _Spot) -> Iterator[Edit]:
    """``+=`` overwritten or turned round; ``x = x + y`` in place."""
    statement = spot.statement
    if isinstance(statement, ast.AugAssign):
        target, value = statement.target, statement.value
        words = Message("`{was}` were `{now}`, which overwrites the old value")
        found = [(1, "operator", ast.Assign([target], value), words)]
        for rank, other in OPERATORS.get(type(statement.op), ()):
            if rank < 3:
                kind = "operator" if rank else "sign"
                words = Message("`{was}` were `{now}`")
                found.append((rank + 1, kind, ast.AugAssign(target, other(), value), words))
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target, value = statement.targets[0], statement.value
        if text_of(target) != text_of(value.left):
            return
        new = ast.AugAssign(target, value.op, value.right)
        found = [(3, "in place", new, Message("`{was}` were `{now}`, which changes the old array"))]
    else:
        return
    for rank, kind, node, words in found:
        new = ast.unparse(ast.fix_missing_locations(node))
        yield spot.edit(rank, kind, [spot.indent + new], words, now=new)


def _order(spot: _Spot) -> Iterator[Edit]:
    statement, after = spot.statement, spot.after
    if isinstance(statement, SIMPLE) and isinstance(after, SIMPLE):
        one, two, other = _stored(statement), _stored(after), spot.text(after)
        if (one & _used(after) or two & _used(statement)) and spot.bound(one & _used(after)):
            yield spot.edit(3, "order", [*other, *spot.text()], Message("`{now}` came before `{was}`"),
                            now=_joined(other), end=after.end_lineno)  # fmt: skip
    loop = spot.loop
    last = after is None and spot.place and loop and spot.block is loop.body and not loop.orelse
    if isinstance(statement, SIMPLE) and last:
        words = Message("`{was}` came once, after the loop, instead of in every round")
        yield spot.edit(3, "loop", spot.text(move=-4), words)


def _around_a_loop(spot: _Spot) -> Iterator[Edit]:
    loop, after, text = spot.statement, spot.after, spot.text()
    back = next((each for each in spot.block[spot.place :] if isinstance(each, ast.Return)), None)
    if back is not None:
        moved = spot.text(back, move=4)
        words = Message("the function returned after the first round of its loop")
        yield spot.edit(2, "loop", [*text, *moved], words,
                        _joined(moved), _joined(moved), back.end_lineno)  # fmt: skip
    if isinstance(after, SIMPLE):
        moved = spot.text(after, move=4)
        words = Message("`{was}` came in every round of the loop")
        yield spot.edit(3, "loop", [*text, *moved], words,
                        _joined(moved), _joined(moved), after.end_lineno)  # fmt: skip
    head = loop.body[0].lineno - loop.lineno
    for name, value in _start_values(spot.block[: spot.place]):
        if name in _stored(loop):
            again = f"{name} = {text_of(value)}"
            new = [*text[:head], f"{spot.indent}    {again}", *text[head:]]
            words = Message("`{name}` were set back in every round (`{was}`)", name=name)
            yield spot.edit(1, "initial value", new, words, again, again)


def _start_values(statements: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """(name, value) of every assignment to a name."""
    for statement in statements:
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
            paired = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=False) if paired else [(target, value)]
            yield from ((left.id, right) for left, right in pairs if isinstance(left, ast.Name))
