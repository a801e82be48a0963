"""What a control redraws is drawn when the reader moves it: after the whole chapter has run. So the names
that its function reads must not stand for something else by then."""

import ast
import symtable

import pytest

from tools.build.cli import ROOT
from tools.build.source import Course, read_chapter

COURSE = Course(ROOT)


def tops(source):
    """The symbols of a cell, and the table of every function that stands at its top level."""
    table = symtable.symtable(source, "cell", "exec")
    functions = (child for child in table.get_children() if child.get_type() == "function")
    return table, {function.get_name(): function for function in functions}


def outer_names(table):
    """Names that a function, and whatever is defined in it, takes from the notebook."""
    symbols = (each for each in table.get_symbols() if each.is_global() and each.is_referenced())
    names = {symbol.get_name() for symbol in symbols}
    return names.union(*(outer_names(child) for child in table.get_children()))


def rebound(cells):
    """What the functions that controls redraw read and later cells bind anew: (function, name) for each.

    `cells` are the sources of a chapter's code cells, in their order. A name that is imported, and imported
    again, stays what it is.
    """
    functions, imported, found = {}, set(), []
    for number, source in enumerate(cells):
        table, defined = tops(source)
        functions |= defined
        imported |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()}
        for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
            if not (isinstance(call.func, ast.Name) and call.func.id == "explore"):
                continue
            reads, waiting = set(), [call.args[0].id]
            while waiting:
                name = waiting.pop()
                reads.add(name)
                inner = outer_names(functions[name]) if name in functions else set()
                waiting += inner - reads
                reads |= inner
            for later in cells[number + 1 :]:
                for symbol in tops(later)[0].get_symbols():
                    name = symbol.get_name()
                    anew = symbol.is_assigned() or (symbol.is_imported() and name not in imported)
                    if anew and name in reads:
                        found.append((call.args[0].id, name))
    return found


def code_cells(path):
    cells = (cell for cell in read_chapter(path, path.name).cells if cell.kind == "code")
    lines = (cell.source.splitlines() for cell in cells)
    return ["\n".join("pass" if line.startswith(("%", "!")) else line for line in cell) for cell in lines]


@pytest.mark.parametrize("path", COURSE.sources(), ids=lambda path: path.stem)
def test_what_moves_reads_names_that_stay_what_they_are(path):
    assert rebound(code_cells(path)) == []


def test_a_name_bound_anew_is_found_through_other_functions():
    cells = ["import numpy as np\nscale = 2", "def inner(x):\n    return scale * np.sin(x)"]
    cells += ["def draw(w):\n    y = [inner(k) for k in range(w)]\n    return y, scale"]
    cells += ["explore(draw, w=slider())"]
    assert rebound([*cells, "import numpy as np\nfor y in range(3): print(y)"]) == []
    assert rebound([*cells, "for scale in range(3): print(scale)"]) == [("draw", "scale")]
    assert rebound([*cells, "def inner(x): return x"]) == [("draw", "inner")]
    assert rebound([*cells, "def other():\n    scale = 3"]) == []
    assert rebound(["scale = 1", *cells]) == [], "what was bound before does not matter"
