"""The site as a reader uses it: searching, turning the pages, opening a hint, in light and in dark."""

import re

import pytest

from tests.browser.accessible import findings
from tests.browser.course import ROOT

SITE = ROOT / "build" / "site"
PAGES = (
    *("index.html", "chapters/00_start_here.html", "exercises.html"),
    *("docs/corrections.html", "docs/install.html"),
    *("ko/index.html", "ko/chapters/00_start_here.html", "ko/docs/glossary.html"),
)

pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="no build/site: make site")


@pytest.fixture
def visit(window):
    """`visit(page, theme)` → the browser's page there, with that theme chosen in the site's own menu."""

    def go(page, theme):
        window.goto((SITE / page).as_uri())
        window.locator(".theme-switch-button:visible").click()
        window.locator(f".theme-change-button[data-mode={theme}]").click()
        window.locator(f"html[data-theme={theme}]").wait_for()
        window.mouse.move(0, 0)   # off the menu, which then closes
        window.locator(".dropdown-menu.show").wait_for(state="detached")
        return window

    return go


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_search_finds_a_word(visit, shoot, theme):
    page = visit("index.html", theme)
    page.get_by_role("button", name="Search", exact=True).first.click()
    page.locator("dialog[open] input[name=q]").fill("peephole")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"search\.html\?q=peephole"))
    results = page.locator("#search-results li a")
    results.first.wait_for()
    page.locator("#search-results p.search-summary").wait_for()
    shoot(page)
    assert page.locator(f"html[data-theme={theme}]").count() == 1   # chosen once, kept on the next page
    results.first.click()
    page.locator("article").get_by_text("peephole").first.wait_for()


def test_from_the_start_to_a_chapter_to_the_next(visit, shoot):
    page = visit("index.html", "light")
    shoot(page, "start")
    page.locator("article").get_by_role("link", name="Start here").first.click()
    page.get_by_role("heading", level=1, name="0 · Start here").wait_for()
    shoot(page, "chapter")
    page.locator("a.right-next").click()
    page.get_by_role("heading", level=1, name="1 · RNN recap").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_hint_opens_by_keyboard(visit, shoot, theme):
    page = visit("chapters/01_rnn_recap.html", theme)
    hint = page.locator("details.hint").first
    assert hint.get_attribute("open") is None
    hint.locator("summary").focus()
    page.keyboard.press("Enter")
    hint.get_by_text("Without input the unit computes").wait_for()
    assert hint.get_attribute("open") is not None
    shoot(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_for_everyone(visit, shoot, name, theme):
    if not (SITE / name).exists():
        pytest.skip("no Korean edition in build/site")
    page = visit(name, theme)
    shoot(page)
    found = findings(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["chapters/02_bptt_toy_example.html", "records.html"])
def test_a_phone_scrolls_only_downwards_and_keys_reach_all(visit, shoot, name):
    page = visit(name, "dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    shoot(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    found = findings(page, "article")   # formulas and code that are wider scroll by themselves
    assert not found, "\n".join(found)
