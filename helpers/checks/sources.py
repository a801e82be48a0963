"""What a learner's source tells: whether it changed, a stub's line left over, another signature."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def fingerprint(source: str, name: str) -> str:
    """Short hash of the function `name` in `source` that ignores layout and comments; "" if absent."""
    try:
        tree = ast.parse(textwrap.dedent(source))
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return hashlib.sha256(ast.unparse(node).encode()).hexdigest()[:12]
    return ""


def fingerprint_of(function: Callable[..., Any], name: str) -> str:
    """`fingerprint` of a function's own source, "" where it cannot be had."""
    try:
        return fingerprint(inspect.getsource(function), name)
    except (OSError, TypeError):
        return ""


def written_beside_the_stub(function: Callable[..., Any]) -> bool:
    """Whether a function holds more than its stub: a value returned, or an answer that is not None."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "answer":
            return True
        answered = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "answer"
        if answered and ast.unparse(node.value) != "None":
            return True
    return False


def wrong_signature(function: Callable[..., Any], wanted: list[str]) -> str:
    """A sentence when `function` cannot take the arguments `wanted` in this order, else ""."""
    try:
        inspect.signature(function).bind(*wanted)
    except TypeError:
        given = ", ".join(inspect.signature(function).parameters)
        return f"It takes ({given}); wanted the arguments ({', '.join(wanted)}), as in the stub."
    except ValueError:   # a builtin without a signature: let the call decide
        pass
    return ""
