"""What to type: messages name a command that the reader's machine has (Windows has no make)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])

MODULES = {
    "install": "pip install -c constraints.txt -e .",
    "lab": "jupyterlab --ServerApp.root_dir=. notebooks/00_start_here.ipynb",
    "progress": "tools.progress",
    "check": "tools.grade notebooks --out build/check",
    "train": "helpers.experiments run",
    "update": "tools.update",
    "test": "pytest tests",
    "build": "tools.build",
    "bench": "tools.bench",
}
"""What each target of the Makefile comes down to; `install` is what `make lab` does first."""


def command(target: str, argument: str = "") -> str:
    """The command for `target` ("install", "lab", "progress", …) as it is typed in the course's folder.

    `make …`, or `python -m …` on Windows and in an environment that make did not install (conda, uv, pip).
    `argument` is the experiment's name ("train") or the version to update from ("update").
    """
    if _by_make():
        option = {"train": "NAME=", "update": "FROM="}.get(target, "")
        words = ["make", {"install": "lab"}.get(target, target), argument and option + argument]
    elif target == "install" and _holds("pyvenv.cfg", "uv = "):   # its environments have no pip
        words = ["uv", MODULES[target]]
    else:
        option = "--from" if target == "update" and argument else ""
        words = [python(), "-m", MODULES[target], option, argument]
    return " ".join(word for word in words if word)


def _by_make() -> bool:
    """Whether make installed this Python's packages, or would, where nothing else did."""
    if os.name == "nt" or sys.platform == "win32":
        return False
    if sys.prefix == sys.base_prefix:
        return not os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
    return os.path.exists(os.path.join(sys.prefix, "installed"))


def _holds(name: str, text: str) -> bool:
    """Whether the file `name` of this Python's environment has a line that begins with `text`."""
    try:
        with open(os.path.join(sys.prefix, name), encoding="utf-8") as file:
            return any(line.startswith(text) for line in file)
    except (OSError, ValueError):
        return False


def python() -> str:
    """This Python, as short as it can be typed in the course's folder."""
    if os.path.realpath(sys.prefix) == os.path.join(ROOT, ".venv"):
        return r".venv\Scripts\python" if sys.platform == "win32" else ".venv/bin/python"
    return "python"
