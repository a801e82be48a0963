"""Progress bars that stay out of stored outputs."""

from __future__ import annotations

import os
import sys

QUIET = bool(os.environ.get("UNROLLED_BUILD") or os.environ.get("NBGRADER_EXECUTION"))
"""While the course is built, tested or graded no bar is drawn: rates differ from run to run."""


def progress_bar(total: int, *, start: int = 0, description: str = "", show: bool = True, unit: str = "step"):
    """A tqdm bar on standard output (`total` steps, `start` of them done), hidden when `QUIET` or when nobody
    looks (standard output is neither a terminal nor a notebook).

    Use as a context manager; ``bar.update()`` after each step, ``bar.set_postfix(loss=…)`` for numbers.
    """
    from tqdm import tqdm

    out = sys.stdout   # None, or closed, where there is no console
    there = out is not None and not getattr(out, "closed", False)
    seen = there and (out.isatty() or type(out).__module__.startswith("ipykernel"))
    return tqdm(
        total=total,
        initial=start,
        desc=description,
        unit=unit,
        file=sys.stdout,
        disable=QUIET or not show or not seen,
        leave=False,
        dynamic_ncols=True,
    )
