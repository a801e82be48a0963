"""The course's editions in the site, English first: what each has pages of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from helpers.languages import ENGLISH, LANGUAGES
from tools.site import runs
from tools.site.chapters import Chapter, chapters
from tools.site.links import address, folder
from tools.site.words import Words, words

ELSEWHERE = {
    "data/README.md": "docs/data.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "CHANGELOG.md": "docs/changelog.md",
    "CODE_OF_CONDUCT.md": "docs/conduct.md",
    "SECURITY.md": "docs/security.md",
}
"""Pages of the source's edition that do not lie in docs/ in the repository."""


@dataclass(frozen=True)
class Edition:
    """An edition: its chapters, its documents (file in the repository → page), names of the runs it lists."""

    language: str
    chapters: list[Chapter]
    docs: dict[str, str]
    runs: list[str]

    @property
    def words(self) -> Words:
        return words(self.language)

    @property
    def readme(self) -> str:
        """The first page in the repository."""
        return "README.md" if self.language == ENGLISH else f"README.{self.language}.md"

    def pages(self) -> set[str]:
        """Its pages, as Sphinx names them."""
        sources = [*(chapter.page for chapter in self.chapters), *self.docs.values()]
        own = {"index", "404", "exercises", *(["records"] if self.runs else [])}
        return own | {source.rpartition(".")[0] for source in sources}

    def places(self) -> dict[str, str]:
        """File or folder in the repository → page, or place of it."""
        folders = ("solutions", "notebooks", "docs")
        places = {each: "index.md" for each in (*folders, ".")}
        places |= {f"{each}/{folder(self.language)}".rstrip("/"): "index.md" for each in folders}
        places |= {file: each.page for each in self.chapters for file in (each.file, each.student)}
        places |= {self.readme: "index.md", **self.docs}
        if self.runs:
            places["data/runs"] = "records.md"
        return places | {f"data/runs/{name}.json": f"records.md#{runs.slug(name)}" for name in self.runs}


def editions(root: Path) -> list[Edition]:
    """Those editions of the course in `root` of which there are executed chapters; English in any case."""
    found = {language: chapters(root, language) for language in LANGUAGES}
    return [
        Edition(language, found[language], _docs(root, language), _runs(root) if language == ENGLISH else [])
        for language in sorted(LANGUAGES, key=lambda each: each != ENGLISH)
        if found[language] or language == ENGLISH
    ]


def elsewhere(edition: Edition, every: list[Edition]) -> dict[str, str]:
    """Page that `edition` has not → the address of that of another edition."""
    own = edition.pages()
    return {page: address(each.language, f"{page}.html") for each in every for page in each.pages() - own}


def places(edition: Edition, every: list[Edition]) -> dict[str, str]:
    """Where links of an edition's pages lead: to its own pages, else to those of the others."""
    others = {file: address(each.language, page) for each in every for file, page in each.places().items()}
    return others | edition.places()


def _docs(root: Path, language: str) -> dict[str, str]:
    files = sorted((root / "docs" / folder(language)).glob("*.md"))
    docs = {file.relative_to(root).as_posix(): f"docs/{file.name}" for file in files}
    elsewhere = ELSEWHERE if language == ENGLISH else {}
    return docs | {file: page for file, page in elsewhere.items() if (root / file).is_file()}


def _runs(root: Path) -> list[str]:
    return sorted(path.stem for path in root.glob("data/runs/*.json") if path.stem != "schema")
