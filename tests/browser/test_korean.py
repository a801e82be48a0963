"""A chapter of the Korean edition: boxes and tables speak Korean, its start page leads to the other one."""

import re

import pytest

from helpers.markup import HANGUL
from tests.browser.accessible import OUTPUT, findings
from tests.browser.course import ROOT
from tests.browser.lab import Notebook, box, error, html

CHAPTER = "ko/01_rnn_recap"
SQUASH = "return np.tanh(x @ Wx + h_prev @ Wh + b)"
STUB = "    # YOUR CODE HERE\n    raise NotImplementedError"

pytestmark = pytest.mark.skipif(
    not (ROOT / "notebooks" / "ko").is_dir(), reason="no notebooks/ko: make build"
)


@pytest.fixture(scope="module")
def recap(chapter):
    chapter.given = chapter.cell("rnn_step")["source"]
    chapter.run(next(cell["id"] for cell in chapter.cells() if 'use("ko")' in cell["source"]))
    return chapter


def answer(notebook, line):
    """The exercise with `line`, run, then its check → the check's box."""
    assert STUB in notebook.given
    notebook.type("rnn_step", notebook.given.replace(STUB, f"    {line}"))
    notebook.run("rnn_step")
    return box(notebook.run("rnn_step_check"))


def test_a_wrong_answer_gets_its_korean_hint(recap, shoot):
    found = answer(recap, "return x @ Wx + h_prev @ Wh + b")
    assert found["state"] == "failed"
    assert "합은 맞는데 눌러 담지 않았습니다" in found["words"].split("힌트:")[1]
    shown = recap.select("rnn_step_check").get_by_role("status")
    shown.get_by_text("눌러 담지 않았습니다").wait_for()
    assert "Hint" not in shown.inner_text()
    shoot(recap.page)
    assert findings(recap.page, OUTPUT) == []


def test_a_syntax_error_is_explained_in_korean(recap, shoot):
    found = answer(recap, SQUASH.removesuffix(")"))
    assert error(recap.cell("rnn_step"))["ename"] == "SyntaxError"
    assert found["state"] == "failed" and len(HANGUL.findall(found["words"])) > 3
    shoot(recap.page)


def test_a_right_answer_counts_in_the_korean_progress(recap, window, server, course, shoot):
    assert answer(recap, SQUASH)["state"] == "passed"
    recap.save()
    folder, token = server.notebooks
    window.goto(f"{folder}ko/00_start_here.ipynb?reset&{token}")
    start = Notebook(window, course.folder / "notebooks" / "ko" / "00_start_here.ipynb")
    start.run_all()
    assert not [cell["source"] for cell in start.cells() if error(cell)]
    [table] = [cell for cell in start.cells() if "import show_progress" in cell["source"]]
    [row] = [row for row in re.findall(r"<tr>.*?</tr>", html(table), re.S) if ">rnn_step<" in row]
    assert "통과" in row and "passed" not in row
    start.select(table["id"])
    shoot(start.page)


def test_the_start_pages_lead_to_each_other(open_notebook, course):
    page = open_notebook("ko/00_start_here").page
    page.locator(".jp-RenderedMarkdown").get_by_role("link", name="Start here").click()
    Notebook(page, course.folder / "notebooks" / "00_start_here.ipynb")
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-RenderedMarkdown a", has_text="시작하기").click()
    Notebook(page, course.folder / "notebooks" / "ko" / "00_start_here.ipynb")
    page.get_by_role("heading", name="0 · 시작하기").wait_for()
