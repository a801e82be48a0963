"""An edition in another language, built of the source's notebooks and documents, and a catalogue for each."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from helpers.notebooks import HEADING
from tools.build.notebook import student_notebook
from tools.build.pipeline import Draft
from tools.build.source import Course
from tools.editions import collect, markdown
from tools.editions.catalogue import Catalogue
from tools.editions.pieces import replaced

EXERCISE = {"ko": r"연습 문제 \2 · `\3` · \4 · \5분"}
"""Language → the heading of an exercise: its number, name, difficulty and minutes."""

_IN_COMMANDS = re.compile(r"\b(notebooks/)(\d\d_\w+\.ipynb)")
_EXERCISE = re.compile(r"^(#+ )" + HEADING.pattern, re.M)

SPEAK = 'from helpers.languages import use\n\nuse("{}")\n\n'
"""How the first cell of a notebook says which language boxes speak."""


@dataclass(frozen=True)
class Edition:
    """The course in `language`."""

    root: Path
    language: str

    @cached_property
    def course(self) -> Course:
        """Where this edition's notebooks are."""
        return Course(self.root, self.language)

    def catalogue(self, name: str) -> Catalogue:
        """The catalogue of a source."""
        return Catalogue(self.root / "po" / self.language / f"{name}.po", self.language)

    def documents(self) -> dict[str, str]:
        """The file of a translated document → what it is to contain."""
        return {self.path_of(file): self.document(name) for name, file in collect.DOCUMENTS.items()}

    def document(self, name: str) -> str:
        """A document in this language."""
        file = collect.DOCUMENTS[name]
        source = (self.root / file).read_text(encoding="utf-8")
        return self._text(source, self.catalogue(name).translations, file)

    def draft(self, draft: Draft) -> Draft:
        """The drafts of a chapter's notebooks in this language, with the same ids and metadata."""
        name, solution = draft.chapter.name, copy.deepcopy(draft.solution)
        translations = self.catalogue(name).translations
        first = True
        for cell, (_, pieces) in zip(solution.cells, collect.pieces_of(draft.chapter), strict=True):
            if cell.cell_type == "markdown":
                cell.source = self._text(cell.source, translations, f"notebooks/{name}.ipynb")
            elif cell.cell_type == "code":
                said = replaced(cell.source, pieces, translations.get)
                cell.source = (SPEAK.format(self.language) if first else "") + said
                first = False
        return Draft(draft.chapter, draft.exercises, solution, student_notebook(solution))

    def path_of(self, file: str) -> str:
        """Where this edition has its own version of a file of the course; `file` itself where it has none."""
        if file in collect.DOCUMENTS.values():
            path = PurePosixPath(file)
            if path.parent == PurePosixPath("."):
                return f"{path.stem}.{self.language}{path.suffix}"
            return str(path.parent / self.language / path.name)
        if found := re.fullmatch(r"(notebooks|solutions)/(\d\d_\w+\.ipynb)", file):
            return f"{found[1]}/{self.language}/{found[2]}"
        own = re.sub(r"^docs/(\w[^/]*\.png)$", rf"docs/{self.language}/\1", file)
        if own != file and (self.root / own).is_file():   # a picture that was taken in this language, too
            return own
        mine = rf"(notebooks/|solutions/|docs/|){self.language}/(.+)|(\w+)\.{self.language}(\.md)"
        if found := re.fullmatch(mine, file):   # what the source calls the other edition is the source here
            return "".join(part or "" for part in found.groups())
        return file

    def _text(self, source: str, translations: Mapping[str, str], file: str) -> str:
        """Markdown of `file` in this language: its messages, its exercises' headings, its links."""
        text = replaced(source, markdown.pieces(source), translations.get)
        text = _EXERCISE.sub(rf"\1{EXERCISE[self.language]}", text)
        text = markdown.LINK.sub(lambda link: link[1] + self._target(link[2], file) + link[3], text)
        return _IN_COMMANDS.sub(rf"\1{self.language}/\2", text)

    def _target(self, target: str, file: str) -> str:
        """Where a link of `file` leads in this edition."""
        address, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or (not address and not anchor):
            return target
        there = _tidy(os.path.normpath(PurePosixPath(file).parent / address)) if address else file
        if not any((self.root / each).exists() for each in (there, self.path_of(there))):
            return target   # no link, only brackets in code
        if anchor and there in collect.DOCUMENTS.values():
            anchor = self._anchor(there, anchor)
        if not address:
            return f"#{anchor}"
        here = PurePosixPath(self.path_of(file)).parent
        return _tidy(os.path.relpath(self.path_of(there), here)) + (f"#{anchor}" if anchor else "")

    def _anchor(self, file: str, anchor: str) -> str:
        """The anchor of the heading that is `anchor` in the source of the document `file`."""
        name = next(name for name, each in collect.DOCUMENTS.items() if each == file)
        source = (self.root / file).read_text(encoding="utf-8")
        slugs = [markdown.slug(heading) for heading in markdown.headings(source)]
        if anchor not in slugs:
            return anchor
        translations = self.catalogue(name).translations
        other = replaced(source, markdown.pieces(source), translations.get)
        return markdown.slug(markdown.headings(other)[slugs.index(anchor)])


def _tidy(path: str) -> str:
    return path.replace(os.sep, "/")
