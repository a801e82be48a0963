"""Driving JupyterLab: with mouse and keyboard where a learner would. What became of it is read from the
shared model, for of a long notebook only the cells in sight are in the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from helpers.checks.box import MIME

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

LONG, SHORT = 600_000, 90_000   # milliseconds: a chapter, a cell, on a busy machine

PANEL = "[...jupyterapp.shell.widgets('main')].find(w => w.context && w.context.path === path)"
READY = f"""path => {{
    if (!window.jupyterapp) return false;
    const panel = {PANEL};
    if (!panel || !panel.context.isReady || !panel.content.model) return false;
    return panel.sessionContext.session?.kernel?.status === 'idle';
}}"""
CELLS = f"""path => {{
    const panel = {PANEL};
    return panel.content.widgets.map(({{model}}) => ({{
        id: model.id, type: model.type, source: model.sharedModel.getSource(),
        count: model.executionCount ?? null, state: model.executionState ?? 'idle',
        outputs: model.outputs ? model.outputs.toJSON() : [],
    }}));
}}"""
DONE = f"""path => {{
    const {{content, sessionContext}} = {PANEL};
    if (sessionContext.session?.kernel?.status !== 'idle') return false;
    const code = content.widgets.map(cell => cell.model).filter(model => model.type === 'code');
    if (code.some(model => model.executionState === 'running')) return false;
    const failed = code.some(model => model.outputs.toJSON().some(each => each.output_type === 'error'));
    return failed || code.every(model => model.executionCount || !model.sharedModel.getSource().trim());
}}"""
RAN = f"""([path, id, before]) => {{
    const {{content, sessionContext}} = {PANEL};
    const {{model}} = content.widgets.find(cell => cell.model.id === id);
    return model.executionCount && model.executionCount !== before && model.executionState !== 'running'
        && sessionContext.session.kernel.status === 'idle';
}}"""
SELECT = f"""async ([path, id]) => {{
    const {{content}} = {PANEL};
    content.mode = 'command';
    content.deselectAll();
    content.activeCellIndex = content.widgets.findIndex(cell => cell.model.id === id);
    content.node.focus();
    await content.scrollToCell(content.activeCell, 'center');
}}"""


class Notebook:
    """A notebook that is open in JupyterLab in `page`; `file` is where it is saved."""

    def __init__(self, page: Page, file: Path):
        self.page, self.file = page, file
        folders = file.parts[:-1][::-1]
        self.path = "/".join(file.parts[-2 - folders.index("notebooks") :])   # as JupyterLab calls it
        self.page.wait_for_function(READY, arg=self.path, timeout=SHORT)

    def cells(self) -> list[dict]:
        """Its cells in the shared model: id, type, source, count, state and outputs of each."""
        return self.page.evaluate(CELLS, self.path)

    def cell(self, id: str) -> dict:
        [found] = [cell for cell in self.cells() if cell["id"] == id]
        return found

    def menu(self, menu: str, command: str) -> None:
        """Click the `command` in the `menu` of JupyterLab's bar."""
        self.page.locator(f"#jp-MainMenu .lm-MenuBar-itemLabel:text-is('{menu}')").click()
        self.page.locator(f".lm-Menu-item[data-command='{command}']:visible").click()

    def run_all(self) -> None:
        """Run → Run All Cells, and wait until all have run or one has raised."""
        self.menu("Run", "runmenu:run-all")
        self.page.wait_for_function(DONE, arg=self.path, timeout=LONG, polling=250)

    def restart(self) -> None:
        """Kernel → Restart Kernel…, and confirm it."""
        before = self.page.evaluate("path => " + PANEL + ".sessionContext.session.kernel.id", self.path)
        assert before
        self.menu("Kernel", "kernelmenu:restart")
        self.page.locator(".jp-Dialog button.jp-mod-warn").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.page.wait_for_function(READY, arg=self.path, timeout=SHORT)

    def theme(self, name: str) -> None:
        """Settings → Theme: "JupyterLab Light" or "JupyterLab Dark"."""
        change = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})"
        self.page.evaluate(change, name)
        self.page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")

    def select(self, id: str) -> Locator:
        """Make the cell the active one, in the middle of the page → the element."""
        self.page.evaluate(SELECT, [self.path, id])
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active")

    def moving(self) -> list[str]:
        """The cells with figures that move."""
        return [cell["id"] for cell in self.cells() if "explore(" in cell["source"]]

    def controls(self, id: str) -> Locator:
        """The controls, the picture and its sentence that the cell has shown, as one element."""
        panel = self.select(id).locator(".unrolled-live")
        panel.locator("[aria-live]").wait_for()
        return panel

    def type(self, id: str, text: str) -> None:
        """Put `text` in place of the cell's, as by select all and paste."""
        self.select(id).locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(text)
        assert self.cell(id)["source"].rstrip() == text.rstrip()

    def run(self, id: str) -> dict:
        """Shift + Enter in the cell → the cell when it has run."""
        before = self.cell(id)["count"]
        self.select(id)
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(RAN, arg=[self.path, id, before], timeout=SHORT)
        return self.cell(id)

    def save(self) -> nbformat.NotebookNode:
        """Ctrl + S → what the file holds afterwards."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("ControlOrMeta+S")
        clean = f"path => {{ const panel = {PANEL}; return !panel.context.model.dirty; }}"
        self.page.wait_for_function(clean, arg=self.path, timeout=SHORT)
        return nbformat.read(self.file, as_version=4)


def box(cell) -> dict:
    """A check's verdict as data, with the `words` of its box: the one output of this kind that a cell has."""
    [data] = [output["data"] for output in cell["outputs"] if MIME in output.get("data", {})]
    return {**data[MIME], "words": text(data["text/plain"])}


def error(cell) -> dict | None:
    """The traceback that a cell ended with, None if it did not."""
    return next((output for output in cell["outputs"] if output["output_type"] == "error"), None)


def text(value: str | list[str]) -> str:
    """A multi-line string of the notebook format, joined."""
    return value if isinstance(value, str) else "".join(value)


def html(cell) -> str:
    """The HTML that a cell has shown."""
    shown = [output["data"] for output in cell["outputs"] if "text/html" in output.get("data", {})]
    return "\n".join(text(data["text/html"]) for data in shown)
