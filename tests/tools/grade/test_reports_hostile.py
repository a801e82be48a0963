"""Reports: nothing that a learner wrote gets out of its place in them."""

import csv
import io
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from markdown_it import MarkdownIt

from tests.tools.grade.reporting import assert_harmless, hostile
from tools.grade.reports import gradesheet, junit, markdown, pages, plain
from tools.grade.results import Alike, ClassResult

HOSTILE = [
    "</script><script>alert(1)</script>", "</textarea></code></pre><img src=x onerror=alert(1)>", "a|b|c",
    "\\|", "`code` ``two``", "one\ntwo\r\nthree\rfour", "\0\x01\x1b[31mred\x1b[0m\x7f\x85", "\ud800\udfff x",
    "\ufffe\uffff", "\u202egnp.exe\u202c\u2066", "한글과 조선글", '=A("http://x")', "@torvalds #1 $x$",
    "]]>", "&lt;b&gt;", "{{ 7*7 }}{% raw %}", "[a](javascript:alert(1)) ![b](http://x/y.png) <http://x>",
    "# head", "```\nfence", "../../etc/passwd", "'\" onmouseover=\"alert(1)", "", " ", "x" * 100_000,
    "www.example.org", "- a\n- b", "1. a", "> a", "a\n===", "***", "`", "``", "`|`", "\\`|\\",
]  # fmt: skip

MARKS = st.sampled_from("|`\\<>&*_[]()#@$=-+'\"\n\r\0\x1b{}%!~^:/. 1")
TEXTS = st.text(st.one_of(MARKS, st.characters()), max_size=40)

INLINE = {"text", "text_special", "code_inline", "strong_open", "strong_close", "html_inline"}
NAMES = ("heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item")
BLOCKS = {f"{name}_{end}" for name in NAMES for end in ("open", "close")} | {"inline", "fence"}


def classes(text):
    """A class with `text` everywhere, and one such learner."""
    alike = (Alike(text, (text, "lee"), text),)
    yield ClassResult((hostile(text), hostile(text, "lee")), alike, {"x": text})
    yield ClassResult((hostile(text),))


def assert_held(text):
    for found, harmless in zip(classes(text), classes("word"), strict=True):
        many = len(found.submissions)
        rows = list(csv.reader(io.StringIO(gradesheet.csv_text(found).removeprefix("\ufeff"))))
        assert len(rows) == 1 + many and len({len(row) for row in rows}) == 1
        xml = junit.junit_text(found).encode()
        assert len(list(ElementTree.fromstring(xml).iter("testcase"))) == 3 * many
        assert JUnitXml.fromstring(xml).failures == many
        assert_harmless(pages.class_page(found, {text: f"learners/{pages.page_name(text)}.html"}))
        assert_harmless(pages.learner_page(found.submissions[0]))
        assert_only_ours(markdown.markdown_text(found), markdown.markdown_text(harmless))


def assert_only_ours(text, harmless):
    """A Markdown page has the tables that it has with a harmless text, and no link, picture or tag in it."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    cells = [[token.type for token in each if token.type in ("tr_open", "td_open", "table_open")]
             for each in (tokens, parser.parse(harmless))]  # fmt: skip
    assert cells[0] == cells[1]
    assert {token.type for token in tokens} <= BLOCKS
    assert {token.tag for token in tokens if token.type == "heading_open"} <= {"h2", "h3", "h4"}
    inline = [each for token in tokens for each in token.children or ()]
    assert {each.type for each in inline} <= INLINE
    tags = {each.content for each in inline if each.type == "html_inline"}
    assert tags <= {"<code>", "</code>", "<span>", "</span>"}
    shown = (each.content for each in inline if each.type in ("text", "text_special", "html_inline"))
    words = re.sub("(?s)<code>.*?</code>", "", " ".join(shown))   # nothing in code is a link
    assert not re.search(r"@\w", words), words
    assert not re.search(r"://|\bwww\.", words), words


def assert_shown(text):
    """Text and code come out of a table's cells as they went in."""
    row = f"| {markdown.escaped(text)} | {markdown.code(text)} | end |"
    tokens = MarkdownIt("commonmark").enable(["table"]).parse(f"| a | b | c |\n| - | - | - |\n{row}\n")
    cells = [token.children or [] for token in tokens if token.type == "inline"][3:]
    shown = ["".join(each.content for each in cell if each.type != "html_inline") for cell in cells]
    wanted = [plain.clean(text, line=True), plain.clean(text, plain.ID, line=True), "end"]
    assert [each.replace("\u200b", "").strip() for each in shown] == [each.strip() for each in wanted]
    assert "code_inline" not in [each.type for each in cells[0]]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_a_learner_wrote_gets_out_of_its_place(text):
    assert_held(text)
    assert_shown(text)


@settings(max_examples=25)
@given(TEXTS)
def test_nor_does_any_other_text(text):
    assert_held(text)
    assert_shown(text)


@pytest.mark.torture
@pytest.mark.timeout(900)
@settings(max_examples=2_000)
@given(TEXTS)
def test_nor_do_many(text):
    assert_held(text)
    assert_shown(text)
