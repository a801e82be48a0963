"""Every link, anchor, picture, script and style of the built pages is there, and pictures have a text.

Pages may hold links to other sites; a page that loads something from them when it is opened has a fault.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {"img": ("src", "srcset"), "script": ("src",), "iframe": ("src",), "source": ("src", "srcset"),
           "video": ("src", "poster"), "audio": ("src",), "embed": ("src",), "object": ("data",),
           "track": ("src",), "input": ("src",), "frame": ("src",), "image": ("href", "xlink:href"),
           "use": ("href", "xlink:href")}  # fmt: skip
LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch",
                 "manifest", "shortcut", "apple-touch-icon"}  # fmt: skip
POINTING_LINKS = {"next", "prev", "search", "index", "help", "author", "license", "copyright",
                  "alternate"}  # fmt: skip
STYLE_URL = re.compile(r"""url\(\s*["']?([^"')]+)["']?\s*\)|@import\s+["']([^"']+)["']""")
REFRESH = re.compile(r"^\s*\d+\s*;\s*url=(.+)", re.I)
COMMENT = re.compile(r"/\*.*?\*/", re.S)


@dataclass(frozen=True, order=True)
class Fault:
    """What is wrong with a link of a page."""

    page: str
    link: str
    why: str

    def __str__(self) -> str:
        return f"{self.page}: {self.link}: {self.why}"


@dataclass
class _Page(HTMLParser):
    """Places of a page that links may lead to, and its links: (address, whether it loads)."""

    anchors: set[str] = field(default_factory=lambda: {"", "top"})
    links: list[tuple[str, bool]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)   # pictures without a text

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attributes if value is not None}
        self._style = tag == "style"
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag in ("a", "area", "form"):
            self.links += [(given[name], False) for name in ("href", "action") if name in given]
        if tag == "meta" and (found := REFRESH.search(given.get("content", ""))) and "http-equiv" in given:
            self.links.append((found[1], True))
        if tag == "img" and not given.get("alt", "").strip() and "logo__image" not in given.get("class", ""):
            self.silent.append(given.get("src", ""))   # the theme's logo stands beside its name
        if tag == "link" and "href" in given:
            kinds = set(given.get("rel", "").lower().split())
            if kinds & (LOADING_LINKS | POINTING_LINKS):
                self.links.append((given["href"], bool(kinds & LOADING_LINKS)))
        for name in LOADING.get(tag, ()):
            for address in given.get(name, "").split(",") if name == "srcset" else [given.get(name)]:
                if address:
                    self.links.append((address.split()[0] if name == "srcset" else address, True))
        if "style" in given:
            self._loads(given["style"])

    def handle_data(self, data: str) -> None:
        if self._style:
            self._loads(data)

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def _loads(self, style: str) -> None:
        self.links += [(address, True) for address in style_links(style)]


def style_links(style: str) -> list[str]:
    """What a style sheet loads."""
    return [found[0] or found[1] for found in STYLE_URL.findall(COMMENT.sub("", style))]


def faults(site: Path) -> list[Fault]:
    """Everything wrong in the pages and style sheets below `site`, in order of pages."""
    pages: dict[str, _Page] = {}
    for file in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(file.read_text(encoding="utf-8"))
        page.close()
        pages[file.relative_to(site).as_posix()] = page
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    links = [(name, address, loads) for name, page in pages.items() for address, loads in set(page.links)]
    for file in site.rglob("*.css"):
        name = file.relative_to(site).as_posix()
        links += [(name, address, True) for address in set(style_links(file.read_text(encoding="utf-8")))]
    found = [_fault(name, address, loads, pages, files) for name, address, loads in links]
    silent = [(name, image) for name, page in pages.items() for image in page.silent]
    found += [Fault(name, image, "no alternative text") for name, image in silent]
    return sorted(fault for fault in found if fault)


def _fault(name: str, address: str, loads: bool, pages: dict[str, _Page], files: set[str]) -> Fault | None:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        return Fault(name, address, f"no address ({error})")
    of_the_web = parts.scheme == "mailto" or (parts.scheme in ("http", "https") and parts.netloc)
    if parts.scheme == "data" or (of_the_web and not loads):
        return None
    if parts.scheme or parts.netloc:
        return Fault(name, address, "loaded from elsewhere" if loads else "no address of the web")
    path = posixpath.join(posixpath.dirname(name), unquote(parts.path)) if parts.path else name
    path = posixpath.normpath(path)
    if path not in files:
        inside = f"{path}/index.html".removeprefix("./")
        if inside not in files:
            return Fault(name, address, "leads to no file of the site")
        path = inside
    if parts.fragment and path in pages and unquote(parts.fragment) not in pages[path].anchors:
        return Fault(name, address, "leads to no place of that page")
    return None
