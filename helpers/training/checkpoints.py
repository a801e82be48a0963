"""Checkpoints: one file that is either the old one or the new one, and that shows damage.

A checkpoint is a zip file (an .npz of NumPy's or a .pt of torch's) with the SHA-256 of all of it as its
comment: one bit that has changed on the disk is noticed. Reading one executes nothing.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from helpers import files
from helpers.validation import require

FORMAT = 2
"""Of the files written here. (1 had no sum; it is read as well.)"""

_META = "__meta__"
_LABEL = b"sha256:"
_SUM = len(_LABEL) + 64   # bytes: the label and the sum in hexadecimal
_ENDINGS = {"npz": ".npy", "pt": "data.pkl"}   # the entries of such zip files end in


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or belongs to another run."""


def save_checkpoint(
    path: str | os.PathLike, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
) -> None:
    """Write `arrays` and `meta` (JSON values) to the .npz file `path`, whole or not at all.

    Raises OSError that names the file when it cannot be written; the one before is then as it was.
    """
    for name, array in arrays.items():
        fits = isinstance(array, np.ndarray) and not array.dtype.hasobject
        got = getattr(array, "dtype", type(array).__name__)
        require(fits, f"arrays[{name!r}]", got, "an array of numbers")
    archive = io.BytesIO()
    np.savez(archive, **arrays, **{_META: np.array(json.dumps({**meta, "format": FORMAT}))})
    write_sealed(path, archive)


def load_checkpoint(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a checkpoint → (arrays, meta). Nothing in the file is executed.

    Raises FileNotFoundError, or CheckpointError when the file is damaged, of another kind, or newer than this
    version of the course.
    """
    archive, sealed = read_sealed(path, "npz")
    try:
        with np.load(archive, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop(_META)))
        number = meta.pop("format", 1)
    except MemoryError:
        raise
    except Exception as error:   # another's .npz fails in a dozen ways
        raise unreadable(path, "its arrays are not those of a trainer") from error
    require_format(path, number, sealed)
    return arrays, meta


def write_sealed(path: str | os.PathLike, archive: io.BytesIO) -> None:
    """Write a zip file that has no comment yet, with its sum as the comment."""
    archive.seek(-2, os.SEEK_END)   # a zip file ends in its comment's length, and the comment
    archive.write(_SUM.to_bytes(2, "little"))
    archive.write(_LABEL + hashlib.sha256(archive.getbuffer()).hexdigest().encode())
    try:
        with files.writing(path, "wb") as file:
            file.write(archive.getbuffer())
    except OSError as error:
        if error.filename is None:   # a full disk does not say where
            raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error
        raise


def read_sealed(path: str | os.PathLike, kind: str) -> tuple[io.BytesIO, bool]:
    """The zip file at `path`, of `kind` "npz" or "pt", and whether it had a sum (which is then right).

    CheckpointError says what is there instead.
    """
    try:
        content = Path(path).read_bytes()
    except (IsADirectoryError, PermissionError):   # Windows says PermissionError of a folder
        if Path(path).is_dir():
            raise unreadable(path, "it is a folder") from None
        raise
    if not content.startswith(b"PK"):
        raise unreadable(path, f"it is {_what_else(content)}")
    sealed = content[-_SUM:-64] == _LABEL
    if sealed and hashlib.sha256(memoryview(content)[:-_SUM]).hexdigest().encode() != content[-64:]:
        raise unreadable(path, "it is damaged: what it holds is not what was written")
    archive = io.BytesIO(content)
    try:
        with zipfile.ZipFile(archive) as entries:
            names = entries.namelist()
            damaged = None if sealed else entries.testzip()
    except Exception as error:   # a damaged zip file fails in a dozen ways
        raise unreadable(path, "it is damaged, or cut off") from error
    if damaged is not None:
        raise unreadable(path, "it is damaged")
    for other, ending in _ENDINGS.items():
        if any(name.endswith(ending) for name in names) and other != kind:
            raise unreadable(path, f"it is a .{other} file, wanted a .{kind} file")
    archive.seek(0)
    return archive, sealed


def require_format(path: str | os.PathLike, number: object, sealed: bool) -> None:
    """CheckpointError unless this version of the course reads format `number`."""
    if type(number) is not int or number < 1 or (number > 1 and not sealed):
        raise unreadable(path, "it is damaged")
    if number > FORMAT:
        raise CheckpointError(
            f"checkpoint {path}: got format {number}, wanted at most {FORMAT}. A newer version of the course "
            "wrote it: update the course, or move the file away to start anew."
        )


def unreadable(path: str | os.PathLike, why: str) -> CheckpointError:
    """The error that says why, and what to do."""
    return CheckpointError(
        f"checkpoint {path}: cannot be read ({why}). Delete it, or move it away, to start anew."
    )


def _what_else(content: bytes) -> str:
    """What a file is that is no zip file."""
    start = content[:200].lstrip().lower()
    if not content:
        return "empty"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; `git lfs pull` fetches the file it stands for"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "a web page, as a server sends it instead of a file"
    if content.startswith(b"\x80"):
        return "a file of Python objects, which could run any program when opened"
    return "no checkpoint"
