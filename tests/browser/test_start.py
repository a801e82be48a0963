"""`make lab` opens the start page, and chapters run to their end untouched."""

from tests.browser.lab import Notebook, error


def test_make_lab_opens_the_start_page(window, server, course, shoot):
    file = course.notebook("00_start_here")
    window.goto(server.address)
    start = Notebook(window, file)
    window.get_by_role("heading", name="0 · Start here").wait_for()
    assert window.locator(".jp-toast, .Toastify__toast, .jp-Dialog").count() == 0   # nothing in the way
    shoot(window)
    start.run_all()
    assert not [cell["id"] for cell in start.cells() if error(cell)]
    shoot(window, "run")
