"""All of the site's sources, path below the source folder → bytes, and the files it holds as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from helpers.records import read_record
from tools.site import chapters as in_chapters
from tools.site import exercises, runs
from tools.site.chapters import Chapter
from tools.site.links import Links
from tools.site.repository import Repository

HERE = Path(__file__).parent
ELSEWHERE = {
    "data/README.md": "docs/data.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "CHANGELOG.md": "docs/changelog.md",
    "CODE_OF_CONDUCT.md": "docs/conduct.md",
    "SECURITY.md": "docs/security.md",
}
"""Pages that do not lie in docs/ in the repository."""
GROUPS = {
    "Look up": ["exercises", "docs/notation", "docs/glossary", "docs/corrections"],
    "Measured": ["docs/measured", "records", "docs/experiments", "docs/data"],
    "Use it": ["docs/install", "docs/learning", "docs/teaching"],
    "How it is made": [
        *("docs/architecture", "docs/contributing", "docs/changelog", "docs/conduct", "docs/security"),
    ],
}
"""The contents' groups after the chapters; pages that are named nowhere come into the last one."""
FILES = ("docs/**/*.png", "docs/**/*.svg", "docs/**/*.jpg")
PICTURE = re.compile(r"!\[[^\]]+\]\((?:docs/)?picture\.png\)")
MISSING = """---
orphan: true
---

# This page is not here

The address leads to no page of the course: it may have moved, or the link has a slip.

- [The start page](index.md) lists the chapters.
- [All exercises](exercises.md), by number and name.
- The search, at the top of the contents, looks through every page.
"""


@dataclass
class Pages:
    """`sources`: what Sphinx reads; `extra`: files that lie in the site as they are; `dropped` and `missing`:
    links, as `tools.site.links.Links` has them."""

    sources: dict[str, bytes] = field(default_factory=dict)
    extra: dict[str, bytes] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


def pages(root: Path, repository: Repository | None) -> Pages:
    """The site of the course in `root`, with links into `repository` if there is one."""
    found = in_chapters.chapters(root)
    docs = {file.relative_to(root).as_posix(): f"docs/{file.name}" for file in sorted(root.glob("docs/*.md"))}
    docs |= {file: page for file, page in ELSEWHERE.items() if (root / file).is_file()}
    names = sorted(path.stem for path in root.glob("data/runs/*.json") if path.stem != "schema")
    links = Links(_places(found, docs, names), repository, root)
    made = Pages(dropped=links.dropped, missing=links.missing)
    texts: dict[str, str] = {"404.md": MISSING, "exercises.md": exercises.page(found)}
    texts["records.md"] = runs.page({name: read_record(name) for name in names}, found)
    for file, page in docs.items():
        texts[page] = links.markdown((root / file).read_text(encoding="utf-8"), file, page)
    for chapter in found:
        texts[chapter.page] = in_chapters.page(chapter, links, _bar(chapter, repository))
        student = f"notebooks/{chapter.name}.ipynb"
        made.extra[student] = (root / student).read_bytes()
    texts["index.md"] = _start(root, found, sorted(docs.values()), repository)
    made.sources = {path: text.encode() for path, text in texts.items()}
    figures = [figure for pattern in FILES for figure in root.glob(pattern)]
    made.sources |= {figure.relative_to(root).as_posix(): figure.read_bytes() for figure in figures}
    made.extra |= {f"records/{name}.json": (root / f"data/runs/{name}.json").read_bytes() for name in names}
    for name in ("LICENSE", "LICENSE-TEXT"):
        made.extra[f"{name}.txt"] = (root / name).read_bytes()
    made.extra[".nojekyll"] = b""   # GitHub Pages would leave out folders that begin with _
    return made


def _places(chapters: list[Chapter], docs: dict[str, str], records: list[str]) -> dict[str, str]:
    places = dict(docs)
    for chapter in chapters:
        places |= {f"{folder}/{chapter.name}.ipynb": chapter.page for folder in ("solutions", "notebooks")}
    places |= {folder: "index.md" for folder in ("solutions", "notebooks", "README.md", ".")}
    places |= {f"data/runs/{name}.json": f"records.md#{runs.slug(name)}" for name in records}
    return places | {"data/runs": "records.md", "docs": "index.md"}


def _bar(chapter: Chapter, repository: Repository | None) -> str:
    """Under a chapter's title: where to open it."""
    name, links = chapter.name, []
    if repository:
        links = [
            f'<a href="{repository.binder(name)}">Open in Binder</a>',
            f'<a href="{repository.colab(name)}">Open in Colab</a>',
            f'<a href="{repository.file(f"notebooks/{name}.ipynb")}">In the repository</a>',
        ]
    links.append(f'<a href="../notebooks/{name}.ipynb" download>Download the student notebook</a>')
    return f'<nav class="open-in" aria-label="This chapter as a notebook">{" ".join(links)}</nav>'


def _start(root: Path, chapters: list[Chapter], docs: list[str], repository: Repository | None) -> str:
    text = (HERE / "start.md").read_text(encoding="utf-8")
    picture = PICTURE.search(_read(root / "README.md") + _read(root / "docs/measured.md"))
    shown = picture[0].replace("(picture", "(docs/picture") if picture else ""
    where = f"[its repository]({repository.file('')})" if repository else "its repository"
    text = text.format(chapters=exercises.table(chapters), picture=shown, repository=where)
    return "\n".join([text, *_contents(chapters, [page.removesuffix(".md") for page in docs])])


def _contents(chapters: list[Chapter], docs: list[str]) -> list[str]:
    groups = {"Chapters": [f"chapters/{chapter.name}" for chapter in chapters]}
    there = {"exercises", "records", *docs}
    groups |= {title: [page for page in pages if page in there] for title, pages in GROUPS.items()}
    groups[list(GROUPS)[-1]] += sorted(there.difference(*groups.values()))
    lines = []
    for title, pages in groups.items():
        lines += ["", "```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```"]
    return [*lines, ""]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
