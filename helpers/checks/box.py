"""The coloured box a verdict is shown in."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from helpers import console
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED, Verdict

MIME = "application/vnd.unrolled.check+json"
"""The verdict as data; the progress table reads it from saved notebooks."""

_STYLE = {PASSED: ("✓", "#2e7d32"), NOT_ATTEMPTED: ("○", "#757575"), FAILED: ("✗", "#c62828")}


@dataclass(frozen=True, repr=False)
class Box:
    """A verdict, for display: HTML, plain text and data."""

    verdict: Verdict

    def __repr__(self) -> str:
        verdict = self.verdict
        title = verdict.title or verdict.state
        lines = [f"{_STYLE[verdict.state][0]} {verdict.exercise}: {title}", f"  {verdict.text}"]
        if verdict.hint:
            lines.append(f"  Hint: {verdict.hint}")
        if verdict.printed.strip():
            lines.append(f"  It printed: {verdict.printed.strip()[:300]}")
        if verdict.case:
            lines.append(f"  {_again(verdict)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        verdict = self.verdict
        symbol, colour = _STYLE[verdict.state]
        title = f"{symbol} {html.escape(verdict.exercise)}: {verdict.title or verdict.state}"
        parts = [
            f"<strong style='color:{colour}'>{title}</strong>",
            f"<div>{_rich(verdict.text)}</div>",
        ]
        if verdict.hint:
            parts.append(f"<div style='margin-top:.4em'><b>Hint.</b> {_rich(verdict.hint)}</div>")
        if verdict.printed.strip():
            parts.append(f"<pre style='margin:.4em 0 0'>{html.escape(verdict.printed.strip()[:300])}</pre>")
        if verdict.case:
            parts.append(f"<div style='margin-top:.4em;font-size:90%'>{_rich(_again(verdict))}</div>")
        style = f"border-left:6px solid {colour};padding:.5em .9em;margin:.3em 0;max-width:60em"
        return f"<div role='status' style='{style}'>{''.join(parts)}</div>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        verdict = self.verdict
        data = {"exercise": verdict.exercise, "state": verdict.state, "fingerprint": verdict.fingerprint}
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: data}


def _again(verdict: Verdict) -> str:
    return (
        "To look at this case: `from helpers.checks import failing_case`, then "
        f'`case = failing_case("{verdict.exercise}")` has `case.arguments`, `case.wanted`, `case.got`, and '
        "`case.rerun()` calls your function again."
    )


def _rich(text: str) -> str:
    """HTML of a text in which `code` is set in backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def show(verdict: Verdict) -> None:
    """Display the verdict's box: HTML in a notebook, text elsewhere."""
    console.show(Box(verdict))
