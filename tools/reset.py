"""A chapter or an exercise begun afresh: python -m tools.reset 01, or --exercise rnn_step."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import nbformat
import typer

from helpers import notebooks
from helpers.console import command
from helpers.files import check_writable, lock, writing
from helpers.notebooks import Cell, mark
from helpers.processes import stoppable
from tools.replaced import RELOAD, keep
from tools.update.git import CannotUpdate
from tools.update.merge import Notebook, make_valid, merge, without_solutions
from tools.update.source import as_released

ROOT = Path(__file__).resolve().parents[1]
WAY_OUT = "Name the zip file or folder the course came in: --from unrolled.zip (with make: FROM=unrolled.zip)"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class CannotReset(Exception):
    """Why nothing is reset, in words. Nothing has been changed."""


@dataclass(frozen=True)
class Step:
    """The notebook `path` gets the text `text`; `what` says what that is."""

    path: Path
    text: str
    what: str


@app.command()
@stoppable("No notebook is half written. What was replaced is in notebooks/replaced/.")
def main(
    chapters: Annotated[
        list[str] | None, typer.Argument(metavar="[CHAPTER]...", help="Such as 01; several may be named.")
    ] = None,
    exercises: Annotated[
        list[str] | None,
        typer.Option("--exercise", metavar="NAME", help="Only this exercise; may be repeated."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="The zip file or folder the course came in.", show_default="the solutions here"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, do nothing.")] = False,
    course: Annotated[
        Path, typer.Option(help="The course's folder.", show_default="the one this command is in")
    ] = ROOT,
) -> None:
    """Give a chapter's notebook, or one exercise in it, back its beginning: stubs, no outputs.

    What was there is kept in notebooks/replaced/ first, and named. Ends with 1, and has changed nothing,
    where that cannot be done, with 2 where nothing was named.
    """
    if not chapters and not exercises:
        raise typer.BadParameter("wanted a chapter, such as 01, or --exercise and its name")
    root = course.resolve()
    try:
        if not (root / "notebooks").is_dir():
            raise CannotReset(f"{course} is no folder of the course: it has no notebooks/")
        with lock(root / "build" / "update", print), TemporaryDirectory(ignore_cleanup_errors=True) as name:
            versions = released(root, source, Path(name).resolve())
            _carry_out(root, plan(root, versions, chapters or [], exercises or []), dry_run)
    except (CannotReset, CannotUpdate) as error:
        print(f"Nothing is reset: {str(error).rstrip('.')}.")
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"Stopped: {error}. What was replaced is in notebooks/replaced/.")
        raise typer.Exit(1) from None


def released(root: Path, source: Path | None, scratch: Path) -> dict[str, str]:
    """The course's notebooks as they are handed out: name without .ipynb → text.

    They come from the version in the zip file or folder `source`, else from the notebooks of solutions in
    `root`: there git may hold a learner's own commits, and learners have no nbgrader to build them.
    """
    if source is not None:
        if source.resolve() == root:
            raise CannotReset(f"--from: got {source}, which is this folder. {WAY_OUT}")
        files = sorted((as_released(source, scratch) / "notebooks").glob("[0-9][0-9]_*.ipynb"))
        return {path.stem: path.read_text(encoding="utf-8") for path in files}
    found = {}
    for path in sorted((root / "solutions").glob("[0-9][0-9]_*.ipynb")):
        try:
            found[path.stem] = as_text(student_notebook(notebooks.read(path)))
        except (ValueError, LookupError, TypeError, nbformat.ValidationError) as error:
            reason = str(getattr(error, "message", None) or error)[:100]
            raise CannotReset(f"solutions/{path.name} cannot be read: {reason}. {WAY_OUT}") from None
    if not found:
        raise CannotReset(f"there are no notebooks of solutions here to make the chapters from. {WAY_OUT}")
    return found


def student_notebook(solution: Notebook) -> Notebook:
    """What `tools.build` releases of an executed `solution`, to the byte, without nbgrader."""
    notebook = without_solutions(solution)
    for cell in notebook["cells"]:
        _clear(cell)
        graded = cell["metadata"].get("nbgrader")
        if graded:
            cell["metadata"]["deletable"] = False
            if not graded["solution"]:
                cell["metadata"]["editable"] = False
            graded |= {"checksum": _checksum(cell, graded), "cell_type": cell["cell_type"]}
    notebook["metadata"] |= {"language_info": {"name": "python"}}   # JupyterLab adds the version
    make_valid(notebook)
    return notebook


def plan(root: Path, course: dict[str, str], chapters: list[str], exercises: list[str]) -> list[Step]:
    """What gives the `chapters`, or of them (of all, where none is named) only the `exercises`, back their
    beginning. CannotReset for names that nothing has and for notebooks that cannot be read."""
    lacking = {path.stem for path in (root / "notebooks").glob("[0-9][0-9]_*.ipynb")} - set(course)
    remedy = f"; of {', '.join(sorted(lacking))} there is no solution here. {WAY_OUT}" if lacking else ""
    chosen = [_chapter(name, course, remedy) for name in chapters] or list(course)
    if not exercises:
        return [
            Step(root / "notebooks" / f"{stem}.ipynb", course[stem], "begins afresh")
            for stem in dict.fromkeys(chosen)
        ]
    wanted: dict[str, list[str]] = {}
    there = {mark(c).get("exercise"): stem for stem in chosen for c in json.loads(course[stem])["cells"]}
    there.pop(None, None)
    for name in dict.fromkeys(exercises):
        if name not in there:
            near = difflib.get_close_matches(name, there, n=3) or list(there)[:3]
            wanted_name = f"wanted the name of one, such as {', '.join(near)}"
            raise CannotReset(f"--exercise: got {name!r}, {wanted_name}{remedy}")
        wanted.setdefault(there[name], []).append(name)
    return [_without_answers(root / "notebooks" / f"{stem}.ipynb", course[stem], names)
            for stem, names in wanted.items()]  # fmt: skip


def _chapter(name: str, course: dict[str, str], remedy: str) -> str:
    stem = Path(name).name.removesuffix(".ipynb")
    found = next((each for each in course if each == stem or each.partition("_")[0] == stem.zfill(2)), None)
    if found is None:
        numbers = ", ".join(each.partition("_")[0] for each in course)
        raise CannotReset(f"chapter: got {name!r}, wanted one of {numbers}{remedy}")
    return found


def _without_answers(path: Path, course: str, names: list[str]) -> Step:
    """The learner's notebook with the course's stubs in place of the answers to `names`."""
    what = [f"begins afresh: {', '.join(names)}"]
    if not path.exists():
        return Step(path, course, what[0])
    release = notebooks.whole(json.loads(course))
    try:
        mine = notebooks.read(path)
    except ValueError as error:
        raise CannotReset(f"notebooks/{path.name} cannot be read: {error}. The whole chapter can be reset") \
            from None   # fmt: skip
    stubs = {mark(cell)["exercise"]: cell for cell in release["cells"] if "exercise" in mark(cell)}
    if any(notebooks.answer(mine["cells"], name) is None for name in names):   # a deleted cell comes back
        mine = merge(mine, release, release).notebook
    for name in names:
        cell = mine["cells"][notebooks.answer(mine["cells"], name)]
        others = [other for other in stubs if other not in names and notebooks.defines(cell, other)]
        what += [f"its cell held {', '.join(others)} too"] if others else []
        for each in mine["cells"]:
            if each is cell or name in notebooks.checked_names(each):
                _clear(each)
        cell["source"] = stubs[name]["source"]
    make_valid(mine)
    return Step(path, as_text(mine), "; ".join(what))


def as_text(notebook: Notebook) -> str:
    return notebooks.dumps(nbformat.from_dict(notebook | {"nbformat": 4, "nbformat_minor": 5}))


def _carry_out(root: Path, steps: list[Step], dry_run: bool) -> None:
    for step in [] if dry_run else steps:
        check_writable(step.path)
    changed = False
    for step in steps:
        name, data = step.path.relative_to(root).as_posix(), step.text.encode()
        there = step.path.read_bytes() if step.path.exists() else None
        if there is not None and there.replace(b"\r\n", b"\n") == data:
            print(f"{name}: as the course has it already")
            continue
        told = [step.what] if there is not None else ["was missing, is brought back"]
        if there is not None:
            kept = None if dry_run else keep(root, step.path).relative_to(root).as_posix()
            told.append("yours is kept in notebooks/replaced/" if dry_run else f"as you had it: {kept}")
        if not dry_run:
            changed = True
            with writing(step.path, "wb") as file:
                file.write(data)
        print(f"{'Would do: ' * dry_run}{name}: {'; '.join(told)}")
    if changed:
        print(RELOAD)


def _clear(cell: Cell) -> None:
    if cell["cell_type"] == "code":
        cell["outputs"], cell["execution_count"] = [], None


def _checksum(cell: Cell, graded: dict) -> str:
    """nbgrader's checksum of a cell, by which it sees that one was changed."""
    solution, grade = graded["solution"], graded["grade"]
    locked = not solution and (grade or graded["locked"])
    parts = [cell["source"], cell["cell_type"], grade, solution, locked, graded["grade_id"]]
    parts += [float(graded["points"])] if grade else []
    return hashlib.md5("".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    command(lambda: app(prog_name="python -m tools.reset"))
