"""The built pages hold what their sources hold: each exercise, record, figure's text, hint and row, once."""

import ast
import html
import json
import re
from pathlib import Path

import pytest

from tests.site.conftest import COMMIT, REPOSITORY, ROOT, build

SOURCES = sorted((ROOT / "solutions").glob("[0-9][0-9]_*.py"))
RECORDS = sorted(path.stem for path in (ROOT / "data" / "runs").glob("*.json") if path.stem != "schema")
chapters = pytest.mark.parametrize("name", [path.stem for path in SOURCES])


def notebook(name, folder="solutions"):
    return json.loads((ROOT / folder / f"{name}.ipynb").read_text(encoding="utf-8"))


def prose(name, folder="solutions"):
    cells = notebook(name, folder)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def alternative_texts(name, folder="solutions"):
    outputs = [output for cell in notebook(name, folder)["cells"] for output in cell.get("outputs", [])]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    return [figure["metadata"]["image/png"]["alt"] for figure in figures]


def headings(path):
    """(number, name, stars, minutes) of every exercise of a percent script."""
    form = r"^# ###? Exercise (\d+\.\d+) · `(\w+)` · ([★☆]{3}) · (\d+) min$"
    return re.findall(form, path.read_text(encoding="utf-8"), re.M)


def rows(text):
    """The table rows of a page, each a list of its cells' text."""
    found = re.findall(r"<tr\b.*?</tr>", text, re.S)
    return [[plain(cell) for cell in re.findall(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", row, re.S)] for row in found]


def plain(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


# --- Exercises ---------------------------------------------------------------------------------------


def test_every_exercise_stands_once_on_the_page_of_all_with_what_its_heading_says(site):
    wanted = [list(heading) for path in SOURCES for heading in headings(path)]
    found = [row[:4] for row in rows(site.article("exercises.html")) if re.match(r"\d+\.\d+$", row[0])]
    assert found == wanted and len(wanted) > 70


def test_its_kind_is_the_one_that_its_check_knows(site):
    from helpers.checks import exercises
    from helpers.checks.registry import Quiz

    quizzes = {each.name for each in exercises() if isinstance(each, Quiz)}
    kinds = {row[1]: row[4] for row in rows(site.article("exercises.html")) if re.match(r"\d+\.\d+$", row[0])}
    assert {name for name, kind in kinds.items() if kind in ("choose", "find")} == quizzes
    assert sum(kind in ("find", "mend") for kind in kinds.values()) >= 14   # both, from chapter 2 on


def test_sums_are_those_of_the_rows(site):
    table = rows(site.article("exercises.html"))
    sums = [[int(cell) for cell in row[1:]] for row in table if len(row) == 6 and row[1].isdigit()]
    every = [heading for path in SOURCES for heading in headings(path)]
    assert [sum(column) for column in zip(*sums[:-1], strict=True)] == sums[-1]
    stars = [sum(heading[2].count("★") == number for heading in every) for number in (1, 2, 3)]
    assert sums[-1] == [len(every), sum(int(heading[3]) for heading in every), *stars]
    assert [row[0] for row in sums[:-1]] == [len(headings(path)) for path in SOURCES]


def test_each_leads_to_its_place(site):
    links = re.findall(r'href="chapters/(\w+)\.html#([\w-]+)"><span[^>]*><code.*?>(\w+)</span></code>',
                       site.article("exercises.html"))  # fmt: skip
    assert len(links) == sum(len(headings(path)) for path in SOURCES)
    for chapter, anchor, name in links:
        place = site.article(f"chapters/{chapter}.html").split(f'id="{anchor}"')
        assert len(place) == 2 and name in re.search(r"<h[2-4]>.*?</h[2-4]>", place[1], re.S)[0]


# --- Chapters ----------------------------------------------------------------------------------------


@chapters
def test_figures_keep_their_texts_in_order(site, name):
    images = re.findall(r"<img\b[^>]*>", site.article(f"chapters/{name}.html"))
    shown = [html.unescape(re.search(r'alt="([^"]*)"', image)[1]) for image in images]
    assert shown == alternative_texts(name) != []


@chapters
def test_a_caption_that_repeats_a_figures_text_is_not_read_out_again(site, name):
    page = site.article(f"chapters/{name}.html")
    texts = [plain(image) for image in re.findall(r'<img\b[^>]*?\balt="([^"]*)"', page)]
    hidden = [plain(each) for each in re.findall(r"<small aria-hidden='true'>(.*?)</small>", page, re.S)]
    assert hidden == [f"Figure: {text}" for text in texts] and hidden


@chapters
def test_printed_claims_may_be_wrapped(site, name):
    outputs = [output for cell in notebook(name)["cells"] for output in cell.get("outputs", [])]
    printed = ["".join(output["text"]) for output in outputs if output["output_type"] == "stream"]
    wanted = [line for text in printed for line in text.splitlines() if line.startswith(("✓ ", "✗ "))]
    claims = re.findall(r'<span class="claim">(.*)</span>$', site.article(f"chapters/{name}.html"), re.M)
    assert [html.unescape(re.sub("<[^>]+>", "", claim)) for claim in claims] == wanted and wanted


@chapters
def test_hints_and_boxes_are_all_there(site, name):
    page = site.article(f"chapters/{name}.html")
    assert page.count('<details class="hint"') == len(re.findall(r"<details>\s*<summary>", prose(name)))
    boxes = [json.dumps(output) for cell in notebook(name)["cells"] for output in cell.get("outputs", [])]
    assert page.count("role='status'") == sum(box.count("role='status'") for box in boxes) > 0


@chapters
def test_solutions_and_code_that_only_draws_are_folded(site, name):
    page = site.article(f"chapters/{name}.html")
    solved = len(headings(ROOT / "solutions" / f"{name}.py"))
    assert page.count('<p class="collapsed admonition-title">Our solution</p>') == solved
    folded = sum("hide-input" in cell["metadata"].get("tags", []) for cell in notebook(name)["cells"])
    assert page.count('<p class="collapsed admonition-title">The code</p>') == folded > 0
    inside = [ast.parse("".join(cell["source"])).body for cell in notebook(name)["cells"]
              if "exercise" in cell["metadata"].get("unrolled", {})]  # fmt: skip
    shown = re.findall(r'">Our solution</p>.*?</details>', page, re.S)
    for [function], code in zip(inside, shown, strict=True):
        assert f'<span class="nf">{function.name}</span>' in code
    assert "SOLUTION" not in page


@chapters
def test_a_chapter_can_be_opened_and_taken_along(site, name):
    page = site.article(f"chapters/{name}.html")
    at = f"https://mybinder.org/v2/gh/{REPOSITORY}/{COMMIT}?urlpath=lab/tree/notebooks/{name}.ipynb"
    assert f'href="{at}"' in page
    assert f'href="https://colab.research.google.com/github/{REPOSITORY}/blob/colab/{name}.ipynb"' in page
    assert f'href="https://github.com/{REPOSITORY}/blob/{COMMIT}/notebooks/{name}.ipynb"' in page
    assert f'<a href="../notebooks/{name}.ipynb" download>' in page
    student = (site.folder / "notebooks" / f"{name}.ipynb").read_bytes()
    assert student == (ROOT / "notebooks" / f"{name}.ipynb").read_bytes()


@chapters
def test_formulas_are_set(site, name):
    page = site.article(f"chapters/{name}.html")
    text = re.sub(r"```.*?```|`[^`]*`", "", prose(name), flags=re.S)
    assert page.count('class="katex-display"') >= text.count("$$") // 2
    assert ('<span class="math' in page) == ("$" in text)
    code = r"<pre.*?</pre>|<code.*?</code>|<annotation.*?</annotation>|<img[^>]*>"
    assert not re.findall(r"\$[^$<>\n]{1,80}\$", re.sub(code, "", page, flags=re.S))


@chapters
def test_the_closing_table_is_a_table(site, name):
    page = site.article(f"chapters/{name}.html")
    claimed = [output for cell in notebook(name)["cells"] for output in cell.get("outputs", [])
               if "text/markdown" in output.get("data", {})]  # fmt: skip
    lines = ["".join(output["data"]["text/markdown"]).splitlines() for output in claimed]
    wanted = sum(len(each) - 1 for each in lines if each[0].startswith("| What one hears"))
    tables = [table for table in re.findall(r"<table.*?</table>", page, re.S) if "What one hears" in table]
    assert sum(len(rows(table)) for table in tables) == wanted


# --- Records, corrections, and every page ------------------------------------------------------------


def test_every_record_stands_once_with_its_command_and_can_be_taken_along(site):
    page = site.article("records.html")
    sections = re.findall(r"<h3>(.*?)</h3>(.*?)</table>", page, re.S)
    assert sorted(plain(title).rstrip("#") for title, _ in sections) == RECORDS
    for title, body in sections:
        name = plain(title).rstrip("#")
        record = json.loads((ROOT / "data" / "runs" / f"{name}.json").read_text(encoding="utf-8"))
        table = dict(row for row in rows(body + "</table>") if len(row) == 2)
        assert table["Command"] == record["command"] and table["Seed"] == str(record["seed"])
        assert table["Main result"] and record["versions"]["numpy"] in table["Versions"]
        assert record["hardware"]["processor"] in table["Hardware"]
        assert f'href="records/{name}.json"' in body
        assert json.loads((site.folder / "records" / f"{name}.json").read_text(encoding="utf-8")) == record


@pytest.mark.parametrize("name", ["corrections", "glossary"])
def test_pages_with_a_field_have_all_rows_without_script_too(site, name):
    lines = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").splitlines()
    wanted = sum(line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line) for line in lines)
    assert len(rows(site.article(f"docs/{name}.html"))) == wanted > 30
    assert '<meta name="filter"' in site.text(f"docs/{name}.html")
    assert '<meta name="filter"' not in site.text("docs/notation.html")


def test_docs_are_all_there_and_in_the_contents(site):
    wanted = {f"docs/{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    assert wanted <= set(site.pages)
    contents = re.search(r'<nav class="bd-links.*?</nav>', site.text("index.html"), re.S)[0]
    linked = set(re.findall(r'href="([^"#]+\.html)', contents))
    assert linked >= set(site.pages) - {"404.html", "search.html", "index.html"}


def test_every_page_has_language_title_icon_licences_and_description(site):
    for page in site.pages:
        text = site.text(page)
        assert '<html lang="en"' in text and 'rel="icon"' in text, page
        assert re.search(r"<title>[^<]*Unrolled</title>", text), page
        assert re.search(r'<meta name="description" content="[^"]{20,}">', text), page
        assert re.search(r'<meta property="og:title" content="[^"]+">', text), page
        assert "BSD 3-Clause" in text and "CC BY 4.0" in text, page
        assert len(re.findall(r"<h1\b", re.sub(r'"jb-print-docs-body".*?</h1>', "", text, flags=re.S))) == 1


def test_a_chapter_is_described_by_its_question_and_the_start_page_by_the_course(site):
    for path in SOURCES:
        question = re.search(r"^# \*\*(.+\?)\*\*$", path.read_text(encoding="utf-8"), re.M)[1]
        head = site.text(f"chapters/{path.stem}.html").partition("</head>")[0]
        assert f'<meta name="description" content="{question}">' in html.unescape(head)
        assert f'content="https://someone.github.io/unrolled/chapters/{path.stem}.html"' in head
    head = site.text("index.html").partition("</head>")[0]
    assert 'name="description" content="A course on recurrent' in head
    assert "<title>A course on recurrent networks" in head


def test_korean_is_marked_as_korean(site):
    letters = re.compile("[\uac00-\ud7a3]")
    marked = re.compile(r"""<span lang=["']ko["']>.*?</span>""")
    found = {page: len(marked.findall(site.article(page))) for page in site.pages if page != "search.html"}
    for page in found:
        assert not letters.search(plain(marked.sub("", site.article(page)))), page
    assert found["docs/glossary.html"] > 60 and found["chapters/08_sentiment.html"] > 10


def test_files_that_no_page_needs_are_left_out(site):
    assert not [path for path in site.folder.rglob("*") if path.suffix in (".map", ".po", ".mo", ".txt")
                and "LICENSE" not in path.name]  # fmt: skip


def test_a_wrong_address_finds_its_files_from_everywhere(site):
    head = site.text("404.html").partition("</head>")[0]
    assert head.index('<base href="/unrolled/">') < head.index("<link")
    assert "<base" not in site.text("index.html")


def test_the_search_knows_every_page_and_words_of_them(site):
    index = (site.folder / "searchindex.js").read_text(encoding="utf-8")
    found = json.loads(re.fullmatch(r"Search\.setIndex\((.*)\)", index.strip(), re.S)[1])
    pages = {f"{name}.html" for name in found["docnames"]}
    assert pages == set(site.pages) - {"search.html"}
    assert {"perplex", "latch", "hopfield"} <= set(found["terms"])


def test_a_second_build_of_the_same_is_none(site):
    build("--out", site.folder, "--repository", REPOSITORY, "--ref", COMMIT)   # if a source has just changed
    code, output = build("--out", site.folder, "--repository", REPOSITORY, "--ref", COMMIT)
    assert code == 0 and output.startswith("up to date")
    assert not list(site.folder.parent.glob(f".{site.folder.name}-*"))


def test_no_folder_of_this_machine_stands_in_a_page(site):
    here = [str(Path.home()) + "/", str(ROOT) + "/"]
    found = [page for page in site.pages if any(folder in site.text(page) for folder in here)]
    assert not found
