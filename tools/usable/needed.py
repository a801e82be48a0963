"""Which cells of a chapter others depend on, as far as names tell.

A cell reads names, binds names, and changes what names stand for: it calls a method, assigns to an attribute
or an entry, hands the object to a function. What goes other ways (a library's global generator) is not seen,
so whoever leaves cells out must be ready to run them all when one fails.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

READING = frozenset([
    *("all", "any", "argmax", "argmin", "cumsum", "dot", "max", "mean", "min", "round", "std", "sum", "var"),
    *("astype", "copy", "flatten", "item", "numpy", "ravel", "reshape", "squeeze", "tolist", "transpose"),
    *("count", "decode", "encode", "endswith", "format", "join", "lower", "split", "startswith", "strip"),
    *("get", "index", "items", "keys", "values"),
])   # fmt: skip
"""Methods that leave their object as it is."""
LOOKING = frozenset(dir(builtins)) | {"check", "claim", "display", "show", "table"}
"""Functions that leave their arguments as they are, as do classes and the functions of modules."""
ORDER = {   # the fields of a node in the order in which they are evaluated, where it is not that of the text
    ast.Assign: ("value", "targets"),
    ast.AnnAssign: ("value", "target"),
    ast.For: ("iter", "target", "body", "orelse"),
    ast.NamedExpr: ("value", "target"),
    ast.ListComp: ("generators", "elt"),
    ast.SetComp: ("generators", "elt"),
    ast.GeneratorExp: ("generators", "elt"),
    ast.DictComp: ("generators", "key", "value"),
    ast.comprehension: ("iter", "target", "ifs"),
}


@dataclass
class Names:
    """What a piece of code does with names; `functions` are those it defines, by name."""

    reads: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)   # reads, and names it has bound itself
    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    parts: dict[str, set[str]] = field(default_factory=dict)   # of what a name was made, to change with it
    functions: dict[str, Names] = field(default_factory=dict)
    looks: bool = False   # a function that leaves its arguments as they are


class _Scan(ast.NodeVisitor):
    """Goes through code in the order in which it runs; `modules` are names that stand for modules."""

    def __init__(
        self, modules: set[str], functions: Mapping[str, Names], plain: set[str], bound: Iterable[str] = ()
    ):
        self.modules, self.functions, self.plain = modules, functions, plain
        self.names = Names(binds=set(bound))

    def scan(self, nodes: Iterable[ast.AST]) -> Names:
        for node in nodes:
            self.visit(node)
        return self.names

    def generic_visit(self, node: ast.AST) -> None:
        inner = isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp)
        before = set(self.names.binds)
        for name in ORDER.get(type(node), node._fields):
            value = getattr(node, name)
            parts = value if isinstance(value, list) else [value]
            self.scan(part for part in parts if isinstance(part, ast.AST))
        if inner:   # its variables are its own
            self.names.binds &= before

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.names.binds.add(node.id)
        elif not hasattr(builtins, node.id):
            self.names.loads.add(node.id)
            self.names.reads |= {node.id} - self.names.binds

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        made = isinstance(node.value, ast.Call) and _called(node.value)[:1].isupper()
        parts = [*node.value.args, *(k.value for k in node.value.keywords)] if made else [node.value]
        plain = self._is_plain(node.value)
        for target in node.targets:
            self.change(target)
            several = isinstance(target, ast.Tuple | ast.List)
            bound = {part.id for part in (target.elts if several else [target]) if isinstance(part, ast.Name)}
            self.plain -= bound
            self.plain |= bound if plain or several else set()
            if isinstance(target, ast.Name):
                found = {name for part in parts if (name := _base(part))}
                self.names.parts[target.id] = found - self.plain if made else found

    def _is_plain(self, value: ast.AST) -> bool:
        """Whether a value is a number, an array, a list of such: no model, nothing that numbers come from."""
        if isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
            return _base(value) in self.plain
        calls = [part for part in ast.walk(value) if isinstance(part, ast.Call)]
        known = LOOKING | self.modules   # a function that this chapter defines may well build a model
        methods = all(isinstance(call.func, ast.Attribute) or _called(call) in known for call in calls)
        words = [_called(call) for call in calls]
        return methods and not any(word[:1].isupper() or word == "default_rng" for word in words)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self.visit(ast.Name(_base(node.target), ast.Load()))
        self.change(node.target, whole=True)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        word, method = _called(node), isinstance(node.func, ast.Attribute)
        if method and word not in READING and _base(node.func) not in self.modules:
            self.change(node.func.value, whole=True)
        looks = word in LOOKING or word[:1].isupper()
        if method:
            looks |= (_base(node.func) in self.modules or word in READING) and not word.endswith("_")
        elif word in self.names.functions or word in self.functions:
            looks = (self.names.functions.get(word) or self.functions[word]).looks
        if not looks:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                if _base(argument) not in self.plain or word.endswith("_"):
                    self.change(argument, whole=True)

    def change(self, target: ast.AST, *, whole: bool = False) -> None:
        """Note that `target` is changed: an entry or attribute of an object, or (`whole`) the object."""
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            name = _base(part)
            if name and (whole or not isinstance(part, ast.Name)) and name not in self.modules:
                self.names.changes.add(name)

    def _function(self, node) -> None:
        self.scan([*node.args.defaults, *filter(None, node.args.kw_defaults)])
        self.scan(getattr(node, "decorator_list", ()))
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        own = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        found = _Scan(self.modules, self.functions, self.plain - own, own).scan(body)
        found.looks = not found.changes & own
        found.reads -= found.functions.keys()
        found.changes -= found.binds
        for inner in found.functions.values():
            found.reads |= inner.reads - found.binds
            found.changes |= inner.changes - found.binds
        if isinstance(node, ast.Lambda):
            self.names.reads |= found.reads - self.names.binds
            self.names.loads |= found.reads
            self.names.changes |= found.changes
        else:
            self.names.functions[node.name] = found
            self.names.binds.add(node.name)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _function

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scan([*node.bases, *node.decorator_list])
        nothing = ast.arguments([], [], None, [], [], None, [])
        self._function(ast.FunctionDef(node.name, nothing, node.body, []))   # as if its body ran later

    def _import(self, node) -> None:
        found = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        self.names.binds |= found
        self.modules |= found

    visit_Import = visit_ImportFrom = _import


def _base(node: ast.AST) -> str | None:
    """The `x` of ``x.a[0].b``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def names_in(sources: Sequence[str]) -> list[Names]:
    """What each of the cells `sources`, in their order, does with names, functions of earlier ones included
    where it uses them. Raises SyntaxError for a cell that is not Python."""
    modules: set[str] = set()
    plain: set[str] = set()
    functions: dict[str, Names] = {}
    parts: dict[str, set[str]] = {}
    cells = []
    for source in sources:
        names = _Scan(modules, functions, plain).scan(ast.parse(source).body)
        for name in names.binds:
            functions.pop(name, None)
            parts.pop(name, None)
        functions |= names.functions
        parts |= names.parts
        todo, seen = list(names.loads), set()
        while todo:   # what the functions do that it may call
            name = todo.pop()
            if name in functions and name not in seen:
                seen.add(name)
                names.reads |= functions[name].reads - names.binds
                names.changes |= functions[name].changes
                todo += functions[name].reads
        todo = list(names.changes)
        while todo:
            new = parts.get(todo.pop(), set()) - names.changes - modules
            names.changes |= new
            todo += new
        cells.append(names)
    return cells


def needed_for(wanted: Iterable[int], cells: Sequence[Names]) -> tuple[set[int], set[str]]:
    """The cells that have to run so that the cells `wanted` can, these included, and the names that have to
    be there before."""
    wanted = set(wanted)
    needed: set[int] = set()
    live: set[str] = set()
    for position in range(len(cells) - 1, -1, -1):
        names = cells[position]
        if position in wanted or live & (names.binds | names.changes):
            needed.add(position)
            live = (live - names.binds) | names.reads
    return needed, live


def touched_by(name: str, cells: Sequence[Names]) -> list[int]:
    """Those of `cells` that use `name`, or what such a cell before them has bound or changed."""
    tainted, found = {name}, []
    for position, names in enumerate(cells):
        if names.reads & tainted:
            found.append(position)
            tainted |= names.binds | names.changes
        else:
            tainted -= names.binds
    return found
