"""tools.usable: which cells are needed, what other types there are, and that a bad answer is told."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tools.usable.needed import names_in, needed_for, touched_by
from tools.usable.retyped import another

ROOT = Path(__file__).resolve().parents[2]


def names_of(*cells):
    return names_in([ast.parse(cell).body for cell in cells])


def needed(*cells):
    """Positions of the cells that the last one needs."""
    return sorted(needed_for([len(cells) - 1], names_of(*cells))[0])[:-1]


@pytest.mark.parametrize(("cells", "wanted"), [
    (("x = 1", "y = 2", "print(x)"), [0]),
    (("x = 1", "x = 2", "print(x)"), [1]),
    (("x = []", "x.append(1)", "print(x)"), [0, 1]),
    (("x = np.ones(3)", "x.sum()", "print(x)"), [0]),
    (("x = {}", "x['a'] = 1", "print(x)"), [0, 1]),
    (("x = 1", "x += 1", "print(x)"), [0, 1]),
    (("model = make()", "train(model)", "model.loss"), [0, 1]),
    (("model = make()", "print(model)", "model.loss"), [0]),
    (("model = make()", "def show_it(m): return m.sum()", "show_it(model)", "model.loss"), [0]),
    (("model = make()", "def fit(m): m.w = 1", "fit(model)", "model.loss"), [0, 1, 2]),
    (("model = make()", "step = SGD(model)", "step.move()", "model.loss"), [0, 1, 2]),
    (("x = np.ones(3)", "f(x)", "print(x)"), [0]),
    (("n, m = 3, 4", "f(n, m)", "print(n)"), [0]),
    (("a = Net()", "b = a", "train(b)", "a.loss"), [0, 1, 2]),
    (("rng = np.random.default_rng(0)", "draw(rng)", "rng.normal()"), [0, 1]),
    (("import torch", "w = 1", "torch.nn.init.zeros_(w)", "print(w)"), [0, 1, 2]),
    (("g = 1", "def f(): return g", "g = 2", "f()"), [1, 2]),
    (("rng = make()", "def draw(): return rng.normal()", "draw()", "rng.normal()"), [0, 1, 2]),
    (("x = 1", "y = [x for x in z]", "print(x)"), [0]),
    (("x = 1", "f = lambda x: x", "print(f)"), [1]),
    (("t = 1", "for t in z: s = t", "print(t)"), [1]),
    (("a = {1: Net()}", "def fit(m): m.w = 1", "for m in a.values(): fit(m)", "a[1].loss"), [0, 1, 2]),
    (("def fit(m):\n    t = Trainer(m.w)\n    t.fit()", "a = Net()", "fit(a)", "a.loss"), [0, 1, 2]),
    (("a = 1", "def f(): return a\nf()", "f()"), [0, 1]),
    (("a = 1", "b = 2", "def f(): return a\nx = f()", "x"), [0, 2]),
    (("a = 1", "class C:\n    def m(self): return a", "C().m()"), [0, 1]),
])  # fmt: skip
def test_a_cell_needs_those_that_bind_or_change_what_it_reads(cells, wanted):
    assert needed(*cells) == wanted


def test_names_that_have_to_be_there_before():
    assert needed_for([1], names_of("y = f(x)", "print(y, z)"))[1] == {"f", "x", "z"}


def test_what_an_answer_touches():
    cells = names_of("a = f(1)", "b = 2", "print(a)", "a = 3", "print(a)", "def g(): return f(2)", "g()")
    assert touched_by("f", cells) == [0, 2, 6]


@pytest.mark.parametrize(("value", "wanted"), [
    (3, np.int64), (0.5, np.ndarray), (True, np.bool_), (np.float64(0.5), float), (np.int64(3), int),
])  # fmt: skip
def test_other_types_have_the_same_value(value, wanted):
    other = another(value)
    assert type(other) is wanted and np.array_equal(other, value)


def test_arrays_and_tensors_become_views():
    array = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(another(array), array) and not another(array).flags.c_contiguous
    torch = pytest.importorskip("torch")
    other = another(torch.ones(2, 3))
    assert torch.equal(other, torch.ones(2, 3)) and not other.is_contiguous()


CHAPTER = '''\
# %%
import numpy as np
from helpers.checks import check
from helpers.claims import claim

# %%
raise RuntimeError("nothing depends on this cell")

# %% [markdown]
# ```python
# ids_of(3)   # [0, 1, 2]
# ids_of(2).sum()   # ≈ 1.0
# ids_of(SIZE)   # [0, 1]
# ```

# %%
SIZE = 2

# %% [markdown]
# ```python
# ids_of(SIZE)   # [0, 1]
# ids_of(4)   # [0, 1, 2]
# ```

# %% exercise="ids_of"
def ids_of(n):
    ### BEGIN SOLUTION
    return np.arange(n)
    ### END SOLUTION

# %% check="ids_of"
ids_of = check("ids_of", ids_of)

# %%
rows = np.eye(4)[ids_of(3)]

# %%
claim("there are three rows", len(rows) == 3)

# %%
unused = np.eye(SIZE)[0.5]
'''
PROGRAM = '''
import json, sys, time, warnings
from pathlib import Path
import numpy as np
from helpers.checks import Exercise
from tools.build.source import read_chapter
from tools.usable.chapter import run_chapter

ids_of = Exercise("ids_of", "01", np.arange, ("ids",), lambda rng: {"n": 3})
ids_of.variant("fine")(lambda n: np.array(range(n)))
ids_of.variant("floats")(lambda n: np.arange(n, dtype=float))
ids_of.variant("one too many")(lambda n: np.arange(n + 1))

@ids_of.variant("a warning")
def warn(n):
    warnings.warn("odd")
    return np.arange(n)

@ids_of.variant("endless")
def endless(n):
    while True:
        pass

path = Path(sys.argv[1])
report = run_chapter(read_chapter(path, path.name), {"ids_of": ids_of}, **json.loads(sys.argv[2]))
print(json.dumps({"failures": report.failures, "cut": [*report.cut_in_trials], "retyped": report.retyped}))
'''


def report_of(folder, chapter, **options):
    """What run_chapter says of a chapter with this text, in a process of its own."""
    from tools.usable.cli import environment

    path = folder / "01_tiny.py"
    path.write_text(chapter, encoding="utf-8")
    command = [sys.executable, "-c", PROGRAM, str(path), json.dumps(options)]
    environment = environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="answers are tried in forks")


@needs_fork
def test_an_answer_that_breaks_a_later_cell_is_told_with_its_place(tmp_path):
    report = report_of(tmp_path, CHAPTER)
    told = report["failures"].pop("ids_of")
    assert len(told) == 4 and not report["failures"]
    assert told[0].startswith("ids_of, landmarks: ids_of(4) gives [0, 1, 2, 3]; the text says [0, 1, 2]")
    assert told[1].startswith("ids_of, “floats”, 01_tiny.py:35: IndexError: arrays used as indices")
    assert told[2].startswith("ids_of, “one too many”, 01_tiny.py:38: AssertionError: claimed, but not so")
    assert told[3].startswith("ids_of, “a warning”, 01_tiny.py:35: UserWarning: odd")
    assert set(report["cut"]) == {35, 38}   # “endless”
    assert report["retyped"] == 1


@needs_fork
def test_with_all_cells_nothing_is_left_out_or_cut_short(tmp_path):
    fine = CHAPTER.replace('raise RuntimeError("nothing depends on this cell")', "pass")
    failures = report_of(tmp_path, fine, all_cells=True, seconds=1.0)["failures"]
    assert failures["ids_of"][-1] == "ids_of, “endless”, 01_tiny.py:35: not through after 1 s"
    (failure,) = failures[""]
    assert failure.startswith("01_tiny.py:41: IndexError")
