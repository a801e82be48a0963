"""Student notebooks run as in a learner's JupyterLab, for tests."""

import os

from nbclient import NotebookClient

from helpers.checks.box import MIME


def run(notebook, folder, **variables):
    """Run all cells in `folder`, not strict, with these environment variables → {exercise: state of its
    box}. Raises at the first error; AssertionError where a cell has written to stderr."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "UNROLLED_BUILD": "1", **variables}
    for variable in ("UNROLLED_STRICT", "NBGRADER_EXECUTION"):
        environment.pop(variable, None)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute(env=environment)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    boxes = [output.data[MIME] for output in outputs if MIME in output.get("data", {})]
    return {box["exercise"]: box["state"] for box in boxes}


def exercises(notebook):
    """The names of a notebook's exercises, by the build's metadata."""
    names = [cell.metadata.get("unrolled", {}).get("exercise") for cell in notebook.cells]
    return [name for name in names if name]


def answer(notebook, **answers):
    """Write a body into exercises' cells, in place of what raises in a stub."""
    for cell in notebook.cells:
        name = cell.metadata.get("unrolled", {}).get("exercise")
        if name in answers:
            cell.source = cell.source.replace("raise NotImplementedError", answers[name])


def box(notebook, exercise):
    """The text of an exercise's box, after a run."""
    cells = (cell for cell in notebook.cells if cell.metadata.get("unrolled", {}).get("check") == exercise)
    shown = (output.get("data", {}) for cell in cells for output in cell.outputs)
    return "\n".join(data.get("text/plain", "") for data in shown)
