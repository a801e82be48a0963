"""Records of runs: what was run, on what, and what came out, in one JSON schema.

The course's own are under ``data/runs``; chapters and README read their numbers there. A learner's runs are
recorded under ``data/own``, which git leaves alone.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import numbers
import os
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpers import processor
from helpers.files import write_text
from helpers.processor import on_what
from helpers.validation import require, require_path

__all__ = [
    "OWN", "RUNS", "finite", "found", "hardware", "keep", "on_what", "read_record", "schema", "sha256",
    "validate", "versions", "write_record",
]

RUNS = Path(__file__).resolve().parent.parent / "data" / "runs"
OWN = RUNS.with_name("own")


@lru_cache
def schema() -> dict[str, Any]:
    """The JSON schema that every record obeys, ``data/runs/schema.json``; ValueError where it is not there or
    is none."""
    import jsonschema

    path = RUNS / "schema.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(found)
        require(isinstance(found, dict), "schema", type(found).__name__, "an object")
        return found
    except (OSError, ValueError, jsonschema.SchemaError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", None) or error
        raise ValueError(
            f"{path}: got no JSON schema ({reason}), wanted the one that records obey; "
            "'git restore data/runs/schema.json' brings it back"
        ) from error


def validate(record: Mapping[str, Any]) -> None:
    """ValueError that names the first field of `record` that the schema refuses."""
    import jsonschema

    require(isinstance(record, Mapping), "record", f"{record!r:.80}", "a dict of its fields")
    _, problems = finite(record)
    if problems:
        raise ValueError(problems[0])
    errors = sorted(jsonschema.Draft202012Validator(schema()).iter_errors(record), key=lambda e: list(e.path))
    if errors:
        where = ".".join(map(str, errors[0].path)) or "record"
        raise ValueError(f"{where}: {errors[0].message}")


def finite(record: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`record` with None for every nan and inf, which JSON has not, and a sentence for each of them."""
    problems: list[str] = []

    def cleaned(value: Any, where: str) -> Any:
        if isinstance(value, numbers.Real) and not isinstance(value, int) and not math.isfinite(value):
            problems.append(f"{where}: got {value}, wanted a finite number")
            return None
        if isinstance(value, Mapping):
            return {name: cleaned(inner, f"{where}.{name}".lstrip(".")) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [cleaned(inner, f"{where}.{number}") for number, inner in enumerate(value)]
        return value

    return cleaned(record, ""), problems


def write_record(record: Mapping[str, Any], path: str | os.PathLike) -> Path:
    """Validate `record` and write it to `path` as JSON, whole or not at all. Returns the path."""
    path = require_path("path", path)
    validate(record)
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False, default=_plain) + "\n")
    return path


def keep(record: Mapping[str, Any], paths: Iterable[Path]) -> Path | None:
    """Write a record that could not be recorded, whatever it holds, to the first of `paths` that takes it.
    Returns this path, or None where none did."""
    try:
        text = json.dumps(record, indent=1, default=str)
    except (TypeError, ValueError):
        text = repr(record)
    for path in paths:
        with suppress(OSError):
            write_text(path, text + "\n")
            return path
    return None


def read_record(name: str, folder: str | os.PathLike = RUNS) -> dict[str, Any]:
    """The record `name` (without .json), validated: the course's, or that of a run of one's own in `OWN`. In
    one that has ``diverged`` numbers may be missing or None.

    FileNotFoundError names the records there are and the command that lists what can be run; a file
    that is no record raises ValueError.
    """
    require(isinstance(name, str), "name", repr(name), "the name of a record")
    path = require_path("folder", folder) / f"{name}.json"
    if not os.path.exists(path):   # (False, too, for what no file can be called)
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.json") if p.stem != "schema")) or "none"
        raise FileNotFoundError(
            f"record {name!r}: no file {path.name} in {path.parent} (there: {there}). "
            "'python -m helpers.experiments list' shows what can be run."
        )
    return _read(path)


def found(path: str | os.PathLike) -> dict[str, Any] | None:
    """The record in the file `path`; None where there is none."""
    path = require_path("path", path)
    schema()
    try:
        return _read(path)
    except (OSError, ValueError):
        return None


def _read(path: Path) -> dict[str, Any]:
    schema()   # a broken one is not this file's fault
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"))   # (Windows writes a byte order mark)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: got no JSON in UTF-8 ({error}), wanted a record") from error
    try:
        validate(record)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return record


def sha256(data: bytes | str) -> str:
    """Hexadecimal SHA-256 of bytes, or of a text in UTF-8."""
    require(isinstance(data, bytes | str), "data", type(data).__name__, "bytes or a text")
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
    return {
        **processor.model(),
        "instruction_sets": processor.instruction_sets(),
        "blas": processor.blas(),
        "cores": processor.cores(),
        "threads": processor.threads(),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def _plain(value: Any) -> Any:
    """A NumPy number as Python's own."""
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        return value.item()
    raise TypeError(f"record: got a {type(value).__name__}, wanted JSON values")
