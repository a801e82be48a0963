"""The files of a release that are not the course's own: README, Makefile, environment, links."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from string import Template

import nbformat

from helpers import notebooks
from tools.build.pipeline import Draft

LINK = re.compile(r"\[([^\]\n]+)\]\((?!\w+:|#)([^)\s#]+)(?:#[^)\s]*)?\)")
AUTHORS = "test|grade|site|browser"   # extras of pyproject.toml that no learner needs
MODULE = re.compile(r"-m tools\.(\w+)")

BEGINNING = """\
# `make lab` opens the course; `make help` lists the other commands. Every path is relative, so the course may
# lie in a folder with spaces in its name."""


def environment(root: Path, files: set[str]) -> dict[str, bytes]:
    """pyproject.toml, environment.yml and a Makefile with the commands that work with `files`.

    ValueError where the course's own have another form than this knows.
    """
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    conda = (root / "environment.yml").read_text(encoding="utf-8")
    make = (root / "Makefile").read_text(encoding="utf-8")
    return {
        "pyproject.toml": _project(project).encode(),
        "environment.yml": _replaced(conda, "-e .[test]", "-e .").encode(),
        "Makefile": makefile(make, files).encode(),
    }


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ValueError(f"the course's files: got no {old!r} in them, wanted one to replace")
    return text.replace(old, new)


def _project(text: str) -> str:
    """pyproject.toml without what tests and grading need, and with the files that are no modules."""
    text = re.sub(rf"^(?:# [^\n]*\n)*(?:{AUTHORS}) = \[\n.*?^\]\n", "", text, flags=re.M | re.S)
    theirs = r"^\[tool\.(?:ruff|pytest|setuptools\.package-data)[^\n]*\]\n.*?(?=^\[|\Z)"
    text = re.sub(theirs, "", text, flags=re.M | re.S)
    data = '"*" = ["*.npz", "*.bin", "*.otf", "OFL.txt", "*.mo.gz"]'
    text = f"{text.rstrip()}\n\n[tool.setuptools.package-data]\n{data}\n"
    extras = tomllib.loads(text)["project"].get("optional-dependencies", {})
    if set(AUTHORS.split("|")) & extras.keys():
        raise ValueError("pyproject.toml: got extras for tests of another form, wanted `test = [` … `]`")
    return text


def makefile(text: str, files: set[str]) -> str:
    """The rules of the course's Makefile that work with `files`, and the lines of its help about them."""
    whole = re.search(r"^define.*?^endef$", text, re.M | re.S)[0]   # it may hold blank lines
    blocks = text.replace(whole, "@@DEFINE@@").split("\n\n")
    kept = [block for block in blocks if _works(block, files)]
    targets = {name for block in kept for name in re.findall(r"^([a-z-]+):", block, re.M)}
    kept = [BEGINNING, *(_told(block, targets) for block in kept[1:] if block.strip())]
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(kept)).replace("@@DEFINE@@", whole).rstrip() + "\n"


def _works(block: str, files: set[str]) -> bool:
    """Whether a block of the Makefile is of use without the maintainers' tools and environment."""
    if "help:" in block and "@echo" in block:
        return True
    modules = MODULE.findall(block)
    there = all(f"tools/{m}.py" in files or f"tools/{m}/__init__.py" in files for m in modules)
    theirs = re.search(r"\$\(DEV\)|^\.venv-test|^(?:lint|range|torture)\b.*:|^# --- ", block, re.M)
    heading = block.startswith("heading =") or "none_found =" in block
    return there and not theirs and not heading


def _told(block: str, targets: set[str]) -> str:
    lines = []
    for line in block.split("\n"):
        command = re.match(r'\t@echo "  make ([a-z-]+)', line)
        if line.startswith(".PHONY"):
            line = " ".join([".PHONY:", *(w for w in line.split()[1:] if w in targets | {"FORCE"})])
        if (command and command[1] not in targets) or re.search('echo "For (teachers|authors)', line):
            continue
        if line == "\t@echo" == (lines or [""])[-1]:
            continue
        if line.startswith("\trm -rf .venv"):
            line = "\trm -rf .venv unrolled.egg-info"   # build/version.json is of use to `make update`
        lines.append(line.replace("find helpers tools tests", "find helpers tools"))
    return "\n".join(lines)


def readme(released: Iterable[Draft], solved: Iterable[Draft]) -> bytes:
    """The page that a learner reads first."""
    rows = []
    for draft in released:
        text = "\n".join(cell.source for cell in draft.student.cells[:3])
        patterns = (notebooks.TITLE, notebooks.QUESTION, notebooks.MINUTES)
        title, question, minutes = (found[1] if (found := each.search(text)) else "" for each in patterns)
        title = title or draft.chapter.name
        link = f"[{title}](notebooks/{draft.chapter.name}.ipynb)"
        rows.append(f"| {link} | {question} | {minutes} | {len(draft.exercises)} |")
    names = ", ".join(f"[{d.chapter.name}](solutions/{d.chapter.name}.ipynb)" for d in solved)
    template = Template((Path(__file__).parent / "README.template.md").read_text(encoding="utf-8"))
    told = f"The solutions handed out so far: {names}." if names else "The solutions are not in this copy."
    return template.substitute(chapters="\n".join(rows), solutions=told).encode()


def without_dead_links(files: dict[str, bytes]) -> None:
    """Take the links to files that are not there out of notebooks' text cells and Markdown pages."""
    for path, data in list(files.items()):
        if path.endswith(".md"):
            files[path] = _linked(data.decode(), path, files).encode()
        elif path.startswith("notebooks/"):
            notebook = nbformat.reads(data.decode(), as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    text = _linked(cell.source, path, files)
                    cell.id, cell.source = _identity(cell, text), text
            files[path] = notebooks.dumps(notebook).encode()


def _identity(cell: notebooks.Cell, text: str) -> str:
    """The id of a cell that has the other text `text` now: by it the update knows an untouched cell."""
    for count in range(4):
        if cell.id == notebooks.hashed_id(cell.cell_type, cell.source, count):
            return notebooks.hashed_id(cell.cell_type, text, count)
    return cell.id


def _linked(text: str, path: str, files: dict[str, bytes]) -> str:
    def kept(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link[2]))
        there = target in files or any(name.startswith(f"{target}/") for name in files)
        away = " (not in this copy)" if target.startswith("solutions") else ""
        return link[0] if there else f"{link[1]}{away}"

    return LINK.sub(kept, text)
