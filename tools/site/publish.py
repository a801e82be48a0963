"""A finished site put where it was asked for: whole or not at all; what is not ours is never removed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from helpers.files import write_text

STAMP = ".unrolled-site.json"
"""In the site's folder: what it was made of, and its files."""


def refusal(out: Path) -> str:
    """Why `out` cannot become the site's folder, "" if it can."""
    if out.is_symlink() and not out.exists():
        return "a link that leads nowhere"
    if out.exists() and not out.is_dir():
        return "a file"
    if not out.exists():
        return "" if _makeable(out) else "a folder that cannot be made"
    stamp = read_stamp(out)
    ours = {STAMP, *stamp["files"]} if stamp else set()
    try:
        other = next((path for path in _files(out) if path.relative_to(out).as_posix() not in ours), None)
    except OSError as error:
        return f"a folder that cannot be read: {error}"
    if other is None:
        return ""
    what = f"a site with other files in it, such as {other.relative_to(out).as_posix()}"
    return what if stamp else "a folder that holds other files"


def _files(folder: Path) -> Iterator[Path]:
    """What is no folder below `folder`, links included; a site removed here must not take any of it along."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            else:
                yield Path(entry.path)


def _makeable(out: Path) -> bool:
    above = next(parent for parent in out.absolute().parents if parent.exists())
    return above.is_dir() and os.access(above, os.W_OK)


def read_stamp(out: Path) -> dict | None:
    """The stamp of the site in `out`; None where there is none, or it is damaged."""
    with suppress(OSError, ValueError):
        stamp = json.loads((out / STAMP).read_text(encoding="utf-8"))
        if isinstance(stamp, dict) and isinstance(stamp.get("files"), dict) and "made_of" in stamp:
            return stamp
    return None


def is_current(out: Path, made_of: str) -> bool:
    """Whether the site in `out` was made of just this, and has all its files."""
    stamp = read_stamp(out)
    if stamp is None or stamp["made_of"] != made_of:
        return False
    return all((out / path).is_file() and (out / path).stat().st_size == size
               for path, size in stamp["files"].items())  # fmt: skip


def publish(html: Path, out: Path, made_of: str) -> int:
    """Put the site in `html` where `out` is → how many files it has. Ask `refusal(out)` before."""
    out = out.resolve()
    new, old = (out.with_name(f".{out.name}-{word}-{os.getpid()}") for word in ("new", "old"))
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(html, new)
        there = [path for path in new.rglob("*") if path.is_file()]
        files = {path.relative_to(new).as_posix(): path.stat().st_size for path in there}
        write_text(new / STAMP, json.dumps({"made_of": made_of, "files": files}, indent=0, sort_keys=True))
        if out.exists():
            os.replace(out, old)
        try:
            os.replace(new, out)
        except BaseException:
            if old.exists():
                os.replace(old, out)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return len(files)
