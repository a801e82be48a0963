"""What `make lab` opens, and the table there that follows the learner's notebooks."""

import re

from tests.browser.lab import Notebook, box, error, html

PROGRESS = "from helpers.progress import show_progress"


def test_make_lab_opens_the_start_page(window, server, course, shoot):
    file = course.notebook("00_start_here")
    window.goto(server.address)
    start = Notebook(window, file)
    window.get_by_role("heading", name="0 · Start here").wait_for()
    assert window.locator(".jp-toast, .Toastify__toast, .jp-Dialog").count() == 0   # nothing in the way
    shoot(window)
    start.run_all()
    assert not [cell["source"] for cell in start.cells() if error(cell)]
    saved = start.save()
    assert all(cell.execution_count for cell in saved.cells if cell.cell_type == "code")


def test_the_progress_table_follows_a_save(open_notebook, shoot):
    """A box counts from the moment when the notebook is saved, not before."""
    start = open_notebook("00_start_here")
    start.run_all()
    [table] = [cell["id"] for cell in start.cells() if PROGRESS in cell["source"]]
    start.type("scalar_step", _finished(start, "return np.tanh(w_x * x + w_h * h_prev + b)"))
    start.run("scalar_step")
    assert box(start.run("scalar_step_check"))["state"] == "passed"
    assert _row(start.run(table), "scalar_step") == "not run"   # the file is as the course gave it out
    start.save()
    row = _row(start.run(table), "scalar_step")
    start.page.locator(".jp-OutputArea-output tr:has-text('scalar_step')").scroll_into_view_if_needed()
    shoot(start.page)
    assert row.startswith("passed")


def _finished(notebook, line):
    source = notebook.cell("scalar_step")["source"]
    return source.replace("    # YOUR CODE HERE\n    raise NotImplementedError", "    " + line)


def _row(cell, exercise):
    """What the table says of the exercise."""
    [row] = [row for row in re.findall(r"<tr>.*?</tr>", html(cell), re.S) if f">{exercise}<" in row]
    said = re.sub(r"<[^>]+>", "|", row)
    return re.split(r"\|", said.rstrip("|"))[-1].lstrip("✓✗○·↻?! ")
