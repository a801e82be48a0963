"""What boxes and tables colour can be read in light and in dark, and nothing is said by colour alone."""

import re

import pytest

from helpers import markup
from helpers.checks.box import Box
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED, Verdict
from helpers.environment import Finding, Report
from helpers.figure_faults import luminance
from helpers.progress import EXAMPLE, Progress
from tools.build.markup import html_tags

PAGES = {"light": "#ffffff", "JupyterLab Dark": "#111111", "VS Code dark": "#1f1f1f"}
GROUNDS = (markup.GOOD, markup.BAD, markup.UNSURE, markup.NEUTRAL)
LONG = "a `code` that has no space: " + 40 * "wide"
SHOWN = {
    **{state: Box(Verdict("step", state, LONG, hint=LONG, printed=LONG, case=object()))
       for state in (PASSED, FAILED, NOT_ATTEMPTED)},
    "progress": Progress(EXAMPLE, "An example."),
    "environment": Report([Finding("Python", True, LONG), Finding("NumPy", False, LONG, "Run `make lab`.")]),
}  # fmt: skip


def contrast(one, other):
    """WCAG's ratio of two colours, 1 to 21."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", GROUNDS)
def test_white_letters_can_be_read_on_every_ground(ground):
    assert contrast("#ffffff", ground) >= 4.5


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("frame", [markup.GOOD, markup.BAD, markup.NEUTRAL])
def test_a_frame_can_be_seen_on_every_page(frame, page):
    assert contrast(frame, page) >= 2.9   # WCAG 1.4.11 asks for 3 of what nothing else says; the heading does


@pytest.mark.parametrize("name", SHOWN)
def test_a_colour_of_letters_comes_with_its_ground(name):
    """Letters in a colour of their own on the page's ground are unreadable on half of all pages."""
    coloured = 0
    for tag in html_tags(SHOWN[name]._repr_html_()):
        style = (tag.attributes or {}).get("style", "")
        style = dict(part.split(":", 1) for part in style.split(";") if part)
        if "color" in style and style["color"] != "inherit":
            assert style["color"] == "#fff" and style["background"] in GROUNDS, style
            coloured += 1
        else:
            assert "background" not in style
    assert coloured


@pytest.mark.parametrize("name", ["progress", "environment"])
def test_tables_have_a_caption_and_headers_for_columns_and_rows(name):
    page = SHOWN[name]._repr_html_()
    scopes = [tag.attributes.get("scope") for tag in html_tags(page) if tag.name == "th" and tag.attributes]
    assert scopes[:3] == ["col"] * 3 and {"row"} <= set(scopes) <= {"col", "row", "rowgroup"}
    assert re.search(r"<caption[^>]*>[^<]+</caption>", page) and not re.search(r"<th[^>]*></th>", page)


@pytest.mark.parametrize("name", SHOWN)
def test_a_state_has_a_mark_and_a_word(name):
    """Without its colours every badge and heading still says what it says."""
    grounds = re.findall(r"background:#[0-9a-f]{6};[^>]*>([^<]+)<", SHOWN[name]._repr_html_())
    assert grounds
    for said in grounds:
        assert re.match(r"[✓✗○·↻!?] \w", said), said


def test_korean_is_marked_as_korean_and_nothing_else():
    assert markup.rich("in `기억` <b> 나는 책을 읽는다.") == (
        "in <code><span lang='ko'>기억</span></code> &lt;b&gt; <span lang='ko'>나는 책을 읽는다</span>."
    )
    assert "lang" not in markup.rich("Σ é ✓ 1×2 日本")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("state *before* each step", "state <em>before</em> each step"),
        ("the *pairs*. *H*, not *the last*", "the <em>pairs</em>. <em>H</em>, not <em>the last</em>"),
        ("*창*마다", "<em><span lang='ko'>창</span></em><span lang='ko'>마다</span>"),
        ("a * b * c, a*b*c, f(*args, **options)", "a * b * c, a*b*c, f(*args, **options)"),
        ("`a *b* c` and for *: 'int' and '*'", "<code>a *b* c</code> and for *: 'int' and '*'"),
        ("*a `b* c` d*", "*a <code>b* c</code> d*"),
    ],
)
def test_stress_is_told_from_products(text, html):
    assert markup.rich(text) == html


def test_korean_is_marked_in_every_part_of_a_table():
    page = markup.table("가 나 <b>", ("다", "State"), f"<tbody>{markup.badge('✓ 라', markup.GOOD)}</tbody>")
    assert re.findall(r"<span lang='ko'>(.*?)</span>", page) == ["가 나", "다", "라"]
    assert "</span> &lt;b&gt;</caption>" in page and ">State</th>" in page
