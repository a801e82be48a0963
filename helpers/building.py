"""Whether the course is being built or tested, where what a learner is only told is an error; and what of a
machine's own settings does not reach it then."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

BUILDING = os.environ.get("UNROLLED_BUILD") == "1"
"""Read once, at import: ``UNROLLED_BUILD=1`` is set by the build and by the tests that execute chapters."""

SETTINGS = (
    "PYTHON", "IPYTHON", "IPY_", "JUPYTER", "MPL", "MATPLOTLIBRC", "TQDM_", "UNROLLED_", "NBGRADER_",
    "LC_", "LANG", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "CLICOLOR", "PY_COLORS", "TTY_COMPATIBLE",
    "TYPER_", "_TYPER_", "RICH_",
)  # fmt: skip
"""Beginnings of the variables that change what Python, Jupyter, Matplotlib and the course do or print."""

ARITHMETIC = (
    "OMP_", "GOMP_", "KMP_", "LIBOMP", "OPENBLAS_", "GOTO_", "BLIS_", "MKL_", "VECLIB_", "NUMEXPR_", "NPY_",
    "NUMPY_", "ATEN_", "TORCH", "PYTORCH_", "ONEDNN_", "DNNL_", "GLIBC_TUNABLES",
)  # fmt: skip
"""Beginnings of the variables that change how the libraries compute."""

KEPT = (
    "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONEXECUTABLE", "PYTHONNOUSERSITE", "PYTHONUSERBASE",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX",
)  # fmt: skip
"""Variables that say where Python finds itself and what it writes."""


def without(beginnings: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` less the variables with these beginnings (in capitals, but those of `KEPT`)."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in KEPT or not name.upper().startswith(beginnings)
    }


def own_folder(name: str) -> str:
    """``build/NAME``, for what is only kept to save time; a temporary folder where that cannot be written."""
    folder = Path(__file__).resolve().parents[1] / "build" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError:
        return tempfile.mkdtemp(prefix=f"unrolled-{name}-")
