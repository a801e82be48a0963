"""Which exercises have passed, read from the learner's saved notebooks.

The check leaves its verdict, as data, in the notebook's outputs, with a fingerprint of the function that was
checked. Exercises are found by the build's metadata, and by headings, functions and checks where an editor
lost these. Where several cells define a function, the one nearest above its last check counts, as in a run
from the top. Nothing is executed and nothing is written here: a row is the notebook's own word, unless `make
check`, which runs the answers anew, has left its result for this very function.

A chapter that is there in several editions is one: of each exercise the edition in use counts, unless it has
come further in another one.
"""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from helpers import markup, notebooks
from helpers.advice import command
from helpers.checks.verdict import FAILED, NOT_ATTEMPTED, PASSED
from helpers.languages import translate
from helpers.validation import require

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SOLUTIONS = NOTEBOOKS.with_name("solutions")
GRADING = NOTEBOOKS.with_name("tools") / "grade"   # not in a class's copy
REPLACED = "replaced"
"""The folder in notebooks/ that keeps what the build and the update replaced."""
RESULTS = Path("build", "check", "results.json")
"""What `make check` has found, beside the folder of notebooks."""

NOT_RUN, CHANGED, UNREADABLE = "not run", "changed since the check", "unreadable"
UNSURE, MISSING = "unsure: check again", "not in the notebook"
SYMBOLS = {PASSED: "✓", FAILED: "✗", NOT_ATTEMPTED: "○", NOT_RUN: "·", CHANGED: "↻", UNREADABLE: "!"}
SYMBOLS |= {UNSURE: "?", MISSING: "!"}
COLOURS = {PASSED: markup.GOOD, FAILED: markup.BAD, CHANGED: markup.UNSURE, UNREADABLE: markup.BAD}
COLOURS |= {UNSURE: markup.UNSURE, MISSING: markup.BAD}
FAR = {NOT_ATTEMPTED: 1, FAILED: 2, CHANGED: 2, UNSURE: 2, PASSED: 3}
"""How far one is: of two editions the one that says more counts."""


@dataclass(frozen=True)
class Row:
    """One exercise: the notebook's name, its own, stars (1 to 3), minutes, and how its last check ended.

    Stars and minutes are 0 where nothing tells them.
    A notebook that cannot be read is one row without an exercise; `detail` says what is wrong with it.
    `checked` is how this answer fared when `make check` ran it, "" where it has not, or not since an edit.
    `notebook` is another edition's, "" where the answer stands in the chapter's own.
    """

    chapter: str
    exercise: str
    difficulty: int
    minutes: int
    state: str
    detail: str = ""
    checked: str = ""
    notebook: str = ""

    @property
    def said(self) -> str:
        """The state, what `make check` said of the same answer, and where it stands if that is elsewhere."""
        text = called(self.state)
        if self.checked == self.state:
            text = translate("{state}, checked anew", state=text)
        elif self.checked:
            text = translate("{state}, but {other} anew", state=text, other=called(self.checked))
        if self.notebook:
            text = translate("{state}, in {notebook}", state=text, notebook=self.notebook)
        return text

    @property
    def stars(self) -> str:
        return "★" * self.difficulty + "☆" * (3 - self.difficulty)


@dataclass(frozen=True, repr=False)
class Progress:
    """The rows of a progress table and a note below it, for display: HTML, plain text. `start` is where the
    page lies that shows it, below the folder of the notebooks."""

    rows: tuple[Row, ...]
    note: str
    start: str = "."

    def chapters(self) -> Iterator[tuple[str, list[Row]]]:
        """Every chapter with its rows, in order."""
        for name in dict.fromkeys(row.chapter for row in self.rows):
            yield name, [row for row in self.rows if row.chapter == name]

    def __repr__(self) -> str:
        lines = []
        for name, rows in self.chapters():
            lines.append(f"{name}: {summary(rows)}")
            for row in rows:
                if row.exercise:
                    effort = f"{row.stars} {_minutes(f'{row.minutes:>3}')}"
                    lines.append(f"  {SYMBOLS[row.state]} {row.exercise:<28} {effort}  {row.said}")
        return "\n".join([*(lines or [translate("No notebooks with exercises here.")]), self.note])

    def _repr_html_(self) -> str:
        bodies = []
        for name, rows in self.chapters():
            place = name if self.start == "." else posixpath.relpath(name, self.start)
            link = f"<a href='{quote(place)}.ipynb'>{escape(name)}</a>"
            group = f"<th scope='rowgroup' colspan='3' style='text-align:left'>{link}: "
            group += f"{markup.spoken(summary(rows))}</th>"
            shown = "".join(_html_row(row) for row in rows if row.exercise)
            bodies.append(f"<tbody><tr>{group}</tr>{shown}</tbody>")
        none = translate("No notebooks with exercises here.")
        empty = f"<tbody><tr><td colspan='3'>{markup.spoken(none)}</td></tr></tbody>"
        headers = translate("Exercise"), translate("Effort"), translate("Last check")
        return markup.table(self.note, headers, "".join(bodies) or empty)


def progress(folder: str | os.PathLike[str] = NOTEBOOKS) -> list[Row]:
    """The exercises of all notebooks in and below `folder`, each with the state of its last check; one row
    for an exercise that is there in several editions.

    A state is "not run", "not attempted", "failed", "passed", "changed since the check" when the answer is
    not what was checked, "unsure: check again" when an editor kept the verdict as words only or nothing
    shows what was checked, or "not in the notebook". Raises ValueError if `folder` is no folder.
    """
    require(Path(folder).is_dir(), "folder", repr(str(folder)), "a folder with notebooks")
    checked = _checked_anew(Path(os.path.abspath(folder)).parent / RESULTS)
    places = notebooks.editions(Path(folder))
    read = {
        path: _rows(path, path.relative_to(folder).with_suffix("").as_posix(), checked)
        for path in _notebooks(Path(folder))
    }
    chapters: dict[tuple[Path, ...], None] = {}   # notebooks of one chapter
    for path in read:
        same = [place / path.name for place in places] if path.parent in places else []
        whole = tuple(each for each in same if each in read and all(row.exercise for row in read[each]))
        chapters[whole if path in whole else (path,)] = None
    return [row for chapter in chapters for row in _as_one([read[path] for path in chapter])]


def note(folder: str | os.PathLike[str], rows: Sequence[Row]) -> str:
    """What to say below the table: where its `rows` come from, which of them are the notebooks' own word, and
    what passed in replaced notebooks only."""
    texts = [translate(
        "Read from the saved notebooks: save yours (Ctrl+S, on a Mac ⌘S) to see its latest checks here."
    )]  # fmt: skip
    if any(row.state == PASSED and not row.checked for row in rows):
        grading = command("check") if GRADING.is_dir() else translate("your teacher's grading")
        if any(row.checked for row in rows):
            texts.append(translate(
                "“Passed” is the notebook's own word where it does not say “checked anew”: {grading} runs "
                "the answers anew.",
                grading=grading,
            ))  # fmt: skip
        else:
            texts.append(translate(
                "“Passed” is the notebook's own word: {grading} runs the answers anew.", grading=grading
            ))  # fmt: skip
    passed = {row.exercise for row in rows if row.state == PASSED}
    old = Path(folder) / REPLACED
    before = [row for row in progress(old) if row.state == PASSED] if old.is_dir() else []
    lost = {row.exercise: row.notebook or row.chapter for row in before if row.exercise not in passed}
    if lost:
        named = ", ".join(f"{exercise} ({REPLACED}/{name})" for exercise, name in lost.items())
        texts.append(translate("Passed in a notebook that has been replaced: {exercises}.", exercises=named))
    return " ".join(texts)


def show_progress(folder: str | os.PathLike[str] = NOTEBOOKS) -> Progress:
    """The progress table, to stand last in a cell.

    While the course is built (``UNROLLED_BUILD=1``) it is an example with one row for each state: the
    stored output must not depend on anybody's notebooks.
    """
    if os.environ.get("UNROLLED_BUILD") == "1":
        own = translate("An example. Run this cell in your own notebook, and the table is yours.")
        return Progress(EXAMPLE, own)
    rows, root, here = progress(folder), Path(folder).resolve(), Path.cwd().resolve()
    start = here.relative_to(root).as_posix() if here.is_relative_to(root) else "."
    return Progress(tuple(rows), note(folder, rows), start)


def called(state: str) -> str:
    """How a state, of a row or of what `make check` has found, is called."""
    words = {
        PASSED: translate("passed"),
        FAILED: translate("failed"),
        NOT_ATTEMPTED: translate("not attempted"),
        NOT_RUN: translate("not run"),
        CHANGED: translate("changed since the check"),
        UNREADABLE: translate("unreadable"),
        UNSURE: translate("unsure: check again"),
        MISSING: translate("not in the notebook"),
        "partly right": translate("partly right"),
        "not graded": translate("not graded"),
    }
    return words.get(state, state)


def _minutes(minutes: object) -> str:
    return translate("{minutes} min", minutes=minutes)


def colouring(row: Row) -> str:
    """The state whose colour the row has: another one where `make check` does not confirm that it passed."""
    if row.state != PASSED or row.checked in ("", PASSED):
        return row.state
    return FAILED if row.checked == FAILED else UNSURE


def summary(rows: Sequence[Row]) -> str:
    """How many of the exercises have passed, and the minutes the others are expected to take."""
    details = [row.detail for row in rows if row.state == UNREADABLE]
    if details:
        return translate("unreadable: {reason}", reason=details[0])
    passed = sum(row.state == PASSED for row in rows)
    left = sum(row.minutes for row in rows if row.state != PASSED)
    if not left:
        return translate("{passed} of {count} passed", passed=passed, count=len(rows))
    return translate(
        "{passed} of {count} passed, about {minutes} minutes left",
        passed=passed, count=len(rows), minutes=left,
    )  # fmt: skip


EXAMPLE = tuple(
    Row("01_rnn_recap", exercise, difficulty, minutes, state)
    for exercise, difficulty, minutes, state in [
        ("an_exercise", 1, 5, PASSED),
        ("a_second", 2, 10, FAILED),
        ("a_third", 2, 10, CHANGED),
        ("a_fourth", 3, 15, NOT_ATTEMPTED),
        ("a_fifth", 3, 20, NOT_RUN),
    ]
)


def _notebooks(folder: Path) -> Iterator[Path]:
    """The notebooks in a folder and the folders in it, in order, without backups and what was replaced."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")) and name != REPLACED)
        names = sorted(name for name in names if name.endswith(".ipynb") and not name.startswith("."))
        yield from (Path(place, name) for name in names)


Checked = dict[tuple[str, str], str]   # exercise and fingerprint of the function → state


def _checked_anew(path: Path) -> Checked:
    """What `make check` has found; {} where it has not run."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            (str(each["exercise"]), str(each["fingerprint"])): str(each["state"])
            for submission in found["submissions"]
            for each in submission["exercises"]
            if each["fingerprint"]
        }
    except (OSError, ValueError, TypeError, KeyError, RecursionError):   # none yet, or none of ours
        return {}


def _rows(path: Path, chapter: str, checked: Checked) -> list[Row]:
    """The exercises of one notebook. Learners' files can be broken in any way: that is a row, no error."""
    try:
        if not path.is_file():
            raise ValueError(translate("no file, or a link that leads nowhere"))
        cells = notebooks.read(path)["cells"]
        known, whole = _known(path.stem)
        found = _found(cells, known)
        if whole or not found:
            found = known | found
        return [
            Row(chapter, name, difficulty, minutes, state_of(cells, name), "", _anew(cells, name, checked))
            for name, (difficulty, minutes) in found.items()
        ]
    except Exception as error:
        text = str(error).strip().partition("\n")[0][:100]
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        return [Row(chapter, "", 0, 0, UNREADABLE, f"{kind}{text}")]


def _as_one(editions: list[list[Row]]) -> list[Row]:
    """The rows of a chapter from those of its editions: of each exercise the first edition's, unless another
    has come further with it."""
    found: dict[str, list[Row]] = {}
    for rows in editions:
        for row in rows:
            found.setdefault(row.exercise, []).append(row)
    own = next((rows[0].chapter for rows in editions if rows), "")
    best = (max(rows, key=_far) for rows in found.values())   # the first of equals
    return [row if row.chapter == own else replace(row, chapter=own, notebook=row.chapter) for row in best]


def _far(row: Row) -> int:
    return FAR.get(colouring(row), 0)


Effort = tuple[int, int]   # difficulty, minutes


def _known(stem: str) -> tuple[dict[str, Effort], bool]:
    """The exercises of the chapter that a notebook's name says it is, and whether it says nothing else."""
    for script in sorted(SOLUTIONS.glob("[0-9][0-9]_*.py")):
        if script.stem in stem:
            return _headings(script.read_text(encoding="utf-8")), script.stem == stem
    return {}, False


def _headings(text: str) -> dict[str, Effort]:
    return {name: (stars.count("★"), int(minutes)) for _, name, stars, minutes in
            notebooks.HEADING.findall(text)}  # fmt: skip


def _found(cells: list[notebooks.Cell], known: dict[str, Effort]) -> dict[str, Effort]:
    """The exercises that a notebook holds, by headings, metadata and checks."""
    found: dict[str, Effort] = {}
    for cell in cells:
        if cell.get("cell_type") == "markdown":
            found |= _headings(cell["source"])
    for cell in cells:
        mark = notebooks.mark(cell)
        if isinstance(mark.get("exercise"), str):
            name = mark["exercise"]
            found[name] = found.get(name) or (_whole(mark, "difficulty"), _whole(mark, "minutes"))
        for name in sorted(notebooks.checked_names(cell)):
            found.setdefault(name, known.get(name, (0, 0)))
    return found


def _whole(mark: dict[str, Any], key: str) -> int:
    value = mark.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def state_of(cells: list[notebooks.Cell], name: str) -> str:
    """How the last check of the exercise `name` ended, if it is still true of the answer nearest above it; a
    state as in `progress`. `cells` are as `helpers.notebooks.read` gives them."""
    last = notebooks.last_verdict(cells, name)
    if last is None:
        in_words = any(notebooks.verdict_in_words(cell, name) for cell in cells)
        present = in_words or notebooks.answer(cells, name) is not None or _checked(cells, name)
        return UNSURE if in_words else NOT_RUN if present else MISSING
    place, verdict = last
    checked, answer = verdict.get("fingerprint"), notebooks.answer(cells, name, place)
    if answer is None and not checked:
        return UNSURE
    code = answer is not None and cells[answer]["cell_type"] == "code"
    if checked and (not code or checked != notebooks.code_fingerprint(cells[answer]["source"], name)):
        return CHANGED
    return verdict["state"] if verdict["state"] in (PASSED, FAILED, NOT_ATTEMPTED) else NOT_RUN


def _anew(cells: list[notebooks.Cell], name: str, checked: Checked) -> str:
    """What `make check` found of the answer as it stands, "" for nothing."""
    answer = notebooks.answer(cells, name) if checked else None
    if answer is None:
        return ""
    return checked.get((name, notebooks.code_fingerprint(cells[answer]["source"], name)), "")


def _checked(cells: list[notebooks.Cell], name: str) -> bool:
    return any(name in notebooks.checked_names(cell) for cell in cells)


def _html_row(row: Row) -> str:
    said = markup.badge(f"{SYMBOLS[row.state]} {row.said}", COLOURS.get(colouring(row), markup.NEUTRAL))
    return (
        "<tr><th scope='row' style='text-align:left;font-weight:normal;overflow-wrap:anywhere'>"
        f"<code>{escape(row.exercise)}</code></th>"
        f"<td style='text-align:left'>{row.stars} · {markup.spoken(_minutes(row.minutes))}</td>"
        f"<td style='text-align:left'>{said}</td></tr>"
    )
