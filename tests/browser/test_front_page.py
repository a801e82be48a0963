"""The README's pictures of the course as it looks, taken anew, with what their texts say of them.

They go to build/screenshots; `cp build/screenshots/front-*.png docs/` puts them into the README.
"""

import re

import pytest
from PIL import Image

from tests.browser.accessible import OUTPUT
from tests.browser.conftest import SCREENSHOTS
from tests.browser.course import ROOT
from tests.browser.lab import box

README = (ROOT / "README.md").read_text(encoding="utf-8")
SITE = ROOT / "build" / "site" / "chapters" / "01_rnn_recap.html"
AROUND = 2   # pixels left free


def said(name):
    """What the README says of a picture."""
    return re.search(rf"!\[([^\]]+)\]\(docs/front-{name}\.png\)", README)[1]


def take(page, name, *elements):
    """A picture of the page, or of the rectangle around some elements, which are in sight."""
    clip = None
    if elements:
        boxes = [element.bounding_box() for element in elements]
        left, top = (min(each[key] for each in boxes) - AROUND for key in ("x", "y"))
        right = max(each["x"] + each["width"] for each in boxes) + AROUND
        bottom = max(each["y"] + each["height"] for each in boxes) + AROUND
        assert top > 0 and bottom < page.viewport_size["height"]
        clip = {"x": max(left, 0), "y": top, "width": right - max(left, 0), "height": bottom - top}
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"front-{name}.png"
    page.screenshot(path=path, clip=clip)
    Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)   # a third of the bytes
    assert path.stat().st_size < 150_000


def test_a_red_box(open_notebook):
    notebook = open_notebook("00_start_here")
    given = notebook.cell("scalar_step")["source"]
    notebook.run(next(cell["id"] for cell in notebook.cells() if "import numpy as np" in cell["source"]))
    body = "    # YOUR CODE HERE\n    raise NotImplementedError"
    notebook.type("scalar_step", given.replace(body, "    return w_x * x + w_h * h_prev + b"))
    notebook.run("scalar_step")
    check = notebook.run("scalar_step_check")
    hint = box(check)["words"].split("Hint: ")[1].split("\n")[0].replace("`", "")
    assert hint in said("box")
    notebook.select("scalar_step_check")
    cells = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
    exercise, checked = (cells.filter(has_text=text).first for text in ("One step of", 'check("scalar_step"'))
    notebook.page.mouse.move(5, 5)
    take(notebook.page, "box", exercise, checked)


def test_a_figure_that_moves(open_notebook):
    notebook = open_notebook("01_rnn_recap")
    notebook.run_all()
    notebook.select(next(cell["id"] for cell in notebook.cells() if "explore(" in cell["source"]))
    panel = notebook.page.locator(f"{OUTPUT} .unrolled-live")
    words = panel.locator("[aria-live]").text_content().strip()
    assert words in said("figure")
    take(notebook.page, "figure", panel)


@pytest.mark.skipif(not SITE.exists(), reason="no build/site: make site")
def test_the_site(window):
    window.set_viewport_size({"width": 1200, "height": 760})
    window.goto(SITE.as_uri())
    heading = window.get_by_role("heading", level=1).text_content().strip(" #")
    assert heading in said("site")
    take(window, "site")
