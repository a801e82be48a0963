"""Checkpoints: arrays and plain values in one .npz file that is either the old one or the new one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_META = "__meta__"


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or belongs to another run."""


def save_checkpoint(
    path: str | os.PathLike, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
) -> None:
    """Write `arrays` and `meta` (JSON values) to `path` by way of a temporary name.

    A run killed in the middle of saving leaves the previous checkpoint whole.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, **arrays, **{_META: np.array(json.dumps(meta))})
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a checkpoint → (arrays, meta). Nothing in the file is executed (no pickle).

    Raises FileNotFoundError, or CheckpointError when the file is damaged or of another kind.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop(_META)))
        if not isinstance(meta, dict):
            raise TypeError(f"{_META} is no JSON object")
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:   # a damaged zip file fails in a dozen ways
        raise CheckpointError(
            f"checkpoint {path}: cannot be read ({error}). Delete it, or move it away, to start anew."
        ) from error
    return arrays, meta
