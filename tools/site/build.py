"""Sphinx, run on the site's sources, edition by edition; its warnings are errors."""

from __future__ import annotations

import io
import json
import re
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

from helpers.languages import ENGLISH
from tools.site import markup
from tools.site.katex import CannotBuild, copy_style, fetched
from tools.site.links import across, folder
from tools.site.pages import Pages
from tools.site.words import Words, words

HERE = Path(__file__).parent
STEP = re.compile(r"(reading sources|writing output|copying images)\.\.\. \[ *(\d+)%\] *(\S*)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
WHAT = {"reading sources": "reading", "writing output": "writing", "copying images": "figures"}

LEFT_OVER = (
    *("_sources", "_static/locales", ".buildinfo", "objects.inv"),
    *("_static/webpack-macros.html", "_static/sbt-webpack-macros.html", "_static/**/*.map"),
)
"""Files and folders in Sphinx' output that no page needs."""


class _Steps(io.StringIO):
    """Sphinx' messages, of which `step` hears: what is done, per cent, the page."""

    def __init__(self, step: Callable[[str, int, str], object]):
        super().__init__()
        self._step = step

    def write(self, text: str) -> int:
        if match := STEP.search(COLOURS.sub("", text)):
            self._step(WHAT[match[1]], int(match[2]), match[3])
        return len(text)


def build(
    every: list[Pages], work: Path, base: str, url: str, step: Callable[[str, int, str], object]
) -> Path:
    """Build the editions `every` below `work`, which keeps what was read for the next time, → the folder with
    the site.

    `base` is the site's path on its host and `url` its whole address, both "" where nobody knows. `step`
    hears how far it is. Raises CannotBuild with Sphinx' warnings, each of which names its page.
    """
    katex = fetched(work.parent / "katex")
    static, site = work / "static", work / "html"
    copy_style(katex, static)
    overrides = {
        "html_static_path": [str(HERE / "static"), str(static)],
        "katex": str(katex / "dist" / "katex.min.js"),
        "site_base": base,
        "site_url": url,
        "site_editions": {made.language: sorted(made.names) for made in every},
    }
    shutil.rmtree(site, ignore_errors=True)
    for made in every:   # the first is where the others go
        html = _edition(made, work / made.language, overrides, step)
        html.replace(site / folder(made.language))
    for page in site.rglob("*.html"):   # the theme has colours for "light" and "dark"; its script chooses
        text = page.read_text(encoding="utf-8").replace('data-theme="auto">', 'data-theme="light">', 1)
        page.write_text(across(text, page.relative_to(site).as_posix()), encoding="utf-8")
    return site


def _edition(
    made: Pages, work: Path, overrides: dict[str, object], step: Callable[[str, int, str], object]
) -> Path:
    """Build one edition below `work` → the folder with its pages."""
    said, source, html = words(made.language), work / "source", work / "html"
    url, code = overrides["site_url"], said.translate("The code")
    own = {
        "language": made.language,
        "locale_dirs": [str(work / "locale")],
        "html_baseurl": url and f"{url}{folder(made.language)}",
        "html_theme_options.search_bar_text": said.translate("Search the course"),
        "html_theme_options.toc_title": said.translate("On this page"),
        "nb_code_prompt_show": code,
        "nb_code_prompt_hide": code,
    }
    write_sources(source, made.sources)
    write_sources(work / "locale", {f"{made.language}/LC_MESSAGES/sphinx.mo": said.compiled()})
    shutil.rmtree(html, ignore_errors=True)   # Sphinx leaves behind what a page no longer has
    warnings = _sphinx(source, html, work / "doctrees", overrides | own, step)
    if warnings:
        raise CannotBuild("\n".join(_readable(line, source) for line in warnings))
    for path, data in made.extra.items():
        (html / path).parent.mkdir(parents=True, exist_ok=True)
        (html / path).write_bytes(data)
    for left in [path for pattern in LEFT_OVER for path in html.glob(pattern)]:
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    if made.language != ENGLISH:
        _speak(html, said)
    return html


def _speak(html: Path, said: Words) -> None:
    """Give the scripts and templates that know no other words than English those of another language."""
    copying = {
        "copy": said.translate("Copy"),
        "copy_to_clipboard": said.translate("Copy to clipboard"),
        "copy_success": said.translate("Copied!"),
        "copy_failure": said.translate("Failed to copy"),
    }
    found = said.translate("Found ${resultCount} pages.")
    one = "Search finished, found one page matching the search query."   # in Sphinx' Korean it is empty
    for script, before, more in (
        ("copybutton.js", "const messages = {", f"{json.dumps(said.language)}: {json.dumps(copying)},"),
        ("translations.js", f'"{one}": [', f"{json.dumps(found)},"),
    ):
        file = html / "_static" / script
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(before, before + more, 1), encoding="utf-8")
    for page in html.rglob("*.html"):
        text = markup.attributes(page.read_text(encoding="utf-8"), said.translations)
        page.write_text(text, encoding="utf-8")


def write_sources(folder: Path, sources: dict[str, bytes]) -> None:
    """Make `folder` hold `sources` and nothing else; what is as it was keeps its date."""
    for path, data in sources.items():
        file = folder / path
        if not file.is_file() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        if file.relative_to(folder).as_posix() not in sources:
            file.unlink()


def _sphinx(
    source: Path, html: Path, doctrees: Path, overrides: dict[str, object],
    step: Callable[[str, int, str], object],
) -> list[str]:  # fmt: skip
    """Run Sphinx → its warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    said = io.StringIO()
    try:
        with patch_docutils(HERE), docutils_namespace():
            folders = source, HERE, html, doctrees
            Sphinx(*folders, "html", overrides, _Steps(step), said, warningiserror=True).build()
    except Exception as error:
        where = "" if said.getvalue() else "".join(traceback.format_tb(error.__traceback__)[-3:])
        said.write(f"{type(error).__name__}: {error}\n{where}")
    lines = [COLOURS.sub("", line).rstrip() for line in said.getvalue().splitlines()]
    return [line for line in lines if line]


def _readable(line: str, source: Path) -> str:
    return line.replace(f"{source}/", "").replace(f"{source.resolve()}/", "")
