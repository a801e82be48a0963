"""Submissions as they come back: repaired from the release, before nbgrader looks for its cells."""

import copy
import json
import logging
from pathlib import Path

import nbformat
import pytest

from helpers import notebooks

grading = pytest.importorskip("tools.grading")

NAME = "00_start_here.ipynb"
ROOT = Path(__file__).resolve().parents[2]
RELEASE = notebooks.read(ROOT / "notebooks" / NAME)
RESOURCES = {"nbgrader": {"student": "kim", "assignment": "a0", "notebook": "00_start_here"}}
ANSWER = "def scalar_step(w_x, w_h, b, x, h_prev):\n    return mine(w_x * x + w_h * h_prev + b)"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """nbgrader's folder, with the release; it works in there."""
    (tmp_path / "release" / "a0").mkdir(parents=True)
    text = notebooks.dumps(nbformat.from_dict(reset(RELEASE)))
    (tmp_path / "release" / "a0" / NAME).write_text(text, encoding="utf-8")
    (tmp_path / "submitted").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reset(notebook):
    """As the build writes it: `read` gives every cell outputs."""
    cells = copy.deepcopy(notebook["cells"])
    for cell in cells:
        if cell["cell_type"] != "code":
            del cell["outputs"]
    return notebook | {"cells": cells}


def solved(release=RELEASE):
    notebook = reset(release)
    place = index(notebook, "scalar_step")
    notebook["cells"][place]["source"] = ANSWER
    own = nbformat.v4.new_code_cell("def mine(z):\n    return np.tanh(z)", id="mine")
    notebook["cells"].insert(place, own)
    return notebook


def index(notebook, grade_id):
    ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]
    return ids.index(grade_id)


def restored(notebook, caplog):
    with caplog.at_level(logging.WARNING):
        result, _ = grading.RestoreCells().preprocess(nbformat.from_dict(notebook), RESOURCES)
    nbformat.validate(result)
    return result


def strip(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {}


def copy_check(notebook):
    place = index(notebook, "scalar_step_check")
    notebook["cells"].insert(place, copy.deepcopy(notebook["cells"][place]) | {"id": "copied"})


def drop_check(notebook):
    del notebook["cells"][index(notebook, "scalar_step_check")]


def move_check(notebook):
    place = index(notebook, "scalar_step_check")
    notebook["cells"].insert(0, notebook["cells"].pop(place))


def more_points(notebook):
    notebook["cells"][index(notebook, "scalar_step_check")]["metadata"]["nbgrader"]["points"] = 100


def empty(notebook):
    for cell in notebook["cells"]:
        cell["metadata"]["nbgrader"] = {}


@pytest.mark.parametrize("damage", [strip, copy_check, drop_check, move_check, more_points, empty])
def test_a_damaged_submission_is_the_release_with_its_answers_again(course, caplog, damage):
    notebook = solved()
    damage(notebook)
    result = restored(notebook, caplog)
    assert not grading.differences(notebooks.whole(result), RELEASE)
    order = [cell.source for cell in result.cells]
    assert order.index(ANSWER) > order.index("def mine(z):\n    return np.tanh(z)")
    assert "kim/a0/00_start_here.ipynb" in caplog.text and "Answers found: scalar_step" in caplog.text


def test_a_whole_submission_stays_as_it_is(course, caplog):
    notebook = nbformat.from_dict(solved())
    result = restored(copy.deepcopy(notebook), caplog)
    assert result == notebook and not caplog.text


def test_a_korean_submission_is_one_to_nbgrader_and_is_mended(course, caplog):
    notebook = solved(notebooks.read(ROOT / "notebooks" / "ko" / NAME))
    whole = nbformat.from_dict(notebook)
    assert restored(copy.deepcopy(whole), caplog) == whole and not caplog.text
    strip(notebook)
    result = restored(notebook, caplog)
    assert not grading.differences(notebooks.whole(result), RELEASE)
    assert ANSWER in [cell.source for cell in result.cells] and "scalar_step" in caplog.text


def test_without_a_release_it_is_graded_as_it_is_and_that_is_said(course, caplog):
    (course / "release" / "a0" / NAME).unlink()
    notebook = nbformat.from_dict(solved())
    strip(notebook)
    assert restored(copy.deepcopy(notebook), caplog) == notebook
    assert "no release" in caplog.text


def other_version(notebook):
    notebook["cells"][index(notebook, "scalar_step")]["metadata"]["nbgrader"]["schema_version"] = 99


@pytest.mark.parametrize("damage", [copy_check, other_version, empty])
def test_without_a_release_what_would_stop_all_submissions_stops_itself(course, damage):
    (course / "release" / "a0" / NAME).unlink()
    notebook = solved()
    damage(notebook)
    with pytest.raises(ValueError, match=r"kim/a0/.*\.ipynb: damaged, and there is no release"):
        grading.RestoreCells().preprocess(nbformat.from_dict(notebook), RESOURCES)


def test_a_renamed_notebook_and_another_encoding(course):
    folder = course / "submitted" / "kim" / "a0"
    folder.mkdir(parents=True)
    path = folder / "Copy of 00_start_here (1).ipynb"
    path.write_bytes(json.dumps(solved()).encode("utf-16"))
    handed_in, submitted = path.read_bytes(), [str(path)]
    grading.prepare("a0", "kim", submitted)
    assert submitted == [str(folder / NAME)]
    nbformat.validate(nbformat.read(folder / NAME, as_version=4))
    assert ANSWER in [cell["source"] for cell in notebooks.read(folder / NAME)["cells"]]
    assert path.with_name(path.name + ".submitted").read_bytes() == handed_in


@pytest.mark.parametrize("first", [reset(RELEASE), {}], ids=["without answers", "broken"])
def test_of_two_downloads_the_one_with_answers_is_graded(course, caplog, first):
    folder = course / "submitted" / "kim" / "a0"
    folder.mkdir(parents=True)
    paths = [folder / NAME, folder / "00_start_here (1).ipynb"]
    for answered in (False, True):
        for path, notebook in zip(paths, (solved() if answered else first, solved()), strict=True):
            path.write_text(json.dumps(notebook), encoding="utf-8")
        handed_in, submitted = paths[0].read_bytes(), [str(path) for path in paths]
        grading.prepare("a0", "kim", submitted)
        assert ANSWER in [cell["source"] for cell in notebooks.read(folder / NAME)["cells"]]
        if answered:
            assert submitted == [str(path) for path in paths] and paths[0].read_bytes() == handed_in
        else:
            assert submitted == [str(paths[0])] and "graded as" in caplog.text
            assert (folder / f"{NAME}.submitted").read_bytes() == handed_in


@pytest.mark.parametrize("text", ["", "{", "<html>"])
def test_a_file_that_is_no_notebook_is_named_and_left(course, caplog, text):
    folder = course / "submitted" / "kim" / "a0"
    folder.mkdir(parents=True)
    (folder / NAME).write_text(text, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        grading.prepare("a0", "kim", [str(folder / NAME)])
    assert str(folder / NAME) in caplog.text
    assert (folder / NAME).read_text(encoding="utf-8") == text


def test_the_configuration_names_what_exists():
    import importlib

    text = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    for line in ("tools.grading.prepare", "tools.grading.RestoreCells"):
        assert line in text
        module, _, name = line.rpartition(".")
        assert hasattr(importlib.import_module(module), name)
