"""Slips in calls, their arguments, loops' ranges, indices and slices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from helpers.checks.slips.nodes import (
    ALWAYS,
    BRANCHES,
    COMMUTING,
    DROPPED,
    EXCHANGED_IN,
    FUNCTIONS,
    MODULES,
    PLAIN,
    REDUCTIONS,
    Change,
    called,
    exchanged,
    is_int,
    negative,
    number,
    plus,
    text_of,
    with_fields,
    without,
)
from helpers.checks.words import Message


def call(node: ast.Call) -> Iterator[Change]:
    """Another function, none at all, other arguments."""
    name, function = called(node), node.func
    method = isinstance(function, ast.Attribute) and text_of(function.value) not in MODULES
    subject = function.value if method else node.args[0] if node.args else None
    for other in FUNCTIONS.get(name, ()):
        renamed = with_fields(function, **{"attr" if isinstance(function, ast.Attribute) else "id": other})
        yield Change(2, "function", with_fields(node, func=renamed))
    yield from _squashed(node, name, function, method, subject)
    if name in DROPPED and subject is not None and not isinstance(subject, ast.Starred | ast.GeneratorExp):
        yield Change(DROPPED[name], "call dropped", subject, PLAIN)
    if not method and name in BRANCHES and len(node.args) > max(BRANCHES[name]):
        for place in BRANCHES[name]:
            yield Change(1, "call dropped", node.args[place], ALWAYS)
    yield from _arguments(node, name)
    if name == "range":
        yield from _range(node)
    if name == "enumerate" and len(node.args) == 1:
        yield Change(2, "off-by-one", with_fields(node, args=[*node.args, ast.Constant(1)]))
    if name == "reshape" and len(node.args) == 2:
        turned = ast.Attribute(with_fields(node, args=node.args[::-1]), "T")
        yield Change(2, "transpose", turned)
    if name in ("abs", "absolute") and subject is not None:
        yield Change(3, "function", ast.BinOp(subject, ast.Pow(), ast.Constant(2)))


def _squashed(node, name, function, method, subject) -> Iterator[Change]:
    """tanh for sigmoid and the other way round, written with what is at hand."""
    if name not in ("tanh", "sigmoid") or subject is None:
        return
    other = "sigmoid" if name == "tanh" else "tanh"
    home = text_of(function.value) if isinstance(function, ast.Attribute) else "np"
    words = Message("`{other}` stood in the place of `{name}` (`{was}`)", other=other, name=name)
    if home in ("np", "math") and name == "tanh":
        one = ast.Constant(1)
        power = with_fields(node, func=with_fields(function, attr="exp"), args=[negative(subject)])
        yield Change(0, "function", ast.BinOp(one, ast.Div(), ast.BinOp(one, ast.Add(), power)), words)
    else:
        renamed = ast.Attribute(function.value if method else ast.Name(home), other)
        yield Change(0, "function", with_fields(node, func=renamed), words)


def _arguments(node: ast.Call, name: str) -> Iterator[Change]:
    along = Message("`{name}` worked along `{now}` instead of `{was}`", name=name)
    if name in REDUCTIONS:
        along = Message("`{name}` ran over `{now}` instead of `{was}`", name=name)
    left_out = Message("`{was}` were left out of `{name}`", name=name)
    axes = [word for word in node.keywords if word.arg in ("axis", "dim")]
    for place, word in enumerate(node.keywords):
        given = f"{word.arg}={text_of(word.value)}"
        for other in _other_axes(word.value) if word in axes else ():
            keywords = list(node.keywords)
            keywords[place] = ast.keyword(word.arg, number(other))
            new, now = with_fields(node, keywords=keywords), f"{word.arg}={other}"
            yield Change(0 if other in (0, 1) else 2, "axis", new, along, given, now)
        if word.arg not in (None, "strict"):
            new = with_fields(node, keywords=without(node.keywords, place))
            kind = "axis" if word in axes else "argument"
            yield Change(1, kind, new, left_out, given, "")
    added = [("keepdims", True)] if axes and name in REDUCTIONS - {"softmax", "cumsum"} else []
    added += [("ddof", 1)] if name in ("std", "var") else []
    for arg, value in added:
        if arg not in [word.arg for word in node.keywords]:
            keywords = [*node.keywords, ast.keyword(arg, ast.Constant(value))]
            yield Change(3, "argument", with_fields(node, keywords=keywords))
    if len(node.args) > 1:
        rank = 1 if name in ("reshape", "rand", "zeros") else 3
        if name not in COMMUTING:
            yield from exchanged(node, "args", rank, "argument", EXCHANGED_IN)
        if name not in ("range", "where"):
            last = text_of(node.args[-1])
            yield Change(3, "argument", with_fields(node, args=node.args[:-1]), left_out, last, "")


def _other_axes(given: ast.AST) -> list[int]:
    """Never another name of the same axis: -1 for the last, as far as the code tells."""
    last = text_of(given).startswith("-")
    return [other for other in ((0, -2, -1) if last else (0, 1, 2)) if str(other) != text_of(given)]


def _range(node: ast.Call) -> Iterator[Change]:
    start, stop = node.args[:2] if len(node.args) > 1 else [ast.Constant(0), *node.args]
    step = node.args[2:]

    def bounds(first, last):
        plain = is_int(first) and first.value == 0 and not step
        return with_fields(node, args=[last] if plain else [first, last, *step])

    kind = "off-by-one"
    down = bool(step) and text_of(step[0]).startswith("-")
    one = -1 if down else 1   # number further in the range
    yield Change(0, kind, bounds(start, plus(stop, -one)),
                 Message("the last number of the range were missing (`{now}` for `{was}`)"))  # fmt: skip
    yield Change(0, kind, bounds(plus(start, one), stop),
                 Message("the first number of the range were missing (`{now}` for `{was}`)"))  # fmt: skip
    yield Change(1, kind, bounds(start, plus(stop, one)),
                 Message("the range went one number too far (`{now}` for `{was}`)"))  # fmt: skip
    if len(node.args) > 1 and not (is_int(start) and start.value == 0):
        yield Change(1, kind, bounds(plus(start, -one), stop),
                     Message("the range began one number early (`{now}` for `{was}`)"))  # fmt: skip
        yield Change(2, "loop", bounds(ast.Constant(0), stop),
                     Message("the range began at 0 (`{now}` for `{was}`)"))  # fmt: skip


def attribute(node: ast.Attribute) -> Iterator[Change]:
    """A transpose left out, a size taken for a length."""
    if node.attr in ("T", "mT"):
        yield Change(0, "transpose", node.value, Message("`{was}` were plain `{now}`, not transposed"))
    if node.attr == "size":
        yield Change(2, "function", ast.Call(ast.Name("len"), [node.value], []))


def subscript(node: ast.Subscript) -> Iterator[Change]:
    """Indices and bounds one off, on another axis, or left out."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]

    def at(place, part):
        new = [*parts[:place], part, *parts[place + 1 :]]
        return with_fields(node, slice=ast.Tuple(new, ast.Load()) if len(new) > 1 else new[0])

    for place, part in enumerate(parts):
        if isinstance(part, ast.Slice):
            for change in _slice(part):
                yield change._replace(node=at(place, change.node))
        elif is_int(part) or (isinstance(part, ast.UnaryOp) and isinstance(part.operand, ast.Constant)):
            value = ast.literal_eval(part)
            for other in dict.fromkeys([{0: -1, -1: 0}.get(value, 0), value + 1, value - 1]):
                yield Change(0 if {value, other} == {0, -1} else 1, "index", at(place, number(other)))
        elif isinstance(part, ast.Name) or isinstance(getattr(part, "op", None), ast.Add | ast.Sub):
            for step in (-1, 1):
                other = plus(part, step)
                yield Change(0 if isinstance(other, ast.Name) else 1, "index", at(place, other))
    for place, part in enumerate(parts[:-1]):
        if text_of(part) == ":" and len(parts) > 1:
            rest = without(parts, place)
            index = ast.Tuple(rest, ast.Load()) if len(rest) > 1 else rest[0]
            yield Change(1, "index", with_fields(node, slice=index))
    if isinstance(node.slice, ast.Tuple):
        for change in exchanged(node.slice, "elts", 1, "index"):
            words = Message("`{was}` were `{now}`: check the axes")
            yield change._replace(node=with_fields(node, slice=change.node), sentence=words)


def _slice(node: ast.Slice) -> Iterator[Change]:
    if node.step is not None:
        yield Change(1, "slice", with_fields(node, step=None))
    for field in ("lower", "upper"):
        bound = getattr(node, field)
        if bound is not None:
            yield Change(1, "slice", with_fields(node, **{field: None}))
            for step in (-1, 1):
                yield Change(1, "slice", with_fields(node, **{field: plus(bound, step)}))
        elif field == "lower" and node.upper is not None:
            yield Change(2, "slice", with_fields(node, lower=ast.Constant(1)))
        elif node.lower is not None:
            yield Change(2, "slice", with_fields(node, upper=number(-1)))
