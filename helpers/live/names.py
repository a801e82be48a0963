"""What ipywidgets leaves open on a page: the handle of a slider has no name for screen readers, nothing says
that the sentence changes, controls whose kernel is gone are an error, and keys meant for a control are taken
for JupyterLab's commands (d, d deletes the cell). A few lines of script see to it all; where a front-end runs
no scripts, the number field beside each slider still has its label."""

from __future__ import annotations

from helpers.languages import translate

PANEL, ROW, SENTENCE = "unrolled-live", "unrolled-live-row", "unrolled-live-sentence"
"""Classes of the whole, of one control, and of the sentence below the picture."""
POWER = "unrolled-live-power"
"""Class of a logarithmic slider, which says the exponent as its value."""
ARROW = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E"
    "%3Cpath d='M4 7l5 5 5-5' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E"
)
"""Of a list of choices on a dark page, where that of ipywidgets is black."""


def still(picture: str, own: str) -> str:
    """HTML of a still `picture` that hides where the controls of class `own` are seen."""
    style = f"body:has(.{own}) .{own}-still {{display: none}}"
    return f"<style>{style}</style><div class='{own}-still'>{picture}</div>"


def script() -> str:
    """Shown below the controls, without room of its own. On a narrow page labels stand above their controls.
    Where the kernel that moved the picture is gone, it says what to do."""
    again = _quoted(translate("Run this cell, and the picture moves."))
    power = _quoted(translate(", as a power of ten"))
    return f"""<script>
(() => {{
  const name = () => {{
    for (const handle of document.querySelectorAll('.{ROW} .noUi-handle:not([aria-label])')) {{
      const label = handle.closest('.{ROW}').querySelector('label');
      const power = handle.closest('.{POWER}') ? {power} : '';
      if (label) handle.setAttribute('aria-label', label.textContent.trim() + power);
    }}
    for (const said of document.querySelectorAll('.{SENTENCE} .widget-html-content:not([aria-live])'))
      said.setAttribute('aria-live', 'polite');
    for (const gone of document.querySelectorAll('.jp-OutputArea-output.jupyter-widgets')) {{
      const still = gone.closest('.jp-OutputArea').querySelector('[class^={PANEL}][class$=still]');
      if (still && /model not found/.test(gone.textContent))
        gone.textContent = {again};
    }}
  }};
  name();
  if (window.unrolledLive) return;
  let waiting = false;
  const later = () => {{ waiting = false; name(); }};
  window.unrolledLive = new MutationObserver(() => {{
    if (!waiting) {{ waiting = true; setTimeout(later, 100); }}
  }});
  window.unrolledLive.observe(document.body, {{childList: true, subtree: true}});
  window.addEventListener('keydown', event => {{   // else an arrow in a list of choices goes to the next cell
    const {{target, key}} = event;
    const jupyters = event.ctrlKey || event.metaKey || event.altKey || key === 'Escape'
      || event.shiftKey && key === 'Enter';
    if (target.closest?.('.{PANEL}')) target.toggleAttribute('data-lm-suppress-shortcuts', !jupyters);
  }}, true);
}})();
</script><style>
.{PANEL} {{container-type: inline-size}}
.{PANEL} .jupyter-widgets-disconnected::before {{display: none}}
.{PANEL}.jupyter-widgets-disconnected::after {{content: {again}}}
body[data-jp-theme-light=false] .{PANEL} select {{background-image: url("{ARROW}")}}
@container (max-width: 36rem) {{
  .{ROW} .widget-inline-hbox:not(.widget-slider) {{flex-flow: row wrap; height: auto}}
  .{ROW} select {{min-height: 28px}}
  .{ROW} .widget-label {{width: 100% !important; text-align: left}}
}}
</style>"""


def _quoted(text: str) -> str:
    """`text` as a string of JavaScript and of CSS."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
