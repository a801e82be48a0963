"""The import rule: what of libraries and of Python an answer uses that no right answer of the course does.

A library's own layer, loss or optimizer in place of one's own, ways round that, and answers that are tables.
Each finding is a sentence for a human, who decides; nothing is executed, and no points are taken.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from helpers.checks.slips import source_of
from tools.grade.reading.course import COURSE, chain, right_answers
from tools.grade.reading.pinned import chapter, chapter_of_exercise

Piece = tuple[str, str]   # (label, source)

READY_MADE = frozenset([
    *("nn", "optim", "autograd", "func", "functional", "ops", "jit", "hub", "compile", "library", "utils"),
    *("ao", "lstm", "lstm_cell", "gru", "gru_cell", "rnn_tanh", "rnn_tanh_cell", "rnn_relu", "rnn_relu_cell"),
    *("dropout", "feature_dropout", "softmax", "log_softmax", "embedding", "layer_norm", "load", "save"),
])  # fmt: skip
"""Parts of torch which may be the answer itself where it is an exercise for torch."""
FILES = frozenset(f"numpy.{name}" for name in (
    *("load", "loadtxt", "genfromtxt", "fromfile", "memmap", "save", "savez", "savetxt", "DataSource"),
    *("savez_compressed", "fromregex", "rec", "testing", "ctypeslib", "f2py", "core", "_core", "lib"),
))  # fmt: skip
PLAIN = frozenset([
    *("scipy.special.expit", "scipy.special.logit", "scipy.special.erf", "scipy.special.xlogy"),
    *("sys.maxsize", "sys.float_info", "types.SimpleNamespace", "io.StringIO"),
])  # fmt: skip
"""What honest answers use, and what is nobody's exercise."""
ORDINARY = frozenset([
    *("math", "cmath", "itertools", "functools", "collections", "operator", "random", "statistics", "heapq"),
    *("bisect", "copy", "dataclasses", "typing", "fractions", "decimal", "numbers", "string", "re"),
    *("textwrap", "array", "enum", "abc", "contextlib", "time", "datetime", "warnings", "pprint"),
    "__future__",
])  # fmt: skip
"""Modules of Python that answers may use; others reach beyond their arguments, or hide what is written."""
WAYS_OUT = frozenset([
    *("os", "sys", "ctypes", "subprocess", "builtins", "importlib", "inspect", "pickle", "modules"),
])  # fmt: skip
CALLS = frozenset([
    *("eval", "exec", "compile", "__import__", "open", "globals", "locals", "input", "breakpoint", "exit"),
    *("quit", "memoryview"),
])  # fmt: skip
ELEMENTARY = frozenset(["sigmoid", "softmax"])   # of `helpers`, where a chapter hands them out
BY_NAME = frozenset([
    *("operator.attrgetter", "operator.methodcaller", "typing.get_type_hints", "typing.ForwardRef"),
])  # fmt: skip
LOOKS_UP = frozenset(["getattr", "setattr", "delattr", "hasattr", "vars", "dir"])
NAMES = frozenset(["__builtins__", "__file__", "__loader__", "__spec__", "__name__", "get_ipython"])
INSIDE = re.compile(
    r"__(globals|closure|code|subclasses|bases|base|mro|builtins|dict|import|loader|spec|wrapped|self|func|reduce"
    r"|reduce_ex|getattribute|setattr|defaults|kwdefaults|init_subclass|unrolled\w*)__$"
    r"|^(f_(back|locals|globals|builtins|code)|(gi|cr|ag)_(frame|code)|tb_(frame|next)|_?getframe|mro|co_\w+|tofile|dump)$"
)
LYING = re.compile(
    r"__(eq|ne|bool|float|array\w*|torch_function|class|instancecheck|del)__$"
)
OF_VALUES = frozenset([
    *("numpy.ndarray", "torch.Tensor", "float", "int", "str", "list", "dict", "tuple", "bool"),
])  # fmt: skip
TABLE, BLOB = 40, 200
"""Constants of an answer, characters of a text in it."""


def review(
    exercise: str, pieces: Sequence[Piece], helpers: Sequence[tuple[str, str, str]] = ()
) -> tuple[str, ...]:
    """Sentences about an answer's `code` and `helpers` as `Answer` holds them, the answer's own piece last:
    one for each thing found, with its line. () where a right answer of the course does the same."""
    own = [(label, tree) for label, tree in _parsed(pieces) if not label.startswith("<chapter ")]
    names = _dotted([tree for _, tree in _parsed(pieces)])
    answer = own[-1][0].rpartition(".")[0] if own else ""
    allowed = _allowed(exercise)
    found: dict[str, None] = {}
    for label, tree in own:
        where = "" if label.rpartition(".")[0] == answer else f" of {label.strip('<>').rpartition('.')[0]}"
        for line, key, text in _findings(tree, names, allowed):
            if key not in allowed:
                found[f"Line {line}{where}: {text}" + ("" if text.endswith("?") else ".")] = None
    found |= dict.fromkeys(_given(exercise, pieces, helpers))
    return tuple(found)


def _parsed(pieces: Iterable[Piece]) -> list[tuple[str, ast.Module]]:
    found = []
    for label, source in pieces:
        try:
            found.append((label, ast.parse(source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return found


def _dotted(trees: Iterable[ast.AST]) -> dict[str, str]:
    """What names stand for: {"F": "torch.nn.functional"} from imports, and from names given such names."""
    names: dict[str, str] = {}
    given: list[tuple[str, ast.AST]] = []
    for node in (each for tree in trees for each in ast.walk(tree)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Assign | ast.NamedExpr | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                given += _pairs(target, node.value)
    for _ in range(4):   # a name given a name given a name
        for name, value in given:
            path = _path(value, names)
            if path and name not in names:
                names[name] = path
    return names


def _pairs(target: ast.AST, value: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, other)


def _path(node: ast.AST, names: dict[str, str]) -> str:
    """The dotted path of ``a.b.c`` where `a` stands for a part of a library, else ""."""
    parts = chain(node)
    return _real(".".join([names[parts[0]], *parts[1:]])) if parts and parts[0] in names else ""


@functools.cache
def _real(path: str) -> str:
    """A path by the names of the modules that lie on it: ``numpy.ma.core.np.load`` is ``numpy.load``."""
    name, *parts = path.split(".")
    value = sys.modules.get(name)
    for part in parts:
        value = vars(value).get(part) if isinstance(value, types.ModuleType) else None
        name = value.__name__ if isinstance(value, types.ModuleType) else f"{name}.{part}"
    return name


def _findings(
    tree: ast.Module, names: dict[str, str], allowed: frozenset[str]
) -> Iterator[tuple[int, str, str]]:
    """(line, what it is for comparing, what to say) of all that could matter in a piece of code."""
    uses_torch = any(each == "torch" or each.startswith("torch.") for each in allowed)
    within: set[int] = set()   # nodes that are part of a longer path
    fine = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)} | _locals(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute | ast.Name):
            path = "" if id(node) in within else _path(node, names)
            if isinstance(node, ast.Attribute):
                if path:
                    within |= {id(each) for each in ast.walk(node)}
                if INSIDE.search(node.attr):
                    yield line, node.attr, f"it looks into `{ast.unparse(node)[:60]}`"
            elif node.id in NAMES:
                yield line, node.id, f"it asks for `{node.id}`"
            elif node.id in (CALLS | LOOKS_UP) - names.keys() and id(node) not in fine:
                yield line, f"{node.id} itself", f"it hands `{node.id}` on"
            if path and isinstance(node.ctx, ast.Load):
                why = _why(path, uses_torch)
                if why:
                    yield line, path, f"it uses `{path}`{why}"
                elif isinstance(node, ast.Name) and path in sys.modules and "." not in path:
                    yield line, path + " itself", f"it hands the module `{path}` on"
        elif isinstance(node, ast.ImportFrom) and any(each.name == "*" for each in node.names):
            why = _why(f"{node.module}.*", uses_torch)
            if why or node.module == "torch":
                yield line, f"{node.module}.*", f"it imports all of `{node.module}`{why}"
        elif isinstance(node, ast.Call):
            yield from _call(node, names)
        elif isinstance(node, ast.ClassDef):
            yield from _class(node, names)
        elif isinstance(node, ast.MatchClass):
            for name in filter(INSIDE.search, node.kwd_attrs):
                yield line, name, f"it looks into `{name}`"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= BLOB:
            for name in filter(INSIDE.match, re.findall(r"\w+", node.value)):
                yield line, name, f"it names `{name}` in a text"
    yield from _data(tree)


def _locals(tree: ast.AST) -> set[int]:
    """The names in functions that stand for arguments and variables of theirs, whatever they are called."""
    found: set[int] = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        body = function.body if isinstance(function.body, list) else [function.body]
        read = [each for top in body for each in ast.walk(top) if isinstance(each, ast.Name)]
        bound = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
        bound |= {each.id for each in read if not isinstance(each.ctx, ast.Load)}
        found |= {id(each) for each in read if each.id in bound}
    return found


def _why(path: str, uses_torch: bool) -> str:
    """What is to be said of a use of `path`, "" for nothing."""
    root, _, rest = path.partition(".")
    if path in PLAIN or (root in ("numpy", *COURSE) and not _reaches_out(path)):
        return ""
    if root == "torch":
        if not uses_torch:
            return ", and the exercise is one for NumPy"
        parts = rest.split(".")
        ready = READY_MADE & {*parts} or any(each.startswith("_") for each in parts) or _reaches_out(path)
        return ": is it a library's own version of what was to be written?" if ready else ""
    if path in BY_NAME:
        return ", which runs or looks up what a text says"
    if _reaches_out(path):
        return ", which reaches beyond the function's arguments"
    if root in sys.stdlib_module_names:
        return ""
    return ", a library that the exercise does not need"


def _reaches_out(path: str) -> bool:
    root, *inner = path.split(".")
    if root in sys.stdlib_module_names and root not in ORDINARY:
        return True
    return any(part.lstrip("_") in WAYS_OUT or f"{root}.{part}" in FILES for part in inner)


def _call(node: ast.Call, names: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    function = getattr(node.func, "id", "")
    if function in names:
        return
    if function in CALLS:
        yield node.lineno, function, f"it calls `{function}`"
    elif function in LOOKS_UP:
        module = any(_path(each, names) in sys.modules for each in node.args[:1])
        name = node.args[1] if len(node.args) > 1 else None
        written = isinstance(name, ast.Constant) and not INSIDE.search(str(name.value))
        if module or not written:
            yield node.lineno, function, f"it looks things up by name: `{ast.unparse(node)[:60]}`"


def _class(node: ast.ClassDef, names: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    for each in node.body:
        assigned = [getattr(one, "id", "") for one in getattr(each, "targets", ())]
        for name in filter(LYING.search, [getattr(each, "name", ""), *assigned]):
            yield each.lineno, name, f"its class `{node.name}` decides by itself what `{name}` says"
    for base in node.bases:
        path = _path(base, names) or getattr(base, "id", "")
        if path in OF_VALUES:
            yield node.lineno, f"class of {path}", f"its class `{node.name}` passes for a `{path}`"


def _data(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Texts and tables that hold results, or code, in place of a computation."""
    docstrings = {id(each.body[0].value) for each in ast.walk(tree)
                  if isinstance(each, ast.FunctionDef | ast.ClassDef | ast.Module) and each.body
                  and isinstance(each.body[0], ast.Expr)}  # fmt: skip
    constants, first = 0, 0
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in docstrings:
            continue
        if isinstance(node.value, str | bytes) and len(node.value) > BLOB:
            yield node.lineno, "a long text", f"a text of {len(node.value)} characters stands in it"
        elif isinstance(node.value, int | float | complex | str) and not isinstance(node.value, bool):
            constants, first = constants + 1, first or node.lineno
    if constants > TABLE:
        yield first, "a table", f"{constants} numbers and texts stand in it: a table of results?"


# --- What right answers use


@functools.cache
def _allowed(exercise: str) -> frozenset[str]:
    """What the course's version of an exercise and its variants use of all that could be found."""
    found: set[str] = set()
    for source, names in _sources(exercise):
        tree = ast.parse(source)
        names = names | _dotted([tree])
        everything = frozenset({"torch"})   # to see torch's parts, not that it is torch
        for each in (node for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)):
            path = _path(each, names)
            if path:
                found.add(path)
        found |= {key for _, key, _ in _findings(tree, names, everything)}
    return frozenset(found)


@functools.cache
def _sources(exercise: str) -> tuple[tuple[str, dict[str, str]], ...]:
    """(source, what names stand for) of the course's version, the variants, and functions beside them."""
    course = chapter(chapter_of_exercise()[exercise])
    above = [each.node for each in course.above(exercise) if each.is_import]
    found = [(course.code[course.exercises[exercise].cell].source, _dotted(above))]
    todo = list(right_answers(exercise))
    seen = set()
    while todo:
        function = todo.pop()
        if function in seen:
            continue
        seen.add(function)
        source = source_of(function)
        names = {}
        for node in ast.walk(ast.parse(source)):
            value = function.__globals__.get(node.id) if isinstance(node, ast.Name) else None
            if inspect.ismodule(value):
                names[node.id] = value.__name__
            elif inspect.isfunction(value) and value.__module__ == function.__module__:
                todo.append(value)
            elif value is not None and _home(value):
                names[node.id] = f"{_home(value)}.{value.__name__}"
        found.append((source, names))
    return tuple(found)


def _home(value: Any) -> str:
    return (getattr(value, "__module__", None) or "") if hasattr(value, "__name__") else ""


def _given(
    exercise: str, pieces: Sequence[Piece], helpers: Sequence[tuple[str, str, str]]
) -> Iterator[str]:
    """Sentences about functions of the chapter that no right answer to the exercise calls, and of `helpers`
    that no right answer of the chapter does."""
    called = _words(exercise)
    for label, tree in _parsed(pieces):
        for node in tree.body if label.startswith("<chapter ") else ():
            if isinstance(node, ast.FunctionDef) and node.name not in called:
                yield f"It calls `{node.name}` of the chapter, which no right answer of the course does."
    known = ELEMENTARY.union(*map(_words, chapter(chapter_of_exercise()[exercise]).exercises))
    for module, attribute, _ in helpers:
        if attribute not in known:
            yield f"It uses `{module}.{attribute}`, which no right answer of this chapter does."


@functools.cache
def _words(exercise: str) -> frozenset[str]:
    """All names in the right answers to an exercise, their attributes too."""
    nodes = [node for source, _ in _sources(exercise) for node in ast.walk(ast.parse(source))]
    return frozenset(getattr(node, "id", getattr(node, "attr", "")) for node in nodes)
