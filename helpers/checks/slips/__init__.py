"""Single slips in a function's source: every answer that differs from it by one small mistake, in words.

A sign, an axis, an index, a transpose, a term left out, a loop one step short: `slips` makes them all, the
likeliest first. The judge compares a wrong answer that it does not know with those of the reference; the
report ``python -m tools.mutants`` counts which of them a check lets pass.
"""

from __future__ import annotations
import __future__

import ast
import difflib
import inspect
import linecache
import re
import textwrap
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from helpers import sealed
from helpers.checks.slips.nodes import text_of
from helpers.checks.slips.statements import edits
from helpers.checks.words import Message, told
from helpers.languages import translate
from helpers.validation import require

PLACED = {"name", "constant", "axis", "argument"}
"""Kinds whose code says too little without what stands around it."""


@dataclass(frozen=True)
class Slip:
    """One mistake: its `kind`, the whole mutated function, what stood there and what stands there now ("" for
    something left out), the line of `source` where it begins, the mistake in words, and where these say too
    little the code around it."""

    kind: str
    source: str
    was: str
    now: str
    line: int
    words: Message
    around: str = ""

    @property
    def sentence(self) -> str:
        """A hint for whoever gave this answer."""
        mistake = told(self.words)
        if self.around:
            return translate("Your results are exactly as if {mistake} (in `{line}`).",
                             mistake=mistake, line=self.around)  # fmt: skip
        return translate("Your results are exactly as if {mistake}.", mistake=mistake)


def slips(source: str) -> Iterator[Slip]:
    """All single slips of the function whose source is `source`, without duplicates, the likeliest first.

    ValueError when `source` is not one ``def``.
    """
    text = ast.unparse(_definition(source))
    function = ast.parse(text).body[0]   # once more: now every node knows its lines in `text`
    lines, seen = text.split("\n"), {text}
    for change, first, last, make in sorted(edits(function, lines), key=lambda edit: edit.change.rank):
        mutated = "\n".join([*lines[: first - 1], *make(), *lines[last:]])
        if mutated not in seen:
            seen.add(mutated)
            was = text_of(change.was_node) if change.was is None else change.was
            now = text_of(change.node) if change.now is None else change.now
            words = change.sentence.filled(was=_short(was), now=_short(now))
            around = _around(lines[first - 1].strip(), was) if change.kind in PLACED else ""
            yield Slip(change.kind, mutated, was, now, first, words, around)


def source_of(function: Callable[..., Any]) -> str:
    """The source of `function` without decorators, docstring and comments; ValueError if it has none."""
    try:
        node = _definition(sealed.source(function) or inspect.getsource(inspect.unwrap(function)))
    except (OSError, TypeError):
        raise ValueError(f"function: got {function!r}, wanted one whose source can be read") from None
    node.decorator_list = []
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(node)


def normal(source: str) -> str:
    """The source of one function as `slips` writes it."""
    return ast.unparse(_definition(source))


def spans(one: str, other: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where two texts differ: stretches of words in the one, and in the other."""
    words = [re.findall(r"\w+|\s+|.", text) for text in (one, other)]
    found = difflib.SequenceMatcher(None, *words, autojunk=False).get_opcodes()
    changed = [each[1:] for each in found if each[0] != "equal"]
    return [(i, j) for i, j, _, _ in changed], [(i, j) for _, _, i, j in changed]


def function_from(source: str, reference: Callable[..., Any]) -> Callable[..., Any]:
    """The function that `source` defines, with a copy of `reference`'s globals.

    ValueError when `reference` has free variables: a closure cannot be made again from its source.
    """
    original = inspect.unwrap(reference)
    free = original.__code__.co_freevars
    require(not free, "reference", f"{original.__name__} with free variables {free}", "none")
    name, file = _definition(source).name, f"<slip {zlib.crc32(source.encode()):08x}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    flags = original.__code__.co_flags & __future__.annotations.compiler_flag
    namespace = dict(original.__globals__)
    with warnings.catch_warnings():   # `1[:, None]` compiles, with a SyntaxWarning
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(compile(source, file, "exec", flags=flags, dont_inherit=True), namespace)
    return namespace[name]


def _definition(source: str) -> ast.FunctionDef:
    try:
        body = ast.parse(textwrap.dedent(source)).body
    except SyntaxError as error:
        raise ValueError(f"source: got a SyntaxError ({error.msg}), wanted a function's") from None
    require(len(body) == 1 and isinstance(body[0], ast.FunctionDef), "source", repr(source[:60]), "one def")
    return body[0]


def _short(text: str, limit: int = 70) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit // 2]} … {line[-limit // 2 + 3 :]}"


def _around(line: str, was: str, limit: int = 40) -> str:
    """The line around a short `was`, but not all of a long one, nor where `was` stands in it twice."""
    if len(was) > limit // 2:
        return ""
    if len(line) > limit:
        if line.count(was) != 1:
            return ""
        at = line.index(was)
        start = max(0, at + (len(was) - limit) // 2)
        end = start + limit
        for first, last in (word.span() for word in re.finditer(r"[\w.]+", line)):   # whole words
            if first < start < last:
                start = last if last <= at else first
            if first < end < last:
                end = first if first >= at + len(was) else last
        line = f"{'… ' if start else ''}{line[start:end].strip()}{' …' if end < len(line) else ''}"
    return line if line != was else ""
