"""The progress table: states from saved notebooks, broken notebooks, both commands."""

import copy
import html
import importlib.util
import json
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from helpers import languages, markup, notebooks
from helpers.checks import exercises
from helpers.checks.box import MIME, Box
from helpers.checks.judge import judge
from helpers.checks.sources import fingerprint
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED
from helpers.progress import (
    CHANGED,
    MISSING,
    NOT_RUN,
    UNREADABLE,
    UNSURE,
    Row,
    progress,
    show_progress,
    summary,
)
from tools.progress import app

ROOT = Path(__file__).resolve().parents[2]
SOLVED = "def double(x):\n    return 2 * x"


@pytest.fixture(autouse=True)
def _not_building(monkeypatch):
    monkeypatch.delenv("UNROLLED_BUILD", raising=False)


def exercise_cell(source, name="double", minutes=10, difficulty=2):
    mark = {"exercise": name, "minutes": minutes, "difficulty": difficulty, "number": "1.1"}
    return nbformat.v4.new_code_cell(source, metadata={"unrolled": mark})


def check_cell(data=None, name="double", text="a box"):
    outputs = [nbformat.v4.new_output("stream", name="stdout", text="something else\n")]
    if data is not None:
        outputs.append(display(data, text))
    source = f"{name} = check('{name}', {name})"
    return nbformat.v4.new_code_cell(source, metadata={"unrolled": {"check": name}}, outputs=outputs)


def code_cell(source, outputs=()):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def display(data, text="a box"):
    return nbformat.v4.new_output("display_data", {"text/plain": text, MIME: data})


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
    assert {row.exercise: row.state for row in progress(tmp_path)} == {"double": NOT_RUN, "other": UNSURE}


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


LAMBDA = "double = lambda x: 2 * x"
EDITED = "def double(x):\n    return 3 * x"
ANSWER, OTHER, CHECK = exercise_cell(SOLVED), code_cell(EDITED), check_cell(verdict(PASSED))
CELLS = {
    "an old verdict copied along with changed code": ([ANSWER, CHECK, exercise_cell(EDITED), CHECK], CHANGED),
    "a trial below the check": ([ANSWER, CHECK, OTHER], PASSED),
    "a trial between answer and check": ([ANSWER, OTHER, CHECK], CHANGED),
    "the check above the answer": ([CHECK, ANSWER], PASSED),
    "checked again in a second check": ([ANSWER, check_cell(verdict(FAILED)), CHECK], PASSED),
    "a second check that has not run": ([ANSWER, CHECK, check_cell()], PASSED),
    "answer and check in one cell": (
        [code_cell(SOLVED + "\ndouble = check('double', double)", [display(verdict(PASSED))])], PASSED),
    "split, the mark on both parts": ([exercise_cell("import numpy as np"), ANSWER, CHECK], PASSED),
    "a shell line among the code": ([exercise_cell("files = !ls\n" + SOLVED + "\nfiles"), CHECK], PASSED),
    "the answer put into a comment": ([exercise_cell("# def double(x):\n#     return x"), CHECK], CHANGED),
    "the answer made text": ([nbformat.v4.new_raw_cell(SOLVED), CHECK], CHANGED),
    "the answer's own cell made text": (
        [nbformat.v4.new_markdown_cell(SOLVED, metadata=ANSWER.metadata), CHECK], CHANGED),
    "two versions with git's marks": (
        [exercise_cell(f"<<<<<<< local\n{SOLVED}\n=======\n{EDITED}\n>>>>>>> remote"), CHECK], CHANGED),
    "a lambda": ([exercise_cell(LAMBDA), check_cell(verdict(PASSED, LAMBDA))], PASSED),
    "a lambda that was edited": (
        [exercise_cell(LAMBDA.replace("2", "3")), check_cell(verdict(PASSED, LAMBDA))], CHANGED),
    "a lambda between answer and check": ([ANSWER, code_cell(LAMBDA), CHECK], CHANGED),
}  # fmt: skip


@pytest.mark.parametrize("stripped", [False, True], ids=["as built", "without metadata"])
@pytest.mark.parametrize("case", CELLS)
def test_cells_that_were_copied_split_merged_and_moved(tmp_path, case, stripped):
    cells, wanted = [copy.deepcopy(cell) for cell in CELLS[case][0]], CELLS[case][1]
    for number, cell in enumerate(cells):
        cell.id, cell.metadata = f"cell-{number}", {} if stripped else cell.metadata
    write(tmp_path, *cells)
    assert state(tmp_path) == wanted


def test_without_metadata_headings_say_stars_and_minutes(tmp_path):
    heading = nbformat.v4.new_markdown_cell("### Exercise 1.1 · `double` · ★★☆ · 10 min\nTwice.")
    gone = nbformat.v4.new_markdown_cell("### Exercise 1.2 · `half` · ★★★ · 20 min\nIts cells are gone.")
    write(tmp_path, heading, code_cell(SOLVED), check_cell(verdict(PASSED)), gone)
    notebook = json.loads((tmp_path / "01_first.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    (tmp_path / "01_first.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    first, second = progress(tmp_path)
    assert first == Row("01_first", "double", 2, 10, PASSED)
    assert second == Row("01_first", "half", 3, 20, MISSING)


def test_a_chapter_that_lost_an_exercise_has_a_row_for_it(tmp_path):
    """The chapter's source knows its exercises; a part of it under another name need not hold them all."""
    notebook = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
    kept = [cell for cell in notebook.cells if "quiz_shapes" not in cell.source]
    write(tmp_path, *kept, name="00_start_here")
    assert len(progress(tmp_path)) == 4
    assert [row.exercise for row in progress(tmp_path) if row.state == MISSING] == ["quiz_shapes"]
    (tmp_path / "00_start_here.ipynb").rename(tmp_path / "Copy of 00_start_here (1).ipynb")
    assert {row.state for row in progress(tmp_path)} == {NOT_RUN}
    assert "href='Copy%20of%2000_start_here%20%281%29.ipynb'" in show_progress(tmp_path)._repr_html_()


def test_a_verdict_kept_as_words_only_is_no_pass(tmp_path):
    words = nbformat.v4.new_output("display_data", {"text/plain": "✓ double: passed\n  Compared with …"})
    write(tmp_path, exercise_cell(SOLVED), code_cell("double = check('double', double)", [words]))
    assert state(tmp_path) == UNSURE
    assert "0 of 1 passed" in repr(show_progress(tmp_path))


def as_text(notebook):
    return json.dumps(notebook, ensure_ascii=False, indent=1)


def older(notebook, version):
    converted = nbformat.convert(nbformat.from_dict(notebook), version)
    return json.loads(nbformat.writes(converted, version=version))


def in_pieces(notebook):
    """Outputs and sources as lists of lines, the verdict as text, damage beside it."""
    check = notebook["cells"][-1]
    check["outputs"][-1]["data"][MIME] = json.dumps(check["outputs"][-1]["data"][MIME]).splitlines(True)
    check["outputs"] += [None, "text", {"data": None}, {"output_type": "stream", "text": ["a", "b"]}]
    notebook["cells"] += [None, {"cell_type": "code"}, {"cell_type": "code", "source": None, "metadata": 3}]
    return notebook


def same_ids(notebook):
    for cell in notebook["cells"]:
        cell["id"] = "same"
    return notebook


FILES = {
    "UTF-8 with a mark": lambda nb: as_text(nb).encode("utf-8-sig"),
    "UTF-16": lambda nb: as_text(nb).encode("utf-16"),
    "UTF-16 without a mark": lambda nb: as_text(nb).encode("utf-16-le"),
    "Windows-1252": lambda nb: as_text(nb).encode("cp1252", errors="replace"),
    "cp949": lambda nb: as_text(nb).encode("cp949", errors="replace"),
    "zeros behind the end": lambda nb: as_text(nb).encode() + b"\0" * 512,
    "CRLF": lambda nb: as_text(nb).replace("\n", "\r\n").encode(),
    "CRLF within sources": lambda nb: as_text(nb).replace("\\n", "\\r\\n").encode(),
    "format 3": lambda nb: as_text(older(nb, 3)).encode(),
    "format 4.0": lambda nb: as_text(nb | {"nbformat_minor": 0}).encode(),
    "no metadata": lambda nb: as_text({key: nb[key] for key in nb if key != "metadata"}).encode(),
    "in pieces": lambda nb: as_text(in_pieces(nb)).encode(),
    "one id for all": lambda nb: as_text(same_ids(nb)).encode(),
    "half a character": lambda nb: json.dumps(nb).replace("größer", "gr\\ud83dsser").encode(),
}


@pytest.mark.parametrize("case", FILES)
def test_other_encodings_and_formats_are_read(tmp_path, case):
    if case == "half a character":
        cells = [code_cell("# größer\n1"), ANSWER, CHECK]
    else:
        cells = [exercise_cell("# größer\n" + SOLVED), check_cell(verdict(PASSED), text="✓ double: passed")]
    notebook = json.loads(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    (tmp_path / "01_first.ipynb").write_bytes(FILES[case](notebook))
    wanted = UNSURE if case == "format 3" else PASSED   # which has no place for the verdict's data
    assert [(row.exercise, row.state) for row in progress(tmp_path)] == [("double", wanted)]
    repr(show_progress(tmp_path)).encode()
    show_progress(tmp_path)._repr_html_().encode()


def test_folders_are_read_backups_are_not(tmp_path):
    cells = exercise_cell(SOLVED), check_cell(verdict(PASSED))
    (tmp_path / "._01_first.ipynb").write_bytes(b"\0\5\x16\7")   # of a Mac, on other systems' disks
    for folder in ("week 1", ".ipynb_checkpoints", "replaced"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, *cells)
    write(tmp_path, exercise_cell(SOLVED), check_cell())
    states = {row.chapter: row.state for row in progress(tmp_path)}
    assert states == {"01_first": NOT_RUN, "week 1/01_first": PASSED}


def test_what_passed_in_a_replaced_notebook_is_said(tmp_path):
    (tmp_path / "replaced").mkdir()
    write(tmp_path / "replaced", exercise_cell(SOLVED), check_cell(verdict(PASSED)), name="01_first-1")
    write(tmp_path, exercise_cell(EDITED), check_cell())
    said = "Passed in a notebook that has been replaced: double (replaced/01_first-1)"
    assert said in repr(show_progress(tmp_path)) and said in show_progress(tmp_path)._repr_html_()
    assert said in " ".join(CliRunner().invoke(app, [str(tmp_path)]).output.split())
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(PASSED)))
    assert "replaced" not in repr(show_progress(tmp_path))


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


@pytest.mark.parametrize("text, said", [
    ("", "empty"), ("\0\0\0\0", "empty"), ("[]", "nbformat"), ("{}", "nbformat"), ("[" * 100_000, "deep"),
    ('{"nbformat": 4, "cells": []}\n}', "more text"),
    ("{", "cut off"), ('{"cells": [{"cell_type": "code", "sour', "cut off"), ('{"cells": [', "cut off"),
    ("<<<<<<< ours\n{}", "conflict"), ('{\n<<<<<<< HEAD\n"cells": [],\n=======', "conflict"),
    ("<!DOCTYPE html><html>", "web page"), ("version https://git-lfs.github.com/spec/v1", "LFS"),
    ('{"nbformat": 4}', "cells"), ('{"nbformat": 3, "worksheets": 4}', "converted"),
    ('{"nbformat": "x"}', "converted"),
    ('{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "cells"),
    ('{"cells": [{}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "type"),
])
def test_a_broken_notebook_is_a_row_that_says_so(tmp_path, text, said):
    write(tmp_path, exercise_cell(SOLVED), check_cell(verdict(PASSED)), name="02_second")
    (tmp_path / "01_first.ipynb").write_text(text, encoding="utf-8")
    broken, fine = progress(tmp_path)
    assert (broken.chapter, broken.exercise, broken.state) == ("01_first", "", UNREADABLE)
    assert said in broken.detail
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
    page = shown._repr_html_()
    assert "<a href='01_first.ipynb'>" in page and "&lt;b&gt;" in page and "<b>" not in page
    assert "save" in page and "save" in repr(shown)
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


def results(folder, *found):
    """As `make check` leaves them beside the folder of notebooks."""
    place = folder.parent / "build" / "check" / "results.json"
    place.parent.mkdir(parents=True)
    exercises = [{"exercise": name, "fingerprint": mark, "state": state} for name, mark, state in found]
    place.write_text(json.dumps({"submissions": [{"exercises": exercises}]}), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


def test_what_only_the_notebook_says_is_called_its_own_word(folder):
    write(folder, exercise_cell(SOLVED), check_cell(verdict(FAILED)))
    assert "own word" not in repr(show_progress(folder))
    write(folder, exercise_cell(SOLVED), check_cell(verdict(PASSED)))
    for text in (repr(show_progress(folder)), show_progress(folder)._repr_html_()):
        assert "notebook's own word: " in html.unescape(text) and "check" in text
    other = exercise_cell(SOLVED.replace("double", "other"), "other")
    write(folder, exercise_cell(SOLVED), check_cell(verdict(PASSED)), other, name="01_first")
    results(folder, ("other", fingerprint(SOLVED.replace("double", "other"), "other"), FAILED))
    assert "own word where it does not say “checked anew”" in repr(show_progress(folder))


@pytest.mark.parametrize("found, said, colour", [
    (PASSED, "passed, checked anew", markup.GOOD), (FAILED, "passed, but failed anew", markup.BAD),
    ("not graded", "passed, but not graded anew", markup.UNSURE),
])
def test_what_make_check_found_of_this_very_answer_stands_beside_it(folder, found, said, colour):
    write(folder, exercise_cell(SOLVED), check_cell(verdict(PASSED)))
    results(folder, ("double", fingerprint(SOLVED, "double"), found), ("other", "", PASSED))
    shown = show_progress(folder)
    assert said in repr(shown) and markup.badge(f"✓ {said}", colour) in shown._repr_html_()
    assert said in " ".join(CliRunner().invoke(app, [str(folder)], terminal_width=100).output.split())
    assert "own word" not in repr(shown)
    write(folder, exercise_cell(EDITED), check_cell(verdict(PASSED, EDITED)))
    assert "anew" not in repr(show_progress(folder)).partition("own word")[0]


@pytest.mark.parametrize("text", ["", "[]", '{"submissions": 3}', "[" * 100_000, '{"submissions": [{}]}'])
def test_a_damaged_result_of_make_check_is_none(folder, text):
    write(folder, exercise_cell(SOLVED), check_cell(verdict(PASSED)))
    results(folder)
    (folder.parent / "build" / "check" / "results.json").write_text(text, encoding="utf-8")
    [row] = progress(folder)
    assert (row.state, row.checked) == (PASSED, "")


# --- editions


@pytest.fixture
def both(folder):
    (folder / "ko").mkdir()
    return folder


def speak(monkeypatch, language):
    monkeypatch.setattr(languages, "_chosen", [language])


def solved(state, name="double"):
    return exercise_cell(SOLVED.replace("double", name), name), check_cell(
        verdict(state, SOLVED.replace("double", name), name) if state else None, name
    )


@pytest.mark.parametrize(("english", "korean", "shown", "where"), [
    ("", "", NOT_RUN, ""), (PASSED, "", PASSED, ""), ("", PASSED, PASSED, "ko/01_first"),
    (FAILED, PASSED, PASSED, "ko/01_first"), (PASSED, FAILED, PASSED, ""), (FAILED, FAILED, FAILED, ""),
    (NOT_ATTEMPTED, FAILED, FAILED, "ko/01_first"), (PASSED, PASSED, PASSED, ""),
])  # fmt: skip
def test_an_exercise_counts_where_it_is_solved(both, monkeypatch, english, korean, shown, where):
    write(both, *solved(english))
    write(both / "ko", *solved(korean))
    speak(monkeypatch, "en")
    assert progress(both) == [Row("01_first", "double", 2, 10, shown, notebook=where)]
    said = f"{shown}, in {where}" if where else shown
    assert repr(show_progress(both)).splitlines()[1].endswith(f"  {said}")
    assert said in " ".join(CliRunner().invoke(app, [str(both)], terminal_width=100).output.split())
    speak(monkeypatch, "ko")
    [row] = progress(both)
    assert (row.chapter, row.state) == ("ko/01_first", shown)
    best_is_english = english and (not korean or korean != shown)
    assert row.notebook == ("01_first" if best_is_english else "")


def test_editions_are_counted_once_and_what_is_only_in_one_is_there(both, monkeypatch):
    speak(monkeypatch, "en")
    write(both, *solved(PASSED), *solved("", "half"))
    write(both / "ko", *solved(""), *solved(PASSED, "half"))
    write(both / "ko", *solved("", "third"), name="02_second")
    rows = progress(both)
    assert [(row.chapter, row.exercise, row.state) for row in rows] == [
        ("01_first", "double", PASSED), ("01_first", "half", PASSED), ("ko/02_second", "third", NOT_RUN),
    ]  # fmt: skip
    assert summary(rows[:2]) == "2 of 2 passed"


def test_a_broken_notebook_of_one_edition_hides_nothing_of_the_other(both, monkeypatch):
    speak(monkeypatch, "en")
    write(both, *solved(PASSED))
    (both / "ko" / "01_first.ipynb").write_text("{", encoding="utf-8")
    assert [(row.chapter, row.state) for row in progress(both)] == [
        ("01_first", PASSED), ("ko/01_first", UNREADABLE),
    ]  # fmt: skip


def test_an_answer_that_make_check_refutes_does_not_count_before_one_that_passed(both, monkeypatch):
    speak(monkeypatch, "en")
    write(both, exercise_cell(EDITED), check_cell(verdict(PASSED, EDITED)))
    write(both / "ko", *solved(PASSED))
    results(both, ("double", fingerprint(EDITED, "double"), FAILED))
    [row] = progress(both)
    assert (row.state, row.notebook) == (PASSED, "ko/01_first")


@pytest.mark.parametrize(("place", "language", "link"), [
    ("", "en", "01_first.ipynb"), ("ko", "ko", "01_first.ipynb"), ("ko", "en", "../01_first.ipynb"),
    ("", "ko", "ko/01_first.ipynb"),
])  # fmt: skip
def test_links_lead_from_where_the_table_is_shown(both, monkeypatch, place, language, link):
    write(both, *solved(PASSED))
    write(both / "ko", *solved(""))
    speak(monkeypatch, language)
    monkeypatch.chdir(both / place)
    assert f"<a href='{link}'>" in show_progress(both)._repr_html_()


@pytest.mark.parametrize("heading", [
    "### Exercise 1.1 · `double` · ★★☆ · 10 min", "### 연습 문제 1.1 · `double` · ★★☆ · 10분",
])  # fmt: skip
def test_headings_of_either_edition_say_stars_and_minutes(tmp_path, heading):
    cells = [nbformat.v4.new_markdown_cell(f"{heading}\nTwice."), code_cell(SOLVED)]
    write(tmp_path, *cells, code_cell("double = check('double', double)"))
    [row] = progress(tmp_path)
    assert (row.difficulty, row.minutes) == (2, 10)


@pytest.mark.parametrize("opening", [
    "# 1 · RNN\n\n**How?**\n\n**Time:** about 45 minutes", "# 1 · RNN\n\n**How?**\n\n**시간:** 약 45분",
])  # fmt: skip
def test_a_chapter_s_beginning_is_read_in_either_edition(opening):
    patterns = notebooks.TITLE, notebooks.QUESTION, notebooks.MINUTES
    assert [pattern.search(opening)[1] for pattern in patterns] == ["1 · RNN", "How?", "45"]
