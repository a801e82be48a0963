"""torch checkpoints: one file that is either the old one or the new one, read without executing anything."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from helpers.training.checkpoints import CheckpointError


def save(path: str | os.PathLike, content: Mapping[str, Any]) -> None:
    """Write tensors, numbers, text, lists and dicts to `path` by way of a temporary name.

    A run killed in the middle of saving leaves the previous checkpoint whole.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with open(handle, "wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def load(path: str | os.PathLike) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Only tensors and plain values are accepted (``weights_only``).

    Raises FileNotFoundError, or CheckpointError when the file is damaged or of another kind.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict):
            raise TypeError(f"a {type(content).__name__}, not a dict")
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:   # a damaged file fails in a dozen ways
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"checkpoint {path}: cannot be read ({text}). Delete it, or move it away, to start anew."
        ) from error
    return content


def load_weights(model: torch.nn.Module, path: str | os.PathLike) -> None:
    """Fill `model` with the best weights of a trainer's checkpoint (the last ones if none was validated).

    CheckpointError, with the model as it was, when they do not fit.
    """
    content = load(path)
    weights = content.get("best") or content.get("model")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        model.load_state_dict(before)
        raise CheckpointError(f"checkpoint {path} is of another model: {error}") from error
