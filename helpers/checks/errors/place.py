"""Where a learner's function failed: the line, the sub-expression, and the values that stood there."""

from __future__ import annotations

import ast
import linecache
import os
import sysconfig
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from helpers.checks.errors import values
from helpers.languages import translate

_HELPERS = str(Path(__file__).resolve().parents[2]) + os.sep
_LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib"))
_GENERATED = ("<frozen", "<string>", "<__array_function__")


@dataclass(frozen=True)
class Spot:
    """The learner's innermost line under an error. Without one, `line` is 0 and the nodes are None.

    `node` is the sub-expression that failed, `statement` and `scope` what it stands in. `own` says whether
    the line is the judged function's; `direct`, whether only NumPy, torch or Python stood below it; `last`,
    whether nothing did. Where the line is another function's, `caller` is the one of the judged function's
    that led there.
    """

    error: BaseException
    line: int = 0
    source: str = ""
    own: bool = True
    direct: bool = True
    last: bool = False
    code: CodeType | None = None
    names: Mapping[str, Any] = field(default_factory=dict)
    node: ast.AST | None = None
    statement: ast.stmt | None = None
    scope: ast.FunctionDef | None = None
    caller: Spot | None = None

    def value(self, node: ast.AST | None) -> Any:
        """What the expression was worth, or `values.UNKNOWN`. No code of the learner's runs."""
        return values.value_of(node, self.names)

    def shape(self, node: ast.AST | None) -> values.Shape | None:
        """The shape the expression had, or None."""
        return values.shape_of(node, self.names)

    def is_tensor(self, node: ast.AST | None) -> bool:
        """Whether the expression was a torch tensor."""
        return values.is_tensor(self.value(node))

    def told(self, node: ast.AST | None, otherwise: str = "") -> str:
        """The expression as code, with its shape where it is known: `x` (3, 5); without one, other words."""
        return f"{values.quoted(node, otherwise or translate('the array'))} {self.shape(node) or ''}".rstrip()

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of the arguments of the function the line is in."""
        return values.arguments_of(self.code) if self.code else ()

    @property
    def callee(self) -> str:
        """The last part of the called name, `dot` of ``np.dot(x, W)``; "" where nothing is called."""
        function = self.node.func if isinstance(self.node, ast.Call) and self.direct else None
        return getattr(function, "attr", "") or getattr(function, "id", "")

    def is_method(self) -> bool:
        """Whether the failed call is an array's method, ``x.dot(W)``, rather than a module's function."""
        function = getattr(self.node, "func", None)
        owner = self.value(getattr(function, "value", None))
        unnamed = owner is values.UNKNOWN and not isinstance(getattr(function, "value", None), ast.Name)
        return isinstance(function, ast.Attribute) and (unnamed or values.is_array(owner))

    def operands(self) -> list[ast.expr]:
        """The expressions the failed operation or call works on, in order."""
        match self.node if self.direct else None:
            case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
                return [left, right]
            case ast.AugAssign(target=target, value=value):
                return [target, value]
            case ast.Call(func=function, args=arguments):
                given = [function.value, *arguments] if self.is_method() else arguments
                return [] if any(isinstance(node, ast.Starred) for node in given) else given
        return []


def find(error: BaseException, function: Callable[..., Any]) -> Spot:
    """The innermost line under `error` that the learner wrote: in the file of `function`, or in a function
    of another cell which it calls."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    traces = traces_of(error)
    codes = [trace.tb_frame.f_code for trace in traces]
    theirs = [i for i, code in enumerate(codes) if code.co_filename == own or _is_learners(code.co_filename)]
    if not theirs:
        return Spot(error)
    below = codes[theirs[-1] + 1 :]
    spot = Spot(
        error,
        own=own is None or codes[theirs[-1]].co_filename == own,
        direct=not any(code.co_filename.startswith(_HELPERS) for code in below),
        last=all(code.co_name == "__getattr__" for code in below),
    )
    spot = _filled(spot, traces[theirs[-1]])
    callers = [] if spot.own else [i for i in theirs if codes[i].co_filename == own]
    return replace(spot, caller=_filled(Spot(error), traces[callers[-1]])) if callers else spot


def traces_of(error: BaseException) -> list[TracebackType]:
    """The error's traceback, from the outside in."""
    traces, trace = [], error.__traceback__
    while trace is not None:
        traces.append(trace)
        trace = trace.tb_next
    return traces


def _is_learners(file: str) -> bool:
    installed = file.startswith((_HELPERS, *_LIBRARIES, *_GENERATED)) or file.endswith((".pyx", ".pxd"))
    return not (installed or "site-packages" in file or "dist-packages" in file)


def _filled(spot: Spot, trace: TracebackType) -> Spot:
    """The spot with its line, values and syntax, as far as the source can be had."""
    frame, code = trace.tb_frame, trace.tb_frame.f_code
    line, end, column, end_column = list(code.co_positions())[trace.tb_lasti // 2]
    line = line or trace.tb_lineno
    lines = linecache.getlines(code.co_filename, frame.f_globals)
    source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    names = ChainMap(dict(frame.f_locals), frame.f_globals)
    spot = replace(spot, line=line, source=source, code=code, names=names)
    if not source or end is None or column is None:   # python -X no_debug_ranges
        return spot
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):   # the file has changed since
        return spot
    first, last = (line, column), (end, end_column)
    nodes = [node for node in ast.walk(tree) if hasattr(node, "end_lineno")]   # from the outside in
    around = [node for node in nodes if _start(node) <= first and last <= _end(node)]
    # a method chained over lines begins, for Python, in its own line: the smallest node that ends there
    ending = [node for node in around if _end(node) == last and not isinstance(node, ast.Expr)]
    statements = [node for node in around if isinstance(node, ast.stmt)]
    scopes = [node for node in statements if isinstance(node, ast.FunctionDef)]
    node = max(ending, key=_start, default=None)
    return replace(spot, node=node, statement=statements[-1], scope=scopes[-1] if scopes else None)


def _start(node: ast.AST) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.AST) -> tuple[int, int]:
    return node.end_lineno, node.end_col_offset
