"""Files that hide Python's modules or the course's packages, because they have their names.

A ``random.py`` beside a notebook is what every ``import random`` gets, in other people's packages, too. This
module needs nothing that can be hidden.
"""

from __future__ import annotations

import os
import sys

PACKAGES = {"IPython", "matplotlib", "numpy", "packaging", "torch"}
HARMLESS = {"__main__", "antigravity", "idlelib", "test", "this", "turtledemo"}   # nobody's import

_COURSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_STANDARD = os.path.dirname(os.path.abspath(os.__file__))


_whole: list[str] | None = None   # sys.path, while a part of it is set aside


def search_path() -> list[str]:
    """``sys.path`` as it is for everybody else, folders and no ""."""
    return [os.path.abspath(entry) for entry in (sys.path if _whole is None else _whole)]


def hiding_files() -> list[str]:
    """Paths of all such files and packages in the folders of the `search_path`."""
    names = (sys.stdlib_module_names | PACKAGES) - HARMLESS
    found = []
    for folder in search_path():
        if folder == _COURSE or folder.startswith(_STANDARD) or "-packages" in os.path.basename(folder):
            continue
        try:
            entries = sorted(os.listdir(folder))
        except OSError:   # a zip file, or not there
            continue
        for entry in entries:
            path = os.path.join(folder, entry)
            module = entry.removesuffix(".py")
            package = entry == module and os.path.isfile(os.path.join(path, "__init__.py"))
            installed = module in PACKAGES and any(each.startswith(f"{module}-") for each in entries)
            if module in names and (package or entry != module) and not installed and path not in found:
                found.append(path)
    return found


class SetAside:
    """Context manager: within the block, imports do not look where such files are."""

    def __enter__(self) -> None:
        global _whole
        folders = {os.path.dirname(path) for path in hiding_files()}
        _whole = list(sys.path)
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) not in folders]

    def __exit__(self, *error: object) -> None:
        global _whole
        sys.path[:], _whole = _whole, None
