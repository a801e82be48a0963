"""What a learner opens runs to its end: untouched with grey boxes only, and solved wrongly.

Three chapters here and one of the Korean edition; the others, which train for longer, with `make torture`.
(That what follows an exercise runs when it was left empty, `tools.usable` tries in every chapter.)

The build holds back a processor's wide instructions (AVX-512), so that its outputs are the same everywhere;
here, as for learners, they are in use. Numbers then differ in places: the chapters' claims must not.
"""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.checks import get
from helpers.markup import HANGUL
from tests.running import answer, box, exercises, run
from tools.build.freshness import read_notebook
from tools.claims import claims_in
from tools.update.merge import without_solutions

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"


def student(name):
    """The notebook as released, whatever a learner has made of the one in notebooks/ by now."""
    return nbformat.from_dict(without_solutions(nbformat.read(ROOT / "solutions" / name, as_version=4)))


def folder(name):
    return (NOTEBOOKS / name).parent


SHORT = ("00", "01", "02", "ko/00")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name.startswith(SHORT) else pytest.mark.torture)
        for each in ("", "ko/")
        for name in sorted(f"{each}{path.name}" for path in (NOTEBOOKS / each).glob("[0-9][0-9]_*.ipynb"))
    ],
)
def test_untouched_it_runs_to_its_end_every_box_is_grey_and_the_claims_hold(name):
    notebook = student(name)
    assert run(notebook, folder(name)) == dict.fromkeys(exercises(notebook), "not attempted")
    stored = claims_in(read_notebook(ROOT / "solutions" / name))
    assert len(stored) > 3 and all(stored.values())
    assert claims_in(notebook) == stored


def test_wrong_answers_are_red_and_the_chapter_goes_on():
    notebook = student("01_rnn_recap.ipynb")
    wrong = {
        "rnn_step": "return np.tanh(x @ Wx + h_prev @ Wh.T + b)",
        "rnn_forward": "return x",
        "sample_next": "return int(np.argmax(logits))",
        "quiz_state": "return 'a'",
    }
    answer(notebook, **wrong)
    states = run(notebook, NOTEBOOKS)
    assert {name for name, state in states.items() if state == "failed"} == set(wrong)
    assert set(states.values()) == {"failed", "not attempted"}
    argmax = next(known for known in get("sample_next").misconceptions if known.name == "argmax")
    assert argmax.hint.split(".")[0] in box(notebook, "sample_next")


def test_in_the_korean_edition_the_boxes_are_korean():
    name = "ko/00_start_here.ipynb"
    notebook = student(name)
    answer(notebook, scalar_step="return w_x * x + w_h * h_prev + b", quiz_shapes="return 'a'")
    states = run(notebook, folder(name))
    assert {name for name, state in states.items() if state == "failed"} == {"scalar_step", "quiz_shapes"}
    for name in states:
        head, *others = box(notebook, name).splitlines()
        assert head.startswith(("✗", "○")) and name in head
        assert others and all(HANGUL.search(line) for line in others)


def test_in_grading_a_missing_answer_fails_its_check_and_nothing_else():
    """The check raises before it can hand anything back; the name is rebound to the course's version."""
    notebook = student("00_start_here.ipynb")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NBGRADER_EXECUTION": "autograde"}
    resources = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(notebook, timeout=300, allow_errors=True, resources=resources).execute(env=environment)
    failed, checks = [], []
    for cell in notebook.cells:
        name = cell.metadata.get("unrolled", {}).get("check")
        checks += [name] if name else []
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        failed += [name or cell.source for _ in errors]
        assert all(error.ename == "CheckFailed" for error in errors)
    assert failed == checks != []
