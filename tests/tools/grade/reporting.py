"""What tests of reports share: results made in a line, and a page taken apart."""

import re
from html.parser import HTMLParser

from tools.grade.results import FAILED, NOT_GRADED, PASSED, ExerciseResult, Handed, SubmissionResult

VOID = {"meta", "br", "link", "img", "input", "hr"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "main", "h1", "h2", "h3", "p", "section",
    "article", "span", "time", "code", "pre", "details", "summary", "ul", "li", "div", "table", "caption",
    "thead", "tbody", "tr", "th", "td", "nav", "b", "br", "abbr",
}  # fmt: skip
"""The tags that our pages have."""


def exercise(name="rnn_step", chapter="01", state=PASSED, points=2.0, number="1.2", **more):
    return ExerciseResult(name, chapter, state, points, 2.0, number, **more)


def submission(learner, *exercises, **more):
    files = (Handed("a/01.ipynb", "0" * 64, "2026-11-28T03:00:00+09:00", "01"),
             Handed("b/01.ipynb", "0" * 64, "2026-11-27T20:00:00+00:00", "01"))  # fmt: skip
    return SubmissionResult(learner, "2026-11-29T03:26:03+00:00", "bubblewrap", exercises, files, **more)


def hostile(text, learner=None):
    """A submission with `text` wherever a learner can put something."""
    wrong = exercise("last_step", state=FAILED, points=0.0, number="1.10", text=text, hint=text, mistake=text,
                     printed=text, source=text, notebook=text, review=(text,))  # fmt: skip
    unknown = exercise("deep", "04", NOT_GRADED, None, "4.1", text=text)
    return submission(text if learner is None else learner, wrong, unknown, problems=(text,))


class Page(HTMLParser):
    """A page's tags with their attributes, and its texts; every tag is closed where it has to be."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def assert_harmless(text):
    """A page has no tags but ours, no handler, no address but those of learners' pages; the page."""
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    assert tags <= TAGS, tags - TAGS
    for _, attributes in page.tags:
        assert not {"src", "srcdoc", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        href = attributes.get("href", "#")
        assert href.startswith(("#", "learners/")) and ".." not in href.split("/")
    assert not re.search(r"[\0-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", text)
    return page
