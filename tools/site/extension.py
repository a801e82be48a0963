"""A Sphinx extension: what a page's head says of it, a base for the page that wrong addresses lead to, the
way to other editions, the licences, and the last touches of `tools.site.markup`."""

from __future__ import annotations

import html
from typing import Any

from docutils import nodes

from helpers.languages import ENGLISH, LANGUAGES
from tools.site import markup
from tools.site.links import address, folder
from tools.site.words import Words, words

SEARCHED = ("docs/corrections", "docs/glossary")
"""Pages of long tables, which get a field that keeps the rows with some words."""


def setup(app: Any) -> dict[str, bool]:
    """Sphinx' entry. Configuration: `site_base`, "/NAME/" of a site that lies below its host's root, so that
    the page for wrong addresses finds its files from everywhere; `site_url`, where the site will be, "" where
    nobody knows; `site_editions`, language → names of its pages."""
    app.add_config_value("site_base", "", "html")
    app.add_config_value("site_url", "", "html")
    app.add_config_value("site_editions", {}, "html")
    app.connect("html-page-context", _page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _page(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    config, root = app.config, pagename == app.config.root_doc
    said = words(config.language)
    course = said.translate(
        "A course on recurrent networks, from h_t = f(h_(t-1), x_t) to LSTM, GRU, language models and "
        "attention, as notebooks: derived, coded, checked and measured."
    )
    title = markup.plain(context.get("title", config.project))
    description = course if root else _first_words(doctree) or course
    tags = _alternates(config, pagename)
    for (kind, name), text in {
        ("name", "description"): description,
        ("property", "og:title"): title,
        ("property", "og:description"): description,
        ("property", "og:site_name"): config.project,
        ("property", "og:type"): "website" if root else "article",
        ("property", "og:url"): context.get("pageurl"),
    }.items():
        if text:
            tags.append(f'<meta {kind}="{name}" content="{html.escape(text)}">')
    if pagename == "404" and config.site_base:
        tags.insert(0, f'<base href="{html.escape(config.site_base + folder(config.language))}">')
    if pagename in SEARCHED:
        tags.append(_field(pagename, said))
    context["metatags"] = "\n".join([*tags, context.get("metatags", "")])
    if root:   # else it would be the site's, twice
        context["title"] = said.translate("A course on recurrent networks")
    context["other_editions"] = _others(config, pagename)
    context["licences"] = _licences(context["pathto"], said, app.env.found_docs)
    if "body" in context:
        body = markup.claims(context["body"])
        context["body"] = markup.english(body) if config.language == "ko" else markup.korean(body)


def _first_words(doctree: Any) -> str:
    """The first paragraph of a page; of a chapter it is the question."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree is not None else None
    return markup.cut(first.astext()) if first is not None else ""


def _others(config: Any, pagename: str) -> list[dict[str, str]]:
    """The same page in the other editions, where one has it not its start page: language, name, address."""
    found = []
    for language, pages in config.site_editions.items():
        there = pagename if pagename in {*pages, "search"} - {"404"} else config.root_doc
        if language != config.language:
            name = LANGUAGES[language]
            found.append({"language": language, "name": name, "address": address(language, f"{there}.html")})
    return found


def _alternates(config: Any, pagename: str) -> list[str]:
    """Links for search engines between a page and itself in other languages."""
    same = [language for language, pages in config.site_editions.items() if pagename in set(pages) - {"404"}]
    if len(same) < 2:
        return []
    tags = []
    for language, code in [*((each, each) for each in same), (ENGLISH, "x-default")]:
        page = f"{pagename}.html"
        if config.site_url:
            href = f'href="{html.escape(config.site_url + folder(language) + page)}" hreflang="{code}"'
            tags.append(f'<link rel="alternate" {href}>')
        elif code == language:
            tags.append(f'<link rel="alternate" href="{address(language, page)}">')
    return tags


def _field(pagename: str, said: Words) -> str:
    """What `site.js` calls the field, and how it tells how many rows are kept."""
    asked = said.translate("Search the glossary") if pagename == "docs/glossary" else said.translate(
        "Search what one hears"
    )
    rows = said.translate("{shown} of {rows} rows")
    return f'<meta name="filter" content="{html.escape(asked)}" data-rows="{html.escape(rows)}">'


def _licences(pathto: Any, said: Words, pages: set[str]) -> list[str]:
    """Sentences under every page."""
    data = pathto("docs/data") if "docs/data" in pages else address(ENGLISH, "docs/data.html")
    code = f'<a href="{pathto("LICENSE.txt", 1)}">BSD 3-Clause</a>'
    text = f'<a href="{pathto("LICENSE-TEXT.txt", 1)}" rel="license">CC BY 4.0</a>'
    page = f'<a href="{data}">{said.translate("the page on data")}</a>'
    return [
        said.translate("Code: {licence}.", licence=code),
        said.translate("Text and figures: {licence}.", licence=text),
        said.translate("Data keep the licence of their source, which {page} names.", page=page),
    ]
