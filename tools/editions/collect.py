"""What each source says: the messages of its catalogue."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from helpers.checks.registry import CHAPTERS
from helpers.notebooks import read
from tools.build.source import Cell, Chapter, Course, read_chapter
from tools.editions import code, markdown
from tools.editions.catalogue import Said
from tools.editions.pieces import Piece

DOCUMENTS = {
    "readme": "README.md",
    **{
        f"docs_{name}": f"docs/{name}.md"
        for name in ("install", "learning", "notation", "glossary", "corrections", "teaching")
    },
}
"""Catalogue → document that is translated."""

COMPILED = (*(f"checks_{chapter}" for chapter in CHAPTERS), "helpers", "figures")
"""The catalogues of what helpers say, hints among them, chapter by chapter; compiled into one."""

SPEAKING = (
    "helpers", "tools/update", "tools/reset.py", "tools/progress.py", "tools/options.py", "tools/replaced.py",
    "tools/picture.py",
)  # fmt: skip
"""Where learners are told something by ``translate("…")`` or ``Message("…")``; the README's picture, too."""

SITE = "tools/site"
"""What the site says; its theme's words and its start page are documents there."""

RELEASE = "tools/release/README.template.md"
"""The first page of a class's copy."""

FUNCTIONS = {"translate": 1, "translate_count": 2, "Message": 1, "Complaint": 1}
"""Function → how many of its first arguments are messages."""


def catalogues(course: Course) -> dict[str, list[Said]]:
    """Name of a catalogue → its messages, in their order, each once. `course` is an edition's: the built
    notebooks tell what their figures look up."""
    found: dict[str, Iterator[Said]] = {path.stem: chapter(course, path) for path in course.sources()}
    found |= {name: document(course.root / file) for name, file in DOCUMENTS.items()}
    found |= {name: hints(name) for name in COMPILED if name.startswith("checks_")}
    found |= {"helpers": [*calls(course.root), *summaries()], "figures": figures(course)}
    found["site"] = site(course.root)
    found["release"] = document(course.root / RELEASE)
    once: dict[str, list[Said]] = {}
    compiled: set[str] = set()   # what helpers say is one catalogue in the end: a message stands in one file
    for name, said in found.items():
        own = {each.message: each for each in said}
        if name in COMPILED:
            own = {message: each for message, each in own.items() if message not in compiled}
            compiled |= set(own)
        once[name] = list(own.values())
    return once


def chapter(course: Course, path: Path) -> Iterator[Said]:
    """What a chapter says."""
    for _, pieces in pieces_of(read_chapter(path, course.label(path))):
        for piece in pieces:
            yield Said(piece.message, piece.kind)


def pieces_of(chapter: Chapter) -> Iterator[tuple[Cell, list[Piece]]]:
    """Every cell of a chapter with its pieces."""
    shown: set[str] = set()
    for cell in chapter.cells:
        shown |= code.names_shown(cell.source) if cell.kind == "code" else set()
    for cell in chapter.cells:
        if cell.kind == "markdown":
            yield cell, markdown.pieces(cell.source)
        elif cell.kind == "code":
            yield cell, code.pieces(cell.source, docstring="exercise" in cell.options, shown=shown)
        else:
            yield cell, []


def document(path: Path) -> Iterator[Said]:
    """What a Markdown document says."""
    for piece in markdown.pieces(path.read_text(encoding="utf-8")):
        yield Said(piece.message, piece.kind)


def hints(name: str) -> Iterator[Said]:
    """What the checks of a chapter say: hints, names of oracles, explanations of quizzes."""
    from helpers.checks import exercises
    from helpers.checks.texts import texts_of

    for exercise in exercises():
        if exercise.chapter == name.removeprefix("checks_"):
            for text in texts_of(exercise):
                yield Said(text, exercise.name)


def summaries() -> Iterator[Said]:
    """What each experiment does, in a line."""
    from helpers.experiments.registry import experiments

    for each in experiments():
        yield Said(each.summary, each.name)


def figures(course: Course) -> Iterator[Said]:
    """Texts of figures that are no literals of the chapter's figure: as built notebooks have them."""
    for path in sorted(course.solutions.glob("*.ipynb")):
        for cell in read(path)["cells"]:
            for output in cell["outputs"]:
                for text in output.get("metadata", {}).get("image/png", {}).get("texts", []):
                    yield Said(text, path.stem)


def site(root: Path) -> Iterator[Said]:
    """What the site says in its own words."""
    for name in ("start", "theme"):
        yield from document(root / SITE / f"{name}.md")
    yield from calls(root, (SITE,))


def calls(root: Path, places: tuple[str, ...] = SPEAKING) -> Iterator[Said]:
    """What is said by calls of `translate` and `translate_count`."""
    for place in places:
        for path in sorted((root / place).rglob("*.py")) if (root / place).is_dir() else [root / place]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield from _call(node, path.relative_to(root).as_posix())


def _call(node: ast.Call, file: str) -> Iterator[Said]:
    name = code.called(node)
    texts = [each.value for each in node.args[: FUNCTIONS.get(name, 0)] if isinstance(each, ast.Constant)]
    if texts and len(texts) == FUNCTIONS[name] and all(isinstance(text, str) for text in texts):
        yield Said(texts[0], file, *texts[1:])
