"""The command: python -m tools.update [--from SOURCE] [--dry-run]."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from helpers.advice import command
from helpers.files import lock
from helpers.processes import stoppable
from tools.replaced import RELOAD
from tools.update.git import CannotUpdate
from tools.update.plan import COURSES, Plan, carry_out, plan
from tools.update.source import Version, open_version

GOES_ON = "No file is half written; the same command goes on. What it replaced is in notebooks/replaced/."
ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@stoppable(GOES_ON)
def main(
    source: Annotated[
        str | None,
        typer.Option("--from", help="A zip file, a folder, a git remote or address.", show_default="git's"),
    ] = None,
    branch: Annotated[str, typer.Option(help="With git: another branch or tag than the main one.")] = "HEAD",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, do nothing.")] = False,
    course: Annotated[
        Path, typer.Option(help="The folder to update.", show_default="the one this command is in")
    ] = ROOT,
) -> None:
    """Bring the course to a new version, with your answers in its notebooks.

    Answers are carried over by the names of their functions, your own cells stay where they stood, and each
    notebook and file of yours that is replaced is kept in notebooks/replaced/ first. Ends with 1, and has
    changed nothing, where there is no update to be had.
    """
    root = course.resolve()
    try:
        if not root.is_dir():
            raise CannotUpdate(f"{course} is no folder.")
        with lock(root / "build" / "update", print), TemporaryDirectory(ignore_cleanup_errors=True) as name:
            _update(root, source, branch, dry_run, Path(name).resolve())
    except CannotUpdate as error:
        print(f"Not updated: {error}")
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"Stopped: {error}. {GOES_ON}")
        raise typer.Exit(1) from None


def _update(root: Path, source: str | None, branch: str, dry_run: bool, scratch: Path) -> None:
    version = open_version(root, source, branch, scratch)
    todo = plan(root, version)
    if dry_run:
        return _announce(version, todo)
    told = carry_out(root, todo)
    try:
        version.finish()
    except CannotUpdate as error:
        raise OSError(f"the files are the new ones, but {error}") from None
    _report(version, todo, told)


def _nothing_new(version: Version, todo: Plan) -> bool:
    """Say so where nothing is new; all there is to do then is to bring back files that are missing."""
    if not todo.steps or version.new == version.base:
        print("Up to date: the course has nothing newer.")
        for step in todo.steps:
            print(f"  {step.path}: missing, brought back")
        return True
    return False


def _announce(version: Version, todo: Plan) -> None:
    if _nothing_new(version, todo):
        return
    print(f"To update to {version.name}:")
    for step in todo.steps:
        what = "removed" if step.data is None else "replaced" if step.kept else "brought up to date"
        kept = ["yours is kept"] if step.kept else []
        print(f"  {'; '.join([f'{step.path}: {what}', *step.notes, *kept])}")
    _end(todo, 0)


def _report(version: Version, todo: Plan, told: list[str]) -> None:
    if _nothing_new(version, todo):
        return
    print(f"Updated to {version.name}.")
    others = [line for line in told if COURSES in line]   # after a first zip file hundreds, all helpers
    for line in told:
        if len(others) < 10 or line not in others:
            print(f"  {line}")
    if len(others) >= 10:
        kept = "as you had them: below notebooks/replaced/"
        print(f"  {len(others)} files outside notebooks/: {COURSES}; {kept}")
    _end(todo, len(told))
    if any(Path(step.path).name in ("pyproject.toml", "constraints.txt") for step in todo.steps):
        print(f"The course wants other packages now: `{command('install')}` installs them.")
    if any(step.path.startswith("notebooks/") for step in todo.steps):
        print(RELOAD)


def _end(todo: Plan, told: int) -> None:
    for remark in todo.remarks:
        print(f"  {remark}")
    more = len(todo.steps) - told
    if more:
        print(f"  {'and ' if told else ''}{more} {'other ' if told else ''}file{'s' * (more > 1)}")
