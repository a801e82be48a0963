"""Every refusal of an executed notebook's outputs."""

import tempfile
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.build.outputs import output_problems
from tools.build.source import Cell, Chapter, Course

CHAPTER = Chapter(
    "solutions/01_x.py",
    "01_x",
    (Cell("markdown", "# 1 · X", {}, 1, 2), Cell("code", "first()\nsecond()", {}, 3, 4)),
)
WIDGET = "application/vnd.jupyter.widget-view+json"
ALT = {"alt": "A line that rises"}


def stream(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


def shown(data: dict, metadata: dict | None = None):
    return new_output("display_data", data=data, metadata=metadata or {})


def problems_of(output, root: Path = Path("/srv/course")):
    notebook = new_notebook(cells=[new_markdown_cell("# 1 · X"), new_code_cell("first()", outputs=[output])])
    return output_problems(CHAPTER, notebook, Course(root))


REFUSED = {
    "stderr": (stream("\nUserWarning: mind\nmore\n", "stderr"), "writes to stderr: UserWarning: mind"),
    "error": (
        new_output("error", ename="KeyError", evalue="'x'", traceback=[]),
        "ended in an error: KeyError: 'x'",
    ),
    "address": (
        stream("one\n<function f at 0x7f20869a72f0>\n"),
        "address in the output, another one in every run: <fun",
    ),
    "address as a result": (new_output("execute_result", data={"text/plain": "<A at 0xdead>"}), "an address"),
    "address in HTML": (shown({"text/html": "<i>&lt;A object at 0x10ab&gt;</i>"}), "an address"),
    "bare address": (stream("0x7f20869a72f0"), "an address"),
    "rate": (stream("100%|███| 10/10 [00:01<00:00, 9.41it/s]"), "a progress bar's rate"),
    "slow rate": (stream("10/10 [00:30<00:00, 3.0 s/it]"), "a progress bar's rate"),
    "temporary folder": (
        stream("saved to /tmp/abc/x.npz"),
        "a folder of one machine in the output: saved to /tmp",
    ),
    "temporary folder on macOS": (stream("'/var/folders/zz/x.npz'"), "a folder of one machine"),
    "this temporary folder": (stream(f"in {tempfile.gettempdir()}"), "a folder of one machine"),
    "home": (stream(f"{Path.home()} is home"), "a folder of one machine"),
    "somebody's home": (shown({"text/html": '<a href="/home/ada/x">x</a>'}), "a folder of one machine"),
    "home on Windows": (stream(r"C:\Users\Ada\x.npz"), "a folder of one machine"),
    "the repository": (
        stream("read /srv/course/data/x"),
        "a folder of one machine in the output: read /srv/course",
    ),
    "widget": (
        shown({WIDGET: {"model_id": "1"}, "text/plain": "IntSlider()"}),
        "a live widget in the stored output",
    ),
    "PNG": (shown({"image/png": "iVBOR"}), "a figure without alternative text"),
    "PNG with an empty text": (
        shown({"image/png": "iVBOR"}, {"image/png": {"alt": " "}}),
        "a figure without alt",
    ),
    "PNG with another type's text": (
        shown({"image/png": "i"}, {"image/svg+xml": ALT}),
        "a figure without alt",
    ),
    "SVG": (shown({"image/svg+xml": "<svg></svg>"}), "a figure without alternative text"),
    "SVG with its date": (
        shown({"image/svg+xml": "<dc:date>2024</dc:date>"}, ALT),
        "a figure that stores its date",
    ),
    "HTML image": (
        shown({"text/html": "<p><img src='a.png'></p>"}),
        "image without alternative text in an output: a.png",
    ),
    "remote image": (
        shown({"text/markdown": "![A dot](https://example.org/a.png)"}),
        "an image from another machine",
    ),
}

ACCEPTED = {
    "text": stream("loss 1.234 at 0 steps, 12 s; /s and https://example.org/home/page and a/tmp/b\n"),
    "hexadecimal": stream("0xff 0x1f600"),
    "a rate from a record": stream("31,000 tokens/s"),
    "PNG": shown({"image/png": "iVBOR", "text/plain": "<Figure>"}, {"image/png": ALT}),
    "PNG, text at the top": shown({"image/png": "iVBOR"}, ALT),
    "SVG": shown({"image/svg+xml": "<svg></svg>"}, {"image/svg+xml": ALT}),
    "HTML image": shown({"text/html": "<img src='a.png' alt='A dot'>"}),
    "result": new_output("execute_result", data={"text/plain": "42"}, execution_count=1),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    output, message = REFUSED[case]
    problems = problems_of(output)
    assert len(problems) == 1, [str(problem) for problem in problems]
    assert message in str(problems[0])
    assert str(problems[0]).startswith("solutions/01_x.py:4: ")
    assert problems[0].text


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case):
    assert problems_of(ACCEPTED[case]) == []


def test_all_problems_of_a_cell_are_told():
    output = stream("UserWarning: <A at 0x7f20869a72f0> in /tmp/x, 3.0it/s", "stderr")
    assert len(problems_of(output)) == 4
