"""The command: python -m tools.site [--out FOLDER] [--repository OWNER/NAME] [--ref COMMIT] [--url URL]."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import time
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from helpers.files import lock
from helpers.processes import stoppable
from tools.site import repository as repositories
from tools.site.build import build
from tools.site.check import faults
from tools.site.katex import CannotBuild
from tools.site.pages import Pages, pages
from tools.site.publish import is_current, publish, refusal
from tools.site.words import words

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LIBRARIES = (
    *("sphinx", "myst-nb", "myst-parser", "sphinx-book-theme", "pydata-sphinx-theme", "sphinx-copybutton"),
)
NO_REPOSITORY = (
    "No repository on GitHub is known: chapters have no links to Binder, Colab and their source. "
    "--repository OWNER/NAME names it."
)
ADDRESS = re.compile(r"https?://[^\s/?#\"'<>\\]+(?:/[^\s?#\"'<>\\]*)?")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


def _folder(out: Path) -> Path:
    if why := refusal(out):
        wanted = "a folder that is new, empty, or an earlier site"
        raise typer.BadParameter(f"got {out} ({why}), wanted {wanted}; nothing was removed")
    return out


def _address(url: str | None) -> str | None:
    if url is not None and not ADDRESS.fullmatch(url):
        raise typer.BadParameter(f"got {url!r}, wanted where the site will be, https://…")
    return url


@app.command()
@stoppable("An earlier site is as it was.")
def main(
    out: Annotated[
        Path, typer.Option(callback=_folder, help="Where the site goes.", show_default="build/site")
    ] = ROOT / "build" / "site",
    repository: Annotated[
        str | None,
        typer.Option(help="OWNER/NAME on GitHub.", show_default="GITHUB_REPOSITORY, or git's remote origin"),
    ] = None,
    ref: Annotated[
        str | None, typer.Option(help="Commit or branch that links name.", show_default="GITHUB_SHA, or main")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(callback=_address, help="Where it will be.", show_default="the repository's Pages"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build even if nothing has changed.")] = False,
) -> None:
    """Build the course as a static site: chapters with outputs, docs, exercises, recorded runs; in English,
    and below ko/ in Korean where the Korean edition is built.

    Its pages load nothing from elsewhere. A network is needed once, for the formulas' fonts.
    """
    started = time.perf_counter()
    try:
        where = repositories.found(repository, ref, ROOT)
        if where is None:
            print(NO_REPOSITORY)
        made = pages(ROOT, where)
        if missing := set().union(*(each.missing for each in made)):
            raise CannotBuild("\n".join(sorted(missing)))
        url = url or (where.pages() if where else "")
        url = url.rstrip("/") + "/" * bool(url)
        base = urlsplit(url).path
        made_of = _fingerprint(made, url)
        if not force and is_current(out, made_of):
            print(f"up to date {_named(out)}")
            return
        with lock(ROOT / "build" / "site-work", print):
            count = _built(made, out, base, url, made_of)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    except (CannotBuild, OSError) as error:
        print(error)
        console.print("[bold red]Not built.[/] An earlier site is as it was.")
        raise typer.Exit(1) from None
    for path in sorted(set().union(*(each.dropped for each in made))):
        print(f"  no link to {path}: it is no page, and no repository is known")
    seconds = time.perf_counter() - started
    console.print(f"[green]built[/]      {_named(out)}: {count} files, {seconds:.0f} s")
    print(f"Open {_named(out) / 'index.html'}.")


def _built(made: list[Pages], out: Path, base: str, url: str, made_of: str) -> int:
    words = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[page]}")
    quiet = not console.is_terminal
    with Progress(*words, TimeElapsedColumn(), console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("starting", total=100, page="")

        def step(what: str, per_cent: int, page: str) -> None:
            bar.update(task, description=what, completed=per_cent, page=page)

        html = build(made, ROOT / "build" / "site-work", base, url, step)
        step("checking links", 0, "")
        if found := faults(html):
            raise CannotBuild("\n".join(map(str, found)))
        step("putting it in place", 100, "")
        return publish(html, out, made_of)


def _fingerprint(made: list[Pages], url: str) -> str:
    """What the site is made of: sources, the site's own files and words, versions."""
    parts = {file.name: file.read_bytes() for file in HERE.rglob("*") if file.suffix not in ("", ".pyc")}
    for each in made:
        said = json.dumps(dict(words(each.language).translations)).encode()
        files = {**each.sources, **each.extra, "words": said}
        parts |= {f"{each.language}/{name}": data for name, data in files.items()}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(parts.items())}
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return hashlib.sha256(json.dumps([hashes, versions, url]).encode()).hexdigest()


def _named(out: Path) -> Path:
    here = Path.cwd()
    return out.relative_to(here) if out.is_relative_to(here) else out
