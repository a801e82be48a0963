"""What is handed in of another edition gets the points that it gets in English."""

import json
import os

import pytest

from helpers import notebooks
from helpers.languages import ENGLISH, LANGUAGES, VARIABLE
from helpers.markup import HANGUL
from tools.grade import reading, run
from tools.grade.reading.answers import answers
from tools.grade.reading.pinned import SOLUTIONS
from tools.grade.results import FAILED, NOT_ATTEMPTED, PASSED
from tools.grade.run import Settings, grade

START = "00_start_here.ipynb"
OTHERS = [each for each in LANGUAGES if each != ENGLISH]
SAME = ("helpers", "earlier", "problem", "review", "left_out", "attempted", "found", "cell", "max_points")


def handed(path, *, solved):
    """The course's notebook with its solutions, or as it is handed out."""
    notebook = notebooks.read(path)
    for cell in notebook["cells"]:
        cell["source"] = cell["source"] if solved else notebooks.without_solution(cell["source"])
    return notebook


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("solved", [True, False], ids=["solved", "untouched"])
def test_answers_are_read_as_the_english_ones_are(solved, language):
    tried = {}
    for path in sorted(SOLUTIONS.glob("[0-9][0-9]_*.ipynb")):
        both = (handed(each, solved=solved)["cells"] for each in (path, SOLUTIONS / language / path.name))
        english, other = (answers(cells, path.name[:2]) for cells in both)
        for name, answer in english.items():
            tried[name] = answer.attempted
            for part in SAME:
                assert (name, part, getattr(other[name], part)) == (name, part, getattr(answer, part))
            assert [label for label, _ in other[name].code] == [label for label, _ in answer.code]
    assert len(tried) > 70 and set(tried.values()) == {solved}


def put(place, source, time=1e9, change=("", ""), *, solved=True):
    """A copy of a notebook at `place`, last changed at `time`, with another text in it."""
    text = json.dumps(handed(source, solved=solved))
    assert change[0] in text
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text.replace(*change), encoding="utf-8")
    os.utime(place, (time, time))


def test_korean_notebooks_get_the_points(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "course_version", lambda: "1")
    english, korean, folder = SOLUTIONS / START, SOLUTIONS / "ko" / START, tmp_path / "class"
    wrong = "np.tanh(w_x * x + w_h * h_prev + b)", "np.tanh(w_x * x + b)"
    put(folder / "ann" / START, korean)
    put(folder / "bob" / "ko" / START, korean)
    put(folder / "eve" / START, english)   # and has opened the other edition later
    put(folder / "eve" / "ko" / START, korean, 2e9, solved=False)
    put(folder / "kim" / START, korean, change=wrong)
    put(folder / "lee" / "notebooks" / "ko" / START, korean, solved=False)
    put(folder / "min" / START, english, change=wrong)
    put(folder / "min" / "ko" / START, korean, 2e9)   # has found it out in the other edition
    found = grade([folder], Settings(tmp_path / "out", isolated=False)).submissions
    states = {each.learner: [one.state for one in each.exercises] for each in found}
    whole, rest = [PASSED] * 4, [PASSED] * 3
    assert states == {"ann": whole, "bob": whole, "eve": whole, "kim": [FAILED, *rest],
                      "lee": [NOT_ATTEMPTED] * 4, "min": whole}   # fmt: skip
    assert all(each.max_points == 4 for each in found)
    firsts = {each.learner: each.exercises[0] for each in found}
    assert firsts["kim"].hint and not HANGUL.search(firsts["kim"].hint), "a teacher's pages are English"
    notes = {each.learner: [one.review for one in each.exercises] for each in found}
    assert not any(notes["eve"]) and "Several files" in notes["min"][0][0]
    assert not any(notes["min"][1:]), "the same but for its docstring"


def test_a_learners_newest_answer_counts_of_two_editions(tmp_path):
    put(tmp_path / "kim" / START, SOLUTIONS / START, 2e9)
    put(tmp_path / "kim" / "ko" / START, SOLUTIONS / "ko" / START)
    (kim,) = reading.submissions([tmp_path / "kim"])
    assert kim.learner == "kim" and [each.path for each in kim.files] == [START, f"ko/{START}"]
    assert {each.notebook for each in reading.answers(kim)} == {START}


def test_what_is_kept_is_graded_anew_for_hints_in_another_language(monkeypatch):
    own, keys = reading.own_solutions(["00"]), set()
    for language in (ENGLISH, *OTHERS, ENGLISH):
        monkeypatch.setenv(VARIABLE, language)
        keys.add(run._key(own, "1", "plain", ()))
    assert len(keys) == 1 + len(OTHERS)
