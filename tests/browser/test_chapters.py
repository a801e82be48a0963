"""Chapters as they are given out run to their end, grey boxes and nothing red, and what moves is there."""

import pytest

from helpers.checks.box import MIME
from tests.browser.accessible import OUTPUT, findings
from tests.browser.lab import box, error


@pytest.mark.parametrize("name", ["01_rnn_recap", "04_lstm_gru", "07_attention"])
def test_an_untouched_chapter_runs_to_its_end(name, open_notebook, shoot):
    chapter = open_notebook(name)
    chapter.run_all()
    saved = chapter.save()
    code = [cell for cell in saved.cells if cell.cell_type == "code" and cell.source.strip()]
    assert not [error(cell) for cell in code if error(cell)]
    assert all(cell.execution_count for cell in code)   # stored outputs would look like a run
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    boxes = [box(cell) for cell in code if any(MIME in output.get("data", {}) for output in cell.outputs)]
    assert len(boxes) == sum(cell.metadata.get("nbgrader", {}).get("grade", False) for cell in code)
    assert {each["state"] for each in boxes} == {"not attempted"}
    assert chapter.moving()
    for number, id in enumerate(chapter.moving(), start=1):
        shoot(chapter.controls(id), f"moves-{number}")
        assert findings(chapter.page, OUTPUT) == []
