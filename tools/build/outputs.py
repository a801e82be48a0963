"""Everything an executed notebook is refused for: what changes from run to run or cannot be seen by all."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tools.build.markup import html_images, markdown_images
from tools.build.source import Chapter, Course, Problem

WIDGET = "application/vnd.jupyter.widget-view+json"
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+|\b0x[0-9a-fA-F]{9,}\b")
RATE = re.compile(r"(?<![A-Za-z])(?:it/s|s/it)\b")
DATE = re.compile(r"<dc:date>")
# Folders of some machine; a web address does not match, the slash follows its host.
FOLDER = re.compile(
    r"(?<![\w.~-])/(?:tmp|home|Users|root|private|var/folders|var/tmp)/[^\s'\"<>]*|\b[A-Za-z]:\\{1,2}\w[^\s'\"<>]*"
)


def output_problems(chapter: Chapter, notebook: nbformat.NotebookNode, course: Course) -> list[Problem]:
    """All problems of the stored outputs, each at the first line of the cell that made it."""
    own = [
        str(path) for path in (course.root, Path.home(), Path(tempfile.gettempdir())) if len(path.parts) > 1
    ]
    problems = []
    for cell, node in zip(chapter.cells, notebook.cells, strict=True):
        for output in node.get("outputs", []):
            for message, text in _complaints(output, own):
                problems.append(chapter.problem(cell.at(0), message, text))
    return list(dict.fromkeys(problems))


def _complaints(output: nbformat.NotebookNode, own: list[str]) -> Iterator[tuple[str, str]]:
    if output.output_type == "error":
        yield "the cell ended in an error", f"{output.ename}: {output.evalue}"
        return
    if output.output_type == "stream":
        if output.name == "stderr":
            yield "the cell writes to stderr", _first_line(output.text)
        yield from _unstable(output.text, own)
        return
    for mime, value in output.data.items():
        text = "".join(value) if isinstance(value, list) else value
        if mime == WIDGET:
            yield (
                "a live widget in the stored output (show one still, put the slider into a demo=true cell)",
                mime,
            )
        elif mime.startswith("image/"):
            yield from _image(mime, text, output.metadata)
        elif isinstance(text, str) and mime.startswith("text/"):
            yield from _unstable(text, own)
            if mime in ("text/html", "text/markdown"):
                images = html_images(text) if mime == "text/html" else markdown_images(text)
                for image in images:
                    yield f"{image.message} in an output", image.text


def _image(mime: str, text: str, metadata: dict) -> Iterator[tuple[str, str]]:
    described = metadata.get(mime, {})
    alternatives = [described.get("alt") if isinstance(described, dict) else None, metadata.get("alt")]
    if not any(isinstance(alt, str) and alt.strip() for alt in alternatives):
        yield "a figure without alternative text (show it with helpers.plots.show)", mime
    if mime == "image/svg+xml" and DATE.search(text):
        yield "a figure that stores its date (savefig with metadata={'Date': None})", "<dc:date>"


def _unstable(text: str, own: list[str]) -> Iterator[tuple[str, str]]:
    """Addresses, folders of this machine and rates: one complaint of each kind is enough."""
    for pattern, message in (
        (ADDRESS, "an address in the output, another one in every run"),
        (RATE, "a progress bar's rate in the output (tqdm: bar_format='{desc}{n}/{total}')"),
        (FOLDER, "a folder of one machine in the output"),
    ):
        found = pattern.search(text)
        if found:
            yield message, _line_with(text, found.start())
    if not FOLDER.search(text):
        for folder in own:
            place = re.search(rf"(?<![\w.-]){re.escape(folder)}(?![\w-])", text)
            if place:
                yield "a folder of one machine in the output", _line_with(text, place.start())
                return


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), text)


def _line_with(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else None]
