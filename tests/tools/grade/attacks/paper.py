"""Attacks on paper: forged boxes and cells, files beside the notebook, names, damaged and endless files."""

import copy
import io
import json
import os
import zipfile

from helpers.checks.box import MIME
from tests.tools.grade.attacks.bank import (
    HARMLESS,
    HEADS,
    RIGHT,
    ROOT,
    UNREADABLE,
    cell_of,
    check_of,
    code,
    file_name,
    function,
    hand_in,
    on_paper,
    put,
    solved,
)
from tools.grade.results import PASSED, ExerciseResult, SubmissionResult, to_json

WRONG = function("return 2.0")
RIGHT_STEP = function(f"return {RIGHT['scalar_step']}")

# --- Forged notebooks: the answer is the stub, or wrong ----------------------------------------------------


def _passed(name: str) -> dict:
    box = {"exercise": name, "state": "passed", "title": "passed", "text": "Right.", "fingerprint": "0" * 16}
    data = {MIME: box, "text/plain": f"✓ {name}: Right.", "text/html": "<div>✓ passed</div>"}
    return {"output_type": "display_data", "metadata": {}, "data": data}


@on_paper("forged notebooks", "a green box drawn")
def _(notebook):
    check_of(notebook, "scalar_step")["outputs"] = [_passed("scalar_step")]
    cell_of(notebook, "scalar_step")["outputs"] = [_passed("scalar_step")]


@on_paper("forged notebooks", "tags that skip")
def _(notebook):
    tags = ["raises-exception", "skip", "skip-execution", "nbval-skip", "remove-cell", "injected-parameters"]
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = tags


@on_paper("forged notebooks", "the check deleted")
def _(notebook):
    notebook["cells"].remove(check_of(notebook, "scalar_step"))


@on_paper("forged notebooks", "the check copied")
def _(notebook):
    check = check_of(notebook, "scalar_step")
    notebook["cells"] = [copy.deepcopy(check), *notebook["cells"], copy.deepcopy(check)]


@on_paper("forged notebooks", "the check edited")
def _(notebook):
    check_of(notebook, "scalar_step")["source"] = (
        'from helpers.checks import get\ncheck("scalar_step", get("scalar_step").reference)'
    )


@on_paper("forged notebooks", "a check of one's own")
def _(notebook):
    own = "def check(name, function, **k):\n    print(f'✓ {name}: passed')\n    return function"
    notebook["cells"].insert(2, code(own))
    cell_of(notebook, "scalar_step")["source"] = WRONG


@on_paper("forged notebooks", "more points for what is right", expects=HARMLESS)
def _(notebook):
    for cell in notebook["cells"]:
        cell["metadata"].get("nbgrader", {})["points"] = 1000
        cell["metadata"].get("unrolled", {})["points"] = 1000


@on_paper("forged notebooks", "a mark on another cell")
def _(notebook):
    cell, right = cell_of(notebook, "scalar_step"), cell_of(notebook, "quiz_shapes")
    right["metadata"], cell["metadata"] = cell["metadata"], right["metadata"]
    right["metadata"]["unrolled"] = {"exercise": "scalar_step", "state": "passed", "points": 99}


@on_paper("forged notebooks", "a first cell for the surroundings")
def _(notebook):
    notebook["cells"].insert(0, code(
        "import os, sys\nos.environ['PYTHONPATH'] = '.'\nos.environ['UNROLLED_REQUIRE'] = ''\n"
        "os.environ['NBGRADER_VALIDATING'] = '1'\nsys.path.insert(0, '.')\n"
        "import helpers.checks.judge as j\nj.judge = lambda e, f, **k: None\n"
    ))  # fmt: skip


@on_paper("forged notebooks", "magics that bring the solution")
def _(notebook):
    notebook["cells"].insert(3, code("%%writefile helpers/checks/judge.py\npassed = True"))
    notebook["cells"].insert(3, code(f"!cp {ROOT}/solutions/*.ipynb ."))
    cell_of(notebook, "scalar_step")["source"] = (
        f"%run {ROOT}/solutions/00_start_here.ipynb\nget_ipython().run_cell('def scalar_step(): pass')\n"
        f"%load {ROOT}/solutions/00_start_here.py"
    )


@on_paper("forged notebooks", "text and exec at the top")
def _(notebook):
    cell_of(notebook, "scalar_step")["source"] = (
        "from helpers.checks import get\nglobals()['scalar_step'] = get('scalar_step').reference\n"
        "# def scalar_step("
    )


@on_paper("forged notebooks", "letters that look alike")
def _(notebook):   # a Cyrillic с
    cell_of(notebook, "scalar_step")["source"] = RIGHT_STEP.replace("scalar", "s\u0441alar")


@on_paper("forged notebooks", "right in a cell of text")
def _(notebook):
    notebook["cells"].insert(5, {"cell_type": "markdown", "metadata": {}, "source": RIGHT_STEP})
    notebook["cells"].insert(5, {"cell_type": "raw", "metadata": {}, "source": RIGHT_STEP})


@on_paper("forged notebooks", "an earlier answer overwritten by its check")
def _(notebook):
    cell_of(notebook, "scalar_step")["source"] = WRONG
    check_of(notebook, "scalar_step")["source"] += "\n\n" + RIGHT_STEP.replace("scalar_step", "scalar_step_")


@on_paper("forged notebooks", "names of the course shadowed", exercise="rnn_step", expects=HARMLESS)
def _(notebook):
    notebook["cells"].insert(2, code("class np:\n    tanh = staticmethod(lambda a: 0.0)\n    stack = tanh"))
    notebook["cells"].insert(3, code("def check(*a, **k):\n    return None\n\n\ndef max(*a):\n    return 0"))
    notebook["cells"].insert(4, code("__builtins__ = {}\n__name__ = 'tools.grade'"))


# --- Files beside the notebook -----------------------------------------------------------------------------


@hand_in("files beside it", "a course of one's own")
def _(folder, places):
    put(folder, solved("00", scalar_step=WRONG))
    for name in ("helpers/__init__.py", "helpers/checks/__init__.py", "helpers/checks/judge.py", "numpy.py",
                 "json.py", "codec.py", "sitecustomize.py", "usercustomize.py", "conftest.py",
                 "tools/__init__.py", "tools/grade/__init__.py", ".ipython/profile_default/startup/00.py",
                 "nbgrader_config.py", "jupyter_config.py", "pyproject.toml"):  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"open({str(places.out / 'written-by-an-answer')!r}, 'w')\nraise SystemExit(0)\n")


@hand_in("files beside it", "results of one's own")
def _(folder, places):
    put(folder, solved("00", scalar_step=WRONG))
    exercise = ExerciseResult("scalar_step", "00", PASSED, 9.0, 9.0)
    whole = to_json(SubmissionResult(folder.name, "2030-01-01T00:00:00+00:00", "bubblewrap", (exercise,)))
    for name in ("results.json", f"results/{folder.name}.json", "grades.csv", "secret", "grading.lock",
                 "feedback/index.html"):  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(whole)


@hand_in("files beside it", "a solutions folder of one's own")
def _(folder, places):
    put(folder, solved("00", scalar_step=WRONG))
    put(folder / "solutions", solved("00"))


@hand_in("files beside it", "a link to a classmate's")
def _(folder, places):
    put(folder, solved("00", scalar_step=WRONG))
    folder.joinpath("00_linked.ipynb").symlink_to(places.submissions / "honest" / file_name("00"))


@hand_in("files beside it", "a link to the solutions")
def _(folder, places):
    folder.mkdir(parents=True)
    folder.joinpath("00_start_here.ipynb").symlink_to(ROOT / "solutions" / file_name("00"))
    folder.joinpath("more").symlink_to(ROOT / "solutions", target_is_directory=True)
    put(folder / "here", solved("00", scalar_step=WRONG))


@hand_in("files beside it", "links in a circle")
def _(folder, places):
    put(folder, solved("00", scalar_step=WRONG))
    folder.joinpath("again").symlink_to(folder, target_is_directory=True)
    folder.joinpath("up").symlink_to(places.submissions, target_is_directory=True)


@hand_in("files beside it", "things that are no files")
def _(folder, places):
    put(folder, solved("00", scalar_step=WRONG))
    os.mkfifo(folder / "00_pipe.ipynb")
    folder.joinpath("00_folder.ipynb").mkdir()
    folder.joinpath("00_zero.ipynb").symlink_to("/dev/zero")
    folder.joinpath("00_nowhere.ipynb").symlink_to(folder / "nowhere")


# --- Names -------------------------------------------------------------------------------------------------

NAMES = (
    "<img src=x onerror=alert(1)>", "=cmd|' !A1'", "@SUM(1)", "a,b;c\"d'", "-rf", "\x1b[31mred", "two\nlines",
    "up\\..\\..\\x", "CON", "kim.", "kim ", "KIM", "kim", "ki\u0307m", "k\u0131m", "a" * 200, "%2e%2e%2fup",
    "\u202egnp", "own-solutions", "the course's solutions", "{{ 7 * 7 }}", "$(touch x)", "`touch x`",
    "::error::x", "| a | b |", "a:b", "a_b", "a" * 199 + "b",
)  # fmt: skip
for number, name in enumerate(NAMES):

    @hand_in("names", name, expects=HARMLESS)
    def _(folder, places, number=number):
        right = number % 2   # neighbours differ: who gets another's result is found out
        put(folder, solved("00", **({} if right else {"scalar_step": WRONG})))


# --- Damaged, hostile and endless files --------------------------------------------------------------------


def _broken(name: str, **more):
    """Decorator: a notebook file made of the bytes that a function returns."""

    def add(make):
        @hand_in("damaged files", name, **({"expects": UNREADABLE} | more))
        def _(folder, places):
            folder.mkdir(parents=True, exist_ok=True)
            folder.joinpath(file_name("00")).write_bytes(make())

        return make

    return add


def _text(**own: str) -> str:
    return json.dumps(solved("00", **own))


BYTES = {
    "empty": lambda: b"",
    "only NUL bytes": lambda: b"\0" * 10_000,
    "cut off": lambda: _text().encode()[:5000],
    "nested without end": lambda: b'{"nbformat": 4, "cells": ' + b"[" * 200_000,
    "a program": lambda: b"\x7fELF" + bytes(range(256)) * 100,
    "a number of a million digits": lambda: b'{"nbformat": ' + b"9" * 10**6 + b', "cells": []}',
    "a web page": lambda: b"<!doctype html><script>alert(1)</script>",
    "cells that are none": lambda: b'{"nbformat": 4, "cells": {"a": 1}}',
    "another format": lambda: b'{"nbformat": 1e308, "cells": [1, null, "x"]}',
}
for name, make in BYTES.items():
    _broken(name)(make)


@hand_in("damaged files", "a link to the passwords", expects=UNREADABLE)
def _(folder, places):
    folder.mkdir(parents=True)
    folder.joinpath(file_name("00")).symlink_to("/etc/passwd")


def _sources(**own: str):
    return lambda: _text(**own).encode()


DEEP = {
    "a deep bracket": "(" * 5000 + ")" * 5000,
    "a long row of signs": "-" * 100_000 + "1",
    "a long sum": "+".join(["1"] * 50_000),
    "a long chain": "x" + ".a" * 30_000,
    "deep lambdas": "lambda: " * 2000 + "1",
    "a deep list": "[" * 90 + "0" + "]" * 90,
    "a number in the source": "9" * 100_000,
    "a NUL in the source": "0\0",
    "half a character in the source": "'\ud800'",
}
for name, expression in DEEP.items():
    source = f"def scalar_step({HEADS['scalar_step']}):\n    return {expression}"
    _broken(f"source: {name}", expects="no points")(_sources(scalar_step=source))

LONG = "\n".join(f"{'if' if n == 0 else 'elif'} x == {n}:\n    pass" for n in range(3000))
_broken("source: a long ladder", expects="no points")(_sources(scalar_step=function(LONG, "return 2.0")))


@_broken("a hundred thousand cells", expects=HARMLESS)
def _():
    notebook = solved("00", scalar_step=WRONG)
    notebook["cells"] += [code(f"x_{n} = {n}") for n in range(100_000)]
    return json.dumps(notebook).encode()


@_broken("three thousand definitions", expects=HARMLESS)
def _():
    notebook = solved("00", scalar_step=WRONG)
    cells = [code(WRONG.replace("2.0", f"2.0 + {n}")) for n in range(3000)]
    cells += [code(f"def scalar_step(:  # {n}\n  %magic") for n in range(1000)]
    notebook["cells"] = [*cells, *notebook["cells"]]
    return json.dumps(notebook).encode()


@_broken("outputs of 50 MB", expects=HARMLESS)
def _():
    notebook = solved("00", scalar_step=WRONG)
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 50_000_000}
    cell_of(notebook, "scalar_step")["outputs"] = [output]
    return json.dumps(notebook).encode()


def _zip(name: str, **more):
    """Decorator: a zip file that a function fills, beside a notebook with a wrong answer."""

    def add(fill):
        @hand_in("zip files", name, **({"expects": HARMLESS} | more))
        def _(folder, places):
            put(folder, solved("00", scalar_step=WRONG))
            with zipfile.ZipFile(folder / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                fill(archive, places)

        return fill

    return add


@_zip("paths that climb")
def _(archive, places):
    for path in ("../../honest/00_start_here.ipynb", "/tmp/written-by-an-answer.ipynb", "..\\..\\x.ipynb",
                 f"{places.out}/written-by-an-answer", "../results.json"):  # fmt: skip
        archive.writestr(path, _text(scalar_step=WRONG))


@_zip("a bomb")
def _(archive, places):
    with archive.open("00_start_here.ipynb", "w", force_zip64=True) as file:
        for _ in range(300):
            file.write(b"0" * 2**20)


@_zip("a zip in a zip in a zip")
def _(archive, places):
    data = _text().encode()
    for depth in range(20):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as more:
            more.writestr(f"{depth}.zip", data)
        data = inner.getvalue()
    archive.writestr("more.zip", data)


@_zip("twenty thousand files")
def _(archive, places):
    for number in range(20_000):
        archive.writestr(f"{number}/00_start_here.ipynb", "{}")


@_zip("a link in a zip")
def _(archive, places):
    link = zipfile.ZipInfo("00_start_here.ipynb")
    link.external_attr = 0o120777 << 16
    archive.writestr(link, str(ROOT / "solutions" / file_name("00")))


