"""A chapter or an exercise begun afresh: python -m tools.reset 01, or --exercise rnn_step."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import nbformat
import typer

from helpers import languages, notebooks
from helpers.console import command
from helpers.files import check_writable, lock, writing
from helpers.languages import ENGLISH, translate
from helpers.notebooks import Cell, mark
from helpers.processes import stoppable
from tools.options import Language
from tools.replaced import keep, reload_note
from tools.update.git import CannotUpdate
from tools.update.merge import Notebook, make_valid, merge, without_solutions
from tools.update.source import as_released

ROOT = Path(__file__).resolve().parents[1]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class CannotReset(Exception):
    """Why nothing is reset, in words. Nothing has been changed."""


@dataclass(frozen=True)
class Step:
    """The notebook `path` gets the text `text`; `what` says what that is."""

    path: Path
    text: str
    what: str


HELP = (
    translate("Give a chapter's notebook, or one exercise in it, back its beginning: stubs, no outputs."),
    translate(
        "What was there is kept in notebooks/replaced/ first, and named. Ends with 1, and has changed "
        "nothing, where that cannot be done, with 2 where nothing was named."
    ),
)


@app.command(help="\n\n".join(HELP))
@stoppable(translate("No notebook is half written. What was replaced is in notebooks/replaced/."))
def main(
    chapters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHAPTER]...", help=translate("Such as 01; several may be named.")),
    ] = None,
    exercises: Annotated[
        list[str] | None,
        typer.Option("--exercise", metavar="NAME", help=translate("Only this exercise; may be repeated.")),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help=translate("The zip file or folder the course came in."),
            show_default=translate("the solutions here"),
        ),
    ] = None,
    language: Language = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=translate("Say what it would do, do nothing."))
    ] = False,
    course: Annotated[
        Path,
        typer.Option(
            help=translate("The course's folder."), show_default=translate("the one this command is in")
        ),
    ] = ROOT,
) -> None:  # fmt: skip
    if not chapters and not exercises:
        raise typer.BadParameter(translate("wanted a chapter, such as 01, or --exercise and its name"))
    root, edition = course.resolve(), language or languages.language()
    try:
        if not (root / "notebooks").is_dir():
            raise CannotReset(
                translate("{folder} is no folder of the course: it has no notebooks/", folder=course)
            )
        with lock(root / "build" / "update", print), TemporaryDirectory(ignore_cleanup_errors=True) as name:
            wanted = {_edition(each, edition) for each in chapters or []} or {edition}
            versions = released(root, source, Path(name).resolve(), wanted)
            _carry_out(root, plan(root, versions, chapters or [], exercises or [], edition), dry_run)
    except (CannotReset, CannotUpdate) as error:
        print(translate("Nothing is reset: {reason}.", reason=str(error).rstrip(".")))
        raise typer.Exit(1) from None
    except OSError as error:
        kept = translate("What was replaced is in notebooks/replaced/.")
        print(f"{translate('Stopped: {error}.', error=error)} {kept}")
        raise typer.Exit(1) from None


def _way_out() -> str:
    return translate(
        "Name the zip file or folder the course came in: --from unrolled.zip (with make: FROM=unrolled.zip)"
    )


def released(
    root: Path, source: Path | None, scratch: Path, editions: Collection[str] = (ENGLISH,)
) -> dict[str, str]:
    """The course's notebooks as they are handed out, of these `editions`: name below notebooks/, without
    .ipynb → text.

    They come from the version in the zip file or folder `source`, else from the notebooks of solutions in
    `root`: there git may hold a learner's own commits, and learners have no nbgrader to build them.
    """
    if source is not None:
        if source.resolve() == root:
            this = translate("--from: got {source}, which is this folder.", source=source)
            raise CannotReset(f"{this} {_way_out()}")
        handed_out = _chapters(as_released(source, scratch) / "notebooks", editions)
        return {name: path.read_text(encoding="utf-8") for name, path in handed_out.items()}
    found = {}
    for name, path in _chapters(root / "solutions", editions).items():
        try:
            found[name] = as_text(student_notebook(notebooks.read(path)))
        except (ValueError, LookupError, TypeError, nbformat.ValidationError) as error:
            file = path.relative_to(root).as_posix()
            reason = str(getattr(error, "message", None) or error)[:100]
            told = translate("{file} cannot be read: {reason}.", file=file, reason=reason)
            raise CannotReset(f"{told} {_way_out()}") from None
    if not found:
        none = translate("there are no notebooks of solutions here to make the chapters from.")
        raise CannotReset(f"{none} {_way_out()}")
    return found


def _chapters(root: Path, editions: Collection[str]) -> dict[str, Path]:
    """The chapters' notebooks in these editions: name below the folder `root` without .ipynb → path."""
    return {
        path.relative_to(root).with_suffix("").as_posix(): path
        for each in editions
        for path in sorted(notebooks.folder(root, each).glob("[0-9][0-9]_*.ipynb"))
    }


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


def plan(
    root: Path, course: dict[str, str], chapters: list[str], exercises: list[str], edition: str = ENGLISH
) -> list[Step]:
    """What gives the `chapters`, or of them (of all, where none is named) only the `exercises`, back their
    beginning; `edition` is that of chapters whose name does not say it. CannotReset for names that nothing
    has and for notebooks that cannot be read."""
    chosen = list(dict.fromkeys(_chapter(root, name, course, edition) for name in chapters)) or list(course)
    if not exercises:
        fresh = translate("begins afresh")
        return [Step(root / "notebooks" / f"{each}.ipynb", course[each], fresh) for each in chosen]
    wanted: dict[str, list[str]] = {}
    there: dict[str, list[str]] = {}
    for each in chosen:
        for cell in json.loads(course[each])["cells"]:
            if "exercise" in mark(cell):
                there.setdefault(mark(cell)["exercise"], []).append(each)
    for name in dict.fromkeys(exercises):
        if name not in there:
            near = difflib.get_close_matches(name, there, n=3) or list(there)[:3]
            told = translate(
                "--exercise: got {name}, wanted the name of one, such as {names}",
                name=repr(name), names=", ".join(near),
            )  # fmt: skip
            raise CannotReset(told + _remedy(root, course))
        for each in there[name]:
            wanted.setdefault(each, []).append(name)
    return [_without_answers(root, f"notebooks/{each}.ipynb", course[each], names)
            for each, names in wanted.items()]  # fmt: skip


def _edition(chapter: str, otherwise: str) -> str:
    """The edition of a chapter that is named by its path; `otherwise` where it is named alone."""
    folder = Path(chapter).parent
    return notebooks.root_of(folder)[1] if folder.name else otherwise


def _chapter(root: Path, name: str, course: dict[str, str], edition: str) -> str:
    stem, folder = Path(name).name.removesuffix(".ipynb"), notebooks.folder(Path(), _edition(name, edition))
    stems = {Path(each).name: each for each in course if Path(each).parent == folder}
    found = next((each for each in stems if each == stem or each.partition("_")[0] == stem.zfill(2)), None)
    if found is None:
        numbers = ", ".join(each.partition("_")[0] for each in stems)
        told = translate("chapter: got {name}, wanted one of {numbers}", name=repr(name), numbers=numbers)
        raise CannotReset(told + _remedy(root, course))
    return stems[found]


def _remedy(root: Path, course: dict[str, str]) -> str:
    """What to add about chapters that are here, and that nothing is known of; "" where there are none."""
    there = _chapters(root / "notebooks", {notebooks.root_of(Path(each).parent)[1] for each in course})
    lacking = sorted(set(there) - set(course))
    if not lacking:
        return ""
    none = translate("of {chapters} there is no solution here.", chapters=", ".join(lacking))
    return f"; {none} {_way_out()}"


def _without_answers(root: Path, file: str, course: str, names: list[str]) -> Step:
    """The learner's notebook with the course's stubs in place of the answers to `names`."""
    path, what = root / file, [translate("begins afresh: {exercises}", exercises=", ".join(names))]
    if not path.exists():
        return Step(path, course, what[0])
    release = notebooks.whole(json.loads(course))
    try:
        mine = notebooks.read(path)
    except ValueError as error:
        told = translate("{file} cannot be read: {reason}.", file=file, reason=error)
        raise CannotReset(f"{told} {translate('The whole chapter can be reset')}") from None
    stubs = {mark(cell)["exercise"]: cell for cell in release["cells"] if "exercise" in mark(cell)}
    if any(notebooks.answer(mine["cells"], name) is None for name in names):   # a deleted cell comes back
        mine = merge(mine, release, release).notebook
    for name in names:
        cell = mine["cells"][notebooks.answer(mine["cells"], name)]
        others = [other for other in stubs if other not in names and notebooks.defines(cell, other)]
        held = translate("its cell held {exercises} too", exercises=", ".join(others))
        what += [held] if others else []
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
            print(translate("{file}: as the course has it already", file=name))
            continue
        told = [step.what] if there is not None else [translate("was missing, is brought back")]
        if there is not None and dry_run:
            told.append(translate("yours is kept in notebooks/replaced/"))
        elif there is not None:
            kept = keep(root, step.path).relative_to(root).as_posix()
            told.append(translate("as you had it: {file}", file=kept))
        if not dry_run:
            changed = True
            with writing(step.path, "wb") as file:
                file.write(data)
        line = f"{name}: {'; '.join(told)}"
        print(translate("Would do: {step}", step=line) if dry_run else line)
    if changed:
        print(reload_note())


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
