"""What ipywidgets leaves without a name for screen readers: the handle of a slider has no label, and nothing
says that the sentence changes. A few lines of script give both once they are on the page; where a front-end
runs no scripts, the number field beside each slider still has its label."""

from __future__ import annotations

PANEL, ROW, SENTENCE = "unrolled-live", "unrolled-live-row", "unrolled-live-sentence"
"""Classes of the whole, of one control, and of the sentence below the picture."""
POWER = "unrolled-live-power"
"""Class of a logarithmic slider, which says the exponent as its value."""

SCRIPT = f"""<script>
(() => {{
  const name = () => {{
    for (const handle of document.querySelectorAll('.{ROW} .noUi-handle:not([aria-label])')) {{
      const label = handle.closest('.{ROW}').querySelector('label');
      const power = handle.closest('.{POWER}') ? ', as a power of ten' : '';
      if (label) handle.setAttribute('aria-label', label.textContent.trim() + power);
    }}
    for (const said of document.querySelectorAll('.{SENTENCE} .widget-html-content:not([aria-live])'))
      said.setAttribute('aria-live', 'polite');
  }};
  name();
  if (window.unrolledLive) return;
  let waiting = false;
  const later = () => {{ waiting = false; name(); }};
  window.unrolledLive = new MutationObserver(() => {{
    if (!waiting) {{ waiting = true; setTimeout(later, 100); }}
  }});
  window.unrolledLive.observe(document.body, {{childList: true, subtree: true}});
}})();
</script>"""
"""Shown below the controls; it takes no room."""
