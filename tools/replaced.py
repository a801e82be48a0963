"""notebooks/replaced/: where the build and the update keep what they replace."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from helpers.files import writing
from helpers.languages import translate
from helpers.progress import REPLACED


def reload_note() -> str:
    """What to do about a notebook that is open while a command replaces it."""
    return translate(
        "A notebook that is open in JupyterLab: File → Reload Notebook from Disk, before you save it."
    )


def keep(root: Path, path: Path) -> Path:
    """Copy `path`, a file of the course in `root`, to notebooks/replaced/ under a number of its own.

    Returns the copy; one that is there already, of the same bytes, is enough.
    """
    notebooks = root / "notebooks"
    below = path.relative_to(notebooks if path.is_relative_to(notebooks) else root)
    data = path.read_bytes()
    for number in count(1):
        kept = notebooks / REPLACED / below.parent / f"{below.stem}-{number}{below.suffix}"
        if not kept.exists():
            with writing(kept, "wb") as file:
                file.write(data)
            return kept
        if kept.read_bytes() == data:
            return kept
    raise AssertionError   # never
