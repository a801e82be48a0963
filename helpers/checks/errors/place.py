"""Where a learner's function failed: the line, the sub-expression, and the values that stood there."""

from __future__ import annotations

import ast
import linecache
import os
import re
import sysconfig
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

from helpers.checks.errors import values

_HELPERS = str(Path(__file__).resolve().parents[2]) + os.sep
_LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib"))


@dataclass(frozen=True)
class Spot:
    """The learner's innermost line under an error. Without one, `line` is 0 and the nodes are None.

    `node` is the sub-expression that failed, `statement` and `scope` what it stands in. `own` says whether
    the line is the judged function's; `direct`, whether only NumPy, torch or Python stood below it; `last`,
    whether nothing did.
    """

    error: BaseException
    line: int = 0
    source: str = ""
    own: bool = True
    direct: bool = True
    last: bool = False
    code: CodeType | None = None
    names: Mapping[str, Any] = field(default_factory=dict)
    local: Mapping[str, Any] = field(default_factory=dict)
    node: ast.AST | None = None
    statement: ast.stmt | None = None
    scope: ast.FunctionDef | None = None

    def value(self, node: ast.AST | None) -> Any:
        """What the expression was worth, or `values.UNKNOWN`. No code of the learner's runs."""
        return values.value_of(node, self.names)

    def shape(self, node: ast.AST | None) -> tuple[int, ...] | None:
        """The shape the expression had, or None."""
        return values.shape_of(node, self.names)

    def told(self, node: ast.AST, shape: tuple[int, ...] | None = None) -> str:
        """The expression as code, with its shape where it is known: `x` (3, 5)."""
        shape = self.shape(node) if shape is None else shape
        return f"{values.quoted(node)} {shape}" if shape else values.quoted(node)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments of the function the line is in."""
        if self.code is None:
            return ()
        return self.code.co_varnames[: self.code.co_argcount + self.code.co_kwonlyargcount]

    @property
    def callee(self) -> str:
        """The last part of the called name, `dot` of ``np.dot(x, W)``; "" where nothing is called."""
        function = self.node.func if isinstance(self.node, ast.Call) and self.direct else None
        return getattr(function, "attr", "") or getattr(function, "id", "")

    def is_method(self) -> bool:
        """Whether the failed call is an array's method, ``x.dot(W)``, rather than a module's function."""
        function = getattr(self.node, "func", None)
        if not isinstance(function, ast.Attribute):
            return False
        owner = self.value(function.value)
        return (
            values.is_array(owner)
            if owner is not values.UNKNOWN
            else not isinstance(function.value, ast.Name)
        )

    def operands(self) -> list[ast.expr]:
        """The expressions the failed operation or call works on, in order; text arguments left out."""
        match self.node if self.direct else None:
            case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
                return [left, right]
            case ast.AugAssign(target=target, value=value):
                return [target, value]
            case ast.Call(func=function, args=arguments):
                given = [function.value, *arguments] if self.is_method() else arguments
                if any(isinstance(node, ast.Starred) for node in given):
                    return []
                return [node for node in given if not isinstance(getattr(node, "value", None), str)]
        return []


Translator = Callable[[re.Match, Spot], str | None]


def on_the_line(translator: Translator) -> Translator:
    """The translator, silent where the error arose deeper, in a library's function that the line calls."""

    def told(found: re.Match, spot: Spot) -> str | None:
        return translator(found, spot) if spot.last else None

    return told


def find(error: BaseException, function: Callable[..., Any]) -> Spot:
    """The innermost line under `error` that the learner wrote: in the file of `function`, or in a function
    of another cell which it calls."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    entries = list(_entries(error.__traceback__))
    files = [frame.f_code.co_filename for frame, _ in entries]
    theirs = [i for i, file in enumerate(files) if file == own or _is_learners(file)]
    if not theirs:
        return Spot(error)
    frame, instruction = entries[theirs[-1]]
    below = entries[theirs[-1] + 1 :]
    known = Spot(
        error,
        own=own is None or frame.f_code.co_filename == own,
        direct=not any(_is_helper(other.f_code.co_filename) for other, _ in below),
        last=all(other.f_code.co_name == "__getattr__" for other, _ in below),
    )
    return _filled(known, frame, instruction)


def _entries(trace: TracebackType | None):
    while trace is not None:
        yield trace.tb_frame, trace.tb_lasti
        trace = trace.tb_next


def _is_helper(file: str) -> bool:
    return file.startswith(_HELPERS)


def _is_learners(file: str) -> bool:
    generated = file.startswith(("<frozen", "<string>", "<__array_function__")) or file.endswith(
        (".pyx", ".pxd")
    )
    installed = "site-packages" in file or "dist-packages" in file or file.startswith(_LIBRARIES)
    return not (generated or installed or _is_helper(file))


def _filled(spot: Spot, frame: FrameType, instruction: int) -> Spot:
    """The spot with its line, values and syntax, as far as the source can be had."""
    code = frame.f_code
    start, end, column, end_column = list(code.co_positions())[instruction // 2]
    start = start or frame.f_lineno
    lines = linecache.getlines(code.co_filename, frame.f_globals)
    local = dict(frame.f_locals)
    known = replace(
        spot,
        line=start,
        source=lines[start - 1].strip() if 0 < start <= len(lines) else "",
        code=code,
        names=ChainMap(local, frame.f_globals),
        local=local,
    )
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return known
    spans = [(node, _span(node)) for node in ast.walk(tree) if hasattr(node, "end_col_offset")]
    node = None
    first, last = (start, 0), (start, 0)
    if end is not None and column is not None:
        first, last = (start, column), (end, end_column)
        node = _node_at(spans, first, last)
    statements = [
        node
        for node, span in spans
        if isinstance(node, ast.stmt)
        and ((span[0] <= first and last <= span[1]) or (column is None and span[0][0] == start))
    ]
    scopes = [node for node in statements if isinstance(node, ast.FunctionDef) and node.name == code.co_name]
    return replace(
        known,
        node=node,
        statement=statements[-1] if statements else None,   # ast.walk goes from the outside in
        scope=scopes[-1] if scopes else None,
    )


def _span(node: ast.AST):
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _node_at(spans, start, end) -> ast.AST | None:
    """The node of exactly this span, or (methods chained over lines) the smallest that ends there."""
    exact = [node for node, span in spans if span == (start, end)]
    if exact:
        return next((node for node in exact if not isinstance(node, ast.Expr)), exact[0])
    ending = [(span[0], node) for node, span in spans if span[1] == end and span[0] <= start]
    return max(ending, key=lambda pair: pair[0])[1] if ending else None
