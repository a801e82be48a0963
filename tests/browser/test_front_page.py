"""The README's pictures of the course as it looks, taken anew, with what their texts say of them.

They go to build/screenshots; `cp build/screenshots/front-*.png docs/` and
`cp build/screenshots/ko/front-*.png docs/ko/` put them into the READMEs.
"""

import re
import shutil
import subprocess

import pytest
from PIL import Image

from tests.browser.accessible import OUTPUT
from tests.browser.conftest import SCREENSHOTS
from tests.browser.course import ROOT
from tests.browser.lab import box

AROUND = 2   # pixels left free
EDITIONS = {"en": "", "ko": "ko/"}   # language → the folder of its files


@pytest.fixture(params=EDITIONS)
def language(request):
    if request.param == "ko" and shutil.which("fc-list"):
        has_hangul = subprocess.run(["fc-list", ":charset=ac00"], capture_output=True, check=True).stdout
        if not has_hangul:
            pytest.skip("no font here has Hangul: cp helpers/fonts/UnrolledHangul.otf ~/.local/share/fonts")
    return request.param


def said(name, language):
    """What the README in `language` says of a picture."""
    readme = "README.md" if language == "en" else f"README.{language}.md"
    text = (ROOT / readme).read_text(encoding="utf-8")
    return re.search(rf"!\[([^\]]+)\]\([\w/]+/front-{name}\.png\)", text)[1]


def take(page, name, language, *elements):
    """A picture of the page, or of the rectangle around some elements, which are in sight."""
    clip = None
    if elements:
        boxes = [element.bounding_box() for element in elements]
        left, top = (min(each[key] for each in boxes) - AROUND for key in ("x", "y"))
        right = max(each["x"] + each["width"] for each in boxes) + AROUND
        bottom = max(each["y"] + each["height"] for each in boxes) + AROUND
        assert top > 0 and bottom < page.viewport_size["height"]
        clip = {"x": max(left, 0), "y": top, "width": right - max(left, 0), "height": bottom - top}
    path = SCREENSHOTS / EDITIONS[language] / f"front-{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, clip=clip)
    Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)   # a third of the bytes
    assert path.stat().st_size < 150_000


def test_a_red_box(open_notebook, language):
    notebook = open_notebook(f"{EDITIONS[language]}00_start_here")
    given = notebook.cell("scalar_step")["source"]
    for cell in notebook.cells():
        if "import use" in cell["source"] or "import numpy as np" in cell["source"]:
            notebook.run(cell["id"])
    body = "    # YOUR CODE HERE\n    raise NotImplementedError"
    notebook.type("scalar_step", given.replace(body, "    return w_x * x + w_h * h_prev + b"))
    notebook.run("scalar_step")
    _, differs, hint, *_ = box(notebook.run("scalar_step_check"))["words"].replace("`", "").splitlines()
    assert differs.strip().partition(". (")[0] in said("box", language)
    assert hint.partition(": ")[2] in said("box", language)
    notebook.select("scalar_step_check")
    cells = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
    texts = "def scalar_step(", 'check("scalar_step"'
    exercise, checked = (cells.filter(has_text=text).first for text in texts)
    notebook.page.mouse.move(5, 5)
    take(notebook.page, "box", language, exercise, checked)


def test_a_figure_that_moves(open_notebook, language):
    notebook = open_notebook(f"{EDITIONS[language]}01_rnn_recap")
    notebook.run_all()
    notebook.select(next(cell["id"] for cell in notebook.cells() if "explore(" in cell["source"]))
    panel = notebook.page.locator(f"{OUTPUT} .unrolled-live")
    words = panel.locator("[aria-live]").text_content().strip()
    assert words in said("figure", language)
    take(notebook.page, "figure", language, panel)


def test_the_site(window, language):
    page = ROOT / "build" / "site" / EDITIONS[language] / "chapters" / "01_rnn_recap.html"
    if not page.exists():
        pytest.skip("no build/site: make site")
    window.set_viewport_size({"width": 1200, "height": 760})
    window.goto(page.as_uri())
    heading = window.get_by_role("heading", level=1).text_content().strip(" #")
    assert heading in said("site", language)
    take(window, "site", language)
