"""axe-core's rules of accessibility, on what is ours in a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

GRAVE = ("serious", "critical")
OUTPUT = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active .jp-OutputArea-child"
"""What the chosen cell has shown; all around it is JupyterLab's."""
JUPYTERS = ("link-in-text-block",)
"""Rules that Jupyter itself breaks in every notebook: its links in a text have a colour and no line below."""


def judged(
    page: Page, context: str | Mapping[str, Any], *, only: Sequence[str] = (), without: Sequence[str] = ()
) -> tuple[list[str], dict[str, int]]:
    """(serious and critical findings in axe's `context`: rule, element, reason; how many elements kept each
    rule), by all rules, by `only` these, or `without` these."""
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {"resultTypes": ["violations", "passes"]}
    options |= {"runOnly": list(only)} if only else {"rules": {rule: {"enabled": False} for rule in without}}
    result = Axe().run(page, context, options).response
    found = [
        f"{rule['id']} ({rule['impact']}): {node['html'][:300]}: {node['failureSummary']}"
        for rule in result["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
    return found, {rule["id"]: len(rule["nodes"]) for rule in result["passes"]}


def findings(page: Page, include: str = "html") -> list[str]:
    """What `judged` finds inside `include`. AssertionError where axe has seen no text there."""
    page.evaluate("() => { document.body.style.overflow = 'visible'; }")   # JupyterLab's has no height
    found, kept = judged(page, include, without=JUPYTERS if include == OUTPUT else ())
    seen = "color-contrast" in kept or any(line.startswith("color-contrast") for line in found)
    assert seen, f"axe saw no text in {include}: it passes over what it takes for hidden"
    return found
