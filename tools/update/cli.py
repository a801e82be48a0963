"""The command: python -m tools.update [--from SOURCE] [--dry-run]."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from helpers.advice import command
from helpers.files import lock
from helpers.languages import translate, translate_count
from helpers.processes import stoppable
from tools.replaced import reload_note
from tools.update.git import CannotUpdate
from tools.update.plan import Plan, carry_out, is_notebook, plan
from tools.update.source import Version, open_version

GOES_ON = translate(
    "No file is half written; the same command goes on. What it replaced is in notebooks/replaced/."
)
HELP = (
    translate("Bring the course to a new version, with your answers in its notebooks."),
    translate(
        "Answers are carried over by the names of their functions, your own cells stay where they stood, and "
        "each notebook and file of yours that is replaced is kept in notebooks/replaced/ first. Ends with 1, "
        "and has changed nothing, where there is no update to be had."
    ),
)
ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help="\n\n".join(HELP))
@stoppable(GOES_ON)
def main(
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help=translate("A zip file, a folder, a git remote or address."),
            show_default=translate("git's"),
        ),
    ] = None,
    branch: Annotated[
        str, typer.Option(help=translate("With git: another branch or tag than the main one."))
    ] = "HEAD",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=translate("Say what it would do, do nothing."))
    ] = False,
    course: Annotated[
        Path,
        typer.Option(
            help=translate("The folder to update."), show_default=translate("the one this command is in")
        ),
    ] = ROOT,
) -> None:  # fmt: skip
    root = course.resolve()
    try:
        if not root.is_dir():
            raise CannotUpdate(translate("{folder} is no folder.", folder=course))
        with lock(root / "build" / "update", print), TemporaryDirectory(ignore_cleanup_errors=True) as name:
            _update(root, source, branch, dry_run, Path(name).resolve())
    except CannotUpdate as error:
        print(translate("Not updated: {reason}", reason=error))
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"{translate('Stopped: {error}.', error=error)} {GOES_ON}")
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
        raise OSError(translate("the files are the new ones, but {problem}", problem=error)) from None
    _report(version, todo, told)


def _nothing_new(version: Version, todo: Plan) -> bool:
    """Say so where nothing is new; all there is to do then is to bring back files that are missing."""
    if not todo.steps or version.new == version.base:
        print(translate("Up to date: the course has nothing newer."))
        for step in todo.steps:
            print(f"  {translate('{file}: missing, brought back', file=step.path)}")
        return True
    return False


def _announce(version: Version, todo: Plan) -> None:
    if _nothing_new(version, todo):
        return
    print(translate("To update to {version}:", version=version.name))
    for step in todo.steps:
        if step.data is None:
            what = translate("{file}: removed", file=step.path)
        elif step.kept:
            what = translate("{file}: replaced", file=step.path)
        else:
            what = translate("{file}: brought up to date", file=step.path)
        kept = [translate("yours is kept")] if step.kept else []
        print(f"  {'; '.join([what, *step.notes, *kept])}")
    _end(todo, 0)


def _report(version: Version, todo: Plan, told: list[str]) -> None:
    if _nothing_new(version, todo):
        return
    print(translate("Updated to {version}.", version=version.name))
    others = [path for path in told if not is_notebook(path)]   # after a first zip file hundreds, all helpers
    for path, line in told.items():
        if len(others) < 10 or path not in others:
            print(f"  {line}")
    if len(others) >= 10:
        all_others = translate(
            "{count} files outside notebooks/: the course's in place of yours; as you had them: below "
            "notebooks/replaced/",
            count=len(others),
        )
        print(f"  {all_others}")
    _end(todo, len(told))
    if any(Path(step.path).name in ("pyproject.toml", "constraints.txt") for step in todo.steps):
        install = command("install")
        print(translate("The course wants other packages now: `{command}` installs them.", command=install))
    if any(step.path.startswith("notebooks/") for step in todo.steps):
        print(reload_note())


def _end(todo: Plan, told: int) -> None:
    for remark in todo.remarks:
        print(f"  {remark}")
    more = len(todo.steps) - told
    if more and told:
        print(f"  {translate_count('and {count} other file', 'and {count} other files', more)}")
    elif more:
        print(f"  {translate_count('{count} file', '{count} files', more)}")
