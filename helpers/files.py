"""Files that are whole or not there at all, and that one process at a time owns.

`writing` writes to a temporary name beside the file and renames it, `lock` makes a second process wait, and
`check_writable` says before hours of work whether their result can be kept.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from helpers.languages import translate

NAME_BYTES = 255
"""What the common file systems allow a name: bytes in UTF-8 (Windows counts 255 UTF-16 units)."""

_UNPORTABLE = re.compile(r"[^a-z0-9.+_-]")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")   # devices, in any folder of Windows

_number = count()


def short_name(name: str, limit: int = NAME_BYTES) -> str:
    """`name`, or where it is longer than `limit` bytes its beginning, a hash of it all, and its suffix."""
    if _length(name) <= limit:
        return name
    suffix = Path(name).suffix if len(Path(name).suffix) <= 16 else ""
    ending = f"-{_hash(name)}{suffix}"
    return os.fsencode(name)[: limit - _length(ending)].decode(errors="ignore") + ending


def portable_name(text: str, limit: int = 120) -> str:
    """A name that says `text` and that every file system takes, also one that sees no difference between
    ``A`` and ``a``: small letters, digits and ``. + - _``, at most `limit` of them. What changes the text
    for that puts a hash of it behind, so that no two texts have the same name."""
    plain = _RESERVED.sub(r"_\g<0>", _UNPORTABLE.sub("_", text.lower()))
    if plain == text and len(text) <= limit:
        return text
    ending = "-" + _hash(text)
    return plain[: limit - len(ending)] + ending


def _length(name: str) -> int:
    return len(os.fsencode(name))   # a name need not be Unicode


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]


@contextmanager
def writing(path: str | os.PathLike, mode: str = "w") -> Iterator[IO]:
    """A file to write (``"w"``: UTF-8 with Unix newlines; ``"wb"``: bytes) that takes the place of `path`
    when the block ends, and leaves `path` as it was when the block raises or the process is killed.

    What killed processes left beside `path` is removed. Two processes may write at once: one file is whole,
    the other replaces it.
    """
    path = Path(os.path.realpath(path))   # a link goes on pointing at the file
    _require_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_behind(path)
    temporary = path.with_name(f"{_beginning(path)}{os.getpid()}-{next(_number)}.part")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with open(temporary, mode.replace("w", "x"), **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            with suppress(OSError):
                shutil.copymode(path, temporary)
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` to `path` in UTF-8 with Unix newlines, whole or not at all."""
    with writing(path) as file:
        file.write(text)


def check_writable(path: str | os.PathLike) -> None:
    """Raise the OSError that writing the file `path` would end with: a folder of that name, no permission, a
    read-only disk, a name too long. Makes the folder that it will lie in; writes nothing that stays."""
    path = Path(os.path.realpath(path))
    _require_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if _length(path.name) > NAME_BYTES:
        raise OSError(errno.ENAMETOOLONG, f"name longer than {NAME_BYTES} bytes", str(path))
    trial = path.with_name(f"{_beginning(path)}{os.getpid()}-{next(_number)}.part")
    trial.touch(exist_ok=False)
    trial.unlink()


@contextmanager
def lock(path: str | os.PathLike, waiting: Callable[[str], object] | None = None) -> Iterator[None]:
    """Own the file `path` while the block runs: another process that asks for it waits until it ends.

    `waiting` is called once with a sentence when there is someone to wait for. A process that is killed
    loses its locks. The lock is a hidden file beside `path`, gone afterwards.
    """
    from filelock import FileLock, Timeout

    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.with_name(f".{short_name(path.name, NAME_BYTES - 6)}.lock")
    owned = FileLock(name)
    try:
        owned.acquire(blocking=False)
    except Timeout:
        if waiting is not None:
            waiting(translate("Another process is at work on {file}; waiting for it.", file=path.name))
        owned.acquire()
    try:
        yield
    finally:
        if os.name == "posix":   # while it is held: who waits sees that the file is gone, and makes a new one
            with suppress(OSError):
                name.unlink()
        owned.release()


def _require_file(path: Path) -> None:
    """OSError where a folder, a device or a pipe has this name: a file must not take its place."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "got a folder, wanted the name of a file", str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "got a device, wanted the name of a file", str(path))


def _beginning(path: Path) -> str:
    """Of the temporary names for `path` on this machine; a process number and a count follow."""
    machine = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    return f".{short_name(path.name, NAME_BYTES - 48)}.{machine}-"


def _remove_left_behind(path: Path) -> None:
    """Remove what writers of `path` on this machine left that are no longer running."""
    import psutil

    beginning = _beginning(path)
    with suppress(OSError):
        names = [each.name for each in os.scandir(path.parent) if each.name.startswith(beginning)]
        for name in names:
            process = name.removeprefix(beginning).partition("-")[0]
            if name.endswith(".part") and process.isdecimal() and not psutil.pid_exists(int(process)):
                with suppress(OSError):
                    (path.parent / name).unlink()
