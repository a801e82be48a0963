"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from helpers.files import check_writable


def writable(path: Path | None) -> Path | None:
    """A callback: the file `path` can be written, found out before minutes of work."""
    try:
        if path is not None:
            check_writable(path)
    except OSError as error:
        problem = f"got {path} ({error.strerror or error}), wanted a file that can be written"
        raise typer.BadParameter(problem) from None
    return path


Json = Annotated[Path, typer.Option("--json", callback=writable, help="Where numbers go.")]
