"""All of the site's sources, path below the source folder → bytes, and the files it holds as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from helpers.languages import ENGLISH, LANGUAGES
from helpers.records import read_record
from tools.site import chapters as in_chapters
from tools.site import contents, exercises, runs
from tools.site.chapters import Chapter
from tools.site.editions import Edition, editions, elsewhere, places
from tools.site.links import Links, address, folder
from tools.site.repository import Repository
from tools.site.words import Words

HERE = Path(__file__).parent
FILES = ("docs/**/*.png", "docs/**/*.svg", "docs/**/*.jpg")
PICTURE = re.compile(r"!\[[^\]]+\]\((?:docs/(?:\w+/)?)?picture\.png\)")


@dataclass
class Pages:
    """What an edition in `language` is made of. `sources`: what Sphinx reads; `extra`: files that lie in the
    site as they are; `names`: its pages; `dropped` and `missing`: links, as `tools.site.links.Links` has
    them."""

    language: str = ENGLISH
    sources: dict[str, bytes] = field(default_factory=dict)
    extra: dict[str, bytes] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


def pages(root: Path, repository: Repository | None) -> list[Pages]:
    """The site of the course in `root`, edition by edition, with links into `repository` if there is one."""
    every = editions(root)
    made = [_pages(root, each, every, repository) for each in every]
    made[0].extra[".nojekyll"] = b""   # GitHub Pages would leave out folders that begin with _
    return made


def _pages(root: Path, edition: Edition, every: list[Edition], repository: Repository | None) -> Pages:
    links = Links(places(edition, every), repository, root)
    made = Pages(edition.language, names=edition.pages(), dropped=links.dropped, missing=links.missing)
    texts = {"404.md": _missing(edition, every)}
    texts["exercises.md"] = exercises.page(edition.chapters, edition.words)
    if edition.runs:
        texts["records.md"] = runs.page({name: read_record(name) for name in edition.runs}, edition.chapters)
    for file, page in edition.docs.items():
        texts[page] = links.markdown((root / file).read_text(encoding="utf-8"), file, page)
    for chapter in edition.chapters:
        texts[chapter.page] = in_chapters.page(chapter, links, _bar(chapter, repository, edition.words))
        made.extra[f"notebooks/{chapter.name}.ipynb"] = (root / chapter.student).read_bytes()
    texts["index.md"] = _start(root, edition, every, repository)
    made.sources = {path: text.encode() for path, text in texts.items()}
    figures = [figure for pattern in FILES for figure in root.glob(pattern)]
    made.sources |= {figure.relative_to(root).as_posix(): figure.read_bytes() for figure in figures}
    for name in edition.runs:
        made.extra[f"records/{name}.json"] = (root / f"data/runs/{name}.json").read_bytes()
    for name in ("LICENSE", "LICENSE-TEXT"):
        made.extra[f"{name}.txt"] = (root / name).read_bytes()
    return made


def _missing(edition: Edition, every: list[Edition]) -> str:
    """The page for wrong addresses. That of a host may know one only, so it leads to all editions."""
    translate = edition.words.translate
    lines = [
        *("---", "orphan: true", "---", ""),
        f"# {translate('This page is not here')}",
        "",
        translate("The address leads to no page of the course: it may have moved, or the link has a slip."),
        "",
        f"- {translate('[The start page](index.md) lists the chapters.')}",
        f"- {translate('[All exercises](exercises.md), by number and name.')}",
        f"- {translate('The search, at the top of the contents, looks through every page.')}",
    ]
    for other in every:
        if other is not edition:
            text = other.words.translate(
                "The {language} edition begins on [its start page]({page}).",
                language=LANGUAGES[other.language], page=address(other.language, "index.md"),
            )  # fmt: skip
            lines.append(f'- <span lang="{other.language}">{text}</span>')
    return "\n".join([*lines, ""])


def _bar(chapter: Chapter, repository: Repository | None, words: Words) -> str:
    """Under a chapter's title: where to open it."""
    translate, name = words.translate, f"{folder(chapter.language)}{chapter.name}"
    links = []
    if repository:
        links = [
            f'<a href="{repository.binder(name)}">{translate("Open in Binder")}</a>',
            f'<a href="{repository.colab(name)}">{translate("Open in Colab")}</a>',
            f'<a href="{repository.file(chapter.student)}">{translate("In the repository")}</a>',
        ]
    download = translate("Download the student notebook")
    links.append(f'<a href="../notebooks/{chapter.name}.ipynb" download>{download}</a>')
    label = translate("This chapter as a notebook")
    return f'<nav class="open-in" aria-label="{label}">{" ".join(links)}</nav>'


def _start(root: Path, edition: Edition, every: list[Edition], repository: Repository | None) -> str:
    words = edition.words
    text = words.markdown((HERE / "start.md").read_text(encoding="utf-8"))
    picture = PICTURE.search(_read(root / edition.readme) + _read(root / "docs/measured.md"))
    named = words.translate("its repository")
    for mark, filled in {
        "<!-- chapters -->": exercises.table(edition.chapters, words),
        "<!-- picture -->": picture[0].replace("(picture", "(docs/picture") if picture else "",
        "{repository}": f"[{named}]({repository.file('')})" if repository else named,
    }.items():
        text = text.replace(mark, filled)
    for page, there in elsewhere(edition, every).items():
        text = text.replace(f"]({page}.md)", f"]({there})")
    return "\n".join([text, *contents.lists(edition, every)])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
