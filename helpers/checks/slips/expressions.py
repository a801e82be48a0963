"""What goes wrong in an expression: for each node of a statement, the nodes that a slip puts in its place."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from helpers.checks.slips.calls import attribute, call, subscript
from helpers.checks.slips.nodes import (
    ALWAYS,
    EXCHANGED_IN,
    LEFT_OUT,
    OPERATORS,
    OTHER_TEXT,
    PLAIN,
    SYMBOLS,
    Change,
    called,
    exchanged,
    negative,
    number,
    plus,
    text_of,
    with_fields,
    without,
)
from helpers.checks.words import Message

BACKWARDS = Message("the loop ran backwards (`{now}`)")
JOINING = {"stack", "concatenate", "array", "einsum"}
MOST_NAMES = 60
"""Exchanges of names tried in one statement; a long line has hundreds."""


def expression_changes(
    statement: ast.stmt, alike: dict[str, list[str]], names: list[str]
) -> Iterator[tuple[Callable[[ast.AST], None], Change]]:
    """(put, change) for every slip in the statement's own expressions: ``put(change.node)`` makes it in the
    tree, ``put(change.was_node)`` takes it back. `alike` says which names are easily taken for each other,
    `names` are all of the function."""
    budget, grown = iter(range(MOST_NAMES)), _grown(statement)
    for holder, field, index, node in _places(statement):

        def put(new, holder=holder, field=field, index=index):
            if index is None:
                setattr(holder, field, new)
            else:
                getattr(holder, field)[index] = new

        for change in itertools.chain(
            _CHANGES.get(type(node), _nothing)(node),
            _other_names(node, alike, grown, budget),
            _in_this_place(statement, holder, field, node, names),
        ):
            yield put, change._replace(was_node=node)


def look_alikes(function: ast.FunctionDef, names: list[str]) -> dict[str, list[str]]:
    """name → others of the function that stand for it by mistake: h0 and dh for h, Wh for Wx, and what is
    unpacked together."""
    together = [
        {each.id for each in node.elts if isinstance(each, ast.Name)}
        for node in ast.walk(function)
        if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store)
    ]
    constants = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and node.id.isupper()]
    every = [name for name in dict.fromkeys([*names, *constants]) if name != "_"]
    return {
        one: [
            other
            for other in every
            if one != other and (_similar(one, other) or any({one, other} <= each for each in together))
        ][:5]
        for one in every
    }


def _similar(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    same_stem = len({name.partition("_")[0].rstrip("0123456789") for name in (one, other)}) == 1
    one_letter = len(one) == len(other) > 1 and sum(a != b for a, b in zip(one, other, strict=True)) == 1
    return same_stem or one_letter or long == f"d{short}" or long == f"{short}s" or (
        len(short) > 1 and long.startswith(short)
    )  # fmt: skip


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(holder, field, index in the field or None, node), outer ones first; no other statement, no f-string,
    no annotation."""
    skipped = ast.stmt | ast.JoinedStr | ast.excepthandler
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "ctx", "op", "ops", "type_params"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not isinstance(child, skipped):
                yield node, field, index, child
                yield from _places(child)


def _nothing(node: ast.AST) -> Iterator[Change]:
    yield from ()


def _binary(node: ast.BinOp) -> Iterator[Change]:
    left, operator, right, gap = node.left, type(node.op), node.right, ast.Name("_")
    summed = operator in (ast.Add, ast.Sub)
    kind, part = ("sign", "term") if summed else ("operator", "factor")
    tail = text_of(with_fields(node, left=gap)).removeprefix("_ ")   # `+ b`
    head = text_of(with_fields(node, right=gap)).removesuffix(" _")   # `x @ Wx +`
    for rank, other in OPERATORS.get(operator, ()):
        new = with_fields(node, op=other())
        words = Message("`{was}` were `{now}`")
        if rank < 2 and summed:
            words = Message("`{was}` were `{now}`: check the sign there")
        elif rank < 2:
            words = Message("`{was}` were `{now}`: check the operator there")
        # In a long sum the last term alone says it.
        alone = summed and isinstance(left, ast.BinOp) and len(text_of(node)) > 30
        shown = (tail, text_of(with_fields(new, left=gap)).removeprefix("_ ")) if alone else ()
        yield Change(rank, kind, new, words, *shown)
    if operator in SYMBOLS:
        rank = {ast.Add: 0, ast.Sub: 0, ast.Mult: 1, ast.Pow: 1}.get(operator, 2)
        yield Change(rank, part, left, LEFT_OUT, tail, "")
        if operator is ast.Sub:
            yield Change(1, part, right, PLAIN)
            yield Change(2, part, negative(right))
        elif operator in (ast.Add, ast.Mult, ast.MatMult):
            yield Change(rank, part, right, LEFT_OUT, head, "")
    if operator not in (ast.Add, ast.Mult):
        rank = 2 if operator in (ast.Sub, ast.Div, ast.MatMult) else 5
        turned = with_fields(node, left=right, right=left)
        yield Change(rank, "order", turned, Message("`{was}` were `{now}`: check the order"))
    for field, side in (("left", left), ("right", right)):
        whole = isinstance(side, ast.Name | ast.Subscript | ast.Call)
        if operator is ast.MatMult and whole:
            yield Change(1, "transpose", with_fields(node, **{field: ast.Attribute(side, "T")}))
        elif operator is ast.Mult and (whole or isinstance(side, ast.BinOp)):
            column = ast.Tuple([ast.Slice(), ast.Constant(None)], ast.Load())
            yield Change(3, "axis", with_fields(node, **{field: ast.Subscript(side, column, ast.Load())}))
    if operator is ast.Pow:
        yield Change(3, "function", ast.Call(ast.Name("abs"), [left], []))
    if operator is ast.FloorDiv:
        yield Change(3, "off-by-one", plus(node, 1))


def _unary(node: ast.UnaryOp) -> Iterator[Change]:
    if not isinstance(node.operand, ast.Constant):
        if isinstance(node.op, ast.USub):
            words = Message("`{was}` were `{now}`: check the minus")
            yield Change(0, "sign", node.operand, words)
            return
        rank, name = (2, "not") if isinstance(node.op, ast.Not) else (0, "~")
        words = Message("`{was}` were `{now}`: check the `{operator}`", operator=name)
        yield Change(rank, "operator", node.operand, words)


def _compare(node: ast.Compare) -> Iterator[Change]:
    for rank, other in OPERATORS.get(type(node.ops[0]), ()):
        yield Change(rank, "comparison", with_fields(node, ops=[other(), *node.ops[1:]]))


def _boolean(node: ast.BoolOp) -> Iterator[Change]:
    yield Change(3, "operator", with_fields(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And()))
    for place in range(len(node.values)):
        rest = without(node.values, place)
        new = with_fields(node, values=rest) if len(rest) > 1 else rest[0]
        yield Change(2, "term", new, Message("the condition were only `{now}`, not `{was}`"))


def _conditional(node: ast.IfExp) -> Iterator[Change]:
    for branch in (node.body, node.orelse):
        yield Change(1, "condition", branch, ALWAYS)
    new = with_fields(node, body=node.orelse, orelse=node.body)
    words = Message("`{was}` were `{now}`: the branches have changed places")
    yield Change(3, "condition", new, words)


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        others: list[Any] = [not value]
    elif isinstance(value, int):
        others = {0: [1], 1: [0, 2]}.get(value, [value - 1, value + 1])
    elif isinstance(value, float):
        others = {0.0: [1.0], 1.0: [0.0, 2.0], 0.5: [1.0]}.get(value, [float(f"{10 * value:.12g}"), 0.0, 1.0])
    elif isinstance(value, str) and value in OTHER_TEXT:
        others = [OTHER_TEXT[value]]
    else:
        others = []
    for other in others:
        yield Change(2, "constant", number(other) if isinstance(other, float) else ast.Constant(other))


def _entries(node: ast.Tuple | ast.List) -> Iterator[Change]:
    bare = _bare(node)
    stored = isinstance(node.ctx, ast.Store)
    words = EXCHANGED_IN
    if stored:
        words = Message("`{one}` and `{other}` had changed places in `{was} = …`")
    for change in exchanged(node, "elts", 1 if stored else 2, "order", words):
        yield change._replace(was=bare, now=_bare(change.node)) if stored else change


def _bare(node: ast.expr) -> str:
    """The text of `node`, a tuple's without the brackets around it."""
    text = text_of(node)
    return text.removeprefix("(").removesuffix(")") if isinstance(node, ast.Tuple) else text


def _dict(node: ast.Dict) -> Iterator[Change]:
    yield from exchanged(node, "values", 1, "order")


def _comprehension(node: ast.comprehension) -> Iterator[Change]:
    for place, condition in enumerate(node.ifs):
        rest = with_fields(node, ifs=without(node.ifs, place))
        yield Change(1, "condition", rest, LEFT_OUT, f"if {text_of(condition)}", "")


def _grown(statement: ast.stmt) -> set[str]:
    """Lists that grow in the statement: looped over meanwhile, or put into themselves, they never end."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    growing = [each.func.value for each in calls if called(each) in ("append", "extend", "insert", "add")]
    return {name.id for name in growing if isinstance(name, ast.Name)}


def _other_names(
    node: ast.AST, alike: dict[str, list[str]], grown: set[str], budget: Iterator[int]
) -> Iterator[Change]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        others = [other for other in alike.get(node.id, ()) if other not in grown]
        for other, _ in zip(others, budget, strict=False):
            words = Message("`{now}` stood where `{was}` belongs")
            yield Change(2, "name", ast.Name(other, ast.Load()), words)


def _in_this_place(
    statement: ast.stmt, holder: ast.AST, field: str, node: ast.AST, names: list[str]
) -> Iterator[Change]:
    """What depends on where the node stands: a loop's range, a condition, a value returned or assigned."""
    if field == "iter":
        yield from _looped(node)
    if field == "test" and isinstance(statement, ast.If) and holder is statement:
        yield Change(3, "condition", ast.UnaryOp(ast.Not(), node))
        yield Change(2, "condition", ast.Constant(True), Message("the condition `{was}` always held"))
    if field not in ("value", "elts"):
        return
    returned = isinstance(statement, ast.Return) and (holder is statement or holder is statement.value)
    assigned = isinstance(statement, ast.Assign | ast.AugAssign) and holder is statement
    value = isinstance(node, ast.BinOp | ast.Call | ast.Name | ast.Subscript | ast.Attribute)
    if (assigned or returned) and value:
        yield Change(5, "sign", negative(node), Message("`{was}` were `{now}`: check its sign"))
        product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult)
        if returned and (product or (isinstance(node, ast.Call) and called(node) in JOINING)):
            yield Change(4, "transpose", ast.Attribute(node, "T"))
    if returned and isinstance(node, ast.Tuple):
        words = Message("`{one}` and `{other}` had changed places in what is returned")
        for change in exchanged(node, "elts", 1, "returned", words):
            yield change._replace(was=_bare(node), now=_bare(change.node))
    if returned and isinstance(node, ast.Name):
        for other in [name for name in names if name != node.id][-6:]:
            words = Message("`{now}` were returned where `{was}` belongs")
            yield Change(3, "returned", ast.Name(other, ast.Load()), words)
    first = isinstance(statement, ast.Assign) and (assigned or holder is statement.value)
    if first and isinstance(node, ast.Constant):
        for change in _constant(node):
            words = Message("a start value were `{now}` instead of `{was}`")
            yield change._replace(rank=1, kind="initial value", sentence=words)


def _looped(node: ast.AST) -> Iterator[Change]:
    backwards = ast.Call(ast.Name("reversed"), [node], [])
    if isinstance(node, ast.Call) and called(node) == "range":
        yield Change(2, "loop", backwards, BACKWARDS)
    elif isinstance(node, ast.Name | ast.Attribute):
        first = ast.Subscript(node, ast.Slice(ast.Constant(1), None), ast.Load())
        yield Change(2, "loop", first, Message("the first of `{was}` were left out of the loop"))
        last = ast.Subscript(node, ast.Slice(None, number(-1)), ast.Load())
        yield Change(2, "loop", last, Message("the last of `{was}` were left out of the loop"))
        yield Change(3, "loop", backwards, BACKWARDS)


_CHANGES: dict[type, Callable[[Any], Iterator[Change]]] = {
    ast.Attribute: attribute,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Call: call,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.IfExp: _conditional,
    ast.List: _entries,
    ast.Subscript: subscript,
    ast.Tuple: _entries,
    ast.UnaryOp: _unary,
    ast.comprehension: _comprehension,
}
