"""What a learner opens runs to its end: untouched with grey boxes only, and solved wrongly.

Three chapters here, the others, which train for longer, with `make torture`. (That what follows an exercise
runs when it was left empty, `tools.usable` tries in every chapter.)

The build holds back a processor's wide instructions (AVX-512), so that its outputs are the same everywhere;
here, as for learners, they are in use. Numbers then differ in places: the chapters' claims must not.
"""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.checks import get
from tests.running import exercises, run
from tools.build.freshness import read_notebook
from tools.claims import claims_in
from tools.update.merge import without_solutions

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"


def student(path):
    """The notebook as released, whatever a learner has made of the one in notebooks/ by now."""
    return nbformat.from_dict(without_solutions(nbformat.read(ROOT / "solutions" / path.name, as_version=4)))


SHORT = ("00", "01", "02")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[] if path.stem[:2] in SHORT else pytest.mark.torture)
        for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    ],
)
def test_untouched_it_runs_to_its_end_every_box_is_grey_and_the_claims_hold(path):
    notebook = student(path)
    assert run(notebook, NOTEBOOKS) == dict.fromkeys(exercises(notebook), "not attempted")
    stored = claims_in(read_notebook(ROOT / "solutions" / path.name))
    assert len(stored) > 3 and all(stored.values())
    assert claims_in(notebook) == stored


def test_wrong_answers_are_red_and_the_chapter_goes_on():
    notebook = student(Path("01_rnn_recap.ipynb"))
    wrong = {
        "rnn_step": "return np.tanh(x @ Wx + h_prev @ Wh.T + b)",
        "rnn_forward": "return x",
        "sample_next": "return int(np.argmax(logits))",
        "quiz_state": "return 'a'",
    }
    for cell in notebook.cells:
        name = cell.metadata.get("unrolled", {}).get("exercise")
        if name in wrong:
            cell.source = cell.source.replace("raise NotImplementedError", wrong[name])
    states = run(notebook, NOTEBOOKS)
    assert {name for name, state in states.items() if state == "failed"} == set(wrong)
    assert set(states.values()) == {"failed", "not attempted"}
    hints = str([cell.outputs for cell in notebook.cells if cell.metadata.get("unrolled", {}).get("check")])
    argmax = next(known for known in get("sample_next").misconceptions if known.name == "argmax")
    assert argmax.hint.split(".")[0] in hints


def test_in_grading_a_missing_answer_fails_its_check_and_nothing_else():
    """The check raises before it can hand anything back; the name is rebound to the course's version."""
    notebook = student(Path("00_start_here.ipynb"))
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
