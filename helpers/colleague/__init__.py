"""A colleague's code: it runs, it trains, and something is wrong with it.

A module a chapter (``chapter_02`` …), for its section "Find the fault": the chapter shows what the code does
before it shows the code. Nothing else in the course uses it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from helpers import console


class _Source:
    """Source code, coloured in a notebook and plain elsewhere."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"


def show_source(*functions: Callable[..., Any]) -> None:
    """Display the source of `functions`, in this order, to be read and copied."""
    console.show(_Source("\n\n\n".join(inspect.getsource(function).rstrip() for function in functions)))
