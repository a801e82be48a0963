"""Chapter 1, run once for all tests here: what moves, both themes, a kernel restarted in the middle."""

import pytest

from tests.browser.lab import error

CHAPTER = "01_rnn_recap"


@pytest.fixture(scope="module")
def recap(chapter):
    chapter.run_all()
    return chapter


def test_a_restarted_kernel(recap, shoot):
    """A cell from the middle says which name it lacks; running all puts everything in place."""
    recap.restart()
    cell = recap.run("rnn_step_check")
    print(error(cell))
    shoot(recap.page)
    assert error(cell)["ename"] == "NameError"
    recap.run_all()
    assert not [cell["source"] for cell in recap.cells() if error(cell)]
