"""torch checkpoints: one file that is either the old one or the new one, read without executing anything."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from helpers.processes import undisturbed
from helpers.tensors import require_module
from helpers.training.checkpoints import (
    FORMAT,
    CheckpointError,
    read_sealed,
    require_format,
    unreadable,
    write_sealed,
)
from helpers.training.finite import require_finite


def save(path: str | os.PathLike, content: Mapping[str, Any]) -> None:
    """Write tensors, numbers, text, lists and dicts to `path`, whole or not at all.

    Raises OSError that names the file when it cannot be written; the one before is then as it was.
    """
    archive = io.BytesIO()
    with undisturbed():   # torch's writer makes a RuntimeError of a Ctrl-C
        torch.save({**content, "format": FORMAT}, archive)
    write_sealed(path, archive)


def load(path: str | os.PathLike) -> dict[str, Any]:
    """Read a checkpoint onto the CPU. Only tensors and plain values are accepted.

    Raises FileNotFoundError, or CheckpointError when the file is damaged, of another kind, or newer than this
    version of the course.
    """
    archive, sealed = read_sealed(path, "pt")
    try:
        content = torch.load(archive, map_location="cpu", weights_only=True)
        number = content.pop("format", 1)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        why = "it holds other things than tensors and plain values; opening them could run any program"
        raise unreadable(path, why) from error
    except Exception as error:   # another's file fails in a dozen ways
        raise unreadable(path, "it is damaged, or not a trainer's") from error
    require_format(path, number, sealed)
    return content


def require_first(there: Sequence[bool], path: str | os.PathLike) -> None:
    """CheckpointError unless the first of several machines has the checkpoint; `there` says which have."""
    if not there[0]:
        where = f"got it where process {there.index(True)} is, wanted it where process 0 is"
        raise CheckpointError(f"checkpoint {path}: {where}. Copy it there, or exchange the two --node-rank")


def load_weights(model: torch.nn.Module, path: str | os.PathLike) -> None:
    """Fill `model` with the best weights of a trainer's checkpoint (the last ones if none was validated).

    CheckpointError, with the model as it was, when they do not fit.
    """
    require_module("model", model)
    content = load(path)
    weights = content.get("best") or content.get("model")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        require_finite("weights", weights)
        model.load_state_dict(weights)
    except (ValueError, RuntimeError, TypeError, AttributeError, FloatingPointError) as error:
        model.load_state_dict(before)
        raise CheckpointError(f"checkpoint {path} is of another model: {error}") from error
