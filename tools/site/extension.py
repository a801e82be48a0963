"""What the site's pages need of Sphinx beyond its configuration: nothing of it knows the course."""

from __future__ import annotations

from typing import Any


def setup(app: Any) -> dict[str, bool]:
    """Sphinx' entry: the page for wrong addresses finds its files from everywhere below the site."""
    app.add_config_value("site_base", "", "html")   # "/NAME/" of a site that lies below its host's root
    app.connect("html-page-context", _base)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _base(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    context["site_base"] = app.config.site_base if pagename == "404" else ""
