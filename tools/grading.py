"""Submissions as they come back, made gradable: nbgrader_config.py has `nbgrader autograde` use these.

nbgrader finds cells by metadata that editors drop and copy. `RestoreCells` brings a submission back into the
version that was released, by the names of the functions; `prepare` sees to files that nbgrader would not open
or not find. Both say in nbgrader's log what was mended, and whose.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.nbgraderformat import SCHEMA_VERSION
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.log import get_logger

from helpers import notebooks as reading
from helpers.files import write_text
from tools.update.merge import make_valid, merge


class RestoreCells(NbGraderPreprocessor):
    """Brings a submission whose nbgrader metadata are not the release's back into the release."""

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        names = resources["nbgrader"]
        path = self._released(names["assignment"]) / f"{names['notebook']}.ipynb"
        whose = f"{names['student']}/{names['assignment']}/{names['notebook']}.ipynb"
        mine = reading.whole(nb)
        try:
            release = reading.read(path)
        except (OSError, ValueError) as error:
            if stops_nbgrader(mine):
                problem = f"{whose}: damaged, and there is no release to mend it with ({error})"
                raise ValueError(problem) from None
            self.log.warning("%s: graded as it is, there is no release to compare it with (%s)", whose, error)
            return nb, resources
        faults = differences(mine, release)
        if not faults:
            return nb, resources
        merged = merge(mine, release, release)
        self.log.warning(
            "%s: brought back into the released notebook, because of %s. Answers found: %s",
            whose, "; ".join(faults), ", ".join(merged.carried) or "none",
        )  # fmt: skip
        return nbformat.from_dict(merged.notebook), resources

    def _released(self, assignment: str) -> Path:
        """nbgrader's folder of the released assignment, as the converter in which this runs knows it."""
        owner = self.parent
        while owner is not None and getattr(owner, "coursedir", None) is None:
            owner = owner.parent
        course = getattr(owner, "coursedir", None)
        if course is None:
            return _released(assignment)
        return Path(course.format_path(course.release_directory, ".", assignment))


def stops_nbgrader(mine: reading.Cell) -> bool:
    """Whether the notebook holds what nbgrader takes for another version of its metadata, for which it gives
    up all submissions that follow: a copied cell (whose metadata it empties), or another version."""
    marks = _marked(mine)
    other = any(mark.get("schema_version") != SCHEMA_VERSION for _, mark in marks)
    return other or len({name for name, _ in marks}) < len(marks)


def differences(mine: reading.Cell, release: reading.Cell) -> list[str]:
    """How the cells that nbgrader looks for differ from the release's: missing, double, in another order."""
    wanted, found = _marked(release), _marked(mine)
    names = [name for name, _ in found]
    faults = []
    missing = [name for name, _ in wanted if name not in names]
    if missing:
        faults.append(f"cells without nbgrader's metadata, or gone: {', '.join(missing)}")
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        faults.append(f"copied cells: {', '.join(double)}")
    if not faults and names != [name for name, _ in wanted]:
        faults.append("other or moved cells with nbgrader's metadata")
    if not faults and found != wanted:
        changed = [name for name, mark in found if mark != dict(wanted)[name]]
        faults.append(f"changed metadata: {', '.join(changed)}")
    return faults


def prepare(assignment: str, student: str, notebooks: list[str]) -> None:
    """nbgrader's hook before a submission is graded; `notebooks` are its files.

    A file in another encoding or format is written anew, and one that was renamed ("name (1).ipynb") is
    copied to its name; what was handed in stays beside it.
    """
    for step in (_reopen, _rename):
        try:
            step(assignment, notebooks)
        except (OSError, ValueError) as error:   # nbgrader says the rest
            get_logger().warning("%s: %s", ", ".join(notebooks), error)


def _reopen(assignment: str, submitted: list[str]) -> None:
    """Write notebooks that only `helpers.notebooks.read` can read so that nbgrader can."""
    for path in map(Path, submitted):
        try:
            nbformat.validate(nbformat.reads(path.read_bytes().decode("utf-8"), as_version=4))
        except Exception:   # in whatever way nbformat fails
            found = reading.read(path) | {"nbformat": 4, "nbformat_minor": 5}
            make_valid(found)
            original = path.with_name(f"{path.name}.submitted")
            if not original.exists():
                shutil.copyfile(path, original)
            path.chmod(path.stat().st_mode | 0o200)
            write_text(path, reading.dumps(nbformat.from_dict(found)))
            get_logger().warning("%s: written anew, for nbgrader to read (it was: %s)", path, original.name)


def _rename(assignment: str, submitted: list[str]) -> None:
    """Copy a notebook of another name with the exercises of a released one to its name, where none of that
    name was handed in, or one without answers."""
    released = sorted(_released(assignment).glob("*.ipynb"))
    names = {path.name for path in released}
    others = [path for path in map(Path, submitted) if path.name not in names]
    for path in released:
        stubs = {reading.mark(cell).get("exercise"): cell["source"] for cell in reading.read(path)["cells"]}
        stubs.pop(None, None)
        fitting = max(others, key=lambda other: _count(other, stubs), default=None)
        answers, exercises = _count(fitting, stubs) if fitting else (0, 0)
        named = next((each for each in map(Path, submitted) if each.name == path.name), None)
        if (answers and not _count(named, stubs)[0]) if named else exercises:
            target = fitting.with_name(path.name)
            submitted.remove(str(fitting))
            if named:
                shutil.copyfile(named, named.with_name(f"{named.name}.submitted"))
            else:
                submitted.append(str(target))
            shutil.copyfile(fitting, target)
            others.remove(fitting)
            get_logger().warning("%s: graded as %s, whose exercises are in it", fitting, path.name)


def _count(path: Path, stubs: dict[str, str]) -> tuple[int, int]:
    """How many of the exercises a notebook answers, and how many it holds."""
    try:
        cells = reading.read(path)["cells"]
    except (OSError, ValueError):
        return 0, 0
    places = {name: reading.answer(cells, name) for name in stubs}
    found = {name: cells[place]["source"] for name, place in places.items() if place is not None}
    return sum(source.strip() != stubs[name].strip() for name, source in found.items()), len(found)


def _released(assignment: str) -> Path:
    """Where nbgrader releases by default, seen from the course's folder, in which it works."""
    return Path("release") / assignment


def _marked(notebook: reading.Cell) -> list[tuple[str, dict[str, Any]]]:
    """Id and metadata of every cell that nbgrader would look at, without the checksum."""
    marks = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
    marks = [mark if isinstance(mark, dict) else {} for mark in marks]
    return [(str(mark.get("grade_id")), {k: mark[k] for k in mark if k != "checksum"}) for mark in marks]
