"""The executed chapters as the site shows them: notebooks for MyST-NB, made from those in solutions/."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from helpers.checks.box import MIME
from helpers.languages import ENGLISH
from helpers.notebooks import HEADING, TITLE, dumps, mark, read
from tools.build.drawing import FOLDED_TAG
from tools.site.links import Links, folder
from tools.site.markup import caption_of
from tools.site.words import words

Cell = dict[str, Any]

SECTION = re.compile(r"^## (.+)$", re.M)
FAULT = re.compile(r"\d+\.\d+ (?:Find the fault|결함 찾기)")
EXERCISE = re.compile(r"^(?=#+ +" + HEADING.pattern + r")", re.M)
MARKERS = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION(?:\n|\Z)", re.M)
FOLDED_HINT = re.compile(r"<details>(?=\s*<summary>)")


@dataclass(frozen=True)
class Exercise:
    """What a chapter's heading says of an exercise; `fault`: it stands in the section that mends one."""

    number: str
    name: str
    stars: str
    minutes: int
    fault: bool

    @property
    def anchor(self) -> str:
        """The name of its place, in the sources of pages."""
        return f"exercise-{self.name}"


@dataclass(frozen=True)
class Chapter:
    """A chapter: the name of its file without suffix, its notebook as it was read, and its language."""

    name: str
    notebook: dict[str, Any]
    language: str = ENGLISH

    @property
    def file(self) -> str:
        """The executed notebook."""
        return f"solutions/{folder(self.language)}{self.name}.ipynb"

    @property
    def student(self) -> str:
        """The notebook for students."""
        return f"notebooks/{folder(self.language)}{self.name}.ipynb"

    @property
    def page(self) -> str:
        """Its source in the site."""
        return f"chapters/{self.name}.ipynb"

    def text(self) -> str:
        """All its Markdown."""
        cells = self.notebook["cells"]
        return "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")

    def says(self, what: re.Pattern) -> str:
        """What the first match of `what` captures in its text, "" without one."""
        match = what.search(self.text())
        return match[1] if match else ""

    def exercises(self) -> list[Exercise]:
        """Its exercises, in order."""
        found, section = [], ""
        for line in self.text().splitlines():
            if heading := SECTION.match(line):
                section = heading[1]
            if match := EXERCISE.match(line) and HEADING.search(line):
                fault = bool(FAULT.match(section))
                found.append(Exercise(match[1], match[2], match[3], int(match[4]), fault))
        return found


def chapters(root: Path, language: str = ENGLISH) -> list[Chapter]:
    """The executed chapters of the course in `root`. Raises ValueError for a damaged one."""
    there = root / "solutions" / folder(language)
    return [_chapter(path, language) for path in sorted(there.glob("[0-9][0-9]_*.ipynb"))]


def _chapter(path: Path, language: str) -> Chapter:
    try:
        return Chapter(path.stem, read(path), language)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def page(chapter: Chapter, links: Links, bar: str) -> str:
    """The chapter as a notebook for MyST-NB, `bar` (Markdown) under its title.

    Exercises get anchors, hints a class, links the site's addresses; solutions are folded as code that only
    draws is; a figure's alternative text moves to where MyST-NB looks for it; its caption is not read out.
    Raises ValueError for a figure without one.
    """
    file, cells = chapter.file, []
    for position, original in enumerate(chapter.notebook["cells"]):
        cell = copy.deepcopy(original)
        if cell["cell_type"] == "markdown":
            text = links.markdown(cell["source"], file, chapter.page)
            text = EXERCISE.sub(lambda match: f"(exercise-{match[2]})=\n", text)
            text = FOLDED_HINT.sub('<details class="hint">', text)
            if position == 0 and bar:
                text = TITLE.sub(lambda match: f"{match[0]}\n\n{bar}", text, count=1)
            cells.append(cell | {"source": text})
        else:
            cells += _code(cell, links, chapter)
    for number, cell in enumerate(cells):
        if cell["cell_type"] != "code":
            cell.pop("outputs", None)   # `read` gives every cell some
        cell["id"] = f"cell-{number}"
    notebook = {key: chapter.notebook[key] for key in ("metadata", "nbformat", "nbformat_minor")}
    return dumps(nbformat.from_dict(notebook | {"cells": cells}))


def _code(cell: Cell, links: Links, chapter: Chapter) -> list[Cell]:
    """The cell, and one without code for each further figure: MyST-NB has one alternative text a cell."""
    tags = [tag for tag in cell["metadata"].get("tags", []) if tag == FOLDED_TAG]
    shown: dict[str, Any] = {}
    if "exercise" in mark(cell):
        prompt = words(chapter.language).translate("Our solution")
        tags, shown = [FOLDED_TAG], {"code_prompt_show": prompt, "code_prompt_hide": prompt}
    file, page = chapter.file, chapter.page
    parts: list[list[Cell]] = [[]]
    for output in cell["outputs"]:
        data = output.get("data", {})
        data.pop(MIME, None)
        if "text/html" in data:
            data["text/html"] = links.html("".join(data["text/html"]), file, page)
        if "text/markdown" in data:
            data["text/markdown"] = links.markdown("".join(data["text/markdown"]), file, page)
        if "image/png" in data and any("image/png" in each.get("data", {}) for each in parts[-1]):
            parts.append([])
        parts[-1].append(output)
    found = []
    for number, outputs in enumerate(parts):
        figures = [each for each in outputs if "image/png" in each.get("data", {})]
        image = {"image": {"alt": _alt(figures[0], file)}} if figures else {}
        for each in outputs if figures else []:
            caption = "".join(each.get("data", {}).get("text/html", ""))
            if caption_of(caption, image["image"]["alt"]):   # it would be read out twice
                each["data"]["text/html"] = caption.replace("<small>", "<small aria-hidden='true'>", 1)
        metadata = {"tags": tags if number == 0 else ["remove-input"], "mystnb": shown | image}
        source = MARKERS.sub("", cell["source"]).rstrip() if number == 0 else ""
        found.append(cell | {"source": source, "metadata": metadata, "outputs": outputs})
    return found


def _alt(output: dict[str, Any], file: str) -> str:
    alt = output.get("metadata", {}).get("image/png", {}).get("alt")
    if not alt:
        raise ValueError(f"{file}: a figure has no alternative text; helpers.plots.show gives it one")
    return alt
