"""What learners hand in, for tests: notebooks of some cells, right answers as a learner's cell, and a run of
an answer as the grader's process runs it."""

import ast
import functools
import importlib
import inspect
import json
import sys
import textwrap

from helpers.checks import registered
from helpers.statements import code_of
from tools.grade.reading.answers import answers
from tools.grade.reading.pinned import chapter


def cells(*sources):
    """Code cells as `helpers.notebooks.read` gives them."""
    return [{"cell_type": "code", "source": each, "metadata": {}, "outputs": []} for each in sources]


def notebook(*sources):
    """A notebook's text."""
    made = [{"cell_type": "code", "source": each, "metadata": {}, "outputs": [], "execution_count": None}
            for each in sources]  # fmt: skip
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


@functools.cache
def courses_own(number):
    """The course's own answers to a chapter, as if a learner had handed them in."""
    return answers(chapter(number).cells, number, notebook="the course's solutions")


def run(answer, others):
    """The function of an answer: its code in a fresh namespace, earlier exercises' functions of `others`."""
    names = {"__name__": "__main__"}
    for module, attribute, alias in answer.helpers:
        value = getattr(importlib.import_module(module), attribute)
        if alias:
            names[alias] = value
    names |= {name: run(others[name], others) for name in answer.earlier}
    assert len({label for label, _ in answer.code}) == len(answer.code)
    for label, source in answer.code:
        exec(compile(source, label, "exec", dont_inherit=True), names)
    return names[answer.exercise]


def as_cell(variant, exercise):
    """A variant's source as a learner would have it in a cell, with what stands beside it in its module."""
    module = ast.parse(inspect.getsource(sys.modules[variant.__module__]))
    tree = ast.parse(textwrap.dedent(inspect.getsource(variant)))
    called, beside = tree.body[0].name, {name: node for node in module.body for name in _bound(node)}
    tree.body[0].decorator_list, tree.body[0].name = [], exercise
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):   # a variant that calls itself, or a variant of an earlier exercise
            node.id = exercise if node.id == called != "_" else node.id.removesuffix("_by_tanh")
    imports, functions, seen, todo = [], [], {exercise} | registered(), [tree]
    while todo:
        node = todo.pop()
        for name in {each for one in code_of(ast.unparse(node)).statements for each in one.reads} - seen:
            seen.add(name)
            found = beside.get(name)
            if isinstance(found, ast.FunctionDef | ast.Assign):
                found.decorator_list = []
                functions.insert(0, found)
                todo.append(found)
            elif found is not None:
                kept = [each for each in found.names if (each.asname or each.name) == name]
                module = getattr(found, "module", None)
                imports.append(ast.ImportFrom(module, kept, 0) if module else ast.Import(kept))
    return "\n\n".join(map(ast.unparse, [*imports, *functions, tree]))


def _bound(node):
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [each.asname or each.name for each in node.names]
    if isinstance(node, ast.Assign):
        return [each.id for each in node.targets if isinstance(each, ast.Name)]
    return []
