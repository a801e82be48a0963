"""Honest hand-ins that look odd: each of them gets full marks."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers import notebooks
from tests.tools.grade.attacks.bank import cell_of, check_of, code, put, solved

HONEST: dict[str, tuple[str, Callable[[Path], None]]] = {}
"""{name: (chapter, what writes it into a learner's folder)}"""


def odd(name: str, chapter: str = "00") -> Callable:
    """Decorator: a solved notebook that is changed in place; a function that returns bytes or a file's name
    says what is written, or where."""

    def add(change: Callable[[dict[str, Any]], Any]) -> Callable:
        def write(folder: Path) -> None:
            notebook = solved(chapter)
            found = change(notebook)
            path = put(folder, notebook, chapter)
            if isinstance(found, bytes):
                path.write_bytes(found)
            elif isinstance(found, str):
                path.rename(folder / found)

        HONEST[name] = chapter, write
        return change

    return add


def answer(name: str, exercise: str, source: str, *cells: str, below: bool = False) -> None:
    """An answer's text, with further cells above it (or below)."""

    @odd(name, "00" if exercise == "scalar_step" else "01")
    def _(notebook: dict[str, Any]) -> None:
        cell = cell_of(notebook, exercise)
        cell["source"] = source
        place = notebook["cells"].index(cell) + below
        notebook["cells"][place:place] = [code(each) for each in cells]


SUM = "w_x * x + w_h * h_prev + b"
DEF = "def scalar_step(w_x, w_h, b, x, h_prev):"

ONE_CELL = """
=== a lambda
scalar_step = lambda w_x, w_h, b, x, h_prev: np.tanh(SUM)
=== an import inside
DEF
    import math
    return math.tanh(SUM)
=== imports above
import math
from math import tanh as th

DEF
    return th(SUM)
=== type hints
def scalar_step(w_x: float, w_h: float, b: float, x: float, h_prev: float) -> float:
    return float(np.tanh(SUM))
=== hints of a type unknown
from __future__ import annotations

def scalar_step(w_x: Real, w_h, b, x, h_prev) -> Real:
    return np.tanh(SUM)
=== a walrus
DEF
    return np.tanh(a) if (a := SUM) is not None else 0
=== nested functions
DEF
    def inner(a):
        def deeper():
            return np.tanh(a)
        return deeper()
    return inner(SUM)
=== a class inside
DEF
    class Cell:
        def __init__(self, a):
            self.a = a
        def step(self):
            return np.tanh(self.a)
    return Cell(SUM).step()
=== a class beside
class Cell:
    def step(self, a):
        return np.tanh(a)


DEF
    return Cell().step(SUM)
=== a dataclass beside
from dataclasses import dataclass


@dataclass
class Cell:
    b: float = 0.0

    def step(self, a):
        return np.tanh(a + self.b)


DEF
    return Cell(b).step(w_x * x + w_h * h_prev)
=== a default argument
def scalar_step(w_x, w_h, b, x, h_prev, squash=np.tanh):
    return squash(SUM)
=== a constant beside
SQUASH = np.tanh
ONE = 1.0

DEF
    return SQUASH(ONE * (SUM))
=== prints everywhere
print("begin")
DEF
    print("step", x)
    result = np.tanh(SUM)
    print(result)
    return result

print(scalar_step(1, 2, 3, 4, 5))
=== magics
%matplotlib inline
%config InlineBackend.figure_format = 'retina'
DEF
    return np.tanh(SUM)

%timeit scalar_step(1, 2, 3, 4, 5)
!ls
scalar_step?
=== a cell magic
%%time
DEF
    return np.tanh(SUM)
=== plots
import matplotlib.pyplot as plt

DEF
    return np.tanh(SUM)


plt.plot([scalar_step(1, 1, 0, x, 0) for x in range(5)])
plt.show()
=== comments in Korean
# 동생이 음료수를 마신다
DEF
    # 상태
    상태 = SUM
    return np.tanh(상태)
=== another encoding declared
# -*- coding: latin-1 -*-
DEF
    ä = SUM
    return np.tanh(ä)
=== tabs
DEF
TABreturn np.tanh(SUM)
=== a try
DEF
    try:
        return np.tanh(SUM)
    except ValueError:
        return 0.0
=== inside an if
if True:
    def scalar_step(w_x, w_h, b, x, h_prev):
        return np.tanh(SUM)
=== an import tried
try:
    from numba import njit
except ImportError:
    njit = None

DEF
    return np.tanh(SUM)
=== defined twice
DEF
    return 0.0


DEF
    return np.tanh(SUM)
=== an assert
DEF
    return np.tanh(SUM)


assert abs(scalar_step(0.5, 0.8, -0.1, 3.0, -0.5)) < 1
=== a semicolon
DEF
    a = (SUM); a = a + 0
    return np.tanh(a)
=== a decorator
import functools

def loud(f):
    @functools.wraps(f)
    def called(*a):
        return f(*a)

    return called


@loud
DEF
    return np.tanh(SUM)
=== a docstring of its own
DEF
    '''[[ $h_t$ <b> & "quotes" '''
    return np.tanh(SUM)
=== the solution's markers
DEF
    ### BEGIN SOLUTION
    return np.tanh(SUM)
    ### END SOLUTION
=== the stub's line left below
DEF
    # YOUR CODE HERE
    return np.tanh(SUM)
    raise NotImplementedError
=== a warning
DEF
    import warnings
    warnings.warn("odd")
    np.log(np.array(0.0))
    return np.tanh(SUM)
=== a global counter
calls = 0


DEF
    global calls
    calls += 1
    return np.tanh(SUM)
"""


def written(text: str) -> str:
    """`text` with what its words in capitals stand for."""
    return text.replace("DEF", DEF).replace("SUM", SUM).replace("TAB", "\t")


for _each in ONE_CELL.strip("\n").split("=== ")[1:]:
    _name, _, _source = _each.partition("\n")
    answer(_name, "scalar_step", written(_source).rstrip("\n"))

BY_HELPER = written("DEF\n    return squashed(SUM)")
HELPER = "def squashed(a):\n    return np.tanh(a)"
answer("a helper in the cell above", "scalar_step", BY_HELPER, HELPER)
answer("a helper in the cell below", "scalar_step", BY_HELPER, HELPER, below=True)
answer("helpers that need one another", "scalar_step", BY_HELPER, "SCALE = 1.0",
       "def squashed(a):\n    return SCALE * deeper(a)", "def deeper(a):\n    return np.tanh(a)")  # fmt: skip
answer("an answer in two cells", "scalar_step", "scalar_step = _mine",
       written("def _mine(w_x, w_h, b, x, h_prev):\n    return np.tanh(SUM)"))  # fmt: skip
answer("NumPy under another name", "scalar_step", written("DEF\n    return numpy.tanh(SUM)"), "import numpy")
answer("a first try above", "scalar_step", written("DEF\n    return np.tanh(SUM)"), f"{DEF}\n    return 0.0")
answer("an earlier exercise's function", "rnn_forward", """
def rnn_forward(x, h0, Wx, Wh, b):
    h = [h0]
    for t in range(x.shape[1]):
        h.append(rnn_step(x[:, t], h[-1], Wx, Wh, b))
    return np.stack(h[1:], axis=1)
""")
answer("the chapter's imports", "memoryless_bound", """
def memoryless_bound(text):
    pairs, firsts = Counter(zip(text, text[1:])), Counter(text[:-1])
    return sum(n * np.log(firsts[a] / n) for (a, b), n in pairs.items()) / (len(text) - 1)
""")


@odd("Colab's metadata")
def _(notebook):
    notebook["metadata"] = {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["metadata"] = {"id": f"Ab{number}", "colab": {"base_uri": "https://localhost:8080/"}}


@odd("VS Code's metadata")
def _(notebook):
    for cell in notebook["cells"]:
        cell.pop("id", None)
        cell["metadata"] = {"vscode": {"languageId": "python"}}


@odd("all metadata lost, no ids")
def _(notebook):
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell.pop("id", None)
        cell["metadata"] = {}


@odd("format 3")
def _(notebook):
    import nbformat

    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell.pop("id", None)
        if cell["cell_type"] != "code":
            cell.pop("outputs", None)
    notebook.update(nbformat=4, nbformat_minor=4)
    old = nbformat.convert(nbformat.from_dict(notebook), 3)
    return nbformat.writes(old, version=nbformat.NO_CONVERT).encode()


@odd("a check removed")
def _(notebook):
    notebook["cells"].remove(check_of(notebook, "scalar_step"))


@odd("all checks removed")
def _(notebook):
    notebook["cells"] = [each for each in notebook["cells"] if "check" not in notebooks.mark(each)]


@odd("only the answers' cells")
def _(notebook):
    notebook["cells"] = [each for each in notebook["cells"] if "exercise" in notebooks.mark(each)]


@odd("an answer moved to the top")
def _(notebook):
    cell = cell_of(notebook, "scalar_step")
    notebook["cells"].remove(cell)
    notebook["cells"].insert(2, cell)


@odd("an answer and its check copied below")
def _(notebook):
    both = [cell_of(notebook, "scalar_step"), check_of(notebook, "scalar_step")]
    notebook["cells"] += copy.deepcopy(both)


@odd("boxes of another day")
def _(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 7
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "✗ scalar_step: wrong\n"}]


@odd("renamed")
def _(notebook):
    return "Copy of my homework (1).ipynb"


@odd("named in Korean")
def _(notebook):
    return "숙제 0.ipynb"


@odd("Windows' newlines")
def _(notebook):
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", "\r\n")


@odd("UTF-16")
def _(notebook):
    return json.dumps(notebook, ensure_ascii=False).encode("utf-16")


@odd("a byte order mark")
def _(notebook):
    return b"\xef\xbb\xbf" + json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()


@odd("sources as lists of lines")
def _(notebook):
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)


@odd("NUL bytes behind the end")
def _(notebook):
    return json.dumps(notebook).encode() + b"\0" * 4096


@odd("syntax errors in cells that do not count")
def _(notebook):
    notebook["cells"].insert(4, code("def (:\n  oops"))
    notebook["cells"].insert(4, code("raise RuntimeError"))
    notebook["cells"].append(code("scalar_step = = 3"))


@odd("a whole chapter", "01")
def _(notebook):
    pass


