"""What people and programs get to see of results: CSV, JUnit, Markdown, HTML, JSON, a table in a terminal."""

from __future__ import annotations

from pathlib import Path

from helpers.files import write_text
from helpers.validation import require
from tools.grade.results import ClassResult, to_json


def write(
    found: ClassResult, *, csv: Path | None = None, junit: Path | None = None, markdown: Path | None = None,
    html: Path | None = None, json: Path | None = None,
) -> None:
    """Write the reports that have a path, each whole or not at all.

    `html` is a folder, for the class page ``index.html`` and ``learners/NAME.html``; a name that ends in
    ``.html`` is the page of the one learner that there is. Raises ValueError where there are several, OSError
    where a file cannot be written.
    """
    from tools.grade.reports import gradesheet, pages
    from tools.grade.reports import junit as cases
    from tools.grade.reports import markdown as words

    paths = csv, junit, markdown, json
    makers = gradesheet.csv_text, cases.junit_text, words.markdown_text, to_json
    for path, text in zip(paths, makers, strict=True):
        if path is not None:
            write_text(path, text(found))
    if html is not None and is_page(html):
        many = len(found.submissions)
        require(many == 1, "html", f"{str(html)!r} for {many} learners", "a folder's name")
        write_text(html, pages.learner_page(found.submissions[0]))
    elif html is not None:
        pages.write_pages(Path(html), found)


def is_page(html: Path) -> bool:
    """Whether `html` names one learner's page rather than a folder."""
    return Path(html).suffix.lower() in (".html", ".htm")
