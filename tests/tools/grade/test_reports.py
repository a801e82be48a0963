"""Reports: what they say to learners, instructors and programs."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from tests.tools.grade.reporting import Page, assert_harmless, exercise, hostile, submission
from tools.grade import reports
from tools.grade.reports import gradesheet, junit, markdown, pages, plain, summary, terminal
from tools.grade.results import (
    FAILED,
    MISSING,
    NOT_ATTEMPTED,
    NOT_GRADED,
    PARTLY,
    PASSED,
    STATES,
    Alike,
    ClassResult,
    Handed,
    SubmissionResult,
)

ONE = submission(
    "kim",
    exercise("lstm_step", "04", PARTLY, 1.5, "4.1", text="`c`", hint="Use `f * c`.", mistake="forgets"),
    exercise("sample", "01", FAILED, 0.0, "1.10", text="`h` differs", hint="Rows.", mistake="transposed"),
    exercise(),
    exercise("quiz", "04", NOT_ATTEMPTED, 0.0, "4.2"), exercise("gone", "04", MISSING, 0.0, "4.3"),
    exercise("slow", "04", NOT_GRADED, None, "4.4", text="It was stopped."),
)  # fmt: skip
TWO = submission(
    "lee",
    exercise(state=FAILED, points=0.0, text="other"),
    exercise("sample", "01", FAILED, 0.0, "1.10", hint="Rows.", mistake="transposed"),
)
CLASS = ClassResult((ONE, TWO), (Alike("sample", ("kim", "lee"), "The same."),), {"Python": "3.11"})


def table(found):
    return list(csv.DictReader(io.StringIO(gradesheet.csv_text(found).removeprefix("\ufeff"))))


def test_a_row_a_learner_and_nothing_where_nothing_is_known():
    kim, lee = table(CLASS)
    about = [kim[name] for name in ("learner", "points", "max points", "not graded")]
    assert about == ["kim", "3.5", "10.0", "1"]
    assert kim["4.4 slow"] == "" and kim["4.4 slow: state"] == "not graded"
    assert kim["4.3 gone"] == "0.0" and lee["4.1 lstm_step"] == ""
    assert lee["4.1 lstm_step: state"] == gradesheet.NOT_HANDED_IN
    assert kim["4.1 lstm_step: state"] == "partly right: forgets"
    # the later moment, not the later date
    assert kim["submitted at"] == "2026-11-27T20:00:00+00:00"
    names = list(kim)
    assert names.index("1.2 rnn_step") < names.index("1.10 sample") < names.index("4.1 lstm_step")


def test_the_table_is_utf8_for_spreadsheets_and_a_file(tmp_path):
    path = tmp_path / "new" / "grades.csv"
    reports.write(ClassResult((submission("김민준", exercise()),)), csv=path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbflearner,") and b"\r" not in path.read_bytes()
    with open(path, encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["learner"] == "김민준"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1", " =1", "|calc"])
def test_no_cell_is_a_formula(text):
    row = table(ClassResult((hostile(text),)))[0]
    texts = [value for name, value in row.items() if re.search("[^0-9.]", value) and name != "files"]
    assert row["learner"] in texts
    assert not [value for value in texts if re.match(r"[=+\-@\s＝|]", value)]


@pytest.mark.parametrize(
    ("state", "kind"),
    [(PASSED, None), (PARTLY, "failure"), (FAILED, "failure"), (NOT_ATTEMPTED, "skipped"),
     (MISSING, "skipped"), (NOT_GRADED, "error")],
)  # fmt: skip
def test_each_state_has_its_place_in_junit(state, kind):
    points = None if state == NOT_GRADED else 1.5
    result = exercise(state=state, points=points, text="text", hint="the hint", mistake="name")
    one = submission("kim", result)
    root = ElementTree.fromstring(junit.junit_text(ClassResult((one,))).encode())
    case = root.find("testsuite/testcase")
    assert case.get("name") == "1.2 rnn_step" and root.find("testsuite").get("name") == "Chapter 01"
    assert [each.tag for each in case if each.tag != "properties"] == ([kind] if kind else [])
    found = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert found == {"points": "" if points is None else "1.5", "max_points": "2", "state": state}
    if kind:
        outcome = case.find(kind)
        assert outcome.get("message") == f"{state}: name"
        assert outcome.text.split("\n") == ["text", "Hint: the hint"]
        assert root.get({"failure": "failures", "error": "errors"}.get(kind, kind)) == "1"


def test_junit_has_a_suite_a_learner_and_one_for_problems():
    bad = submission("lee", exercise(), problems=("02.ipynb: cut off",))
    root = ElementTree.fromstring(junit.junit_text(ClassResult((ONE, bad))).encode())
    assert [each.get("name") for each in root] == ["kim", "lee", "lee: what was handed in"]
    assert root.find("testsuite[3]/testcase/error").get("message") == "02.ipynb: cut off"
    facts = {each.get("name"): each.get("value") for each in root[0].find("properties")}
    assert facts == {"learner": "kim", "points": "3.5", "max_points": "10", "isolation": "bubblewrap"}


def test_one_learners_markdown_names_mistakes_and_hints():
    text = markdown.markdown_text(ClassResult((ONE,)))
    assert "| ✗ | 1.10 `sample` | 0 / 2 | failed: transposed |" in text
    assert "| ? | 4.4 `slow` | – / 2 | not graded |" in text
    assert "#### ✗ 1.10 `sample`: failed: transposed\n\n`h` differs\n\n**Hint.** Rows." in text
    assert "### Chapter 01: 2 of 4 points" in text and "3.5 of 10 points" in text
    assert text.index("`rnn_step`") < text.index("`sample`")   # 1.2 before 1.10
    review = ClassResult((submission("kim", exercise(review=("line 3: torch",))),))
    assert "torch" not in markdown.markdown_text(review)


def test_the_class_in_markdown():
    text = markdown.markdown_text(CLASS)
    assert "| 2 | 1.10 `sample` | **transposed**. Rows. | `kim`, `lee` |" in text
    assert "| 1 | 1.2 `rnn_step` | none of the known mistakes | `lee` |" in text
    assert "| `kim` | 4.4 `slow` | It was stopped. |" in text
    assert "| `sample` | `kim`, `lee` | The same. |" in text
    assert "| `kim` | 3.5 of 10 | 1 of 6 | 1 |" in text


def test_a_page_that_is_too_long_is_cut_between_tables_and_says_so(monkeypatch):
    many = ClassResult(tuple(submission(f"learner {n}", exercise()) for n in range(250)))
    whole = markdown.markdown_text(many)
    assert "learner 249" in whole and markdown.CUT not in whole
    monkeypatch.setattr(markdown, "LIMIT", len(whole.encode()) - 1_000)
    cut = markdown.markdown_text(many)
    assert len(cut.encode()) < markdown.LIMIT + 200 and cut.endswith(markdown.CUT + "\n")
    assert "learner 199" in cut and "learner 200" not in cut


def test_the_summary_counts():
    counts = {each.result.exercise: each for each in summary.exercise_counts(CLASS)}
    assert counts["sample"].states == dict.fromkeys(STATES, 0) | {FAILED: 2}
    assert counts["rnn_step"].points == 1.0 and counts["slow"].points is None
    made = [(each.name, each.result.exercise, each.learners) for each in summary.mistakes(CLASS)]
    assert made == [
        ("transposed", "sample", ("kim", "lee")), ("", "rnn_step", ("lee",)),
        ("forgets", "lstm_step", ("kim",)),
    ]  # fmt: skip
    lost = SubmissionResult("cho", "2026", "none", (), (Handed("x.ipynb", "", "", "", "cut off"),))
    assert [(each.learner, each.sentence) for each in summary.not_graded(ClassResult((ONE, lost)))] == [
        ("kim", "It was stopped."), ("cho", "x.ipynb: cut off"),
    ]  # fmt: skip


def test_text_is_cut_and_says_by_how_much():
    assert plain.clean("x" * 50, 10) == "x" * 10 + " … (40 more characters)"
    assert len(pages.learner_page(hostile("x" * 1_000_000))) < 100_000
    assert plain.clean("a\0\x1b[31mb\x1b[0m\u202e\ud800") == "a\\x00b\\u202e\\ud800"
    assert plain.clean("가\u1100\u1161 é 👩\u200d💻\n\tx") == "가\u1100\u1161 é 👩\u200d💻\n\tx"


def test_a_learners_page_says_everything_and_asks_for_nothing():
    page = assert_harmless(pages.learner_page(ONE))
    text = " ".join(" ".join(page.texts).split())
    for part in ("kim", "3.5 of 10 points", "Chapter 04", "failed: transposed", "0 of 2 points", "Rows.",
                 "points unknown (of 2)", "not attempted", "not in the notebook"):  # fmt: skip
        assert part in text, part
    assert ("html", {"lang": "en"}) in page.tags
    html = pages.learner_page(ONE)
    assert "<code>f * c</code>" in html and "default-src &#39;none&#39;" not in html
    assert "default-src 'none'" in html and not re.search(r"https?:|url\(|@import", html)
    reviewed = submission("kim", exercise(review=("line 3: torch.nn",)))
    assert "torch.nn" not in pages.learner_page(reviewed)
    assert "torch.nn" in pages.class_page(ClassResult((reviewed,)), {})


def test_the_class_page_links_to_pages_that_are_there(tmp_path):
    learners = ["kim", "Kim", "../../x", "a/b", "..", "con", "한글", "\ud800", "x" * 300, "#?%20", "-"]
    found = ClassResult(tuple(submission(each, exercise()) for each in learners))
    reports.write(found, html=tmp_path / "out")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out"]
    page = assert_harmless((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    links = {value["href"] for _, value in page.tags if value.get("href", "").startswith("learners/")}
    files = {each.relative_to(tmp_path / "out").as_posix() for each in (tmp_path / "out").rglob("*/*.html")}
    assert len(files) == len(learners) and links == files
    assert len({each.lower() for each in files}) == len(learners)


def test_headings_headers_and_labels_of_the_class_page():
    page = Page(pages.class_page(CLASS, {}))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1 and set(levels[1:]) == {2}
    heads = [attributes for tag, attributes in page.tags if tag == "th"]
    assert heads and all(each.get("scope") in ("row", "col") for each in heads)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_one_page_is_one_learners(tmp_path):
    reports.write(ClassResult((ONE,)), html=tmp_path / "me.html")
    assert "3.5 of 10 points" in (tmp_path / "me.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"html: got '.*me.html' for 2 learners, wanted a folder's name"):
        reports.write(CLASS, html=tmp_path / "me.html")


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "report.md"
    path.write_text("old", encoding="utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        reports.write(CLASS, markdown=path)
    assert [each.name for each in tmp_path.iterdir()] == ["report.md"] and path.read_text() == "old"


def test_json_holds_what_no_encoding_holds(tmp_path):
    reports.write(ClassResult((hostile("\ud800\0한글"),)), json=tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert found["submissions"][0]["learner"] == "\ud800\0한글"


def said(found, width=100, **options):
    out = io.StringIO()
    console = Console(file=out, width=width, no_color=True, **options)
    for each in terminal.shown(found):
        console.print(each)
    return out.getvalue()


def test_the_table_in_a_terminal():
    text = said(ONE)
    assert re.search(r"✗ +1\.10 sample +0 / 2 +failed: transposed", text)
    assert re.search(r"Chapter 04 +1\.5 / 6", text) and re.search(r"\? +4\.4 slow +\? / 2", text)
    assert "Hint: Rows." in text and "kim: 3.5 of 10 points" in text
    assert text.index("1.2 rnn_step") < text.index("1.10 sample")


@pytest.mark.parametrize("text", ["[bold]x[/bold] [/]", "\x1b]0;title\x07\x1b[2J", "a\rb\0", "\u202e"])
def test_a_terminal_gets_no_orders_from_a_learner(text):
    shown = said(hostile(text))
    assert not re.search("[\0-\x09\x0b-\x1f\u202e]", shown)
    if text.startswith("["):
        assert text in shown


def test_reports_and_the_command_are_imported_without_what_they_may_not_need():
    code = (
        "import sys, tools.grade.reports; "
        "assert not {'jinja2', 'junitparser', 'torch', 'helpers.checks.judge'} & set(sys.modules); "
        "import tools.grade.cli; "
        "assert not {'jinja2', 'torch', 'matplotlib', 'nbformat', 'tools.update'} & set(sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
