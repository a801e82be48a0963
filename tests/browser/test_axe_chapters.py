"""For who sees little, or not in colour: axe-core finds nothing serious in the chapters' text and outputs, in
light and in dark, and nothing is cut on a phone or at 200 %.

The pages are Jupyter's: a chapter as nbconvert makes it, and JupyterLab itself. Only what is the course's is
looked at, the text cells and the outputs, and what Jupyter does with any notebook is set aside in JUPYTERS.
"""

import pytest

from tests.browser.accessible import JUPYTERS, judged
from tests.browser.course import ROOT
from tests.browser.lab import PANEL

pytest.importorskip("axe_playwright_python.sync_playwright", reason="make test-browser has axe")

CHAPTERS = sorted((ROOT / "solutions").glob("*.ipynb"))
OURS = {"include": [[".jp-OutputArea-output"], [".jp-RenderedMarkdown"]], "exclude": [[".highlight"]]}
CUT = """() => [...document.querySelectorAll(
    '.jp-OutputArea-output [role=status], .jp-OutputArea-output figure, .jp-OutputArea-output small'
)].filter(each => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline'
    || each.getBoundingClientRect().right > document.documentElement.clientWidth + 1
).map(each => each.outerHTML.slice(0, 200))"""


def exported(chapter, theme):
    """The executed chapter as a page, without its code."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="lab", theme=theme, exclude_input=True)
    return exporter.from_filename(chapter)[0]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_an_executed_chapter(chapter, window, tmp_path, shoot):
    window.route("http*://**", lambda route: route.abort())   # its scripts for maths: not needed here
    for theme in ("light", "dark"):
        file = tmp_path / f"{theme}.html"
        file.write_text(exported(chapter, theme), encoding="utf-8")
        window.goto(file.as_uri(), wait_until="domcontentloaded")
        only = () if theme == "light" else ("color-contrast",)
        problems, passed = judged(window, OURS, only=only, without=JUPYTERS)
        assert not problems, "\n".join(problems)
        assert passed["color-contrast"] > 50
        window.locator("[role=status]").first.scroll_into_view_if_needed()
        shoot(window, theme)
    window.set_viewport_size({"width": 320, "height": 640})   # as wide as 640 at 200 %
    window.locator("[role=status]").first.scroll_into_view_if_needed()
    shoot(window, "phone")
    assert window.evaluate(CUT) == []


WHOLE = f"""path => {{
    const {{content}} = {PANEL};
    content.notebookConfig = {{...content.notebookConfig, windowingMode: 'none'}};
    document.body.style.overflow = 'visible';   // of no height; axe would take all in it for hidden
}}"""


def test_a_chapter_in_jupyterlab_as_a_learner_runs_it(open_notebook, shoot):
    """The start page, run: its boxes, its tables, and a figure that has its text in words."""
    start = open_notebook("00_start_here")
    start.run_all()
    start.page.evaluate(WHOLE, start.path)
    start.page.locator(".jp-OutputArea-output figure img").wait_for()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):   # which it keeps
        start.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        start.page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
        problems, passed = judged(start.page, OURS, without=JUPYTERS)
        assert not problems, "\n".join(problems)
        assert passed["color-contrast"] > 30 and passed["image-alt"] == 1
        start.page.locator(".jp-OutputArea-output table").last.scroll_into_view_if_needed()
        shoot(start.page, theme.split()[-1].lower())
    assert len(start.page.locator(".jp-OutputArea-output figure img").get_attribute("alt")) > 50
