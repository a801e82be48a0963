"""Learners' notebooks as they come back from editors, mail and version control.

`read` takes what other programs make of a notebook: old formats, other encodings, missing or damaged parts.
An exercise's cells are found by metadata or, where those are lost, by what stands in them: ``def name`` and
``check("name", …)``. Nothing is executed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import locale
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.checks.box import MIME
from helpers.checks.sources import fingerprint
from helpers.languages import ENGLISH, LANGUAGES, language, translate

Cell = dict[str, Any]

TITLE = re.compile(r"^# (.+?)[ \t]*$", re.M)
QUESTION = re.compile(r"^\*\*([^*\n]+)\*\*[ \t]*$", re.M)
MINUTES = re.compile(r"^\*\*(?:Time|시간):\*\* (?:about|약) (\d+)(?: minutes|분)", re.M)
"""How a chapter begins, in any edition: its title, its question (the first line in bold), its time."""

HEADING = re.compile(r"(?:Exercise|연습 문제) (\d+\.\d+) · `(\w+)` · ([★☆]{3}) · (\d+)(?: min|분)")
"""An exercise's heading, in any edition."""

CHECK = re.compile(r"""^[^#\n]*\bcheck\(\s*["'](\w+)["']""", re.M)
DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(", re.M)

SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.M | re.S)
STUB = r"\1# YOUR CODE HERE\n\1raise NotImplementedError"


def folder(root: Path, language: str) -> Path:
    """Where, in a folder such as ``notebooks`` or ``solutions``, the edition in `language` lies."""
    return root if language == ENGLISH else root / language


def editions(root: Path) -> list[Path]:
    """The folders of all editions in `root`, that of the language in use first."""
    return [folder(root, each) for each in sorted(LANGUAGES, key=lambda each: each != language())]


def root_of(place: Path) -> tuple[Path, str]:
    """Of a folder with one edition's notebooks: the folder that holds all editions, and the language."""
    if place.name in LANGUAGES and place.name != ENGLISH:
        return place.parent, place.name
    return place, ENGLISH


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The notebook at `path` in format 4, every cell with "source" (str), "metadata" and "outputs".

    Raises ValueError with a sentence that says why a file is no notebook, OSError where it cannot be opened.
    """
    return parse(Path(path).read_bytes())


def parse(data: bytes) -> dict[str, Any]:
    """As `read`, of a notebook's bytes."""
    text = decode(data)
    text = text.rstrip("\0")   # which a crash of the system leaves behind the end
    start = text.lstrip()
    if not start:
        raise ValueError(translate("the file is empty"))
    if start.startswith("<") and not start.startswith("<<<<<<<"):
        raise ValueError(translate("a web page was saved in place of the notebook"))
    if start.startswith("version https://git-lfs"):
        raise ValueError(translate("a pointer of Git LFS stands in place of the notebook"))
    try:
        found = json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        if re.search(r"^(<{7}|>{7})", text, re.M):
            raise ValueError(translate("conflict marks of git (<<<<<<<) stand in it")) from None
        if error.msg == "Extra data":
            raise ValueError(translate("more text stands after the end of the notebook")) from None
        cut = error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg
        if cut:
            raise ValueError(translate("the file ends in the middle: it was cut off")) from None
        raise ValueError(translate("no notebook: {error}", error=error)) from None
    except RecursionError:
        raise ValueError(translate("no notebook: nested too deeply")) from None
    return _as_format_4(found, text)


def dumps(notebook: Any) -> str:
    """The notebook as the build writes it: sorted keys, one space, no escapes, a newline at the end.

    Raises nbformat.ValidationError for one that is not valid.
    """
    import nbformat

    nbformat.validate(notebook)
    text = nbformat.writes(notebook, version=4, indent=1, sort_keys=True, ensure_ascii=False)
    return text.rstrip("\n") + "\n"


def decode(data: bytes) -> str:
    """`data` as text: UTF-8, UTF-16 and UTF-32 as JSON begins in them, else the machine's or Windows' own."""
    local = locale.getpreferredencoding(False)
    for encoding in (json.detect_encoding(data), *([] if "utf" in local.lower() else [local])):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace")


def mark(cell: Cell) -> dict[str, Any]:
    """What the build wrote into the cell's metadata for an exercise or a check; {} if that is lost."""
    found = cell["metadata"].get("unrolled")
    return found if isinstance(found, dict) else {}


def without_solution(source: str) -> str:
    """A cell's source as the build hands it out: stubs in place of the solutions."""
    return SOLUTION.sub(STUB, source)


def hashed_id(kind: str, source: str, count: int = 0) -> str:
    """The id that the build gives a cell of this kind and source, of which there are `count` before it."""
    return hashlib.sha256(f"{kind}\n{count}\n{source}".encode()).hexdigest()[:12]


def defines(cell: Cell, name: str) -> bool:
    """Whether the cell is code that defines the function `name`, be it with mistakes in it."""
    if cell.get("cell_type") != "code" or name not in cell["source"]:
        return False
    if code_fingerprint(cell["source"], name):
        return True
    return name in DEFINITION.findall(cell["source"]) and not _parses(cell["source"])


def checked_names(cell: Cell) -> set[str]:
    """Exercises whose check the cell is: by its calls and metadata, without these by its outputs."""
    if cell.get("cell_type") != "code":
        return set()
    called = set(CHECK.findall(cell["source"]))
    marked = {mark(cell)["check"]} if isinstance(mark(cell).get("check"), str) else set()
    return called | marked or {verdict["exercise"] for verdict in verdicts(cell)}


def verdicts(cell: Cell) -> Iterator[dict[str, Any]]:
    """What checks left as data in the cell's outputs, in order; "exercise" and "state" are text."""
    for output in cell["outputs"]:
        data = output.get("data")
        found = data.get(MIME) if isinstance(data, dict) else None
        if isinstance(found, list) and all(isinstance(line, str) for line in found):
            found = "".join(found)
        if isinstance(found, str):   # an editor that knows text only
            try:
                found = json.loads(found)
            except ValueError:
                continue
        if isinstance(found, dict) and all(isinstance(found.get(key), str) for key in ("exercise", "state")):
            yield found


def last_verdict(cells: list[Cell], name: str) -> tuple[int, dict[str, Any]] | None:
    """The last of `verdicts` on the exercise `name`, and the position of its cell; None if there is none."""
    for place in reversed(range(len(cells))):
        for verdict in reversed(list(verdicts(cells[place]))):
            if verdict["exercise"] == name:
                return place, verdict
    return None


def verdict_in_words(cell: Cell, name: str) -> bool:
    """Whether a check of `name` stands in the outputs as text alone: an editor dropped its data."""
    texts = []
    for output in cell["outputs"]:
        data = output.get("data")
        texts.append(_text(data.get("text/plain") if isinstance(data, dict) else output.get("text")))
    return any(re.search(rf"^[✓✗○] {re.escape(name)}: ", text, re.M) for text in texts)


def answer(cells: list[Cell], name: str, check: int | None = None) -> int | None:
    """Which cell holds the answer to `name`: of several the one nearest above the check (the one whose
    position is `check`, or the last), as a run from the top would have it. None if there is none.

    Without a definition it is the cell that metadata call the exercise's.
    """
    places = [i for i, cell in enumerate(cells) if defines(cell, name)]
    places = places or [i for i, cell in enumerate(cells) if mark(cell).get("exercise") == name]
    if check is None:
        check = max((i for i, cell in enumerate(cells) if name in checked_names(cell)), default=len(cells))
    return max((i for i in places if i <= check), default=places[0] if places else None)


def code_fingerprint(source: str, name: str) -> str:
    """As `helpers.checks.sources.fingerprint`, of a notebook cell, which may hold magics too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")   # of Python, about what it finds odd in the code
        try:
            return fingerprint(source, name) or fingerprint(_as_python(source), name)
        except (ValueError, RecursionError, MemoryError):   # characters or nesting that Python cannot parse
            return ""


def _as_python(source: str) -> str:
    """A cell's code with IPython's own lines (``%magic``, ``!shell``, ``name?``) written as Python."""
    from IPython.core.inputtransformer2 import TransformerManager

    while source.lstrip().startswith("%%"):
        source = source.lstrip().partition("\n")[2]
    return TransformerManager().transform_cell(source)


def _parses(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _as_format_4(found: Any, text: str) -> dict[str, Any]:
    if not isinstance(found, dict) or "nbformat" not in found:
        raise ValueError(translate("no notebook: it has no `nbformat`"))
    if found["nbformat"] != 4:
        found = _converted(text)
    if not isinstance(found.get("cells"), list):
        raise ValueError(translate("no notebook: it has no list of cells"))
    result = whole(found)
    if found["cells"] and not result["cells"]:
        raise ValueError(translate("no notebook: its cells have no type"))
    return result


def whole(notebook: dict[str, Any]) -> dict[str, Any]:
    """A notebook in format 4 with all parts of its cells, as `read` gives it; the argument stays as it is."""
    cells = [_whole(cell) for cell in notebook["cells"] if isinstance(cell, dict) and "cell_type" in cell]
    metadata = notebook.get("metadata")
    return dict(notebook) | {"cells": cells, "metadata": metadata if isinstance(metadata, dict) else {}}


def _converted(text: str) -> dict[str, Any]:
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nbformat.convert(nbformat.reader.reads(text), 4)
    except Exception as error:   # nbformat's own, and whatever a damaged old notebook makes of it
        told = translate("a notebook of another format that cannot be converted: {error}", error=error)
        raise ValueError(told[:160]) from None


def _whole(cell: Cell) -> Cell:
    """The cell with all its parts, whatever an editor made of them."""
    outputs = cell.get("outputs")
    return dict(cell) | {
        "source": _text(cell.get("source")),
        "metadata": cell["metadata"] if isinstance(cell.get("metadata"), dict) else {},
        "outputs": [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else [],
    }


def _text(source: Any) -> str:
    """A cell's text, of one piece and encodable, with Unix newlines."""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    if not isinstance(source, str):
        return ""
    return source.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
