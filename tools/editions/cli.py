"""The command: python -m tools.editions messages | build | check."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Annotated

import typer

from helpers.files import writing
from helpers.languages import ENGLISH, LANGUAGES, catalogue
from helpers.processes import stoppable
from tools.build.cli import (
    Chapters,
    Check,
    Force,
    Jobs,
    bring_up_to_date,
    console,
    end,
    named_chapters,
)
from tools.build.pipeline import draft_course
from tools.build.rules import registered_exercises
from tools.build.source import BuildError, Course, Problem
from tools.editions import collect
from tools.editions.catalogue import compile_catalogues, is_translated
from tools.editions.edition import Edition
from tools.editions.gate import catalogue_faults

ROOT = Path(__file__).resolve().parents[2]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
Root = Annotated[Path, typer.Option(help="The course's folder.", hidden=True)]


def editions(root: Path) -> list[Edition]:
    """The course's editions in other languages than the source's."""
    return [Edition(root.resolve(), language) for language in LANGUAGES if language != ENGLISH]


@app.command()
def messages(
    prune: Annotated[bool, typer.Option("--prune", help="Drop obsolete messages.")] = False,
    root: Root = ROOT,
) -> None:
    """Bring the catalogues in po/ up to date with the source.

    New messages are empty, edited ones are marked fuzzy with the former text beside them, and those that are
    gone stand at the end as obsolete, until --prune drops them.
    """
    for edition in editions(root):
        for name, each in collect.catalogues(edition.course).items():
            catalogue = edition.catalogue(name)
            changed = catalogue.write(each, prune=prune)
            empty = len([entry for entry in catalogue.entries() if not is_translated(entry)])
            fuzzy, gone = len(catalogue.file.fuzzy_entries()), len(catalogue.file.obsolete_entries())
            if changed or empty or fuzzy or gone:
                counts = f"{empty} untranslated, {fuzzy} fuzzy, {gone} obsolete"
                console.print(f"{edition.language}/{name}.po · {len(each)} messages, {counts}")


@app.command()
@stoppable("What was built is kept, and what was being built is as it was.")
def build(
    chapters: Chapters = None,
    force: Force = False,
    check: Check = False,
    jobs: Jobs = 1,
    root: Root = ROOT,
) -> None:
    """Build notebooks, documents and what helpers say in the other languages, from the catalogues in po/."""
    problems: list[Problem] = []
    try:
        course = Course(root.resolve())
        wanted = named_chapters(course, chapters)
        drafts, problems = draft_course(course, registered_exercises(), wanted)
        for edition in editions(root):
            problems += _texts(edition, check)
            translated = [edition.draft(draft) for draft in drafts]
            problems += bring_up_to_date(
                edition.course, translated, wanted is None, force=force, check=check, jobs=jobs
            )
    except BuildError as error:
        problems = error.problems
    end(problems)


@app.command()
def check(root: Root = ROOT) -> None:
    """What make test refuses: messages without translation, fuzzy or obsolete ones, changed formulas, …"""
    end([
        Problem(f"po/{edition.language}/{name}.po", line, fault, text)
        for edition in editions(root)
        for name, each in collect.catalogues(edition.course).items()
        for line, fault, text in catalogue_faults(edition.catalogue(name), each)
    ])  # fmt: skip


def _texts(edition: Edition, check: bool) -> list[Problem]:
    """Write the documents and the compiled catalogue, or tell which are not what the catalogues build."""
    built = {edition.root / file: text.encode() for file, text in edition.documents().items()}
    compiled = edition.root / catalogue(edition.language).relative_to(ROOT)
    built[compiled] = compile_catalogues(map(edition.catalogue, collect.COMPILED))
    stale = {file: data for file, data in built.items() if _content(file) != data}
    if check:
        return [Problem(edition.course.label(file), 1, "not what its source builds: run 'make build'")
                for file in stale]  # fmt: skip
    for file, data in stale.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with writing(file, "wb") as out:
            out.write(data if file.suffix != ".gz" else gzip.compress(data, mtime=0))
        console.print(f"[green]built[/]      {edition.course.label(file)}")
    return []


def _content(file: Path) -> bytes | None:
    """What `file` holds, unpacked; None where it is not, or is damaged."""
    try:
        data = file.read_bytes()
        return gzip.decompress(data) if file.suffix == ".gz" else data.replace(b"\r\n", b"\n")
    except (OSError, EOFError, zlib.error):
        return None
