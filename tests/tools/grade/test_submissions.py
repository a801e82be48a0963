"""Submissions as they come: whose a file is, of which chapter, and of several answers which counts."""

import io
import os
import stat
import zipfile

import pytest

from tests.tools.grade.handed import notebook
from tools.grade import reading
from tools.grade.reading import files as reading_files
from tools.grade.reading.layout import is_ignored, learners
from tools.grade.reading.submissions import MOST_FILES

STEP = "def rnn_step(x, h_prev, Wx, Wh, b):\n    return {}"
FIRST = notebook(STEP.format("x"), 'rnn_step = check("rnn_step", rnn_step)')
NAME = "01_rnn_recap.ipynb"


def write(path, text=FIRST):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def packed(entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def found(*paths):
    return {each.learner: [file.path for file in each.files] for each in reading.submissions(paths)}


@pytest.mark.parametrize(("root", "paths", "wanted"), [
    ("class", ["kim/01_rnn_recap.ipynb", "lee/week 1/deep/01_rnn_recap.ipynb"], ["kim", "lee"]),
    ("class", ["submitted/kim/ps1/01.ipynb", "submitted/lee/ps1/01.ipynb", "source/ps1/01.ipynb"],
     ["kim", "lee", None]),
    ("submitted", ["kim/ps1/01.ipynb", "lee/ps1/01.ipynb"], ["kim", "lee"]),
    ("class", ["kim_01_rnn_recap.ipynb", "01_rnn_recap_lee.ipynb", "01_rnn_recap-min.ipynb"],
     ["kim", "lee", "min"]),
    ("class", ["team_1.ipynb", "team_2.ipynb"], ["team_1", "team_2"]),
    ("class", ["kimmina_123_5001_01_rnn_recap.ipynb", "kimmina_LATE_123_5002_04_lstm_gru-1.ipynb"],
     ["kimmina_123", "kimmina_123"]),
    ("class", ["Kim Min_123_assignsubmission_file_/a.ipynb", "Kim Min_77_assignsubmission_file_/a.ipynb"],
     ["Kim Min_123", "Kim Min_77"]),
    ("class", ["Kim Min_123_assignsubmission_file_01_rnn_recap.ipynb"], ["Kim Min_123"]),
    ("class", ["hw-kim/notebooks/01_rnn_recap.ipynb", "hw-kim/notebooks/02_bptt_toy_example.ipynb",
               "hw-lee/notebooks/01_rnn_recap.ipynb"], ["kim", "kim", "lee"]),
    ("class", ["hw-kim-a/notebooks/01.ipynb", "hw-kim-b/notebooks/01.ipynb"], ["a", "b"]),
    ("class", ["01_rnn_recap/kim/a.ipynb", "04_lstm_gru/kim/a.ipynb"], ["kim", "kim"]),
    ("down", ["class/kim/01.ipynb", "class/lee/01.ipynb"], ["kim", "lee"]),
    ("kim", ["week 1/01.ipynb", "week 2/02.ipynb"], ["week 1", "week 2"]),
    ("notebooks", ["01_rnn_recap.ipynb", "01_rnn_recap (1).ipynb", "own/try.ipynb"], ["me", "me", "me"]),
    ("fork", ["notebooks/01_rnn_recap.ipynb", "notebooks/04_lstm_gru.ipynb"], ["fork", "fork"]),
    ("kim", ["01_rnn_recap.ipynb", "01_rnn_recap-Copy1.ipynb", "04 (1).ipynb"], ["kim", "kim", "kim"]),
    ("kim", ["01_rnn_recap.ipynb", "ko/01_rnn_recap.ipynb", "ko/04 (1).ipynb"], ["kim", "kim", "kim"]),
    ("class", ["kim/01_rnn_recap.ipynb", "kim/ko/01_rnn_recap.ipynb", "ko/01_rnn_recap.ipynb"],
     ["kim", "kim", "ko"]),   # a name, too
    ("class", ["kim_01_rnn_recap.ipynb", "ko/01_rnn_recap.ipynb"], ["kim", "ko"]),
    ("class", ["hw-kim/notebooks/ko/01_rnn_recap.ipynb", "hw-lee/notebooks/01_rnn_recap.ipynb"],
     ["kim", "lee"]),
])  # fmt: skip
def test_whose_a_file_is(root, paths, wanted):
    assert learners([tuple(path.split("/")) for path in paths], root) == wanted


@pytest.mark.parametrize("path", [
    ".ipynb_checkpoints/01.ipynb", "kim/.hidden/01.ipynb", "kim/._01.ipynb", "__MACOSX/kim/01.ipynb",
    "notebooks/replaced/01.ipynb", "kim/solutions/01_rnn_recap.ipynb",
])  # fmt: skip
def test_what_is_nobodys_work_is_left_out(path):
    assert is_ignored(tuple(path.split("/")))


def test_class_in_folders_with_what_a_file_is(tmp_path):
    write(tmp_path / "class/kim" / NAME)
    write(tmp_path / "class/lee/renamed.ipynb")
    write(tmp_path / "class/lee/scratch.ipynb", notebook("1 + 1"))
    write(tmp_path / "class/lee/notes.pdf", b"%PDF")
    kim, lee = reading.submissions([tmp_path / "class"])
    assert (kim.learner, lee.learner) == ("kim", "lee")
    chapters = {each.path: each.chapter for each in lee.files}
    assert chapters == {"renamed.ipynb": "01", "scratch.ipynb": ""}
    assert len(kim.files[0].sha256) == 64 and kim.files[0].changed[:2] == "20"
    assert kim.problems == lee.problems == ()
    names = [each.exercise for each in reading.answers(lee)]
    assert names == list(reading.exercise_names("01"))


def test_chapter_is_known_by_what_a_notebook_checks_not_by_its_name(tmp_path):
    given = "def rnn_forward(x, h0, Wx, Wh, b):\n    return x\n\ndef rnn_step(*a):\n    return a"
    own = "def scalar_forward(x, h0, w_xh, w_hh, b):\n    return x"
    write(tmp_path / "kim" / NAME, notebook(given, own, 'check("scalar_forward", scalar_forward)'))
    (kim,) = reading.submissions([tmp_path])
    assert kim.chapters == ("02",)


def test_notebook_with_several_chapters_counts_for_each(tmp_path):
    quiz = "def quiz_forget_gate():\n    return 'b'\ncheck('quiz_forget_gate', quiz_forget_gate)"
    write(tmp_path / "kim/all.ipynb", notebook(STEP.format("x"), 'check("rnn_step", rnn_step)', quiz))
    (kim,) = reading.submissions([tmp_path])
    assert kim.chapters == ("01", "04")
    tried = {each.exercise for each in reading.answers(kim) if each.attempted}
    assert tried == {"rnn_step", "quiz_forget_gate"}


def test_newest_file_with_an_answer_counts(tmp_path):
    stub = "def rnn_step(x, h_prev, Wx, Wh, b):\n    # YOUR CODE HERE\n    raise NotImplementedError"
    quiz = "def quiz_state():\n    return '{}'"
    old = write(tmp_path / "kim" / NAME, notebook(STEP.format("1"), quiz.format("a")))
    new = write(tmp_path / "kim/01_rnn_recap (1).ipynb", notebook(stub, quiz.format("b")))
    os.utime(old, (1e9, 1e9))
    os.utime(new, (2e9, 2e9))
    (kim,) = reading.submissions([tmp_path])
    found = {each.exercise: each for each in reading.answers(kim)}
    assert found["rnn_step"].notebook == NAME and not found["rnn_step"].review
    assert found["quiz_state"].notebook == "01_rnn_recap (1).ipynb"
    assert "the newest" in found["quiz_state"].review[0] and NAME in found["quiz_state"].review[0]


def test_same_name_below_several_paths_stays_apart(tmp_path):
    for section in ("a", "b"):
        write(tmp_path / section / "kim" / NAME)
    assert list(found(tmp_path / "a", tmp_path / "b")) == ["kim (a)", "kim (b)"]
    write(tmp_path / "deep/a/kim" / NAME)
    names = list(found(tmp_path / "a", tmp_path / "deep/a"))
    assert len(set(names)) == 2


def test_an_archive_with_the_folder_of_an_edition_is_one_learners(tmp_path):
    assert found(write(tmp_path / "kim.zip", packed({f"ko/{NAME}": FIRST}))) == {"kim": [NAME]}
    both = packed({NAME: FIRST, f"ko/{NAME}": FIRST})
    assert found(write(tmp_path / "lee.zip", both)) == {"lee": [NAME, f"ko/{NAME}"]}


def test_one_file_is_mine(tmp_path):
    assert found(write(tmp_path / NAME)) == {"me": [NAME]}


@pytest.mark.parametrize(("content", "words"), [
    (b"", "empty"),
    (b"{", "cut off"),
    (b"<html>", "web page"),
    (b"<<<<<<< HEAD\n{}", "conflict marks"),
    (b"[" * 200_000, "nested too deeply"),
    (b'{"nbformat": 4}', "no list of cells"),
    (b'{"nbformat": 3, "worksheets": 7}', "cannot be converted"),
    (b"\xff\xfe\x00", "notebook"),
    (notebook(*["1"] * 5001).encode(), "cells"),
])  # fmt: skip
def test_unreadable_file_is_said_and_stops_nothing(tmp_path, content, words):
    write(tmp_path / "kim" / NAME, content)
    write(tmp_path / "lee" / NAME)
    kim, lee = reading.submissions([tmp_path])
    assert words in kim.files[0].problem
    assert kim.files[0].chapter == "" and not kim.problems   # said once
    assert reading.answers(kim) == []
    assert lee.chapters == ("01",)


def test_links_pipes_and_large_files_are_said(tmp_path, monkeypatch):
    secret = write(tmp_path / "elsewhere" / NAME)
    kim = write(tmp_path / "class/kim/large.ipynb", b"{" + b" " * 2000).parent
    (kim / "linked.ipynb").symlink_to(secret)
    os.mkfifo(kim / "pipe.ipynb")
    monkeypatch.setattr(reading_files, "MOST", 1000)
    (only,) = reading.submissions([tmp_path / "class"])
    problems = {each.path: each.problem for each in only.files}
    assert "a link" in problems["linked.ipynb"]
    assert "no regular file" in problems["pipe.ipynb"]
    assert "larger" in problems["large.ipynb"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_rights_are_said(tmp_path):
    write(tmp_path / "kim" / NAME).chmod(0)
    (kim,) = reading.submissions([tmp_path])
    assert "cannot be opened" in kim.files[0].problem


def test_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"paths: got '.*none', wanted a notebook, zip file or folder"):
        reading.submissions([tmp_path / "none"])


def test_empty_folder_holds_no_submission(tmp_path):
    assert reading.submissions([tmp_path]) == []


# --- Archives


def test_class_in_an_archive_with_archives_in_it(tmp_path):
    inner = packed({NAME: FIRST})
    whole = packed({
        "Kim_1_assignsubmission_file_/hw.zip": inner, "Lee_2_assignsubmission_file_/" + NAME: FIRST,
        "__MACOSX/Lee/._" + NAME: "", "Lee_2_assignsubmission_file_/.DS_Store": "",
    })  # fmt: skip
    path = write(tmp_path / "moodle.zip", whole)
    assert found(path) == {"Kim_1": [NAME], "Lee_2": [NAME]}
    kim = reading.submissions([path])[0]
    assert [each.exercise for each in reading.answers(kim) if each.attempted] == ["rnn_step"]


def test_archives_of_learners_in_a_folder(tmp_path):
    for learner in ("kim", "lee"):
        write(tmp_path / f"{learner}.zip", packed({f"notebooks/{NAME}": FIRST}))
    assert found(tmp_path) == {"kim": [NAME], "lee": [NAME]}


@pytest.mark.parametrize("name", ["../../e.ipynb", "/etc/e.ipynb", "kim/../../x.ipynb", "C:\\x\\..\\y.ipynb"])
def test_archive_paths_lead_nowhere_else(tmp_path, name):
    path = write(tmp_path / "class.zip", packed({name: FIRST, "kim/" + NAME: FIRST}))
    assert found(path) == {"kim": [NAME]}
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["class.zip"]


def test_bombs_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading_files, "MOST", 10**6)
    monkeypatch.setattr(reading_files, "MOST_OF_ARCHIVE", 3 * 10**6)
    bomb = packed({f"kim/{number}.ipynb": b" " * 2 * 10**6 for number in range(3)})
    write(tmp_path / "bomb.zip", bomb)
    (kim,) = reading.submissions([tmp_path / "bomb.zip"])
    said = [each.problem for each in kim.files]
    assert "larger than" in said[0] and "too large" in said[1] and "too large" in said[2]


def test_archives_nested_too_deeply_are_said(tmp_path):
    deep = packed({NAME: FIRST})
    for _ in range(3):
        deep = packed({"kim.zip": deep})
    (one,) = reading.submissions([write(tmp_path / "deep.zip", deep)])
    assert "not opened" in one.files[0].problem


@pytest.mark.parametrize("content", [b"", b"PK no", packed({NAME: FIRST})[:-30], b"PK\x03\x04" + bytes(100)])
def test_damaged_archive_is_said(tmp_path, content):
    write(tmp_path / "kim/hw.zip", content)
    (kim,) = reading.submissions([tmp_path])
    assert "an archive that cannot be read" in kim.files[0].problem


def test_damaged_entry_of_an_archive_is_said(tmp_path):
    content = bytearray(packed({NAME: FIRST * 50, "b.ipynb": FIRST}))
    content[60:70] = bytes(10)
    (kim,) = reading.submissions([write(tmp_path / "kim.zip", bytes(content))])
    said = {each.path: each.problem for each in kim.files}
    assert "cannot be read" in said[NAME]
    assert said["b.ipynb"] == ""


def test_entry_names_in_korean_without_their_encoding(tmp_path):
    name = f"김민수/{NAME}".encode("cp949").decode("cp437")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("x" * len(name))
        archive.writestr(entry, FIRST)
    data = file.getvalue().replace(b"x" * len(name), name.encode("cp437"))
    assert list(found(write(tmp_path / "class.zip", data))) == ["김민수"]


def test_links_in_archives_are_text(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("kim/" + NAME)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    (kim,) = reading.submissions([write(tmp_path / "class.zip", file.getvalue())])
    assert "no notebook" in kim.files[0].problem


def test_unread_submission_has_all_there_is_to_get(tmp_path):
    write(tmp_path / "kim" / NAME)
    (kim,) = reading.submissions([tmp_path])
    found, nothing = ([(each.exercise, each.number, each.max_points) for each in those]
                      for those in (reading.answers(kim), reading.unread(kim)))  # fmt: skip
    assert found == nothing
    assert not any(each.found for each in reading.unread(kim))


def test_own_solutions_are_a_submission():
    own = reading.own_solutions(["04", "01"])
    assert own.chapters == ("01", "04") and not own.problems
    assert all(each.attempted for each in reading.answers(own))


def test_of_thousands_of_notebooks_those_that_lie_least_deep_are_read(tmp_path):
    for number in range(MOST_FILES + 5):
        write(tmp_path / "kim" / "more" / f"{number:04d}.ipynb", "{}")
    write(tmp_path / "kim" / NAME)
    (found,) = reading.submissions([tmp_path])
    assert len(found.files) == MOST_FILES and found.chapters == ("01",)
    assert f"{MOST_FILES + 6} notebooks, at most {MOST_FILES}" in found.problems[-1]


@pytest.mark.parametrize("path", [
    "student_3/student_7_assignsubmission_file_/01_rnn_recap.ipynb",
    "student_3/work/student_7_assignsubmission_file_/01_rnn_recap.ipynb",
    "01_rnn_recap/student_7/01_rnn_recap.ipynb",
    "submitted/student_7/01_rnn_recap.ipynb",
])  # fmt: skip
def test_no_folder_of_a_learner_makes_its_files_anothers(path):
    others = ["student_7/01_rnn_recap.ipynb", "student_8/01_rnn_recap.ipynb"]
    found = learners([tuple(each.split("/")) for each in [path, *others]], "class")
    assert found == [path.split("/")[0], "student_7", "student_8"]


@pytest.mark.parametrize("name", ["submitted", "notebooks"])
def test_an_archive_with_the_name_of_a_class_is_one_learners(tmp_path, name):
    write(tmp_path / "kim" / NAME)
    write(tmp_path / f"{name}.zip", packed({f"kim/{NAME}": FIRST}))
    assert set(found(tmp_path)) == {"kim", f"{name}.zip"}
