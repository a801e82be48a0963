"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from helpers.files import check_writable
from helpers.languages import LANGUAGES, translate


def writable(path: Path | None) -> Path | None:
    """A callback: the file `path` can be written, found out before minutes of work."""
    try:
        if path is not None:
            check_writable(path)
    except OSError as error:
        problem = f"got {path} ({error.strerror or error}), wanted a file that can be written"
        raise typer.BadParameter(problem) from None
    return path


Edition = StrEnum("Edition", {code: code for code in LANGUAGES})
Language = Annotated[
    Edition | None,
    typer.Option(help=translate("Of which edition."), show_default=translate("the language in use")),
]
Json = Annotated[Path, typer.Option("--json", callback=writable, help="Where numbers go.")]
