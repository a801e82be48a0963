"""Results as pages of HTML: self-contained, no script, no remote request, for light, dark and paper."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from helpers.files import portable_name, write_text
from tools.grade.reports import summary
from tools.grade.reports.plain import (
    PRINTED,
    SENTENCE,
    SOURCE,
    SYMBOLS,
    clean,
    handed_in,
    label,
    missed,
    number,
    spans,
    when,
)
from tools.grade.results import FAILED, PARTLY, PASSED, ClassResult, SubmissionResult

LEARNERS = "learners"
_KINDS = dict.fromkeys(SYMBOLS, "other") | {PASSED: "passed", PARTLY: "partly", FAILED: "failed"}   # of CSS


def learner_page(found: SubmissionResult) -> str:
    """A learner's page: for each exercise state, points, mistake, hint, what it printed and the answer."""
    return _environment().get_template("learner.html.jinja").render(
        found=found, chapters=list(summary.chapters(found)), changed=handed_in(found),
        states=summary.state_counts(found),
    )  # fmt: skip


def class_page(found: ClassResult, pages: Mapping[str, str]) -> str:
    """The instructor's page; `pages` has the addresses of learners' pages."""
    counts = summary.exercise_counts(found)
    sections = {"exercises": "Exercises", "mistakes": "Mistakes", "unknown": "Not graded",
                "review": "For you to decide", "alike": "Alike", "learners": "Learners"}  # fmt: skip
    return _environment().get_template("class.html.jinja").render(
        found=found, pages=pages, counts=counts, sections=sections.items(),
        shown=[state for state in SYMBOLS if any(each.states[state] for each in counts)],
        mistakes=summary.mistakes(found), not_graded=summary.not_graded(found),
        to_review=summary.to_review(found), rows=[_row(each, counts) for each in found.submissions],
    )  # fmt: skip


def write_pages(folder: Path, found: ClassResult) -> None:
    """Write the class page, ``index.html``, and ``learners/NAME.html`` for each learner."""
    names = {each.learner: f"{page_name(each.learner)}.html" for each in found.submissions}
    for each in found.submissions:
        write_text(folder / LEARNERS / names[each.learner], learner_page(each))
    pages = {learner: f"{LEARNERS}/{quote(name)}" for learner, name in names.items()}
    write_text(folder / "index.html", class_page(found, pages))


def page_name(learner: str) -> str:
    """The name of a learner's page, without its suffix: other learners have others, on any file system."""
    plain = portable_name(learner)
    return portable_name(f"learner {learner}") if not plain.strip("._-") or plain[0] == "." else plain


def _row(found: SubmissionResult, counts: list[summary.ExerciseCount]) -> dict[str, Any]:
    own = {(each.chapter, each.exercise): each for each in found.exercises}
    results = [own.get((each.result.chapter, each.result.exercise)) for each in counts]
    return {"learner": found.learner, "points": found.points, "max_points": found.max_points,
            "changed": handed_in(found), "results": results}  # fmt: skip


def rich(text: str) -> Markup:
    """HTML of a text in which code is set in backticks."""
    pieces = spans(clean(text, SENTENCE))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if is_code else escape(piece) for is_code, piece in pieces
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "label": label, "number": number, "when": when, "missed": missed, "rich": rich,
        "text": lambda text: clean(text, 1_000, line=True),
        "printed": lambda text: clean(text, PRINTED), "source": lambda text: clean(text, SOURCE),
    }  # fmt: skip
    environment.globals |= {"symbols": SYMBOLS, "kinds": _KINDS}
    return environment
