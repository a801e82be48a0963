"""What a control redraws is drawn when the reader moves it: after the whole chapter has run. So the names
that its function reads must not stand for something else by then."""

import ast

import pytest

from tools.build.cli import ROOT
from tools.build.source import Course, read_chapter
from tools.usable.needed import made_of, names_in

COURSE = Course(ROOT)


def imported(tree):
    """The names that imports of a cell bind."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name.partition(".")[0] for node in imports for alias in node.names}


def rebound(cells):
    """What the functions that controls redraw read and later cells bind anew: (function, name) for each.

    `cells` are the sources of a chapter's code cells, in their order. A name that is imported, and imported
    again, stays what it is.
    """
    trees = [ast.parse(source) for source in cells]
    names, functions, found, modules = names_in([tree.body for tree in trees]), {}, [], set()
    for number, tree in enumerate(trees):
        functions |= {name: each.reads for name, each in names[number].functions.items()}
        modules |= imported(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if not (isinstance(call.func, ast.Name) and call.func.id == "explore"):
                continue
            draw = call.args[0].id
            reads = made_of({draw}, functions)
            for later, after in zip(names[number + 1 :], trees[number + 1 :], strict=True):
                anew = reads & (later.binds - (imported(after) & modules))
                found += [(draw, name) for name in sorted(anew)]
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
