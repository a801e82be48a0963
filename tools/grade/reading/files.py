"""The files of a submission, in folders and in archives. Archives are read in memory, never unpacked."""

from __future__ import annotations

import functools
import io
import os
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from tools.grade.reading.layout import OF_A_CLASS, Parts, is_ignored

MOST = 50 * 2**20
"""Bytes of a notebook that are read."""
MOST_OF_ARCHIVE, MOST_ENTRIES, DEEP = 2**30, 20_000, 2

Place = tuple[str, ...]
"""A path on the disk, and the names to go on by in archives: ("/class.zip", "kim.zip", "01.ipynb")."""


@dataclass(frozen=True)
class File:
    """A notebook that was handed in, or an archive that cannot be read; `parts` are its path."""

    parts: Parts
    place: Place
    changed: str      # ISO 8601 with zone
    problem: str = ""


class Unreadable(Exception):
    """A file that cannot be read; the text says why."""


def files(path: Path) -> Iterator[File]:
    """The notebooks at or below `path`, also those in archives, but for hidden files and the course's own."""
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                each = Path(folder, name)
                parts = _plain_parts(each.relative_to(path).parts)
                if parts and not is_ignored(parts) and parts[-1].lower().endswith((".ipynb", ".zip")):
                    yield from _file(each, parts)
    else:
        yield from _file(path, _plain_parts((path.name,)) or ("notebook.ipynb",))


def _file(path: Path, parts: Parts) -> Iterator[File]:
    try:
        about = path.lstat()
    except OSError as error:
        yield File(parts, (str(path),), "", f"it cannot be opened ({error.strerror})")
        return
    changed = datetime.fromtimestamp(about.st_mtime).astimezone().isoformat(timespec="seconds")
    file = File(parts, (str(path),), changed)
    if stat.S_ISLNK(about.st_mode):
        yield replace(file, problem="a link, no file: what it points at was not handed in")
    elif not stat.S_ISREG(about.st_mode):
        yield replace(file, problem="no regular file")
    elif path.suffix.lower() == ".zip":
        yield from _archive(file, 1, [MOST_OF_ARCHIVE])
    else:
        yield file


def _archive(file: File, depth: int, budget: list[int]) -> Iterator[File]:
    """The notebooks in an archive, below a folder of its name where it is not the path that was given."""
    try:
        opened = zipfile.ZipFile(file.place[0] if len(file.place) == 1 else io.BytesIO(data(file.place)))
        entries = opened.infolist()
        if len(entries) > MOST_ENTRIES:
            raise Unreadable(f"{len(entries)} files in it, at most {MOST_ENTRIES} are read")
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, Unreadable, EOFError) as error:
        yield replace(file, problem=f"an archive that cannot be read ({error})"[:200])
        return
    with opened:
        for entry in sorted(entries, key=lambda each: each.filename):
            inner = _plain_parts(PurePosixPath(_name(entry).replace("\\", "/")).parts)
            if not inner or entry.is_dir() or is_ignored(inner):
                continue
            name = file.parts[-1][: -len(".zip")]
            parts = (*file.parts[:-1], f"{name}.zip" if name in OF_A_CLASS else name, *inner)
            found = File(parts, (*file.place, entry.filename), _time(entry))
            if inner[-1].lower().endswith(".ipynb"):
                budget[0] -= entry.file_size
                problem = "the archive is too large to read it this far" if budget[0] < 0 else ""
                yield replace(found, problem=problem)
            elif inner[-1].lower().endswith(".zip"):
                if depth < DEEP:
                    yield from _archive(found, depth + 1, budget)
                else:
                    yield replace(found, problem="an archive in an archive in an archive: it was not opened")


def data(place: Place) -> bytes:
    """The bytes of a file. Raises Unreadable."""
    try:
        if len(place) == 1:
            with open(place[0], "rb") as file:
                return _limited(file)
        version = os.stat(place[0]).st_mtime_ns
        with _opened(place[:-1], version, os.getpid()).open(place[-1]) as file:
            return _limited(file)
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror or error})") from None
    except Exception as error:   # zipfile's and zlib's own, encrypted and damaged archives
        raise Unreadable(f"its archive cannot be read ({error})"[:200]) from None


@functools.lru_cache(maxsize=2)
def _opened(place: Place, version: int, process: int) -> zipfile.ZipFile:
    """The archive at `place`, kept open, for opening reads the table of all that is in it. Each `process` has
    its own: forked ones would share the place in the file."""
    return zipfile.ZipFile(place[0] if len(place) == 1 else io.BytesIO(data(place)))


def _limited(file) -> bytes:
    found = file.read(MOST + 1)
    if len(found) > MOST:
        raise Unreadable(f"it is larger than {MOST // 2**20} MB")
    return found


def _name(entry: zipfile.ZipInfo) -> str:
    """An entry's name, which old programs wrote in the system's encoding without saying so."""
    if entry.flag_bits & 0x800:
        return entry.filename
    for encoding in ("utf-8", "cp949"):
        try:
            return entry.filename.encode("cp437").decode(encoding)
        except UnicodeError:
            continue
    return entry.filename


def _plain_parts(parts: Parts) -> Parts:
    """A path's parts as text that can be shown; () for a path that leads elsewhere."""
    if any(part in ("..", "/") or part.endswith(":") for part in parts):
        return ()
    texts = (os.fsencode(part).decode("utf-8", "replace") for part in parts if part not in ("", "."))
    plain = (unicodedata.normalize("NFC", text) for text in texts)
    return tuple("".join(char if char.isprintable() else "_" for char in text) for text in plain)


def _time(entry: zipfile.ZipInfo) -> str:
    try:
        return datetime(*entry.date_time).astimezone().isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0).astimezone().isoformat(timespec="seconds")
