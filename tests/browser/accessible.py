"""axe-core's rules of accessibility, on what is ours in a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = ("serious", "critical")
OUTPUT = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active .jp-OutputArea-child"
"""What the chosen cell has shown; all around it is JupyterLab's."""


def findings(page: Page, include: str = "html", *, exclude: tuple[str, ...] = ()) -> list[str]:
    """Serious and critical findings inside `include`, less what lies in `exclude`: rule, element, reason.
    AssertionError where axe has met nothing there that it could judge."""
    from axe_playwright_python.sync_playwright import Axe

    context = {"include": [[include]], "exclude": [[selector] for selector in exclude]}
    found = Axe().run(page, context, {"resultTypes": ["violations"]}).response
    assert found["passes"], f"axe found nothing to judge in {include}"
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:300]}: {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]

