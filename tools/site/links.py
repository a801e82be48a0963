"""Links between files of the repository as links between pages of the site."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from helpers.languages import ENGLISH, LANGUAGES
from tools.site.repository import Repository

CODE_OR_LINK = re.compile(
    r"(?P<fence>^(?P<ticks>`{3,})[^\n]*\n.*?^(?P=ticks)`*[ \t]*$)"
    r"|(?P<link>(?<!!)\[(?P<text>(?:[^\[\]`]|`[^`]*`)*)\]\((?P<target>[^()\s]+)\))"
    r"|(?P<definition>^\[(?P<label>[^\]\n]+)\]:[ \t]*(?P<to>\S+)[ \t]*$)"
    r"|(?P<code>(?<!`)(?P<mark>`+)(?!`).*?(?<!`)(?P=mark)(?!`))",
    re.M | re.S,
)
HREF = re.compile(r"""(?P<before><a\b[^>]*?\bhref=)(?P<quote>["'])(?P<target>.*?)(?P=quote)""")
ACROSS = re.compile(rf"""\bhref=(["'])(?P<language>{'|'.join(LANGUAGES)})://(?P<path>.*?)(?P<anchor>#.*?)?\1""")
ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)


def folder(language: str) -> str:
    """Where an edition lies in the site: "", "ko/"."""
    return "" if language == ENGLISH else f"{language}/"


def address(language: str, page: str) -> str:
    """How the sources of any page name `page` (a source, or a place in it) of the edition in `language`,
    until `across` makes a link of it."""
    return f"{language}://{_finished(page)}"


def across(text: str, page: str) -> str:
    """The finished `page` with its links to other editions: relative, and with the language there."""

    def one(match: re.Match) -> str:
        there = folder(match["language"]) + match["path"]
        there = posixpath.relpath(there, posixpath.dirname(page) or ".") + (match["anchor"] or "")
        return f'href="{there}" hreflang="{match["language"]}"'

    return ACROSS.sub(one, text)


def _finished(page: str) -> str:
    return re.sub(r"\.(ipynb|md)(?=#|$)", ".html", page)


@dataclass(frozen=True)
class Links:
    """`pages`: file in the repository → page in the site (its source), or a place of it, or the `address` of
    one in another edition. What is no page is linked to in `repository`; without one the text stays and the
    link goes. `dropped` collects those, and `missing` the links to what is not in the course's folder,
    `root`, either."""

    pages: dict[str, str]
    repository: Repository | None = None
    root: Path | None = None
    dropped: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def resolve(self, target: str, file: str, page: str) -> str | None:
        """The link to `target` that stands in the repository's `file`, as the site's `page` needs it."""
        if ABSOLUTE.match(target) or target.startswith("#"):
            return target
        path, mark, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        if path in self.pages:
            if ABSOLUTE.match(self.pages[path]):
                return self.pages[path] + mark + anchor
            there = posixpath.relpath(self.pages[path], posixpath.dirname(page) or ".")
            return f"#{anchor}" if mark and self.pages[path] == page else there + mark + anchor
        if self.root and not path.startswith("../../") and not (self.root / unquote(path)).exists():
            self.missing.add(f"{file}: {target}: leads to no file of the course")
        if self.repository is None or not path.removeprefix("../../"):
            self.dropped.add(path)
            return None
        if path.startswith("../../"):   # GitHub's own pages lie two above those of the repository's files
            return self.repository.page(path.removeprefix("../../")) + mark + anchor
        folder = "." not in posixpath.basename(path) and not path.isupper()
        return self.repository.file(path + "/" * folder) + mark + anchor

    def markdown(self, text: str, file: str, page: str) -> str:
        """`text` with its links resolved; code is left alone."""

        unlinked = []

        def one(match: re.Match) -> str:
            if match["link"]:
                target = self.resolve(match["target"], file, page)
                return match["text"] if target is None else f"[{match['text']}]({target})"
            if match["definition"]:
                target = self.resolve(match["to"], file, page)
                if target is None:
                    unlinked.append(match["label"])
                return "" if target is None else f"[{match['label']}]: {target}"
            return match[0]

        text = CODE_OR_LINK.sub(one, text)
        for label in unlinked:
            text = text.replace(f"[{label}]", label)
        return text

    def html(self, text: str, file: str, page: str) -> str:
        """An HTML output with its links resolved, to pages as they are called in the site."""

        def one(match: re.Match) -> str:
            target = self.resolve(match["target"], file, page)
            if target is None:
                return match["before"] + '""'
            if not ABSOLUTE.match(target):
                target = _finished(target)
            return match["before"] + match["quote"] + target + match["quote"]

        return HREF.sub(one, text)
