"""What a code cell says to readers: titles, labels and captions of figures, claims, an exercise's docstring.

A message is a whole literal, also of an f-string: ``f"after {steps} steps"`` is the message
``after {steps} steps``, and a translation is written back as an f-string with the same expressions.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Collection, Iterator, Mapping

from tools.editions.pieces import Piece, has_words

SAID: Mapping[str, tuple[int | str, ...]] = {
    "claim": (0, "heard", "verdict"),
    "show": (1, "alt"),
    "set": ("title", "xlabel", "ylabel"),
    "set_title": (0,),
    "set_xlabel": (0,),
    "set_ylabel": (0,),
    "suptitle": (0,),
    "text": (2,),
    "annotate": (0,),
    "slider": (0,),
    "choice": (0, "value"),
    "table": (0, "unmeasured"),
    "legend": (0, "title", "labels"),
    "set_xticks": (1, "labels"),
    "set_yticks": (1, "labels"),
    "learning_curve": ("label",),
    "gate_board": ("name",),
    **dict.fromkeys(
        ("plot", "semilogy", "semilogx", "loglog", "errorbar", "bar", "barh", "band", "scatter",
         "fill_between", "axhline", "axvline", "step"),
        ("label",),
    ),
}
"""Function → which of its arguments readers see (by position or name)."""

KEYS_SHOWN = ("table", "choice")
"""Functions that show the keys of a dict: {heard: why not measured}, {option: what the figure gets}."""

Literal = ast.Constant | ast.JoinedStr


def pieces(source: str, *, docstring: bool = False, shown: Collection[str] = ()) -> list[Piece]:
    """The pieces of a code cell, in order; with `docstring` those of its functions, too. `shown` are names
    that are given values here and shown by another cell (`names_shown`)."""
    text = _as_python(source)
    tree = ast.parse(text)
    at = _positions(text)
    keys = _keys(tree)
    said = {
        (literal.lineno, literal.col_offset): literal
        for literal in _literals(tree, shown) if getattr(literal, "value", None) not in keys
    }  # fmt: skip
    found = [piece for literal in said.values() for piece in _literal(text, literal, at)]
    if docstring:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False):
                found += _docstring(text, node.body[0].value, at)
    return sorted(found, key=lambda piece: piece.start)


def _as_python(source: str) -> str:
    """`source` of the same length and lines, IPython's own lines as comments."""
    return "\n".join(
        "#" + line[1:] if line.startswith(("%", "!")) else line for line in source.split("\n")
    )


def _positions(text: str):
    """(line from 1, column in UTF-8 bytes) → index in `text`."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def at(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    return at


def _keys(tree: ast.Module) -> set[str]:
    """Texts by which something is looked up or told apart: they are names."""
    places = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            places.append(node.slice)
        elif isinstance(node, ast.Compare):
            places += [node.left, *node.comparators]
    constants = (each for place in places for each in ast.walk(place) if isinstance(each, ast.Constant))
    return {each.value for each in constants if isinstance(each.value, str)}


def names_shown(source: str) -> set[str]:
    """Names whose values a code cell shows to readers, and that have them from another cell."""
    nodes = list(ast.walk(ast.parse(_as_python(source))))
    arguments = [argument for node in nodes if isinstance(node, ast.Call)
                 for which in SAID.get(called(node), ()) for argument in _arguments(node, which)]  # fmt: skip
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {each.id for each in arguments if isinstance(each, ast.Name)} - own


def _literals(tree: ast.Module, shown: Collection[str]) -> Iterator[Literal]:
    named: dict[str, list[ast.expr]] = {}   # what a text is put together from before it is shown
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    named.setdefault(target.id, []).append(node.value)
    for node in tree.body:
        if isinstance(node, ast.Assign) and {getattr(each, "id", "") for each in node.targets} & {*shown}:
            yield from _texts(node.value, named)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = called(node)
            for which in SAID.get(function, ()):
                for argument in _arguments(node, which):
                    yield from _texts(argument, named)
            if function in KEYS_SHOWN:
                for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                    for key in argument.keys if isinstance(argument, ast.Dict) else ():
                        yield from _texts(key, named)
    for node in ast.walk(tree):   # drawing functions of `explore`, here or in a later cell
        if isinstance(node, ast.FunctionDef):
            yield from _sentences(node, named)


def called(call: ast.Call) -> str:
    """The name of the function or method that is called, "" where it has none."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _arguments(call: ast.Call, which: int | str) -> Iterator[ast.expr]:
    if isinstance(which, str):   # or in **words, a dict that has several
        yield from (keyword.value for keyword in call.keywords if keyword.arg in (which, None))
    elif which < len(call.args):
        yield call.args[which]


def _sentences(function: ast.FunctionDef, named: Mapping[str, list[ast.expr]]) -> Iterator[Literal]:
    """What `function` returns beside a figure: ``return fig, f"…"``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            figure, sentence = node.value.elts
            if getattr(figure, "id", "").startswith("fig"):
                yield from _texts(sentence, named)


def _texts(node: ast.AST, named: Mapping[str, list[ast.expr]]) -> Iterator[Literal]:
    """The outermost literals in `node`, and in what was assigned to its names; not the keys by which
    something is looked up, nor what is compared."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
        return
    if isinstance(node, ast.Name):
        rest = {name: values for name, values in named.items() if name != node.id}
        for value in named.get(node.id, ()):
            yield from _texts(value, rest)
    if isinstance(node, ast.JoinedStr):
        yield node
        children = [inner for part in node.values if isinstance(part, ast.FormattedValue)
                    for inner in ast.walk(part.value) if isinstance(inner, ast.Name)]
    elif isinstance(node, ast.Subscript):
        children = [node.value]
    elif isinstance(node, ast.IfExp):
        children = [node.body, node.orelse]
    elif isinstance(node, ast.Dict):
        children = node.values
    elif isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp):
        children = [node.elt]
    else:
        children = [] if isinstance(node, ast.Compare) else ast.iter_child_nodes(node)
    for child in children:
        yield from _texts(child, named)


def _literal(text: str, node: Literal, at) -> Iterator[Piece]:
    start, end = at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)
    formatted = isinstance(node, ast.JoinedStr)
    message = _template(text[start:end]) if formatted else node.value
    if has_words(re.sub(r"\{[^{}]*\}", " ", message) if formatted else message):
        column = start - text.rfind("\n", 0, start) - 1

        def written(translation: str) -> str:
            return _quoted(translation, formatted, column)

        yield Piece(start, end, message, "code", written)


def _template(literal: str) -> str:
    """The message of f-strings (one, or several in a row) as they stand in the source."""
    parts = []
    for token in tokenize.generate_tokens(io.StringIO(f"({literal})").readline):
        if token.type == getattr(tokenize, "FSTRING_START", None):
            raise NotImplementedError("f-strings are read as Python 3.11 does: build the editions with it")
        if token.type != tokenize.STRING:
            continue
        prefix, quote, body = re.fullmatch(
            r"([A-Za-z]*)('''|\"\"\"|'|\")(.*)\2", token.string, re.S
        ).groups()
        raw = prefix.lower().replace("f", "")
        if "f" not in prefix.lower():
            parts.append(ast.literal_eval(token.string).replace("{", "{{").replace("}", "}}"))
            continue
        for words, expression in _split(body):
            parts += [ast.literal_eval(f"{raw}{quote}{words}{quote}") if words else "", expression]
    return "".join(parts)


def _split(body: str) -> Iterator[tuple[str, str]]:
    """The words and the ``{expressions}`` of an f-string's body, in pairs."""
    start = at = depth = 0
    words = ""
    while at < len(body):
        if depth == 0 and body[at : at + 2] in ("{{", "}}"):
            at += 2
            continue
        if body[at] == "{":
            if depth == 0:
                words, start = body[start:at], at
            depth += 1
        elif body[at] == "}":
            depth -= 1
            if depth == 0:
                yield words, body[start : at + 1]
                start, words = at + 1, ""
        at += 1
    yield body[start:], ""


def _quoted(translation: str, formatted: bool, column: int) -> str:
    """`translation` as a literal, over several lines where it is long (it stands inside brackets then)."""
    parts = list(_split(translation)) if formatted else [(translation, "")]
    expressions = "".join(expression for _, expression in parts)
    words = "".join(words for words, _ in parts)
    double = '"' not in expressions and ("'" in expressions or '"' not in words or "'" in words)
    quote = '"' if double else "'"
    letters = []   # what may not be cut
    for text, expression in parts:
        cooked = text.replace("\\", "\\\\").replace("\n", "\\n").replace(quote, "\\" + quote)
        letters += [*re.findall(r"\S+ ?| ", cooked), expression]
    lines, room = [""], max(40, 105 - column)
    for letter in letters:
        if lines[-1].endswith(" ") and len(lines[-1]) + len(letter) > room:
            lines.append("")
        lines[-1] += letter
    marks = ["f" if formatted and ("{" in line or "}" in line) else "" for line in lines]
    written = (f"{mark}{quote}{line}{quote}" for mark, line in zip(marks, lines, strict=True))
    return f"\n{' ' * column}".join(written)


def _docstring(text: str, node: ast.Constant, at) -> Iterator[Piece]:
    start, end = at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)
    message = inspect.cleandoc(node.value)
    indent = " " * (start - text.rfind("\n", 0, start) - 1)
    last = "\n" + indent if "\n" in node.value else ""

    def written(translation: str) -> str:
        body = textwrap.indent(translation, indent).lstrip().replace("\\", "\\\\")
        return f'"""{body}{last}"""'

    if has_words(message):
        yield Piece(start, end, message, "docstring", written)
