"""Where a new version comes from: git, a folder or a zip file; and which version the folder began as."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers import notebooks
from helpers.advice import python
from helpers.files import write_text
from helpers.languages import translate
from tools.update import git
from tools.update.git import CannotUpdate
from tools.update.merge import without_solutions

# What is no part of a version: the learner's, the machine's, what is made again.
SKIPPED = {".git", ".venv", ".venv-test", "__pycache__", ".ipynb_checkpoints", ".pytest_cache"}
SKIPPED |= {".ruff_cache", ".hypothesis", "unrolled.egg-info", "__MACOSX"}
SKIPPED_PATHS = {"build", "notebooks/replaced", "data/cache", "data/checkpoints", "data/own"}

Hashes = dict[str, str]


@dataclass(frozen=True)
class Version:
    """A version laid out in the folder `files`, and hashes of it.

    `base` has the hashes of the version that the course's folder began as, `before` is where that one is laid
    out (None: nobody knows); `finish` is to be called when the files are in place.
    """

    name: str
    files: Path
    new: Hashes
    base: Hashes | None
    before: Path | None
    finish: Callable[[], None]


def open_version(root: Path, source: str | None, branch: str, scratch: Path) -> Version:
    """The version to update the course in `root` to, laid out below `scratch`.

    CannotUpdate says why there is none.
    """
    if not _is_course(root):
        raise CannotUpdate(translate(
            "{folder} is no folder of the course (no pyproject.toml, helpers and notebooks).", folder=root
        ))  # fmt: skip
    place = Path(source).expanduser() if source else None
    local = place if place is not None and place.exists() else None
    if local is not None and local.resolve() == root:
        raise CannotUpdate(translate(
            "{folder} is the folder that is to be updated; name the new version.", folder=source
        ))  # fmt: skip
    if git.is_clone(root) and (local is None or _is_repository(local)):
        return _from_git(root, str(local.resolve()) if local else source, branch, scratch)
    if local is None:
        what = _not_here(source) if source else translate("this folder is no git clone")
        how = translate(
            "Download the course as a zip file and name it: {command}", command=git.from_zip()
        )
        raise CannotUpdate(f"{what}. {how}")
    files = as_released(local, scratch)
    if git.is_clone(root):
        git.refuse_if_unfinished(root)
        git.lay_out(root, "HEAD", scratch / "before")
        base, before = hashes(scratch / "before"), scratch / "before"
    else:
        base, before = _recorded(root), None
    new = hashes(files)
    return Version(local.resolve().name, files, new, base, before, lambda: _record(root, new))


def as_released(place: Path, scratch: Path) -> Path:
    """The version of the course in a folder, or in a zip file, which is unpacked below `scratch`.

    CannotUpdate where there is none, or one that has been worked in.
    """
    if not place.exists():
        raise CannotUpdate(_not_here(place))
    return _from_folder(place if place.is_dir() else _unpacked(place, scratch), place.name)


def _not_here(place: object) -> str:
    return translate("got {place}, which is no file or folder here", place=place)


def hashes(folder: Path) -> Hashes:
    """Path below `folder` → hash, for the files of a version."""
    return {path: digest((folder / path).read_bytes()) for path in _paths(folder)}


def digest(data: bytes) -> str:
    """A hash that is the same for Unix' and Windows' newlines."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def _paths(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        here = Path(place).relative_to(folder)
        folders[:] = sorted(
            name for name in folders if name not in SKIPPED and (here / name).as_posix() not in SKIPPED_PATHS
        )
        yield from ((here / name).as_posix() for name in sorted(names) if name not in SKIPPED)


def _is_course(folder: Path) -> bool:
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return 'name = "unrolled"' in text and all((folder / each).is_dir() for each in ("helpers", "notebooks"))


def _is_repository(place: Path) -> bool:
    return git.is_clone(place) or ((place / "HEAD").is_file() and (place / "objects").is_dir())


def _from_git(root: Path, source: str | None, branch: str, scratch: Path) -> Version:
    new, common, name = git.fetch(root, source, branch)
    git.lay_out(root, new, scratch / "new")
    git.lay_out(root, common, scratch / "before")
    if not _is_course(scratch / "new"):
        raise CannotUpdate(translate(
            "{version} is no version of the course (no pyproject.toml, helpers and notebooks).", version=name
        ))  # fmt: skip
    return Version(
        name, scratch / "new", hashes(scratch / "new"), hashes(scratch / "before"), scratch / "before",
        lambda: git.move_head(root, new, common, scratch),
    )  # fmt: skip


def _unpacked(archive: Path, scratch: Path) -> Path:
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(scratch / "zip")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise CannotUpdate(translate(
            "{file} is no whole zip file ({error}): download it again, as zip.", file=archive, error=error
        )) from None   # fmt: skip
    return scratch / "zip"


def _from_folder(folder: Path, name: str) -> Path:
    """The course in `folder` or in the one folder that a zip file holds, if it is a version as released; the
    learner calls it `name`."""
    inner = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = next((path for path in inner if _is_course(path)), None)
    if found is None:
        raise CannotUpdate(translate(
            "{file} holds no version of the course (no pyproject.toml, helpers and notebooks).", file=name
        ))  # fmt: skip
    root = found / "notebooks"
    for path in (path for each in notebooks.editions(root) for path in sorted(each.glob("*.ipynb"))):
        file = path.relative_to(root).as_posix()
        stubs = base_notebook(found, file)
        if stubs is not None and _answers(notebooks.read(path)) != _answers(stubs):
            there = f"{python()} -m tools.update --course {shlex.quote(str(found))} --from ."
            raise CannotUpdate(translate(
                "{file} in {folder} has been worked in; name the new version as it was downloaded. To update "
                "that folder to this one's version: `{command}`",
                file=file, folder=found, command=there,
            ))  # fmt: skip
    return found


def base_notebook(folder: Path, name: str) -> notebooks.Cell | None:
    """The student notebook `name`, below ``notebooks``, as the version in `folder` released it, from its
    solution."""
    try:
        return without_solutions(notebooks.read(folder / "solutions" / name))
    except (OSError, ValueError):
        return None


def _answers(notebook: notebooks.Cell) -> list[str]:
    return [cell["source"].strip() for cell in notebook["cells"] if "exercise" in notebooks.mark(cell)]


def _recorded(root: Path) -> Hashes | None:
    """What the last update from a download left; None if there is no such record."""
    try:
        return dict(json.loads((root / "build" / "version.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _record(root: Path, new: Hashes) -> None:
    write_text(root / "build" / "version.json", json.dumps(new, indent=0, sort_keys=True) + "\n")
