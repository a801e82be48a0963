"""The build from end to end: the two notebooks, what is rebuilt, what --check finds.

Kernels are slow, so few tests start one; the others run the build with an `execute` that only counts.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from helpers.files import lock, write_text
from helpers.notebooks import dumps
from tools.build import cli, pipeline
from tools.build.source import Course, read_chapter
from tools.update.merge import without_solutions

FIXTURE = Path(__file__).parent / "fixtures" / "course"
REPOSITORY = Path(__file__).parents[2]


def run(root: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of ``python -m tools.build``."""
    result = CliRunner().invoke(cli.app, [*arguments, "--root", str(root)], catch_exceptions=False)
    return result.exit_code, result.output


def new_course(folder: Path) -> Course:
    (folder / "solutions").mkdir(parents=True)
    shutil.copy(FIXTURE / "solutions" / "01_good.py", folder / "solutions")
    write_text(folder / "helpers" / "layers.py", "rate = 1\n")
    write_text(folder / "data" / "runs" / "run.json", "{}\n")
    return Course(folder)


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    write_text(path, text.replace(old, new))


def student_of(course: Course) -> nbformat.NotebookNode:
    return nbformat.read(course.notebooks / "01_good.ipynb", as_version=4)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Course:
    """The good chapter, truly executed, in a folder with a space and an umlaut."""
    course = new_course(tmp_path_factory.mktemp("built") / "ein Kürs")
    code, output = run(course.root)
    assert code == 0, output
    assert re.search(r"built +01_good · \d+ s", output)
    return course


@pytest.fixture
def copied(built, tmp_path) -> Course:
    return Course(shutil.copytree(built.root, tmp_path / "course"))


@pytest.fixture
def executed(monkeypatch) -> list[str]:
    """Folders in which a notebook was executed, by a stand-in that runs nothing."""
    calls = []

    async def execute(notebook, folder, on_cell, timeout):
        calls.append(folder)
        count = 0
        for cell in notebook.cells:
            if cell.cell_type == "code" and "skip-execution" not in cell.metadata.get("tags", []):
                count += 1
                cell.execution_count = count

    monkeypatch.setattr(pipeline, "execute", execute)
    return calls


# --- the two notebooks


def test_solution_notebook(built):
    text = (built.solutions / "01_good.ipynb").read_bytes().decode("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert text.endswith("}\n") and "\r" not in text and "★" in text
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    cells = {cell.id: cell for cell in notebook.cells}
    assert len(cells) == len(notebook.cells)
    exercise, check = cells["double"], cells["double_check"]
    assert "twice_the_value = x * 2" in exercise.source
    common = {"schema_version": 3, "task": False}
    assert exercise.metadata == {
        "nbgrader": common | {"grade": False, "grade_id": "double", "locked": False, "solution": True},
        "unrolled": {"exercise": "double", "number": "1.1", "difficulty": 2, "minutes": 15},
    }
    assert check.metadata == {
        "nbgrader": common
        | {"grade": True, "grade_id": "double_check", "locked": True, "solution": False, "points": 3},
        "unrolled": {"check": "double"},
    }
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    demo = code[-2]
    assert demo.metadata.tags == ["nbval-skip", "skip-execution"]
    assert (demo.execution_count, demo.outputs) == (None, [])
    assert [cell.execution_count for cell in code if cell is not demo] == list(range(1, len(code)))
    assert code[0].source.startswith("%matplotlib inline\n")
    assert [output.text for cell in (code[1], code[-1]) for output in cell.outputs] == ["21\n", "21\n"]


def test_student_notebook_differs_in_stubs_locks_and_outputs_alone(built):
    solution = nbformat.read(built.solutions / "01_good.ipynb", as_version=4)
    student = student_of(built)
    assert student.metadata == solution.metadata
    changed = set()
    for ours, theirs in zip(solution.cells, student.cells, strict=True):
        assert (ours.id, ours.cell_type) == (theirs.id, theirs.cell_type)
        assert ours.metadata.get("tags") == theirs.metadata.get("tags")
        assert ours.metadata.get("unrolled") == theirs.metadata.get("unrolled")
        if ours.source != theirs.source:
            changed.add(ours.id)
        if theirs.cell_type == "code":
            assert (theirs.execution_count, theirs.outputs) == (None, [])
    assert changed == {"double", "quiz_colour"}
    cells = {cell.id: cell for cell in student.cells}
    assert cells["double"].source == (
        'def double(\n    x: float,\n) -> float:\n    """Twice x."""\n'
        "    # YOUR CODE HERE\n    raise NotImplementedError"
    )
    assert cells["double"].metadata.deletable is False and cells["double_check"].metadata.editable is False
    assert len(cells["double_check"].metadata.nbgrader.checksum) == 32


def test_the_release_without_nbgrader_is_the_same(built):
    """What the update compares learners' notebooks with, where nbgrader is not installed."""
    stubs = without_solutions(nbformat.read(built.solutions / "01_good.ipynb", as_version=4))
    assert [cell.source for cell in stubs["cells"]] == [cell.source for cell in student_of(built).cells]


def test_student_notebook_has_nothing_of_the_solutions(built):
    text = (built.notebooks / "01_good.ipynb").read_text(encoding="utf-8")
    for secret in ("twice_the_value", 'answer = \\"b\\"', "SOLUTION"):
        assert secret not in text
    assert 'answer = None  # \\"a\\" or \\"b\\"' in text  # what stands around the markers is kept


def test_untouched_student_notebook_raises_not_implemented_where_called(built):
    from IPython.utils.capture import capture_output

    names: dict = {}
    for cell in student_of(built).cells:
        if cell.cell_type == "code" and "nbval-skip" not in cell.metadata.get("tags", []):
            source = cell.source.removeprefix("%matplotlib inline\n")
            ast.parse(source)
            with capture_output():
                exec(source, names)
    for name, arguments in (("double", (2,)), ("quiz_colour", ())):
        with pytest.raises(NotImplementedError):
            names[name](*arguments)


def test_ids_follow_the_source(tmp_path):
    course = new_course(tmp_path / "one")
    path = course.solutions / "01_good.py"

    def ids() -> list[str]:
        draft = pipeline.draft_chapter(read_chapter(path, "solutions/01_good.py"))
        return [cell.id for cell in draft.solution.cells]

    before = ids()
    assert len(set(before)) == len(before)  # print(example) stands there twice
    edit(path, "# %%\nexample = 21", "# %%\nexample = 22")
    after = ids()
    assert [a == b for a, b in zip(before, after, strict=True)].count(False) == 1


# --- reproducible


def test_a_second_build_gives_the_same_bytes(built, copied):
    before = files(copied.root)
    assert "solutions/01_good.ipynb" in before and "notebooks/01_good.ipynb" in before
    (copied.solutions / "01_good.ipynb").unlink()
    (copied.notebooks / "01_good.ipynb").unlink()
    assert run(copied.root, "--force")[0] == 0
    assert files(copied.root) == before
    assert not list(copied.root.rglob("*.part"))


def test_nbgrader_releases_the_same_bytes(built, tmp_path):
    shutil.copy(REPOSITORY / "nbgrader_config.py", tmp_path)
    (tmp_path / "source" / "week1").mkdir(parents=True)
    shutil.copy(built.solutions / "01_good.ipynb", tmp_path / "source" / "week1")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "week1", "--no-db"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    released = tmp_path / "release" / "week1" / "01_good.ipynb"
    assert released.read_bytes() == (built.notebooks / "01_good.ipynb").read_bytes()


def test_nbval_passes_over_the_solution(copied):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval",
        "--nbval-current-env",
    ]
    done = subprocess.run([*command, "solutions"], cwd=copied.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "9 passed, 1 skipped" in done.stdout


# --- execution

ENVIRONMENT = """\
# %%
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "UNROLLED_BUILD", "UNROLLED_STRICT"):
    print(name, os.environ[name])
print(hash("the same in every run"), os.path.basename(os.getcwd()))
"""
FAILING = """\
# %%
import sys

print("careful", file=sys.stderr)
# %%

def half(x):
    y = 2
    return x / 0

print(object())
print(half(3))
# %%
raise ValueError("never reached")
"""
OBJECT = "# %%\nprint(object())\n# %%\n1 + 1\n# %%\nprint('12.5it/s')\n"
ENDLESS = "# %%\n1 + 1\n# %%\nwhile True:\n    pass\n"
DEAD = "# %%\nimport os\n\n# %%\nos._exit(3)\n"


def test_execution(tmp_path, monkeypatch):
    """Four chapters at once: the environment, errors and where they stand; a refused one writes nothing."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("UNROLLED_STRICT", "0")
    sources = {"01_environment": ENVIRONMENT, "02_failing": FAILING, "03_object": OBJECT, "04_dead": DEAD}
    for name, source in sources.items():
        write_text(tmp_path / "solutions" / f"{name}.py", source)
    code, output = run(tmp_path, "--jobs", "4")
    assert code == 1
    told = re.findall(r"^solutions/(.*)$", output, flags=re.MULTILINE)
    address = "an address in the output, another one in every run: <object object at 0x"
    rate = "a progress bar's rate in the output (tqdm: bar_format='{desc}{n}/{total}'): 12.5it/s"
    wanted = [
        "02_failing.py:2: the cell writes to stderr: careful",
        "02_failing.py:12: ZeroDivisionError: division by zero: print(half(3))",
        f"03_object.py:2: {address}",
        f"03_object.py:6: {rate}",
        "04_dead.py:5: the kernel died: os._exit(3)",
    ]
    assert [line[: len(start)] for line, start in zip(told, wanted, strict=True)] == wanted
    written = {path.name for path in tmp_path.rglob("*.ipynb")}
    assert written == {"01_environment.ipynb"}
    notebook = nbformat.read(tmp_path / "solutions" / "01_environment.ipynb", as_version=4)
    printed = notebook.cells[0].outputs[0].text.split("\n")
    assert [line.split()[1] for line in printed[:4]] == ["1"] * 4
    assert printed[4].endswith(" solutions")


def test_a_cell_that_never_ends(tmp_path):
    import asyncio

    path = tmp_path / "solutions" / "01_endless.py"
    write_text(path, ENDLESS)
    course = Course(tmp_path)
    draft = pipeline.draft_chapter(read_chapter(path, course.label(path)))
    with pytest.raises(pipeline.BuildError, match=r"01_endless.py:4: still running after 1 s: while True:"):
        asyncio.run(pipeline.build_chapter(course, draft, timeout=1))
    assert not list(tmp_path.rglob("*.ipynb"))


# --- what is rebuilt


def test_only_what_changed_is_rebuilt(copied, executed):
    assert run(copied.root) == (0, "up to date 01_good\n")
    edit(copied.solutions / "01_good.py", "example = 21", "example = 22")
    assert "built" in run(copied.root)[1]
    assert executed == [copied.solutions]
    assert run(copied.root) == (0, "up to date 01_good\n")
    assert run(copied.root, "--force", "01")[0] == 0
    assert len(executed) == 2


@pytest.mark.parametrize("name", ["helpers/layers.py", "data/runs/run.json"])
def test_a_change_below_the_chapter_rebuilds_it(copied, executed, name):
    write_text(copied.root / name, "rate = 2\n")
    assert run(copied.root, "--check")[0] == 0  # it runs nothing, nbval compares the outputs
    run(copied.root)
    run(copied.root)
    assert len(executed) == 1


def test_notebooks_from_elsewhere_are_believed_until_something_changes(copied, executed):
    shutil.rmtree(copied.records)
    run(copied.root)
    assert executed == []
    write_text(copied.root / "helpers" / "layers.py", "rate = 2\n")
    run(copied.root)
    assert len(executed) == 1


def test_a_spoilt_student_notebook_is_written_again_without_a_run(copied, executed):
    path = copied.notebooks / "01_good.ipynb"
    wanted = path.read_bytes()
    edit(path, "raise NotImplementedError", "return 2 * x")
    code, output = run(copied.root)
    assert (code, executed) == (0, [])
    assert "01_good · student notebook: no code changed" in output
    assert path.read_bytes() == wanted


def outputs_of(course: Course) -> list:
    notebook = nbformat.read(course.solutions / "01_good.ipynb", as_version=4)
    return [(cell.outputs, cell.execution_count) for cell in notebook.cells if cell.cell_type == "code"]


def test_new_prose_is_written_without_a_run(copied, executed):
    before = outputs_of(copied)
    edit(copied.solutions / "01_good.py", "# Twice the value.", "# Two times.\n\n# %% [markdown]\n# More.")
    code, output = run(copied.root)
    assert (code, executed) == (0, [])
    assert "01_good · solution, student notebook: no code changed" in output
    assert outputs_of(copied) == before and any(outputs for outputs, _ in before)
    for folder in (copied.solutions, copied.notebooks):
        assert "Two times." in (folder / "01_good.ipynb").read_text(encoding="utf-8")
    assert run(copied.root, "--check") == (0, "fresh      1 chapter\n")
    write_text(copied.root / "helpers" / "layers.py", "rate = 2\n")
    run(copied.root)
    assert len(executed) == 1
    assert run(copied.root) == (0, "up to date 01_good\n")


@pytest.mark.parametrize("also", ["helper", "code", "cell", "minutes", "no outputs", "stderr", "editor"])
def test_new_prose_and_something_else_is_run(copied, executed, also):
    source, solution = copied.solutions / "01_good.py", copied.solutions / "01_good.ipynb"
    assert run(copied.root) == (0, "up to date 01_good\n")
    edit(source, "# Twice the value.", "# Two times.")
    {
        "helper": lambda: write_text(copied.root / "helpers" / "layers.py", "rate = 2\n"),
        "code": lambda: edit(source, "example = 21", "example = 22"),
        "cell": lambda: edit(source, "# %%\nexample = 21\n", "# %%\nprint(1)\n\n# %%\nexample = 21\n"),
        "minutes": lambda: edit(source, "· 3 min", "· 4 min"),
        "no outputs": lambda: drop_outputs(solution),
        "stderr": lambda: add_stderr(solution),
        "editor": lambda: reindent(solution),
    }[also]()
    assert run(copied.root)[0] == 0
    assert executed == [copied.solutions]


def test_a_refused_chapter_leaves_its_notebooks_and_the_others_alone(copied, executed):
    source = (copied.solutions / "01_good.py").read_text(encoding="utf-8")
    other = (
        source.replace("double", "triple")
        .replace("quiz_colour", "quiz_x")
        .replace("Exercise 1.", "Exercise 2.")
    )
    write_text(copied.solutions / "02_other.py", other)
    edit(copied.solutions / "01_good.py", " points=3", "")
    before = files(copied.notebooks)
    code, output = run(copied.root)
    assert code == 1
    assert "solutions/01_good.py:51: a check without points" in output and "1 problem in 1 file" in output
    assert files(copied.notebooks).items() >= before.items()
    assert (copied.notebooks / "02_other.ipynb").is_file()
    assert run(copied.root, "02")[0] == 0


def test_a_chapter_is_named_by_number_name_or_file(copied, executed):
    for name in ("1", "01", "01_good", "solutions/01_good.py", "notebooks/01_good.ipynb"):
        assert run(copied.root, name) == (0, "up to date 01_good\n")
    code, output = run(copied.root, "7")
    assert code == 2
    assert "01_good" in output


# --- --check


def test_check_is_content_with_what_was_built(copied):
    before = files(copied.root)
    assert run(copied.root, "--check") == (0, "fresh      1 chapter\n")
    assert files(copied.root) == before


def drop_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    write_text(path, dumps(notebook))


def add_stderr(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == "double")
    cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="mind")]
    write_text(path, dumps(notebook))


def reindent(path: Path) -> None:
    write_text(path, path.read_text(encoding="utf-8").replace("\n ", "\n  "))


def add_output_to_student(path: Path) -> None:
    edit(path, '"execution_count": null,\n   "id": "double"', '"execution_count": 3,\n   "id": "double"')


STALE = {
    "source": (
        "solutions/01_good.py",
        lambda p: edit(p, "example = 21", "example = 22"),
        "cell .* is not what solutions/01_good.py:34 builds",
    ),
    "only prose": (
        "solutions/01_good.py",
        lambda p: edit(p, "# Twice the value.", "# Two times."),
        "is not what solutions/01_good.py:24 builds",
    ),
    "only minutes": (
        "solutions/01_good.py",
        lambda p: edit(p, "· 3 min", "· 4 min"),
        "is not what solutions/01_good.py:54 builds",
    ),
    "new cell": (
        "solutions/01_good.py",
        lambda p: write_text(p, p.read_text(encoding="utf-8") + "\n# %%\n1 + 1\n"),
        "number of cells is not what solutions/01_good.py builds: .*: 14, wanted 15",
    ),
    "solution's code": (
        "solutions/01_good.ipynb",
        lambda p: edit(p, "x * 2", "x + x"),
        "cell double is not what",
    ),
    "solution's id": (
        "solutions/01_good.ipynb",
        lambda p: edit(p, '"id": "double"', '"id": "dbl"'),
        r"cell dbl is not what .* \(id\)",
    ),
    "solution's metadata": (
        "solutions/01_good.ipynb",
        lambda p: edit(p, '"minutes": 15', '"minutes": 5'),
        r"\(metadata\)",
    ),
    "solution's kernel": (
        "solutions/01_good.ipynb",
        lambda p: edit(p, '"display_name": "Python 3 (ipykernel)"', '"display_name": "mine"'),
        "metadata are not what",
    ),
    "solution not executed": ("solutions/01_good.ipynb", drop_outputs, "was not executed by the build"),
    "solution run out of order": (
        "solutions/01_good.ipynb",
        lambda p: edit(p, '"execution_count": 2', '"execution_count": 9'),
        r"was not executed by the build: .*\[9\], wanted \[2\]",
    ),
    "solution's stderr": (
        "solutions/01_good.ipynb",
        add_stderr,
        "solutions/01_good.py:42: the cell writes to stderr: mind",
    ),
    "solution saved by an editor": ("solutions/01_good.ipynb", reindent, "saved by an editor"),
    "solution gone": ("solutions/01_good.ipynb", Path.unlink, "missing or no notebook"),
    "solution cut off": (
        "solutions/01_good.ipynb",
        lambda p: p.write_text(p.read_text(encoding="utf-8")[:900]),
        "missing or no notebook",
    ),
    "student's code": (
        "notebooks/01_good.ipynb",
        lambda p: edit(p, "raise NotImplementedError", "return 2 * x"),
        "cell double is not what",
    ),
    "student's count": (
        "notebooks/01_good.ipynb",
        add_output_to_student,
        "has outputs, or was saved by an editor",
    ),
    "student's points": (
        "notebooks/01_good.ipynb",
        lambda p: edit(p, '"points": 3', '"points": 30'),
        r"cell double_check .* \(metadata\)",
    ),
    "student saved by an editor": ("notebooks/01_good.ipynb", reindent, "saved by an editor"),
    "student gone": ("notebooks/01_good.ipynb", Path.unlink, "missing or no notebook"),
    "no source for a solution": (
        "solutions/02_gone.ipynb",
        lambda p: write_text(p, "{}"),
        "no source: move it away, or bring solutions/02_gone.py back",
    ),
    "no source for a student": (
        "notebooks/02_gone.ipynb",
        lambda p: write_text(p, "{}"),
        "no source: move it away",
    ),
}


@pytest.mark.parametrize("case", STALE)
def test_check_names_what_is_stale_and_how_to_mend_it(copied, executed, case, monkeypatch):
    monkeypatch.setenv("CI", "true")   # where no learner works
    name, spoil, message = STALE[case]
    spoil(copied.root / name)
    before = files(copied.root)
    code, output = run(copied.root, "--check")
    assert code == 1
    lines = [line for line in output.splitlines() if re.match(r"[a-z]+/\w+\.(ipynb|py):\d+: ", line)]
    if name.endswith(".py"):
        assert {line.split(":")[0] for line in lines} == {
            "solutions/01_good.ipynb",
            "notebooks/01_good.ipynb",
        }
    else:
        assert len(lines) == 1 and (lines[0].startswith(f"{name}:") or "stderr" in case)
    assert re.search(message, lines[0]), lines
    assert "make build" in lines[0] or "move it away" in lines[0] or "stderr" in case
    assert (files(copied.root), executed) == (before, [])


LEARNERS = ("student's code", "student's count", "student's points", "student saved by an editor")


@pytest.mark.parametrize("case", LEARNERS)
def test_a_learners_notebook_is_no_problem_outside_integration(copied, executed, case, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    name, spoil, _ = STALE[case]
    spoil(copied.root / name)
    write_text(copied.notebooks / "01_good (1).ipynb", "{}")
    before = files(copied.root)
    code, output = run(copied.root, "--check")
    assert code == 0 and "make build" not in output and "delete" not in output
    assert output.startswith(f"{name}: somebody has worked in it") and "fresh      1 chapter" in output
    assert files(copied.root) == before


def test_a_change_of_the_source_is_a_problem_whoever_worked_in_the_notebook(copied, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    edit(copied.solutions / "01_good.py", "example = 21", "example = 22")
    edit(copied.notebooks / "01_good.ipynb", "raise NotImplementedError", "return 2 * x")
    code, output = run(copied.root, "--check")
    assert code == 1 and output.count("make build") == 2


def test_what_check_finds_build_mends(copied, executed, monkeypatch):
    monkeypatch.setenv("CI", "true")
    drop_outputs(copied.solutions / "01_good.ipynb")
    reindent(copied.notebooks / "01_good.ipynb")
    assert run(copied.root, "--check")[0] == 1
    assert run(copied.root)[0] == 0
    assert run(copied.root, "--check")[0] == 0
    assert len(executed) == 1


def test_nothing_to_build_is_no_success(tmp_path):
    code, output = run(tmp_path, "--check")
    assert code == 1
    assert "no chapter NN_name.py to build" in output


# --- writing


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    write_text(path, "old\n")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_text(path, "new\n")
    assert files(tmp_path) == {"a.ipynb": b"old\n"}


def test_a_notebook_somebody_worked_in_is_kept_before_it_is_replaced(copied, executed):
    path = copied.notebooks / "01_good.ipynb"
    worked = student_of(copied)
    cell = next(cell for cell in worked.cells if cell.cell_type == "code")
    cell.source, cell.execution_count = "my_own = 'work'", 1
    for number in (1, 2):
        worked.cells[0].source += "!"
        write_text(path, dumps(worked))
        _, output = run(copied.root)
        kept = copied.notebooks / "replaced" / f"01_good-{number}.ipynb"
        assert "my_own" in kept.read_text(encoding="utf-8")
        assert "my_own" not in path.read_text(encoding="utf-8")
        assert f"your notebook notebooks/01_good.ipynb in notebooks/replaced/01_good-{number}.ipynb" in output
    for damage in ('"nbformat": 4', "# YOUR CODE HERE"):   # unreadable; half an answer, never run
        text = path.read_text(encoding="utf-8").replace(damage, "<<<<<<< mine")
        path.write_text(text, encoding="utf-8", newline="\n")
        before = len(list((copied.notebooks / "replaced").iterdir()))
        assert "kept" in run(copied.root)[1]
        assert len(list((copied.notebooks / "replaced").iterdir())) == before + 1
    before = files(copied.notebooks)
    edit(copied.solutions / "01_good.py", "# # 1 ·", "# # 1  ·")   # the build's own notebook needs no copy
    assert "kept" not in run(copied.root)[1]
    assert len(files(copied.notebooks)) == len(before)


def test_a_clone_that_built_nothing_yet_keeps_half_an_answer_and_a_solution_played_with(copied, executed):
    shutil.rmtree(copied.records)
    edit(copied.notebooks / "01_good.ipynb", "# YOUR CODE HERE", "y = 2 * x")
    edit(copied.solutions / "01_good.ipynb", "x * 2", "x + x + 0")
    assert run(copied.root)[0] == 0
    replaced = copied.notebooks / "replaced"
    assert "y = 2 * x" in (replaced / "01_good-1.ipynb").read_text(encoding="utf-8")
    assert "x + x + 0" in (replaced / "solutions" / "01_good-1.ipynb").read_text(encoding="utf-8")


def test_a_second_build_of_a_chapter_waits_for_the_first(copied, executed):
    import threading

    began, end = threading.Event(), threading.Event()

    def first():
        with lock(copied.records / "01_good"):
            began.set()
            end.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    began.wait()
    threading.Timer(0.3, end.set).start()
    code, output = run(copied.root, "--force")
    thread.join()
    assert code == 0 and end.is_set() and "Another process is at work on 01_good" in output
