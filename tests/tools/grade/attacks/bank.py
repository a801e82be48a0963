"""A bank of hand-ins by people who want points without solving: what each one is, and how it is written down.

An attack is a whole submission, built from the chapters' student notebooks: all other exercises of its
chapter are solved, so that a test can see whether an attack costs them anything. Where an attack tries to
break out rather than to guess, its answer is right exactly when that has worked (`pays_if`): points are the
proof. Attacks stay within bounds (so many processes, so much memory), since what is tested may be broken.
"""

from __future__ import annotations

import copy
import functools
import json
import textwrap
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import notebooks

ROOT = Path(__file__).resolve().parents[4]

NO_POINTS = "no points"     # judged, and not passed
NOT_ALL = "not all"         # less than full points, by the rule for partial credit
REVIEWED = "reviewed"       # no points, or a sentence for a human
HARMLESS = "harmless"       # whatever it gets: nobody else is touched
UNREADABLE = "unreadable"   # the file is reported as unreadable, and nothing of it is 0 points


@dataclass(frozen=True)
class Places:
    """What an attack is told of the machine, more than a learner could know: the folder of the class, that of
    the results, and the port of a server on this machine."""

    submissions: Path
    out: Path
    port: int = 9

    def into(self, text: str) -> str:
        """`text` with these in place of @COURSE@, @SUBMISSIONS@, @OUT@ and @PORT@."""
        known = {"COURSE": ROOT, "SUBMISSIONS": self.submissions, "OUT": self.out, "PORT": self.port}
        return functools.reduce(lambda done, name: done.replace(f"@{name}@", str(known[name])), known, text)


@dataclass(frozen=True)
class Attack:
    """One hand-in. `write(folder, places)` puts it into a learner's folder.

    `needs_isolation`: a plain subprocess is not expected to hold. `slow`: it runs into a limit of time.
    `teeth`: a judge in the same process gives it the points, which proves that it is an attack.
    """

    name: str
    kind: str
    exercise: str
    write: Callable[[Path, Places], None]
    expects: str = NO_POINTS
    needs_isolation: bool = False
    slow: bool = False
    teeth: bool = False

    @property
    def chapter(self) -> str:
        return chapter_of(self.exercise)


BANK: list[Attack] = []


def chapter_of(exercise: str) -> str:
    chapters = sorted(path.name[:2] for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    return next(number for number in chapters if exercise in answers(number))


def student(chapter: str) -> dict[str, Any]:
    """A fresh copy of a chapter's student notebook."""
    return copy.deepcopy(_notebook("notebooks", chapter))


def solved(chapter: str, **own: str) -> dict[str, Any]:
    """A chapter's notebook with the course's answers, but for `own` ones (source texts)."""
    notebook = student(chapter)
    for name, source in (answers(chapter) | own).items():
        cell_of(notebook, name)["source"] = source
    return notebook


def cell_of(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """The cell of an exercise's answer."""
    return next(each for each in notebook["cells"] if notebooks.mark(each).get("exercise") == name)


def check_of(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """The cell of an exercise's check."""
    return next(each for each in notebook["cells"] if notebooks.mark(each).get("check") == name)


def code(source: str, **metadata: Any) -> dict[str, Any]:
    """A cell of code."""
    found = {"cell_type": "code", "metadata": metadata, "source": source, "outputs": []}
    return found | {"execution_count": None, "id": f"own-{zlib.crc32(source.encode())}"}


def answers(chapter: str) -> dict[str, str]:
    """The course's answer to each exercise of a chapter: {name: source}."""
    cells = _notebook("solutions", chapter)["cells"]
    return {name: each["source"] for each in cells if (name := notebooks.mark(each).get("exercise"))}


@functools.cache
def _notebook(folder: str, chapter: str) -> dict[str, Any]:
    return notebooks.read(next((ROOT / folder).glob(f"{chapter}_*.ipynb")))


def file_name(chapter: str) -> str:
    return next((ROOT / "notebooks").glob(f"{chapter}_*.ipynb")).name


def put(folder: Path, notebook: dict[str, Any], chapter: str = "00") -> Path:
    """Write a notebook into a learner's folder, under the chapter's name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(chapter)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


HEADS = {
    "scalar_step": "w_x, w_h, b, x, h_prev",
    "rnn_step": "x, h_prev, Wx, Wh, b",
    "stacked_forward": "x, layers, return_sequences",
    "quiz_shapes": "",
    "quiz_broadcasting": "",
    "quiz_chain_rule": "",
}
RIGHT = {
    "scalar_step": "np.tanh(w_x * x + w_h * h_prev + b)",
    "rnn_step": "np.tanh(x @ Wx + h_prev @ Wh + b)",
}
WRONG = {"scalar_step": "2.0", "rnn_step": "np.full((len(x), len(b)), 2.0)", "quiz_shapes": '"a"'}


def function(*bodies: str, exercise: str = "scalar_step") -> str:
    """The text of a function for an exercise, its body made of these parts."""
    return f"def {exercise}({HEADS[exercise]}):\n" + _body(*bodies)


def _body(*parts: str) -> str:
    return textwrap.indent("\n".join(textwrap.dedent(each).strip("\n") for each in parts), "    ")


def pays_if(probe: str, exercise: str = "scalar_step") -> str:
    """An answer that is right if the body `probe`, run once, returns something true, and wrong otherwise."""
    answer = function(f"return {RIGHT[exercise]} if probe() else {WRONG[exercise]}", exercise=exercise)
    return f"import functools\n\n\n@functools.cache\ndef probe():\n{_body(probe)}\n\n\n{answer}"


def attack(
    kind: str, name: str, source: str | Callable[[], str], *, exercise: str = "scalar_step", **more: Any
) -> None:
    """Add an attack that is an answer's text, or a function that makes the text."""

    def write(folder: Path, places: Places) -> None:
        text = source if isinstance(source, str) else source()
        own = {exercise: places.into(textwrap.dedent(text).strip("\n"))}
        put(folder, solved(chapter_of(exercise), **own), chapter_of(exercise))

    BANK.append(Attack(name, kind, exercise, write, **more))


def on_paper(kind: str, name: str, *, exercise: str = "scalar_step", **more: Any) -> Callable:
    """Decorator: add an attack that changes a notebook in place, in which `exercise` is still the stub."""

    def add(change: Callable[[dict[str, Any]], None]) -> Callable:
        def write(folder: Path, places: Places) -> None:
            chapter = chapter_of(exercise)
            stub = cell_of(student(chapter), exercise)["source"]
            notebook = solved(chapter, **{exercise: stub})
            change(notebook)
            put(folder, notebook, chapter)

        BANK.append(Attack(name, kind, exercise, write, **more))
        return change

    return add


def hand_in(kind: str, name: str, *, exercise: str = "scalar_step", **more: Any) -> Callable:
    """Decorator: add an attack that writes what it likes into a learner's folder."""

    def add(write: Callable[[Path, Places], None]) -> Callable:
        BANK.append(Attack(name, kind, exercise, write, **more))
        return write

    return add
