"""A Sphinx extension: every page's description, and a base for the page that wrong addresses lead to."""

from __future__ import annotations

import html
from typing import Any


def setup(app: Any) -> dict[str, bool]:
    """Sphinx' entry. Configuration: `site_description`, a sentence; `site_base`, "/NAME/" of a site that lies
    below its host's root, so that the page for wrong addresses finds its files from everywhere."""
    app.add_config_value("site_description", "", "html")
    app.add_config_value("site_base", "", "html")
    app.connect("html-page-context", _head)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _head(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    tags = [f'<meta name="description" content="{html.escape(app.config.site_description)}">']
    if pagename == "404" and app.config.site_base:
        tags.insert(0, f'<base href="{html.escape(app.config.site_base)}">')
    context["metatags"] = "\n".join([*tags, context.get("metatags", "")])
