"""The reset: the course's own chapters, worked in, damaged, gone, in folders without git and nbgrader."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from helpers import notebooks
from helpers.checks.box import MIME
from helpers.notebooks import mark
from tools.build.notebook import student_notebook as built
from tools.reset import app, as_text, released, student_notebook

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "01_rnn_recap"
NAME = f"notebooks/{CHAPTER}.ipynb"
ANSWER = "def rnn_step(x, h_prev, Wx, Wh, b):\n    return x   # mine"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Two chapters as they are downloaded: what the build makes, however somebody works in this checkout."""
    root = tmp_path_factory.mktemp("a course")
    for folder in ("solutions", "notebooks", "helpers"):
        (root / folder).mkdir()
    shutil.copy(ROOT / "pyproject.toml", root)
    for path in (ROOT / "solutions").glob("0[01]_*.ipynb"):
        shutil.copy(path, root / "solutions")
        stubs = built(nbformat.read(path, as_version=4))
        (root / "notebooks" / path.name).write_bytes(notebooks.dumps(stubs).encode())
    return root


@pytest.fixture
def course(original, tmp_path):
    return shutil.copytree(original, tmp_path / "course")


def reset(course, *arguments, code=0):
    result = CliRunner().invoke(app, [*map(str, arguments), "--course", str(course)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output and (code == 2 or isinstance(result.exception, SystemExit | None))
    return re.sub(r"\s+", " ", result.output)


def work(course, name="rnn_step", source=ANSWER):
    """An answer typed into chapter 1, checked, and a cell of one's own → the notebook's bytes."""
    path = course / NAME
    notebook = json.loads(path.read_text(encoding="utf-8"))
    verdict = {MIME: {"exercise": name, "state": "failed"}}
    box = {"output_type": "display_data", "metadata": {}, "data": verdict}
    for cell in notebook["cells"]:
        if mark(cell).get("exercise") == name:
            cell["source"] = source
        if mark(cell).get("check") == name:
            cell |= {"outputs": [box], "execution_count": 7}
    notebook["cells"].insert(3, nbformat.v4.new_code_cell("mine = 1", id=f"mine-{name}"))
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path.read_bytes()


def kept(course):
    return {path.name: path.read_bytes() for path in sorted((course / "notebooks").glob("replaced/*"))}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "solutions").glob("**/[0-9][0-9]_*.ipynb")),
    ids=lambda path: path.relative_to(ROOT / "solutions").as_posix(),
)
def test_without_nbgrader_it_is_to_the_byte_what_the_build_releases(path):
    ours = as_text(student_notebook(notebooks.read(path)))
    assert ours == notebooks.dumps(built(nbformat.read(path, as_version=4)))


def test_a_chapter_begins_afresh_and_what_was_there_is_kept(course, original):
    mine = work(course)
    said = reset(course, "01")
    assert (course / NAME).read_bytes() == (original / NAME).read_bytes()
    assert kept(course) == {f"{CHAPTER}-1.ipynb": mine}
    assert f"{NAME}: begins afresh; as you had it: notebooks/replaced/{CHAPTER}-1.ipynb" in said
    assert "Reload Notebook from Disk" in said
    again = reset(course, "01")
    assert "as the course has it already" in again and "Reload" not in again and len(kept(course)) == 1


@pytest.mark.parametrize("given", ["1", CHAPTER, NAME, f"{CHAPTER}.ipynb"])
def test_a_chapter_may_be_called_as_one_likes(course, given):
    work(course)
    assert f"{NAME}: begins afresh" in reset(course, given)


def test_several_chapters_and_one_that_is_gone_or_damaged(course, original):
    (course / NAME).unlink()
    start = course / "notebooks" / "00_start_here.ipynb"
    start.write_text("{", encoding="utf-8")
    said = reset(course, "01", "00", "1")
    assert f"{NAME}: was missing, is brought back" in said and said.count(NAME) == 1
    assert kept(course) == {"00_start_here-1.ipynb": b"{"}
    for name in (CHAPTER, start.stem):
        path = f"notebooks/{name}.ipynb"
        assert (course / path).read_bytes() == (original / path).read_bytes()


def test_one_exercise_and_everything_else_stays(course, original):
    work(course, "sample_next", "def sample_next(p, rng):\n    return 0")
    mine = json.loads(work(course))
    said = reset(course, "--exercise", "rnn_step")
    assert f"{NAME}: begins afresh: rnn_step; as you had it:" in said
    now = json.loads((course / NAME).read_text(encoding="utf-8"))
    stubs = {cell["id"]: cell for cell in json.loads((original / NAME).read_bytes())["cells"]}
    for before, after in zip(mine["cells"], now["cells"], strict=True):
        wanted = stubs[before["id"]] if before["id"] in ("rnn_step", "rnn_step_check") else before
        assert "".join(after["source"]) == "".join(wanted["source"])
        assert after.get("outputs") == wanted.get("outputs")
    both = [cell["source"] for cell in now["cells"] if cell["id"] in ("mine-rnn_step", "sample_next")]
    assert "".join(both[0]) == "mine = 1" and "return 0" in "".join(both[-1])
    reset(course, "--exercise", "rnn_step", "--exercise", "sample_next")
    assert "return 0" not in (course / NAME).read_text(encoding="utf-8")


def test_an_exercise_whose_cell_was_deleted_comes_back(course, original):
    work(course)
    notebook = json.loads((course / NAME).read_bytes())
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].startswith("rnn_step")]
    (course / NAME).write_text(json.dumps(notebook), encoding="utf-8")
    reset(course, "--exercise", "rnn_step", "--exercise", "sample_next")
    cells = notebooks.read(course / NAME)["cells"]
    assert [cell["id"] for cell in cells if cell["id"] == "mine-rnn_step"]
    release = notebooks.read(original / NAME)["cells"]
    assert [cell for cell in cells if cell["id"] != "mine-rnn_step"] == release


def test_a_cell_with_two_exercises_is_said_to_have_had_both(course):
    work(course, source=ANSWER + "\n\ndef sample_next(p, rng):\n    return 0")
    assert "its cell held sample_next too; as you had it" in reset(course, "--exercise", "rnn_step")


def test_a_dry_run_changes_nothing(course):
    mine = work(course)
    for arguments in (["01"], ["--exercise", "rnn_step"]):
        said = reset(course, *arguments, "--dry-run")
        assert said.startswith(f"Would do: {NAME}: begins afresh") and "yours is kept" in said
    assert (course / NAME).read_bytes() == mine and not kept(course)


def test_from_the_download_where_there_are_no_solutions(course, original, tmp_path):
    work(course)
    archive = tmp_path / "unrolled.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in original.rglob("*"):
            if path.is_file() and "solutions" not in path.parts:
                file.write(path, Path("unrolled") / path.relative_to(original))
        file.writestr("unrolled/helpers/__init__.py", "")
    shutil.rmtree(course / "solutions")
    assert "no notebooks of solutions here" in (said := reset(course, "01", code=1)) and "FROM=" in said
    for source in (tmp_path / "none.zip", course, Path(__file__)):
        assert reset(course, "01", "--from", source, code=1).startswith("Nothing is reset: ")
    (course / "solutions").mkdir()
    shutil.copy(original / "solutions" / "00_start_here.ipynb", course / "solutions")
    for named in (["01"], ["--exercise", "rnn_step"]):
        said = reset(course, *named, code=1)
        assert f"; of {CHAPTER} there is no solution here. Name the zip file" in said
    assert not kept(course)
    reset(course, "01", "--from", archive)
    assert (course / NAME).read_bytes() == (original / NAME).read_bytes() and len(kept(course)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["12"], "chapter: got '12', wanted one of 00, 01."),
        (["01; rm"], "chapter: got '01; rm', wanted one of 00, 01."),
        (["--exercise", "rnn_stepp"], "--exercise: got 'rnn_stepp', wanted the name of one, such as rnn_s"),
        (["00", "--exercise", "rnn_step"], "--exercise: got 'rnn_step', wanted the name of one, such as "),
    ],
    ids=str,
)
def test_names_that_nothing_has(course, arguments, message):
    mine = work(course)
    assert reset(course, *arguments, code=1).startswith(f"Nothing is reset: {message}")
    assert (course / NAME).read_bytes() == mine and not kept(course)


def test_nothing_named_is_no_use(course):
    assert "wanted a chapter, such as 01" in re.sub(r"[│\s]+", " ", reset(course, code=2))


def test_what_cannot_be_done_is_a_sentence_and_nothing_is_lost(course):
    (course / NAME).write_text("{", encoding="utf-8")
    said = reset(course, "--exercise", "rnn_step", code=1)
    assert f"{NAME} cannot be read" in said and "The whole chapter can be reset" in said
    (course / NAME).unlink()
    (course / NAME).mkdir()
    start = course / "notebooks" / "00_start_here.ipynb"
    start.write_text("mine", encoding="utf-8")
    assert "Stopped: " in reset(course, "00", "01", code=1)
    (course / "solutions" / f"{CHAPTER}.ipynb").write_text('{"nbformat": 4, "cells": [3]}', encoding="utf-8")
    (course / "solutions" / "00_start_here.ipynb").write_text("{", encoding="utf-8")
    assert "solutions/00_start_here.ipynb cannot be read: " in reset(course, "01", code=1)
    assert "is no folder of the course" in reset(course / "solutions", "01", code=1)
    assert start.read_text(encoding="utf-8") == "mine" and not kept(course)


def test_a_solution_that_jupyterlab_saved_gives_the_same(course, original):
    path = course / "solutions" / f"{CHAPTER}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.11.9", "file_extension": ".py"}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert released(course, None, course)[CHAPTER] == (original / NAME).read_text(encoding="utf-8")


# --- editions


@pytest.fixture
def bilingual(course):
    """The course with a Korean edition of chapter 0: the same cells, another title, an answer in either."""
    for place in ("solutions", "notebooks"):
        (course / place / "ko").mkdir()
        text = (course / place / f"{START}.ipynb").read_text(encoding="utf-8")
        translated = course / place / "ko" / f"{START}.ipynb"
        translated.write_text(text.replace("Start here", "시작"), encoding="utf-8")
    for path in (course / "notebooks" / f"{START}.ipynb", course / KOREAN):
        notebook = notebooks.read(path)
        cell = next(cell for cell in notebook["cells"] if mark(cell).get("exercise") == "scalar_step")
        cell["source"] = "def scalar_step(*args):\n    return 7"
        path.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    return course


START, KOREAN = "00_start_here", "notebooks/ko/00_start_here.ipynb"


def answered(course):
    """The notebooks that hold an answer."""
    found = sorted((course / "notebooks").rglob("*.ipynb"))
    return [path.relative_to(course).as_posix() for path in found
            if "return 7" in path.read_text(encoding="utf-8") and "replaced" not in path.parts]  # fmt: skip


@pytest.mark.parametrize(("arguments", "variable", "korean"), [
    (["00"], "", False), (["00"], "ko", True), (["00", "--language", "ko"], "", True),
    (["00", "--language", "en"], "ko", False), ([KOREAN], "", True), ([f"ko/{START}.ipynb"], "en", True),
    ([f"notebooks/{START}.ipynb"], "ko", False),
    (["--exercise", "scalar_step"], "ko", True), (["--exercise", "scalar_step"], "", False),
])  # fmt: skip
def test_the_edition_named_or_in_use_begins_afresh(bilingual, monkeypatch, arguments, variable, korean):
    monkeypatch.setenv("UNROLLED_LANGUAGE", variable)
    both = [f"notebooks/{START}.ipynb", KOREAN]
    assert answered(bilingual) == both
    reset(bilingual, *arguments)
    assert answered(bilingual) == both[: 1 if korean else 0] + both[2 if korean else 1 :]
    place = "replaced/ko" if korean else "replaced"
    assert (bilingual / "notebooks" / place / f"{START}-1.ipynb").is_file()
    if korean:
        assert "시작" in (bilingual / KOREAN).read_text(encoding="utf-8")


def test_both_editions_at_once(bilingual):
    reset(bilingual, "00", KOREAN, "--exercise", "scalar_step")
    assert answered(bilingual) == []


def test_an_edition_without_the_chapter_says_which_it_has(bilingual):
    assert "chapter: got '01', wanted one of 00." in reset(bilingual, "01", "--language", "ko", code=1)
