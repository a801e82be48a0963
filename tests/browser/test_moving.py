"""A figure that moves, by keyboard alone, on a narrow page, and when its kernel is gone."""

import nbformat
import pytest

from tests.browser.lab import SHORT, Notebook

CODE = """
from helpers import plots
from helpers.live import choice, explore, slider, text

def draw(a, kind, line):
    figure, axis = plots.figure(width=4, height=2)
    axis.plot([0, a])
    axis.set(xlabel="x", ylabel="y")
    return figure, f"a {a}, kind {kind}, line {line}."

explore(draw, a=slider("a, with a label as long as they come", 0.0, 2.0, value=1.0, step=0.5),
        kind=choice("kind", ["one", "two"]), line=text("line", "first", examples=("second",)))
"""
SAYS = "text => document.querySelector('.unrolled-live [aria-live]')?.textContent.trim() === text"
START = "a 1.0, kind one, line first."


@pytest.fixture
def moving(window, server, course):
    """A notebook of one such figure, which has run."""
    file = course.folder / "notebooks" / "moving.ipynb"
    cells = [nbformat.v4.new_code_cell(CODE, id="moving"), nbformat.v4.new_code_cell("print(1)", id="next")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), file)
    folder, token = server.notebooks
    window.goto(f"{folder}{file.name}?reset&{token}")
    notebook = Notebook(window, file)
    notebook.run_all()
    notebook.controls("moving")
    says(window, START)
    return notebook


def says(page, text):
    page.wait_for_function(SAYS, arg=text, timeout=SHORT)


def test_keys_are_the_control_s_and_not_jupyterlab_s(moving):
    """In a list of choices JupyterLab would take an arrow for the next cell, and d, d would delete this."""
    page = moving.page
    panel = page.locator(".unrolled-live")
    kind, example = panel.locator("select").all()
    kind.focus()
    page.keyboard.press("ArrowDown")
    says(page, "a 1.0, kind two, line first.")
    example.focus()
    page.keyboard.press("s")
    says(page, "a 1.0, kind two, line second.")
    page.keyboard.press("d")
    page.keyboard.press("d")
    assert [cell["id"] for cell in moving.cells()] == ["moving", "next"]
    panel.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowUp")
    says(page, "a 1.5, kind two, line second.")
    page.keyboard.press("Shift+Enter")
    says(page, START)


def test_on_a_narrow_page_every_label_and_control_is_in_sight(moving, shoot):
    page = moving.page
    page.set_viewport_size({"width": 650, "height": 1000})   # as at 200 %
    panel = moving.controls("moving")
    shoot(panel)
    across = panel.bounding_box()
    for each in panel.locator("label:visible, input, select, .noUi-handle").all():
        box = each.bounding_box()
        assert across["x"] <= box["x"] and box["x"] + box["width"] <= across["x"] + across["width"] + 1
        assert box["height"] >= 15
    assert all(field.bounding_box()["width"] > 50 for field in panel.locator("input, select").all())
    moving.theme("JupyterLab Dark")
    shoot(panel, "dark")
    arrow = panel.locator("select").first.evaluate("list => getComputedStyle(list).backgroundImage")
    assert "stroke='white'" in arrow, "that of ipywidgets is black"
    moving.theme("JupyterLab Light")


def test_without_its_kernel_it_says_what_to_do(moving, shoot):
    page, panel = moving.page, moving.page.locator(".unrolled-live")
    again = "Run this cell, and the picture moves."
    moving.restart()
    after = "panel => getComputedStyle(panel, '::after').content"
    page.wait_for_function(f"panel => ({after})(panel).includes('{again}')", arg=panel.element_handle())
    shoot(page, "restarted")
    moving.run("next")
    moving.run("moving")
    says(page, START)
    moving.save()
    page.evaluate("async () => await window.jupyterapp.serviceManager.sessions.shutdownAll()")
    page.reload()
    output = page.locator(".jp-OutputArea").first
    output.get_by_text(again).wait_for()
    assert START in output.inner_text() and output.locator("img:visible").count() == 1
    shoot(page, "opened again")
