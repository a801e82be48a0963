"""A Sphinx extension: what a page's head says of it, a base for the page that wrong addresses lead to, and
the last touches of `tools.site.markup`."""

from __future__ import annotations

import html
from typing import Any

from docutils import nodes

from tools.site import markup


def setup(app: Any) -> dict[str, bool]:
    """Sphinx' entry. Configuration: `site_description`, a sentence; `site_base`, "/NAME/" of a site that lies
    below its host's root, so that the page for wrong addresses finds its files from everywhere."""
    app.add_config_value("site_description", "", "html")
    app.add_config_value("site_base", "", "html")
    app.connect("html-page-context", _page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _page(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    config, root = app.config, pagename == app.config.root_doc
    title = markup.plain(context.get("title", config.project))
    description = config.site_description if root else _first_words(doctree) or config.site_description
    said = {
        ("name", "description"): description,
        ("property", "og:title"): title,
        ("property", "og:description"): description,
        ("property", "og:site_name"): config.project,
        ("property", "og:type"): "website" if root else "article",
    }
    if context.get("pageurl"):
        said["property", "og:url"] = context["pageurl"]
    tags = [f'<meta {kind}="{name}" content="{html.escape(text)}">' for (kind, name), text in said.items()]
    if pagename == "404" and config.site_base:
        tags.insert(0, f'<base href="{html.escape(config.site_base)}">')
    context["metatags"] = "\n".join([*tags, context.get("metatags", "")])
    if root:
        context["title"] = "A course on recurrent networks"   # else it would be the site's, twice
    if "body" in context:
        context["body"] = markup.korean(markup.claims(context["body"]))


def _first_words(doctree: Any) -> str:
    """The first paragraph of a page; of a chapter it is the question."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree is not None else None
    return markup.cut(first.astext()) if first is not None else ""
