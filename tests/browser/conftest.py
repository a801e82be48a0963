"""One browser and one JupyterLab for all tests here; every test gets a fresh window."""

import contextlib
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.browser.course import ROOT, Course, Server
from tests.browser.lab import Notebook

CHROMIUM = os.environ.get("UNROLLED_CHROMIUM")   # before pytest starts, and cleans the environment
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
NONE = (
    "no Chromium: install one (Debian, Ubuntu: apt install chromium; elsewhere: .venv-test/bin/python -m "
    "playwright install chromium), or name its program in UNROLLED_CHROMIUM"
)
SCREENSHOTS = ROOT / "build" / "screenshots"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: make test-browser has it")
    named = CHROMIUM or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_api.sync_playwright() as playwright:
        if not named and not Path(playwright.chromium.executable_path).exists():
            pytest.skip(NONE)
        options = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=named, args=options)
        yield browser
        browser.close()


@contextlib.contextmanager
def fresh_window(browser):
    """A page of a browser that has seen nothing before; kernels begun in it end with it."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    page = context.new_page()
    try:
        yield page
        page.evaluate("async () => await window.jupyterapp?.serviceManager.sessions.shutdownAll()")
    finally:
        context.close()


@pytest.fixture
def window(browser):
    with fresh_window(browser) as page:
        yield page


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    return Course(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="session")
def server(browser, course):
    if os.name != "posix" or not shutil.which("make"):
        pytest.skip("make is not here, and `make lab` is what is tried")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)   # `kill` ends the server, too
    server = Server(course)
    try:
        yield server
    finally:
        server.stop()
        signal.signal(signal.SIGTERM, before)


def opened(page, server, course, name):
    """notebooks/`name`.ipynb, as the course gives it out, open in JupyterLab in `page`."""
    file = course.notebook(name)
    folder, token = server.notebooks
    page.goto(f"{folder}{name}.ipynb?reset&{token}")
    return Notebook(page, file)


@pytest.fixture
def open_notebook(window, server, course):
    """`open_notebook(name)` → the chapter, not yet run."""
    return lambda name: opened(window, server, course, name)


@pytest.fixture(scope="module")
def chapter(request, browser, server, course):
    """The chapter that the module names in CHAPTER, open for all of its tests."""
    with fresh_window(browser) as page:
        yield opened(page, server, course, request.module.CHAPTER)


@pytest.fixture
def shoot(request):
    """`shoot(page or element, name="")`: a picture in build/screenshots, named after the test."""

    def take(what, name=""):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
        what.screenshot(path=SCREENSHOTS / f"{stem}{'-' if name else ''}{name}.png")

    return take
