"""The progress table: states from saved notebooks, broken notebooks, both commands."""

import importlib.util
import json
from dataclasses import asdict

import nbformat
import pytest
from typer.testing import CliRunner

from helpers.checks import exercises
from helpers.checks.box import MIME, Box
from helpers.checks.judge import judge
from helpers.checks.sources import fingerprint
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED
from helpers.progress import CHANGED, NOT_RUN, UNREADABLE, Row, progress, show_progress, summary
from tools.progress import app

SOLVED = "def double(x):\n    return 2 * x"


@pytest.fixture(autouse=True)
def _not_building(monkeypatch):
    monkeypatch.delenv("UNROLLED_BUILD", raising=False)


def exercise_cell(source, name="double", minutes=10, difficulty=2):
    mark = {"exercise": name, "minutes": minutes, "difficulty": difficulty, "number": "1.1"}
    return nbformat.v4.new_code_cell(source, metadata={"unrolled": mark})


def check_cell(data=None, name="double"):
    outputs = [nbformat.v4.new_output("stream", name="stdout", text="something else\n")]
    if data is not None:
        outputs.append(nbformat.v4.new_output("display_data", {"text/plain": "a box", MIME: data}))
    source = f"{name} = check('{name}', {name})"
    return nbformat.v4.new_code_cell(source, metadata={"unrolled": {"check": name}}, outputs=outputs)


def verdict(state, source=SOLVED, name="double"):
    return {"exercise": name, "state": state, "fingerprint": fingerprint(source, name)}


def write(folder, *cells, name="01_first"):
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), folder / f"{name}.ipynb")


def state(folder):
    [row] = progress(folder)
    return row.state


@pytest.mark.parametrize("shown", [PASSED, FAILED, NOT_ATTEMPTED])
def test_state_of_the_last_check(tmp_path, shown):
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(shown)))
    assert progress(tmp_path) == [Row("01_first", "double", 2, 10, shown)]


def test_a_check_without_output_was_not_run(tmp_path):
    write(tmp_path, exercise_cell(SOLVED), check_cell())
    assert state(tmp_path) == NOT_RUN


def test_an_exercise_without_its_check_stays_in_the_table_and_the_other_way_round(tmp_path):
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(PASSED, name="other"), name="other"))
    assert {row.exercise: row.state for row in progress(tmp_path)} == {"double": NOT_RUN, "other": PASSED}


@pytest.mark.parametrize("shown", [PASSED, FAILED, NOT_ATTEMPTED])
@pytest.mark.parametrize("now", ["def double(x):\n    return x + x", "def double(x):\n    return (", ""])
def test_an_edit_after_the_check_shows(tmp_path, shown, now):
    write(tmp_path, exercise_cell(now), check_cell(verdict(shown)))
    assert state(tmp_path) == CHANGED


@pytest.mark.parametrize("now", [
    "# a comment\ndef double(x):\n\n    return 2*x   # twice",
    "%timeit 1\n!ls\n" + SOLVED,
    "%%time\n" + SOLVED,
    "import numpy as np\n" + SOLVED + "\ndouble(3)",
])
def test_layout_comments_and_magics_are_no_edit(tmp_path, now):
    write(tmp_path, exercise_cell(now), check_cell(verdict(PASSED)))
    assert state(tmp_path) == PASSED


def test_a_copied_cell_does_not_hide_the_checked_one(tmp_path):
    write(tmp_path, exercise_cell(SOLVED), exercise_cell("# notes"), check_cell(verdict(PASSED)))
    assert state(tmp_path) == PASSED


def test_a_function_without_source_keeps_its_state(tmp_path):
    data = verdict(PASSED) | {"fingerprint": ""}
    write(tmp_path, exercise_cell(SOLVED), check_cell(data))
    assert state(tmp_path) == PASSED


@pytest.mark.parametrize("data", [verdict(PASSED, name="other"), "text", {"exercise": "double", "state": 3}])
def test_foreign_outputs_do_not_count(tmp_path, data):
    write(tmp_path, exercise_cell(SOLVED), check_cell(data))
    assert state(tmp_path) == NOT_RUN


def test_what_the_check_really_leaves(tmp_path):
    """From a registered exercise through judge and box into a notebook and back."""
    exercise = exercises()[0]
    stub = f"def {exercise.name}(*args):\n    # YOUR CODE HERE\n    raise NotImplementedError\n"
    (tmp_path / "cell.py").write_text(stub, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("cell", tmp_path / "cell.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    data = Box(judge(exercise, getattr(module, exercise.name)))._repr_mimebundle_()[MIME]
    edited = stub.replace("raise NotImplementedError", "return 1")
    for source, wanted in [(stub, NOT_ATTEMPTED), (edited, CHANGED)]:
        write(tmp_path, exercise_cell(source, exercise.name), check_cell(data, exercise.name))
        assert state(tmp_path) == wanted


@pytest.mark.parametrize("text", [
    "", "{", "[]", "{}", '{"nbformat": 4}', "<<<<<<< ours\n{}",
    '{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
    '{"cells": [{}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
])
def test_a_broken_notebook_is_a_row_that_says_so(tmp_path, text):
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(PASSED)), name="02_second")
    (tmp_path / "01_first.ipynb").write_text(text, encoding="utf-8")
    broken, fine = progress(tmp_path)
    assert (broken.chapter, broken.exercise, broken.state) == ("01_first", "", UNREADABLE)
    assert broken.detail
    assert fine.state == PASSED
    shown = show_progress(tmp_path)
    assert UNREADABLE in repr(shown) and UNREADABLE in shown._repr_html_()
    assert CliRunner().invoke(app, [str(tmp_path)]).exit_code == 0


@pytest.mark.parametrize("mark", [3, {"exercise": "double", "minutes": "ten", "difficulty": None}])
def test_damaged_metadata_does_not_crash(tmp_path, mark):
    write(tmp_path, nbformat.v4.new_code_cell(SOLVED, metadata={"unrolled": mark}))
    assert all(row.minutes == 0 for row in progress(tmp_path))
    repr(show_progress(tmp_path))


def test_reading_changes_nothing(tmp_path):
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(PASSED)))
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    show_progress(tmp_path)._repr_html_()
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


def test_totals():
    rows = [Row("c", name, 1, minutes, state) for name, minutes, state in
            [("a", 5, PASSED), ("b", 10, FAILED), ("c", 15, CHANGED), ("d", 20, NOT_RUN)]]
    assert summary(rows) == "1 of 4 passed, about 45 minutes left"
    assert summary(rows[:1]) == "1 of 1 passed"


def test_the_table_links_chapters_escapes_names_and_says_where_it_reads(tmp_path):
    write(tmp_path, exercise_cell(SOLVED, name="<b>"), name="01_first")
    shown = show_progress(tmp_path)
    html = shown._repr_html_()
    assert "<a href='01_first.ipynb'>" in html and "&lt;b&gt;" in html and "<b>" not in html
    assert "save" in html and "save" in repr(shown)
    assert "0 of 1 passed, about 10 minutes left" in repr(shown)


def test_while_building_the_table_depends_on_no_notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_BUILD", "1")
    empty = show_progress(tmp_path)
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(PASSED)))
    assert repr(show_progress(tmp_path)) == repr(empty)
    assert "example" in repr(empty)
    assert {row.state for row in empty.rows} == {PASSED, FAILED, NOT_ATTEMPTED, NOT_RUN, CHANGED}


def test_no_folder():
    with pytest.raises(ValueError, match="folder: got"):
        progress("nowhere/at/all")


def test_command(tmp_path):
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(PASSED)))
    run = CliRunner().invoke(app, [str(tmp_path)])
    assert run.exit_code == 0
    assert "double" in run.output and "1 of 1 passed" in run.output and "save" in run.output
    [row] = json.loads(CliRunner().invoke(app, [str(tmp_path), "--json"]).output)
    assert row == asdict(Row("01_first", "double", 2, 10, PASSED))
    assert CliRunner().invoke(app, [str(tmp_path / "nowhere")]).exit_code == 2
