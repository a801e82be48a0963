"""Scores in nbgrader's gradebook: a course that nbgrader made, and what it shows and exports afterwards."""

import copy
import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.grade import gradebook, results
from tools.grade.results import (
    FAILED,
    MISSING,
    NOT_ATTEMPTED,
    NOT_GRADED,
    PARTLY,
    PASSED,
    ExerciseResult,
    Handed,
    SubmissionResult,
)

Gradebook = pytest.importorskip("nbgrader.api", reason="no nbgrader (the extra `grade`)").Gradebook
ExchangeReleaseFeedback = pytest.importorskip("nbgrader.exchange.default").ExchangeReleaseFeedback
CsvExportPlugin = pytest.importorskip("nbgrader.plugins").CsvExportPlugin

ROOT = Path(__file__).resolve().parents[3]
NAME = "00_start_here"
EXERCISES = ("scalar_step", "quiz_chain_rule", "quiz_shapes", "quiz_broadcasting")
LATE = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'


def nbgrader(folder, *arguments):
    """nbgrader's command as ``make`` runs it: its environment is not activated."""
    beside = os.path.dirname(sys.executable)
    path = [each for each in os.environ["PATH"].split(os.pathsep) if each != beside]
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = os.environ | {"PATH": os.pathsep.join(path)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    (folder / "source" / "a0").mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copy(ROOT / "solutions" / f"{NAME}.ipynb", folder / "source" / "a0")
    done = nbgrader(folder, "generate_assignment", "a0")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def course(generated, tmp_path):
    """The course, in which kim and lee have handed in, kim on time and lee a day late."""
    folder = tmp_path / "course"
    shutil.copytree(generated, folder)
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        book.update_or_create_assignment("a0", duedate="2026-11-20 12:00:00 UTC")
    hand_in(folder, "kim", "2026-11-20 10:00:00 UTC")
    hand_in(folder, "lee", "2026-11-21 10:00:00 UTC")
    return folder


def hand_in(folder, learner, when=None):
    place = folder / "submitted" / learner / "a0"
    place.mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / f"{NAME}.ipynb", place)
    if when:
        (place / "timestamp.txt").write_text(when)


def result(learner, *states, problems=(), points=None):
    """A learner's results: a state for each of the exercises."""
    worth = {PASSED: 1.0, PARTLY: 0.5, NOT_GRADED: None}
    exercises = tuple(
        ExerciseResult(name, "00", state, worth.get(state, 0.0), 1.0, f"0.{number}", text=f"text of {name}",
                       hint="the hint", mistake="a mistake" if state == FAILED else "")
        for number, (name, state) in enumerate(zip(EXERCISES, states, strict=False), 1)
    )  # fmt: skip
    return SubmissionResult(learner, "2026-11-29T03:26:03+00:00", "bubblewrap", exercises, problems=problems)


def enter(folder, *found, **options):
    with gradebook.Course(folder, "a0") as course:
        return list(gradebook.enter_all(course, found, **options))


def grades(folder, learner):
    """exercise → (auto score, manual score, needs a human)."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        return {
            name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
            for name in EXERCISES for grade in [book.find_grade(f"{name}_check", NAME, "a0", learner)]
        }  # fmt: skip


def test_a_release_is_made_without_an_activated_environment(generated):
    released = (generated / "release" / "a0" / f"{NAME}.ipynb").read_bytes()
    assert released == (ROOT / "notebooks" / f"{NAME}.ipynb").read_bytes()
    with Gradebook(f"sqlite:///{generated}/gradebook.db") as book:
        assert [each.name for each in book.assignments] == ["a0"]


def test_every_state_goes_into_the_gradebook(course):
    of_lee = result("lee", PASSED, PASSED, NOT_ATTEMPTED, MISSING)
    kim, lee = enter(course, result("kim", PASSED, PARTLY, FAILED, NOT_GRADED), of_lee)
    assert (kim.points, kim.most, kim.unknown) == (1.5, 4.0, ("quiz_broadcasting",))
    assert (lee.points, lee.unknown) == (2.0, ())
    assert list(grades(course, "kim").values()) == [
        (1.0, None, False), (0.5, None, False), (0.0, None, False), (None, None, True),
    ]  # fmt: skip
    assert [auto for auto, _, _ in grades(course, "lee").values()] == [1.0, 1.0, 0.0, 0.0]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        shown = {each["student"]: each for each in book.submission_dicts("a0")}
        assert (shown["kim"]["score"], shown["kim"]["max_score"]) == (1.5, 4.0)
        assert shown["kim"]["needs_manual_grade"] and not shown["lee"]["needs_manual_grade"]
        comment = book.find_comment("quiz_shapes", NAME, "a0", "kim").auto_comment
        assert comment == "failed: a mistake\ntext of quiz_shapes\nHint: the hint"
        assert book.find_comment("scalar_step", NAME, "a0", "kim").auto_comment is None
        assert book.find_comment("quiz_shapes", NAME, "a0", "lee").auto_comment == "No response."


def test_late_work_is_late_by_nbgraders_own_rule(course):
    enter(course, result("kim", *[PASSED] * 4), result("lee", *[PASSED] * 4))
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        assert book.find_submission("a0", "kim").total_seconds_late == 0
        assert book.find_submission("a0", "lee").total_seconds_late == 22 * 3600
        assert book.find_submission("a0", "lee").late_submission_penalty == 0
    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write(LATE)
    kim, lee = enter(course, result("kim", *[PASSED] * 4), result("lee", *[PASSED] * 4))
    assert (kim.points, lee.points) == (4.0, 0.0)


def test_newer_results_count_and_what_a_human_gave_stays(course):
    enter(course, result("kim", FAILED, FAILED, NOT_GRADED, PASSED))
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.find_grade("quiz_shapes_check", NAME, "a0", "kim").manual_score = 0.75
        book.db.commit()
    kim, _ = enter(course, result("kim", PASSED, NOT_GRADED, PASSED, PASSED))
    found = grades(course, "kim")
    assert found["scalar_step"] == (1.0, None, False)
    assert found["quiz_chain_rule"] == (None, None, True)
    assert found["quiz_shapes"] == (1.0, 0.75, True)
    assert kim.points == 2.75


def test_points_of_the_gradebook_are_the_instructors(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        book.update_or_create_grade_cell("quiz_chain_rule_check", NAME, "a0", max_score=6)
        book.add_grade_cell("essay_check", NAME, "a0", max_score=5, cell_type="code")
    kim, _ = enter(course, result("kim", PASSED, PARTLY, FAILED, PASSED))
    assert grades(course, "kim")["quiz_chain_rule"][0] == 3.0
    assert (kim.points, kim.most, kim.unknown) == (5.0, 14.0, ())
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:   # the instructor's own
        grade = book.find_grade("essay_check", NAME, "a0", "kim")
        assert (grade.auto_score, grade.needs_manual_grade) == (None, True)


def test_what_was_not_handed_in_is_0_and_what_could_not_be_read_is_unknown(course):
    broken = (Handed(f"{NAME}.ipynb", "", "", "", "cut off"),)
    found = [result("lee", *[PASSED] * 4), result("kim"), replace(result("new"), files=broken)]
    hand_in(course, "new")
    hand_in(course, "odd")
    entered = enter(course, *found, result("odd", problems=("cut off",)))
    assert [each.unknown for each in entered] == [(), (), EXERCISES, EXERCISES]
    assert {auto for auto, _, _ in grades(course, "kim").values()} == {0.0}
    assert set(grades(course, "new").values()) == set(grades(course, "odd").values()) == {(None, None, True)}


def test_who_is_left_out_is_said_and_stops_nobody(course, monkeypatch):
    hand_in(course, "late comer")
    names = ["kim", "stranger", "../source", "..", "a/b", "\ud800\0", "lee"]
    before = sorted(course.rglob("*"))
    real = gradebook.Course.feedback

    def full(self, found):
        if found.learner == "kim":
            raise OSError(28, "No space left on device")
        real(self, found)

    monkeypatch.setattr(gradebook.Course, "feedback", full)
    told = enter(course, *(result(each, *[PASSED] * 4) for each in names))
    assert "No space left" in told[0]
    assert all("nobody of this name" in each for each in told[1:6])
    assert told[6].points == 4.0
    assert told[7:] == ["late comer: handed in, but not among the results."]
    new = {each.relative_to(course).as_posix() for each in sorted(course.rglob("*")) if each not in before}
    assert new == {"feedback", "feedback/lee", "feedback/lee/a0", f"feedback/lee/a0/{NAME}.html",
                   "feedback/lee/a0/timestamp.txt"}  # fmt: skip


def test_a_learners_scores_go_in_all_or_none(course, monkeypatch):
    enter(course, result("kim", *[PASSED] * 4))
    real = gradebook.Course._comment

    def failing(self, cell, learner, found):
        if cell.exercise == "quiz_shapes":
            raise ValueError("in the middle")
        real(self, cell, learner, found)

    monkeypatch.setattr(gradebook.Course, "_comment", failing)
    (told,) = [each for each in enter(course, result("kim", *[FAILED] * 4)) if "kim" in str(each)]
    assert "in the middle" in told
    assert [auto for auto, _, _ in grades(course, "kim").values()] == [1.0] * 4


def test_feedback_lies_where_nbgrader_releases_it_from(course):
    (course / "submitted" / "kim" / "a0" / "submission_secret.txt").write_text("secret")
    enter(course, result("kim", FAILED, PASSED, PASSED, PASSED))
    place = course / "feedback" / "kim" / "a0"
    page = (place / f"{NAME}.html").read_text(encoding="utf-8")
    assert "failed: a mistake" in page and "3 of 4 points" in page
    exchange = course.parent / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    with gradebook.Course(course, "a0") as opened:   # as `nbgrader release_feedback` does
        opened.folders.course_id, opened.folders.assignment_id = "c1", "a0"
        ExchangeReleaseFeedback(coursedir=opened.folders, parent=opened.app, root=str(exchange)).start()
    (released,) = (exchange / "c1" / "feedback").glob("*.html")
    assert released.read_text(encoding="utf-8") == page
    assert not (course / "feedback" / "lee").exists()
    assert "lee" in str(enter(course, result("lee", PASSED), feedback=False)[0])
    assert not (course / "feedback" / "lee").exists()


def test_the_command(course, monkeypatch):
    monkeypatch.chdir(course.parent)
    folder = course.parent / "out" / "results"
    for each in (result("kim", PASSED, PARTLY, FAILED, PASSED), result("lee", PASSED, NOT_GRADED)):
        results.write(folder / f"{each.learner}.json", each)
    results.write(folder / ".own-solutions.json", result("own", *[PASSED] * 4))
    call = ["a0", str(folder.parent), "--course", course.name]
    done = CliRunner().invoke(gradebook.app, call)
    assert done.exit_code == 0, done.output
    assert "SAWarning" not in done.output
    assert "kim: 2.5 of 4" in done.output and "lee: 1 of 4; needs a human: quiz_chain_rule" in done.output
    hand_in(course, "new")
    done = CliRunner().invoke(gradebook.app, call)
    assert done.exit_code == 1 and "new: handed in, but not among the results." in done.output
    done = CliRunner().invoke(gradebook.app, ["a1", *call[1:]])
    assert done.exit_code == 2 and "assignment: got 'a1'" in done.output


def test_nbgraders_export_has_our_scores(course):
    enter(course, result("kim", PASSED, PARTLY, FAILED, PASSED), result("lee", PASSED, NOT_GRADED))
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        CsvExportPlugin(to=str(course / "grades.csv")).export(book)
    kim, lee = exported(course)
    assert (kim["raw_score"], kim["max_score"]) == ("2.5", "4.0")
    assert lee["timestamp"].startswith("2026-11-21 10:00") and lee["duedate"].startswith("2026-11-20 12:00")


def exported(course):
    with open(course / "grades.csv", encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["student_id"])


@pytest.mark.parametrize(
    ("assignment", "course_folder", "found", "sentence"),
    [("a9", None, None, "assignment: got 'a9', wanted one that was generated (a0)"),
     ("a0", "nowhere", None, "wanted the folder of a course"),
     ("a0", ".", None, "without a gradebook"),
     ("a0", None, "nothing", "results: got")],
)  # fmt: skip
def test_wrong_use_is_named(course, tmp_path, assignment, course_folder, found, sentence):
    results.write(tmp_path / "results" / "kim.json", result("kim", PASSED))
    folder = course if course_folder is None else tmp_path / course_folder
    with pytest.raises(ValueError) as caught:
        gradebook.read_results(tmp_path / (found or "results"))
        gradebook.Course(folder, assignment)
    assert sentence in str(caught.value)
    assert not (tmp_path / "gradebook.db").exists()


def test_an_assignment_without_these_exercises_is_said(course):
    other = replace(result("kim", PASSED), exercises=(ExerciseResult("rnn_step", "01", PASSED, 1.0, 1.0),))
    assert enter(course, other) == ["None of the exercises in these results is in the assignment a0."]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        assert not book.students


def solved():
    """The chapter as handed in with the course's own answers."""
    notebook = json.loads((ROOT / "notebooks" / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    own = json.loads((ROOT / "solutions" / f"{NAME}.ipynb").read_text(encoding="utf-8"))
    answers = {mark(cell).get("grade_id"): cell["source"] for cell in own["cells"]}
    for cell in notebook["cells"]:
        if mark(cell).get("solution"):
            cell["source"] = answers[mark(cell)["grade_id"]]
    return notebook


def mark(cell):
    return cell["metadata"].get("nbgrader", {})


def answering(body):
    notebook = solved()
    place = next(cell for cell in notebook["cells"] if mark(cell).get("grade_id") == "scalar_step")
    place["source"] = f"def scalar_step(w_x, w_h, b, x, h_prev):\n{body}"
    return json.dumps(notebook)


def copied():
    notebook = solved()
    twice = ([cell, copy.deepcopy(cell)] if mark(cell) else [cell] for cell in notebook["cells"])
    return json.dumps(notebook | {"cells": [cell for cells in twice for cell in cells]})


def stripped(version):
    notebook = solved()
    for cell in notebook["cells"]:
        if mark(cell):
            cell["metadata"] = {"nbgrader": mark(cell) | {"schema_version": version}} if version else {}
    return json.dumps(notebook)


SUBMISSIONS = {
    "a good": json.dumps(solved()),
    "b cut": json.dumps(solved())[:3_000],
    "c copied": copied(),
    "d loop": answering("    while True: pass"),
    "e exit": answering("    import os; os._exit(0)"),
    "f loop": answering("    while True:\n        try:\n            while True: pass\n        except: pass"),
    "g old": stripped(1),
    "h new": stripped(99),
    "i stripped": stripped(None),
    "j empty": "",
    "z good": json.dumps(solved()),
}


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_a_class_from_release_to_export_with_every_kind_of_damage(generated, tmp_path):
    """nbgrader's own autograde loses only those that it cannot run; then our scores stand in it."""
    folder = tmp_path / "course"
    shutil.copytree(generated, folder)
    for learner, text in SUBMISSIONS.items():
        hand_in(folder, learner, "2026-11-20 10:00:00 UTC")
        (folder / "submitted" / learner / "a0" / f"{NAME}.ipynb").write_text(text, encoding="utf-8")
    done = nbgrader(folder, "autograde", "a0")
    assert done.returncode == 1, done.stderr
    nbgrader(folder, "export", "--to", "grades.csv")
    scores = {row["student_id"]: row["raw_score"] for row in exported(folder)}
    lost = {"b cut", "e exit", "j empty"}
    stopped = {"d loop", "f loop"}
    assert scores == {
        name: "0.0" if name in lost else "3.0" if name in stopped else "4.0" for name in SUBMISSIONS
    }  # fmt: skip
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
        waiting = {each["student"] for each in book.submission_dicts("a0") if each["needs_manual_grade"]}
    assert waiting == lost

    out = tmp_path / "out"
    call = [sys.executable, "-m", "tools.grade", str(folder / "submitted"), "--out", str(out)]
    assert subprocess.run(call, cwd=ROOT, capture_output=True).returncode == 0   # though two cannot be read
    call = [sys.executable, "-m", "tools.grade.gradebook", "a0", str(out), "--course", str(folder)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    nbgrader(folder, "export", "--to", "grades.csv")
    scores = {row["student_id"]: row["raw_score"] for row in exported(folder)}
    unread, stopped = {"b cut", "j empty"}, {"d loop", "e exit", "f loop"}
    assert scores == {
        name: "0.0" if name in unread else "3.0" if name in stopped else "4.0" for name in SUBMISSIONS
    }  # fmt: skip
