"""Landmarks: what a statement promises of the learner's function, as code with its results in comments.

    x, h_prev = np.ones((1, 3)), np.ones((1, 2))
    rnn_step(x, h_prev, np.full((3, 2), 0.1), np.full((2, 2), 0.1), np.full(2, 0.2))[0, 0]   # ≈ 0.604

An expression statement with a comment behind it is a landmark. The comment is the value as Python prints it
(NumPy's numbers as plain ones, arrays as lists), or ``≈`` and the value rounded to the digits that it shows.
"""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import inspect
import re
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NUMBER = re.compile(r"(?<![\w.])(-?\d+(?:\.\d*)?(?:e[-+]?\d+)?)", re.IGNORECASE)
FENCED = re.compile(r"^```python\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Landmark:
    """One landmark, tried: the statement, its value in plain Python, the comment, and whether they agree."""

    text: str
    value: Any
    wanted: str
    holds: bool

    def __str__(self) -> str:
        return f"{self.text} gives {self.value!r}; the text says {self.wanted}"


def fenced(markdown: str) -> list[str]:
    """The ``python`` blocks of a text that hold a landmark, in their order, each ending with a newline."""
    return [block for block in FENCED.findall(markdown) if any(wanted for _, wanted in statements(block))]


def statements(snippet: str) -> list[tuple[str, str]]:
    """The statements of `snippet` as (code, wanted); wanted is "" where nothing is promised.
    Raises SyntaxError when the snippet is not Python."""
    nodes = ast.parse(snippet).body
    comments = {
        token.start[0]: token.string.removeprefix("#").strip()
        for token in tokenize.generate_tokens(iter([*snippet.splitlines(keepends=True), ""]).__next__)
        if token.type == tokenize.COMMENT
    }
    last, found = {node.end_lineno: node for node in nodes}, []   # of `a; b  # 3` the comment is b's
    for node in nodes:
        decorated = getattr(node, "decorator_list", ())   # not part of the segment
        code = ast.unparse(node) if decorated else ast.get_source_segment(snippet, node)
        promised = isinstance(node, ast.Expr) and last[node.end_lineno] is node
        found.append((code, comments.get(node.end_lineno, "") if promised else ""))
    return found


def run(snippet: str, namespace: Mapping[str, Any]) -> list[Landmark]:
    """Run `snippet` in a copy of `namespace` → its landmarks, tried. What a statement raises passes through.
    The copy is shallow: a snippet that draws from a generator of the namespace moves that generator on."""
    names, results = dict(namespace), []
    for code, wanted in statements(snippet):
        compiled = compile(code, "<landmark>", "eval" if wanted else "exec", dont_inherit=True)
        value = plain(eval(compiled, names))
        results += [Landmark(code, value, wanted, agrees(value, wanted))] if wanted else []
    return results


def plain(value: Any) -> Any:
    """`value` with NumPy's and torch's numbers and arrays as Python's numbers and lists."""
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "detach"):
        return value.tolist()
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {plain(key): plain(entry) for key, entry in value.items()}
    return value


def agrees(value: Any, wanted: str) -> bool:
    """Whether the plain `value` is what the comment says."""
    if not wanted.startswith("≈"):
        return repr(value) == wanted
    texts = ("".join(text.split()) for text in (repr(value), wanted[1:].replace("−", "-")))
    mine, theirs = map(NUMBER.split, texts)   # what stands between the numbers, and they at 1, 3, …
    pairs = list(zip(mine[1::2], theirs[1::2], strict=False))
    return bool(pairs) and mine[::2] == theirs[::2] and all(_rounds_to(*pair) for pair in pairs)


def _rounds_to(number: str, printed: str) -> bool:
    mantissa, scientific, _ = printed.lower().partition("e")
    digits = len(mantissa.partition(".")[2])
    return float(f"{float(number):.{digits}{'e' if scientific else 'f'}}") == float(printed)


def recorded_calls(
    snippet: str, name: str, reference: Callable[..., Any], namespace: Mapping[str, Any] | None = None
) -> list[tuple]:
    """The arguments of each call of `name` in `snippet`, as before it, by the signature and its defaults.
    The snippet runs with `np` (`torch` too when it speaks of it), what `namespace` adds, and `name` bound
    to `reference`; what it raises passes through."""
    signature, calls = inspect.signature(reference), []

    @functools.wraps(reference)
    def recorder(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        calls.append(copy.deepcopy((*bound.args, *bound.kwargs.values())))
        return reference(*args, **kwargs)

    names = {"torch": importlib.import_module("torch")} if re.search(r"\btorch\b", snippet) else {}
    run(snippet, {"np": np} | names | dict(namespace or {}) | {name: recorder})
    return calls
