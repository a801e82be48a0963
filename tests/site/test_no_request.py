"""In a browser: every page opens, from a file and over http, without a complaint, and asks nobody else."""

import http.server
import re
import threading
from functools import partial
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import browser  # noqa: F401  (a fixture)
from tests.site.test_pages import plain

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def served(site):
    """The site's address on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site.folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def visited(browser):  # noqa: F811
    """visited(addresses, …): (requests, complaints) of opening them in one window."""

    def visit(addresses, **options):   # a file that is missing is told on the console, too
        requests, complaints = [], []
        context = browser.new_context(**options)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda said: said.type == "error" and complaints.append(f"{page.url}: {said}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        for address in addresses:
            page.goto(address, wait_until="load")
            widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            if widths[0] > widths[1]:
                complaints.append(f"{page.url}: {widths[0]} pixels wide in {widths[1]}")
        context.close()
        return requests, complaints

    return visit


@pytest.mark.parametrize("scheme, width", [("light", 1300), ("dark", 390)])
def test_no_page_asks_elsewhere_or_complains_or_is_too_wide(site, served, visited, scheme, width):
    pages = [path.relative_to(site.folder).as_posix() for path in sorted(site.folder.rglob("*.html"))]
    pages = [page for page in pages if not page.endswith("404.html")]   # their files are below /unrolled/
    size = {"width": width, "height": 900}
    requests, complaints = visited([served + page for page in pages], color_scheme=scheme, viewport=size)
    assert not complaints, "\n".join(complaints)
    elsewhere = {url for url in requests if not url.startswith((served, "data:"))}
    assert not elsewhere
    assert {urlsplit(url).path for url in requests} >= {f"/{page}" for page in pages}


def test_from_files_too_and_their_search_finds(site, visited, browser):  # noqa: F811
    pages = ("index.html", "chapters/01_rnn_recap.html", "docs/notation.html", "records.html")
    requests, complaints = visited([(site.folder / page).as_uri() for page in pages])
    assert not complaints, "\n".join(complaints)
    assert {urlsplit(url).scheme for url in requests} <= {"file", "data"}
    page = browser.new_page()
    page.goto((site.folder / "search.html").as_uri() + "?q=hopfield")
    page.locator("#search-results li a", has_text=re.compile("Corrections")).first.wait_for()
    page.close()


def test_rows_are_kept_by_their_words_and_all_come_back(site, browser):  # noqa: F811
    page = browser.new_page()
    page.goto((site.folder / "docs" / "corrections.html").as_uri())
    rows = page.locator("article tbody tr:visible")
    every = rows.count()
    page.get_by_label("Search what one hears").fill("Hopfield associative")
    assert rows.count() == 1 and page.locator("form.filter output").inner_text() == f"1 of {every} rows"
    page.get_by_label("Search what one hears").fill("")
    assert rows.count() == every > 40
    page.close()


def test_hints_are_open_on_paper_which_is_white_and_folded_again(site, browser):  # noqa: F811
    page = browser.new_page(color_scheme="dark")
    page.goto((site.folder / "chapters" / "01_rnn_recap.html").as_uri())
    hints = page.locator("details.hint")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.hint[open]").count() == hints.count() > 8
    assert page.locator("html").get_attribute("data-theme") == "light"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.hint[open]").count() == 0
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.close()


def test_without_script_a_page_has_its_colours_and_all_its_rows(site, browser):  # noqa: F811
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site.folder / "docs" / "corrections.html").as_uri())
    colour = page.locator("article a").first.evaluate("link => getComputedStyle(link).color")
    assert colour not in ("rgb(0, 0, 0)", "rgba(0, 0, 0, 0)")
    assert page.locator("article tbody tr:visible").count() > 40
    context.close()


def test_on_a_phone_keys_reach_what_scrolls_by_itself(site, browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((site.folder / "chapters" / "02_bptt_toy_example.html").as_uri(), wait_until="load")
    wide = """() => [...document.querySelectorAll("article *")].filter(
        (box) => box.scrollWidth > box.clientWidth && box.clientWidth
            && /auto|scroll/.test(getComputedStyle(box).overflowX)
        ).map((box) => [box.className, box.tabIndex])"""
    boxes = page.evaluate(wide)
    assert boxes and not [name for name, index in boxes if index != 0]
    assert [name for name, _ in boxes if "math" in name]
    page.close()


def test_commands_are_copied_whole(site, served, browser):  # noqa: F811
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(served + "docs/install.html")
    code = page.locator("article pre").first
    button = page.locator("article button.copybtn").first
    button.focus()
    assert button.get_attribute("data-tooltip") == "Copy"
    page.keyboard.press("Enter")
    page.locator("button.copybtn.success").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").strip() == code.inner_text().strip()
    context.close()


def test_the_way_to_the_other_language_leads_to_the_same_page_and_back(korean, served, browser):  # noqa: F811
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(served + "chapters/01_rnn_recap.html")
    page.get_by_role("link", name="한국어").click()
    page.get_by_role("heading", level=1, name="1 · RNN 되짚기").wait_for()
    assert page.url == served + "ko/chapters/01_rnn_recap.html"
    page.get_by_role("link", name="English", exact=True).click()
    page.get_by_role("heading", level=1, name="1 · RNN recap").wait_for()
    page.close()


@pytest.mark.parametrize("over", ["http", "file"])
def test_korean_is_found_however_its_words_end(korean, served, browser, over):  # noqa: F811
    page = browser.new_page()
    begin = f"{served}ko/" if over == "http" else f"{korean.folder.as_uri()}/"

    def found(query):
        page.goto(f"{begin}search.html?q={query}")
        page.locator("#search-results p.search-summary", has_text=re.compile(r"\S")).wait_for()
        return {link.get_attribute("href") for link in page.locator("#search-results li a").all()}

    def pages_with(text):
        articles = {page: plain(korean.article(page)) for page in korean.pages if page != "search.html"}
        return {page for page, article in articles.items() if re.search(text, article)}

    every = found("기억")
    assert pages_with("기억(이고|을|은|하)") <= every <= pages_with("기억") and len(every) > 8
    assert found("기억을") == every
    assert pages_with("느립니다") <= found("느리")
    both = found("기울기 소실")
    assert both and both <= pages_with("기울기") & pages_with("소실")
    assert found("gates") == found("gate") != set()
    if over == "http":   # what stands around a word is read from its page
        found("역전파")
        page.locator("#search-results li p.context", has_text="역전파").first.wait_for()
    assert not found("없는말입니다")
    page.close()


def test_rows_of_the_korean_glossary_are_kept_by_their_words(korean, browser):  # noqa: F811
    page = browser.new_page()
    page.goto((korean.folder / "docs" / "glossary.html").as_uri())
    rows = page.locator("article tbody tr:visible")
    every = rows.count()
    page.get_by_label("용어집에서 찾기").fill("게이트 망각")
    assert page.locator("form.filter output").inner_text() == f"{every}행 가운데 {rows.count()}행"
    assert 0 < rows.count() < 5
    page.close()
