"""One learner types the solutions in, chapter after chapter, saves, and goes on with them, as one person.

Of each chapter only the cells run that its exercises, its checks and its imports of `helpers.yours` need.
Here the exercises that later chapters take up; all of them, and another learner who leaves every second one
out, with `make torture`.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from helpers.checks.verdict import NOT_ATTEMPTED, PASSED
from helpers.progress import NOT_RUN, progress
from tests import running
from tools.update.merge import without_solutions
from tools.usable.needed import names_in, needed_for

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
TAKEN_UP = {
    *("rnn_step", "rnn_backward", "clip_grad_norm", "lstm_step", "lstm_step_backward", "lstm_backward"),
    *("step_jacobian", "to_streams"),   # stand in the cells that take them up
}
MILESTONE = "fifty windows of training"   # of chapter 5, on the learner's own LSTM


def mark(cell, key):
    return cell.metadata.get("unrolled", {}).get(key)


class Learner:
    """A folder of fresh student notebooks, and somebody at work in it. (`chapters` of another edition have
    names such as "ko/01_rnn_recap".)"""

    def __init__(self, folder, chapters=tuple(path.stem for path in CHAPTERS)):
        self.folder = folder
        self.chapters = {name: nbformat.read(ROOT / "solutions" / f"{name}.ipynb", 4) for name in chapters}
        for name, solution in self.chapters.items():
            fresh = nbformat.from_dict(without_solutions(solution))
            for cell in fresh.cells:
                cell |= {"outputs": []} if cell.cell_type == "code" else {}
            (folder / name).parent.mkdir(exist_ok=True)
            nbformat.write(fresh, folder / f"{name}.ipynb")

    def work(self, chapter, solved, *, left=(), also=(), ask=()):
        """Type the solutions to `solved` in, and nothing for `left`, run what is needed, also by cells with a
        text of `also`, and save → (states of the boxes, what was printed by cell). `ask` are names that a
        cell of one's own at the top imports."""
        path = self.folder / f"{chapter}.ipynb"
        notebook = nbformat.read(path, 4)
        for cell, done in zip(notebook.cells, self.chapters[chapter].cells, strict=True):
            if mark(cell, "exercise") in solved:
                cell.source = done.source
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        tried = {*solved, *left}
        wanted = [
            number for number, cell in enumerate(code)
            if mark(cell, "exercise") in tried or mark(cell, "check") in tried
            or any(text in cell.source for text in ("from helpers.yours import", "use(", *also))
        ]  # fmt: skip
        plain = (re.sub(r"^\w+ = (check\()", r"\1", cell.source) for cell in code)   # calls what it is given
        needed, _ = needed_for(wanted, names_in([ast.parse(source).body for source in plain]))
        question = [nbformat.v4.new_code_cell(f"from helpers.yours import {', '.join(ask)}")] if ask else []
        run = nbformat.v4.new_notebook(metadata=notebook.metadata)
        run.cells = [*question, *(code[number] for number in sorted(needed))]   # the same cells: outputs stay
        states = running.run(run, path.parent, UNROLLED_BUILD="0")
        nbformat.write(notebook, path)
        printed = "".join(output.text for cell in run.cells for output in cell.outputs if "text" in output)
        return states, printed

    def states(self):
        return {row.exercise: row.state for row in progress(self.folder)}


def said(printed):
    """{name: what `helpers.yours` said of it}."""
    lines = (line.partition(": ") for line in printed.splitlines())
    return {name: text for name, _, text in lines if text.startswith(("yours", "the course's"))}


def exercises(chapter):
    return running.exercises(nbformat.read(ROOT / "solutions" / f"{chapter}.ipynb", 4))


def test_what_was_solved_in_one_chapter_is_used_in_the_next(tmp_path):
    learner = Learner(tmp_path)
    solved = set()
    for chapter in [path.stem for path in CHAPTERS][1:6]:
        here = [name for name in exercises(chapter) if name in TAKEN_UP]
        milestone = [MILESTONE] if chapter.startswith("05") else []
        states, printed = learner.work(chapter, here, also=milestone)
        assert states == dict.fromkeys(here, PASSED)
        solved |= set(here)
        assert {name for name, state in learner.states().items() if state == PASSED} == solved
        told = said(printed)
        if chapter.startswith("03"):
            assert told == {"rnn_step": "yours, from 01_rnn_recap.ipynb",
                            "rnn_backward": "yours, from 02_bptt_toy_example.ipynb"}  # fmt: skip
        elif chapter.startswith("05"):
            assert told == {"clip_grad_norm": "yours, from 03_gradient_clipping.ipynb",
                            "lstm_step": "yours, from 04_lstm_gru.ipynb",
                            "lstm_backward": "yours, from 04_lstm_gru.ipynb"}  # fmt: skip
            assert f"✓ over {MILESTONE}" in printed
        else:
            assert told == {}
    assert solved == TAKEN_UP


def test_who_changes_the_language_goes_on_with_what_is_solved(tmp_path):
    names = "ko/01_rnn_recap", "03_gradient_clipping"
    learner = Learner(tmp_path, (*names, "01_rnn_recap"))
    for chapter in names:
        here = [name for name in exercises(chapter) if name in TAKEN_UP]
        states, printed = learner.work(chapter, here)
        assert states == dict.fromkeys(here, PASSED) != {}
    assert said(printed)["rnn_step"] == "yours, from ko/01_rnn_recap.ipynb"
    passed = {name for name, state in learner.states().items() if state == PASSED}
    assert passed == {name for chapter in names for name in exercises(chapter)} & TAKEN_UP


@pytest.mark.torture
@pytest.mark.parametrize("diligent", [True, False], ids=["all", "every second one"])
def test_a_learner_goes_through_all_chapters(tmp_path, diligent):
    learner, asked, expected, known = Learner(tmp_path), [], {}, {}
    for chapter in [path.stem for path in CHAPTERS]:
        names = exercises(chapter)
        solved = names if diligent else names[::2]
        left = [name for name in names if name not in solved]
        states, printed = learner.work(chapter, solved, left=left, ask=asked)
        assert states == dict.fromkeys(solved, PASSED) | dict.fromkeys(left, NOT_ATTEMPTED)
        known |= states
        assert learner.states() == dict.fromkeys(learner.states(), NOT_RUN) | known
        told = said(printed)
        assert {name: told[name].partition(", with")[0] for name in asked} == expected
        asked = names
        expected = {
            name: f"yours, from {chapter}.ipynb" if name in solved
            else f"the course's (yours in {chapter}.ipynb is not attempted yet)"
            for name in names
        }  # fmt: skip
    assert len(known) == len(learner.states())
