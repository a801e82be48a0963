"""The zip file for a class: no answers in it, and checks that say what the course's own say."""

import gzip
import inspect
import io
import json
import posixpath
import re
import subprocess
import sys
import zipfile
from gettext import GNUTranslations
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from typer.testing import CliRunner

from helpers import sealed
from helpers.checks import exercises, get
from helpers.checks.registry import Exercise
from helpers.checks.texts import texts_of
from helpers.markup import HANGUL
from tests import running
from tools.release import answers, texts
from tools.release.cli import app, write_zip
from tools.release.record import cases_in_code

ROOT = Path(__file__).resolve().parents[3]
BOTH = Path(__file__).with_name("both.py")
pytestmark = pytest.mark.xdist_group("release")   # made once


# --- what is in it


def test_what_is_in_it_and_what_is_not(small):
    there = set(small.made.files)
    wanted = {
        "README.md", "LICENSE", "LICENSE-TEXT", "Makefile", "pyproject.toml", "constraints.txt",
        "environment.yml", "notebooks/00_start_here.ipynb", "notebooks/01_rnn_recap.ipynb",
        "data/runs/pronouns.json",
        "docs/glossary.md", "helpers/checks/chapter_01/rnn_step.npz", "tools/progress.py",
        "tools/update/cli.py",
        "README.ko.md", "notebooks/ko/00_start_here.ipynb", "notebooks/ko/01_rnn_recap.ipynb",
        "docs/ko/glossary.md", "helpers/locale/ko.mo.gz",
    }  # fmt: skip
    assert not wanted - there
    tools = "grad|rel|build|mut|us|site|cloud|bench"
    never = rf"solutions|tests/|conftest|.*nbgrader|notebooks/(ko/)?0[2-8]|po/|tools/({tools})|\.github"
    assert not [name for name in there if re.match(never, name)]
    assert not [name for name in there if re.search(r"checks/chapter_.*(?<!__init__)\.py$", name)]
    assert not [name for name in there if re.search(r"(checks|colleague)/chapter_0[2-8]", name)]
    with zipfile.ZipFile(io.BytesIO(small.data)) as archive:
        assert {each.split("/")[0] for each in archive.namelist()} == {"unrolled"}


def answer_lines():
    """Every line of 20 characters or more of all solutions and references, found by their text alone, that
    the student notebooks do not show."""
    lines, given = set(), ""
    for path in (ROOT / "solutions").glob("[0-9][0-9]_*.py"):
        text = path.read_text(encoding="utf-8")
        marked = re.compile(r"### BEGIN SOLUTION\n(.*?)\n[ \t]*### END SOLUTION", re.S)
        lines |= {line for found in marked.finditer(text) for line in found[1].splitlines()}
        given += marked.sub("", text)
    functions = [each.reference for each in exercises() if isinstance(each, Exercise)]
    lines |= {line for each in functions for line in inspect.getsource(each).splitlines()[1:]}
    given = plain(given)
    lines = {" ".join(line.split()) for line in lines}
    return {line for line in lines if len(line) >= 20 and line not in given}


def plain(text):
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


ALLOWED = {"from collections import Counter": "an import that other modules have, too"}


def test_no_line_of_a_solution_or_reference_stands_in_any_file(small):
    lines = answer_lines() - ALLOWED.keys()
    assert len(lines) > 150
    files = {path: plain(path.read_text(encoding="utf-8", errors="replace"))
             for path in small.folder.rglob("*") if path.is_file()}   # fmt: skip
    escaped = {line: json.dumps(line, ensure_ascii=False)[1:-1] for line in lines}   # as a notebook has it
    found = [(path.name, line) for path, text in files.items()
             for line in lines if line in text or escaped[line] in text]   # fmt: skip
    assert found == []
    # The same search finds them where they are.
    checks = sorted((ROOT / "helpers/checks/chapter_01").glob("*.py"))
    course = plain("\n".join(path.read_text(encoding="utf-8") for path in checks))
    assert sum(line in course for line in lines) > 5


def test_the_text_of_a_notebook_the_outputs_and_the_metadata_hold_no_answers(small):
    lines = answer_lines() - ALLOWED.keys()
    paths = list(small.folder.glob("notebooks/**/*.ipynb"))
    assert len(paths) == 4
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        text = plain("\n".join(cell.source for cell in notebook.cells))
        assert not [line for line in lines if line in text]
        assert not [cell for cell in notebook.cells if cell.get("outputs")]


def in_korean(release):
    """English → Korean, by the release's catalogue."""
    data = release.made.files["helpers/locale/ko.mo.gz"]
    return GNUTranslations(io.BytesIO(gzip.decompress(data))).gettext


def test_the_catalogue_has_hints_of_the_released_chapters_only_and_not_in_the_clear(small):
    korean, own, others = in_korean(small), set(), set()
    for exercise in exercises():
        (own if exercise.chapter in ("00", "01") else others).update(texts_of(exercise))
    hints = [korean(text) for text in own if len(text) > 60]
    assert all(HANGUL.search(hint) for hint in hints) and len(hints) > 50
    assert [text for text in others - own if korean(text) != text] == []
    files = {name: each.decode(errors="replace") for name, each in small.made.files.items()}
    assert not [name for name, text in files.items() for hint in hints if hint in text]


def test_the_first_page_is_there_in_both_languages(small):
    pages = {name: small.made.files[name].decode() for name in ("README.md", "README.ko.md")}
    for name, text in pages.items():
        assert "<!--" not in text and "](solutions" not in text
        other = next(each for each in pages if each != name)
        assert f"]({other})" in text
    assert "| [1 · RNN recap](notebooks/01_rnn_recap.ipynb) | How can" in pages["README.md"]
    assert "The solutions are not in this copy.\n\n## Begin" in pages["README.md"]
    korean = pages["README.ko.md"]
    row = r"^\| \[1 · RNN [^]]*\]\(notebooks/ko/01_rnn_recap.ipynb\) \| .+ \| 150 \| 8 \|$"
    assert re.search(row, korean, re.M) and "풀이는 이 사본에 없습니다." in korean
    assert "jupyterlab --ServerApp.root_dir=. notebooks/ko/00" in korean


def test_solutions_that_are_handed_out_are_named():
    template = texts.TEMPLATE.read_text(encoding="utf-8")
    page = texts.readme(template, "en", [], ["00_start_here", "01_rnn_recap"]).decode()
    assert "so far: [00_start_here](solutions/00_start_here.ipynb), [01_rnn_recap](solutions/" in page
    assert "not in this copy.\n\n## Begin" not in page and "<!--" not in page


def test_the_same_files_give_the_same_bytes(small):
    again = io.BytesIO()
    write_zip(again, dict(reversed(small.made.files.items())))
    assert again.getvalue() == small.data


def test_links_lead_to_files_that_are_there(small):
    dead = []
    for name, data in small.made.files.items():
        if name.endswith(".md"):
            text = data.decode()
        elif name.endswith(".ipynb"):
            cells = nbformat.reads(data.decode(), as_version=4).cells
            text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        else:
            continue
        for link in texts.LINK.finditer(text):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link[2]))
            dead += [(name, target)] if not (small.folder / target).exists() else []
    assert dead == []
    for place, away in (("", "solutions (not in this copy)"), ("ko/", "풀이(이 사본에는 없습니다)")):
        start = small.made.files[f"notebooks/{place}00_start_here.ipynb"].decode()
        assert "(01_rnn_recap.ipynb)" in start and "02_bptt" not in start and away in start


def test_an_edition_without_a_file_of_its_own_links_to_the_sources():
    page = b"[a](../../solutions/ko/01.ipynb#x) [b](../../solutions/ko/02.ipynb) [c](02.ipynb)"
    files = {"docs/ko/p.md": page, "solutions/01.ipynb": b"", "docs/02.ipynb": b""}
    texts.without_dead_links(files)
    assert files["docs/ko/p.md"].decode() == (
        "[a](../../solutions/01.ipynb#x) b(이 사본에는 없습니다) c"
    )


def test_the_makefile_has_only_commands_that_work_there(small):
    text = small.made.files["Makefile"].decode()
    targets = set(re.findall(r"^([a-z-]+):", text, re.M))
    assert {"help", "lab", "progress", "train", "update", "clean"} <= targets
    assert not {"test", "build", "release", "grade", "check", "bench", "lint", "torture"} & targets
    assert not {"site", "test-site", "test-browser"} & targets
    assert "DEV)" not in text and "For authors" not in text
    modules = set(re.findall(r"-m tools\.(\w+)", text))
    assert modules and all(list(small.folder.glob(f"tools/{each}*")) for each in modules)
    told = set(re.findall(r'echo "  make ([a-z-]+)', text))
    assert told and told <= targets
    project = small.made.files["pyproject.toml"].decode()
    assert not [name for name in ("pytest", "nbgrader", "sphinx", "playwright", "browser") if name in project]
    assert "[test]" not in small.made.files["environment.yml"].decode()


# --- what its checks say


def compared(release, *names):
    done = release.python("-I", BOTH, ROOT, *names)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_boxes_say_what_the_courses_say(small):
    # Cases as data, cases that code makes, a chapter that is one module, a quiz.
    names = {"rnn_step", "sample_next", "scalar_step", "quiz_state"}
    rows = compared(small, *names)
    assert {row["exercise"] for row in rows} == names
    assert {row["exercise"]: row["differ"] for row in rows} == {name: {} for name in names}
    assert all(row["named"] == row["mistakes"] > 2 for row in rows)


ASKED = """
import inspect, linecache, traceback, numpy as np
from helpers import checks
from helpers.checks.judge import judge
from helpers.layers import lstm, rnn
exercise = checks.get("rnn_step")
stand_in = exercise.stand_in()
assert stand_in(*np.ones((2, 1, 1)), *np.ones((2, 1, 1)), np.ones(1)).shape == (1, 1)
for function in (stand_in, exercise.reference):
    print(judge(exercise, function).state, judge(exercise, function).title)
for function in (stand_in, exercise.reference, lstm, rnn.RNN):
    try:
        print("SOURCE", inspect.getsource(function))
    except (OSError, TypeError):
        print("none")
try:
    stand_in(1, 2, 3, 4, "b")
except TypeError:
    print(traceback.format_exc())
cell = "def rnn_step(x, h_prev, Wx, Wh, b):\\n    return SGD({}, -1.0)\\n"
linecache.cache["<cell>"] = len(cell), None, cell.splitlines(True), "<cell>"
names = {"SGD": __import__("helpers.optim").optim.SGD}
exec(compile(cell, "<cell>", "exec"), names)
print(judge(exercise, names["rnn_step"]).text)
"""


def test_the_courses_version_is_refused_and_shows_no_source(small):
    done = small.python("-c", ASKED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not attempted not checked") == 2
    assert done.stdout.count("none") == 4 and "SOURCE" not in done.stdout
    assert "rnn_step (sealed)" in done.stdout
    assert "in line 2 of its cell: `return SGD({}, -1.0)`" in done.stdout   # not the sealed module's
    assert not [line for line in answer_lines() if line in plain(done.stdout)]


def states(release, name, notebook=None):
    """Run a notebook of the release → the states of its boxes by exercise."""
    path = release.folder / "notebooks" / name
    notebook = notebook or nbformat.read(path, as_version=4)
    where = "import helpers; print(helpers.__file__)"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(where))
    found = running.run(notebook, path.parent, PYTHONPATH=str(release.folder))
    assert str(release.folder) in notebook.cells[0].outputs[0].text
    return found


def test_the_start_page_runs_untouched_with_grey_boxes(small):
    notebook = nbformat.read(small.folder / "notebooks/00_start_here.ipynb", as_version=4)
    assert states(small, "00_start_here.ipynb") == dict.fromkeys(running.exercises(notebook), "not attempted")


def test_the_korean_start_page_runs_with_a_wrong_answer_and_says_so_in_korean(small):
    name = "ko/00_start_here.ipynb"
    notebook = nbformat.read(small.folder / "notebooks" / name, as_version=4)
    running.answer(notebook, scalar_step="return w_x * x + w_h * h_prev + b")
    wanted = dict.fromkeys(running.exercises(notebook), "not attempted") | {"scalar_step": "failed"}
    assert states(small, name, notebook) == wanted
    hint = next(each.hint for each in get("scalar_step").misconceptions if each.name == "no-tanh")
    assert in_korean(small)(hint).split(".")[0] in running.box(notebook, "scalar_step")


@pytest.mark.parametrize(
    ("name", "old", "new", "beside"),
    [
        ("notebooks/01_rnn_recap.ipynb", "chapter 2 and", "[chapter 2](02_next.ipynb) and", "borrowed here"),
        ("notebooks/ko/01_rnn_recap.ipynb", "2장과 5장", "[2장](02_next.ipynb)과 5장", "빌려 쓰고"),
    ],
    ids=["English", "Korean"],
)
def test_a_next_release_brings_chapters_and_keeps_answers(small, tmp_path, name, old, new, beside):
    small = type(small)(small.made, small.data, tmp_path / "mine" / "unrolled")
    with zipfile.ZipFile(io.BytesIO(small.data)) as archive:
        archive.extractall(tmp_path / "mine")
    path = small.folder / name
    first = small.made.files
    mine = path.read_text(encoding="utf-8").replace("raise NotImplementedError", "return 'mine'", 1)
    path.write_text(mine, encoding="utf-8")
    release = nbformat.reads(first[name].decode(), as_version=4)
    linkless = next(cell for cell in release.cells if old in cell.source)
    linkless.source = linkless.source.replace(old, new)
    linkless.id = "another"   # the build makes ids of the text
    newer = first | {name: nbformat.writes(release).encode(),
                     str(Path(name).with_name("02_next.ipynb")): first["notebooks/00_start_here.ipynb"]}
    with open(tmp_path / "new.zip", "wb") as file:
        write_zip(file, newer)
    done = small.python("-m", "tools.update", "--from", tmp_path / "new.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    text = path.read_text(encoding="utf-8")
    assert text.count(beside) == 1 and new in text
    assert "return 'mine'" in text
    assert path.with_name("02_next.ipynb").exists()
    assert len(list((small.folder / "notebooks/replaced").rglob("*.ipynb"))) == 1


# --- the command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["99"], "no chapter '99'"),
        ([], "Missing argument"),
        (["01", "--out", "."], "got a folder"),
        (["01", "--solutions-of", "77"], "no chapter '77'"),
    ],
)
def test_what_cannot_be_released_is_said(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})
    assert done.exit_code == 2 and said in done.output
    assert list(tmp_path.iterdir()) == []


def test_an_answers_line_is_found_within_a_longer_one_and_in_a_notebook():
    cell = nbformat.v4.new_markdown_cell("So `h = np.tanh(a   + b)`, he said.")
    files = {"a.md": b"x\n  h = np.tanh(a + b)   # so", "b.md": b"h = np.tanh(a\n+ b)",
             "c.ipynb": nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()}   # fmt: skip
    line = "h = np.tanh(a + b)"
    assert answers.found(files, {line, "another"}) == [("a.md", line), ("c.ipynb", line)]


def test_what_a_hint_tells_is_no_secret_wherever_its_lines_break():
    lines = "### BEGIN SOLUTION", "c = f * c_prev + i * g", "return o * np.tanh(c), c", "### END SOLUTION"
    answer = SimpleNamespace(options={"exercise": "step"}, source="\n    ".join(["def step():", *lines]))
    hint = nbformat.v4.new_markdown_cell("Then c = f * c_prev +\ni * g, as in the table.")
    cells = SimpleNamespace(cells=[answer]), SimpleNamespace(cells=[hint])
    draft = SimpleNamespace(chapter=cells[0], student=cells[1])
    assert answers.answer_lines([draft], []) == {"return o * np.tanh(c), c"}


@pytest.mark.torture
def test_an_answer_in_a_shipped_file_stops_the_release(tmp_path, monkeypatch):
    from tools.build.source import BuildError
    from tools.release import contents as module

    line = "return np.tanh(w_x * x + w_h * h_prev + b)"
    plain_files = module._plain

    def leaking(root, files):
        plain_files(root, files)
        files["docs/notes.md"] = f"The step is {line}".encode()

    monkeypatch.setattr(module, "_plain", leaking)
    with pytest.raises(BuildError, match=r"docs/notes.md:1: the release would hold an answer's line: ret"):
        module.contents(ROOT, {"00_start_here"}, set())


# --- all of it


@pytest.mark.torture
def test_every_known_mistake_of_every_exercise_keeps_its_name(whole):
    rows = compared(whole)
    assert len(rows) == len(exercises())
    mistakes, named = (sum(row[each] for row in rows) for each in ("mistakes", "named"))
    print(f"{named} of {mistakes} known mistakes are named")
    assert {row["exercise"]: row["differ"] for row in rows if row["differ"]} == {}
    assert named == mistakes > 1500


@pytest.mark.torture
@pytest.mark.parametrize("language", ["", "ko"])
@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "notebooks").glob("0[1-8]_*.ipynb")))
def test_every_chapter_runs_untouched(whole, name, language):
    name = str(Path(language, name))
    notebook = nbformat.read(whole.folder / "notebooks" / name, as_version=4)
    assert states(whole, name) == dict.fromkeys(running.exercises(notebook), "not attempted")


@pytest.mark.torture
def test_the_course_grades_what_was_solved_in_a_release(small, tmp_path):
    notebook = nbformat.read(small.folder / "notebooks/01_rnn_recap.ipynb", as_version=4)
    solved = {"rnn_step": "return np.tanh(x @ Wx + h_prev @ Wh + b)", "quiz_state": "return 'c'",
              "sample_next": "return int(np.argmax(logits))"}   # fmt: skip
    for cell in notebook.cells:
        name = cell.metadata.get("unrolled", {}).get("exercise")
        if name in solved:
            cell.source = cell.source.replace("raise NotImplementedError", solved[name])
    path = tmp_path / "someone" / "01_rnn_recap.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    run = [sys.executable, "-m", "tools.grade", path, "--out", tmp_path / "out"]
    run += ["--json", tmp_path / "g.json"]
    subprocess.run(run, cwd=ROOT, check=False, capture_output=True, timeout=600)
    text = (tmp_path / "g.json").read_text(encoding="utf-8")
    (submission,) = json.loads(text)["submissions"]
    found = {row["exercise"]: (row["state"], row["mistake"]) for row in submission["exercises"]}
    assert found["rnn_step"][0] == found["quiz_state"][0] == "passed"
    assert found["sample_next"] == ("failed", "argmax")
    assert found["rnn_forward"][0] == "not attempted"


@pytest.mark.torture
def test_it_installs(small, tmp_path):
    environment = tmp_path / "an environment"
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [python, "-m", "pip", "install", "-q", "--no-deps", "-e", small.folder]   # a gigabyte else
    done = subprocess.run(pip, capture_output=True, text=True)
    if "setuptools" in done.stderr:
        pytest.skip("pip cannot get setuptools here")
    assert done.returncode == 0, done.stderr
    ask = [python, "-c", "import helpers; print(helpers.__file__)"]
    told = subprocess.run(ask, capture_output=True, text=True, cwd=tmp_path, env=small.environment)
    assert Path(told.stdout.strip()) == small.folder / "helpers" / "__init__.py"


def test_cases_that_are_data_are_most():
    functions = [each for each in exercises() if isinstance(each, Exercise)]
    code = {each.name: cases_in_code(each) for each in functions if each.trial is not None}
    assert all(code.values()) and len(code) < len(functions) / 4


def test_the_sealed_file_gives_what_went_in_and_a_damaged_one_says_so():
    sources = {"helpers.a": "x = 1\n", "helpers.b": "y = 'é'\n"}
    data = sealed.packed(sources)
    assert sealed.unpacked(data) == sources and b"x = 1" not in data
    for damaged in (b"", data[:-4], data[:30] + b"\0" + data[31:], b"PK" + data):
        with pytest.raises(ImportError, match=r"sealed.bin is damaged .*unpack the zip file"):
            sealed.unpacked(damaged)
