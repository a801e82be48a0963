"""What an update does to each file: decided before anything is written, and then done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from helpers import notebooks
from helpers.files import check_writable, writing
from helpers.languages import translate
from tools.replaced import keep
from tools.update.git import CannotUpdate
from tools.update.merge import Merged, merge
from tools.update.source import Version, base_notebook, digest


@dataclass
class Step:
    """`path` gets the bytes `data` (None: it is removed); `kept`: what is there is the learner's."""

    path: str
    data: bytes | None
    kept: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """The steps, and sentences about what stays as the learner has it."""

    steps: list[Step]
    remarks: list[str]


def plan(root: Path, version: Version) -> Plan:
    """What brings the course in `root` to `version`. CannotUpdate where something is in the way."""
    steps, remarks = [], []
    paths = sorted(version.new)
    for path in paths:
        target = root / path
        if target.is_dir() or any((root / parent).is_file() for parent in Path(path).parents):
            raise CannotUpdate(translate(
                "{file} is in the way of a new file or folder of that name: move it away.", file=path
            ))  # fmt: skip
        mine = target.read_bytes() if target.exists() else None
        step = _step(root, version, path, mine)
        if step is not None:
            steps.append(step)
        elif mine is not None and digest(mine) != version.new[path]:
            remarks.append(translate("{file}: yours stays, the course has not changed it", file=path))
    for path in sorted(set(version.base or ()) - set(version.new)):
        target = root / path
        if target.is_file() and digest(target.read_bytes()) == version.base[path]:
            steps.append(Step(path, None))
        elif target.is_file():
            remarks.append(translate("{file}: yours stays, the course has it no longer", file=path))
    return Plan(steps, remarks)


def _step(root: Path, version: Version, path: str, mine: bytes | None) -> Step | None:
    """None if the file stays as it is."""
    theirs, base = version.new[path], version.base
    if mine is not None and digest(mine) == theirs:
        return None
    data = (version.files / path).read_bytes()
    if mine is None or (base is not None and digest(mine) == base.get(path)):
        return Step(path, data)
    if base is not None and base.get(path) == theirs:
        return None
    if is_notebook(path):
        return _notebook(root, version, path, data)
    return Step(path, data, kept=True, notes=[translate("the course's in place of yours")])


def is_notebook(path: str) -> bool:
    """Whether a file of the course is a learner's notebook, of any edition."""
    return Path(path).parent in notebooks.editions(Path("notebooks")) and path.endswith(".ipynb")


def _notebook(root: Path, version: Version, path: str, data: bytes) -> Step | None:
    """The learner's notebook in the new release; None if that is the one it began as."""
    name = Path(path).relative_to("notebooks").as_posix()
    try:
        if version.before is not None:
            base = notebooks.read(version.before / path)
        else:
            base = base_notebook(root, name)
    except (OSError, ValueError):
        base = None
    release = notebooks.read(version.files / path)
    if base is not None and _texts(base) == _texts(release):
        return None
    try:
        merged = merge(notebooks.read(root / path), release, base)
        text = notebooks.dumps(nbformat.from_dict(merged.notebook))
    except ValueError as error:
        unread = translate("yours cannot be read: {reason}", reason=error)
        return Step(path, data, kept=True, notes=[unread])
    except nbformat.ValidationError as error:
        invalid = translate("yours is no valid notebook: {reason}", reason=error.message[:100])
        return Step(path, data, kept=True, notes=[invalid])
    return Step(path, text.encode(), kept=True, notes=_notes(merged))


def _texts(notebook: notebooks.Cell) -> list[tuple[str, str]]:
    return [(cell["cell_type"], cell["source"].strip()) for cell in notebook["cells"]]


def _notes(merged: Merged) -> list[str]:
    notes = []
    if merged.carried:
        notes.append(translate("your answers are in it: {exercises}", exercises=", ".join(merged.carried)))
    if merged.changed:
        changed = ", ".join(merged.changed)
        notes.append(translate(
            "with another beginning now, which stands above yours: {exercises}", exercises=changed
        ))  # fmt: skip
    if merged.own:
        notes.append(translate("cells of your own in it: {count}", count=merged.own))
    if merged.left:
        notes.append(translate(
            "cells that you and the course both changed, now the course's: {count}", count=merged.left
        ))  # fmt: skip
    return notes


def carry_out(root: Path, todo: Plan) -> dict[str, str]:
    """Do it → the path of each file of the learner's that was replaced, and a line on where it is kept.

    All copies are made before anything is replaced. CannotUpdate, and nothing done, where a file cannot be
    written.
    """
    try:
        for step in todo.steps:
            check_writable(root / step.path)
    except OSError as error:
        raise CannotUpdate(translate(
            "{file} cannot be written: {reason}.", file=error.filename, reason=error.strerror
        )) from None   # fmt: skip
    told = {}
    for step in todo.steps:
        if step.kept:
            kept = keep(root, root / step.path).relative_to(root).as_posix()
            notes = [*step.notes, translate("as you had it: {file}", file=kept)]
            told[step.path] = f"{step.path}: {'; '.join(notes)}"
    for step in todo.steps:
        target = root / step.path
        if step.data is None:
            target.unlink(missing_ok=True)
        else:
            with writing(target, "wb") as file:
                file.write(step.data)
    return told
