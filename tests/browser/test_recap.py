"""Chapter 1, run once for all tests here: what moves, both themes, a kernel restarted in the middle."""

import time

import pytest

from tests.browser.accessible import OUTPUT, findings
from tests.browser.lab import error

CHAPTER = "01_rnn_recap"
MOVED = """([panel, before]) => {
    const alt = panel.querySelector('img').alt;
    return alt !== before && alt === panel.querySelector('[aria-live]').textContent.trim();
}"""

LEAST = "handle => handle.ariaValueNow === handle.ariaValueMin"


@pytest.fixture(scope="module")
def recap(chapter):
    chapter.run_all()
    return chapter


def test_a_control_moves_with_keyboard_and_mouse(recap, shoot):
    """The picture and its sentence follow the slider, the field beside it too."""
    panel = recap.controls(recap.moving()[0])
    slider, field = panel.get_by_role("slider").first, panel.get_by_role("spinbutton").first
    assert slider.get_attribute("aria-label") == panel.locator("label").first.text_content().strip()
    began, drawn, value = sentence(panel), picture(panel), field.input_value()
    shoot(panel, "before")
    slider.focus()
    start = time.monotonic()
    for _ in range(4):
        recap.page.keyboard.press("ArrowRight")
    follow(recap.page, panel, began)
    print(f"4 keys, and the picture had followed after {1000 * (time.monotonic() - start):.0f} ms")
    assert picture(panel) != drawn and field.input_value() != value
    began = sentence(panel)
    track = panel.locator(".noUi-base").first.bounding_box()
    knob = slider.bounding_box()
    y = knob["y"] + knob["height"] / 2
    recap.page.mouse.move(knob["x"] + knob["width"] / 2, y)
    recap.page.mouse.down()
    recap.page.mouse.move(track["x"] - 20, y, steps=5)
    recap.page.mouse.up()
    recap.page.wait_for_function(LEAST, arg=slider.element_handle())
    follow(recap.page, panel, began)
    shoot(panel, "after")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_outputs_in_both_themes(recap, shoot, theme):
    """Boxes, figures, controls and tables; contrast is among what axe judges."""
    recap.theme(theme)
    shown = {
        "box": "rnn_step_check",
        "figure": next(cell["id"] for cell in recap.cells() if "axis.plot" in cell["source"]),
        "control": recap.moving()[0],
        "claims": [cell["id"] for cell in recap.cells() if "table(" in cell["source"]][-1],
    }
    found = {}
    recap.controls(recap.moving()[0])
    for name, id in shown.items():
        recap.select(id).locator(".jp-OutputArea-child:visible").first.wait_for()
        found[name] = findings(recap.page, OUTPUT)
        shoot(recap.page, name)
    assert not any(found.values()), found


def test_a_restarted_kernel(recap, shoot):
    """A cell from the middle says which name it lacks; running all puts everything in place."""
    recap.restart()
    cell = recap.run("rnn_step_check")
    shoot(recap.page)
    assert error(cell)["ename"] == "NameError"
    recap.run_all()
    assert not [cell["source"] for cell in recap.cells() if error(cell)]


def sentence(panel):
    return panel.locator("[aria-live]").text_content().strip()


def picture(panel):
    return panel.locator("img").get_attribute("src")


def follow(page, panel, before):
    """Wait until the picture and the sentence both say something else than `before`, and the same."""
    page.wait_for_function(MOVED, arg=[panel.element_handle(), before])
