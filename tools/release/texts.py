"""The files of a release that are not the course's own: README, Makefile, environment, links."""

from __future__ import annotations

import itertools
import posixpath
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nbformat

from helpers import notebooks
from helpers.languages import ENGLISH, LANGUAGES
from tools.build.pipeline import Draft

LINK = re.compile(r"\[([^\]\n]+)\]\((?!\w+:|#)([^)\s#]+)(?:#[^)\s]*)?\)")
AUTHORS = "test|grade|site|browser"   # extras of pyproject.toml that no learner needs
AWAY = {ENGLISH: " (not in this copy)", "ko": "(이 사본에는 없습니다)"}
"""Language → what is said of a solution to which a link would lead."""
TEMPLATE = Path(__file__).with_name("README.template.md")
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


def readme(template: str, language: str, released: Iterable[Draft], solved: Iterable[str]) -> bytes:
    """The page that a learner reads first, made of `template` in `language`, as are the drafts `released`;
    `solved` are the names of the chapters whose solutions are handed out."""
    folder = notebooks.folder(Path("notebooks"), language).as_posix()
    rows = []
    for draft in released:
        text = "\n".join(cell.source for cell in draft.student.cells[:3])
        patterns = (notebooks.TITLE, notebooks.QUESTION, notebooks.MINUTES)
        title, question, minutes = (found[1] if (found := each.search(text)) else "" for each in patterns)
        title = title or draft.chapter.name
        link = f"[{title}]({folder}/{draft.chapter.name}.ipynb)"
        rows.append(f"| {link} | {question} | {minutes} | {len(draft.exercises)} |")
    pages = {each: "README.md" if each == ENGLISH else f"README.{each}.md" for each in LANGUAGES}
    names = ", ".join(f"[{name}](solutions/{name}.ipynb)" for name in solved)
    filled = {
        "EDITIONS": " · ".join(f"[{LANGUAGES[e]}]({page})" for e, page in pages.items() if e != language),
        "CHAPTERS": "\n".join(rows),
        "NAMES": names,
    }
    other = "NO SOLUTIONS" if names else "SOLUTIONS"
    text = re.sub(rf"<!-- {other} -->\n[^\n]*\n\n", "", template)
    text = re.sub(r"<!-- (?:NO )?SOLUTIONS -->\n", "", text)
    text = re.sub(r"<!-- ([A-Z]+) -->", lambda mark: filled[mark[1]], text)
    return text.replace("notebooks/00_", f"{folder}/00_").encode()


def without_dead_links(files: dict[str, bytes]) -> None:
    """Take the links to files that are not there out of notebooks' text cells and Markdown pages."""
    for path, data in list(files.items()):
        if path.endswith(".md"):
            files[path] = _linked(data.decode(), path, files).encode()
        elif path.startswith("notebooks/"):
            notebook = nbformat.reads(data.decode(), as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    cell.source = _linked(cell.source, path, files)
            _name_by_text(notebook.cells)
            files[path] = notebooks.dumps(notebook).encode()


def _name_by_text(cells: Iterable[notebooks.Cell]) -> None:
    """Give the cells whose ids are no exercises' ids made of their text, also where links are gone from it or
    it is a translation: by these the update knows an untouched cell."""
    taken: set[str] = set()
    for cell in cells:
        if not notebooks.mark(cell):
            named = (notebooks.hashed_id(cell.cell_type, cell.source, count) for count in itertools.count())
            cell.id = next(each for each in named if each not in taken)
            taken.add(cell.id)


def _linked(text: str, path: str, files: dict[str, bytes]) -> str:
    """`text`, of the file `path`, without the links that lead nowhere; to what an edition has not, they lead
    in the source's."""
    language = next((each for each in LANGUAGES if f"/{each}/" in path or f".{each}." in path), ENGLISH)

    def kept(link: re.Match) -> str:
        for address in (link[2], link[2].replace(f"/{language}/", "/")):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), address))
            if target in files or any(name.startswith(f"{target}/") for name in files):
                return link[0].replace(f"({link[2]}", f"({address}")
        return link[1] + (AWAY[language] if target.startswith("solutions") else "")

    return LINK.sub(kept, text)
