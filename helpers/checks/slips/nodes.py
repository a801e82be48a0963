"""Pieces of syntax trees that all slips share, and the tables of what is taken for what."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from helpers.checks.words import Message

MODULES = {"np", "torch", "math", "functional", "F", "nn"}
OPERATORS = {
    ast.Add: [(0, ast.Sub)],
    ast.Sub: [(0, ast.Add)],
    ast.Mult: [(2, ast.Div), (4, ast.Add), (4, ast.MatMult)],
    ast.Div: [(2, ast.Mult), (4, ast.FloorDiv)],
    ast.MatMult: [(1, ast.Mult)],
    ast.Pow: [(3, ast.Mult)],
    ast.FloorDiv: [(3, ast.Div)],
    ast.Mod: [(4, ast.FloorDiv)],
    ast.Lt: [(1, ast.LtE), (3, ast.Gt), (4, ast.GtE)],
    ast.LtE: [(1, ast.Lt), (3, ast.GtE), (4, ast.Gt)],
    ast.Gt: [(1, ast.GtE), (3, ast.Lt), (4, ast.LtE)],
    ast.GtE: [(1, ast.Gt), (3, ast.LtE), (4, ast.Lt)],
    ast.Eq: [(2, ast.NotEq), (3, ast.GtE), (4, ast.LtE)],
    ast.NotEq: [(2, ast.Eq), (4, ast.Lt), (4, ast.Gt)],
    ast.Is: [(3, ast.IsNot)],
    ast.IsNot: [(3, ast.Is)],
    ast.In: [(3, ast.NotIn)],
    ast.NotIn: [(3, ast.In)],
}
SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**"}
TWINS = (
    *("sum mean", "max min", "argmax argmin", "maximum minimum", "zeros_like ones_like", "zeros ones"),
    *("log log2", "log log10", "std var", "ceil floor", "any all", "cos sin", "softmax log_softmax"),
    *("softmax sigmoid", "train eval", "append extend", "stack concatenate", "exp exp2"),
)
FUNCTIONS: dict[str, list[str]] = {}
for _one, _other in map(str.split, TWINS):
    FUNCTIONS.setdefault(_one, []).append(_other)
    FUNCTIONS.setdefault(_other, []).append(_one)
DROPPED = {
    name: rank
    for rank, names in (
        (1, "softmax tanh sigmoid sqrt copy clone transpose swapaxes reversed log exp cumsum"),
        (2, "abs sorted clip masked_fill detach deepcopy log_softmax round permute square"),
        (5, "sum mean max min ravel flatten reshape item int list set argsort"),
    )
    for name in names.split()
}
"""Calls that are forgotten: what they are called on stands alone."""

BRANCHES = {"where": (1, 2), "min": (0, 1), "max": (0, 1), "minimum": (0, 1), "maximum": (0, 1)}
"""Calls that choose between some of their arguments."""

COMMUTING = {"multiply", "add", "maximum", "minimum", "max", "min"}
REDUCTIONS = {"sum", "mean", "max", "min", "argmax", "argmin", "std", "var", "softmax", "cumsum", "norm"}
OTHER_TEXT = {"left": "right", "right": "left", "mean": "sum", "sum": "mean"}


class Change(NamedTuple):
    """`node` stands where `was_node` stood. The lower the rank, the likelier the slip; `was` and `now` are
    shown instead of the nodes where they say it shorter."""

    rank: int
    kind: str
    node: ast.AST
    sentence: Message = Message("`{was}` were `{now}`")
    was: str | None = None
    now: str | None = None
    was_node: ast.AST | None = None


PLAIN = Message("`{was}` were plain `{now}`")
ALWAYS = Message("`{was}` were always `{now}`")
LEFT_OUT = Message("`{was}` were left out")


def text_of(node: ast.AST | str) -> str:
    """`node` as code."""
    return node if isinstance(node, str) else ast.unparse(node)


def with_fields(node: ast.AST, **fields: Any) -> Any:
    """`node` with other `fields`; its children are shared."""
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def called(call: ast.Call) -> str:
    """The last name of what is called: ``sum`` in ``np.sum(x)`` and in ``x.sum()``."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def without(items: list, place: int) -> list:
    """`items` but the one at `place`."""
    return items[:place] + items[place + 1 :]


def plus(node: ast.AST, step: int) -> ast.AST:
    """`node` + step, written as people do: ``t - 1`` for ``t`` and ``t`` for ``t - 1``."""
    if isinstance(node, ast.Constant):
        return number(node.value + step)
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return number(step - node.operand.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and is_int(node.right):
        total = step + node.right.value * (1 if isinstance(node.op, ast.Add) else -1)
        node = node.left
    else:
        total = step
    operator = ast.Add() if total > 0 else ast.Sub()
    return node if total == 0 else ast.BinOp(node, operator, ast.Constant(abs(total)))


def is_int(node: ast.AST | None) -> bool:
    """Whether the node is a whole number."""
    return isinstance(node, ast.Constant) and type(node.value) is int


def number(value: float) -> ast.AST:
    """A number as the parser makes it, with the minus outside."""
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)


def negative(node: ast.AST) -> ast.AST:
    """−node."""
    return ast.UnaryOp(ast.USub(), node)


EXCHANGED = Message("`{one}` and `{other}` had changed places")
EXCHANGED_IN = Message("`{one}` and `{other}` had changed places in `{was}`")


def exchanged(
    node: ast.AST, field: str, rank: int, kind: str, sentence: Message = EXCHANGED
) -> Iterator[Change]:
    """Every two of the (at most six) entries of a list in each other's place."""
    items = getattr(node, field)
    for i, j in itertools.combinations(range(len(items)), 2):
        if len(items) <= 6 and not any(isinstance(items[k], ast.Starred) for k in (i, j)):
            new = [items[{i: j, j: i}.get(k, k)] for k in range(len(items))]
            one, other = (" ".join(text_of(items[k]).split()) for k in (i, j))
            words = sentence.filled(one=one, other=other)
            if max(len(one), len(other)) > 30:
                words = Message("`{was}` were `{now}`: two things have changed places")
            yield Change(rank + (j - i > 1), kind, with_fields(node, **{field: new}), words)
