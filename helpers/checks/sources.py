"""What a learner's source tells: changes, a stub's line left over, another signature, outer names."""

from __future__ import annotations

import ast
import dis
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

from helpers.checks.cases import describe
from helpers.languages import translate

TOO_DEEP = (ValueError, RecursionError, MemoryError)
"""What Python raises of a source that it cannot parse: characters, nesting."""


def fingerprint(source: str, name: str) -> str:
    """Short hash of the function `name` in `source`, a def or a lambda, without layout and comments; "" if
    absent."""
    try:
        return _fingerprint(ast.parse(textwrap.dedent(source)), name)
    except (SyntaxError, *TOO_DEEP):
        return ""


def _fingerprint(tree: ast.Module, name: str) -> str:
    for node in ast.walk(tree):
        defined = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        if defined or (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Lambda)
            and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        ):
            return hashlib.sha256(ast.unparse(node).encode()).hexdigest()[:12]
    return ""


def source_of(function: Callable[..., Any]) -> str:
    """The source of a function, or what it carries as `source` where it runs in another process.

    OSError or TypeError where there is none."""
    source = getattr(function, "source", None)
    return source if isinstance(source, str) else inspect.getsource(function)


def fingerprint_of(function: Callable[..., Any], name: str) -> str:
    """`fingerprint` of a function's own source, "" where it cannot be had."""
    try:
        return fingerprint(source_of(function), name)
    except (OSError, TypeError):
        return ""


def written_beside_the_stub(function: Callable[..., Any]) -> str:
    """A sentence when a function that stops at ``raise NotImplementedError`` holds an answer beside it, else
    "".

    An answer is any statement but the docstring, the raise, plain numbers given to names (a stub may begin
    so) and a quiz's own ``answer = None`` and ``return answer``.
    """
    try:
        tree = ast.parse(textwrap.dedent(source_of(function)))
    except (OSError, TypeError, SyntaxError, *TOO_DEEP):
        return ""
    body = [node for each in tree.body if isinstance(each, ast.FunctionDef) for node in each.body]
    written = [node for node in body if not _of_the_stub(node)]
    if not written:
        return ""
    if any(isinstance(node, ast.Raise) for node in body):
        returned = any(isinstance(node, ast.Return) for each in body for node in ast.walk(each))
        text = translate("There is code, but `raise NotImplementedError` still stops it: delete that line.")
        return text if returned else f"{text} {translate('Its `return` line is missing, too.')}"
    return translate("It comes upon a `raise NotImplementedError`, in itself or in a function it calls.")


def answered_without_return(function: Callable[..., Any]) -> bool:
    """Whether a function gives a value to ``answer`` and returns nothing."""
    try:
        nodes = list(ast.walk(ast.parse(textwrap.dedent(source_of(function)))))
    except (OSError, TypeError, SyntaxError, *TOO_DEEP):
        return False
    assigned = [node for node in nodes if isinstance(node, ast.Assign)]
    given = [node for node in assigned if ast.unparse(node.targets[0]) == "answer"]
    returned = any(isinstance(node, ast.Return) for node in nodes)
    return not returned and any(ast.unparse(node.value) != "None" for node in given)


def _of_the_stub(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return all(isinstance(each, ast.Constant | ast.Tuple | ast.Name | ast.Store | ast.Load)
                   for part in (node.value, *node.targets) for each in ast.walk(part)) and (
            ast.unparse(node.targets[0]) != "answer" or ast.unparse(node.value) == "None")  # fmt: skip
    if isinstance(node, ast.Return):
        return node.value is None or ast.unparse(node.value) == "answer"
    return isinstance(node, ast.Raise | ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def wrong_form(function: Callable[..., Any], wanted: list[str]) -> str:
    """A sentence when `function` cannot take the arguments `wanted` in this order, or when calling it runs
    nothing (`yield`, `async`); else ""."""
    function = getattr(function, "form", function)   # of one that runs in another process
    if function is None:   # which is no plain function there: let the call decide
        return ""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return translate("It begins with `async def`, so that a call runs nothing; wanted a plain `def`.")
    if inspect.isgeneratorfunction(function):
        return translate(
            "It has a `yield`, so that a call makes a generator and runs nothing; wanted a `return`."
        )
    try:
        signature = inspect.signature(function)
        signature.bind(*wanted)
        taken = [name for name in signature.parameters if name in wanted]
        if taken != wanted and len(taken) == len(wanted):
            return translate("It takes {given}: the right arguments in another order; wanted ({wanted}).",
                             given=signature, wanted=", ".join(wanted))  # fmt: skip
    except TypeError:
        given = str(signature.replace(return_annotation=inspect.Signature.empty))
        kinds = {each.kind for each in signature.parameters.values()}
        by_name = inspect.Parameter.KEYWORD_ONLY in kinds
        text = translate("It takes {given}; wanted the arguments ({wanted}), as in the stub.",
                         given=given, wanted=", ".join(wanted))  # fmt: skip
        why = translate("What stands after the `*` can be given by name only: delete the `*`.")
        return f"{text} {why}" if by_name else text
    except ValueError:   # a builtin without a signature: let the call decide
        pass
    return ""


def read_from_outside(function: Callable[..., Any], reference: Callable[..., Any]) -> str:
    """A sentence when `function` reads variables of the notebook as if they were its arguments, else "".

    Not meant are modules, functions, constants by their names (``EOS``), and what the right answer reads."""
    names = getattr(function, "__globals__", {})
    right = _read(getattr(reference, "__code__", None))
    read = {name: names[name] for name in _read(getattr(function, "__code__", None))
            if name in names and name not in right and not (name.isupper() and len(name) > 1)
            and not callable(names[name]) and not isinstance(names[name], ModuleType)}  # fmt: skip
    try:
        values = describe(read, 120)
    except Exception:   # an object of the learner's that cannot be shown
        values = ", ".join(read)
    return translate("(No argument, but read from the notebook: {values}.)", values=values) if read else ""


def exclusive_or(function: Callable[..., Any], reference: Callable[..., Any]) -> str:
    """A sentence when `function` has a ``^`` and the right answer has none, else ""."""
    mine, right = (_operators(each) for each in (function, reference))
    if ast.BitXor not in mine - right:
        return ""
    return translate("`^` is no power in Python, but an exclusive or, bit by bit; a power is `**`.")


VALUES = {"T", "shape", "size", "ndim", "dtype", "data", "grad"}   # attributes that are no functions
DROPPED = (ast.Name, ast.Attribute, ast.BinOp, ast.UnaryOp, ast.Subscript, ast.Tuple)


def without_effect(function: Callable[..., Any]) -> str:
    """A sentence on the first line that computes something and drops it, "" when there is none."""
    for node in ast.walk(_tree(function)):
        dropped = node.value if isinstance(node, ast.Expr) else None
        code = ast.unparse(node) if dropped else ""
        if isinstance(dropped, ast.Attribute) and dropped.attr not in VALUES:
            return translate(
                "The line `{code}` does nothing: a function is called with brackets, `{code}()`.", code=code
            )
        if isinstance(dropped, ast.Compare):
            return translate(
                "The line `{code}` compares, and drops the result: `=` gives a name a value, `==` does not.",
                code=code,
            )
        if isinstance(dropped, DROPPED):
            return translate(
                "The line `{code}` has a value, and drops it: is there a `=` missing, or a `return`?",
                code=code,
            )
    return ""


def _operators(function: Callable[..., Any]) -> set[type[ast.operator]]:
    nodes = ast.walk(_tree(function))
    return {type(node.op) for node in nodes if isinstance(node, ast.BinOp | ast.AugAssign)}


def has_code(function: Callable[..., Any], *codes: str) -> bool:
    """Whether one of `codes`, as ``ast.unparse`` writes it, stands in the source of `function`."""
    source = ast.unparse(_tree(function))
    return any(code in source for code in codes if code)


def _tree(function: Callable[..., Any]) -> ast.Module:
    """The syntax of its source; nothing where it has none."""
    try:
        return ast.parse(textwrap.dedent(source_of(function)))
    except (OSError, TypeError, SyntaxError, *TOO_DEEP):
        return ast.Module([], [])


def _read(code: CodeType | None) -> list[str]:
    """The global names that are read, in order, also in functions inside."""
    if code is None:
        return []
    own = [each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    inner = [name for part in code.co_consts if isinstance(part, CodeType) for name in _read(part)]
    return list(dict.fromkeys(own + inner))
