"""An edition: the same cells, other words, links that lead to its own pages."""

import re
from collections import Counter
from pathlib import Path

import pytest

from helpers.languages import ENGLISH, LANGUAGES
from helpers.markup import HANGUL
from helpers.notebooks import HEADING, MINUTES, read
from tools.build.pipeline import draft_course
from tools.build.source import Course
from tools.editions import markdown
from tools.editions.catalogue import Catalogue, Said
from tools.editions.edition import Edition

ROOT = Path(__file__).resolve().parents[3]

CHAPTER = '''\
# %% [markdown]
# # 1 · Good
#
# **Is it good?** [Glossary](../docs/glossary.md#the-terms), [chapter 2](02_other.ipynb), [data](../data)
#
# **Time:** about 5 minutes

# %%
x = 1

# %%
axis.set(xlabel="time step")

# %% [markdown]
# ## 1.1 Twice
#
# ### Exercise 1.1 · `double` · ★☆☆ · 5 min
# Double it.
#
# <details><summary>A nudge</summary>Two.</details>
# <details><summary>A recipe</summary>Times two.</details>

# %% exercise="double"
def double(x):
    """x a number → twice as much."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% check="double" points=1
double = check("double", double)
'''
KOREAN = {
    "Good": "좋음", "**Time:** about 5 minutes": "**시간:** 약 5분", "time step": "시간 단계",
    "**Is it good?** [Glossary](../docs/glossary.md#the-terms), [chapter 2](02_other.ipynb), [data](../data)":
        "**좋은가요?** [용어집](../docs/glossary.md#the-terms), [2장](02_other.ipynb), [자료](../data)",
    "Twice": "두 배", "A nudge": "살짝 귀띔", "A recipe": "풀이 방법", "Two.": "", "Times two.": "",
    "Double it.": "두 배로 하세요.", "x a number → twice as much.": "x 수 → 두 배를 돌려줍니다.",
}  # fmt: skip


def fill(path, translated):
    made = Catalogue(path, "ko")
    made.write([Said(message) for message in translated])
    made = Catalogue(path, "ko")
    for message in made.entries():
        message.msgstr = translated[message.msgid]
    made.write([Said(message) for message in translated])


@pytest.fixture
def edition(tmp_path):
    for folder in ("solutions", "notebooks", "docs", "data"):
        (tmp_path / folder).mkdir()
    (tmp_path / "solutions" / "01_good.py").write_text(CHAPTER, encoding="utf-8")
    (tmp_path / "notebooks" / "02_other.ipynb").write_text("{}", encoding="utf-8")
    (tmp_path / "docs" / "glossary.md").write_text("# Glossary\n\n## The terms\n", encoding="utf-8")
    fill(tmp_path / "po" / "ko" / "01_good.po", KOREAN)
    fill(tmp_path / "po" / "ko" / "docs_glossary.po", {"Glossary": "용어집", "The terms": "용어: 목록"})
    return Edition(tmp_path, "ko")


def test_ids_metadata_and_code_stay_and_words_change(edition):
    (draft,), problems = draft_course(Course(edition.root))
    assert not problems
    other = edition.draft(draft)
    for ours, theirs in ((draft.solution, other.solution), (draft.student, other.student)):
        assert [cell.id for cell in ours.cells] == [cell.id for cell in theirs.cells]
        assert [cell.metadata.get("unrolled") for cell in ours.cells] == [
            cell.metadata.get("unrolled") for cell in theirs.cells
        ]
    text, first, figure, heading, answer, check = (cell.source for cell in other.solution.cells)
    assert text.startswith("# 1 · 좋음") and MINUTES.search(text)[1] == "5"
    assert first == 'from helpers.languages import use\n\nuse("ko")\n\nx = 1'
    assert figure == 'axis.set(xlabel="시간 단계")'
    assert heading == "## 1.1 두 배\n\n### 연습 문제 1.1 · `double` · ★☆☆ · 5분\n두 배로 하세요.\n\n" + (
        "<details><summary>살짝 귀띔</summary>Two.</details>\n"
        "<details><summary>풀이 방법</summary>Times two.</details>"
    )
    assert HEADING.search(heading).groups() == ("1.1", "double", "★☆☆", "5")
    assert '"""x 수 → 두 배를 돌려줍니다."""' in answer and "return 2 * x" in answer
    assert check == draft.solution.cells[-1].source
    assert "return 2 * x" not in str(other.student) and "두 배를 돌려줍니다" in str(other.student)


def test_links_lead_to_the_editions_own_pages(edition):
    (draft,), _ = draft_course(Course(edition.root))
    text = edition.draft(draft).solution.cells[0].source
    assert "[용어집](../../docs/ko/glossary.md#용어-목록)" in text
    assert "[2장](02_other.ipynb)" in text and "[자료](../../data)" in text
    assert edition._target("ko/02_other.ipynb", "notebooks/01_good.ipynb") == "../02_other.ipynb"
    source = "[here](../notebooks/02_other.ipynb) `lab notebooks/02_other.ipynb`"
    text = edition._text(source, {}, "docs/glossary.md")
    assert text == "[here](../../notebooks/ko/02_other.ipynb) `lab notebooks/ko/02_other.ipynb`"
    assert edition._target("https://example.org/a.md", "docs/glossary.md") == "https://example.org/a.md"
    assert edition._target("ids", "docs/glossary.md") == "ids"   # code in brackets


def test_a_picture_is_the_editions_own_where_it_has_one(edition):
    for name in ("own.png", "ko/own.png", "common.png"):
        path = edition.root / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    text = edition._text("![a](docs/own.png) ![b](docs/common.png)", {}, "README.md")
    assert text == "![a](docs/ko/own.png) ![b](docs/common.png)"
    assert edition._target("own.png", "docs/glossary.md") == "own.png"
    assert edition._target("common.png", "docs/glossary.md") == "../common.png"


def test_what_is_not_translated_stays_in_the_sources_language(edition):
    fill(edition.catalogue("01_good").path, {"Good": "좋음"})
    (draft,), _ = draft_course(Course(edition.root))
    other = Edition(edition.root, "ko").draft(draft).solution
    assert other.cells[0].source.startswith("# 1 · 좋음") and "**Is it good?**" in other.cells[0].source


SAID = re.compile(r"[✓✗] .*|\w+: the course's, as always where the course itself is run")
"""Printed lines that an edition has in its own language: claims, and whose functions a chapter uses."""


TAG = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def outputs(notebook):
    """For each cell: its id, the lines that it printed, how many pictures it drew, and the numbers in its
    boxes and captions."""
    for cell in notebook["cells"]:
        streams = ["".join(each["text"]) for each in cell["outputs"] if each["output_type"] == "stream"]
        shown = [each for each in cell["outputs"] if "data" in each]
        pictures = [each["metadata"]["image/png"]["alt"] for each in shown if "image/png" in each["data"]]
        kinds = "text/html", "text/markdown"
        pages = ["".join(each["data"].get(kind, "")) for each in shown for kind in kinds]
        numbers = NUMBER.findall(TAG.sub(" ", " ".join(pictures + pages)))
        yield cell.get("id"), "".join(streams).split("\n"), len(pictures), numbers


def same(ours, theirs):
    """Whether a line is the source's, or one that is said in the edition's language."""
    return ours == theirs or (SAID.fullmatch(ours) and HANGUL.search(theirs) and ours[0] == theirs[0])


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != ENGLISH])
@pytest.mark.parametrize("path", Course(ROOT).sources(), ids=lambda path: path.stem)
def test_an_edition_printed_what_the_source_printed(path, language):
    """The source's notebooks are run in `make test`; an edition's have the same code, words apart (the build
    compares), so what they printed must be the same, to the byte. (A box or a caption in Korean may write
    "three" with a digit: there it must have the source's numbers, and may have others.)"""
    other = Course(ROOT, language).solutions / f"{path.stem}.ipynb"
    pairs = zip(outputs(read(path.with_suffix(".ipynb"))), outputs(read(other)), strict=True)
    for (ours, printed, drawn, numbers), (theirs, printed_there, drawn_there, numbers_there) in pairs:
        assert (ours, len(printed), drawn) == (theirs, len(printed_there), drawn_there)
        assert Counter(numbers) - Counter(numbers_there) == Counter()
        assert [pair for pair in zip(printed, printed_there, strict=True) if not same(*pair)] == []


def test_anchors_are_githubs():
    assert markdown.slug("The order of the `gates`, in $x$") == "the-order-of-the-gates-in-x"
    assert markdown.slug("GRU: 다른 글에서") == "gru-다른-글에서"
