"""What has to be there to run an answer: definitions of the learner and of the chapter, and nothing else."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from helpers.statements import Code, Statement
from tools.grade.reading.course import BUILTINS, Import, attributes_of, imports_in, is_offered
from tools.grade.reading.pinned import Chapter

_NOT_OWN = ("chapter ", "helpers ")   # what the labels of the course's pieces begin with


@dataclass
class Context:
    """`code` is to be executed in order in a fresh namespace, after the names of `helpers`: (module,
    attribute, the name it is bound to or ""). Each is importable, too. `earlier` are exercises whose function
    is called, `review` sentences for a human, `lost` names that only statements which are not run would give
    a value, `beside` the learner's definitions in other cells."""

    code: list[tuple[str, str]] = field(default_factory=list)
    helpers: list[tuple[str, str, str]] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)
    review: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)


def needs(
    answer: Statement, mine: Sequence[Code], chapter: Chapter, exercise: str, *, until: int,
    label: str = "notebook",
) -> Context:
    """What `answer`, a statement of the notebook `mine`, needs. `until` is the last cell that a run from the
    top would have executed when the exercise is checked; `label` stands in the name of each piece of code."""
    return _Search(answer, mine, chapter, exercise, until, label).found()


class _Search:
    def __init__(
        self, answer: Statement, mine: Sequence[Code], chapter: Chapter, exercise: str, until: int, label: str
    ):
        self.answer, self.chapter, self.exercise, self.until = answer, chapter, exercise, until
        self.label = f"./{label}" if label.startswith(_NOT_OWN) else label
        statements = [each for code in mine for each in code.statements]
        self.mine = [each for each in statements if each.is_definition]
        self.binding: dict[str, list[Statement]] = defaultdict(list)   # the learner's, by name
        for each in self.mine:
            for name in each.binds:
                self.binding[name].append(each)
        self.others = [each for each in statements if not each.is_definition]
        futures = [each.node for each in self.mine if getattr(each.node, "module", "") == "__future__"]
        self.futures = "; ".join(map(ast.unparse, futures)) + "\n" if futures else ""
        self.above = chapter.above(exercise)
        self.before = chapter.before(exercise)
        self.taken: dict[int, tuple[bool, Statement, set[str]]] = {}   # by id; whether it is the learner's
        self.imports: list[Import] = []
        self.context = Context()

    def found(self) -> Context:
        missing = self._follow()
        stars = [each for each in self.mine if "*" in each.binds and not list(imports_in(each.node))]
        stars = [each for each in stars if self._place(each) <= self._place(self.answer)]
        for each in stars if missing else ():
            self.taken.setdefault(id(each), (True, each, {"*"}))
        self._helpers()
        order = sorted(self.taken.values(), key=lambda entry: self._order(entry[0], entry[1]))
        self.context.code += [self._piece(*entry) for entry in order]
        self.context.beside = [each.source for own, each, _ in order
                               if own and each.cell != self.answer.cell and not each.is_import]  # fmt: skip
        if not stars:
            rebound = {name for each in self.others for name in _stored(each.node)}
            self.context.lost = sorted(missing & rebound)
        return self.context

    def _order(self, own: bool, statement: Statement) -> tuple[int, ...]:
        if statement is self.answer:
            return (3,)
        if "*" in statement.binds:
            return (0, *self._place(statement))
        return (2 if own else 1, *self._place(statement))

    @staticmethod
    def _place(statement: Statement) -> tuple[int, int]:
        return statement.cell, statement.part

    def _follow(self) -> set[str]:
        """Take all that the answer reaches by name → names that nothing here defines."""
        missing: set[str] = set()
        todo = [self.answer]
        self.taken[id(self.answer)] = (True, self.answer, {self.exercise})
        while todo:
            statement = todo.pop()
            if statement.is_import:
                continue
            for name in sorted(statement.reads):
                if name in self.before and name != self.exercise:
                    if name not in self.context.earlier:
                        self.context.earlier.append(name)
                    continue
                if name in statement.binds and name not in statement.eager:
                    continue   # calls itself
                if name == self.exercise and name not in statement.binds:
                    continue   # is called by what it calls
                found = self._resolve(name, statement)
                if found is None:
                    missing |= {name} - BUILTINS - {self.exercise}
                elif id(found[1]) not in self.taken:
                    self.taken[id(found[1])] = (*found, {name})
                    todo.append(found[1])
                else:
                    self.taken[id(found[1])][2].add(name)
        return missing

    def _resolve(self, name: str, reader: Statement) -> tuple[bool, Statement] | None:
        """Who defines `name` for `reader`: (whether the learner, the statement)."""
        own = [each for each in self.binding.get(name, ()) if each is not reader]
        limit = self._place(reader) if name in reader.binds else (self.until, len(self.mine))
        run = [each for each in own if self._place(each) <= limit]
        pinned = [each for each in self.above if name in each.binds]
        if name == self.exercise:   # an answer made of an earlier one of the same name
            pinned = []
        if run and not (pinned and any(_same_binding(run[-1], each) for each in pinned)):
            return True, run[-1]
        if pinned:
            return False, pinned[-1]
        return (True, own[0]) if own and name != self.exercise else None

    def _piece(self, own: bool, statement: Statement, names: set[str]) -> tuple[str, str]:
        where = f"{self.label} cell" if own else f"chapter {self.chapter.number} cell"
        source = statement.padded
        if statement.is_import:
            source = "\n" * (statement.line - 1) + _only(statement.node, names) + "\n"
        elif own and self.futures:   # holds for all cells below it
            source = self.futures + source.removeprefix("\n")
        return f"<{where} {statement.cell + 1}.{statement.part + 1}>", source

    def _helpers(self) -> None:
        """Take the imports of the course's names out of the code, and name each one."""
        nodes = [statement.node for _, statement, _ in self.taken.values() if not statement.is_import]
        refused: dict[str, None] = {}
        for key, (_, statement, names) in list(self.taken.items()):
            at_top = statement.is_import
            found = [each for each in imports_in(statement.node) if not at_top or each.name in names]
            if at_top and found:
                del self.taken[key]
            for imported in found:
                self._import(imported, nodes, at_top, refused)
        for name in refused:
            self.context.review.append(
                f"It asks for `{name}` of the course, which is not for answers to this exercise: "
                "where it is graded there is no such thing."
            )

    def _import(self, imported: Import, nodes: list[ast.AST], at_top: bool, refused: dict[str, None]) -> None:
        if imported.attribute:
            if is_offered(self.chapter.number, self.exercise, imported.module, imported.attribute):
                self._add(imported.module, imported.attribute, imported.name if at_top else "")
            else:
                refused[str(imported)] = None
            return
        used, whole = attributes_of(imported, nodes)
        good = {each for each in used if is_offered(self.chapter.number, self.exercise, *each)}
        refused |= dict.fromkeys(f"{module}.{attribute}" for module, attribute in sorted(used - good))
        if whole or not used:
            refused[str(imported)] = None
        for module, attribute in sorted(good):
            self._add(module, attribute, "")
        if good and at_top:
            plain = imported.name == imported.module == "helpers"
            modules = sorted({module for module, _ in good})
            lines = [f"import {module}" for module in modules] if plain else \
                [f"import {imported.module} as {imported.name}"]
            self.context.code += [(f"<helpers {line}>", line + "\n") for line in lines]

    def _add(self, module: str, attribute: str, name: str) -> None:
        if (module, attribute, name) not in self.context.helpers:
            self.context.helpers.append((module, attribute, name))


def _same_binding(one: Statement, other: Statement) -> bool:
    if one.is_import and other.is_import:
        return bool(one.binds & other.binds) and _targets(one.node, one.binds & other.binds) == _targets(
            other.node, one.binds & other.binds
        )
    return ast.dump(one.node) == ast.dump(other.node)


def _targets(node: ast.AST, names: frozenset[str]) -> set[str]:
    module = getattr(node, "module", None) or ""
    return {f"{module}.{each.name} {each.asname}" for each in node.names
            if (each.asname or each.name).partition(".")[0] in names}  # fmt: skip


def _only(node: ast.AST, names: set[str]) -> str:
    """An import of only those `names`."""
    kept = [each for each in node.names if (each.asname or each.name).partition(".")[0] in names]
    if isinstance(node, ast.ImportFrom):
        return ast.unparse(ast.ImportFrom(node.module, kept, node.level))
    return ast.unparse(ast.Import(kept))


def _stored(node: ast.AST) -> set[str]:
    names = (each for each in ast.walk(node) if isinstance(each, ast.Name))
    return {each.id for each in names if isinstance(each.ctx, ast.Store)}
