"""Records of runs under ``data/runs``: what was run, on what, and what came out, in one JSON schema."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpers import processor
from helpers.files import write_text
from helpers.processor import on_what

__all__ = [
    "RUNS", "hardware", "on_what", "read_record", "schema", "sha256", "validate", "versions", "write_record",
]

RUNS = Path(__file__).resolve().parent.parent / "data" / "runs"


@lru_cache
def schema() -> dict[str, Any]:
    """The JSON schema that every record obeys, ``data/runs/schema.json``."""
    return json.loads((RUNS / "schema.json").read_text(encoding="utf-8"))


def validate(record: Mapping[str, Any]) -> None:
    """ValueError that names the first field of `record` that the schema refuses."""
    import jsonschema

    _require_finite(record, "record")
    errors = sorted(jsonschema.Draft202012Validator(schema()).iter_errors(record), key=lambda e: list(e.path))
    if errors:
        where = ".".join(map(str, errors[0].path)) or "record"
        raise ValueError(f"{where}: {errors[0].message}")


def _require_finite(value: Any, where: str) -> None:
    """ValueError naming the first number that is nan or inf: JSON has neither."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: got {value}, wanted a finite number")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _require_finite(inner, f"{where}.{name}".removeprefix("record."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _require_finite(inner, f"{where}.{number}")


def write_record(record: Mapping[str, Any], path: str | os.PathLike) -> Path:
    """Validate `record` and write it to `path` as JSON, whole or not at all. Returns the path."""
    validate(record)
    path = Path(path)
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n")
    return path


def read_record(name: str, folder: str | os.PathLike = RUNS) -> dict[str, Any]:
    """The record `name` (without .json), validated.

    FileNotFoundError names the records there are and the command that lists what can be run; a file
    that is no record raises ValueError.
    """
    path = Path(folder) / f"{name}.json"
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.json") if p.stem != "schema")) or "none"
        raise FileNotFoundError(
            f"record {name!r}: no file {path.name} in data/runs (there: {there}). "
            "'python -m helpers.experiments list' shows what can be run."
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        validate(record)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return record


def sha256(data: bytes | str) -> str:
    """Hexadecimal SHA-256 of bytes, or of a text in UTF-8."""
    return hashlib.sha256(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and the libraries a result depends on (those that are installed)."""
    found = {"python": platform.python_version()}
    for name in ("numpy", "torch"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor (model, instruction sets in use, BLAS kernel), cores this process may use, threads set by the
    environment, system."""
    cores = processor.cores()
    threads = os.environ.get("OMP_NUM_THREADS")
    return {
        **processor.model(),
        "instruction_sets": processor.instruction_sets(),
        "blas": processor.blas(),
        "cores": cores,
        "threads": int(threads) if threads and threads.isdecimal() else cores,
        "system": platform.system(),
        "machine": platform.machine(),
    }


def _plain(value: Any) -> Any:
    """A NumPy number as Python's own."""
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        return value.item()
    raise TypeError(f"record: got a {type(value).__name__}, wanted JSON values")
