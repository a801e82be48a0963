"""The coloured box a verdict is shown in."""

from __future__ import annotations

import html
from dataclasses import dataclass

from helpers import console, markup
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED, Verdict, state_in_words
from helpers.languages import translate

MIME = "application/vnd.unrolled.check+json"
"""The verdict as data; the progress table reads it from saved notebooks."""

_STYLE = {PASSED: ("✓", markup.GOOD), NOT_ATTEMPTED: ("○", markup.NEUTRAL), FAILED: ("✗", markup.BAD)}


@dataclass(frozen=True, repr=False)
class Box:
    """A verdict, for display: HTML, plain text and data."""

    verdict: Verdict

    def __repr__(self) -> str:
        verdict = self.verdict
        lines = [_heading(verdict), f"  {verdict.text}"]
        if verdict.hint:
            lines.append(f"  {translate('Hint: {hint}', hint=verdict.hint)}")
        if verdict.printed.strip():
            lines.append(f"  {translate('It printed:')} {verdict.printed.strip()[:300]}")
        if verdict.case:
            lines.append(f"  {_again(verdict)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """A frame and a heading in the verdict's colour; the text in the page's own, which may be dark."""
        verdict = self.verdict
        _, colour = _STYLE[verdict.state]
        heading = html.escape(_heading(verdict))
        below = "margin:.4em 0 0"
        parts = [f"<div>{markup.rich(verdict.text)}</div>"]
        if verdict.hint:
            hint = f"<b>{translate('Hint.')}</b> {markup.rich(verdict.hint)}"
            parts.append(f"<div style='{below}'>{hint}</div>")
        if verdict.printed.strip():
            printed = html.escape(verdict.printed.strip()[:300])
            parts.append(f"<div style='{below}'>{translate('It printed:')}</div>")
            parts.append(f"<pre style='margin:0;white-space:pre-wrap'>{printed}</pre>")
        if verdict.case:
            parts.append(f"<div style='{below};font-size:90%'>{markup.rich(_again(verdict))}</div>")
        frame = f"border:2px solid {colour};border-radius:.3em;margin:.3em 0;max-width:60em"
        ground = f"display:block;background:{colour};color:#fff;padding:.2em .9em"
        return (
            f"<div role='status' style='{frame};overflow-wrap:anywhere'>"
            f"<strong style='{ground}'>{heading}</strong>"
            f"<div style='padding:.5em .9em'>{''.join(parts)}</div></div>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        verdict = self.verdict
        data = {"exercise": verdict.exercise, "state": verdict.state, "fingerprint": verdict.fingerprint}
        return {"text/plain": repr(self), "text/html": self._repr_html_(), MIME: data}


def _heading(verdict: Verdict) -> str:
    return f"{_STYLE[verdict.state][0]} {verdict.exercise}: {verdict.title or state_in_words(verdict.state)}"


def _again(verdict: Verdict) -> str:
    return translate(
        "To look at this case: `from helpers.checks import failing_case`, then "
        '`case = failing_case("{exercise}")` has `case.arguments`, `case.wanted`, `case.got`, and '
        "`case.rerun()` calls your function again.", exercise=verdict.exercise,
    )  # fmt: skip


def show(verdict: Verdict) -> None:
    """Display the verdict's box: HTML in a notebook, text elsewhere."""
    console.show(Box(verdict))
