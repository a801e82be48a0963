"""The site's two editions: a way from every page to the other language, all in Korean, links that stay."""

import html
import json
import posixpath
import re
from urllib.parse import urlsplit

import polib

from helpers.markup import HANGUL
from tests.site.conftest import ROOT
from tests.site.test_pages import COMMIT, REPOSITORY, SOURCES, alternative_texts, headings, plain, prose, rows

URL = "https://someone.github.io/unrolled/"
LINK = re.compile(r"<a\b[^>]*>")
NOT_OURS = re.compile(r"<(article|script|style|head|code)\b.*?</\1>|<nav[^>]*page-toc.*?</nav>", re.S)
IN_LATIN = {"Unrolled", "English", "Ctrl", "BSD 3-Clause", "CC BY 4.0"}
"""All that stands in Latin letters around the articles and the lists of their headings."""


def attribute(tag, name):
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""


def headings_of(text):
    return {plain(each).rstrip("#") for each in re.findall(r"<h[1-4]>.*?</h[1-4]>", text, re.S)}


def target(page, tag):
    """The page that a link leads to, from the edition's folder: ../x.html is in the other."""
    path = urlsplit(attribute(tag, "href")).path
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path))


def test_it_has_all_that_is_translated(site, korean):
    wanted = {f"chapters/{path.stem}.html" for path in SOURCES}
    wanted |= {f"docs/{path.stem}.html" for path in (ROOT / "docs" / "ko").glob("*.md")}
    assert set(korean.pages) == wanted | {"index.html", "exercises.html", "404.html", "search.html"}
    assert set(korean.pages) < set(site.pages)


def test_every_page_leads_to_itself_in_the_other_language_or_to_its_start(site, korean):
    for edition, other, folder, language in [(site, korean, "ko/", "ko"), (korean, site, "../", "en")]:
        for page in edition.pages:
            [link] = [tag for tag in LINK.findall(edition.text(page)) if 'class="language"' in tag]
            there = page if page in other.pages and page != "404.html" else "index.html"
            assert target(page, link) == posixpath.normpath(folder + there), page
            assert attribute(link, "hreflang") == attribute(link, "lang") == language


def test_pages_tell_search_engines_of_each_other(site, korean):
    for edition in (site, korean):
        for page in edition.pages:
            tags = re.findall(r'<link rel="alternate".*?>', edition.text(page))
            found = {attribute(tag, "hreflang"): attribute(tag, "href") for tag in tags}
            both = page in korean.pages and page not in ("404.html", "search.html")
            wanted = {"en": f"{URL}{page}", "ko": f"{URL}ko/{page}", "x-default": f"{URL}{page}"}
            assert found == (wanted if both else {}), page


def test_every_page_is_korean_from_title_to_licence(korean):
    messages = {entry.msgid: entry.msgstr for entry in polib.pofile(ROOT / "po" / "ko" / "site.po")}
    english = {text for text, korean in messages.items() if text != korean}
    for page in korean.pages:
        text = korean.text(page)
        assert '<html lang="ko"' in text, page
        assert re.search(r'<meta name="description" content="[^"]*[가-힣]', text), page
        said = {html.unescape(each) for each in re.findall(r'\b(?:title|aria-label)="([^"]+)"', text)}
        assert not said & english, page
        titles, text = headings_of(text), NOT_OURS.sub("", text)
        said |= {" ".join(html.unescape(each).split()) for each in re.findall(r">([^<>]+)<", text)}
        latin = {each for each in said if re.search("[A-Za-z]{2}", each) and not HANGUL.search(each)}
        assert latin - titles <= IN_LATIN, page
        assert "글과 그림: " in text and "데이터 페이지" in text, page


def test_what_the_theme_says_is_still_what_it_said(site):
    """A message that no page has any more is a theme's that has changed."""
    text = html.unescape("".join(site.text(page) for page in site.pages))
    for message in re.findall(r"^- (.+)$", (ROOT / "tools/site/theme.md").read_text(encoding="utf-8"), re.M):
        assert re.search(rf'[">]\s*{message}\s*["<]', text), message


def test_links_stay_in_the_edition_and_others_say_that_they_lead_to_english(site, korean):
    leaving = set()
    for page in korean.pages:
        for tag in LINK.findall(korean.text(page)):
            there = target(page, tag)
            if urlsplit(attribute(tag, "href")).scheme or not attribute(tag, "href"):
                continue
            assert (attribute(tag, "hreflang") == "en") == there.startswith("../"), (page, tag)
            if there.startswith("../") and 'class="language"' not in tag:
                leaving.add(there.removeprefix("../"))
    only_english = set(site.pages) - set(korean.pages)
    assert only_english <= leaving   # they are all in the contents
    assert leaving - only_english <= {"index.html", "chapters/00_start_here.html"}   # where it says "English"


def test_exercises_are_those_of_the_other_edition(site, korean):
    def found(edition):
        return [row[:4] for row in rows(edition.article("exercises.html")) if re.match(r"\d+\.\d+$", row[0])]

    assert found(korean) == found(site) and len(found(site)) == sum(len(headings(path)) for path in SOURCES)
    kinds = {row[4] for row in rows(korean.article("exercises.html")) if re.match(r"\d+\.\d+$", row[0])}
    assert kinds == {"쓰기", "고르기", "찾기", "고치기"}


def test_chapters_have_their_own_notebooks_hints_and_figures(korean):
    for path in SOURCES:
        name, page = path.stem, korean.text(f"chapters/{path.stem}.html")
        assert f"?urlpath=lab/tree/notebooks/ko/{name}.ipynb" in page
        assert f"https://colab.research.google.com/github/{REPOSITORY}/blob/colab/ko/{name}.ipynb" in page
        assert f'href="https://github.com/{REPOSITORY}/blob/{COMMIT}/notebooks/ko/{name}.ipynb"' in page
        student = (korean.folder / "notebooks" / f"{name}.ipynb").read_bytes()
        assert student == (ROOT / "notebooks" / "ko" / f"{name}.ipynb").read_bytes()
        images = re.findall(r"<img\b[^>]*>", korean.article(f"chapters/{name}.html"))
        assert [attribute(image, "alt") for image in images] == alternative_texts(name, "solutions/ko")
        assert page.count('<details class="hint"') == prose(name, "solutions/ko").count("<details>") > 0
        assert page.count('<p class="collapsed admonition-title">강좌의 풀이</p>') == len(headings(path))
        assert page.count('<p class="collapsed admonition-title">코드</p>') > 0
        assert page.count('<div lang="en" class="output stream') == page.count('class="output stream') > 0


def test_a_wrong_address_finds_both_editions(site, korean):
    assert '<base href="/unrolled/ko/">' in korean.text("404.html")
    assert 'href="ko/index.html" hreflang="ko"' in site.article("404.html")
    assert 'href="../index.html" hreflang="en"' in korean.article("404.html")


def test_scripts_speak_korean(korean):
    static = korean.folder / "_static"
    copying = (static / "copybutton.js").read_text(encoding="utf-8")
    searching = (static / "translations.js").read_text(encoding="utf-8")
    assert json.dumps("클립보드에 복사") in copying.partition("'en'")[0]
    assert json.dumps("페이지 ${resultCount}개를 찾았습니다.") in searching
    field = '<meta name="filter" content="용어집에서 찾기" data-rows="{rows}행 가운데 {shown}행">'
    assert field in korean.text("docs/glossary.html")


def test_the_index_is_small_and_in_letters(korean):
    index = (korean.folder / "searchindex.js").read_bytes()
    assert len(index) < 1_000_000
    terms = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)", index.decode().strip(), re.S)[1])["terms"]
    hangul = [term for term in terms if re.search("[\u1100-\u11ff]", term)]
    assert len(hangul) > 5000 and all(re.fullmatch(r"\^[\u1100-\u11ff]+\$", term) for term in hangul)
    assert not [term for term in terms if re.search("[가-힣]", term)]
