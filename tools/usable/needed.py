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
LOOKING = frozenset(dir(builtins)) | {"check", "claim", "display", "explore", "show", "table"}
"""Functions that leave their arguments as they are, as do classes and the functions of modules."""
ORDER = {   # the fields of a node in the order in which they are evaluated, where it is not that of the text
    ast.Assign: ("value", "targets"),
    ast.For: ("iter", "target", "body", "orelse"),
    ast.comprehension: ("iter", "target", "ifs"),
    ast.DictComp: ("generators", "key", "value"),
    **dict.fromkeys([ast.ListComp, ast.SetComp, ast.GeneratorExp], ("generators", "elt")),
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
    """Goes through code in the order in which it runs; `modules` are names that stand for modules, `plain`
    ones for numbers, arrays and lists of such."""

    def __init__(self, modules: set[str], functions: Mapping[str, Names], plain: set[str], bound=()):
        self.modules, self.functions, self.plain = modules, functions, plain
        self.names = Names(binds=set(bound))

    def scan(self, nodes: Iterable[ast.AST]) -> Names:
        for node in nodes:
            self.visit(node)
        return self.names

    def generic_visit(self, node: ast.AST) -> None:
        before = set(self.names.binds)
        for name in ORDER.get(type(node), node._fields):
            value = getattr(node, name)
            parts = value if isinstance(value, list) else [value]
            self.scan(part for part in parts if isinstance(part, ast.AST))
        if hasattr(node, "generators"):   # its variables are its own
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
        parts = _words(node.value) - self.plain if made else {_base(node.value)} - {None}
        plain = self._is_plain(node.value)
        for target in node.targets:
            self.change(target)
            several = isinstance(target, ast.Tuple | ast.List)
            bound = {part.id for part in (target.elts if several else [target]) if isinstance(part, ast.Name)}
            self.plain -= bound
            self.plain |= bound if plain or several else set()
            self.names.parts |= {} if several else dict.fromkeys(bound, parts)

    def _loop(self, node: ast.For | ast.comprehension) -> None:
        self.generic_visit(node)   # the target stands for a part of what is gone through:
        self.names.parts |= dict.fromkeys(_words(node.target), _words(node.iter) - self.plain)

    visit_For = visit_comprehension = _loop

    def _is_plain(self, value: ast.AST) -> bool:
        """Whether a value is no model, and nothing that numbers come from."""
        if isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
            return _base(value) in self.plain
        calls = [part for part in ast.walk(value) if isinstance(part, ast.Call)]
        known = LOOKING | self.modules   # a function that this chapter defines may well build a model
        methods = all(isinstance(call.func, ast.Attribute) or _called(call) in known for call in calls)
        words = {_called(call) for call in calls}
        return methods and "default_rng" not in words and not any(word[:1].isupper() for word in words)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self.visit(ast.Name(_base(node.target), ast.Load()))
        self.change(node.target, whole=True)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        word, owner = _called(node), _base(node.func)
        known = self.names.functions.get(word) or self.functions.get(word)
        if isinstance(node.func, ast.Attribute):
            if word not in READING and owner not in self.modules:
                self.change(node.func, whole=True)
            looks = word[:1].isupper() or (word[-1] != "_" and (owner in self.modules or word in READING))
        else:
            looks = known.looks if known else word in LOOKING or word[:1].isupper()
        for argument in () if looks else (*node.args, *(keyword.value for keyword in node.keywords)):
            if _base(argument) not in self.plain or word.endswith("_"):
                self.change(argument, whole=True)

    def change(self, target: ast.AST, *, whole: bool = False) -> None:
        """Note that `target` is changed: an entry or attribute of an object, or (`whole`) the object."""
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if whole or not isinstance(part, ast.Name):
                self.names.changes |= {_base(part)} - {None} - self.modules

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.Lambda) -> None:
        self.scan([*node.args.defaults, *filter(None, node.args.kw_defaults)])
        self.scan(getattr(node, "decorator_list", ()))
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        own = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        found = _Scan(self.modules, self.functions, self.plain - own, own).scan(body)
        for inner in found.functions.values():
            found.reads |= inner.reads - found.binds
            found.changes |= inner.changes
        found.changes = made_of(found.changes, found.parts)
        found.looks = not found.changes & own
        found.changes -= found.binds
        if isinstance(node, ast.Lambda):
            self.names.reads |= found.reads - self.names.binds
            self.names.loads |= found.reads
            self.names.changes |= found.changes
        else:
            self.names.functions[node.name] = found
            self.names.binds.add(node.name)

    visit_Lambda = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scan([*node.bases, *node.decorator_list])
        nothing = ast.arguments([], [], None, [], [], None, [])
        self.visit_FunctionDef(ast.FunctionDef(node.name, nothing, node.body, []))   # as if it ran later

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        found = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        self.names.binds |= found
        self.modules |= found

    visit_ImportFrom = visit_Import


def _base(node: ast.AST) -> str | None:
    """The `x` of ``x.a[0].b``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _words(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def made_of(names: set[str], parts: Mapping[str, set[str]]) -> set[str]:
    """`names`, and those that they were made of, by `parts`."""
    found, todo = set(names), list(names)
    while todo:
        new = parts.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def names_in(pieces: Sequence[Sequence[ast.stmt]]) -> list[Names]:
    """What each of `pieces` of code, in their order, does with names, functions of earlier ones included
    where it uses them."""
    modules: set[str] = set()
    plain: set[str] = set()
    functions: dict[str, Names] = {}
    parts: dict[str, set[str]] = {}
    cells = []
    for piece in pieces:
        names = _Scan(modules, functions, plain).scan(piece)
        for name in names.binds:
            functions.pop(name, None)
            parts.pop(name, None)
        functions |= names.functions
        parts |= names.parts
        called = made_of(names.loads, {name: each.reads for name, each in functions.items()})
        for name in called & functions.keys():   # what the functions do that it may call
            names.reads |= functions[name].reads - names.binds
            names.changes |= functions[name].changes
        names.changes = made_of(names.changes, parts) - modules
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
